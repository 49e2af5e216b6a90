// Signed notes: c2sp.org/signed-note@v1.0.0.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/tlog/note_key.h"

namespace medflyt::tlog {

// Room for 16 post-quantum signatures of others' logs and witnesses, whom a note may carry beside ours.
inline constexpr size_t kMaxNoteBytes = 256 * 1024;
inline constexpr size_t kMaxNoteSignatures = 100;

// A note taken apart; nothing in it is verified yet.
struct SignedNote {
  std::string text;  // ends in newline; without the blank line
  std::vector<NoteSignature> signatures;

  // INVALID_ARGUMENT (NOTE_MALFORMED) unless the bytes are a note within the limits above: UTF-8 without control
  // characters except newline, text, blank line, one or more signature lines with canonical base64.
  [[nodiscard]] static absl::StatusOr<SignedNote> Parse(std::string_view bytes);
  // The exact bytes that were parsed.
  [[nodiscard]] std::string Serialize() const;

  friend bool operator==(const SignedNote&, const SignedNote&) = default;
};

// A signature that was checked.
struct VerifiedSignature {
  size_t verifier = 0;                    // position of the key among the verifiers passed
  std::optional<absl::Time> cosigned_at;  // of a cosignature, in whole seconds
};

// The verified signatures, one for each verifier at most, in the note's order. Signatures of unknown (name, id) are
// ignored. INVALID_ARGUMENT: NOTE_SIGNATURE_INVALID when any signature of a known key fails, NOTE_UNSIGNED when no
// known key signed. Where one key signed more than once, all must hold and the first counts.
[[nodiscard]] absl::StatusOr<std::vector<VerifiedSignature>> VerifyNote(const SignedNote& note,
                                                                        std::span<const VerifierKey> verifiers);

}  // namespace medflyt::tlog
