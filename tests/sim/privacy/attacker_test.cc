// Somebody who holds everything at once: what went over the wire with its sealed grants, every backup, and all files of
// the node that has erased. What he could read before, and what he can afterwards.
#include <gmock/gmock.h>

#include <list>

#include "common/base/bytes.h"
#include "common/entry/grant.h"
#include "common/entry/parse.h"
#include "common/wire/content.h"
#include "server/keys/key_backup.h"
#include "server/keys/key_row.h"
#include "tests/sim/privacy/erasure_world.h"
#include "tests/support/agreement_terms.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kByDataKey[] = "by a data key";
constexpr char kBySealedGrant[] = "by the sealed grant";

// Tries every row of every key table under every KEK, and every key that he gets so on all that he heard.
class Attacker {
 public:
  explicit Attacker(registry::CprNumber sought) : sought_(sought) {}

  void Hears(const v1::EventBatch& batch) { heard_.push_back(batch); }
  // A store, as it is or as it was copied: the rows of its keys.
  void TakesStore(const store::Reader& store) {
    EXPECT_TRUE(store
                    .Scan(store::Table::kKeys, store::KeyRange::All(), store::Order::kAscending,
                          [this](std::string_view key, std::string_view value) {
                            rows_.push_back({std::string(key), std::string(value)});
                            return store::Step::kContinue;
                          })
                    .ok());
  }
  void TakesKeyBackup(const std::string& file) {
    const auto backup = keys::ParseKeyBackup(file);
    ASSERT_TRUE(backup.ok()) << backup.status();
    rows_.insert(rows_.end(), backup->rows.begin(), backup->rows.end());
  }
  void TakesKekFile(const std::string& file, const crypto::Key& root_secret) {
    const auto held = keys::UnwrapKek(file, root_secret);
    ASSERT_TRUE(held.ok()) << held.status();
    keks_.push_back(held->current.key);
    if (held->next) keks_.push_back(held->next->key);
  }
  void TakesExchangeKey(const crypto::ExchangeKey& key) { exchange_keys_.push_back(key); }

  // How he reads the number that he is after.
  [[nodiscard]] std::set<std::string> Reads() const {
    std::list<crypto::Key> data_keys;
    std::list<crypto::ExchangeKey> exchange_keys = exchange_keys_;
    for (const store::Row& row : rows_) {
      for (const crypto::Key& kek : keks_) Unwrap(row, kek, data_keys, exchange_keys);
    }
    std::set<std::string> ways;
    for (const v1::EventBatch& batch : heard_) {
      if (ReadsWith(data_keys, batch)) ways.insert(kByDataKey);
      if (ReadsWith(GrantedKeys(batch, exchange_keys), batch)) ways.insert(kBySealedGrant);
    }
    return ways;
  }

