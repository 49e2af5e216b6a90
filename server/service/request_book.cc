#include "server/service/request_book.h"

#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/crypto/seal.h"

namespace medflyt::service {
namespace {

using crypto::Nonce;

constexpr std::string_view kLabel = "medflyt/v1/request";

// Of what it seals and where: the same record at the same place is the same row, and no other shares its nonce.
Nonce NonceOf(const crypto::Key& key, std::string_view row_key, std::string_view record) {
  const crypto::Hash hash = crypto::KeyedHash(key, "medflyt/v1/request-nonce", {row_key, record});
  return *Nonce::FromBytes(hash.bytes().substr(0, Nonce::kSize));
}

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "request", "a stored request does not open");
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

absl::StatusOr<std::optional<log::RequestRecord>> RequestBook::Find(const crypto::Hash& request) const {
  const std::string row_key = RowOf(request);
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, appender_.FindIndex(row_key));
  if (!row) return std::optional<log::RequestRecord>();
  if (row->size() < Nonce::kSize) return Malformed();
  const std::string_view sealed = *row;
  const auto opened =
      crypto::Open(key_, *Nonce::FromBytes(sealed.substr(0, Nonce::kSize)), row_key, sealed.substr(Nonce::kSize));
  if (!opened.ok()) return Malformed();
  MEDFLYT_ASSIGN_OR_RETURN(log::RequestRecord record, log::DecodeRequest(*opened));
  return std::optional<log::RequestRecord>(std::move(record));
}

void RequestBook::Put(const crypto::Hash& request, const log::RequestRecord& record) {
  const std::string row_key = RowOf(request);
  const std::string bytes = log::EncodeRequest(record);
  const Nonce nonce = NonceOf(key_, row_key, bytes);
  appender_.PutIndex(row_key, std::string(nonce.bytes()).append(crypto::Seal(key_, nonce, row_key, bytes)));
}

crypto::Hash RequestBook::Keyed(const crypto::Hash& digest) const {
  return crypto::KeyedHash(key_, "medflyt/v1/request-digest", {digest.bytes()});
}

absl::StatusOr<std::optional<std::string>> RequestBook::FirstOfficer(const CaseId& relocation) const {
  return appender_.FindIndex(OfficerRowOf(relocation));
}

void RequestBook::PutFirstOfficer(const CaseId& relocation, const crypto::Hash& certificate) {
  appender_.PutIndex(OfficerRowOf(relocation), certificate.bytes());
}

std::string RequestBook::RowOf(const crypto::Hash& request) const {
  return log::RequestKey(crypto::KeyedHash(key_, kLabel, {request.bytes()}));
}

std::string RequestBook::OfficerRowOf(const CaseId& relocation) const {
  return std::string("t").append(crypto::KeyedHash(key_, "medflyt/v1/first-officer", {relocation.bytes()}).bytes());
}

}  // namespace medflyt::service
