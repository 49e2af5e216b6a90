#include "client/cli/citizen_report.h"

#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/call.h"
#include "client/cli/danish_words.h"
#include "client/cli/front_end.h"
#include "client/cli/message_fields.h"
#include "client/cli/told_basis.h"
#include "client/cli/value.h"
#include "common/base/absl_view.h"
#include "common/base/bytes.h"
#include "common/base/date.h"
#include "common/directory/identity.h"

namespace medflyt::cli {
namespace {

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped.push_back(c);
    }
  }
  return escaped;
}

std::string Day(absl::Time time) {
  const Date date = DanishDate(time);
  return absl::StrFormat("%d.%d.%d", date.day(), date.month(), date.year());
}
absl::Time TimeOf(const google::protobuf::Timestamp& time) { return absl::FromUnixSeconds(time.seconds()); }

// What the basis that the event was told on was called when it was confirmed, or else when the event was recorded: one
// key may mean another paragraph later. Empty where the node's table has no such basis on that day, or no title for it.
std::string TitleOf(const CitizenReport& report, const ToldBasis& basis, const v1::EventView& event) {
  const v1::EventView& dated = basis.ground != nullptr ? *basis.ground : event;
  const std::string day = FormatIsoDate(DanishDate(TimeOf(dated.recorded_at())));
  for (const v1::TitledBasis& each : report.held.legal_bases()) {
    const bool is_over = !each.valid_to().empty() && each.valid_to() < day;
    if (each.key() == basis.legal_basis && each.valid_from() <= day && !is_over) return each.title();
  }
  return "";
}

class Page {
 public:
  explicit Page(const CitizenReport& report) : report_(report) {}

  std::string Make() {
    Head();
    Summary();
    Enrolments();
    Relocations();
    Transfers();
    Events();
    LookUps();
    Rights();
    text_ += "</main></body></html>\n";
    return std::move(text_);
  }

 private:
  using Cells = std::vector<std::string>;

