// Odense as a witness of Nyborg's log, which is in the hands of somebody who knows its keys.
#include "server/exchange/witness.h"

#include <gmock/gmock.h>

#include "server/exchange/admitted.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/own_log_check.h"
#include "tests/sim/exchange/checks.h"
#include "tests/sim/exchange/forger.h"
#include "tests/support/log_handover.h"
#include "tests/support/sim_witnesses.h"

namespace medflyt::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kOrigin = "medflyt.example/29189722/1";

class WitnessTest : public ::testing::Test {
 protected:
  // Nobody asks by itself here.
  WitnessTest() : world(11), witnesses(world, {absl::Hours(10000), absl::Hours(10000), absl::Seconds(30)}) {
    world.network.weather.queue_full_one_in = 0;
    world.RunFor(absl::Seconds(1));
    for (EvidenceLog* log : {&log_, &other_}) {
      for (int i = 0; i < 8; ++i) log->Append((log == &log_ ? "entry " : "another ") + std::to_string(i));
    }
  }

  static v1::CosignRequest Request(const EvidenceLog& log, uint64_t from, uint64_t size) {
    v1::CosignRequest request;
    request.set_old_size(from);
    request.set_checkpoint(log.Note(size));
    if (from <= size) entry::HashesToProto(log.Consistency(from, size), *request.mutable_consistency_proof());
    return request;
  }
  // "cosigned", "conflict N", "silence" or the rule.
  std::string Ask(const v1::CosignRequest& request, AuthorityId peer = kNyborg) {
    std::string said = "silence";
    witnesses.witness(kOdense).Cosign(peer, request, [&](absl::StatusOr<v1::CosignResponse> answer) {
      answer_ = answer;
      if (!answer.ok()) {
        said = RuleOf(answer.status());
      } else if (answer->has_signatures()) {
        said = "cosigned";
      } else {
        said = "conflict " + std::to_string(answer->conflict_size());
      }
    });
    world.RunFor(absl::Seconds(1));
    return said;
  }
  uint64_t LastSize() {
    const auto heads = witnesses.witness(kOdense).heads();
    const auto found = heads.find(std::string(kOrigin));
    return found == heads.end() ? 0 : found->second.head.size.value();
  }
  // Refused with this rule and nothing changed.
  void ExpectRefused(const v1::CosignRequest& request, const std::string& rule, AuthorityId peer = kNyborg) {
    const auto before = witnesses.witness(kOdense).heads();
    EXPECT_EQ(Ask(request, peer), rule);
    EXPECT_EQ(witnesses.witness(kOdense).heads(), before);
  }
  // When the witness says that it signed; checked with its public key over the very note.
  absl::Time SignedAt(const std::string& note_bytes) {
    const auto bare = tlog::SignedNote::Parse(note_bytes);
    const auto note = tlog::SignedNote::Parse(note_bytes + answer_->signatures());
    EXPECT_TRUE(note.ok()) << note.status();
    EXPECT_EQ(note->text, bare->text);
    EXPECT_EQ(note->signatures.size(), 2U);
    const auto at =
        tlog::VerifyCosignature(SimWitnesses::CosignerOf(kOdense).verifier_key(), note->text, note->signatures.back());
    EXPECT_TRUE(at.has_value());
    return at.value_or(absl::InfinitePast());
  }
  std::vector<exchange::ForkEvidence> Evidence() { return *exchange::ReadForkEvidence(world.node(kOdense).store()); }

  SimWorld world;
  SimWitnesses witnesses;
  EvidenceLog log_{std::string(kOrigin), 20};
  EvidenceLog other_{std::string(kOrigin), 20};  // the same log to other eyes
  absl::StatusOr<v1::CosignResponse> answer_;
};

TEST_F(WitnessTest, CosignsWhatGoesOnFromWhatItCosignedBefore) {
  ASSERT_EQ(Ask(Request(log_, 0, 3)), "cosigned");
  const absl::Time first = SignedAt(log_.Note(3));
  EXPECT_LE(first, world.timeline.Now());
  EXPECT_GT(first, world.timeline.Now() - absl::Seconds(3));
  ASSERT_EQ(Ask(Request(log_, 3, 7)), "cosigned");
  SignedAt(log_.Note(7));
  EXPECT_EQ(LastSize(), 7U);
  world.RunFor(absl::Minutes(1));
  // The same head again is cosigned again, with the time of now.
  ASSERT_EQ(Ask(Request(log_, 7, 7)), "cosigned");
  EXPECT_GE(SignedAt(log_.Note(7)), first + absl::Minutes(1));
  EXPECT_THAT(Evidence(), IsEmpty());
}

