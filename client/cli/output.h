// What a command prints on standard output: one document of fields and lists, as text or as one JSON object.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/terminal.h"
#include "client/cli/value.h"

namespace medflyt::cli {

// Written as it is put together, so that long lists need no memory of their size. As text, fields are lines of
// "label  value" and a list is a table with a heading; as JSON, both are members of the object. Not thread-safe.
class Document {
 public:
  Document(std::ostream& out, const Terminal& terminal, bool json) : out_(out), terminal_(terminal), json_(json) {}
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  void Field(std::string_view name, const Value& value);

  // Begins a list whose rows have these columns, in this order; ended by the next field, list or End. Without rows it
  // is "name: none" as text, and an empty list as JSON.
  void List(std::string_view name, const std::vector<std::string>& columns);
  // As many values as columns. Fields that are not for the table can be given by `json_only`.
  void Row(const std::vector<Value>& values, const Value::Object& json_only = {});

  // Ends the document. DATA_LOSS when the output could not be written.
  [[nodiscard]] absl::Status End();

 private:
  void FlushFields();
  void FlushRows();
  void EndList();
  void Member(std::string_view name);
  void FitWidths();

  std::ostream& out_;
  const Terminal terminal_;
  const bool json_;
  bool first_member_ = true;
  bool printed_ = false;  // text: something stands above
  std::vector<std::pair<std::string, std::string>> fields_;

  bool in_list_ = false;
  bool first_row_ = true;
  std::string list_name_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;  // text: not printed yet
  std::vector<size_t> widths_;
  std::vector<bool> numeric_;
  bool heading_printed_ = false;
};

}  // namespace medflyt::cli
