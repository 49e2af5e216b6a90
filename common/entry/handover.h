// The proof that a log's key handed the log over to the next one, as a peer card carries it.
//
// A C2SP tlog-proof of the record LogKeyHandedOver, the last entry of a tree whose checkpoint both keys have signed;
// its "extra" line is the entry. The two signatures alone would show nothing: whoever has seen a checkpoint of the old
// key can sign it again with a key of their own. That the old key signed a tree which ends with the name of this very
// successor, only a tree with that record shows.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/directory/authority.h"
#include "common/merkle/proof.h"
#include "common/tlog/note_key.h"

namespace medflyt::entry {

// Of the record's entry, the last of the tree whose checkpoint is the note. The errors of SignedNote::Parse. Pure; any
// thread.
[[nodiscard]] absl::StatusOr<std::string> MakeHandover(std::string entry, LeafIndex index, const merkle::Proof& hashes,
                                                       std::string_view note);

// OK where `next.handover` proves that `before` handed the log over to `next.key` at the size `next.from`. Otherwise
// FAILED_PRECONDITION (LOG_KEY_NOT_HANDED_OVER), whatever is wrong with it. Pure; any thread.
[[nodiscard]] absl::Status VerifyHandover(const tlog::VerifierKey& before, const directory::LogKey& next);

}  // namespace medflyt::entry
