// The text rules that the C2SP formats share: strict, so that what parses has one form only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/crypto/hash.h"

namespace medflyt::tlog {

// Valid UTF-8 (RFC 3629: shortest form, no surrogates) without characters below U+0020 except newline where allowed.
[[nodiscard]] bool IsCleanText(std::string_view text, bool allow_newline);

// A key name of signed-note: not empty, clean text, no Unicode white space, no '+'.
[[nodiscard]] bool IsKeyName(std::string_view name);

// ASCII decimal without sign and leading zeros, at most `max`; else nothing.
[[nodiscard]] std::optional<uint64_t> ParseDecimal(std::string_view text, uint64_t max);

// A SHA-256 hash in canonical base64; else nothing.
[[nodiscard]] std::optional<crypto::Hash> ParseBase64Hash(std::string_view text);

// Removes the first line from `text` and returns it without its newline; nothing when `text` holds no newline.
[[nodiscard]] std::optional<std::string_view> TakeLine(std::string_view& text);

}  // namespace medflyt::tlog
