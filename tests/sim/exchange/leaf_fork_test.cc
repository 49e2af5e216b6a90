// A peer that shows another leaf where one was received before: in a batch, in a receipt, in what a third party opened.
#include <gmock/gmock.h>

#include "common/entry/opening.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/leaf_fork_proof.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/kept_leaf.h"
#include "tests/sim/exchange/byzantine_peer.h"
#include "tests/support/agreement_terms.h"

namespace medflyt::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

constexpr char kNyborgSeed = 20;
constexpr std::string_view kNyborgOrigin = "medflyt.example/29189722/1";

class LeafFork : public ByzantinePeer {
 protected:
  // Nyborg's log as others are shown it: with another leaf at `changed`, and `size` entries.
  EvidenceLog Other(uint64_t changed, uint64_t size, char seed = kNyborgSeed) const {
    EvidenceLog other(std::string(kNyborgOrigin), seed);
    for (uint64_t i = 0; i < size; ++i) {
      const bool same = i != changed && i < forger.log.size();
      other.Append(same ? forger.log.entry(LeafIndex(i)) : "another entry " + std::to_string(i));
    }
    return other;
  }
  v1::EventBatch BatchOf(const EvidenceLog& log, uint64_t index) {
    v1::EventBatch batch = log.Batch({LeafIndex(index)}, std::min(forger.log.size(), log.size()), log.size());
    batch.set_consistency_from(forger.log.size());
    batch.set_key_ids(0, std::string(forger.NewKey().id.bytes()));
    return batch;
  }
  std::vector<exchange::ForkEvidence> Evidence(AuthorityId at = kOdense) {
    auto evidence = exchange::ReadForkEvidence(world.node(at).store());
    EXPECT_TRUE(evidence.ok()) << evidence.status();
    return evidence.ok() ? *std::move(evidence) : std::vector<exchange::ForkEvidence>();
  }
  // What is kept convinces whoever has the log's key and nothing else.
  void ExpectProven(const exchange::ForkEvidence& evidence, LeafIndex index) {
    EXPECT_EQ(evidence.peer, kNyborg);
    EXPECT_TRUE(evidence.proven);
    const auto proof = tlog::LeafForkProof::Parse(evidence.leaf_proof);
    ASSERT_TRUE(proof.ok()) << proof.status();
    const auto keys = forger.log.identity().keys;
    const auto proven = tlog::VerifyLeafForkProof(*proof, keys, keys);
    ASSERT_TRUE(proven.ok()) << proven.status();
    EXPECT_EQ(proven->first.origin(), kNyborgOrigin);
    EXPECT_EQ(proven->index, index);
    EXPECT_NE(proof->first.leaf_hash, proof->second.leaf_hash);
  }
};

TEST_F(LeafFork, AnotherLeafInABatchUnderALaterHeadIsProvenKeptAndEndsTheExchange) {
  Begin();
  const EvidenceLog other = Other(1, 9);
  ExpectRejected(BatchOf(other, 1), "LOG_FORKED");
  const auto evidence = Evidence();
  ASSERT_EQ(evidence.size(), 1U);
  ExpectProven(evidence.front(), LeafIndex(1));
  EXPECT_EQ(evidence.front().presented_note, other.Note(9));
  EXPECT_EQ(world.node(kOdense).logger.events.count("log_fork_proven"), 1U);

  ExpectForkedAfterARestart();
}

TEST_F(LeafFork, AGrantsRecordIsALeafLikeAnother) {
  Begin();
  ExpectRejected(BatchOf(Other(0, 9), 0), "LOG_FORKED");
  ASSERT_EQ(Evidence().size(), 1U);
  ExpectProven(Evidence().front(), LeafIndex(0));
}

TEST_F(LeafFork, TheRowIsFoundAmongMany) {
  Begin();
  for (uint64_t number = 2; number <= 8; ++number) {
    forger.Send(Prepare(number).batch);
    world.RunFor(absl::Seconds(1));
    ASSERT_THAT(forger.ReceiptedRules(), ElementsAre("")) << number;
    forger.set_accepted(forger.log.size());
  }
  ExpectRejected(BatchOf(Other(7, 60), 7), "LOG_FORKED");
  ASSERT_EQ(Evidence().size(), 1U);
  ExpectProven(Evidence().front(), LeafIndex(7));
}

