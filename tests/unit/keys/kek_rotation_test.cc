// Rotation of the KEK: interrupted at every step, and what whoever holds the old backups has afterwards.
#include "server/keys/kek_rotation.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "server/keys/key_backup.h"
#include "server/keys/key_row.h"
#include "server/store/memory_store.h"

namespace medflyt::keys {
namespace {

using store::KeyRange;
using store::MemoryDisk;
using store::Table;

const AuthorityId kOdense = *AuthorityId::Parse("35209115");
const absl::Time kStart = absl::UnixEpoch() + kExchangeWeek * 3000 + absl::Hours(1);

std::string RuleOf(const absl::Status& status) {
  const auto rule = BrokenRuleOf(status);
  return rule ? rule->rule : "";
}

// Files in memory, of which one operation fails: before it has done anything, or after.
class FaultyFiles final : public KeyFiles {
 public:
  absl::Status ReplaceKek(std::string_view bytes) override { return Replace(kek, bytes); }
  absl::Status ReplaceBackup(std::string_view bytes) override { return Replace(backup, bytes); }
  absl::StatusOr<std::string> ReadBackup(size_t most) override {
    if (Fails()) return absl::UnavailableError("no answer");
    if (backup.size() > most) return absl::InvalidArgumentError("too long");
    return backup;
  }

  std::string kek;
  std::string backup;
  std::optional<size_t> fail_at;  // counted from 0
  bool applied = false;           // the operation that fails is done all the same
  bool truncates = false;         // what is written loses its last byte
  size_t operations = 0;

 private:
  bool Fails() { return fail_at == operations++; }
  absl::Status Replace(std::string& file, std::string_view bytes) {
    const bool fails = Fails();
    if (!fails || applied) file = bytes.substr(0, bytes.size() - (truncates ? 1 : 0));
    return fails ? absl::UnavailableError("the disk is gone") : absl::OkStatus();
  }
};

// One node's keys, from start to start.
struct Started {
  std::unique_ptr<store::Store> store;
  std::optional<KekGenerations> held;
  std::unique_ptr<KeyTable> table;
  std::unique_ptr<ExchangeKeys> exchange;
  std::unique_ptr<KekRotation> rotation;
};

class KekRotationTest : public ::testing::Test {
 protected:
  // One data key and three exchange keys, the first of which is destroyed: so a rotation is due.
  void SetUp() override { Prepare(disk_, files_); }

  void Prepare(MemoryDisk& disk, FaultyFiles& files) {
    files.kek = WrapKek({NewKek(random_), std::nullopt}, root_, random_);
    Started node = Start(disk, files);
    store::Batch batch;
    bool created = false;
    key_ = *node.table->FindOrCreate({case_, kOdense, kOdense, event::RetentionClass::kCase}, batch, created);
    node.table->MarkGranted(key_->id, batch);
    node.exchange->Rotate(kStart, batch);
    ASSERT_TRUE(node.store->Commit(batch, store::Durability::kSynced).ok());
    ASSERT_FALSE(*node.rotation->IsDue()) << "nothing was destroyed";
    batch.Clear();
    node.exchange->Rotate(kStart + kExchangeWeek, batch);
    node.exchange->Rotate(kStart + 2 * kExchangeWeek, batch);
    ASSERT_TRUE(node.store->Commit(batch, store::Durability::kSynced).ok());
    files.operations = 0;
  }

  Started Start(MemoryDisk& disk, FaultyFiles& files) {
    Started node;
    node.store = *store::OpenMemoryStore(disk, 1);
    node.held = *UnwrapKek(files.kek, root_);
    const Kek kek = *KekOfRows(*node.store, *node.held);
    node.table = *KeyTable::Load(*node.store, kek, random_);
    node.exchange = *ExchangeKeys::Load(*node.store, kek, random_);
    node.rotation = std::make_unique<KekRotation>(
        KekRotation::Parts{*node.store, *node.table, *node.exchange, files, root_, random_}, *node.held);
    return node;
  }

  // A whole rotation, as a node does it.
  static absl::Status Rotate(const Started& node) {
    MEDFLYT_RETURN_IF_ERROR(node.rotation->Begin());
    store::Batch batch;
    MEDFLYT_RETURN_IF_ERROR(node.rotation->Rewrap(kStart + 2 * kExchangeWeek, batch));
    MEDFLYT_RETURN_IF_ERROR(node.store->Commit(batch, store::Durability::kSynced));
    return node.rotation->Finish();
  }

  void ExpectAllKeys(const Started& node) {
    EXPECT_EQ(node.table->size(), 1u);
    const auto key = node.table->Find(key_->id);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(*key == key_->key);
    EXPECT_TRUE(node.table->IsGranted(key_->id));
    // A rotation renews those to which peers seal.
    const bool rotated = node.table->kek_generation() > 1;
    EXPECT_EQ(node.exchange->current()->epoch > 3002 * kEpochsAWeek, rotated);
    for (const uint32_t week : {3001U, 3002U}) EXPECT_EQ(node.exchange->Find(week * kEpochsAWeek).ok(), !rotated);
    EXPECT_EQ(RuleOf(node.exchange->Find(3000 * kEpochsAWeek).status()), "EXCHANGE_KEY_DESTROYED");
  }

