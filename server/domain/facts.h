// What a decision may know besides the state: plain facts, handed in. The domain has no clock and does no I/O.
#pragma once

#include <cstdint>
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
  // Also one that has no code any more.
  [[nodiscard]] virtual bool IsMunicipality(AuthorityId authority) const = 0;
};

// A line of the dated table of legal bases for disclosure.
struct LegalBasis {
  std::string key;
  Date valid_from;               // first day
  std::optional<Date> valid_to;  // last day; none while in force
  std::string title = {};        // the paragraph, for people
};

// A line of the dated table of grounds for erasure.
struct ErasureGround : LegalBasis {
  bool before_period_is_over = false;  // it outweighs the duty to keep what is still to be kept
};

// What a retention period is for.
enum class Kept : uint8_t {
  kCase,          // all of a citizen's cases, from the day on which the last of them was closed
  kObservation,   // a move that was seen and that led to nothing, from the day on which it was seen
  kAccessRecord,  // who looked, from the end of the month
  kAgreement,     // an agreement on which nothing rests that is held, from the last day that any version speaks of
};

// A line of the dated table of retention periods; the latest that is in force holds, also for what was closed before.
struct RetentionPeriod {
  Kept what = Kept::kCase;
  Date valid_from;
  int months = 0;
  int days = 0;                // beside the months
  bool node_erases = false;    // when it is over; otherwise it proposes
  bool from_year_end = false;  // counted from the end of the year, not of the day
};

// All references outlive the call they are passed to, no longer.
struct Facts {
  Date today;  // the Danish civil date
  const AuthorityDirectory& directory;
  std::span<const LegalBasis> legal_bases;
  std::span<const ErasureGround> erasure_grounds = {};
  std::span<const RetentionPeriod> retention = {};
};

}  // namespace medflyt::domain
