// Odense, who provides, and municipalities that buy, each with a whole node, in one simulated world.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/directory/directory.h"
#include "tests/support/authorities.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_node.h"
#include "tests/support/sim_time.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::testing {

// An invented citizen's replacement number: 61 to 88 as day.
inline registry::CprNumber SimCitizen(uint64_t which) {
  return *registry::CprNumber::Parse(std::to_string(61 + which % 28) + "0180" + std::to_string(1000 + which));
}

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed)
      : timeline(absl::FromCivil(absl::CivilHour(2026, 3, 2, 8), absl::UTCTimeZone())),
        chance(seed),
        network(timeline, chance),
        directory(*directory::Directory::Create({
            MunicipalityWithNode("35209115", "0461", "Odense Kommune", 10),
            MunicipalityWithNode("29189722", "0450", "Nyborg Kommune", 20),
            MunicipalityWithNode("29189706", "0440", "Kerteminde Kommune", 30),
        })),
        facts(directory) {
    Add(kOdense, 10);
    Add(kNyborg, 20);
    Add(kKerteminde, 30);
  }

  Timeline timeline;
  Chance chance;
  SimNetwork network;
  directory::Directory directory;  // of nodes that boot from now on; others are told of a change
  const SimFacts facts;
  exchange::Options options;  // of nodes that boot from now on
  // Looks at a node's state after every group of submissions.
  std::function<void(AuthorityId, const log::Appender&)> inspect = [](AuthorityId, const log::Appender&) {};

  [[nodiscard]] SimNode& node(AuthorityId id) { return *nodes_.at(id); }
  [[nodiscard]] std::map<AuthorityId, std::unique_ptr<SimNode>>& nodes() { return nodes_; }

  void RunFor(absl::Duration duration) {
    const absl::Time end = timeline.Now() + duration;
    while (timeline.Step(end)) {
    }
  }
  // Runs until every event is receipted, with what follows from it; false when that takes longer than `most`.
  [[nodiscard]] bool Settle(absl::Duration most = absl::Hours(3)) {
    const absl::Time end = timeline.Now() + most;
    while (timeline.Now() < end) {
      RunFor(absl::Minutes(2));
      if (Settled()) {
        RunFor(absl::Minutes(2));
        if (Settled()) return true;
      }
    }
    return false;
  }
  [[nodiscard]] bool Settled() {
    for (auto& [a, from] : nodes_) {
      if (!from->up()) return false;
      for (auto& [b, to] : nodes_) {
        if (a == b || !to->up()) continue;
        const log::PeerState sent = from->log().peer(b);
        if (sent.issued != sent.receipted || to->log().peer(a).received != sent.issued) return false;
      }
    }
    return true;
  }

  // One officer's act at one node, at once durable; the rule that it broke, or "OK".
  std::string Act(AuthorityId who, event::CommandBody body, std::string officer = "officer-1") {
    auto rule = std::make_shared<std::string>("NOT_DONE");
    for (int attempt = 0; attempt < 5 && *rule == "NOT_DONE"; ++attempt) {
      node(who).Submit([=](log::Appender& appender) {
        *rule = RuleOf(OnGround({officer, body}, [&](const event::Command& command) {
                         return appender.Execute(command);
                       }).status());
      });
      RunFor(absl::Milliseconds(100));
    }
    return *rule;
  }

 private:
  void Add(AuthorityId id, uint8_t seed) {
    const std::string origin = directory.Find(id)->logs.back().origin;
    nodes_.emplace(
        id, std::make_unique<SimNode>(
                id, SignerOf(seed), NoteSignerOf(origin, seed),
                SimNode::Surroundings{
                    timeline, chance, network, facts, directory,
                    [this](AuthorityId who, const log::Appender& appender) { inspect(who, appender); }, options}));
  }

  std::map<AuthorityId, std::unique_ptr<SimNode>> nodes_;
};

}  // namespace medflyt::testing
