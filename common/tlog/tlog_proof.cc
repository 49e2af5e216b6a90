#include "common/tlog/tlog_proof.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

absl::Status ProofMalformed(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "TLOG_PROOF_MALFORMED", field, message);
}

absl::Status CheckInclusion(const TlogProof& proof, const merkle::Hash& leaf_hash, const Checkpoint& checkpoint) {
  return merkle::VerifyInclusion(proof.index, checkpoint.size(), leaf_hash, proof.hashes, checkpoint.root());
}

}  // namespace

absl::StatusOr<TlogProof> TlogProof::Parse(std::string_view bytes) {
  if (bytes.size() > kMaxTlogProofBytes) return ProofMalformed("proof", "proof is too long");
  if (TakeLine(bytes) != kHeader) return ProofMalformed("proof", "first line is not c2sp.org/tlog-proof@v1");
  TlogProof proof;
  auto line = TakeLine(bytes);
  if (line && line->starts_with(kExtra)) {
    const auto extra = Base64Decode(line->substr(kExtra.size()));
    if (!extra.ok() || extra->empty()) return ProofMalformed("extra", "extra data is empty or not canonical base64");
    proof.extra = *extra;
    line = TakeLine(bytes);
  }
  if (!line || !line->starts_with(kIndex)) return ProofMalformed("index", "index line is missing");
  const auto index = ParseDecimal(line->substr(kIndex.size()), merkle::kMaxTreeSize);
  if (!index) return ProofMalformed("index", "index is not a decimal number without leading zeros");
  proof.index = LeafIndex(*index);
  for (line = TakeLine(bytes); line && !line->empty(); line = TakeLine(bytes)) {
    const auto hash = ParseBase64Hash(*line);
    if (!hash) return ProofMalformed("hashes", "a line of the inclusion proof is not a SHA-256 hash in base64");
    if (proof.hashes.size() == kMaxTlogProofHashes) return ProofMalformed("hashes", "inclusion proof is too long");
    proof.hashes.push_back(*hash);
  }
  if (!line) return ProofMalformed("checkpoint", "blank line before the checkpoint is missing");
  MEDFLYT_ASSIGN_OR_RETURN(proof.checkpoint, SignedNote::Parse(bytes));
  return proof;
}

std::string TlogProof::Serialize() const {
  std::string bytes(kHeader);
  bytes.push_back('\n');
  if (!extra.empty()) bytes.append(kExtra).append(Base64Encode(extra)).append("\n");
  bytes.append(kIndex).append(std::to_string(index.value())).append("\n");
  for (const merkle::Hash& hash : hashes) bytes.append(Base64Encode(hash.bytes())).append("\n");
  bytes.push_back('\n');
  bytes.append(checkpoint.Serialize());
  return bytes;
}

absl::StatusOr<OpenedCheckpoint> VerifyTlogProof(const TlogProof& proof, const merkle::Hash& leaf_hash,
                                                 std::span<const VerifierKey> verifiers) {
  MEDFLYT_ASSIGN_OR_RETURN(OpenedCheckpoint opened, OpenCheckpoint(proof.checkpoint, verifiers));
  MEDFLYT_RETURN_IF_ERROR(CheckInclusion(proof, leaf_hash, opened.checkpoint));
  return opened;
}

absl::StatusOr<OpenedCheckpoint> VerifyTlogProof(const TlogProof& proof, const merkle::Hash& leaf_hash,
                                                 const Policy& policy) {
  MEDFLYT_ASSIGN_OR_RETURN(OpenedCheckpoint opened, policy.Check(proof.checkpoint));
  MEDFLYT_RETURN_IF_ERROR(CheckInclusion(proof, leaf_hash, opened.checkpoint));
  return opened;
}

}  // namespace medflyt::tlog
