// A peer that says, in the place of Odense's two officers, that a move is no longer on hold.
#include <gmock/gmock.h>

#include "tests/sim/exchange/byzantine_peer.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;

class ForgedRelease : public ByzantinePeer {
 protected:
  // A protected citizen of Odense's own, who has moved to Nyborg: the move is on hold. Nyborg has got hold of its id.
  void SetUp() override {
    Begin();
    const auto enrolment = world.chance.NewId<CaseId>();
    ASSERT_EQ(
        world.Act(kOdense, event::ProposeEnrolment{enrolment, kOdense, SimCitizen(1), std::nullopt, Date(2026, 3, 1)}),
        "OK");
    ASSERT_EQ(world.Act(kOdense, event::StartEnrolment{enrolment, Date(2026, 3, 1)}), "OK");
    event::Observation observation;
    observation.relocation = relocation;
    observation.enrolment = enrolment;
    observation.to = *world.facts.CodeOf(kNyborg);
    observation.effective_date = Date(2026, 3, 2);
    observation.hold_reasons = {event::HoldReason::kNameAndAddressProtection};
    event::ImportExtract import;
    import.production_date = Date(2026, 3, 2);
    import.digest = world.chance.NewId<event::Hash>();
    import.observations = {observation};
    ASSERT_EQ(world.Act(kOdense, import), "OK");
    ASSERT_EQ(StateOfTheMove(), domain::RelocationState::kHeld);
  }
  domain::RelocationState StateOfTheMove() { return world.node(kOdense).StateNow().FindRelocation(relocation)->state; }
  event::Event Forged(uint64_t number, event::Body body) {
    event::Event event = forger.NewEvent(number, std::move(body));
    event.header.case_id = relocation;
    return event;
  }
  // An event under a key that Odense has not seen, with its grant.
  v1::EventBatch WithItsGrant(const event::Event& event) {
    const Forger::Secret secret = forger.NewKey();
    const LeafIndex grant = forger.AppendGrant(secret);
    v1::EventBatch batch = forger.Batch({grant, forger.AppendEvent(event, secret)}, secret);
    forger.AddGrant(batch, secret);
    return batch;
  }
  // Received, refused by a receipt, and without any effect on the state.
  void ExpectRefused(const event::Event& event, const std::string& rule) {
    const Standing before = Now();
    forger.Send(WithItsGrant(event));
    EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(rule));
    EXPECT_FALSE(forger.closed());
    forger.set_accepted(forger.log.size());
    EXPECT_EQ(Received(), event.header.number.value());
    EXPECT_TRUE(Now().state == before.state);
    EXPECT_EQ(StateOfTheMove(), domain::RelocationState::kHeld);
    EXPECT_EQ(world.Act(kOdense, event::AssessDisclosure{relocation, true, Ground(), std::nullopt}), "RELOCATION_HELD");
  }

  const CaseId relocation = world.chance.NewId<CaseId>();
};

TEST_F(ForgedRelease, ChangesNothingAndIsRefusedByAReceipt) {
  ExpectRefused(Forged(2, event::HoldReleaseRequested{}), "ISSUER_HAS_NO_RIGHT");
  ExpectRefused(Forged(3, event::HoldReleased{"anna"}), "ISSUER_HAS_NO_RIGHT");
  // Nor does it join an officer of Odense's who has asked.
  ASSERT_EQ(world.Act(kOdense, event::ReleaseHold{relocation}, "anna"), "OK");
  ExpectRefused(Forged(4, event::HoldReleased{"anna"}), "ISSUER_HAS_NO_RIGHT");
  // A second officer of Odense's does.
  ASSERT_EQ(world.Act(kOdense, event::ReleaseHold{relocation}, "bo"), "OK");
  EXPECT_EQ(StateOfTheMove(), domain::RelocationState::kInAssessment);
}

// As Odense's own event, or as Nyborg's local one: neither is of this pair, and not even a number is consumed.
TEST_F(ForgedRelease, InAnothersNameIsRejected) {
  event::Event as_odense = Forged(2, event::HoldReleased{"anna"});
  as_odense.header.issuer = kOdense;
  ExpectRejected(WithItsGrant(as_odense), "ISSUER_FOREIGN");
  forger.Dial();
  (void)forger.Answer();  // the receipt of the first, repeated
  event::Event as_local = Forged(2, event::HoldReleased{"anna"});
  as_local.header.recipient = kNyborg;
  ExpectRejected(WithItsGrant(as_local), "RECIPIENT_FOREIGN");
  EXPECT_EQ(Received(), 1U);
  EXPECT_EQ(StateOfTheMove(), domain::RelocationState::kHeld);
}

}  // namespace
}  // namespace medflyt::testing