  // Nothing under an older generation is left, and backup and store agree.
  void ExpectRotated(MemoryDisk& disk, FaultyFiles& files) {
    Started node = Start(disk, files);
    EXPECT_FALSE(node.held->next.has_value());
    EXPECT_GT(node.held->current.generation, 1u);
    EXPECT_FALSE(*node.rotation->IsDue());
    ExpectAllKeys(node);
    EXPECT_EQ(*ExportKeys(*node.store, node.held->current.generation), files.backup);
  }

  const crypto::Key root_ = crypto::Key::Random();
  crypto::SystemRandom random_;
  const CaseId case_ = random_.NewId<CaseId>();
  MemoryDisk disk_;
  FaultyFiles files_;
  std::optional<DataKey> key_;
};

TEST_F(KekRotationTest, IsDueOnceAKeyWasDestroyedAndThenDone) {
  Started node = Start(disk_, files_);
  ASSERT_TRUE(*node.rotation->IsDue());
  ASSERT_TRUE(Rotate(node).ok());
  EXPECT_FALSE(*node.rotation->IsDue());
  ExpectAllKeys(node);
  ExpectRotated(disk_, files_);
  // And what is made from here on is under the new KEK too.
  store::Batch batch;
  bool created = false;
  const auto made = node.table->FindOrCreate({case_, kOdense, kOdense, event::RetentionClass::kAccess}, batch, created);
  node = Start(disk_, files_);
  ASSERT_TRUE(node.store->Commit(batch, store::Durability::kSynced).ok());
  node = Start(disk_, files_);
  EXPECT_TRUE(*node.table->Find(made->id) == made->key);
}

// Every operation on a file fails in turn, done or not; the next start finds all keys, and goes on.
TEST_F(KekRotationTest, AFaultOfAnyFileOperationLosesNothing) {
  size_t faults = 0;
  for (const bool applied : {false, true}) {
    for (size_t at = 0;; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at) + (applied ? ", applied" : ", not applied"));
      MemoryDisk disk;
      FaultyFiles files;
      Prepare(disk, files);
      files.fail_at = at;
      files.applied = applied;
      Started node = Start(disk, files);
      if (Rotate(node).ok()) break;
      ++faults;
      ExpectAllKeys(node);  // it goes on serving

      disk.Crash(0);
      node = Start(disk, files);
      ExpectAllKeys(node);
      if (*node.rotation->IsDue()) {
        const absl::Status went_on = Rotate(node);
        ASSERT_TRUE(went_on.ok()) << went_on;
      }
      ExpectRotated(disk, files);
    }
  }
  EXPECT_EQ(faults, 8u) << "KEK file, backup written and read back, KEK file; each in two ways";
}

// The same without a crash in between: it is simply tried again.
TEST_F(KekRotationTest, IsTriedAgainWithoutARestart) {
  for (size_t at = 0; at < 4; ++at) {
    MemoryDisk disk;
    FaultyFiles files;
    Prepare(disk, files);
    files.fail_at = at;
    Started node = Start(disk, files);
    ASSERT_FALSE(Rotate(node).ok());
    EXPECT_TRUE(*node.rotation->IsDue());
    ASSERT_TRUE(Rotate(node).ok());
    ExpectRotated(disk, files);
  }
}

TEST_F(KekRotationTest, ACrashInTheCommitLosesNothing) {
  for (const auto outcome : {MemoryDisk::Outcome::kNotApplied, MemoryDisk::Outcome::kApplied}) {
    MemoryDisk disk;
    FaultyFiles files;
    Prepare(disk, files);
    Started node = Start(disk, files);
    disk.FailCommit(0, outcome);
    ASSERT_EQ(RuleOf(Rotate(node)), "STORE_OUTCOME_UNKNOWN");
    EXPECT_TRUE(files.backup.empty()) << "nothing is confirmed that is not durable";

    node = Start(disk, files);
    ASSERT_TRUE(node.held->next.has_value()) << "both generations are in the file";
    ExpectAllKeys(node);
    EXPECT_TRUE(*node.rotation->IsDue());
    ASSERT_TRUE(Rotate(node).ok());
    ExpectRotated(disk, files);
  }
}

TEST_F(KekRotationTest, TheOldKekStaysUntilTheBackupIsConfirmed) {
  Started node = Start(disk_, files_);
  ASSERT_TRUE(node.rotation->Begin().ok());
  store::Batch batch;
  ASSERT_TRUE(node.rotation->Rewrap(kStart + 2 * kExchangeWeek, batch).ok());
  ASSERT_TRUE(node.store->Commit(batch, store::Durability::kSynced).ok());
  files_.truncates = true;
  EXPECT_EQ(RuleOf(node.rotation->Finish()), "KEY_BACKUP_UNCONFIRMED");
  EXPECT_TRUE(UnwrapKek(files_.kek, root_)->next.has_value());
  files_.truncates = false;
  ASSERT_TRUE(node.rotation->Finish().ok());
  ExpectRotated(disk_, files_);
}

