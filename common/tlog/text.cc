#include "common/tlog/text.h"

#include <charconv>

#include "common/base/bytes.h"

namespace medflyt::tlog {
namespace {

// The next code point of `text` from `position`, which is moved behind it; nothing where the bytes are no UTF-8.
std::optional<uint32_t> NextCodePoint(std::string_view text, size_t& position) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[i])); };
  const uint32_t lead = byte(position);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  size_t length = 0;
  uint32_t least = 0;  // what needs this length: less would be an overlong form
  uint32_t code = 0;
  if ((lead & 0xe0) == 0xc0) {
    length = 2, least = 0x80, code = lead & 0x1f;
  } else if ((lead & 0xf0) == 0xe0) {
    length = 3, least = 0x800, code = lead & 0x0f;
  } else if ((lead & 0xf8) == 0xf0) {
    length = 4, least = 0x10000, code = lead & 0x07;
  } else {
    return std::nullopt;
  }
  if (text.size() - position < length) return std::nullopt;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(position + i) & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (byte(position + i) & 0x3f);
  }
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return std::nullopt;
  position += length;
  return code;
}

// The Unicode property White_Space, less what IsCleanText refuses anyway.
bool IsWhiteSpace(uint32_t code) {
  return code == 0x20 || code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

}  // namespace

bool IsCleanText(std::string_view text, bool allow_newline) {
  for (size_t position = 0; position < text.size();) {
    const auto code = NextCodePoint(text, position);
    if (!code) return false;
    if (*code < 0x20 && !(allow_newline && *code == '\n')) return false;
  }
  return true;
}

bool IsKeyName(std::string_view name) {
  if (name.empty() || !IsCleanText(name, false)) return false;
  for (size_t position = 0; position < name.size();) {
    const auto code = NextCodePoint(name, position);
    if (!code || *code == '+' || IsWhiteSpace(*code)) return false;
  }
  return true;
}

std::optional<uint64_t> ParseDecimal(std::string_view text, uint64_t max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value > max) return std::nullopt;
  return value;
}

std::optional<crypto::Hash> ParseBase64Hash(std::string_view text) {
  const auto bytes = Base64Decode(text);
  if (!bytes.ok()) return std::nullopt;
  return crypto::Hash::FromBytes(*bytes);
}

std::optional<std::string_view> TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace medflyt::tlog
