// Three nodes, one of which loses its store and goes on under a new log, by what its peers give back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/merkle/tree_hasher.h"
#include "common/wire/ledger.h"
#include "server/exchange/admitted.h"
#include "server/exchange/kept.h"
#include "server/exchange/recovery.h"
#include "tests/sim/exchange/checks.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/grounds.h"
#include "tests/support/sim_witnesses.h"

namespace medflyt::testing {

class RecoveryWorld {
 protected:
  static inline const exchange::CosigningSchedule kSchedule = {absl::Seconds(5), absl::Minutes(10), absl::Seconds(30)};
  static inline const exchange::Recovery::Decision kTwo = {merkle::LeafHash("first certificate"),
                                                           merkle::LeafHash("second")};

  explicit RecoveryWorld(uint64_t seed) : world(seed), witnesses(world, kSchedule) {}

  event::ProposeAgreement Proposal(AuthorityId provider, AuthorityId buyer) {
    return {world.chance.NewId<CaseId>(), provider, buyer, Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))};
  }
  // An agreement of Odense with the buyer, in force at both.
  CaseId Agree(AuthorityId buyer) {
    const event::ProposeAgreement proposal = Proposal(kOdense, buyer);
    EXPECT_EQ(world.Act(kOdense, proposal), "OK");
    EXPECT_TRUE(world.Settle());
    EXPECT_EQ(world.Act(buyer, event::AcceptAgreement{proposal.agreement, 1}), "OK");
    EXPECT_TRUE(world.Settle());
    return proposal.agreement;
  }
  // A citizen who is with Odense from today on.
  CaseId Enrol(AuthorityId responsible, std::optional<CaseId> agreement) {
    const CaseId enrolment = world.chance.NewId<CaseId>();
    EXPECT_EQ(
        world.Act(responsible, event::ProposeEnrolment{enrolment, kOdense, SimCitizen(1), agreement, Date(2026, 3, 2)}),
        "OK");
    EXPECT_TRUE(world.Settle());
    EXPECT_EQ(world.Act(kOdense, event::StartEnrolment{enrolment, Date(2026, 3, 2)}), "OK");
    EXPECT_TRUE(world.Settle());
    return enrolment;
  }
  // The citizen moves a week later: that is observed, disclosed and announced. Nobody need have received it.
  CaseId Announce(AuthorityId left, const CaseId& enrolment, AuthorityId to) {
    event::Observation observation;
    observation.relocation = world.chance.NewId<CaseId>();
    observation.enrolment = enrolment;
    observation.to = *world.facts.CodeOf(to);
    observation.effective_date = Date(2026, 3, 10);
    event::ImportExtract import;
    import.production_date = Date(2026, 3, 2);
    import.digest = world.chance.NewId<event::Hash>();
    import.records = 1;
    import.persons = 1;
    import.observations = {observation};
    EXPECT_EQ(world.Act(left, import, ""), "OK");
    EXPECT_EQ(world.Act(left, event::AssessDisclosure{observation.relocation, true, Ground(), std::nullopt}), "OK");
    EXPECT_EQ(world.Act(left, event::AnnounceRelocation{observation.relocation}), "OK");
    return observation.relocation;
  }
  void RollBack(AuthorityId who) {
    witnesses.Forget(who);
    world.node(who).PutBackCopy();
    world.node(who).restrained = true;
    world.node(who).Boot();
    witnesses.Boot(who);
  }
  // By a copy of before the node's last recovery, or of before those that opened the logs `between`, too.
  void RollBackToEarlierLog(AuthorityId who, std::shared_ptr<store::MemoryDisk> copy,
                            const std::vector<std::string>& between = {}) {
    witnesses.Forget(who);
    const absl::Status put_back = world.node(who).PutBackEarlierLog(std::move(copy), between);
    ASSERT_TRUE(put_back.ok()) << put_back;
    world.node(who).restrained = true;
    world.node(who).Boot();
    witnesses.Boot(who);
  }
  // The peers are asked; the rule of what went wrong, or "OK".
  std::string FetchBack(AuthorityId who, const std::vector<AuthorityId>& peers) {
    std::string rule = "QUEUE_FULL";
    while (rule == "QUEUE_FULL") {
      rule = "NOT_DONE";
      exchange::Recovery recovery(world.node(who).exchange().context(), witnesses.calls(who));
      recovery.Begin(peers, kTwo, [&](const absl::StatusOr<exchange::Recovery::Outcome>& outcome) {
        rule = outcome.ok() ? "OK" : RuleOf(outcome.status());
        if (outcome.ok()) back = *outcome;
      });
      world.RunFor(absl::Minutes(5));
      recovery.Stop();
    }
    return rule;
  }
  // Opens the next log, and gives everybody the new card.
  void OpenNext(AuthorityId who) {
    directory::Authority card = *world.directory.Find(who);
    const std::string origin = "medflyt.example/" + who.ToString() + "/" + std::to_string(card.logs.size() + 1);
    const auto seed = static_cast<uint8_t>(who.number() % 100 + card.logs.size());
    witnesses.Forget(who);
    const absl::Status opened = world.node(who).OpenNextLog(SignerOf(seed), NoteSignerOf(origin, seed));
    ASSERT_TRUE(opened.ok()) << opened;
    card.logs.back().keys.back().until = TreeSize(back.closed_size.value() + 1);
    card.logs.push_back({origin, {{NoteSignerOf(origin, seed).verifier_key(), TreeSize(0), std::nullopt}}});
    world.directory = *world.directory.With(card);
    for (auto& [id, node] : world.nodes()) {
      if (id != who) node->exchange().OnDirectoryChanged(world.directory);
    }
    world.node(who).restrained = false;
    world.node(who).Boot();
    witnesses.Boot(who);
    for (auto& [id, node] : world.nodes()) {
      if (id == who) continue;
      Admit(*node, who, card.logs.back());
      // What was admitted here before is forgotten with the store.
      const directory::Authority& other = *world.directory.Find(id);
      if (other.logs.size() == 1) continue;
      for (const directory::Log& log : other.logs) Admit(world.node(who), id, log);
    }
  }
  // Goes on in the next log with what these peers give back.
  void Lose(AuthorityId who, const std::vector<AuthorityId>& peers) {
    RollBack(who);
    world.RunFor(absl::Minutes(1));
    ASSERT_EQ(FetchBack(who, peers), "OK");
    OpenNext(who);
  }
  void Lose(AuthorityId who) {
    std::vector<AuthorityId> peers;
    for (const AuthorityId each : {kOdense, kNyborg, kKerteminde}) {
      if (each != who) peers.push_back(each);
    }
    Lose(who, peers);
  }
  // Odense has lost its second and third event to Nyborg, and Nyborg's first one to it, and goes on with what the
  // others have. In its new log it has told Nyborg three things more, under the numbers 2 to 4.
  void GoOnWithoutNyborg() {
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    ASSERT_TRUE(world.Settle());
    world.node(kOdense).CopyStore();
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    EXPECT_EQ(world.Act(kNyborg, Proposal(kNyborg, kOdense)), "OK");
    EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kKerteminde)), "OK");
    ASSERT_TRUE(world.Settle());
    world.network.SetPartition(kOdense, kNyborg, true);
    RollBack(kOdense);
    ASSERT_EQ(FetchBack(kOdense, {kKerteminde}), "OK");
    OpenNext(kOdense);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(world.Act(kOdense, Proposal(kOdense, kNyborg)), "OK");
    ASSERT_EQ(world.node(kOdense).log().peer(kNyborg).issued.value(), 4U);
    ASSERT_EQ(world.node(kNyborg).log().peer(kOdense).received.value(), 3U);
  }
  // What the open log of a node says that it has received of this log.
  size_t RecordsOf(AuthorityId who, const std::string& origin) {
    const log::LogReader& reader = world.node(who).log().reader();
    wire::LedgerCodec codec;
    size_t found = 0;
    EXPECT_TRUE(reader
                    .Visit(reader.generations().open().begin, world.node(who).log().end(),
                           [&](log::Position, std::string_view bytes, const KeyId&) {
                             const auto record = codec.Decode(bytes);
                             if (!record.ok()) return absl::OkStatus();
                             const auto* received = std::get_if<wire::EventReceived>(&record->record);
                             if (received != nullptr && received->issuer_origin == origin) ++found;
                             return absl::OkStatus();
                           })
                    .ok());
    return found;
  }
  // Where the rows say that the events of this issuer are recorded, in the order of their numbers.
  std::vector<log::Position> RowsOf(AuthorityId who, AuthorityId issuer) {
    std::vector<log::Position> records;
    EXPECT_TRUE(exchange::VisitKept(world.node(who).store(), issuer, PairNumber(1), [&](const exchange::KeptRow& row) {
                  for (const exchange::KeptEvent& event : row.events) records.push_back(event.record);
                  return absl::OkStatus();
                }).ok());
    return records;
  }
  // How many of them stand in the open log.
  size_t RowsInOpenLog(AuthorityId who, AuthorityId issuer) {
    const log::Position open = world.node(who).log().reader().generations().open().begin;
    const std::vector<log::Position> records = RowsOf(who, issuer);
    return static_cast<size_t>(
        std::count_if(records.begin(), records.end(), [open](log::Position each) { return each >= open; }));
  }
  // Nyborg greets Odense anew, and says to have receipts up to this number.
  void GreetWith(uint64_t receipted) {
    world.network.tamper = [receipted](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
      if (from == kNyborg && to == kOdense && message.has_hello()) {
        message.mutable_hello()->set_receipted_number(receipted);
      }
      return true;
    };
    witnesses.Restart(kNyborg);
  }
  // As two officers do it.
  void Admit(SimNode& node, AuthorityId who, const directory::Log& log) {
    const exchange::AdmittedLog admitted{kTwo.first_certificate, kTwo.second_certificate,
                                         log.keys.front().key.Format()};
    while (!exchange::FindAdmitted(node.store(), who, log.origin)->has_value()) {
      node.Submit([&](log::Appender& appender) {
        appender.batch().Put(store::Table::kMeta, exchange::AdmittedKey(who, log.origin),
                             exchange::EncodeAdmitted(admitted));
      });
      world.RunFor(absl::Seconds(1));
    }
  }
  // Of places the provider's books are asked. A buyer may have been told of more than there is: an enrolment of the
  // provider's own citizen is local, and lost with all that came of it here.
  void ExpectSound() {
    for (auto& [id, node] : world.nodes()) {
      SCOPED_TRACE(id.ToString());
      const auto replayed = node->Replay();
      ASSERT_TRUE(replayed.ok()) << replayed.status();
      EXPECT_EQ(replayed->state.CanonicalBytes(), node->StateNow().CanonicalBytes());
      if (id == kOdense) ExpectCapacityKept(id, node->StateNow());
    }
  }

  SimWorld world;
  SimWitnesses witnesses;
  exchange::Recovery::Outcome back;
};

// Its seeds: recovery_test.cc.
class RecoveryTest : public ::testing::TestWithParam<uint64_t>, protected RecoveryWorld {
 protected:
  RecoveryTest() : RecoveryWorld(GetParam()) {}
};

}  // namespace medflyt::testing
