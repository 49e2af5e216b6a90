// What a data key is for: one key for each case, issuer → recipient and retention class.
#pragma once

#include <compare>
#include <utility>

#include "common/base/id.h"
#include "common/directory/identity.h"
#include "common/event/catalogue.h"

namespace medflyt::keys {

struct KeyPurpose {
  CaseId case_id;
  AuthorityId issuer;
  AuthorityId recipient;
  event::RetentionClass retention = event::RetentionClass::kCase;

  friend auto operator<=>(const KeyPurpose&, const KeyPurpose&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const KeyPurpose& p) {
    return H::combine(std::move(h), p.case_id, p.issuer, p.recipient, p.retention);
  }
};

// What the node keeps of a case for itself alone, until the case is erased; with the zero id, what belongs to no case.
[[nodiscard]] inline KeyPurpose LocalKeyOf(const CaseId& case_id, AuthorityId self) {
  return {case_id, self, self, event::RetentionClass::kCase};
}
// The node's own key: for what it keeps for itself whatever becomes of the cases.
[[nodiscard]] inline KeyPurpose OwnKeyOf(AuthorityId self) {
  return {CaseId(), self, self, event::RetentionClass::kAccess};
}

}  // namespace medflyt::keys
