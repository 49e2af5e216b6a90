// A node whose store went back behind what its peers hold, and that goes on under a new log: what comes back, what is
// told again, and that the main job goes on for everybody.
#include "server/exchange/recovery.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "common/entry/seal.h"
#include "common/tlog/checkpoint.h"
#include "server/exchange/cosigned_proof.h"
#include "server/exchange/kept_receipt.h"
#include "server/exchange/refusals.h"
#include "tests/sim/exchange/officers.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Seeds, RecoveryTest, ::testing::Range<uint64_t>(1, 13));

TEST_P(RecoveryTest, WhatPeersHoldComesBackAndTheNumbersGoOn) {
  const event::ProposeAgreement known = Proposal(kOdense, kNyborg);
  EXPECT_EQ(world.Act(kOdense, known), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  // Lost: an agreement that is answered, and another that is proposed.
  EXPECT_EQ(world.Act(kNyborg, event::AcceptAgreement{known.agreement, 1}), "OK");
  const event::ProposeAgreement lost = Proposal(kOdense, kKerteminde);
  EXPECT_EQ(world.Act(kOdense, lost), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = world.node(kOdense).StateNow();
  const log::PeerState nyborg = world.node(kOdense).log().peer(kNyborg);
  const log::PeerState kerteminde = world.node(kOdense).log().peer(kKerteminde);

  RollBack(kOdense);
  ASSERT_EQ(FetchBack(kOdense, {kNyborg, kKerteminde}), "OK");
  EXPECT_EQ(back.held, 1U);
  EXPECT_EQ(back.returned, 1U);
  OpenNext(kOdense);
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), before.CanonicalBytes());
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).received, nyborg.received);
  EXPECT_EQ(world.node(kOdense).log().peer(kKerteminde).issued, kerteminde.issued);

  // The first entry names what is closed.
  wire::LedgerCodec codec;
  const log::LogReader& reader = world.node(kOdense).log().reader();
  const auto first = codec.Decode(reader.Entry(reader.generations().open().begin)->bytes);
  ASSERT_TRUE(first.ok());
  const auto& opened = std::get<wire::GenerationOpened>(first->record);
  const auto closed = tlog::OpenCheckpoint(opened.closed_checkpoint,
                                           std::vector{NoteSignerOf("medflyt.example/35209115/1", 10).verifier_key()});
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_EQ(closed->checkpoint.size(), back.closed_size);
  EXPECT_LT(opened.kept_size, back.closed_size);
  EXPECT_EQ(opened.first_certificate, kTwo.first_certificate);
  EXPECT_EQ(opened.second_certificate, kTwo.second_certificate);

  EXPECT_EQ(world.Act(kKerteminde, event::AcceptAgreement{lost.agreement, 1}), "OK");
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).issued.value(), nyborg.issued.value() + 1);
  EXPECT_TRUE(world.node(kOdense).StateNow().FindAgreement(lost.agreement)->InForceOn(Date(2026, 3, 2)));
  ExpectSound();
}

// An event proves itself under the head that was cosigned last, also where its log is closed and the next one cosigned.
TEST_P(RecoveryTest, TheCosignedHeadOfTheClosedLogStaysAndProvesItsEvents) {
  world.network.weather.queue_full_one_in = 0;
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  world.RunFor(kSchedule.interval);
  const auto cosigned = witnesses.cosigning(kOdense).published();
  ASSERT_TRUE(cosigned.has_value());
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  ASSERT_TRUE(world.Settle());
  const std::string closed = world.node(kOdense).log().origin();
  Lose(kOdense);

  exchange::Context& nyborg = world.node(kNyborg).exchange().context();
  const auto expect_proven = [&] {
    const log::Log& log = world.node(kOdense).log();
    const auto kept = exchange::NewestCosigned(log, *log.reader().generations().Find(closed));
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(*kept, cosigned);
    const auto question = exchange::AskInclusion(nyborg, {kOdense, PairNumber(1), log::Position()});
    ASSERT_TRUE(question.ok()) << question.status();
    EXPECT_EQ(question->request.origin(), closed);
    const auto answer = exchange::AnswerInclusion(world.node(kOdense).exchange().context(), kNyborg, question->request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->checkpoint(), cosigned->note);
    const auto proof = exchange::JudgeInclusion(nyborg, *question, *answer);
    EXPECT_TRUE(proof.ok()) << proof.status();
  };
  expect_proven();
  world.RunFor(3 * kSchedule.interval);
  const log::Log& log = world.node(kOdense).log();
  const auto of_the_next = exchange::NewestCosigned(log, log.reader().generations().open());
  ASSERT_TRUE(of_the_next.ok()) << of_the_next.status();
  EXPECT_TRUE(of_the_next->has_value());
  expect_proven();

  // What came back stands in no tree that Odense has.
  const auto lost =
      exchange::AskInclusion(world.node(kKerteminde).exchange().context(), {kOdense, PairNumber(1), log::Position()});
  ASSERT_TRUE(lost.ok()) << lost.status();
  EXPECT_EQ(
      RuleOf(exchange::AnswerInclusion(world.node(kOdense).exchange().context(), kKerteminde, lost->request).status()),
      "PROOF_LEAF_FOREIGN");
}

