// The citizen's page and JSON: what stands in it, and that nothing of it is taken for markup.
#include "client/cli/citizen_report.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/date.h"
#include "google/protobuf/util/time_util.h"
#include "nlohmann/json.hpp"

namespace medflyt::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint32_t kNyborg = 29189722;
constexpr uint32_t kOdense = 35209115;

google::protobuf::Timestamp At(absl::Time time) {
  return google::protobuf::util::TimeUtil::SecondsToTimestamp(absl::ToUnixSeconds(time));
}

CitizenReport Sample() {
  // An hour before midnight in UTC is the next day in Denmark.
  const absl::Time evening = absl::FromCivil(absl::CivilHour(2026, 11, 20, 23), absl::UTCTimeZone());
  CitizenReport report{"610180-****", evening, {}};
  report.held.set_authority("29189722");
  for (const auto& [authority, name] :
       {std::pair("29189722", "Nyborg Kommune"), std::pair("35209115", "Odense <Kommune>")}) {
    auto& named = *report.held.add_authorities();
    named.set_authority(authority);
    named.set_name(name);
  }
  auto& enrolment = *report.held.add_enrolments();
  enrolment.set_cpr("6101801000");
  enrolment.set_provider("35209115");
  enrolment.set_responsible("29189722");
  enrolment.set_state(v1::ENROLMENT_STATE_ACTIVE);
  enrolment.set_from("2026-10-01");
  enrolment.add_flags()->set_flag(v1::PROTECTION_FLAG_SAFETY_PACKAGE);
  auto& event = *report.held.add_events();
  event.set_type("RelocationAnnounced");
  *event.mutable_recorded_at() = At(evening);
  event.mutable_content()->set_issuer(kNyborg);
  event.mutable_content()->set_recipient(kOdense);
  auto& announced = *event.mutable_content()->mutable_relocation_announced();
  announced.set_cpr("6101801000");
  announced.set_legal_basis("RSL-12A");
  auto& basis = *report.held.add_legal_bases();
  basis.set_key("RSL-12A");
  basis.set_title("Retssikkerhedsloven § 12 a");
  auto& look_up = *report.held.add_look_ups();
  *look_up.mutable_at() = At(evening);
  look_up.set_kind(v1::ACCESS_KIND_READ);
  look_up.set_purpose("<script>alert(1)</script> & 610180-1000");
  return report;
}

TEST(CitizenReportTest, ThePageSaysWhatWasToldToWhomOnWhatBasisAndWhoLooked) {
  const std::string page = ReportPage(Sample());
  EXPECT_THAT(page, HasSubstr("<html lang=\"da\">"));
  EXPECT_THAT(page, HasSubstr("fra Nyborg Kommune den 21.11.2026. Personnummer: 610180-****."));
  EXPECT_THAT(
      page,
      HasSubstr("<td>Odense &lt;Kommune&gt;</td><td>Nyborg Kommune</td><td>i gang</td><td>2026-10-01</td><td></td>"
                "<td>tryghedspakke</td>"));
  EXPECT_THAT(page, HasSubstr("<td>21.11.2026</td><td>Underretning om flytning</td><td>Nyborg Kommune</td>"
                              "<td>Odense &lt;Kommune&gt;</td><td>personnummer: 610180-****; hjemmel: RSL-12A</td>"
                              "<td>Retssikkerhedsloven § 12 a (RSL-12A)</td>"));
  EXPECT_THAT(page, HasSubstr("<td>læsning</td><td>&lt;script&gt;alert(1)&lt;/script&gt; &amp; "));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("http"))) << "it needs nothing from elsewhere";
}

TEST(CitizenReportTest, NoNumberStandsInClear) {
  for (const std::string& text : {ReportPage(Sample()), ReportJson(Sample())}) {
    EXPECT_THAT(text, Not(HasSubstr("6101801000")));
    EXPECT_THAT(text, Not(HasSubstr("610180-1000")));
  }
}

