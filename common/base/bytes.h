// Byte strings. Bytes are std::string and std::string_view throughout: so Protobuf, RocksDB, gRPC and our own code
// share them without a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace medflyt {

// Lower-case hexadecimal.
[[nodiscard]] std::string HexEncode(std::string_view bytes);
// Accepts either case; an odd length or another character is INVALID_ARGUMENT.
[[nodiscard]] absl::StatusOr<std::string> HexDecode(std::string_view hex);

// RFC 4648 section 4, with padding.
[[nodiscard]] std::string Base64Encode(std::string_view bytes);
// Strict: canonical padding and no other characters, else INVALID_ARGUMENT.
[[nodiscard]] absl::StatusOr<std::string> Base64Decode(std::string_view text);

void AppendU16(std::string& out, uint16_t value);  // big-endian
void AppendU32(std::string& out, uint32_t value);  // big-endian
void AppendU64(std::string& out, uint64_t value);  // big-endian

// Reads integers and runs of bytes from the front of a view; every read is bounds-checked. A failed read consumes
// nothing.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] std::optional<uint8_t> U8();
  [[nodiscard]] std::optional<uint16_t> U16();  // big-endian
  [[nodiscard]] std::optional<uint32_t> U32();  // big-endian
  [[nodiscard]] std::optional<uint64_t> U64();  // big-endian
  [[nodiscard]] std::optional<std::string_view> Take(size_t count);
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace medflyt
