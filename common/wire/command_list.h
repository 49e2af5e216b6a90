// Every command of a client, with the name of its field in medflyt.v1.Command and in the request of its RPC.
#pragma once

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define MEDFLYT_COMMANDS(X)                        \
  X(ProposeAgreement, propose_agreement)           \
  X(AcceptAgreement, accept_agreement)             \
  X(DeclineAgreement, decline_agreement)           \
  X(TerminateAgreement, terminate_agreement)       \
  X(ProposeEnrolment, propose_enrolment)           \
  X(StartEnrolment, start_enrolment)               \
  X(RefuseEnrolment, refuse_enrolment)             \
  X(PauseEnrolment, pause_enrolment)               \
  X(ResumeEnrolment, resume_enrolment)             \
  X(EndEnrolment, end_enrolment)                   \
  X(SetFlag, set_flag)                             \
  X(ClearFlag, clear_flag)                         \
  X(HoldRelocation, hold_relocation)               \
  X(ReleaseHold, release_hold)                     \
  X(AssessDisclosure, assess_disclosure)           \
  X(AnnounceRelocation, announce_relocation)       \
  X(CorrectRelocation, correct_relocation)         \
  X(AnnulRelocation, annul_relocation)             \
  X(AcknowledgeRelocation, acknowledge_relocation) \
  X(DeclineRelocation, decline_relocation)         \
  X(EndResponsibility, end_responsibility)         \
  X(RestoreResponsibility, restore_responsibility) \
  X(RenumberCitizen, renumber_citizen)             \
  X(RectifyValue, rectify_value)                   \
  X(DisputeEvent, dispute_event)                   \
  X(RequestTransfer, request_transfer)             \
  X(WithdrawTransfer, withdraw_transfer)           \
  X(DeclineTransfer, decline_transfer)
