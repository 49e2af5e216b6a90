// The commands: what an officer, through a municipal IT system or the CLI, asks this node to do. Plain values.
//
// A command that begins something new carries the fresh random id for it, so that deciding needs no randomness.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/event/event.h"

namespace medflyt::event {

// Agreement (either party).

struct ProposeAgreement {
  CaseId agreement;  // fresh for a first version; an existing agreement's for its next version
  AuthorityId provider;
  AuthorityId buyer;
  AgreementTerms terms;
};
struct AcceptAgreement {
  CaseId agreement;
  uint32_t version = 0;
};
struct DeclineAgreement {
  CaseId agreement;
  uint32_t version = 0;
};
struct TerminateAgreement {
  CaseId agreement;
  Date last_day;
};

// Enrolment.

struct ProposeEnrolment {  // responsible
  CaseId enrolment;        // fresh
  AuthorityId provider;    // this authority itself for the provider's own citizens
  CprNumber cpr;
  std::optional<CaseId> agreement;
  Date from;
};
struct StartEnrolment {  // provider
  CaseId enrolment;
  Date from;
};
struct RefuseEnrolment {  // provider
  CaseId enrolment;
};
struct PauseEnrolment {  // provider
  CaseId enrolment;
  Date from;
};
struct ResumeEnrolment {  // provider
  CaseId enrolment;
  Date from;
};
struct EndEnrolment {  // provider
  CaseId enrolment;
  Date from;
  EndReason reason = EndReason::kOther;
};

struct SetFlag {  // responsible
  CaseId enrolment;
  ProtectionFlag flag = ProtectionFlag::kExitProgramme;
};
struct ClearFlag {  // responsible; the first officer asks, another one clears
  CaseId enrolment;
  ProtectionFlag flag = ProtectionFlag::kExitProgramme;
};

// Relocation (the municipality left, but for the two answers).

// One observation about one citizen with an active enrolment here; made by intake, never by a client.
struct Observation {
  CaseId relocation;  // fresh
  CaseId enrolment;
  ObservationKind kind = ObservationKind::kMoved;
  MunicipalityCode to;
  std::optional<Date> effective_date;
  bool uncertain = false;
  std::vector<HoldReason> hold_reasons;
  std::optional<CaseId> concerns;
};
struct ImportExtract {
  Hash digest;
  Date production_date;
  std::optional<Date> previous_production_date;
  uint64_t records = 0;
  uint64_t persons = 0;
  std::vector<Observation> observations;
};
struct HoldRelocation {
  CaseId relocation;
  HoldReason reason = HoldReason::kOfficer;
};
struct ReleaseHold {  // the first officer asks, another one releases
  CaseId relocation;
};
struct AssessDisclosure {
  CaseId relocation;
  bool disclose = false;
  DisclosureGround ground;
  std::optional<Date> effective_date;
};
struct AnnounceRelocation {
  CaseId relocation;
};
struct CorrectRelocation {
  CaseId relocation;
  CaseId corrected;  // fresh: the relocation that takes its place
  Date effective_date;
};
struct AnnulRelocation {
  CaseId relocation;
};
struct AcknowledgeRelocation {  // municipality moved to
  CaseId relocation;
};
struct DeclineRelocation {  // municipality moved to
  CaseId relocation;
};

// Responsibility and transfer.

struct EndResponsibility {  // responsible; without an announcement
  CaseId enrolment;
  Date from;
  ResponsibilityEndReason reason = ResponsibilityEndReason::kOther;
};
struct RestoreResponsibility {  // responsible
  CaseId enrolment;
};
struct RenumberCitizen {  // responsible
  CaseId enrolment;
  CprNumber cpr;
};
struct RequestTransfer {  // municipality moved to
  CaseId transfer;        // fresh: the case with the provider
  CaseId relocation;      // the announcement that was received
  std::optional<CaseId> agreement;
};
struct WithdrawTransfer {  // municipality moved to
  CaseId transfer;
};
struct DeclineTransfer {  // provider's officer, for a request that keeps waiting
  CaseId transfer;
};

// Rectification: all who were told the wrong value are told the right one.

struct RectifyValue {  // whoever stated it: a number the responsible, all else the provider
  CaseId enrolment;
  Rectification right;
};

// What this node's log says of an event.
struct LoggedEvent {
  AuthorityId issuer;
  CaseId case_id;
  Type type = Type::kEventDisputed;
  bool refused = false;  // by this node: it is without effect
};
struct DisputeEvent {  // whoever received it
  EventId event;
  DisputeGround ground = DisputeGround::kWrongValue;
  std::optional<LoggedEvent> logged;  // looked up by the node, never said by a client
};

// An event that this authority exchanged with another one, by its entry in its issuer's log.
struct DisclosedEvent {
  AuthorityId with;
  Hash leaf_hash;
  friend auto operator<=>(const DisclosedEvent&, const DisclosedEvent&) = default;
};

// Erasure: the first officer asks, another one with another certificate erases. Without an officer it is the node's own
// act, where the table of retention periods says so.
struct EraseCases {
  CaseId erasure;             // fresh
  std::vector<CaseId> cases;  // of one citizen, all of them; ascending
  std::string legal_basis;    // empty for the node's own act
  std::string journal_reference;
  std::optional<Hash> certificate;
  std::vector<DisclosedEvent> disclosed = {};  // whose single keys auditors were given
};

// By the node itself.

// Everything whose date has passed: reservations, agreements at their term, undisclosed observations after 30 days.
struct ExpireDue {};
struct RecordAccess {
  AccessKind kind = AccessKind::kRead;
  std::string action;
  std::string purpose;
  std::vector<CaseId> cases;
};

using CommandBody =
    std::variant<ProposeAgreement, AcceptAgreement, DeclineAgreement, TerminateAgreement,                           //
                 ProposeEnrolment, StartEnrolment, RefuseEnrolment, PauseEnrolment, ResumeEnrolment, EndEnrolment,  //
                 SetFlag, ClearFlag, ImportExtract, HoldRelocation, ReleaseHold, AssessDisclosure,
                 AnnounceRelocation,                                                              //
                 CorrectRelocation, AnnulRelocation, AcknowledgeRelocation, DeclineRelocation,    //
                 EndResponsibility, RestoreResponsibility, RenumberCitizen,                       //
                 RequestTransfer, WithdrawTransfer, DeclineTransfer, RectifyValue, DisputeEvent,  //
                 EraseCases, ExpireDue, RecordAccess>;

struct Command {
  std::string officer;  // who acts; empty for the node itself
  CommandBody body;
  std::optional<crypto::Hash> certificate = {};  // SHA-256 of the client certificate that the officer acted by
  // Of what the command tells other authorities of a citizen; of its rectification it is the ground for that alone.
  std::optional<DisclosureGround> ground = {};
};

}  // namespace medflyt::event
