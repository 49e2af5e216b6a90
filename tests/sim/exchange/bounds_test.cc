// What a peer can make a node hold: batches, receipts, evidence, and the rows of each.
#include "server/exchange/fork_evidence.h"
#include "server/exchange/kept_receipt.h"
#include "tests/sim/exchange/byzantine_peer.h"
#include "tests/support/agreement_terms.h"

namespace medflyt::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

using Bounds = ByzantinePeer;

TEST_F(Bounds, WhatIsSentFasterThanItIsSyncedStaysOnTheWire) {
  const Prepared first = Begin();
  constexpr uint64_t kBatches = 60;
  std::vector<v1::EventBatch> batches;
  for (uint64_t i = 0; i < kBatches; ++i) {
    const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2 + i), first.secret);
    batches.push_back(forger.Batch({leaf}, first.secret));
    forger.set_accepted(forger.log.size());
  }
  for (const v1::EventBatch& batch : batches) forger.PourNext(batch);
  world.RunFor(absl::ZeroDuration());  // everything but the sync
  EXPECT_GE(forger.unread(), kBatches - 17) << "batches were read that nobody has room for";
  EXPECT_LT(forger.unread(), kBatches) << "the next ones are checked during a sync";

  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(forger.unread(), 0U);
  EXPECT_FALSE(forger.closed());
  EXPECT_EQ(Received(), 1 + kBatches);
}

TEST_F(Bounds, AMessageTooLargeIsNotEvenQueued) {
  Begin();
  v1::Hello hello = forger.Hello();
  hello.set_checkpoint(std::string(entry::kMaxBatchBytes + 100, 'x'));
  forger.Dial(hello);
  EXPECT_EQ(forger.AnswerRule(), "BATCH_TOO_LARGE");
  EXPECT_TRUE(forger.closed());
  EXPECT_EQ(Rejections().at("BATCH_TOO_LARGE"), 1U);
}

TEST_F(Bounds, LostReceiptsAreRepeatedAsFastAsTheyAreTakenAndBeforeNewOnes) {
  const Prepared first = Begin();
  uint64_t number = 1;
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<LeafIndex> leaves;
    for (int i = 0; i < 250; ++i) leaves.push_back(forger.AppendEvent(forger.NewProposal(++number), first.secret));
    forger.Send(forger.Batch(leaves, first.secret));
    ASSERT_EQ(forger.AnswerRule(), "RECEIPT");
    forger.set_accepted(forger.log.size());
  }
  ASSERT_EQ(Received(), 751U);

  forger.HoldSent();
  forger.Dial();  // holds no receipt
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(752), first.secret);
  forger.Send(forger.Batch({leaf}, first.secret));
  EXPECT_EQ(forger.answers(), 1U) << "more was sent than the link has taken";
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(forger.answers(), 1U);
  EXPECT_EQ(Received(), 751U) << "receipts are in the order of numbers";
  forger.Sent();
  EXPECT_EQ(forger.answers(), 2U);
  forger.Sent();  // the last of the repeated, and then what waited
  EXPECT_EQ(forger.answers(), 4U);
  std::vector<int> repeated;
  for (int i = 0; i < 3; ++i) {
    const auto answer = forger.Answer();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->batch_sequence(), 0U);
    repeated.push_back(answer->receipt().leaves_size());
  }
  EXPECT_THAT(repeated, ElementsAre(256, 256, 239));
  const auto fresh = forger.Answer();
  ASSERT_TRUE(fresh.has_value());
  EXPECT_EQ(fresh->batch_sequence(), 1U);
  EXPECT_EQ(Received(), 752U);

  // A link that is gone is spoken to no more.
  forger.Dial();
  EXPECT_EQ(forger.answers(), 1U);
  forger.HangUp();
  forger.Sent();
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(forger.answers(), 1U);
}

TEST_F(Bounds, SuspicionsAreBoundedAndAProofIsNeverDropped) {
  Begin();
  EvidenceLog other("medflyt.example/29189722/1", 20);
  while (other.size() < forger.log.size()) other.Append("another entry " + std::to_string(other.size()));
  EvidenceLog longer("medflyt.example/29189722/1", 20);
  while (longer.size() < forger.log.size() + 3) longer.Append("yet another entry " + std::to_string(longer.size()));
  const auto send = [&](EvidenceLog& log, uint64_t from) {
    v1::EventBatch batch = log.Batch({LeafIndex(log.size() - 1)}, from, log.size());  // never received
    batch.set_key_ids(0, std::string(forger.NewKey().id.bytes()));
    forger.Dial();
    (void)forger.Answer();  // the receipt of the first, repeated
    forger.Send(batch);
    return forger.AnswerRule();
  };
  const auto suspect = [&](uint64_t times) {
    for (uint64_t i = 0; i < times; ++i) ASSERT_EQ(send(longer, forger.log.size()), "CONSISTENCY_PROOF_INVALID");
  };
  suspect(exchange::kMaxSuspicions + 3);
  auto evidence = *exchange::ReadForkEvidence(world.node(kOdense).store());
  EXPECT_EQ(evidence.size(), exchange::kMaxSuspicions);
  EXPECT_EQ(evidence.back().dropped, 3U);
  EXPECT_EQ(evidence.back().presented_note, longer.Note(longer.size()));
  // The count goes on after a restart.
  world.node(kOdense).Crash();
  world.node(kOdense).Boot();
  world.RunFor(absl::Seconds(1));
  suspect(2);
  EXPECT_EQ(exchange::ReadForkEvidence(world.node(kOdense).store())->back().dropped, 5U);

  ASSERT_EQ(send(other, other.size()), "LOG_FORKED");
  evidence = *exchange::ReadForkEvidence(world.node(kOdense).store());
  ASSERT_EQ(evidence.size(), exchange::kMaxSuspicions + 1);
  EXPECT_TRUE(evidence.back().proven);
}

