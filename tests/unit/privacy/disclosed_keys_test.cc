// What auditors hold of single events: remembered until the case is erased, and told to who erases.
#include "server/privacy/disclosed_keys.h"

#include "common/base/bytes.h"
#include "common/merkle/tree_hasher.h"
#include "tests/unit/privacy/erasing_test.h"

namespace medflyt::testing {
namespace {

using privacy::DisclosedKey;
using privacy::OpenedEvent;

const crypto::Hash kEva = crypto::Sha256("eva's certificate");
const crypto::Hash kCarl = crypto::Sha256("carl's certificate");

class DisclosedKeysTest : public ErasingTest {
 protected:
  // The events of the case, as an auditor opens them.
  std::vector<OpenedEvent> Events() {
    const std::set<KeyId> keys = KeysOf(enrolment_);
    std::vector<OpenedEvent> events;
    EXPECT_TRUE(log_->reader()
                    .Visit(log::Position(0), log_->end(),
                           [&](log::Position, std::string_view entry, const KeyId& key_id) {
                             if (keys.contains(key_id)) events.push_back({merkle::LeafHash(entry), key_id});
                             return absl::OkStatus();
                           })
                    .ok());
    return events;
  }
  absl::Status Remember(const crypto::Hash& certificate, const std::vector<OpenedEvent>& events) {
    absl::StatusOr<std::set<crypto::Hash>> erased = std::set<crypto::Hash>();
    On([&](log::Appender& appender) {
      erased = privacy::RememberDisclosed(appender, random_, enrolment_, certificate, events);
    });
    if (erased.ok()) erased_ = *erased;
    return erased.status();
  }
  std::vector<DisclosedKey> Remembered() {
    std::vector<DisclosedKey> keys;
    On([&](log::Appender& appender) { keys = *privacy::DisclosedOf(appender, {enrolment_}); });
    return keys;
  }
  privacy::KeptDisclosed KeptOf(const CaseId& erasure) {
    privacy::KeptDisclosed kept;
    On([&](log::Appender& appender) { kept = *privacy::KeptDisclosedOf(appender, erasure); });
    return kept;
  }
  // Of one kind, key and value.
  std::vector<store::Row> Rows(const std::string& kind) {
    std::vector<store::Row> rows;
    EXPECT_TRUE(store_
                    ->Scan(store::Table::kIndex, store::KeyRange::Prefix(kind), store::Order::kAscending,
                           [&](std::string_view key, std::string_view value) {
                             rows.push_back({std::string(key), std::string(value)});
                             return store::Step::kContinue;
                           })
                    .ok());
    return rows;
  }
  std::optional<std::string> Row() {
    const std::vector<store::Row> rows = Rows("k");
    return rows.empty() ? std::nullopt : std::optional(rows.front().value);
  }

