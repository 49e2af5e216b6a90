#include "common/tlog/checkpoint.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

absl::Status CheckpointMalformed(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "CHECKPOINT_MALFORMED", field, message);
}

}  // namespace

Checkpoint::Checkpoint(std::string_view origin, TreeSize size, const Hash& root, std::vector<std::string> extensions)
    : origin_(origin), size_(size), root_(root), extensions_(std::move(extensions)) {}

absl::StatusOr<Checkpoint> Checkpoint::Create(std::string_view origin, TreeSize size, const Hash& root,
                                              std::vector<std::string> extensions) {
  if (origin.empty() || !IsCleanText(origin, false))
    return CheckpointMalformed("origin", "origin is empty or not clean text");
  if (size.value() > merkle::kMaxTreeSize) return CheckpointMalformed("size", "tree size is too large");
  if (size.value() == 0 && root != merkle::EmptyRoot())
    return CheckpointMalformed("root", "an empty tree has another root");
  for (const std::string& line : extensions) {
    if (line.empty() || !IsCleanText(line, false)) {
      return CheckpointMalformed("extensions", "an extension line is empty or not clean text");
    }
  }
  return Checkpoint(origin, size, root, std::move(extensions));
}

absl::StatusOr<Checkpoint> Checkpoint::Parse(std::string_view note_text) {
  const auto origin = TakeLine(note_text);
  if (!origin) return CheckpointMalformed("origin", "origin line is missing");
  const auto size_line = TakeLine(note_text);
  if (!size_line) return CheckpointMalformed("size", "tree size line is missing");
  const auto size = ParseDecimal(*size_line, merkle::kMaxTreeSize);
  if (!size) return CheckpointMalformed("size", "tree size is not a decimal number without leading zeros");
  const auto root_line = TakeLine(note_text);
  if (!root_line) return CheckpointMalformed("root", "root line is missing");
  const auto root = ParseBase64Hash(*root_line);
  if (!root) return CheckpointMalformed("root", "root is not a SHA-256 hash in base64");
  std::vector<std::string> extensions;
  while (!note_text.empty()) {
    const auto line = TakeLine(note_text);
    if (!line) return CheckpointMalformed("extensions", "last line does not end in a newline");
    extensions.emplace_back(*line);
  }
  return Create(*origin, TreeSize(*size), *root, std::move(extensions));
}

std::string Checkpoint::Format() const {
  std::string text;
  text.reserve(origin_.size() + 80);
  text.append(origin_).append("\n");
  text.append(std::to_string(size_.value())).append("\n");
  text.append(Base64Encode(root_.bytes())).append("\n");
  for (const std::string& line : extensions_) text.append(line).append("\n");
  return text;
}

absl::StatusOr<Checkpoint> StatedCheckpoint(std::string_view note_bytes) {
  MEDFLYT_ASSIGN_OR_RETURN(const SignedNote note, SignedNote::Parse(note_bytes));
  return Checkpoint::Parse(note.text);
}

SignedNote SignCheckpoint(const Checkpoint& checkpoint, const NoteSigner& log_key) {
  SignedNote note;
  note.text = checkpoint.Format();
  note.signatures.push_back(log_key.Sign(note.text));
  return note;
}

absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(SignedNote note, std::span<const VerifierKey> verifiers) {
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<VerifiedSignature> signatures, VerifyNote(note, verifiers));
  MEDFLYT_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Parse(note.text));
  const bool by_log = std::any_of(signatures.begin(), signatures.end(), [&](const VerifiedSignature& signature) {
    const VerifierKey& key = verifiers[signature.verifier];
    return key.type() == SignatureType::kEd25519 && key.name() == checkpoint.origin();
  });
  if (!by_log) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CHECKPOINT_NOT_BY_LOG", "note",
                     "no known key of the checkpoint's origin signed it");
  }
  return OpenedCheckpoint{std::move(checkpoint), std::move(note), std::move(signatures)};
}

absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(std::string_view note_bytes, std::span<const VerifierKey> verifiers) {
  MEDFLYT_ASSIGN_OR_RETURN(SignedNote note, SignedNote::Parse(note_bytes));
  return OpenCheckpoint(std::move(note), verifiers);
}

}  // namespace medflyt::tlog
