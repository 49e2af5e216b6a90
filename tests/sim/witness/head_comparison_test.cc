// Odense and Kerteminde compare what Nyborg's log showed each of them. Nyborg's log is in the hands of somebody who
// knows its keys.
#include "server/exchange/head_comparison.h"

#include <gmock/gmock.h>

#include "common/tlog/fork_proof.h"
#include "server/exchange/fork_evidence.h"
#include "tests/sim/exchange/forger.h"
#include "tests/support/sim_witnesses.h"

namespace medflyt::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kOrigin = "medflyt.example/29189722/1";

class HeadComparisonTest : public ::testing::Test {
 protected:
  HeadComparisonTest() : world(13), witnesses(world, {absl::Hours(10000), absl::Hours(10000), absl::Seconds(30)}) {
    witnesses.Crash(kNyborg);
    for (int i = 0; i < 8; ++i) {
      log_.Append("entry " + std::to_string(i));
      other_.Append((i < 2 ? "entry " : "another ") + std::to_string(i));
    }
    // They meet when the test says so.
    world.network.SetPartition(kOdense, kKerteminde, true);
    witnesses.prove_for = kNyborg;
    world.RunFor(absl::Seconds(1));
  }

  // Nyborg shows this head of this history to that witness.
  void Show(AuthorityId witness, const EvidenceLog& log, uint64_t size) {
    v1::CosignRequest request;
    request.set_checkpoint(log.Note(size));
    std::string said;
    witnesses.witness(witness).Cosign(kNyborg, request, [&](const auto& answer) {
      said = answer.ok() && answer->has_signatures() ? "cosigned" : "refused";
    });
    world.RunFor(absl::Seconds(1));
    ASSERT_EQ(said, "cosigned");
  }
  // What Nyborg's node says when it is asked for proofs.
  void ProveFrom(const EvidenceLog& log) {
    witnesses.prove = [&log](const v1::ProveConsistencyRequest& request) {
      v1::ProveConsistencyResponse response;
      entry::HashesToProto(log.Consistency(request.from(), request.to()), *response.mutable_hashes());
      return response;
    };
  }
  void Meet() {
    world.network.Heal();
    world.RunFor(absl::Minutes(3));
  }
  // Nyborg sends Odense a batch, its next, and has nobody cosign its head: that note.
  std::string SendOdenseABatch(Forger& forger, uint64_t number = 1) {
    forger.set_receipted(number - 1);
    forger.Dial();
    const Forger::Secret secret = forger.NewKey();
    const LeafIndex grant = forger.AppendGrant(secret);
    const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(number), secret);
    v1::EventBatch batch = forger.Batch({grant, leaf}, secret);
    forger.AddGrant(batch, secret);
    forger.Send(batch);
    EXPECT_EQ(forger.AnswerRule(), "RECEIPT");
    return batch.checkpoint();
  }
  // What Odense tells this peer.
  std::vector<std::string> ToldTo(AuthorityId peer) {
    const auto told = witnesses.comparison(kOdense).Compare(peer, {});
    EXPECT_TRUE(told.ok()) << told.status();
    world.RunFor(absl::Seconds(1));
    if (!told.ok()) return {};
    return {told->checkpoints().begin(), told->checkpoints().end()};
  }
  std::vector<exchange::ForkEvidence> EvidenceAt(AuthorityId id) {
    return *exchange::ReadForkEvidence(world.node(id).store());
  }
  bool Stopped(AuthorityId at) { return world.node(at).exchange().StatusOf(kNyborg).forked; }

  SimWorld world;
  SimWitnesses witnesses;
  EvidenceLog log_{std::string(kOrigin), 20};
  EvidenceLog other_{std::string(kOrigin), 20};
};

