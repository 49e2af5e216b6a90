#include "server/node/next_key.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "server/node/files.h"
#include "server/node/secrets.h"

namespace medflyt::node {

std::string NextKeyPath(const Config& config) { return config.log_key + ".next"; }

absl::StatusOr<tlog::NoteSigner> LoadLogKey(const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(NamedSigner key, LoadNamedSigner(path, tlog::SignatureType::kEd25519));
  return tlog::NoteSigner::Create(key.name, std::move(key.signer));
}

absl::StatusOr<tlog::NoteSigner> NextKey(const Config& config, const std::string& origin) {
  const std::string path = NextKeyPath(config);
  auto found = LoadLogKey(path);
  if (found.ok() && found->verifier_key().name() != origin) {
    return RuleError(absl::StatusCode::kInvalidArgument, "SIGNER_KEY_MALFORMED", "keys.log_key",
                     absl::StrCat(path, ": is the key of another log"));
  }
  if (found.ok() || !absl::IsNotFound(found.status())) return found;
  MEDFLYT_ASSIGN_OR_RETURN(auto made, tlog::NoteSigner::Create(origin, crypto::Signer(crypto::Key::Random())));
  std::string text = made.Format() + "\n";
  const absl::Status written = ReplaceFile(path, text);
  crypto::Wipe(text);
  MEDFLYT_RETURN_IF_ERROR(written);
  return made;
}

}  // namespace medflyt::node
