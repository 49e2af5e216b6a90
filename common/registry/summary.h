// What an extract tells of moves: the move that a current address states, and an overview of a whole extract.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/date.h"
#include "common/registry/extract.h"
#include "common/registry/person.h"

namespace medflyt::registry {

// Why a move must not be acted on before two officers release it.
struct HoldReasons {
  bool name_and_address_protection = false;  // in force on the production date
  bool special_road_code = false;            // road code from 9900 on, or the status that tells of one

  [[nodiscard]] bool any() const { return name_and_address_protection || special_road_code; }
  // NAME_AND_ADDRESS_PROTECTION, SPECIAL_ROAD_CODE, in this order.
  [[nodiscard]] std::vector<std::string_view> Names() const;

  friend bool operator==(const HoldReasons&, const HoldReasons&) = default;
};

struct Move {
  MunicipalityCode from;
  MunicipalityCode to;
  std::optional<Date> effective_date;  // into the present municipality
  bool uncertain = false;              // marked so, or without a date
  HoldReasons holds;

  [[nodiscard]] bool held() const { return holds.any(); }
  friend bool operator==(const Move&, const Move&) = default;
};

[[nodiscard]] HoldReasons HoldReasonsOf(const PersonRecord& person, Date production_date);

// The move that the person's current address states: a municipality left, other than the present one. It may be an
// old one: whether it is news, only a comparison with what is held on the person can tell. Nothing where the address
// states none, or has no present municipality.
[[nodiscard]] std::optional<Move> MoveOf(const PersonRecord& person, Date production_date);

// A list of moves in eight bytes each, because a full municipal load has a move for most of its persons.
class MoveList {
 public:
  void Append(const Move& move);
  [[nodiscard]] size_t size() const { return packed_.size(); }
  [[nodiscard]] Move operator[](size_t index) const;

 private:
  std::deque<uint64_t> packed_;
};

struct ExtractSummary {
  ExtractHeader header;
  uint64_t records = 0;
  uint64_t persons = 0;
  MoveList moves;             // in the extract's order
  uint64_t emigrated = 0;     // status 80
  uint64_t disappeared = 0;   // status 70
  uint64_t dead = 0;          // status 90
  uint64_t renumbered = 0;    // status 60
  uint64_t is_protected = 0;  // persons with name-and-address protection in force on the production date
};

// Reads a whole extract; errors are those of ExtractReader and of the source.
[[nodiscard]] absl::StatusOr<ExtractSummary> Summarise(const ChunkSource& source);

}  // namespace medflyt::registry
