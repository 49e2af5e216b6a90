#include "server/log/event_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/base/bytes.h"

namespace medflyt::log {
namespace {

const crypto::Key kSecret = *crypto::Key::FromBytes(std::string(crypto::Key::kSize, 'k'));

TEST(EventIds, TurnBackIntoTheirPlace) {
  const EventIds ids(kSecret, "odense.example/log");
  std::set<EventId> seen;
  for (const uint64_t leaf : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{10'000'000}, uint64_t{1} << 62}) {
    const EventId id = ids.At(LeafIndex(leaf));
    EXPECT_TRUE(seen.insert(id).second);
    EXPECT_EQ(ids.Find(id), LeafIndex(leaf));
    EXPECT_EQ(EventIds(kSecret, "odense.example/log").At(LeafIndex(leaf)), id);
  }
}

TEST(EventIds, OfAnotherLogAreNone) {
  const EventIds ids(kSecret, "odense.example/log");
  const EventId id = ids.At(LeafIndex(7));
  EXPECT_FALSE(EventIds(kSecret, "odense.example/log2").Find(id));
  EXPECT_FALSE(EventIds(crypto::Key::Random(), "odense.example/log").Find(id));
  EXPECT_FALSE(ids.Find(EventId()));
  for (size_t bit = 0; bit < 8 * EventId::kSize; ++bit) {
    EventId touched = id;
    touched.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(ids.Find(touched)) << bit;
  }
}

// Stored logs hold ids of this form: another one would not find them.
TEST(EventIds, HaveOneForm) {
  EXPECT_EQ(EventIds(kSecret, "odense.example/log").At(LeafIndex(7)).ToHex(), "5d146b7f704c5c2b4cd05b40e304e830");
}

}  // namespace
}  // namespace medflyt::log
