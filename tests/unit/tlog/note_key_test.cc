#include "common/tlog/note_key.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"
#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

// The published test key of the 15-leaf log.
constexpr std::string_view kVerifier = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
constexpr std::string_view kSigner =
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
// A key of the Go checksum database, whose base64 holds '+'.
constexpr std::string_view kPlusInKey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

TEST(VerifierKey, ParsesForeignKeysToTheSameText) {
  for (const std::string_view text : {kVerifier, kPlusInKey}) {
    const auto key = VerifierKey::Parse(text);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->type(), SignatureType::kEd25519);
    EXPECT_EQ(key->Format(), text);
  }
  EXPECT_EQ(VerifierKey::Parse(kVerifier)->name(), "example.com/log/testdata");
  EXPECT_EQ(VerifierKey::Parse(kVerifier)->id(), NoteKeyId(0x33d7b496));
}

TEST(VerifierKey, TypeIsPartOfTheId) {
  const auto key = TestKey('k').public_key();
  const auto log = *VerifierKey::Create("nyborg.example", SignatureType::kEd25519, key);
  const auto witness = *VerifierKey::Create("nyborg.example", SignatureType::kCosignature, key);
  EXPECT_NE(log.id(), witness.id());
  EXPECT_EQ(*VerifierKey::Parse(log.Format()), log);
  EXPECT_EQ(*VerifierKey::Parse(witness.Format()), witness);
  EXPECT_EQ(log.id(), NoteKeyId(*ByteReader(crypto::Sha256({"nyborg.example", "\n\x01", key.bytes()}).bytes()).U32()));
}

TEST(VerifierKey, RefusesOtherTexts) {
  const std::string good(kVerifier);
  const std::string material(33, '\x01');
  const std::vector<std::string> bad = {
      "",
      "+",
      "++",
      "example.com/log/testdata",
      "example.com/log/testdata+33d7b496",
      good.substr(0, good.size() - 1),
      good + "=",
      good + "\n",
      " " + good,
      "xample.com/log/testdata" + good.substr(24),                                       // id of another name
      "example.com/log/testdata+33d7b497+" + good.substr(34),                            // another id
      "example.com/log/testdata+33d7b4966+" + good.substr(34),                           // long id
      "example.com/log/testdata+33d7b4+" + good.substr(34),                              // short id
      "example.com/log/testdata+33d7b49g+" + good.substr(34),                            // not hexadecimal
      "example.com/log/testdata+33d7b496+AuHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",  // type 0x02
      "example.com/log/testdata+33d7b496+",
      "example.com/log/testdata+33d7b496+AQ==",
      "a b+33d7b496+" + good.substr(34),
      std::string(kSigner)};
  for (const auto& text : bad) {
    EXPECT_EQ(RuleOf(VerifierKey::Parse(text).status()), "VERIFIER_KEY_MALFORMED") << text;
  }
  for (const char* name : {"", "a b", "a+b", "a\n"}) {
    const auto key = VerifierKey::Create(name, SignatureType::kEd25519, TestKey('k').public_key());
    EXPECT_EQ(RuleOf(key.status()), "KEY_NAME_INVALID") << name;
  }
}

TEST(NoteSigner, ForeignPrivateKeyHasItsPublishedPublicKey) {
  const auto signer = NoteSigner::Parse(kSigner);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ(signer->verifier_key().Format(), kVerifier);
  EXPECT_EQ(signer->Format(), kSigner);
}

TEST(NoteSigner, RefusesOtherTextsWithoutRepeatingThem) {
  const std::string good(kSigner);
  const std::vector<std::string> bad = {"", good.substr(1), "PRIVATE+KEY+", good.substr(0, good.size() - 4),
                                        good + "AAAA", std::string(kVerifier),
                                        "PRIVATE+KEY+example.com/log/testdata+33d7b497+" + good.substr(46),
                                        "PRIVATE+KEY+example.com/log/testdate+33d7b496+" + good.substr(46),
                                        // Type 0x04 is a witness's.
                                        "PRIVATE+KEY+example.com/log/testdata+33d7b496+BOymY/SZAX0jZcJ8enZ5FY1Dz+"
                                        "wTML2yWSkK+9DSF3eg",
                                        "PRIVATE+KEY+a b+33d7b496+" + good.substr(46)};
  for (const auto& text : bad) {
    const auto signer = NoteSigner::Parse(text);
    EXPECT_EQ(RuleOf(signer.status()), "SIGNER_KEY_MALFORMED") << text;
    EXPECT_EQ(signer.status().ToString().find("SZAX0jZcJ8enZ5"), std::string::npos);
  }
}

TEST(NoteSigner, SignsWhatItsKeyVerifies) {
  const auto signer = TestLog("kerteminde.example/log");
  const auto signature = signer.Sign("text\n");
  EXPECT_EQ(signature.name, "kerteminde.example/log");
  EXPECT_EQ(signature.id, signer.verifier_key().id());
  EXPECT_EQ(signature.signature.size(), 64u);
  EXPECT_TRUE(signer.verifier_key().Verify("text\n", signature));
  EXPECT_FALSE(signer.verifier_key().Verify("text", signature));
  EXPECT_FALSE(TestLog("kerteminde.example/log", 'M').verifier_key().Verify("text\n", signature));
  auto renamed = signature;
  renamed.name = "kerteminde.example/lug";
  EXPECT_FALSE(signer.verifier_key().Verify("text\n", renamed));
  for (const size_t size : {0u, 1u, 63u, 65u, 72u}) {
    auto resized = signature;
    resized.signature.resize(size);
    EXPECT_FALSE(signer.verifier_key().Verify("text\n", resized)) << size;
  }
}

}  // namespace
}  // namespace medflyt::tlog