TEST_F(LeafFork, AnEarlierHeadWithAnotherLeafIsAProofToo) {
  Begin();
  forger.Send(Prepare(2).batch);
  ASSERT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  forger.set_accepted(forger.log.size());
  ExpectRejected(BatchOf(Other(1, 3), 1), "LOG_FORKED");
  ASSERT_EQ(Evidence().size(), 1U);
  ExpectProven(Evidence().front(), LeafIndex(1));
}

TEST_F(LeafFork, AnotherLeafThanOneInFlightIsProvenOnceThatIsStored) {
  Begin();
  const v1::EventBatch in_flight = Prepare(2).batch;
  const EvidenceLog other = Other(3, 9);
  forger.PourNext(in_flight);
  forger.PourNext(BatchOf(other, 3));
  world.RunFor(absl::Seconds(1));
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("")) << "what came before is taken";
  EXPECT_EQ(forger.AnswerRule(), "LOG_FORKED");
  EXPECT_EQ(Received(), 2U);
  ASSERT_EQ(Evidence().size(), 1U);
  ExpectProven(Evidence().front(), LeafIndex(3));
  EXPECT_EQ(Evidence().front().presented_note, other.Note(9));
}

TEST_F(LeafFork, WhatIsNotProvenAccusesNobody) {
  Begin();
  const auto refused = [this](const v1::EventBatch& batch, std::string_view rule) {
    forger.set_receipted(1);
    forger.Dial();
    forger.Send(batch);
    EXPECT_EQ(forger.AnswerRule(), rule);
    for (const exchange::ForkEvidence& each : Evidence()) EXPECT_FALSE(each.proven) << rule;
    EXPECT_FALSE(world.node(kOdense).exchange().StatusOf(kNyborg).forked);
  };
  // The leaf that was received, in a log that is not shown to go on from ours.
  refused(BatchOf(Other(0, 9), 1), "CONSISTENCY_PROOF_INVALID");
  // Another leaf, where nothing was received.
  refused(BatchOf(Other(1, 9), 5), "CONSISTENCY_PROOF_INVALID");
  // Another leaf, not proven by its own head.
  v1::EventBatch cut = BatchOf(Other(1, 9), 1);
  cut.mutable_multi_proof()->RemoveLast();
  refused(cut, "CONSISTENCY_PROOF_INVALID");
  v1::EventBatch swapped = BatchOf(Other(0, 9), 1);
  swapped.set_entries(0, "invented");
  refused(swapped, "CONSISTENCY_PROOF_INVALID");
  v1::EventBatch moved = BatchOf(Other(1, 9), 1);
  moved.set_indices(0, 3);
  refused(moved, "CONSISTENCY_PROOF_INVALID");
  // Another leaf under a head that the log did not sign.
  refused(BatchOf(Other(1, 9, 21), 1), "NOTE_UNSIGNED");

  // With a log that goes on from what was accepted all is well again.
  forger.Dial();
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
}

