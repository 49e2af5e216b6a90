#include "client/cli/call.h"

#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "client/cli/exit_code.h"
#include "client/cli/input.h"

namespace medflyt::cli {
namespace {

constexpr size_t kMaxNecessityFile = 8192;  // the node says what is too long for it

}  // namespace

Option RequestIdOption() {
  return {.name = "--request-id",
          .value_name = "ID",
          .help = "repeat the command of that id, whose answer was lost; by default a fresh one"};
}

std::vector<Option> GroundOptions() {
  return {{.name = "--legal-basis", .value_name = "KEY", .help = "key of the table of legal bases"},
          {.name = "--necessity-file",
           .value_name = "FILE",
           .help = "text file that says why it is necessary; it never leaves the node",
           .kind = ValueKind::kFile},
          {.name = "--journal", .value_name = "REFERENCE", .help = "where the decision stands in the journal"},
          {.name = "--data",
           .value_name = "CATEGORY",
           .help = "what kind of data is told; may be repeated",
           .repeated = true,
           .choices = {"identity", "service", "residence"}}};
}

std::vector<Option> WithGround(std::vector<Option> options) {
  std::vector<Option> ground = GroundOptions();
  std::move(ground.begin(), ground.end(), std::back_inserter(options));
  options.push_back(RequestIdOption());
  return options;
}

absl::StatusOr<std::optional<v1::DisclosureGround>> GroundOf(Context& context, const Arguments& arguments) {
  v1::DisclosureGround ground;
  if (const auto path = arguments.Find("--necessity-file")) {
    if (*path == "-") return UsageError("--necessity-file names a file: a number is read from standard input");
    MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, *path));
    MEDFLYT_ASSIGN_OR_RETURN(std::string necessity, file->ReadAll(kMaxNecessityFile));
    absl::StripTrailingAsciiWhitespace(&necessity);
    ground.set_necessity(std::move(necessity));
  }
  ground.set_legal_basis(arguments.Text("--legal-basis"));
  ground.set_journal_reference(arguments.Text("--journal"));
  std::set<int> categories;
  for (const std::string& name : arguments.All("--data")) {
    v1::DataCategory category = v1::DATA_CATEGORY_UNSPECIFIED;
    v1::DataCategory_Parse(EnumName("DATA_CATEGORY_", name), &category);
    categories.insert(category);
  }
  for (const int category : categories) ground.add_categories(static_cast<v1::DataCategory>(category));
  if (ground.ByteSizeLong() == 0) return std::optional<v1::DisclosureGround>();
  return std::optional(std::move(ground));
}

std::string Shown(std::string_view enum_name, std::string_view prefix) {
  if (!enum_name.starts_with(prefix)) return "";
  std::string text(enum_name.substr(prefix.size()));
  if (text == "UNSPECIFIED") return "";
  absl::AsciiStrToLower(&text);
  for (char& c : text) c = c == '_' ? '-' : c;
  return text;
}

std::string EnumName(std::string_view prefix, std::string_view text) {
  std::string name(text);
  absl::AsciiStrToUpper(&name);
  for (char& c : name) c = c == '-' ? '_' : c;
  return std::string(prefix).append(name);
}

v1::RequestContext ContextFor(sdk::Client& client, const Arguments& arguments) {
  v1::RequestContext context = client.NewContext();
  if (const auto id = arguments.Find("--request-id")) context.set_request_id(*id);
  return context;
}

absl::Status PrintResult(Context& context, const v1::CommandResult& result) {
  Document document = context.NewDocument();
  document.List("events", {"type", "case_id", "recipient", "event_id", "leaf_index"});
  for (const v1::IssuedEvent& event : result.events()) {
    document.Row({event.type(), event.case_id(), event.recipient(), event.event_id(), uint64_t{event.leaf_index()}});
  }
  return document.End();
}

Value RecordedAt(const v1::EventView& event) {
  if (!event.has_recorded_at()) return Value();
  return FormatUtc(absl::FromUnixSeconds(event.recorded_at().seconds()) +
                   absl::Nanoseconds(event.recorded_at().nanos()));
}

}  // namespace medflyt::cli
