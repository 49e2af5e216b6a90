// The rows' bytes: a layout that stored data depends on.
#include "server/domain/codec.h"
#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::RowChange;
using domain::RowKey;
using domain::RowKind;

class RowsTest : public Story {
 protected:
  // A story that touches every kind of row and most of their fields.
  void Tell() {
    const CaseId with_nyborg = Agree(kNyborg, 1);
    const CaseId enrolment = Enrol(kOdense, 1, Date(2026, 2, 1));
    ASSERT_DONE(world.Do(kOdense, PauseEnrolment{enrolment, Date(2026, 2, 10)}));
    Observe(kOdense, enrolment, "0440", Date(2026, 3, 5), "held", {HoldReason::kSpecialRoadCode});
    const CaseId relocation = Announce(kOdense, enrolment, "0450", Date(2026, 3, 10));
    world.DeliverAll();
    Request(kNyborg, relocation, with_nyborg);
    world.DeliverAll();
    ASSERT_DONE(world.Do(kNyborg, ProposeEnrolment{Case("waits"), kOdense, Citizen(2), with_nyborg, Date(2026, 3, 1)}));
    world.DeliverAll();
  }
};

TEST_F(RowsTest, TheLayoutIsPinned) {
  Tell();
  // A change here is a change of layout: stored states would no longer load. Raise codec::kVersion and migrate.
  EXPECT_EQ(crypto::Sha256(odense().CanonicalBytes()).ToHex(),
            "59d04073762f7b87952324a5362902cd8792c12539939a9c5ea794d4485c6929");
  EXPECT_EQ(crypto::Sha256(nyborg().CanonicalBytes()).ToHex(),
            "49b2f69418cd7a2c98f3b97913f705d13bf3dadd341195a1c6d5c1dee4f45ada");

  domain::NodeCounters counters;
  counters.next_waiting = 300;
  counters.last_production_date = Date(1970, 1, 3);
  EXPECT_EQ(HexEncode(domain::codec::Encode(counters)), "01ac020104");
}

TEST_F(RowsTest, ChangesComeOnceInKeyOrderWithPresentBytes) {
  Tell();
  domain::State& state = world.node(kOdense).state;
  const CaseId transfer = Case("transfer of " + kNyborg.ToString());
  ASSERT_DONE(world.Do(kOdense, ResumeEnrolment{transfer, Date(2026, 3, 18)}));  // with a ground
  const std::vector<RowChange> changes = state.TakeChanges();
  ASSERT_GT(changes.size(), 5U);
  for (size_t i = 1; i < changes.size(); ++i) EXPECT_TRUE(changes[i - 1].key < changes[i].key);
  EXPECT_TRUE(state.TakeChanges().empty());
  const CaseId enrolment = Case("enrolment of 1 by " + kOdense.ToString());
  ASSERT_DONE(world.Do(kOdense, PauseEnrolment{transfer, Date(2026, 3, 20)}));
  const std::vector<RowChange> more = state.TakeChanges();
  ASSERT_EQ(more.size(), 1U) << "a pause changes one row";
  EXPECT_EQ(more[0].key, (RowKey{RowKind::kEnrolment, enrolment})) << "that of the first spell's case";
  domain::State loaded(kOdense);
  for (const RowChange& change : changes) ASSERT_TRUE(loaded.LoadRow(change.key, *change.value).ok());
  ASSERT_TRUE(loaded.LoadRow(more[0].key, *more[0].value).ok());
  EXPECT_TRUE(loaded.CanonicalBytes() == state.CanonicalBytes());
  EXPECT_TRUE(loaded.TakeChanges().empty()) << "what was loaded is no change";
  rows_were_taken = true;
}

