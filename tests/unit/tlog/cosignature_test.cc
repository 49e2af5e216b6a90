#include "common/tlog/cosignature.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

const absl::Time kTime = absl::FromUnixSeconds(1679315147);

Checkpoint TestCheckpoint(std::vector<std::string> extensions = {}) {
  return *Checkpoint::Create("odense.example/log", TreeSize(7), merkle::LeafHash("x"), std::move(extensions));
}

TEST(Cosignature, IsTimeAndSignatureOverTheSpecifiedMessage) {
  const auto witness = TestWitness("nyborg.example/witness", 'w');
  const auto checkpoint = TestCheckpoint({"extension"});
  const auto signature = witness.Cosign(checkpoint, kTime + absl::Milliseconds(999));
  ASSERT_TRUE(signature.ok());
  ASSERT_EQ(signature->signature.size(), 72u);
  EXPECT_EQ(HexEncode(signature->signature.substr(0, 8)), "00000000641850cb");
  const std::string message = "cosignature/v1\ntime 1679315147\n" + checkpoint.Format();
  EXPECT_EQ(signature->signature.substr(8), TestKey('w').Sign(message).bytes());
  EXPECT_EQ(VerifyCosignature(witness.verifier_key(), checkpoint.Format(), *signature), kTime);
}

TEST(Cosignature, CoversTimeBodyAndExtensions) {
  const auto witness = TestWitness("nyborg.example/witness", 'w');
  const auto key = witness.verifier_key();
  const auto checkpoint = TestCheckpoint({"extension"});
  const std::string body = checkpoint.Format();
  const auto good = *witness.Cosign(checkpoint, kTime);
  for (size_t i = 0; i < good.signature.size(); ++i) {
    auto bad = good;
    bad.signature[i] = static_cast<char>(bad.signature[i] ^ 4);
    EXPECT_FALSE(VerifyCosignature(key, body, bad).has_value()) << i;
  }
  for (const size_t size : {0u, 7u, 8u, 64u, 71u}) {
    auto bad = good;
    bad.signature.resize(size);
    EXPECT_FALSE(VerifyCosignature(key, body, bad).has_value()) << size;
  }
  auto longer = good;
  longer.signature.push_back('\0');
  EXPECT_FALSE(VerifyCosignature(key, body, longer).has_value());
  EXPECT_FALSE(VerifyCosignature(key, TestCheckpoint().Format(), good).has_value());
  EXPECT_FALSE(VerifyCosignature(key, body + "\n", good).has_value());
}

TEST(Cosignature, OnlyAWitnessKeyOfThatNameAndIdVerifies) {
  const auto witness = TestWitness("nyborg.example/witness", 'w');
  const auto checkpoint = TestCheckpoint();
  const std::string body = checkpoint.Format();
  const auto good = *witness.Cosign(checkpoint, kTime);
  EXPECT_FALSE(VerifyCosignature(TestWitness("nyborg.example/witness", 'v').verifier_key(), body, good).has_value());
  EXPECT_FALSE(VerifyCosignature(TestWitness("odense.example/witness", 'w').verifier_key(), body, good).has_value());
  const auto log = TestLog("nyborg.example/witness", 'w');
  EXPECT_FALSE(VerifyCosignature(log.verifier_key(), body, good).has_value());
  EXPECT_FALSE(log.verifier_key().Verify(body, good));
  // A log's signature does not pass as a cosignature with the same key bytes.
  auto relabelled = log.Sign(body);
  relabelled.id = witness.verifier_key().id();
  EXPECT_FALSE(VerifyCosignature(witness.verifier_key(), body, relabelled).has_value());
}

TEST(Cosignature, TimesFrom1970ToTheLastOfThem) {
  const auto witness = TestWitness("nyborg.example/witness", 'w');
  const auto checkpoint = TestCheckpoint();
  const auto last = absl::FromUnixSeconds(std::numeric_limits<int64_t>::max());
  for (const absl::Time time : {absl::UnixEpoch(), kTime, last}) {
    const auto signature = witness.Cosign(checkpoint, time);
    ASSERT_TRUE(signature.ok());
    EXPECT_EQ(VerifyCosignature(witness.verifier_key(), checkpoint.Format(), *signature), time);
  }
  for (const absl::Time time :
       {absl::UnixEpoch() - absl::Nanoseconds(1), absl::InfinitePast(), absl::InfiniteFuture()}) {
    EXPECT_EQ(RuleOf(witness.Cosign(checkpoint, time).status()), "COSIGNATURE_TIME_INVALID");
  }
  // 2^63 seconds, properly signed.
  const std::string message = "cosignature/v1\ntime 9223372036854775808\n" + checkpoint.Format();
  NoteSignature late{witness.verifier_key().name(), witness.verifier_key().id(), ""};
  AppendU64(late.signature, uint64_t{1} << 63);
  late.signature += TestKey('w').Sign(message).bytes();
  EXPECT_FALSE(VerifyCosignature(witness.verifier_key(), checkpoint.Format(), late).has_value());
}

TEST(Cosignature, StandsInANoteBesideTheLogsSignature) {
  const auto log = TestLog("odense.example/log");
  const auto witness = TestWitness("nyborg.example/witness", 'w');
  const auto checkpoint = TestCheckpoint();
  auto note = SignCheckpoint(checkpoint, log);
  note.signatures.push_back(*witness.Cosign(checkpoint, kTime));
  const std::vector<VerifierKey> known = {log.verifier_key(), witness.verifier_key()};
  const auto opened = OpenCheckpoint(note.Serialize(), known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->signatures.size(), 2u);
  EXPECT_EQ(opened->signatures[1].verifier, 1u);
  EXPECT_EQ(opened->signatures[1].cosigned_at, kTime);

  note.signatures[1].signature[3] = 1;  // another time
  EXPECT_EQ(RuleOf(OpenCheckpoint(note.Serialize(), known).status()), "NOTE_SIGNATURE_INVALID");
}

}  // namespace
}  // namespace medflyt::tlog
