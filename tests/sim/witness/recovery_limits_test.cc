// What a hostile, slow or absent peer can do to the recovery of another node: nothing that is found only once there is
// no way back.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "common/wire/ledger.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/record_again.h"
#include "server/exchange/recovery.h"
#include "server/exchange/recovery_evidence.h"
#include "tests/sim/witness/odenses_recovery.h"

namespace medflyt::testing {
namespace {

// Gives back one event for each question, just in time, of as many as it can claim to have.
class Dripping final : public exchange::PeerCalls {
 public:
  explicit Dripping(SimWorld& world) : world_(world) {}
  void GetHeldHeads(AuthorityId, v1::GetHeldHeadsRequest, absl::Duration timeout, Held answer) override {
    v1::GetHeldHeadsResponse said;
    said.set_last_received_number(uint64_t{1} << 47);
    Answer(timeout, said, std::move(answer));
  }
  void GetHeldEvents(AuthorityId, v1::GetHeldEventsRequest request, absl::Duration timeout,
                     HeldEvents answer) override {
    v1::GetHeldEventsResponse said;
    said.set_first_number(request.first_number());
    said.add_positions(0);
    Answer(timeout, said, std::move(answer));
  }
  void GetReceiptedEvents(AuthorityId, v1::GetReceiptedEventsRequest, absl::Duration, ReceiptedEvents) override {}
  void Cosign(AuthorityId, v1::CosignRequest, absl::Duration, Cosigned) override {}
  void CompareHeads(AuthorityId, v1::CompareHeadsRequest, absl::Duration, Compared) override {}
  void ProveConsistency(AuthorityId, v1::ProveConsistencyRequest, absl::Duration, Proven) override {}
  void ProveInclusion(AuthorityId, v1::ProveInclusionRequest, absl::Duration, Included) override {}

 private:
  template <typename Response>
  void Answer(absl::Duration timeout, const Response& said, std::function<void(absl::StatusOr<Response>)> answer) {
    world_.timeline.In(timeout - absl::Seconds(1), world_.node(kOdense).life(), [said, answer] { answer(said); });
  }

  SimWorld& world_;
};

class RecoveryLimits : public OdensesRecovery {};

// A signed head of ours has room for a hundred lines, and the record of the log that goes on from it has not.
TEST_F(RecoveryLimits, LinesThatAPeerAddsToAHeadDoNotKeepTheNextLogFromBeginning) {
  LoseOne();
  if (HasFatalFailure()) return;
  witnesses.held = [&](AuthorityId, AuthorityId) {
    v1::GetHeldHeadsResponse said = HeldByNyborg();
    for (std::string& shown : *said.mutable_checkpoints()) {
      auto note = *tlog::SignedNote::Parse(shown);
      const tlog::NoteSignature genuine = note.signatures.front();
      for (uint32_t i = 0; i < 20; ++i) {
        note.signatures.push_back({kClosed, tlog::NoteKeyId(i), std::string(64, 'x')});
        note.signatures.push_back(genuine);
      }
      shown = note.Serialize();
    }
    return said;
  };
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  const log::LogReader& reader = world.node(kOdense).log().reader();
  const auto first = wire::LedgerCodec().Decode(reader.Entry(reader.generations().open().begin)->bytes);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto note = tlog::SignedNote::Parse(std::get<wire::GenerationOpened>(first->record).closed_checkpoint);
  ASSERT_TRUE(note.ok()) << note.status();
  ASSERT_THAT(note->signatures, ::testing::SizeIs(1));
  EXPECT_TRUE(NoteSignerOf(kClosed, 10).verifier_key().Verify(note->text, note->signatures.front()));
  EXPECT_EQ(tlog::Checkpoint::Parse(note->text)->size(), back.closed_size);
}

// Here: two officers with one certificate, which no record can say.
TEST_F(RecoveryLimits, WhatTheNextLogCannotBeginWithIsFoundWhileTheOldOneIsOpen) {
  LoseOne();
  if (HasFatalFailure()) return;
  EXPECT_EQ(RuleOf(FetchBack({kNyborg}, {kTwo.first_certificate, kTwo.first_certificate})), "LEDGER_RECORD_MALFORMED");
  EXPECT_FALSE(PlanIsKept());
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "OK");
  EXPECT_TRUE(PlanIsKept());
}

// What waits for it stands in the closed log, and is told once more under its number when the card is there again.
TEST_F(RecoveryLimits, APeerWithoutACardAtTheRecoveryGoesOnWhenItHasOneAgain) {
  Propose(kOdense, kNyborg);
  ASSERT_TRUE(world.Settle());
  world.network.SetPartition(kOdense, kNyborg, true);
  Propose(kOdense, kNyborg);
  Propose(kOdense, kNyborg);
  world.node(kOdense).CopyStore();
  Propose(kOdense, kKerteminde);
  world.RunFor(absl::Minutes(5));
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const directory::Directory whole = world.directory;
  world.directory = *directory::Directory::Create({*whole.Find(kOdense), *whole.Find(kKerteminde)});
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  world.directory = whole;
  GoOn();
  world.network.Heal();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).receipted.value(), 3U);
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 3U);
  EXPECT_EQ(world.node(kNyborg).StateNow().agreements().size(), 3U);
  const auto replayed = world.node(kOdense).Replay();
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->state.CanonicalBytes(), world.node(kOdense).StateNow().CanonicalBytes());
}

