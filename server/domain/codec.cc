#include "server/domain/codec.h"

namespace medflyt::domain::codec {

void Writer::Varint(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

Reader::Reader(std::string_view bytes) : rest_(bytes) { Require(Byte() == kVersion); }

uint8_t Reader::Byte() {
  const std::string_view byte = Bytes(1);
  return byte.empty() ? uint8_t{0} : static_cast<uint8_t>(byte.front());
}

std::string_view Reader::Bytes(uint64_t count) {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view bytes = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return bytes;
}

uint64_t Reader::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = Byte();
    if (!ok_) return 0;
    const uint64_t bits = byte & 0x7FU;
    if (shift == 63 && bits > 1) break;  // does not fit
    value |= bits << shift;
    if ((byte & 0x80U) == 0) {
      if (byte == 0 && shift > 0) break;  // not the shortest form
      return value;
    }
  }
  ok_ = false;
  return 0;
}

void Reader::Get(Date& value) {
  int64_t days = 0;
  Get(days);
  const auto date = DateOfEpochDays(days);
  Require(date.has_value());
  if (ok_) value = *date;
}

void Reader::Get(registry::CprNumber& value) {
  const absl::StatusOr<registry::CprNumber> read = registry::CprNumber::Parse(Bytes(registry::CprNumber::kDigits));
  if (read.ok()) {
    value = *read;
  } else {
    ok_ = false;
  }
}

registry::CprNumber Reader::AnyNumber() { return *registry::CprNumber::Parse("0101000000"); }

}  // namespace medflyt::domain::codec
