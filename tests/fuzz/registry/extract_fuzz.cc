// An extract of any bytes is read or refused with a rule, the same in one piece and in small ones.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/base/status.h"
#include "common/registry/summary.h"

namespace {

absl::StatusOr<medflyt::registry::ExtractSummary> Read(std::string_view text, size_t chunk_size) {
  return medflyt::registry::Summarise([text, chunk_size]() mutable -> absl::StatusOr<std::string_view> {
    const std::string_view chunk = text.substr(0, chunk_size);
    text.remove_prefix(chunk.size());
    return chunk;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto at_once = Read(text, text.size());
  const auto in_pieces = Read(text, size_t{1} + data[size - 1] % 64);
  if (at_once.status() != in_pieces.status()) std::abort();
  if (!at_once.ok()) {
    if (!medflyt::BrokenRuleOf(at_once.status())) std::abort();
    return 0;
  }
  if (at_once->moves.size() != in_pieces->moves.size() || at_once->moves.size() > at_once->persons ||
      at_once->persons > at_once->records) {
    std::abort();
  }
  for (size_t i = 0; i < at_once->moves.size(); ++i) {
    if (at_once->moves[i] != in_pieces->moves[i] || at_once->moves[i].from == at_once->moves[i].to) std::abort();
  }
  return 0;
}
