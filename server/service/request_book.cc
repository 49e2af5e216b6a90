#include "server/service/request_book.h"

#include <string_view>
#include <utility>

#include "common/base/status.h"

namespace medflyt::service {
namespace {

template <typename Id>
Id KeyedId(const crypto::Key& key, std::string_view label, std::string_view bytes) {
  return *Id::FromBytes(crypto::KeyedHash(key, label, {bytes}).bytes().substr(0, Id::kSize));
}

}  // namespace

absl::StatusOr<RequestBook> RequestBook::Open(log::Appender& appender) {
  const AuthorityId self = appender.state().self();
  bool created = false;
  MEDFLYT_ASSIGN_OR_RETURN(
      keys::DataKey key,
      appender.keys().FindOrCreate({CaseId(), self, self, event::RetentionClass::kAccess}, appender.batch(), created));
  return RequestBook(appender, std::move(key.key));
}

log::RequestKey RequestBook::KeyOf(const crypto::Hash& request) const {
  return KeyedId<log::RequestKey>(key_, "medflyt/v1/request", request.bytes());
}

log::RequestDigest RequestBook::DigestOf(const crypto::Hash& said) const {
  return KeyedId<log::RequestDigest>(key_, "medflyt/v1/request-digest", said.bytes());
}

absl::StatusOr<std::optional<log::RequestRecord>> RequestBook::Find(const log::RequestKey& request) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, appender_.FindIndex(log::RequestRowKey(request)));
  if (!row) return std::optional<log::RequestRecord>();
  MEDFLYT_ASSIGN_OR_RETURN(const log::RequestRecord record, log::DecodeRequest(*row));
  return std::optional<log::RequestRecord>(record);
}

void RequestBook::Put(const log::RequestKey& request, const log::RequestRecord& record) {
  appender_.PutIndex(log::RequestRowKey(request), log::EncodeRequest(record));
}

absl::StatusOr<std::optional<std::string>> RequestBook::FirstOfficer(const CaseId& relocation) const {
  return appender_.FindIndex(OfficerRowOf(relocation));
}

void RequestBook::PutFirstOfficer(const CaseId& relocation, const crypto::Hash& certificate) {
  appender_.PutIndex(OfficerRowOf(relocation), certificate.bytes());
}

std::string RequestBook::OfficerRowOf(const CaseId& relocation) const {
  return std::string("t").append(crypto::KeyedHash(key_, "medflyt/v1/first-officer", {relocation.bytes()}).bytes());
}

}  // namespace medflyt::service
