// What clients are shown of the state.
#include "server/service/views.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/unit/domain/story.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;

class ViewsTest : public Story {
 protected:
  // "from..to responsible place_state", span by span.
  std::vector<std::string> Spans(AuthorityId node, const CaseId& enrolment) {
    v1::Enrolment view;
    service::ToView(world.state(node), EnrolmentAt(node, enrolment), Date(2026, 6, 1), view);
    std::vector<std::string> spans;
    for (const v1::EnrolmentSpan& span : view.history()) {
      spans.push_back(span.from() + ".." + span.to() + " " + span.responsible() + " " +
                      v1::PlaceState_Name(span.place_state()));
    }
    return spans;
  }
};

TEST_F(ViewsTest, WhoWaitedForAPlaceIsShownToHaveWaited) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId first = Enrol(kNyborg, 1, Date(2026, 2, 1), agreement);
  const CaseId own = Enrol(kOdense, 2, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, own, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const CaseId second = Request(kNyborg, relocation, agreement);
  world.DeliverAll();
  const std::string odense_span = "2026-02-01..2026-03-10 " + kOdense.ToString() + " PLACE_STATE_UNSPECIFIED";
  EXPECT_THAT(Spans(kOdense, second),
              ElementsAre(odense_span, "2026-03-10.. " + kNyborg.ToString() + " PLACE_STATE_WAITING"));

  // The place is free: from then on it is this citizen's, and the days before stay days of waiting.
  ASSERT_DONE(world.Do(kOdense, EndEnrolment{first, Date(2026, 4, 1), EndReason::kJob}));
  world.DeliverAll();
  const std::string waited = "2026-03-10..2026-04-01 " + kNyborg.ToString() + " PLACE_STATE_WAITING";
  const std::string placed = "2026-04-01.. " + kNyborg.ToString() + " PLACE_STATE_OCCUPIED";
  EXPECT_THAT(Spans(kOdense, second), ElementsAre(odense_span, waited, placed));
  EXPECT_THAT(Spans(kNyborg, second), ElementsAre(waited, placed));
}

