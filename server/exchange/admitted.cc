#include "server/exchange/admitted.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status.h"

namespace medflyt::exchange {
namespace {

using store::Table;

constexpr uint8_t kRowVersion = 1;
constexpr std::string_view kNotHandedOver = "LOG_KEY_NOT_HANDED_OVER";

// The place of the log among the peer's generations; nothing where the card does not have it.
std::optional<size_t> GenerationOf(const directory::Authority& peer, std::string_view origin) {
  const auto found = std::find_if(peer.logs.begin(), peer.logs.end(),
                                  [origin](const directory::Log& log) { return log.origin == origin; });
  if (found == peer.logs.end()) return std::nullopt;
  return static_cast<size_t>(found - peer.logs.begin());
}

}  // namespace

std::string AdmittedKey(AuthorityId peer, std::string_view origin) {
  std::string key = "admitted";
  AppendU32(key, peer.number());
  return key.append(crypto::Sha256(origin).bytes());
}

std::string EncodeAdmitted(const AdmittedLog& admitted) {
  std::string value(1, static_cast<char>(kRowVersion));
  value.append(admitted.first_certificate.bytes()).append(admitted.second_certificate.bytes());
  return value.append(admitted.verifier_key);
}

absl::StatusOr<AdmittedLog> DecodeAdmitted(std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto first = reader.Take(crypto::Hash::kSize);
  const auto second = reader.Take(crypto::Hash::kSize);
  if (!version || *version != kRowVersion || !first || !second || reader.empty()) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "admitted", "a row of an admission does not parse");
  }
  return AdmittedLog{*crypto::Hash::FromBytes(*first), *crypto::Hash::FromBytes(*second), std::string(reader.rest())};
}

absl::StatusOr<std::optional<AdmittedLog>> FindAdmitted(const store::Reader& store, AuthorityId peer,
                                                        std::string_view origin) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(Table::kMeta, AdmittedKey(peer, origin)));
  if (!row) return std::optional<AdmittedLog>();
  MEDFLYT_ASSIGN_OR_RETURN(AdmittedLog admitted, DecodeAdmitted(*row));
  return std::optional<AdmittedLog>(std::move(admitted));
}

absl::StatusOr<bool> NeedsAdmission(const Context& context, const directory::Authority& peer, std::string_view origin) {
  const std::string known = context.parts.log.peer(peer.id).origin;
  // A peer that was caught with two logs in one before anything was taken of it has no first contact any more.
  if (known.empty() && (context.ForkedLogs(peer.id).empty() || context.IsForked(peer.id, origin))) return false;
  if (known == origin) return false;
  const auto place = GenerationOf(peer, origin);
  if (!place) return true;
  MEDFLYT_RETURN_IF_ERROR(context.log_keys.Recall(peer));
  // What was signed before stays good. A card that no longer has the log that we know says nothing of the order, and
  // whoever may write it could say of any log that it is an earlier one.
  const auto ours = GenerationOf(peer, known);
  if (ours && *place < *ours && context.log_keys.IsKnown(peer.id, origin)) return false;
  MEDFLYT_ASSIGN_OR_RETURN(const auto admitted, FindAdmitted(context.parts.log.reader().store(), peer.id, origin));
  return !admitted || admitted->verifier_key != peer.logs[*place].keys.front().key.Format();
}

absl::StatusOr<Believed> CheckLogKeys(const Context& context, const directory::Directory& directory, AuthorityId peer,
                                      std::string_view origin) {
  const directory::Authority* owner = directory.OfOrigin(origin);
  if (owner == nullptr || peer == context.parts.self) return Believed{peer};
  const absl::Status status = owner->id == peer ? context.log_keys.Check(*owner, *directory.LogOf(origin))
                                                : RuleError(absl::StatusCode::kFailedPrecondition, kNotHandedOver,
                                                            "origin", "the log is in another authority's card");
  if (RuleOf(status) == kNotHandedOver) {
    context.parts.logger.Error("log_key_not_handed_over",
                               absl::StrCat("peer=", peer.ToString(), " origin=", std::string(origin)));
  }
  MEDFLYT_RETURN_IF_ERROR(status);
  return LogsUpTo(*owner, origin);
}

absl::StatusOr<Believed> CheckAdmitted(const Context& context, const directory::Directory& directory, AuthorityId peer,
                                       std::string_view origin) {
  // Of a peer that is in no card any more, nothing but what it is known by.
  const std::string known = context.parts.log.peer(peer).origin;
  bool refused = !known.empty() && known != origin;
  if (const directory::Authority* authority = directory.Find(peer); authority != nullptr) {
    MEDFLYT_ASSIGN_OR_RETURN(refused, NeedsAdmission(context, *authority, origin));
  }
  if (!refused) return CheckLogKeys(context, directory, peer, origin);
  context.parts.logger.Error("generation_not_admitted",
                             absl::StrCat("peer=", peer.ToString(), " origin=", std::string(origin)));
  return RuleError(absl::StatusCode::kFailedPrecondition, "GENERATION_NOT_ADMITTED", "origin",
                   "this is a log of the peer which is not known here, and which two officers have not admitted");
}

}  // namespace medflyt::exchange
