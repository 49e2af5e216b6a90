#include "server/exchange/context.h"

#include <algorithm>
#include <utility>

#include "common/base/absl_view.h"
#include "common/base/status.h"

namespace medflyt::exchange {

Context::Context(const Parts& parts_in, directory::Directory directory, const Options& options_in)
    : parts(parts_in),
      options(options_in),
      rejections(parts_in.queue, parts_in.clock, parts_in.scheduler),
      directory_(std::move(directory)) {}

directory::Directory Context::directory() const {
  MutexLock lock(mutex_);
  return directory_;
}

void Context::set_directory(directory::Directory directory) {
  MutexLock lock(mutex_);
  directory_ = std::move(directory);
}

std::optional<entry::ExchangeKeyCard> Context::card() const {
  MutexLock lock(mutex_);
  return card_;
}

void Context::set_card(const entry::ExchangeKeyCard& card) {
  MutexLock lock(mutex_);
  card_ = card;
}

bool Context::IsForked(AuthorityId peer) const {
  MutexLock lock(mutex_);
  return forked_.contains(peer);
}

void Context::SetForked(AuthorityId peer) {
  MutexLock lock(mutex_);
  forked_.insert(peer);
}

std::string RuleOf(const absl::Status& status) {
  if (auto rule = BrokenRuleOf(status)) return rule->rule;
  return std::string(ToStd(absl::StatusCodeToString(status.code())));
}

bool IsOwn(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) || absl::IsUnknown(status) ||
         absl::IsUnimplemented(status);
}

std::string PeersRule(std::string_view rule, std::string_view otherwise) {
  const bool formed = !rule.empty() && rule.size() <= 64 && std::all_of(rule.begin(), rule.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return std::string(formed ? rule : otherwise);
}

entry::AcceptedHead AcceptedOf(const log::PeerState& peer, std::string_view origin, const log::AcceptedTree& tree) {
  if (peer.origin != origin) return {};
  return {tree.size, tree.root};
}

}  // namespace medflyt::exchange