TEST_F(KekRotationTest, ARowThatDoesNotOpenStopsItBeforeAnythingIsChanged) {
  Started node = Start(disk_, files_);
  auto row = *node.store->First(Table::kKeys, KeyRange::Prefix("d"));
  row->value.back() ^= 1;
  store::Batch batch;
  batch.Put(Table::kKeys, row->key, row->value);
  ASSERT_TRUE(node.store->Commit(batch, store::Durability::kSynced).ok());
  node = Start(disk_, files_);
  batch.Clear();
  ASSERT_TRUE(node.rotation->Begin().ok());
  EXPECT_EQ(RuleOf(node.rotation->Rewrap(kStart + 2 * kExchangeWeek, batch)), "KEY_ROW_MALFORMED");
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(node.table->kek_generation(), 1u);
}

TEST_F(KekRotationTest, ADestructionDuringARotationMakesAnotherOneDue) {
  Started node = Start(disk_, files_);
  store::Batch batch;
  ASSERT_TRUE(node.rotation->Begin().ok());
  ASSERT_TRUE(node.rotation->Rewrap(kStart + 2 * kExchangeWeek, batch).ok());
  node.exchange->Rotate(kStart + 4 * kExchangeWeek, batch);  // destroys the one that it made
  ASSERT_TRUE(node.store->Commit(batch, store::Durability::kSynced).ok());
  ASSERT_TRUE(node.rotation->Finish().ok());
  EXPECT_TRUE(*node.rotation->IsDue());
  ASSERT_TRUE(Rotate(node).ok());
  EXPECT_FALSE(*node.rotation->IsDue());
}

// Whoever holds the data backup and the key-table backup of before, with today's root secret and KEK file, opens
// neither the exchange key that was destroyed nor the data key in its old wrapping.
TEST_F(KekRotationTest, OldBackupsOpenNothingAfterARotation) {
  Started node = Start(disk_, files_);
  const std::string old_file = *ExportKeys(*node.store, 1);
  store::Batch copy;  // every row of the data backup, with the exchange key put back from before its end
  ASSERT_TRUE(node.store
                  ->Scan(Table::kKeys, KeyRange::All(), store::Order::kAscending,
                         [&](auto key, auto value) {
                           copy.Put(Table::kKeys, key, value);
                           return store::Step::kContinue;
                         })
                  .ok());
  ASSERT_TRUE(Rotate(node).ok());

  const KekGenerations today = *UnwrapKek(files_.kek, root_);
  MemoryDisk theirs;
  const auto stolen = *store::OpenMemoryStore(theirs, 1);
  ASSERT_TRUE(stolen->Commit(copy, store::Durability::kSynced).ok());
  EXPECT_EQ(RuleOf(KeyTable::Load(*stolen, today.current, random_).status()), "KEK_GENERATION_MISMATCH");
  EXPECT_FALSE(ExchangeKeys::Load(*stolen, today.current, random_).ok());
  // Nor where the generation that a row names is ignored.
  const Kek forged{1, today.current.key};
  EXPECT_FALSE((*KeyTable::Load(*stolen, forged, random_))->Find(key_->id).ok());
  EXPECT_FALSE(ExchangeKeys::Load(*stolen, forged, random_).ok());
  store::Batch import;
  ASSERT_TRUE(ImportKeys(*ParseKeyBackup(old_file), *stolen, import).ok());
  ASSERT_TRUE(stolen->Commit(import, store::Durability::kSynced).ok());
  EXPECT_EQ(RuleOf(KeyTable::Load(*stolen, today.current, random_).status()), "KEK_GENERATION_MISMATCH");
  EXPECT_FALSE((*KeyTable::Load(*stolen, forged, random_))->Find(key_->id).ok());
}

TEST_F(KekRotationTest, AKekFileOfTwoGenerationsIsReadWholeOrNotAtAll) {
  const Kek first = NewKek(random_);
  const std::string file = WrapKek({first, NewKek(random_, 2)}, root_, random_);
  const auto read = UnwrapKek(file, root_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->current.key == first.key);
  EXPECT_EQ(read->next->generation, 2u);
  const std::string alone = WrapKek({first, std::nullopt}, root_, random_);
  for (size_t i = 0; i < file.size(); ++i) {
    std::string altered = file;
    altered[i] ^= 1;
    EXPECT_EQ(RuleOf(UnwrapKek(altered, root_).status()), "KEK_UNREADABLE") << "byte " << i;
    if (i == alone.size()) continue;  // a file of the first alone
    EXPECT_EQ(RuleOf(UnwrapKek(file.substr(0, i), root_).status()), "KEK_UNREADABLE") << "cut to " << i;
  }
  EXPECT_EQ(RuleOf(UnwrapKek(WrapKek({first, NewKek(random_, 3)}, root_, random_), root_).status()), "KEK_UNREADABLE");
  EXPECT_EQ(RuleOf(UnwrapKek(file + file.substr(alone.size()), root_).status()), "KEK_UNREADABLE");
}

}  // namespace
}  // namespace medflyt::keys