TEST_F(WitnessTest, AWrongOldSizeIsAnsweredWithTheOneThatItCosigned) {
  EXPECT_EQ(Ask(Request(log_, 2, 5)), "conflict 0");
  ASSERT_EQ(Ask(Request(log_, 0, 5)), "cosigned");
  EXPECT_EQ(Ask(Request(log_, 0, 7)), "conflict 5");
  EXPECT_EQ(Ask(Request(log_, 3, 7)), "conflict 5");
  EXPECT_EQ(Ask(Request(log_, 6, 7)), "conflict 5");
  EXPECT_EQ(Ask(Request(log_, 3, 4)), "conflict 5") << "a smaller head";
  EXPECT_EQ(Ask(Request(log_, 0, 5)), "conflict 5") << "the first request, replayed";
  EXPECT_EQ(Ask(Request(log_, 5, 4)), "COSIGN_OLD_SIZE_BEYOND");
  EXPECT_EQ(Ask(Request(log_, 7, 5)), "COSIGN_OLD_SIZE_BEYOND");
  EXPECT_EQ(LastSize(), 5U);
  EXPECT_EQ(Ask(Request(log_, 5, 7)), "cosigned");
}

TEST_F(WitnessTest, AnotherRootOfTheSameSizeIsAProofAndEndsIt) {
  ASSERT_EQ(Ask(Request(log_, 0, 5)), "cosigned");
  ExpectRefused(Request(other_, 5, 5), "LOG_FORKED");
  const auto evidence = Evidence();
  ASSERT_THAT(evidence, SizeIs(1));
  EXPECT_TRUE(evidence[0].proven);
  EXPECT_EQ(evidence[0].peer, kNyborg);
  EXPECT_EQ(evidence[0].accepted_note, log_.Note(5));
  EXPECT_EQ(evidence[0].presented_note, other_.Note(5));
  EXPECT_TRUE(world.node(kOdense).exchange().StatusOf(kNyborg).forked);
  ExpectRefused(Request(log_, 5, 7), "LOG_FORKED");
  EXPECT_EQ(world.node(kOdense).logger.events["log_fork_proven"], 1);
}

TEST_F(WitnessTest, AForkEndsTheLinksThatStandInBothDirectionsAtOnce) {
  const auto propose = [this](AuthorityId from) {
    ASSERT_EQ(world.Act(from, event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, kNyborg,
                                                      Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))}),
              "OK");
  };
  propose(kOdense);
  propose(kNyborg);
  ASSERT_TRUE(world.Settle());
  const log::PeerState before = world.node(kOdense).log().peer(kNyborg);
  const uint64_t arrived = world.node(kNyborg).log().peer(kOdense).received.value();
  exchange::PeerStatus status = world.node(kOdense).exchange().StatusOf(kNyborg);
  ASSERT_TRUE(status.delivery.connected && status.reception.connected);
  ASSERT_GT(before.by_batch.size.value(), 0U);

  int said = 0;  // by Odense, other than that it does not take anything
  world.network.tamper = [&said](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    const bool fault = message.has_answer() && message.answer().has_fault();
    if (from == kOdense && to == kNyborg && !fault) ++said;
    return true;
  };
  EvidenceLog forged(std::string(kOrigin), 20);
  while (forged.size() < before.by_batch.size.value()) forged.Append("another " + std::to_string(forged.size()));
  ExpectRefused(Request(forged, 0, forged.size()), "LOG_FORKED");
  status = world.node(kOdense).exchange().StatusOf(kNyborg);
  EXPECT_FALSE(status.delivery.connected);
  EXPECT_FALSE(status.reception.connected);
  EXPECT_EQ(status.delivery.last_error, "LOG_FORKED");
  propose(kOdense);
  propose(kNyborg);
  world.RunFor(absl::Minutes(10));
  EXPECT_EQ(said, 0) << "neither greeting nor event nor receipt";
  const log::PeerState after = world.node(kOdense).log().peer(kNyborg);
  EXPECT_EQ(after.issued.value(), before.issued.value() + 1);
  EXPECT_EQ(after.receipted, before.receipted);
  EXPECT_EQ(after.received, before.received);
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), arrived);
  EXPECT_TRUE(world.node(kOdense).exchange().StatusOf(kKerteminde).delivery.connected) << "nobody else's link ends";
}

