// An event: what one authority states to one recipient. Who may issue what to whom stands in catalogue.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"

namespace medflyt::event {

// The order is the wire's; append only.
using Body = std::variant<AgreementProposed, AgreementAccepted, AgreementDeclined, AgreementTerminated,            //
                          EnrolmentProposed, EnrolmentStarted, EnrolmentPaused, EnrolmentResumed, EnrolmentEnded,  //
                          EnrolmentRefused, EnrolmentTransferred, EndReasonRecorded,                               //
                          ExtractImported, RelocationObserved, RelocationHeld, HoldReleaseRequested, HoldReleased,
                          RelocationExpired,                                                                 //
                          DisclosureAssessed, RelocationAnnounced, RelocationCorrected, RelocationAnnulled,  //
                          RelocationAcknowledged, RelocationDeclined,                                        //
                          ResponsibilityEnded, ResponsibilityRestored, CitizenRenumbered,                    //
                          TransferRequested, TransferWithdrawn, TransferRefused, AnnouncementVerified,       //
                          PlaceReserved, PlaceOccupied, PlaceReleased, PlaceWaitlisted,                      //
                          AccessRecorded,                                                                    //
                          ErasureRequested, CasesErased, ErasureNoticed, ErasureReceipt,                     //
                          DisclosureGrounded, ValueRectified, EventDisputed,                                 //
                          FlagSet, FlagClearRequested, FlagCleared>;

// One per alternative of Body, in its order: TypeOf(body) == static_cast<Type>(body.index()).
enum class Type : uint8_t {
  kAgreementProposed,
  kAgreementAccepted,
  kAgreementDeclined,
  kAgreementTerminated,
  kEnrolmentProposed,
  kEnrolmentStarted,
  kEnrolmentPaused,
  kEnrolmentResumed,
  kEnrolmentEnded,
  kEnrolmentRefused,
  kEnrolmentTransferred,
  kEndReasonRecorded,
  kExtractImported,
  kRelocationObserved,
  kRelocationHeld,
  kHoldReleaseRequested,
  kHoldReleased,
  kRelocationExpired,
  kDisclosureAssessed,
  kRelocationAnnounced,
  kRelocationCorrected,
  kRelocationAnnulled,
  kRelocationAcknowledged,
  kRelocationDeclined,
  kResponsibilityEnded,
  kResponsibilityRestored,
  kCitizenRenumbered,
  kTransferRequested,
  kTransferWithdrawn,
  kTransferRefused,
  kAnnouncementVerified,
  kPlaceReserved,
  kPlaceOccupied,
  kPlaceReleased,
  kPlaceWaitlisted,
  kAccessRecorded,
  kErasureRequested,
  kCasesErased,
  kErasureNoticed,
  kErasureReceipt,
  kDisclosureGrounded,
  kValueRectified,
  kEventDisputed,
  kFlagSet,
  kFlagClearRequested,
  kFlagCleared,
};
inline constexpr size_t kTypeCount = std::variant_size_v<Body>;

[[nodiscard]] inline Type TypeOf(const Body& body) { return static_cast<Type>(body.index()); }

// What stands in front of every body, inside the ciphertext.
struct Header {
  EventId id;
  AuthorityId issuer;
  AuthorityId recipient;  // the issuer itself for a local event
  CaseId case_id;
  PairNumber number;  // gapless from 1 for each issuer → recipient
  absl::Time recorded_at;
  std::string officer;                           // who acted; empty for what follows by rule from an earlier act
  std::optional<crypto::Hash> certificate = {};  // SHA-256 of the client certificate that the officer acted by
  friend bool operator==(const Header&, const Header&) = default;
};

struct Event {
  Header header;
  Body body;
  friend bool operator==(const Event&, const Event&) = default;
};

// An event that was decided but has no id, number or time yet. `announcement_of` is the position, in the same
// decision, of the draft whose leaf hash belongs in this body's `announcement`; the sequencer fills it in before
// sealing.
struct Draft {
  AuthorityId recipient;
  CaseId case_id;
  std::string officer;
  Body body;
  std::optional<size_t> announcement_of;
  friend bool operator==(const Draft&, const Draft&) = default;
};

}  // namespace medflyt::event
