// A log's next key, while its node is stopped.
//
//   step                                                            a repetition after a crash finds, and goes on with
//   1 the new key in `<log_key>.next`, synced                       that file                                    -> 2
//   2 one synced batch: a record that names the new key, under a
//     checkpoint that both keys have signed                         that record as the log's last entry          -> 3
//   3 own card: the old key until that size, the new one from it,
//     with the proof that the one handed over to the other          that card                                    -> 4
//   4 `<log_key>.next` takes the place of `log_key`                 the end: another call begins another handover
//
// In between the node does not start (CheckHandoverIsOver), for the old key may sign nothing more.
//
// So the key that goes authorises its successor, and cannot after that sign anything that the card lets it. A key that
// was lost or stolen has no such successor: it is replaced by a new card that two officers at each peer let in. Peers
// that know the log take the new key by the card's proof alone (entry/handover.h).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/directory/authority.h"
#include "common/tlog/note_key.h"
#include "server/log/log.h"
#include "server/node/config.h"
#include "server/node/node.h"

namespace medflyt::node {

struct Handover {
  tlog::VerifierKey key;  // the new one
  TreeSize from;          // of the trees that it signs
};

// Blocks; durable on OK. One caller, and no node on the store. FAILED_PRECONDITION: STORE_ROLLED_BACK,
// EPOCH_FILE_MISSING (nothing may be signed then), STORE_IN_USE. The errors of starting a node, and of the files that
// it replaces; after each of them it may be repeated. INVALID_ARGUMENT (CARD_TOO_LARGE), before anything is appended,
// where the new card may not have room. INVALID_ARGUMENT (SIGNER_KEY_MALFORMED) where `<log_key>.next` is
// no key of this log.
[[nodiscard]] absl::StatusOr<Handover> HandOverLogKey(const Config& config, const Environment& environment);

// The authority as its card tells of it once the log's newest key has handed it over at that size. It keeps the newest
// 8 proofs, of all its logs.
[[nodiscard]] directory::Authority WithHandover(directory::Authority self, const tlog::VerifierKey& next, TreeSize from,
                                                std::string handover);

// FAILED_PRECONDITION (HANDOVER_UNFINISHED) where the log's last entry hands it over to another key than this one, and
// the card knows of no later handover. The errors of reading it.
[[nodiscard]] absl::Status CheckHandoverIsOver(const log::Log& log, const tlog::VerifierKey& key);

}  // namespace medflyt::node