TEST_F(RowsTest, ALoadedStateDecidesAsTheOneThatWasSaved) {
  Tell();
  domain::State loaded(kOdense);
  for (const RowChange& change : world.node(kOdense).state.TakeChanges()) {
    ASSERT_TRUE(loaded.LoadRow(change.key, *change.value).ok());
  }
  const domain::State& state = odense();
  const CaseId agreement = Case("agreement " + kNyborg.ToString());
  EXPECT_EQ(domain::PlacesOn(loaded, agreement, Date(2026, 3, 10)),
            domain::PlacesOn(state, agreement, Date(2026, 3, 10)));
  EXPECT_EQ(domain::WaitingListOn(loaded, agreement), domain::WaitingListOn(state, agreement));
  EXPECT_EQ(loaded.EnrolmentsOf(Citizen(1)), state.EnrolmentsOf(Citizen(1)));
  EXPECT_FALSE(loaded.EnrolmentsOf(Citizen(1)).empty());
  const crypto::Hash used = nyborg().relocations().begin()->second.announcement->ref.leaf_hash;
  EXPECT_TRUE(loaded.AnnouncementUsed(used));
  EXPECT_EQ(loaded.EnrolmentsNaming(used), state.EnrolmentsNaming(used));
  const Command command{"officer",
                        EndEnrolment{Case("transfer of " + kNyborg.ToString()), Date(2026, 4, 1), EndReason::kJob},
                        std::nullopt, Ground()};
  const auto then = domain::Decide(loaded, command, world.facts());
  ASSERT_TRUE(then.ok());
  EXPECT_EQ(*then, *domain::Decide(state, command, world.facts()));
  rows_were_taken = true;
}

TEST_F(RowsTest, WhatIsNotARowIsDataLoss) {
  Tell();
  for (const RowChange& change : domain::State(odense()).TakeChanges()) {
    const std::string& value = *change.value;
    const auto load = [&](const RowKey& key, std::string_view bytes) {
      domain::State state(kOdense);
      const absl::Status status = state.LoadRow(key, bytes);
      if (!status.ok()) {
        EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
        EXPECT_EQ(RuleOf(status), "STATE_ROW_CORRUPT");
      }
      return status.ok();
    };
    EXPECT_TRUE(load(change.key, value));
    for (size_t size = 0; size < value.size(); ++size) EXPECT_FALSE(load(change.key, value.substr(0, size))) << size;
    EXPECT_FALSE(load(change.key, value + '\0'));
    std::string other_version = value;
    other_version[0] = 2;
    EXPECT_FALSE(load(change.key, other_version));
    EXPECT_FALSE(load({change.key.kind, Case("another")}, value));
    EXPECT_FALSE(load({static_cast<RowKind>(9), change.key.id}, value));
    // A flipped bit is either refused or another row; never a crash, never the same state.
    for (size_t bit = 0; bit < value.size() * 8; ++bit) {
      std::string flipped = value;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      domain::State state(kOdense);
      if (!state.LoadRow(change.key, flipped).ok()) continue;
      EXPECT_TRUE(state.CanonicalBytes().find(flipped) != std::string::npos) << "one state, one form";
    }
  }
}

TEST_F(RowsTest, NumbersHaveOneForm) {
  domain::NodeCounters counters;
  EXPECT_TRUE(domain::codec::Decode(std::string_view("\x01\x05\x00", 3), counters));
  EXPECT_EQ(counters.next_waiting, 5U);
  EXPECT_FALSE(domain::codec::Decode(std::string_view("\x01\x85\x00\x00", 4), counters)) << "not the shortest";
  EXPECT_FALSE(domain::codec::Decode(std::string_view("\x01\x05\x02", 3), counters)) << "neither absent nor present";
  EXPECT_FALSE(
      domain::codec::Decode(std::string_view("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00", 12), counters))
      << "over 64 bits";
  EXPECT_TRUE(
      domain::codec::Decode(std::string_view("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 12), counters));
  EXPECT_EQ(counters.next_waiting, ~uint64_t{0});
}

}  // namespace
}  // namespace medflyt::testing