TEST_F(ViewsTest, ARequestShowsWhatItWaitsFor) {
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId own = Enrol(kOdense, 1, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, own, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  world.verify_openings = false;
  const CaseId transfer = Request(kNyborg, relocation, agreement);
  world.DeliverAll();
  const auto waits_for = [&](AuthorityId node) {
    v1::Transfer view;
    service::ToView(world.state(node), TransferAt(node, transfer), Date(2026, 6, 1), view);
    return std::vector<std::string>(view.waits_for().begin(), view.waits_for().end());
  };
  EXPECT_THAT(waits_for(kOdense), ElementsAre("ANNOUNCEMENT_NOT_VERIFIED"));
  EXPECT_THAT(waits_for(kNyborg), ElementsAre("PROVIDER_NOT_ANSWERED"));
  world.VerifyOpening(kOdense, transfer);
  world.DeliverAll();
  EXPECT_THAT(waits_for(kOdense), ElementsAre());
  EXPECT_THAT(waits_for(kNyborg), ElementsAre());
}

TEST_F(ViewsTest, WhatIsDisputedOrConflictsShowsByWhomAndWhetherAnOfficerLooks) {
  const CaseId own = Enrol(kOdense, 1, Date(2026, 2, 1));
  const CaseId relocation = Announce(kOdense, own, "0450", Date(2026, 3, 10));
  world.DeliverAll();
  const DomainWorld::Entry announced = world.node(kNyborg).log.back();
  ASSERT_EQ(TypeOf(announced.event.body), Type::kRelocationAnnounced);
  const Header& header = announced.event.header;
  const LoggedEvent logged = {kOdense, relocation, Type::kRelocationAnnounced, false};
  ASSERT_DONE(world.Do(kNyborg, DisputeEvent{header.id, DisputeGround::kNotOurCitizen, logged}));
  world.DeliverAll();
  for (const AuthorityId who : {kOdense, kNyborg}) {
    v1::Relocation view;
    service::ToView(world.state(who), *world.state(who).FindRelocation(relocation), service::Numbers::kShown, view);
    ASSERT_EQ(view.disputes_size(), 1);
    EXPECT_EQ(view.disputes(0).event_id(), header.id.ToHex());
    EXPECT_EQ(view.disputes(0).by(), kNyborg.ToString());
    EXPECT_EQ(view.disputes(0).ground(), v1::DISPUTE_GROUND_NOT_OUR_CITIZEN);
    EXPECT_EQ(view.disputes(0).on(), "2026-03-01");
    EXPECT_EQ(view.disputes(0).settled_on(), "");
    EXPECT_EQ(view.needs_officer(), who == kOdense);

    v1::EventView event;
    event.set_event_id(header.id.ToHex());
    event.mutable_content()->set_case_id(std::string(relocation.bytes()));
    service::AddDisputes(world.state(who), event);
    EXPECT_EQ(event.disputes_size(), 1);
    event.clear_disputes();
    event.set_event_id("another");
    service::AddDisputes(world.state(who), event);
    EXPECT_EQ(event.disputes_size(), 0);
  }

  // Another right number than the one that the municipality moved to has put right itself.
  const CaseId agreement = Agree(kNyborg, 1);
  const CaseId transfer = Request(kNyborg, relocation, agreement);
  world.DeliverAll();
  ASSERT_DONE(world.Do(kOdense, RectifyValue{own, {Citizen(2), {}, {}, {}}}));
  ASSERT_DONE(world.Do(kNyborg, RectifyValue{transfer, {Citizen(3), {}, {}, {}}}));
  world.DeliverAll();
  v1::Enrolment view;
  service::ToView(world.state(kOdense), EnrolmentAt(kOdense, own), Date(2026, 6, 1), view);
  ASSERT_EQ(view.conflicting_event_ids_size(), 1);
  EXPECT_TRUE(view.needs_officer());
  v1::EventView event;
  event.set_event_id(view.conflicting_event_ids(0));
  event.mutable_content()->set_case_id(std::string(transfer.bytes()));
  service::AddDisputes(world.state(kOdense), event);
  EXPECT_TRUE(event.conflicts());
  v1::Transfer shown;
  service::ToView(world.state(kOdense), TransferAt(kOdense, transfer), Date(2026, 3, 1), shown);
  EXPECT_TRUE(shown.needs_officer());

  // With the number put right, whoever announced the move has answered the dispute of it.
  v1::Relocation settled;
  service::ToView(odense(), *odense().FindRelocation(relocation), service::Numbers::kShown, settled);
  ASSERT_EQ(settled.disputes_size(), 1);
  EXPECT_EQ(settled.disputes(0).settled_on(), "2026-03-01");
}

TEST_F(ViewsTest, ANoticeListsWhatThereIsRoomForAndCountsTheRest) {
  domain::ErasureNotice notice;
  notice.peer = kNyborg;
  notice.legal_basis = "gdpr-17-1-d";
  notice.on = Date(2026, 3, 1);
  notice.opened = {crypto::Sha256("a"), crypto::Sha256("b")};
  notice.disclosed = {crypto::Sha256("c"), crypto::Sha256("d"), crypto::Sha256("e")};
  notice.disclosed_left = 7;
  const auto show = [&](size_t room, size_t left) {
    v1::ErasureNotice view;
    service::ToView(notice, room, view);
    EXPECT_EQ(room, left);
    EXPECT_EQ(view.authority(), kNyborg.ToString());
    return std::vector<uint32_t>{static_cast<uint32_t>(view.opened_size()),
                                 static_cast<uint32_t>(view.disclosed_size()), view.disclosed_left()};
  };
  EXPECT_THAT(show(6, 1), ElementsAre(2U, 3U, 7U));
  EXPECT_THAT(show(3, 0), ElementsAre(2U, 1U, 9U));
  EXPECT_THAT(show(0, 0), ElementsAre(0U, 0U, 12U));
  notice.disclosed_left = ~uint32_t{0};
  EXPECT_THAT(show(0, 0), ElementsAre(0U, 0U, ~uint32_t{0})) << "whatever the peer counts";
}

}  // namespace
}  // namespace medflyt::testing
