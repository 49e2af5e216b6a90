// Opening one event for a third party: its entry, its event key and a proof that it is in its issuer's log. No other
// event opens with it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/event/event.h"
#include "common/tlog/checkpoint.h"
#include "common/wire/content.h"

namespace medflyt::entry {

// Which event's key, and for whom; stands inside the box.
struct EventKeyContext {
  std::string_view origin;  // of the log that the event is in
  EventId event_id;
  AuthorityId recipient;  // of the opening
};
// INVALID_ARGUMENT for an exchange key of small order.
[[nodiscard]] absl::StatusOr<std::string> SealEventKey(const EventKeyContext& context, const crypto::Key& event_key,
                                                       const crypto::ExchangePublicKey& to);
// DATA_LOSS (OPENING_NOT_OPENED).
[[nodiscard]] absl::StatusOr<crypto::Key> OpenEventKey(const EventKeyContext& context, std::string_view sealed,
                                                       const crypto::ExchangeKey& with);

struct OpenedEvent {
  event::Event event;
  LeafIndex index;
  crypto::Hash leaf_hash;
  tlog::OpenedCheckpoint
      head;  // under which it was proven; provisional until it is consistent with one's own of that log
};

// `entry` is the exact LogEntry, `proof` a C2SP tlog-proof of it. INVALID_ARGUMENT (OPENING_PROOF_INVALID) where the
// proof does not lead from the entry to a checkpoint of this log, whatever its form; else the errors of ParseSealed,
// OpenWithEventKey and ContentCodec::Decode.
[[nodiscard]] absl::StatusOr<OpenedEvent> OpenForThirdParty(std::string_view entry, const crypto::Key& event_key,
                                                            std::string_view proof, const LogIdentity& issuer,
                                                            wire::ContentCodec& codec);

}  // namespace medflyt::entry
