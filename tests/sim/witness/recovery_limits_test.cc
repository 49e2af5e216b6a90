// What a hostile, slow or absent peer can do to the recovery of another node: nothing that is found only once there is
// no way back.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
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
#include "server/domain/query.h"
#include "server/exchange/admitted.h"
#include "server/exchange/kept.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/record_again.h"
#include "server/exchange/recovery.h"
#include "server/exchange/recovery_evidence.h"
#include "server/log/layout.h"
#include "server/store/batch.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {
namespace {

const std::string kClosed = "medflyt.example/35209115/1";
const std::string kNext = "medflyt.example/35209115/2";
constexpr uint8_t kNextSeed = 41;
const std::string kNyborgs = "medflyt.example/29189722/1";

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

class RecoveryLimits : public ::testing::Test, protected RecoveryWorld {
 protected:
  RecoveryLimits() : RecoveryWorld(7) { world.network.weather.queue_full_one_in = 0; }

  void Propose(AuthorityId provider, AuthorityId buyer) {
    EXPECT_EQ(world.Act(provider, Proposal(provider, buyer)), "OK");
  }
  // One event that Odense knows to be with Nyborg, and one that it has lost.
  void LoseOne() {
    Propose(kOdense, kNyborg);
    ASSERT_TRUE(world.Settle());
    world.node(kOdense).CopyStore();
    Propose(kOdense, kNyborg);
    ASSERT_TRUE(world.Settle());
    RollBack(kOdense);
  }
  absl::Status FetchBack(const std::vector<AuthorityId>& peers, const exchange::Recovery::Decision& by = kTwo,
                         size_t most = exchange::kMaxGivenBack) {
    absl::Status status = absl::UnknownError("not done");
    exchange::Recovery recovery(world.node(kOdense).exchange().context(), witnesses.calls(kOdense), most);
    recovery.Begin(peers, by, [&](const absl::StatusOr<exchange::Recovery::Outcome>& outcome) {
      status = outcome.status();
      if (outcome.ok()) back = *outcome;
    });
    world.RunFor(absl::Minutes(5));
    recovery.Stop();
    return status;
  }
  bool PlanIsKept() { return exchange::ReadRecoveryPlan(world.node(kOdense).store())->has_value(); }
  // Odense's next log, before anybody knows of it.
  absl::Status Open() {
    witnesses.Forget(kOdense);
    return world.node(kOdense).OpenNextLog(SignerOf(kNextSeed), NoteSignerOf(kNext, kNextSeed));
  }
  // Odense goes on, and the others' officers admit its new card.
  void GoOn() {
    directory::Authority card = *world.directory.Find(kOdense);
    card.logs.back().keys.back().until = TreeSize(back.closed_size.value() + 1);
    card.logs.push_back({kNext, {{NoteSignerOf(kNext, kNextSeed).verifier_key(), TreeSize(0), std::nullopt}}});
    world.directory = *world.directory.With(card);
    world.node(kOdense).restrained = false;
    world.node(kOdense).Boot();
    witnesses.Boot(kOdense);
    for (auto& [id, node] : world.nodes()) {
      if (id == kOdense) continue;
      node->exchange().OnDirectoryChanged(world.directory);
      Admit(*node, kOdense, card.logs.back());
    }
  }
  // Odense's store says that it has received as many of Nyborg, and has this row of the first; and how far they are
  // recorded again.
  void SetReceived(uint64_t number, const std::string& row,
                   const std::optional<exchange::Repetition>& unfinished = std::nullopt) {
    witnesses.Forget(kOdense);
    SimNode& odense = world.node(kOdense);
    log::PeerState nyborg = odense.log().peer(kNyborg);
    nyborg.received = PairNumber(number);
    store::Batch batch;
    batch.Put(store::Table::kMeta, log::PeerKey(kNyborg), log::EncodePeer(nyborg));
    batch.Put(store::Table::kOutbox, log::PairRowKey('r', kNyborg, 1), row);
    if (unfinished) exchange::StageRepetition(kNyborg, *unfinished, batch);
    ASSERT_TRUE(odense.store().Commit(batch, store::Durability::kSynced).ok());
    odense.Crash();
    odense.Boot();
    witnesses.Boot(kOdense);
  }
  // For Odense, Nyborg's log is a later one than that which it exchanged with. Nyborg's card, which has both.
  directory::Authority GiveNyborgAnEarlierLog() {
    const std::string earlier = "medflyt.example/29189722/0";
    // A head that Odense cosigns would pin its log.
    witnesses.lies = [](const SimWitnesses::Asked&) {
      return absl::StatusOr<v1::CosignResponse>(absl::UnavailableError("nobody cosigns"));
    };
    directory::Authority nyborg = *world.directory.Find(kNyborg);
    nyborg.logs.insert(nyborg.logs.begin(),
                       {earlier, {{NoteSignerOf(earlier, 77).verifier_key(), TreeSize(0), TreeSize(5)}}});
    world.directory = *world.directory.With(nyborg);
    world.node(kOdense).Submit([&](log::Appender& appender) {
      appender.peer(kNyborg).origin = earlier;
      appender.batch().Put(store::Table::kMeta, exchange::KnownLogsKey(kNyborg),
                           exchange::EncodeKnownLogs({crypto::Sha256(earlier)}));
    });
    world.RunFor(absl::Seconds(1));
    witnesses.Restart(kOdense);
    return nyborg;
  }
  // What Nyborg truly holds.
  v1::GetHeldHeadsResponse HeldByNyborg() {
    v1::GetHeldHeadsRequest request;
    request.set_origin(kClosed);
    auto said = exchange::AnswerHeldHeads(world.node(kNyborg).exchange().context(), witnesses.witness(kNyborg), kOdense,
                                          request);
    EXPECT_TRUE(said.ok()) << said.status();
    return said.ok() ? *said : v1::GetHeldHeadsResponse();
  }
};

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

// Nyborg had gone on in a later log, and two officers had admitted it since the copy was made. That this log was taken
// our receipts say; by which keys, the recovery's own commit must, or any card of tomorrow.
TEST_F(RecoveryLimits, ALogThatIsTakenOverIsPinnedAndKnown) {
  const std::string& second = kNyborgs;
  const std::string third = "medflyt.example/29189722/2";
  const directory::Authority nyborg = GiveNyborgAnEarlierLog();
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  Admit(odense, kNyborg, nyborg.logs.back());
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.returned, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;

  // The next start finds a card with another key of that log.
  const directory::Directory genuine = world.directory;
  directory::Authority other = nyborg;
  other.logs.back().keys = {{NoteSignerOf(second, 78).verifier_key(), TreeSize(0), std::nullopt}};
  world.directory = *genuine.With(other);
  GoOn();
  exchange::Context& context = odense.exchange().context();
  const auto keys_in = [&](const directory::Directory& directory) {
    return RuleOf(exchange::CheckLogKeys(context, directory, kNyborg, second).status());
  };
  EXPECT_EQ(keys_in(world.directory), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(keys_in(genuine), "OK");

  // What it signed stays good when Nyborg goes on in its turn.
  directory::Authority later = nyborg;
  later.logs.back().keys.back().until = TreeSize(1000);
  later.logs.push_back({third, {{NoteSignerOf(third, 79).verifier_key(), TreeSize(0), std::nullopt}}});
  odense.Submit([&](log::Appender& appender) { appender.peer(kNyborg).origin = third; });
  world.RunFor(absl::Seconds(1));
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, *genuine.With(later), kNyborg, second).status()), "OK");
}