TEST_F(HeadComparisonTest, ASplitViewOfOneSizeIsProvenAtBothWhenTheyMeet) {
  Show(kOdense, log_, 5);
  Show(kKerteminde, other_, 5);
  world.RunFor(absl::Hours(30));
  EXPECT_FALSE(Stopped(kOdense)) << "each alone has seen nothing wrong";
  Meet();
  for (const AuthorityId& id : {kOdense, kKerteminde}) {
    EXPECT_TRUE(Stopped(id));
    EXPECT_EQ(world.node(id).logger.events["log_fork_proven"], 1);
    const auto evidence = EvidenceAt(id);
    ASSERT_THAT(evidence, SizeIs(1));
    EXPECT_TRUE(evidence[0].proven);
    EXPECT_EQ(evidence[0].peer, kNyborg);
    // It convinces whoever has Nyborg's public key, from a file.
    const tlog::ForkProof proof{evidence[0].accepted_note, evidence[0].presented_note};
    const auto read = tlog::ForkProof::Parse(proof.Serialize());
    ASSERT_TRUE(read.ok()) << read.status();
    const std::vector<tlog::VerifierKey> keys = {NoteSignerOf(kOrigin, 20).verifier_key()};
    const auto fork = tlog::VerifyForkProof(*read, keys);
    ASSERT_TRUE(fork.ok()) << fork.status();
    EXPECT_EQ(fork->first.size(), TreeSize(5));
  }
  EXPECT_THAT(witnesses.proofs_asked, IsEmpty());
}

TEST_F(HeadComparisonTest, TheProofOutlivesARestart) {
  Show(kOdense, log_, 5);
  Show(kKerteminde, other_, 5);
  Meet();
  witnesses.Restart(kOdense);
  EXPECT_TRUE(Stopped(kOdense));
}

TEST_F(HeadComparisonTest, AForkOfALogThatWasClosedDoesNotStopTheOneThatIsOpen) {
  directory::Authority recovered = *world.directory.Find(kNyborg);
  recovered.logs[0].keys[0].until = TreeSize(8);
  const std::string next = "medflyt.example/29189722/2";
  recovered.logs.push_back({next, {{NoteSignerOf(next, 24).verifier_key(), TreeSize(0), std::nullopt}}});
  for (const AuthorityId& id : {kOdense, kKerteminde}) {
    world.node(id).exchange().OnDirectoryChanged(*world.directory.With(recovered));
  }
  Show(kOdense, log_, 5);
  Show(kKerteminde, other_, 5);
  Meet();
  for (const AuthorityId& id : {kOdense, kKerteminde}) {
    ASSERT_THAT(EvidenceAt(id), SizeIs(1));
    EXPECT_TRUE(EvidenceAt(id)[0].proven);
    EXPECT_FALSE(Stopped(id));
    EXPECT_THAT(world.node(id).exchange().StatusOf(kNyborg).forked_logs, ::testing::ElementsAre(kOrigin));
  }
}

TEST_F(HeadComparisonTest, AnHonestLogOfTwoSizesProvesItselfAndNothingIsKept) {
  ProveFrom(log_);
  Show(kOdense, log_, 7);
  Show(kKerteminde, log_, 4);
  Meet();
  EXPECT_THAT(witnesses.proofs_asked, Not(IsEmpty()));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  EXPECT_THAT(EvidenceAt(kKerteminde), IsEmpty());
}

TEST_F(HeadComparisonTest, ASplitViewOfTwoSizesIsHeldAndNobodyIsAccused) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  for (const EvidenceLog* told : {&log_, &other_}) {
    ProveFrom(*told);
    Meet();
    world.network.SetPartition(kOdense, kKerteminde, true);
    world.RunFor(absl::Minutes(2));
  }
  for (const AuthorityId& id : {kOdense, kKerteminde}) {
    EXPECT_FALSE(Stopped(id));
    EXPECT_THAT(EvidenceAt(id), AllOf(Not(IsEmpty()), Each(Field(&exchange::ForkEvidence::proven, false))));
    EXPECT_EQ(world.node(id).logger.events["log_fork_proven"], 0);
    EXPECT_GT(world.node(id).logger.events["log_fork_suspected"], 0);
  }
}

