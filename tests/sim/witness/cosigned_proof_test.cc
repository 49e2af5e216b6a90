// Odense has issued events to two buyers. Each proves what it received under a head that the others have cosigned, by
// Odense's answer, which may be false.
#include "server/exchange/cosigned_proof.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/merkle/tree_hasher.h"
#include "common/tlog/fork_proof.h"
#include "common/tlog/policy.h"
#include "common/tlog/tlog_proof.h"
#include "server/exchange/fork_evidence.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/sim_witnesses.h"

namespace medflyt::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const exchange::CosigningSchedule kSchedule = {absl::Seconds(5), absl::Minutes(10), absl::Seconds(30)};

class CosignedProofTest : public ::testing::Test {
 protected:
  CosignedProofTest() : world(5), witnesses(world, kSchedule), started(world.timeline.Now()) {}
  void SetUp() override {
    world.network.weather.queue_full_one_in = 0;
    Propose(kNyborg);
    Propose(kKerteminde);
    // So that the head which is cosigned is larger than those which came with the events.
    world.node(kOdense).Submit([this](log::Appender& appender) {
      wire::LedgerCodec codec;
      for (int i = 0; i < 3; ++i) {
        appender.AppendLedger(*codec.Encode(
            {appender.now(), wire::KeyGranted{kOdense, world.chance.NewId<KeyId>(), merkle::LeafHash("a key")}}));
      }
    });
    PassATurn();
  }

  void Propose(AuthorityId buyer) {
    ASSERT_EQ(world.Act(kOdense, event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, buyer,
                                                         Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))}),
              "OK");
    ASSERT_TRUE(world.Settle());
  }
  // Until all have been asked to cosign once more.
  void PassATurn() {
    const absl::Duration since = world.timeline.Now() - started - kSchedule.first;
    world.RunFor(kSchedule.interval - since % kSchedule.interval + absl::Seconds(10));
  }
  exchange::Context& ContextOf(AuthorityId id) { return world.node(id).exchange().context(); }

  absl::StatusOr<exchange::InclusionQuestion> Wonder(AuthorityId who, uint64_t number) {
    return exchange::AskInclusion(ContextOf(who), {kOdense, PairNumber(number), log::Position()});
  }
  exchange::InclusionQuestion Question(AuthorityId who, uint64_t number = 1) {
    auto question = Wonder(who, number);
    EXPECT_TRUE(question.ok()) << question.status();
    return question.ok() ? *std::move(question) : exchange::InclusionQuestion();
  }
  absl::StatusOr<v1::ProveInclusionResponse> Ask(AuthorityId who, const v1::ProveInclusionRequest& request) {
    absl::StatusOr<v1::ProveInclusionResponse> said = absl::UnknownError("no answer");
    witnesses.calls(who).ProveInclusion(kOdense, request, absl::Seconds(3),
                                        [&said](absl::StatusOr<v1::ProveInclusionResponse> answer) { said = answer; });
    world.RunFor(absl::Seconds(4));
    return said;
  }
  // Of Nyborg, once Odense has answered truly.
  v1::ProveInclusionResponse Truth() {
    auto answer = Ask(kNyborg, Question(kNyborg).request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *std::move(answer) : v1::ProveInclusionResponse();
  }
  absl::StatusOr<std::string> Judge(const exchange::InclusionQuestion& question,
                                    const v1::ProveInclusionResponse& answer) {
    return exchange::JudgeInclusion(ContextOf(kNyborg), question, answer);
  }
  std::vector<exchange::ForkEvidence> EvidenceAtNyborg() {
    world.RunFor(absl::Seconds(1));
    return *exchange::ReadForkEvidence(world.node(kNyborg).store());
  }
  // What an auditor trusts: Odense's log where both buyers have cosigned it.
  tlog::Policy BothBuyers() {
    std::string text = "log " + world.node(kOdense).signer().verifier_key().Format() + "\n";
    std::string group = "group all all";
    for (const AuthorityId& each : {kNyborg, kKerteminde}) {
      text += "witness " + each.ToString() + " " + SimWitnesses::CosignerOf(each).verifier_key().Format() + "\n";
      group += " " + each.ToString();
    }
    return *tlog::Policy::Parse(text + group + "\nquorum all\n");
  }
  uint64_t CosignedSize() { return witnesses.cosigning(kOdense).published()->size.value(); }

  SimWorld world;
  SimWitnesses witnesses;
  const absl::Time started;
};

