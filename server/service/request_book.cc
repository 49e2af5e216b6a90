#include "server/service/request_book.h"

#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/event/catalogue.h"

namespace medflyt::service {
namespace {

template <typename Id>
Id KeyedId(const crypto::Key& key, std::string_view label, std::string_view bytes) {
  return *Id::FromBytes(crypto::KeyedHash(key, label, {bytes}).bytes().substr(0, Id::kSize));
}

log::RequestDigest DigestOf(const crypto::Key& key, const crypto::Hash& said) {
  return KeyedId<log::RequestDigest>(key, "medflyt/v1/request-digest", said.bytes());
}

}  // namespace

absl::StatusOr<RequestBook> RequestBook::Open(log::Appender& appender) {
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(keys::DataKey key, appender.keys().FindOrCreate(keys::OwnKeyOf(appender.state().self()),
                                                                           appender.batch(), created));
  return RequestBook(appender, std::move(key.key));
}

log::RequestKey RequestBook::KeyOf(const crypto::Hash& request) const {
  return KeyedId<log::RequestKey>(key_, "medflyt/v1/request", request.bytes());
}

absl::StatusOr<std::optional<log::RequestRecord>> RequestBook::Find(const log::RequestKey& request) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, appender_.FindIndex(log::RequestRowKey(request)));
  if (!row) return std::optional<log::RequestRecord>();
  MEDFLYT_ASSIGN_OR_RETURN(const log::RequestRecord record, log::DecodeRequest(*row));
  return std::optional<log::RequestRecord>(record);
}

absl::StatusOr<bool> RequestBook::Says(const log::RequestRecord& record, const crypto::Hash& said) const {
  if (record.key_id.is_zero()) return record.digest == DigestOf(key_, said);
  if (appender_.keys().IsDestroyed(record.key_id)) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "REQUEST_ERASED", "context.request_id",
                     "this request id was used for a case that has been erased since; nothing was done now");
  }
  const auto key = appender_.keys().Find(record.key_id);
  if (absl::IsNotFound(key.status())) {
    return RuleError(absl::StatusCode::kDataLoss, "KEY_MISSING", "context.request_id",
                     "the key of what was said in this request is not in the key table");
  }
  MEDFLYT_RETURN_IF_ERROR(key.status());
  return record.digest == DigestOf(*key, said);
}

absl::StatusOr<keys::DataKey> RequestBook::DigestKey(const std::vector<log::IssuedEvent>& events) const {
  for (const log::IssuedEvent& event : events) {
    if (event.type == event::Type::kExtractImported) break;  // of many citizens, and its digest betrays none
    const event::RetentionClass retention = event::RightOf(event.type).retention;
    if (event.case_id.is_zero() || retention != event::RetentionClass::kCase) continue;
    return appender_.keys().Find(keys::KeyPurpose{event.case_id, appender_.state().self(), event.recipient, retention});
  }
  return keys::DataKey{KeyId(), key_};
}

absl::Status RequestBook::Put(const log::RequestKey& request, const crypto::Hash& said, log::Position first,
                              const std::vector<log::IssuedEvent>& events) {
  MEDFLYT_ASSIGN_OR_RETURN(const keys::DataKey key, DigestKey(events));
  const auto entries = static_cast<uint32_t>(appender_.end().value() - first.value());
  appender_.PutIndex(log::RequestRowKey(request),
                     log::EncodeRequest({DigestOf(key.key, said), key.id, appender_.now(), first, entries}));
  return absl::OkStatus();
}

}  // namespace medflyt::service
