// An own event that is told again: every row that named it names it as it is told now.
#include "server/domain/readdress.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using domain::EventAddress;
using domain::RowKey;
using domain::State;

class ReaddressTest : public Story {
 protected:
  void SetUp() override {
    with_nyborg = Agree(kNyborg, 1);
    with_kerteminde = Agree(kKerteminde, 1);
  }

  // The last event of this type that the node issued.
  EventAddress Last(AuthorityId issuer, Type type) {
    const auto& log = world.node(issuer).log;
    const auto found = std::find_if(log.rbegin(), log.rend(), [&](const DomainWorld::Entry& entry) {
      return entry.event.header.issuer == issuer && TypeOf(entry.event.body) == type;
    });
    EXPECT_NE(found, log.rend());
    return {found->event.header.id, {found->origin, found->index, found->leaf_hash}};
  }
  // The same event in the log that follows.
  static EventAddress Again(const EventAddress& before) {
    const crypto::Hash leaf = crypto::Sha256(before.entry.leaf_hash.bytes());
    return {*EventId::FromBytes(leaf.bytes().substr(EventId::kSize)),
            {before.entry.origin + "/2", LeafIndex(before.entry.index.value() + 100), leaf}};
  }
  static bool Names(const State& state, const EventAddress& event) {
    const std::string bytes = state.CanonicalBytes();
    return bytes.find(event.id.bytes()) != std::string::npos ||
           bytes.find(event.entry.leaf_hash.bytes()) != std::string::npos;
  }
  // The state, told again; nothing of what it was told as is left, the changed rows lead to it, and back to what it
  // was.
  State ToldAgain(AuthorityId who, const EventAddress& before) {
    State state = world.state(who);
    const std::string bytes = state.CanonicalBytes();
    std::map<RowKey, std::string> rows;
    const auto take_rows = [&] {
      for (domain::RowChange& change : state.TakeChanges()) {
        if (change.value) rows.insert_or_assign(change.key, *std::move(change.value));
      }
    };
    take_rows();
    EXPECT_TRUE(Names(state, before));
    const EventAddress now = Again(before);
    domain::Readdress(state, before, now);
    EXPECT_FALSE(Names(state, before));
    EXPECT_TRUE(Names(state, now));
    take_rows();
    State loaded(who);
    for (const auto& [key, value] : rows) EXPECT_TRUE(loaded.LoadRow(key, value).ok());
    EXPECT_TRUE(loaded.CanonicalBytes() == state.CanonicalBytes());
    State back = state;
    domain::Readdress(back, now, before);
    EXPECT_TRUE(back.CanonicalBytes() == bytes);
    return state;
  }
  // What an officer's command would tell others.
  template <typename Body>
  Body Told(const State& state, const CommandBody& command) {
    const auto drafts = OnGround({"officer-1", command},
                                 [&](const Command& each) { return domain::Decide(state, each, world.facts()); });
    EXPECT_TRUE(drafts.ok()) << drafts.status();
    for (const Draft& draft : drafts.value()) {
      if (const Body* body = std::get_if<Body>(&draft.body)) return *body;
    }
    ADD_FAILURE() << "nothing of this type is told";
    return Body();
  }
  // Kerteminde's answer to what it says that it was announced.
  absl::Status Answered(const State& state, const CaseId& relocation, const crypto::Hash& announcement) {
    event::Event answer;
    answer.header.issuer = kKerteminde;
    answer.header.recipient = kNyborg;
    answer.header.case_id = relocation;
    answer.body = RelocationAcknowledged{announcement};
    return domain::CheckReceived(state, answer, world.facts());
  }

  CaseId with_nyborg;
  CaseId with_kerteminde;
};

TEST_F(ReaddressTest, AnAnnouncementIsAnsweredAndTakenBackByWhatItIsToldAsNow) {
  const CaseId enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 4, 1));
  const EventAddress announced = Last(kNyborg, Type::kRelocationAnnounced);
  const EventAddress again = Again(announced);
  const State state = ToldAgain(kNyborg, announced);
  EXPECT_EQ(state.FindRelocation(move)->announcement->ref, again.entry);
  EXPECT_DONE(Answered(state, move, again.entry.leaf_hash));
  EXPECT_RULE(Answered(state, move, announced.entry.leaf_hash), "ISSUER_HAS_NO_RIGHT");
  EXPECT_EQ(Told<RelocationAnnulled>(state, AnnulRelocation{move}).announcement, again.entry.leaf_hash);
  EXPECT_EQ(Told<ResponsibilityRestored>(state, AnnulRelocation{move}).ended,
            Last(kNyborg, Type::kResponsibilityEnded).id)
      << "the end was not told again";
}

