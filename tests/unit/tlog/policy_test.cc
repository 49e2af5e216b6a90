#include "common/tlog/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/tlog/keys.h"

namespace medflyt::tlog {
namespace {

const absl::Time kCosignedAt = absl::FromUnixSeconds(1700000000);

// A log, and witnesses x1 x2 x3 y1 y2 y3 with the keys of those fills.
class PolicyTest : public ::testing::Test {
 protected:
  static std::string WitnessName(char fill) { return std::string("witness.example/") + fill; }
  static Cosigner Witness(char fill) { return TestWitness(WitnessName(fill), fill); }
  static std::string WitnessLine(std::string_view name, char fill) {
    return "witness " + std::string(name) + " " + Witness(fill).verifier_key().Format() + "\n";
  }
  std::string LogLine() const { return "log " + log_.verifier_key().Format() + "\n"; }
  static std::string Witnesses() {
    return WitnessLine("X1", '1') + WitnessLine("X2", '2') + WitnessLine("X3", '3') + WitnessLine("Y1", '4') +
           WitnessLine("Y2", '5') + WitnessLine("Y3", '6');
  }

  // The checkpoint cosigned by the witnesses with these fills.
  SignedNote Note(std::string_view cosigners) const {
    SignedNote note = SignCheckpoint(checkpoint_, log_);
    for (const char fill : cosigners) note.signatures.push_back(*Witness(fill).Cosign(checkpoint_, kCosignedAt));
    return note;
  }
  // Whether a policy of the log, the six witnesses and `rest` accepts that.
  bool Accepts(const std::string& rest, std::string_view cosigners) const {
    const auto policy = Policy::Parse(LogLine() + Witnesses() + rest);
    EXPECT_TRUE(policy.ok()) << policy.status();
    if (!policy.ok()) return false;
    const auto verdict = policy->Check(Note(cosigners).Serialize());
    if (!verdict.ok()) {
      EXPECT_EQ(RuleOf(verdict.status()), "POLICY_QUORUM_NOT_MET");
    }
    return verdict.ok();
  }

