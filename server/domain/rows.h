// The rows in which a node's state is persisted. The bytes are this folder's own (codec.h); equal rows have equal
// bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/id.h"

namespace medflyt::domain {

// Stands in stored keys: append only.
enum class RowKind : uint8_t {
  kNode = 1,  // one row, with the zero id: counters and the last import
  kAgreement = 2,
  kEnrolment = 3,
  kRelocation = 4,
  kTransfer = 5,
  kExtract = 6,  // an imported extract; the id is the first 16 bytes of its digest
  kErasure = 7,
  kErasureNotice = 8,
  kGround = 9,
  kDisputes = 10,
};

// Rows of kinds kEnrolment, kRelocation, kTransfer, kGround and kDisputes hold personal data and are sealed under the
// local data key of the case `id`; the others hold none and are sealed under the node's own (zero case).
struct RowKey {
  RowKind kind = RowKind::kNode;
  CaseId id;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
};

struct RowChange {
  RowKey key;
  std::optional<std::string> value;  // none: the row is deleted
  friend bool operator==(const RowChange&, const RowChange&) = default;
};

}  // namespace medflyt::domain
