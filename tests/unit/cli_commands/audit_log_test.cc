// What of a log is listed for a time, where most of its entries do not say theirs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "common/entry/seal.h"
#include "common/wire/ledger.h"
#include "tests/unit/audit/tiled_log.h"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kOrigin = "odense.example/35209115/1";

class AuditLogTest : public testing::Workspace {
 protected:
  using Indices = std::vector<uint64_t>;

  void Record(int month, int day, int hour) {
    const absl::Time at = absl::FromCivil(absl::CivilHour(2026, month, day, hour), absl::UTCTimeZone());
    const auto record = wire::LedgerCodec().Encode({at, wire::KeyDestroyed{*KeyId::FromHex(std::string(32, 'a'))}});
    ASSERT_TRUE(record.ok()) << record.status();
    entries_.push_back(*record);
  }
  void Sealed(size_t count) {
    const auto sealed = entry::SealEntry(*EventId::FromHex(std::string(32, 'b')), crypto::Nonce(), "content",
                                         *crypto::Key::FromBytes(std::string(32, 'c')), kOrigin);
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    entries_.insert(entries_.end(), count, *sealed);
  }
  // Which entries of a copy are listed.
  Indices Listed(std::vector<std::string> options) {
    const medflyt::testing::TiledLog log(entries_, medflyt::testing::LogSigner(kOrigin, 'a'));
    for (const auto& [path, bytes] : log.files()) Write("log/" + path, bytes);
    options.insert(options.begin(), {"audit", "log", "--json", "--tiles", Path("log")});
    EXPECT_EQ(Run(options), ExitCode::kOk) << program_.err;
    Indices indices;
    const nlohmann::json listed = Json();
    for (const auto& entry : listed["entries"]) indices.push_back(entry["index"].get<uint64_t>());
    return indices;
  }
  // From one to another, both of them too.
  static Indices Between(uint64_t first, uint64_t last) {
    Indices indices;
    for (uint64_t index = first; index <= last; ++index) indices.push_back(index);
    return indices;
  }

  std::vector<std::string> entries_;
};

TEST_F(AuditLogTest, ASealedEntryIsListedWhereItMayBeOfTheTimeBetweenTheRecordsBeforeAndBehindIt) {
  Record(10, 31, 12);  // 0
  Sealed(500);
  Record(11, 1, 9);  // 501
  Sealed(1);
  Record(11, 3, 9);  // 503
  Sealed(1);         // before now, which is 18 November
  EXPECT_EQ(Listed({}), Between(0, 504));
  EXPECT_EQ(Listed({"--since", "2026-11-01"}), Between(1, 504));
  EXPECT_EQ(Listed({"--since", "2026-11-02"}), Between(502, 504));
  EXPECT_THAT(Listed({"--since", "2026-11-04"}), ElementsAre(504U));
  EXPECT_THAT(Listed({"--since", "2026-11-25"}), IsEmpty());
  EXPECT_EQ(Listed({"--until", "2026-10-31"}), Between(0, 500));
  EXPECT_THAT(Listed({"--until", "2026-10-30"}), IsEmpty());
  EXPECT_THAT(Listed({"--since", "2026-11-02", "--until", "2026-11-02"}), ElementsAre(502U));
  EXPECT_THAT(Listed({"--since", "2026-11-01", "--type", "key-destroyed"}), ElementsAre(501U, 503U));
}

TEST_F(AuditLogTest, APartIsJudgedByTheRecordsOutsideItToo) {
  Record(10, 31, 12);  // 0
  Sealed(700);
  Record(11, 1, 9);  // 701
  EXPECT_EQ(Listed({"--first", "690", "--since", "2026-10-31"}), Between(690, 701));
  EXPECT_THAT(Listed({"--first", "690", "--until", "2026-10-30"}), IsEmpty());
  EXPECT_EQ(Listed({"--first", "690", "--until", "2026-10-31"}), Between(690, 700));
  EXPECT_EQ(Listed({"--first", "10", "--last", "15", "--since", "2026-11-01"}), Between(10, 15));
  EXPECT_THAT(Listed({"--first", "10", "--last", "15", "--since", "2026-11-02"}), IsEmpty());
  EXPECT_EQ(Listed({"--first", "699", "--last", "99999"}), Between(699, 701));
  EXPECT_THAT(Listed({"--first", "99999", "--since", "2026-10-31"}), IsEmpty());
}

TEST_F(AuditLogTest, WithoutAnyRecordAllMayBeOfAnyTimeUntilNow) {
  Sealed(300);
  EXPECT_EQ(Listed({"--since", "2026-11-01"}), Between(0, 299));
  EXPECT_EQ(Listed({"--until", "2026-11-01"}), Between(0, 299));
  EXPECT_THAT(Listed({"--since", "2026-11-25"}), IsEmpty());
}

TEST_F(AuditLogTest, AClockThatWentBackLeavesNothingOut) {
  Record(11, 5, 9);
  Sealed(1);
  Record(11, 3, 9);
  EXPECT_THAT(Listed({"--since", "2026-11-04", "--until", "2026-11-04"}), ElementsAre(1U));
  EXPECT_THAT(Listed({"--since", "2026-11-05"}), ElementsAre(0U, 1U));
}

}  // namespace
}  // namespace medflyt::cli