// Nyborg was recovered itself, so that what it gives back stands in two of its logs.
TEST_F(RecoveryLimits, EveryLogThatIsTakenOverIsPinnedAndKnown) {
  const directory::Authority before = GiveNyborgAnEarlierLog();
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  Admit(odense, kNyborg, before.logs.back());
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  Propose(kNyborg, kKerteminde);
  ASSERT_TRUE(world.Settle());
  Lose(kNyborg);
  if (HasFatalFailure()) return;
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.returned, 2U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();

  const directory::Authority nyborg = *world.directory.Find(kNyborg);
  ASSERT_EQ(nyborg.logs.size(), 3U);
  for (size_t i = 1; i < nyborg.logs.size(); ++i) {
    const std::string& origin = nyborg.logs[i].origin;
    SCOPED_TRACE(origin);
    exchange::Context& context = odense.exchange().context();
    EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, world.directory, kNyborg, origin).status()), "OK");
    directory::Authority other = nyborg;
    other.logs[i].keys.front().key = NoteSignerOf(origin, 78).verifier_key();
    EXPECT_EQ(RuleOf(exchange::CheckLogKeys(context, *world.directory.With(other), kNyborg, origin).status()),
              "LOG_KEY_NOT_HANDED_OVER");
  }
}

// The copy is of before Odense had met Nyborg, and Nyborg was recovered since: what the store forgets of its logs comes
// back with what stands in them, so that the later one is no first contact.
TEST_F(RecoveryLimits, AfterAClosedLogOfAPeerItsNextOneNeedsTwoOfficersAsBefore) {
  world.node(kOdense).CopyStore();
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  Propose(kNyborg, kKerteminde);
  ASSERT_TRUE(world.Settle());
  Lose(kNyborg);
  if (HasFatalFailure()) return;
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).origin, "");
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.returned, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();

  const directory::Authority& nyborg = *world.directory.Find(kNyborg);
  ASSERT_EQ(nyborg.logs.size(), 2U);
  EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).origin, nyborg.logs[0].origin);
  exchange::Context& context = world.node(kOdense).exchange().context();
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, world.directory, kNyborg, nyborg.logs[0].origin).status()), "OK");
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, world.directory, kNyborg, nyborg.logs[1].origin).status()),
            "GENERATION_NOT_ADMITTED");
}

