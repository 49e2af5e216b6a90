// The ids of the events that this log issues: each is the event's leaf index under a secret permutation, so that its
// issuer finds the event without a row for it, while to everybody else it is 16 random bytes.
//
//   id = AES-256(k, u64 big-endian leaf index ‖ 8 zero bytes)    k from the data key of no case and the log's origin
//
// The zero bytes tell ids of this log from all others. A log with another origin has other ids.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/block_cipher.h"
#include "common/crypto/secret.h"

namespace medflyt::log {

// Thread-safe.
class EventIds {
 public:
  EventIds(const crypto::Key& secret, std::string_view origin);

  [[nodiscard]] EventId At(LeafIndex leaf) const;
  // Where an event of this id stands, if this log issued it; nothing for an id that others made.
  [[nodiscard]] std::optional<LeafIndex> Find(const EventId& id) const;

 private:
  crypto::BlockCipher cipher_;
};

}  // namespace medflyt::log
