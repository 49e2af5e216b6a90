// A node whose store may have been rolled back: what it signs, whom it asks, and when it goes on.
#include "server/exchange/own_log_check.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/merkle/tree_hasher.h"
#include "tests/sim/exchange/checks.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/sim_witnesses.h"

namespace medflyt::testing {
namespace {

using exchange::Standing;

const exchange::CosigningSchedule kSchedule = {absl::Seconds(5), absl::Minutes(10), absl::Seconds(30)};
const crypto::Hash kFirst = merkle::LeafHash("first certificate");
const crypto::Hash kSecond = merkle::LeafHash("second certificate");

class OwnLogCheckTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  OwnLogCheckTest() : world(GetParam()), witnesses(world, kSchedule) {}

  // Odense proposes so many agreements to a municipality.
  void Propose(AuthorityId to, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      EXPECT_EQ(world.Act(kOdense, Proposal(to)), "OK");
    }
  }
  event::ProposeAgreement Proposal(AuthorityId buyer) {
    return {world.chance.NewId<CaseId>(), kOdense, buyer, Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))};
  }

  // Odense starts with the copy of its store, as a node does whose epoch file says that it is behind.
  void RollBack(bool behind_its_file = true) {
    SimNode& node = world.node(kOdense);
    check.reset();
    witnesses.Forget(kOdense);
    node.PutBackCopy();
    node.restrained = behind_its_file;
    node.Boot();
    witnesses.Boot(kOdense);
    Check();
  }
  void Check() {
    SimNode& node = world.node(kOdense);
    exchange::OwnLogCheck::Outcome outcome;
    outcome.clear = [this, &node](const auto& without) {
      ++cleared;
      released = without;
      if (node.restrained) node.Go();
    };
    outcome.behind = [this, &node](TreeSize size) {
      proven.push_back(size.value());
      node.RestrainNow();
    };
    const auto proofs = exchange::ReadOwnLogProofs(node.log(), world.directory);
    ASSERT_TRUE(proofs.ok()) << proofs.status();
    check = std::make_unique<exchange::OwnLogCheck>(node.exchange().context(), witnesses.calls(kOdense),
                                                    exchange::OwnLogSchedule(), std::move(outcome), *proofs);
    check->Start();
  }
  // It stops and starts again with the store that it has.
  void Restart(bool behind_its_file) {
    SimNode& node = world.node(kOdense);
    check.reset();
    witnesses.Forget(kOdense);
    node.Crash();
    node.restrained = behind_its_file;
    node.Boot();
    witnesses.Boot(kOdense);
    Check();
  }
  uint64_t Size() { return world.node(kOdense).log().head().size.value(); }
  Standing Of(AuthorityId peer) {
    for (const exchange::PeerKnowledge& each : check->status()) {
      if (each.peer == peer) return each.standing;
    }
    return Standing::kNotAsked;
  }
  bool WaitsFor(AuthorityId peer) {
    const std::vector<exchange::PeerKnowledge> known = check->status();
    return std::any_of(known.begin(), known.end(), [peer](const auto& each) { return each.peer == peer; });
  }
  // Questions of Odense's to witnesses.
  size_t CosigningsAsked() {
    return static_cast<size_t>(std::count_if(witnesses.asked.begin(), witnesses.asked.end(),
                                             [](const auto& each) { return each.from == kOdense; }));
  }
  // The largest of Odense's log that this peer has cosigned or accepted.
  uint64_t HeldBy(AuthorityId peer) {
    const log::PeerState state = world.node(peer).log().peer(kOdense);
    uint64_t size = std::max(state.by_batch.size.value(), state.by_receipt.size.value());
    const auto heads = witnesses.witness(peer).heads();
    const auto found = heads.find(world.node(kOdense).log().origin());
    return found == heads.end() ? size : std::max(size, found->second.head.size.value());
  }

  SimWorld world;
  SimWitnesses witnesses;
  std::unique_ptr<exchange::OwnLogCheck> check;
  int cleared = 0;
  std::vector<exchange::ReleasedPeer> released;
  std::vector<uint64_t> proven;
};

INSTANTIATE_TEST_SUITE_P(Seeds, OwnLogCheckTest, ::testing::Range<uint64_t>(1, 9));

