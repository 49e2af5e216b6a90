#include "server/log/sealed_row.h"

#include <cstdint>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "common/crypto/seal.h"

namespace medflyt::log {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kPadding = 256;

std::string AssociatedData(std::string_view purpose, std::string_view row_key) {
  return std::string(purpose).append(row_key);
}

absl::Status Malformed() { return absl::DataLossError("a sealed row does not open"); }

}  // namespace

std::string SealRow(const crypto::Key& key, RandomSource& random, std::string_view purpose, std::string_view row_key,
                    std::string_view row) {
  std::string padded;
  padded.reserve(row.size() + kPadding + sizeof(uint32_t));
  AppendU32(padded, static_cast<uint32_t>(row.size()));
  padded.append(row);
  padded.resize((padded.size() + kPadding - 1) / kPadding * kPadding, '\0');
  const auto nonce = random.NewId<crypto::Nonce>();
  std::string value(1, static_cast<char>(kVersion));
  value.append(nonce.bytes()).append(crypto::Seal(key, nonce, AssociatedData(purpose, row_key), padded));
  crypto::Wipe(padded);
  return value;
}

absl::StatusOr<std::string> OpenRow(const crypto::Key& key, std::string_view purpose, std::string_view row_key,
                                    std::string_view value) {
  ByteReader reader(value);
  const auto version = reader.U8();
  const auto nonce = reader.Take(crypto::Nonce::kSize);
  if (!version || *version != kVersion || !nonce) return Malformed();
  auto padded = crypto::Open(key, *crypto::Nonce::FromBytes(*nonce), AssociatedData(purpose, row_key), reader.rest());
  if (!padded.ok()) return Malformed();
  ByteReader content(*padded);
  const auto length = content.U32();
  const auto row = length ? content.Take(*length) : std::nullopt;
  absl::StatusOr<std::string> opened = row ? absl::StatusOr<std::string>(std::string(*row)) : Malformed();
  crypto::Wipe(*padded);
  return opened;
}

}  // namespace medflyt::log
