// A peer's card that becomes another one while a message of the peer is looked at: the message is judged by one card
// from beginning to end, and its keys are pinned as that card has them.
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/exchange/log_key_pins.h"
#include "tests/sim/exchange/byzantine_peer.h"
#include "tests/support/agreement_terms.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kOrigin = "medflyt.example/29189722/1";
constexpr uint8_t kSeed = 20;  // of the key of this log in the card that is there first
constexpr uint8_t kOtherSeed = 24;

std::string KeyOf(uint8_t seed) { return NoteSignerOf(kOrigin, seed).verifier_key().Format(); }

// What happens, once, when it is next read which logs of Nyborg's are known. Where nothing of Nyborg was taken yet, the
// first use of the card in a message reads that, and other uses follow.
using OnRead = std::shared_ptr<std::function<void()>>;

class WatchedStore final : public store::Store {
 public:
  WatchedStore(std::unique_ptr<store::Store> store, OnRead on_read)
      : store_(std::move(store)), on_read_(std::move(on_read)) {}

  absl::StatusOr<std::optional<std::string>> Get(store::Table table, std::string_view key) const override {
    if (*on_read_ && table == store::Table::kMeta && key == exchange::KnownLogsKey(kNyborg)) {
      std::exchange(*on_read_, nullptr)();
    }
    return store_->Get(table, key);
  }
  absl::Status Scan(store::Table table, const store::KeyRange& range, store::Order order,
                    store::RowVisitor visit) const override {
    return store_->Scan(table, range, order, visit);
  }
  absl::Status Commit(const store::Batch& batch, store::Durability durability) override {
    return store_->Commit(batch, durability);
  }
  std::unique_ptr<store::Reader> Snapshot() const override { return store_->Snapshot(); }
  absl::Status Checkpoint(const std::string& directory, std::span<const store::Table> without) override {
    return store_->Checkpoint(directory, without);
  }
  absl::Status PurgeDeleted(store::Table table) override { return store_->PurgeDeleted(table); }
  uint64_t epoch() const override { return store_->epoch(); }

 private:
  const std::unique_ptr<store::Store> store_;
  const OnRead on_read_;
};

OnRead WatchOdense(SimWorld& world) {
  world.network.weather.queue_full_one_in = 0;
  auto on_read = std::make_shared<std::function<void()>>();
  SimNode& odense = world.node(kOdense);
  odense.wrap_store = [on_read](std::unique_ptr<store::Store> store) {
    return std::make_unique<WatchedStore>(std::move(store), on_read);
  };
  odense.Crash();
  odense.Boot();
  world.RunFor(absl::Minutes(2));
  return on_read;
}

// Odense's directory has another card of Nyborg's, with another key of the same log.
void ShowOtherCard(SimWorld& world) {
  directory::Authority card = *world.directory.Find(kNyborg);
  card.logs.back().keys.back().key = NoteSignerOf(kOrigin, kOtherSeed).verifier_key();
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(card));
}

std::vector<std::string> PinnedAtOdense(SimWorld& world) {
  std::vector<std::string> keys;
  const auto row = world.node(kOdense).store().Get(store::Table::kMeta, exchange::PinnedRowKey(kNyborg, kOrigin));
  EXPECT_TRUE(row.ok());
  if (!row.ok() || !*row) return keys;
  const auto pinned = exchange::DecodePinned(**row);
  EXPECT_TRUE(pinned.ok()) << pinned.status();
  if (!pinned.ok()) return keys;
  for (const exchange::PinnedKey& each : *pinned) keys.push_back(each.key.Format());
  return keys;
}

class CardSnapshot : public ByzantinePeer {
 protected:
  CardSnapshot() : on_read(WatchOdense(world)) {}

  const OnRead on_read;
};

TEST_F(CardSnapshot, ABatchThatTheCardBeforeProvesIsTakenAndPinsItsKeys) {
  forger.Dial();
  const Prepared first = Prepare(1);
  *on_read = [this] { ShowOtherCard(world); };
  forger.Send(first.batch);
  EXPECT_FALSE(*on_read) << "the card was looked at, and became another";
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_EQ(Received(), 1U);
  EXPECT_THAT(PinnedAtOdense(world), ElementsAre(KeyOf(kSeed)));
  // The next one is judged by the other card, whose key nobody has handed the log over to.
  forger.set_accepted(forger.log.size());
  forger.Send(Prepare(2).batch);
  EXPECT_EQ(forger.AnswerRule(), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Received(), 1U);
}

// Else the keys of the one card would be pinned by what the key of the other one has signed.
TEST_F(CardSnapshot, ABatchThatTheCardAfterProvesIsNotTaken) {
  forger.Dial();
  forger.log = EvidenceLog(std::string(kOrigin), static_cast<char>(kOtherSeed));
  const Prepared first = Prepare(1);
  *on_read = [this] { ShowOtherCard(world); };
  forger.Send(first.batch);
  EXPECT_FALSE(*on_read) << "the card was looked at, and became another";
  EXPECT_EQ(forger.AnswerRule(), "NOTE_UNSIGNED");
  EXPECT_EQ(Received(), 0U);
  EXPECT_THAT(PinnedAtOdense(world), IsEmpty());
  // By that card alone it is.
  forger.Dial();
  forger.Send(first.batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_THAT(PinnedAtOdense(world), ElementsAre(KeyOf(kOtherSeed)));
}

TEST(CardSnapshotOfReceipts, AReceiptThatTheCardBeforeProvesIsTakenAndPinsItsKeys) {
  SimWorld world(7);
  const OnRead on_read = WatchOdense(world);
  bool changed = false;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from == kNyborg && to == kOdense && message.has_answer() && message.answer().has_receipt()) {
      *on_read = [&] {
        ShowOtherCard(world);
        changed = true;
      };
    }
    return true;
  };
  EXPECT_EQ(world.Act(kOdense, event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, kNyborg,
                                                       Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))}),
            "OK");
  world.RunFor(absl::Seconds(10));
  EXPECT_TRUE(changed) << "the card was looked at, and became another";
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).receipted.value(), 1U);
  EXPECT_THAT(PinnedAtOdense(world), ElementsAre(KeyOf(kSeed)));
}

}  // namespace
}  // namespace medflyt::testing
