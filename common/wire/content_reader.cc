// ContentFromProto: the bounds of every field of every event.
#include <string_view>
#include <utility>
#include <vector>

#include "common/event/catalogue.h"
#include "common/wire/body_list.h"
#include "common/wire/content.h"
#include "common/wire/enums.h"
#include "common/wire/ground.h"
#include "common/wire/limits.h"
#include "common/wire/reading.h"

namespace medflyt::wire {
namespace {

using event::Body;
using Reader = FieldReader;

constexpr ReadingRules kRules = {"CONTENT_MALFORMED", "EVENT_TYPE_UNKNOWN", absl::StatusCode::kUnimplemented};
// 9999-12-31T23:59:59.999999Z.
constexpr int64_t kLastMicrosecond = 253'402'300'799'999'999;
constexpr uint32_t kAnyVersion = ~uint32_t{0};

event::AgreementTerms ReadTerms(Reader& r, const v1::AgreementTerms& m) {
  r.CheckKnown("terms", m);
  return {.capacity = r.Within("terms.capacity", m.capacity(), 0U, kMaxCapacity),
          .price_ore = r.Within("terms.price_ore", m.price_ore(), int64_t{0}, kMaxPriceOre),
          .price_unit = r.Enum("terms.price_unit", m.price_unit(), event::PriceUnit::kPerDay),
          .valid_from = r.Day("terms.valid_from_day", m.valid_from_day()),
          .valid_to = r.Day("terms.valid_to_day", m.valid_to_day()),
          .notice_days = r.Within("terms.notice_days", m.notice_days(), 0U, kMaxNoticeDays),
          .settlement_months = r.Within("terms.settlement_months", m.settlement_months(), 0U, kMaxSettlementMonths),
          .legal_basis = r.OptionalText("terms.legal_basis", m.legal_basis(), kMaxCode),
          .council_case = r.OptionalText("terms.council_case", m.council_case(), kMaxCode)};
}

event::AnnouncementRef ReadRef(Reader& r, const v1::AnnouncementRef& m) {
  r.CheckKnown("announcement", m);
  return {.origin = r.Text("announcement.origin", m.origin(), kMaxOrigin),
          .index = LeafIndex(m.index()),
          .leaf_hash = r.Bytes<event::Hash>("announcement.leaf_hash", m.leaf_hash())};
}

void Read(Reader& r, const v1::AgreementProposed& m, Body& out) {
  out = event::AgreementProposed{.version = r.Within("version", m.version(), 1U, kAnyVersion),
                                 .provider = r.Authority("provider", m.provider()),
                                 .buyer = r.Authority("buyer", m.buyer()),
                                 .terms = ReadTerms(r, m.terms())};
}
void Read(Reader& r, const v1::AgreementAccepted& m, Body& out) {
  out = event::AgreementAccepted{.version = r.Within("version", m.version(), 1U, kAnyVersion)};
}
void Read(Reader& r, const v1::AgreementDeclined& m, Body& out) {
  out = event::AgreementDeclined{.version = r.Within("version", m.version(), 1U, kAnyVersion)};
}
void Read(Reader& r, const v1::AgreementTerminated& m, Body& out) {
  out = event::AgreementTerminated{.last_day = r.Day("last_day", m.last_day())};
}

void Read(Reader& r, const v1::EnrolmentProposed& m, Body& out) {
  const auto cpr = r.Cpr("cpr", m.cpr());
  if (!cpr) return;
  out = event::EnrolmentProposed{.cpr = *cpr,
                                 .agreement = r.OptionalBytes<CaseId>("agreement_id", m.agreement_id()),
                                 .from = r.Day("from_day", m.from_day())};
}
void Read(Reader& r, const v1::EnrolmentStarted& m, Body& out) {
  out = event::EnrolmentStarted{.from = r.Day("from_day", m.from_day())};
}
void Read(Reader& r, const v1::EnrolmentPaused& m, Body& out) {
  out = event::EnrolmentPaused{.from = r.Day("from_day", m.from_day())};
}
void Read(Reader& r, const v1::EnrolmentResumed& m, Body& out) {
  out = event::EnrolmentResumed{.from = r.Day("from_day", m.from_day())};
}
void Read(Reader& r, const v1::EnrolmentEnded& m, Body& out) {
  // What stays local has no way across.
  out = event::EnrolmentEnded{.from = r.Day("from_day", m.from_day()),
                              .reason = r.Enum("reason", m.reason(), event::EndReason::kOther)};
}
void Read(Reader& r, const v1::EnrolmentRefused& m, Body& out) {
  out = event::EnrolmentRefused{.rule = r.Rule("rule", m.rule())};
}
void Read(Reader& r, const v1::EnrolmentTransferred& m, Body& out) {
  out = event::EnrolmentTransferred{.kind = r.Enum("kind", m.kind(), event::EnrolmentTransferred::Kind::kReversed),
                                    .from = r.Day("from_day", m.from_day())};
}
void Read(Reader& r, const v1::EndReasonRecorded& m, Body& out) {
  out = event::EndReasonRecorded{.reason = r.Enum("reason", m.reason(), event::EndReason::kError)};
}

void Read(Reader& r, const v1::ExtractImported& m, Body& out) {
  out = event::ExtractImported{
      .digest = r.Bytes<event::Hash>("digest", m.digest()),
      .production_date = r.Day("production_day", m.production_day()),
      .previous_production_date = r.OptionalDay("previous_production_day", m.previous_production_day()),
      .records = m.records(),
      .persons = m.persons(),
      .matches = m.matches()};
}
std::vector<event::HoldReason> ReadReasons(Reader& r, std::string_view field,
                                           const google::protobuf::RepeatedField<int>& numbers) {
  std::vector<event::HoldReason> reasons;
  for (const int number : numbers) {
    const auto reason = r.Enum(field, number, event::HoldReason::kOfficer);
    if (!r.ok()) break;
    if (!reasons.empty() && reason <= reasons.back()) {
      r.Fail("FIELD_MALFORMED", field, "is not ascending with each reason once");
      break;
    }
    reasons.push_back(reason);
  }
  return reasons;
}
void Read(Reader& r, const v1::RelocationObserved& m, Body& out) {
  event::RelocationObserved body{.enrolment = r.Bytes<CaseId>("enrolment_id", m.enrolment_id()),
                                 .kind = r.Enum("kind", m.kind(), event::ObservationKind::kRenumbered),
                                 .from = r.OptionalMunicipality("from_municipality", m.from_municipality()),
                                 .to = r.OptionalMunicipality("to_municipality", m.to_municipality()),
                                 .effective_date = r.OptionalDay("effective_day", m.effective_day()),
                                 .uncertain = m.uncertain(),
                                 .concerns = r.OptionalBytes<CaseId>("concerns_id", m.concerns_id()),
                                 .hold_reasons = ReadReasons(r, "hold_reasons", m.hold_reasons())};
  if (body.kind == event::ObservationKind::kMoved && body.to.is_zero()) {
    r.Fail("FIELD_REQUIRED", "to_municipality", "is missing");
  }
  if (body.kind != event::ObservationKind::kMoved && !body.hold_reasons.empty()) {
    r.Fail("FIELD_OUT_OF_RANGE", "hold_reasons", "belong to a move");
  }
  out = std::move(body);
}
void Read(Reader& r, const v1::RelocationHeld& m, Body& out) {
  if (m.reasons().empty()) r.Fail("FIELD_REQUIRED", "reasons", "is empty");
  out = event::RelocationHeld{ReadReasons(r, "reasons", m.reasons())};
}
void Read(Reader&, const v1::HoldReleaseRequested&, Body& out) { out = event::HoldReleaseRequested{}; }
void Read(Reader& r, const v1::HoldReleased& m, Body& out) {
  out = event::HoldReleased{.first_officer = r.Text("first_officer", m.first_officer(), kMaxOfficer)};
}
void Read(Reader&, const v1::RelocationExpired&, Body& out) { out = event::RelocationExpired{}; }
void Read(Reader& r, const v1::DisclosureAssessed& m, Body& out) {
  out = event::DisclosureAssessed{.disclose = m.disclose(),
                                  .ground = ReadGround(r, "ground", m.ground()),
                                  .effective_date = r.OptionalDay("effective_day", m.effective_day())};
}
void Read(Reader& r, const v1::RelocationAnnounced& m, Body& out) {
  const auto cpr = r.Cpr("cpr", m.cpr());
  if (!cpr) return;
  out = event::RelocationAnnounced{.cpr = *cpr,
                                   .provider = r.Authority("provider", m.provider()),
                                   .from = r.Municipality("from_municipality", m.from_municipality()),
                                   .to = r.Municipality("to_municipality", m.to_municipality()),
                                   .effective_date = r.Day("effective_day", m.effective_day()),
                                   .legal_basis = r.Text("legal_basis", m.legal_basis(), kMaxCode)};
}
void Read(Reader& r, const v1::RelocationCorrected& m, Body& out) {
  out = event::RelocationCorrected{.announcement = r.OptionalBytes<event::Hash>("announcement", m.announcement()),
                                   .effective_date = r.Day("effective_day", m.effective_day())};
}
void Read(Reader& r, const v1::RelocationAnnulled& m, Body& out) {
  out = event::RelocationAnnulled{.announcement = r.OptionalBytes<event::Hash>("announcement", m.announcement())};
}
void Read(Reader& r, const v1::RelocationAcknowledged& m, Body& out) {
  out = event::RelocationAcknowledged{.announcement = r.Bytes<event::Hash>("announcement", m.announcement())};
}
void Read(Reader& r, const v1::RelocationDeclined& m, Body& out) {
  out = event::RelocationDeclined{.announcement = r.Bytes<event::Hash>("announcement", m.announcement())};
}

void Read(Reader& r, const v1::ResponsibilityEnded& m, Body& out) {
  out = event::ResponsibilityEnded{.from = r.Day("from_day", m.from_day()),
                                   .reason = r.Enum("reason", m.reason(), event::ResponsibilityEndReason::kOther),
                                   .announcement = r.OptionalBytes<event::Hash>("announcement", m.announcement())};
}
void Read(Reader& r, const v1::ResponsibilityRestored& m, Body& out) {
  out = event::ResponsibilityRestored{.ended = r.Bytes<EventId>("ended_id", m.ended_id())};
}
void Read(Reader& r, const v1::CitizenRenumbered& m, Body& out) {
  const auto cpr = r.Cpr("cpr", m.cpr());
  if (cpr) out = event::CitizenRenumbered{.cpr = *cpr};
}
void Read(Reader& r, const v1::TransferRequested& m, Body& out) {
  const auto cpr = r.Cpr("cpr", m.cpr());
  if (!cpr) return;
  out = event::TransferRequested{.cpr = *cpr,
                                 .agreement = r.OptionalBytes<CaseId>("agreement_id", m.agreement_id()),
                                 .announcement = ReadRef(r, m.announcement()),
                                 .from = r.Day("from_day", m.from_day())};
}
void Read(Reader&, const v1::TransferWithdrawn&, Body& out) { out = event::TransferWithdrawn{}; }
void Read(Reader& r, const v1::TransferRefused& m, Body& out) {
  out = event::TransferRefused{.rule = r.Rule("rule", m.rule())};
}
void Read(Reader& r, const v1::AnnouncementVerified& m, Body& out) {
  out = event::AnnouncementVerified{.announcement = ReadRef(r, m.announcement()),
                                    .issuer = r.Authority("issuer", m.issuer()),
                                    .addressee = r.Authority("addressee", m.addressee()),
                                    .provider = r.Authority("provider", m.provider()),
                                    .same_citizen = m.same_citizen(),
                                    .effective_date = r.Day("effective_day", m.effective_day())};
}

void Read(Reader& r, const v1::PlaceReserved& m, Body& out) {
  out = event::PlaceReserved{.agreement = r.Bytes<CaseId>("agreement_id", m.agreement_id()),
                             .number = r.Within("number", m.number(), 1U, kMaxCapacity),
                             .from = r.Day("from_day", m.from_day()),
                             .expires = r.Day("expires_day", m.expires_day())};
}
void Read(Reader& r, const v1::PlaceOccupied& m, Body& out) {
  out = event::PlaceOccupied{.agreement = r.Bytes<CaseId>("agreement_id", m.agreement_id()),
                             .number = r.Within("number", m.number(), 1U, kMaxCapacity),
                             .from = r.Day("from_day", m.from_day())};
}
void Read(Reader& r, const v1::PlaceReleased& m, Body& out) {
  out = event::PlaceReleased{.agreement = r.Bytes<CaseId>("agreement_id", m.agreement_id()),
                             .number = r.Within("number", m.number(), 1U, kMaxCapacity),
                             .from = r.Day("from_day", m.from_day()),
                             .reason = r.Enum("reason", m.reason(), event::ReleaseReason::kRefused)};
}
void Read(Reader& r, const v1::PlaceWaitlisted& m, Body& out) {
  out = event::PlaceWaitlisted{.agreement = r.Bytes<CaseId>("agreement_id", m.agreement_id()),
                               .from = r.Day("from_day", m.from_day()),
                               .head = m.head()};
}
void Read(Reader& r, const v1::AccessRecorded& m, Body& out) {
  event::AccessRecorded body{.kind = r.Enum("kind", m.kind(), event::AccessKind::kProof),
                             .action = r.Text("action", m.action(), kMaxCode),
                             .purpose = r.OptionalText("purpose", m.purpose(), kMaxPurpose),
                             .cases = {}};
  if (static_cast<size_t>(m.case_ids_size()) > kMaxCases) r.Fail("FIELD_TOO_LONG", "case_ids", "names too many cases");
  if (!r.ok()) return;
  for (const std::string& id : m.case_ids()) body.cases.push_back(r.Bytes<CaseId>("case_ids", id));
  out = std::move(body);
}

// Cases or leaf hashes, ascending, so that each stands once.
template <typename Id>
std::vector<Id> ReadIds(Reader& r, std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& ids) {
  std::vector<Id> read;
  if (static_cast<size_t>(ids.size()) > kMaxErasedCases) r.Fail("FIELD_TOO_LONG", field, "names too many");
  for (const std::string& bytes : ids) {
    if (!r.ok()) break;
    read.push_back(r.Bytes<Id>(field, bytes));
    if (read.size() > 1 && !(read[read.size() - 2] < read.back())) {
      r.Fail("FIELD_MALFORMED", field, "is not ascending with each once");
    }
  }
  return read;
}
std::vector<CaseId> ReadErasedCases(Reader& r, const google::protobuf::RepeatedPtrField<std::string>& ids) {
  if (ids.empty()) r.Fail("FIELD_REQUIRED", "case_ids", "is empty");
  return ReadIds<CaseId>(r, "case_ids", ids);
}
void Read(Reader& r, const v1::ErasureRequested& m, Body& out) {
  out = event::ErasureRequested{.cases = ReadErasedCases(r, m.case_ids()),
                                .legal_basis = r.Text("legal_basis", m.legal_basis(), kMaxCode),
                                .journal_reference = r.Text("journal_reference", m.journal_reference(), kMaxCode),
                                .certificate = r.Bytes<event::Hash>("certificate", m.certificate())};
}
void Read(Reader& r, const v1::CasesErased& m, Body& out) {
  out = event::CasesErased{.cases = ReadErasedCases(r, m.case_ids()),
                           .legal_basis = r.Text("legal_basis", m.legal_basis(), kMaxCode),
                           .certificate = r.OptionalBytes<event::Hash>("certificate", m.certificate())};
}
void Read(Reader& r, const v1::ErasureNoticed& m, Body& out) {
  out = event::ErasureNoticed{.cases = ReadErasedCases(r, m.case_ids()),
                              .legal_basis = r.Text("legal_basis", m.legal_basis(), kMaxCode),
                              .opened = ReadIds<event::Hash>(r, "opened", m.opened()),
                              .disclosed = ReadIds<event::Hash>(r, "disclosed", m.disclosed()),
                              .disclosed_left = m.disclosed_left()};
  if (static_cast<size_t>(m.opened_size()) + static_cast<size_t>(m.disclosed_size()) > kMaxErasedCases) {
    r.Fail("FIELD_TOO_LONG", "disclosed", "names too many, with those opened");
  }
}
void Read(Reader&, const v1::ErasureReceipt&, Body& out) { out = event::ErasureReceipt{}; }

void Read(Reader& r, const v1::DisclosureGrounded& m, Body& out) {
  if (!m.has_ground()) r.Fail("FIELD_REQUIRED", "ground", "is missing");
  out = event::DisclosureGrounded{.recipient = r.Authority("recipient", m.recipient()),
                                  .ground = ReadGround(r, "ground", m.ground()),
                                  .for_rectification = m.for_rectification()};
}
void Read(Reader& r, const v1::ValueRectified& m, Body& out) {
  event::Rectification right;
  switch (m.right_case()) {
    case v1::ValueRectified::kCpr:
      right.cpr = r.Cpr("cpr", m.cpr());
      break;
    case v1::ValueRectified::kStartDay:
      right.start = r.Day("start_day", m.start_day());
      break;
    case v1::ValueRectified::kEndDay:
      right.end = r.Day("end_day", m.end_day());
      break;
    case v1::ValueRectified::kEndReason:
      right.end_reason = r.Enum("end_reason", m.end_reason(), event::EndReason::kOther);
      break;
    case v1::ValueRectified::RIGHT_NOT_SET:
      r.Fail("FIELD_REQUIRED", "right", "is missing");
      break;
  }
  std::optional<event::CprNumber> wrong;
  if (m.right_case() == v1::ValueRectified::kCpr) {
    wrong = r.Cpr("wrong_cpr", m.wrong_cpr());
    if (wrong == right.cpr) r.Fail("FIELD_OUT_OF_RANGE", "wrong_cpr", "is the number itself");
  } else if (!m.wrong_cpr().empty()) {
    r.Fail("FIELD_OUT_OF_RANGE", "wrong_cpr", "belongs to a number");
  }
  out = event::ValueRectified{right, wrong};
}
void Read(Reader& r, const v1::EventDisputed& m, Body& out) {
  out = event::EventDisputed{.disputed = r.Bytes<EventId>("disputed_id", m.disputed_id()),
                             .ground = r.Enum("ground", m.ground(), event::DisputeGround::kNotOurCitizen)};
}
void Read(Reader& r, const v1::FlagSet& m, Body& out) { out = event::FlagSet{.flag = ReadFlag(r, m.flag())}; }
void Read(Reader& r, const v1::FlagClearRequested& m, Body& out) {
  out = event::FlagClearRequested{.flag = ReadFlag(r, m.flag())};
}
void Read(Reader& r, const v1::FlagCleared& m, Body& out) {
  out = event::FlagCleared{.flag = ReadFlag(r, m.flag()),
                           .first_officer = r.Text("first_officer", m.first_officer(), kMaxOfficer)};
}

// What is about a whole file or about a read has no case of its own.
bool NeedsCase(event::Type type) {
  return type != event::Type::kExtractImported && type != event::Type::kAccessRecorded;
}

#define MEDFLYT_CHECK_NUMBER(Name, name)                                                          \
  static_assert(v1::Content::k##Name##FieldNumber == 16 + static_cast<int>(event::Type::k##Name), \
                "the field numbers of Content follow the order of event::Body");
MEDFLYT_EVENT_BODIES(MEDFLYT_CHECK_NUMBER)
#undef MEDFLYT_CHECK_NUMBER

}  // namespace

absl::StatusOr<event::Event> ContentFromProto(const v1::Content& content, const EventId& id) {
  Reader r(kRules);
  r.CheckKnown("", content);
  event::Event event{.header = {.id = id,
                                .issuer = r.Authority("issuer", content.issuer()),
                                .recipient = r.Authority("recipient", content.recipient()),
                                .case_id = r.OptionalBytes<CaseId>("case_id", content.case_id()).value_or(CaseId()),
                                .number = PairNumber(r.Within("number", content.number(), uint64_t{1}, ~uint64_t{0})),
                                .recorded_at = absl::FromUnixMicros(
                                    r.Within("recorded_at_us", content.recorded_at_us(), int64_t{0}, kLastMicrosecond)),
                                .officer = r.OptionalText("officer", content.officer(), kMaxOfficer),
                                .certificate = r.OptionalBytes<event::Hash>("certificate", content.certificate())},
                     .body = {}};
  switch (content.body_case()) {
#define MEDFLYT_READ(Name, name)         \
  case v1::Content::k##Name:             \
    r.Enter(#name);                      \
    r.CheckKnown("", content.name());    \
    Read(r, content.name(), event.body); \
    break;
    MEDFLYT_EVENT_BODIES(MEDFLYT_READ)
#undef MEDFLYT_READ
    case v1::Content::BODY_NOT_SET:
      r.Fail("FIELD_REQUIRED", "body", "is missing");
      break;
  }
  r.Enter("");
  if (event.header.case_id.is_zero() && NeedsCase(event::TypeOf(event.body))) {
    r.Fail("FIELD_REQUIRED", "case_id", "is missing");
  }
  if (!r.ok()) return r.status();
  return event;
}

}  // namespace medflyt::wire
