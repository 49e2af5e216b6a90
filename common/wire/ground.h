// The ground of a disclosure, which stands in events, in commands and around requests. For the sources of this library.
#pragma once

#include <string_view>

#include "common/event/bodies.h"
#include "common/wire/reading.h"
#include "medflyt/v1/event.pb.h"

namespace medflyt::wire {

void WriteGround(const event::DisclosureGround& in, v1::DisclosureGround& out);

// Each text may be empty: which are needed the domain says. `field` is put in front of field names.
[[nodiscard]] event::DisclosureGround ReadGround(FieldReader& r, std::string_view field,
                                                 const v1::DisclosureGround& message);

}  // namespace medflyt::wire
