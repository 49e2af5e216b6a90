#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "client/cli/incident.h"
#include "client/cli/input.h"
#include "common/base/date.h"
#include "common/crypto/hash.h"
#include "common/crypto/x509.h"
#include "common/registry/cpr_number.h"
#include "google/protobuf/util/time_util.h"

namespace medflyt::cli {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMaxCertificate = size_t{1} << 20;  // bytes of the file

// The fingerprint as hexadecimal digits, of a PEM file or as it was given.
absl::StatusOr<std::string> FingerprintOf(Context& context, const std::string& given) {
  if (const auto fingerprint = crypto::Hash::FromHex(given)) return fingerprint->ToHex();
  MEDFLYT_ASSIGN_OR_RETURN(const auto input, InputFile::Open(context, given));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string pem, input->ReadAll(kMaxCertificate));
  MEDFLYT_ASSIGN_OR_RETURN(const crypto::Certificate certificate, crypto::ParseCertificate(pem));
  return certificate.fingerprint.ToHex();
}

// A day begins at midnight UTC; `days` later than it says.
absl::StatusOr<absl::Time> ReadTime(const Arguments& arguments, std::string_view option, int days) {
  const std::string text = arguments.Text(option);
  if (const auto day = ParseIsoDate(text)) return UtcMidnight(*day + days);
  absl::Time time;
  const bool is_time = absl::ParseTime(absl::RFC3339_full, text, &time, nullptr);
  if (is_time && time > absl::InfinitePast() && time < absl::InfiniteFuture()) return time;
  return UsageError(std::string(option) + " must be a date, yyyy-MM-dd, or a time, yyyy-MM-ddTHH:MM:SSZ");
}

absl::StatusOr<v1::ReportIncidentRequest> RequestOf(Context& context, const Arguments& arguments) {
  const auto certificate = arguments.Find("--by-certificate");
  const auto officer = arguments.Find("--by-officer");
  const auto key = arguments.Find("--by-key");
  const bool grants = arguments.Has("--by-received-grants");
  if (int{certificate.has_value()} + int{officer.has_value()} + int{key.has_value()} + int{grants} != 1) {
    return UsageError("name one of --by-certificate, --by-officer, --by-key and --by-received-grants");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const absl::Time from, ReadTime(arguments, "--from", 0));
  MEDFLYT_ASSIGN_OR_RETURN(const absl::Time until, ReadTime(arguments, "--until", 1));
  if (until <= from) return UsageError("--until must be later than --from");
  v1::ReportIncidentRequest request;
  if (certificate) {
    MEDFLYT_ASSIGN_OR_RETURN(*request.mutable_certificate(), FingerprintOf(context, *certificate));
  } else if (officer) {
    request.set_officer(*officer);
  } else if (key) {
    request.set_key_id(*key);
  } else {
    request.mutable_received_grants();
  }
  *request.mutable_from() = TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(from));
  *request.mutable_until() = TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(until));
  return request;
}

Value Masked(const std::string& digits) {
  const auto cpr = registry::CprNumber::Parse(digits);
  return cpr.ok() ? Value(cpr->Masked()) : Value();
}

Value HexOrNone(const std::string& bytes) {
  const auto hash = crypto::Hash::FromBytes(bytes);
  return hash ? Value(hash->ToHex()) : Value();
}

std::string Utc(const google::protobuf::Timestamp& time) {
  return FormatUtc(absl::FromUnixMicros(TimeUtil::TimestampToMicroseconds(time)));
}

absl::Status Print(const Context& context, const v1::ReportIncidentRequest& request, const Incident& incident,
                   const std::vector<Incident::Touched>& touched) {
  const auto citizens =
      std::count_if(touched.begin(), touched.end(), [](const auto& each) { return !each.cpr.empty(); });
  Document document = context.NewDocument();
  if (request.has_certificate()) document.Field("certificate", request.certificate());
  document.Field("from", Utc(request.from()));
  document.Field("until", Utc(request.until()));
  document.Field("citizens", int64_t{citizens});
  document.Field("cases_not_held", static_cast<int64_t>(touched.size()) - citizens);
  document.Field("entries", incident.entries());
  document.Field("caseless_entries", incident.caseless());
  document.Field("erased_entries", incident.erased());
  document.List("touched", {"citizen", "cases", "touches", "first", "last"});
  for (const Incident::Touched& each : touched) {
    document.Row({Masked(each.cpr), uint64_t{each.case_ids.size()}, TouchesOf(each), FormatUtc(each.first),
                  FormatUtc(each.last)},
                 {{"case_ids", Value::Array(each.case_ids.begin(), each.case_ids.end())}});
  }
  document.List("open_ended", {"at", "kind", "action", "officer", "certificate"});
  for (const v1::OpenEndedAccess& each : incident.open_ended()) {
    document.Row({Utc(each.at()), Shown(v1::AccessKind_Name(each.kind()), "ACCESS_KIND_"), each.action(),
                  OrNone(each.officer()), HexOrNone(each.certificate())});
  }
  return document.End();
}

