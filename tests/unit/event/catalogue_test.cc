// The table of who may issue what to whom, against the words of the domain's own table.
#include "common/event/catalogue.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "common/base/status.h"
#include "tests/support/sample_events.h"

namespace medflyt::event {
namespace {

const AuthorityId kOdense = *AuthorityId::Parse("35209115");
const AuthorityId kNyborg = *AuthorityId::Parse("29189722");

TEST(Catalogue, EveryTypeHasItsOwnNameAndIsFoundByIt) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kTypeCount; ++i) {
    const Type type = static_cast<Type>(i);
    EXPECT_EQ(RightOf(type).type, type);
    EXPECT_TRUE(names.insert(NameOf(type)).second) << NameOf(type);
    EXPECT_EQ(TypeByName(NameOf(type)), type);
  }
  EXPECT_EQ(TypeByName("enrolmentstarted"), std::nullopt);
  EXPECT_EQ(TypeByName(""), std::nullopt);
  EXPECT_EQ(TypeByName("SanctionDecided"), std::nullopt);
}

TEST(Catalogue, ATypeIsThePositionOfItsBody) {
  EXPECT_EQ(NameOf(TypeOf(AgreementProposed{})), "AgreementProposed");
  EXPECT_EQ(NameOf(TypeOf(EnrolmentStarted{})), "EnrolmentStarted");
  EXPECT_EQ(NameOf(TypeOf(ExtractImported{})), "ExtractImported");
  EXPECT_EQ(NameOf(TypeOf(HoldReleased{})), "HoldReleased");
  EXPECT_EQ(NameOf(TypeOf(RelocationDeclined{})), "RelocationDeclined");
  EXPECT_EQ(NameOf(TypeOf(ResponsibilityEnded{})), "ResponsibilityEnded");
  EXPECT_EQ(NameOf(TypeOf(AnnouncementVerified{})), "AnnouncementVerified");
  EXPECT_EQ(NameOf(TypeOf(PlaceWaitlisted{})), "PlaceWaitlisted");
  EXPECT_EQ(NameOf(TypeOf(AccessRecorded{})), "AccessRecorded");
}

// An event's own id is a citizen's case, but for those that are told here.
TEST(Catalogue, TheCasesThatEachTypeNamesAreTheCitizens) {
  const std::set<std::string_view> of_nobody = {"AgreementProposed", "AgreementAccepted", "AgreementDeclined",
                                                "AgreementTerminated", "ErasureReceipt"};
  std::set<std::string_view> in_their_bodies;
  uint64_t drawn = 0;
  testing::EventMaker maker([&drawn](uint64_t least, uint64_t most) {
    const uint64_t span = most - least + 1;  // 0: all
    drawn = drawn * 6364136223846793005U + 1;
    return span == 0 ? drawn : least + (drawn >> 8) % span;
  });
  for (size_t i = 0; i < kTypeCount; ++i) {
    Event event = maker.Any(static_cast<Type>(i));
    const std::string_view name = NameOf(static_cast<Type>(i));
    const std::set<CaseId> own = {event.header.case_id};
    const std::vector<CaseId> others = {maker.Id<CaseId>(), maker.Id<CaseId>()};
    std::visit(
        [&](auto& body) {
          if constexpr (requires { body.cases; }) {
            body.cases = others;
            in_their_bodies.insert(name);
          }
        },
        event.body);
    if (in_their_bodies.contains(name)) {
      EXPECT_EQ(CasesNamedBy(event), (std::set<CaseId>(others.begin(), others.end()))) << name;
    } else {
      EXPECT_EQ(CasesNamedBy(event), of_nobody.contains(name) ? std::set<CaseId>() : own) << name;
      event.header.case_id = CaseId();
      EXPECT_TRUE(CasesNamedBy(event).empty()) << name << " stands under no case";
    }
  }
  EXPECT_EQ(in_their_bodies,
            (std::set<std::string_view>{"AccessRecorded", "ErasureRequested", "CasesErased", "ErasureNoticed"}));
}

