#include <string>

#include "client/cli/call.h"
#include "client/cli/citizen_report.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "client/cli/input.h"

namespace medflyt::cli {
namespace {

absl::Status Report(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  CitizenReport report;
  report.citizen = cpr.Masked();
  report.made_at = context.environment().clock.Now();
  v1::ReportCitizenRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_cpr(std::string(cpr.ExposeDigits()));
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const auto page, client->Call(&v1::CitizenService::Stub::ReportCitizen, request));
    report.held.MergeFrom(page);
    request.set_first(page.next_first());
  } while (request.first() != 0);
  const std::string name = arguments.Text("--out");
  MEDFLYT_RETURN_IF_ERROR(WriteFile(name + ".html", ReportPage(report), FileMode::kSecret));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(name + ".json", ReportJson(report), FileMode::kSecret));
  Document document = context.NewDocument();
  document.Field("page", name + ".html");
  document.Field("json", name + ".json");
  document.Field("enrolments", report.held.enrolments_size());
  document.Field("relocations", report.held.relocations_size());
  document.Field("transfers", report.held.transfers_size());
  document.Field("events", report.held.events_size());
  document.Field("look_ups", report.held.look_ups_size());
  return document.End();
}

Value::Array Texts(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return Value::Array(texts.begin(), texts.end());
}

// The cases of one row; in a table there is room for their number alone.
Value::Object Cases(const google::protobuf::RepeatedPtrField<std::string>& ids) { return {{"case_ids", Texts(ids)}}; }

Value NoticedOf(const v1::DisclosedKey& key) { return key.has_noticed() ? Value(key.noticed()) : Value(); }

// What auditors held of an erasure; in a table there is room for their number alone.
Value::Array Disclosed(const v1::Erasure& erasure) {
  Value::Array keys;
  for (const v1::DisclosedKey& key : erasure.disclosed()) {
    keys.emplace_back(Value::Object{{"on", key.on()},
                                    {"authority", OrNone(key.authority())},
                                    {"certificate", key.certificate()},
                                    {"leaf_hash", key.leaf_hash()}});
  }
  return keys;
}