TEST_P(RecoveryTest, WhatNeverArrivedIsToldAgain) {
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  world.network.SetPartition(kOdense, kKerteminde, true);
  const event::ProposeAgreement waiting = Proposal(kOdense, kKerteminde);
  EXPECT_EQ(world.Act(kOdense, waiting), "OK");
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  world.RunFor(absl::Minutes(5));
  RollBack(kOdense);
  world.network.Heal();
  ASSERT_EQ(FetchBack(kOdense, {kNyborg, kKerteminde}), "OK");
  OpenNext(kOdense);
  ASSERT_TRUE(world.Settle());
  EXPECT_NE(world.node(kKerteminde).StateNow().FindAgreement(waiting.agreement), nullptr);
  EXPECT_EQ(world.node(kKerteminde).log().peer(kOdense).received.value(), 1U);
  ExpectSound();
}

// Officers everywhere, whatever they do; one node is lost in the middle of it.
TEST_P(RecoveryTest, TheMainJobGoesOnForEverybody) {
  Officers officers(world);
  officers.Agree();
  const auto act = [&](int times) {
    for (int i = 0; i < times; ++i) {
      officers.ActOnce();
      world.RunFor(absl::Seconds(static_cast<int64_t>(1 + world.chance.Below(120))));
    }
  };
  act(60);
  const AuthorityId who = world.chance.OneIn(2) ? kOdense : kNyborg;
  world.node(who).CopyStore();
  act(60);
  Lose(who);
  act(60);
  ASSERT_TRUE(world.Settle());
  ExpectSound();
}

// Each in turn, by copies that are older than what the others lost meanwhile.
TEST_P(RecoveryTest, TheMainJobGoesOnAlsoWherePeersWereLostThemselves) {
  Officers officers(world);
  officers.Agree();
  const auto act = [&] {
    for (int i = 0; i < 30; ++i) {
      officers.ActOnce();
      world.RunFor(absl::Seconds(static_cast<int64_t>(1 + world.chance.Below(120))));
    }
  };
  std::vector<AuthorityId> order = {kOdense, kNyborg, kKerteminde};
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[world.chance.Below(i + 1)]);
  act();
  for (const AuthorityId each : order) {
    world.node(each).CopyStore();
    act();
  }
  for (const AuthorityId each : order) {
    Lose(each);
    if (HasFatalFailure()) return;
    act();
  }
  ASSERT_TRUE(world.Settle());
  ExpectSound();
}

// Nyborg's events to Odense stand in the log that it closed, came back to it from Odense, or stand in its new log.
TEST_P(RecoveryTest, APeerThatWasRecoveredItselfGivesBackWhatItHas) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  Lose(kNyborg);
  const bool went_on = GetParam() % 2 == 0;
  if (went_on) {
    EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  }
  ASSERT_TRUE(world.Settle());
  // What came back has Odense's receipts again.
  for (uint64_t number = 1; number <= 3; ++number) {
    const auto receipt = exchange::FindReceipt(world.node(kNyborg).log().reader(), kOdense, PairNumber(number));
    EXPECT_TRUE(receipt.ok()) << number << ": " << receipt.status();
  }
  const domain::State before = world.node(kOdense).StateNow();

  Lose(kOdense);
  EXPECT_EQ(back.returned, went_on ? 3U : 2U);
  EXPECT_EQ(back.held, 1U);
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), before.CanonicalBytes());
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).received.value(), went_on ? 5U : 4U);
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 2U);
  ExpectSound();
}

// One batch to Odense comes back in two rows, for an event to Kerteminde stood between its events; and Odense can have
// each of them from there, with its key.
TEST_P(RecoveryTest, ABatchThatCameBackInPartsIsGivenBackWhole) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  world.node(kNyborg).CopyStore();
  const std::vector<event::ProposeAgreement> proposals = {Proposal(kNyborg, kOdense), Proposal(kNyborg, kKerteminde),
                                                          Proposal(kNyborg, kOdense)};
  world.node(kNyborg).Submit([&](log::Appender& appender) {
    for (const auto& each : proposals) EXPECT_TRUE(appender.Execute({"officer-1", each}).ok());
  });
  ASSERT_TRUE(world.Settle());
  const domain::State before = world.node(kOdense).StateNow();
  ASSERT_NE(before.FindAgreement(proposals[2].agreement), nullptr);
  Lose(kNyborg);
  ASSERT_TRUE(world.Settle());
  Lose(kOdense);
  EXPECT_EQ(back.returned, 2U);
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), before.CanonicalBytes());
  ASSERT_TRUE(world.Settle());
  ExpectSound();
}

