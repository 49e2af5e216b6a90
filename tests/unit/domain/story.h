// The steps that many stories begin with, each expected to succeed.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/agreement_terms.h"
#include "tests/support/domain_world.h"

namespace medflyt::testing {

using namespace event;  // NOLINT(google-build-using-namespace): the vocabulary of the stories

#define ASSERT_DONE(expression) ASSERT_EQ(RuleOf(expression), "OK")
#define EXPECT_DONE(expression) EXPECT_EQ(RuleOf(expression), "OK")
#define EXPECT_RULE(expression, rule) EXPECT_EQ(RuleOf(expression), rule)

class Story : public ::testing::Test {
 protected:
  DomainWorld world;

  const domain::State& odense() { return world.state(kOdense); }
  const domain::State& nyborg() { return world.state(kNyborg); }
  const domain::State& kerteminde() { return world.state(kKerteminde); }

  // An agreement of Odense with the buyer, in force at both.
  CaseId Agree(AuthorityId buyer, uint32_t capacity, Date from = Date(2026, 1, 1), Date to = Date(2027, 12, 31)) {
    const CaseId id = Case("agreement " + buyer.ToString());
    EXPECT_DONE(world.Do(kOdense, ProposeAgreement{id, kOdense, buyer, Terms(capacity, from, to)}));
    world.DeliverAll();
    EXPECT_DONE(world.Do(buyer, AcceptAgreement{id, 1}));
    world.DeliverAll();
    return id;
  }

  // The citizen runs in Odense's unit, paid by `responsible`.
  CaseId Enrol(AuthorityId responsible, int citizen, Date from, std::optional<CaseId> agreement = std::nullopt,
               std::string_view name = "enrolment") {
    const CaseId id = Case(std::string(name) + " of " + std::to_string(citizen) + " by " + responsible.ToString());
    EXPECT_DONE(world.Do(responsible, ProposeEnrolment{id, kOdense, Citizen(citizen), agreement, from}));
    world.DeliverAll();
    EXPECT_DONE(world.Do(kOdense, StartEnrolment{id, from}));
    world.DeliverAll();
    return id;
  }

  // The registry says that the citizen moved; an officer discloses it; it is announced. Nothing is delivered.
  CaseId Announce(AuthorityId left, const CaseId& enrolment, std::string_view to, Date date,
                  std::string name = "move") {
    const CaseId id = Observe(left, enrolment, to, date, std::move(name));
    EXPECT_DONE(world.Do(left, AssessDisclosure{id, true, Ground(), std::nullopt}));
    EXPECT_DONE(world.Do(left, AnnounceRelocation{id}));
    return id;
  }

  CaseId Observe(AuthorityId left, const CaseId& enrolment, std::string_view to, Date date, std::string name = "move",
                 std::vector<HoldReason> holds = {}) {
    const CaseId id = Case(name + " from " + left.ToString());
    Observation observation;
    observation.relocation = id;
    observation.enrolment = enrolment;
    observation.to = Code(to);
    observation.effective_date = date;
    observation.hold_reasons = std::move(holds);
    EXPECT_DONE(world.Do(left, Import(left, {observation}), ""));
    return id;
  }

  // The next daily extract of that node, with these observations.
  ImportExtract Import(AuthorityId who, std::vector<Observation> observations) {
    ImportExtract import;
    import.previous_production_date = world.state(who).counters().last_production_date;
    import.production_date = import.previous_production_date.value_or(Date(2026, 1, 31)) + 1;
    import.digest = crypto::Sha256(FormatIsoDate(import.production_date));
    import.records = 10;
    import.persons = 5;
    import.observations = std::move(observations);
    return import;
  }

  CaseId Request(AuthorityId who, const CaseId& relocation, std::optional<CaseId> agreement,
                 std::string name = "transfer") {
    const CaseId id = Case(name + " of " + who.ToString());
    EXPECT_DONE(world.Do(who, RequestTransfer{id, relocation, agreement}));
    return id;
  }

  const domain::Transfer& TransferAt(AuthorityId node, const CaseId& id) { return *world.state(node).FindTransfer(id); }
  const domain::Enrolment& EnrolmentAt(AuthorityId node, const CaseId& id) {
    return *world.state(node).FindEnrolment(id);
  }

  // "35209115 2026-01-01..2026-03-01 place 1; ..." as `enrolment show` would tell it, with authorities by name.
  std::string History(AuthorityId node, const CaseId& id) {
    std::string text;
    for (const domain::HistoryEntry& entry : domain::HistoryOf(EnrolmentAt(node, id))) {
      if (!text.empty()) text += "; ";
      text += NameOf(entry.responsible) + " " + FormatIsoDate(entry.days.from) + "..";
      if (entry.days.to) text += FormatIsoDate(*entry.days.to);
      if (entry.place) text += " place " + std::to_string(entry.place->number);
      if (entry.waiting) text += " waiting";
      if (entry.paused) text += " paused";
    }
    return text;
  }

  static std::string NameOf(AuthorityId authority) {
    if (authority == kOdense) return "Odense";
    if (authority == kNyborg) return "Nyborg";
    if (authority == kKerteminde) return "Kerteminde";
    return authority == kAssens ? "Assens" : authority.ToString();
  }

  // Every node's state is what its log gives, and what its rows give.
  void TearDown() override {
    for (auto& [authority, node] : world.nodes()) {
      EXPECT_TRUE(world.Replay(authority).CanonicalBytes() == node.state.CanonicalBytes()) << NameOf(authority);
      EXPECT_TRUE(expect_refusals || node.refused.empty()) << NameOf(authority);
      if (rows_were_taken) continue;
      domain::State loaded(authority);
      for (const domain::RowChange& change : node.state.TakeChanges()) {
        if (!change.value) continue;  // erased
        ASSERT_TRUE(loaded.LoadRow(change.key, *change.value).ok());
      }
      EXPECT_TRUE(loaded.CanonicalBytes() == node.state.CanonicalBytes()) << NameOf(authority);
    }
  }
  bool expect_refusals = false;
  bool rows_were_taken = false;  // by the test itself
};

}  // namespace medflyt::testing
