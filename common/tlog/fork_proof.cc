#include "common/tlog/fork_proof.h"

#include <optional>

#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kTitle = "medflyt fork proof v1";

absl::Status Malformed(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "FORK_PROOF_MALFORMED", "", message);
}

void AppendNote(std::string& out, std::string_view note) {
  out.append(std::to_string(note.size())).append("\n").append(note);
}

std::optional<std::string_view> TakeNote(std::string_view& text) {
  const auto line = TakeLine(text);
  const auto size = line ? ParseDecimal(*line, kMaxNoteBytes) : std::nullopt;
  if (!size || *size > text.size()) return std::nullopt;
  const std::string_view note = text.substr(0, *size);
  text.remove_prefix(*size);
  return note;
}

}  // namespace

absl::StatusOr<ForkProof> ForkProof::Parse(std::string_view text) {
  const auto title = TakeLine(text);
  if (!title || *title != kTitle) return Malformed("the file does not begin as a fork proof");
  const auto first = TakeNote(text);
  const auto second = first ? TakeNote(text) : std::nullopt;
  if (!second || !text.empty()) return Malformed("the file does not hold two notes of the sizes that it says");
  for (const std::string_view note : {*first, *second}) {
    if (!SignedNote::Parse(note).ok()) return Malformed("what stands there is no signed note");
  }
  return ForkProof{std::string(*first), std::string(*second)};
}

std::string ForkProof::Serialize() const {
  std::string text(kTitle);
  text.push_back('\n');
  AppendNote(text, first);
  AppendNote(text, second);
  return text;
}

absl::StatusOr<ProvenFork> VerifyForkProof(const ForkProof& proof, std::span<const VerifierKey> log_keys) {
  MEDFLYT_ASSIGN_OR_RETURN(const OpenedCheckpoint first, OpenCheckpoint(proof.first, log_keys));
  MEDFLYT_ASSIGN_OR_RETURN(const OpenedCheckpoint second, OpenCheckpoint(proof.second, log_keys));
  const Checkpoint& one = first.checkpoint;
  const Checkpoint& other = second.checkpoint;
  if (one.origin() != other.origin() || one.size() != other.size() || one.root() == other.root()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FORK_NOT_PROVEN", "",
                     "these are not two roots of one origin and size");
  }
  return ProvenFork{one, other};
}

}  // namespace medflyt::tlog
