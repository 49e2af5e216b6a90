#include "client/cli/output.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace medflyt::cli {
namespace {

constexpr std::string_view kGap = "  ";
constexpr size_t kNarrowest = 8;      // a column is not cut below this
constexpr size_t kRowsAtOnce = 1000;  // widths are those of the first rows; the rest is printed as it comes

std::string Padded(std::string_view text, size_t width, bool right) {
  const size_t own = DisplayWidth(text);
  const std::string blanks(own < width ? width - own : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string Heading(std::string_view name) {
  std::string heading = LabelOf(name);
  for (char& c : heading) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return heading;
}

}  // namespace

void Document::Member(std::string_view name) {
  out_ << (first_member_ ? '{' : ',');
  first_member_ = false;
  WriteJsonString(out_, name);
  out_ << ':';
}

void Document::Field(std::string_view name, const Value& value) {
  EndList();
  if (json_) {
    Member(name);
    value.WriteJson(out_);
  } else {
    fields_.emplace_back(LabelOf(name), value.ToText());
  }
}

void Document::List(std::string_view name, const std::vector<std::string>& columns) {
  EndList();
  FlushFields();
  list_name_ = std::string(name);
  columns_ = columns;
  in_list_ = true;
  first_row_ = true;
  heading_printed_ = false;
  if (json_) {
    Member(name);
    out_ << '[';
  }
}

void Document::Row(const std::vector<Value>& values, const Value::Object& json_only) {
  if (json_) {
    Value::Object object;
    object.reserve(columns_.size() + json_only.size());
    for (size_t i = 0; i < columns_.size(); ++i) object.push_back({columns_[i], values[i]});
    object.insert(object.end(), json_only.begin(), json_only.end());
    if (!first_row_) out_ << ',';
    Value(std::move(object)).WriteJson(out_);
  } else {
    if (first_row_) numeric_.assign(columns_.size(), true);
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      texts.push_back(values[i].ToText());
      if (!values[i].IsNumber()) numeric_[i] = false;
    }
    rows_.push_back(std::move(texts));
    if (rows_.size() == kRowsAtOnce) FlushRows();
  }
  first_row_ = false;
}

void Document::FlushFields() {
  size_t width = 0;
  for (const auto& [label, text] : fields_) width = std::max(width, DisplayWidth(label));
  for (const auto& [label, text] : fields_) {
    out_ << Styled(terminal_, Style::kHeading, Padded(label, width, false)) << kGap << text << '\n';
    printed_ = true;
  }
  fields_.clear();
}

void Document::FitWidths() {
  widths_.clear();
  for (const std::string& column : columns_) widths_.push_back(DisplayWidth(Heading(column)));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], DisplayWidth(row[i]));
  }
  if (!terminal_.is_terminal) return;
  const auto available = static_cast<size_t>(std::max(terminal_.columns, 1));
  const size_t gaps = kGap.size() * (widths_.size() - 1);
  while (std::accumulate(widths_.begin(), widths_.end(), gaps) > available) {
    const auto widest = std::max_element(widths_.begin(), widths_.end());
    if (*widest <= kNarrowest) break;
    --*widest;
  }
}

void Document::FlushRows() {
  if (rows_.empty() || columns_.empty()) return;
  const auto print = [this](const std::vector<std::string>& cells, bool heading) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string cell = terminal_.is_terminal ? CutToWidth(cells[i], widths_[i]) : cells[i];
      const bool last = i + 1 == cells.size();
      if (i > 0) line += kGap;
      line += last && !numeric_[i] ? cell : Padded(cell, widths_[i], numeric_[i]);
    }
    out_ << (heading ? Styled(terminal_, Style::kHeading, line) : line) << '\n';
  };
  if (!heading_printed_) {
    FitWidths();
    if (printed_) out_ << '\n';
    std::vector<std::string> headings;
    for (const std::string& column : columns_) headings.push_back(Heading(column));
    print(headings, true);
    heading_printed_ = true;
    printed_ = true;
  }
  for (const auto& row : rows_) print(row, false);
  rows_.clear();
}

void Document::EndList() {
  if (!in_list_) return;
  if (json_) {
    out_ << ']';
  } else {
    FlushRows();
    if (first_row_) {
      if (printed_) out_ << '\n';
      out_ << LabelOf(list_name_) << ": none\n";
      printed_ = true;
    }
  }
  in_list_ = false;
}

absl::Status Document::End() {
  EndList();
  if (json_) {
    out_ << (first_member_ ? "{}" : "}") << '\n';
  } else {
    FlushFields();
  }
  out_.flush();
  return out_.good() ? absl::OkStatus() : absl::DataLossError("standard output could not be written");
}

}  // namespace medflyt::cli
