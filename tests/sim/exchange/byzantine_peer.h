// A world in which Nyborg lies to Odense, and what can be seen of it at Odense.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/exchange/checks.h"
#include "tests/sim/exchange/forger.h"

namespace medflyt::testing {

class ByzantinePeer : public ::testing::Test {
 protected:
  ByzantinePeer() : world(7), forger(world) { world.RunFor(absl::Seconds(1)); }

  // What Odense has of Nyborg and everything that follows from it.
  struct Standing {
    log::PeerState peer;
    std::string state;
    size_t keys;
    bool operator==(const Standing&) const = default;
  };
  Standing Now() {
    return {world.node(kOdense).log().peer(kNyborg), world.node(kOdense).StateNow().CanonicalBytes(),
            world.node(kOdense).keys().size()};
  }
  uint64_t Received() { return world.node(kOdense).log().peer(kNyborg).received.value(); }
  // Counts of the ledger after the minute is over.
  std::map<std::string, uint64_t> Rejections() {
    world.RunFor(absl::Minutes(2));
    return ReadLog(world.node(kOdense)).rejections;
  }
  // The batch is answered with this rule, recorded, without any effect, and the link is over.
  void ExpectRejected(const v1::EventBatch& batch, const std::string& rule) {
    const Standing before = Now();
    forger.Send(batch);
    EXPECT_EQ(forger.AnswerRule(), rule);
    EXPECT_TRUE(forger.closed());
    EXPECT_TRUE(Now() == before) << "a rejected batch changed something";
    EXPECT_THAT(Rejections(), ::testing::Contains(::testing::Key(rule)));
  }
  // Not even the honest log is taken any more, after a restart either.
  void ExpectForkedAfterARestart() {
    world.node(kOdense).Crash();
    world.node(kOdense).Boot();
    world.RunFor(absl::Seconds(1));
    forger.Dial();
    EXPECT_EQ(forger.AnswerRule(), "LOG_FORKED");
    EXPECT_TRUE(world.node(kOdense).exchange().StatusOf(kNyborg).forked);
  }
  // One proposal with its grant, ready to send.
  struct Prepared {
    Forger::Secret secret;
    event::Event event;
    v1::EventBatch batch;
  };
  Prepared Prepare(uint64_t number) {
    Prepared made{forger.NewKey(), forger.NewProposal(number), {}};
    const LeafIndex grant = forger.AppendGrant(made.secret);
    const LeafIndex leaf = forger.AppendEvent(made.event, made.secret);
    made.batch = forger.Batch({grant, leaf}, made.secret);
    forger.AddGrant(made.batch, made.secret);
    return made;
  }
  // The first event, taken honestly, so that there is something to be consistent with.
  Prepared Begin() {
    forger.Dial();
    Prepared first = Prepare(1);
    forger.Send(first.batch);
    EXPECT_THAT(forger.ReceiptedRules(), ::testing::ElementsAre(""));
    EXPECT_EQ(Received(), 1U);
    forger.set_accepted(forger.log.size());
    return first;
  }

  SimWorld world;
  Forger forger;
};

}  // namespace medflyt::testing