absl::Status Erase(Context& context, const Arguments& arguments) {
  v1::EraseCitizenRequest request;
  if (const auto case_id = arguments.Find("--case")) {
    if (arguments.Text("--cpr-file") != "-") return UsageError("name the citizen by one of --case and --cpr-file");
    request.set_case_id(*case_id);
  } else {
    MEDFLYT_ASSIGN_OR_RETURN(const registry::CprNumber cpr, ReadCprNumber(context, arguments));
    request.set_cpr(std::string(cpr.ExposeDigits()));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  *request.mutable_context() = client->NewContext();
  request.set_legal_basis(arguments.Text("--legal-basis"));
  request.set_journal_reference(arguments.Text("--journal"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&v1::CitizenService::Stub::EraseCitizen, request));
  Document document = context.NewDocument();
  document.Field("erasure_id", response.erasure_id());
  document.Field("erased", response.erased());
  document.Field("cases", response.cases());
  document.Field("cases_left", response.cases_left());
  document.Field("keys_destroyed", response.keys_destroyed());
  Value::Array noticed;
  for (const std::string& authority : response.noticed()) noticed.emplace_back(authority);
  document.Field("noticed", std::move(noticed));
  document.Field("disclosed_left", response.disclosed_left());
  document.List("disclosed", {"on", "authority", "noticed", "certificate", "leaf_hash"});
  for (const v1::DisclosedKey& key : response.disclosed()) {
    document.Row({key.on(), OrNone(key.authority()), NoticedOf(key), key.certificate(), key.leaf_hash()});
  }
  if (!response.erased()) {
    context.Note("nothing is erased yet: another officer with another certificate gives the same command");
  }
  if (response.disclosed_size() > 0) {
    context.Note("auditors were given the keys of single events that are listed; no erasure reaches them" +
                 std::string(response.erased() ? "; 'citizen erasures' shows them again" : ""));
  }
  return document.End();
}

absl::Status ListErasures(Context& context, const Arguments&) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::ListErasuresRequest request;
  v1::ListErasuresResponse all;
  do {
    *request.mutable_context() = client->NewContext();
    MEDFLYT_ASSIGN_OR_RETURN(const auto page, client->Call(&v1::CitizenService::Stub::ListErasures, request));
    all.MergeFrom(page);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  Document document = context.NewDocument();
  document.Field("key_rotation_due", all.key_rotation_due());
  document.List("erasures", {"erasure_id", "state", "on", "legal_basis", "journal", "first_officer", "second_officer",
                             "answers", "disclosed"});
  for (const v1::Erasure& erasure : all.erasures()) {
    Value::Array recipients;
    int receipts = 0;
    for (const v1::ErasureRecipient& recipient : erasure.recipients()) {
      if (!recipient.receipted_on().empty()) ++receipts;
      recipients.emplace_back(
          Value::Object{{"authority", recipient.authority()}, {"receipted_on", OrNone(recipient.receipted_on())}});
    }
    Value::Object more = Cases(erasure.case_ids());
    more.push_back({"recipients", std::move(recipients)});
    more.push_back({"disclosed_keys", Disclosed(erasure)});
    document.Row({erasure.erasure_id(), erasure.erased() ? "erased" : "requested", erasure.on(), erasure.legal_basis(),
                  erasure.journal_reference(), erasure.first_officer(), OrNone(erasure.second_officer()),
                  std::to_string(receipts) + " of " + std::to_string(erasure.recipients_size()),
                  uint64_t{erasure.disclosed_left()} + static_cast<uint64_t>(erasure.disclosed_size())},
                 more);
  }
  document.List("notices", {"from", "on", "legal_basis", "case", "opened", "disclosed"});
  for (const v1::ErasureNotice& notice : all.notices()) {
    Value::Object more = Cases(notice.case_ids());
    more.push_back({"opened_leaves", Texts(notice.opened())});
    more.push_back({"disclosed_leaves", Texts(notice.disclosed())});
    document.Row({notice.authority(), notice.on(), notice.legal_basis(), notice.case_ids(0), notice.opened_size(),
                  uint64_t{notice.disclosed_left()} + static_cast<uint64_t>(notice.disclosed_size())},
                 more);
  }
  document.List("unanswered", {"by", "on", "legal_basis"});
  for (const v1::ErasureNotice& notice : all.unanswered()) {
    document.Row({notice.authority(), notice.on(), notice.legal_basis()});
  }
  document.List("due", {"what", "closed_on", "over_on", "node_erases", "case"});
  for (const v1::DueErasure& due : all.due()) {
    document.Row({due.what(), due.closed_on(), due.over_on(), due.node_erases(), due.case_ids(0)},
                 Cases(due.case_ids()));
  }
  return document.End();
}

Command ReportCommand() {
  return {.noun = "citizen",
          .verb = "report",
          .summary = "all that the node holds of a citizen, for the citizen (GDPR, article 15)",
          .description =
              "A page in Danish that prints well (NAME.html) and the same as JSON (NAME.json), both readable by their "
              "owner alone: what is held, where it came from, who was told what on which legal basis, and when and why "
              "somebody looked. Names of staff are left out, and CPR numbers are masked. Of a citizen of whom nothing "
              "is held the page says so. The search is recorded as every other.",
          .options = {CprOption(),
                      {.name = "--out",
                       .value_name = "NAME",
                       .help = "name of the two files, without their ends",
                       .kind = ValueKind::kFile,
                       .required = true}},
          .examples = {{"On a citizen's request", "medflyt citizen report --out indsigt-2026-118"}},
          .run = Report};
}

Command EraseCommand() {
  return {.noun = "citizen",
          .verb = "erase",
          .summary = "erase a citizen, as the first or the second of two officers (GDPR, article 17)",
          .description =
              "The first call asks; a second one by another officer with another certificate, for the same citizen on "
              "the same legal basis, destroys the keys of all of the citizen's cases. What was sealed with them is "
              "unreadable at once, and nothing in files and backups can bring it back once the node has rotated its "
              "key-encryption key, within a minute or two. Every authority that was told is sent a notice and answers "
              "when it has erased by its own rules. A citizen with a case that runs is not erased, nor one whose "
              "retention period is not over, unless the ground outweighs it. The search is recorded. Not reached are "
              "bundles that auditors took with keys of single events. Both officers are told which events these are, "
              "by the hash of their entry, since when, and the certificate of who holds the key; `medflyt citizen "
              "erasures` goes on showing it, and the notice to the authority that an event was exchanged with says it "
              "too. Access "
              "records name who asked for keys (`medflyt audit access --kind proof`), as long as they are kept.",
          .options = {CprOption(),
                      {.name = "--case",
                       .value_name = "ID",
                       .help = "any of the citizen's cases, in place of the number; or an agreement that is due",
                       .kind = ValueKind::kId},
                      {.name = "--legal-basis",
                       .value_name = "KEY",
                       .help = "key of the table of grounds for erasure",
                       .required = true},
                      {.name = "--journal",
                       .value_name = "REFERENCE",
                       .help = "where the decision stands in the journal",
                       .required = true}},
          .examples = {{"The first of two officers asks",
                        "medflyt citizen erase --legal-basis GDPR-17-1-A --journal 2031-77"}},
          .run = Erase};
}

Command ErasuresCommand() {
  return {
      .noun = "citizen",
      .verb = "erasures",
      .summary = "list erasures, notices of others, and what need not be kept any more",
      .description =
          "Erasures with how many of those who were told have answered, and who has not; notices of authorities that "
          "have erased what they told this one, until it has erased too; citizens whose retention period is over, "
          "named by a case. A notice says how many announcements were opened for this authority and of how many events "
          "between the two auditors hold a key; the JSON form has their leaf hashes. "
          "`key_rotation_due` says that files still hold wrapped bytes of a destroyed key. All "
          "case ids are in the JSON form, those of an erasure until it is done; afterwards `medflyt audit access "
          "--action EraseCitizen` has them. The look-up is recorded.",
      .examples = {{"What waits for officers", "medflyt citizen erasures"}},
      .run = ListErasures};
}

}  // namespace

std::vector<Command> CitizenCommands() { return {ReportCommand(), EraseCommand(), ErasuresCommand()}; }

}  // namespace medflyt::cli
