#include "server/privacy/erasure.h"

#include <string>
#include <variant>

#include "common/base/status.h"
#include "common/wire/ledger.h"

namespace medflyt::privacy {
namespace {

absl::Status CheckDelivered(log::Appender& appender, const std::set<KeyId>& keys) {
  const AuthorityId self = appender.state().self();
  for (const KeyId& id : keys) {
    MEDFLYT_ASSIGN_OR_RETURN(const keys::KeyPurpose purpose, appender.keys().PurposeOf(id));
    if (purpose.issuer != self || purpose.recipient == self || appender.keys().IsGranted(id)) continue;
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

absl::StatusOr<Erased> Erase(log::Appender& appender, const event::Command& command) {
  const auto& said = std::get<event::EraseCases>(command.body);
  const std::set<KeyId> keys =
      appender.keys().IdsOf({said.cases.begin(), said.cases.end()}, event::RetentionClass::kCase);
  MEDFLYT_RETURN_IF_ERROR(CheckDelivered(appender, keys));
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<log::IssuedEvent> events, appender.Execute(command));
  Erased erased;
  for (const log::IssuedEvent& event : events) {
    if (event.type == event::Type::kErasureRequested) erased.erasure = event.case_id;
    if (event.type == event::Type::kErasureNoticed) erased.noticed.push_back(event.recipient);
    if (event.type == event::Type::kCasesErased) {
      erased.erasure = event.case_id;
      erased.done = true;
    }
  }
  if (!erased.done) return erased;
  erased.keys = keys.size();
  MEDFLYT_RETURN_IF_ERROR(DestroyKeys(appender, keys));
  return erased;
}

}  // namespace medflyt::privacy
