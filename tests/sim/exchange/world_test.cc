// Whole nodes under random schedules: officers act, networks part, nodes crash. Afterwards they agree.
//
// MEDFLYT_SEED=n runs that seed alone; MEDFLYT_SEEDS=n runs n of them instead of a few.
#include <cstdlib>
#include <iostream>

#include "tests/sim/exchange/checks.h"
#include "tests/sim/exchange/officers.h"

namespace medflyt::testing {
namespace {

constexpr uint64_t kDefaultSeeds = 8;
constexpr int kSteps = 150;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// What the schedules reached: a run that meets nothing shows nothing.
struct Coverage {
  uint64_t announced = 0;
  uint64_t transferred = 0;
  uint64_t reversed = 0;
  uint64_t crashes = 0;
  uint64_t partitions = 0;
};

void Disturb(SimWorld& world, Coverage& coverage) {
  static const AuthorityId kAll[] = {kOdense, kNyborg, kKerteminde};
  const AuthorityId one = kAll[world.chance.Below(3)];
  const AuthorityId other = kAll[world.chance.Below(3)];
  SimNode& node = world.node(one);
  switch (world.chance.Below(40)) {
    case 0:
    case 1: {
      if (!node.up()) return;
      node.Crash();
      ++coverage.crashes;
      const absl::Duration down = world.chance.Between(absl::Milliseconds(1), absl::Minutes(5));
      static const Life kAlways = NewLife();
      world.timeline.In(down, kAlways, [&node] {
        if (!node.up()) node.Boot();
      });
      return;
    }
    case 2:
      if (node.up()) node.FailNextCommit(world.chance.OneIn(2));
      return;
    case 3:
      if (one == other) return;
      world.network.SetPartition(one, other, true);
      ++coverage.partitions;
      return;
    case 4:
    case 5:
      world.network.SetPartition(one, other, false);
      return;
    default:
      return;
  }
}

void Wait(SimWorld& world) {
  switch (world.chance.Below(20)) {
    case 0:
      return world.RunFor(world.chance.Between(absl::Hours(1), absl::Hours(40)));
    case 1:
    case 2:
    case 3:
      return world.RunFor(world.chance.Between(absl::Seconds(1), absl::Minutes(5)));
    default:
      return world.RunFor(world.chance.Between(absl::Microseconds(100), absl::Milliseconds(120)));
  }
}

void RunSeed(uint64_t seed, Coverage& coverage) {
  SCOPED_TRACE("replay with MEDFLYT_SEED=" + std::to_string(seed));
  SimWorld world(seed);
  world.inspect = [](AuthorityId who, const log::Appender& appender) { ExpectCapacityKept(who, appender.state()); };
  Officers officers(world);
  officers.Agree();
  if (::testing::Test::HasFatalFailure()) return;

  world.network.weather.break_one_in = 60;
  world.network.weather.ghost_one_in = 6;
  for (int step = 0; step < kSteps && !::testing::Test::HasFailure(); ++step) {
    for (int officer = 0; officer < 4; ++officer) officers.ActOnce();
    Disturb(world, coverage);
    Wait(world);
  }

  world.network.weather.break_one_in = 0;
  world.network.weather.ghost_one_in = 0;
  world.network.Heal();
  for (auto& [id, node] : world.nodes()) {
    if (!node->up()) node->Boot();
  }
  ASSERT_TRUE(world.Settle()) << "the nodes did not come to rest";

  std::map<AuthorityId, domain::State> states;
  for (auto& [id, node] : world.nodes()) states.emplace(id, node->StateNow());
  for (auto& [id, node] : world.nodes()) {
    EXPECT_EQ(node->logger.events.count("log_fork_proven"), 0U);
    EXPECT_EQ(node->logger.events.count("log_fork_suspected"), 0U);
    EXPECT_EQ(node->logger.events.count("exchange_held"), 0U);
    ExpectNothingLost(*node);
    for (auto& [other, peer] : world.nodes()) {
      if (id != other) ExpectDelivered(*node, *peer);
    }
    if (id != kOdense) ExpectSameHistories(states.at(kOdense), states.at(id));
  }
  for (auto& [id, node] : world.nodes()) ExpectReplayAgrees(*node);

  for (const auto& [id, state] : states) {
    for (const auto& [relocation, row] : state.relocations()) {
      coverage.announced += row.direction == domain::Direction::kIn ? 1U : 0U;
    }
  }
  for (const auto& [transfer, row] : states.at(kOdense).transfers()) {
    coverage.transferred += row.state == domain::TransferState::kDone ? 1U : 0U;
    coverage.reversed += row.state == domain::TransferState::kReversed ? 1U : 0U;
  }
}

TEST(SimulatedWorld, NodesAgreeWhateverHappens) {
  Coverage coverage;
  if (std::getenv("MEDFLYT_SEED") != nullptr) return RunSeed(FromEnvironment("MEDFLYT_SEED", 0), coverage);
  const uint64_t seeds = FromEnvironment("MEDFLYT_SEEDS", kDefaultSeeds);
  for (uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) RunSeed(seed, coverage);
  std::cout << seeds << " seeds: " << coverage.announced << " announcements, " << coverage.transferred
            << " transfers done, " << coverage.reversed << " reversed, " << coverage.crashes << " crashes, "
            << coverage.partitions << " partitions\n";
  if (HasFailure() || seeds < kDefaultSeeds) return;
  EXPECT_GT(coverage.announced, 0U);
  EXPECT_GT(coverage.transferred, 0U);
  EXPECT_GT(coverage.crashes, 0U);
  EXPECT_GT(coverage.partitions, 0U);
}

// The same seed is the same run: otherwise no failure could be replayed.
TEST(SimulatedWorld, IsDeterministic) {
  std::vector<std::string> runs;
  for (int run = 0; run < 2; ++run) {
    SimWorld world(4711);
    Officers officers(world);
    officers.Agree();
    world.network.weather.break_one_in = 30;
    for (int step = 0; step < 40; ++step) {
      officers.ActOnce();
      Wait(world);
    }
    std::string seen;
    for (auto& [id, node] : world.nodes()) {
      seen += std::to_string(node->log().head().size.value()) + "/" + std::to_string(node->acknowledged.size()) + " ";
    }
    runs.push_back(seen + FormatUtc(world.timeline.Now()));
  }
  EXPECT_EQ(runs[0], runs[1]);
}

}  // namespace
}  // namespace medflyt::testing
