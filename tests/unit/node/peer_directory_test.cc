// What the cards in `peers_dir` are digested to, for the record that the log gets of them.
#include "server/node/peer_directory.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <string>

#include "common/crypto/hash.h"
#include "common/directory/peer_card.h"
#include "server/node/files.h"
#include "tests/support/authorities.h"
#include "tests/unit/directory/sample.h"
#include "tests/unit/node/temporary_directory.h"

namespace medflyt::node {
namespace {

class PeerDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(files_.File("peers"));
    own_ = Card(testing::Odense(), 10);
    Write("node.card", own_);
  }
  static std::string Card(const directory::Authority& authority, uint8_t seed, Date issued = Date(2026, 11, 21)) {
    return *directory::WritePeerCard(authority, issued, testing::NoteSignerOf(authority.logs.back().origin, seed));
  }
  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(ReplaceFile(files_.File(name), bytes).ok());
  }
  std::unique_ptr<PeerDirectory> Load() {
    auto loaded = PeerDirectory::Load(
        {testing::kOdense, files_.File("node.card"), files_.File("peers"), files_.File("roots.pem")}, {}, clock_);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *std::move(loaded);
  }

  testing::TemporaryDirectory files_;
  SystemClock clock_;
  std::string own_;
};

TEST_F(PeerDirectoryTest, TheDigestIsOverTheOthersCardFilesAscendingByCvrNumber) {
  const std::string kerteminde =
      Card(testing::MunicipalityWithNode("29189706", "0440", "Kerteminde Kommune", 30, testing::kNyborgIssuer), 30);
  const std::string nyborg = Card(testing::Nyborg(), 20);
  // By name they stand the other way round, and the own card lies among them.
  Write("peers/a.card", nyborg);
  Write("peers/b.card", own_);
  Write("peers/c.card", kerteminde);
  const auto peers = Load();
  const auto digest = [&](const std::string& second) {
    return crypto::Sha256("29189706" + std::string(crypto::Sha256(kerteminde).bytes()) + "29189722" +
                          std::string(crypto::Sha256(second).bytes()));
  };
  EXPECT_EQ(peers->others().count, 2u);
  EXPECT_EQ(peers->others().digest, digest(nyborg));

  // The same authority in other bytes is another card. What a reload returns is what it read.
  const std::string renewed = Card(testing::Nyborg(), 20, Date(2026, 11, 22));
  Write("peers/a.card", renewed);
  const auto reloaded = peers->Reload();
  ASSERT_TRUE(reloaded.ok()) << reloaded.status();
  EXPECT_EQ(reloaded->others.count, 2u);
  EXPECT_EQ(reloaded->others.digest, digest(renewed));
  EXPECT_EQ(reloaded->directory.authorities().size(), 3u);
  EXPECT_EQ(peers->others().digest, digest(renewed));

  // The own card counts for nothing here.
  std::filesystem::remove(files_.File("peers/b.card"));
  EXPECT_EQ(peers->Reload()->others.digest, digest(renewed));
}

}  // namespace
}  // namespace medflyt::node
