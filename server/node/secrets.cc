#include "server/node/secrets.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/node/files.h"

namespace medflyt::node {
namespace {

constexpr size_t kMaxSecretFile = 4096;
constexpr std::string_view kPrefix = "PRIVATE+KEY+";

absl::Status Malformed() {
  return RuleError(absl::StatusCode::kInvalidArgument, "SIGNER_KEY_MALFORMED", "",
                   "is not a private key of the form and type that is needed here");
}

std::string_view WithoutNewline(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

absl::StatusOr<NamedSigner> ParseNamedSigner(std::string_view text, tlog::SignatureType type) {
  if (!text.starts_with(kPrefix)) return Malformed();
  text.remove_prefix(kPrefix.size());
  const size_t name_end = text.find('+');
  if (name_end == std::string_view::npos) return Malformed();
  const std::string_view name = text.substr(0, name_end);
  const std::string_view rest = text.substr(name_end + 1);
  const size_t id_end = rest.find('+');
  if (id_end != 8) return Malformed();
  auto bytes = Base64Decode(rest.substr(id_end + 1));
  if (!bytes.ok()) return Malformed();
  std::optional<crypto::Key> seed;
  if (bytes->size() == 1 + crypto::Key::kSize && static_cast<uint8_t>(bytes->front()) == static_cast<uint8_t>(type)) {
    seed = crypto::Key::FromBytes(std::string_view(*bytes).substr(1));
  }
  crypto::Wipe(*bytes);
  if (!seed) return Malformed();
  crypto::Signer signer(*std::move(seed));
  const auto verifier = tlog::VerifierKey::Create(name, type, signer.public_key());
  if (!verifier.ok()) return Malformed();
  char id[9];
  std::snprintf(id, sizeof id, "%08x", verifier->id().value());
  if (rest.substr(0, id_end) != id) return Malformed();
  return NamedSigner{std::string(name), std::move(signer)};
}

absl::StatusOr<NamedSigner> LoadNamedSigner(const std::string& path, tlog::SignatureType type) {
  MEDFLYT_ASSIGN_OR_RETURN(std::string text, ReadSecretFile(path, kMaxSecretFile));
  auto signer = ParseNamedSigner(WithoutNewline(text), type);
  crypto::Wipe(text);
  if (!signer.ok()) return Annotate(signer.status(), path);
  return signer;
}

absl::StatusOr<crypto::Key> LoadRootSecret(const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(std::string text, ReadSecretFile(path, kMaxSecretFile));
  auto bytes = HexDecode(WithoutNewline(text));
  crypto::Wipe(text);
  std::optional<crypto::Key> key;
  if (bytes.ok()) {
    key = crypto::Key::FromBytes(*bytes);
    crypto::Wipe(*bytes);
  }
  if (key) return *std::move(key);
  return RuleError(absl::StatusCode::kInvalidArgument, "ROOT_SECRET_MALFORMED", "",
                   absl::StrCat(path, ": must be 64 hexadecimal digits"));
}

absl::StatusOr<keys::KekGenerations> LoadKek(KeyFilesOnDisk& files, const crypto::Key& root_secret, bool may_make,
                                             RandomSource& random) {
  const auto file = files.ReadKek(kMaxSecretFile);
  if (file.ok()) {
    auto kek = keys::UnwrapKek(*file, root_secret);
    if (!kek.ok()) return Annotate(kek.status(), "keys.kek");
    return kek;
  }
  if (!absl::IsNotFound(file.status())) return file.status();
  if (!may_make) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "KEK_MISSING", "keys.kek",
                     "the KEK's file is gone, and what is stored cannot be read without it");
  }
  keys::KekGenerations kek{keys::NewKek(random), std::nullopt};
  MEDFLYT_RETURN_IF_ERROR(files.ReplaceKek(keys::WrapKek(kek, root_secret, random)));
  return kek;
}

}  // namespace medflyt::node
