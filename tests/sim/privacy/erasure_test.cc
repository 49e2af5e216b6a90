// Erasure across whole nodes: the others hear of it and answer, and no peer can bring back what a node has erased.
#include <gmock/gmock.h>

#include <algorithm>

#include "common/crypto/seal.h"
#include "common/merkle/tree_hasher.h"
#include "server/privacy/disclosed_keys.h"
#include "tests/sim/exchange/forger.h"
#include "tests/sim/privacy/erasure_world.h"

namespace medflyt::testing {
namespace {

using Erasure = ErasureWorld;

TEST_F(Erasure, TheOtherAuthorityIsToldAndAnswersWhenItHasErasedToo) {
  ASSERT_FALSE(KeysAt(kNyborg).empty());
  Erase(kNyborg);
  ASSERT_TRUE(world.Settle());
  EXPECT_TRUE(KeysAt(kNyborg).empty());
  EXPECT_FALSE(KeysAt(kOdense).empty()) << "Odense decides for itself";
  EXPECT_FALSE(IsReceipted(kNyborg));
  Erase(kOdense);
  ASSERT_TRUE(world.Settle());
  EXPECT_TRUE(KeysAt(kOdense).empty());
  EXPECT_TRUE(IsReceipted(kNyborg));
  EXPECT_TRUE(world.node(kOdense).StateNow().erasure_notices().empty());
  for (const AuthorityId who : {kNyborg, kOdense}) {
    const auto replayed = world.node(who).Replay();
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_GT(replayed->unopened, 0U);
    EXPECT_TRUE(replayed->state.enrolments().empty());
  }
}

TEST_F(Erasure, WaitsForWhatAnAbsentPeerHasNotReceivedAlsoUnderAKeyThatItHas) {
  const CaseId agreement = world.node(kNyborg).StateNow().agreements().begin()->first;
  const auto other = world.chance.NewId<CaseId>();
  Act(kNyborg, event::ProposeEnrolment{other, kOdense, SimCitizen(2), agreement, Date(2026, 3, 2)});
  ASSERT_TRUE(world.Settle());
  Act(kOdense, event::StartEnrolment{other, Date(2026, 3, 2)});
  ASSERT_TRUE(world.Settle());
  event::Observation observation;
  observation.relocation = world.chance.NewId<CaseId>();
  observation.enrolment = other;
  observation.to = *world.facts.CodeOf(kKerteminde);
  observation.effective_date = Date(2026, 3, 2);
  event::ImportExtract import;
  import.production_date = Date(2026, 3, 2);
  import.digest = world.chance.NewId<event::Hash>();
  import.observations = {observation};
  Act(kNyborg, import);
  Act(kNyborg, event::AssessDisclosure{observation.relocation, true, Ground(), std::nullopt});
  Act(kNyborg, event::AnnounceRelocation{observation.relocation});
  ASSERT_TRUE(world.Settle());

  world.node(kKerteminde).Crash();
  Act(kNyborg, event::AnnulRelocation{observation.relocation});  // under the key that Kerteminde was granted
  world.RunFor(absl::Minutes(5));
  Act(kOdense, event::EndEnrolment{other, Date(2026, 3, 2), event::EndReason::kJob});
  world.RunFor(absl::Minutes(5));
  EXPECT_EQ(EraseBy(kNyborg, "anna", 2), "ERASURE_UNDELIVERED");
  world.node(kKerteminde).Boot();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(EraseBy(kNyborg, "anna", 2), "OK");
  EXPECT_EQ(EraseBy(kNyborg, "bo", 2), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kKerteminde).StateNow().erasure_notices().size(), 1U);
}

TEST_F(Erasure, SurvivesACrashBetweenTheOfficersAndAfterThem) {
  ASSERT_EQ(EraseBy(kNyborg, "anna"), "OK");
  world.node(kNyborg).Crash();
  world.node(kNyborg).Boot();
  ASSERT_EQ(EraseBy(kNyborg, "bo"), "OK");
  world.node(kNyborg).Crash();
  world.node(kNyborg).Boot();
  ASSERT_TRUE(world.Settle());
  EXPECT_TRUE(KeysAt(kNyborg).empty());
  EXPECT_EQ(world.node(kOdense).StateNow().erasure_notices().size(), 1U);
}

// What auditors hold is remembered through a loss of power and in a backup, and the one with whom an event was
// exchanged hears of it from the notice.
TEST_F(Erasure, TheNoticeListsTheEventsOfThePairWhoseKeysAnAuditorHolds) {
  SimNode& nyborg = world.node(kNyborg);
  std::vector<privacy::OpenedEvent> events;
  std::vector<crypto::Hash> with_odense;
  EXPECT_TRUE(nyborg.log()
                  .reader()
                  .Visit(log::Position(0), nyborg.log().end(),
                         [&](log::Position, std::string_view entry, const KeyId& key_id) {
                           if (!KeysAt(kNyborg).contains(key_id)) return absl::OkStatus();
                           events.push_back({merkle::LeafHash(entry), key_id});
                           if (nyborg.keys().PurposeOf(key_id)->recipient == kOdense) {
                             with_odense.push_back(events.back().leaf_hash);
                           }
                           return absl::OkStatus();
                         })
                  .ok());
  ASSERT_EQ(with_odense.size(), 1U) << "the proposal";
  ASSERT_GT(events.size(), 1U) << "and something local: the ground";
  // And what Odense said of the citizen, by an entry of its own log.
  for (const auto& [position, received] : ReadLog(nyborg).received) {
    for (const KeyId& id : KeysAt(kNyborg)) {
      if (nyborg.keys().PurposeOf(id)->issuer != kOdense || received.issuer_origin.empty()) continue;
      events.push_back({received.leaf_hash, id});
      with_odense.push_back(received.leaf_hash);
      break;
    }
    if (with_odense.size() == 2) break;
  }
  ASSERT_EQ(with_odense.size(), 2U);
  std::sort(with_odense.begin(), with_odense.end());

  crypto::SystemRandom random;
  nyborg.Submit([&](log::Appender& appender) {
    ASSERT_TRUE(
        privacy::RememberDisclosed(appender, random, enrolment, crypto::Sha256("auditor's certificate"), events).ok());
  });
  world.RunFor(absl::Milliseconds(100));
  nyborg.CopyStore();
  nyborg.PutBackCopy();
  nyborg.Boot();
  ASSERT_TRUE(world.Settle());
  ExpectReplayAgrees(nyborg);

  Erase(kNyborg);
  ASSERT_TRUE(world.Settle());
  const domain::State odense = world.node(kOdense).StateNow();
  ASSERT_EQ(odense.erasure_notices().size(), 1U);
  EXPECT_EQ(odense.erasure_notices().begin()->second.disclosed, with_odense);
  for (const AuthorityId who : {kNyborg, kOdense}) {
    const auto replayed = world.node(who).Replay();
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_TRUE(replayed->state.CanonicalBytes() == world.node(who).StateNow().CanonicalBytes());
  }
}

// Two officers of Odense's erase the case, both in one commit; nothing is waited for.
void EraseAtOdense(SimWorld& world, const CaseId& id) {
  const CaseId first = world.chance.NewId<CaseId>();
  const CaseId second = world.chance.NewId<CaseId>();
  world.node(kOdense).Submit([=](log::Appender& appender) {
    for (const auto& [officer, erasure] : {std::pair<std::string, CaseId>("anna", first), {"bo", second}}) {
      event::EraseCases command{erasure, {id}, "gdpr-17-1-d", "journal-1", crypto::Sha256(officer)};
      crypto::SystemRandom random;
      ASSERT_EQ(RuleOf(privacy::Erase(appender, random, {officer, std::move(command)}).status()), "OK");
    }
  });
}

// The peer has not erased, goes on under the old key, and grants it anew: whatever it says is refused, by a receipt.
TEST(ErasedKey, IsTakenBackFromNobody) {
  SimWorld world(7);
  world.RunFor(absl::Seconds(1));
  Forger nyborg(world);
  nyborg.Dial();
  const Forger::Secret secret = nyborg.NewKey();
  event::Event announced =
      nyborg.NewEvent(1, event::RelocationAnnounced{SimCitizen(1), kOdense, *MunicipalityCode::Parse("0450"),
                                                    *MunicipalityCode::Parse("0461"), Date(2026, 3, 1), "rsl-12c"});
  const CaseId relocation = announced.header.case_id;
  const auto next = [&](uint64_t number) {
    event::Event event = nyborg.NewEvent(number, event::RelocationAnnulled{});
    event.header.case_id = relocation;
    return event;
  };
  const LeafIndex grant = nyborg.AppendGrant(secret);
  const LeafIndex first = nyborg.AppendEvent(announced, secret);
  const LeafIndex second = nyborg.AppendEvent(next(2), secret);
  v1::EventBatch batch = nyborg.Batch({grant, first, second}, secret);
  nyborg.AddGrant(batch, secret);
  nyborg.Send(std::move(batch));
  ASSERT_EQ(nyborg.ReceiptedRules(), (std::vector<std::string>{"", ""}));
  SimNode& odense = world.node(kOdense);
  ASSERT_TRUE(odense.keys().Has(secret.id));

  EraseAtOdense(world, relocation);
  world.RunFor(absl::Milliseconds(100));
  ASSERT_FALSE(odense.keys().Has(secret.id));

  const std::vector<std::string> refused = {"KEY_DESTROYED"};
  nyborg.set_accepted(nyborg.log.size());
  nyborg.Send(nyborg.Batch({nyborg.AppendEvent(next(3), secret)}, secret));
  EXPECT_EQ(nyborg.ReceiptedRules(), refused);
  nyborg.set_accepted(nyborg.log.size());
  const LeafIndex granted_anew = nyborg.AppendGrant(secret);
  batch = nyborg.Batch({granted_anew, nyborg.AppendEvent(next(4), secret)}, secret);
  nyborg.AddGrant(batch, secret);
  nyborg.Send(std::move(batch));
  EXPECT_EQ(nyborg.ReceiptedRules(), refused);

  odense.Crash();
  odense.Boot();
  world.RunFor(absl::Seconds(1));
  nyborg.set_receipted(4);
  nyborg.Dial();
  batch = nyborg.Batch({granted_anew, nyborg.AppendEvent(next(5), secret)}, secret);
  nyborg.AddGrant(batch, secret);
  nyborg.Send(std::move(batch));
  EXPECT_EQ(nyborg.ReceiptedRules(), refused);
  EXPECT_FALSE(odense.keys().Has(secret.id));
  EXPECT_EQ(odense.StateNow().FindRelocation(relocation), nullptr);
  EXPECT_EQ(odense.log().peer(kNyborg).received.value(), 5U) << "each has its number, and nothing is held up";
}

// The batch was opened with the key, and then waited behind the erasure, or was not opened yet: by the seed.
TEST(ErasedKey, OpensNothingThatWaitedBehindTheErasure) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimWorld world(seed);
    world.RunFor(absl::Seconds(1));
    Forger nyborg(world);
    nyborg.Dial();
    const Forger::Secret secret = nyborg.NewKey();
    const event::Event announced =
        nyborg.NewEvent(1, event::RelocationAnnounced{SimCitizen(1), kOdense, *MunicipalityCode::Parse("0450"),
                                                      *MunicipalityCode::Parse("0461"), Date(2026, 3, 1), "rsl-12c"});
    const auto next = [&](uint64_t number) {
      event::Event event = nyborg.NewEvent(number, event::RelocationAnnulled{});
      event.header.case_id = announced.header.case_id;
      return event;
    };
    v1::EventBatch batch = nyborg.Batch(
        {nyborg.AppendGrant(secret), nyborg.AppendEvent(announced, secret), nyborg.AppendEvent(next(2), secret)},
        secret);
    nyborg.AddGrant(batch, secret);
    nyborg.Send(std::move(batch));
    ASSERT_EQ(nyborg.ReceiptedRules(), (std::vector<std::string>{"", ""}));
    nyborg.set_accepted(nyborg.log.size());
    const v1::EventBatch late = nyborg.Batch({nyborg.AppendEvent(next(3), secret)}, secret);
    EraseAtOdense(world, announced.header.case_id);
    nyborg.PourNext(late);
    world.RunFor(absl::Milliseconds(100));
    EXPECT_EQ(nyborg.ReceiptedRules(), std::vector<std::string>{"KEY_DESTROYED"}) << "seed " << seed;
    EXPECT_FALSE(world.node(kOdense).keys().Has(secret.id));
  }
}

