#include "common/base/bytes.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "common/base/absl_view.h"

namespace medflyt {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <typename T>
void AppendBigEndian(std::string& out, T value) {
  for (size_t shift = sizeof(T) * 8; shift > 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> (shift - 8)) & 0xff));
  }
}

template <typename T>
T ReadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return static_cast<T>(value);
}

}  // namespace

std::string HexEncode(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    hex.push_back(kHexDigits[byte >> 4]);
    hex.push_back(kHexDigits[byte & 0xf]);
  }
  return hex;
}

absl::StatusOr<std::string> HexDecode(std::string_view hex) {
  if (hex.size() % 2 != 0) return absl::InvalidArgumentError("hexadecimal text has an odd number of digits");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = HexValue(hex[i]);
    const int low = HexValue(hex[i + 1]);
    if (high < 0 || low < 0) return absl::InvalidArgumentError("not a hexadecimal digit");
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

std::string Base64Encode(std::string_view bytes) { return absl::Base64Escape(ToAbsl(bytes)); }

absl::StatusOr<std::string> Base64Decode(std::string_view text) {
  std::string bytes;
  // Abseil skips white space and tolerates absent padding; only what we would have written is accepted.
  if (!absl::Base64Unescape(ToAbsl(text), &bytes) || Base64Encode(bytes) != text) {
    return absl::InvalidArgumentError("not canonical base64");
  }
  return bytes;
}

void AppendU16(std::string& out, uint16_t value) { AppendBigEndian(out, value); }
void AppendU32(std::string& out, uint32_t value) { AppendBigEndian(out, value); }
void AppendU64(std::string& out, uint64_t value) { AppendBigEndian(out, value); }

std::optional<std::string_view> ByteReader::Take(size_t count) {
  if (count > rest_.size()) return std::nullopt;
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::optional<uint8_t> ByteReader::U8() {
  const auto bytes = Take(1);
  if (!bytes) return std::nullopt;
  return ReadBigEndian<uint8_t>(*bytes);
}

std::optional<uint16_t> ByteReader::U16() {
  const auto bytes = Take(2);
  if (!bytes) return std::nullopt;
  return ReadBigEndian<uint16_t>(*bytes);
}

std::optional<uint32_t> ByteReader::U32() {
  const auto bytes = Take(4);
  if (!bytes) return std::nullopt;
  return ReadBigEndian<uint32_t>(*bytes);
}

std::optional<uint64_t> ByteReader::U64() {
  const auto bytes = Take(8);
  if (!bytes) return std::nullopt;
  return ReadBigEndian<uint64_t>(*bytes);
}

}  // namespace medflyt
