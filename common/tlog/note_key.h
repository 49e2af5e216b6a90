// Keys of c2sp.org/signed-note@v1.0.0: a name, a signature type and an Ed25519 key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/named_type.h"
#include "common/crypto/signer.h"

namespace medflyt::tlog {

// Of the assigned types, the two that Medflyt uses.
enum class SignatureType : uint8_t {
  kEd25519 = 0x01,      // a log's signature over the note text
  kCosignature = 0x04,  // a witness's timestamped signature (c2sp.org/tlog-cosignature)
};

// First four bytes, big-endian, of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
using NoteKeyId = NamedType<uint32_t, struct NoteKeyIdTag>;

// One signature line of a note: `— name base64(id ‖ signature)`.
struct NoteSignature {
  std::string name;
  NoteKeyId id;
  std::string signature;  // what follows the key id, at least one byte

  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

// The public half. Immutable and valid by construction; thread-safe.
class VerifierKey {
 public:
  // INVALID_ARGUMENT (KEY_NAME_INVALID) when the name is empty, not UTF-8, or holds white space, '+' or control
  // characters.
  [[nodiscard]] static absl::StatusOr<VerifierKey> Create(std::string_view name, SignatureType type,
                                                          const crypto::PublicKey& key);
  // `name+hex(id)+base64(type ‖ key)`. INVALID_ARGUMENT (VERIFIER_KEY_MALFORMED) for any other text, an unknown type,
  // or an id that is not that of name, type and key.
  [[nodiscard]] static absl::StatusOr<VerifierKey> Parse(std::string_view text);
  [[nodiscard]] std::string Format() const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] SignatureType type() const { return type_; }
  [[nodiscard]] const crypto::PublicKey& key() const { return key_; }
  [[nodiscard]] NoteKeyId id() const { return id_; }

  // Whether name and id are those of this key; says nothing of the signature itself.
  [[nodiscard]] bool Made(const NoteSignature& signature) const {
    return signature.id == id_ && signature.name == name_;
  }
  // True only for this key's valid signature over the note text, by the rules of the key's type.
  [[nodiscard]] bool Verify(std::string_view note_text, const NoteSignature& signature) const;

  friend bool operator==(const VerifierKey&, const VerifierKey&) = default;

 private:
  VerifierKey(std::string_view name, SignatureType type, const crypto::PublicKey& key);

  std::string name_;
  SignatureType type_;
  crypto::PublicKey key_;
  NoteKeyId id_;
};

// A log's private key (type 0x01). Immutable; thread-safe. A witness's is Cosigner, of cosignature.h.
class NoteSigner {
 public:
  // INVALID_ARGUMENT (KEY_NAME_INVALID) as VerifierKey::Create.
  [[nodiscard]] static absl::StatusOr<NoteSigner> Create(std::string_view name, crypto::Signer signer);
  // `PRIVATE+KEY+name+hex(id)+base64(0x01 ‖ seed)`. INVALID_ARGUMENT (SIGNER_KEY_MALFORMED) for any other text or an
  // id that is not that of the key. The error never holds the text.
  [[nodiscard]] static absl::StatusOr<NoteSigner> Parse(std::string_view text);
  // The text holds the private key: the caller wipes it.
  [[nodiscard]] std::string Format() const;

  [[nodiscard]] const VerifierKey& verifier_key() const { return verifier_key_; }
  [[nodiscard]] NoteSignature Sign(std::string_view note_text) const;

 private:
  NoteSigner(VerifierKey verifier_key, crypto::Signer signer);

  VerifierKey verifier_key_;
  crypto::Signer signer_;
};

}  // namespace medflyt::tlog