TEST_P(OwnLogCheckTest, ARolledBackNodeSignsNothingWhereAPeerHoldsMore) {
  Propose(kNyborg, 1 + world.chance.Below(3));
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const uint64_t copied = Size();
  Propose(kNyborg, 1 + world.chance.Below(3));
  ASSERT_TRUE(world.Settle());
  const uint64_t lost = HeldBy(kNyborg);
  ASSERT_GT(lost, copied);

  RollBack();
  world.RunFor(absl::Hours(1));
  EXPECT_EQ(Of(kNyborg), Standing::kBeyond);
  ASSERT_EQ(proven.size(), 1u) << "told once";
  EXPECT_GT(proven[0], copied);
  EXPECT_EQ(cleared, 0);
  EXPECT_EQ(Size(), copied);
  bool applied = false;
  world.node(kOdense).Submit([&applied](log::Appender&) { applied = true; });
  world.RunFor(absl::Minutes(1));
  EXPECT_FALSE(applied) << "what may append is not even tried";
  EXPECT_EQ(BrokenRuleOf(world.node(kOdense).log().restraint())->rule, "LOG_RESTRAINED");
  // What is proven stays so, whoever asks.
  EXPECT_EQ(BrokenRuleOf(check->Release(kNyborg, "officer-1", kFirst).status())->rule, "OWN_LOG_PROVEN_BEHIND");

  // It serves others as their witness all the same.
  world.Act(kNyborg, Proposal(kNyborg));
  world.RunFor(absl::Minutes(11));
  const auto heads = witnesses.witness(kOdense).heads();
  EXPECT_EQ(heads.at(world.node(kNyborg).log().origin()).head.size, world.node(kNyborg).log().head().size);
}

// The entries that handed the log over are lost with all that followed, and nobody has seen any of them.
TEST_P(OwnLogCheckTest, OfBeforeAHandoverItSignsNothingWhateverThePeersSay) {
  Propose(kNyborg, 2);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const uint64_t copied = Size();
  const directory::Directory genuine = world.directory;
  directory::Authority odense = *genuine.Find(kOdense);
  const TreeSize from(copied + 1 + world.chance.Below(3));
  odense.logs.back().keys.back().until = from;
  odense.logs.back().keys.push_back({NoteSignerOf(odense.logs.back().origin, 80).verifier_key(), from, std::nullopt});
  world.directory = *genuine.With(odense);

  RollBack(world.chance.Below(2) == 0);
  world.RunFor(absl::Hours(1));
  EXPECT_EQ(Of(kNyborg), Standing::kWithin);
  EXPECT_THAT(proven, ::testing::ElementsAre(from.value()));
  EXPECT_TRUE(check->proven_behind());
  EXPECT_EQ(cleared, 0);
  EXPECT_EQ(RuleOf(check->Release(kKerteminde, "officer-1", kFirst).status()), "OWN_LOG_PROVEN_BEHIND");
  world.node(kOdense).log().Release();
  EXPECT_FALSE(world.node(kOdense).log().restraint().ok());
  world.Act(kOdense, Proposal(kNyborg));
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(Size(), copied);
}

TEST_P(OwnLogCheckTest, WhereNobodySawMoreItGoesOnByItself) {
  Propose(kNyborg, 2);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const uint64_t copied = Size();
  RollBack();
  EXPECT_EQ(Size(), copied);
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(cleared, 1);
  EXPECT_TRUE(proven.empty());
  // The main job goes on, and both sides agree on the numbers.
  Propose(kNyborg, 2);
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received, world.node(kOdense).log().peer(kNyborg).issued);
  EXPECT_GT(Size(), copied);
  const auto replayed = world.node(kOdense).Replay();
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->state.CanonicalBytes(), world.node(kOdense).StateNow().CanonicalBytes());
}

