#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "server/keys/access_period.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/kek.h"
#include "server/keys/key_row.h"
#include "server/keys/key_table.h"
#include "server/store/memory_store.h"

namespace medflyt::keys {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const AuthorityId kOdense = *AuthorityId::Parse("35209115");
const AuthorityId kNyborg = *AuthorityId::Parse("29189722");

std::string RuleOf(const absl::Status& status) {
  const auto rule = BrokenRuleOf(status);
  return rule ? rule->rule : "";
}

class KeysTest : public ::testing::Test {
 protected:
  void Commit() {
    ASSERT_TRUE(store_->Commit(batch_, store::Durability::kSynced).ok());
    batch_.Clear();
  }
  absl::StatusOr<std::unique_ptr<KeyTable>> Load() { return KeyTable::Load(*store_, kek_, random_); }
  KeyPurpose Purpose(AuthorityId recipient, event::RetentionClass retention = event::RetentionClass::kCase) {
    return {case_, kOdense, recipient, retention};
  }

  crypto::SystemRandom random_;
  store::MemoryDisk disk_;
  std::unique_ptr<store::Store> store_ = *store::OpenMemoryStore(disk_, 1);
  store::Batch batch_;
  Kek kek_ = NewKek(random_);
  CaseId case_ = random_.NewId<CaseId>();
};

TEST_F(KeysTest, OneKeyForEachCaseRecipientAndRetentionClass) {
  auto table = *Load();
  bool created = false;
  const auto key = table->FindOrCreate(Purpose(kNyborg), batch_, created);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(created);
  EXPECT_EQ(table->FindOrCreate(Purpose(kNyborg), batch_, created)->id, key->id);
  EXPECT_FALSE(created);
  EXPECT_NE(table->FindOrCreate(Purpose(kOdense), batch_, created)->id, key->id);
  EXPECT_NE(table->FindOrCreate(Purpose(kNyborg, event::RetentionClass::kAccounting), batch_, created)->id, key->id);
  KeyPurpose other = Purpose(kNyborg);
  other.case_id = random_.NewId<CaseId>();
  EXPECT_NE(table->FindOrCreate(other, batch_, created)->id, key->id);
  EXPECT_EQ(table->size(), 4u);
}

TEST_F(KeysTest, KeysSurviveARestartAndStandNowhereInClear) {
  bool created = false;
  auto table = *Load();
  const auto key = *table->FindOrCreate(Purpose(kNyborg), batch_, created);
  table->MarkGranted(key.id, batch_);
  Commit();

  auto reloaded = *Load();
  EXPECT_TRUE(*reloaded->Find(key.id) == key.key);
  EXPECT_TRUE(reloaded->IsGranted(key.id));
  EXPECT_EQ(reloaded->FindOrCreate(Purpose(kNyborg), batch_, created)->id, key.id);
  EXPECT_FALSE(created);
  ASSERT_TRUE(store_
                  ->Scan(store::Table::kKeys, store::KeyRange::All(), store::Order::kAscending,
                         [&key](std::string_view, std::string_view value) {
                           EXPECT_THAT(std::string(value), Not(HasSubstr(std::string(key.key.ExposeView()))));
                           return store::Step::kContinue;
                         })
                  .ok());
}

TEST_F(KeysTest, ADestroyedKeyIsGoneAndNobodyGivesItBack) {
  auto table = *Load();
  bool created = false;
  const auto key = *table->FindOrCreate(Purpose(kNyborg), batch_, created);
  const auto kept = *table->FindOrCreate(Purpose(kNyborg, event::RetentionClass::kAccounting), batch_, created);
  Commit();
  EXPECT_EQ(table->IdsOf(std::set<CaseId>{case_}, event::RetentionClass::kCase), std::set<KeyId>{key.id});
  ASSERT_TRUE(table->Destroy(key.id, batch_).ok());
  EXPECT_EQ(RuleOf(table->Destroy(key.id, batch_)), "KEY_UNKNOWN");
  Commit();

  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_TRUE(table->IsDestroyed(key.id));
    EXPECT_FALSE(table->IsDestroyed(kept.id));
    EXPECT_EQ(RuleOf(table->Find(key.id).status()), "KEY_UNKNOWN");
    EXPECT_EQ(RuleOf(table->Find(Purpose(kNyborg)).status()), "KEY_UNKNOWN");
    EXPECT_TRUE(*table->Find(kept.id) == kept.key);
    EXPECT_EQ(RuleOf(table->Accept(key, Purpose(kNyborg), batch_)), "KEY_DESTROYED");
    EXPECT_TRUE(table->IdsOf(std::set<CaseId>{case_}, event::RetentionClass::kCase).empty());
    table = *Load();
  }
  EXPECT_TRUE(store_->Get(store::Table::kMeta, kKekRotationDueRow)->has_value());
  // For the same purpose another key is made.
  EXPECT_NE(table->FindOrCreate(Purpose(kNyborg), batch_, created)->id, key.id);
  EXPECT_TRUE(created);
}

