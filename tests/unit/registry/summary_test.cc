#include "common/registry/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "tests/support/extract_text.h"
#include "tests/support/shared.h"

namespace medflyt::registry {
namespace {

using ::medflyt::testing::ExtractText;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAnna[] = "6101801000";
constexpr char kBent[] = "6202801000";

absl::StatusOr<ExtractSummary> SummaryOf(std::string_view text) {
  return Summarise([text]() mutable -> absl::StatusOr<std::string_view> {
    const std::string_view chunk = text.substr(0, 1000);
    text.remove_prefix(chunk.size());
    return chunk;
  });
}

ExtractSummary SummaryOf(const ExtractText& text) {
  auto summary = SummaryOf(text.Closed());
  EXPECT_TRUE(summary.ok()) << summary.status();
  return summary.ok() ? *std::move(summary) : ExtractSummary();
}

// "from to date u HOLD..." a move.
std::vector<std::string> Lines(const MoveList& moves) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < moves.size(); ++i) {
    const Move move = moves[i];
    std::string line = move.from.ToString() + " " + move.to.ToString() + " " +
                       (move.effective_date ? FormatIsoDate(*move.effective_date) : std::string("none"));
    if (move.uncertain) line += " uncertain";
    for (const std::string_view reason : move.holds.Names()) line.append(" ").append(reason);
    EXPECT_EQ(move.held(), !move.holds.Names().empty());
    lines.push_back(line);
  }
  return lines;
}

TEST(SummaryTest, MoveIsAMunicipalityLeftOtherThanThePresentOne) {
  ExtractText text;
  text.Person("6101801001").Address("0450", "0001", "202611201200", "0461");
  text.Person("6101801002").Address("0461", "0001", "202611201200", "0461");
  text.Person("6101801003").Address("0461", "0001", "202611201200", "0000");
  text.Person("6101801004").Address("0461", "0001", "202611201200", "");
  text.Person("6101801005").Address("0000", "0000", "202611201200", "0461");
  text.Person("6101801006").Record("099", {{14, "202611201200"}, {26, "A01"}});
  const ExtractSummary summary = SummaryOf(text);
  EXPECT_THAT(Lines(summary.moves), ElementsAre("0461 0450 2026-11-20"));
  EXPECT_EQ(summary.persons, 6U);
  EXPECT_EQ(summary.records, 12U);
}

TEST(SummaryTest, UncertainWhereMarkedOrWithoutADate) {
  ExtractText text;
  text.Person("6101801001").Address("0450", "0001", "202611201200", "0461", "*");
  text.Person("6101801002").Address("0450", "0001", "000000000000", "0461");
  text.Person("6101801003").Address("0450", "0001", "", "0461");
  text.Person("6101801004").Record("002", {{14, "0450"}, {82, "*"}, {83, "202611201200"}, {96, "0461"}, {112, "*"}});
  EXPECT_THAT(Lines(SummaryOf(text).moves), ElementsAre("0461 0450 2026-11-20 uncertain", "0461 0450 none uncertain",
                                                        "0461 0450 none uncertain", "0461 0450 2026-11-20"))
      << "the marks of the other dates do not count";
}

TEST(SummaryTest, NameAndAddressProtectionInForceHolds) {
  ExtractText text("20261121", "20261120");
  const auto person = [&text](std::string_view type, std::string_view from, std::string_view to) {
    text.Person(kAnna).Address("0450", "0001", "202611201200", "0461").Protected(type, from, to);
    text.Person(kBent);
  };
  person("0001", "2026-11-21", "");
  person("0001", "2026-11-22", "");
  person("0001", "2020-01-01", "2026-11-21");
  person("0001", "2020-01-01", "2026-11-22");
  person("0001", "", "");
  person("0002", "2020-01-01", "");
  person("0003", "2020-01-01", "");
  person("0004", "2020-01-01", "");
  const ExtractSummary summary = SummaryOf(text);
  const std::string free = "0461 0450 2026-11-20";
  const std::string held = free + " NAME_AND_ADDRESS_PROTECTION";
  EXPECT_THAT(Lines(summary.moves), ElementsAre(held, free, free, held, held, free, free, free));
  EXPECT_EQ(summary.is_protected, 3U);
}

TEST(SummaryTest, ProtectedPersonsAreCountedOnceAndWithoutAMoveToo) {
  ExtractText text;
  text.Person(kAnna).Protected("0001", "2020-01-01").Protected("0001", "2021-01-01");
  EXPECT_EQ(SummaryOf(text).is_protected, 1U);
}

TEST(SummaryTest, ProtectionAfterTheAddressRecordHoldsToo) {
  ExtractText text;
  text.Person(kAnna).Protected("0001", "2020-01-01").Address("0450", "9900", "202611201200", "0461");
  EXPECT_THAT(Lines(SummaryOf(text).moves),
              ElementsAre("0461 0450 2026-11-20 NAME_AND_ADDRESS_PROTECTION SPECIAL_ROAD_CODE"));
}