// All of it would have to fit into one commit, behind the closing of the log.
TEST_F(RecoveryLimits, APeerThatDeniesMoreReceiptsThanCanBeMadeAgainIsRefusedWhileItCanBeLeftOut) {
  LoseOne();
  if (HasFatalFailure()) return;
  v1::EventBatch batch;
  batch.set_checkpoint("a note");
  const std::string small = exchange::StartKept({0}, batch);
  batch.set_checkpoint(std::string(exchange::kMaxRecordedAgainBytes, 'x'));
  const std::string large = exchange::StartKept({0}, batch);
  const auto refused = [&](uint64_t received, const std::string& row) {
    SetReceived(received, row);
    const absl::Status fetched = FetchBack({kNyborg});
    EXPECT_EQ(RuleOf(fetched), "RECOVERY_EVIDENCE_INVALID");
    EXPECT_THAT(fetched.message(), ::testing::HasSubstr(kNyborg.ToString()));
    EXPECT_FALSE(PlanIsKept());
  };
  refused(exchange::kMaxRecordedAgain + 1, small);
  refused(1, large);
  SetReceived(exchange::kMaxRecordedAgain, small);
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "OK");
  EXPECT_TRUE(PlanIsKept());
}

// Of a run that had begun the peer may have every receipt.
TEST_F(RecoveryLimits, WhatWasBeingRecordedAgainIsNotSaidToBeDenied) {
  LoseOne();
  if (HasFatalFailure()) return;
  v1::EventBatch batch;
  batch.set_checkpoint("a note");
  const std::string row = exchange::StartKept({0}, batch);
  constexpr uint64_t kReceived = exchange::kMaxRecordedAgain + 1;
  witnesses.held = [&](AuthorityId, AuthorityId) {
    v1::GetHeldHeadsResponse said = HeldByNyborg();
    said.set_last_receipted_number(kReceived);
    return said;
  };
  SetReceived(kReceived, row);
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "OK");
  SetReceived(kReceived, row, exchange::Repetition{PairNumber(1), PairNumber(2)});
  const absl::Status fetched = FetchBack({kNyborg});
  EXPECT_EQ(RuleOf(fetched), "RECOVERY_EVIDENCE_INVALID");
  EXPECT_THAT(fetched.message(), ::testing::HasSubstr("being recorded again"));
  EXPECT_THAT(fetched.message(), ::testing::Not(::testing::HasSubstr("denies")));
}

