// Witnessing in a simulated world: each node a witness of the others, their questions carried without gRPC.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/tlog/cosignature.h"
#include "server/exchange/cosigned_proof.h"
#include "server/exchange/cosigning.h"
#include "server/exchange/head_comparison.h"
#include "server/exchange/held_events.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/witness.h"
#include "tests/support/sim_world.h"

namespace medflyt::testing {

// The witness's key that the sample directory names.
inline tlog::Cosigner SampleCosigner(AuthorityId authority, uint8_t seed) {
  return *tlog::Cosigner::Create("medflyt.example/" + authority.ToString() + "/witness", SignerOf(seed));
}

class SimWitnesses {
 public:
  struct Asked {
    AuthorityId from;
    AuthorityId to;
    absl::Time at;
    uint64_t old_size = 0;
    std::string checkpoint;
  };

  SimWitnesses(SimWorld& world, const exchange::CosigningSchedule& schedule) : world_(world), schedule_(schedule) {
    for (auto& [id, node] : world_.nodes()) Boot(id);
  }

  // The sizes of its own log that each node was to note, as its turns came.
  std::map<AuthorityId, std::vector<uint64_t>> noted;
  // Every question, when it was asked.
  std::vector<Asked> asked;
  // May answer in the witness's place: what a false witness says. Nothing: the true one answers.
  std::function<std::optional<absl::StatusOr<v1::CosignResponse>>(const Asked&)> lies;
  // Who was asked for a consistency proof, by whom.
  std::vector<std::pair<AuthorityId, AuthorityId>> proofs_asked;
  // Answers for consistency proofs of this authority's log in its place.
  AuthorityId prove_for;
  std::function<absl::StatusOr<v1::ProveConsistencyResponse>(const v1::ProveConsistencyRequest&)> prove;

  // Whether nodes that reach one another have anything to do with each other but comparing heads.
  bool contact = true;

  // May answer for the peer that is asked what it holds. Nothing: the true one answers.
  std::function<std::optional<v1::GetHeldHeadsResponse>(AuthorityId from, AuthorityId to)> held;

  // May change what this peer gives back.
  std::function<void(AuthorityId peer, v1::GetHeldEventsResponse&)> held_events;
  std::function<void(AuthorityId peer, v1::GetReceiptedEventsResponse&)> receipted_events;

  [[nodiscard]] exchange::Witness& witness(AuthorityId id) { return *nodes_.at(id).witness; }
  [[nodiscard]] exchange::Cosigning& cosigning(AuthorityId id) { return *nodes_.at(id).cosigning; }
  [[nodiscard]] exchange::PeerCalls& calls(AuthorityId id) { return *nodes_.at(id).calls; }
  [[nodiscard]] exchange::HeadComparison& comparison(AuthorityId id) { return *nodes_.at(id).comparison; }
  [[nodiscard]] static tlog::Cosigner CosignerOf(AuthorityId id) {
    return SampleCosigner(id, id == kOdense ? 11 : id == kNyborg ? 21 : 31);
  }

  // After the node's own.
  void Boot(AuthorityId id) {
    exchange::Context& context = world_.node(id).exchange().context();
    Node node;
    node.calls = std::make_unique<Calls>(*this, id);
    auto witness = exchange::Witness::Create(context, CosignerOf(id));
    ASSERT_TRUE(witness.ok()) << witness.status();
    node.witness = *std::move(witness);
    auto cosigning = exchange::Cosigning::Create(context, *node.calls, schedule_);
    ASSERT_TRUE(cosigning.ok()) << cosigning.status();
    node.cosigning = *std::move(cosigning);
    node.cosigning->OnTurn([this, id](TreeSize size) { noted[id].push_back(size.value()); });
    if (!world_.node(id).restrained) node.cosigning->Start();
    node.comparison = std::make_unique<exchange::HeadComparison>(
        context, *node.witness, *node.calls,
        [this, id] {
          exchange::HeadComparison::Contact now;
          for (const auto& [other, ignored] : nodes_) {
            if (!contact || other == id || world_.network.Apart(id, other)) continue;
            now.present.insert(other);
            const exchange::PeerStatus status = world_.node(id).exchange().StatusOf(other);
            if (status.delivery.connected || status.reception.connected) now.exchanging.insert(other);
          }
          return now;
        },
        exchange::ComparisonSchedule());
    node.comparison->Start();
    nodes_[id] = std::move(node);
  }
  // What stood beside a node that has halted, or is about to.
  void Forget(AuthorityId id) { nodes_.erase(id); }
  // Loss of power at the node.
  void Crash(AuthorityId id) {
    nodes_.erase(id);
    world_.node(id).Crash();
  }
  void Restart(AuthorityId id) {
    Crash(id);
    world_.node(id).Boot();
    Boot(id);
  }