// What was refused is in no state, and its number would open all the same.
TEST(ErasedKey, OfAnEventThatWasRefusedGoesWithTheNoticeThatNamesItsCase) {
  SimWorld world(8);
  world.RunFor(absl::Seconds(1));
  Forger nyborg(world);
  nyborg.Dial();
  const auto send = [&](const Forger::Secret& secret, const event::Event& event) {
    nyborg.set_accepted(nyborg.log.size());
    const LeafIndex grant = nyborg.AppendGrant(secret);
    v1::EventBatch batch = nyborg.Batch({grant, nyborg.AppendEvent(event, secret)}, secret);
    nyborg.AddGrant(batch, secret);
    nyborg.Send(std::move(batch));
  };
  const Forger::Secret secret = nyborg.NewKey();
  const event::Event refused = nyborg.NewEvent(1, event::RelocationExpired{});  // local to whom it concerns
  send(secret, refused);
  ASSERT_EQ(nyborg.ReceiptedRules(), std::vector<std::string>{"ISSUER_HAS_NO_RIGHT"});
  SimNode& odense = world.node(kOdense);
  ASSERT_TRUE(odense.keys().Has(secret.id));

  send(nyborg.NewKey(), nyborg.NewEvent(2, event::ErasureNoticed{{refused.header.case_id}, "gdpr-17-1-d", {}}));
  ASSERT_EQ(nyborg.ReceiptedRules(), std::vector<std::string>{""});
  EXPECT_TRUE(odense.keys().IsDestroyed(secret.id));
  EXPECT_TRUE(odense.StateNow().erasure_notices().empty()) << "answered at once";
  EXPECT_EQ(odense.log().peer(kNyborg).issued.value(), 1U) << "by a receipt of erasure";
}

}  // namespace
}  // namespace medflyt::testing
