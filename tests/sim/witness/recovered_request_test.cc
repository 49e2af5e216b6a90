// A request that was taken before a recovery stays what it was, whatever became of the announcement that it stands on.
#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/wire/ledger.h"
#include "server/domain/query.h"
#include "tests/sim/witness/odenses_recovery.h"

namespace medflyt::testing {
namespace {

class RecoveredRequest : public OdensesRecovery {};

// Nyborg asks for a place by what Kerteminde has announced to it. Kerteminde was recovered without Nyborg since, and
// its card ends that log before the head that proves the announcement: what was taken before stays taken.
TEST_F(RecoveredRequest, ARequestStaysTakenThoughItsAnnouncementStandsBehindTheEndOfItsLogByNow) {
  const CaseId agreement = Agree(kNyborg);
  const CaseId relocation = Announce(kKerteminde, Enrol(kKerteminde, Agree(kKerteminde)), kNyborg);
  ASSERT_TRUE(world.Settle());
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = odense.StateNow();
  ASSERT_NE(before.FindTransfer(transfer), nullptr);

  directory::Authority kerteminde = *world.directory.Find(kKerteminde);
  const std::string next = "medflyt.example/29189706/2";
  kerteminde.logs.back().keys.back().until = TreeSize(1);
  kerteminde.logs.push_back({next, {{NoteSignerOf(next, 42).verifier_key(), TreeSize(0), std::nullopt}}});
  world.directory = *world.directory.With(kerteminde);
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_GE(back.returned, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  odense.Boot();           // as the first commit leaves it
  odense.log().Release();  // for its state to be read
  const log::LogReader& reader = odense.log().reader();
  const absl::Status visited = reader.Visit(
      reader.generations().open().begin, odense.log().end(), [&](log::Position, std::string_view bytes, const KeyId&) {
        const auto record = wire::LedgerCodec().Decode(bytes);
        const auto* received = record.ok() ? std::get_if<wire::EventReceived>(&record->record) : nullptr;
        if (received != nullptr) {
          EXPECT_EQ(received->refused_rule, "");
        }
        return absl::OkStatus();
      });
  EXPECT_TRUE(visited.ok()) << visited;
  const domain::State state = odense.StateNow();
  const domain::Transfer* taken = state.FindTransfer(transfer);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->refused, before.FindTransfer(transfer)->refused);
  ASSERT_TRUE(taken->verified.has_value());
  EXPECT_EQ(taken->verified->issuer, kKerteminde);
  EXPECT_TRUE(taken->verified->same_citizen);
}

// Nyborg has lost the announcement, or withholds it. What Odense had taken and answered stands all the same, and the
// place is Nyborg's.
TEST_F(RecoveredRequest, ARequestStaysAnsweredThoughNobodyOpensItsAnnouncementAnyMore) {
  const CaseId agreement = Agree(kNyborg);
  const CaseId relocation = Announce(kKerteminde, Enrol(kKerteminde, Agree(kKerteminde)), kNyborg);
  ASSERT_TRUE(world.Settle());
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = odense.StateNow();
  ASSERT_EQ(before.FindTransfer(transfer)->state, domain::TransferState::kDone);
  ASSERT_FALSE(before.CalendarOf(agreement).empty());

  size_t cleared = 0;
  witnesses.receipted_events = [&](AuthorityId, v1::GetReceiptedEventsResponse& said) {
    cleared += static_cast<size_t>(said.batch().openings_size());
    said.mutable_batch()->clear_openings();
  };
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg, kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_GE(cleared, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  ASSERT_TRUE(world.Settle());

  const domain::State state = odense.StateNow();
  const domain::Transfer* taken = state.FindTransfer(transfer);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->state, domain::TransferState::kDone);
  EXPECT_FALSE(taken->verified.has_value()) << "nobody has shown it";
  const domain::Enrolment* enrolment = state.FindEnrolment(transfer);
  ASSERT_NE(enrolment, nullptr);
  EXPECT_EQ(domain::HistoryOf(*enrolment), domain::HistoryOf(*before.FindEnrolment(transfer)));
  EXPECT_EQ(state.CalendarOf(agreement).size(), before.CalendarOf(agreement).size()) << "the place is taken";
  const log::LogReader& reader = odense.log().reader();
  size_t received = 0;
  const absl::Status visited = reader.Visit(
      reader.generations().open().begin, odense.log().end(), [&](log::Position, std::string_view bytes, const KeyId&) {
        const auto record = wire::LedgerCodec().Decode(bytes);
        const auto* each = record.ok() ? std::get_if<wire::EventReceived>(&record->record) : nullptr;
        if (each != nullptr && each->issuer_origin == kNyborgs) {
          EXPECT_EQ(each->refused_rule, "") << "our receipt says that it was taken";
          ++received;
        }
        return absl::OkStatus();
      });
  EXPECT_TRUE(visited.ok()) << visited;
  EXPECT_EQ(received, 1U);
  ExpectSound();
}

// A request that had no answer yet gets none by rule: nobody has shown again what it stands on.
TEST_F(RecoveredRequest, ARequestWithoutAnAnswerIsNotGrantedWithoutItsAnnouncement) {
  const CaseId agreement = Agree(kNyborg);
  const CaseId enrolment = Enrol(kKerteminde, Agree(kKerteminde));
  // Odense does not hear yet that Kerteminde's responsibility ends.
  world.network.SetPartition(kOdense, kKerteminde, true);
  const CaseId relocation = Announce(kKerteminde, enrolment, kNyborg);
  world.RunFor(absl::Minutes(10));
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement}), "OK");
  world.RunFor(absl::Minutes(5));
  const domain::State before = odense.StateNow();
  ASSERT_NE(before.FindTransfer(transfer), nullptr);
  ASSERT_EQ(before.FindTransfer(transfer)->state, domain::TransferState::kWaiting);

  witnesses.receipted_events = [](AuthorityId, v1::GetReceiptedEventsResponse& said) {
    said.mutable_batch()->clear_openings();
  };
  RollBack(kOdense);
  world.network.Heal();
  const absl::Status fetched = FetchBack({kNyborg, kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  ASSERT_TRUE(world.Settle());
  const domain::State state = odense.StateNow();
  ASSERT_NE(state.FindEnrolment(enrolment)->FindSpell(enrolment)->LatestEnd(), nullptr) << "but for that it could go";
  const domain::Transfer* waiting = state.FindTransfer(transfer);
  ASSERT_NE(waiting, nullptr);
  EXPECT_EQ(waiting->state, domain::TransferState::kWaiting);
  EXPECT_THAT(domain::WaitsFor(state, *waiting), ::testing::Contains(std::string_view("ANNOUNCEMENT_NOT_VERIFIED")));
  EXPECT_EQ(state.FindEnrolment(transfer), nullptr);

  // With the announcement it is granted, in a request of its own.
  EXPECT_EQ(world.Act(kNyborg, event::WithdrawTransfer{transfer}), "OK");
  ASSERT_TRUE(world.Settle());
  const CaseId again = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{again, relocation, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(odense.StateNow().FindTransfer(again)->state, domain::TransferState::kDone);
  ExpectSound();
}

}  // namespace
}  // namespace medflyt::testing
