// Who signed and cosigned the checkpoint, and what was seen of the log before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/audit/verify.h"
#include "common/tlog/cosignature.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::audit {
namespace {

using ::medflyt::testing::LogSigner;
using ::medflyt::testing::NumberedEntries;
using ::medflyt::testing::ReaderOf;
using ::medflyt::testing::TiledLog;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kOrigin = "odense.example/log";
constexpr size_t kSize = 700;

tlog::Cosigner Witness(char seed) {
  return *tlog::Cosigner::Create(std::string("witness.example/") + seed,
                                 crypto::Signer(*crypto::Key::FromBytes(std::string(32, seed))));
}

Report Verify(const TiledLog::Files& files, const Trust& trust) {
  const auto report = VerifyLog(ReaderOf(files), trust, {});
  EXPECT_TRUE(report.ok()) << report.status();
  return report.value_or(Report());
}

tlog::Checkpoint CheckpointOf(const TiledLog& log) { return *tlog::StatedCheckpoint(log.files().at("checkpoint")); }

class HeadTest : public ::testing::Test {
 protected:
  [[nodiscard]] Trust Believed() const {
    Trust trust;
    trust.keys = testing::Always({signer_.verifier_key()});
    return trust;
  }
  [[nodiscard]] Trust WithPolicy(const std::string& quorum) const {
    Trust trust = Believed();
    std::string text = "log " + signer_.verifier_key().Format() + "\n";
    for (const char seed : {'1', '2', '3'}) {
      text += std::string("witness w") + seed + " " + Witness(seed).verifier_key().Format() + "\n";
    }
    trust.policy = *tlog::Policy::Parse(text + quorum);
    return trust;
  }
  // The log's files with the checkpoint cosigned by these.
  [[nodiscard]] TiledLog::Files CosignedBy(std::string_view seeds) const {
    TiledLog::Files files = log_.files();
    auto note = *tlog::SignedNote::Parse(files.at("checkpoint"));
    for (const char seed : seeds) {
      note.signatures.push_back(*Witness(seed).Cosign(CheckpointOf(log_), absl::FromUnixSeconds(1'795'000'000 + seed)));
    }
    files.at("checkpoint") = note.Serialize();
    return files;
  }
  static Finding AtHead(FindingCode code, std::string detail = "") {
    return {code, "checkpoint", std::nullopt, std::move(detail)};
  }

  const tlog::NoteSigner signer_ = LogSigner(kOrigin, 'a');
  const TiledLog log_{NumberedEntries(kSize), signer_};
};

TEST_F(HeadTest, PolicyIsMetByEnoughWitnesses) {
  const std::string two = "group enough 2 w1 w2 w3\nquorum enough\n";
  const Report met = Verify(CosignedBy("13"), WithPolicy(two));
  EXPECT_THAT(met.findings, IsEmpty());
  EXPECT_TRUE(met.quorum_met);
  ASSERT_EQ(met.cosigned.size(), 2U);
  EXPECT_EQ(met.cosigned[1].witness, "witness.example/3");
  EXPECT_EQ(met.cosigned[1].at, absl::FromUnixSeconds(1'795'000'000 + '3'));
  for (const std::string_view seeds : {"", "2", "9", "29"}) {
    const Report unmet = Verify(CosignedBy(seeds), WithPolicy(two));
    EXPECT_THAT(unmet.findings, ElementsAre(AtHead(FindingCode::kQuorumNotMet))) << seeds;
    EXPECT_FALSE(unmet.quorum_met);
    EXPECT_EQ(unmet.size, TreeSize(kSize)) << "the log itself is verified all the same";
  }
  const Report none = Verify(CosignedBy("9"), WithPolicy("quorum none\n"));
  EXPECT_THAT(none.findings, IsEmpty());
  EXPECT_EQ(none.unknown_signatures, 1U);
}

TEST_F(HeadTest, ForgedCosignatureIsFound) {
  for (const std::string quorum : {"quorum none\n", "quorum w1\n"}) {
    const TiledLog::Files whole = CosignedBy("12");
    const std::string note = whole.at("checkpoint");
    const auto parsed = *tlog::SignedNote::Parse(note);
    for (size_t i = 0; i < parsed.signatures[2].signature.size(); i += 7) {
      auto forged = parsed;
      forged.signatures[2].signature[i] ^= 1;
      TiledLog::Files files = whole;
      files.at("checkpoint") = forged.Serialize();
      const Report report = Verify(files, WithPolicy(quorum));
      EXPECT_THAT(report.findings, ElementsAre(AtHead(FindingCode::kCosignatureInvalid, "witness.example/2")));
      EXPECT_FALSE(report.quorum_met);
    }
    // Of another size: a true cosignature carried over.
    const TiledLog other(NumberedEntries(kSize + 1), signer_);
    auto carried = *tlog::SignedNote::Parse(other.files().at("checkpoint"));
    carried.signatures.push_back(parsed.signatures[1]);
    TiledLog::Files files = other.files();
    files.at("checkpoint") = carried.Serialize();
    EXPECT_THAT(Verify(files, WithPolicy(quorum)).findings,
                ElementsAre(AtHead(FindingCode::kCosignatureInvalid, "witness.example/1")));
  }
}

TEST_F(HeadTest, LogKeyOfAPolicyDoesNotMakeARetiredKeyGoodAgain) {
  Trust trust = WithPolicy("quorum none\n");
  trust.keys = {{signer_.verifier_key(), TreeSize(0), TreeSize(kSize)},
                {LogSigner(kOrigin, 'b').verifier_key(), TreeSize(kSize), std::nullopt}};
  EXPECT_THAT(Verify(log_.files(), trust).findings, ElementsAre(AtHead(FindingCode::kKeyNotValidAtSize)));
}

TEST_F(HeadTest, StolenRetiredKeySignsNothingNew) {
  const tlog::NoteSigner present = LogSigner(kOrigin, 'b');
  Trust trust;
  trust.keys = {{signer_.verifier_key(), TreeSize(0), TreeSize(500)},
                {present.verifier_key(), TreeSize(500), std::nullopt}};
  const auto signed_by = [&](size_t size, const tlog::NoteSigner& signer) {
    return Verify(TiledLog(NumberedEntries(size), signer).files(), trust).findings;
  };
  EXPECT_THAT(signed_by(499, signer_), IsEmpty());
  EXPECT_THAT(signed_by(500, present), IsEmpty());
  EXPECT_THAT(signed_by(500, signer_), ElementsAre(AtHead(FindingCode::kKeyNotValidAtSize)));
  EXPECT_THAT(signed_by(700, signer_), ElementsAre(AtHead(FindingCode::kKeyNotValidAtSize)));
  EXPECT_THAT(signed_by(499, present), ElementsAre(AtHead(FindingCode::kKeyNotValidAtSize)));
  EXPECT_THAT(signed_by(700, LogSigner(kOrigin, 'c')), ElementsAre(AtHead(FindingCode::kCheckpointInvalid)));
  // A handover checkpoint carries both signatures; the one that is valid at its size counts.
  const TiledLog at(NumberedEntries(500), present);
  auto both = *tlog::SignedNote::Parse(at.files().at("checkpoint"));
  both.signatures.push_back(signer_.Sign(both.text));
  TiledLog::Files files = at.files();
  files.at("checkpoint") = both.Serialize();
  EXPECT_THAT(Verify(files, trust).findings, IsEmpty());
  // An old tree of the retired key beside a kept checkpoint of the log.
  trust.kept = {CheckpointOf(TiledLog(NumberedEntries(450), signer_))};
  EXPECT_THAT(signed_by(499, signer_), IsEmpty());
  auto rewritten = NumberedEntries(499);
  rewritten[3] = "another";
  EXPECT_THAT(Verify(TiledLog(rewritten, signer_).files(), trust).findings,
              ElementsAre(AtHead(FindingCode::kLogForked, "kept checkpoint of size 450")));
}

TEST_F(HeadTest, LogContinuesEveryCheckpointThatWasKept) {
  Trust trust = Believed();
  for (const size_t size : {700U, 0U, 1U, 255U, 256U, 257U, 512U, 699U, 512U}) {
    trust.kept.push_back(CheckpointOf(TiledLog(NumberedEntries(size), signer_)));
  }
  trust.kept.push_back(CheckpointOf(TiledLog({"other"}, LogSigner("nyborg.example/log", 'n'))));
  const Report report = Verify(log_.files(), trust);
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.kept_checked, 9U) << "that of another log does not count";
}

TEST_F(HeadTest, LogRewrittenBehindAKeptCheckpointIsFound) {
  for (const size_t size : {1U, 255U, 256U, 300U, 512U, 699U, 700U}) {
    auto entries = NumberedEntries(size);
    entries[size - 1] = "what was there before";
    Trust trust = Believed();
    trust.kept = {CheckpointOf(TiledLog(entries, signer_)), CheckpointOf(TiledLog(NumberedEntries(size), signer_))};
    EXPECT_THAT(Verify(log_.files(), trust).findings,
                ElementsAre(AtHead(FindingCode::kLogForked, "kept checkpoint of size " + std::to_string(size))));
  }
}

TEST_F(HeadTest, TruncatedLogThatIsSignedAnewIsFoundByMemoryAlone) {
  const TiledLog truncated(NumberedEntries(650), signer_);
  EXPECT_THAT(Verify(truncated.files(), Believed()).findings, IsEmpty()) << "by itself it is a whole log";
  Trust trust = Believed();
  trust.kept = {CheckpointOf(log_)};
  const Report report = Verify(truncated.files(), trust);
  EXPECT_THAT(report.findings, ElementsAre(AtHead(FindingCode::kLogRolledBack, "kept checkpoint of size 700")));
  EXPECT_EQ(report.size, TreeSize(650));
}

TEST_F(HeadTest, TruncatedLogThatIsSignedAnewLacksItsWitness) {
  const TiledLog truncated(NumberedEntries(650), signer_);
  EXPECT_THAT(Verify(truncated.files(), WithPolicy("quorum w1\n")).findings,
              ElementsAre(AtHead(FindingCode::kQuorumNotMet)));
}

TEST_F(HeadTest, ReplayedOldCheckpointIsFoundByMemory) {
  // The whole log's files, with a true checkpoint of yesterday.
  TiledLog::Files files = log_.files();
  const TiledLog yesterday(NumberedEntries(512), signer_);
  files.at("checkpoint") = yesterday.files().at("checkpoint");
  EXPECT_THAT(Verify(files, Believed()).findings, IsEmpty()) << "an older log is a log";
  Trust trust = Believed();
  trust.kept = {CheckpointOf(TiledLog(NumberedEntries(511), signer_)), CheckpointOf(log_)};
  const Report replayed = Verify(files, trust);
  EXPECT_THAT(replayed.findings, ElementsAre(AtHead(FindingCode::kLogRolledBack, "kept checkpoint of size 700")));
  EXPECT_EQ(replayed.seen_since, TreeSize(0));
}

TEST_F(HeadTest, ACopyOfAHeadThatWasSeenIsAnOlderOneAndAccusesNobody) {
  const TiledLog yesterday(NumberedEntries(512), signer_);
  Trust trust = Believed();
  trust.kept = {CheckpointOf(yesterday), CheckpointOf(log_)};
  const Report older = Verify(yesterday.files(), trust);
  EXPECT_THAT(older.findings, IsEmpty());
  EXPECT_EQ(older.seen_since, TreeSize(kSize));
  EXPECT_EQ(Verify(log_.files(), trust).seen_since, TreeSize(0)) << "the newest is not";
  // Another root of the size that was seen was never proven.
  auto entries = NumberedEntries(512);
  entries[9] = "another";
  EXPECT_THAT(Verify(TiledLog(entries, signer_).files(), trust).findings,
              ElementsAre(AtHead(FindingCode::kLogRolledBack, "kept checkpoint of size 700"),
                          AtHead(FindingCode::kLogForked, "kept checkpoint of size 512")));
}

}  // namespace
}  // namespace medflyt::audit
