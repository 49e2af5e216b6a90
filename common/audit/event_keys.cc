#include "common/audit/event_keys.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::audit {
namespace {

constexpr std::string_view kErased = "erased";
constexpr size_t kIdDigits = 2 * EventId::kSize;

absl::StatusOr<std::optional<crypto::Key>> ParseKey(std::string_view text, const absl::Status& malformed) {
  if (text == kErased) return std::optional<crypto::Key>();
  auto bytes = HexDecode(text);
  if (!bytes.ok() || HexEncode(*bytes) != text) return malformed;
  auto key = crypto::Key::FromBytes(*bytes);
  crypto::Wipe(*bytes);
  if (!key) return malformed;
  return std::optional<crypto::Key>(*std::move(key));
}

}  // namespace

std::string FormatEventKeys(const EventKeys& keys) {
  std::vector<EventId> ids;
  ids.reserve(keys.size());
  for (const auto& [id, key] : keys) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  std::string text;
  text.reserve(ids.size() * (kIdDigits + 2 * crypto::Key::kSize + 2));  // no copy is left behind by growing
  for (const EventId& id : ids) {
    text.append(id.ToHex()).push_back(' ');
    const std::optional<crypto::Key>& key = keys.at(id);
    if (key) {
      std::string digits = HexEncode(key->ExposeView());
      text += digits;
      crypto::Wipe(digits);
    } else {
      text += kErased;
    }
    text.push_back('\n');
  }
  return text;
}

absl::StatusOr<EventKeys> ParseEventKeys(std::string_view text) {
  EventKeys keys;
  EventId last;
  for (size_t number = 1; !text.empty(); ++number) {
    const absl::Status malformed = RuleError(absl::StatusCode::kInvalidArgument, "EVENT_KEYS_MALFORMED",
                                             "line " + std::to_string(number), "is no event with its key");
    const auto line = tlog::TakeLine(text);
    if (!line || line->size() <= kIdDigits || (*line)[kIdDigits] != ' ') return malformed;
    const auto id = EventId::FromHex(line->substr(0, kIdDigits));
    if (!id || id->ToHex() != line->substr(0, kIdDigits) || (number > 1 && *id <= last)) return malformed;
    MEDFLYT_ASSIGN_OR_RETURN(auto key, ParseKey(line->substr(kIdDigits + 1), malformed));
    keys.emplace(*id, std::move(key));
    last = *id;
  }
  return keys;
}

}  // namespace medflyt::audit
