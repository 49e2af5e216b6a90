// One list as the user asked for it: a table, JSON, or CSV (RFC 4180) for a spreadsheet.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/output.h"
#include "client/cli/value.h"

namespace medflyt::cli {

[[nodiscard]] Option CsvOption();  // --csv

// Rows are written as they come. Not thread-safe.
class ListOutput {
 public:
  // The form is --csv's of `arguments`, or that of every command; a usage error for --csv with --json.
  [[nodiscard]] static absl::StatusOr<ListOutput> Create(const Context& context, const Arguments& arguments,
                                                         std::string_view name,
                                                         const std::vector<std::string>& columns);

  void Row(const std::vector<Value>& values);
  // DATA_LOSS when the output could not be written.
  [[nodiscard]] absl::Status End();

 private:
  explicit ListOutput(std::ostream& out) : out_(&out) {}

  std::ostream* out_;
  std::unique_ptr<Document> document_;  // none: CSV
};

}  // namespace medflyt::cli
