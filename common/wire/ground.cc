#include "common/wire/ground.h"

#include <string>

#include "common/wire/enums.h"
#include "common/wire/limits.h"

namespace medflyt::wire {

void WriteGround(const event::DisclosureGround& in, v1::DisclosureGround& out) {
  out.set_legal_basis(in.legal_basis);
  out.set_necessity(in.necessity);
  out.set_journal_reference(in.journal_reference);
  for (event::DataCategory category : in.categories) out.add_categories(ToProto(category));
}

event::DisclosureGround ReadGround(FieldReader& r, std::string_view field, const v1::DisclosureGround& message) {
  const auto at = [field](std::string_view name) { return std::string(field).append(".").append(name); };
  r.CheckKnown(field, message);
  event::DisclosureGround ground{
      .legal_basis = r.OptionalText(at("legal_basis"), message.legal_basis(), kMaxCode),
      .necessity = r.OptionalText(at("necessity"), message.necessity(), kMaxNecessity, FieldReader::Lines::kMany),
      .journal_reference = r.OptionalText(at("journal_reference"), message.journal_reference(), kMaxCode),
      .categories = {}};
  for (const int number : message.categories()) {
    const auto category = r.Enum(at("categories"), number, event::DataCategory::kResidence);
    if (!r.ok()) break;
    if (!ground.categories.empty() && category <= ground.categories.back()) {
      r.Fail("FIELD_MALFORMED", at("categories"), "is not ascending with each category once");
    }
    ground.categories.push_back(category);
  }
  return ground;
}

}  // namespace medflyt::wire
