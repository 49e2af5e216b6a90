#include "common/tlog/note.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // em dash, space

absl::Status NoteMalformed(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "NOTE_MALFORMED", "note", message);
}

absl::StatusOr<NoteSignature> ParseSignatureLine(std::string_view line) {
  if (!line.starts_with(kSignaturePrefix))
    return NoteMalformed("signature line does not begin with an em dash and a space");
  line.remove_prefix(kSignaturePrefix.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return NoteMalformed("signature line has no signature");
  const std::string_view name = line.substr(0, space);
  if (!IsKeyName(name)) return NoteMalformed("signature line has no valid key name");
  const auto blob = Base64Decode(line.substr(space + 1));
  if (!blob.ok()) return NoteMalformed("signature is not canonical base64");
  ByteReader in(*blob);
  const auto id = in.U32();
  if (!id || in.empty()) return NoteMalformed("signature is too short");
  return NoteSignature{std::string(name), NoteKeyId(*id), std::string(in.rest())};
}

}  // namespace

absl::StatusOr<SignedNote> SignedNote::Parse(std::string_view bytes) {
  if (bytes.size() > kMaxNoteBytes) return NoteMalformed("note is too long");
  if (!IsCleanText(bytes, true)) return NoteMalformed("note is not UTF-8 or holds control characters");
  const size_t separator = bytes.rfind("\n\n");
  if (separator == std::string_view::npos) return NoteMalformed("note has no blank line before its signatures");
  SignedNote note;
  note.text = bytes.substr(0, separator + 1);
  std::string_view rest = bytes.substr(separator + 2);
  if (rest.empty()) return NoteMalformed("note has no signature");
  while (!rest.empty()) {
    const auto line = TakeLine(rest);
    if (!line) return NoteMalformed("note does not end in a newline");
    if (note.signatures.size() == kMaxNoteSignatures) return NoteMalformed("note has too many signatures");
    MEDFLYT_ASSIGN_OR_RETURN(NoteSignature signature, ParseSignatureLine(*line));
    note.signatures.push_back(std::move(signature));
  }
  return note;
}

std::string SignedNote::Serialize() const {
  std::string bytes = text;
  bytes.push_back('\n');
  std::string blob;
  for (const NoteSignature& signature : signatures) {
    blob.clear();
    AppendU32(blob, signature.id.value());
    blob.append(signature.signature);
    bytes.append(kSignaturePrefix).append(signature.name).append(" ").append(Base64Encode(blob)).append("\n");
  }
  return bytes;
}

absl::StatusOr<std::vector<VerifiedSignature>> VerifyNote(const SignedNote& note,
                                                          std::span<const VerifierKey> verifiers) {
  std::vector<VerifiedSignature> verified;
  for (const NoteSignature& signature : note.signatures) {
    for (size_t i = 0; i < verifiers.size(); ++i) {
      const VerifierKey& key = verifiers[i];
      if (!key.Made(signature)) continue;
      VerifiedSignature result{.verifier = i, .cosigned_at = std::nullopt};
      bool valid = false;
      if (key.type() == SignatureType::kCosignature) {
        result.cosigned_at = VerifyCosignature(key, note.text, signature);
        valid = result.cosigned_at.has_value();
      } else {
        valid = key.Verify(note.text, signature);
      }
      if (!valid) {
        return RuleError(absl::StatusCode::kInvalidArgument, "NOTE_SIGNATURE_INVALID", "note",
                         "a signature by the known key " + key.name() + " is not valid");
      }
      const bool seen = std::any_of(verified.begin(), verified.end(),
                                    [i](const VerifiedSignature& earlier) { return earlier.verifier == i; });
      if (!seen) verified.push_back(result);
    }
  }
  if (verified.empty()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "NOTE_UNSIGNED", "note", "no known key signed the note");
  }
  return verified;
}

}  // namespace medflyt::tlog
