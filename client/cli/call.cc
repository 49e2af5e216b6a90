#include "client/cli/call.h"

#include "absl/strings/ascii.h"

namespace medflyt::cli {

Option RequestIdOption() {
  return {.name = "--request-id",
          .value_name = "ID",
          .help = "repeat the command of that id, whose answer was lost; by default a fresh one"};
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