  void Head() {
    text_ +=
        "<!DOCTYPE html>\n<html lang=\"da\"><head><meta charset=\"utf-8\"><title>Oplysninger om dig</title>\n<style>\n"
        "body{font:11pt/1.45 Georgia,serif;color:#111;margin:0}main{max-width:52rem;margin:2rem auto;padding:0 1rem}\n"
        "h1{font-size:1.6em;margin:0 0 .3em}h2{font-size:1.15em;margin:1.8em 0 .4em;border-bottom:1px solid #888}\n"
        "table{border-collapse:collapse;width:100%;font-size:.9em}th,td{text-align:left;vertical-align:top;"
        "padding:.25em .6em .25em 0;border-bottom:1px solid "
        "#ddd}th{border-color:#888}.small{font-size:.85em;color:#444}\n"
        "@media "
        "print{main{max-width:none;margin:0}h2{break-after:avoid}tr{break-inside:avoid}thead{display:table-header-"
        "group}@page{size:A4;margin:18mm}}\n</style></head><body><main>\n";
  }
  void Summary() {
    Line("h1", "Oplysninger om dig");
    Line("p",
         absl::StrCat("Udskrift efter databeskyttelsesforordningens artikel 15 fra ", NameOf(report_.held.authority()),
                      " den ", Day(report_.made_at), ". Personnummer: ", report_.citizen, "."));
    Line("p",
         "Udskriften viser, hvad myndigheden har registreret om dig i forbindelse med pladser i særlige tilbud og "
         "flytning mellem kommuner, hvor oplysningerne kommer fra, hvem de er givet til og på hvilket grundlag, og "
         "hvornår og hvorfor nogen har slået dig op. Medarbejderes navne er udeladt.");
    if (report_.held.events().empty() && report_.held.enrolments().empty() && report_.held.relocations().empty() &&
        report_.held.transfers().empty()) {
      Line("p", "Myndigheden har ingen oplysninger om dig her.");
    }
  }
  void Enrolments() {
    std::vector<Cells> rows;
    for (const v1::Enrolment& each : report_.held.enrolments()) {
      rows.push_back({NameOf(each.provider()), NameOf(each.responsible()),
                      State(v1::EnrolmentState_Name(each.state()), "ENROLMENT_STATE_"), each.from(), each.to(),
                      FlagsOf(each)});
    }
    Table("Forløb", {"Leverandør", "Ansvarlig", "Tilstand", "Fra", "Til", "Beskyttelse"}, rows);
  }
  static std::string FlagsOf(const v1::Enrolment& enrolment) {
    std::vector<std::string> words;
    for (const v1::StandingFlag& each : enrolment.flags()) {
      words.push_back(State(v1::ProtectionFlag_Name(each.flag()), "PROTECTION_FLAG_"));
    }
    return absl::StrJoin(words, ", ");
  }
  void Relocations() {
    std::vector<Cells> rows;
    for (const v1::Relocation& each : report_.held.relocations()) {
      rows.push_back({State(v1::ObservationKind_Name(each.kind()), "OBSERVATION_KIND_"), each.from_municipality(),
                      each.to_municipality(), each.effective_date(),
                      State(v1::RelocationState_Name(each.state()), "RELOCATION_STATE_"), NameOf(each.other_party())});
    }
    Table("Flytninger", {"Art", "Fra kommune", "Til kommune", "Dato", "Tilstand", "Anden myndighed"}, rows);
  }
  void Transfers() {
    std::vector<Cells> rows;
    for (const v1::Transfer& each : report_.held.transfers()) {
      rows.push_back({NameOf(each.requester()), NameOf(each.provider()), each.from(),
                      State(v1::TransferState_Name(each.state()), "TRANSFER_STATE_")});
    }
    Table("Overførsler", {"Ønsket af", "Leverandør", "Fra", "Tilstand"}, rows);
  }
  void Events() {
    const std::vector<ToldBasis> bases = ToldBases(report_.held);
    std::vector<Cells> rows;
    for (const v1::EventView& each : report_.held.events()) {
      const v1::Content& content = each.content();
      const bool local = content.issuer() != 0 && content.issuer() == content.recipient();
      rows.push_back({Day(TimeOf(each.recorded_at())), InDanish(each.type()) + DisputesOf(each.event_id()),
                      NameOf(content.issuer()), local ? "kun her" : NameOf(content.recipient()), Details(content),
                      InWords(bases[rows.size()], each)});
    }
    Table("Hvad der er sket, hvor det kommer fra, og hvem der har fået det at vide",
          {"Dato", "Hvad", "Fra", "Til", "Indhold", "Grundlag for at give det videre"}, rows);
  }
  std::string InWords(const ToldBasis& basis, const v1::EventView& event) const {
    switch (basis.kind) {
      case ToldBasis::Kind::kNotTold:
        return "";
      case ToldBasis::Kind::kGround:
        return absl::StrCat(Titled(basis, event), ", fastlagt ", Day(TimeOf(basis.ground->recorded_at())));
      case ToldBasis::Kind::kStated:
        return Titled(basis, event);
      case ToldBasis::Kind::kByRule:
        return "følger efter reglerne af det, der er meddelt tidligere";
      case ToldBasis::Kind::kDuty:
        return "svarer på eller trækker tilbage, hvad der er meddelt tidligere";
      case ToldBasis::Kind::kUnknown:
        return "fremgår ikke af udskriften";
    }
    return "";
  }
  // The paragraph, and the key by which it stands in the events.
  std::string Titled(const ToldBasis& basis, const v1::EventView& event) const {
    const std::string title = TitleOf(report_, basis, event);
    return title.empty() ? basis.legal_basis : absl::StrCat(title, " (", basis.legal_basis, ")");
  }
  // Who disputes it, which the events behind it say.
  std::string DisputesOf(const std::string& event_id) const {
    std::string disputes;
    for (const v1::EventView& each : report_.held.events()) {
      const v1::Content& content = each.content();
      if (!content.has_event_disputed() || HexEncode(content.event_disputed().disputed_id()) != event_id) continue;
      absl::StrAppend(&disputes, "; bestridt af ", NameOf(content.issuer()), " den ", Day(TimeOf(each.recorded_at())),
                      Settled(event_id, content.issuer()));
    }
    return disputes;
  }
  // What is held of the citizen says whether it is settled.
  std::string Settled(const std::string& event_id, uint32_t by) const {
    const auto authority = AuthorityId::FromNumber(by);
    std::string settled;
    const auto find = [&](const auto& rows) {
      for (const auto& row : rows) {
        for (const v1::Dispute& each : row.disputes()) {
          if (each.event_id() != event_id || each.settled_on().empty()) continue;
          if (authority && each.by() == authority->ToString()) settled = ", afklaret " + each.settled_on();
        }
      }
    };
    find(report_.held.enrolments());
    find(report_.held.relocations());
    find(report_.held.transfers());
    return settled;
  }
  void LookUps() {
    std::vector<Cells> rows;
    for (const v1::LookUp& each : report_.held.look_ups()) {
      rows.push_back({Day(TimeOf(each.at())), State(v1::AccessKind_Name(each.kind()), "ACCESS_KIND_"),
                      WithoutCprNumbers(each.purpose())});
    }
    Table("Hvornår og hvorfor nogen har slået dig op", {"Dato", "Art", "Formål"}, rows);
  }
  void Rights() {
    Line("h2", "Dine rettigheder");
    Line("p",
         "Er noget forkert, kan du bede om at få det rettet, og alle, der har fået den forkerte oplysning, får besked. "
         "Du kan bede om sletning, om begrænsning af behandlingen og gøre indsigelse mod den. Oplysninger gemmes, så "
         "længe journalpligt, regnskab og en løbende sag kræver det. Du kan klage over behandlingen til Datatilsynet.");
    text_ +=
        "<p class=\"small\">Underretninger til andre myndigheder er underskrevet og kan bevises. Myndigheden kan "
        "udlevere beviset for hver af dem.</p>\n";
  }

