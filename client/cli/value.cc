#include "client/cli/value.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace medflyt::cli {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

Value::Value() = default;
Value::Value(bool value) : data_(value) {}
Value::Value(int value) : data_(int64_t{value}) {}
Value::Value(unsigned value) : data_(uint64_t{value}) {}
Value::Value(int64_t value) : data_(value) {}
Value::Value(uint64_t value) : data_(value) {}
Value::Value(const char* value) : data_(std::string(value)) {}
Value::Value(std::string_view value) : data_(std::string(value)) {}
Value::Value(std::string value) : data_(std::move(value)) {}
Value::Value(Date value) : data_(FormatIsoDate(value)) {}
Value::Value(Array value) : data_(std::move(value)) {}
Value::Value(Object value) : data_(std::move(value)) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

std::string LabelOf(std::string_view name) {
  std::string label(name);
  std::replace(label.begin(), label.end(), '_', ' ');
  return label;
}

std::string Value::ToText() const {
  const auto joined = [](const auto& items, const auto& text_of) {
    std::string text;
    for (const auto& item : items) {
      if (!text.empty()) text += ", ";
      text += text_of(item);
    }
    return text.empty() ? std::string("-") : text;
  };
  return std::visit(
      Overloaded{
          [](std::monostate) { return std::string("-"); }, [](bool value) { return std::string(value ? "yes" : "no"); },
          [](int64_t value) { return std::to_string(value); }, [](uint64_t value) { return std::to_string(value); },
          [](const std::string& value) {
            std::string text = value.empty() ? std::string("-") : value;
            // What a peer or a file says must not reach the terminal as a control sequence.
            for (char& c : text) {
              if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
            }
            return text;
          },
          [&joined](const Array& value) { return joined(value, [](const Value& item) { return item.ToText(); }); },
          [&joined](const Object& value) {
            return joined(value, [](const Field& field) { return LabelOf(field.name) + " " + field.value.ToText(); });
          }},
      data_);
}

void Value::WriteJson(std::ostream& out) const {
  std::visit(
      Overloaded{[&out](std::monostate) { out << "null"; }, [&out](bool value) { out << (value ? "true" : "false"); },
                 [&out](int64_t value) { out << value; }, [&out](uint64_t value) { out << value; },
                 [&out](const std::string& value) { WriteJsonString(out, value); },
                 [&out](const Array& value) {
                   out << '[';
                   for (size_t i = 0; i < value.size(); ++i) {
                     if (i > 0) out << ',';
                     value[i].WriteJson(out);
                   }
                   out << ']';
                 },
                 [&out](const Object& value) {
                   out << '{';
                   for (size_t i = 0; i < value.size(); ++i) {
                     if (i > 0) out << ',';
                     WriteJsonString(out, value[i].name);
                     out << ':';
                     value[i].value.WriteJson(out);
                   }
                   out << '}';
                 }},
      data_);
}

bool Value::IsNull() const { return std::holds_alternative<std::monostate>(data_); }

bool Value::IsNumber() const {
  return std::holds_alternative<int64_t>(data_) || std::holds_alternative<uint64_t>(data_);
}

void WriteJsonString(std::ostream& out, std::string_view text) {
  // Nearly all: long lists would otherwise spend their time on making a JSON value of each string.
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (plain) {
    out << '"' << text << '"';
    return;
  }
  out << nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace medflyt::cli
