// The log of a node that has erased, replayed with the keys that are left, against the state that it keeps.
#include <gtest/gtest.h>

#include <map>

#include "common/base/bytes.h"
#include "server/domain/codec.h"
#include "server/domain/query.h"
#include "tests/sim/exchange/officers.h"
#include "tests/sim/privacy/erasure_world.h"

namespace medflyt::testing {
namespace {

// The rows of a state, without what may differ after an erasure (server/log/replay.h): of a waiting list the order
// alone, and not how many have ever waited.
std::map<domain::RowKey, std::string> RowsOf(const domain::State& state) {
  std::map<CaseId, std::map<uint64_t, uint64_t>> ranks;  // by agreement and number
  for (const auto& [id, agreement] : state.agreements()) {
    for (const auto& [not_head, sequence, enrolment] : state.WaitingListOf(id)) {
      ranks[id].emplace(sequence, ranks[id].size() + 1);
    }
  }
  std::map<domain::RowKey, std::string> rows;
  const std::string bytes = state.CanonicalBytes();
  for (ByteReader reader(bytes); !reader.empty();) {
    const domain::RowKey key{static_cast<domain::RowKind>(*reader.U8()),
                             *CaseId::FromBytes(*reader.Take(CaseId::kSize))};
    std::string value(*reader.Take(*reader.U32()));
    if (key.kind == domain::RowKind::kNode) {
      domain::NodeCounters counters;
      EXPECT_TRUE(domain::codec::Decode(value, counters));
      counters.next_waiting = 1;
      value = domain::codec::Encode(counters);
    } else if (key.kind == domain::RowKind::kEnrolment) {
      domain::Enrolment enrolment;
      EXPECT_TRUE(domain::codec::Decode(value, enrolment));
      for (domain::Spell& spell : enrolment.spells) {
        if (spell.waiting) spell.waiting->sequence = ranks[spell.waiting->agreement][spell.waiting->sequence];
      }
      value = domain::codec::Encode(enrolment);
    }
    EXPECT_TRUE(rows.emplace(key, value).second);
  }
  return rows;
}

// The same rows and the same order of who waits; how many entries were not opened.
uint64_t ExpectReplayAgreesButForNumbers(SimNode& node) {
  const domain::State kept = node.StateNow();
  const auto replayed = node.Replay();
  EXPECT_TRUE(replayed.ok()) << replayed.status();
  if (!replayed.ok()) return 0;
  const auto kept_rows = RowsOf(kept);
  const auto replayed_rows = RowsOf(replayed->state);
  for (const auto& [key, value] : kept_rows) {
    const auto found = replayed_rows.find(key);
    EXPECT_TRUE(found != replayed_rows.end() && found->second == value)
        << node.self().ToString() << " kind " << static_cast<int>(key.kind) << " of " << key.id.ToHex()
        << (found == replayed_rows.end() ? " is not replayed" : " is replayed otherwise");
  }
  for (const auto& [key, value] : replayed_rows) {
    EXPECT_TRUE(kept_rows.contains(key)) << node.self().ToString() << " kind " << static_cast<int>(key.kind) << " of "
                                         << key.id.ToHex() << " comes back with the log";
  }
  for (const auto& [id, agreement] : kept.agreements()) {
    EXPECT_EQ(domain::WaitingListOn(kept, id), domain::WaitingListOn(replayed->state, id));
  }
  return replayed->unopened;
}

class ReplayAfterErasure : public ErasureWorld {
 protected:
  // Citizens of Odense's own, in its unit, who move to Nyborg, which asks for their places in this order.
  void MoveToNyborg(const std::vector<uint64_t>& citizens) {
    event::ImportExtract import;
    import.production_date = Date(2026, 3, 2);
    import.digest = world.chance.NewId<event::Hash>();
    for (const uint64_t citizen : citizens) {
      const auto own = world.chance.NewId<CaseId>();
      Act(kOdense, event::ProposeEnrolment{own, kOdense, SimCitizen(citizen), std::nullopt, Date(2026, 3, 1)});
      Act(kOdense, event::StartEnrolment{own, Date(2026, 3, 1)});
      event::Observation observation;
      observation.relocation = world.chance.NewId<CaseId>();
      observation.enrolment = own;
      observation.to = *world.facts.CodeOf(kNyborg);
      observation.effective_date = Date(2026, 3, 2);
      import.observations.push_back(observation);
    }
    Act(kOdense, import);
    for (const event::Observation& observation : import.observations) {
      Act(kOdense, event::AssessDisclosure{observation.relocation, true, Ground(), std::nullopt});
      Act(kOdense, event::AnnounceRelocation{observation.relocation});
      ASSERT_TRUE(world.Settle());
      Act(kNyborg, event::AcknowledgeRelocation{observation.relocation});
      Act(kNyborg, event::RequestTransfer{world.chance.NewId<CaseId>(), observation.relocation, AgreementId()});
      ASSERT_TRUE(world.Settle());
    }
  }
  CaseId AgreementId() { return world.node(kNyborg).StateNow().agreements().begin()->first; }
  std::vector<CaseId> WaitingAtOdense() {
    std::vector<CaseId> cases;
    for (const auto& entry : domain::WaitingListOn(world.node(kOdense).StateNow(), AgreementId())) {
      cases.push_back(entry.case_id);
    }
    return cases;
  }
};

TEST_F(ReplayAfterErasure, GivesTheStateThatIsKept) {
  Erase(kOdense);
  ASSERT_TRUE(world.Settle());
  EXPECT_GT(ExpectReplayAgreesButForNumbers(world.node(kOdense)), 0U);
  EXPECT_EQ(world.node(kOdense).Replay()->state.CanonicalBytes(), world.node(kOdense).StateNow().CanonicalBytes())
      << "nobody waited, so nothing differs";
  EXPECT_EQ(ExpectReplayAgreesButForNumbers(world.node(kNyborg)), 0U) << "Nyborg still has its keys";
  Erase(kNyborg);
  ASSERT_TRUE(world.Settle());
  EXPECT_GT(ExpectReplayAgreesButForNumbers(world.node(kNyborg)), 0U);
}

// Two have places and three wait; the first of these goes and is erased. The others wait in their order, by other
// numbers than they had.
TEST_F(ReplayAfterErasure, KeepsTheOrderOfAWaitingListAndNotItsNumbers) {
  MoveToNyborg({2, 3, 4, 5, 6});
  const std::vector<CaseId> waited = WaitingAtOdense();
  ASSERT_EQ(waited.size(), 3U);
  Act(kOdense, event::EndEnrolment{waited[0], Date(2026, 3, 2), event::EndReason::kJob});
  ASSERT_TRUE(world.Settle());
  ASSERT_EQ(EraseBy(kOdense, "anna", 4), "OK");
  ASSERT_EQ(EraseBy(kOdense, "bo", 4), "OK");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(WaitingAtOdense(), (std::vector<CaseId>{waited[1], waited[2]}));

  EXPECT_GT(ExpectReplayAgreesButForNumbers(world.node(kOdense)), 0U);
  EXPECT_EQ(world.node(kOdense).StateNow().counters().next_waiting, 4U);
  EXPECT_EQ(world.node(kOdense).Replay()->state.counters().next_waiting, 3U) << "the log no longer says who waited";
}

// Officers do what they like for a while, and then erase whom they may.
TEST(ReplayAfterErasures, GivesTheStateThatIsKeptWhateverHappenedBefore) {
  size_t erased = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SimWorld world(seed);
    world.RunFor(absl::Seconds(1));
    Officers officers(world);
    officers.Agree();
    for (int i = 0; i < 300; ++i) {
      officers.ActOnce();
      world.RunFor(absl::Minutes(2));
    }
    ASSERT_TRUE(world.Settle(absl::Hours(48)));
    for (auto& [id, node] : world.nodes()) {
      for (uint64_t citizen = 0; citizen < 40; ++citizen) {
        for (const std::string officer : {"anna", "bo"}) {
          const auto erasure = world.chance.NewId<CaseId>();
          node->Submit([&erased, erasure, officer, citizen](log::Appender& appender) {
            const std::vector<CaseId> cases = privacy::FindCitizen(appender.state(), SimCitizen(citizen)).cases;
            event::EraseCases command{erasure, cases, "gdpr-17-1-d", "journal-1", crypto::Sha256(officer)};
            crypto::SystemRandom random;
            const auto done = privacy::Erase(appender, random, {officer, std::move(command)});
            if (done.ok() && done->done) ++erased;
          });
          world.RunFor(absl::Milliseconds(100));
        }
      }
    }
    ASSERT_TRUE(world.Settle(absl::Hours(48)));
    for (auto& [id, node] : world.nodes()) ExpectReplayAgreesButForNumbers(*node);
  }
  EXPECT_GT(erased, 10U);
}

}  // namespace
}  // namespace medflyt::testing