TEST_F(KeysTest, AnAccessPeriodIsAMonthAndNothingElse) {
  const absl::CivilMonth month(2026, 11);
  EXPECT_EQ(MonthOfAccessPeriod(AccessPeriodOf(month)), month);
  EXPECT_NE(AccessPeriodOf(month), AccessPeriodOf(month + 1));
  EXPECT_EQ(MonthOfAccessPeriod(case_), std::nullopt);
  EXPECT_EQ(MonthOfAccessPeriod(CaseId()), std::nullopt);
}

TEST_F(KeysTest, AnotherKekOrGenerationOpensNothing) {
  bool created = false;
  const auto key = *(*Load())->FindOrCreate(Purpose(kNyborg), batch_, created);
  Commit();
  const Kek right = kek_;
  kek_ = {right.generation, crypto::Key::Random()};
  EXPECT_EQ(RuleOf((*Load())->Find(key.id).status()), "KEY_ROW_MALFORMED");
  kek_ = {right.generation + 1, right.key};
  EXPECT_EQ(RuleOf(Load().status()), "KEK_GENERATION_MISMATCH");
}

// Every bit of a row: what it is for is bound to the key that it wraps.
TEST_F(KeysTest, AnyAlteredByteOfARowIsFound) {
  bool created = false;
  const auto key = *(*Load())->FindOrCreate(Purpose(kNyborg), batch_, created);
  Commit();
  const auto row = *store_->First(store::Table::kKeys, store::KeyRange::All());
  constexpr size_t kGrantedFlag = 1 + 4 + 4 + 4 + 1 + 16;
  for (size_t i = 0; i < row->value.size(); ++i) {
    if (i == kGrantedFlag) continue;  // says only whether the grant is sent again
    std::string altered = row->value;
    altered[i] ^= 1;
    batch_.Put(store::Table::kKeys, row->key, altered);
    Commit();
    const auto table = Load();
    EXPECT_FALSE(table.ok() && (*table)->Find(key.id).ok()) << "byte " << i;
  }
  for (size_t size = 0; size < row->value.size(); ++size) {
    batch_.Put(store::Table::kKeys, row->key, row->value.substr(0, size));
    Commit();
    EXPECT_EQ(RuleOf(Load().status()), "KEY_ROW_MALFORMED") << "cut to " << size;
  }
}

TEST_F(KeysTest, GrantedKeyIsAcceptedOnceAndNeverReplaced) {
  auto table = *Load();
  const DataKey granted{random_.NewId<KeyId>(), crypto::Key::Random()};
  const KeyPurpose purpose{case_, kNyborg, kOdense, event::RetentionClass::kCase};
  ASSERT_TRUE(table->Accept(granted, purpose, batch_).ok());
  EXPECT_TRUE(table->Accept(granted, purpose, batch_).ok());
  EXPECT_EQ(RuleOf(table->Accept({granted.id, crypto::Key::Random()}, purpose, batch_)), "KEY_ID_REUSED");
  Commit();
  EXPECT_TRUE(*(*Load())->Find(granted.id) == granted.key);
  EXPECT_EQ(RuleOf(table->Find(random_.NewId<KeyId>()).status()), "KEY_UNKNOWN");
}