absl::Status ReportIncident(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(v1::ReportIncidentRequest request, RequestOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  *request.mutable_context() = client->NewContext();
  Incident incident;
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const auto page, client->Call(&v1::CitizenService::Stub::ReportIncident, request));
    incident.Add(page);
    request.set_first(page.next_first());
  } while (request.first() != 0);
  const std::vector<Incident::Touched> touched = incident.ByCitizen();
  if (const auto out = arguments.Find("--out")) {
    MEDFLYT_RETURN_IF_ERROR(WriteFile(*out, IncidentJson(touched), FileMode::kSecret));
  }
  MEDFLYT_RETURN_IF_ERROR(Print(context, request, incident, touched));
  if (!incident.open_ended().empty()) {
    context.Note("whoever watched, or listed access records, may have seen any case: the list of citizens is not all");
  }
  if (incident.erased() != 0) context.Note("what the erased entries touched is known no more");
  return absl::OkStatus();
}

}  // namespace

Command CitizenIncidentCommand() {
  return {
      .noun = "citizen",
      .verb = "incident",
      .summary = "list whose data a certificate, an officer or a stolen key touched (GDPR, article 33)",
      .description =
          "What the notification to the supervisory authority counts: citizens and entries of the log, of the time "
          "between --from and --until. By certificate and officer it is what they looked up, proved and issued; by "
          "key, what can be read with it, events of others too; by received grants, the cases of the keys that peers "
          "sealed to this node: after an exchange key was stolen, from the beginning of its week (Thursday at 00:00 "
          "UTC) until the end of the next, and from earlier where a peer had been away before it. `cases_not_held` are "
          "cases of which nothing is held any "
          "more, such as erased ones; `caseless_entries` are look-ups that showed no case; of `erased_entries` nobody "
          "can say any more what they touched. `open_ended` lists accesses that showed whatever there was: watches, "
          "the last that began before --from too, and lists of access records.\n\n"
          "CPR numbers are masked; --out writes them whole, for letters to the citizens, into a file that its owner "
          "alone can read. The search is recorded, with the cases that it names.",
      .options = {{.name = "--from",
                   .value_name = "TIME",
                   .help = "from that day (UTC) or time on: 2026-11-20 or 2026-11-20T08:30:00Z",
                   .required = true},
                  {.name = "--until",
                   .value_name = "TIME",
                   .help = "up to and with that day (UTC), or up to that time",
                   .required = true},
                  {.name = "--by-certificate",
                   .value_name = "FILE-OR-HEX",
                   .help = "a client certificate (PEM), or its SHA-256 as 64 hexadecimal digits",
                   .kind = ValueKind::kFile},
                  {.name = "--by-officer", .value_name = "NAME", .help = "an officer, exactly as recorded"},
                  {.name = "--by-key",
                   .value_name = "ID",
                   .help = "a data key, by the id that the log has for it",
                   .kind = ValueKind::kId},
                  {.name = "--by-received-grants",
                   .value_name = "",
                   .help = "all keys that peers granted to this node in that time",
                   .kind = ValueKind::kFlag},
                  {.name = "--out",
                   .value_name = "FILE",
                   .help = "write citizens and cases as JSON, with whole CPR numbers, readable by its owner alone",
                   .kind = ValueKind::kFile}},
      .examples = {{"A laptop with a client's key was stolen",
                    "medflyt citizen incident --from 2026-11-19T16:00:00Z --until 2026-11-20 "
                    "--by-certificate case-system-1.pem --out letters.json"},
                   {"The exchange key of the week from 19 November on was stolen",
                    "medflyt citizen incident --from 2026-11-19 --until 2026-12-02 --by-received-grants"}},
      .run = ReportIncident};
}

}  // namespace medflyt::cli
