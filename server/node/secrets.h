// The node's secrets, from files that it alone can read, into locked memory.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"
#include "common/crypto/signer.h"
#include "common/tlog/note_key.h"
#include "server/keys/kek.h"
#include "server/node/key_files.h"

namespace medflyt::node {

// A named Ed25519 key: `PRIVATE+KEY+<name>+<hex id>+<base64 of type ‖ seed>`, one line.
struct NamedSigner {
  std::string name;
  crypto::Signer signer;
};
// Errors of ReadSecretFile; INVALID_ARGUMENT (SIGNER_KEY_MALFORMED) for any other text, type, or an id that is not the
// key's. No error holds the text.
[[nodiscard]] absl::StatusOr<NamedSigner> LoadNamedSigner(const std::string& path, tlog::SignatureType type);
[[nodiscard]] absl::StatusOr<NamedSigner> ParseNamedSigner(std::string_view text, tlog::SignatureType type);

// 64 hexadecimal digits. INVALID_ARGUMENT (ROOT_SECRET_MALFORMED).
[[nodiscard]] absl::StatusOr<crypto::Key> LoadRootSecret(const std::string& path);

// The KEK out of its file, or out of the file's copy where that alone is there; then both are. Where neither is, a
// first KEK is made and written, durably, if `may_make`: only while the store is empty, since whatever is stored
// already rests on the KEK that is gone (FAILED_PRECONDITION, KEK_MISSING).
[[nodiscard]] absl::StatusOr<keys::KekGenerations> LoadKek(KeyFilesOnDisk& files, const crypto::Key& root_secret,
                                                           bool may_make, RandomSource& random);

}  // namespace medflyt::node
