// Every event type with the name of its field in medflyt.v1.Content, in the order of event::Body. For the sources of
// this library.
#pragma once

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define MEDFLYT_EVENT_BODIES(X)                      \
  X(AgreementProposed, agreement_proposed)           \
  X(AgreementAccepted, agreement_accepted)           \
  X(AgreementDeclined, agreement_declined)           \
  X(AgreementTerminated, agreement_terminated)       \
  X(EnrolmentProposed, enrolment_proposed)           \
  X(EnrolmentStarted, enrolment_started)             \
  X(EnrolmentPaused, enrolment_paused)               \
  X(EnrolmentResumed, enrolment_resumed)             \
  X(EnrolmentEnded, enrolment_ended)                 \
  X(EnrolmentRefused, enrolment_refused)             \
  X(EnrolmentTransferred, enrolment_transferred)     \
  X(EndReasonRecorded, end_reason_recorded)          \
  X(ExtractImported, extract_imported)               \
  X(RelocationObserved, relocation_observed)         \
  X(RelocationHeld, relocation_held)                 \
  X(HoldReleaseRequested, hold_release_requested)    \
  X(HoldReleased, hold_released)                     \
  X(RelocationExpired, relocation_expired)           \
  X(DisclosureAssessed, disclosure_assessed)         \
  X(RelocationAnnounced, relocation_announced)       \
  X(RelocationCorrected, relocation_corrected)       \
  X(RelocationAnnulled, relocation_annulled)         \
  X(RelocationAcknowledged, relocation_acknowledged) \
  X(RelocationDeclined, relocation_declined)         \
  X(ResponsibilityEnded, responsibility_ended)       \
  X(ResponsibilityRestored, responsibility_restored) \
  X(CitizenRenumbered, citizen_renumbered)           \
  X(TransferRequested, transfer_requested)           \
  X(TransferWithdrawn, transfer_withdrawn)           \
  X(TransferRefused, transfer_refused)               \
  X(AnnouncementVerified, announcement_verified)     \
  X(PlaceReserved, place_reserved)                   \
  X(PlaceOccupied, place_occupied)                   \
  X(PlaceReleased, place_released)                   \
  X(PlaceWaitlisted, place_waitlisted)               \
  X(AccessRecorded, access_recorded)                 \
  X(ErasureRequested, erasure_requested)             \
  X(CasesErased, cases_erased)                       \
  X(ErasureNoticed, erasure_noticed)                 \
  X(ErasureReceipt, erasure_receipt)                 \
  X(DisclosureGrounded, disclosure_grounded)         \
  X(ValueRectified, value_rectified)                 \
  X(EventDisputed, event_disputed)                   \
  X(FlagSet, flag_set)                               \
  X(FlagClearRequested, flag_clear_requested)        \
  X(FlagCleared, flag_cleared)