// Where the peer has only ever received, its receipts are the first contact.
TEST_F(RecoveryLimits, APeerThatGaveReceiptsAloneBackIsMetByThem) {
  world.node(kOdense).CopyStore();
  Propose(kOdense, kNyborg);
  ASSERT_TRUE(world.Settle());
  RollBack(kOdense);
  ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).origin, "");
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_EQ(back.held, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  SimNode& odense = world.node(kOdense);
  odense.Boot();  // restrained: as the first commit leaves it
  EXPECT_EQ(odense.log().peer(kNyborg).origin, kNyborgs);
  EXPECT_GT(odense.log().peer(kNyborg).by_receipt.size.value(), 0U);

  const directory::Directory genuine = world.directory;
  directory::Authority other = *genuine.Find(kNyborg);
  other.logs.back().keys.front().key = NoteSignerOf(kNyborgs, 78).verifier_key();
  EXPECT_EQ(
      RuleOf(exchange::CheckLogKeys(odense.exchange().context(), *genuine.With(other), kNyborg, kNyborgs).status()),
      "LOG_KEY_NOT_HANDED_OVER");
  other = *genuine.Find(kNyborg);
  const std::string later = "medflyt.example/29189722/2";
  other.logs.back().keys.back().until = TreeSize(1000);
  other.logs.push_back({later, {{NoteSignerOf(later, 79).verifier_key(), TreeSize(0), std::nullopt}}});
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(odense.exchange().context(), *genuine.With(other), kNyborg, later).status()),
            "GENERATION_NOT_ADMITTED");
}