TEST_F(WitnessTest, AForkOfAClosedLogStopsThatLogAndTheOpenOneIsCosignedOn) {
  directory::Authority recovered = *world.directory.Find(kNyborg);
  recovered.logs[0].keys[0].until = TreeSize(8);
  EvidenceLog next("medflyt.example/29189722/2", 24);
  next.Append("entry 0");
  next.Append("entry 1");
  recovered.logs.push_back({next.origin(), {{next.identity().keys[0], TreeSize(0), std::nullopt}}});
  world.directory = *world.directory.With(recovered);
  world.node(kOdense).exchange().OnDirectoryChanged(world.directory);
  ASSERT_EQ(Ask(Request(log_, 0, 5)), "cosigned");
  ASSERT_EQ(Ask(Request(next, 0, 1)), "cosigned");
  exchange::Context& context = world.node(kOdense).exchange().context();
  ASSERT_TRUE(exchange::CheckAdmitted(context, context.directory(), kNyborg, next.origin()).ok()) << "first contact";
  ExpectRefused(Request(other_, 5, 5), "LOG_FORKED");
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, context.directory(), kNyborg, next.origin()).status()),
            "GENERATION_NOT_ADMITTED")
      << "nothing was taken of it, and whoever wrote two logs is let in by officers";
  EXPECT_EQ(Ask(Request(next, 1, 2)), "cosigned");
  for (const bool restarted : {false, true}) {
    if (restarted) {
      witnesses.Restart(kOdense);
      world.RunFor(absl::Seconds(1));
    }
    ExpectRefused(Request(log_, 5, 6), "LOG_FORKED");
    EXPECT_EQ(Ask(Request(next, 2, 2)), "cosigned");
    const exchange::PeerStatus status = world.node(kOdense).exchange().StatusOf(kNyborg);
    EXPECT_FALSE(status.forked);
    EXPECT_THAT(status.forked_logs, ElementsAre(kOrigin));
  }
}

TEST_F(WitnessTest, TheProofIsSeenWhateverOldSizeIsNamed) {
  ASSERT_EQ(Ask(Request(log_, 0, 5)), "cosigned");
  ExpectRefused(Request(other_, 2, 5), "LOG_FORKED");
  EXPECT_THAT(Evidence(), SizeIs(1));
}

TEST_F(WitnessTest, AHeadThatContradictsWhatCameWithEventsIsAProof) {
  witnesses.Crash(kNyborg);
  world.node(kNyborg).Boot();
  Forger forger(world);
  forger.Dial();
  const Forger::Secret secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret);
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(1), secret);
  v1::EventBatch batch = forger.Batch({grant, leaf}, secret);
  forger.AddGrant(batch, secret);
  forger.Send(batch);
  ASSERT_EQ(forger.AnswerRule(), "RECEIPT");
  ExpectRefused(Request(other_, 0, forger.log.size()), "LOG_FORKED");
  const auto evidence = Evidence();
  ASSERT_THAT(evidence, SizeIs(1));
  EXPECT_TRUE(evidence[0].proven);
  EXPECT_EQ(evidence[0].accepted_note, batch.checkpoint());
}

