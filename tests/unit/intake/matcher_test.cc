#include "server/intake/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "tests/support/extract_text.h"
#include "tests/support/shared.h"
#include "tests/unit/domain/story.h"

namespace medflyt::intake {
namespace {

using event::ObservationKind;
using ::testing::AllOf;
using testing::Case;
using testing::Citizen;
using testing::Code;
using ::testing::ElementsAre;
using testing::ExtractText;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNyborg;
using testing::kOdense;
using ::testing::Not;
using testing::RuleOf;
using ::testing::SizeIs;

class NumberedRandom final : public RandomSource {
 public:
  void Fill(uint8_t* out, size_t size) override {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(++next_);
  }

 private:
  uint32_t next_ = 0;
};

auto IsMove(std::string_view to, std::optional<Date> date) {
  return AllOf(Field(&event::Observation::kind, ObservationKind::kMoved), Field(&event::Observation::to, Code(to)),
               Field(&event::Observation::effective_date, date));
}
auto IsKind(ObservationKind kind) { return Field(&event::Observation::kind, kind); }
auto Concerns(const CaseId& id) {
  return AllOf(IsKind(ObservationKind::kReversed), Field(&event::Observation::concerns, std::optional<CaseId>(id)));
}

// One citizen, Odense's own, runs in Odense's unit.
class MatcherTest : public testing::Story {
 protected:
  MatcherTest() : enrolment_(Enrol(kOdense, 1, Date(2026, 2, 1))), number_(Citizen(1).ExposeDigits()) {}

  absl::StatusOr<event::ImportExtract> Match(const std::string& extract, size_t chunk = 1000) {
    const Watched watched = Watched::Of(odense());
    ExtractMatcher matcher(watched, Code("0461"), random_);
    for (size_t at = 0; at < extract.size(); at += chunk) {
      MEDFLYT_RETURN_IF_ERROR(matcher.Feed(std::string_view(extract).substr(at, chunk)));
    }
    return matcher.Finish(crypto::Sha256(extract));
  }
  std::vector<event::Observation> Observations(const ExtractText& extract) {
    const auto command = Match(extract.Closed());
    EXPECT_TRUE(command.ok()) << command.status();
    return command.ok() ? command->observations : std::vector<event::Observation>();
  }
  // Imports what an extract holds, as a node would.
  void Take(const ExtractText& extract) {
    auto command = Match(extract.Closed());
    ASSERT_TRUE(command.ok()) << command.status();
    ASSERT_DONE(world.Do(kOdense, *std::move(command), ""));
  }
  static ExtractText Extract(std::string_view day = "20260310", std::string_view before = "20260309") {
    return ExtractText(day, before);
  }
  ExtractText Moved(std::string_view to = "0450", std::string_view date = "202603010000") {
    return Extract().Person(number_).Address(to, "0010", date, "0461");
  }

