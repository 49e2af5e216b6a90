#include "common/tlog/note.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

const std::string kDash = "\xe2\x80\x94";

std::string SignatureLine(std::string_view name, size_t blob_size = 68) {
  return kDash + " " + std::string(name) + " " + Base64Encode(std::string(blob_size, 'x')) + "\n";
}

SignedNote Signed(std::string text, const std::vector<NoteSigner>& signers) {
  SignedNote note{std::move(text), {}};
  for (const auto& signer : signers) note.signatures.push_back(signer.Sign(note.text));
  return note;
}

TEST(Note, ParsesAndWritesTheSameBytes) {
  const std::string bytes =
      "Ognuno sta solo\n\n\xc3\xa8 subito sera.\n\n" + SignatureLine("a.example") + SignatureLine("b.example", 5);
  const auto note = SignedNote::Parse(bytes);
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->text, "Ognuno sta solo\n\n\xc3\xa8 subito sera.\n");
  ASSERT_EQ(note->signatures.size(), 2u);
  EXPECT_EQ(note->signatures[0].name, "a.example");
  EXPECT_EQ(note->signatures[0].id, NoteKeyId(0x78787878));
  EXPECT_EQ(note->signatures[0].signature, std::string(64, 'x'));
  EXPECT_EQ(note->signatures[1].signature, "x");
  EXPECT_EQ(note->Serialize(), bytes);
}

TEST(Note, TheLastBlankLineSeparates) {
  const auto note = SignedNote::Parse("a\n\n\n\n" + SignatureLine("k"));
  ASSERT_TRUE(note.ok());
  EXPECT_EQ(note->text, "a\n\n\n");
  EXPECT_EQ(SignedNote::Parse("\n\n" + SignatureLine("k"))->text, "\n");
}

TEST(Note, RefusesWhatIsNoNote) {
  const std::string line = SignatureLine("k");
  const std::vector<std::string> bad = {
      "",
      "\n",
      "\n\n",
      "text\n",
      "text\n\n",
      line,
      "\n" + line,
      "text" + line,
      "text\n" + line,
      "text\n\n" + line + "\n",
      "text\n\n" + line.substr(0, line.size() - 1),
      "text\n\n" + line + "more\n",
      "text\n\n" + line + "\n" + "tail\n",
      "text\r\n\r\n" + line,
      "te\tt\n\n" + line,
      std::string("te\0t\n\n", 6) + line,
      "te\xfft\n\n" + line,
      "text\n\n- k " + Base64Encode(std::string(68, 'x')) + "\n",               // hyphen
      "text\n\n\xe2\x80\x93 k " + Base64Encode(std::string(68, 'x')) + "\n",    // en dash
      "text\n\n" + kDash + "k " + Base64Encode(std::string(68, 'x')) + "\n",    // no space
      "text\n\n" + kDash + "  k " + Base64Encode(std::string(68, 'x')) + "\n",  // two spaces
      "text\n\n" + kDash + " k  " + Base64Encode(std::string(68, 'x')) + "\n",
      "text\n\n" + kDash + " k " + Base64Encode(std::string(68, 'x')) + " \n",
      "text\n\n" + kDash + " k\n",
      "text\n\n" + kDash + " k \n",
      "text\n\n" + kDash + " \n",
      "text\n\n" + kDash + " a+b " + Base64Encode(std::string(68, 'x')) + "\n",
      "text\n\n" + kDash + " a\xc2\xa0" + "b " + Base64Encode(std::string(68, 'x')) + "\n",
      "text\n\n" + kDash + " k " + Base64Encode("xxxx") + "\n",  // key id without a signature
      "text\n\n" + kDash + " k " + Base64Encode("xxx") + "\n",
      "text\n\n" + kDash + " k !!!!\n",
      "text\n\n" + kDash + " k eHh4eHg\n",   // padding missing
      "text\n\n" + kDash + " k eHh4eHh=\n",  // unused bits set
  };
  for (const auto& bytes : bad) {
    EXPECT_EQ(RuleOf(SignedNote::Parse(bytes).status()), "NOTE_MALFORMED") << bytes;
  }
}