// Who asks what a key is for decides by it what is erased: of an id that no held key has there is no answer.
TEST_F(KeysTest, WhatAKeyIsForIsKnownOfHeldKeysAlone) {
  auto table = *Load();
  bool created = false;
  const KeyId own = table->FindOrCreate(Purpose(kNyborg, event::RetentionClass::kAccounting), batch_, created)->id;
  const DataKey granted{random_.NewId<KeyId>(), crypto::Key::Random()};
  const KeyPurpose granted_for{case_, kNyborg, kOdense, event::RetentionClass::kCase};
  ASSERT_TRUE(table->Accept(granted, granted_for, batch_).ok());
  const KeyId destroyed = table->FindOrCreate(Purpose(kNyborg), batch_, created)->id;
  ASSERT_TRUE(table->Destroy(destroyed, batch_).ok());
  const KeyId unknown = random_.NewId<KeyId>();
  // Accepting it again for something else does not change it.
  ASSERT_TRUE(table->Accept(granted, Purpose(kNyborg), batch_).ok());
  Commit();

  for (int restart = 0; restart < 2; ++restart) {
    SCOPED_TRACE(restart);
    EXPECT_TRUE(*table->PurposeOf(own) == Purpose(kNyborg, event::RetentionClass::kAccounting));
    EXPECT_TRUE(*table->PurposeOf(granted.id) == granted_for);
    for (const KeyId& id : {destroyed, unknown, KeyId()}) {
      const auto purpose = table->PurposeOf(id);
      EXPECT_TRUE(absl::IsNotFound(purpose.status())) << purpose.status();
      EXPECT_EQ(RuleOf(purpose.status()), "KEY_UNKNOWN");
    }
    table = *Load();
  }
}

// A table with a row that says of its key what no key is for answers nobody: it is not loaded.
TEST_F(KeysTest, ARowThatNoKeyHasIsNotLoaded) {
  const KeyId id = random_.NewId<KeyId>();
  const KeyPurpose purpose = Purpose(kNyborg);
  const std::string wrapped(crypto::Nonce::kSize + crypto::Key::kSize + crypto::kSealOverhead, 'w');
  const std::string row = DataKeyRowHead(kek_.generation, purpose) + std::string(1, '\0') + wrapped;
  constexpr size_t kIssuer = 1 + 4;
  constexpr size_t kRecipient = kIssuer + 4;
  constexpr size_t kRetention = kRecipient + 4;
  constexpr size_t kGranted = kRetention + 1 + CaseId::kSize;
  const auto with = [](std::string value, size_t at, std::string_view bytes) {
    return value.replace(at, bytes.size(), bytes);
  };
  const std::string row_key = DataKeyRowKey(id);
  const std::string no_authority(4, static_cast<char>(0xff));
  const std::vector<std::pair<std::string, std::string>> malformed = {
      {row_key, with(row, 0, "\2")},
      {row_key, with(row, kIssuer, no_authority)},
      {row_key, with(row, kRecipient, no_authority)},
      {row_key, with(row, kRetention, std::string_view("\0", 1))},
      {row_key, with(row, kRetention, "\4")},
      {row_key, with(row, kGranted, "\2")},
      {row_key, row + "w"},
      {row_key + "k", row},
      {row_key.substr(0, row_key.size() - 1), row},
      {DestroyedRowKey(id), ""},
      {DestroyedRowKey(id), "\2"},
      {DestroyedRowKey(id) + "k", DestroyedRowValue()}};
  for (size_t i = 0; i < malformed.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& [key, value] = malformed[i];
    batch_.Put(store::Table::kKeys, key, value);
    Commit();
    const auto table = Load();
    EXPECT_TRUE(absl::IsDataLoss(table.status())) << table.status();
    EXPECT_EQ(RuleOf(table.status()), "KEY_ROW_MALFORMED");
    batch_.Delete(store::Table::kKeys, key);
    Commit();
  }
  // Unaltered it loads: what is wrapped is looked at when the key is.
  batch_.Put(store::Table::kKeys, row_key, row);
  Commit();
  const auto table = Load();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_TRUE(*(*table)->PurposeOf(id) == purpose);
  EXPECT_EQ(RuleOf((*table)->Find(id).status()), "KEY_ROW_MALFORMED");
}