  void Line(std::string_view tag, std::string_view content) {
    absl::StrAppend(&text_, "<", ToAbsl(tag), ">", Escaped(content), "</", ToAbsl(tag), ">\n");
  }
  void Table(std::string_view heading, const Cells& columns, const std::vector<Cells>& rows) {
    Line("h2", heading);
    if (rows.empty()) return Line("p", "Intet.");
    text_ += "<table><thead>";
    Row("th", columns);
    text_ += "</thead><tbody>\n";
    for (const Cells& row : rows) Row("td", row);
    text_ += "</tbody></table>\n";
  }
  void Row(std::string_view cell, const Cells& cells) {
    text_ += "<tr>";
    for (const std::string& each : cells) {
      absl::StrAppend(&text_, "<", ToAbsl(cell), ">", Escaped(each), "</", ToAbsl(cell), ">");
    }
    text_ += "</tr>\n";
  }
  static std::string State(const std::string& name, std::string_view prefix) { return InDanish(Shown(name, prefix)); }

  // The body's fields; ids and hashes mean nothing to the reader.
  static std::string Details(const v1::Content& content) {
    const auto* field =
        content.GetReflection()->GetOneofFieldDescriptor(content, content.GetDescriptor()->oneof_decl(0));
    if (field == nullptr) return "slettet";
    std::string details;
    AppendDetails(content.GetReflection()->GetMessage(content, field), details);
    return details;
  }
  static void AppendDetails(const google::protobuf::Message& body, std::string& details) {
    using Type = google::protobuf::FieldDescriptor;
    for (const Value::Field& each : FieldsOf(body)) {
      const auto* shown = body.GetDescriptor()->FindFieldByName(each.name);
      const bool is_message = shown->type() == Type::TYPE_MESSAGE;
      if (is_message && each.name == "ground") AppendDetails(body.GetReflection()->GetMessage(body, shown), details);
      if (is_message || shown->type() == Type::TYPE_BYTES) continue;
      const std::string text = each.value.ToText();
      absl::StrAppend(&details, details.empty() ? "" : "; ", InDanish(each.name), ": ",
                      shown->is_repeated() ? EachInDanish(text) : InDanish(text));
    }
  }
  static std::string EachInDanish(const std::string& list) {
    std::vector<std::string> words;
    for (const absl::string_view word : absl::StrSplit(list, ", ")) words.push_back(InDanish(ToStd(word)));
    return absl::StrJoin(words, ", ");
  }
  std::string NameOf(const std::string& authority) const {
    for (const v1::NamedAuthority& each : report_.held.authorities()) {
      if (each.authority() == authority) return each.name();
    }
    return authority.empty() ? "" : "CVR " + authority;
  }
  std::string NameOf(uint32_t number) const {
    const auto authority = AuthorityId::FromNumber(number);
    return authority && !authority->is_zero() ? NameOf(authority->ToString()) : "";
  }

