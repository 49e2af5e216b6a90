// What never arrived is told again under another id and at another place: what is said of it afterwards, on either
// side, is said of the same event.
#include <gmock/gmock.h>

#include <optional>
#include <tuple>
#include <vector>

#include "server/domain/enrolment.h"
#include "server/domain/relocation.h"
#include "server/domain/transfer.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {
namespace {

using domain::EnrolmentState;
using domain::RelocationState;
using domain::TransferState;

class ToldAgainTest : public ::testing::TestWithParam<uint64_t>, protected RecoveryWorld {
 protected:
  ToldAgainTest() : RecoveryWorld(GetParam()) { world.network.weather.queue_full_one_in = 0; }

  void Part(AuthorityId one, AuthorityId other) { world.network.SetPartition(one, other, true); }
  // The node loses what it did since the copy; everybody is reached again, and gives back what there is.
  void LoseAndGoOn(AuthorityId who) {
    world.RunFor(absl::Minutes(5));
    RollBack(who);
    world.network.Heal();
    std::vector<AuthorityId> peers;
    for (const AuthorityId each : {kOdense, kNyborg, kKerteminde}) {
      if (each != who) peers.push_back(each);
    }
    ASSERT_EQ(FetchBack(who, peers), "OK");
    OpenNext(who);
    ASSERT_TRUE(world.Settle());
  }
  // What this node has as said of the end of a responsibility.
  using End = std::tuple<EventId, std::optional<event::Hash>, bool>;
  std::vector<End> EndsAt(AuthorityId who, const CaseId& enrolment) {
    const domain::State state = world.node(who).StateNow();
    std::vector<End> ends;
    for (const domain::ResponsibilityEnd& each : state.FindEnrolment(enrolment)->FindSpell(enrolment)->ends) {
      ends.emplace_back(each.event, each.announcement, each.reversed);
    }
    return ends;
  }
  EnrolmentState EnrolmentAt(AuthorityId who, const CaseId& enrolment) {
    return world.node(who).StateNow().FindEnrolment(enrolment)->state();
  }
  domain::Relocation RelocationAt(AuthorityId who, const CaseId& relocation) {
    return *world.node(who).StateNow().FindRelocation(relocation);
  }
  void ExpectSameAnnouncement(AuthorityId left, AuthorityId to, const CaseId& relocation) {
    const event::AnnouncementRef told = RelocationAt(to, relocation).announcement->ref;
    EXPECT_EQ(told.origin, world.node(left).log().origin()) << "in the new log";
    EXPECT_EQ(RelocationAt(left, relocation).announcement->ref, told);
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, ToldAgainTest, ::testing::Range<uint64_t>(1, 5));

TEST_P(ToldAgainTest, AMoveIsAnsweredAndAnnulled) {
  const CaseId enrolment = Enrol(kNyborg, Agree(kNyborg));
  Part(kNyborg, kOdense);
  Part(kNyborg, kKerteminde);
  const CaseId move = Announce(kNyborg, enrolment, kKerteminde);
  world.node(kNyborg).CopyStore();
  LoseAndGoOn(kNyborg);
  if (HasFatalFailure()) return;
  ExpectSameAnnouncement(kNyborg, kKerteminde, move);
  ASSERT_THAT(EndsAt(kNyborg, enrolment), ::testing::SizeIs(1));
  EXPECT_EQ(EndsAt(kNyborg, enrolment), EndsAt(kOdense, enrolment));
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kTransferring);

