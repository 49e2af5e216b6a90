#include "server/privacy/erasure.h"

#include <algorithm>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "common/wire/ledger.h"

namespace medflyt::privacy {
namespace {

// A peer that the directory knows no more is not waited for.
absl::Status CheckDelivered(log::Appender& appender, const std::set<KeyId>& keys, const std::set<CaseId>& cases) {
  const AuthorityId self = appender.state().self();
  std::set<AuthorityId> told;
  for (const KeyId& id : keys) {
    MEDFLYT_ASSIGN_OR_RETURN(const keys::KeyPurpose purpose, appender.keys().PurposeOf(id));
    if (purpose.issuer == self && purpose.recipient != self) told.insert(purpose.recipient);
  }
  for (const AuthorityId peer : told) {
    if (!appender.facts().directory.IsKnown(peer)) continue;
    MEDFLYT_ASSIGN_OR_RETURN(const bool undelivered, appender.IsUndelivered(peer, keys, cases));
    if (!undelivered) continue;
    return RuleError(absl::StatusCode::kFailedPrecondition, "ERASURE_UNDELIVERED", "",
                     "an authority has not yet received what it was told; erase when it has");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DestroyKeys(log::Appender& appender, const std::set<KeyId>& keys) {
  wire::LedgerCodec codec;
  for (const KeyId& id : keys) {
    MEDFLYT_RETURN_IF_ERROR(appender.keys().Destroy(id, appender.batch()));
    MEDFLYT_ASSIGN_OR_RETURN(const std::string record, codec.Encode({appender.now(), wire::KeyDestroyed{id}}));
    appender.AppendLedger(record);
  }
  return absl::OkStatus();
}

absl::StatusOr<Erased> Erase(log::Appender& appender, RandomSource& random, event::Command command) {
  auto& said = std::get<event::EraseCases>(command.body);
  Erased erased;
  erased.cases = std::min(said.cases.size(), domain::kMaxErasedCases);
  erased.left = said.cases.size() - erased.cases;
  said.cases.resize(erased.cases);
  const std::set<CaseId> cases(said.cases.begin(), said.cases.end());
  const bool of_agreement = cases.size() == 1 && appender.state().FindAgreement(*cases.begin()) != nullptr;
  const std::set<KeyId> keys =
      appender.keys().IdsOf(cases, of_agreement ? event::RetentionClass::kAccounting : event::RetentionClass::kCase);
  MEDFLYT_RETURN_IF_ERROR(CheckDelivered(appender, keys, cases));
  MEDFLYT_ASSIGN_OR_RETURN(erased.disclosed, DisclosedOf(appender, cases));
  for (const DisclosedKey& each : erased.disclosed) said.disclosed.push_back({each.with, each.leaf_hash});
  // Before the cases are gone from the state.
  std::map<AuthorityId, domain::ListedKeys> listed;
  for (const DisclosedKey& each : erased.disclosed) listed.try_emplace(each.with);
  for (auto& [peer, keys_of_peer] : listed) keys_of_peer = domain::ListedFor(appender.state(), peer, said);
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<log::IssuedEvent> events, appender.Execute(command));
  for (const log::IssuedEvent& event : events) {
    if (event.type == event::Type::kErasureRequested) erased.erasure = event.case_id;
    if (event.type == event::Type::kErasureNoticed) {
      erased.noticed.push_back(event.recipient);
      erased.listed.merge(listed[event.recipient].disclosed);
    }
    if (event.type == event::Type::kCasesErased) {
      erased.erasure = event.case_id;
      erased.done = true;
    }
  }
  if (!erased.done) return erased;
  erased.keys = keys.size();
  // Of the node's own erasure there is no row to show it with.
  if (appender.state().erasures().contains(erased.erasure)) {
    MEDFLYT_RETURN_IF_ERROR(KeepDisclosed(appender, random, erased.erasure, erased.disclosed));
  }
  MEDFLYT_RETURN_IF_ERROR(ForgetDisclosed(appender, cases));
  MEDFLYT_RETURN_IF_ERROR(DestroyKeys(appender, keys));
  return erased;
}

}  // namespace medflyt::privacy
