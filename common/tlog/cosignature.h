// Witnesses' cosignatures: c2sp.org/tlog-cosignature@v1.0.1, the Ed25519 kind (type 0x04). "As of that second, this is
// the largest head of this log that I saw, and it is consistent with all that I saw before."
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/signer.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note_key.h"

namespace medflyt::tlog {

// A witness's private key. Immutable; thread-safe. One key serves one cosigner name only: what is signed does not hold
// the name.
class Cosigner {
 public:
  // INVALID_ARGUMENT (KEY_NAME_INVALID) as VerifierKey::Create.
  [[nodiscard]] static absl::StatusOr<Cosigner> Create(std::string_view name, crypto::Signer signer);

  [[nodiscard]] const VerifierKey& verifier_key() const { return verifier_key_; }

  // The signature line to append to the checkpoint's note: u64 big-endian POSIX seconds ‖ 64 bytes. Fractions of a
  // second are dropped. INVALID_ARGUMENT (COSIGNATURE_TIME_INVALID) for a time before 1970 or an infinite one. That the
  // checkpoint is consistent with all earlier ones is for the caller to have checked and stored.
  [[nodiscard]] absl::StatusOr<NoteSignature> Cosign(const Checkpoint& checkpoint, absl::Time time) const;

 private:
  Cosigner(VerifierKey verifier_key, crypto::Signer signer);

  VerifierKey verifier_key_;
  crypto::Signer signer_;
};

// The time that the witness signed, or nothing unless `signature` is a valid cosignature over the note text by `key`, a
// key of type 0x04.
[[nodiscard]] std::optional<absl::Time> VerifyCosignature(const VerifierKey& key, std::string_view note_text,
                                                          const NoteSignature& signature);

}  // namespace medflyt::tlog