TEST_F(ReaddressTest, AnEndOfResponsibilityIsTakenBackByWhatItIsToldAsNow) {
  const CaseId enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
  const CaseId move = Announce(kNyborg, enrolment, "0440", Date(2026, 4, 1));
  const EventAddress ended = Last(kNyborg, Type::kResponsibilityEnded);
  EXPECT_EQ(Told<ResponsibilityRestored>(ToldAgain(kNyborg, ended), AnnulRelocation{move}).ended, Again(ended).id);
}

// Also where the provider has ended the enrolment because of it, and where it is disputed.
TEST_F(ReaddressTest, WhatRestsOnAnEndOfResponsibilityNamesItAsItIsToldNow) {
  const CaseId enrolment = Enrol(kNyborg, 1, Date(2026, 2, 1), with_nyborg);
  ASSERT_DONE(world.Do(kNyborg, EndResponsibility{enrolment, Date(2026, 4, 1), ResponsibilityEndReason::kDead}));
  world.DeliverAll();
  const EventAddress ended = Last(kNyborg, Type::kResponsibilityEnded);
  ASSERT_DONE(
      world.Do(kOdense, DisputeEvent{ended.id, DisputeGround::kWrongDate,
                                     LoggedEvent{kNyborg, enrolment, Type::kResponsibilityEnded, /*refused=*/false}}));
  world.DeliverAll();
  const State state = ToldAgain(kNyborg, ended);
  EXPECT_EQ(state.FindEnrolment(enrolment)->ended->because_of, Again(ended).id);
  EXPECT_TRUE(state.FindDisputes(enrolment)->HasDispute(Again(ended).id, kOdense));
  EXPECT_EQ(Told<ResponsibilityRestored>(state, RestoreResponsibility{enrolment}).ended, Again(ended).id);
}

// The provider's own: what it says of its responsibility stands in its log alone.
TEST_F(ReaddressTest, AProvidersOwnAnnouncementIsFoundByWhatItIsToldAsNow) {
  const CaseId enrolment = Enrol(kOdense, 1, Date(2026, 2, 1));
  Announce(kOdense, enrolment, "0440", Date(2026, 4, 1));
  const EventAddress announced = Last(kOdense, Type::kRelocationAnnounced);
  const State state = ToldAgain(kOdense, announced);
  EXPECT_EQ(state.EnrolmentsNaming(Again(announced).entry.leaf_hash), std::set<CaseId>{enrolment});
  EXPECT_TRUE(state.EnrolmentsNaming(announced.entry.leaf_hash).empty());
}

// Nobody can know that a peer which was left out has the announcement. What rests on it stays together.
TEST_F(ReaddressTest, ATransferStaysWithTheEndThatItRestsOn) {
  const CaseId enrolment = Enrol(kOdense, 1, Date(2026, 2, 1));
  const CaseId move = Announce(kOdense, enrolment, "0440", Date(2026, 4, 1));
  const EventAddress announced = Last(kOdense, Type::kRelocationAnnounced);
  world.DeliverAll();
  const CaseId transfer = Request(kKerteminde, move, with_kerteminde);
  world.DeliverAll();
  ASSERT_EQ(TransferAt(kOdense, transfer).state, domain::TransferState::kDone);
  const State state = ToldAgain(kOdense, announced);
  const crypto::Hash leaf = Again(announced).entry.leaf_hash;
  EXPECT_EQ(state.FindTransfer(transfer)->announcement, Again(announced).entry);
  EXPECT_EQ(state.FindTransfer(transfer)->verified->announcement, Again(announced).entry);
  EXPECT_EQ(state.TransfersNaming(leaf), std::set<CaseId>{transfer});
  EXPECT_TRUE(state.TransfersNaming(announced.entry.leaf_hash).empty());
  EXPECT_TRUE(state.AnnouncementUsed(leaf));
  EXPECT_FALSE(state.AnnouncementUsed(announced.entry.leaf_hash));
}

}  // namespace
}  // namespace medflyt::testing
