// Provider and buyers, each killed at random moments while commands flow: what was acknowledged is there exactly once
// at both ends, and every log is what was signed. MEDFLYT_SEED=<number> repeats a run's choices.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <set>

#include "common/audit/verify.h"
#include "common/tlog/tile.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

using Stub = v1::MunicipalityService::Stub;
using Audit = v1::AuditService::Stub;

constexpr int kKills = 9;
constexpr int kAtLeast = 40;  // commands of each node

class KillAnyE2e : public ::testing::Test {
 protected:
  // One authority, its client that sends commands until each is acknowledged, and what it was told.
  struct Party {
    TestNode node;
    std::vector<Party*> partners{};             // takes turns proposing to them
    std::map<int, std::string> acknowledged{};  // event id by command
    std::atomic<int> count = 0;
    std::atomic<bool> running = false;
    std::string fault{};

    Party(const std::string& cvr, const std::string& code, const std::string& name) : node(cvr, code, name) {}
  };

  KillAnyE2e() {
    odense.partners = {&nyborg, &kerteminde};
    nyborg.partners = kerteminde.partners = {&odense};
    for (Party* party : parties) {
      for (const Party* partner : party->partners) party->node.Know(partner->node);
    }
  }

  // A proposal of an agreement in which Odense is the provider, whoever proposes.
  v1::ProposeAgreementRequest Command(const Party& party, int number) const {
    const Party& partner = *party.partners[static_cast<size_t>(number) % party.partners.size()];
    const Party& buyer = &party == &odense ? partner : party;
    return Proposal(odense.node, buyer.node, party.node.cvr() + "-" + std::to_string(number));
  }

  // One command after the other; one that was not answered is repeated, whatever the reason.
  void Send(Party& party, const std::atomic<bool>& enough, absl::Time deadline) {
    const auto credentials = rpc::MakeClientCredentials(
        {party.node.pki().Path("clients/case-system-1.key"), party.node.pki().Path("clients/case-system-1.pem"),
         party.node.pki().Path("ca.pem")},
        *AuthorityId::Parse(party.node.cvr()));
    grpc::ChannelArguments limits = rpc::ChannelLimits();
    limits.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    const auto stub =
        v1::MunicipalityService::NewStub(grpc::CreateCustomChannel(party.node.address(), *credentials, limits));
    for (int number = 0; !enough || number < kAtLeast; ++number) {
      const v1::ProposeAgreementRequest request = Command(party, number);
      std::string id;
      while (id.empty()) {
        if (absl::Now() > deadline) {
          party.fault = "no answer to command " + std::to_string(number);
          return;
        }
        grpc::ClientContext context;
        rpc::SetDeadline(context, absl::Now() + absl::Seconds(2));
        context.set_wait_for_ready(true);
        v1::CommandResult result;
        const absl::Status status = rpc::FromGrpc(stub->ProposeAgreement(&context, request, &result));
        if (status.ok() && result.events_size() == 1) {
          id = result.events(0).event_id();
        } else if (status.ok() || BrokenRuleOf(status).value_or(BrokenRule{}).rule == "REQUEST_ID_REUSED") {
          party.fault = "command " + std::to_string(number) + ": " + std::string(status.message());
          return;
        }
      }
      party.acknowledged[number] = id;
      ++party.count;
    }
  }

  // All events of the node's log but access records, by id, with how often each came.
  std::map<std::string, int> Events(Party& party) {
    std::map<std::string, int> seen;
    grpc::ClientContext context;
    SetDeadline(context);
    v1::WatchEventsRequest request;
    *request.mutable_context() = Said();
    const auto stub = party.node.Municipality();
    const auto stream = stub->WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    while (stream->Read(&response) && !response.caught_up()) {
      if (response.has_event()) ++seen[response.event().event_id()];
    }
    EXPECT_TRUE(response.caught_up());
    context.TryCancel();
    return seen;
  }

