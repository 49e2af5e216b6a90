#include "common/entry/opening.h"

#include <utility>

#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/entry/boxed_key.h"
#include "common/entry/seal.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tlog_proof.h"

namespace medflyt::entry {
namespace {

std::string PurposeOf(const EventKeyContext& context) {
  return BoxPurpose("medflyt/v1/opening", context.origin, context.event_id.bytes(), context.recipient);
}

absl::Status ProofInvalid(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "OPENING_PROOF_INVALID", "tlog_proof", message);
}

}  // namespace

absl::StatusOr<std::string> SealEventKey(const EventKeyContext& context, const crypto::Key& event_key,
                                         const crypto::ExchangePublicKey& to) {
  return BoxKey(PurposeOf(context), event_key, to);
}

absl::StatusOr<crypto::Key> OpenEventKey(const EventKeyContext& context, std::string_view sealed,
                                         const crypto::ExchangeKey& with) {
  const auto key = UnboxKey(PurposeOf(context), sealed, with);
  if (!key) {
    return RuleError(absl::StatusCode::kDataLoss, "OPENING_NOT_OPENED", "openings",
                     "sealed to another exchange key, altered, or for another log, event or recipient");
  }
  return *key;
}

absl::StatusOr<OpenedEvent> OpenForThirdParty(std::string_view entry, const crypto::Key& event_key,
                                              std::string_view proof, const LogIdentity& issuer,
                                              wire::ContentCodec& codec) {
  const auto parsed = tlog::TlogProof::Parse(proof);
  if (!parsed.ok()) return ProofInvalid(ToStd(parsed.status().message()));
  if (!parsed->extra.empty()) return ProofInvalid("the proof carries an extra line, which nothing authenticates");
  const crypto::Hash leaf_hash = merkle::LeafHash(entry);
  auto head = tlog::VerifyTlogProof(*parsed, leaf_hash, issuer.keys);
  if (!head.ok()) return ProofInvalid(ToStd(head.status().message()));
  if (head->checkpoint.origin() != issuer.origin) return ProofInvalid("the proof is about another log");
  // So that no byte of the proof can be altered unseen.
  if (head->signatures.size() != parsed->checkpoint.signatures.size()) {
    return ProofInvalid("the checkpoint carries a signature by an unknown key");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const SealedView sealed, ParseSealed(entry));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string content, OpenWithEventKey(sealed, event_key, issuer.origin));
  MEDFLYT_ASSIGN_OR_RETURN(event::Event event, codec.Decode(content, sealed.event_id));
  return OpenedEvent{std::move(event), parsed->index, leaf_hash, *std::move(head)};
}

}  // namespace medflyt::entry