TEST_P(OwnLogCheckTest, ItWaitsForAPeerThatIsAway) {
  Propose(kKerteminde, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const bool more = world.chance.OneIn(2);
  if (more) Propose(kKerteminde, 1);
  ASSERT_TRUE(world.Settle());
  world.network.SetPartition(kOdense, kKerteminde, true);
  RollBack();
  world.RunFor(absl::Hours(5));
  EXPECT_EQ(Of(kNyborg), Standing::kWithin);
  EXPECT_EQ(Of(kKerteminde), Standing::kSilent);
  EXPECT_EQ(cleared, 0);
  EXPECT_TRUE(proven.empty());
  world.network.Heal();
  world.RunFor(absl::Minutes(2));
  EXPECT_EQ(cleared, more ? 0 : 1);
  EXPECT_EQ(proven.size(), more ? 1u : 0u);
}

// To go on under a new log everybody must have been heard (server/node/recovering.h), whoever has proven something.
TEST_P(OwnLogCheckTest, WhoIsSilentWhileAnotherProvesIsAskedUntilItAnswers) {
  Propose(kNyborg, 1);
  Propose(kKerteminde, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  world.network.SetPartition(kOdense, kKerteminde, true);
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  RollBack();
  world.RunFor(absl::Hours(1));
  ASSERT_EQ(Of(kNyborg), Standing::kBeyond);
  ASSERT_EQ(Of(kKerteminde), Standing::kSilent);
  world.network.Heal();
  world.RunFor(absl::Minutes(2));
  EXPECT_EQ(Of(kKerteminde), Standing::kWithin);
  EXPECT_EQ(Of(kNyborg), Standing::kBeyond);
  EXPECT_EQ(proven.size(), 1u) << "told once";
  EXPECT_EQ(cleared, 0) << "nor does the last answer undo it";
}

// Whoever has shown it may be away for good by then, or say another thing.
TEST_P(OwnLogCheckTest, AProofOutlastsARestartAndWhoeverHasShownIt) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  const auto newer = world.node(kOdense).CopyOfStore();
  RollBack();
  world.RunFor(absl::Minutes(5));
  ASSERT_EQ(Of(kNyborg), Standing::kBeyond);
  const uint64_t shown = proven.at(0);

  world.network.SetPartition(kOdense, kNyborg, true);
  witnesses.held = [](AuthorityId, AuthorityId to) {
    return to == kNyborg ? std::optional(v1::GetHeldHeadsResponse()) : std::nullopt;
  };
  Restart(world.chance.OneIn(2));
  const auto kept = exchange::ReadOwnLogProofs(world.node(kOdense).log(), world.directory);
  ASSERT_TRUE(kept.ok()) << kept.status();
  ASSERT_EQ(kept->size(), 1U) << "so that a node starts restrained, whatever its epoch file says";
  EXPECT_EQ((*kept)[0].peer, kNyborg);
  EXPECT_EQ((*kept)[0].size.value(), shown);
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(Of(kNyborg), Standing::kBeyond);
  EXPECT_EQ(proven, (std::vector<uint64_t>{shown, shown}));
  EXPECT_TRUE(check->proven_behind());
  EXPECT_EQ(RuleOf(check->Release(kNyborg, "officer-1", kFirst).status()), "OWN_LOG_PROVEN_BEHIND");
  EXPECT_EQ(cleared, 0);

  // What is kept is judged by the store that there is: one that has the head is not behind it.
  const std::string note = (*kept)[0].note;
  check.reset();
  witnesses.Forget(kOdense);
  world.node(kOdense).PutBack(newer);
  std::string key = "own-log-proof";
  AppendU32(key, kNyborg.number());
  world.node(kOdense).Boot();
  witnesses.Boot(kOdense);
  store::Batch batch;
  batch.Put(store::Table::kMeta, key, note);
  ASSERT_TRUE(world.node(kOdense).store().Commit(batch, store::Durability::kSynced).ok());
  const auto judged = exchange::ReadOwnLogProofs(world.node(kOdense).log(), world.directory);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_TRUE(judged->empty());
}

TEST_P(OwnLogCheckTest, WhoWasReleasedIsAskedOnWhileOthersAreWaitedFor) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.network.SetPartition(kOdense, kNyborg, true);
  world.network.SetPartition(kOdense, kKerteminde, true);
  RollBack();
  world.RunFor(absl::Minutes(1));
  EXPECT_FALSE(check->Release(kNyborg, "officer-1", kFirst).value());
  EXPECT_TRUE(check->Release(kNyborg, "officer-2", kSecond).value());
  world.network.SetPartition(kOdense, kNyborg, false);
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(Of(kNyborg), Standing::kBeyond);
  EXPECT_EQ(proven.size(), 1U);
  world.network.Heal();
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(cleared, 0);
}