  NumberedRandom random_;
  const CaseId enrolment_;
  const std::string number_;
};

TEST_F(MatcherTest, AMoveOfAnEnrolledCitizenIsObserved) {
  const auto command = Match(Moved().Closed(), 7);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->production_date, Date(2026, 3, 10));
  EXPECT_EQ(command->previous_production_date, Date(2026, 3, 9));
  EXPECT_EQ(command->persons, 1u);
  ASSERT_THAT(command->observations, ElementsAre(IsMove("0450", Date(2026, 3, 1))));
  EXPECT_EQ(command->observations[0].enrolment, enrolment_);
  EXPECT_FALSE(command->observations[0].uncertain);
  EXPECT_THAT(command->observations[0].hold_reasons, IsEmpty());
  EXPECT_FALSE(command->observations[0].relocation.is_zero());
}

TEST_F(MatcherTest, OfAnyoneElseNothingIsKept) {
  const ExtractText extract =
      Extract().Person(Citizen(2).ExposeDigits()).Address("0450", "0010", "202603010000", "0461").Protected("0001", "");
  const auto command = Match(extract.Closed());
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_THAT(command->observations, IsEmpty());
  EXPECT_EQ(command->persons, 1u);
}

TEST_F(MatcherTest, AnEnrolmentThatHasNotStartedIsNotWatched) {
  ASSERT_DONE(world.Do(kOdense, event::ProposeEnrolment{Case("proposed"), kOdense, Citizen(3), {}, Date(2026, 3, 1)}));
  EXPECT_THAT(Watched::Of(odense()).Find(Citizen(3)), IsEmpty());
  EXPECT_THAT(Watched::Of(odense()).Find(Citizen(1)), SizeIs(1));
}

TEST_F(MatcherTest, TheProviderDoesNotWatchTheCitizensOfABuyer) {
  const CaseId agreement = Agree(kNyborg, 2);
  Enrol(kNyborg, 4, Date(2026, 2, 1), agreement);
  EXPECT_THAT(Watched::Of(odense()).Find(Citizen(4)), IsEmpty());
  EXPECT_THAT(Watched::Of(nyborg()).Find(Citizen(4)), SizeIs(1));
}

TEST_F(MatcherTest, AnEndedEnrolmentIsNotWatched) {
  ASSERT_DONE(world.Do(kOdense, event::EndEnrolment{enrolment_, Date(2026, 2, 20), event::EndReason::kJob}));
  EXPECT_THAT(Observations(Moved()), IsEmpty());
}

TEST_F(MatcherTest, MovesInsideTheMunicipalityTransferNothing) { EXPECT_THAT(Observations(Moved("0461")), IsEmpty()); }

TEST_F(MatcherTest, AnUncertainOrMissingDateIsSaid) {
  const ExtractText uncertain = Extract().Person(number_).Address("0450", "0010", "202603010000", "0461", "*");
  ASSERT_THAT(Observations(uncertain), SizeIs(1));
  EXPECT_TRUE(Observations(uncertain)[0].uncertain);
  const ExtractText missing = Moved("0450", "000000000000");
  ASSERT_THAT(Observations(missing), ElementsAre(IsMove("0450", std::nullopt)));
  EXPECT_TRUE(Observations(missing)[0].uncertain);
}

TEST_F(MatcherTest, ProtectionAndSpecialRoadsHoldTheMove) {
  const auto held = Observations(
      Extract().Person(number_).Address("0450", "9901", "202603010000", "0461").Protected("0001", "2026-01-01"));
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_THAT(held[0].hold_reasons,
              ElementsAre(event::HoldReason::kNameAndAddressProtection, event::HoldReason::kSpecialRoadCode));

  const auto over = Observations(Extract()
                                     .Person(number_)
                                     .Address("0450", "0010", "202603010000", "0461")
                                     .Protected("0001", "2025-01-01", "2026-03-10")
                                     .Protected("0002", "2025-01-01"));
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_THAT(over[0].hold_reasons, IsEmpty());
}

TEST_F(MatcherTest, EmigrationDisappearanceAndDeathAreToldApart) {
  const auto emigrated =
      Observations(Extract().Person(number_, "80").Record("005", {{14, "5120"}, {18, "202603020000"}}));
  ASSERT_THAT(emigrated, ElementsAre(IsKind(ObservationKind::kEmigrated)));
  EXPECT_EQ(emigrated[0].effective_date, Date(2026, 3, 2));
  EXPECT_TRUE(emigrated[0].to.is_zero());
  const auto disappeared = Observations(Extract().Person(number_, "70").Record("007", {{14, "202603030000"}}));
  ASSERT_THAT(disappeared, ElementsAre(IsKind(ObservationKind::kDisappeared)));
  EXPECT_EQ(disappeared[0].effective_date, Date(2026, 3, 3));
  EXPECT_THAT(Observations(Extract().Person(number_, "90")), ElementsAre(IsKind(ObservationKind::kDead)));
}

TEST_F(MatcherTest, ANewNumberIsFoundByTheOldOneAndByTheNewOne) {
  const std::string fresh(Citizen(9).ExposeDigits());
  EXPECT_THAT(Observations(Extract().Person(number_, "60", fresh)), ElementsAre(IsKind(ObservationKind::kRenumbered)));
  // Under the new number, which moved too; the old number's record in the same extract adds nothing.
  const auto both = Observations(Extract()
                                     .Person(number_, "60", fresh)
                                     .Person(fresh)
                                     .Address("0450", "0010", "202603010000", "0461")
                                     .Record("022", {{14, number_}, {24, "2026-02-20"}}));
  EXPECT_THAT(both, ElementsAre(IsKind(ObservationKind::kRenumbered), IsMove("0450", Date(2026, 3, 1))));
}

TEST_F(MatcherTest, OnceTheNewNumberIsKnownItIsNoNews) {
  ASSERT_DONE(world.Do(kOdense, event::RenumberCitizen{enrolment_, Citizen(9)}));
  const std::string fresh(Citizen(9).ExposeDigits());
  EXPECT_THAT(Observations(Extract()
                               .Person(number_, "60", fresh)
                               .Person(fresh)
                               .Address("0461", "0010", "202001010000")
                               .Record("022", {{14, number_}, {24, "2026-02-20"}})),
              IsEmpty());
}

TEST_F(MatcherTest, WhoMovedOnLeftForTheFirstMunicipality) {
  const ExtractText extract = Extract()
                                  .Person(number_)
                                  .Address("0440", "0010", "202603050000", "0450")
                                  .Record("023", {{15, "0461"}, {71, "202001010000"}, {84, "202603010000"}})
                                  .Record("023", {{15, "0450"}, {71, "202603010000"}, {84, "202603050000"}});
  EXPECT_THAT(Observations(extract), ElementsAre(IsMove("0450", Date(2026, 3, 1))));
}

TEST_F(MatcherTest, WithoutTraceOfTheFirstMoveThePresentMunicipalityIsUncertain) {
  const auto found = Observations(Extract().Person(number_).Address("0440", "0010", "202603050000", "0450"));
  ASSERT_THAT(found, ElementsAre(IsMove("0440", Date(2026, 3, 5))));
  EXPECT_TRUE(found[0].uncertain);
}

TEST_F(MatcherTest, WhatStandsIsNotObservedAgain) {
  Take(Moved());
  EXPECT_THAT(Observations(Moved()), IsEmpty());
  // Nor when the citizen has moved on from there.
  EXPECT_THAT(Observations(Extract().Person(number_).Address("0440", "0010", "202603050000", "0450")), IsEmpty());
}

TEST_F(MatcherTest, ProtectionThatBeginsLaterIsToldOfTheMoveThatStands) {
  Take(Moved());
  const auto protected_now = [this](std::string_view day, std::string_view before) {
    return Extract(day, before)
        .Person(number_)
        .Address("0450", "0010", "202603010000", "0461")
        .Protected("0001", "2026-01-01");
  };
  const auto found = Observations(protected_now("20260311", "20260310"));
  ASSERT_THAT(found, ElementsAre(IsMove("0450", Date(2026, 3, 1))));
  EXPECT_THAT(found[0].hold_reasons, ElementsAre(event::HoldReason::kNameAndAddressProtection));
  Take(protected_now("20260311", "20260310"));
  EXPECT_EQ(odense().relocations().size(), 1U);
  EXPECT_THAT(Observations(protected_now("20260312", "20260311")), IsEmpty()) << "it is held for that";
}

TEST_F(MatcherTest, ProtectionThatBeginsLaterIsToldWhereverTheCitizenIsByThen) {
  Take(Moved());
  const auto tells = [this](ExtractText extract) {
    const auto found = Observations(extract.Protected("0001", "2026-01-01"));
    const auto same = std::find_if(found.begin(), found.end(), [](const event::Observation& each) {
      return each.kind == ObservationKind::kMoved && each.to == Code("0450");
    });
    ASSERT_NE(same, found.end());
    EXPECT_EQ(same->effective_date, Date(2026, 3, 1));
    EXPECT_THAT(same->hold_reasons, ElementsAre(event::HoldReason::kNameAndAddressProtection));
  };
  {
    SCOPED_TRACE("moved on, without a trace of the first move");
    tells(Extract().Person(number_).Address("0440", "0010", "202603050000", "0450"));
  }
  {
    SCOPED_TRACE("moved back");
    tells(Extract().Person(number_).Address("0461", "0010", "202603050000", "0450"));
  }
}

TEST_F(MatcherTest, AMoveWithoutADateStandsWhenAnOfficerHasStatedIt) {
  Take(Extract().Person(number_).Address("0450", "0010", "000000000000", "0461"));
  const CaseId id = odense().relocations().begin()->first;
  ASSERT_DONE(world.Do(kOdense, event::AssessDisclosure{id, true, testing::Ground(), Date(2026, 3, 1)}));
  EXPECT_THAT(
      Observations(Extract("20260311", "20260310").Person(number_).Address("0450", "0010", "000000000000", "0461")),
      IsEmpty());
}

TEST_F(MatcherTest, ProtectionThatBeginsAfterTheAnnouncementIsNoNews) {
  Announce(kOdense, enrolment_, "0450", Date(2026, 3, 1));
  EXPECT_THAT(
      Observations(
          Extract().Person(number_).Address("0450", "0010", "202603010000", "0461").Protected("0001", "2026-01-01")),
      IsEmpty());
}

TEST_F(MatcherTest, ACorrectedDateReplacesAMoveThatWasNotAnnounced) {
  Take(Moved());
  const CaseId known = odense().relocations().begin()->first;
  EXPECT_THAT(Observations(Moved("0450", "202603040000")),
              ElementsAre(Concerns(known), IsMove("0450", Date(2026, 3, 4))));
}

TEST_F(MatcherTest, ACorrectedDateOfAnAnnouncedMoveIsLeftToAnOfficer) {
  const CaseId known = Announce(kOdense, enrolment_, "0450", Date(2026, 3, 1));
  const auto found = Observations(Moved("0450", "202603040000"));
  ASSERT_THAT(found, ElementsAre(Concerns(known)));
  EXPECT_EQ(found[0].effective_date, Date(2026, 3, 4));
}

TEST_F(MatcherTest, AnAnnulledAddressTakesTheMoveBack) {
  Take(Moved());
  const CaseId known = odense().relocations().begin()->first;
  const ExtractText annulled =
      Extract("20260311", "20260310")
          .Person(number_)
          .Address("0461", "0010", "202001010000")
          .Record("023", {{14, "A"}, {15, "0450"}, {71, "202603010000"}, {84, "202603050000"}});
  EXPECT_THAT(Observations(annulled), ElementsAre(Concerns(known)));
  // What the domain makes of it.
  Take(annulled);
  EXPECT_EQ(odense().FindRelocation(known)->state, domain::RelocationState::kAnnulled);
}

TEST_F(MatcherTest, ACorrectionEventWithoutTraceTakesTheMoveBack) {
  Take(Moved());
  const CaseId known = odense().relocations().begin()->first;
  const auto person = [&] { return Extract().Person(number_).Address("0461", "0010", "000000000000"); };
  EXPECT_THAT(Observations(person()), IsEmpty());
  EXPECT_THAT(Observations(person().Record("099", {{14, "202603060000"}, {26, "A10"}})), ElementsAre(Concerns(known)));
}

TEST_F(MatcherTest, APresentAddressFromBeforeTheMoveTakesItBack) {
  Take(Moved());
  const CaseId known = odense().relocations().begin()->first;
  EXPECT_THAT(Observations(Extract().Person(number_).Address("0461", "0010", "202001010000")),
              ElementsAre(Concerns(known)));
}

TEST_F(MatcherTest, WhoMovedBackDidMove) {
  Take(Moved());
  EXPECT_THAT(Observations(Extract()
                               .Person(number_)
                               .Address("0461", "0010", "202603080000", "0450")
                               .Record("023", {{15, "0450"}, {71, "202603010000"}, {84, "202603080000"}})),
              IsEmpty());
}

TEST_F(MatcherTest, FaultsAreNamedWithoutTheNumberAndLeaveNoCommand) {
  const std::string whole = Moved().Closed();
  const auto truncated = Match(whole.substr(0, whole.size() / 2));
  ASSERT_FALSE(truncated.ok());
  ASSERT_TRUE(BrokenRuleOf(truncated.status()).has_value());
  EXPECT_THAT(std::string(truncated.status().message()), Not(HasSubstr(number_)));

  ExtractText century = Extract();
  century.Person(number_).Address("0450", "0010", "302603010000", "0461");
  const auto wrong = Match(century.Closed());
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(BrokenRuleOf(wrong.status())->rule, ::testing::AnyOf("DATE_CENTURY", "DATE_INVALID"));
  EXPECT_THAT(BrokenRuleOf(wrong.status())->field, HasSubstr("002"));

  const auto miscounted = Match(Moved().Open() + ExtractText::EndLine(7) + "\n");
  ASSERT_FALSE(miscounted.ok());
  EXPECT_EQ(BrokenRuleOf(miscounted.status())->rule, "RECORD_COUNT_MISMATCH");
}

// Every person of the real extract is a stranger here.
TEST_F(MatcherTest, ReadsTheRealExtractAndKeepsNothingOfStrangers) {
  const auto path = testing::SharedPath("cpr-direkte/extract-2001-11-19-part.txt");
  if (!path) GTEST_SKIP() << "SKIPPED-SHARED: cpr-direkte is not there";
  std::ifstream in(*path, std::ios::binary);
  const std::string extract((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto command = Match(extract, 4096);
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->production_date, Date(2001, 11, 19));
  EXPECT_EQ(command->persons, 50u);
  EXPECT_THAT(command->observations, IsEmpty());
}

}  // namespace
}  // namespace medflyt::intake
