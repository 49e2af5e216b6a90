// A network in simulated time: latency, partitions, streams that break in the middle, ghosts of old connections.
//
// A stream is ordered, as TCP is: what arrives is a prefix of what was sent. Different streams overtake one another.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/directory/identity.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/exchange/link.h"
#include "tests/support/sim_time.h"

namespace medflyt::testing {

class SimNetwork {
 public:
  struct Weather {
    absl::Duration least_latency = absl::Milliseconds(1);
    absl::Duration most_latency = absl::Milliseconds(40);
    uint64_t break_one_in = 0;  // messages after which a stream breaks; 0: never
    uint64_t ghost_one_in = 0;  // connections of which a copy of the first message arrives later, on its own; 0: never
    uint64_t queue_full_one_in = 500;  // submissions that a node turns away; 0: none
  };
  // Takes an inbound link in; null where it is turned away.
  using Acceptor =
      std::function<std::shared_ptr<exchange::LinkEvents>(AuthorityId from, std::shared_ptr<exchange::Link> link)>;
  // May alter a message on its way; false: it is lost, and the stream with it.
  using Tamper = std::function<bool(AuthorityId from, AuthorityId to, v1::PeerMessage& message)>;

  SimNetwork(Timeline& timeline, Chance& chance) : timeline_(timeline), chance_(chance) {}

  Weather weather;
  Tamper tamper;

  void Listen(AuthorityId node, Life life, Acceptor acceptor) {
    listeners_[node] = {std::move(life), std::move(acceptor)};
  }
  void SetPartition(AuthorityId a, AuthorityId b, bool apart) {
    if (apart) {
      apart_.insert(std::minmax(a, b));
    } else {
      apart_.erase(std::minmax(a, b));
    }
  }
  void Heal() { apart_.clear(); }
  [[nodiscard]] bool Apart(AuthorityId a, AuthorityId b) const { return apart_.contains(std::minmax(a, b)); }

  std::shared_ptr<exchange::Link> Connect(AuthorityId from, const Life& life, AuthorityId to,
                                          std::shared_ptr<exchange::LinkEvents> events) {
    auto stream = std::make_shared<Stream>();
    stream->ends[0] = {from, life, std::move(events), timeline_.Now()};
    stream->ends[1] = {to, listeners_[to].life, nullptr, timeline_.Now()};
    Plan(stream, 1, [this, stream] { Open(stream); });
    if (weather.ghost_one_in != 0 && chance_.OneIn(weather.ghost_one_in)) stream->haunts = true;
    return std::make_shared<End>(*this, stream, 0);
  }

 private:
  struct Stream {
    struct {
      AuthorityId node;
      std::weak_ptr<const bool> life;
      std::shared_ptr<exchange::LinkEvents> events;
      absl::Time last_arrival;                   // what is sent later arrives later
      std::deque<v1::PeerMessage> arrived = {};  // and not asked for yet
      bool asked = true;                         // the first message comes unasked
      std::optional<absl::Status> hung_up = std::nullopt;
    } ends[2];
    bool broken = false;  // nothing arrives any more
    bool closed = false;  // by either end
    bool haunts = false;
  };
  struct Listener {
    Life life;
    Acceptor acceptor;
  };

  class End final : public exchange::Link {
   public:
    End(SimNetwork& network, std::shared_ptr<Stream> stream, int side)
        : network_(network), stream_(std::move(stream)), side_(side) {}
    void Send(v1::PeerMessage message) override {
      if (!stream_->closed) network_.Carry(stream_, 1 - side_, std::move(message));
    }
    void Next() override {
      if (stream_->closed && side_ == 1) return;
      stream_->ends[side_].asked = true;
      Hand(stream_, side_);
    }
    void Close(const absl::Status& reason) override { network_.Hang(stream_, side_, reason); }

   private:
    SimNetwork& network_;
    const std::shared_ptr<Stream> stream_;
    const int side_;
  };

  // Hands over what has arrived and is asked for; after all of it, that the other end has closed.
  static void Hand(const std::shared_ptr<Stream>& stream, int side) {
    auto& end = stream->ends[side];
    if (end.events == nullptr) return;
    if (end.asked && !end.arrived.empty()) {
      end.asked = false;
      v1::PeerMessage message = std::move(end.arrived.front());
      end.arrived.pop_front();
      end.events->OnMessage(std::move(message));
    }
    if (end.hung_up && end.arrived.empty()) end.events->OnClosed(*std::exchange(end.hung_up, std::nullopt));
  }