  const bool declined = GetParam() % 2 == 0;
  if (declined) {
    EXPECT_EQ(world.Act(kKerteminde, event::DeclineRelocation{move}), "OK");
  } else {
    EXPECT_EQ(world.Act(kKerteminde, event::AcknowledgeRelocation{move}), "OK");
  }
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(RelocationAt(kNyborg, move).state, declined ? RelocationState::kDeclined : RelocationState::kAcknowledged);
  EXPECT_EQ(world.Act(kNyborg, event::AnnulRelocation{move}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(EndsAt(kNyborg, enrolment), EndsAt(kOdense, enrolment));
  EXPECT_EQ(EnrolmentAt(kNyborg, enrolment), EnrolmentState::kActive);
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kActive);
  EXPECT_EQ(RelocationAt(kKerteminde, move).state, RelocationState::kAnnulled);
  ExpectSound();
}

// All of it waits, and none of it has arrived: what takes something back is told again, of what is told again.
TEST_P(ToldAgainTest, AMoveThatWasAnnulledBeforeItArrivedIsAnnulledWhereItArrives) {
  const CaseId enrolment = Enrol(kNyborg, Agree(kNyborg));
  Part(kNyborg, kOdense);
  Part(kNyborg, kKerteminde);
  const CaseId move = Announce(kNyborg, enrolment, kKerteminde);
  EXPECT_EQ(world.Act(kNyborg, event::AnnulRelocation{move}), "OK");
  world.node(kNyborg).CopyStore();
  LoseAndGoOn(kNyborg);
  if (HasFatalFailure()) return;
  ExpectSameAnnouncement(kNyborg, kKerteminde, move);
  EXPECT_EQ(RelocationAt(kKerteminde, move).state, RelocationState::kAnnulled);
  EXPECT_EQ(EndsAt(kNyborg, enrolment), EndsAt(kOdense, enrolment));
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kActive);
  ExpectSound();
}

// The provider has the end of responsibility, which names the announcement by what it was before: it is found by its
// own id.
TEST_P(ToldAgainTest, AMoveWhoseEndHadArrivedIsAnnulled) {
  const CaseId enrolment = Enrol(kNyborg, Agree(kNyborg));
  Part(kNyborg, kKerteminde);
  const CaseId move = Announce(kNyborg, enrolment, kKerteminde);
  world.RunFor(absl::Minutes(5));
  ASSERT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kTransferring);
  world.node(kNyborg).CopyStore();
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  LoseAndGoOn(kNyborg);
  if (HasFatalFailure()) return;
  ExpectSameAnnouncement(kNyborg, kKerteminde, move);
  EXPECT_EQ(world.Act(kNyborg, event::AnnulRelocation{move}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(EnrolmentAt(kNyborg, enrolment), EnrolmentState::kActive);
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kActive);
  ExpectSound();
}

// The end is without an announcement, so the provider ended the enrolment because of it.
TEST_P(ToldAgainTest, AnEndOfResponsibilityIsRestored) {
  const CaseId enrolment = Enrol(kNyborg, Agree(kNyborg));
  Part(kNyborg, kOdense);
  EXPECT_EQ(
      world.Act(kNyborg, event::EndResponsibility{enrolment, Date(2026, 3, 10), event::ResponsibilityEndReason::kDead}),
      "OK");
  world.node(kNyborg).CopyStore();
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kKerteminde)), "OK");
  LoseAndGoOn(kNyborg);
  if (HasFatalFailure()) return;
  ASSERT_THAT(EndsAt(kNyborg, enrolment), ::testing::SizeIs(1));
  EXPECT_EQ(EndsAt(kNyborg, enrolment), EndsAt(kOdense, enrolment));
  ASSERT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kEnded);

  EXPECT_EQ(world.Act(kNyborg, event::RestoreResponsibility{enrolment}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(EndsAt(kNyborg, enrolment), EndsAt(kOdense, enrolment));
  EXPECT_EQ(EnrolmentAt(kNyborg, enrolment), EnrolmentState::kActive);
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kActive);
  ExpectSound();
}

// The end of its own responsibility is in the provider's log alone, and stays as it is there.
TEST_P(ToldAgainTest, AProvidersOwnCitizenIsHandedOver) {
  const CaseId agreement = Agree(kKerteminde);
  const CaseId enrolment = Enrol(kOdense, std::nullopt);
  Part(kOdense, kKerteminde);
  const CaseId move = Announce(kOdense, enrolment, kKerteminde);
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  LoseAndGoOn(kOdense);
  if (HasFatalFailure()) return;
  ExpectSameAnnouncement(kOdense, kKerteminde, move);
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kKerteminde, event::RequestTransfer{transfer, move, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  for (const AuthorityId each : {kOdense, kKerteminde}) {
    const domain::State state = world.node(each).StateNow();
    ASSERT_NE(state.FindTransfer(transfer), nullptr);
    EXPECT_EQ(state.FindTransfer(transfer)->state, TransferState::kDone) << each.ToString();
  }
  ExpectSound();
}

// Once more in the log after that one, and nobody has heard of either before.
TEST_P(ToldAgainTest, WhatIsToldAThirdTimeIsStillTheSame) {
  const CaseId enrolment = Enrol(kNyborg, Agree(kNyborg));
  Part(kNyborg, kOdense);
  Part(kNyborg, kKerteminde);
  const CaseId move = Announce(kNyborg, enrolment, kKerteminde);
  world.node(kNyborg).CopyStore();
  RollBack(kNyborg);
  world.network.Heal();
  ASSERT_EQ(FetchBack(kNyborg, {kOdense, kKerteminde}), "OK");
  Part(kNyborg, kOdense);
  Part(kNyborg, kKerteminde);
  OpenNext(kNyborg);
  world.RunFor(absl::Minutes(1));
  world.node(kNyborg).CopyStore();
  LoseAndGoOn(kNyborg);
  if (HasFatalFailure()) return;
  ASSERT_EQ(world.node(kNyborg).log().origin(), "medflyt.example/29189722/3");
  ExpectSameAnnouncement(kNyborg, kKerteminde, move);
  EXPECT_EQ(EndsAt(kNyborg, enrolment), EndsAt(kOdense, enrolment));
  EXPECT_EQ(world.Act(kNyborg, event::AnnulRelocation{move}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(EnrolmentAt(kOdense, enrolment), EnrolmentState::kActive);
  ExpectSound();
}

}  // namespace
}  // namespace medflyt::testing
