// How many proofs of handovers a card keeps.
#include "server/node/handover.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/directory/sample.h"

namespace medflyt::node {
namespace {

TEST(HandoverTest, TheCardKeepsTheNewestEightProofsOfAllItsLogs) {
  directory::Authority self = testing::Odense();
  const std::string closed = self.logs.back().origin;
  uint8_t seed = 50;
  const auto next_key = [&] { return testing::NoteSignerOf(self.logs.back().origin, seed++).verifier_key(); };
  for (uint64_t i = 1; i <= 5; ++i) {
    self = WithHandover(self, next_key(), TreeSize(i), "closed " + std::to_string(i));
  }
  self.logs.back().keys.back().until = TreeSize(6);
  self.logs.push_back({"open", {}});
  self.logs.back().keys.push_back({next_key(), TreeSize(0), std::nullopt});
  for (uint64_t i = 1; i <= 5; ++i) {
    self = WithHandover(self, next_key(), TreeSize(i), "open " + std::to_string(i));
  }
  std::vector<std::string> kept;
  for (const directory::Log& log : self.logs) {
    EXPECT_EQ(log.keys.size(), 6U) << log.origin;
    for (const directory::LogKey& key : log.keys) {
      if (!key.handover.empty()) kept.push_back(key.handover);
    }
  }
  EXPECT_THAT(kept, ::testing::ElementsAre("closed 3", "closed 4", "closed 5", "open 1", "open 2", "open 3", "open 4",
                                           "open 5"));
  EXPECT_EQ(self.logs.front().origin, closed);
  EXPECT_EQ(self.logs.back().keys[4].until, self.logs.back().keys[5].from);
}

}  // namespace
}  // namespace medflyt::node
