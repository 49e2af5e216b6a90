#include "client/cli/proof_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/evidence.h"
#include "client/cli/exit_code.h"
#include "common/audit/signatures.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"

namespace medflyt::cli {
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
  const auto opened = tlog::VerifyTlogProof(given.proof, merkle::LeafHash(given.entry),
                                            audit::KeysOf(given.origin, audit::KeysFor(keys, stated->size())));
  if (!opened.ok()) return VerificationFailed(opened.status());

  MEDFLYT_ASSIGN_OR_RETURN(const bool seen, WasSeen(context, store, *opened));
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
