#include "common/entry/handover.h"

#include <span>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tlog_proof.h"
#include "common/wire/ledger.h"

namespace medflyt::entry {
namespace {

absl::Status NotHandedOver(std::string_view why) {
  return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_HANDED_OVER", "handover", why);
}

}  // namespace

absl::StatusOr<std::string> MakeHandover(std::string entry, LeafIndex index, const merkle::Proof& hashes,
                                         std::string_view note) {
  MEDFLYT_ASSIGN_OR_RETURN(tlog::SignedNote checkpoint, tlog::SignedNote::Parse(note));
  return tlog::TlogProof{std::move(entry), index, hashes, std::move(checkpoint)}.Serialize();
}

absl::Status VerifyHandover(const tlog::VerifierKey& before, const directory::LogKey& next) {
  if (next.handover.empty()) return NotHandedOver("there is no proof that the key before handed the log over");
  const auto proof = tlog::TlogProof::Parse(next.handover);
  if (!proof.ok()) return NotHandedOver("the proof does not parse");
  wire::LedgerCodec codec;
  const auto record = codec.Decode(proof->extra);  // fails for a sealed entry
  const auto* handed = record.ok() ? std::get_if<wire::LogKeyHandedOver>(&record->record) : nullptr;
  if (handed == nullptr || handed->verifier_key != next.key.Format()) {
    return NotHandedOver("the entry does not hand the log over to this key");
  }
  // The last entry of the tree: the key before signs nothing behind it.
  if (next.from.value() == 0 || proof->index.value() != next.from.value() - 1) {
    return NotHandedOver("the key signs from another size on than the one behind the entry");
  }
  const merkle::Hash leaf = merkle::LeafHash(proof->extra);
  for (const tlog::VerifierKey* key : {&before, &next.key}) {
    const auto opened = tlog::VerifyTlogProof(*proof, leaf, std::span(key, 1));
    // A checkpoint is of the log that its key is named as.
    if (!opened.ok() || opened->checkpoint.size() != next.from || opened->checkpoint.origin() != key->name()) {
      return NotHandedOver("the two keys have not both signed the tree that ends with the entry");
    }
  }
  return absl::OkStatus();
}

}  // namespace medflyt::entry