TEST_F(WitnessTest, AProofThatDoesNotHoldIsKeptAsASuspicionOnly) {
  ASSERT_EQ(Ask(Request(log_, 0, 3)), "cosigned");
  const v1::CosignRequest good = Request(log_, 3, 7);
  ASSERT_GE(good.consistency_proof_size(), 2);
  for (int i = 0; i < good.consistency_proof_size(); ++i) {
    v1::CosignRequest flipped = good;
    (*flipped.mutable_consistency_proof(i))[5] ^= 1;
    ExpectRefused(flipped, "CONSISTENCY_PROOF_INVALID");
  }
  v1::CosignRequest cut = good;
  cut.mutable_consistency_proof()->RemoveLast();
  ExpectRefused(cut, "CONSISTENCY_PROOF_INVALID");
  v1::CosignRequest longer = good;
  longer.add_consistency_proof(good.consistency_proof(0));
  ExpectRefused(longer, "CONSISTENCY_PROOF_INVALID");
  v1::CosignRequest none = good;
  none.clear_consistency_proof();
  ExpectRefused(none, "CONSISTENCY_PROOF_INVALID");
  // Another history, which no proof can join to this one.
  ExpectRefused(Request(other_, 3, 7), "CONSISTENCY_PROOF_INVALID");
  v1::CosignRequest superfluous = Request(log_, 3, 3);
  superfluous.add_consistency_proof(good.consistency_proof(0));
  ExpectRefused(superfluous, "CONSISTENCY_PROOF_INVALID");
  for (const auto& each : Evidence()) {
    EXPECT_FALSE(each.proven);
    EXPECT_EQ(each.accepted_note, log_.Note(3));
  }
  EXPECT_THAT(Evidence(), Not(IsEmpty()));
  EXPECT_FALSE(world.node(kOdense).exchange().StatusOf(kNyborg).forked);
  EXPECT_EQ(Ask(good), "cosigned");
}

TEST_F(WitnessTest, NobodyButTheLogsKeySpeaksForTheLog) {
  EvidenceLog forged(std::string(kOrigin), 99);
  forged.Append("entry 0");
  ExpectRefused(Request(forged, 0, 1), "NOTE_UNSIGNED");

  v1::CosignRequest flipped = Request(log_, 0, 3);
  auto note = *tlog::SignedNote::Parse(flipped.checkpoint());
  note.signatures[0].signature[10] ^= 1;
  flipped.set_checkpoint(note.Serialize());
  ExpectRefused(flipped, "NOTE_SIGNATURE_INVALID");

  v1::CosignRequest altered = Request(log_, 0, 3);
  altered.mutable_checkpoint()->replace(altered.checkpoint().find("\n3\n"), 3, "\n4\n");
  ExpectRefused(altered, "NOTE_SIGNATURE_INVALID");
}

TEST_F(WitnessTest, OnlyTheCallersOwnLogIsCosigned) {
  EvidenceLog third("medflyt.example/29189706/1", 30);
  third.Append("entry 0");
  ExpectRefused(Request(third, 0, 1), "COSIGN_ORIGIN_FOREIGN");
  EvidenceLog unknown("medflyt.example/29189722/2", 20);
  unknown.Append("entry 0");
  ExpectRefused(Request(unknown, 0, 1), "COSIGN_ORIGIN_FOREIGN");
  ExpectRefused(Request(log_, 0, 3), "COSIGN_ORIGIN_FOREIGN", kKerteminde);
  EXPECT_EQ(Ask(Request(third, 0, 1), kKerteminde), "cosigned");
}

TEST_F(WitnessTest, ARetiredKeyCanSpeakOfNothingLater) {
  directory::Authority retired = *world.directory.Find(kNyborg);
  retired.logs[0].keys[0].until = TreeSize(5);
  retired.logs[0].keys.push_back({NoteSignerOf(kOrigin, 24).verifier_key(), TreeSize(5), std::nullopt});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(retired));
  EXPECT_EQ(Ask(Request(log_, 0, 4)), "cosigned");
  ExpectRefused(Request(log_, 4, 6), "NOTE_UNSIGNED");
}

