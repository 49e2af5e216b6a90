// Checkpoints: c2sp.org/tlog-checkpoint@v1.0.0. A log's tree head as the text of a signed note.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/note.h"

namespace medflyt::tlog {

using merkle::Hash;

// Immutable and valid by construction; Parse(Format()) and Format() of what was parsed are identities.
class Checkpoint {
 public:
  // INVALID_ARGUMENT (CHECKPOINT_MALFORMED) when origin or an extension line is empty, not UTF-8 or holds control
  // characters, when the size exceeds merkle::kMaxTreeSize, or when an empty tree has another root than its own.
  [[nodiscard]] static absl::StatusOr<Checkpoint> Create(std::string_view origin, TreeSize size, const Hash& root,
                                                         std::vector<std::string> extensions = {});
  // From a note's text: origin, size, root, extension lines. INVALID_ARGUMENT (CHECKPOINT_MALFORMED).
  [[nodiscard]] static absl::StatusOr<Checkpoint> Parse(std::string_view note_text);
  // The note text, which is what is signed.
  [[nodiscard]] std::string Format() const;

  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] TreeSize size() const { return size_; }
  [[nodiscard]] const Hash& root() const { return root_; }
  [[nodiscard]] const std::vector<std::string>& extensions() const { return extensions_; }

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;

 private:
  Checkpoint(std::string_view origin, TreeSize size, const Hash& root, std::vector<std::string> extensions);

  std::string origin_;
  TreeSize size_;
  Hash root_;
  std::vector<std::string> extensions_;
};

// What a note states, as it stands there: nothing is verified. The errors of SignedNote::Parse and Checkpoint::Parse.
[[nodiscard]] absl::StatusOr<Checkpoint> StatedCheckpoint(std::string_view note_bytes);

// The checkpoint as a note with the log's signature, to which cosignatures may be appended.
[[nodiscard]] SignedNote SignCheckpoint(const Checkpoint& checkpoint, const NoteSigner& log_key);

// A checkpoint whose log's signature was verified.
struct OpenedCheckpoint {
  Checkpoint checkpoint;
  SignedNote note;
  std::vector<VerifiedSignature> signatures;  // by positions among the verifiers passed
};

// Parses and verifies a checkpoint. Beside the errors of SignedNote::Parse, VerifyNote and Checkpoint::Parse:
// INVALID_ARGUMENT (CHECKPOINT_NOT_BY_LOG) unless a verified signature is of type 0x01 by a key that is named as the
// origin, so neither a witness nor another log can vouch for it. `verifiers` may hold witnesses' keys too.
[[nodiscard]] absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(std::string_view note_bytes,
                                                              std::span<const VerifierKey> verifiers);
[[nodiscard]] absl::StatusOr<OpenedCheckpoint> OpenCheckpoint(SignedNote note, std::span<const VerifierKey> verifiers);

}  // namespace medflyt::tlog
