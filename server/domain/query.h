// What services read from the state. Lists are in key order and paged: what comes after a key, and no more than
// `limit`. Pure; any thread, as long as nobody changes the state meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/domain/state.h"

namespace medflyt::domain {

struct Page {
  std::optional<CaseId> after;  // start behind this key; none: from the first
  size_t limit = 100;
};

// Pointers into the state: they hold until its next change.
template <typename Row>
struct Listed {
  std::vector<const Row*> rows;
  std::optional<CaseId> next;  // `after` of the next page; none where this was the last
};

struct AgreementFilter {
  std::optional<AuthorityId> counterpart;
  std::optional<AgreementState> state;
};
[[nodiscard]] Listed<Agreement> ListAgreements(const State& state, const AgreementFilter& filter, const Page& page);

enum class PlaceState : uint8_t { kFree = 1, kReserved = 2, kOccupied = 3, kPaused = 4, kRetired = 5 };

struct Place {
  uint32_t number = 0;
  PlaceState state = PlaceState::kFree;
  std::optional<CaseId> case_id;  // of the responsible with the provider, where taken
  Interval days;                  // of the present stay, where taken
  friend bool operator==(const Place&, const Place&) = default;
};
// Every number that the agreement ever had in force, ascending, as of that date; after `after`, at most `limit`.
// RETIRED: the agreement has no such place on that date (before its first day, too). Empty for an unknown agreement.
[[nodiscard]] std::vector<Place> PlacesOn(const State& state, const CaseId& agreement, Date date, uint32_t after = 0,
                                          size_t limit = 100);

struct WaitingEntry {
  CaseId case_id;  // of the responsible with the provider
  AuthorityId responsible;
  Date from;
  bool head = false;  // a reversal that no longer fits: needs an officer
  friend bool operator==(const WaitingEntry&, const WaitingEntry&) = default;
};
// In the order in which places will be assigned.
[[nodiscard]] std::vector<WaitingEntry> WaitingListOn(const State& state, const CaseId& agreement);

struct EnrolmentFilter {
  std::optional<CprNumber> cpr;  // the present number or an earlier one
  std::optional<EnrolmentState> state;
};
// History: HistoryOf (enrolment.h). One enrolment by the case of any of its spells: State::FindEnrolment.
[[nodiscard]] Listed<Enrolment> ListEnrolments(const State& state, const EnrolmentFilter& filter, const Page& page);

struct RelocationFilter {
  std::optional<RelocationState> state;
  std::optional<Direction> direction;
  std::optional<CaseId> enrolment;
};
[[nodiscard]] Listed<Relocation> ListRelocations(const State& state, const RelocationFilter& filter, const Page& page);

struct TransferFilter {
  std::optional<TransferState> state;
  bool needs_officer = false;  // only those that an officer must look at
  Date today;                  // for needs_officer
};
[[nodiscard]] Listed<Transfer> ListTransfers(const State& state, const TransferFilter& filter, const Page& page);

// Rules that a waiting request waits for, as far as this node knows; empty where it does not wait. At the provider:
//   ANNOUNCEMENT_NOT_VERIFIED  the announcement was not opened for this node
//   RESPONSIBILITY_NOT_ENDED   nobody has said that responsibility ended because of that announcement
//   CITIZEN_NUMBER_NOT_KNOWN   it ended for a citizen with another number here: a change of number is on its way
//   ENROLMENT_NOT_STARTED      the enrolment that would be handed over is a proposal yet
// At the municipality that asked: PROVIDER_NOT_ANSWERED.
[[nodiscard]] std::vector<std::string_view> WaitsFor(const State& state, const Transfer& transfer);

// What another authority put right in that case, while it conflicts with what stands here; null where nothing does.
[[nodiscard]] const NumberConflict* OpenConflict(const State& state, const CaseId& case_id);

// What is known of one citizen by numbers. Pointers hold until the state's next change.
struct KnownCitizen {
  std::vector<CprNumber> numbers;            // the one asked for first
  std::vector<const Enrolment*> enrolments;  // each once
};
// By every number that is known of them: one enrolment may know a number by which another is found. No enrolments where
// the number is known of nobody.
[[nodiscard]] KnownCitizen FindByNumber(const State& state, const CprNumber& cpr);

// An officer looks at what was stated in that case: another authority disputes an event of ours, or a conflict is open
// that we have not disputed.
[[nodiscard]] bool NeedsOfficer(const State& state, const CaseId& case_id);

// At the provider, for the check of an opened announcement: the two numbers are one citizen's, by equality or because a
// number change links them.
[[nodiscard]] bool SameCitizen(const State& state, const CprNumber& one, const CprNumber& other);

}  // namespace medflyt::domain
