// The bodies of events: what is stated. Plain values; no protobuf, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/registry/cpr_number.h"

namespace medflyt::event {

using crypto::Hash;
using registry::CprNumber;

// Disclosure: why another authority is told of a citizen.

// What kind of data is told; which a type of event carries stands in catalogue.h.
enum class DataCategory : uint8_t {
  kIdentity = 1,   // the CPR number
  kService = 2,    // that, where and when the citizen has a place or an enrolment
  kResidence = 3,  // from which municipality to which the citizen moved, and when
};

struct DisclosureGround {
  std::string legal_basis;  // key of the dated table of legal bases
  std::string necessity;    // the officer's words; never leaves the node
  std::string journal_reference;
  std::vector<DataCategory> categories;  // ascending, each once
  friend bool operator==(const DisclosureGround&, const DisclosureGround&) = default;
};

// The header's officer confirms that `recipient` is told of the header's case. Local.
struct DisclosureGrounded {
  AuthorityId recipient;
  DisclosureGround ground;
  // Of what the same command puts right, and of nothing else: what is told later rests on the case's ground as before.
  bool for_rectification = false;
  friend bool operator==(const DisclosureGrounded&, const DisclosureGrounded&) = default;
};

// Agreement: two authorities, versioned; a version is in force only with both signatures.

enum class PriceUnit : uint8_t { kPerPlace = 1, kPerDay = 2 };

struct AgreementTerms {
  uint32_t capacity = 0;  // places
  int64_t price_ore = 0;  // øre per unit
  PriceUnit price_unit = PriceUnit::kPerPlace;
  Date valid_from;                 // first day
  Date valid_to;                   // last day
  uint32_t notice_days = 0;        // calendar days between termination and last day
  uint32_t settlement_months = 1;  // length of a settlement period
  std::string legal_basis;         // key of the dated table of legal bases
  std::string council_case;        // the council's case number
  friend bool operator==(const AgreementTerms&, const AgreementTerms&) = default;
};

// For agreement events the header's case id is the agreement's id.
struct AgreementProposed {
  uint32_t version = 0;  // 1 for a new agreement, then gapless
  AuthorityId provider;
  AuthorityId buyer;
  AgreementTerms terms;
  friend bool operator==(const AgreementProposed&, const AgreementProposed&) = default;
};
struct AgreementAccepted {
  uint32_t version = 0;
  friend bool operator==(const AgreementAccepted&, const AgreementAccepted&) = default;
};
struct AgreementDeclined {
  uint32_t version = 0;
  friend bool operator==(const AgreementDeclined&, const AgreementDeclined&) = default;
};
struct AgreementTerminated {
  Date last_day;
  friend bool operator==(const AgreementTerminated&, const AgreementTerminated&) = default;
};

// Enrolment: a citizen with the provider.

// Why an enrolment ended. Towards other authorities only the first six are stated; the rest stay local.
enum class EndReason : uint8_t {
  kJob = 1,
  kEducation = 2,
  kRenounced = 3,
  kMoved = 4,
  kDead = 5,
  kOther = 6,
  kStopped = 7,
  kExit = 8,
  kPrison = 9,
  kError = 10,
};

struct EnrolmentProposed {
  CprNumber cpr;
  std::optional<CaseId> agreement;  // none for the provider's own citizens
  Date from;
  friend bool operator==(const EnrolmentProposed&, const EnrolmentProposed&) = default;
};
struct EnrolmentStarted {
  Date from;
  friend bool operator==(const EnrolmentStarted&, const EnrolmentStarted&) = default;
};
struct EnrolmentPaused {
  Date from;
  friend bool operator==(const EnrolmentPaused&, const EnrolmentPaused&) = default;
};
struct EnrolmentResumed {
  Date from;
  friend bool operator==(const EnrolmentResumed&, const EnrolmentResumed&) = default;
};
struct EnrolmentEnded {
  Date from;                             // first day without the enrolment
  EndReason reason = EndReason::kOther;  // kJob to kOther
  friend bool operator==(const EnrolmentEnded&, const EnrolmentEnded&) = default;
};
struct EnrolmentRefused {
  std::string rule;
  friend bool operator==(const EnrolmentRefused&, const EnrolmentRefused&) = default;
};
// The provider's books changed hands. To the new responsible (case of its request) and to the former (its case).
struct EnrolmentTransferred {
  enum class Kind : uint8_t {
    kReceived = 1,  // recipient is responsible from the date
    kLeft = 2,      // recipient is no longer responsible from the date
    kRestored = 3,  // recipient is responsible again: its kLeft is reversed
    kReversed = 4,  // recipient never became responsible: its kReceived is reversed
  };
  Kind kind = Kind::kReceived;
  Date from;
  friend bool operator==(const EnrolmentTransferred&, const EnrolmentTransferred&) = default;
};
struct EndReasonRecorded {
  EndReason reason = EndReason::kOther;
  friend bool operator==(const EndReasonRecorded&, const EndReasonRecorded&) = default;
};

// Relocation: a move observed, assessed and announced by the municipality left.

struct ExtractImported {
  Hash digest;  // SHA-256 of the file
  Date production_date;
  std::optional<Date> previous_production_date;
  uint64_t records = 0;
  uint64_t persons = 0;
  uint64_t matches = 0;  // persons with an active enrolment here about whom something was observed
  friend bool operator==(const ExtractImported&, const ExtractImported&) = default;
};

enum class ObservationKind : uint8_t {
  kMoved = 1,      // to another municipality
  kEmigrated = 2,  // these three transfer nothing
  kDisappeared = 3,
  kDead = 4,
  kReversed = 5,    // the registry annulled or corrected away a move that was observed before
  kRenumbered = 6,  // the citizen has a new number
};

enum class HoldReason : uint8_t {
  kNameAndAddressProtection = 1,
  kSpecialRoadCode = 2,
  kExitProgramme = 3,  // a protection flag, or an officer's word
  kSafetyPackage = 4,  // the same
  kOfficer = 5,        // held by an officer
};

// For relocation events the header's case id is the relocation's id, and the pair's case once it is announced.
struct RelocationObserved {
  CaseId enrolment;  // case of the enrolment that the citizen has here
  ObservationKind kind = ObservationKind::kMoved;
  MunicipalityCode from;
  MunicipalityCode to;  // zero where kind is not kMoved
  std::optional<Date> effective_date;
  bool uncertain = false;
  std::optional<CaseId> concerns;  // kReversed: the relocation that is reversed
  // kMoved: it is on hold from the start; ascending, each once. Here, so that such a move is one entry like any other.
  std::vector<HoldReason> hold_reasons;
  friend bool operator==(const RelocationObserved&, const RelocationObserved&) = default;
};
struct RelocationHeld {
  std::vector<HoldReason> reasons;  // ascending, each once, at least one
  friend bool operator==(const RelocationHeld&, const RelocationHeld&) = default;
};
// The first of two officers asks; the header's officer of HoldReleased is the second.
struct HoldReleaseRequested {
  friend bool operator==(const HoldReleaseRequested&, const HoldReleaseRequested&) = default;
};
struct HoldReleased {
  std::string first_officer;
  friend bool operator==(const HoldReleased&, const HoldReleased&) = default;
};
struct RelocationExpired {
  friend bool operator==(const RelocationExpired&, const RelocationExpired&) = default;
};
struct DisclosureAssessed {
  bool disclose = false;
  DisclosureGround ground;             // where it is not disclosed: why not; without categories, and perhaps a basis
  std::optional<Date> effective_date;  // states the date where the registry's was uncertain
  friend bool operator==(const DisclosureAssessed&, const DisclosureAssessed&) = default;
};
struct RelocationAnnounced {
  CprNumber cpr;
  AuthorityId provider;
  MunicipalityCode from;
  MunicipalityCode to;
  Date effective_date;
  std::string legal_basis;
  friend bool operator==(const RelocationAnnounced&, const RelocationAnnounced&) = default;
};
// The announcement no longer holds; a new relocation with the right date follows its own assessment.
struct RelocationCorrected {
  std::optional<Hash> announcement;  // leaf hash; none where nothing was announced
  Date effective_date;               // the right date
  friend bool operator==(const RelocationCorrected&, const RelocationCorrected&) = default;
};
struct RelocationAnnulled {
  std::optional<Hash> announcement;
  friend bool operator==(const RelocationAnnulled&, const RelocationAnnulled&) = default;
};
struct RelocationAcknowledged {
  Hash announcement;
  friend bool operator==(const RelocationAcknowledged&, const RelocationAcknowledged&) = default;
};
struct RelocationDeclined {
  Hash announcement;
  friend bool operator==(const RelocationDeclined&, const RelocationDeclined&) = default;
};

// Responsibility and transfer.

enum class ResponsibilityEndReason : uint8_t { kMoved = 1, kDead = 2, kEmigrated = 3, kOther = 4 };

// For these the header's case id is that of the sender's enrolment with the provider.
struct ResponsibilityEnded {
  Date from;  // first day without responsibility
  ResponsibilityEndReason reason = ResponsibilityEndReason::kMoved;
  std::optional<Hash> announcement;  // leaf hash; none where nothing was disclosed
  friend bool operator==(const ResponsibilityEnded&, const ResponsibilityEnded&) = default;
};
struct ResponsibilityRestored {
  EventId ended;  // the ResponsibilityEnded that is reversed
  friend bool operator==(const ResponsibilityRestored&, const ResponsibilityRestored&) = default;
};
struct CitizenRenumbered {
  CprNumber cpr;  // the new number
  friend bool operator==(const CitizenRenumbered&, const CitizenRenumbered&) = default;
};

// Where an announcement stands in its issuer's log.
struct AnnouncementRef {
  std::string origin;
  LeafIndex index;
  Hash leaf_hash;
  friend bool operator==(const AnnouncementRef&, const AnnouncementRef&) = default;
};
struct TransferRequested {
  CprNumber cpr;
  std::optional<CaseId> agreement;  // none where the provider requests for itself
  AnnouncementRef announcement;
  Date from;
  friend bool operator==(const TransferRequested&, const TransferRequested&) = default;
};
struct TransferWithdrawn {
  friend bool operator==(const TransferWithdrawn&, const TransferWithdrawn&) = default;
};
struct TransferRefused {
  std::string rule;
  friend bool operator==(const TransferRefused&, const TransferRefused&) = default;
};
// What the provider found when it opened the announcement of a request; local, because the opening itself is dropped.
struct AnnouncementVerified {
  AnnouncementRef announcement;
  AuthorityId issuer;
  AuthorityId addressee;
  AuthorityId provider;
  bool same_citizen = false;  // the announcement's number is the request's, or one that a number change links to it
  Date effective_date;
  friend bool operator==(const AnnouncementVerified&, const AnnouncementVerified&) = default;
};

// Places: the provider is their single writer.

enum class ReleaseReason : uint8_t {
  kEnded = 1,        // the enrolment ended
  kTransferred = 2,  // another municipality is responsible
  kExpired = 3,      // a reservation ran out
  kRetired = 4,      // the agreement's term
  kReversed = 5,     // a transfer was reversed
  kRefused = 6,      // the proposal was refused or withdrawn
};

// The header's case id is that of the enrolment that has or wants the place.
struct PlaceReserved {
  CaseId agreement;
  uint32_t number = 0;  // 1 to capacity
  Date from;
  Date expires;  // last day of the reservation
  friend bool operator==(const PlaceReserved&, const PlaceReserved&) = default;
};
struct PlaceOccupied {
  CaseId agreement;
  uint32_t number = 0;
  Date from;
  friend bool operator==(const PlaceOccupied&, const PlaceOccupied&) = default;
};
struct PlaceReleased {
  CaseId agreement;
  uint32_t number = 0;
  Date from;  // first day free
  ReleaseReason reason = ReleaseReason::kEnded;
  friend bool operator==(const PlaceReleased&, const PlaceReleased&) = default;
};
struct PlaceWaitlisted {
  CaseId agreement;
  Date from;          // the date from which a place is wanted
  bool head = false;  // a reversal that no longer fits goes to the head
  friend bool operator==(const PlaceWaitlisted&, const PlaceWaitlisted&) = default;
};

// Access.

enum class AccessKind : uint8_t { kRead = 1, kSearch = 2, kWatch = 3, kProof = 4 };

// A read or search that touched a citizen, hit or miss; local, under the periodic access key.
struct AccessRecorded {
  AccessKind kind = AccessKind::kRead;
  std::string action;  // the RPC's name
  std::string purpose;
  std::vector<CaseId> cases;  // what was found; empty for a miss
  friend bool operator==(const AccessRecorded&, const AccessRecorded&) = default;
};

// Erasure: the keys of a citizen's cases are destroyed, here and then wherever they were told.

// The first of two officers asks; for these four the header's case id is that of the erasure itself, or of its notice,
// and never a citizen's.
struct ErasureRequested {
  std::vector<CaseId> cases;  // of one citizen, ascending; at least one
  std::string legal_basis;    // key of the dated table of grounds for erasure
  std::string journal_reference;
  Hash certificate;  // SHA-256 of the officer's client certificate
  friend bool operator==(const ErasureRequested&, const ErasureRequested&) = default;
};
// The header's officer is the second; it is empty where a retention period was over and the table has the node erase.
struct CasesErased {
  std::vector<CaseId> cases;
  std::string legal_basis;
  std::optional<Hash> certificate;  // the second officer's
  friend bool operator==(const CasesErased&, const CasesErased&) = default;
};
// To an authority that was told of these cases. It is the controller of what it holds, and decides by its own rules.
struct ErasureNoticed {
  std::vector<CaseId> cases;  // between issuer and recipient; ascending, at least one
  std::string legal_basis;
  std::vector<Hash> opened;  // leaf hashes of announcements whose single keys the recipient was given
  // Leaf hashes of events between issuer and recipient whose single keys the issuer has given to auditors.
  std::vector<Hash> disclosed = {};
  uint32_t disclosed_left = 0;  // more of them than a notice holds
  friend bool operator==(const ErasureNoticed&, const ErasureNoticed&) = default;
};
// Nothing of the cases that the notice names is held any more.
struct ErasureReceipt {
  friend bool operator==(const ErasureReceipt&, const ErasureReceipt&) = default;
};

// Rectification: a value that was stated in the header's case was wrong from the start, and this is the right one.

struct Rectification {  // exactly one
  std::optional<CprNumber> cpr;
  std::optional<Date> start;            // first day of the enrolment
  std::optional<Date> end;              // first day without it
  std::optional<EndReason> end_reason;  // kJob to kOther towards other authorities
  friend bool operator==(const Rectification&, const Rectification&) = default;
};
struct ValueRectified {
  Rectification right;
  std::optional<CprNumber> wrong_cpr;  // with a number: the one that it replaces, wherever that was stated
  friend bool operator==(const ValueRectified&, const ValueRectified&) = default;
};

// A code, never words: what is wrong with it officers tell each other elsewhere.
enum class DisputeGround : uint8_t { kWrongValue = 1, kWrongDate = 2, kWrongCitizen = 3, kNotOurCitizen = 4 };

// To the issuer of an event that was received in the header's case. What it stated stays applied until its writer puts
// it right.
struct EventDisputed {
  EventId disputed;
  DisputeGround ground = DisputeGround::kWrongValue;
  friend bool operator==(const EventDisputed&, const EventDisputed&) = default;
};

// Protection: what the responsible municipality notes of its citizen, so that each move is held. Local, and the
// header's case id is an enrolment's.

enum class ProtectionFlag : uint8_t { kExitProgramme = 1, kSafetyPackage = 2 };

[[nodiscard]] constexpr HoldReason HoldReasonOf(ProtectionFlag flag) {
  return flag == ProtectionFlag::kExitProgramme ? HoldReason::kExitProgramme : HoldReason::kSafetyPackage;
}

struct FlagSet {
  ProtectionFlag flag = ProtectionFlag::kExitProgramme;
  friend bool operator==(const FlagSet&, const FlagSet&) = default;
};
// The first of two officers asks; the header's officer of FlagCleared is the second.
struct FlagClearRequested {
  ProtectionFlag flag = ProtectionFlag::kExitProgramme;
  friend bool operator==(const FlagClearRequested&, const FlagClearRequested&) = default;
};
struct FlagCleared {
  ProtectionFlag flag = ProtectionFlag::kExitProgramme;
  std::string first_officer;
  friend bool operator==(const FlagCleared&, const FlagCleared&) = default;
};

}  // namespace medflyt::event