  std::set<crypto::Hash> erased_;  // of the last Remember
};

TEST_F(DisclosedKeysTest, BothOfficersAreToldAndThenItIsForgotten) {
  const std::vector<OpenedEvent> events = Events();
  ASSERT_EQ(events.size(), 4U) << "proposed, started, ended, and why";
  const std::string state = StateNow().CanonicalBytes();
  ASSERT_TRUE(Remember(kEva, events).ok());
  EXPECT_TRUE(StateNow().CanonicalBytes() == state) << "beside the state: no entry of the log says so";
  Open();
  std::vector<DisclosedKey> held;
  for (const OpenedEvent& each : events) held.push_back({each.leaf_hash, kOdense, kEva, today()});
  EXPECT_EQ(Remembered(), held);

  EXPECT_EQ(Erase("anna", "1")->disclosed, held);
  EXPECT_EQ(Remembered(), held);
  const auto erased = Erase("bo", "2");
  ASSERT_TRUE(erased->done);
  EXPECT_EQ(erased->disclosed, held);
  EXPECT_FALSE(Row().has_value());
  EXPECT_TRUE(Remembered().empty());
  // Who never saw the answer looks it up.
  Open();
  EXPECT_EQ(KeptOf(erased->erasure).keys, held);
  EXPECT_EQ(KeptOf(erased->erasure).left, 0U);
  ASSERT_EQ(Rows("d").size(), 1U);
  EXPECT_EQ(Rows("d").front().value.find(kEva.bytes()), std::string::npos);
}

TEST_F(DisclosedKeysTest, AfterwardsSomeAreKeptAndTheRestIsCounted) {
  const auto erasure = random_.NewId<CaseId>();
  std::vector<DisclosedKey> disclosed;
  for (size_t i = 0; i < privacy::kMaxKeptDisclosed + 3; ++i) {
    disclosed.push_back({crypto::Sha256(std::to_string(i)), kNyborg, kEva, today()});
  }
  On([&](log::Appender& appender) { ASSERT_TRUE(privacy::KeepDisclosed(appender, random_, erasure, disclosed).ok()); });
  const auto kept = KeptOf(erasure);
  EXPECT_EQ(kept.keys.size(), privacy::kMaxKeptDisclosed);
  EXPECT_EQ(kept.keys.back(), disclosed[privacy::kMaxKeptDisclosed - 1]);
  EXPECT_EQ(kept.left, 3U);
  EXPECT_TRUE(KeptOf(random_.NewId<CaseId>()).keys.empty());
}

// One key of several, as of a case whose local events alone are left.
TEST_F(DisclosedKeysTest, WhatWasErasedMeanwhileIsLeftOutAndTheRestRemembered) {
  const keys::DataKey granted{random_.NewId<KeyId>(), crypto::Key::Random()};
  On([&](log::Appender& appender) {
    ASSERT_TRUE(appender.keys()
                    .Accept(granted, {enrolment_, kNyborg, kOdense, event::RetentionClass::kCase}, appender.batch())
                    .ok());
    ASSERT_TRUE(privacy::DestroyKeys(appender, {granted.id}).ok());
  });
  const OpenedEvent held = Events().front();
  ASSERT_TRUE(Remember(kEva, {{crypto::Sha256("theirs"), granted.id}, held}).ok());
  EXPECT_EQ(erased_, std::set<crypto::Hash>{crypto::Sha256("theirs")});
  EXPECT_EQ(Remembered(), (std::vector<DisclosedKey>{{held.leaf_hash, kOdense, kEva, today()}}));
}

TEST_F(DisclosedKeysTest, EachHolderStandsOnceWithTheFirstDay) {
  const std::vector<OpenedEvent> events = Events();
  const Date first = today();
  ASSERT_TRUE(Remember(kEva, {events[0]}).ok());
  clock_.now += absl::Hours(48);
  ASSERT_TRUE(Remember(kEva, {events[0], events[1]}).ok());
  ASSERT_TRUE(Remember(kCarl, {events[0]}).ok());
  EXPECT_EQ(Remembered(), (std::vector<DisclosedKey>{{events[0].leaf_hash, kOdense, kEva, first},
                                                     {events[1].leaf_hash, kOdense, kEva, today()},
                                                     {events[0].leaf_hash, kOdense, kCarl, today()}}));
}

TEST_F(DisclosedKeysTest, WhatAPeerSaidIsOfThePairWithIt) {
  const keys::DataKey granted{random_.NewId<KeyId>(), crypto::Key::Random()};
  On([&](log::Appender& appender) {
    ASSERT_TRUE(appender.keys()
                    .Accept(granted, {enrolment_, kNyborg, kOdense, event::RetentionClass::kCase}, appender.batch())
                    .ok());
  });
  ASSERT_TRUE(Remember(kEva, {{crypto::Sha256("theirs"), granted.id}}).ok());
  EXPECT_EQ(Remembered(), (std::vector<DisclosedKey>{{crypto::Sha256("theirs"), kNyborg, kEva, today()}}));
}

// The auditor's read waited behind an erasure: what nobody would remember is not given.
TEST_F(DisclosedKeysTest, AKeyThatWasDestroyedMeanwhileIsNotGiven) {
  const std::vector<OpenedEvent> events = Events();
  ASSERT_TRUE(Erase("anna", "1").ok());
  ASSERT_TRUE(Erase("bo", "2")->done);
  ASSERT_TRUE(Remember(kEva, events).ok());
  EXPECT_EQ(erased_.size(), events.size());
  EXPECT_FALSE(Row().has_value());
  EXPECT_TRUE(KeysOf(enrolment_).empty()) << "no key is made for a case that is gone";
}

TEST_F(DisclosedKeysTest, OfACaseThatIsInNoStateNothingIsKept) {
  const auto refused = random_.NewId<CaseId>();
  const KeyId granted = GrantedFor(refused);
  On([&](log::Appender& appender) {
    EXPECT_TRUE(privacy::RememberDisclosed(appender, random_, refused, kEva, {{crypto::Sha256("no"), granted}}).ok());
  });
  EXPECT_EQ(KeysOf(refused), std::set<KeyId>{granted}) << "no key of our own that nobody would ever destroy";
}

TEST_F(DisclosedKeysTest, TheSweepCountsThemToo) {
  ASSERT_TRUE(Remember(kEva, Events()).ok());
  directory_.periods = {{domain::Kept::kCase, Date(2000, 1, 1), 0, 30, true}};
  clock_.now += absl::Hours(24 * 40);
  const auto outcome = Sweep();
  EXPECT_EQ(outcome.erased, 1U);
  EXPECT_EQ(outcome.disclosed, 4U);
  EXPECT_FALSE(Row().has_value());
  EXPECT_TRUE(Rows("d").empty()) << "there is no erasure of officers to show it with";
}

TEST_F(DisclosedKeysTest, TheRowTellsNothingWithoutTheCasesKey) {
  const std::vector<OpenedEvent> events = Events();
  ASSERT_TRUE(Remember(kEva, events).ok());
  const auto row = Row();
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->size(), Remember(kCarl, {events[0]}).ok() ? Row()->size() : 0)
      << "nor how many there are, but roughly";
  ASSERT_EQ(Rows("k").size(), 1U);
  EXPECT_EQ(Rows("k").front().key.find(enrolment_.bytes()), std::string::npos) << "nor of which case";
  EXPECT_EQ(row->find(kEva.bytes()), std::string::npos);
  EXPECT_EQ(row->find(events[0].leaf_hash.bytes()), std::string::npos);
}

// Stored rows depend on it.
TEST(DisclosedKeysRow, TheLayoutIsPinned) {
  const std::vector<DisclosedKey> keys = {
      {crypto::Sha256("leaf"), kNyborg, crypto::Sha256("certificate"), Date(1970, 1, 3)}};
  const std::string row = privacy::EncodeDisclosed(keys);
  EXPECT_EQ(HexEncode(row),
            "01" + crypto::Sha256("leaf").ToHex() + "01bd665a" + crypto::Sha256("certificate").ToHex() + "00000002");
  EXPECT_EQ(*privacy::DecodeDisclosed(row), keys);
  EXPECT_TRUE(privacy::DecodeDisclosed("\1")->empty());
  EXPECT_FALSE(privacy::DecodeDisclosed("").ok());
  for (size_t size = 2; size < row.size(); ++size) EXPECT_FALSE(privacy::DecodeDisclosed(row.substr(0, size)).ok());
  EXPECT_FALSE(privacy::DecodeDisclosed("\2" + row.substr(1)).ok());
  std::string nobody = row;
  nobody.replace(33, 4, std::string("\xff\xff\xff\xff"));
  EXPECT_FALSE(privacy::DecodeDisclosed(nobody).ok());
}

}  // namespace
}  // namespace medflyt::testing