TEST_F(LeafFork, AnotherLeafThatAThirdPartyOpensIsProof) {
  const Prepared first = Begin();
  const event::Event announcement =
      forger.NewEvent(2, event::RelocationAnnounced{SimCitizen(1), kOdense, *MunicipalityCode::Parse("0450"),
                                                    *MunicipalityCode::Parse("0440"), Date(2026, 4, 1), "rsl-12c"});
  // Whoever requests the transfer was shown a log in which the announcement stands where Odense received a proposal.
  EvidenceLog other(std::string(kNyborgOrigin), kNyborgSeed);
  other.Append(forger.log.entry(LeafIndex(0)));
  other.Append(*entry::SealEntry(announcement.header.id, world.chance.NewId<crypto::Nonce>(),
                                 Forger::ContentOf(announcement), first.secret.key, other.origin()));
  for (int i = 0; i < 6; ++i) other.Append("what followed there " + std::to_string(i));
  const event::Event request =
      forger.NewEvent(2, event::TransferRequested{SimCitizen(1),
                                                  world.chance.NewId<CaseId>(),
                                                  {other.origin(), LeafIndex(1), other.leaf_hash(LeafIndex(1))},
                                                  Date(2026, 4, 1)});
  const LeafIndex leaf = forger.AppendEvent(request, first.secret);
  v1::EventBatch batch = forger.Batch({leaf}, first.secret);
  v1::Opening& opening = *batch.add_openings();
  opening.set_for_event_id(std::string(request.header.id.bytes()));
  opening.set_entry(other.entry(LeafIndex(1)));
  opening.set_exchange_epoch(forger.greeting.exchange_key().epoch());
  opening.set_sealed_event_key(*entry::SealEventKey(
      {other.origin(), announcement.header.id, kOdense}, entry::EventKeyOf(first.secret.key, announcement.header.id),
      *crypto::ExchangePublicKey::FromBytes(forger.greeting.exchange_key().public_key())));
  opening.set_tlog_proof(other.Proof(LeafIndex(1), other.size()).Serialize());
  ExpectRejected(batch, "LOG_FORKED");
  ASSERT_EQ(Evidence().size(), 1U);
  ExpectProven(Evidence().front(), LeafIndex(1));
}

TEST_F(LeafFork, AProofThatTheFullQueueTurnedAwayIsStoredOnceThereIsRoom) {
  Begin();
  world.network.weather.queue_full_one_in = 1;
  forger.Send(BatchOf(Other(1, 9), 1));
  ASSERT_EQ(forger.AnswerRule(), "LOG_FORKED");
  world.RunFor(absl::Minutes(1));
  EXPECT_THAT(Evidence(), IsEmpty());
  EXPECT_EQ(world.node(kOdense).logger.events["fork_evidence_waits"], 1);
  world.network.weather.queue_full_one_in = 0;
  world.RunFor(absl::Seconds(30));
  ASSERT_EQ(Evidence().size(), 1U);
  ExpectProven(Evidence().front(), LeafIndex(1));
  ExpectForkedAfterARestart();
}

