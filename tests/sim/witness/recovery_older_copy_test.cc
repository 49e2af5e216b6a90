// A node that comes back with a copy of before a recovery: of the log that it went on in since, the store has nothing,
// and of the one before not all. What peers have of both comes back, and it goes on under a third log.
#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/domain/enrolment.h"
#include "server/domain/relocation.h"
#include "tests/sim/exchange/officers.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {
namespace {

class OlderCopyTest : public ::testing::TestWithParam<uint64_t>, protected RecoveryWorld {
 protected:
  OlderCopyTest() : RecoveryWorld(GetParam()) {}

  static std::string LogOf(AuthorityId who, int number) {
    return "medflyt.example/" + who.ToString() + "/" + std::to_string(number);
  }
  static std::vector<AuthorityId> Others(AuthorityId who) {
    std::vector<AuthorityId> others;
    for (const AuthorityId each : {kOdense, kNyborg, kKerteminde}) {
      if (each != who) others.push_back(each);
    }
    return others;
  }
  // Odense and both others tell each other something.
  void Exchange() {
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
    EXPECT_EQ(world.Act(kKerteminde, Proposal(kKerteminde, kOdense)), "OK");
    ASSERT_TRUE(world.Settle());
  }
  // Runs until it holds; false when that takes longer than three hours.
  template <typename Condition>
  bool Until(Condition condition) {
    for (int i = 0; i < 180 && !condition(); ++i) world.RunFor(absl::Minutes(1));
    return condition();
  }
  wire::GenerationOpened FirstRecord(AuthorityId who) {
    const log::LogReader& reader = world.node(who).log().reader();
    const auto first = wire::LedgerCodec().Decode(reader.Entry(reader.generations().open().begin)->bytes);
    EXPECT_TRUE(first.ok()) << first.status();
    return std::get<wire::GenerationOpened>(first->record);
  }
  static std::string OriginOf(const wire::GenerationOpened& opened) {
    return opened.closed_checkpoint.substr(0, opened.closed_checkpoint.find('\n'));
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, OlderCopyTest, ::testing::Range<uint64_t>(1, 7));

TEST_P(OlderCopyTest, WhatBothLogsHadComesBackOnce) {
  Agree(kNyborg);
  const auto older = world.node(kOdense).CopyOfStore();
  if (GetParam() % 2 == 0) world.node(kOdense).CopyStore();
  Exchange();
  if (GetParam() % 2 == 1) world.node(kOdense).CopyStore();
  const event::ProposeAgreement lost = Proposal(kOdense, kKerteminde);
  EXPECT_EQ(world.Act(kOdense, lost), "OK");
  ASSERT_TRUE(world.Settle());
  Lose(kOdense);
  Exchange();
  EXPECT_EQ(world.Act(kKerteminde, event::AcceptAgreement{lost.agreement, 1}), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = world.node(kOdense).StateNow();
  const auto peers = world.node(kOdense).log().peers();

  RollBackToEarlierLog(kOdense, older);
  ASSERT_TRUE(world.node(kOdense).log().is_lost());
  world.node(kOdense).log().Release();
  EXPECT_FALSE(world.node(kOdense).log().restraint().ok()) << "nobody can let it sign that log again";
  ASSERT_EQ(FetchBack(kOdense, Others(kOdense)), "OK");
  EXPECT_EQ(back.held, 5U);
  EXPECT_EQ(back.returned, 5U);
  OpenNext(kOdense);
  EXPECT_EQ(world.node(kOdense).log().origin(), LogOf(kOdense, 3));
  EXPECT_EQ(OriginOf(FirstRecord(kOdense)), LogOf(kOdense, 2));
  EXPECT_EQ(FirstRecord(kOdense).kept_size, TreeSize(0));
  EXPECT_EQ(RecordsOf(kOdense, LogOf(kOdense, 1)), 3U);
  EXPECT_EQ(RecordsOf(kOdense, LogOf(kOdense, 2)), 2U);
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), before.CanonicalBytes());
  for (const AuthorityId peer : Others(kOdense)) {
    EXPECT_EQ(world.node(kOdense).log().peer(peer).issued, peers.at(peer).issued);
    EXPECT_EQ(world.node(kOdense).log().peer(peer).received, peers.at(peer).received);
  }
  Exchange();
  EXPECT_TRUE(world.node(kOdense).StateNow().FindAgreement(lost.agreement)->InForceOn(Date(2026, 3, 2)));
  ExpectSound();

