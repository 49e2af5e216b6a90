#include "server/node/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "common/tlog/cosignature.h"
#include "server/node/files.h"
#include "tests/unit/node/temporary_directory.h"

namespace medflyt::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string RuleOf(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : "none";
}

class SecretsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, std::string_view text, mode_t mode = 0600) {
    const std::string path = directory_.File(name);
    EXPECT_TRUE(ReplaceFile(path, text).ok());
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  testing::TemporaryDirectory directory_;
  crypto::SystemRandom random_;
};

TEST_F(SecretsTest, ALogKeyIsReadAsTlogWritesIt) {
  const crypto::Key seed = crypto::Key::Random();
  const auto signer = tlog::NoteSigner::Create("odense.example/log", crypto::Signer(seed));
  ASSERT_TRUE(signer.ok());
  const auto loaded = LoadNamedSigner(Write("log.key", signer->Format() + "\n"), tlog::SignatureType::kEd25519);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->name, "odense.example/log");
  EXPECT_EQ(loaded->signer.public_key(), signer->verifier_key().key());
}

TEST_F(SecretsTest, KeysOfAnotherTypeOrIdAreRefusedWithoutTheirText) {
  const auto signer = tlog::NoteSigner::Create("odense.example/log", crypto::Signer(crypto::Key::Random()));
  const std::string text = signer->Format();
  EXPECT_EQ(RuleOf(ParseNamedSigner(text, tlog::SignatureType::kCosignature).status()), "SIGNER_KEY_MALFORMED");
  std::string renamed = text;
  renamed.replace(renamed.find("odense"), 6, "nyborg");
  EXPECT_EQ(RuleOf(ParseNamedSigner(renamed, tlog::SignatureType::kEd25519).status()), "SIGNER_KEY_MALFORMED");
  for (size_t cut = 0; cut < text.size(); ++cut) {
    EXPECT_EQ(RuleOf(ParseNamedSigner(text.substr(0, cut), tlog::SignatureType::kEd25519).status()),
              "SIGNER_KEY_MALFORMED");
  }
  const auto failed = LoadNamedSigner(Write("log.key", text.substr(0, text.size() - 1)), tlog::SignatureType::kEd25519);
  EXPECT_THAT(std::string(failed.status().message()), Not(HasSubstr(text.substr(text.rfind('+')).substr(0, 12))));
}

TEST_F(SecretsTest, FilesThatOthersMayReadAreRefused) {
  for (const mode_t mode : {0644u, 0640u, 0604u, 0660u, 0610u}) {
    const auto key = LoadRootSecret(Write("root.secret", std::string(64, 'a'), mode));
    EXPECT_EQ(RuleOf(key.status()), "SECRET_FILE_MODE") << mode;
  }
  EXPECT_TRUE(LoadRootSecret(Write("root.secret", std::string(64, 'a') + "\n", 0400)).ok());
  EXPECT_EQ(LoadRootSecret(directory_.File("absent")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(RuleOf(LoadRootSecret(Write("short", std::string(63, 'a'))).status()), "ROOT_SECRET_MALFORMED");
}

TEST_F(SecretsTest, TheKekIsMadeOnceAndNeverReplaced) {
  const crypto::Key root = crypto::Key::Random();
  const std::string path = directory_.File("kek");
  Config config;
  config.kek = path;
  KeyFilesOnDisk files(config);
  EXPECT_EQ(RuleOf(LoadKek(files, root, false, random_).status()), "KEK_MISSING");
  const auto made = LoadKek(files, root, true, random_);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto again = LoadKek(files, root, true, random_);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->current.key == made->current.key);
  EXPECT_EQ(LoadKek(files, crypto::Key::Random(), true, random_).status().code(), absl::StatusCode::kDataLoss);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

// A disk that is lost takes one of the two along, never the KEK.
TEST_F(SecretsTest, TheKeksCopyStandsInForItsFileAndTheReverse) {
  const crypto::Key root = crypto::Key::Random();
  Config config;
  config.kek = directory_.File("kek");
  config.kek_copy = directory_.File("kek-copy");
  KeyFilesOnDisk files(config);
  const auto made = LoadKek(files, root, true, random_);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string bytes = *ReadFile(config.kek, 4096);
  for (const std::string& lost : {config.kek, config.kek_copy}) {
    ASSERT_EQ(*ReadFile(lost, 4096), bytes);
    ASSERT_EQ(::unlink(lost.c_str()), 0);
    const auto found = LoadKek(files, root, true, random_);
    ASSERT_TRUE(found.ok()) << lost << found.status();
    EXPECT_TRUE(found->current.key == made->current.key) << lost;
    EXPECT_EQ(*ReadFile(lost, 4096), bytes);
  }
  ASSERT_TRUE(ReplaceFile(config.kek_copy, "of before a rotation").ok());
  ASSERT_TRUE(LoadKek(files, root, true, random_).ok());
  EXPECT_EQ(*ReadFile(config.kek_copy, 4096), bytes) << "it was away while the KEK was rotated";
  ASSERT_EQ(::chmod(config.kek_copy.c_str(), 0644), 0);
  EXPECT_EQ(RuleOf(LoadKek(files, root, true, random_).status()), "SECRET_FILE_MODE");
}

// Whatever the file says was done, was done to the copy: of an old KEK nothing is left there.
TEST_F(SecretsTest, TheKeksFileIsNeverReplacedWhereItsCopyIsNot) {
  Config config;
  config.kek = directory_.File("kek");
  config.kek_copy = directory_.File("not-mounted") + "/kek";
  KeyFilesOnDisk files(config);
  EXPECT_FALSE(files.ReplaceKek("new").ok());
  EXPECT_EQ(ReadFile(config.kek, 4096).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace medflyt::node