// The copy has the event and not yet its receipt: that comes back too, and can be given back in turn.
TEST_P(RecoveryTest, AReceiptThatTheCopyHadNotYetComesBack) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  world.network.SetPartition(kOdense, kNyborg, true);
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  world.RunFor(absl::Seconds(30));
  world.node(kNyborg).CopyStore();
  world.network.Heal();
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kKerteminde)), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = world.node(kOdense).StateNow();
  Lose(kNyborg);
  for (uint64_t number = 1; number <= 2; ++number) {
    const auto receipt = exchange::FindReceipt(world.node(kNyborg).log().reader(), kOdense, PairNumber(number));
    EXPECT_TRUE(receipt.ok()) << number << ": " << receipt.status();
  }
  ASSERT_TRUE(world.Settle());
  Lose(kOdense);
  EXPECT_EQ(back.returned, 1U);
  EXPECT_EQ(world.node(kOdense).StateNow().CanonicalBytes(), before.CanonicalBytes());
  ExpectSound();
}

TEST_P(RecoveryTest, WhatAPeerGivesBackIsNotReadByACardWhoseKeysAreNotBelieved) {
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  world.RunFor(absl::Minutes(1));
  // All that comes back is signed with the true key, which this card has, too.
  directory::Authority card = *world.directory.Find(kNyborg);
  directory::Log& log = card.logs.back();
  log.keys.back().until = TreeSize(100'000);
  log.keys.push_back({NoteSignerOf(log.origin, 77).verifier_key(), TreeSize(100'000), std::nullopt});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(card));
  EXPECT_EQ(FetchBack(kOdense, {kNyborg, kKerteminde}), "LOG_KEY_NOT_HANDED_OVER");
  world.node(kOdense).exchange().OnDirectoryChanged(world.directory);
  EXPECT_EQ(FetchBack(kOdense, {kNyborg, kKerteminde}), "OK");
}

// What a peer had refused is shown as refused again, by its receipt.
TEST_P(RecoveryTest, WhatAPeerRefusedIsKnownAgain) {
  const std::string digits(SimCitizen(7).ExposeDigits());
  world.options.refused_numbers = {{digits, digits}};
  witnesses.Restart(kOdense);
  const event::ProposeAgreement agreed = Proposal(kOdense, kNyborg);
  EXPECT_EQ(world.Act(kOdense, agreed), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.Act(kNyborg, event::AcceptAgreement{agreed.agreement, 1}), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  for (const uint64_t citizen : {6U, 7U}) {
    EXPECT_EQ(world.Act(kNyborg, event::ProposeEnrolment{world.chance.NewId<CaseId>(), kOdense, SimCitizen(citizen),
                                                         agreed.agreement, Date(2026, 4, 1)}),
              "OK");
  }
  ASSERT_TRUE(world.Settle());
  const auto before = exchange::ReadRefusals(world.node(kNyborg).store());
  ASSERT_EQ(before->size(), 1U);
  Lose(kNyborg);
  const auto after = exchange::ReadRefusals(world.node(kNyborg).store());
  ASSERT_EQ(after->size(), 1U);
  EXPECT_EQ(after->front().rule, "TEST_NUMBER_IN_PRODUCTION");
  EXPECT_EQ(after->front().number, before->front().number);
  EXPECT_EQ(after->front().event, before->front().event);
  ExpectSound();
}

// What was received and not receipted when the copy was made is receipted by the new log, and had its effect once.
TEST_P(RecoveryTest, WhatWasNotReceiptedIsReceiptedByTheNewLog) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  // Nyborg learns nothing of how this one arrives.
  world.network.tamper = [](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    return !(from == kOdense && to == kNyborg && message.has_answer());
  };
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  world.RunFor(absl::Minutes(2));
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).received.value(), 2U);
  ASSERT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), 1U);
  world.node(kOdense).CopyStore();
  world.network.tamper = nullptr;
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
  world.network.SetPartition(kOdense, kNyborg, true);
  world.RunFor(absl::Minutes(5));
  RollBack(kOdense);
  world.network.Heal();
  ASSERT_EQ(FetchBack(kOdense, {kNyborg, kKerteminde}), "OK");
  OpenNext(kOdense);
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), 2U);
  ExpectSound();
}

