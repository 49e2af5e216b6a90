// The content of an event, of whatever type, as output.
#pragma once

#include "client/cli/value.h"
#include "google/protobuf/message.h"

namespace medflyt::cli {

// The fields of a message by their names; an unset one is left out. Dates, authorities, municipalities, ids and enums
// are shown as everywhere else; CPR numbers are masked, those that an officer wrote into a text too.
[[nodiscard]] Value::Object FieldsOf(const google::protobuf::Message& message);

// Each message of a repeated field.
template <typename Messages>
[[nodiscard]] Value::Array EachOf(const Messages& messages) {
  Value::Array each;
  for (const google::protobuf::Message& message : messages) each.emplace_back(FieldsOf(message));
  return each;
}

}  // namespace medflyt::cli