TEST_F(HeadComparisonTest, ARefusedProofIsHeldAndSilenceIsNot) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  Meet();  // Nyborg's node is away
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  EXPECT_THAT(witnesses.proofs_asked, Not(IsEmpty()));

  witnesses.prove = [](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
    return RuleError(absl::StatusCode::kOutOfRange, "PROOF_OUT_OF_RANGE", "to", "the log is not that long");
  };
  world.RunFor(absl::Hours(25));  // asked again daily
  ASSERT_THAT(EvidenceAt(kOdense), Not(IsEmpty()));
  EXPECT_FALSE(EvidenceAt(kOdense)[0].proven);
  EXPECT_EQ(EvidenceAt(kOdense)[0].accepted_note, log_.Note(7));
  EXPECT_EQ(EvidenceAt(kOdense)[0].presented_note, other_.Note(4));
  EXPECT_FALSE(Stopped(kOdense));
}

TEST_F(HeadComparisonTest, ARefusalOfWhateverKindIsHeld) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  for (const absl::StatusCode code :
       {absl::StatusCode::kUnimplemented, absl::StatusCode::kPermissionDenied, absl::StatusCode::kUnauthenticated,
        absl::StatusCode::kUnknown, absl::StatusCode::kInternal}) {
    witnesses.prove = [code](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
      return absl::Status(code, "no");
    };
    const size_t before = EvidenceAt(kOdense).size();
    Meet();
    EXPECT_GT(EvidenceAt(kOdense).size(), before) << absl::StatusCodeToString(code);
    world.network.SetPartition(kOdense, kKerteminde, true);
    world.RunFor(absl::Minutes(2));
  }
  EXPECT_THAT(EvidenceAt(kOdense), Each(Field(&exchange::ForkEvidence::proven, false)));
  EXPECT_FALSE(Stopped(kOdense));
}

TEST_F(HeadComparisonTest, WhoIsThereAndDoesNotAnswerForADayIsHeldOnceAndAccusedOfNothing) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  witnesses.prove = [](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
    return absl::UnavailableError("not now");
  };
  world.node(kNyborg).Boot();
  witnesses.Boot(kNyborg);
  Meet();
  world.RunFor(absl::Hours(20));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty()) << "it may be late";
  EXPECT_EQ(world.node(kOdense).logger.events["consistency_not_answered"], 1);
  world.RunFor(absl::Hours(5));
  const auto evidence = EvidenceAt(kOdense);
  ASSERT_THAT(evidence, SizeIs(1));
  EXPECT_FALSE(evidence[0].proven);
  EXPECT_EQ(evidence[0].accepted_note, log_.Note(7));
  EXPECT_EQ(evidence[0].presented_note, other_.Note(4));
  world.RunFor(absl::Hours(60));
  EXPECT_THAT(EvidenceAt(kOdense), SizeIs(1));
  EXPECT_FALSE(Stopped(kOdense));
}

TEST_F(HeadComparisonTest, OnlyTheTimeThatItsOwnerIsThereCountsTowardsADayWithoutAnAnswer) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  witnesses.prove = [](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
    return absl::UnavailableError("not now");
  };
  world.node(kNyborg).Boot();
  witnesses.Boot(kNyborg);
  Meet();
  EXPECT_EQ(world.node(kOdense).logger.events["consistency_not_answered"], 1);
  world.network.SetPartition(kOdense, kNyborg, true);
  world.RunFor(absl::Hours(70));
  world.network.SetPartition(kOdense, kNyborg, false);
  world.RunFor(absl::Hours(1));  // asked again, in vain
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty()) << "it was there for an hour of three days";
  // Out of reach and back: each time that it is there is added to those before.
  world.RunFor(absl::Hours(15));
  world.network.SetPartition(kOdense, kNyborg, true);
  world.RunFor(absl::Hours(20));
  world.network.SetPartition(kOdense, kNyborg, false);
  world.RunFor(absl::Hours(6));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty()) << "22 hours of 4 days";
  world.RunFor(absl::Hours(4));
  EXPECT_THAT(EvidenceAt(kOdense), SizeIs(1));
}

