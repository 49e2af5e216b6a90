// What a decision may know besides the state: plain facts, handed in. The domain has no clock and does no I/O.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "common/base/date.h"
#include "common/directory/identity.h"

namespace medflyt::domain {

// The part of the peer directory that decisions need. Dated, because municipalities merge and are renamed.
class AuthorityDirectory {
 public:
  virtual ~AuthorityDirectory() = default;
  // The authority that is the municipality with this code on that date.
  [[nodiscard]] virtual std::optional<AuthorityId> AuthorityOf(MunicipalityCode code, Date date) const = 0;
  // The authority's own CPR authority code, where it is a municipality.
  [[nodiscard]] virtual std::optional<MunicipalityCode> CodeOf(AuthorityId authority) const = 0;
  [[nodiscard]] virtual bool IsKnown(AuthorityId authority) const = 0;
};

// A line of the dated table of legal bases for disclosure.
struct LegalBasis {
  std::string key;
  Date valid_from;               // first day
  std::optional<Date> valid_to;  // last day; none while in force
};

// Both references outlive the call they are passed to, no longer.
struct Facts {
  Date today;  // the Danish civil date
  const AuthorityDirectory& directory;
  std::span<const LegalBasis> legal_bases;
};

}  // namespace medflyt::domain
