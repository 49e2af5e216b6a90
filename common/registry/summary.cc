#include "common/registry/summary.h"

#include "common/base/status.h"

namespace medflyt::registry {
namespace {

// One move in 64 bits, from the lowest: from 14, to 14, days since 1799-12-31 with 0 for none 22, flags 3.
constexpr unsigned kCodeBits = 14;
constexpr unsigned kDateBits = 22;
constexpr uint64_t kCodeMask = (1U << kCodeBits) - 1;
constexpr uint64_t kDateMask = (1U << kDateBits) - 1;
constexpr unsigned kToShift = kCodeBits;
constexpr unsigned kDateShift = 2 * kCodeBits;
constexpr unsigned kFlagShift = kDateShift + kDateBits;
constexpr uint64_t kUncertain = 1;
constexpr uint64_t kProtected = 2;
constexpr uint64_t kSpecialRoad = 4;

Date DayZero() { return Date(1799, 12, 31); }

class SummaryVisitor final : public ExtractVisitor {
 public:
  explicit SummaryVisitor(ExtractSummary& summary) : summary_(summary) {}

  absl::Status OnStart(const ExtractHeader& header) override {
    summary_.header = header;
    return absl::OkStatus();
  }

  absl::Status OnPerson(const PersonRecord& person) override {
    switch (person.status) {
      case PersonStatus::kEmigrated:
        ++summary_.emigrated;
        break;
      case PersonStatus::kDisappeared:
        ++summary_.disappeared;
        break;
      case PersonStatus::kDead:
        ++summary_.dead;
        break;
      case PersonStatus::kRenumbered:
        ++summary_.renumbered;
        break;
      default:
        break;
    }
    const Date production_date = summary_.header.production_date;
    if (person.NameAndAddressProtectedOn(production_date)) ++summary_.is_protected;
    if (const auto move = MoveOf(person, production_date)) summary_.moves.Append(*move);
    return absl::OkStatus();
  }

 private:
  ExtractSummary& summary_;
};

}  // namespace

std::vector<std::string_view> HoldReasons::Names() const {
  std::vector<std::string_view> names;
  if (name_and_address_protection) names.emplace_back("NAME_AND_ADDRESS_PROTECTION");
  if (special_road_code) names.emplace_back("SPECIAL_ROAD_CODE");
  return names;
}

HoldReasons HoldReasonsOf(const PersonRecord& person, Date production_date) {
  return {.name_and_address_protection = person.NameAndAddressProtectedOn(production_date),
          .special_road_code = person.status == PersonStatus::kResidentSpecialRoad ||
                               (person.address && person.address->road >= kFirstSpecialRoad)};
}

std::optional<Move> MoveOf(const PersonRecord& person, Date production_date) {
  if (!person.address) return std::nullopt;
  const CurrentAddress& address = *person.address;
  if (address.left_municipality.is_zero() || address.municipality.is_zero() ||
      address.left_municipality == address.municipality) {
    return std::nullopt;
  }
  const StatedDate& into = address.into_municipality;
  return Move{.from = address.left_municipality,
              .to = address.municipality,
              .effective_date = into.date,
              .uncertain = into.uncertain || !into.date,
              .holds = HoldReasonsOf(person, production_date)};
}

void MoveList::Append(const Move& move) {
  const uint64_t days = move.effective_date ? static_cast<uint64_t>(*move.effective_date - DayZero()) : 0;
  const uint64_t flags = (move.uncertain ? kUncertain : 0) | (move.holds.name_and_address_protection ? kProtected : 0) |
                         (move.holds.special_road_code ? kSpecialRoad : 0);
  packed_.push_back(uint64_t{move.from.number()} | uint64_t{move.to.number()} << kToShift | days << kDateShift |
                    flags << kFlagShift);
}

Move MoveList::operator[](size_t index) const {
  const uint64_t packed = packed_[index];
  const uint64_t days = packed >> kDateShift & kDateMask;
  const uint64_t flags = packed >> kFlagShift;
  Move move;
  move.from = *MunicipalityCode::FromNumber(static_cast<uint32_t>(packed & kCodeMask));
  move.to = *MunicipalityCode::FromNumber(static_cast<uint32_t>(packed >> kToShift & kCodeMask));
  if (days != 0) move.effective_date = DayZero() + static_cast<int64_t>(days);
  move.uncertain = (flags & kUncertain) != 0;
  move.holds = {.name_and_address_protection = (flags & kProtected) != 0,
                .special_road_code = (flags & kSpecialRoad) != 0};
  return move;
}

absl::StatusOr<ExtractSummary> Summarise(const ChunkSource& source) {
  ExtractSummary summary;
  SummaryVisitor visitor(summary);
  MEDFLYT_ASSIGN_OR_RETURN(const ExtractCounts counts, ReadExtract(source, visitor));
  summary.records = counts.records;
  summary.persons = counts.persons;
  return summary;
}

}  // namespace medflyt::registry