// Its runbook has it wait until every peer has answered, for as long as that takes, and it cosigns all the while.
TEST_F(HeadComparisonTest, ANodeThatIsRestrainedBecauseItsStoreWentBackIsNotSuspected) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, log_, 4);
  world.node(kNyborg).restrained = true;
  world.node(kNyborg).Boot();
  witnesses.Boot(kNyborg);
  ASSERT_LT(world.node(kNyborg).log().head().size, TreeSize(7));
  Meet();
  EXPECT_EQ(world.node(kOdense).logger.events["consistency_not_answered"], 1);
  const size_t asked = witnesses.proofs_asked.size();
  world.RunFor(absl::Hours(72));
  EXPECT_GT(witnesses.proofs_asked.size(), asked + 400) << "asked every ten minutes all the same";
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  EXPECT_EQ(world.node(kOdense).logger.events["log_fork_suspected"], 0);
}

TEST_F(HeadComparisonTest, WhoSaysThatItsStoreIsBehindAndGoesOnExchangingIsHeld) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  witnesses.prove = [](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
    return RuleError(absl::StatusCode::kUnavailable, "PROOF_NOT_KEPT", "to", "the store does not have that much of it");
  };
  world.node(kNyborg).Boot();
  witnesses.Boot(kNyborg);
  Meet();
  const exchange::PeerStatus status = world.node(kOdense).exchange().StatusOf(kNyborg);
  ASSERT_TRUE(status.delivery.connected || status.reception.connected);
  world.RunFor(absl::Hours(20));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  world.RunFor(absl::Hours(5));
  EXPECT_THAT(EvidenceAt(kOdense), SizeIs(1));
}

// Then nobody is asked to cosign, and who did so last is known no better for days.
TEST_F(HeadComparisonTest, NobodyIsSuspectedOfSilenceByANodeThatIsRestrained) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  witnesses.prove = [](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
    return absl::UnavailableError("not now");
  };
  world.node(kNyborg).Boot();
  witnesses.Boot(kNyborg);
  Meet();
  EXPECT_EQ(world.node(kOdense).logger.events["consistency_not_answered"], 1);
  world.node(kOdense).RestrainNow();
  world.RunFor(absl::Hours(30));
  EXPECT_EQ(world.node(kOdense).logger.events["log_fork_suspected"], 0);
}

TEST_F(HeadComparisonTest, BeingTooBusyForADayIsNoAnswerEither) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, other_, 4);
  witnesses.prove = [](const auto&) -> absl::StatusOr<v1::ProveConsistencyResponse> {
    return absl::ResourceExhaustedError("busy");
  };
  Meet();
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  world.RunFor(absl::Hours(25));
  EXPECT_THAT(EvidenceAt(kOdense), SizeIs(1));
}

TEST_F(HeadComparisonTest, AnHonestLogThatIsAwayForDaysIsNotSuspectedAndProvesItselfWhenItIsBack) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, log_, 4);
  Meet();
  world.RunFor(absl::Hours(72));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  EXPECT_EQ(world.node(kOdense).logger.events["log_fork_suspected"], 0);
  int proven = 0;
  witnesses.prove = [&](const v1::ProveConsistencyRequest& request) {
    ++proven;
    v1::ProveConsistencyResponse response;
    entry::HashesToProto(log_.Consistency(request.from(), request.to()), *response.mutable_hashes());
    return response;
  };
  world.RunFor(absl::Minutes(30));
  EXPECT_GT(proven, 0) << "what was told while it was away is not forgotten";
  world.RunFor(absl::Hours(30));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
}

// As where a direction stands still: no stream, and nobody's log is cosigned.
TEST_F(HeadComparisonTest, APeerWithWhichThereIsNoOtherContactIsAskedToo) {
  witnesses.contact = false;
  Show(kOdense, log_, 5);
  Show(kKerteminde, other_, 5);
  world.RunFor(absl::Minutes(2));
  world.network.Heal();
  world.RunFor(absl::Minutes(15));
  EXPECT_TRUE(Stopped(kOdense));
  EXPECT_TRUE(Stopped(kKerteminde));
}

