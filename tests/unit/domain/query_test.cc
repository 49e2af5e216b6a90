#include "server/domain/query.h"

#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::Page;

class QueryTest : public Story {
 protected:
  template <typename Row>
  static std::vector<CaseId> Ids(const domain::Listed<Row>& listed) {
    std::vector<CaseId> ids;
    for (const Row* row : listed.rows) ids.push_back(row->id);
    return ids;
  }
};

TEST_F(QueryTest, PagesCoverEveryRowOnceInKeyOrder) {
  std::vector<CaseId> all;
  for (int citizen = 1; citizen <= 7; ++citizen) all.push_back(Enrol(kOdense, citizen, Date(2026, 2, 1)));
  std::sort(all.begin(), all.end());
  std::vector<CaseId> seen;
  Page page{std::nullopt, 3};
  for (int pages = 1;; ++pages) {
    const auto listed = domain::ListEnrolments(odense(), {}, page);
    EXPECT_LE(listed.rows.size(), 3U);
    for (const CaseId& id : Ids(listed)) seen.push_back(id);
    if (!listed.next) {
      EXPECT_EQ(pages, 3);
      break;
    }
    page.after = listed.next;
  }
  EXPECT_EQ(seen, all);
  const auto exact = domain::ListEnrolments(odense(), {}, {std::nullopt, 7});
  EXPECT_FALSE(exact.next.has_value()) << "a full last page is the last";
  EXPECT_TRUE(domain::ListEnrolments(odense(), {}, {all.back(), 7}).rows.empty());
}

TEST_F(QueryTest, EnrolmentsByStateAndByNumber) {
  const CaseId ended = Enrol(kOdense, 1, Date(2026, 2, 1));
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{ended, Date(2026, 2, 10), EndReason::kJob}));
  const CaseId paused = Enrol(kOdense, 2, Date(2026, 2, 1));
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{paused, Date(2026, 2, 10)}));
  const CaseId again = Case("again");
  ASSERT_DONE(world.Do(kOdense, ProposeEnrolment{again, kOdense, Citizen(1), std::nullopt, Date(2026, 3, 1)}));
  using domain::EnrolmentState;
  EXPECT_EQ(Ids(domain::ListEnrolments(odense(), {std::nullopt, EnrolmentState::kPaused}, {})), std::vector{paused});
  EXPECT_EQ(domain::ListEnrolments(odense(), {Citizen(1), std::nullopt}, {}).rows.size(), 2U);
  EXPECT_EQ(Ids(domain::ListEnrolments(odense(), {Citizen(1), EnrolmentState::kProposed}, {})), std::vector{again});
  EXPECT_TRUE(domain::ListEnrolments(odense(), {Citizen(3), std::nullopt}, {}).rows.empty());
  const auto first = domain::ListEnrolments(odense(), {Citizen(1), std::nullopt}, {std::nullopt, 1});
  ASSERT_TRUE(first.next.has_value());
  EXPECT_EQ(domain::ListEnrolments(odense(), {Citizen(1), std::nullopt}, {first.next, 1}).rows.size(), 1U);
}

TEST_F(QueryTest, AgreementsByCounterpartAndState) {
  const CaseId with_nyborg = Agree(kNyborg, 1);
  ASSERT_DONE(world.Do(kOdense, ProposeAgreement{Case("p"), kOdense, kKerteminde, Terms(1)}));
  using domain::AgreementState;
  EXPECT_EQ(Ids(domain::ListAgreements(odense(), {kNyborg, std::nullopt}, {})), std::vector{with_nyborg});
  EXPECT_EQ(Ids(domain::ListAgreements(odense(), {std::nullopt, AgreementState::kProposed}, {})),
            std::vector{Case("p")});
  EXPECT_EQ(Ids(domain::ListAgreements(nyborg(), {kOdense, AgreementState::kInForce}, {})), std::vector{with_nyborg});
  EXPECT_TRUE(domain::ListAgreements(nyborg(), {kKerteminde, std::nullopt}, {}).rows.empty());
}

TEST_F(QueryTest, RelocationsAndTransfersByWhatAnOfficerLooksFor) {
  const CaseId with_nyborg = Agree(kNyborg, 1);
  const CaseId with_kerteminde = Agree(kKerteminde, 1);
  const CaseId enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
  const CaseId held = Observe(kNyborg, enrolment, "0461", Date(2026, 3, 1), "held", {HoldReason::kSpecialRoadCode});
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 3, 2));
  world.DeliverPair(kNyborg, kKerteminde);
  const CaseId transfer = Request(kKerteminde, move, with_kerteminde);
  world.DeliverPair(kKerteminde, kOdense);
  using domain::Direction;
  using domain::RelocationState;
  EXPECT_EQ(Ids(domain::ListRelocations(nyborg(), {RelocationState::kHeld, std::nullopt, std::nullopt}, {})),
            std::vector{held});
  EXPECT_EQ(domain::ListRelocations(nyborg(), {std::nullopt, Direction::kOut, enrolment}, {}).rows.size(), 2U);
  EXPECT_EQ(Ids(domain::ListRelocations(kerteminde(), {std::nullopt, Direction::kIn, std::nullopt}, {})),
            std::vector{move});
  using domain::TransferState;
  EXPECT_EQ(Ids(domain::ListTransfers(odense(), {TransferState::kWaiting, false, world.today}, {})),
            std::vector{transfer});
  EXPECT_TRUE(domain::ListTransfers(odense(), {std::nullopt, true, world.today + 60}, {}).rows.empty());
  EXPECT_EQ(domain::ListTransfers(odense(), {std::nullopt, true, world.today + 61}, {}).rows.size(), 1U);
}

TEST_F(QueryTest, ANumberChangeLinksTwoNumbers) {
  const CaseId enrolment = Enrol(kOdense, 1, Date(2026, 2, 1));
  ASSERT_DONE(world.Do(kOdense, RenumberCitizen{enrolment, Citizen(2)}));
  EXPECT_TRUE(domain::SameCitizen(odense(), Citizen(1), Citizen(2)));
  EXPECT_TRUE(domain::SameCitizen(odense(), Citizen(5), Citizen(5)));
  EXPECT_FALSE(domain::SameCitizen(odense(), Citizen(1), Citizen(3)));
}

}  // namespace
}  // namespace medflyt::testing