TEST_F(WitnessTest, AKeyThatTheOneBeforeHandedTheLogOverToIsCosignedAndNoOther) {
  directory::Authority card = *world.directory.Find(kNyborg);
  std::vector<directory::LogKey>& keys = card.logs[0].keys;
  exchange::Exchange& odense = world.node(kOdense).exchange();
  ASSERT_EQ(Ask(Request(log_, 0, 4)), "cosigned");
  const tlog::NoteSigner next = NoteSignerOf(kOrigin, 24);
  keys[0].until = TreeSize(5);
  keys.push_back({next.verifier_key(), TreeSize(5), std::nullopt});
  odense.OnDirectoryChanged(*world.directory.With(card));
  ExpectRefused(Request(ContinuedUnder(log_, 24), 4, 6), "LOG_KEY_NOT_HANDED_OVER");

  EvidenceLog handed_over(std::string(kOrigin), 20);
  for (uint64_t i = 0; i < 4; ++i) handed_over.Append(log_.entry(LeafIndex(i)));
  const LeafIndex record = AppendHandover(handed_over, next.verifier_key());
  keys[1].handover = HandoverProof(handed_over, record, 5, {next});
  odense.OnDirectoryChanged(*world.directory.With(card));
  handed_over = ContinuedUnder(handed_over, 24);
  handed_over.Append("an entry behind it");
  ASSERT_EQ(Ask(Request(handed_over, 4, 6)), "cosigned");
  witnesses.Restart(kOdense);  // with the card that knows the old key alone
  world.RunFor(absl::Seconds(1));
  ExpectRefused(Request(ContinuedUnder(handed_over, 20), 6, 6), "LOG_KEY_NOT_HANDED_OVER");
}

TEST_F(WitnessTest, AClosedLogGrowsNoMore) {
  directory::Authority closed = *world.directory.Find(kNyborg);
  closed.logs[0].keys[0].until = TreeSize(5);
  const std::string next = "medflyt.example/29189722/2";
  closed.logs.push_back({next, {{NoteSignerOf(next, 24).verifier_key(), TreeSize(0), std::nullopt}}});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(closed));
  EXPECT_EQ(Ask(Request(log_, 0, 4)), "cosigned");
  ExpectRefused(Request(log_, 4, 6), "LOG_KEY_EXPIRED");
}

TEST_F(WitnessTest, ANewLogIsCosignedAndToldOfBesideTheOldOneBeforeAnybodyAdmitsIt) {
  directory::Authority recovered = *world.directory.Find(kNyborg);
  recovered.logs[0].keys[0].until = TreeSize(8);
  EvidenceLog next("medflyt.example/29189722/2", 24);
  next.Append("entry 0");
  recovered.logs.push_back({next.origin(), {{next.identity().keys[0], TreeSize(0), std::nullopt}}});
  world.node(kOdense).Submit([](log::Appender& appender) { appender.peer(kNyborg).origin = std::string(kOrigin); });
  ASSERT_EQ(Ask(Request(log_, 0, 4)), "cosigned");
  exchange::Context& context = world.node(kOdense).exchange().context();
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(recovered));
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, context.directory(), kNyborg, next.origin()).status()),
            "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(Ask(Request(next, 0, 1)), "cosigned");
  EXPECT_EQ(Ask(Request(log_, 4, 6)), "cosigned");
  for (const auto& [origin, size] : {std::pair(next.origin(), 1U), std::pair(std::string(kOrigin), 6U)}) {
    v1::GetHeldHeadsRequest request;
    request.set_origin(origin);
    const auto held = exchange::AnswerHeldHeads(context, witnesses.witness(kOdense), kNyborg, request);
    ASSERT_TRUE(held.ok()) << held.status();
    EXPECT_EQ(held->size(), size) << origin;
  }
}

TEST_F(WitnessTest, WhatHasNotTheFormIsRefusedBeforeItIsVerified) {
  v1::CosignRequest request = Request(log_, 0, 3);
  request.add_consistency_proof(std::string(32, 'x'));
  ExpectRefused(request, "COSIGN_MALFORMED");  // nothing to prove at first contact
  ASSERT_EQ(Ask(Request(log_, 0, 3)), "cosigned");
  request = Request(log_, 3, 7);
  request.add_consistency_proof(std::string(31, 'x'));
  ExpectRefused(request, "COSIGN_MALFORMED");
  request = Request(log_, 3, 7);
  for (int i = 0; i < 65; ++i) request.add_consistency_proof(std::string(32, 'x'));
  ExpectRefused(request, "COSIGN_MALFORMED");
  request = Request(log_, 3, 7);
  while (request.checkpoint().size() <= exchange::kMaxCosignNote) {
    request.mutable_checkpoint()->append("\u2014 witness.example AAAAAAAA\n");
  }
  ExpectRefused(request, "COSIGN_MALFORMED");
  for (const char* text : {"", "\n", "no note at all", "origin\n3\n\n"}) {
    request.set_checkpoint(text);
    ExpectRefused(request, "NOTE_MALFORMED");
  }
}

