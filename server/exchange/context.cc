#include "server/exchange/context.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "common/base/absl_view.h"
#include "common/base/status.h"

namespace medflyt::exchange {
namespace {

// The ways in which what a peer sent can contradict itself. Every other loss of data is in our own store.
constexpr std::array<std::string_view, 6> kPeersDataLoss = {"LOG_FORKED",        "KEY_COMMITMENT_MISMATCH",
                                                            "ENTRY_SEAL_BROKEN", "GRANT_COMMITMENT_MISMATCH",
                                                            "GRANT_NOT_OPENED",  "OPENING_NOT_OPENED"};

// Of our store and keys, with codes that a peer's faults have, too.
constexpr std::array<std::string_view, 4> kOwnRules = {"STORE_FENCED", "KEK_GENERATION_MISMATCH", "EVENT_UNKNOWN",
                                                       "KEY_UNKNOWN"};

bool Contains(std::span<const std::string_view> rules, std::string_view rule) {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

// What protobuf adds around the one field of a PeerMessage.
constexpr size_t kMessageFraming = 16;

}  // namespace

Context::Context(const Parts& parts_in, directory::Directory directory, const Options& options_in,
                 std::function<void(AuthorityId)> on_forked)
    : parts(parts_in),
      options(options_in),
      rejections(parts_in.queue, parts_in.clock, parts_in.scheduler),
      evidence(parts_in.queue, parts_in.clock, parts_in.scheduler, parts_in.logger, evidence_rows),
      log_keys(parts_in.log),
      on_forked_(std::move(on_forked)),
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

bool Context::IsForked(AuthorityId peer, std::string_view origin) const {
  MutexLock lock(mutex_);
  const auto logs = forked_.find(peer);
  return logs != forked_.end() && logs->second.contains(origin);
}

void Context::SetForked(AuthorityId peer, std::string_view origin) {
  {
    MutexLock lock(mutex_);
    if (!forked_[peer].emplace(origin).second) return;
  }
  on_forked_(peer);
}

std::vector<std::string> Context::ForkedLogs(AuthorityId peer) const {
  MutexLock lock(mutex_);
  const auto logs = forked_.find(peer);
  if (logs == forked_.end()) return {};
  return {logs->second.begin(), logs->second.end()};
}

bool Context::IsOpenLogForked(AuthorityId peer) const {
  if (ForkedLogs(peer).empty()) return false;
  const directory::Directory present = directory();
  const directory::Authority* authority = present.Find(peer);
  const bool has_log = authority != nullptr && !authority->logs.empty();
  return IsForked(peer, has_log ? authority->logs.back().origin : parts.log.peer(peer).origin);
}

std::shared_ptr<void> Context::BeginProof(AuthorityId peer) {
  MutexLock lock(mutex_);
  if (!proving_.insert(peer).second) return nullptr;
  return {this, [peer](Context* context) {
            MutexLock ended(context->mutex_);
            context->proving_.erase(peer);
          }};
}

std::string RuleOf(const absl::Status& status) {
  if (auto rule = BrokenRuleOf(status)) return rule->rule;
  return std::string(ToStd(absl::StatusCodeToString(status.code())));
}

bool IsOwn(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  if (!broken) return true;
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:  // of our own log
      return true;
    case absl::StatusCode::kDataLoss:
      return !Contains(kPeersDataLoss, broken->rule);
    default:
      return Contains(kOwnRules, broken->rule);
  }
}

absl::Status CheckSize(const v1::PeerMessage& message) {
  if (message.ByteSizeLong() <= entry::kMaxBatchBytes + kMessageFraming) return absl::OkStatus();
  return RuleError(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE", "", "a message of more than 1 MiB");
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

std::vector<AuthorityId> PeersIn(const directory::Directory& directory, AuthorityId self) {
  std::vector<AuthorityId> peers;
  for (const directory::Authority& authority : directory.authorities()) {
    if (authority.has_node() && authority.id != self) peers.push_back(authority.id);
  }
  return peers;
}

std::vector<AuthorityId> PeersOf(const log::Log& log, const directory::Directory& directory, AuthorityId self) {
  const std::vector<AuthorityId> shown = PeersIn(directory, self);
  std::set<AuthorityId> peers(shown.begin(), shown.end());
  for (const auto& [peer, state] : log.peers()) {
    // A row alone is no exchange: a recovery writes one of whoever was in the directory.
    if (state.issued.value() != 0 || state.received.value() != 0 || !state.origin.empty()) peers.insert(peer);
  }
  peers.erase(self);
  return {peers.begin(), peers.end()};
}

}  // namespace medflyt::exchange