  // Something arrives at a side of the stream, if it gets there.
  void Plan(const std::shared_ptr<Stream>& stream, int side, std::function<void()> arrives) {
    auto& end = stream->ends[side];
    end.last_arrival = std::max(end.last_arrival + absl::Microseconds(1),
                                timeline_.Now() + chance_.Between(weather.least_latency, weather.most_latency));
    timeline_.At(end.last_arrival, end.life, [this, stream, arrives = std::move(arrives)] {
      if (stream->broken) return;
      if (Apart(stream->ends[0].node, stream->ends[1].node)) return Break(stream);
      arrives();
    });
  }

  void Open(const std::shared_ptr<Stream>& stream) {
    auto& end = stream->ends[1];
    const auto listener = listeners_.find(end.node);
    if (listener == listeners_.end() || listener->second.life == nullptr) return Break(stream);
    end.events = listener->second.acceptor(stream->ends[0].node, std::make_shared<End>(*this, stream, 1));
    if (end.events == nullptr) Break(stream);
  }

  void Carry(const std::shared_ptr<Stream>& stream, int to, v1::PeerMessage message) {
    const AuthorityId sender = stream->ends[1 - to].node;
    const AuthorityId receiver = stream->ends[to].node;
    if (stream->haunts && to == 1) {
      stream->haunts = false;
      timeline_.At(timeline_.Now() + chance_.Between(absl::Seconds(1), absl::Seconds(90)), listeners_[receiver].life,
                   [this, sender, receiver, message] { Haunt(sender, receiver, message); });
    }
    if (tamper && !tamper(sender, receiver, message)) return Break(stream);
    if (weather.break_one_in != 0 && chance_.OneIn(weather.break_one_in)) return Break(stream);
    // As bytes, as on a wire.
    auto bytes = std::make_shared<const std::string>(message.SerializeAsString());
    Plan(stream, to, [stream, to, bytes] {
      v1::PeerMessage arrived;
      if (!arrived.ParseFromString(*bytes)) return;
      stream->ends[to].arrived.push_back(std::move(arrived));
      Hand(stream, to);
    });
    timeline_.At(timeline_.Now() + weather.least_latency, stream->ends[1 - to].life, [stream, from = 1 - to] {
      if (!stream->broken && !stream->closed && stream->ends[from].events) stream->ends[from].events->OnSent();
    });
  }

  // The first message of an old connection, on a connection that nobody answers on.
  void Haunt(AuthorityId from, AuthorityId to, const v1::PeerMessage& first) {
    const auto listener = listeners_.find(to);
    if (listener == listeners_.end() || Apart(from, to)) return;
    auto ghost = std::make_shared<Stream>();
    ghost->ends[0] = {from, std::weak_ptr<const bool>(), nullptr, timeline_.Now()};
    ghost->ends[1] = {to, listener->second.life, nullptr, timeline_.Now()};
    Open(ghost);
    ghost->ends[1].arrived.push_back(first);
    Hand(ghost, 1);
  }

  // Either end learns of it, sometimes, after a while.
  void Break(const std::shared_ptr<Stream>& stream) {
    if (std::exchange(stream->broken, true)) return;
    for (auto& end : stream->ends) {
      if (end.events == nullptr || chance_.OneIn(2)) continue;
      timeline_.At(timeline_.Now() + chance_.Between(absl::Milliseconds(10), absl::Seconds(20)), end.life,
                   [events = end.events] { events->OnClosed(absl::UnavailableError("the stream broke")); });
    }
  }

  void Hang(const std::shared_ptr<Stream>& stream, int side, const absl::Status& reason) {
    if (std::exchange(stream->closed, true)) return;
    Plan(stream, 1 - side, [stream, side, reason] {
      // Who dialled reads what was sent before the end; to the other, the call is cancelled at once.
      if (side == 0) stream->ends[1].arrived.clear();
      stream->ends[1 - side].hung_up = reason;
      Hand(stream, 1 - side);
    });
    timeline_.At(timeline_.Now(), stream->ends[side].life, [stream, side, reason] {
      if (stream->ends[side].events) stream->ends[side].events->OnClosed(reason);
    });
  }

  Timeline& timeline_;
  Chance& chance_;
  std::map<AuthorityId, Listener> listeners_;
  std::set<std::pair<AuthorityId, AuthorityId>> apart_;
};

}  // namespace medflyt::testing
