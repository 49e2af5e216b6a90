// Odense loses its store, with a peer that is asked step by step what it gives back.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/exchange/kept.h"
#include "server/exchange/log_key_pins.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/record_again.h"
#include "server/exchange/recovery.h"
#include "server/log/layout.h"
#include "server/store/batch.h"
#include "tests/sim/witness/recovery_test.h"

namespace medflyt::testing {

inline const std::string kClosed = "medflyt.example/35209115/1";
inline const std::string kNext = "medflyt.example/35209115/2";
inline constexpr uint8_t kNextSeed = 41;
inline const std::string kNyborgs = "medflyt.example/29189722/1";

class OdensesRecovery : public ::testing::Test, protected RecoveryWorld {
 protected:
  OdensesRecovery() : RecoveryWorld(7) { world.network.weather.queue_full_one_in = 0; }

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

}  // namespace medflyt::testing
