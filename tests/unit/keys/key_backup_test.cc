// The key-table backup: what it holds, that it restores, and that nothing else is taken for one.
#include "server/keys/key_backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/key_table.h"
#include "server/store/memory_store.h"

namespace medflyt::keys {
namespace {

const AuthorityId kOdense = *AuthorityId::Parse("35209115");
const AuthorityId kNyborg = *AuthorityId::Parse("29189722");
constexpr size_t kHeader = 22 + 4 + 4;  // magic, generation, number of rows

std::string RuleOf(const absl::Status& status) {
  const auto rule = BrokenRuleOf(status);
  return rule ? rule->rule : "";
}

// The body with its hash, for files that nobody wrote.
std::string Hashed(std::string body) { return body.append(crypto::Sha256(body).bytes()); }

class KeyBackupTest : public ::testing::Test {
 protected:
  void Commit(store::Store& store) {
    ASSERT_TRUE(store.Commit(batch_, store::Durability::kSynced).ok());
    batch_.Clear();
  }
  DataKey MakeKey(AuthorityId recipient) {
    bool created = false;
    const auto key = table_->FindOrCreate({case_, kOdense, recipient, event::RetentionClass::kCase}, batch_, created);
    Commit(*store_);
    return *key;
  }
  std::string Export() { return *ExportKeys(*store_, kek_.generation); }

