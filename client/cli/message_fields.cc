#include "client/cli/message_fields.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/call.h"
#include "client/cli/front_end.h"
#include "common/base/bytes.h"
#include "common/directory/identity.h"
#include "common/registry/cpr_number.h"

namespace medflyt::cli {
namespace {

using Field = google::protobuf::FieldDescriptor;

bool IsAuthority(const std::string& name) {
  return name == "issuer" || name == "recipient" || name == "provider" || name == "buyer" || name == "addressee";
}

// What an unsigned number stands for, by the names that event.proto gives.
Value NumberValue(const std::string& name, uint32_t number) {
  if (name.ends_with("_day")) {
    // Day 1 is 1 January of the year 1; the last is that of the year 9999.
    constexpr uint32_t kLastDay = 3'652'059;
    return number == 0 || number > kLastDay ? Value() : Value(Date(1, 1, 1) + (number - 1));
  }
  if (IsAuthority(name)) {
    const auto authority = AuthorityId::FromNumber(number);
    return authority ? Value(authority->ToString()) : Value();
  }
  if (name.ends_with("municipality")) {
    const auto code = MunicipalityCode::FromNumber(number);
    return code ? Value(code->ToString()) : Value();
  }
  return number;
}

Value TextValue(const Field& field, std::string text) {
  if (field.type() == Field::TYPE_BYTES) return HexEncode(text);
  if (field.name() == "cpr" || field.name() == "wrong_cpr") {
    const auto cpr = registry::CprNumber::Parse(text);
    return cpr.ok() ? Value(cpr->Masked()) : Value();
  }
  if (field.name() == "necessity" || field.name() == "purpose") return WithoutCprNumbers(text);
  return text;
}

Value EnumValue(const google::protobuf::EnumValueDescriptor& value) {
  // HOLD_REASON_OFFICER of enum HoldReason, whose zero is HOLD_REASON_UNSPECIFIED.
  const std::string& zero = value.type()->value(0)->name();
  return Shown(value.name(), zero.substr(0, zero.size() - std::string_view("UNSPECIFIED").size()));
}

// `index` where the field is repeated.
Value ValueOf(const google::protobuf::Message& message, const Field& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_MESSAGE:
      return FieldsOf(many ? reflection.GetRepeatedMessage(message, &field, index)
                           : reflection.GetMessage(message, &field));
    case Field::CPPTYPE_ENUM:
      return EnumValue(
          *(many ? reflection.GetRepeatedEnum(message, &field, index) : reflection.GetEnum(message, &field)));
    case Field::CPPTYPE_STRING:
      return TextValue(
          field, many ? reflection.GetRepeatedString(message, &field, index) : reflection.GetString(message, &field));
    case Field::CPPTYPE_BOOL:
      return many ? reflection.GetRepeatedBool(message, &field, index) : reflection.GetBool(message, &field);
    case Field::CPPTYPE_UINT32:
      return NumberValue(field.name(), many ? reflection.GetRepeatedUInt32(message, &field, index)
                                            : reflection.GetUInt32(message, &field));
    case Field::CPPTYPE_INT32:
      return int64_t{many ? reflection.GetRepeatedInt32(message, &field, index) : reflection.GetInt32(message, &field)};
    case Field::CPPTYPE_INT64:
      return int64_t{many ? reflection.GetRepeatedInt64(message, &field, index) : reflection.GetInt64(message, &field)};
    case Field::CPPTYPE_UINT64:
      return uint64_t{many ? reflection.GetRepeatedUInt64(message, &field, index)
                           : reflection.GetUInt64(message, &field)};
    default:
      return {};
  }
}

}  // namespace

Value::Object FieldsOf(const google::protobuf::Message& message) {
  Value::Object fields;
  std::vector<const Field*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const Field* field : set) {
    if (!field->is_repeated()) {
      fields.push_back({field->name(), ValueOf(message, *field, 0)});
      continue;
    }
    Value::Array values;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      values.push_back(ValueOf(message, *field, i));
    }
    fields.push_back({field->name(), std::move(values)});
  }
  return fields;
}

}  // namespace medflyt::cli