TEST(CitizenReportTest, OfWhatWasErasedThePageSaysThatAndNoMore) {
  CitizenReport report = Sample();
  report.held.mutable_events(0)->clear_content();
  report.held.mutable_events(0)->clear_type();
  EXPECT_THAT(ReportPage(report), HasSubstr("<td>21.11.2026</td><td></td><td></td><td></td><td>slettet</td><td></td>"));
}

TEST(CitizenReportTest, TheJsonHoldsTheSame) {
  const auto json = nlohmann::json::parse(ReportJson(Sample()));
  EXPECT_EQ(json["authority"], "29189722");
  EXPECT_EQ(json["enrolments"][0]["state"], "active");
  EXPECT_EQ(json["events"][0]["type"], "RelocationAnnounced");
  EXPECT_EQ(json["events"][0]["content"]["relocation_announced"]["legal_basis"], "RSL-12A");
  EXPECT_EQ(json["look_ups"][0]["kind"], "read");
}

TEST(CitizenReportTest, WhatIsDisputedSaysByWhom) {
  CitizenReport report = Sample();
  const std::string id(16, '\x2a');
  report.held.mutable_events(0)->set_event_id("2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a");
  auto& event = *report.held.add_events();
  event.set_type("EventDisputed");
  *event.mutable_recorded_at() = report.held.events(0).recorded_at();
  event.mutable_content()->set_issuer(kOdense);
  event.mutable_content()->set_recipient(kNyborg);
  event.mutable_content()->mutable_event_disputed()->set_disputed_id(id);
  event.mutable_content()->mutable_event_disputed()->set_ground(v1::DISPUTE_GROUND_NOT_OUR_CITIZEN);
  const std::string page = ReportPage(report);
  EXPECT_THAT(page, HasSubstr("<td>Underretning om flytning; bestridt af Odense &lt;Kommune&gt; den 21.11.2026</td>"));
  EXPECT_THAT(page, HasSubstr("<td>Oplysning bestridt</td><td>Odense &lt;Kommune&gt;</td><td>Nyborg Kommune</td>"
                              "<td>grund: ikke myndighedens borger</td>"));
  auto& dispute = *report.held.mutable_enrolments(0)->add_disputes();
  dispute.set_event_id("2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a");
  dispute.set_by("35209115");
  EXPECT_THAT(ReportPage(report), Not(HasSubstr("afklaret")));
  dispute.set_settled_on("2026-11-22");
  EXPECT_THAT(ReportPage(report), HasSubstr("den 21.11.2026, afklaret 2026-11-22</td>"));
}