// Nyborg is honest. Kerteminde has shown it another branch of its log than Odense.
class ForkOfAThirdLog : public LeafFork {
 protected:
  // Of Kerteminde's log Odense has what was sent to it, which is not where the log begins.
  void SetUp() override {
    world.network.weather.queue_full_one_in = 0;
    for (const AuthorityId provider : {kNyborg, kOdense}) {
      ASSERT_EQ(world.Act(kKerteminde, event::ProposeAgreement{world.chance.NewId<CaseId>(), provider, kKerteminde,
                                                               Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))}),
                "OK");
    }
    const log::Log& log = world.node(kOdense).log();
    for (int turn = 0; turn < 60 && log.peer(kKerteminde).received.value() == 0; ++turn) world.RunFor(absl::Seconds(5));
    ASSERT_EQ(log.peer(kKerteminde).received, PairNumber(1));
    world.node(kKerteminde).Crash();  // what it is answered is not looked at
    size_ = log.peer(kKerteminde).by_batch.size.value();
    while (kept_ < size_ && !IsKept(kept_)) ++kept_;
    ASSERT_GT(kept_, 0U);
    ASSERT_LT(kept_, size_);
    secret_ = Begin().secret;
  }
  bool IsKept(uint64_t index) {
    const auto leaf = exchange::FindKeptLeaf(world.node(kOdense).log(), world.directory, kKerteminde, kKertemindeOrigin,
                                             LeafIndex(index));
    return leaf.ok() && leaf->has_value();
  }
  // A request that rests on an announcement at `index` of that branch, as long as `size`.
  v1::EventBatch Request(uint64_t number, uint64_t index, uint64_t size) {
    event::Event announcement =
        forger.NewEvent(1, event::RelocationAnnounced{SimCitizen(1), kOdense, *MunicipalityCode::Parse("0440"),
                                                      *MunicipalityCode::Parse("0450"), Date(2026, 4, 1), "rsl-12c"});
    announcement.header.issuer = kKerteminde;
    announcement.header.recipient = kNyborg;
    const Forger::Secret announced = forger.NewKey();
    EvidenceLog branch(std::string(kKertemindeOrigin), 30);
    while (branch.size() < size) {
      branch.Append(branch.size() == index
                        ? *entry::SealEntry(announcement.header.id, world.chance.NewId<crypto::Nonce>(),
                                            Forger::ContentOf(announcement), announced.key, branch.origin())
                        : "another entry " + std::to_string(branch.size()));
    }
    const event::Event request = forger.NewEvent(
        number, event::TransferRequested{SimCitizen(1),
                                         world.chance.NewId<CaseId>(),
                                         {branch.origin(), LeafIndex(index), branch.leaf_hash(LeafIndex(index))},
                                         Date(2026, 4, 1)});
    const LeafIndex leaf = forger.AppendEvent(request, *secret_);
    v1::EventBatch batch = forger.Batch({leaf}, *secret_);
    v1::Opening& opening = *batch.add_openings();
    opening.set_for_event_id(std::string(request.header.id.bytes()));
    opening.set_entry(branch.entry(LeafIndex(index)));
    opening.set_exchange_epoch(forger.greeting.exchange_key().epoch());
    opening.set_sealed_event_key(*entry::SealEventKey(
        {branch.origin(), announcement.header.id, kOdense}, entry::EventKeyOf(announced.key, announcement.header.id),
        *crypto::ExchangePublicKey::FromBytes(forger.greeting.exchange_key().public_key())));
    opening.set_tlog_proof(branch.Proof(LeafIndex(index), size).Serialize());
    return batch;
  }
  void ExpectReceipted(const v1::EventBatch& batch, const std::string& rule) {
    forger.Send(batch);
    EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(rule));
    EXPECT_FALSE(forger.closed());
    forger.set_accepted(forger.log.size());
  }

  static constexpr std::string_view kKertemindeOrigin = "medflyt.example/29189706/1";
  uint64_t size_ = 0;  // of Kerteminde's log, as Odense has accepted it
  uint64_t kept_ = 0;  // the first entry that Odense has
  std::optional<Forger::Secret> secret_;
};

TEST_F(ForkOfAThirdLog, IsItsOwnersFaultAndWhatRestsOnItIsRefused) {
  ExpectReceipted(Request(2, kept_, size_ + 6), "LOG_FORKED");
  ASSERT_EQ(Evidence().size(), 1U);
  EXPECT_EQ(Evidence().front().peer, kKerteminde);
  EXPECT_TRUE(Evidence().front().proven);
  EXPECT_FALSE(Evidence().front().leaf_proof.empty());
  EXPECT_TRUE(world.node(kOdense).exchange().StatusOf(kKerteminde).forked);
  EXPECT_FALSE(world.node(kOdense).exchange().StatusOf(kNyborg).forked);
  // Of a log that is known to have forked it need not be shown again.
  ExpectReceipted(Request(3, size_ + 2, size_ + 8), "LOG_FORKED");
  EXPECT_EQ(Evidence().size(), 1U);
  ExpectReceipted(Prepare(4).batch, "");
  EXPECT_EQ(Received(), 4U);
  EXPECT_THAT(Rejections(), Not(Contains(Key("LOG_FORKED"))));
}

TEST_F(ForkOfAThirdLog, IsShownByAHeadOfTheSizeThatWasAcceptedToo) {
  ExpectReceipted(Request(2, 0, size_), "LOG_FORKED");
  ASSERT_EQ(Evidence().size(), 1U);
  EXPECT_EQ(Evidence().front().peer, kKerteminde);
  EXPECT_TRUE(Evidence().front().proven);
  EXPECT_FALSE(Evidence().front().accepted_note.empty());
  EXPECT_TRUE(Evidence().front().leaf_proof.empty());
  ExpectReceipted(Prepare(3).batch, "");
  EXPECT_THAT(Rejections(), Not(Contains(Key("LOG_FORKED"))));
}

