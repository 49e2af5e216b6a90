// The content of an event, of whatever type, as output.
#pragma once

#include "client/cli/value.h"
#include "google/protobuf/message.h"

namespace medflyt::cli {

// The fields of a message by their names; an unset one is left out. Dates, authorities, municipalities, ids and enums
// are shown as everywhere else; CPR numbers are masked, those that an officer wrote into a text too.
[[nodiscard]] Value::Object FieldsOf(const google::protobuf::Message& message);

}  // namespace medflyt::cli