// Nyborg's rows of two cases and two recipients: what stands in front of a ground does not rest on it, nor what another
// was told, nor what was received.
TEST(CitizenReportTest, EachThingToldNamesTheGroundThatWasInForceForItsCaseAndRecipient) {
  CitizenReport report = Sample();
  report.held.clear_events();
  int day = 1;
  const auto add = [&](const std::string& type, uint32_t issuer, uint32_t recipient, const std::string& case_id) {
    auto& event = *report.held.add_events();
    event.set_event_id("id " + std::to_string(day));
    event.set_type(type);
    *event.mutable_recorded_at() = At(absl::FromCivil(absl::CivilHour(2026, 3, day++, 12), absl::UTCTimeZone()));
    event.mutable_content()->set_issuer(issuer);
    event.mutable_content()->set_recipient(recipient);
    event.mutable_content()->set_case_id(case_id);
    return event.mutable_content();
  };
  const auto ground = [&](const std::string& case_id, uint32_t recipient, const std::string& basis) {
    auto& grounded = *add("DisclosureGrounded", kNyborg, kNyborg, case_id)->mutable_disclosure_grounded();
    grounded.set_recipient(recipient);
    grounded.mutable_ground()->set_legal_basis(basis);
  };
  constexpr uint32_t kKerteminde = 29189706;
  add("PlaceReserved", kNyborg, kOdense, "a")->mutable_place_reserved();                    // 1: no ground yet
  ground("a", kOdense, "RSL-12A");                                                          // 2
  ground("b", kOdense, "LAB-2014");                                                         // 3: of another case
  ground("a", kKerteminde, "SEL-1");                                                        // 4: for another recipient
  add("EnrolmentStarted", kNyborg, kOdense, "a")->mutable_enrolment_started();              // 5
  ground("a", kOdense, "RSL-12B");                                                          // 6: confirmed anew
  add("EnrolmentPaused", kNyborg, kOdense, "a")->mutable_enrolment_paused();                // 7
  add("EnrolmentStarted", kOdense, kNyborg, "a")->mutable_enrolment_started();              // 8: received
  add("EnrolmentEnded", kNyborg, kOdense, "c")->mutable_enrolment_ended();                  // 9: no ground in this case
  add("RelocationAcknowledged", kNyborg, kOdense, "d")->mutable_relocation_acknowledged();  // 10
  add("EnrolmentProposed", kNyborg, kOdense, "c")->mutable_enrolment_proposed();            // 11: an officer's act
  auto& assessed = *add("DisclosureAssessed", kNyborg, kNyborg, "m")->mutable_disclosure_assessed();  // 12
  assessed.set_disclose(true);
  assessed.mutable_ground()->set_legal_basis("SEL-11C");
  add("RelocationAnnounced", kNyborg, kOdense, "m")->mutable_relocation_announced()->set_legal_basis("SEL-11C");  // 13
  add("RelocationCorrected", kNyborg, kOdense, "m")->mutable_relocation_corrected();  // 14: on the assessment
  auto& for_rectification = *add("DisclosureGrounded", kNyborg, kNyborg, "a")->mutable_disclosure_grounded();  // 15
  for_rectification.set_recipient(kOdense);
  for_rectification.set_for_rectification(true);
  for_rectification.mutable_ground()->set_legal_basis("GDPR-16-19");
  add("ValueRectified", kNyborg, kOdense, "a")->mutable_value_rectified();            // 16: on that
  add("ValueRectified", kNyborg, kOdense, "a")->mutable_value_rectified();            // 17: on the case's again
  add("EnrolmentPaused", kNyborg, kOdense, "a")->mutable_enrolment_paused();          // 18: and so this
  add("ValueRectified", kNyborg, kOdense, "c")->mutable_value_rectified();            // 19: told on
  add("RelocationCorrected", kNyborg, kOdense, "n")->mutable_relocation_corrected();  // 20: an officer's act

  const auto json = nlohmann::json::parse(ReportJson(report))["events"];
  const std::vector<std::string> by = {"rule", "",       "",       "",        "ground", "",       "ground",
                                       "",     "rule",   "duty",   "unknown", "",       "ground", "ground",
                                       "",     "ground", "ground", "ground",  "rule",   "unknown"};
  ASSERT_EQ(json.size(), by.size());
  for (size_t i = 0; i < by.size(); ++i) {
    EXPECT_EQ(json[i].contains("told_on") ? json[i]["told_on"]["by"] : "", by[i]) << "event " << i + 1;
  }
  EXPECT_EQ(json[4]["told_on"]["legal_basis"], "RSL-12A");
  EXPECT_EQ(json[4]["told_on"]["legal_basis_title"], "Retssikkerhedsloven § 12 a");
  EXPECT_EQ(json[4]["told_on"]["ground_id"], "id 2");
  EXPECT_EQ(json[6]["told_on"]["ground_id"], "id 6");
  EXPECT_EQ(json[12]["told_on"]["ground_id"], "id 12");
  EXPECT_EQ(json[13]["told_on"]["ground_id"], "id 12");
  EXPECT_EQ(json[15]["told_on"]["ground_id"], "id 15");
  EXPECT_EQ(json[15]["told_on"]["legal_basis"], "GDPR-16-19");
  EXPECT_EQ(json[16]["told_on"]["ground_id"], "id 6");
  EXPECT_EQ(json[17]["told_on"]["ground_id"], "id 6");
  const std::string page = ReportPage(report);
  EXPECT_THAT(page, HasSubstr("<td>Retssikkerhedsloven § 12 a (RSL-12A), fastlagt 2.3.2026</td>"));
  EXPECT_THAT(page, HasSubstr("<td>RSL-12B, fastlagt 6.3.2026</td>"));
  EXPECT_THAT(page, HasSubstr("<td>SEL-11C, fastlagt 12.3.2026</td>"));
  EXPECT_THAT(page, Not(HasSubstr("LAB-2014, fastlagt")));
  EXPECT_THAT(page, Not(HasSubstr("SEL-1, fastlagt")));
  EXPECT_THAT(page, HasSubstr("<td>følger efter reglerne af det, der er meddelt tidligere</td>"));
  EXPECT_THAT(page, HasSubstr("<td>svarer på eller trækker tilbage, hvad der er meddelt tidligere</td>"));
}