// The last that was waited for may free the node while a question to another is still under way.
TEST_P(OwnLogCheckTest, AProofThatComesBehindTheLastAnswerRestrainsTheNodeAgain) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.network.SetPartition(kOdense, kNyborg, true);
  world.network.SetPartition(kOdense, kKerteminde, true);
  RollBack();
  world.RunFor(absl::Minutes(1));
  EXPECT_FALSE(check->Release(kNyborg, "officer-1", kFirst).value());
  EXPECT_TRUE(check->Release(kNyborg, "officer-2", kSecond).value());
  world.network.Heal();  // both are asked at once, and Kerteminde answers first
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(cleared, 1);
  EXPECT_EQ(Of(kNyborg), Standing::kBeyond);
  EXPECT_EQ(proven.size(), 1U);
  EXPECT_FALSE(world.node(kOdense).log().restraint().ok());
  EXPECT_EQ(exchange::ReadOwnLogProofs(world.node(kOdense).log(), world.directory)->size(), 1U);
}

TEST_P(OwnLogCheckTest, TwoOfficersWithTwoCertificatesReleaseAPeer) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  world.network.SetPartition(kOdense, kKerteminde, true);
  RollBack();
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(BrokenRuleOf(check->Release(kOdense, "officer-1", kFirst).status())->rule, "PEER_UNKNOWN");
  EXPECT_EQ(check->Release(kKerteminde, "officer-1", kFirst).value(), false);
  for (const auto& [officer, certificate] :
       {std::pair("officer-1", kSecond), std::pair("officer-2", kFirst), std::pair("officer-1", kFirst)}) {
    EXPECT_EQ(BrokenRuleOf(check->Release(kKerteminde, officer, certificate).status())->rule, "TWO_OFFICERS_REQUIRED");
  }
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(cleared, 0);
  EXPECT_EQ(check->Release(kKerteminde, "officer-2", kSecond).value(), true);
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(cleared, 1);
  EXPECT_EQ(Of(kKerteminde), Standing::kReleased);
  ASSERT_EQ(released.size(), 1U);
  EXPECT_EQ(released[0].peer, kKerteminde);
  EXPECT_EQ(released[0].first_certificate, kFirst);
  EXPECT_EQ(released[0].second_certificate, kSecond);
}

// What it holds is not known, whoever took its card away: only officers say that it is not waited for.
TEST_P(OwnLogCheckTest, ARestrainedNodeWaitsForWhoWasExchangedWithAndHasNoCard) {
  Propose(kKerteminde, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const directory::Directory whole = world.directory;
  world.directory = *directory::Directory::Create({*whole.Find(kOdense), *whole.Find(kNyborg)});
  RollBack();
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(cleared, 0);
  ASSERT_TRUE(WaitsFor(kKerteminde));
  EXPECT_EQ(Of(kKerteminde), Standing::kNotAsked);
  EXPECT_EQ(Of(kNyborg), Standing::kWithin);
  if (GetParam() % 2 == 0) {
    EXPECT_FALSE(check->Release(kKerteminde, "officer-1", kFirst).value());
    EXPECT_TRUE(check->Release(kKerteminde, "officer-2", kSecond).value());
    world.RunFor(absl::Minutes(1));
    ASSERT_EQ(released.size(), 1U);
    EXPECT_EQ(released[0].peer, kKerteminde);
  } else {
    world.directory = whole;
    world.node(kOdense).exchange().OnDirectoryChanged(whole);
    world.RunFor(absl::Minutes(1));
    EXPECT_THAT(released, ::testing::IsEmpty());
  }
  EXPECT_EQ(cleared, 1);
}

TEST_P(OwnLogCheckTest, WhoLeftTheDirectoryIsWaitedForOnlyOnceTheLogIsRestrained) {
  Propose(kKerteminde, 1);
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const bool behind = GetParam() % 2 == 0;
  if (behind) Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.directory = *directory::Directory::Create({*world.directory.Find(kOdense), *world.directory.Find(kNyborg)});
  RollBack(false);
  EXPECT_FALSE(WaitsFor(kKerteminde));
  world.RunFor(absl::Minutes(2));
  EXPECT_EQ(cleared, behind ? 0 : 1);
  EXPECT_EQ(proven.size(), behind ? 1U : 0U);
  EXPECT_EQ(WaitsFor(kKerteminde), behind) << "a recovery asks for everybody";
  EXPECT_EQ(WaitsFor(kOdense), false);
}

// A false peer can neither force a node to give up its log nor talk it into going on.
TEST_P(OwnLogCheckTest, WhatAPeerOnlyClaimsProvesNothing) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const std::string origin = world.node(kOdense).log().origin();
  v1::GetHeldHeadsResponse lie;
  switch (GetParam() % 4) {
    case 0:
      lie.set_size(Size() + 1);
      break;
    case 1: {  // signed by another key under our name
      lie.set_size(Size() + 1);
      const auto signer = NoteSignerOf(origin, 77);
      lie.add_checkpoints(
          tlog::SignCheckpoint(*tlog::Checkpoint::Create(origin, TreeSize(Size() + 1), kFirst), signer).Serialize());
      break;
    }
    case 2:
      lie.set_last_received_number(1000);
      break;
    default:
      lie.set_last_receipted_number(1000);
      break;
  }
  witnesses.held = [&](AuthorityId, AuthorityId to) { return to == kKerteminde ? std::optional(lie) : std::nullopt; };
  RollBack();
  world.RunFor(absl::Hours(1));
  EXPECT_EQ(Of(kKerteminde), Standing::kUnproven);
  EXPECT_EQ(cleared, 0);
  EXPECT_TRUE(proven.empty());
  EXPECT_FALSE(check->Release(kKerteminde, "officer-1", kFirst).value());
  EXPECT_TRUE(check->Release(kKerteminde, "officer-2", kSecond).value());
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(cleared, 1);
}