  crypto::SystemRandom random_;
  store::MemoryDisk disk_;
  store::MemoryDisk other_disk_;
  std::unique_ptr<store::Store> store_ = *store::OpenMemoryStore(disk_, 1);
  store::Batch batch_;
  Kek kek_ = NewKek(random_);
  std::unique_ptr<KeyTable> table_ = *KeyTable::Load(*store_, kek_, random_);
  CaseId case_ = random_.NewId<CaseId>();
};

TEST_F(KeyBackupTest, WhatWasDestroyedStaysDestroyedInARestoredStore) {
  const DataKey erased = MakeKey(kNyborg);
  const DataKey kept = MakeKey(kOdense);
  ASSERT_TRUE(table_->Destroy(erased.id, batch_).ok());
  Commit(*store_);
  const auto backup = ParseKeyBackup(Export());
  ASSERT_TRUE(backup.ok()) << backup.status();

  const auto restored = *store::OpenMemoryStore(other_disk_, 1);
  ASSERT_TRUE(ImportKeys(*backup, *restored, batch_).ok());
  Commit(*restored);
  const auto table = *KeyTable::Load(*restored, kek_, random_);
  EXPECT_TRUE(table->Has(kept.id));
  EXPECT_FALSE(table->Has(erased.id));
  EXPECT_EQ(RuleOf(table->Accept(erased, {case_, kOdense, kNyborg, event::RetentionClass::kCase}, batch_)),
            "KEY_DESTROYED");
}

TEST_F(KeyBackupTest, RestoresEveryKeyIntoAStoreThatHeldOthers) {
  const DataKey ours = MakeKey(kNyborg);
  const DataKey local = MakeKey(kOdense);
  table_->MarkGranted(ours.id, batch_);
  Commit(*store_);
  const std::string file = Export();

  const auto restored = *store::OpenMemoryStore(other_disk_, 1);
  const Kek stale = NewKek(random_);  // what an old data backup was wrapped under
  bool created = false;
  const auto old =
      (*KeyTable::Load(*restored, stale, random_))
          ->FindOrCreate({random_.NewId<CaseId>(), kOdense, kOdense, event::RetentionClass::kCase}, batch_, created);
  (*ExchangeKeys::Load(*restored, stale, random_))->Rotate(absl::UnixEpoch(), batch_);
  Commit(*restored);

  const auto backup = ParseKeyBackup(file);
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ(backup->kek_generation, 1u);
  ASSERT_TRUE(ImportKeys(*backup, *restored, batch_).ok());
  Commit(*restored);
  const auto table = KeyTable::Load(*restored, kek_, random_);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->size(), 2u);
  EXPECT_TRUE(*(*table)->Find(ours.id) == ours.key);
  EXPECT_TRUE(*(*table)->Find(local.id) == local.key);
  EXPECT_TRUE((*table)->IsGranted(ours.id));
  EXPECT_FALSE((*table)->IsGranted(local.id));
  EXPECT_FALSE((*table)->Has(old->id));
  EXPECT_TRUE(ExchangeKeys::Load(*restored, kek_, random_).ok());
  EXPECT_EQ(*ExportKeys(*restored, 1), file) << "what is restored is exported the same";
}

TEST_F(KeyBackupTest, HoldsNoExchangeKeyAndNoKeyInClear) {
  const DataKey key = MakeKey(kNyborg);
  const std::string without = Export();
  (*ExchangeKeys::Load(*store_, kek_, random_))->Rotate(absl::UnixEpoch(), batch_);
  Commit(*store_);
  EXPECT_EQ(Export(), without);
  EXPECT_EQ(without.find(key.key.ExposeView()), std::string::npos);
  EXPECT_EQ(without.find(kek_.key.ExposeView()), std::string::npos);
}

TEST_F(KeyBackupTest, ATableWithoutKeysHasABackupToo) {
  const auto backup = ParseKeyBackup(Export());
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_TRUE(backup->rows.empty());
}

TEST_F(KeyBackupTest, IsOfOneKekGenerationOnly) {
  MakeKey(kNyborg);
  EXPECT_EQ(RuleOf(ExportKeys(*store_, 2).status()), "KEK_GENERATION_MISMATCH");
  batch_.Put(store::Table::kKeys, "d", "no row");
  Commit(*store_);
  EXPECT_EQ(RuleOf(ExportKeys(*store_, 1).status()), "KEY_ROW_MALFORMED");
}

TEST_F(KeyBackupTest, AnyAlteredOrMissingByteIsFound) {
  MakeKey(kNyborg);
  const std::string file = Export();
  for (size_t i = 0; i < file.size(); ++i) {
    std::string altered = file;
    altered[i] ^= 1;
    EXPECT_EQ(RuleOf(ParseKeyBackup(altered).status()), "KEY_BACKUP_MALFORMED") << "byte " << i;
    EXPECT_EQ(RuleOf(ParseKeyBackup(file.substr(0, i)).status()), "KEY_BACKUP_MALFORMED") << "cut to " << i;
  }
  EXPECT_EQ(RuleOf(ParseKeyBackup(file + '\0').status()), "KEY_BACKUP_MALFORMED");
}

// Under a hash that is right, so that the parser alone stands in the way.
TEST_F(KeyBackupTest, RowsThatNoNodeWritesAreRefused) {
  MakeKey(kNyborg);
  MakeKey(kOdense);
  const std::string file = Export();
  const std::string body = file.substr(0, file.size() - crypto::Hash::kSize);
  ASSERT_TRUE(ParseKeyBackup(Hashed(body)).ok());
  const std::string rows = body.substr(kHeader);
  const std::string first = rows.substr(0, rows.size() / 2);
  const std::string second = rows.substr(rows.size() / 2);
  const auto head = [&body](uint32_t generation, uint32_t count) {
    std::string bytes = body.substr(0, kHeader - 8);
    AppendU32(bytes, generation);
    AppendU32(bytes, count);
    return bytes;
  };
  const auto rule = [](std::string forged) { return RuleOf(ParseKeyBackup(Hashed(std::move(forged))).status()); };
  ASSERT_TRUE(ParseKeyBackup(Hashed(head(1, 1) + second)).ok());
  EXPECT_EQ(rule(head(1, 2) + second + first), "KEY_BACKUP_MALFORMED") << "not ascending";
  EXPECT_EQ(rule(head(1, 2) + first + first), "KEY_BACKUP_MALFORMED") << "one key twice";
  EXPECT_EQ(rule(head(1, 1) + rows), "KEY_BACKUP_MALFORMED") << "a row more than it says";
  EXPECT_EQ(rule(head(1, 3) + rows), "KEY_BACKUP_MALFORMED") << "a row less than it says";
  EXPECT_EQ(rule(head(1, 0xffffffff) + rows), "KEY_BACKUP_MALFORMED");
  EXPECT_EQ(rule(head(2, 2) + rows), "KEY_BACKUP_MALFORMED") << "rows of another generation";
  EXPECT_EQ(rule(head(0, 0)), "KEY_BACKUP_MALFORMED") << "there is no generation 0";
  std::string foreign = rows;
  foreign[2] = 'x';  // an exchange key's row has another form
  EXPECT_EQ(rule(head(1, 2) + foreign), "KEY_BACKUP_MALFORMED");
  EXPECT_EQ(rule("medflyt-key-backup/v2\n" + body.substr(22)), "KEY_BACKUP_MALFORMED");
}

}  // namespace
}  // namespace medflyt::keys