  const CitizenReport& report_;
  std::string text_;
};

template <typename Messages>
Value::Array AllFields(const Messages& messages) {
  Value::Array all;
  for (const auto& each : messages) all.emplace_back(FieldsOf(each));
  return all;
}

std::string WordOf(ToldBasis::Kind kind) {
  switch (kind) {
    case ToldBasis::Kind::kNotTold:
      return "";
    case ToldBasis::Kind::kGround:
      return "ground";
    case ToldBasis::Kind::kStated:
      return "stated";
    case ToldBasis::Kind::kByRule:
      return "rule";
    case ToldBasis::Kind::kDuty:
      return "duty";
    case ToldBasis::Kind::kUnknown:
      return "unknown";
  }
  return "";
}

// Why another authority was told it.
Value::Object BasisFields(const CitizenReport& report, const ToldBasis& basis, const v1::EventView& event) {
  Value::Object fields = {{"by", WordOf(basis.kind)}};
  if (!basis.legal_basis.empty()) {
    fields.push_back({"legal_basis", basis.legal_basis});
    fields.push_back({"legal_basis_title", OrNone(TitleOf(report, basis, event))});
  }
  if (basis.ground != nullptr) {
    fields.push_back({"ground_id", basis.ground->event_id()});
    fields.push_back({"confirmed_at", RecordedAt(*basis.ground)});
  }
  return fields;
}

}  // namespace

std::string ReportPage(const CitizenReport& report) { return Page(report).Make(); }

std::string ReportJson(const CitizenReport& report) {
  const std::vector<ToldBasis> bases = ToldBases(report.held);
  Value::Array events;
  for (const v1::EventView& each : report.held.events()) {
    Value::Object row = {{"event_id", each.event_id()},
                         {"type", each.type()},
                         {"recorded_at", RecordedAt(each)},
                         {"content", FieldsOf(each.content())}};
    const ToldBasis& basis = bases[events.size()];
    if (basis.kind != ToldBasis::Kind::kNotTold) row.push_back({"told_on", BasisFields(report, basis, each)});
    events.emplace_back(std::move(row));
  }
  Value::Array look_ups;
  for (const v1::LookUp& each : report.held.look_ups()) {
    look_ups.emplace_back(Value::Object{{"at", FormatUtc(TimeOf(each.at()))},
                                        {"kind", Shown(v1::AccessKind_Name(each.kind()), "ACCESS_KIND_")},
                                        {"purpose", WithoutCprNumbers(each.purpose())}});
  }
  std::ostringstream out;
  Value(Value::Object{{"authority", report.held.authority()},
                      {"made_at", FormatUtc(report.made_at)},
                      {"citizen", report.citizen},
                      {"enrolments", AllFields(report.held.enrolments())},
                      {"relocations", AllFields(report.held.relocations())},
                      {"transfers", AllFields(report.held.transfers())},
                      {"events", std::move(events)},
                      {"look_ups", std::move(look_ups)},
                      {"authorities", AllFields(report.held.authorities())}})
      .WriteJson(out);
  out << "\n";
  return out.str();
}

}  // namespace medflyt::cli