 private:
  class Calls final : public exchange::PeerCalls {
   public:
    Calls(SimWitnesses& all, AuthorityId self) : all_(all), self_(self) {}
    void Cosign(AuthorityId peer, v1::CosignRequest request, absl::Duration timeout, Cosigned answer) override {
      all_.Carry({self_, peer, all_.world_.timeline.Now(), request.old_size(), request.checkpoint()}, request, timeout,
                 std::move(answer));
    }
    void CompareHeads(AuthorityId peer, v1::CompareHeadsRequest request, absl::Duration timeout,
                      Compared answer) override {
      all_.Put<v1::CompareHeadsResponse>(
          self_, peer, timeout, [this, peer, request] { return all_.comparison(peer).Compare(self_, request); },
          std::move(answer));
    }
    void ProveConsistency(AuthorityId peer, v1::ProveConsistencyRequest request, absl::Duration timeout,
                          Proven answer) override {
      all_.proofs_asked.emplace_back(self_, peer);
      all_.Put<v1::ProveConsistencyResponse>(
          self_, peer, timeout,
          [this, peer, request] {
            return all_.prove && all_.prove_for == peer ? all_.prove(request) : all_.comparison(peer).Prove(request);
          },
          std::move(answer), all_.prove && all_.prove_for == peer);
    }
    void ProveInclusion(AuthorityId peer, v1::ProveInclusionRequest request, absl::Duration timeout,
                        Included answer) override {
      all_.Put<v1::ProveInclusionResponse>(
          self_, peer, timeout,
          [this, peer, request] {
            return exchange::AnswerInclusion(all_.world_.node(peer).exchange().context(), self_, request);
          },
          std::move(answer));
    }
    void GetHeldHeads(AuthorityId peer, v1::GetHeldHeadsRequest request, absl::Duration timeout, Held answer) override {
      all_.Put<v1::GetHeldHeadsResponse>(
          self_, peer, timeout,
          [this, peer, request]() -> absl::StatusOr<v1::GetHeldHeadsResponse> {
            if (all_.held) {
              if (auto said = all_.held(self_, peer)) return *std::move(said);
            }
            return exchange::AnswerHeldHeads(all_.world_.node(peer).exchange().context(), all_.witness(peer), self_,
                                             request);
          },
          std::move(answer));
    }
    void GetHeldEvents(AuthorityId peer, v1::GetHeldEventsRequest request, absl::Duration timeout,
                       HeldEvents answer) override {
      all_.Put<v1::GetHeldEventsResponse>(
          self_, peer, timeout,
          [this, peer, request] {
            auto said = exchange::AnswerHeldEvents(all_.world_.node(peer).exchange().context(), self_, request);
            if (said.ok() && all_.held_events) all_.held_events(peer, *said);
            return said;
          },
          std::move(answer));
    }
    void GetReceiptedEvents(AuthorityId peer, v1::GetReceiptedEventsRequest request, absl::Duration timeout,
                            ReceiptedEvents answer) override {
      all_.Put<v1::GetReceiptedEventsResponse>(
          self_, peer, timeout,
          [this, peer, request] {
            auto said = exchange::AnswerReceiptedEvents(all_.world_.node(peer).exchange().context(), self_, request);
            if (said.ok() && all_.receipted_events) all_.receipted_events(peer, *said);
            return said;
          },
          std::move(answer));
    }

   private:
    SimWitnesses& all_;
    const AuthorityId self_;
  };
  struct Node {
    std::unique_ptr<Calls> calls;
    std::unique_ptr<exchange::Witness> witness;
    std::unique_ptr<exchange::Cosigning> cosigning;
    std::unique_ptr<exchange::HeadComparison> comparison;
  };

  template <typename Response>
  void Put(AuthorityId from, AuthorityId to, absl::Duration timeout, std::function<absl::StatusOr<Response>()> ask,
           std::function<void(absl::StatusOr<Response>)> answer, bool in_its_place = false) {
    const Life& life = world_.node(from).life();
    if (world_.network.Apart(from, to) || (!nodes_.contains(to) && !in_its_place)) {
      world_.timeline.In(timeout, life, [answer] { answer(absl::UnavailableError("the peer is not reached")); });
      return;
    }
    world_.timeline.In(absl::Milliseconds(20), life, [this, to, in_its_place, ask, answer] {
      answer(nodes_.contains(to) || in_its_place ? ask() : absl::UnavailableError("the peer is gone"));
    });
  }

  void Carry(const Asked& question, const v1::CosignRequest& request, absl::Duration timeout,
             exchange::PeerCalls::Cosigned answer) {
    asked.push_back(question);
    const Life& life = world_.node(question.from).life();
    if (lies) {
      if (auto lie = lies(question)) {
        world_.timeline.In(absl::Milliseconds(20), life, [answer, lie = *std::move(lie)] { answer(lie); });
        return;
      }
    }
    if (world_.network.Apart(question.from, question.to) || !nodes_.contains(question.to)) {
      world_.timeline.In(timeout, life, [answer] { answer(absl::UnavailableError("the peer is not reached")); });
      return;
    }
    world_.timeline.In(absl::Milliseconds(20), world_.node(question.to).life(), [this, question, request, answer] {
      witness(question.to).Cosign(question.from, request, [this, question, answer](auto response) {
        world_.timeline.In(absl::Milliseconds(20), world_.node(question.from).life(),
                           [answer, response] { answer(response); });
      });
    });
  }

  SimWorld& world_;
  const exchange::CosigningSchedule schedule_;
  std::map<AuthorityId, Node> nodes_;
};

}  // namespace medflyt::testing