TEST(SummaryTest, SpecialRoadCodeHolds) {
  ExtractText text;
  text.Person("6101801001").Address("0450", "9899", "202611201200", "0461");
  text.Person("6101801002").Address("0450", "9900", "202611201200", "0461");
  text.Person("6101801003").Address("0450", "9999", "202611201200", "0461");
  text.Person("6101801004", "03").Address("0450", "", "202611201200", "0461");
  const std::string free = "0461 0450 2026-11-20";
  const std::string held = free + " SPECIAL_ROAD_CODE";
  EXPECT_THAT(Lines(SummaryOf(text).moves), ElementsAre(free, held, held, held));
}

TEST(SummaryTest, StatusesAreCountedApart) {
  ExtractText text;
  int serial = 0;
  for (const char* status :
       {"80", "80", "80", "80", "70", "70", "70", "90", "90", "60", "01", "03", "05", "07", "20", "30", "50"}) {
    text.Person("61018010" + std::to_string(10 + serial++), status);
  }
  const ExtractSummary summary = SummaryOf(text);
  EXPECT_EQ(summary.emigrated, 4U);
  EXPECT_EQ(summary.disappeared, 3U);
  EXPECT_EQ(summary.dead, 2U);
  EXPECT_EQ(summary.renumbered, 1U);
  EXPECT_EQ(summary.is_protected, 0U);
  EXPECT_THAT(Lines(summary.moves), IsEmpty());
}

TEST(SummaryTest, ErrorsOfTheSourcePass) {
  const auto summary = Summarise([]() -> absl::StatusOr<std::string_view> { return absl::DataLossError("disk"); });
  EXPECT_EQ(summary.status(), absl::DataLossError("disk"));
}

TEST(MoveListTest, KeepsEveryValue) {
  MoveList list;
  std::vector<Move> moves;
  for (const uint32_t code : {1U, 461U, 9999U}) {
    for (const auto& date :
         {std::optional<Date>(), std::optional(Date(1800, 1, 1)), std::optional(Date(9999, 12, 31))}) {
      for (const bool flag : {false, true}) {
        Move move;
        move.from = *MunicipalityCode::FromNumber(code);
        move.to = *MunicipalityCode::FromNumber(10000 - code);
        move.effective_date = date;
        move.uncertain = flag;
        move.holds = {.name_and_address_protection = !flag, .special_road_code = code == 461};
        moves.push_back(move);
        list.Append(move);
      }
    }
  }
  ASSERT_EQ(list.size(), moves.size());
  for (size_t i = 0; i < moves.size(); ++i) EXPECT_EQ(list[i], moves[i]) << i;
}

// The expected values were found apart from this code, by a script of forty lines that reads the columns of the
// layout's description, and by eye in the records of types 001, 002 and 004.
TEST(RealExtractTest, GivesItsKnownFigures) {
  MEDFLYT_SHARED_OR_SKIP(path, "cpr-direkte/extract-2001-11-19-part.txt");
  const auto summary = SummaryOf(testing::ReadFile(path));
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->header.production_date, Date(2001, 11, 19));
  EXPECT_EQ(summary->header.previous_production_date, Date(2001, 11, 16));
  EXPECT_EQ(summary->records, 692U);
  EXPECT_EQ(summary->persons, 50U);
  EXPECT_EQ(summary->emigrated, 2U);
  EXPECT_EQ(summary->disappeared, 1U);
  EXPECT_EQ(summary->dead, 1U);
  EXPECT_EQ(summary->renumbered, 2U);
  EXPECT_EQ(summary->is_protected, 2U);
  EXPECT_THAT(
      Lines(summary->moves),
      ElementsAre("0573 0851 1998-01-01", "0573 0851 1998-02-28", "0851 0573 2000-02-28", "0751 0851 2001-01-01",
                  "0571 0851 1980-09-09", "0751 0851 1997-12-31", "0571 0851 1997-09-09", "0573 0851 1997-09-09",
                  "0011 0851 2001-11-11", "0573 0851 1982-07-01", "0571 0851 1997-12-31",
                  "0333 0851 2001-01-01 NAME_AND_ADDRESS_PROTECTION", "0573 0851 1998-02-28", "0573 0851 1997-09-09",
                  "0573 0851 1997-09-09", "0751 0851 1997-12-31", "0573 0851 1997-12-31", "0751 0851 1997-12-31",
                  "0573 0851 1998-02-28", "0571 0851 1996-08-08", "0573 0851 1997-12-31", "0573 0851 1998-02-28",
                  "0573 0851 1998-02-28"));
}

TEST(RealExtractTest, IsRefusedWithAnyLineMissing) {
  MEDFLYT_SHARED_OR_SKIP(path, "cpr-direkte/extract-2001-11-19-part.txt");
  const std::string whole = testing::ReadFile(path);
  size_t lines = 0;
  for (size_t begin = 0; begin < whole.size(); ++lines) {
    const size_t end = whole.find('\n', begin) + 1;
    EXPECT_FALSE(SummaryOf(whole.substr(0, begin) + whole.substr(end)).ok()) << "without line " << lines + 1;
    begin = end;
  }
  EXPECT_EQ(lines, 694U);
}

}  // namespace
}  // namespace medflyt::registry
