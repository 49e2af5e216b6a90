// What a recipient takes for proven, and everything that it must not.
#include "common/entry/batch.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "tests/support/evidence_log.h"

namespace medflyt::entry {
namespace {

using testing::EvidenceLog;

constexpr std::string_view kOrigin = "odense.example/log";

EvidenceLog MakeLog(char seed = 's', uint64_t entries = 20, std::string_view origin = kOrigin) {
  EvidenceLog log(std::string(origin), seed);
  for (uint64_t i = 0; i < entries; ++i) log.Append("entry " + std::to_string(i));
  return log;
}
const std::vector<LeafIndex> kIndices = {LeafIndex(8), LeafIndex(9), LeafIndex(12)};

absl::Status Check(const v1::EventBatch& batch, const EvidenceLog& log, const AcceptedHead& accepted) {
  return VerifyBatch(batch, log.identity(), accepted).status();
}
std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : std::string(status.ToString());
}

TEST(Batch, GivesWhatItProved) {
  const EvidenceLog log = MakeLog();
  auto batch = log.Batch(kIndices, 7, 15);
  batch.set_key_ids(1, std::string(16, 'k'));
  const auto verified = VerifyBatch(batch, log.identity(), log.Head(7));
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->head.checkpoint.size(), TreeSize(15));
  EXPECT_EQ(verified->head.checkpoint.root(), log.Head(15).root);
  EXPECT_EQ(verified->head.note.Serialize(), log.Note(15));
  ASSERT_EQ(verified->entries.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(verified->entries[i].index, kIndices[i]);
    EXPECT_EQ(verified->entries[i].bytes, log.entry(kIndices[i]));
    EXPECT_EQ(verified->entries[i].leaf_hash, log.leaf_hash(kIndices[i]));
  }
  EXPECT_EQ(verified->entries[0].key_id, std::nullopt);
  EXPECT_EQ(verified->entries[1].key_id, KeyId::FromBytes(std::string(16, 'k')));
}

TEST(Batch, TheFirstContactNeedsNoConsistency) {
  const EvidenceLog log = MakeLog();
  EXPECT_TRUE(Check(log.Batch(kIndices, 0, 15), log, {}).ok());
  auto batch = log.Batch(kIndices, 0, 15);
  batch.add_consistency_proof(std::string(32, 'x'));
  EXPECT_EQ(RuleOf(Check(batch, log, {})), "CONSISTENCY_PROOF_INVALID");
}

TEST(Batch, OldEntriesMayComeUnderTheAcceptedHead) {
  const EvidenceLog log = MakeLog();
  EXPECT_TRUE(Check(log.Batch(kIndices, 15, 15), log, log.Head(15)).ok());
}

