// What an extract holds of one person: the fields that matter to a move, and no others (no names, no street).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/date.h"
#include "common/directory/identity.h"
#include "common/registry/cpr_number.h"

namespace medflyt::registry {

// Road codes from here on stand for no road: homeless, secret or sheltered addresses.
inline constexpr uint16_t kFirstSpecialRoad = 9900;

enum class PersonStatus : uint8_t {
  kResident = 1,
  kResidentSpecialRoad = 3,
  kGreenland = 5,
  kGreenlandSpecialRoad = 7,
  kNeverResident = 20,
  kAnnulledNumber = 30,
  kDeletedNumber = 50,
  kRenumbered = 60,
  kDisappeared = 70,
  kEmigrated = 80,
  kDead = 90,
};

// A date as the registry states it: without a value where it is all zeros, blank, or uncertain and incomplete (the
// year or the month alone). `uncertain` is the mark that follows the field.
struct StatedDate {
  std::optional<Date> date;
  bool uncertain = false;

  friend bool operator==(const StatedDate&, const StatedDate&) = default;
};

struct CurrentAddress {           // record 002
  MunicipalityCode municipality;  // codes merged away in 2007 occur in old data
  uint16_t road = 0;
  StatedDate moved_in;
  StatedDate into_municipality;
  MunicipalityCode left_municipality;
  StatedDate left_at;
};

inline constexpr uint16_t kNameAndAddressProtection = 1;

struct Protection {  // record 004
  uint16_t type = 0;
  std::optional<Date> from;  // none: since ever
  std::optional<Date> to;    // none: until further notice

  // from <= day < to
  [[nodiscard]] bool InForceOn(Date day) const { return (!from || *from <= day) && (!to || day < *to); }
};

struct Abroad {  // record 005
  uint16_t country = 0;
  StatedDate left;
};

struct NumberChange {  // record 022: the person was known by another number before
  CprNumber former;
  StatedDate from;
  StatedDate to;
};

enum class CorrectionMark : uint8_t { kNone, kAnnulled, kCorrected, kOther };

struct HistoricAddress {  // record 023
  CorrectionMark mark = CorrectionMark::kNone;
  MunicipalityCode municipality;
  StatedDate moved_in;
  StatedDate moved_out;
};

struct RegistryEvent {  // record 099
  std::array<char, 3> code{};
  std::array<char, 2> derived{};
  StatedDate time;

  [[nodiscard]] std::string_view code_view() const { return {code.data(), code.size()}; }
};

// All that one extract says of one person; it replaces all that was held. One object is cleared and used again for
// the next person, so a visitor that keeps anything copies it.
struct PersonRecord {
  explicit PersonRecord(const CprNumber& number) : cpr(number) {}

  // Begins another person, keeping the memory of the lists.
  void Restart(const CprNumber& number);

  // Name-and-address protection, the only kind that holds a move.
  [[nodiscard]] bool NameAndAddressProtectedOn(Date day) const;

  CprNumber cpr;
  std::optional<CprNumber> current_cpr;  // the number in use now, where this one was changed
  PersonStatus status = PersonStatus::kResident;
  std::optional<CurrentAddress> address;
  std::vector<Protection> protections;
  std::optional<Abroad> abroad;
  std::optional<StatedDate> disappeared;
  std::vector<NumberChange> number_changes;
  std::vector<HistoricAddress> historic_addresses;
  std::vector<RegistryEvent> events;
};

}  // namespace medflyt::registry