TEST(Catalogue, IssuersAndRecipientsAreThoseOfTheDomain) {
  using Parts = std::pair<Part, Part>;
  const Parts agreement = {Part::kParty, Part::kParty};
  const Parts to_provider = {Part::kResponsible, Part::kProvider};
  const Parts from_provider = {Part::kProvider, Part::kResponsible};
  const Parts announcement = {Part::kMunicipalityLeft, Part::kMunicipalityMovedTo};
  const Parts answer = {Part::kMunicipalityMovedTo, Part::kMunicipalityLeft};
  const Parts request = {Part::kMunicipalityMovedTo, Part::kProvider};
  const Parts place = {Part::kProvider, Part::kBuyer};
  const Parts local = {Part::kSelf, Part::kSelf};
  const std::map<std::string_view, Parts> expected = {
      {"AgreementProposed", agreement},
      {"AgreementAccepted", agreement},
      {"AgreementDeclined", agreement},
      {"AgreementTerminated", agreement},
      {"EnrolmentProposed", to_provider},
      {"EnrolmentStarted", from_provider},
      {"EnrolmentPaused", from_provider},
      {"EnrolmentResumed", from_provider},
      {"EnrolmentEnded", from_provider},
      {"EnrolmentRefused", from_provider},
      {"EnrolmentTransferred", from_provider},
      {"EndReasonRecorded", local},
      {"ExtractImported", local},
      {"RelocationObserved", local},
      {"RelocationHeld", local},
      {"HoldReleaseRequested", local},
      {"HoldReleased", local},
      {"RelocationExpired", local},
      {"DisclosureAssessed", local},
      {"DisclosureGrounded", local},
      {"FlagSet", local},
      {"FlagClearRequested", local},
      {"FlagCleared", local},
      {"ValueRectified", {Part::kHolder, Part::kConcerned}},
      {"EventDisputed", {Part::kHolder, Part::kConcerned}},
      {"RelocationAnnounced", announcement},
      {"RelocationCorrected", announcement},
      {"RelocationAnnulled", announcement},
      {"RelocationAcknowledged", answer},
      {"RelocationDeclined", answer},
      {"ResponsibilityEnded", to_provider},
      {"ResponsibilityRestored", to_provider},
      {"CitizenRenumbered", to_provider},
      {"TransferRequested", request},
      {"TransferWithdrawn", request},
      {"TransferRefused", place},
      {"AnnouncementVerified", local},
      {"PlaceReserved", place},
      {"PlaceOccupied", place},
      {"PlaceReleased", place},
      {"PlaceWaitlisted", place},
      {"AccessRecorded", local},
      {"ErasureRequested", local},
      {"CasesErased", local},
      {"ErasureNoticed", {Part::kHolder, Part::kConcerned}},
      {"ErasureReceipt", {Part::kConcerned, Part::kHolder}},
  };
  ASSERT_EQ(expected.size(), kTypeCount);
  for (size_t i = 0; i < kTypeCount; ++i) {
    const Right& right = RightOf(static_cast<Type>(i));
    const auto row = expected.find(right.name);
    ASSERT_NE(row, expected.end()) << right.name;
    EXPECT_EQ(Parts(right.issuer, right.recipient), row->second) << right.name;
  }
}

TEST(Catalogue, OnlyWhatIsAskedForIsARequest) {
  std::set<std::string_view> requests;
  for (size_t i = 0; i < kTypeCount; ++i) {
    if (RightOf(static_cast<Type>(i)).is_request) requests.insert(NameOf(static_cast<Type>(i)));
  }
  EXPECT_EQ(requests, (std::set<std::string_view>{"AgreementProposed", "EnrolmentProposed", "TransferRequested"}));
}

// By hand, from domain.md: what states something of a citizen to another authority that this one did not state itself,
// the right value in place of a wrong one included.
TEST(Catalogue, WhatDisclosesSaysWhatKindOfData) {
  using enum DataCategory;
  const std::vector<DataCategory> service = {kService};
  const std::map<std::string_view, std::vector<DataCategory>> expected = {
      {"EnrolmentProposed", {kIdentity, kService}},
      {"EnrolmentStarted", service},
      {"EnrolmentPaused", service},
      {"EnrolmentResumed", service},
      {"EnrolmentEnded", service},
      {"EnrolmentTransferred", service},
      {"RelocationAnnounced", {kIdentity, kService, kResidence}},
      {"RelocationCorrected", {kResidence}},
      {"ResponsibilityEnded", {kResidence}},
      {"CitizenRenumbered", {kIdentity}},
      {"TransferRequested", {kIdentity, kService, kResidence}},
      {"PlaceReserved", service},
      {"PlaceOccupied", service},
      {"PlaceReleased", service},
      {"PlaceWaitlisted", service},
      {"ValueRectified", {kIdentity, kService}},
  };
  for (size_t i = 0; i < kTypeCount; ++i) {
    const Right& right = RightOf(static_cast<Type>(i));
    const auto row = expected.find(right.name);
    const std::vector<DataCategory> said(right.discloses.begin(), right.discloses.end());
    EXPECT_EQ(said, row == expected.end() ? std::vector<DataCategory>() : row->second) << right.name;
  }
}

