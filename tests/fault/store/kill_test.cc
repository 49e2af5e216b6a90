// kill -9 at any moment: nothing acknowledged is lost, nothing is there in part.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/store_rocksdb/rocks_store.h"
#include "tests/fault/store/numbered_batches.h"
#include "tests/support/paths.h"

extern char** environ;

namespace medflyt::store {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 20261121;
constexpr int kRounds = 25;

// Runs the writer until it acknowledged `acknowledgements` numbers and then `moment` longer; returns the last number
// that reached the pipe, or 0 for none.
uint64_t RunAndKill(const std::string& directory, uint64_t acknowledgements, std::chrono::microseconds moment) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  std::string program = testing::BinDir() + "/store_writer";
  std::string argument = directory;
  char* arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  EXPECT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);

  uint64_t last = 0;
  uint64_t number = 0;
  for (uint64_t i = 0; i < acknowledgements; ++i) {
    if (::read(pipe_ends[0], &number, sizeof(number)) != sizeof(number)) break;
    last = number;
  }
  const auto until = std::chrono::steady_clock::now() + moment;
  while (std::chrono::steady_clock::now() < until) {
  }
  ::kill(child, SIGKILL);
  while (::read(pipe_ends[0], &number, sizeof(number)) == sizeof(number)) last = number;
  ::close(pipe_ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the writer stopped by itself: " << status;
  return last;
}

TEST(KillTest, KilledAtAnyMomentNothingAcknowledgedIsLost) {
  std::string pattern = (fs::temp_directory_path() / "medflyt-kill-XXXXXX").string();
  const fs::path root = ::mkdtemp(pattern.data());
  const std::string directory = (root / "store").string();
  RecordProperty("seed", std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  uint64_t acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round));
    // Every fourth is killed while it opens, or soon after.
    const uint64_t wanted = round % 4 == 3 ? 0 : 1 + random() % 40;
    const uint64_t last =
        RunAndKill(directory, wanted, std::chrono::microseconds(random() % (wanted == 0 ? 40'000 : 3'000)));
    acknowledged = std::max(acknowledged, last);
    const auto store = OpenRocksStore(directory, {});
    ASSERT_TRUE(store.ok()) << store.status();
    const auto latest = LatestWholeBatch(**store);
    ASSERT_TRUE(latest.ok()) << latest.status();
    EXPECT_GE(*latest, acknowledged);
    EXPECT_LE(*latest, acknowledged + 1);  // one commit may have been on its way to its acknowledgement
    acknowledged = *latest;
  }
  EXPECT_GT(acknowledged, static_cast<uint64_t>(kRounds)) << "too little was written to show anything";
  fs::remove_all(root);
}

}  // namespace
}  // namespace medflyt::store