TEST_F(HeadComparisonTest, ProofsThatAreNoneAreHeld) {
  Show(kOdense, log_, 7);
  Show(kKerteminde, log_, 4);
  int lie = 0;
  witnesses.prove = [&](const v1::ProveConsistencyRequest& request) {
    v1::ProveConsistencyResponse response;
    entry::HashesToProto(log_.Consistency(request.from(), request.to()), *response.mutable_hashes());
    if (lie == 0) response.mutable_hashes()->RemoveLast();
    if (lie == 1) (*response.mutable_hashes(0))[3] ^= 1;
    if (lie == 2) response.add_hashes("short");
    return response;
  };
  for (; lie < 3; ++lie) {
    const size_t before = EvidenceAt(kOdense).size();
    Meet();
    EXPECT_GT(EvidenceAt(kOdense).size(), before) << lie;
    world.network.SetPartition(kOdense, kKerteminde, true);
    world.RunFor(absl::Minutes(2));
  }
  EXPECT_FALSE(Stopped(kOdense));
}

// Nobody can be accused by words that it did not sign.
TEST_F(HeadComparisonTest, WhatTheLogDidNotSignAccusesNobody) {
  Show(kOdense, log_, 5);
  EvidenceLog forged(std::string(kOrigin), 99);
  for (int i = 0; i < 8; ++i) forged.Append("forged " + std::to_string(i));
  v1::CompareHeadsRequest request;
  request.add_checkpoints(forged.Note(5));
  std::string altered = log_.Note(5);
  altered.replace(altered.find("\n5\n"), 3, "\n6\n");
  request.add_checkpoints(altered);
  request.add_checkpoints("no note");
  request.add_checkpoints("");
  ASSERT_TRUE(witnesses.comparison(kOdense).Compare(kKerteminde, request).ok());
  world.RunFor(absl::Minutes(1));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  EXPECT_FALSE(Stopped(kOdense));
  EXPECT_THAT(witnesses.proofs_asked, IsEmpty());
  EXPECT_EQ(world.node(kOdense).logger.events["head_not_taken"], 4);
}

TEST_F(HeadComparisonTest, AHeadUnderAKeyThatWasNotHandedOverToAccusesNobody) {
  Show(kOdense, log_, 5);
  EvidenceLog forged(std::string(kOrigin), 99);
  for (int i = 0; i < 8; ++i) forged.Append("forged " + std::to_string(i));
  // A card in which a forger's key signs that size.
  directory::Authority card = *world.directory.Find(kNyborg);
  card.logs[0].keys[0].until = TreeSize(5);
  card.logs[0].keys.push_back({forged.identity().keys[0], TreeSize(5), std::nullopt});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(card));
  v1::CompareHeadsRequest request;
  request.add_checkpoints(forged.Note(5));
  ASSERT_TRUE(witnesses.comparison(kOdense).Compare(kKerteminde, request).ok());
  world.RunFor(absl::Minutes(1));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
  EXPECT_FALSE(Stopped(kOdense));
  EXPECT_EQ(world.node(kOdense).logger.events["head_not_taken"], 1);
  EXPECT_EQ(world.node(kOdense).logger.events["log_key_not_handed_over"], 1);
}

// A log that shows one history to its recipient in batches and another to it as a witness.
TEST_F(HeadComparisonTest, WhatCameWithBatchesIsComparedToo) {
  Forger forger(world);
  const std::string came_with = SendOdenseABatch(forger);
  Show(kOdense, other_, forger.log.size() + 3);
  ProveFrom(other_);
  // Nyborg's node is back on the network, as far as Odense can see.
  world.node(kNyborg).Boot();
  witnesses.Boot(kNyborg);
  world.RunFor(absl::Minutes(3));
  ASSERT_THAT(EvidenceAt(kOdense), Not(IsEmpty()));
  EXPECT_FALSE(EvidenceAt(kOdense)[0].proven);
  EXPECT_EQ(EvidenceAt(kOdense)[0].accepted_note, came_with);
}

