#include "common/wire/content.h"

#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/event/catalogue.h"
#include "common/wire/body_list.h"
#include "common/wire/day_number.h"
#include "common/wire/enums.h"
#include "common/wire/ground.h"
#include "common/wire/limits.h"

namespace medflyt::wire {
namespace {

// Room for content of nearly every kind without a heap allocation.
constexpr size_t kBlockSize = 8 * 1024;

template <typename Id>
void Put(std::string* out, const Id& id) {
  out->assign(id.bytes());
}
template <typename Id>
void Put(std::string* out, const std::optional<Id>& id) {
  if (id) Put(out, *id);
}
void Put(std::string* out, const registry::CprNumber& cpr) { out->assign(cpr.ExposeDigits()); }
uint32_t OptionalDayNumber(const std::optional<Date>& date) { return date ? DayNumber(*date) : 0; }

void Write(const event::AgreementTerms& in, v1::AgreementTerms& out) {
  out.set_capacity(in.capacity);
  out.set_price_ore(in.price_ore);
  out.set_price_unit(ToProto(in.price_unit));
  out.set_valid_from_day(DayNumber(in.valid_from));
  out.set_valid_to_day(DayNumber(in.valid_to));
  out.set_notice_days(in.notice_days);
  out.set_settlement_months(in.settlement_months);
  out.set_legal_basis(in.legal_basis);
  out.set_council_case(in.council_case);
}
void Write(const event::AnnouncementRef& in, v1::AnnouncementRef& out) {
  out.set_origin(in.origin);
  out.set_index(in.index.value());
  Put(out.mutable_leaf_hash(), in.leaf_hash);
}

void Write(const event::AgreementProposed& in, v1::AgreementProposed& out) {
  out.set_version(in.version);
  out.set_provider(in.provider.number());
  out.set_buyer(in.buyer.number());
  Write(in.terms, *out.mutable_terms());
}
void Write(const event::AgreementAccepted& in, v1::AgreementAccepted& out) { out.set_version(in.version); }
void Write(const event::AgreementDeclined& in, v1::AgreementDeclined& out) { out.set_version(in.version); }
void Write(const event::AgreementTerminated& in, v1::AgreementTerminated& out) {
  out.set_last_day(DayNumber(in.last_day));
}

void Write(const event::EnrolmentProposed& in, v1::EnrolmentProposed& out) {
  Put(out.mutable_cpr(), in.cpr);
  Put(out.mutable_agreement_id(), in.agreement);
  out.set_from_day(DayNumber(in.from));
}
void Write(const event::EnrolmentStarted& in, v1::EnrolmentStarted& out) { out.set_from_day(DayNumber(in.from)); }
void Write(const event::EnrolmentPaused& in, v1::EnrolmentPaused& out) { out.set_from_day(DayNumber(in.from)); }
void Write(const event::EnrolmentResumed& in, v1::EnrolmentResumed& out) { out.set_from_day(DayNumber(in.from)); }
void Write(const event::EnrolmentEnded& in, v1::EnrolmentEnded& out) {
  out.set_from_day(DayNumber(in.from));
  out.set_reason(ToProto(in.reason));
}
void Write(const event::EnrolmentRefused& in, v1::EnrolmentRefused& out) { out.set_rule(in.rule); }
void Write(const event::EnrolmentTransferred& in, v1::EnrolmentTransferred& out) {
  out.set_kind(ToProto(in.kind));
  out.set_from_day(DayNumber(in.from));
}
void Write(const event::EndReasonRecorded& in, v1::EndReasonRecorded& out) { out.set_reason(ToProto(in.reason)); }

void Write(const event::ExtractImported& in, v1::ExtractImported& out) {
  Put(out.mutable_digest(), in.digest);
  out.set_production_day(DayNumber(in.production_date));
  out.set_previous_production_day(OptionalDayNumber(in.previous_production_date));
  out.set_records(in.records);
  out.set_persons(in.persons);
  out.set_matches(in.matches);
}
void Write(const event::RelocationObserved& in, v1::RelocationObserved& out) {
  Put(out.mutable_enrolment_id(), in.enrolment);
  out.set_kind(ToProto(in.kind));
  out.set_from_municipality(in.from.number());
  out.set_to_municipality(in.to.number());
  out.set_effective_day(OptionalDayNumber(in.effective_date));
  out.set_uncertain(in.uncertain);
  Put(out.mutable_concerns_id(), in.concerns);
  for (event::HoldReason reason : in.hold_reasons) out.add_hold_reasons(ToProto(reason));
}
void Write(const event::RelocationHeld& in, v1::RelocationHeld& out) {
  for (event::HoldReason reason : in.reasons) out.add_reasons(ToProto(reason));
}
void Write(const event::HoldReleaseRequested&, v1::HoldReleaseRequested&) {}
void Write(const event::HoldReleased& in, v1::HoldReleased& out) { out.set_first_officer(in.first_officer); }
void Write(const event::RelocationExpired&, v1::RelocationExpired&) {}
void Write(const event::DisclosureAssessed& in, v1::DisclosureAssessed& out) {
  out.set_disclose(in.disclose);
  WriteGround(in.ground, *out.mutable_ground());
  out.set_effective_day(OptionalDayNumber(in.effective_date));
}
void Write(const event::RelocationAnnounced& in, v1::RelocationAnnounced& out) {
  Put(out.mutable_cpr(), in.cpr);
  out.set_provider(in.provider.number());
  out.set_from_municipality(in.from.number());
  out.set_to_municipality(in.to.number());
  out.set_effective_day(DayNumber(in.effective_date));
  out.set_legal_basis(in.legal_basis);
}
void Write(const event::RelocationCorrected& in, v1::RelocationCorrected& out) {
  Put(out.mutable_announcement(), in.announcement);
  out.set_effective_day(DayNumber(in.effective_date));
}
void Write(const event::RelocationAnnulled& in, v1::RelocationAnnulled& out) {
  Put(out.mutable_announcement(), in.announcement);
}
void Write(const event::RelocationAcknowledged& in, v1::RelocationAcknowledged& out) {
  Put(out.mutable_announcement(), in.announcement);
}
void Write(const event::RelocationDeclined& in, v1::RelocationDeclined& out) {
  Put(out.mutable_announcement(), in.announcement);
}

void Write(const event::ResponsibilityEnded& in, v1::ResponsibilityEnded& out) {
  out.set_from_day(DayNumber(in.from));
  out.set_reason(ToProto(in.reason));
  Put(out.mutable_announcement(), in.announcement);
}
void Write(const event::ResponsibilityRestored& in, v1::ResponsibilityRestored& out) {
  Put(out.mutable_ended_id(), in.ended);
}
void Write(const event::CitizenRenumbered& in, v1::CitizenRenumbered& out) { Put(out.mutable_cpr(), in.cpr); }
void Write(const event::TransferRequested& in, v1::TransferRequested& out) {
  Put(out.mutable_cpr(), in.cpr);
  Put(out.mutable_agreement_id(), in.agreement);
  Write(in.announcement, *out.mutable_announcement());
  out.set_from_day(DayNumber(in.from));
}
void Write(const event::TransferWithdrawn&, v1::TransferWithdrawn&) {}
void Write(const event::TransferRefused& in, v1::TransferRefused& out) { out.set_rule(in.rule); }
void Write(const event::AnnouncementVerified& in, v1::AnnouncementVerified& out) {
  Write(in.announcement, *out.mutable_announcement());
  out.set_issuer(in.issuer.number());
  out.set_addressee(in.addressee.number());
  out.set_provider(in.provider.number());
  out.set_same_citizen(in.same_citizen);
  out.set_effective_day(DayNumber(in.effective_date));
}

void Write(const event::PlaceReserved& in, v1::PlaceReserved& out) {
  Put(out.mutable_agreement_id(), in.agreement);
  out.set_number(in.number);
  out.set_from_day(DayNumber(in.from));
  out.set_expires_day(DayNumber(in.expires));
}
void Write(const event::PlaceOccupied& in, v1::PlaceOccupied& out) {
  Put(out.mutable_agreement_id(), in.agreement);
  out.set_number(in.number);
  out.set_from_day(DayNumber(in.from));
}
void Write(const event::PlaceReleased& in, v1::PlaceReleased& out) {
  Put(out.mutable_agreement_id(), in.agreement);
  out.set_number(in.number);
  out.set_from_day(DayNumber(in.from));
  out.set_reason(ToProto(in.reason));
}
void Write(const event::PlaceWaitlisted& in, v1::PlaceWaitlisted& out) {
  Put(out.mutable_agreement_id(), in.agreement);
  out.set_from_day(DayNumber(in.from));
  out.set_head(in.head);
}
void Write(const event::AccessRecorded& in, v1::AccessRecorded& out) {
  out.set_kind(ToProto(in.kind));
  out.set_action(in.action);
  out.set_purpose(in.purpose);
  for (const CaseId& id : in.cases) Put(out.add_case_ids(), id);
}

void Write(const event::ErasureRequested& in, v1::ErasureRequested& out) {
  for (const CaseId& id : in.cases) Put(out.add_case_ids(), id);
  out.set_legal_basis(in.legal_basis);
  out.set_journal_reference(in.journal_reference);
  Put(out.mutable_certificate(), in.certificate);
}
void Write(const event::CasesErased& in, v1::CasesErased& out) {
  for (const CaseId& id : in.cases) Put(out.add_case_ids(), id);
  out.set_legal_basis(in.legal_basis);
  Put(out.mutable_certificate(), in.certificate);
}
void Write(const event::ErasureNoticed& in, v1::ErasureNoticed& out) {
  for (const CaseId& id : in.cases) Put(out.add_case_ids(), id);
  out.set_legal_basis(in.legal_basis);
  for (const event::Hash& leaf : in.opened) Put(out.add_opened(), leaf);
  for (const event::Hash& leaf : in.disclosed) Put(out.add_disclosed(), leaf);
  out.set_disclosed_left(in.disclosed_left);
}
void Write(const event::ErasureReceipt&, v1::ErasureReceipt&) {}

void Write(const event::DisclosureGrounded& in, v1::DisclosureGrounded& out) {
  out.set_recipient(in.recipient.number());
  WriteGround(in.ground, *out.mutable_ground());
  out.set_for_rectification(in.for_rectification);
}
void Write(const event::ValueRectified& in, v1::ValueRectified& out) {
  if (in.right.cpr) Put(out.mutable_cpr(), *in.right.cpr);
  if (in.wrong_cpr) Put(out.mutable_wrong_cpr(), *in.wrong_cpr);
  if (in.right.start) out.set_start_day(DayNumber(*in.right.start));
  if (in.right.end) out.set_end_day(DayNumber(*in.right.end));
  if (in.right.end_reason) out.set_end_reason(ToProto(*in.right.end_reason));
}
void Write(const event::EventDisputed& in, v1::EventDisputed& out) {
  Put(out.mutable_disputed_id(), in.disputed);
  out.set_ground(ToProto(in.ground));
}
void Write(const event::FlagSet& in, v1::FlagSet& out) { out.set_flag(ToProto(in.flag)); }
void Write(const event::FlagClearRequested& in, v1::FlagClearRequested& out) { out.set_flag(ToProto(in.flag)); }
void Write(const event::FlagCleared& in, v1::FlagCleared& out) {
  out.set_flag(ToProto(in.flag));
  out.set_first_officer(in.first_officer);
}

google::protobuf::ArenaOptions WithBlock(char* block) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = kBlockSize;
  return options;
}

}  // namespace

