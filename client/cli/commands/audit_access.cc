#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/list_output.h"
#include "client/cli/look.h"
#include "common/base/date.h"
#include "common/crypto/hash.h"
#include "google/protobuf/util/time_util.h"

namespace medflyt::cli {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::string_view kKindPrefix = "ACCESS_KIND_";

// Of all records that are offered, as many as asked for, each as likely as any other: those whose place in the log,
// hashed with the seed, comes first. Who has the seed draws the same ones.
class Sample {
 public:
  Sample(size_t most, std::string seed) : most_(most), seed_(std::move(seed)) {}

  void Offer(const v1::EventView& record) {
    drawn_.emplace(crypto::Sha256(absl::StrCat(seed_, "\n", record.position())), record);
    if (drawn_.size() > most_) drawn_.erase(std::prev(drawn_.end()));
    ++offered_;
  }
  // In the order of the log.
  [[nodiscard]] std::vector<v1::EventView> Take() {
    std::vector<v1::EventView> records;
    for (auto& [hash, record] : drawn_) records.push_back(std::move(record));
    std::sort(records.begin(), records.end(),
              [](const v1::EventView& a, const v1::EventView& b) { return a.position() < b.position(); });
    return records;
  }
  [[nodiscard]] uint64_t offered() const { return offered_; }

 private:
  const size_t most_;
  const std::string seed_;
  std::map<crypto::Hash, v1::EventView> drawn_;
  uint64_t offered_ = 0;
};

v1::ListAccessRecordsRequest RequestOf(sdk::Client& client, const Arguments& arguments) {
  v1::ListAccessRecordsRequest request;
  *request.mutable_context() = client.NewContext();
  request.set_officer(arguments.Text("--by"));
  request.set_action(arguments.Text("--action"));
  request.set_purpose(arguments.Text("--why"));
  request.set_case_id(arguments.Text("--case"));
  if (const auto kind = arguments.Find("--kind")) {
    v1::AccessKind value = v1::ACCESS_KIND_UNSPECIFIED;
    if (v1::AccessKind_Parse(EnumName(kKindPrefix, *kind), &value)) request.set_kind(value);
  }
  if (const auto since = arguments.FindDate("--since")) {
    *request.mutable_since() = TimeUtil::SecondsToTimestamp(absl::ToUnixSeconds(UtcMidnight(*since)));
  }
  if (const auto until = arguments.FindDate("--until")) {
    *request.mutable_before() = TimeUtil::SecondsToTimestamp(absl::ToUnixSeconds(UtcMidnight(*until + 1)));
  }
  return request;
}

void Show(const v1::EventView& record, ListOutput& output) {
  const v1::AccessRecorded& access = record.content().access_recorded();
  Value::Array cases;
  for (const std::string& id : access.case_ids()) {
    if (const auto case_id = CaseId::FromBytes(id)) cases.emplace_back(case_id->ToHex());
  }
  output.Row({uint64_t{record.position()}, RecordedAt(record), OrNone(record.content().officer()),
              Shown(v1::AccessKind_Name(access.kind()), kKindPrefix), access.action(), access.purpose(),
              Value(std::move(cases))});
}

absl::Status Access(Context& context, const Arguments& arguments) {
  const auto most = arguments.FindInteger("--sample");
  if (most && *most < 1) return UsageError("--sample takes a number from 1");
  if (!most && arguments.Has("--seed")) return UsageError("--seed goes with --sample");
  MEDFLYT_RETURN_IF_ERROR(LookFirst(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::ListAccessRecordsRequest request = RequestOf(*client, arguments);
  const std::string seed = arguments.Find("--seed").value_or(request.context().request_id());
  Sample sample(static_cast<size_t>(most.value_or(0)), seed);
  MEDFLYT_ASSIGN_OR_RETURN(
      ListOutput output, ListOutput::Create(context, arguments, "records",
                                            {"index", "recorded_at", "officer", "kind", "action", "purpose", "cases"}));
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&v1::AuditService::Stub::ListAccessRecords, request));
    for (const v1::EventView& record : response.records()) {
      if (most) {
        sample.Offer(record);
      } else {
        Show(record, output);
      }
    }
    request.set_first(response.next_first());
  } while (request.first() != 0);
  for (const v1::EventView& record : sample.Take()) Show(record, output);
  MEDFLYT_RETURN_IF_ERROR(output.End());
  if (most) context.Note(absl::StrCat("drawn from ", sample.offered(), " records with the seed ", seed));
  return absl::OkStatus();
}

}  // namespace

Command AuditAccessCommand() {
  Command command = {
      .noun = "audit",
      .verb = "access",
      .summary = "list who looked at citizens, when and why",
      .description =
          "The node opens its access records for this, which is recorded too, with officer and purpose. --sample draws "
          "at random for control, each record as likely as any other; the seed is told, and whoever has it draws the "
          "same ones from the same log. That log is first looked at as by audit checkpoint.",
      .options =
          {{.name = "--by", .value_name = "OFFICER", .help = "only what that officer looked at"},
           {.name = "--kind",
            .value_name = "KIND",
            .help = "only that kind of access",
            .choices = {"read", "search", "watch", "proof"}},
           {.name = "--action", .value_name = "RPC", .help = "only what was looked at by that call"},
           {.name = "--why", .value_name = "TEXT", .help = "only where that stands in the purpose"},
           {.name = "--case", .value_name = "ID", .help = "only where that case was shown", .kind = ValueKind::kId},
           {.name = "--since", .value_name = "DATE", .help = "from that day on (UTC)", .kind = ValueKind::kDate},
           {.name = "--until", .value_name = "DATE", .help = "up to that day (UTC)", .kind = ValueKind::kDate},
           {.name = "--sample", .value_name = "N", .help = "draw N of them at random", .kind = ValueKind::kInteger},
           {.name = "--seed", .value_name = "TEXT", .help = "draw the same ones again"},
           CsvOption()},
      .examples = {{"Who looked at a case", "medflyt audit access --case 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b"},
                   {"Ten look-ups of November to ask about",
                    "medflyt audit access --since 2026-11-01 --until 2026-11-30 --sample 10"}},
      .run = Access};
  for (Option& option : LookOptions()) command.options.push_back(std::move(option));
  return command;
}

}  // namespace medflyt::cli
