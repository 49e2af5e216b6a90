#include "common/tlog/checkpoint.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kEmptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
constexpr std::string_view kBody =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

TEST(Checkpoint, ParsesTheSpecificationsExample) {
  const auto checkpoint = Checkpoint::Parse(kBody);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->origin(), "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint->size(), TreeSize(20852163));
  EXPECT_EQ(checkpoint->root().ToHex(), "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62");
  EXPECT_TRUE(checkpoint->extensions().empty());
  EXPECT_EQ(checkpoint->Format(), kBody);
}

TEST(Checkpoint, KeepsExtensionLines) {
  const std::string body = std::string(kBody) + "one\nt w o +\n";
  const auto checkpoint = Checkpoint::Parse(body);
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->extensions(), (std::vector<std::string>{"one", "t w o +"}));
  EXPECT_EQ(checkpoint->Format(), body);
}

TEST(Checkpoint, OriginNeedNotBeAKeyName) {
  EXPECT_TRUE(Checkpoint::Create("Odense + Nyborg", TreeSize(0), merkle::EmptyRoot()).ok());
}

TEST(Checkpoint, RefusesOtherTexts) {
  const std::string empty_root(kEmptyRoot);
  const std::vector<std::string> bad = {
      "",
      "\n",
      "o\n",
      "o\n0\n",
      "o\n0\n" + empty_root,
      "\n0\n" + empty_root + "\n",
      "o\n00\n" + empty_root + "\n",
      "o\n01\n" + empty_root + "\n",
      "o\n-1\n" + empty_root + "\n",
      "o\n+1\n" + empty_root + "\n",
      "o\n 1\n" + empty_root + "\n",
      "o\n1 \n" + empty_root + "\n",
      "o\n1\r\n" + empty_root + "\n",
      "o\n9223372036854775808\n" + empty_root + "\n",
      "o\n18446744073709551616\n" + empty_root + "\n",
      "o\n1\n" + empty_root + " \n",
      "o\n1\n" + empty_root.substr(4) + "\n",
      "o\n1\nAAAA" + empty_root + "\n",
      "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
      "o\n1\n" + empty_root + "\n\n",
      "o\n1\n" + empty_root + "\next\n\n",
      "o\n1\n" + empty_root + "\next",
      "o\n1\n" + empty_root + "\ne\tt\n",
      "o\xff\n1\n" + empty_root + "\n",
      "o\n0\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",  // an empty tree has one root only
  };
  for (const auto& text : bad) EXPECT_EQ(RuleOf(Checkpoint::Parse(text).status()), "CHECKPOINT_MALFORMED") << text;
  EXPECT_TRUE(Checkpoint::Parse("o\n9223372036854775807\n" + empty_root + "\n").ok());
}

TEST(Checkpoint, CannotBeMadeWithLinesThatWouldSplit) {
  const Hash root = merkle::LeafHash("x");
  EXPECT_FALSE(Checkpoint::Create("", TreeSize(1), root).ok());
  EXPECT_FALSE(Checkpoint::Create("o\n5", TreeSize(1), root).ok());
  EXPECT_FALSE(Checkpoint::Create("o", TreeSize(1), root, {""}).ok());
  EXPECT_FALSE(Checkpoint::Create("o", TreeSize(1), root, {"a\nb"}).ok());
  EXPECT_FALSE(Checkpoint::Create("o", TreeSize(uint64_t{1} << 63), root).ok());
}

TEST(Checkpoint, SignedByItsLogOpens) {
  const auto log = TestLog("odense.example/log");
  const auto checkpoint = *Checkpoint::Create("odense.example/log", TreeSize(3), merkle::LeafHash("x"), {"ext"});
  const std::string bytes = SignCheckpoint(checkpoint, log).Serialize();
  const std::vector<VerifierKey> known = {TestLog("other.example").verifier_key(), log.verifier_key()};
  const auto opened = OpenCheckpoint(bytes, known);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->checkpoint, checkpoint);
  EXPECT_EQ(opened->note.Serialize(), bytes);
  ASSERT_EQ(opened->signatures.size(), 1u);
  EXPECT_EQ(opened->signatures[0].verifier, 1u);
}

TEST(Checkpoint, AnyFlippedBitIsRefused) {
  const auto log = TestLog("odense.example/log");
  const auto checkpoint = *Checkpoint::Create("odense.example/log", TreeSize(3), merkle::LeafHash("x"));
  const std::string bytes = SignCheckpoint(checkpoint, log).Serialize();
  const std::vector<VerifierKey> known = {log.verifier_key()};
  ASSERT_TRUE(OpenCheckpoint(bytes, known).ok());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = bytes;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(OpenCheckpoint(bad, known).ok()) << "byte " << i << " bit " << bit;
    }
    EXPECT_FALSE(OpenCheckpoint(bytes.substr(0, i), known).ok()) << "cut at " << i;
  }
}

TEST(Checkpoint, OnlyTheOriginsLogKeyOpensIt) {
  const auto log = TestLog("odense.example/log");
  const auto other = TestLog("nyborg.example/log", 'N');
  const auto witness = TestWitness("odense.example/log", 'W');
  const auto checkpoint = *Checkpoint::Create("odense.example/log", TreeSize(3), merkle::LeafHash("x"));
  const std::vector<VerifierKey> known = {log.verifier_key(), other.verifier_key(), witness.verifier_key()};

  SignedNote note{checkpoint.Format(), {other.Sign(checkpoint.Format())}};
  EXPECT_EQ(RuleOf(OpenCheckpoint(note, known).status()), "CHECKPOINT_NOT_BY_LOG");
  note.signatures = {*witness.Cosign(checkpoint, absl::FromUnixSeconds(1))};
  EXPECT_EQ(RuleOf(OpenCheckpoint(note, known).status()), "CHECKPOINT_NOT_BY_LOG");
  note.signatures.push_back(log.Sign(note.text));
  EXPECT_TRUE(OpenCheckpoint(note, known).ok());
}

TEST(Checkpoint, ASignedTextThatIsNoCheckpointIsRefused) {
  const auto log = TestLog("odense.example/log");
  const std::vector<VerifierKey> known = {log.verifier_key()};
  const std::string text = "odense.example/log\nthree\n";
  const SignedNote note{text, {log.Sign(text)}};
  EXPECT_EQ(RuleOf(OpenCheckpoint(note, known).status()), "CHECKPOINT_MALFORMED");
}

}  // namespace
}  // namespace medflyt::tlog