  std::vector<v1::Peer> Peers(Party& party) {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(party.node.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return {status.peers().begin(), status.peers().end()};
  }
  // Every event has its receipt, everywhere.
  bool Settled() {
    return std::all_of(parties.begin(), parties.end(), [this](Party* party) {
      const auto peers = Peers(*party);
      return std::all_of(peers.begin(), peers.end(),
                         [](const v1::Peer& peer) { return peer.receipted_number() == peer.last_issued_number(); });
    });
  }

  // The log as an auditor gets it, verified offline.
  audit::Report Verify(Party& party) {
    const auto stub = v1::AuditService::NewStub(party.node.Channel("auditor"));
    v1::GetCheckpointResponse head;
    EXPECT_EQ(Call(*stub, &Audit::GetCheckpoint, v1::GetCheckpointRequest(), head), "OK");
    const audit::FileReader read = [&](const std::string& path, std::string& bytes) -> absl::StatusOr<bool> {
      if (path == "checkpoint") {
        bytes = head.checkpoint();
        return true;
      }
      const auto parts = tlog::ParseTilePath(path);
      if (!parts.ok()) return false;
      if (parts->entries) {
        v1::GetEntryBundleRequest request;
        request.set_index(parts->tile.index);
        request.set_width(parts->tile.width);
        v1::GetEntryBundleResponse bundle;
        const bool there = Call(*stub, &Audit::GetEntryBundle, request, bundle) == "OK";
        bytes = bundle.data();
        return there;
      }
      v1::GetTileRequest request;
      request.set_level(parts->tile.level);
      request.set_index(parts->tile.index);
      request.set_width(parts->tile.width);
      v1::GetTileResponse tile;
      const bool there = Call(*stub, &Audit::GetTile, request, tile) == "OK";
      bytes = tile.data();
      return there;
    };
    const directory::LogKey key{party.node.verifier(), TreeSize(0), std::nullopt};
    const auto report = audit::VerifyTiles(read, std::span(&key, 1), [](uint64_t, uint64_t) {});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(audit::Report());
  }

  Party odense{"35209115", "0461", "Odense Kommune"};
  Party nyborg{"29189722", "0450", "Nyborg Kommune"};
  Party kerteminde{"29189706", "0440", "Kerteminde Kommune"};
  std::vector<Party*> parties{&odense, &nyborg, &kerteminde};
};

TEST_F(KillAnyE2e, NothingAcknowledgedIsLostOrDoubledWhoeverIsKilled) {
  const char* given = std::getenv("MEDFLYT_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("MEDFLYT_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  for (Party* party : parties) ASSERT_NO_FATAL_FAILURE(party->node.Start());

  std::atomic<bool> enough = false;
  const absl::Time deadline = absl::Now() + absl::Minutes(3);
  std::vector<std::thread> senders;
  for (Party* party : parties) senders.emplace_back([&, party] { Send(*party, enough, deadline); });

  // Each is killed at least twice: after some acknowledgements, and then some hundred microseconds more, of whatever
  // it is doing; sometimes it is killed again before it serves, and sometimes two are dead at once.
  std::vector<size_t> victims = {0, 1, 2, 0, 1, 2};
  while (victims.size() < kKills) victims.push_back(random() % parties.size());
  std::shuffle(victims.begin(), victims.end(), random);
  const auto total = [&] {
    int sum = 0;
    for (const Party* party : parties) sum += party->count;
    return sum;
  };
  for (const size_t index : victims) {
    Party& victim = *parties[index];
    const int until = total() + 1 + static_cast<int>(random() % 12);
    ASSERT_TRUE(Await([&] { return total() >= until; })) << "nothing is acknowledged any more";
    const absl::Time moment = absl::Now() + absl::Microseconds(random() % 3000);
    while (absl::Now() < moment) std::this_thread::yield();
    EXPECT_EQ(victim.node.Stop(SIGKILL), 128 + SIGKILL);
    if (random() % 3 == 0) {
      Party& other = *parties[(index + 1 + random() % 2) % parties.size()];
      EXPECT_EQ(other.node.Stop(SIGKILL), 128 + SIGKILL);
      ASSERT_NO_FATAL_FAILURE(other.node.Start());
    }
    ASSERT_NO_FATAL_FAILURE(victim.node.Start());
  }
  enough = true;
  for (std::thread& sender : senders) sender.join();
  for (const Party* party : parties) {
    ASSERT_EQ(party->fault, "") << party->node.cvr();
    EXPECT_GE(party->count, kAtLeast);
  }
  ASSERT_TRUE(Await([&] { return Settled(); })) << "an event has no receipt";

  std::map<const Party*, std::map<std::string, int>> events;
  for (Party* party : parties) events[party] = Events(*party);
  size_t all = 0;
  for (const Party* party : parties) {
    std::set<std::string> ids;
    for (const auto& [number, id] : party->acknowledged) {
      EXPECT_TRUE(ids.insert(id).second) << "two commands led to one event";
      const Party* partner = party->partners[static_cast<size_t>(number) % party->partners.size()];
      EXPECT_EQ(events[party][id], 1) << "command " << number << " of " << party->node.cvr() << " at its issuer";
      EXPECT_EQ(events[partner][id], 1) << "command " << number << " of " << party->node.cvr() << " at its recipient";
    }
    all += ids.size();
  }
  // And nothing else is there: Odense is party to every event.
  EXPECT_EQ(events[&odense].size(), all);
  EXPECT_EQ(events[&nyborg].size() + events[&kerteminde].size(), all);

  for (Party* party : parties) {
    const audit::Report report = Verify(*party);
    EXPECT_TRUE(report.verified()) << party->node.cvr();
    EXPECT_EQ(report.unreadable, 0u);
    EXPECT_GE(report.sealed, party->acknowledged.size());
    EXPECT_EQ(party->node.Stop(), 0);
  }
}

}  // namespace
}  // namespace medflyt::testing