// A log that shows its witness one history and sends another to somebody whom it never asks to cosign.
TEST_F(HeadComparisonTest, WhoWasNeverAskedToCosignProvesTheSplitOfOneSize) {
  Forger forger(world);
  const std::string came_with = SendOdenseABatch(forger);
  Show(kKerteminde, other_, forger.log.size());
  Meet();
  EXPECT_TRUE(Stopped(kOdense));
  const auto evidence = EvidenceAt(kOdense);
  ASSERT_THAT(evidence, SizeIs(1));
  EXPECT_TRUE(evidence[0].proven);
  EXPECT_EQ(evidence[0].accepted_note, came_with);
  EXPECT_EQ(evidence[0].presented_note, other_.Note(forger.log.size()));
  const std::vector<tlog::VerifierKey> keys = {NoteSignerOf(kOrigin, 20).verifier_key()};
  EXPECT_TRUE(tlog::VerifyForkProof({evidence[0].accepted_note, evidence[0].presented_note}, keys).ok());
  EXPECT_THAT(witnesses.proofs_asked, IsEmpty());
  EXPECT_FALSE(Stopped(kKerteminde)) << "Odense does not tell at once that it was sent something";
  world.RunFor(absl::Hours(25));
  EXPECT_TRUE(Stopped(kKerteminde));
}

TEST_F(HeadComparisonTest, WhoWasNeverAskedToCosignAsksTheLogWhereSizesDiffer) {
  Forger forger(world);
  const std::string came_with = SendOdenseABatch(forger);
  const uint64_t size = forger.log.size() + 3;
  Show(kKerteminde, other_, size);
  ProveFrom(other_);
  Meet();
  const auto evidence = EvidenceAt(kOdense);
  ASSERT_THAT(evidence, Not(IsEmpty()));
  EXPECT_FALSE(evidence[0].proven);
  EXPECT_EQ(evidence[0].accepted_note, came_with);
  EXPECT_EQ(evidence[0].presented_note, other_.Note(size));
  EXPECT_FALSE(Stopped(kOdense));
}

TEST_F(HeadComparisonTest, AnHonestLogThatOnlyOneOfTwoCosignedProvesItself) {
  Forger forger(world);
  SendOdenseABatch(forger);
  for (int i = 0; i < 3; ++i) forger.log.Append("later " + std::to_string(i));
  Show(kKerteminde, forger.log, forger.log.size());
  ProveFrom(forger.log);
  Meet();
  EXPECT_THAT(witnesses.proofs_asked, Not(IsEmpty()));
  EXPECT_THAT(EvidenceAt(kOdense), IsEmpty());
}

TEST_F(HeadComparisonTest, AHeadThatCameWithEventsIsToldWhereItsOwnerKeepsItFromItsWitness) {
  Forger forger(world);
  const std::string came_with = SendOdenseABatch(forger);
  world.RunFor(absl::Minutes(59));
  EXPECT_THAT(ToldTo(kKerteminde), IsEmpty()) << "it would say when something was sent";
  world.RunFor(absl::Minutes(5));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(came_with));
  EXPECT_THAT(ToldTo(kNyborg), IsEmpty()) << "of its own log";
  forger.log.Append("later");
  Show(kOdense, forger.log, forger.log.size());
  world.RunFor(absl::Minutes(2));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(forger.log.Note(forger.log.size())));
}

// A peer that asks every minute is not to learn when each event came.
TEST_F(HeadComparisonTest, OfHeadsThatCameWithEventsOneAnHourIsToldAndThatOneAnHourLate) {
  Forger forger(world);
  const std::string first = SendOdenseABatch(forger);
  world.RunFor(absl::Minutes(30));
  const std::string second = SendOdenseABatch(forger, 2);
  world.RunFor(absl::Minutes(35));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(first)) << "and nothing of what came since";
  const std::string third = SendOdenseABatch(forger, 3);
  world.RunFor(absl::Minutes(50));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(first));
  world.RunFor(absl::Minutes(15));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(second)) << "an hour after the first was told";
  world.RunFor(absl::Minutes(40));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(second));
  world.RunFor(absl::Minutes(20));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(third));
  Show(kOdense, forger.log, forger.log.size());
  world.RunFor(absl::Minutes(2));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(forger.log.Note(forger.log.size()))) << "once, as one that was cosigned";
}

