// An agreement between a provider and a buyer, and its capacity on a date.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"

namespace medflyt::domain {

enum class VersionState : uint8_t { kProposed = 1, kInForce = 2, kDeclined = 3 };

struct AgreementVersion {
  uint32_t version = 0;  // gapless from 1
  AuthorityId proposed_by;
  VersionState state = VersionState::kProposed;
  event::AgreementTerms terms;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.version, self.proposed_by, self.state, self.terms);
  }
};

// Derived: what the agreement as a whole is.
enum class AgreementState : uint8_t {
  kProposed = 1,    // no version has been accepted, one is open
  kInForce = 2,     // a version has both signatures
  kDeclined = 3,    // no version was ever accepted, none is open
  kTerminated = 4,  // notice was given; it may still run until `last_day`
};

// A run of days with one capacity, both inclusive.
struct CapacitySegment {
  Date first;
  Date last;
  uint32_t capacity = 0;
  friend bool operator==(const CapacitySegment&, const CapacitySegment&) = default;
};

struct Agreement {
  CaseId id;
  AuthorityId provider;
  AuthorityId buyer;
  std::vector<AgreementVersion> versions;  // ascending
  std::optional<Date> last_day;            // terminated: its last day

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.provider, self.buyer, self.versions, self.last_day);
  }

  [[nodiscard]] AgreementState state() const;
  [[nodiscard]] const AgreementVersion* Find(uint32_t version) const;
  // The version that awaits an answer, or null.
  [[nodiscard]] const AgreementVersion* OpenProposal() const;
  // The highest accepted version, or null.
  [[nodiscard]] const AgreementVersion* HighestInForce() const;
  [[nodiscard]] AuthorityId CounterpartOf(AuthorityId party) const { return party == provider ? buyer : provider; }

  // Places on that date: those of the highest version in force that covers it; 0 where none does, or after the last day
  // of a terminated agreement.
  [[nodiscard]] uint32_t CapacityOn(Date date) const;
  [[nodiscard]] bool InForceOn(Date date) const { return CapacityOn(date) > 0; }

  // Every run of days in force, ascending and disjoint. With `also`, as if that version were in force too.
  [[nodiscard]] std::vector<CapacitySegment> Segments(const AgreementVersion* also = nullptr) const;
};

// The last day of the unbroken run of days in force that holds `date`; nothing where that date is not in force.
[[nodiscard]] std::optional<Date> RunEnd(const std::vector<CapacitySegment>& segments, Date date);
// The least capacity from `date` to the end of its run; 0 where that date is not in force.
[[nodiscard]] uint32_t LeastCapacityFrom(const std::vector<CapacitySegment>& segments, Date date);

}  // namespace medflyt::domain
