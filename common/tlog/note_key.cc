#include "common/tlog/note_key.h"

#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";

NoteKeyId ComputeKeyId(std::string_view name, SignatureType type, const crypto::PublicKey& key) {
  const char separator[] = {'\n', static_cast<char>(type)};
  const crypto::Hash hash = crypto::Sha256({name, std::string_view(separator, sizeof(separator)), key.bytes()});
  return NoteKeyId(*ByteReader(hash.bytes()).U32());
}

absl::Status NameInvalid() {
  return RuleError(absl::StatusCode::kInvalidArgument, "KEY_NAME_INVALID", "name",
                   "a key name is not empty, valid UTF-8, and without white space, '+' and control characters");
}

// `name+hex8+base64`, split on the first two '+': base64 may hold more of them.
struct KeyParts {
  std::string_view name;
  NoteKeyId id;
  std::string material;  // type byte and key
};

std::optional<KeyParts> SplitKey(std::string_view text) {
  const size_t first = text.find('+');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto id = HexDecode(text.substr(first + 1, second - first - 1));
  if (!id.ok() || id->size() != 4) return std::nullopt;
  auto material = Base64Decode(text.substr(second + 1));
  if (!material.ok()) return std::nullopt;
  return KeyParts{text.substr(0, first), NoteKeyId(*ByteReader(*id).U32()), *std::move(material)};
}

std::string JoinKey(const VerifierKey& key, std::string_view material) {
  std::string id;
  AppendU32(id, key.id().value());
  std::string encoded = Base64Encode(material);
  std::string text;
  text.reserve(key.name().size() + 10 + encoded.size());
  text.append(key.name()).append("+").append(HexEncode(id)).append("+").append(encoded);
  crypto::Wipe(encoded);
  return text;
}

std::optional<SignatureType> KnownType(char byte) {
  switch (static_cast<SignatureType>(byte)) {
    case SignatureType::kEd25519:
      return SignatureType::kEd25519;
    case SignatureType::kCosignature:
      return SignatureType::kCosignature;
  }
  return std::nullopt;
}

}  // namespace

VerifierKey::VerifierKey(std::string_view name, SignatureType type, const crypto::PublicKey& key)
    : name_(name), type_(type), key_(key), id_(ComputeKeyId(name, type, key)) {}

absl::StatusOr<VerifierKey> VerifierKey::Create(std::string_view name, SignatureType type,
                                                const crypto::PublicKey& key) {
  if (!IsKeyName(name)) return NameInvalid();
  return VerifierKey(name, type, key);
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(std::string_view text) {
  const auto malformed = [](std::string_view message) {
    return RuleError(absl::StatusCode::kInvalidArgument, "VERIFIER_KEY_MALFORMED", "verifier_key", message);
  };
  const auto parts = SplitKey(text);
  if (!parts || !IsKeyName(parts->name)) return malformed("not of the form name+hex8+base64");
  if (parts->material.empty()) return malformed("key is empty");
  const auto type = KnownType(parts->material[0]);
  if (!type) return malformed("signature type is neither 0x01 nor 0x04");
  const auto key = crypto::PublicKey::FromBytes(std::string_view(parts->material).substr(1));
  if (!key) return malformed("key is not of 32 bytes");
  VerifierKey verifier(parts->name, *type, *key);
  if (verifier.id() != parts->id) return malformed("key id is not that of name, type and key");
  return verifier;
}

std::string VerifierKey::Format() const {
  std::string material(1, static_cast<char>(type_));
  material += key_.bytes();
  return JoinKey(*this, material);
}

bool VerifierKey::Verify(std::string_view note_text, const NoteSignature& signature) const {
  if (!Made(signature)) return false;
  if (type_ == SignatureType::kCosignature) return VerifyCosignature(*this, note_text, signature).has_value();
  const auto bytes = crypto::Signature::FromBytes(signature.signature);
  return bytes && crypto::Verify(key_, note_text, *bytes);
}

NoteSigner::NoteSigner(VerifierKey verifier_key, crypto::Signer signer)
    : verifier_key_(std::move(verifier_key)), signer_(std::move(signer)) {}

absl::StatusOr<NoteSigner> NoteSigner::Create(std::string_view name, crypto::Signer signer) {
  MEDFLYT_ASSIGN_OR_RETURN(VerifierKey key, VerifierKey::Create(name, SignatureType::kEd25519, signer.public_key()));
  return NoteSigner(std::move(key), std::move(signer));
}

absl::StatusOr<NoteSigner> NoteSigner::Parse(std::string_view text) {
  const auto malformed = [](std::string_view message) {
    return RuleError(absl::StatusCode::kInvalidArgument, "SIGNER_KEY_MALFORMED", "signer_key", message);
  };
  if (!text.starts_with(kPrivatePrefix)) return malformed("not of the form PRIVATE+KEY+name+hex8+base64");
  auto parts = SplitKey(text.substr(kPrivatePrefix.size()));
  if (!parts) return malformed("not of the form PRIVATE+KEY+name+hex8+base64");
  const bool ed25519 = !parts->material.empty() && KnownType(parts->material[0]) == SignatureType::kEd25519;
  auto seed = ed25519 ? crypto::Key::FromBytes(std::string_view(parts->material).substr(1)) : std::nullopt;
  crypto::Wipe(parts->material);
  if (!seed) return malformed("not an Ed25519 private key of 32 bytes");
  auto signer = Create(parts->name, crypto::Signer(*std::move(seed)));
  if (!signer.ok()) return malformed("key name is not valid");
  if (signer->verifier_key().id() != parts->id) return malformed("key id is not that of name, type and key");
  return signer;
}

std::string NoteSigner::Format() const {
  std::string material;
  material.reserve(1 + crypto::Key::kSize);
  material.push_back(static_cast<char>(SignatureType::kEd25519));
  material += signer_.seed().ExposeView();
  std::string joined = JoinKey(verifier_key_, material);
  std::string text;
  text.reserve(kPrivatePrefix.size() + joined.size());
  text.append(kPrivatePrefix).append(joined);
  crypto::Wipe(material);
  crypto::Wipe(joined);
  return text;
}

NoteSignature NoteSigner::Sign(std::string_view note_text) const {
  const crypto::Signature signature = signer_.Sign(note_text);
  return {verifier_key_.name(), verifier_key_.id(), std::string(signature.bytes())};
}

}  // namespace medflyt::tlog