// One that is cosigned in time is not told, nor is the one behind it that has come since: that has an hour of its own.
TEST_F(HeadComparisonTest, AHeadThatIsCosignedWithinTheHourLeavesTheNextOneAnHour) {
  Forger forger(world);
  SendOdenseABatch(forger);
  const uint64_t size = forger.log.size();
  world.RunFor(absl::Minutes(40));
  const std::string second = SendOdenseABatch(forger, 2);
  Show(kOdense, forger.log, size);
  const std::string cosigned = forger.log.Note(size);
  world.RunFor(absl::Minutes(55));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(cosigned));
  world.RunFor(absl::Minutes(10));
  EXPECT_THAT(ToldTo(kKerteminde), ElementsAre(cosigned, second));
}

TEST_F(HeadComparisonTest, PeersAreToldOfOthersLogsOnlyAndWithinBounds) {
  Show(kOdense, log_, 5);
  const auto told = witnesses.comparison(kOdense).Compare(kKerteminde, {});
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_EQ(told->checkpoints_size(), 1);
  EXPECT_EQ(told->checkpoints(0), log_.Note(5));
  EXPECT_EQ(RuleOf(witnesses.comparison(kOdense).Compare(kKerteminde, {}).status()), "COMPARE_BUSY");
  world.RunFor(absl::Seconds(1));
  const auto to_itself = witnesses.comparison(kOdense).Compare(kNyborg, {});
  ASSERT_TRUE(to_itself.ok());
  EXPECT_EQ(to_itself->checkpoints_size(), 0);
  v1::CompareHeadsRequest many;
  for (int i = 0; i < 257; ++i) many.add_checkpoints("x");
  EXPECT_EQ(RuleOf(witnesses.comparison(kOdense).Compare(kKerteminde, many).status()), "HEADS_MALFORMED");
  v1::CompareHeadsRequest large;
  large.add_checkpoints(std::string(exchange::kMaxCosignNote + 1, 'x'));
  EXPECT_EQ(RuleOf(witnesses.comparison(kOdense).Compare(kKerteminde, large).status()), "HEADS_MALFORMED");
}

TEST_F(HeadComparisonTest, ConsistencyOfOurOwnLogIsProvenWithinWhatIsDurable) {
  for (int i = 0; i < 6; ++i) {
    world.node(kOdense).Submit([this](log::Appender& appender) {
      wire::LedgerCodec codec;
      appender.AppendLedger(*codec.Encode({appender.now(), wire::KeyGranted{kOdense, world.chance.NewId<KeyId>(),
                                                                            crypto::Hash(merkle::LeafHash(""))}}));
    });
    world.RunFor(absl::Seconds(1));
  }
  const exchange::HeadComparison& odense = witnesses.comparison(kOdense);
  const log::Head head = world.node(kOdense).log().head();
  const auto ask = [&odense](uint64_t from, uint64_t to) {
    v1::ProveConsistencyRequest request;
    request.set_from(from);
    request.set_to(to);
    return odense.Prove(request);
  };
  const auto proof = ask(3, head.size.value());
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_GT(proof->hashes_size(), 0);
  EXPECT_EQ(ask(head.size.value(), head.size.value())->hashes_size(), 0);
  EXPECT_EQ(RuleOf(ask(0, 3).status()), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(ask(4, 3).status()), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(RuleOf(ask(3, head.size.value() + 1).status()), "PROOF_OUT_OF_RANGE");
  // What its store has lost it cannot prove, and is not to be suspected for.
  world.node(kOdense).RestrainNow();
  EXPECT_EQ(RuleOf(ask(3, head.size.value() + 1).status()), "PROOF_NOT_KEPT");
  EXPECT_TRUE(ask(3, head.size.value()).ok());
}

}  // namespace
}  // namespace medflyt::testing