TEST_F(KeysTest, KekFileOpensUnderItsRootSecretOnly) {
  const crypto::Key root = crypto::Key::Random();
  const std::string file = WrapKek({kek_, std::nullopt}, root, random_);
  const auto opened = UnwrapKek(file, root);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->current.key == kek_.key);
  EXPECT_EQ(opened->current.generation, kek_.generation);
  EXPECT_FALSE(opened->next.has_value());
  EXPECT_EQ(RuleOf(UnwrapKek(file, crypto::Key::Random()).status()), "KEK_UNREADABLE");
  for (size_t i = 0; i < file.size(); ++i) {
    std::string altered = file;
    altered[i] ^= 1;
    EXPECT_EQ(RuleOf(UnwrapKek(altered, root).status()), "KEK_UNREADABLE") << "byte " << i;
    EXPECT_EQ(RuleOf(UnwrapKek(file.substr(0, i), root).status()), "KEK_UNREADABLE") << "cut to " << i;
  }
}

TEST_F(KeysTest, ExchangeKeyOfAnEpochIsDestroyedAfterTheNext) {
  const absl::Time start = absl::UnixEpoch() + kExchangeWeek * 3000 + absl::Hours(1);
  auto keys = *ExchangeKeys::Load(*store_, kek_, random_);
  EXPECT_EQ(RuleOf(keys->current().status()), "NO_EXCHANGE_KEY");
  EXPECT_TRUE(keys->Rotate(start, batch_));
  EXPECT_FALSE(keys->Rotate(start + absl::Hours(1), batch_));
  const auto first = *keys->current();
  EXPECT_EQ(first.epoch, 3000 * kEpochsAWeek);
  EXPECT_EQ(first.not_after, absl::UnixEpoch() + kExchangeWeek * 3001);
  const std::string sealed = *crypto::SealTo(first.public_key, "a data key");
  Commit();

  // One epoch later what was on its way still opens, after a restart too.
  keys = *ExchangeKeys::Load(*store_, kek_, random_);
  EXPECT_TRUE(keys->Rotate(start + kExchangeWeek, batch_));
  ASSERT_TRUE(keys->Find(first.epoch).ok());
  EXPECT_EQ(*crypto::OpenSealed(*keys->Find(first.epoch), sealed), "a data key");
  EXPECT_NE(keys->current()->public_key, first.public_key);
  Commit();

  // Another one later nobody can open it: neither memory nor store has the key.
  EXPECT_TRUE(keys->Rotate(start + 2 * kExchangeWeek, batch_));
  Commit();
  EXPECT_EQ(RuleOf(keys->Find(first.epoch).status()), "EXCHANGE_KEY_DESTROYED");
  EXPECT_EQ(RuleOf((*ExchangeKeys::Load(*store_, kek_, random_))->Find(first.epoch).status()),
            "EXCHANGE_KEY_DESTROYED");
}

TEST_F(KeysTest, RenewedExchangeKeysOpenNothingOfBefore) {
  const absl::Time now = absl::UnixEpoch() + kExchangeWeek * 3000 + absl::Hours(1);
  auto keys = *ExchangeKeys::Load(*store_, kek_, random_);
  keys->Renew(kek_, now, batch_);
  EXPECT_EQ(RuleOf(keys->current().status()), "NO_EXCHANGE_KEY") << "there was none to renew";
  keys->Rotate(now - kExchangeWeek, batch_);
  keys->Rotate(now, batch_);
  const auto first = *keys->current();
  Commit();
  const Kek next{kek_.generation + 1, crypto::Key::Random()};
  for (uint32_t again = 1; again <= 3; ++again) {
    keys->Renew(next, now, batch_);
    EXPECT_EQ(keys->current()->epoch, first.epoch + again);
    EXPECT_EQ(keys->current()->not_after, first.not_after);
  }
  EXPECT_NE(keys->current()->public_key, first.public_key);
  Commit();
  keys = *ExchangeKeys::Load(*store_, next, random_);
  for (uint32_t ended = first.epoch - kEpochsAWeek; ended < first.epoch + 3; ++ended) {
    EXPECT_FALSE(keys->Find(ended).ok()) << ended;
  }
  EXPECT_FALSE(keys->Rotate(now + absl::Hours(1), batch_)) << "this week has its key";
  EXPECT_TRUE(keys->Rotate(now + kExchangeWeek, batch_));
  EXPECT_EQ(keys->current()->epoch, first.epoch + kEpochsAWeek);
}

}  // namespace
}  // namespace medflyt::keys
