#include "common/entry/boxed_key.h"

#include <cstdint>

#include "common/base/bytes.h"

namespace medflyt::entry {

std::string BoxPurpose(std::string_view label, std::string_view origin, std::string_view id, AuthorityId recipient) {
  std::string purpose(label);
  purpose += '\0';
  AppendU16(purpose, static_cast<uint16_t>(origin.size()));
  purpose.append(origin).append(id);
  AppendU32(purpose, recipient.number());
  return purpose;
}

absl::StatusOr<std::string> BoxKey(std::string_view purpose, const crypto::Key& key,
                                   const crypto::ExchangePublicKey& to) {
  std::string plaintext;
  plaintext.reserve(purpose.size() + crypto::Key::kSize);  // so that growing leaves no copy of the key behind
  plaintext.append(purpose).append(key.ExposeView());
  auto sealed = crypto::SealTo(to, plaintext);
  crypto::Wipe(plaintext);
  return sealed;
}

std::optional<crypto::Key> UnboxKey(std::string_view purpose, std::string_view sealed,
                                    const crypto::ExchangeKey& with) {
  auto opened = crypto::OpenSealed(with, sealed);
  if (!opened.ok()) return std::nullopt;
  std::optional<crypto::Key> key;
  const std::string_view plaintext = *opened;
  if (plaintext.starts_with(purpose)) key = crypto::Key::FromBytes(plaintext.substr(purpose.size()));
  crypto::Wipe(*opened);
  return key;
}

}  // namespace medflyt::entry
