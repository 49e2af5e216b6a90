// Writes extracts of invented persons in the civil registry's layout.
#pragma once

#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace medflyt::testing {

class ExtractText {
 public:
  // Dates as yyyyMMdd.
  explicit ExtractText(std::string_view production = "20261121", std::string_view previous = "20261120") {
    lines_.push_back("0000000000000110901" + std::string(production) + std::string(previous));
  }

  // Begins a person; what follows is theirs.
  ExtractText& Person(std::string_view cpr, std::string_view status = "01", std::string_view current_cpr = "") {
    cpr_ = cpr;
    return Record("001", {{14, current_cpr}, {24, status}});
  }
  // Moments as yyyyMMddHHmm.
  ExtractText& Address(std::string_view municipality, std::string_view road, std::string_view into,
                       std::string_view left = "0000", std::string_view uncertain = "") {
    return Record("002", {{14, municipality}, {18, road}, {70, into}, {83, into}, {95, uncertain}, {96, left}});
  }
  // Dates as yyyy-MM-dd.
  ExtractText& Protected(std::string_view type, std::string_view from, std::string_view to = "") {
    return Record("004", {{14, type}, {18, from}, {28, to}});
  }
  // A record of the present person: fields by position from 1.
  ExtractText& Record(std::string_view type, std::initializer_list<std::pair<size_t, std::string_view>> fields) {
    std::string line = std::string(type) + cpr_;
    for (const auto& [position, text] : fields) {
      if (text.empty()) continue;
      if (line.size() < position - 1 + text.size()) line.resize(position - 1 + text.size(), ' ');
      line.replace(position - 1, text.size(), text);
    }
    return Raw(line);
  }
  ExtractText& Raw(std::string_view line) {
    lines_.emplace_back(line);
    return *this;
  }

  // Without the end record, each line ended.
  [[nodiscard]] std::string Open(std::string_view line_end = "\n") const {
    std::string text;
    for (const std::string& line : lines_) text.append(line).append(line_end);
    return text;
  }
  // Whole, with the end record's right count.
  [[nodiscard]] std::string Closed(std::string_view line_end = "\n") const {
    return Open(line_end) + EndLine(lines_.size() - 1) + std::string(line_end);
  }
  [[nodiscard]] static std::string EndLine(size_t count) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%08zu", count);
    return std::string("9999999999999") + digits;
  }

 private:
  std::string cpr_;
  std::vector<std::string> lines_;
};

}  // namespace medflyt::testing
