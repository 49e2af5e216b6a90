// Records of receipt that were being made again when the log that they were made in was lost, too: the log after it has
// all of them.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/entry/batch.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/kept_receipt.h"
#include "server/exchange/record_again.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {
namespace {

using ::testing::SizeIs;

// More than one part holds. Odense has received them, and Nyborg has heard nothing of it.
constexpr uint64_t kUnreceipted = entry::kMaxBatchEntries + 50;
constexpr uint64_t kFirst = 2;  // number of the first of them: one was receipted before
constexpr uint64_t kLast = kFirst + kUnreceipted - 1;

class RecordAgainRecoveryTest : public ::testing::TestWithParam<uint64_t>, protected RecoveryWorld {
 protected:
  RecordAgainRecoveryTest() : RecoveryWorld(GetParam()) { world.network.weather.queue_full_one_in = 0; }

  SimNode& odense() { return world.node(kOdense); }
  void PartNyborg() {
    world.network.SetPartition(kOdense, kNyborg, true);
    witnesses.Restart(kNyborg);  // who has nothing to say would not notice, and not call again
  }
  void JoinNyborg() { world.network.SetPartition(kOdense, kNyborg, false); }
  std::optional<exchange::Repetition> Unfinished() {
    const auto found = exchange::FindRepetition(odense().store(), kNyborg);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }
  // The log whose head Nyborg's receipt for this event is under.
  std::string ReceiptedBy(uint64_t number) {
    const auto receipt = exchange::FindReceipt(world.node(kNyborg).log().reader(), kOdense, PairNumber(number));
    if (!receipt.ok()) return RuleOf(receipt.status());
    const auto stated = tlog::StatedCheckpoint(receipt->checkpoint());
    return stated.ok() ? stated->origin() : RuleOf(stated.status());
  }

  // Odense's second log, for which Nyborg was not asked, has recorded one part of what Nyborg lacks receipts for. The
  // copy of Odense's store is of that moment.
  void BeginToRecordAgain() {
    EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    ASSERT_TRUE(world.Settle());
    // Nyborg says to have every receipt, so that none is repeated before its next batch is taken, and none arrives.
    world.network.tamper = [this](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
      if (from == kNyborg && to == kOdense && message.has_hello()) {
        message.mutable_hello()->set_receipted_number(odense().log().peer(kNyborg).received.value());
      }
      return !(from == kOdense && to == kNyborg && message.has_answer());
    };
    world.node(kNyborg).Submit([&](log::Appender& appender) {
      for (uint64_t i = 0; i < kUnreceipted; ++i) {
        EXPECT_TRUE(appender.Execute({"officer-1", Proposal(kNyborg, kOdense)}).ok());
      }
    });
    world.RunFor(absl::Minutes(30));
    ASSERT_EQ(odense().log().peer(kNyborg).received.value(), kLast);
    ASSERT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), kFirst - 1);
    odense().CopyStore();
    PartNyborg();
    world.network.tamper = nullptr;
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
    world.RunFor(absl::Minutes(5));
    Lose(kOdense, {kKerteminde});
    if (HasFatalFailure()) return;
    ASSERT_EQ(RowsInOpenLog(kOdense, kNyborg), 0U);
    ASSERT_FALSE(Unfinished().has_value());

    JoinNyborg();
    const absl::Time end = world.timeline.Now() + absl::Minutes(30);
    TreeSize seen = odense().log().head().size;
    size_t recorded = 0;
    while (recorded == 0 && world.timeline.Step(end)) {
      if (odense().log().head().size == seen) continue;
      seen = odense().log().head().size;
      recorded = RowsInOpenLog(kOdense, kNyborg);
    }
    ASSERT_GT(recorded, 0U);
    ASSERT_LT(recorded, kUnreceipted) << "there is another part";
    ASSERT_EQ(Unfinished(), (exchange::Repetition{PairNumber(kFirst), PairNumber(kFirst + recorded)}));
    odense().CopyStore();
  }
};

// Two seeds for each of the three ways.
INSTANTIATE_TEST_SUITE_P(Seeds, RecordAgainRecoveryTest, ::testing::Range<uint64_t>(1, 7));

TEST_P(RecordAgainRecoveryTest, TheThirdLogHasAllOfARepetitionThatTheSecondHadBegun) {
  BeginToRecordAgain();
  if (HasFatalFailure()) return;
  // Nyborg is asked by this recovery no more than by the one before, or it is and still lacks every receipt, or it got
  // all of them by that part of the second log which is lost.
  const bool asked = GetParam() % 3 != 0;
  const bool got_them = GetParam() % 3 == 1;
  if (got_them) {
    ASSERT_TRUE(world.Settle());
    ASSERT_EQ(ReceiptedBy(kLast), "medflyt.example/35209115/2");
  } else {
    PartNyborg();
  }
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  world.RunFor(absl::Minutes(5));
  ASSERT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), got_them ? kLast : kFirst - 1);
  if (asked) JoinNyborg();
  Lose(kOdense, asked ? std::vector<AuthorityId>{kNyborg, kKerteminde} : std::vector<AuthorityId>{kKerteminde});
  if (HasFatalFailure()) return;
  const std::string third = odense().log().origin();
  ASSERT_EQ(third, "medflyt.example/35209115/3");
  // Before anything of Nyborg's comes; of who was not asked in parts.
  if (!asked) world.RunFor(absl::Minutes(5));
  EXPECT_FALSE(Unfinished().has_value());
  EXPECT_EQ(RowsInOpenLog(kOdense, kNyborg), kUnreceipted);

  JoinNyborg();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), kLast);
  for (const uint64_t number : {kFirst, kFirst + entry::kMaxBatchEntries, kLast}) {
    EXPECT_EQ(ReceiptedBy(number), got_them ? "medflyt.example/35209115/2" : third) << number;
  }
  // It goes on behind them, in either direction.
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(ReceiptedBy(kLast + 1), third);
  EXPECT_EQ(RecordsOf(kOdense, "medflyt.example/29189722/1"), kUnreceipted + 1) << "each once";
  const std::vector<log::Position> records = RowsOf(kOdense, kNyborg);
  EXPECT_THAT(records, SizeIs(kLast + 1));
  EXPECT_TRUE(std::is_sorted(records.begin(), records.end())) << "in the order of numbers";
  EXPECT_EQ(RowsInOpenLog(kOdense, kNyborg), kUnreceipted + 1);

  const auto replayed = odense().Replay();
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->state.CanonicalBytes(), odense().StateNow().CanonicalBytes()) << "nothing had a second effect";
}

}  // namespace
}  // namespace medflyt::testing
