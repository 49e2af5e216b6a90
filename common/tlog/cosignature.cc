#include "common/tlog/cosignature.h"

#include <limits>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace medflyt::tlog {
namespace {

constexpr auto kLatest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());

std::string SignedMessage(uint64_t seconds, std::string_view note_text) {
  std::string message = "cosignature/v1\ntime ";
  message.append(std::to_string(seconds)).append("\n").append(note_text);
  return message;
}

}  // namespace

Cosigner::Cosigner(VerifierKey verifier_key, crypto::Signer signer)
    : verifier_key_(std::move(verifier_key)), signer_(std::move(signer)) {}

absl::StatusOr<Cosigner> Cosigner::Create(std::string_view name, crypto::Signer signer) {
  MEDFLYT_ASSIGN_OR_RETURN(VerifierKey key,
                           VerifierKey::Create(name, SignatureType::kCosignature, signer.public_key()));
  return Cosigner(std::move(key), std::move(signer));
}

absl::StatusOr<NoteSignature> Cosigner::Cosign(const Checkpoint& checkpoint, absl::Time time) const {
  if (time < absl::UnixEpoch() || time == absl::InfiniteFuture()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "COSIGNATURE_TIME_INVALID", "time",
                     "time is before 1970 or infinite");
  }
  const auto seconds = static_cast<uint64_t>(absl::ToUnixSeconds(time));
  const crypto::Signature signature = signer_.Sign(SignedMessage(seconds, checkpoint.Format()));
  std::string blob;
  AppendU64(blob, seconds);
  blob.append(signature.bytes());
  return NoteSignature{verifier_key_.name(), verifier_key_.id(), std::move(blob)};
}

std::optional<absl::Time> VerifyCosignature(const VerifierKey& key, std::string_view note_text,
                                            const NoteSignature& signature) {
  if (key.type() != SignatureType::kCosignature || !key.Made(signature)) return std::nullopt;
  ByteReader in(signature.signature);
  const auto seconds = in.U64();
  if (!seconds || *seconds > kLatest) return std::nullopt;
  const auto bytes = crypto::Signature::FromBytes(in.rest());
  if (!bytes || !crypto::Verify(key.key(), SignedMessage(*seconds, note_text), *bytes)) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(*seconds));
}

}  // namespace medflyt::tlog
