// What a recovery makes of logs: which of a peer's are known afterwards, and where its own one ends.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "server/exchange/admitted.h"
#include "tests/sim/witness/odenses_recovery.h"

namespace medflyt::testing {
namespace {

class RecoveryLogs : public OdensesRecovery {};

// Nyborg had gone on in a later log, and two officers had admitted it since the copy was made. That this log was taken
// our receipts say; by which keys, the recovery's own commit must, or any card of tomorrow.
TEST_F(RecoveryLogs, ALogThatIsTakenOverIsPinnedAndKnown) {
  const std::string& second = kNyborgs;
  const std::string third = "medflyt.example/29189722/2";
  const directory::Authority nyborg = GiveNyborgAnEarlierLog();
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  Admit(odense, kNyborg, nyborg.logs.back());
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.returned, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;

  // The next start finds a card with another key of that log.
  const directory::Directory genuine = world.directory;
  directory::Authority other = nyborg;
  other.logs.back().keys = {{NoteSignerOf(second, 78).verifier_key(), TreeSize(0), std::nullopt}};
  world.directory = *genuine.With(other);
  GoOn();
  exchange::Context& context = odense.exchange().context();
  const auto keys_in = [&](const directory::Directory& directory) {
    return RuleOf(exchange::CheckLogKeys(context, directory, kNyborg, second).status());
  };
  EXPECT_EQ(keys_in(world.directory), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(keys_in(genuine), "OK");

  // What it signed stays good when Nyborg goes on in its turn.
  directory::Authority later = nyborg;
  later.logs.back().keys.back().until = TreeSize(1000);
  later.logs.push_back({third, {{NoteSignerOf(third, 79).verifier_key(), TreeSize(0), std::nullopt}}});
  odense.Submit([&](log::Appender& appender) { appender.peer(kNyborg).origin = third; });
  world.RunFor(absl::Seconds(1));
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, *genuine.With(later), kNyborg, second).status()), "OK");
}

// Nyborg was recovered itself, so that what it gives back stands in two of its logs.
TEST_F(RecoveryLogs, EveryLogThatIsTakenOverIsPinnedAndKnown) {
  const directory::Authority before = GiveNyborgAnEarlierLog();
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  Admit(odense, kNyborg, before.logs.back());
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  Propose(kNyborg, kKerteminde);
  ASSERT_TRUE(world.Settle());
  Lose(kNyborg);
  if (HasFatalFailure()) return;
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.returned, 2U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();

  const directory::Authority nyborg = *world.directory.Find(kNyborg);
  ASSERT_EQ(nyborg.logs.size(), 3U);
  for (size_t i = 1; i < nyborg.logs.size(); ++i) {
    const std::string& origin = nyborg.logs[i].origin;
    SCOPED_TRACE(origin);
    exchange::Context& context = odense.exchange().context();
    EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, world.directory, kNyborg, origin).status()), "OK");
    directory::Authority other = nyborg;
    other.logs[i].keys.front().key = NoteSignerOf(origin, 78).verifier_key();
    EXPECT_EQ(RuleOf(exchange::CheckLogKeys(context, *world.directory.With(other), kNyborg, origin).status()),
              "LOG_KEY_NOT_HANDED_OVER");
  }
}

// The copy is of before Odense had met Nyborg, and Nyborg was recovered since: what the store forgets of its logs comes
// back with what stands in them, so that the later one is no first contact.
TEST_F(RecoveryLogs, AfterAClosedLogOfAPeerItsNextOneNeedsTwoOfficersAsBefore) {
  world.node(kOdense).CopyStore();
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  Propose(kNyborg, kKerteminde);
  ASSERT_TRUE(world.Settle());
  Lose(kNyborg);
  if (HasFatalFailure()) return;
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).origin, "");
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.returned, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();

  const directory::Authority& nyborg = *world.directory.Find(kNyborg);
  ASSERT_EQ(nyborg.logs.size(), 2U);
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).origin, nyborg.logs[0].origin);
  exchange::Context& context = world.node(kOdense).exchange().context();
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, world.directory, kNyborg, nyborg.logs[0].origin).status()), "OK");
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, world.directory, kNyborg, nyborg.logs[1].origin).status()),
            "GENERATION_NOT_ADMITTED");
}

// Where the peer has only ever received, its receipts are the first contact.
TEST_F(RecoveryLogs, APeerThatGaveReceiptsAloneBackIsMetByThem) {
  world.node(kOdense).CopyStore();
  Propose(kOdense, kNyborg);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).origin, "");
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.held, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  SimNode& odense = world.node(kOdense);
  odense.Boot();  // restrained: as the first commit leaves it
  EXPECT_EQ(odense.log().peer(kNyborg).origin, kNyborgs);
  EXPECT_GT(odense.log().peer(kNyborg).by_receipt.size.value(), 0U);

  const directory::Directory genuine = world.directory;
  directory::Authority other = *genuine.Find(kNyborg);
  other.logs.back().keys.front().key = NoteSignerOf(kNyborgs, 78).verifier_key();
  EXPECT_EQ(
      RuleOf(exchange::CheckLogKeys(odense.exchange().context(), *genuine.With(other), kNyborg, kNyborgs).status()),
      "LOG_KEY_NOT_HANDED_OVER");
  other = *genuine.Find(kNyborg);
  const std::string later = "medflyt.example/29189722/2";
  other.logs.back().keys.back().until = TreeSize(1000);
  other.logs.push_back({later, {{NoteSignerOf(later, 79).verifier_key(), TreeSize(0), std::nullopt}}});
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(odense.exchange().context(), *genuine.With(other), kNyborg, later).status()),
            "GENERATION_NOT_ADMITTED");
}