TEST_F(CosignedProofTest, AReceivedEventMeetsTheQuorumThatItsBatchDoesNot) {
  const auto received = exchange::FindReceived(world.node(kNyborg).store(), {kOdense, PairNumber(1), log::Position()});
  ASSERT_TRUE(received.ok()) << received.status();
  const tlog::Policy policy = BothBuyers();
  const auto came_with = tlog::TlogProof::Parse(received->tlog_proof);
  ASSERT_TRUE(came_with.ok());
  EXPECT_EQ(RuleOf(policy.Check(came_with->checkpoint).status()), "POLICY_QUORUM_NOT_MET");

  const exchange::InclusionQuestion question = Question(kNyborg);
  EXPECT_LT(question.known.head.size.value(), CosignedSize());
  const auto made = Judge(question, Truth());
  ASSERT_TRUE(made.ok()) << made.status();
  const auto proof = tlog::TlogProof::Parse(*made);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_EQ(proof->index, received->index);
  const auto opened = tlog::VerifyTlogProof(*proof, received->leaf_hash, policy);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->checkpoint.size().value(), CosignedSize());
  EXPECT_FALSE(tlog::VerifyTlogProof(*proof, merkle::LeafHash("another"), policy).ok());
  EXPECT_THAT(EvidenceAtNyborg(), IsEmpty());
}

TEST_F(CosignedProofTest, WhatWasAcceptedLastMayBeNewerThanWhatIsCosigned) {
  Propose(kNyborg);
  const exchange::InclusionQuestion question = Question(kNyborg);
  ASSERT_GT(question.known.head.size.value(), CosignedSize()) << "a turn has passed";
  const auto made = Judge(question, Truth());
  EXPECT_TRUE(made.ok()) << made.status();

  const v1::ProveInclusionRequest newest = Question(kNyborg, 2).request;
  EXPECT_EQ(RuleOf(Ask(kNyborg, newest).status()), "NOT_COSIGNED");
  PassATurn();
  EXPECT_TRUE(Ask(kNyborg, newest).ok());
  EXPECT_THAT(EvidenceAtNyborg(), IsEmpty());
}

TEST_F(CosignedProofTest, OfWhatWasNotSentToTheCallerNothingIsTold) {
  const v1::ProveInclusionRequest own = Question(kNyborg).request;
  const log::LogReader& reader = world.node(kOdense).log().reader();
  std::vector<v1::ProveInclusionRequest> foreign(7, own);
  foreign[0] = Question(kKerteminde).request;
  // A record of Odense's alone.
  const uint64_t last = CosignedSize() - 1;
  foreign[1].set_index(last);
  foreign[1].set_leaf_hash(
      std::string(merkle::LeafHash(reader.Entry(reader.generations().open().At(LeafIndex(last)))->bytes).bytes()));
  foreign[2].set_leaf_hash(foreign[0].leaf_hash());
  foreign[3].set_leaf_hash("short");
  foreign[4].set_index(world.node(kOdense).log().head().size.value());
  foreign[5].set_index(~uint64_t{0});
  foreign[6].set_origin("medflyt.example/35209115/2");
  std::set<std::string> said;
  for (const v1::ProveInclusionRequest& request : foreign) {
    const absl::Status refused = Ask(kNyborg, request).status();
    EXPECT_EQ(RuleOf(refused), "PROOF_LEAF_FOREIGN") << request.ShortDebugString();
    EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
    said.insert(std::string(refused.message()) + " " + BrokenRuleOf(refused).value_or(BrokenRule()).field);
  }
  EXPECT_THAT(said, SizeIs(1)) << "whether there is an entry can be told by the answer";
  EXPECT_EQ(RuleOf(Ask(kKerteminde, own).status()), "PROOF_LEAF_FOREIGN");
  EXPECT_TRUE(Ask(kNyborg, own).ok());
  EXPECT_TRUE(Ask(kKerteminde, foreign[0]).ok());

  v1::ProveInclusionRequest beyond = own;
  beyond.set_known_size(world.node(kOdense).log().head().size.value() + 100);
  EXPECT_EQ(RuleOf(Ask(kNyborg, beyond).status()), "PROOF_OUT_OF_RANGE");
}