// Nor does what a peer that was left out had begun to deny have to fit into the first commit of the next log.
TEST_F(RecoveryLimits, WhatWasBeingRecordedAgainOfALeftOutPeerGoesOnInParts) {
  for (int i = 0; i < 2; ++i) {
    Propose(kNyborg, kOdense);
    ASSERT_TRUE(world.Settle());
  }
  SimNode& odense = world.node(kOdense);
  odense.Submit([](log::Appender& appender) {
    exchange::StageRepetition(kNyborg, {PairNumber(1), PairNumber(2)}, appender.batch());
  });
  world.RunFor(absl::Seconds(1));
  odense.CopyStore();
  Propose(kOdense, kKerteminde);
  world.RunFor(absl::Minutes(2));
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;

  const auto in_open_log = [&] {
    const log::Position open = odense.log().reader().generations().open().begin;
    size_t found = 0;
    EXPECT_TRUE(exchange::VisitKept(odense.store(), kNyborg, PairNumber(1), [&](const exchange::KeptRow& row) {
                  for (const exchange::KeptEvent& event : row.events) found += event.record >= open ? 1U : 0U;
                  return absl::OkStatus();
                }).ok());
    return found;
  };
  odense.Boot();  // restrained: as the first commit leaves it
  EXPECT_EQ(in_open_log(), 0U);
  const auto unfinished = exchange::FindRepetition(odense.store(), kNyborg);
  ASSERT_TRUE(unfinished.ok() && unfinished->has_value());
  EXPECT_EQ(**unfinished, (exchange::Repetition{PairNumber(1), PairNumber(1)}));
  odense.Crash();
  GoOn();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(in_open_log(), 2U);
  EXPECT_FALSE(exchange::FindRepetition(odense.store(), kNyborg)->has_value());
}

// By whatever rule: officers must know whom to leave out.
TEST_F(RecoveryLimits, WhatIsRefusedNamesThePeerThatGaveIt) {
  Propose(kOdense, kNyborg);
  Propose(kNyborg, kOdense);  // so that Nyborg's key is pinned
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  Propose(kOdense, kNyborg);
  Propose(kOdense, kKerteminde);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  const auto expect_named = [&](const std::string& rule) {
    const absl::Status fetched = FetchBack({kKerteminde, kNyborg});
    EXPECT_EQ(RuleOf(fetched), rule);
    EXPECT_THAT(fetched.message(), ::testing::HasSubstr(kNyborg.ToString()));
    EXPECT_THAT(fetched.message(), ::testing::Not(::testing::HasSubstr(kKerteminde.ToString())));
  };
  witnesses.held_events = [](AuthorityId peer, v1::GetHeldEventsResponse& said) {
    if (peer == kNyborg) said.mutable_batch()->mutable_entries(0)->back() ^= 1;
  };
  expect_named("MULTI_PROOF_INVALID");
  witnesses.held_events = nullptr;
  const directory::Directory genuine = world.directory;
  directory::Authority other = *genuine.Find(kNyborg);
  other.logs.back().keys = {{NoteSignerOf(other.logs.back().origin, 78).verifier_key(), TreeSize(0), std::nullopt}};
  world.node(kOdense).exchange().OnDirectoryChanged(*genuine.With(other));
  expect_named("LOG_KEY_NOT_HANDED_OVER");
  world.node(kOdense).exchange().OnDirectoryChanged(genuine);
  EXPECT_EQ(RuleOf(FetchBack({kKerteminde, kNyborg})), "OK");
}

