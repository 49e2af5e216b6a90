// Which rows of fork evidence a node keeps: suspicions are cheap for a peer to cause, so only the newest of each peer
// are, with a count of those that had to go. Proofs are never dropped, and each log that forked has its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/directory/identity.h"

namespace medflyt::exchange {

inline constexpr size_t kMaxSuspicions = 16;  // a peer
// A log that is proven to be forked is not listened to; more proofs come at most with what was under way, or beside
// other peers' events, and say nothing new.
inline constexpr size_t kMaxProofs = 4;  // a log; the oldest

// Knows the keys, and of proofs the log. Filled at the start, then the sequencer's alone.
class EvidenceRows {
 public:
  struct Place {
    uint64_t micros;             // the row's; no other row of the peer has it
    std::vector<uint64_t> gone;  // rows to be deleted
    uint64_t dropped;            // suspicions of this peer dropped so far, these included
  };

  // A row that is stored, in order of time. `origin` is the log's.
  void Found(AuthorityId peer, std::string_view origin, uint64_t micros, bool proven, uint64_t dropped) {
    Peer& rows = peers_[peer];
    rows.last = micros;
    rows.dropped = std::max(rows.dropped, dropped);
    if (proven) {
      ++rows.proofs[std::string(origin)];
    } else {
      rows.suspicions.push_back(micros);
    }
  }

  // Where the next evidence goes; nothing where proofs enough are kept.
  [[nodiscard]] std::optional<Place> Add(AuthorityId peer, std::string_view origin, uint64_t micros, bool proven) {
    Peer& rows = peers_[peer];
    if (proven && ++rows.proofs[std::string(origin)] > kMaxProofs) return std::nullopt;
    rows.last = std::max(micros, rows.last + 1);
    Place place{rows.last, {}, 0};
    if (!proven) {
      rows.suspicions.push_back(rows.last);
      for (; rows.suspicions.size() > kMaxSuspicions; ++rows.dropped) {
        place.gone.push_back(rows.suspicions.front());
        rows.suspicions.pop_front();
      }
    }
    place.dropped = rows.dropped;
    return place;
  }

 private:
  struct Peer {
    std::deque<uint64_t> suspicions;       // oldest first
    std::map<std::string, size_t> proofs;  // by origin
    uint64_t dropped = 0;
    uint64_t last = 0;
  };
  std::map<AuthorityId, Peer> peers_;
};

}  // namespace medflyt::exchange