TEST_F(CosignedProofTest, OneQuestionOfAPeerAtATime) {
  const v1::ProveInclusionRequest request = Question(kNyborg).request;
  std::shared_ptr<void> turn = ContextOf(kOdense).BeginProof(kNyborg);
  ASSERT_NE(turn, nullptr);
  const absl::Status busy = Ask(kNyborg, request).status();
  EXPECT_EQ(RuleOf(busy), "PROOF_BUSY");
  EXPECT_EQ(busy.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Ask(kKerteminde, Question(kKerteminde).request).ok()) << "nobody else waits";
  turn.reset();
  EXPECT_TRUE(Ask(kNyborg, request).ok());
  EXPECT_TRUE(Ask(kNyborg, request).ok()) << "the one before has ended";
}

TEST_F(CosignedProofTest, LinesThatNobodyVerifiedAreNotHandedOn) {
  v1::ProveInclusionResponse answer = Truth();
  const tlog::SignedNote told = *tlog::SignedNote::Parse(answer.checkpoint());
  tlog::SignedNote note = told;
  note.signatures.push_back(told.signatures.back());
  note.signatures.back().name = "stranger.example";
  answer.set_checkpoint(note.Serialize());
  const auto made = Judge(Question(kNyborg), answer);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto proof = tlog::TlogProof::Parse(*made);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_THAT(proof->checkpoint.signatures, SizeIs(told.signatures.size()));
  for (const tlog::NoteSignature& each : proof->checkpoint.signatures) EXPECT_NE(each.name, "stranger.example");
}

TEST_F(CosignedProofTest, AFalseAnswerIsNotUsed) {
  const exchange::InclusionQuestion question = Question(kNyborg);
  const v1::ProveInclusionResponse truth = Truth();
  ASSERT_TRUE(Judge(question, truth).ok());
  const auto of_another = Ask(kKerteminde, Question(kKerteminde).request);
  ASSERT_TRUE(of_another.ok());
  using Answer = v1::ProveInclusionResponse;
  const auto with_note = [](const std::function<void(tlog::SignedNote&)>& change) {
    return [change](Answer& answer) {
      tlog::SignedNote note = *tlog::SignedNote::Parse(answer.checkpoint());
      change(note);
      answer.set_checkpoint(note.Serialize());
    };
  };
  const std::vector<std::pair<std::string, std::function<void(Answer&)>>> lies = {
      {"INCLUSION_PROOF_INVALID", [&](Answer& answer) { *answer.mutable_hashes() = of_another->hashes(); }},
      {"INCLUSION_PROOF_INVALID", [](Answer& answer) { (*answer.mutable_hashes(0))[3] ^= 1; }},
      {"INCLUSION_PROOF_INVALID", [](Answer& answer) { answer.mutable_hashes()->RemoveLast(); }},
      {"INCLUSION_PROOF_INVALID", [](Answer& answer) { answer.add_hashes("short"); }},
      {"NOTE_SIGNATURE_INVALID", with_note([](tlog::SignedNote& note) { note.signatures[0].signature[9] ^= 1; })},
      {"NOTE_SIGNATURE_INVALID", with_note([](tlog::SignedNote& note) {
         const tlog::Checkpoint true_one = *tlog::Checkpoint::Parse(note.text);
         note.text =
             tlog::Checkpoint::Create(true_one.origin(), true_one.size(), merkle::LeafHash("another root"))->Format();
       })},
      {"COSIGNATURE_INVALID", with_note([](tlog::SignedNote& note) { note.signatures.back().signature[9] ^= 1; })},
      {"COSIGNATURE_INVALID", with_note([](tlog::SignedNote& note) { note.signatures.resize(1); })},
      {"COSIGNATURE_INVALID", with_note([this](tlog::SignedNote& note) {
         // By itself alone.
         note.signatures.resize(1);
         note.signatures.push_back(
             *SimWitnesses::CosignerOf(kOdense).Cosign(*tlog::Checkpoint::Parse(note.text), world.timeline.Now()));
       })},
      {"NOTE_UNSIGNED",
       [this](Answer& answer) { answer.set_checkpoint(witnesses.cosigning(kKerteminde).published()->note); }},
      {"NOTE_MALFORMED", [](Answer& answer) { answer.set_checkpoint("no note"); }},
      {"ANSWER_MALFORMED", [](Answer& answer) { answer.set_checkpoint(std::string(17 * 1024, 'x')); }},
  };
  for (size_t i = 0; i < lies.size(); ++i) {
    v1::ProveInclusionResponse answer = truth;
    lies[i].second(answer);
    EXPECT_EQ(RuleOf(Judge(question, answer).status()), lies[i].first) << "lie " << i;
  }
  EXPECT_THAT(EvidenceAtNyborg(), IsEmpty()) << "none of them proves anything";
}

