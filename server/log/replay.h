// The state as a function of the log: rebuilt from entries in their order, to be compared with the one that is kept.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/wire/ledger.h"
#include "server/domain/state.h"
#include "server/keys/key_table.h"
#include "server/log/log_reader.h"

namespace medflyt::log {

struct Replayed {
  domain::State state;
  uint64_t events = 0;    // that were opened and applied
  uint64_t unopened = 0;  // whose key was destroyed, or was never held
};

// The entry, kept beside the log, that a record of receipt speaks of, and its key id.
using KeptEntrySource = absl::FunctionRef<absl::StatusOr<StoredEntry>(const wire::EventReceived& record)>;

// Applies the entries before `end`, of all the logs that the node has had. Where keys were destroyed the state lacks
// what only they would open, and the numbers that order a waiting list may be others. The errors of reading, of `kept`,
// and DATA_LOSS where an entry does not open with the key that it names.
[[nodiscard]] absl::StatusOr<Replayed> Replay(AuthorityId self, const LogReader& reader, Position end,
                                              const keys::KeyTable& keys, KeptEntrySource kept);

}  // namespace medflyt::log
