#include "client/cli/list_output.h"

#include "client/cli/exit_code.h"

namespace medflyt::cli {
namespace {

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

template <typename Fields, typename TextOf>
void WriteCsvLine(std::ostream& out, const Fields& fields, const TextOf& text_of) {
  std::string_view separator;
  for (const auto& field : fields) {
    out << separator << CsvField(text_of(field));
    separator = ",";
  }
  out << "\r\n";
}

}  // namespace

Option CsvOption() {
  return {.name = "--csv", .value_name = "", .help = "as CSV (RFC 4180)", .kind = ValueKind::kFlag};
}

absl::StatusOr<ListOutput> ListOutput::Create(const Context& context, const Arguments& arguments, std::string_view name,
                                              const std::vector<std::string>& columns) {
  const bool csv = arguments.Has("--csv");
  if (csv && context.json()) return UsageError("--csv or --json, not both");
  ListOutput output(context.out());
  if (csv) {
    WriteCsvLine(context.out(), columns, [](const std::string& column) { return column; });
  } else {
    output.document_ = std::make_unique<Document>(context.out(), context.environment().out_terminal, context.json());
    output.document_->List(name, columns);
  }
  return output;
}

void ListOutput::Row(const std::vector<Value>& values) {
  if (document_ != nullptr) return document_->Row(values);
  WriteCsvLine(*out_, values, [](const Value& value) { return value.IsNull() ? std::string() : value.ToText(); });
}

absl::Status ListOutput::End() {
  if (document_ != nullptr) return document_->End();
  *out_ << std::flush;
  return out_->good() ? absl::OkStatus() : absl::DataLossError("standard output could not be written");
}

}  // namespace medflyt::cli
