// What an issuer takes for received, and everything that it must not.
#include "common/entry/receipt.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "tests/support/evidence_log.h"

namespace medflyt::entry {
namespace {

using testing::EvidenceLog;

constexpr std::string_view kOwn = "odense.example/log";
constexpr std::string_view kRecipient = "nyborg.example/log";

std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : std::string(status.ToString());
}

class ReceiptTest : public ::testing::Test {
 protected:
  ReceiptTest() {
    for (uint64_t i = 0; i < 6; ++i) {
      own_.Append("sent " + std::to_string(i));
      sent_[i] = own_.leaf_hash(LeafIndex(i));
    }
    Log(wire::KeyDestroyed{*KeyId::FromBytes(std::string(16, 'k'))});
    Log(Received(1));
    Log(Received(2));
    Log(Received(4, "CONTENT_MALFORMED"));
    Log(wire::KeyDestroyed{*KeyId::FromBytes(std::string(16, 'k'))});
  }

  wire::EventReceived Received(uint64_t index, std::string rule = "", std::string_view origin = kOwn) {
    return {std::string(origin), LeafIndex(index), sent_.count(index) != 0 ? sent_[index] : sent_[0], std::move(rule)};
  }
  template <typename Record>
  LeafIndex Log(Record record) {
    return recipient_.Append(*ledger_.Encode({absl::FromUnixMicros(1), std::move(record)}));
  }
  absl::StatusOr<VerifiedReceipt> Verify(const v1::Receipt& receipt, const AcceptedHead& accepted) {
    return VerifyReceipt(
        receipt, recipient_.identity(), accepted, kOwn,
        [this](LeafIndex index) -> std::optional<crypto::Hash> {
          const auto found = sent_.find(index.value());
          if (found == sent_.end()) return std::nullopt;
          return found->second;
        },
        ledger_);
  }

  wire::LedgerCodec ledger_;
  EvidenceLog own_{std::string(kOwn), 'o'};
  EvidenceLog recipient_{std::string(kRecipient), 'n'};
  std::map<uint64_t, crypto::Hash> sent_;
  const std::vector<LeafIndex> leaves_ = {LeafIndex(1), LeafIndex(2), LeafIndex(3)};
};

TEST_F(ReceiptTest, TellsWhatWasReceivedAndWhatWasRefused) {
  const auto receipt = recipient_.Receipt(leaves_, 1, 5);
  const auto verified = Verify(receipt, recipient_.Head(1));
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->head.checkpoint.size(), TreeSize(5));
  EXPECT_EQ(verified->events, (std::vector<ReceiptedEvent>{{LeafIndex(1), LeafIndex(1), ""},
                                                           {LeafIndex(2), LeafIndex(2), ""},
                                                           {LeafIndex(4), LeafIndex(3), "CONTENT_MALFORMED"}}));
  EXPECT_TRUE(Verify(recipient_.Receipt(leaves_, 0, 5), {}).ok());
}

TEST_F(ReceiptTest, SurvivesTheWire) {
  v1::Receipt receipt;
  ASSERT_TRUE(receipt.ParseFromString(recipient_.Receipt(leaves_, 1, 5).SerializeAsString()));
  EXPECT_TRUE(Verify(receipt, recipient_.Head(1)).ok());
}