 private:
  // A table of the one row, under the KEK as if it were of the row's generation, whatever that says.
  static void Unwrap(const store::Row& row, const crypto::Key& kek, std::list<crypto::Key>& data_keys,
                     std::list<crypto::ExchangeKey>& exchange_keys) {
    ByteReader reader(std::string_view(row.value).substr(1));
    const auto generation = reader.U32();
    if (!generation) return;  // that a key was destroyed
    store::MemoryDisk disk;
    const auto store = *store::OpenMemoryStore(disk, 1);
    store::Batch batch;
    batch.Put(store::Table::kKeys, row.key, row.value);
    ASSERT_TRUE(store->Commit(batch, store::Durability::kSynced).ok());
    crypto::SystemRandom random;
    if (const auto parsed = keys::ParseDataKeyRow(row.key, row.value)) {
      const auto table = keys::KeyTable::Load(*store, {*generation, kek}, random);
      ASSERT_TRUE(table.ok()) << table.status();
      if (const auto key = (*table)->Find(parsed->id); key.ok()) data_keys.push_back(*key);
    } else if (const auto table = keys::ExchangeKeys::Load(*store, {*generation, kek}, random); table.ok()) {
      if (const auto current = (*table)->current(); current.ok()) {
        exchange_keys.push_back(*(*table)->Find(current->epoch));
      }
    }
  }
  static std::list<crypto::Key> GrantedKeys(const v1::EventBatch& batch,
                                            const std::list<crypto::ExchangeKey>& exchange_keys) {
    std::list<crypto::Key> keys;
    wire::LedgerCodec codec;
    for (const v1::SealedGrant& grant : batch.grants()) {
      const KeyId id = *KeyId::FromBytes(grant.key_id());
      for (const std::string& bytes : batch.entries()) {
        const auto entry = entry::ParseEntry(bytes, codec);
        const auto* ledger = entry.ok() ? std::get_if<wire::LedgerRecord>(&*entry) : nullptr;
        const auto* granted = ledger == nullptr ? nullptr : std::get_if<wire::KeyGranted>(&ledger->record);
        if (granted == nullptr || granted->key_id != id) continue;
        for (const crypto::ExchangeKey& with : exchange_keys) {
          const auto key =
              entry::OpenGrant({OriginOf(batch), id, granted->recipient}, grant.sealed(), with, granted->commitment);
          if (key.ok()) keys.push_back(*key);
        }
      }
    }
    return keys;
  }
  [[nodiscard]] bool ReadsWith(const std::list<crypto::Key>& keys, const v1::EventBatch& batch) const {
    wire::ContentCodec codec;
    for (const std::string& bytes : batch.entries()) {
      const auto sealed = entry::ParseSealed(bytes);
      if (!sealed.ok()) continue;
      for (const crypto::Key& key : keys) {
        const auto content = entry::OpenEntry(*sealed, key, OriginOf(batch));
        const auto event = content.ok() ? codec.Decode(*content, sealed->event_id) : content.status();
        const auto* proposed = event.ok() ? std::get_if<event::EnrolmentProposed>(&event->body) : nullptr;
        if (proposed != nullptr && proposed->cpr == sought_) return true;
      }
    }
    return false;
  }
  // The first line of a checkpoint.
  static std::string OriginOf(const v1::EventBatch& batch) {
    return batch.checkpoint().substr(0, batch.checkpoint().find('\n'));
  }

  const registry::CprNumber sought_;
  std::vector<v1::EventBatch> heard_;
  std::vector<store::Row> rows_;
  std::list<crypto::Key> keks_;
  std::list<crypto::ExchangeKey> exchange_keys_;
};

class AttackerTest : public ErasureWorld {
 protected:
  AttackerTest() {
    world.network.tamper = [this](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
      if (from == kNyborg && to == kOdense && message.has_batch()) heard_.push_back(message.batch());
      return true;
    };
  }
  // What one moment leaves: the store whole (a data backup is the same without its keys) and the key-table backup.
  void KeepCopies() {
    const uint32_t generation = odense().keys().kek_generation();
    const auto backup = keys::ExportKeys(odense().store(), generation);
    ASSERT_TRUE(backup.ok()) << backup.status();
    copies_.push_back({odense().CopyOfStore(), *backup});
  }
  // With the wire, all copies made until now, today's store and key-table backup, and no KEK file.
  Attacker WithAllButTheKek() {
    KeepCopies();
    Attacker attacker(SimCitizen(1));
    for (const v1::EventBatch& batch : heard_) attacker.Hears(batch);
    for (const Copy& copy : copies_) {
      attacker.TakesStore(**store::OpenMemoryStore(*copy.store, 1));
      attacker.TakesKeyBackup(copy.key_backup);
    }
    return attacker;
  }
  // And with the KEK file of today, and what it is sealed under.
  Attacker WithEverythingOfToday() {
    Attacker attacker = WithAllButTheKek();
    attacker.TakesKekFile(odense().key_files.kek, odense().root_secret);
    return attacker;
  }
  void RotateKek() {
    odense().RotateKek();
    world.RunFor(absl::Seconds(1));
  }
  SimNode& odense() { return world.node(kOdense); }