// A hostile peer that leaves just so much room that the honest one after it has too little.
TEST_F(RecoveryLimits, WhoFillsThePlanIsNamedAndNotWhoComesAfterIt) {
  Propose(kOdense, kNyborg);
  ASSERT_TRUE(world.Settle());
  world.node(kOdense).CopyStore();
  Propose(kOdense, kNyborg);
  Propose(kOdense, kKerteminde);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  const std::vector<AuthorityId> peers = {kKerteminde, kNyborg};
  absl::Status fetched = FetchBack(peers);
  ASSERT_TRUE(fetched.ok()) << fetched;
  const auto plan = exchange::ReadRecoveryPlan(world.node(kOdense).store());
  ASSERT_TRUE(plan.ok() && plan->has_value());
  constexpr size_t kFilling = 64 << 10;
  const size_t all = (*plan)->ByteSizeLong() - (*plan)->closed_checkpoint().size();
  const size_t most = all + kFilling - 100;  // but for so many bytes there is room for both
  const auto expect_named = [&](const std::string& rule) {
    fetched = FetchBack(peers, kTwo, most);
    EXPECT_EQ(RuleOf(fetched), rule);
    EXPECT_THAT(fetched.message(), ::testing::HasSubstr(kKerteminde.ToString()));
    EXPECT_THAT(fetched.message(), ::testing::Not(::testing::HasSubstr(kNyborg.ToString())));
  };

  // With what is nothing: it is read before the next is asked.
  witnesses.held_events = [](AuthorityId peer, v1::GetHeldEventsResponse& said) {
    if (peer == kKerteminde) said.add_receipts()->set_checkpoint(std::string(kFilling, 'x'));
  };
  bool asked = false;
  witnesses.held = [&](AuthorityId, AuthorityId to) {
    asked = asked || to == kNyborg;
    return std::optional<v1::GetHeldHeadsResponse>();
  };
  expect_named("RECOVERY_EVIDENCE_INVALID");
  EXPECT_FALSE(asked);
  witnesses.held_events = nullptr;
  witnesses.held = nullptr;

  // With what harms nothing else: lines that are no head of ours.
  const auto heads_of = [&](AuthorityId peer) {
    v1::GetHeldHeadsRequest request;
    request.set_origin(kClosed);
    return exchange::AnswerHeldHeads(world.node(peer).exchange().context(), witnesses.witness(peer), kOdense, request);
  };
  witnesses.held = [&](AuthorityId, AuthorityId to) {
    auto said = *heads_of(to);
    if (to == kKerteminde) said.add_checkpoints(std::string(kFilling, 'x'));
    return std::optional(said);
  };
  expect_named("RECOVERY_PEER_FAILED");

  // What a peer's newer program says beside it is not kept.
  witnesses.held = [&](AuthorityId, AuthorityId to) {
    auto said = *heads_of(to);
    said.GetReflection()->MutableUnknownFields(&said)->AddLengthDelimited(1000, std::string(kFilling, 'x'));
    return std::optional(said);
  };
  fetched = FetchBack(peers, kTwo, all + kFilling / 2);
  EXPECT_TRUE(fetched.ok()) << fetched;
}

TEST_F(RecoveryLimits, APeerThatNeverComesToAnEndKeepsNobodyForEver) {
  LoseOne();
  if (HasFatalFailure()) return;
  Dripping calls(world);
  std::vector<absl::Status> told;
  const auto done = [&](const absl::StatusOr<exchange::Recovery::Outcome>& outcome) {
    told.push_back(outcome.status());
  };
  exchange::Recovery recovery(world.node(kOdense).exchange().context(), calls);
  recovery.Begin({kNyborg}, kTwo, done);
  world.RunFor(exchange::kLongestGivingBack - absl::Minutes(1));
  EXPECT_THAT(told, ::testing::IsEmpty()) << "what is slow has its time";
  world.RunFor(absl::Minutes(2));
  ASSERT_THAT(told, ::testing::SizeIs(1));
  EXPECT_EQ(RuleOf(told[0]), "RECOVERY_PEER_FAILED");
  EXPECT_THAT(told[0].message(), ::testing::HasSubstr(kNyborg.ToString()));
  recovery.Begin({kNyborg}, kTwo, done);
  world.RunFor(absl::Minutes(1));
  EXPECT_THAT(told, ::testing::SizeIs(1)) << "they are asked again";
  recovery.Stop();
}

}  // namespace
}  // namespace medflyt::testing
