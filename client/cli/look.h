// Looking at a node's log: its checkpoint is believed only where it continues what was seen before.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/node_log.h"
#include "common/directory/authority.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::cli {

struct SeenHead {
  tlog::Checkpoint checkpoint;
  std::string note;                              // the exact bytes
  tlog::VerifierKey key;                         // that it was verified with
  bool first_look = false;                       // nothing was known of this log
  bool key_by_node = false;                      // and nobody but the node has named the key
  TreeSize last_seen;                            // size of what was kept before
  std::string cosigned;                          // the node's newest cosigned checkpoint, not verified; may be empty
  std::vector<directory::LogKey> believed = {};  // keys of this log, each for the tree sizes that it may sign
  std::string goes_on_from = {};                 // the log that the node had open before, where that was another
};

struct OpenedOther {
  tlog::Checkpoint checkpoint;
  tlog::VerifierKey key;  // that it was verified with
};
// Another checkpoint of the head's log, under the keys that are believed for its size: one that has handed the log over
// vouches for what it signed before. The errors of tlog::OpenCheckpoint.
[[nodiscard]] absl::StatusOr<OpenedOther> OpenOther(const SeenHead& head, std::string_view note);

enum class NamedKeys {
  kOfNodesLog,  // one of them must be of the log that the node shows
  kOfAnyLog,    // they may be of others alone, whose entries are asked about
};

struct LookedAt {
  std::string node = {};                       // by its address the log that it has open is remembered; empty: not
  std::optional<std::string> new_origin = {};  // of a log that the node may have open, whatever it had before
  NamedKeys named = NamedKeys::kOfNodesLog;
};

// The node's checkpoint, signed by one of `keys` (as of the tree's size), else by the key pinned in the store, else, at
// the first look, by the one that the node names, which is pinned. It is proven to continue the last one kept, and
// kept. A node that was looked at before has the same log open, or one that is proven to go on from it: its first
// entry, and those of logs between, say where the log before ended, which is not before what was seen of that one.
//
// A verification that failed, with the evidence kept in the store: LOG_ROLLED_BACK, LOG_FORKED, and what
// tlog::OpenCheckpoint says. A smaller tree is asked for once more first, because another look may have been quicker.
// FAILED_PRECONDITION (ORIGIN_CHANGED), and what was seen is kept, where it is another log and nothing shows that it
// goes on from the one before: a fresh name and key are no evidence of anything, and no first look either. The same
// (LOG_KEY_NOT_NAMED) where keys are named and none is of that log: it may be the card that is old, or another's. Where
// they may be of any log, and none is of the one that the node had open, it is as if none were named.
[[nodiscard]] absl::StatusOr<SeenHead> Look(const Context& context, NodeLog& log, const CheckpointStore& store,
                                            std::span<const directory::LogKey> keys, const LookedAt& at);

// That another checkpoint of the head's log, older or newer, whose signature holds, and the head are of one log: a
// verification that failed (LOG_FORKED), with both kept as evidence, where the node does not prove it.
[[nodiscard]] absl::Status ShowOneLog(const Context& context, NodeLog& log, const CheckpointStore& store,
                                      const SeenHead& head, const KeptCheckpoint& other);

// The newest checkpoint that witnesses have cosigned, in place of `head`, which it is shown to lead to; kept, so that a
// copy of it is known for an older one. NOT_FOUND (NOT_COSIGNED) where there is none.
// FAILED_PRECONDITION (LOG_KEY_NOT_NAMED) where another key has signed it and no key that is believed has tree sizes:
// the log may just have been handed over. A verification that failed where
// the log has not signed it, or, with both kept as evidence, where it is longer than the head (LOG_ROLLED_BACK) or the
// log does not continue it (LOG_FORKED). Whether the cosignatures are enough is for a policy to say.
[[nodiscard]] absl::StatusOr<SeenHead> CosignedOf(const Context& context, NodeLog& log, const CheckpointStore& store,
                                                  const SeenHead& head);

// What every command does before it asks a node for more: looks at its log, with the memory and keys that the command
// line names (--new-origin too, where the command has it), and tells of a key that is the node's own word and of a log
// that another has replaced.
[[nodiscard]] absl::StatusOr<SeenHead> LookFirst(Context& context, const Arguments& arguments,
                                                 std::span<const directory::LogKey> keys, NodeLog& log,
                                                 NamedKeys named = NamedKeys::kOfNodesLog);
// The same of the context's node, under the keys that --log-key and --card name; --origin, where the command has it,
// chooses among its logs.
[[nodiscard]] absl::Status LookFirst(Context& context, const Arguments& arguments);
// Of a log that the node has closed.
[[nodiscard]] Option OriginOption();
[[nodiscard]] Option NewOriginOption();
// --log-key, --card, --trust: what LookFirst reads.
[[nodiscard]] std::vector<Option> LookOptions();

}  // namespace medflyt::cli
