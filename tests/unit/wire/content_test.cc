// Content within bounds: what each field must be, which rule and path an error names, and the bytes themselves.
#include "common/wire/content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/event/catalogue.h"
#include "common/wire/limits.h"
#include "tests/support/sample_events.h"

namespace medflyt::wire {
namespace {

using event::Type;
using testing::EventMaker;

// The same events each time, with every optional field set.
event::Event Sample(Type type) {
  std::mt19937_64 random(7);
  return EventMaker([&random](uint64_t least, uint64_t most) {
           if (least == 0 && most == 1) return uint64_t{1};
           return least + random() % (most - least + 1 == 0 ? ~uint64_t{0} : most - least + 1);
         })
      .Any(type);
}
v1::Content SampleContent(Type type) {
  v1::Content content;
  ContentToProto(Sample(type), content);
  return content;
}
const EventId kId = *EventId::FromHex("000102030405060708090a0b0c0d0e0f");

void ExpectMalformed(const v1::Content& content, std::string_view field) {
  const auto read = ContentFromProto(content, kId);
  ASSERT_FALSE(read.ok()) << field;
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << field;
  const auto broken = BrokenRuleOf(read.status());
  ASSERT_TRUE(broken.has_value()) << field;
  EXPECT_EQ(broken->rule, "CONTENT_MALFORMED");
  EXPECT_EQ(broken->field, field);
}

TEST(Content, ASampleOfEveryTypeIsRead) {
  for (size_t i = 0; i < event::kTypeCount; ++i) {
    const event::Event sample = Sample(static_cast<Type>(i));
    const auto read = ContentFromProto(SampleContent(static_cast<Type>(i)), sample.header.id);
    ASSERT_TRUE(read.ok()) << event::NameOf(static_cast<Type>(i)) << read.status();
    EXPECT_EQ(*read, sample);
  }
}

struct Case {
  Type type;
  std::string_view field;
  std::function<void(v1::Content&)> spoil;
};

// Every field of every body that has a bound, each broken in each way that it can be.
std::vector<Case> Cases() {
  std::vector<Case> cases;
  const std::string long_code(kMaxCode + 1, 'x');
#define SPOIL(Name, body, path, statement) \
  cases.push_back({Type::k##Name, #body "." path, [=](v1::Content& c) { c.mutable_##body()->statement; }})
#define BAD_DAY(Name, body, field)                 \
  SPOIL(Name, body, #field, set_##field(0));       \
  SPOIL(Name, body, #field, set_##field(657'071)); \
  SPOIL(Name, body, #field, set_##field(3'652'060))
#define BAD_OPTIONAL_DAY(Name, body, field)  \
  SPOIL(Name, body, #field, set_##field(1)); \
  SPOIL(Name, body, #field, set_##field(3'652'060))
#define BAD_BYTES(Name, body, field, size)                            \
  SPOIL(Name, body, #field, set_##field(""));                         \
  SPOIL(Name, body, #field, set_##field(std::string(size, '\0')));    \
  SPOIL(Name, body, #field, set_##field(std::string(size - 1, 'a'))); \
  SPOIL(Name, body, #field, set_##field(std::string(size + 1, 'a')))
#define BAD_OPTIONAL_BYTES(Name, body, field, size)                   \
  SPOIL(Name, body, #field, set_##field(std::string(size, '\0')));    \
  SPOIL(Name, body, #field, set_##field(std::string(size - 1, 'a'))); \
  SPOIL(Name, body, #field, set_##field(std::string(size + 1, 'a')))
#define BAD_ENUM(Name, body, field, type, above)                        \
  SPOIL(Name, body, #field, set_##field(static_cast<v1::type>(0)));     \
  SPOIL(Name, body, #field, set_##field(static_cast<v1::type>(above))); \
  SPOIL(Name, body, #field, set_##field(static_cast<v1::type>(-1)))
#define BAD_AUTHORITY(Name, body, field)     \
  SPOIL(Name, body, #field, set_##field(0)); \
  SPOIL(Name, body, #field, set_##field(100'000'000))
#define BAD_CPR(Name, body)                         \
  SPOIL(Name, body, "cpr", set_cpr(""));            \
  SPOIL(Name, body, "cpr", set_cpr("010190123"));   \
  SPOIL(Name, body, "cpr", set_cpr("01019012345")); \
  SPOIL(Name, body, "cpr", set_cpr("010190-123"));  \
  SPOIL(Name, body, "cpr", set_cpr("3002901234"))
#define BAD_OPTIONAL_TEXT(Name, body, field, most)                    \
  SPOIL(Name, body, #field, set_##field(std::string(most + 1, 'x'))); \
  SPOIL(Name, body, #field, set_##field("bell\a"));                   \
  SPOIL(Name, body, #field, set_##field("\xC3"))
#define BAD_TEXT(Name, body, field, most)     \
  SPOIL(Name, body, #field, set_##field("")); \
  BAD_OPTIONAL_TEXT(Name, body, field, most)
#define BAD_GROUND_TEXT(Name, body, field, most)                                                  \
  SPOIL(Name, body, "ground." #field, mutable_ground()->set_##field(std::string(most + 1, 'x'))); \
  SPOIL(Name, body, "ground." #field, mutable_ground()->set_##field("bell\a"));                   \
  SPOIL(Name, body, "ground." #field, mutable_ground()->set_##field("\xC3"))
#define BAD_GROUND(Name, body)                                                                          \
  BAD_GROUND_TEXT(Name, body, necessity, kMaxNecessity);                                                \
  BAD_GROUND_TEXT(Name, body, legal_basis, kMaxCode);                                                   \
  BAD_GROUND_TEXT(Name, body, journal_reference, kMaxCode);                                             \
  SPOIL(Name, body, "ground.categories", mutable_ground()->add_categories(v1::DATA_CATEGORY_IDENTITY)); \
  SPOIL(Name, body, "ground.categories", mutable_ground()->add_categories(static_cast<v1::DataCategory>(4)))
#define BAD_RULE(Name, body)                         \
  SPOIL(Name, body, "rule", set_rule(""));           \
  SPOIL(Name, body, "rule", set_rule("lower_case")); \
  SPOIL(Name, body, "rule", set_rule("WITH BLANK")); \
  SPOIL(Name, body, "rule", set_rule(std::string(65, 'X')))
#define BAD_VERSION(Name, body) SPOIL(Name, body, "version", set_version(0))
#define BAD_NUMBER(Name, body)                \
  SPOIL(Name, body, "number", set_number(0)); \
  SPOIL(Name, body, "number", set_number(100'001))

  BAD_VERSION(AgreementProposed, agreement_proposed);
  BAD_AUTHORITY(AgreementProposed, agreement_proposed, provider);
  BAD_AUTHORITY(AgreementProposed, agreement_proposed, buyer);
#define BAD_TERM(field, value) \
  SPOIL(AgreementProposed, agreement_proposed, "terms." #field, mutable_terms()->set_##field(value))
  BAD_TERM(capacity, 100'001);
  BAD_TERM(price_ore, -1);
  BAD_TERM(price_ore, 1'000'000'000'001);
  BAD_TERM(price_unit, v1::PRICE_UNIT_UNSPECIFIED);
  BAD_TERM(price_unit, static_cast<v1::PriceUnit>(3));
  BAD_TERM(valid_from_day, 0);
  BAD_TERM(valid_to_day, 657'071);
  BAD_TERM(notice_days, 3'661);
  BAD_TERM(settlement_months, 121);
  BAD_TERM(legal_basis, long_code);
  BAD_TERM(council_case, long_code);
  BAD_TERM(council_case, "two\nlines");
  BAD_VERSION(AgreementAccepted, agreement_accepted);
  BAD_VERSION(AgreementDeclined, agreement_declined);
  BAD_DAY(AgreementTerminated, agreement_terminated, last_day);

  BAD_CPR(EnrolmentProposed, enrolment_proposed);
  BAD_OPTIONAL_BYTES(EnrolmentProposed, enrolment_proposed, agreement_id, 16);
  BAD_DAY(EnrolmentProposed, enrolment_proposed, from_day);
  BAD_DAY(EnrolmentStarted, enrolment_started, from_day);
  BAD_DAY(EnrolmentPaused, enrolment_paused, from_day);
  BAD_DAY(EnrolmentResumed, enrolment_resumed, from_day);
  BAD_DAY(EnrolmentEnded, enrolment_ended, from_day);
  // "stopped", "exit", "prison" and "error" stay local.
  BAD_ENUM(EnrolmentEnded, enrolment_ended, reason, EndReason, 7);
  BAD_ENUM(EnrolmentEnded, enrolment_ended, reason, EndReason, 8);
  BAD_ENUM(EnrolmentEnded, enrolment_ended, reason, EndReason, 9);
  BAD_RULE(EnrolmentRefused, enrolment_refused);
  BAD_ENUM(EnrolmentTransferred, enrolment_transferred, kind, EnrolmentTransferKind, 5);
  BAD_DAY(EnrolmentTransferred, enrolment_transferred, from_day);
  BAD_ENUM(EndReasonRecorded, end_reason_recorded, reason, EndReason, 11);

  BAD_BYTES(ExtractImported, extract_imported, digest, 32);
  BAD_DAY(ExtractImported, extract_imported, production_day);
  BAD_OPTIONAL_DAY(ExtractImported, extract_imported, previous_production_day);
  BAD_BYTES(RelocationObserved, relocation_observed, enrolment_id, 16);
  BAD_ENUM(RelocationObserved, relocation_observed, kind, ObservationKind, 7);
  SPOIL(RelocationObserved, relocation_observed, "from_municipality", set_from_municipality(10'000));
  SPOIL(RelocationObserved, relocation_observed, "to_municipality", set_to_municipality(10'000));
  cases.push_back({Type::kRelocationObserved, "relocation_observed.to_municipality", [](v1::Content& c) {
                     c.mutable_relocation_observed()->set_kind(v1::OBSERVATION_KIND_MOVED);
                     c.mutable_relocation_observed()->set_to_municipality(0);
                   }});
  BAD_OPTIONAL_DAY(RelocationObserved, relocation_observed, effective_day);
  BAD_OPTIONAL_BYTES(RelocationObserved, relocation_observed, concerns_id, 16);
  auto held_from_the_start = [&cases](v1::ObservationKind kind, std::vector<int> numbers) {
    cases.push_back({Type::kRelocationObserved, "relocation_observed.hold_reasons", [kind, numbers](v1::Content& c) {
                       auto& observed = *c.mutable_relocation_observed();
                       observed.set_kind(kind);
                       observed.set_to_municipality(450);
                       observed.clear_hold_reasons();
                       for (int number : numbers) observed.add_hold_reasons(static_cast<v1::HoldReason>(number));
                     }});
  };
  held_from_the_start(v1::OBSERVATION_KIND_MOVED, {2, 1});
  held_from_the_start(v1::OBSERVATION_KIND_MOVED, {6});
  held_from_the_start(v1::OBSERVATION_KIND_DEAD, {1});
  auto reasons = [&cases](std::vector<int> numbers) {
    cases.push_back({Type::kRelocationHeld, "relocation_held.reasons", [numbers](v1::Content& c) {
                       auto& held = *c.mutable_relocation_held();
                       held.clear_reasons();
                       for (int number : numbers) held.add_reasons(static_cast<v1::HoldReason>(number));
                     }});
  };
  reasons({});
  reasons({0});
  reasons({6});
  reasons({2, 1});
  reasons({1, 1});
  reasons({1, 2, 7});
  BAD_TEXT(HoldReleased, hold_released, first_officer, kMaxOfficer);
  BAD_ENUM(FlagSet, flag_set, flag, ProtectionFlag, 3);
  BAD_ENUM(FlagClearRequested, flag_clear_requested, flag, ProtectionFlag, 3);
  BAD_ENUM(FlagCleared, flag_cleared, flag, ProtectionFlag, 3);
  BAD_TEXT(FlagCleared, flag_cleared, first_officer, kMaxOfficer);
  BAD_GROUND(DisclosureAssessed, disclosure_assessed);
  BAD_OPTIONAL_DAY(DisclosureAssessed, disclosure_assessed, effective_day);
  BAD_CPR(RelocationAnnounced, relocation_announced);
  BAD_AUTHORITY(RelocationAnnounced, relocation_announced, provider);
  SPOIL(RelocationAnnounced, relocation_announced, "from_municipality", set_from_municipality(0));
  SPOIL(RelocationAnnounced, relocation_announced, "from_municipality", set_from_municipality(10'000));
  SPOIL(RelocationAnnounced, relocation_announced, "to_municipality", set_to_municipality(0));
  SPOIL(RelocationAnnounced, relocation_announced, "to_municipality", set_to_municipality(10'000));
  BAD_DAY(RelocationAnnounced, relocation_announced, effective_day);
  BAD_TEXT(RelocationAnnounced, relocation_announced, legal_basis, kMaxCode);
  BAD_OPTIONAL_BYTES(RelocationCorrected, relocation_corrected, announcement, 32);
  BAD_DAY(RelocationCorrected, relocation_corrected, effective_day);
  BAD_OPTIONAL_BYTES(RelocationAnnulled, relocation_annulled, announcement, 32);
  BAD_BYTES(RelocationAcknowledged, relocation_acknowledged, announcement, 32);
  BAD_BYTES(RelocationDeclined, relocation_declined, announcement, 32);

  BAD_DAY(ResponsibilityEnded, responsibility_ended, from_day);
  BAD_ENUM(ResponsibilityEnded, responsibility_ended, reason, ResponsibilityEndReason, 5);
  BAD_OPTIONAL_BYTES(ResponsibilityEnded, responsibility_ended, announcement, 32);
  BAD_BYTES(ResponsibilityRestored, responsibility_restored, ended_id, 16);
  BAD_CPR(CitizenRenumbered, citizen_renumbered);
  BAD_CPR(TransferRequested, transfer_requested);
  BAD_OPTIONAL_BYTES(TransferRequested, transfer_requested, agreement_id, 16);
  SPOIL(TransferRequested, transfer_requested, "announcement.origin", mutable_announcement()->clear_origin());
  SPOIL(TransferRequested, transfer_requested, "announcement.origin",
        mutable_announcement()->set_origin(std::string(kMaxOrigin + 1, 'x')));
  SPOIL(TransferRequested, transfer_requested, "announcement.leaf_hash", mutable_announcement()->clear_leaf_hash());
  SPOIL(TransferRequested, transfer_requested, "announcement.leaf_hash", mutable_announcement()->set_leaf_hash("x"));
  SPOIL(TransferRequested, transfer_requested, "announcement.origin", clear_announcement());
  BAD_DAY(TransferRequested, transfer_requested, from_day);
  BAD_RULE(TransferRefused, transfer_refused);
  SPOIL(AnnouncementVerified, announcement_verified, "announcement.leaf_hash",
        mutable_announcement()->clear_leaf_hash());
  BAD_AUTHORITY(AnnouncementVerified, announcement_verified, issuer);
  BAD_AUTHORITY(AnnouncementVerified, announcement_verified, addressee);
  BAD_AUTHORITY(AnnouncementVerified, announcement_verified, provider);
  BAD_DAY(AnnouncementVerified, announcement_verified, effective_day);

  BAD_BYTES(PlaceReserved, place_reserved, agreement_id, 16);
  BAD_NUMBER(PlaceReserved, place_reserved);
  BAD_DAY(PlaceReserved, place_reserved, from_day);
  BAD_DAY(PlaceReserved, place_reserved, expires_day);
  BAD_BYTES(PlaceOccupied, place_occupied, agreement_id, 16);
  BAD_NUMBER(PlaceOccupied, place_occupied);
  BAD_DAY(PlaceOccupied, place_occupied, from_day);
  BAD_BYTES(PlaceReleased, place_released, agreement_id, 16);
  BAD_NUMBER(PlaceReleased, place_released);
  BAD_DAY(PlaceReleased, place_released, from_day);
  BAD_ENUM(PlaceReleased, place_released, reason, ReleaseReason, 7);
  BAD_BYTES(PlaceWaitlisted, place_waitlisted, agreement_id, 16);
  BAD_DAY(PlaceWaitlisted, place_waitlisted, from_day);

  BAD_ENUM(AccessRecorded, access_recorded, kind, AccessKind, 5);
  BAD_TEXT(AccessRecorded, access_recorded, action, kMaxCode);
  BAD_OPTIONAL_TEXT(AccessRecorded, access_recorded, purpose, kMaxPurpose);
  SPOIL(AccessRecorded, access_recorded, "case_ids", add_case_ids("short"));
  SPOIL(AccessRecorded, access_recorded, "case_ids", add_case_ids(""));
  cases.push_back({Type::kAccessRecorded, "access_recorded.case_ids", [](v1::Content& c) {
                     for (size_t i = 0; i <= kMaxCases; ++i) {
                       c.mutable_access_recorded()->add_case_ids(std::string(16, 'a'));
                     }
                   }});

  BAD_AUTHORITY(DisclosureGrounded, disclosure_grounded, recipient);
  BAD_GROUND(DisclosureGrounded, disclosure_grounded);
  SPOIL(DisclosureGrounded, disclosure_grounded, "ground", clear_ground());
  BAD_CPR(ValueRectified, value_rectified);
  BAD_DAY(ValueRectified, value_rectified, start_day);
  BAD_DAY(ValueRectified, value_rectified, end_day);
  BAD_ENUM(ValueRectified, value_rectified, end_reason, EndReason, 7);
  SPOIL(ValueRectified, value_rectified, "right", clear_right());
  BAD_BYTES(EventDisputed, event_disputed, disputed_id, 16);
  BAD_ENUM(EventDisputed, event_disputed, ground, DisputeGround, 5);
  const auto wrong_number = [&cases](std::string_view wrong, bool with_number) {
    cases.push_back({Type::kValueRectified, "value_rectified.wrong_cpr", [=](v1::Content& c) {
                       auto& rectified = *c.mutable_value_rectified();
                       with_number ? rectified.set_cpr("6101801000") : rectified.set_start_day(739'000);
                       rectified.set_wrong_cpr(std::string(wrong));
                     }});
  };
  wrong_number("", true);
  wrong_number("610180100", true);
  wrong_number("6101801000", true);  // no other than the right one
  wrong_number("6201801000", false);

  SPOIL(ErasureRequested, erasure_requested, "case_ids", clear_case_ids());
  SPOIL(ErasureRequested, erasure_requested, "case_ids", add_case_ids("short"));
  SPOIL(ErasureRequested, erasure_requested, "case_ids", add_case_ids(std::string(16, '\1')));  // not ascending
  BAD_TEXT(ErasureRequested, erasure_requested, legal_basis, kMaxCode);
  BAD_TEXT(ErasureRequested, erasure_requested, journal_reference, kMaxCode);
  BAD_BYTES(ErasureRequested, erasure_requested, certificate, 32);
  SPOIL(CasesErased, cases_erased, "case_ids", clear_case_ids());
  BAD_TEXT(CasesErased, cases_erased, legal_basis, kMaxCode);
  BAD_OPTIONAL_BYTES(CasesErased, cases_erased, certificate, 32);
  SPOIL(ErasureNoticed, erasure_noticed, "case_ids", clear_case_ids());
  SPOIL(ErasureNoticed, erasure_noticed, "opened", add_opened("short"));
  SPOIL(ErasureNoticed, erasure_noticed, "disclosed", add_disclosed("short"));
  BAD_TEXT(ErasureNoticed, erasure_noticed, legal_basis, kMaxCode);
  cases.push_back({Type::kErasureNoticed, "erasure_noticed.disclosed", [](v1::Content& c) {
                     auto& noticed = *c.mutable_erasure_noticed();
                     noticed.clear_opened();
                     noticed.clear_disclosed();
                     for (size_t i = 0; i <= kMaxErasedCases; ++i) {
                       std::string leaf(32, 'a');
                       leaf[0] = static_cast<char>(i >> 8);
                       leaf[1] = static_cast<char>(i);
                       (i % 2 == 0 ? noticed.add_opened() : noticed.add_disclosed())->assign(leaf);
                     }
                   }});
  cases.push_back({Type::kErasureNoticed, "erasure_noticed.case_ids", [](v1::Content& c) {
                     auto& noticed = *c.mutable_erasure_noticed();
                     noticed.clear_case_ids();
                     for (size_t i = 0; i <= kMaxErasedCases; ++i) {
                       std::string id(16, 'a');
                       id[0] = static_cast<char>(i >> 8);
                       id[1] = static_cast<char>(i);
                       noticed.add_case_ids(id);
                     }
                   }});
  return cases;
}

TEST(Content, EveryFieldOutOfBoundsIsNamed) {
  for (const Case& c : Cases()) {
    v1::Content content = SampleContent(c.type);
    c.spoil(content);
    ExpectMalformed(content, c.field);
  }
}

TEST(Content, EveryHeaderFieldOutOfBoundsIsNamed) {
  const std::vector<std::pair<std::string_view, std::function<void(v1::Content&)>>> cases = {
      {"issuer", [](v1::Content& c) { c.set_issuer(0); }},
      {"issuer", [](v1::Content& c) { c.set_issuer(100'000'000); }},
      {"recipient", [](v1::Content& c) { c.set_recipient(0); }},
      {"recipient", [](v1::Content& c) { c.set_recipient(100'000'000); }},
      {"case_id", [](v1::Content& c) { c.clear_case_id(); }},
      {"case_id", [](v1::Content& c) { c.set_case_id(std::string(16, '\0')); }},
      {"case_id", [](v1::Content& c) { c.set_case_id(std::string(15, 'a')); }},
      {"case_id", [](v1::Content& c) { c.set_case_id(std::string(17, 'a')); }},
      {"number", [](v1::Content& c) { c.set_number(0); }},
      {"recorded_at_us", [](v1::Content& c) { c.set_recorded_at_us(-1); }},
      {"recorded_at_us", [](v1::Content& c) { c.set_recorded_at_us(253'402'300'800'000'000); }},
      {"officer", [](v1::Content& c) { c.set_officer(std::string(kMaxOfficer + 1, 'x')); }},
      {"officer", [](v1::Content& c) { c.set_officer("two\nlines"); }},
      {"body", [](v1::Content& c) { c.clear_body(); }},
  };
  for (const auto& [field, spoil] : cases) {
    v1::Content content = SampleContent(Type::kEnrolmentStarted);
    spoil(content);
    ExpectMalformed(content, field);
  }
}

TEST(Content, WhatIsAboutAFileOrAReadNeedsNoCase) {
  for (Type type : {Type::kExtractImported, Type::kAccessRecorded}) {
    v1::Content content = SampleContent(type);
    content.clear_case_id();
    const auto read = ContentFromProto(content, kId);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(read->header.case_id.is_zero());
    v1::Content again;
    ContentToProto(*read, again);
    EXPECT_TRUE(again.case_id().empty());
  }
}

// Delivery waits for a newer version; a malformed event is refused for good. The two must not be mixed up.
void ExpectNewer(std::string_view bytes) {
  ContentCodec codec;
  const auto read = codec.Decode(bytes, kId);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.status().code(), absl::StatusCode::kUnimplemented) << read.status();
  EXPECT_EQ(BrokenRuleOf(read.status())->rule, "EVENT_TYPE_UNKNOWN");
}

TEST(Content, ABodyOfANewerVersionIsNotMalformed) {
  v1::Content header = SampleContent(Type::kEnrolmentStarted);
  header.clear_body();
  // Field 200, length-delimited, 3 bytes.
  ExpectNewer(header.SerializeAsString() + std::string("\xC2\x0C\x03\x08\x96\x01", 6));
}

TEST(Content, AFieldOfANewerVersionIsNotIgnored) {
  const v1::Content content = SampleContent(Type::kEnrolmentStarted);
  const std::string unknown_15 = "\x78\x01";  // field 15, varint 1
  ExpectNewer(content.SerializeAsString() + unknown_15);

  v1::Content header = content;
  header.clear_body();
  const std::string body = content.enrolment_started().SerializeAsString() + unknown_15;
  ASSERT_LT(body.size(), 128U);
  // Field 21, the body.
  ExpectNewer(header.SerializeAsString() + "\xAA\x01" + static_cast<char>(body.size()) + body);
}

TEST(Content, AKnownFieldOfAnotherWireTypeIsMalformed) {
  v1::Content header = SampleContent(Type::kEnrolmentStarted);
  header.clear_body();
  ContentCodec codec;
  // Field 21 as a varint.
  const auto read = codec.Decode(header.SerializeAsString() + "\xA8\x01\x01", kId);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(BrokenRuleOf(read.status())->rule, "CONTENT_MALFORMED");
}

TEST(Content, BytesThatAreNoContentAreMalformed) {
  ContentCodec codec;
  const std::vector<std::string> inputs = {"",
                                           std::string(1, '\0'),
                                           "\xFF\xFF\xFF\xFF",
                                           "\x1A\x7F",
                                           SampleContent(Type::kPlaceReserved).SerializeAsString() + "\x0A",
                                           std::string(100'000, '\x08')};
  for (const std::string& bytes : inputs) {
    const auto read = codec.Decode(bytes, kId);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(BrokenRuleOf(read.status())->rule, "CONTENT_MALFORMED");
  }
}

TEST(Content, NothingIsSignedThatNobodyCouldRead) {
  ContentCodec codec;
  std::string out = "unchanged";
  event::Event event = Sample(Type::kEnrolmentRefused);
  std::get<event::EnrolmentRefused>(event.body).rule = "not a rule";
  const auto status = codec.Encode(event, out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(BrokenRuleOf(status)->field, "enrolment_refused.rule");
  EXPECT_EQ(out, "unchanged");

  event = Sample(Type::kEnrolmentEnded);
  std::get<event::EnrolmentEnded>(event.body).reason = event::EndReason::kPrison;
  EXPECT_FALSE(codec.Encode(event, out).ok());
  event = Sample(Type::kEnrolmentStarted);
  event.header.number = PairNumber(0);
  EXPECT_FALSE(codec.Encode(event, out).ok());
}

TEST(Content, ErrorsNeverHoldAPersonalNumber) {
  v1::Content content = SampleContent(Type::kEnrolmentProposed);
  content.mutable_enrolment_proposed()->set_cpr("3113701234");
  const auto read = ContentFromProto(content, kId);
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.status().ToString(), ::testing::Not(::testing::HasSubstr("311370")));
}

// The format for ever: these bytes are in logs. If this fails, the change breaks every log that exists.
TEST(Content, BytesArePinned) {
  const event::Event event{
      .header = {.id = kId,
                 .issuer = *AuthorityId::Parse("29189722"),
                 .recipient = *AuthorityId::Parse("35209115"),
                 .case_id = *CaseId::FromHex("101112131415161718191a1b1c1d1e1f"),
                 .number = PairNumber(300),
                 .recorded_at = absl::FromUnixMicros(1'795'000'000'000'001),
                 .officer = "nyb-17"},
      .body = event::TransferRequested{
          .cpr = *registry::CprNumber::Parse("6101901234"),
          .agreement = *CaseId::FromHex("202122232425262728292a2b2c2d2e2f"),
          .announcement = {.origin = "odense.example/log",
                           .index = LeafIndex(5),
                           .leaf_hash = *event::Hash::FromHex(
                               "303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f")},
          .from = Date(2026, 12, 1)}};
  ContentCodec codec;
  std::string bytes;
  ASSERT_TRUE(codec.Encode(event, bytes).ok());
  EXPECT_EQ(HexEncode(bytes),
            "08daccf50d109bffe4101a10101112131415161718191a1b1c1d1e1f20ac022881e0fc8ab091980332066e79622d3137"
            "da025c0a0a363130313930313233341210202122232425262728292a2b2c2d2e2f1a380a126f64656e73652e6578616d"
            "706c652f6c6f6710051a20303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f20ef942d");
  const auto decoded = codec.Decode(bytes, kId);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, event);
}

}  // namespace
}  // namespace medflyt::wire
