// A value of the output, which is shown as text or as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/date.h"

namespace medflyt::cli {

class Value {
 public:
  struct Field;
  using Array = std::vector<Value>;
  using Object = std::vector<Field>;  // in the order in which it is shown

  Value();  // null: "-" as text
  // Implicit, because a value stands for what it holds wherever output is put together.
  // NOLINTBEGIN(google-explicit-constructor)
  Value(bool value);
  Value(int value);
  Value(unsigned value);
  Value(int64_t value);
  Value(uint64_t value);
  Value(const char* value);
  Value(std::string_view value);
  Value(std::string value);
  Value(Date value);
  Value(Array value);
  Value(Object value);
  template <typename T>
  Value(const std::optional<T>& value) : Value() {
    if (value) *this = Value(*value);
  }
  // NOLINTEND(google-explicit-constructor)
  // In the source file, where Field is complete.
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  // On one line: numbers and text as they are, "yes" and "no", lists with commas, objects as "name value".
  [[nodiscard]] std::string ToText() const;
  // On one line, in UTF-8; bytes that are not are replaced.
  void WriteJson(std::ostream& out) const;
  [[nodiscard]] bool IsNumber() const;
  [[nodiscard]] bool IsNull() const;

 private:
  std::variant<std::monostate, bool, int64_t, uint64_t, std::string, Array, Object> data_;
};

struct Value::Field {
  std::string name;  // in snake_case, as it stands in JSON
  Value value;
};

// A JSON string with its quotes.
void WriteJsonString(std::ostream& out, std::string_view text);

// The name as people see it: "effective_date" becomes "effective date".
[[nodiscard]] std::string LabelOf(std::string_view name);

}  // namespace medflyt::cli
