#include "client/cli/proof_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/evidence.h"
#include "client/cli/exit_code.h"
#include "common/audit/signatures.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::cli {
namespace {

// Whether one of the keys has signed both this and the last that was seen of its log. Else that it is a key of that log
// is the word of whoever named it, and another root of a size that was seen says nothing against the log.
absl::StatusOr<bool> IsOfTheKeyThatWasSeen(const CheckpointStore& store, const tlog::OpenedCheckpoint& opened,
                                           std::span<const tlog::VerifierKey> keys) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto last, store.Latest(opened.checkpoint.origin()));
  if (!last) return false;
  return std::any_of(keys.begin(), keys.end(), [&](const tlog::VerifierKey& key) {
    const std::span<const tlog::VerifierKey> alone(&key, 1);
    return tlog::OpenCheckpoint(last->note, alone).ok() && tlog::OpenCheckpoint(opened.note, alone).ok();
  });
}

bool IsUnsigned(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken && broken->rule == "NOTE_UNSIGNED";
}

}  // namespace

absl::StatusOr<bool> WasSeen(const Context& context, const CheckpointStore& store,
                             const tlog::OpenedCheckpoint& opened) {
  const tlog::Checkpoint& checkpoint = opened.checkpoint;
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<KeptCheckpoint> kept, store.All(checkpoint.origin()));
  for (const KeptCheckpoint& each : kept) {
    if (each.checkpoint.size() != checkpoint.size()) continue;
    if (each.checkpoint.root() == checkpoint.root()) return true;
    return Accuse(store, context.environment().clock, checkpoint.origin(), "LOG_FORKED",
                  {{"kept.checkpoint", each.note}, {"seen.checkpoint", opened.note.Serialize()}},
                  absl::StrCat("the proof's checkpoint has another root than the one that was seen for the size of ",
                               checkpoint.size().value(), " entries"));
  }
  return false;
}

absl::StatusOr<CheckedProof> CheckProof(const Context& context, NodeLog& log, const CheckpointStore& store,
                                        std::span<const directory::LogKey> named, const std::optional<SeenHead>& head,
                                        const GivenProof& given) {
  CheckedProof checked;
  const bool own = head && head->checkpoint.origin() == given.origin;
  std::vector<directory::LogKey> keys;
  for (const directory::LogKey& key : named) {
    if (key.key.name() == given.origin) keys.push_back(key);
  }
  if (own) keys = head->believed;
  std::optional<tlog::VerifierKey> pinned;
  if (keys.empty()) {
    MEDFLYT_ASSIGN_OR_RETURN(pinned, store.PinnedKey(given.origin));
    if (pinned) keys.push_back({*pinned, TreeSize(0), std::nullopt});
  }
  if (keys.empty()) {
    checked.key_by_node = true;
    for (const std::string& text : given.verifier_keys) {
      auto key = tlog::VerifierKey::Parse(text);
      if (key.ok()) keys.push_back({*std::move(key), TreeSize(0), std::nullopt});
    }
    if (keys.empty()) return UsageError("the node knows no key of " + given.origin + ": name it, --card or --log-key");
  }
  const auto stated = tlog::Checkpoint::Parse(given.proof.checkpoint.text);
  if (!stated.ok()) return VerificationFailed(stated.status());
  const std::vector<tlog::VerifierKey> valid = audit::KeysOf(given.origin, audit::KeysFor(keys, stated->size()));
  const auto opened = tlog::VerifyTlogProof(given.proof, merkle::LeafHash(given.entry), valid);
  if (pinned && IsUnsigned(opened.status())) {
    // The log may have been handed over since.
    return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_NAMED", "checkpoint",
                     "the proof is not signed with the key under which " + given.origin +
                         " was first seen: name its authority's present card, --card");
  }
  if (!opened.ok()) return VerificationFailed(opened.status());

  bool comparable = true;
  if (checked.key_by_node) {
    MEDFLYT_ASSIGN_OR_RETURN(comparable, IsOfTheKeyThatWasSeen(store, *opened, valid));
  }
  bool seen = false;
  if (comparable) {
    MEDFLYT_ASSIGN_OR_RETURN(seen, WasSeen(context, store, *opened));
  }
  checked.provisional = !seen;
  if (seen || !own) return checked;
  const std::string note = opened->note.Serialize();
  MEDFLYT_RETURN_IF_ERROR(ShowOneLog(context, log, store, *head, {opened->checkpoint, note}));
  MEDFLYT_RETURN_IF_ERROR(store.Keep(note));
  checked.provisional = false;
  return checked;
}

void TellProvisional(const Context& context, const tlog::Checkpoint& checkpoint) {
  context.Note(
      absl::StrCat("provisional: no checkpoint of ", checkpoint.origin(), " with ", checkpoint.size().value(),
                   " entries was seen here, and offline no other size can be compared; event proof at the node "
                   "of that log shows that it is consistent with what is seen there"));
}

}  // namespace medflyt::cli