// Nobody who is asked has seen it, and the card that ends the log would make what was proven under it worthless.
TEST_F(RecoveryLimits, TheLogEndsBehindTheHighestHeadThatAPeerHadShownThoughItIsLeftOut) {
  LoseOne();
  if (HasFatalFailure()) return;
  std::vector<uint64_t> proven;
  {
    exchange::OwnLogCheck check(world.node(kOdense).exchange().context(), witnesses.calls(kOdense),
                                exchange::OwnLogSchedule(),
                                {[](const auto&) {}, [&](TreeSize size) { proven.push_back(size.value()); }}, {});
    check.Start();
    world.RunFor(absl::Minutes(1));
    check.Stop();
  }
  ASSERT_EQ(proven.size(), 1U);
  ASSERT_GT(proven[0], world.node(kOdense).log().head().size.value());
  witnesses.held = [](AuthorityId, AuthorityId) { return std::optional(v1::GetHeldHeadsResponse()); };
  const absl::Status fetched = FetchBack({kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  EXPECT_EQ(back.closed_size.value(), proven[0]);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  world.node(kOdense).Boot();  // restrained: as the first commit leaves it
  EXPECT_TRUE(exchange::ReadOwnLogProofs(world.node(kOdense).log(), world.directory)->empty());
  EXPECT_EQ(
      world.node(kOdense).store().Last(store::Table::kMeta, store::KeyRange::Prefix("own-log-proof"))->has_value(),
      false);
}

// It has cosigned nothing: by the receipts that came back alone it knows how far Odense is.
TEST_F(RecoveryLimits, ARecoveredPeerShowsTheHeadsOfWhatCameBack) {
  witnesses.lies = [](const SimWitnesses::Asked&) {
    return absl::StatusOr<v1::CosignResponse>(absl::UnavailableError("nobody cosigns"));
  };
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  world.node(kNyborg).CopyStore();
  Propose(kNyborg, kOdense);
  ASSERT_TRUE(world.Settle());
  const TreeSize receipted = world.node(kNyborg).log().peer(kOdense).by_receipt.size;
  Lose(kNyborg);
  if (HasFatalFailure()) return;
  const v1::GetHeldHeadsResponse held = HeldByNyborg();
  EXPECT_GE(held.size(), receipted.value());
  ASSERT_THAT(held.checkpoints(), ::testing::Not(::testing::IsEmpty()));
  uint64_t shown = 0;
  for (const std::string& note : held.checkpoints()) {
    shown = std::max(shown, tlog::StatedCheckpoint(note)->size().value());
  }
  EXPECT_GE(shown, receipted.value());
}

// A peer that still goes by the old card asks of the old log, and is not answered with the new one.
TEST_F(RecoveryLimits, AClosedLogIsProvenAsFarAsTheStoreHasIt) {
  LoseOne();
  if (HasFatalFailure()) return;
  const uint64_t kept = world.node(kOdense).log().head().size.value();
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  ASSERT_TRUE(world.Settle());
  const auto ask = [&](const std::string& origin, uint64_t to) {
    v1::ProveConsistencyRequest request;
    request.set_origin(origin);
    request.set_from(1);
    request.set_to(to);
    return RuleOf(witnesses.comparison(kOdense).Prove(request).status());
  };
  EXPECT_EQ(ask(kClosed, kept), "OK");
  EXPECT_EQ(ask(kClosed, kept + 1), "PROOF_NOT_KEPT");
  EXPECT_EQ(ask(kNext, 2), "OK");
  EXPECT_EQ(ask(kNext, 1000), "PROOF_OUT_OF_RANGE");
  EXPECT_EQ(ask("medflyt.example/35209115/3", 1), "PROOF_NOT_KEPT");
}

// The own card says that the log's present key signs from a later size on, and nobody shows a head that it has signed:
// the card of the next log could not end this one.
TEST_F(RecoveryLimits, AHandoverThatNothingProvesIsFoundWhileTheLogIsOpen) {
  LoseOne();
  if (HasFatalFailure()) return;
  directory::Authority odense = *world.directory.Find(kOdense);
  odense.logs.back().keys.back().until = TreeSize(1000);
  odense.logs.back().keys.push_back({NoteSignerOf(kClosed, 80).verifier_key(), TreeSize(1000), std::nullopt});
  const directory::Directory genuine = world.directory;
  world.node(kOdense).exchange().OnDirectoryChanged(*genuine.With(odense));
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "RECOVERY_EVIDENCE_INVALID");
  EXPECT_FALSE(PlanIsKept());
  world.node(kOdense).exchange().OnDirectoryChanged(genuine);
  EXPECT_EQ(RuleOf(FetchBack({kNyborg})), "OK");
}

// Nyborg asks for a place by what Kerteminde has announced to it. Kerteminde was recovered without Nyborg since, and
// its card ends that log before the head that proves the announcement: what was taken before stays taken.
TEST_F(RecoveryLimits, ARequestStaysTakenThoughItsAnnouncementStandsBehindTheEndOfItsLogByNow) {
  const CaseId agreement = Agree(kNyborg);
  const CaseId relocation = Announce(kKerteminde, Enrol(kKerteminde, Agree(kKerteminde)), kNyborg);
  ASSERT_TRUE(world.Settle());
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = odense.StateNow();
  ASSERT_NE(before.FindTransfer(transfer), nullptr);

  directory::Authority kerteminde = *world.directory.Find(kKerteminde);
  const std::string next = "medflyt.example/29189706/2";
  kerteminde.logs.back().keys.back().until = TreeSize(1);
  kerteminde.logs.push_back({next, {{NoteSignerOf(next, 42).verifier_key(), TreeSize(0), std::nullopt}}});
  world.directory = *world.directory.With(kerteminde);
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_GE(back.returned, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  odense.Boot();           // as the first commit leaves it
  odense.log().Release();  // for its state to be read
  const log::LogReader& reader = odense.log().reader();
  const absl::Status visited = reader.Visit(
      reader.generations().open().begin, odense.log().end(), [&](log::Position, std::string_view bytes, const KeyId&) {
        const auto record = wire::LedgerCodec().Decode(bytes);
        const auto* received = record.ok() ? std::get_if<wire::EventReceived>(&record->record) : nullptr;
        if (received != nullptr) {
          EXPECT_EQ(received->refused_rule, "");
        }
        return absl::OkStatus();
      });
  EXPECT_TRUE(visited.ok()) << visited;
  const domain::State state = odense.StateNow();
  const domain::Transfer* taken = state.FindTransfer(transfer);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->refused, before.FindTransfer(transfer)->refused);
  ASSERT_TRUE(taken->verified.has_value());
  EXPECT_EQ(taken->verified->issuer, kKerteminde);
  EXPECT_TRUE(taken->verified->same_citizen);
}

// Nyborg has lost the announcement, or withholds it. What Odense had taken and answered stands all the same, and the
// place is Nyborg's.
TEST_F(RecoveryLimits, ARequestStaysAnsweredThoughNobodyOpensItsAnnouncementAnyMore) {
  const CaseId agreement = Agree(kNyborg);
  const CaseId relocation = Announce(kKerteminde, Enrol(kKerteminde, Agree(kKerteminde)), kNyborg);
  ASSERT_TRUE(world.Settle());
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  const domain::State before = odense.StateNow();
  ASSERT_EQ(before.FindTransfer(transfer)->state, domain::TransferState::kDone);
  ASSERT_FALSE(before.CalendarOf(agreement).empty());

  size_t cleared = 0;
  witnesses.receipted_events = [&](AuthorityId, v1::GetReceiptedEventsResponse& said) {
    cleared += static_cast<size_t>(said.batch().openings_size());
    said.mutable_batch()->clear_openings();
  };
  RollBack(kOdense);
  const absl::Status fetched = FetchBack({kNyborg, kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  ASSERT_GE(cleared, 1U);
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  ASSERT_TRUE(world.Settle());

  const domain::State state = odense.StateNow();
  const domain::Transfer* taken = state.FindTransfer(transfer);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->state, domain::TransferState::kDone);
  EXPECT_FALSE(taken->verified.has_value()) << "nobody has shown it";
  const domain::Enrolment* enrolment = state.FindEnrolment(transfer);
  ASSERT_NE(enrolment, nullptr);
  EXPECT_EQ(domain::HistoryOf(*enrolment), domain::HistoryOf(*before.FindEnrolment(transfer)));
  EXPECT_EQ(state.CalendarOf(agreement).size(), before.CalendarOf(agreement).size()) << "the place is taken";
  const log::LogReader& reader = odense.log().reader();
  size_t received = 0;
  const absl::Status visited = reader.Visit(
      reader.generations().open().begin, odense.log().end(), [&](log::Position, std::string_view bytes, const KeyId&) {
        const auto record = wire::LedgerCodec().Decode(bytes);
        const auto* each = record.ok() ? std::get_if<wire::EventReceived>(&record->record) : nullptr;
        if (each != nullptr && each->issuer_origin == kNyborgs) {
          EXPECT_EQ(each->refused_rule, "") << "our receipt says that it was taken";
          ++received;
        }
        return absl::OkStatus();
      });
  EXPECT_TRUE(visited.ok()) << visited;
  EXPECT_EQ(received, 1U);
  ExpectSound();
}

// A request that had no answer yet gets none by rule: nobody has shown again what it stands on.
TEST_F(RecoveryLimits, ARequestWithoutAnAnswerIsNotGrantedWithoutItsAnnouncement) {
  const CaseId agreement = Agree(kNyborg);
  const CaseId enrolment = Enrol(kKerteminde, Agree(kKerteminde));
  // Odense does not hear yet that Kerteminde's responsibility ends.
  world.network.SetPartition(kOdense, kKerteminde, true);
  const CaseId relocation = Announce(kKerteminde, enrolment, kNyborg);
  world.RunFor(absl::Minutes(10));
  SimNode& odense = world.node(kOdense);
  odense.CopyStore();
  const CaseId transfer = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement}), "OK");
  world.RunFor(absl::Minutes(5));
  const domain::State before = odense.StateNow();
  ASSERT_NE(before.FindTransfer(transfer), nullptr);
  ASSERT_EQ(before.FindTransfer(transfer)->state, domain::TransferState::kWaiting);

  witnesses.receipted_events = [](AuthorityId, v1::GetReceiptedEventsResponse& said) {
    said.mutable_batch()->clear_openings();
  };
  RollBack(kOdense);
  world.network.Heal();
  const absl::Status fetched = FetchBack({kNyborg, kKerteminde});
  ASSERT_TRUE(fetched.ok()) << fetched;
  const absl::Status opened = Open();
  ASSERT_TRUE(opened.ok()) << opened;
  GoOn();
  ASSERT_TRUE(world.Settle());
  const domain::State state = odense.StateNow();
  ASSERT_NE(state.FindEnrolment(enrolment)->FindSpell(enrolment)->LatestEnd(), nullptr) << "but for that it could go";
  const domain::Transfer* waiting = state.FindTransfer(transfer);
  ASSERT_NE(waiting, nullptr);
  EXPECT_EQ(waiting->state, domain::TransferState::kWaiting);
  EXPECT_THAT(domain::WaitsFor(state, *waiting), ::testing::Contains(std::string_view("ANNOUNCEMENT_NOT_VERIFIED")));
  EXPECT_EQ(state.FindEnrolment(transfer), nullptr);

  // With the announcement it is granted, in a request of its own.
  EXPECT_EQ(world.Act(kNyborg, event::WithdrawTransfer{transfer}), "OK");
  ASSERT_TRUE(world.Settle());
  const CaseId again = world.chance.NewId<CaseId>();
  EXPECT_EQ(world.Act(kNyborg, event::RequestTransfer{again, relocation, agreement}), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(odense.StateNow().FindTransfer(again)->state, domain::TransferState::kDone);
  ExpectSound();
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