  NoteSigner log_ = TestLog("odense.example/log");
  Checkpoint checkpoint_ = *Checkpoint::Create("odense.example/log", TreeSize(7), merkle::LeafHash("x"));
};

TEST_F(PolicyTest, TheSpecificationsExample) {
  const std::string rest =
      "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n"
      "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";
  for (const char* enough : {"124", "135", "236", "123456", "2346"}) EXPECT_TRUE(Accepts(rest, enough)) << enough;
  for (const char* too_few : {"", "1", "12", "123", "456", "1456", "4"})
    EXPECT_FALSE(Accepts(rest, too_few)) << too_few;
}

TEST_F(PolicyTest, SimpleQuorums) {
  EXPECT_TRUE(Accepts("quorum none\n", ""));
  EXPECT_TRUE(Accepts("quorum Y2\n", "5"));
  EXPECT_FALSE(Accepts("quorum Y2\n", "4"));
  EXPECT_TRUE(Accepts("group g all X1\nquorum g\n", "1"));
  EXPECT_FALSE(Accepts("group g all X1 X2 X3 Y1 Y2 Y3\nquorum g\n", "12345"));
  EXPECT_TRUE(Accepts("group g 6 X1 X2 X3 Y1 Y2 Y3\nquorum g\n", "123456"));
}

TEST_F(PolicyTest, OneWitnessCountsOnceHoweverOftenItSigned) {
  EXPECT_FALSE(Accepts("group g 2 X1 X2\nquorum g\n", "111"));
}

TEST_F(PolicyTest, LayoutIsFree) {
  const auto policy =
      Policy::Parse("# trust\n\n \t \n\t# indented\n  log\t" + log_.verifier_key().Format() +
                    " https://odense.example/log \n" + "witness w\xff " + Witness('1').verifier_key().Format() +
                    "\thttps://nyborg.example/\t\n" + "\tquorum   w\xff\t\n#end\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  ASSERT_EQ(policy->logs().size(), 1u);
  EXPECT_EQ(policy->logs()[0].url, "https://odense.example/log");
  ASSERT_EQ(policy->witnesses().size(), 1u);
  EXPECT_EQ(policy->witnesses()[0].url, "https://nyborg.example/");
  EXPECT_EQ(policy->witnesses()[0].key, Witness('1').verifier_key());
  EXPECT_TRUE(policy->Check(Note("1")).ok());
  EXPECT_FALSE(policy->Check(Note("2")).ok());
}

TEST_F(PolicyTest, RefusesWhatTheFormatDoesNotAllow) {
  const std::string log = LogLine();
  const std::string x1 = WitnessLine("X1", '1');
  const std::string x2 = WitnessLine("X2", '2');
  const std::string witness_key = Witness('1').verifier_key().Format();
  const std::string log_key = log_.verifier_key().Format();
  const std::vector<std::string> bad = {
      "",
      log,
      log + "quorum none",  // no newline
      log + x1 + "quorum X1\nquorum X1\n",
      "quorum none\nquorum none\n",
      "quorum\n",
      "quorum none X1\n",
      "quorum X1\n" + x1,  // defined too late
      x1 + "quorum X2\n",
      x1 + "quorum x1\n",
      "log\nquorum none\n",
      "log " + log_key + " url more\nquorum none\n",
      "log " + log_key.substr(0, log_key.size() - 1) + "\nquorum none\n",
      "log " + witness_key + "\nquorum none\n",  // a witness's key
      log + log + "quorum none\n",
      // The same public key under another name.
      log + "log " + TestLog("other.example").verifier_key().Format() + "\nquorum none\n",
      "witness X1\nquorum none\n",
      "witness X1 " + log_key + "\nquorum none\n",
      "witness X1 " + witness_key + " url more\nquorum none\n",
      "witness none " + witness_key + "\nquorum none\n",
      x1 + "witness X1 " + Witness('2').verifier_key().Format() + "\nquorum none\n",
      x1 + "witness X9 " + witness_key + "\nquorum none\n",
      x1 + "witness X9 " + TestWitness("renamed.example", '1').verifier_key().Format() + "\nquorum none\n",
      x1 + "group\nquorum none\n",
      x1 + "group g\nquorum none\n",
      x1 + "group g any\nquorum none\n",
      x1 + "group g 0 X1\nquorum none\n",
      x1 + "group g 2 X1\nquorum none\n",
      x1 + "group g 01 X1\nquorum none\n",
      x1 + "group g -1 X1\nquorum none\n",
      x1 + "group g 1.0 X1\nquorum none\n",
      x1 + "group g some X1\nquorum none\n",
      x1 + "group g ALL X1\nquorum none\n",
      x1 + "group g any X2\nquorum none\n",
      x1 + "group g any none\nquorum none\n",
      x1 + "group none any X1\nquorum none\n",
      x1 + "group X1 any X1\nquorum none\n",
      x1 + "group g any g\nquorum none\n",
      x1 + "group g any X1 X1\nquorum none\n",
      x1 + x2 + "group g any X1\ngroup h any X1 X2\nquorum none\n",
      x1 + "group g any X1\ngroup h any g\ngroup i any g\nquorum none\n",
      x1 + "group g any X1\ngroup g any X1\nquorum none\n",
      "Quorum none\n",
      "threshold 3\nquorum none\n",
      "\xef\xbb\xbfquorum none\n",  // byte order mark
      "quorum none\r\n",
      std::string("quorum none\n#\0\n", 15),
      "quorum none\n#\x7f\n",
      "quorum none\n#\x1b[2J\n",
      "quorum none\n#" + std::string(kMaxPolicyBytes, 'a') + "\n",
  };
  for (const auto& text : bad)
    EXPECT_EQ(RuleOf(Policy::Parse(text).status()), "POLICY_MALFORMED") << text.substr(0, 999);
}

TEST_F(PolicyTest, NamesTheLine) {
  const auto policy = Policy::Parse("# one\n\nquorum nobody\n");
  EXPECT_NE(std::string(policy.status().message()).find("line 3"), std::string::npos) << policy.status();
}

TEST_F(PolicyTest, SupportsThePromisedComplexity) {
  std::string text;
  for (int i = 0; i < 32; ++i) {
    const auto fill = static_cast<char>('A' + i);
    text += "log " + TestLog("log.example", fill).verifier_key().Format() + "\n";
    text += WitnessLine("w" + std::to_string(i), fill);
    text += "group g" + std::to_string(i) + " any w" + std::to_string(i) +
            (i > 0 ? " g" + std::to_string(i - 1) : std::string()) + "\n";
  }
  const auto policy = Policy::Parse(text + "quorum g31\n");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->logs().size(), 32u);
}

TEST_F(PolicyTest, AnUnknownLogIsRefusedAndAKnownOneMayBeAdded) {
  const auto policy = *Policy::Parse(WitnessLine("X1", '1') + "quorum X1\n");
  EXPECT_FALSE(policy.Check(Note("1")).ok());
  const std::vector<VerifierKey> known = {log_.verifier_key()};
  EXPECT_TRUE(policy.Check(Note("1"), known).ok());
  EXPECT_EQ(RuleOf(policy.Check(Note(""), known).status()), "POLICY_QUORUM_NOT_MET");
}

TEST_F(PolicyTest, ABadCosignatureOfAnyKnownWitnessRefusesTheCheckpoint) {
  const auto policy = *Policy::Parse(LogLine() + Witnesses() + "quorum X1\n");
  SignedNote note = Note("14");
  ASSERT_TRUE(policy.Check(note).ok());
  note.signatures[2].signature[40] = static_cast<char>(note.signatures[2].signature[40] ^ 1);
  EXPECT_EQ(RuleOf(policy.Check(note).status()), "NOTE_SIGNATURE_INVALID");
  EXPECT_EQ(RuleOf(policy.Check("no note").status()), "NOTE_MALFORMED");
}

TEST_F(PolicyTest, ReportsWhoSigned) {
  const auto policy = *Policy::Parse(LogLine() + Witnesses() + "quorum none\n");
  const auto opened = policy.Check(Note("35"));
  ASSERT_TRUE(opened.ok());
  ASSERT_EQ(opened->signatures.size(), 3u);
  EXPECT_EQ(opened->signatures[0].verifier, 0u);
  EXPECT_EQ(opened->signatures[1].verifier, 1u + 2u);
  EXPECT_EQ(opened->signatures[2].verifier, 1u + 4u);
  EXPECT_EQ(opened->signatures[2].cosigned_at, kCosignedAt);
}

}  // namespace
}  // namespace medflyt::tlog