// Odense issues; Nyborg's receipts are those of its log until it denies the record of the first.
TEST(LeafForkOfReceipts, AnotherRecordThanTheOneReceiptedIsProof) {
  SimWorld world(11);
  world.RunFor(absl::Seconds(1));
  std::optional<v1::Receipt> first;
  bool denied = false;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from != kNyborg || to != kOdense || !message.has_answer() || !message.answer().has_receipt()) return true;
    v1::Receipt& receipt = *message.mutable_answer()->mutable_receipt();
    if (!first) {
      first = receipt;
      return true;
    }
    // Signed by Nyborg's key, as the world has it: where the first record stood there is something else.
    EvidenceLog other(std::string(kNyborgOrigin), kNyborgSeed);
    const uint64_t size = receipt.leaf_indices(0) + 40;
    while (other.size() < size) other.Append("another record " + std::to_string(other.size()));
    const LeafIndex at(first->leaf_indices(0));
    receipt = other.Receipt({at}, receipt.consistency_from(), size);
    denied = true;
    return true;
  };
  const auto propose = [&world] {
    ASSERT_EQ(world.Act(kOdense,
                        event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, kNyborg,
                                                Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))},
                        "officer-1"),
              "OK");
  };
  propose();
  ASSERT_TRUE(world.Settle());
  ASSERT_TRUE(first.has_value());
  world.RunFor(absl::Seconds(5));
  propose();
  world.RunFor(absl::Seconds(30));
  ASSERT_TRUE(denied);

  const auto evidence = exchange::ReadForkEvidence(world.node(kOdense).store());
  ASSERT_TRUE(evidence.ok());
  ASSERT_EQ(evidence->size(), 1U);
  const auto proof = tlog::LeafForkProof::Parse(evidence->front().leaf_proof);
  ASSERT_TRUE(proof.ok()) << proof.status();
  const EvidenceLog nyborg(std::string(kNyborgOrigin), kNyborgSeed);  // for its key
  const auto proven = tlog::VerifyLeafForkProof(*proof, nyborg.identity().keys, nyborg.identity().keys);
  ASSERT_TRUE(proven.ok()) << proven.status();
  EXPECT_EQ(proven->index, LeafIndex(first->leaf_indices(0)));
  EXPECT_TRUE(world.node(kOdense).exchange().StatusOf(kNyborg).forked);
}

// Nyborg as whoever dials it: greets, keeps what is sent to it, and says the rest when the test says so.
class Recipient final : public exchange::LinkEvents {
 public:
  // The link keeps it, not it the link.
  Recipient(Forger& forger, const std::shared_ptr<exchange::Link>& link) : forger_(forger), link_(link) {}
  void OnMessage(v1::PeerMessage message) override {
    const auto link = link_.lock();
    if (link == nullptr) return;
    if (message.has_batch()) batches.push_back(message.batch());
    if (message.has_hello()) {
      v1::PeerMessage answer;
      *answer.mutable_hello() = forger_.Hello();
      link->Send(std::move(answer));
    }
    link->Next();
  }
  void OnSent() override {}
  void OnClosed(const absl::Status&) override {}
  void Answer(uint64_t sequence, const v1::Receipt& receipt) {
    const auto link = link_.lock();
    ASSERT_NE(link, nullptr);
    v1::PeerMessage message;
    message.mutable_answer()->set_batch_sequence(sequence);
    *message.mutable_answer()->mutable_receipt() = receipt;
    link->Send(std::move(message));
  }

  void Refuse(uint64_t sequence, const std::string& rule) {
    const auto link = link_.lock();
    ASSERT_NE(link, nullptr);
    v1::PeerMessage message;
    message.mutable_answer()->set_batch_sequence(sequence);
    message.mutable_answer()->mutable_fault()->set_rule(rule);
    link->Send(std::move(message));
  }

  std::vector<v1::EventBatch> batches;

