#include "common/registry/person.h"

#include <algorithm>

namespace medflyt::registry {

void PersonRecord::Restart(const CprNumber& number) {
  cpr = number;
  current_cpr.reset();
  status = PersonStatus::kResident;
  address.reset();
  protections.clear();
  abroad.reset();
  disappeared.reset();
  number_changes.clear();
  historic_addresses.clear();
  events.clear();
}

bool PersonRecord::NameAndAddressProtectedOn(Date day) const {
  return std::any_of(protections.begin(), protections.end(), [day](const Protection& protection) {
    return protection.type == kNameAndAddressProtection && protection.InForceOn(day);
  });
}

}  // namespace medflyt::registry
