// A node that went on under a new log, and a peer that was left out of the recovery, or says in its greeting to have
// less than it has: what the new log records again, and where both stand still.
#include "server/exchange/record_again.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/entry/batch.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {
namespace {

// A peer that was away goes on where it was, also where it had not heard how its last event arrived.
TEST_P(RecoveryTest, ALeftOutPeerThatHasNoMoreGoesOn) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  world.network.tamper = [](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    return !(from == kOdense && to == kNyborg && message.has_answer());
  };
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  world.RunFor(absl::Minutes(2));
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).received.value(), 2U);
  ASSERT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), 1U);
  world.node(kOdense).CopyStore();
  world.network.SetPartition(kOdense, kNyborg, true);
  world.network.tamper = nullptr;
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  world.RunFor(absl::Minutes(5));
  RollBack(kOdense);
  ASSERT_EQ(FetchBack(kOdense, {kKerteminde}), "OK");
  OpenNext(kOdense);
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  EXPECT_EQ(RecordsOf(kOdense, "medflyt.example/29189722/1"), 0U);

  world.network.Heal();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), 2U);
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 2U);
  EXPECT_EQ(RecordsOf(kOdense, "medflyt.example/29189722/1"), 1U) << "the one without a receipt";
  witnesses.Restart(kOdense);
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(RecordsOf(kOdense, "medflyt.example/29189722/1"), 2U) << "and the new one, each once";
  EXPECT_FALSE(world.node(kOdense).exchange().StatusOf(kNyborg).reception.left_out.has_value());
  ExpectSound();
}

// A peer that has every receipt says to have none: one greeting does not have all of it recorded in one commit.
TEST_P(RecoveryTest, WhatIsRecordedAgainIsRecordedInPartsAndToTheEnd) {
  world.network.weather.queue_full_one_in = 0;
  constexpr size_t kEvents = entry::kMaxBatchEntries + 50;
  world.node(kNyborg).Submit([&](log::Appender& appender) {
    for (size_t i = 0; i < kEvents; ++i) {
      EXPECT_TRUE(appender.Execute({"officer-1", Proposal(kNyborg, kOdense)}).ok());
    }
  });
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  ASSERT_TRUE(world.Settle());
  Lose(kOdense);
  if (HasFatalFailure()) return;
  ASSERT_TRUE(world.Settle());
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).received.value(), kEvents);
  ASSERT_EQ(RowsInOpenLog(kOdense, kNyborg), 0U);

  GreetWith(0);
  const absl::Time end = world.timeline.Now() + absl::Minutes(5);
  size_t recorded = 0;
  TreeSize seen = world.node(kOdense).log().head().size;
  while (recorded == 0 && world.timeline.Step(end)) {
    if (world.node(kOdense).log().head().size == seen) continue;
    seen = world.node(kOdense).log().head().size;
    recorded = RowsInOpenLog(kOdense, kNyborg);
  }
  ASSERT_GT(recorded, 0U);
  ASSERT_LE(recorded, entry::kMaxBatchEntries);
  const auto unfinished = exchange::FindRepetition(world.node(kOdense).store(), kNyborg);
  ASSERT_TRUE(unfinished.ok() && unfinished->has_value());
  EXPECT_EQ(**unfinished, (exchange::Repetition{PairNumber(1), PairNumber(recorded + 1)}));

  // Interrupted between two parts. It goes on when the node is there again, whether or not the peer comes.
  world.network.SetPartition(kOdense, kNyborg, true);
  witnesses.Restart(kOdense);
  EXPECT_EQ(RowsInOpenLog(kOdense, kNyborg), recorded);
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(RowsInOpenLog(kOdense, kNyborg), kEvents);
  world.network.tamper = nullptr;
  world.network.Heal();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(RowsInOpenLog(kOdense, kNyborg), kEvents);
  EXPECT_FALSE(exchange::FindRepetition(world.node(kOdense).store(), kNyborg)->has_value());

  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  GreetWith(0);
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(RecordsOf(kOdense, "medflyt.example/29189722/1"), kEvents + 1) << "each once in this log";
  const std::vector<log::Position> records = RowsOf(kOdense, kNyborg);
  EXPECT_THAT(records, ::testing::SizeIs(kEvents + 1));
  EXPECT_TRUE(std::is_sorted(records.begin(), records.end())) << "in the order of numbers";
  world.network.tamper = nullptr;
  ExpectSound();
}

// What the open log has receipted comes behind what the peer had receipts for: it cannot lack those before.
TEST_P(RecoveryTest, NothingIsRecordedAgainBehindWhatTheOpenLogHas) {
  world.network.weather.queue_full_one_in = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
    ASSERT_TRUE(world.Settle());
  }
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  ASSERT_TRUE(world.Settle());
  Lose(kOdense);
  if (HasFatalFailure()) return;
  GreetWith(2);
  world.RunFor(absl::Minutes(2));
  ASSERT_EQ(RowsInOpenLog(kOdense, kNyborg), 1U);
  const std::vector<log::Position> records = RowsOf(kOdense, kNyborg);
  GreetWith(0);
  world.RunFor(absl::Minutes(2));
  EXPECT_EQ(world.node(kOdense).exchange().StatusOf(kNyborg).reception.last_error, "PEER_BEHIND_RECEIPTS");
  EXPECT_EQ(RowsOf(kOdense, kNyborg), records);
}