  struct Copy {
    std::shared_ptr<store::MemoryDisk> store;
    std::string key_backup;
  };
  std::vector<v1::EventBatch> heard_;
  std::vector<Copy> copies_;
};

TEST_F(AttackerTest, NoBackupOldExchangeKeyOrSealedGrantBringsBackWhatIsErased) {
  // Before: the attack works, in both ways, with the KEK file; copies and grants alone are noise.
  EXPECT_THAT(WithAllButTheKek().Reads(), IsEmpty());
  EXPECT_THAT(WithEverythingOfToday().Reads(), UnorderedElementsAre(kByDataKey, kBySealedGrant));
  const std::string kek_of_before = odense().key_files.kek;
  const crypto::ExchangeKey key_of_the_epoch =
      *odense().exchange_keys().Find(keys::ExchangeEpochAt(world.timeline.Now()));

  Erase(kOdense);
  RotateKek();
  // The data key is gone from every copy, and so is the exchange key to which it had been sealed on its way.
  EXPECT_THAT(WithEverythingOfToday().Reads(), IsEmpty());
  odense().Crash();
  odense().Boot();
  EXPECT_THAT(WithEverythingOfToday().Reads(), IsEmpty());

  // What no design can take from somebody: a copy of the KEK file that was made against the rules, and the private
  // key itself, taken out of the node's memory in its epoch. Without either he has had nothing.
  Attacker with_old_kek = WithEverythingOfToday();
  with_old_kek.TakesKekFile(kek_of_before, odense().root_secret);
  EXPECT_THAT(with_old_kek.Reads(), UnorderedElementsAre(kByDataKey, kBySealedGrant));
  Attacker with_private_key = WithEverythingOfToday();
  with_private_key.TakesExchangeKey(key_of_the_epoch);
  EXPECT_THAT(with_private_key.Reads(), ElementsAre(kBySealedGrant));
}

// Until the KEK was rotated the erasure is not done: the keys are in yesterday's copies, and it opens them.
TEST_F(AttackerTest, TheRotationIsWhatEndsTheKeysInCopies) {
  KeepCopies();
  Erase(kOdense);
  EXPECT_THAT(WithEverythingOfToday().Reads(), UnorderedElementsAre(kByDataKey, kBySealedGrant));
  RotateKek();
  EXPECT_THAT(WithEverythingOfToday().Reads(), IsEmpty());
}

// Who has an old card seals to a key that is gone, is told so, and seals again.
TEST_F(AttackerTest, EventsUnderNewKeysArriveAfterTheExchangeKeyWasRenewed) {
  Erase(kOdense);
  RotateKek();
  const uint64_t before = odense().log().peer(kNyborg).received.value();
  EXPECT_EQ(world.Act(kNyborg, event::ProposeAgreement{world.chance.NewId<CaseId>(), kOdense, kNyborg,
                                                       Terms(1, Date(2026, 1, 1), Date(2026, 12, 31))}),
            "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(odense().log().peer(kNyborg).received.value(), before + 1);
}

// Neither side keeps the sealed form: it is in no row of either store once the receipt is there.
TEST_F(AttackerTest, ASealedGrantIsInNoStore) {
  std::vector<std::string> sealed;
  for (const v1::EventBatch& batch : heard_) {
    for (const v1::SealedGrant& grant : batch.grants()) sealed.push_back(grant.sealed());
  }
  ASSERT_FALSE(sealed.empty());
  for (const AuthorityId who : {kOdense, kNyborg}) {
    size_t rows = 0;
    for (const store::Table table : store::kTables) {
      EXPECT_TRUE(world.node(who)
                      .store()
                      .Scan(table, store::KeyRange::All(), store::Order::kAscending,
                            [&](std::string_view, std::string_view value) {
                              ++rows;
                              for (const std::string& box : sealed) {
                                EXPECT_EQ(value.find(box), std::string_view::npos) << store::TableName(table);
                              }
                              return store::Step::kContinue;
                            })
                      .ok());
    }
    EXPECT_GT(rows, 10U);
  }
}

}  // namespace
}  // namespace medflyt::testing
