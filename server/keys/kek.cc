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

// What is bound to a sealed generation.
std::string AssociatedData(uint32_t generation) {
  std::string bytes(kMagic);
  AppendU32(bytes, generation);
  return bytes;
}

void AppendKek(std::string& file, const Kek& kek, const crypto::Key& root_secret, RandomSource& random) {
  AppendU32(file, kek.generation);
  const auto nonce = random.NewId<crypto::Nonce>();
  file.append(nonce.bytes());
  file.append(crypto::Seal(root_secret, nonce, AssociatedData(kek.generation), kek.key.ExposeView()));
}

absl::StatusOr<Kek> TakeKek(ByteReader& reader, const crypto::Key& root_secret) {
  const auto generation = reader.U32();
  const auto nonce = reader.Take(crypto::Nonce::kSize);
  const auto sealed = reader.Take(crypto::Key::kSize + crypto::kSealOverhead);
  if (!generation || !nonce || !sealed) return Unreadable();
  auto opened = crypto::Open(root_secret, *crypto::Nonce::FromBytes(*nonce), AssociatedData(*generation), *sealed);
  if (!opened.ok()) return Unreadable();
  auto key = crypto::Key::FromBytes(*opened);
  crypto::Wipe(*opened);
  if (!key) return Unreadable();
  return Kek{*generation, *std::move(key)};
}

}  // namespace

Kek NewKek(RandomSource& random, uint32_t generation) {
  return {generation, crypto::Key::Make([&random](uint8_t* out) { random.Fill(out, crypto::Key::kSize); })};
}

std::string WrapKek(const KekGenerations& kek, const crypto::Key& root_secret, RandomSource& random) {
  std::string file(kMagic);
  AppendKek(file, kek.current, root_secret, random);
  if (kek.next) AppendKek(file, *kek.next, root_secret, random);
  return file;
}

absl::StatusOr<KekGenerations> UnwrapKek(std::string_view file, const crypto::Key& root_secret) {
  ByteReader reader(file);
  const auto magic = reader.Take(kMagic.size());
  if (!magic || *magic != kMagic) return Unreadable();
  MEDFLYT_ASSIGN_OR_RETURN(Kek current, TakeKek(reader, root_secret));
  KekGenerations kek{std::move(current), std::nullopt};
  if (reader.empty()) return kek;
  MEDFLYT_ASSIGN_OR_RETURN(kek.next, TakeKek(reader, root_secret));
  if (!reader.empty() || kek.next->generation != kek.current.generation + 1) return Unreadable();
  return kek;
}

}  // namespace medflyt::keys