TEST(Batch, EveryBrokenPartIsNamed) {
  const EvidenceLog log = MakeLog();
  using B = v1::EventBatch;
  const std::vector<std::pair<std::string, std::function<void(B&)>>> cases = {
      {"MULTI_PROOF_INVALID", [](B& b) { (*b.mutable_entries(0))[0] ^= 1; }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.mutable_entries()->SwapElements(0, 1); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.mutable_entries(2)->push_back('\0'); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.set_indices(2, 13); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.set_indices(2, 15); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.set_indices(2, ~uint64_t{0}); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.set_indices(1, 8); }},
      {"MULTI_PROOF_INVALID",
       [](B& b) {
         b.mutable_indices()->SwapElements(0, 1);
         b.mutable_entries()->SwapElements(0, 1);
       }},
      {"MULTI_PROOF_INVALID", [](B& b) { (*b.mutable_multi_proof(0))[31] ^= 1; }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.mutable_multi_proof()->RemoveLast(); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.add_multi_proof(std::string(32, 'x')); }},
      {"MULTI_PROOF_INVALID", [](B& b) { b.mutable_multi_proof()->SwapElements(0, 1); }},
      {"BATCH_MALFORMED", [](B& b) { b.mutable_multi_proof(0)->pop_back(); }},
      {"BATCH_MALFORMED", [](B& b) { b.mutable_consistency_proof(0)->push_back('x'); }},
      {"CONSISTENCY_PROOF_INVALID", [](B& b) { (*b.mutable_consistency_proof(0))[0] ^= 1; }},
      {"CONSISTENCY_PROOF_INVALID", [](B& b) { b.mutable_consistency_proof()->RemoveLast(); }},
      {"CONSISTENCY_PROOF_INVALID", [](B& b) { b.clear_consistency_proof(); }},
      {"CONSISTENCY_PROOF_INVALID", [](B& b) { b.add_consistency_proof(std::string(32, 'x')); }},
      {"CONSISTENCY_BASE_MISMATCH", [](B& b) { b.set_consistency_from(6); }},
      {"CONSISTENCY_BASE_MISMATCH", [](B& b) { b.set_consistency_from(0); }},
      {"BATCH_MALFORMED", [](B& b) { b.clear_indices(); }},
      {"BATCH_MALFORMED", [](B& b) { b.mutable_indices()->RemoveLast(); }},
      {"BATCH_MALFORMED", [](B& b) { b.add_indices(13); }},
      {"BATCH_MALFORMED", [](B& b) { b.mutable_key_ids()->RemoveLast(); }},
      {"BATCH_MALFORMED", [](B& b) { b.add_key_ids(); }},
      {"BATCH_MALFORMED", [](B& b) { b.set_key_ids(0, "short"); }},
      {"BATCH_MALFORMED", [](B& b) { b.mutable_entries(0)->clear(); }},
      {"BATCH_MALFORMED", [](B& b) { b.set_entries(0, std::string(65'536, 'x')); }},
      {"BATCH_MALFORMED",
       [](B& b) {
         b.clear_entries();
         b.clear_indices();
         b.clear_key_ids();
       }},
      {"NOTE_MALFORMED", [](B& b) { b.clear_checkpoint(); }},
      {"NOTE_SIGNATURE_INVALID",
       [](B& b) { b.mutable_checkpoint()->replace(b.checkpoint().find("\n15\n"), 4, "\n16\n"); }},
  };
  ASSERT_GE(log.Batch(kIndices, 7, 15).multi_proof_size(), 2);
  for (size_t i = 0; i < cases.size(); ++i) {
    auto batch = log.Batch(kIndices, 7, 15);
    ASSERT_TRUE(Check(batch, log, log.Head(7)).ok());
    cases[i].second(batch);
    EXPECT_EQ(RuleOf(Check(batch, log, log.Head(7))), cases[i].first) << "case " << i;
  }
}

TEST(Batch, AnyFlippedByteOfTheCheckpointIsFound) {
  const EvidenceLog log = MakeLog();
  const auto batch = log.Batch(kIndices, 7, 15);
  for (size_t i = 0; i < batch.checkpoint().size(); ++i) {
    auto altered = batch;
    (*altered.mutable_checkpoint())[i] ^= 1;
    EXPECT_FALSE(Check(altered, log, log.Head(7)).ok()) << i;
  }
}

TEST(Batch, AnotherLogsOrAForgersCheckpointIsRefused) {
  const EvidenceLog log = MakeLog();
  const EvidenceLog forger = MakeLog('f');
  EXPECT_EQ(RuleOf(Check(forger.Batch(kIndices, 7, 15), log, log.Head(7))), "NOTE_UNSIGNED");
  const EvidenceLog other = MakeLog('s', 20, "nyborg.example/log");
  EXPECT_FALSE(Check(other.Batch(kIndices, 7, 15), log, log.Head(7)).ok());
  // The right key under two names: the origin decides.
  const auto keys = other.identity().keys;
  EXPECT_EQ(RuleOf(VerifyBatch(other.Batch(kIndices, 7, 15), {kOrigin, keys}, log.Head(7)).status()),
            "ORIGIN_MISMATCH");
}

TEST(Batch, ARewrittenHistoryIsFound) {
  const EvidenceLog log = MakeLog();
  EvidenceLog rewritten(std::string(kOrigin), 's');
  for (uint64_t i = 0; i < 20; ++i) rewritten.Append(i == 3 ? "another" : "entry " + std::to_string(i));
  EXPECT_EQ(RuleOf(Check(rewritten.Batch(kIndices, 7, 15), log, log.Head(7))), "CONSISTENCY_PROOF_INVALID");
  const auto fork = Check(rewritten.Batch(kIndices, 15, 15), log, log.Head(15));
  EXPECT_EQ(RuleOf(fork), "LOG_FORKED");
  EXPECT_EQ(fork.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(RuleOf(Check(rewritten.Batch(kIndices, 7, 15), log, log.Head(15))), "LOG_FORKED")
      << "evidence, whatever the proof begins at";
}

TEST(Batch, AShrunkenLogIsFound) {
  const EvidenceLog log = MakeLog();
  auto batch = log.Batch(kIndices, 0, 15);
  batch.set_consistency_from(18);
  const auto status = Check(batch, log, log.Head(18));
  EXPECT_EQ(RuleOf(status), "CHECKPOINT_BEHIND");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Batch, IsBoundedInEntriesAndBytes) {
  EvidenceLog log(std::string(kOrigin), 's');
  std::vector<LeafIndex> indices;
  for (int i = 0; i < 257; ++i) indices.push_back(log.Append("e"));
  EXPECT_EQ(RuleOf(Check(log.Batch(indices, 0, 257), log, {})), "BATCH_TOO_LARGE");
  indices.pop_back();
  EXPECT_TRUE(Check(log.Batch(indices, 0, 257), log, {}).ok());
  auto batch = log.Batch({LeafIndex(0)}, 0, 257);
  batch.add_openings()->set_entry(std::string(kMaxBatchBytes, 'x'));
  EXPECT_EQ(RuleOf(Check(batch, log, {})), "BATCH_TOO_LARGE");
}

TEST(Head, AnEmptyLogMayIntroduceItself) {
  const EvidenceLog log = MakeLog('s', 0);
  EXPECT_TRUE(VerifyHead(log.Note(0), log.identity(), {}, TreeSize(0), {}).ok());
}

}  // namespace
}  // namespace medflyt::entry