void ContentToProto(const event::Event& event, v1::Content& out) {
  const event::Header& header = event.header;
  out.set_issuer(header.issuer.number());
  out.set_recipient(header.recipient.number());
  if (!header.case_id.is_zero()) Put(out.mutable_case_id(), header.case_id);
  out.set_number(header.number.value());
  out.set_recorded_at_us(absl::ToUnixMicros(header.recorded_at));
  out.set_officer(header.officer);
  Put(out.mutable_certificate(), header.certificate);
  switch (event::TypeOf(event.body)) {
#define MEDFLYT_WRITE(Name, name)                                    \
  case event::Type::k##Name:                                         \
    Write(std::get<event::Name>(event.body), *out.mutable_##name()); \
    break;
    MEDFLYT_EVENT_BODIES(MEDFLYT_WRITE)
#undef MEDFLYT_WRITE
  }
}

ContentCodec::ContentCodec() : block_(new char[kBlockSize]), arena_(WithBlock(block_.get())) {}
ContentCodec::~ContentCodec() = default;

absl::Status ContentCodec::Encode(const event::Event& event, std::string& out) {
  arena_.Reset();
  auto* content = google::protobuf::Arena::CreateMessage<v1::Content>(&arena_);
  ContentToProto(event, *content);
  if (const auto read = ContentFromProto(*content, event.header.id); !read.ok()) {
    return Annotate(read.status(), event::NameOf(event::TypeOf(event.body)));
  }
  content->SerializeToString(&out);
  return absl::OkStatus();
}

absl::StatusOr<event::Event> ContentCodec::Decode(std::string_view content, const EventId& id) {
  arena_.Reset();
  auto* message = google::protobuf::Arena::CreateMessage<v1::Content>(&arena_);
  if (content.size() > kMaxContentBytes || !message->ParseFromArray(content.data(), static_cast<int>(content.size()))) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CONTENT_MALFORMED", "", "not a Content message");
  }
  return ContentFromProto(*message, id);
}

}  // namespace medflyt::wire