  // The third log is an ordinary one: it is lost in its turn.
  world.node(kOdense).CopyStore();
  Exchange();
  Lose(kOdense);
  Exchange();
  ExpectSound();
}

// A move that had not arrived when the copy was made was told again in the log that is lost. Of it the announcement has
// arrived and, by the seed, the end of responsibility too, or that is told a third time.
TEST_P(OlderCopyTest, WhatTheLostLogToldAgainIsTheSameEvent) {
  world.network.weather.queue_full_one_in = 0;
  const auto part = [&](AuthorityId other) { world.network.SetPartition(kNyborg, other, true); };
  const CaseId enrolment = Enrol(kNyborg, Agree(kNyborg));
  part(kOdense);
  part(kKerteminde);
  const CaseId move = Announce(kNyborg, enrolment, kKerteminde);
  const auto older = world.node(kNyborg).CopyOfStore();
  world.node(kNyborg).CopyStore();
  world.RunFor(absl::Minutes(5));
  RollBack(kNyborg);
  world.network.Heal();
  ASSERT_EQ(FetchBack(kNyborg, {kOdense, kKerteminde}), "OK");
  const bool both = GetParam() % 2 == 0;
  if (!both) part(kOdense);
  OpenNext(kNyborg);
  ASSERT_TRUE(Until([&] { return world.node(kKerteminde).StateNow().FindRelocation(move) != nullptr; }));
  ASSERT_TRUE(!both || world.Settle());
  const auto announced_at = [&](AuthorityId who) {
    const domain::State state = world.node(who).StateNow();
    return state.FindRelocation(move)->announcement->ref;
  };
  const event::AnnouncementRef told = announced_at(kKerteminde);
  EXPECT_EQ(told.origin, LogOf(kNyborg, 2));
  EXPECT_EQ(world.Act(kKerteminde, event::AcknowledgeRelocation{move}), "OK");
  ASSERT_TRUE(Until([&] { return world.node(kKerteminde).log().peer(kNyborg).receipted.value() == 1; }));

  RollBackToEarlierLog(kNyborg, older);
  world.network.Heal();
  // With the id of another key it looks like an event that was erased, beside which the one in the store waits still.
  witnesses.held_events = [&](AuthorityId peer, v1::GetHeldEventsResponse& said) {
    if (peer != kKerteminde) return;
    const std::string other(world.chance.NewId<KeyId>().bytes());
    for (const uint32_t position : said.positions())
      said.mutable_batch()->set_key_ids(static_cast<int>(position), other);
  };
  EXPECT_EQ(FetchBack(kNyborg, {kOdense, kKerteminde}), "RECOVERY_EVIDENCE_INVALID");
  witnesses.held_events = nullptr;
  ASSERT_EQ(FetchBack(kNyborg, {kOdense, kKerteminde}), "OK");
  EXPECT_EQ(back.held, both ? 2U : 1U);
  EXPECT_GE(back.returned, 1U);
  OpenNext(kNyborg);
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(announced_at(kNyborg), told);
  EXPECT_EQ(announced_at(kKerteminde), told);
  EXPECT_EQ(world.node(kNyborg).StateNow().FindRelocation(move)->state, domain::RelocationState::kAcknowledged);
  EXPECT_EQ(world.node(kKerteminde).log().peer(kNyborg).received.value(), 1U) << "once";
  const auto ends_at = [&](AuthorityId who) {
    const domain::State state = world.node(who).StateNow();
    std::vector<std::tuple<EventId, std::optional<event::Hash>, bool>> ends;
    for (const domain::ResponsibilityEnd& each : state.FindEnrolment(enrolment)->FindSpell(enrolment)->ends) {
      ends.emplace_back(each.event, each.announcement, each.reversed);
    }
    return ends;
  };
  ASSERT_THAT(ends_at(kNyborg), ::testing::SizeIs(1));
  EXPECT_EQ(ends_at(kNyborg), ends_at(kOdense));
  EXPECT_EQ(std::get<1>(ends_at(kOdense).front()), told.leaf_hash);
  ExpectSound();

  EXPECT_EQ(world.Act(kNyborg, event::AnnulRelocation{move}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(ends_at(kNyborg), ends_at(kOdense));
  for (const AuthorityId who : {kNyborg, kOdense}) {
    EXPECT_EQ(world.node(who).StateNow().FindEnrolment(enrolment)->state(), domain::EnrolmentState::kActive);
  }
  ExpectSound();
}

// Nobody has seen an entry of the log in between: what it had is lost, and nothing is missing to go on.
TEST_P(OlderCopyTest, ALogThatNobodyHasSeenIsClosedEmpty) {
  Agree(kNyborg);
  const auto older = world.node(kOdense).CopyOfStore();
  world.node(kOdense).CopyStore();
  Exchange();
  RollBack(kOdense);
  world.RunFor(absl::Minutes(1));
  ASSERT_EQ(FetchBack(kOdense, Others(kOdense)), "OK");
  for (const AuthorityId peer : Others(kOdense)) world.network.SetPartition(kOdense, peer, true);
  OpenNext(kOdense);
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  world.RunFor(absl::Minutes(1));
  RollBackToEarlierLog(kOdense, older);
  world.network.Heal();
  ASSERT_EQ(FetchBack(kOdense, Others(kOdense)), "OK");
  EXPECT_EQ(back.closed_size, TreeSize(0));
  EXPECT_EQ(back.held, 2U);
  EXPECT_EQ(back.returned, 2U);
  OpenNext(kOdense);
  Exchange();
  ExpectSound();
}

// The same copy once more: it lacks two logs, and the one between the others is only known by name.
TEST_P(OlderCopyTest, TwoLogsAreLostOneBehindTheOther) {
  Agree(kNyborg);
  const auto older = world.node(kOdense).CopyOfStore();
  const auto oldest = world.node(kOdense).CopyOfStore();
  world.node(kOdense).CopyStore();
  Exchange();
  Lose(kOdense);
  Exchange();
  RollBackToEarlierLog(kOdense, older);
  ASSERT_EQ(FetchBack(kOdense, Others(kOdense)), "OK");
  OpenNext(kOdense);
  Exchange();
  const domain::State before = world.node(kOdense).StateNow();
  RollBackToEarlierLog(kOdense, oldest, {LogOf(kOdense, 2)});
  ASSERT_EQ(FetchBack(kOdense, Others(kOdense)), "OK");
  EXPECT_EQ(back.held, 6U);
  EXPECT_EQ(back.returned, 6U);
  OpenNext(kOdense);
  EXPECT_EQ(world.node(kOdense).log().origin(), LogOf(kOdense, 4));
  EXPECT_EQ(world.node(kOdense).log().reader().generations().open().number, 3U);
  for (const int log : {1, 2, 3}) EXPECT_EQ(RecordsOf(kOdense, LogOf(kOdense, log)), 2U) << log;
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), before.CanonicalBytes());
  Exchange();
  ExpectSound();
}

// The log in between went on from an older copy, and has told Kerteminde something else than this one still has to.
TEST_P(OlderCopyTest, ACopyThatIsNewerThanTheOneThatWasGoneOnFromIsRefused) {
  Agree(kNyborg);
  world.node(kOdense).CopyStore();
  world.network.SetPartition(kOdense, kKerteminde, true);
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  const auto newer = world.node(kOdense).CopyOfStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  world.RunFor(absl::Minutes(5));
  RollBack(kOdense);
  world.network.Heal();
  ASSERT_EQ(FetchBack(kOdense, Others(kOdense)), "OK");
  OpenNext(kOdense);
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  ASSERT_TRUE(world.Settle());
  RollBackToEarlierLog(kOdense, newer);
  EXPECT_EQ(FetchBack(kOdense, Others(kOdense)), "RECOVERY_EVIDENCE_INVALID");
  EXPECT_EQ(FetchBack(kOdense, {kNyborg}), "OK");
}

// Officers everywhere, whatever they do; by the seed a peer is recovered in the middle of it, too.
TEST_P(OlderCopyTest, TheMainJobGoesOnForEverybody) {
  Officers officers(world);
  officers.Agree();
  const auto act = [&] {
    for (int i = 0; i < 40; ++i) {
      officers.ActOnce();
      world.RunFor(absl::Seconds(static_cast<int64_t>(1 + world.chance.Below(120))));
    }
  };
  act();
  const AuthorityId who = world.chance.OneIn(2) ? kOdense : kNyborg;
  const AuthorityId other = who == kOdense ? kNyborg : kOdense;
  const auto older = world.node(who).CopyOfStore();
  act();
  world.node(who).CopyStore();
  world.node(other).CopyStore();
  act();
  Lose(who);
  if (HasFatalFailure()) return;
  act();
  if (GetParam() % 2 == 0) {
    Lose(other);
    if (HasFatalFailure()) return;
    act();
  }
  RollBackToEarlierLog(who, older);
  world.RunFor(absl::Minutes(1));
  ASSERT_EQ(FetchBack(who, Others(who)), "OK");
  OpenNext(who);
  act();
  ASSERT_TRUE(world.Settle());
  ExpectSound();
}

}  // namespace
}  // namespace medflyt::testing