TEST(Note, HasLimits) {
  std::string lines;
  for (size_t i = 0; i < kMaxNoteSignatures; ++i) lines += SignatureLine("k" + std::to_string(i));
  EXPECT_TRUE(SignedNote::Parse("text\n\n" + lines).ok());
  EXPECT_FALSE(SignedNote::Parse("text\n\n" + lines + SignatureLine("k")).ok());
  const std::string end = "\n\n" + SignatureLine("k");
  EXPECT_TRUE(SignedNote::Parse(std::string(kMaxNoteBytes - end.size(), 'a') + end).ok());
  EXPECT_FALSE(SignedNote::Parse(std::string(kMaxNoteBytes - end.size() + 1, 'a') + end).ok());
}

TEST(Note, VerifiesKnownAndIgnoresUnknownKeys) {
  const auto a = TestLog("a.example", 'a');
  const auto b = TestLog("b.example", 'b');
  const std::vector<VerifierKey> known = {b.verifier_key()};
  auto note = Signed("text\n", {a, b});
  // Neither another key of the same name, nor a random signature under a known id with another name, matters.
  note.signatures.push_back(TestLog("b.example", 'c').Sign("text\n"));
  note.signatures.push_back({"c.example", b.verifier_key().id(), "nonsense"});
  const auto verified = VerifyNote(note, known);
  ASSERT_TRUE(verified.ok()) << verified.status();
  ASSERT_EQ(verified->size(), 1u);
  EXPECT_EQ(verified->front().verifier, 0u);
  EXPECT_FALSE(verified->front().cosigned_at.has_value());
}

TEST(Note, AKnownKeysBadSignatureRefusesTheWholeNote) {
  const auto a = TestLog("a.example", 'a');
  const auto b = TestLog("b.example", 'b');
  const std::vector<VerifierKey> known = {a.verifier_key(), b.verifier_key()};
  const auto good = Signed("text\n", {a, b});
  ASSERT_EQ(VerifyNote(good, known)->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    for (size_t byte = 0; byte < 64; ++byte) {
      auto bad = good;
      bad.signatures[i].signature[byte] = static_cast<char>(bad.signatures[i].signature[byte] ^ 1);
      EXPECT_EQ(RuleOf(VerifyNote(bad, known).status()), "NOTE_SIGNATURE_INVALID");
    }
  }
  auto longer = good;
  longer.signatures[1].signature.push_back('x');
  EXPECT_EQ(RuleOf(VerifyNote(longer, known).status()), "NOTE_SIGNATURE_INVALID");
  auto altered = good;
  altered.text = "texT\n";
  EXPECT_EQ(RuleOf(VerifyNote(altered, known).status()), "NOTE_SIGNATURE_INVALID");
}

TEST(Note, ASecondBadSignatureOfOneKeyIsNotHiddenByTheFirst) {
  const auto a = TestLog("a.example", 'a');
  const std::vector<VerifierKey> known = {a.verifier_key()};
  auto note = Signed("text\n", {a, a});
  EXPECT_EQ(VerifyNote(note, known)->size(), 1u);
  note.signatures[1] = a.Sign("other\n");
  EXPECT_EQ(RuleOf(VerifyNote(note, known).status()), "NOTE_SIGNATURE_INVALID");
}

TEST(Note, NeedsAKnownKey) {
  const auto a = TestLog("a.example", 'a');
  const auto note = Signed("text\n", {a});
  EXPECT_EQ(RuleOf(VerifyNote(note, {}).status()), "NOTE_UNSIGNED");
  const std::vector<VerifierKey> others = {TestLog("b.example", 'a').verifier_key(),
                                           TestLog("a.example", 'b').verifier_key(),
                                           TestWitness("a.example", 'a').verifier_key()};
  EXPECT_EQ(RuleOf(VerifyNote(note, others).status()), "NOTE_UNSIGNED");
}

}  // namespace
}  // namespace medflyt::tlog
