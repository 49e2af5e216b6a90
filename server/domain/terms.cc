#include "server/domain/terms.h"

#include <string>

#include "server/domain/deciding.h"

namespace medflyt::domain {
absl::Status CheckText(std::string_view value, std::string_view field, size_t longest) {
  if (value.empty()) return Invalid("FIELD_REQUIRED", field, std::string(field) + " is missing");
  if (value.size() > longest) {
    return Invalid(
        "FIELD_TOO_LONG", field,
        std::string(field) + " has " + std::to_string(value.size()) + " bytes; the most is " + std::to_string(longest));
  }
  return absl::OkStatus();
}

absl::Status CheckTerms(const event::AgreementTerms& terms) {
  if (terms.capacity < 1 || terms.capacity > kMaxCapacity) {
    return Invalid("CAPACITY_OUT_OF_RANGE", "terms.capacity", "capacity must be 1 to 10000 places");
  }
  if (terms.price_ore < 0) return Invalid("PRICE_NEGATIVE", "terms.price_ore", "the price must not be negative");
  if (terms.valid_from > terms.valid_to) {
    return Invalid("VALIDITY_REVERSED", "terms.valid_to", "the last day is before the first day");
  }
  if (terms.notice_days > kMaxNoticeDays) {
    return Invalid("NOTICE_OUT_OF_RANGE", "terms.notice_days", "notice must be at most 3660 days");
  }
  if (terms.settlement_months < 1 || terms.settlement_months > 12) {
    return Invalid("SETTLEMENT_OUT_OF_RANGE", "terms.settlement_months", "a settlement period is 1 to 12 months");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckText(terms.legal_basis, "terms.legal_basis", kMaxKeyLength));
  return CheckText(terms.council_case, "terms.council_case", kMaxKeyLength);
}

}  // namespace medflyt::domain