TEST_F(WitnessTest, OthersSignaturesOnTheNoteAreNeitherNeededNorKept) {
  v1::CosignRequest request = Request(log_, 0, 3);
  auto note = *tlog::SignedNote::Parse(request.checkpoint());
  const auto checkpoint = *tlog::Checkpoint::Parse(note.text);
  note.signatures.push_back(*SimWitnesses::CosignerOf(kKerteminde).Cosign(checkpoint, world.timeline.Now()));
  request.set_checkpoint(note.Serialize());
  ASSERT_EQ(Ask(request), "cosigned");
  EXPECT_EQ(witnesses.witness(kOdense).heads().at(std::string(kOrigin)).note, log_.Note(3));
}

TEST_F(WitnessTest, OneRequestOfAPeerAtATime) {
  std::vector<std::string> said;
  const auto answer = [&said](const absl::StatusOr<v1::CosignResponse>& response) {
    said.push_back(response.ok() ? "cosigned" : RuleOf(response.status()));
  };
  exchange::Witness& witness = witnesses.witness(kOdense);
  witness.Cosign(kNyborg, Request(log_, 0, 3), answer);
  witness.Cosign(kNyborg, Request(other_, 0, 3), answer);
  EXPECT_THAT(said, ::testing::ElementsAre("COSIGN_BUSY")) << "nothing is signed before it is durable";
  world.RunFor(absl::Seconds(1));
  EXPECT_THAT(said, ::testing::ElementsAre("COSIGN_BUSY", "cosigned"));
  EXPECT_EQ(witness.heads().at(std::string(kOrigin)).note, log_.Note(3));
}

TEST_F(WitnessTest, WhatWasCosignedIsKnownAfterACrash) {
  ASSERT_EQ(Ask(Request(log_, 0, 5)), "cosigned");
  witnesses.Restart(kOdense);
  world.RunFor(absl::Seconds(1));
  EXPECT_EQ(Ask(Request(log_, 0, 5)), "conflict 5");
  ExpectRefused(Request(other_, 5, 5), "LOG_FORKED");
}

TEST_F(WitnessTest, ACrashBetweenStoringAndAnsweringLosesTheAnswerOnly) {
  bool answered = false;
  world.node(kOdense).FailNextCommit(true);  // the row is found afterwards
  witnesses.witness(kOdense).Cosign(kNyborg, Request(log_, 0, 5), [&](const auto&) { answered = true; });
  world.RunFor(absl::Seconds(1));
  EXPECT_FALSE(answered);
  ASSERT_FALSE(world.node(kOdense).up());
  world.RunFor(absl::Seconds(5));
  ASSERT_TRUE(world.node(kOdense).up());
  witnesses.Boot(kOdense);
  EXPECT_EQ(Ask(Request(log_, 0, 5)), "conflict 5");
  ExpectRefused(Request(other_, 5, 5), "LOG_FORKED");
}

TEST_F(WitnessTest, ACrashBeforeStoringLeavesNothing) {
  bool answered = false;
  witnesses.witness(kOdense).Cosign(kNyborg, Request(log_, 0, 5), [&](const auto&) { answered = true; });
  witnesses.Restart(kOdense);
  world.RunFor(absl::Seconds(1));
  EXPECT_FALSE(answered);
  EXPECT_EQ(LastSize(), 0U);
  EXPECT_EQ(Ask(Request(log_, 0, 3)), "cosigned");
}

TEST_F(WitnessTest, WhatAPeerDidWrongIsRecordedWithACount) {
  EXPECT_EQ(Ask(Request(log_, 5, 4)), "COSIGN_OLD_SIZE_BEYOND");
  EXPECT_EQ(Ask(Request(log_, 5, 4)), "COSIGN_OLD_SIZE_BEYOND");
  EXPECT_EQ(Ask(Request(log_, 2, 4)), "conflict 0");
  world.RunFor(absl::Minutes(2));
  const auto rejections = ReadLog(world.node(kOdense)).rejections;
  EXPECT_THAT(rejections, SizeIs(1));
  EXPECT_EQ(rejections.at("COSIGN_OLD_SIZE_BEYOND"), 2U);
}

}  // namespace
}  // namespace medflyt::testing