// The honest node is the issuer here: what Odense keeps of the receipts that it was given.
TEST(KeptReceipts, AreTheVeryBytesThatTheLogHasTheDigestsOfAndSmall) {
  SimWorld world(11);
  std::vector<std::string> sent;  // the receipts as Odense signed them
  uint64_t refused = 0;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from == kOdense && to == kNyborg && message.has_answer() && message.answer().has_receipt()) {
      sent.push_back(message.answer().receipt().SerializeAsString());
      // Unknown fields are of no receipt, and cost no space.
      message.mutable_answer()
          ->mutable_receipt()
          ->GetReflection()
          ->MutableUnknownFields(message.mutable_answer()->mutable_receipt())
          ->AddLengthDelimited(999, std::string(1000, 'x'));
    }
    return true;
  };
  const std::string digits(SimCitizen(7).ExposeDigits());
  world.options.refused_numbers = {{digits, digits}};
  world.node(kOdense).Crash();
  world.node(kOdense).Boot();
  const event::AgreementTerms terms = Terms(5, Date(2026, 1, 1), Date(2096, 1, 1));
  const CaseId agreement = world.chance.NewId<CaseId>();
  ASSERT_EQ(world.Act(kNyborg, event::ProposeAgreement{agreement, kOdense, kNyborg, terms}), "OK");
  world.node(kNyborg).Submit([&](log::Appender& appender) {
    for (int i = 0; i < 300; ++i) {
      EXPECT_TRUE(
          appender
              .Execute({"officer-1", event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, kNyborg, terms}})
              .ok());
    }
  });
  ASSERT_TRUE(world.Settle());
  ASSERT_EQ(world.Act(kOdense, event::AcceptAgreement{agreement, 1}), "OK");
  ASSERT_TRUE(world.Settle());
  ASSERT_EQ(world.Act(kNyborg, event::ProposeEnrolment{world.chance.NewId<CaseId>(), kOdense, SimCitizen(7), agreement,
                                                       Date(2026, 4, 1)}),
            "OK");
  ASSERT_TRUE(world.Settle());

  SimNode& nyborg = world.node(kNyborg);
  const log::PeerState peer = nyborg.log().peer(kOdense);
  ASSERT_EQ(peer.receipted.value(), 302U);
  wire::LedgerCodec codec;
  std::set<std::string> digests;
  ASSERT_TRUE(nyborg.log()
                  .reader()
                  .Visit(log::Position(0), nyborg.log().end(),
                         [&](log::Position, std::string_view entry, const KeyId&) {
                           const auto record = codec.Decode(entry);
                           const auto* logged =
                               record.ok() ? std::get_if<wire::ReceiptsLogged>(&record->record) : nullptr;
                           if (logged != nullptr) digests.emplace(logged->receipts_digest.bytes());
                           return absl::OkStatus();
                         })
                  .ok());
  std::set<std::string> found;
  for (uint64_t number = 1; number <= 302; ++number) {
    const auto receipt = exchange::FindReceipt(nyborg.log().reader(), kOdense, PairNumber(number));
    ASSERT_TRUE(receipt.ok()) << number << ": " << receipt.status();
    const std::string bytes = receipt->SerializeAsString();
    EXPECT_THAT(sent, Contains(bytes));
    found.emplace(crypto::Sha256(bytes).bytes());
    for (const std::string& leaf : receipt->leaves()) {
      const auto record = codec.Decode(leaf);
      if (!std::get<wire::EventReceived>(record->record).refused_rule.empty()) ++refused;
    }
  }
  EXPECT_EQ(found, digests) << "a receipt is not the one that was logged";
  EXPECT_EQ(refused, 1U);
  EXPECT_EQ(RuleOf(exchange::FindReceipt(nyborg.log().reader(), kOdense, PairNumber(303)).status()), "EVENT_UNKNOWN");

  size_t bytes = 0;
  ASSERT_TRUE(nyborg.store()
                  .Scan(store::Table::kOutbox, store::KeyRange::Prefix("c"), store::Order::kAscending,
                        [&bytes](std::string_view key, std::string_view value) {
                          bytes += key.size() + value.size();
                          return store::Step::kContinue;
                        })
                  .ok());
  EXPECT_LT(bytes / 302, 60U) << "the leaves were kept";
}

}  // namespace
}  // namespace medflyt::testing
