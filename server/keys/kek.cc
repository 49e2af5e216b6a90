#include "server/keys/kek.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"

namespace medflyt::keys {
namespace {

constexpr std::string_view kMagic = "medflyt-kek/v1\n";

absl::Status Unreadable() {
  return RuleError(absl::StatusCode::kDataLoss, "KEK_UNREADABLE", "kek",
                   "the KEK file is malformed, altered or wrapped under another root secret");
}

}  // namespace

Kek NewKek(RandomSource& random) {
  return {1, crypto::Key::Make([&random](uint8_t* out) { random.Fill(out, crypto::Key::kSize); })};
}

std::string WrapKek(const Kek& kek, const crypto::Key& root_secret, RandomSource& random) {
  std::string file(kMagic);
  AppendU32(file, kek.generation);
  const auto nonce = random.NewId<crypto::Nonce>();
  const std::string sealed = crypto::Seal(root_secret, nonce, file, kek.key.ExposeView());
  file.append(nonce.bytes()).append(sealed);
  return file;
}

absl::StatusOr<Kek> UnwrapKek(std::string_view file, const crypto::Key& root_secret) {
  ByteReader reader(file);
  const auto magic = reader.Take(kMagic.size());
  const auto generation = reader.U32();
  const auto nonce_bytes = reader.Take(crypto::Nonce::kSize);
  if (!magic || *magic != kMagic || !generation || !nonce_bytes) return Unreadable();
  const std::string_view associated = file.substr(0, kMagic.size() + sizeof(uint32_t));
  auto opened = crypto::Open(root_secret, *crypto::Nonce::FromBytes(*nonce_bytes), associated, reader.rest());
  if (!opened.ok()) return Unreadable();
  auto key = crypto::Key::FromBytes(*opened);
  crypto::Wipe(*opened);
  if (!key) return Unreadable();
  return Kek{*generation, *std::move(key)};
}

}  // namespace medflyt::keys