TEST_P(RecoveryTest, ALeftOutPeerThatHasMoreStandsStillAndBothEndsSayWhatItHas) {
  GoOnWithoutNyborg();
  if (HasFatalFailure()) return;
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK") << "who has nothing to say does not call";
  const std::string nyborg = world.node(kNyborg).StateNow().CanonicalBytes();
  const std::string odense = world.node(kOdense).StateNow().CanonicalBytes();
  world.RunFor(absl::Minutes(2));
  const TreeSize size = world.node(kOdense).log().head().size;
  world.network.Heal();
  world.RunFor(absl::Minutes(10));
  const exchange::Numbers to_nyborg = {PairNumber(2), PairNumber(3)};
  const exchange::Numbers to_odense = {PairNumber(1), PairNumber(1)};
  const exchange::PeerStatus at_odense = world.node(kOdense).exchange().StatusOf(kNyborg);
  EXPECT_EQ(at_odense.delivery.last_error, "PEER_LEFT_OUT");
  EXPECT_EQ(at_odense.delivery.left_out, to_nyborg);
  EXPECT_EQ(at_odense.reception.last_error, "PEER_LEFT_OUT");
  EXPECT_EQ(at_odense.reception.left_out, to_odense);
  const exchange::PeerStatus at_nyborg = world.node(kNyborg).exchange().StatusOf(kOdense);
  EXPECT_EQ(at_nyborg.delivery.last_error, "PEER_LEFT_OUT");
  EXPECT_EQ(at_nyborg.delivery.left_out, to_odense);
  EXPECT_EQ(at_nyborg.reception.last_error, "PEER_LEFT_OUT");
  EXPECT_EQ(at_nyborg.reception.left_out, to_nyborg);
  // Its fourth event is of a number that Nyborg would take, and the second and third would never have been told.
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 3U);
  EXPECT_EQ(world.node(kNyborg).StateNow().CanonicalBytes(), nyborg);
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), odense);
  EXPECT_EQ(world.node(kOdense).log().head().size, size) << "it is no rejection, of which there would be one a minute";
  const auto said = [this](AuthorityId who) {
    std::map<std::string, int>& events = world.node(who).logger.events;
    EXPECT_EQ(events["peer_left_out"], 2) << "of each direction once";
    return std::vector{events["exchange_held"], events["batch_not_taken"], events["batch_rejected"]};
  };
  const std::vector<int> by_odense = said(kOdense);
  const std::vector<int> by_nyborg = said(kNyborg);
  world.RunFor(absl::Minutes(10));
  EXPECT_EQ(said(kOdense), by_odense);
  EXPECT_EQ(said(kNyborg), by_nyborg);

  EXPECT_EQ(world.Act(kKerteminde, Proposal(kKerteminde, kOdense)), "OK");
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(world.node(kKerteminde).log().peer(kOdense).receipted.value(), 1U) << "nobody else waits";
  ExpectSound();
}

// A peer whose program does not see it: it says how far it is, and the new log's owner sends nothing that goes on from
// there.
TEST_P(RecoveryTest, NothingIsSentPastTheNumbersThatALeftOutPeerHas) {
  GoOnWithoutNyborg();
  if (HasFatalFailure()) return;
  world.network.tamper = [](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from == kOdense && to == kNyborg && message.has_hello()) message.mutable_hello()->set_receipted_number(3);
    EXPECT_FALSE(from == kOdense && to == kNyborg && message.has_batch());
    return true;
  };
  world.network.Heal();
  world.RunFor(absl::Minutes(10));
  const exchange::PeerStatus status = world.node(kOdense).exchange().StatusOf(kNyborg);
  EXPECT_EQ(status.delivery.last_error, "PEER_LEFT_OUT");
  EXPECT_EQ(status.delivery.left_out, (exchange::Numbers{PairNumber(2), PairNumber(3)}));
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 3U);
}

// Neither log follows another, so none can lack what was in it.
TEST_P(RecoveryTest, WhoseLogFollowsNoOtherIsNotShownAsLeftOutOnAPeersWord) {
  world.network.tamper = [](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from == kNyborg && to == kOdense && message.has_answer()) {
      v1::Fault& fault = *message.mutable_answer()->mutable_fault();
      fault.set_rule("PEER_LEFT_OUT");
      fault.set_expected_number(100);
    }
    return true;
  };
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  world.RunFor(absl::Minutes(2));
  const exchange::DirectionStatus status = world.node(kOdense).exchange().StatusOf(kNyborg).delivery;
  EXPECT_EQ(status.last_error, "PEER_LEFT_OUT");
  EXPECT_FALSE(status.left_out.has_value());
  EXPECT_EQ(world.node(kOdense).logger.events["peer_left_out"], 0);
}

}  // namespace
}  // namespace medflyt::testing