 private:
  Forger& forger_;
  const std::weak_ptr<exchange::Link> link_;
};

class ForkOfReceipts : public LeafFork {
 protected:
  // Odense has sent two events in two batches, and waits for their receipts.
  void SetUp() override {
    world.network.weather.queue_full_one_in = 0;
    world.network.weather.most_latency = world.network.weather.least_latency;
    forger.log.Append("the first entry");
    world.network.Listen(kNyborg, life_, [this](AuthorityId from, const std::shared_ptr<exchange::Link>& link) {
      if (from != kOdense) return std::shared_ptr<Recipient>();
      link_ = link;
      recipient_ = std::make_shared<Recipient>(forger, link);
      return recipient_;
    });
    world.RunFor(absl::Minutes(3));  // it dials again each minute
    ASSERT_NE(recipient_, nullptr);
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(world.Act(kOdense, event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, kNyborg,
                                                           Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))}),
                "OK");
      world.RunFor(absl::Seconds(1));
    }
    ASSERT_EQ(recipient_->batches.size(), 2U);
  }
  // That the last entry of the batch was received.
  std::string RecordFor(const v1::EventBatch& batch) {
    const int last = batch.entries_size() - 1;
    wire::LedgerCodec codec;
    return *codec.Encode({world.timeline.Now(), wire::EventReceived{std::string(world.node(kOdense).log().origin()),
                                                                    LeafIndex(batch.indices(last)),
                                                                    merkle::LeafHash(batch.entries(last)), ""}});
  }

  const Life life_ = NewLife();
  std::shared_ptr<exchange::Link> link_;
  std::shared_ptr<Recipient> recipient_;
};

TEST_F(ForkOfReceipts, TwoHeadsOfOneSizeInFlightAreKeptWithTheirProof) {
  const EvidenceLog before = forger.log;
  const LeafIndex record = forger.log.Append(RecordFor(recipient_->batches[0]));
  const uint64_t size = forger.log.size();
  EvidenceLog other = before;
  other.Append(RecordFor(recipient_->batches[1]));
  recipient_->Answer(1, forger.log.Receipt({record}, 0, size));
  recipient_->Answer(2, other.Receipt({record}, size, size));
  world.RunFor(absl::Seconds(1));
  const auto evidence = Evidence();
  ASSERT_EQ(evidence.size(), 1U);
  EXPECT_TRUE(evidence.front().proven);
  EXPECT_EQ(evidence.front().accepted_note, forger.log.Note(size));
  EXPECT_EQ(evidence.front().presented_note, other.Note(size));
}

TEST_F(ForkOfReceipts, AForkThatThePeerAnsweredWithIsShownBeyondTheNextGreeting) {
  const std::shared_ptr<Recipient> before = recipient_;
  recipient_->Refuse(1, "LOG_FORKED");
  world.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(world.node(kOdense).exchange().StatusOf(kNyborg).delivery.last_error, "LOG_FORKED");
  world.node(kOdense).exchange().DialNow(kNyborg);
  world.RunFor(absl::Seconds(1));
  ASSERT_NE(recipient_, before);
  const exchange::PeerStatus status = world.node(kOdense).exchange().StatusOf(kNyborg);
  ASSERT_TRUE(status.delivery.connected);
  EXPECT_EQ(status.delivery.last_error, "LOG_FORKED");
}

TEST_F(ForkOfReceipts, AnotherRecordThanOneInFlightIsProvenOnceThatIsLogged) {
  const LeafIndex record = forger.log.Append(RecordFor(recipient_->batches[0]));
  const uint64_t size = forger.log.size();
  EvidenceLog other = Other(record.value(), size + 3);
  recipient_->Answer(1, forger.log.Receipt({record}, 0, size));
  recipient_->Answer(2, other.Receipt({record}, size, other.size()));
  world.RunFor(absl::Seconds(1));
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).receipted, PairNumber(1));
  const auto evidence = Evidence();
  ASSERT_EQ(evidence.size(), 1U);
  ExpectProven(evidence.front(), record);
}

}  // namespace
}  // namespace medflyt::testing