TEST_P(OwnLogCheckTest, AHeadThatContradictsOursIsAProofAtAnySize) {
  Propose(kNyborg, 3);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  SimNode& odense = world.node(kOdense);
  const uint64_t size = 1 + world.chance.Below(Size());
  v1::GetHeldHeadsResponse held;
  held.add_checkpoints(
      tlog::SignCheckpoint(*tlog::Checkpoint::Create(odense.log().origin(), TreeSize(size), kFirst), odense.signer())
          .Serialize());
  witnesses.held = [&](AuthorityId, AuthorityId to) { return to == kNyborg ? std::optional(held) : std::nullopt; };
  RollBack();
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(Of(kNyborg), Standing::kContradicts);
  EXPECT_EQ(cleared, 0);
  EXPECT_THAT(proven, ::testing::ElementsAre(size));
}

// Store and epoch file went back together: the node signs at once, and learns from its peers that it should not have.
TEST_P(OwnLogCheckTest, ANodeThatIsNotBehindByItsOwnAccountIsToldByItsPeers) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  const uint64_t copied = Size();
  Propose(kNyborg, 2);
  ASSERT_TRUE(world.Settle());
  RollBack(false);
  world.RunFor(absl::Minutes(1));
  ASSERT_EQ(proven.size(), 1u);
  EXPECT_GT(proven[0], copied);
  EXPECT_GE(world.node(kOdense).logger.events["own_log_behind_peer"], 1);
}

// What it issued before it was told, and could not deliver yet, would stand in the way of the log that follows: a peer
// that is left out of the recovery would keep it for good.
TEST_P(OwnLogCheckTest, ANodeThatIsToldLateDeliversNothingMore) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  Propose(kKerteminde, 1);
  ASSERT_TRUE(world.Settle());
  const PairNumber received = world.node(kNyborg).log().peer(kOdense).received;

  world.network.SetPartition(kOdense, kNyborg, true);
  world.network.SetPartition(kOdense, kKerteminde, true);
  RollBack(false);
  Propose(kNyborg, 1 + world.chance.Below(3));
  ASSERT_GT(world.node(kOdense).log().peer(kNyborg).issued, received);
  world.network.SetPartition(kOdense, kKerteminde, false);
  world.RunFor(absl::Minutes(2));
  ASSERT_EQ(proven.size(), 1u);

  int sent = 0;
  world.network.tamper = [&sent](AuthorityId from, AuthorityId, v1::PeerMessage&) {
    if (from == kOdense) ++sent;
    return true;
  };
  witnesses.asked.clear();
  world.network.Heal();
  world.RunFor(kSchedule.interval);
  EXPECT_EQ(sent, 0) << "it neither dials nor greets";
  EXPECT_EQ(CosigningsAsked(), 0U);
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received, received);
  EXPECT_EQ(world.node(kOdense).exchange().StatusOf(kNyborg).delivery.last_error, "LOG_RESTRAINED");
  world.network.tamper = nullptr;
}

