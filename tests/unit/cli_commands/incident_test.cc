// An incident out of several pages, and what the command asks a node for.
#include "client/cli/incident.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/unit/cli_commands/workspace.h"

namespace medflyt::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string kCaseA(32, 'a');
const std::string kCaseB(32, 'b');
const std::string kCaseC(32, 'c');
constexpr char kCpr[] = "6101801000";

v1::TouchedCase& AddCase(v1::ReportIncidentResponse& page, const std::string& id, const std::string& cpr,
                         v1::TouchKind kind, int64_t first, int64_t last) {
  v1::TouchedCase& touched = *page.add_cases();
  touched.set_case_id(id);
  touched.set_cpr(cpr);
  touched.mutable_first()->set_seconds(first);
  touched.mutable_last()->set_seconds(last);
  v1::Touches& touches = *touched.add_touches();
  touches.set_kind(kind);
  touches.set_count(2);
  return touched;
}

Incident Sample() {
  v1::ReportIncidentResponse first;
  AddCase(first, kCaseC, "", v1::TOUCH_KIND_ISSUED, 500, 600);
  AddCase(first, kCaseA, kCpr, v1::TOUCH_KIND_READ, 1'000, 2'000);
  first.add_open_ended()->set_action("WatchEvents");
  first.set_entries(4);
  first.set_caseless(1);
  v1::ReportIncidentResponse second;
  // Of this case nothing is held any more when the second page comes.
  AddCase(second, kCaseA, "", v1::TOUCH_KIND_READ, 3'000, 4'000);
  AddCase(second, kCaseB, kCpr, v1::TOUCH_KIND_SEARCH, 100, 3'500);
  second.set_entries(3);
  second.set_erased(7);
  Incident incident;
  incident.Add(first);
  incident.Add(second);
  return incident;
}

TEST(IncidentReportTest, CasesOfAllPagesAreAddedUpByCitizen) {
  const Incident incident = Sample();
  EXPECT_EQ(incident.entries(), 7U);
  EXPECT_EQ(incident.caseless(), 1U);
  EXPECT_EQ(incident.erased(), 7U);
  ASSERT_EQ(incident.open_ended().size(), 1U);
  const auto touched = incident.ByCitizen();
  ASSERT_EQ(touched.size(), 2U);
  EXPECT_EQ(touched[0].cpr, kCpr);
  EXPECT_THAT(touched[0].case_ids, ElementsAre(kCaseA, kCaseB));
  EXPECT_THAT(touched[0].touches, ElementsAre(Pair(v1::TOUCH_KIND_READ, 4U), Pair(v1::TOUCH_KIND_SEARCH, 2U)));
  EXPECT_EQ(touched[0].first, absl::FromUnixSeconds(100));
  EXPECT_EQ(touched[0].last, absl::FromUnixSeconds(4'000));
  EXPECT_EQ(touched[1].cpr, "");
  EXPECT_THAT(touched[1].case_ids, ElementsAre(kCaseC));
}

TEST(IncidentReportTest, CasesOfWhichNothingIsHeldAreNotOneCitizen) {
  v1::ReportIncidentResponse page;
  AddCase(page, kCaseA, "", v1::TOUCH_KIND_READ, 1, 2);
  AddCase(page, kCaseB, "", v1::TOUCH_KIND_READ, 1, 2);
  Incident incident;
  incident.Add(page);
  EXPECT_EQ(incident.ByCitizen().size(), 2U);
}

TEST(IncidentReportTest, TheFileHoldsNumbersWhole) {
  const auto json = nlohmann::json::parse(IncidentJson(Sample().ByCitizen()))["touched"];
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0]["cpr"], kCpr);
  EXPECT_EQ(json[0]["case_ids"], nlohmann::json({kCaseA, kCaseB}));
  EXPECT_EQ(json[0]["touches"], nlohmann::json({{"read", 4}, {"search", 2}}));
  EXPECT_EQ(json[0]["first"], "1970-01-01T00:01:40.000000Z");
  EXPECT_TRUE(json[1]["cpr"].is_null());
}

class IncidentCommandTest : public testing::Workspace {
 protected:
  // Without a node that answers, a command line without fault is unavailable.
  ExitCode Incident(std::vector<std::string> more) {
    more.insert(more.begin(), {"citizen", "incident", "--address", "localhost:1"});
    return Run(more);
  }
};

TEST_F(IncidentCommandTest, OneOfFourIsAskedAbout) {
  const std::vector<std::string> time = {"--from", "2026-11-20", "--until", "2026-11-20"};
  const std::vector<std::string> by[] = {{"--by-officer", "anna"},
                                         {"--by-key", kCaseA},
                                         {"--by-certificate", std::string(64, 'a')},
                                         {"--by-received-grants"}};
  EXPECT_EQ(Incident(time), ExitCode::kUsage);
  EXPECT_THAT(program_.err, HasSubstr("--by-certificate"));
  for (const auto& one : by) {
    std::vector<std::string> args = time;
    args.insert(args.end(), one.begin(), one.end());
    EXPECT_EQ(Incident(args), ExitCode::kUnavailable) << one[0] << program_.err;
    for (const auto& other : by) {
      if (&one == &other) continue;
      std::vector<std::string> both = args;
      both.insert(both.end(), other.begin(), other.end());
      EXPECT_EQ(Incident(both), ExitCode::kUsage) << one[0] << " " << other[0];
    }
  }
}

TEST_F(IncidentCommandTest, TimesAreDaysOrMoments) {
  const auto run = [this](const std::string& from, const std::string& until) {
    return Incident({"--from", from, "--until", until, "--by-officer", "anna"});
  };
  EXPECT_EQ(run("2026-11-20", "2026-11-20"), ExitCode::kUnavailable) << "a day is there to its end";
  EXPECT_EQ(run("2026-11-20T10:00:00Z", "2026-11-20T11:00:00+01:00"), ExitCode::kUsage) << "the same moment";
  EXPECT_EQ(run("2026-11-20T10:00:00Z", "2026-11-20T11:00:01+01:00"), ExitCode::kUnavailable);
  EXPECT_EQ(run("2026-11-21", "2026-11-20"), ExitCode::kUsage);
  for (const char* wrong : {"yesterday", "2026-02-30", "2026-11-20 10:00", "infinite-future", "infinite-past"}) {
    EXPECT_EQ(run(wrong, "2026-12-01"), ExitCode::kUsage) << wrong;
    EXPECT_THAT(program_.err, HasSubstr("--from")) << wrong;
  }
  EXPECT_EQ(run("2026-11-20", "infinite-future"), ExitCode::kUsage);
}

TEST_F(IncidentCommandTest, ACertificateIsAFileOrAFingerprint) {
  const auto run = [this](const std::string& certificate) {
    return Incident({"--from", "2026-11-20", "--until", "2026-11-21", "--by-certificate", certificate});
  };
  EXPECT_EQ(run(Path("missing.pem")), ExitCode::kFailed);
  Write("other.pem", "no certificate");
  EXPECT_EQ(run(Path("other.pem")), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("CERTIFICATE_INVALID"));
  EXPECT_EQ(run(std::string(64, '0')), ExitCode::kUnavailable);
}

}  // namespace
}  // namespace medflyt::cli