// Nobody who is asked has seen it, and the card that ends the log would make what was proven under it worthless.
TEST_F(RecoveryLogs, TheLogEndsBehindTheHighestHeadThatAPeerHadShownThoughItIsLeftOut) {
  LoseOne();
  if (HasFatalFailure()) return;
  std::vector<uint64_t> proven;
  {
    exchange::OwnLogCheck check(world.node(kOdense).exchange().context(), witnesses.calls(kOdense),
                                exchange::OwnLogSchedule(),
                                {[](const auto&) {}, [&](TreeSize size) { proven.push_back(size.value()); }}, {});
    check.Start();
    world.RunFor(absl::Minutes(1));
    check.Stop();
  }
  ASSERT_EQ(proven.size(), 1U);
  ASSERT_GT(proven[0], world.node(kOdense).log().head().size.value());
  witnesses.held = [](AuthorityId, AuthorityId) { return std::optional(v1::GetHeldHeadsResponse()); };
  const absl::Status fetched = FetchBack({kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  EXPECT_EQ(back.closed_size.value(), proven[0]);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  world.node(kOdense).Boot();  // restrained: as the first commit leaves it
  EXPECT_TRUE(exchange::ReadOwnLogProofs(world.node(kOdense).log(), world.directory)->empty());
  EXPECT_EQ(
      world.node(kOdense).store().Last(store::Table::kMeta, store::KeyRange::Prefix("own-log-proof"))->has_value(),
      false);
}

// It has cosigned nothing: by the receipts that came back alone it knows how far Odense is.
TEST_F(RecoveryLogs, ARecoveredPeerShowsTheHeadsOfWhatCameBack) {
  witnesses.lies = [](const SimWitnesses::Asked&) {
    return absl::StatusOr<v1::CosignResponse>(absl::UnavailableError("nobody cosigns"));
  };
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  const TreeSize receipted = world.node(kNyborg).log().peer(kOdense).by_receipt.size;
  Lose(kNyborg);
  if (HasFatalFailure()) return;
  const v1::GetHeldHeadsResponse held = HeldByNyborg();
  EXPECT_GE(held.size(), receipted.value());
  ASSERT_THAT(held.checkpoints(), ::testing::Not(::testing::IsEmpty()));
  uint64_t shown = 0;
  for (const std::string& note : held.checkpoints()) {
    shown = std::max(shown, tlog::StatedCheckpoint(note)->size().value());
  }
  EXPECT_GE(shown, receipted.value());
}

// A peer that still goes by the old card asks of the old log, and is not answered with the new one.
TEST_F(RecoveryLogs, AClosedLogIsProvenAsFarAsTheStoreHasIt) {
  LoseOne();
  if (HasFatalFailure()) return;
  const uint64_t kept = world.node(kOdense).log().head().size.value();
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  ASSERT_TRUE(world.Settle());
  const auto ask = [&](const std::string& origin, uint64_t to) {
    v1::ProveConsistencyRequest request;
    request.set_origin(origin);
    request.set_from(1);
    request.set_to(to);
    return RuleOf(witnesses.comparison(kOdense).Prove(request).status());
  };
  EXPECT_EQ(ask(kClosed, kept), "OK");
  EXPECT_EQ(ask(kClosed, kept + 1), "PROOF_NOT_KEPT");
  EXPECT_EQ(ask(kNext, 2), "OK");
  EXPECT_EQ(ask(kNext, 1000), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(ask("medflyt.example/35209115/3", 1), "PROOF_NOT_KEPT");
}

// The own card says that the log's present key signs from a later size on, and nobody shows a head that it has signed:
// the card of the next log could not end this one.
TEST_F(RecoveryLogs, AHandoverThatNothingProvesIsFoundWhileTheLogIsOpen) {
  LoseOne();
  if (HasFatalFailure()) return;
  directory::Authority odense = *world.directory.Find(kOdense);
  odense.logs.back().keys.back().until = TreeSize(1000);
  odense.logs.back().keys.push_back({NoteSignerOf(kClosed, 80).verifier_key(), TreeSize(1000), std::nullopt});
  const directory::Directory genuine = world.directory;
  world.node(kOdense).exchange().OnDirectoryChanged(*genuine.With(odense));
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "RECOVERY_EVIDENCE_INVALID");
  EXPECT_FALSE(PlanIsKept());
  world.node(kOdense).exchange().OnDirectoryChanged(genuine);
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "OK");
}

}  // namespace
}  // namespace medflyt::testing