TEST_F(CosignedProofTest, AHeadThatDoesNotGoOnFromTheAcceptedOneIsASuspicion) {
  const exchange::InclusionQuestion question = Question(kNyborg);
  v1::ProveInclusionResponse answer = Truth();
  ASSERT_GT(answer.consistency_proof_size(), 0);
  (*answer.mutable_consistency_proof(0))[3] ^= 1;
  EXPECT_EQ(RuleOf(Judge(question, answer).status()), "CONSISTENCY_PROOF_INVALID");
  const auto evidence = EvidenceAtNyborg();
  ASSERT_THAT(evidence, SizeIs(1));
  EXPECT_FALSE(evidence[0].proven);
  EXPECT_EQ(evidence[0].peer, kOdense);
  EXPECT_FALSE(world.node(kNyborg).exchange().StatusOf(kOdense).forked);
}

TEST_F(CosignedProofTest, AnotherRootOfTheAcceptedSizeIsProofOfAFork) {
  const exchange::InclusionQuestion question = Question(kNyborg);
  v1::ProveInclusionResponse answer = Truth();
  const auto other =
      tlog::Checkpoint::Create(question.request.origin(), question.known.head.size, merkle::LeafHash("another root"));
  ASSERT_TRUE(other.ok());
  answer.set_checkpoint(tlog::SignCheckpoint(*other, world.node(kOdense).signer()).Serialize());
  EXPECT_EQ(RuleOf(Judge(question, answer).status()), "LOG_FORKED");
  const auto evidence = EvidenceAtNyborg();
  ASSERT_THAT(evidence, SizeIs(1));
  EXPECT_TRUE(evidence[0].proven);
  EXPECT_EQ(evidence[0].presented_note, answer.checkpoint());
  EXPECT_TRUE(world.node(kNyborg).exchange().StatusOf(kOdense).forked);
  EXPECT_EQ(RuleOf(Wonder(kNyborg, 1).status()), "LOG_FORKED") << "it is asked nothing more";
}

TEST_F(CosignedProofTest, TheHeadThatWasNamedIsProvenThoughAnotherWasAcceptedBeforeTheAnswer) {
  Propose(kNyborg);
  const exchange::InclusionQuestion question = Question(kNyborg);
  ASSERT_GT(question.known.head.size, question.batch.head.size);
  v1::ProveInclusionResponse answer = Truth();
  const auto other =
      tlog::Checkpoint::Create(question.request.origin(), question.known.head.size, merkle::LeafHash("another root"));
  ASSERT_TRUE(other.ok());
  answer.set_checkpoint(tlog::SignCheckpoint(*other, world.node(kOdense).signer()).Serialize());
  Propose(kNyborg);
  EXPECT_EQ(RuleOf(Judge(question, answer).status()), "LOG_FORKED");
  const auto evidence = EvidenceAtNyborg();
  ASSERT_THAT(evidence, SizeIs(1));
  const std::vector<tlog::VerifierKey> keys = {world.node(kOdense).signer().verifier_key()};
  const auto proven = tlog::VerifyForkProof({evidence[0].accepted_note, evidence[0].presented_note}, keys);
  EXPECT_TRUE(proven.ok()) << proven.status();
}

}  // namespace
}  // namespace medflyt::testing