// What it has just logged is not receipted, and its numbers are told to nobody.
TEST_P(OwnLogCheckTest, ANodeThatIsToldLateAnswersNothingMore) {
  world.network.weather.queue_full_one_in = 0;
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  SimNode& odense = world.node(kOdense);
  const int not_stored = odense.logger.events["batch_not_stored"];
  int answers = 0;
  world.network.tamper = [&answers](AuthorityId from, AuthorityId, v1::PeerMessage& message) {
    if (from == kOdense && message.has_answer()) ++answers;
    return true;
  };
  world.node(kNyborg).Do([this](const log::Appender&) -> std::optional<event::Command> {
    return event::Command{"officer-1", event::ProposeAgreement{world.chance.NewId<CaseId>(), kNyborg, kOdense,
                                                               Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))}};
  });
  const PairNumber before = odense.log().peer(kNyborg).received;
  const absl::Time end = world.timeline.Now() + absl::Minutes(1);
  while (odense.log().peer(kNyborg).received == before && world.timeline.Step(end)) continue;
  ASSERT_GT(odense.log().peer(kNyborg).received, before);
  odense.RestrainNow();  // between the commit and what follows from it
  world.RunFor(absl::Minutes(3));
  EXPECT_EQ(answers, 0) << "neither receipt nor fault";
  EXPECT_EQ(odense.logger.events["batch_not_stored"], not_stored);
  const exchange::DirectionStatus reception = odense.exchange().StatusOf(kNyborg).reception;
  EXPECT_FALSE(reception.connected);
  EXPECT_EQ(reception.last_error, "LOG_RESTRAINED");
  world.network.tamper = nullptr;
  // Who may sign again makes up for it.
  witnesses.Restart(kOdense);
  EXPECT_TRUE(world.Settle());
}

TEST_P(OwnLogCheckTest, ANodeThatIsToldLateAsksNoWitnessAnew) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  witnesses.asked.clear();
  // Every answer would have it ask that witness once more.
  witnesses.lies = [this](const SimWitnesses::Asked& question) -> std::optional<absl::StatusOr<v1::CosignResponse>> {
    if (question.from != kOdense) return std::nullopt;
    world.node(kOdense).RestrainNow();
    v1::CosignResponse other;
    other.set_conflict_size(1);
    return absl::StatusOr<v1::CosignResponse>(other);
  };
  world.RunFor(3 * kSchedule.interval);
  EXPECT_EQ(CosigningsAsked(), 2U) << "one of each witness";
}

TEST_P(OwnLogCheckTest, TheLinksOfANodeThatIsToldLateAreClosed) {
  Propose(kNyborg, 1);
  ASSERT_TRUE(world.Settle());
  const auto connected = [&](AuthorityId who, AuthorityId peer) {
    const exchange::PeerStatus status = world.node(who).exchange().StatusOf(peer);
    return status.delivery.connected || status.reception.connected;
  };
  ASSERT_TRUE(connected(kOdense, kNyborg) && connected(kNyborg, kOdense));
  world.node(kOdense).RestrainNow();
  world.RunFor(absl::Minutes(3));
  EXPECT_FALSE(connected(kOdense, kNyborg));
  EXPECT_FALSE(connected(kNyborg, kOdense));
  // The others are none of its business, and once it may sign again everything goes on.
  EXPECT_TRUE(connected(kNyborg, kKerteminde));
  witnesses.Restart(kOdense);
  Propose(kNyborg, 1);
  EXPECT_TRUE(world.Settle());
}

TEST_P(OwnLogCheckTest, NobodyIsToldOfAnothersLogNorOfAClosedOne) {
  v1::GetHeldHeadsRequest request;
  request.set_origin(world.node(kNyborg).log().origin());
  const auto answer_to = [&](AuthorityId who) {
    return RuleOf(
        exchange::AnswerHeldHeads(world.node(kOdense).exchange().context(), witnesses.witness(kOdense), who, request)
            .status());
  };
  EXPECT_EQ(answer_to(kKerteminde), "HELD_ORIGIN_FOREIGN");
  EXPECT_EQ(answer_to(kNyborg), "OK");
  // Who asks of it has an older store and an older card than those of its last recovery.
  directory::Authority nyborg = *world.directory.Find(kNyborg);
  const std::string next = "medflyt.example/29189722/2";
  nyborg.logs.back().keys.back().until = TreeSize(1000);
  nyborg.logs.push_back({next, {{NoteSignerOf(next, 79).verifier_key(), TreeSize(0), std::nullopt}}});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(nyborg));
  EXPECT_EQ(answer_to(kNyborg), "HELD_ORIGIN_CLOSED");
}

}  // namespace
}  // namespace medflyt::testing