// One key in two lines, none of whose days is the other's.
TEST(CitizenReportTest, ABasisHasTheTitleThatItHadWhenItWasConfirmedOrElseWhenItWasTold) {
  CitizenReport report = Sample();
  report.held.clear_legal_bases();
  for (const auto& [title, from, to] : {std::tuple("den nye paragraf", "2026-04-01", ""),
                                        std::tuple("den gamle paragraf", "2017-01-01", "2026-03-31")}) {
    auto& line = *report.held.add_legal_bases();
    line.set_key("RSL-12A");
    line.set_title(title);
    line.set_valid_from(from);
    line.set_valid_to(to);
  }
  report.held.clear_events();
  const auto add = [&](const std::string& case_id, const std::string& type, uint32_t recipient, absl::CivilMinute at) {
    auto& event = *report.held.add_events();
    event.set_type(type);
    *event.mutable_recorded_at() = At(absl::FromCivil(at, absl::UTCTimeZone()));
    event.mutable_content()->set_issuer(kNyborg);
    event.mutable_content()->set_recipient(recipient);
    event.mutable_content()->set_case_id(case_id);
    return event.mutable_content();
  };
  // In Denmark midnight is two hours before that of UTC, then.
  auto& ground =
      *add("a", "DisclosureGrounded", kNyborg, absl::CivilMinute(2026, 3, 31, 21, 59))->mutable_disclosure_grounded();
  ground.set_recipient(kOdense);
  ground.mutable_ground()->set_legal_basis("RSL-12A");
  const auto announce = [&](int hour, int minute) {
    add("b", "RelocationAnnounced", kOdense, absl::CivilMinute(2026, 3, 31, hour, minute))
        ->mutable_relocation_announced()
        ->set_legal_basis("RSL-12A");
  };
  announce(21, 59);
  announce(22, 0);
  add("a", "EnrolmentProposed", kOdense, absl::CivilMinute(2026, 5, 1, 12, 0))->mutable_enrolment_proposed();

  const auto events = nlohmann::json::parse(ReportJson(report))["events"];
  const auto told_on = [&](size_t i) {
    const auto& told = events[i]["told_on"];
    return told["by"].get<std::string>() + ": " + told["legal_basis_title"].get<std::string>();
  };
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(told_on(1), "stated: den gamle paragraf");
  EXPECT_EQ(told_on(2), "stated: den nye paragraf");
  EXPECT_EQ(told_on(3), "ground: den gamle paragraf");
  const std::string page = ReportPage(report);
  EXPECT_THAT(page, HasSubstr("<td>den gamle paragraf (RSL-12A), fastlagt 31.3.2026</td>"));
  EXPECT_THAT(page, HasSubstr("<td>den gamle paragraf (RSL-12A)</td>"));
  EXPECT_THAT(page, HasSubstr("<td>den nye paragraf (RSL-12A)</td>"));
}

TEST(CitizenReportTest, OfACitizenOfWhomNothingIsHeldThePageSaysSo) {
  CitizenReport report = Sample();
  report.held.clear_enrolments();
  report.held.clear_events();
  report.held.clear_look_ups();
  EXPECT_THAT(ReportPage(report), HasSubstr("ingen oplysninger om dig"));
}

}  // namespace
}  // namespace medflyt::cli
