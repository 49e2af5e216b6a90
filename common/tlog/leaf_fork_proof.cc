#include "common/tlog/leaf_fork_proof.h"

#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kTitle = "medflyt leaf fork proof v1\n";

absl::Status Malformed(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "FORK_PROOF_MALFORMED", "", message);
}

void AppendLeaf(std::string& out, const ProvenLeaf& leaf) {
  const std::string proof = TlogProof{"", leaf.proof.index, leaf.proof.hashes, leaf.proof.checkpoint}.Serialize();
  out.append(Base64Encode(leaf.leaf_hash.bytes())).append("\n");
  out.append(std::to_string(proof.size())).append("\n").append(proof);
}

absl::StatusOr<ProvenLeaf> TakeLeaf(std::string_view& text) {
  const auto hash_line = TakeLine(text);
  const auto hash = hash_line ? ParseBase64Hash(*hash_line) : std::nullopt;
  const auto size_line = hash ? TakeLine(text) : std::nullopt;
  const auto size = size_line ? ParseDecimal(*size_line, kMaxTlogProofBytes) : std::nullopt;
  if (!size || *size > text.size())
    return Malformed("the file does not hold two leaves with proofs of the sizes that it says");
  auto proof = TlogProof::Parse(text.substr(0, *size));
  if (!proof.ok() || !proof->extra.empty()) return Malformed("what stands there is no tlog-proof without extra data");
  text.remove_prefix(*size);
  return ProvenLeaf{*hash, *std::move(proof)};
}

}  // namespace

bool IsLeafForkProof(std::string_view text) { return text.starts_with(kTitle); }

absl::StatusOr<LeafForkProof> LeafForkProof::Parse(std::string_view text) {
  if (!IsLeafForkProof(text)) return Malformed("the file does not begin as a fork proof by leaves");
  text.remove_prefix(kTitle.size());
  MEDFLYT_ASSIGN_OR_RETURN(ProvenLeaf first, TakeLeaf(text));
  MEDFLYT_ASSIGN_OR_RETURN(ProvenLeaf second, TakeLeaf(text));
  if (!text.empty()) return Malformed("something follows the second proof");
  return LeafForkProof{std::move(first), std::move(second)};
}

std::string LeafForkProof::Serialize() const {
  std::string text(kTitle);
  AppendLeaf(text, first);
  AppendLeaf(text, second);
  return text;
}

absl::StatusOr<ProvenLeafFork> VerifyLeafForkProof(const LeafForkProof& proof, std::span<const VerifierKey> first_keys,
                                                   std::span<const VerifierKey> second_keys) {
  const ProvenLeaf& one = proof.first;
  const ProvenLeaf& other = proof.second;
  MEDFLYT_ASSIGN_OR_RETURN(const OpenedCheckpoint first, VerifyTlogProof(one.proof, one.leaf_hash, first_keys));
  MEDFLYT_ASSIGN_OR_RETURN(const OpenedCheckpoint second, VerifyTlogProof(other.proof, other.leaf_hash, second_keys));
  if (first.checkpoint.origin() != second.checkpoint.origin() || one.proof.index != other.proof.index ||
      one.leaf_hash == other.leaf_hash) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FORK_NOT_PROVEN", "",
                     "these are not two leaves at one index of one origin");
  }
  return ProvenLeafFork{first.checkpoint, second.checkpoint, one.proof.index};
}

}  // namespace medflyt::tlog
