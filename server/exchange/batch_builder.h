// The next batch for a peer, out of the log.
#pragma once

#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/entry/grant.h"
#include "common/wire/content.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/keys/key_table.h"
#include "server/log/log.h"

namespace medflyt::exchange {

// An event that was sent and for which no receipt is held yet.
struct SentEvent {
  PairNumber number;
  LeafIndex leaf;  // in the open log
  log::Position position;
  EventId id;
  crypto::Hash leaf_hash;
  KeyId key_id;
};

struct BuiltBatch {
  v1::EventBatch batch;  // without its sequence
  std::vector<SentEvent> events;
  TreeSize size;  // of the checkpoint
};

// One thread at a time.
class BatchBuilder {
 public:
  struct Parts {
    AuthorityId self;
    const log::Log& log;
    const keys::KeyTable& keys;
  };
  explicit BatchBuilder(const Parts& parts) : parts_(parts) {}

  // Events for `peer` from number `next` on, as many as a batch holds, with the newest durable head and proofs from
  // `from`, a size of our log that the peer has accepted (0: none). Grants and openings are sealed to `card`. The keys
  // in `regrant` are granted although the peer is thought to have them. Nothing where no event waits.
  [[nodiscard]] absl::StatusOr<std::optional<BuiltBatch>> Build(AuthorityId peer, const entry::ExchangeKeyCard& card,
                                                                PairNumber next, TreeSize from,
                                                                const std::set<KeyId>& regrant);

  // The announcement that an event of ours names, opened for `peer`; nothing where it is no TransferRequested, or there
  // is nothing to open. `origin` is of the log that the event stands in.
  [[nodiscard]] absl::StatusOr<std::optional<v1::Opening>> OpeningFor(AuthorityId peer,
                                                                      const entry::ExchangeKeyCard& card,
                                                                      std::string_view origin,
                                                                      const log::StoredEntry& entry);

  // The events with the numbers first, first + 1, ... (at most `count`), as they were sent before.
  [[nodiscard]] absl::StatusOr<std::vector<SentEvent>> SentFrom(AuthorityId peer, PairNumber first, size_t count) const;

 private:
  const Parts parts_;
  wire::ContentCodec codec_;
};

}  // namespace medflyt::exchange