// Whoever tells a right date need have no ground for telling a number, nor the reverse.
TEST(Catalogue, WhatOneRectificationTellsIsWhatItPutsRight) {
  const auto told = [](const Body& body) {
    const auto categories = DisclosedBy(body);
    return std::vector<DataCategory>(categories.begin(), categories.end());
  };
  const auto number = *registry::CprNumber::Parse("6101801000");
  const auto wrong = *registry::CprNumber::Parse("6101801001");
  const Date day(2026, 3, 1);
  const std::vector<DataCategory> identity = {DataCategory::kIdentity};
  const std::vector<DataCategory> service = {DataCategory::kService};
  EXPECT_EQ(told(ValueRectified{{.cpr = number, .start = {}, .end = {}, .end_reason = {}}, wrong}), identity);
  EXPECT_EQ(told(ValueRectified{{.cpr = {}, .start = day, .end = {}, .end_reason = {}}, std::nullopt}), service);
  EXPECT_EQ(told(ValueRectified{{.cpr = {}, .start = {}, .end = day, .end_reason = {}}, std::nullopt}), service);
  EXPECT_EQ(told(ValueRectified{{.cpr = {}, .start = {}, .end = {}, .end_reason = EndReason::kJob}, std::nullopt}),
            service);
  EXPECT_EQ(told(RelocationCorrected{std::nullopt, day}), (std::vector<DataCategory>{DataCategory::kResidence}));
  EXPECT_TRUE(told(RelocationAnnulled{}).empty());
}

TEST(Catalogue, AccountsOutliveTheCaseAndAccessRecordsAreApart) {
  for (size_t i = 0; i < kTypeCount; ++i) {
    const Right& right = RightOf(static_cast<Type>(i));
    RetentionClass expected = RetentionClass::kCase;
    if (right.name.starts_with("Agreement")) expected = RetentionClass::kAccounting;
    if (right.name == "AccessRecorded") expected = RetentionClass::kAccess;
    EXPECT_EQ(right.retention, expected) << right.name;
  }
}

TEST(Catalogue, WhatIsLocalNeverLeavesAndWhatIsBetweenTwoNeverStays) {
  // The provider may be responsible itself, and a relocation may never have been announced: then these stay.
  const std::set<std::string_view> either = {
      "EnrolmentProposed",  "EnrolmentStarted",    "EnrolmentPaused",        "EnrolmentResumed",
      "EnrolmentEnded",     "EnrolmentRefused",    "EnrolmentTransferred",   "RelocationCorrected",
      "RelocationAnnulled", "ResponsibilityEnded", "ResponsibilityRestored", "CitizenRenumbered",
      "TransferRequested",  "TransferWithdrawn",   "TransferRefused",        "ValueRectified"};
  for (size_t i = 0; i < kTypeCount; ++i) {
    const Type type = static_cast<Type>(i);
    const bool local_type = RightOf(type).issuer == Part::kSelf;
    const auto across = CheckParties(type, kOdense, kNyborg);
    const auto within = CheckParties(type, kOdense, kOdense);
    EXPECT_EQ(across.ok(), !local_type) << NameOf(type);
    EXPECT_EQ(within.ok(), local_type || either.contains(NameOf(type))) << NameOf(type);
    for (const auto& status : {across, within}) {
      if (status.ok()) continue;
      EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
      ASSERT_TRUE(BrokenRuleOf(status).has_value());
      EXPECT_EQ(BrokenRuleOf(status)->rule, "ISSUER_HAS_NO_RIGHT");
    }
  }
}

}  // namespace
}  // namespace medflyt::event
