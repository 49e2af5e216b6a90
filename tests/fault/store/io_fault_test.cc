// Every call that changes the disk fails in turn. Whatever was acknowledged must be there afterwards, every commit
// whole or absent, and a store that failed once must have refused what came after.
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "server/store_rocksdb/rocks_store.h"
#include "tests/fault/store/faulty_file_system.h"
#include "tests/fault/store/numbered_batches.h"

namespace medflyt::store {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kCommits = 8;

struct Progress {
  uint64_t acknowledged = 0;
  uint64_t attempted = 0;
};

class IoFaultTest : public ::testing::Test {
 protected:
  IoFaultTest() {
    std::string pattern = (fs::temp_directory_path() / "medflyt-fault-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~IoFaultTest() override { fs::remove_all(root_); }

  fs::path store() const { return root_ / "store"; }
  fs::path copy() const { return root_ / "copy"; }

  // Commits after what `run` acknowledged, with table files written, rewritten and copied in between.
  void Work(const std::shared_ptr<FaultyFileSystem>& disk, bool lose_power, Progress& run) {
    RocksOptions options;
    FaultyEnv env(disk);
    options.env = &env;
    auto opened = OpenRocksStore(store().string(), options);
    if (!opened.ok()) {
      if (lose_power) disk->SwitchOff();
      return;
    }
    Store& store = **opened;
    absl::Status failure;
    for (uint64_t number = run.acknowledged + 1; number <= kCommits; ++number) {
      run.attempted = number;
      const absl::Status status = store.Commit(NumberedBatch(number), Durability::kSynced);
      if (!status.ok()) {
        failure = status;
        break;
      }
      run.acknowledged = number;
      if (number == 3) store.PurgeDeleted(Table::kOutbox).IgnoreError();
      if (number == 6) copied_ = store.Checkpoint(copy().string(), {}).ok();
    }
    if (!failure.ok()) {
      EXPECT_EQ(failure.code(), absl::StatusCode::kUnknown);
      EXPECT_EQ(BrokenRuleOf(failure).value_or(BrokenRule{}).rule, "STORE_OUTCOME_UNKNOWN");
      // The fault is over, and still nothing is taken.
      EXPECT_EQ(store.Commit(NumberedBatch(run.attempted + 1), Durability::kSynced), failure);
      EXPECT_EQ(store.Commit(NumberedBatch(run.attempted + 1), Durability::kBuffered), failure);
      EXPECT_EQ(store.Commit(Batch(), Durability::kSynced), failure);
      EXPECT_FALSE(store.Checkpoint((root_ / "refused").string(), {}).ok());
      EXPECT_FALSE(fs::exists(root_ / "refused"));
    }
    if (lose_power) disk->SwitchOff();
  }

  // False once `call` lies beyond the last one of a run.
  bool Strike(uint64_t call, Fault fault, bool lose_power) {
    fs::remove_all(store());
    fs::remove_all(copy());
    copied_ = false;
    const auto disk = std::make_shared<FaultyFileSystem>();
    disk->Arm(call, fault);
    Progress run;
    Work(disk, lose_power, run);
    const bool struck = disk->struck();
    if (lose_power) disk->LosePower(call);

    RocksOptions options;
    FaultyEnv sound(std::make_shared<FaultyFileSystem>());  // without faults; it spares the real syncs
    options.env = &sound;
    {
      const auto reopened = OpenRocksStore(store().string(), options);
      EXPECT_TRUE(reopened.ok()) << reopened.status();
      if (!reopened.ok()) return struck;
      const auto latest = LatestWholeBatch(**reopened);
      EXPECT_TRUE(latest.ok()) << latest.status();
      if (!latest.ok()) return struck;
      EXPECT_GE(*latest, run.acknowledged);
      EXPECT_LE(*latest, run.attempted);
      run.acknowledged = *latest;
      // It works again, as the first one would have.
      EXPECT_TRUE((*reopened)->Commit(NumberedBatch(*latest + 1), Durability::kSynced).ok());
      const auto next = LatestWholeBatch(**reopened);
      EXPECT_TRUE(next.ok()) << next.status();
    }
    EXPECT_EQ(fs::exists(copy()), copied_);
    if (copied_) {
      const auto copied = OpenRocksStore(copy().string(), options);
      EXPECT_TRUE(copied.ok()) << copied.status();
      if (!copied.ok()) return struck;
      const auto latest = LatestWholeBatch(**copied);
      EXPECT_TRUE(latest.ok()) << latest.status();
      EXPECT_EQ(latest.value_or(0), 6U);
    }
    return struck;
  }

  void StrikeEveryCall(Fault fault, bool lose_power) {
    uint64_t call = 1;
    while (true) {
      SCOPED_TRACE("call " + std::to_string(call));
      if (!Strike(call, fault, lose_power) || HasFailure()) break;
      ++call;
    }
    EXPECT_GT(call, 60U) << "the run is too short to show anything";
    RecordProperty("calls", std::to_string(call));
  }

  fs::path root_;
  bool copied_ = false;
};

TEST_F(IoFaultTest, WithoutAFaultEverythingIsThere) {
  EXPECT_FALSE(Strike(uint64_t{1} << 40, Fault::kError, false));
  EXPECT_TRUE(copied_);
  EXPECT_FALSE(Strike(uint64_t{1} << 40, Fault::kError, true));
  EXPECT_TRUE(copied_);
}

TEST_F(IoFaultTest, AnErrorAtEveryCall) { StrikeEveryCall(Fault::kError, false); }
TEST_F(IoFaultTest, AnErrorAtEveryCallThenLossOfPower) { StrikeEveryCall(Fault::kError, true); }
TEST_F(IoFaultTest, AShortWriteAtEveryCall) { StrikeEveryCall(Fault::kShortWrite, false); }
TEST_F(IoFaultTest, AFullDiskFromEveryCallOnThenLossOfPower) { StrikeEveryCall(Fault::kFull, true); }

}  // namespace
}  // namespace medflyt::store