// A log that went on from another is lost in its turn.
TEST_P(RecoveryTest, ARecoveredNodeRecoversAgain) {
  for (uint64_t round = 1; round <= 2; ++round) {
    SCOPED_TRACE(round);
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    ASSERT_TRUE(world.Settle());
    world.node(kOdense).CopyStore();
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
    ASSERT_TRUE(world.Settle());
    RollBack(kOdense);
    // Kerteminde has never exchanged anything.
    ASSERT_EQ(FetchBack(kOdense, {kNyborg, kKerteminde}), "OK");
    EXPECT_EQ(back.held, 1U);
    EXPECT_EQ(back.returned, 1U);
    OpenNext(kOdense);
    ASSERT_TRUE(world.Settle());
    EXPECT_EQ(world.node(kOdense).log().peer(kOdense).received.value(), round);
    EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 2 * round);
    ExpectSound();
  }
  // Every event that came back is found by its id, with the proof under the log that it was issued in.
  SimNode& odense = world.node(kOdense);
  uint64_t found = 0;
  EXPECT_TRUE(exchange::VisitKept(odense.store(), kOdense, PairNumber(1), [&](const exchange::KeptRow& row) {
                const auto entry = exchange::ReceivedAt(row, row.first);
                const auto sealed = entry::ParseSealed(entry->entry);
                const auto location = odense.log().reader().Locate(sealed->event_id);
                EXPECT_TRUE(location.ok()) << location.status();
                EXPECT_EQ(location->number, row.first);
                ++found;
                EXPECT_EQ(entry->origin, "medflyt.example/35209115/" + std::to_string(found));
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(found, 2U);
}

TEST_P(RecoveryTest, WhatAPeerMakesUpIsNotTaken) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  witnesses.held_events = [&](AuthorityId, v1::GetHeldEventsResponse& said) {
    switch (GetParam() % 6) {
      case 0:
        said.mutable_batch()->mutable_entries(static_cast<int>(said.positions(0)))->back() ^= 1;
        break;
      case 1:
        said.mutable_positions()->Set(0, static_cast<uint32_t>(said.batch().entries_size()));
        break;
      case 2:
        said.set_first_number(said.first_number() + 1);
        break;
      case 3:
        said.mutable_receipts(0)->mutable_leaves(0)->back() ^= 1;
        break;
      case 4:
        said.clear_receipts();
        break;
      default:
        said.Clear();
    }
  };
  EXPECT_THAT(FetchBack(kOdense, {kNyborg}), ::testing::AnyOf("RECOVERY_EVIDENCE_INVALID", "MULTI_PROOF_INVALID"));
  witnesses.held_events = nullptr;
  witnesses.receipted_events = [&](AuthorityId, v1::GetReceiptedEventsResponse& said) {
    if (GetParam() % 2 == 0) {
      said.clear_receipts();
    } else {
      said.clear_batch();
    }
  };
  EXPECT_EQ(FetchBack(kOdense, {kNyborg}), "RECOVERY_EVIDENCE_INVALID");
  EXPECT_FALSE(exchange::ReadRecoveryPlan(world.node(kOdense).store())->has_value());
  witnesses.receipted_events = nullptr;
  EXPECT_EQ(FetchBack(kOdense, {kNyborg}), "OK") << "and it may be begun again";
  EXPECT_EQ(back.held, 2U);
}

TEST_P(RecoveryTest, APeerGivesBackNoMoreThanItSaysToHaveReceiptsFor) {
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  witnesses.held = [&](AuthorityId, AuthorityId) {
    v1::GetHeldHeadsResponse said;
    said.set_last_receipted_number(2);
    return said;
  };
  EXPECT_EQ(FetchBack(kOdense, {kNyborg}), "RECOVERY_EVIDENCE_INVALID");
}

TEST_P(RecoveryTest, NobodyIsGivenWhatIsAnothers) {
  EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
  ASSERT_TRUE(world.Settle());
  exchange::Context& context = world.node(kNyborg).exchange().context();
  v1::GetHeldEventsRequest request;
  request.set_origin(world.node(kOdense).log().origin());
  request.set_first_number(1);
  EXPECT_EQ(RuleOf(exchange::AnswerHeldEvents(context, kKerteminde, request).status()), "HELD_ORIGIN_FOREIGN");
  // A key that Odense's log key has not signed for.
  const auto card =
      entry::SignExchangeKey(SignerOf(30), request.origin(), 1, {}, world.timeline.Now() + absl::Hours(1));
  exchange::CardToProto(card, *request.mutable_exchange_key());
  EXPECT_EQ(RuleOf(exchange::AnswerHeldEvents(context, kOdense, request).status()), "EXCHANGE_KEY_INVALID");
}

}  // namespace
}  // namespace medflyt::testing
