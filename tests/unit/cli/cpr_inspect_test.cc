#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/extract_text.h"
#include "tests/support/paths.h"
#include "tests/support/shared.h"
#include "tests/unit/cli/program.h"

namespace medflyt::cli {
namespace {

using ::medflyt::cli::testing::Program;
using ::medflyt::testing::ExtractText;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

ExtractText TwoMoves() {
  ExtractText text("20261121", "00000000");
  text.Person("6101801001").Address("0450", "0001", "202611201200", "0461").Protected("0001", "2020-01-01");
  text.Person("6101801002", "03").Address("0440", "9901", "000000000000", "0461", "*");
  text.Person("6101801003", "60", "6101801002").Person("6101801004", "80").Person("6101801005", "90");
  return text;
}

TEST(CprInspectTest, PrintsOneJsonObject) {
  Program program;
  ASSERT_EQ(program.Run({"cpr", "inspect", "--json", "-"}, TwoMoves().Closed()), ExitCode::kOk) << program.err;
  EXPECT_EQ(Json::parse(program.out), Json::parse(R"({
    "production_date": "2026-11-21", "previous_production_date": null, "records": 8, "persons": 5,
    "moves": [
      {"from": "0461", "to": "0450", "effective_date": "2026-11-20", "uncertain": false, "held": true,
       "hold_reasons": ["NAME_AND_ADDRESS_PROTECTION"]},
      {"from": "0461", "to": "0440", "effective_date": null, "uncertain": true, "held": true,
       "hold_reasons": ["SPECIAL_ROAD_CODE"]}],
    "emigrated": 1, "disappeared": 0, "dead": 1, "renumbered": 1, "protected": 1})"));
  EXPECT_EQ(program.err, "");
}

TEST(CprInspectTest, PrintsATable) {
  Program program;
  ASSERT_EQ(program.Run({"cpr", "inspect", "-"}, TwoMoves().Closed()), ExitCode::kOk) << program.err;
  EXPECT_THAT(program.out, HasSubstr("production date           2026-11-21\nprevious production date  -\n"));
  EXPECT_THAT(program.out, HasSubstr("\n0461  0450  2026-11-20      no         yes   NAME_AND_ADDRESS_PROTECTION\n"));
  EXPECT_THAT(program.out, Not(HasSubstr("610180")));
}

TEST(CprInspectTest, NothingIsPrintedOfABadExtract) {
  const std::string good = TwoMoves().Closed();
  for (const std::string& bad : {std::string(), good.substr(0, good.size() / 2), good + good, TwoMoves().Open(),
                                 TwoMoves().Open() + ExtractText::EndLine(9)}) {
    for (const bool json : {false, true}) {
      Program program;
      EXPECT_EQ(program.Run(json ? std::vector<std::string>{"cpr", "inspect", "--json", "-"}
                                 : std::vector<std::string>{"cpr", "inspect", "-"},
                            bad),
                ExitCode::kFailed);
      EXPECT_EQ(program.out, "");
      EXPECT_THAT(program.err, HasSubstr("(rule "));
      EXPECT_THAT(program.err, Not(HasSubstr("610180")));
    }
  }
}

TEST(CprInspectTest, SaysWhichFileCannotBeRead) {
  Program program;
  EXPECT_EQ(program.Run({"cpr", "inspect", "/nonexistent/extract"}), ExitCode::kFailed);
  EXPECT_EQ(program.err, "medflyt: cannot open /nonexistent/extract: No such file or directory\n");
  EXPECT_EQ(program.Run({"cpr", "inspect", ::testing::TempDir()}), ExitCode::kFailed);
  EXPECT_THAT(program.err, HasSubstr("is a folder"));
}

TEST(CprInspectTest, ShowsProgressOnATerminalAfterASecondAndClearsIt) {
  const std::string path = ::testing::TempDir() + "/large_extract";
  {
    ExtractText text;
    for (int i = 0; i < 28; ++i) {
      text.Person(std::to_string(61 + i) + "01801000");
      for (int j = 0; j < 500; ++j) text.Record("008", {{14, std::string(80, 'x')}});
    }
    std::ofstream(path, std::ios::binary) << text.Closed();
  }
  Program program;
  program.clock.step = absl::Milliseconds(600);
  ASSERT_EQ(program.Run({"cpr", "inspect", path}), ExitCode::kOk) << program.err;
  EXPECT_EQ(program.err, "") << "no terminal";
  program.err_terminal.is_terminal = true;
  ASSERT_EQ(program.Run({"cpr", "inspect", path}), ExitCode::kOk);
  EXPECT_THAT(program.err, HasSubstr(" %"));
  EXPECT_TRUE(program.err.ends_with("\r\x1b[K"));
  program.clock.step = absl::ZeroDuration();
  ASSERT_EQ(program.Run({"cpr", "inspect", path}), ExitCode::kOk);
  EXPECT_EQ(program.err, "") << "less than a second";
}

TEST(CprInspectTest, ReadsTheRealExtract) {
  MEDFLYT_SHARED_OR_SKIP(path, "cpr-direkte/extract-2001-11-19-part.txt");
  Program program;
  ASSERT_EQ(program.Run({"cpr", "inspect", "--json", path.string()}), ExitCode::kOk) << program.err;
  const Json summary = Json::parse(program.out);
  EXPECT_EQ(summary["production_date"], "2001-11-19");
  EXPECT_EQ(summary["previous_production_date"], "2001-11-16");
  EXPECT_EQ(summary["records"], 692);
  EXPECT_EQ(summary["persons"], 50);
  EXPECT_EQ(summary["moves"].size(), 23U);
  EXPECT_EQ(summary["moves"][11], Json::parse(R"({"from": "0333", "to": "0851", "effective_date": "2001-01-01",
            "uncertain": false, "held": true, "hold_reasons": ["NAME_AND_ADDRESS_PROTECTION"]})"));
  EXPECT_EQ(summary["emigrated"], 2);
  EXPECT_EQ(summary["disappeared"], 1);
  EXPECT_EQ(summary["dead"], 1);
  EXPECT_EQ(summary["renumbered"], 2);
  EXPECT_EQ(summary["protected"], 2);
}

// What the demo's script writes is an extract, and of nobody who exists.
TEST(MakeExtractTest, WritesWhatTheReaderReads) {
  const std::string folder = ::testing::TempDir();
  const std::string script = medflyt::testing::SourceDir() + "/deploy/make_extract.py";
  std::ofstream(folder + "/persons")
      << R"({"cpr": "6101801001", "from": "0461", "to": "0450", "date": "2026-11-20", "name": "Bjørn Ærø"})"
         "\n"
      << "# a note\n\n"
      << R"({"cpr": "6101801002", "from": "0450", "to": "0440", "date": "2026-11-19", "protected": true})"
         "\n"
      << R"({"cpr": "6101801003", "from": "0461", "to": "0450", "date": "2026-11-18", "road": "9950", "uncertain": true})"
         "\n"
      << R"({"cpr": "6101801004", "status": "60", "current": "6101801001"})"
         "\n"
      << R"({"cpr": "6101801005", "status": "80", "country": "5120", "date": "2026-11-18"})"
         "\n"
      << R"({"cpr": "6101801006", "status": "70", "date": "2026-11-18"})"
         "\n"
      << R"({"cpr": "6101801007", "status": "90"})"
         "\n"
      << R"({"cpr": "6101801008", "to": "0461", "former": "6101801009", "date": "2026-11-18", "events": ["A09"],)"
      << R"( "history": [{"municipality": "0450", "in": "2026-01-01", "out": "2026-11-18", "mark": "A"}]})"
         "\n";
  const auto run = [&](const std::string& input) {
    return std::system(("python3 " + script + " --production 2026-11-21 --previous 2026-11-20 < " + input + " > " +
                        folder + "/extract 2> " + folder + "/messages")
                           .c_str());
  };
  ASSERT_EQ(run(folder + "/persons"), 0) << ::medflyt::testing::ReadFile(folder + "/messages");
  EXPECT_THAT(::medflyt::testing::ReadFile(folder + "/extract"), HasSubstr("Bj\xf8rn \xc6r\xf8"));
  Program program;
  ASSERT_EQ(program.Run({"cpr", "inspect", "--json", folder + "/extract"}), ExitCode::kOk) << program.err;
  const Json summary = Json::parse(program.out);
  EXPECT_EQ(summary["persons"], 8);
  EXPECT_EQ(summary["moves"].size(), 3U);
  EXPECT_EQ(summary["moves"][0]["held"], false);
  EXPECT_EQ(summary["moves"][1]["hold_reasons"], Json::array({"NAME_AND_ADDRESS_PROTECTION"}));
  EXPECT_EQ(summary["moves"][2]["hold_reasons"], Json::array({"SPECIAL_ROAD_CODE"}));
  EXPECT_EQ(summary["moves"][2]["uncertain"], true);
  for (const char* count : {"emigrated", "disappeared", "dead", "renumbered", "protected"})
    EXPECT_EQ(summary[count], 1);

  for (const char* wrong : {R"({"cpr": "0101801001"})", R"({"cpr": "6101801001", "town": "Odense"})",
                            R"({"to": "0461"})", R"({"cpr": "6101801001", "to": "461"})", "[]", "nonsense",
                            R"({"cpr": "6101801001", "to": "0461", "date": "2026-02-30"})"}) {
    std::ofstream(folder + "/wrong") << wrong << "\n";
    EXPECT_NE(run(folder + "/wrong"), 0) << wrong;
    EXPECT_THAT(::medflyt::testing::ReadFile(folder + "/messages"), HasSubstr("line 1")) << wrong;
  }
}

}  // namespace
}  // namespace medflyt::cli
