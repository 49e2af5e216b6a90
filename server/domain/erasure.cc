#include "server/domain/erasure.h"

namespace medflyt::domain {

CaseId NoticeIdOf(const CaseId& erasure, AuthorityId recipient) {
  const crypto::Hash hash =
      crypto::Sha256({"medflyt/v1/erasure-notice", std::string_view("\0", 1), erasure.bytes(), recipient.ToString()});
  return *CaseId::FromBytes(hash.bytes().substr(0, CaseId::kSize));
}

}  // namespace medflyt::domain