TEST_F(ReceiptTest, EveryBrokenPartIsNamed) {
  using R = v1::Receipt;
  const std::vector<std::pair<std::string, std::function<void(R&)>>> cases = {
      {"MULTI_PROOF_INVALID", [](R& r) { (*r.mutable_leaves(0))[5] ^= 1; }},
      {"MULTI_PROOF_INVALID", [](R& r) { r.mutable_leaves()->SwapElements(0, 1); }},
      {"MULTI_PROOF_INVALID", [](R& r) { r.set_leaf_indices(2, 4); }},
      {"MULTI_PROOF_INVALID", [](R& r) { r.set_leaf_indices(2, 5); }},
      {"MULTI_PROOF_INVALID", [](R& r) { r.set_leaf_indices(1, 1); }},
      {"MULTI_PROOF_INVALID", [](R& r) { (*r.mutable_multi_proof(0))[0] ^= 1; }},
      {"MULTI_PROOF_INVALID", [](R& r) { r.clear_multi_proof(); }},
      {"RECEIPT_MALFORMED", [](R& r) { r.mutable_multi_proof(0)->push_back('x'); }},
      {"RECEIPT_MALFORMED", [](R& r) { r.mutable_leaf_indices()->RemoveLast(); }},
      {"RECEIPT_MALFORMED", [](R& r) { r.mutable_leaves()->RemoveLast(); }},
      {"RECEIPT_MALFORMED",
       [](R& r) {
         r.clear_leaves();
         r.clear_leaf_indices();
       }},
      {"RECEIPT_MALFORMED",
       [](R& r) {
         while (r.leaves_size() <= 256) r.add_leaves("x");
       }},
      {"CONSISTENCY_BASE_MISMATCH", [](R& r) { r.set_consistency_from(2); }},
      {"CONSISTENCY_PROOF_INVALID", [](R& r) { r.clear_consistency_proof(); }},
      {"CONSISTENCY_PROOF_INVALID", [](R& r) { (*r.mutable_consistency_proof(0))[0] ^= 1; }},
      {"NOTE_MALFORMED", [](R& r) { r.clear_checkpoint(); }},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    auto receipt = recipient_.Receipt(leaves_, 1, 5);
    cases[i].second(receipt);
    EXPECT_EQ(RuleOf(Verify(receipt, recipient_.Head(1)).status()), cases[i].first) << "case " << i;
  }
}

TEST_F(ReceiptTest, OnlyTheRecipientsKeyCounts) {
  EvidenceLog forger(std::string(kRecipient), 'f');
  for (uint64_t i = 0; i < recipient_.size(); ++i) forger.Append(recipient_.entry(LeafIndex(i)));
  EXPECT_EQ(RuleOf(Verify(forger.Receipt(leaves_, 1, 5), recipient_.Head(1)).status()), "NOTE_UNSIGNED");
}

TEST_F(ReceiptTest, AForkOfTheRecipientsLogIsFound) {
  EvidenceLog fork(std::string(kRecipient), 'n');
  for (uint64_t i = 0; i < 4; ++i) fork.Append(recipient_.entry(LeafIndex(i)));
  fork.Append("something else");
  EXPECT_EQ(RuleOf(Verify(fork.Receipt(leaves_, 5, 5), recipient_.Head(5)).status()), "LOG_FORKED");
}

TEST_F(ReceiptTest, IsOnlyForEventsThatWereSentThere) {
  const LeafIndex never = Log(Received(99));
  EXPECT_EQ(RuleOf(Verify(recipient_.Receipt({never}, 0, recipient_.size()), {}).status()), "RECEIPT_UNEXPECTED");
}

TEST_F(ReceiptTest, NamesTheLeafHashThatWasSent) {
  auto received = Received(3);
  received.leaf_hash = sent_[4];
  const LeafIndex other = Log(received);
  EXPECT_EQ(RuleOf(Verify(recipient_.Receipt({other}, 0, recipient_.size()), {}).status()), "RECEIPT_LEAF_MISMATCH");
}

TEST_F(ReceiptTest, OtherLeavesAreNoReceipt) {
  const LeafIndex of_another_log = Log(Received(1, "", "kerteminde.example/log"));
  const LeafIndex no_record = recipient_.Append("not an entry");
  const LeafIndex again = Log(Received(1, "CONTENT_MALFORMED"));
  for (const std::vector<LeafIndex>& leaves :
       {std::vector{LeafIndex(0)}, std::vector{of_another_log}, std::vector{no_record},
        std::vector{LeafIndex(1), again}, std::vector{LeafIndex(1), LeafIndex(2), no_record}}) {
    EXPECT_EQ(RuleOf(Verify(recipient_.Receipt(leaves, 0, recipient_.size()), {}).status()), "RECEIPT_MALFORMED");
  }
}

}  // namespace
}  // namespace medflyt::entry
