#include "common/registry/extract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/status.h"
#include "tests/support/extract_text.h"

namespace medflyt::registry {
namespace {

using ::medflyt::testing::ExtractText;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAnna[] = "6101801000";
constexpr char kBent[] = "6202801000";
constexpr char kCarla[] = "6303801000";

class Recorder final : public ExtractVisitor {
 public:
  absl::Status OnStart(const ExtractHeader& header) override {
    headers.push_back(header);
    return absl::OkStatus();
  }
  absl::Status OnPerson(const PersonRecord& person) override {
    persons.push_back(person);
    return persons.size() == stop_after ? absl::AbortedError("enough") : absl::OkStatus();
  }

  std::vector<ExtractHeader> headers;
  std::vector<PersonRecord> persons;
  size_t stop_after = 0;
};

absl::Status Read(std::string_view text, Recorder& recorder, ExtractCounts* counts = nullptr) {
  ExtractReader reader(recorder);
  MEDFLYT_RETURN_IF_ERROR(reader.Feed(text));
  MEDFLYT_RETURN_IF_ERROR(reader.Finish());
  if (counts != nullptr) *counts = reader.counts();
  return absl::OkStatus();
}

// The one person of an extract that must be read.
PersonRecord Only(const ExtractText& text) {
  Recorder recorder;
  const absl::Status status = Read(text.Closed(), recorder);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(recorder.persons.size(), 1U);
  return recorder.persons.empty() ? PersonRecord(*CprNumber::Parse(kAnna)) : recorder.persons.front();
}

// "RULE field" of an extract that must not be read.
std::string Broken(std::string_view text) {
  Recorder recorder;
  const absl::Status status = Read(text, recorder);
  if (status.ok()) return "accepted";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(status.ToString(), Not(HasSubstr("801000"))) << "part of a CPR number leaks";
  const auto broken = BrokenRuleOf(status);
  if (!broken) return "no rule: " + status.ToString();
  EXPECT_THAT(std::string(status.message()), HasSubstr(broken->field));
  return broken->rule + " " + broken->field;
}
std::string Broken(const ExtractText& text) { return Broken(text.Closed()); }

TEST(ExtractTest, ReadsHeaderCountsAndPersons) {
  ExtractText text("20261121", "20261119");
  text.Person(kAnna).Record("008", {{14, "Ann\xe6"}}).Address("0461", "1234", "202001011200");
  text.Person(kBent, "60", kCarla);
  Recorder recorder;
  ExtractCounts counts;
  ASSERT_TRUE(Read(text.Closed(), recorder, &counts).ok());
  ASSERT_EQ(recorder.headers.size(), 1U);
  EXPECT_EQ(recorder.headers[0].production_date, Date(2026, 11, 21));
  EXPECT_EQ(recorder.headers[0].previous_production_date, Date(2026, 11, 19));
  EXPECT_EQ(recorder.headers[0].task, "110901");
  EXPECT_EQ(counts, (ExtractCounts{.records = 4, .persons = 2, .unread = 1}));
  ASSERT_EQ(recorder.persons.size(), 2U);
  EXPECT_EQ(recorder.persons[0].cpr.ExposeDigits(), kAnna);
  EXPECT_EQ(recorder.persons[0].status, PersonStatus::kResident);
  EXPECT_FALSE(recorder.persons[0].current_cpr);
  EXPECT_EQ(recorder.persons[1].status, PersonStatus::kRenumbered);
  EXPECT_EQ(recorder.persons[1].current_cpr->ExposeDigits(), kCarla);
  EXPECT_FALSE(recorder.persons[1].address) << "left over from the person before";
}

TEST(ExtractTest, ZeroPreviousProductionDateIsNone) {
  Recorder recorder;
  ASSERT_TRUE(Read(ExtractText("20261121", "00000000").Closed(), recorder).ok());
  EXPECT_EQ(recorder.headers[0].previous_production_date, std::nullopt);
  EXPECT_TRUE(recorder.persons.empty());
  Recorder cut;
  ASSERT_TRUE(Read(ExtractText("20261121", "").Closed(), cut).ok());
  EXPECT_EQ(cut.headers[0].previous_production_date, std::nullopt);
}

TEST(ExtractTest, ReadsEveryFieldAtItsPosition) {
  ExtractText text;
  text.Person(kAnna, "03");
  text.Record("002", {{14, "0450"},
                      {18, "9901"},
                      {70, "202001021200"},
                      {82, "*"},
                      {83, "202003042400"},
                      {96, "0461"},
                      {100, "202005069999"},
                      {112, "*"}});
  text.Protected("0001", "2020-01-01", "2020-02-01").Protected("0003", "2021-01-01");
  text.Record("005", {{14, "5120"}, {18, "202107080000"}});
  text.Record("007", {{14, "202209100000"}, {26, "*"}});
  text.Record("022", {{14, kBent}, {24, "1999-01-02"}, {34, "*"}, {35, "2001-03-04"}});
  text.Record("023", {{14, "A"}, {15, "0440"}, {71, "201001010000"}, {84, "201102020000"}});
  text.Record("023", {{14, "K"}, {15, "0430"}});
  text.Record("023", {{15, "0573"}, {71, "000000000000"}});
  text.Record("099", {{14, "202611200001"}, {26, "A01"}, {29, "P3"}});
  text.Record("099", {{14, "202611200001"}, {26, "A09"}});
  const PersonRecord person = Only(text);

  EXPECT_EQ(person.status, PersonStatus::kResidentSpecialRoad);
  ASSERT_TRUE(person.address);
  EXPECT_EQ(person.address->municipality.ToString(), "0450");
  EXPECT_EQ(person.address->road, 9901);
  EXPECT_EQ(person.address->moved_in, (StatedDate{Date(2020, 1, 2), true}));
  EXPECT_EQ(person.address->into_municipality, (StatedDate{Date(2020, 3, 4), false}));
  EXPECT_EQ(person.address->left_municipality.ToString(), "0461");
  EXPECT_EQ(person.address->left_at, (StatedDate{Date(2020, 5, 6), true}));

  ASSERT_EQ(person.protections.size(), 2U);
  EXPECT_EQ(person.protections[0].type, 1);
  EXPECT_EQ(person.protections[0].from, Date(2020, 1, 1));
  EXPECT_EQ(person.protections[0].to, Date(2020, 2, 1));
  EXPECT_EQ(person.protections[1].type, 3);
  EXPECT_EQ(person.protections[1].to, std::nullopt);

  ASSERT_TRUE(person.abroad);
  EXPECT_EQ(person.abroad->country, 5120);
  EXPECT_EQ(person.abroad->left, (StatedDate{Date(2021, 7, 8), false}));
  EXPECT_EQ(person.disappeared, (StatedDate{Date(2022, 9, 10), true}));

  ASSERT_EQ(person.number_changes.size(), 1U);
  EXPECT_EQ(person.number_changes[0].former.ExposeDigits(), kBent);
  EXPECT_EQ(person.number_changes[0].from, (StatedDate{Date(1999, 1, 2), true}));
  EXPECT_EQ(person.number_changes[0].to, (StatedDate{Date(2001, 3, 4), false}));

  ASSERT_EQ(person.historic_addresses.size(), 3U);
  EXPECT_EQ(person.historic_addresses[0].mark, CorrectionMark::kAnnulled);
  EXPECT_EQ(person.historic_addresses[0].municipality.ToString(), "0440");
  EXPECT_EQ(person.historic_addresses[0].moved_in.date, Date(2010, 1, 1));
  EXPECT_EQ(person.historic_addresses[0].moved_out.date, Date(2011, 2, 2));
  EXPECT_EQ(person.historic_addresses[1].mark, CorrectionMark::kCorrected);
  EXPECT_EQ(person.historic_addresses[2].mark, CorrectionMark::kNone);
  EXPECT_EQ(person.historic_addresses[2].moved_in, StatedDate());

  ASSERT_EQ(person.events.size(), 2U);
  EXPECT_EQ(person.events[0].code_view(), "A01");
  EXPECT_EQ(person.events[0].derived, (std::array<char, 2>{'P', '3'}));
  EXPECT_EQ(person.events[0].time.date, Date(2026, 11, 20));
  EXPECT_EQ(person.events[1].code_view(), "A09");
  EXPECT_EQ(person.events[1].derived, (std::array<char, 2>{' ', ' '}));
}

TEST(ExtractTest, ProtectionIsInForceFromItsFirstDayToBeforeItsLast) {
  const Protection limited{.type = 1, .from = Date(2026, 11, 1), .to = Date(2026, 12, 1)};
  EXPECT_FALSE(limited.InForceOn(Date(2026, 10, 31)));
  EXPECT_TRUE(limited.InForceOn(Date(2026, 11, 1)));
  EXPECT_TRUE(limited.InForceOn(Date(2026, 11, 30)));
  EXPECT_FALSE(limited.InForceOn(Date(2026, 12, 1)));
  const Protection open{.type = 1, .from = Date(2026, 11, 1), .to = std::nullopt};
  EXPECT_TRUE(open.InForceOn(Date(2126, 11, 1)));
}

TEST(ExtractTest, AbsentFieldsOfCutLinesAreBlank) {
  ExtractText text;
  text.Person(kAnna).Record("002", {{14, "0461"}, {18, "0012"}});
  const PersonRecord person = Only(text);
  EXPECT_EQ(person.address->left_municipality, MunicipalityCode());
  EXPECT_EQ(person.address->into_municipality, StatedDate());
}

TEST(ExtractTest, UncutLinesAndEitherLineEndAreRead) {
  ExtractText text;
  text.Person(kAnna).Record("002", {{14, "0461"}, {400, " "}});
  EXPECT_EQ(Broken(text.Closed("\r\n")), "accepted");
  EXPECT_EQ(Broken(text.Open() + ExtractText::EndLine(2)), "accepted") << "no end of the last line";
  EXPECT_EQ(Broken(text.Open() + ExtractText::EndLine(2) + "   \r\n\n"), "accepted") << "blank lines at the end";
}

TEST(ExtractTest, TimeOfDayMayBeAnyDigits) {
  for (const char* time : {"202001020000", "202001022400", "202001029999"}) {
    EXPECT_EQ(Only(ExtractText().Person(kAnna).Address("0461", "0001", time)).address->into_municipality.date,
              Date(2020, 1, 2));
  }
}

TEST(ExtractTest, IncompleteDateNeedsItsUncertainMark) {
  const auto with_mark = Only(ExtractText().Person(kAnna).Record("002", {{83, "202000000000"}, {95, "*"}}));
  EXPECT_EQ(with_mark.address->into_municipality, (StatedDate{std::nullopt, true}));
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("002", {{83, "202000000000"}})),
            "DATE_INVALID 002.into_municipality");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("002", {{83, "202000120000"}, {95, "*"}})),
            "DATE_INVALID 002.into_municipality");
}

TEST(ExtractTest, VisitorsErrorEndsTheReading) {
  ExtractText text;
  text.Person(kAnna).Person(kBent).Person(kCarla);
  Recorder recorder;
  recorder.stop_after = 2;
  EXPECT_EQ(Read(text.Closed(), recorder).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(recorder.persons.size(), 2U);
}

TEST(ExtractTest, AnErrorStays) {
  Recorder recorder;
  ExtractReader reader(recorder);
  const absl::Status first = reader.Feed("nonsense\n");
  EXPECT_FALSE(first.ok());
  EXPECT_EQ(reader.Feed(ExtractText().Closed()), first);
  EXPECT_EQ(reader.Finish(), first);
  EXPECT_TRUE(recorder.headers.empty());
}

TEST(ExtractTest, NothingMayBeFedAfterTheFinish) {
  Recorder recorder;
  ExtractReader reader(recorder);
  ASSERT_TRUE(reader.Feed(ExtractText().Closed()).ok());
  ASSERT_TRUE(reader.Finish().ok());
  EXPECT_EQ(reader.Feed("x").code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ExtractTest, MessageNamesRecordTypeAndField) {
  ExtractText text;
  text.Person(kAnna).Address("04x1", "0001", "202001021200");
  Recorder recorder;
  EXPECT_EQ(Read(text.Closed(), recorder).message(), "record 3 of type 002, 002.municipality: must be 4 digits");
}

// --- What must be refused ---

TEST(ExtractRefusalTest, StartRecord) {
  EXPECT_EQ(Broken(""), "START_RECORD_MISSING record_type");
  EXPECT_EQ(Broken("\n"), "START_RECORD_MISSING record_type");
  EXPECT_EQ(Broken("\xef\xbb\xbf" + ExtractText().Closed()), "START_RECORD_MISSING record_type") << "byte order mark";
  ExtractText person;
  person.Person(kAnna);
  EXPECT_EQ(Broken(person.Closed().substr(person.Open().find('\n') + 1)), "START_RECORD_MISSING record_type");
  EXPECT_EQ(Broken(ExtractText("00000000")), "DATE_REQUIRED 000.production_date");
  EXPECT_EQ(Broken(ExtractText("", "")), "DATE_REQUIRED 000.production_date");
  EXPECT_EQ(Broken(ExtractText("2026112x")), "DIGITS_REQUIRED 000.production_date");
  EXPECT_EQ(Broken(ExtractText("20261131")), "DATE_INVALID 000.production_date");
  EXPECT_EQ(Broken(ExtractText("19011119")), "DATE_CENTURY 000.production_date");
  EXPECT_EQ(Broken(ExtractText("21011119")), "DATE_CENTURY 000.production_date");
  EXPECT_EQ(Broken(ExtractText("00011119")), "DATE_CENTURY 000.production_date");
  EXPECT_EQ(Broken(ExtractText("20261121", "19261120")), "DATE_CENTURY 000.previous_production_date");
  EXPECT_EQ(Broken(ExtractText("20261121", "20261122")), "DATE_ORDER 000.previous_production_date");
  EXPECT_EQ(Broken(ExtractText("20261121", "2026112")), "DIGITS_REQUIRED 000.previous_production_date");
  EXPECT_EQ(Broken(ExtractText().Raw("0000000000000110901"
                                     "20261121"
                                     "20261120")),
            "RECORD_ORDER record_type");
}

TEST(ExtractRefusalTest, EndRecord) {
  ExtractText text;
  text.Person(kAnna).Person(kBent);
  EXPECT_EQ(Broken(text.Open()), "END_RECORD_MISSING record_type");
  EXPECT_EQ(Broken(ExtractText().Open()), "END_RECORD_MISSING record_type");
  EXPECT_EQ(Broken(text.Open() + ExtractText::EndLine(1)), "RECORD_COUNT_MISMATCH 999.count");
  EXPECT_EQ(Broken(text.Open() + ExtractText::EndLine(3)), "RECORD_COUNT_MISMATCH 999.count");
  EXPECT_EQ(Broken(text.Open() + ExtractText::EndLine(4)), "RECORD_COUNT_MISMATCH 999.count")
      << "the start and end record do not count";
  EXPECT_EQ(Broken(text.Open() + "999999999999900000002x"), "DATA_AFTER_END 999.count");
  EXPECT_EQ(Broken(text.Open() + "99999999999990000000"), "DIGITS_REQUIRED 999.count");
  EXPECT_EQ(Broken(text.Open() + "9999999999999       2"), "DIGITS_REQUIRED 999.count");
  EXPECT_EQ(Broken(text.Open() + "999"), "DIGITS_REQUIRED 999.count");
  EXPECT_EQ(Broken(text.Closed() + "001"), "DATA_AFTER_END record_type");
  EXPECT_EQ(Broken(text.Closed() + text.Closed()), "DATA_AFTER_END record_type") << "the extract twice";
}

TEST(ExtractRefusalTest, EveryTruncation) {
  ExtractText text;
  text.Person(kAnna).Address("0461", "0001", "202001021200", "0450").Person(kBent).Protected("0001", "2020-01-01");
  const std::string whole = text.Closed();
  // The last byte is the last line's end, which may be missing.
  const size_t start_record = whole.find('\n') + 1;
  const size_t end_record = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t length = 0; length + 1 < whole.size(); ++length) {
    const std::string broken = Broken(std::string_view(whole).substr(0, length));
    EXPECT_NE(broken, "accepted") << length;
    if (length >= start_record && length < end_record + 3) {
      EXPECT_EQ(broken, "END_RECORD_MISSING record_type") << length;
    }
  }
}

TEST(ExtractRefusalTest, RecordType) {
  for (const char* line : {"0x1", "", " ", "00", "abc0101801000", "-016101801000", "\xb2\xb2\xb2"}) {
    EXPECT_EQ(Broken(ExtractText().Person(kAnna).Raw(line)), "RECORD_TYPE_INVALID record_type") << line;
  }
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("555", {{14, "anything"}})), "accepted")
      << "types that are not known may come";
}

TEST(ExtractRefusalTest, PersonNumber) {
  EXPECT_EQ(Broken(ExtractText().Raw("001")), "CPR_NUMBER_MALFORMED 001.cpr_number");
  EXPECT_EQ(Broken(ExtractText().Raw("001610180100           01")), "CPR_NUMBER_MALFORMED 001.cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person("61018010x0")), "CPR_NUMBER_MALFORMED 001.cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person("2902000001")), "CPR_NUMBER_DATE 001.cpr_number")
      << "no 29 February in the century that the 7th digit tells";
  EXPECT_EQ(Broken(ExtractText().Person("0000000000")), "CPR_NUMBER_DATE 001.cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna, "60", "2902000001")), "CPR_NUMBER_DATE 001.current_cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna, "60", "62018")), "CPR_NUMBER_MALFORMED 001.current_cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Raw("008")), "CPR_NUMBER_MALFORMED 008.cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Raw("555abcdefghij")), "CPR_NUMBER_MALFORMED 555.cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("022", {{14, "3113801000"}})),
            "CPR_NUMBER_DATE 022.former_cpr_number");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("022", {})), "CPR_NUMBER_MALFORMED 022.former_cpr_number");
}

TEST(ExtractRefusalTest, Order) {
  const std::string address = std::string("002") + kBent + "04610001";
  EXPECT_EQ(Broken(ExtractText().Raw(address)), "RECORD_ORDER 002.cpr_number") << "no 001 yet";
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Raw(address)), "RECORD_ORDER 002.cpr_number") << "another's record";
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Person(kBent).Raw(std::string("555") + kAnna)),
            "RECORD_ORDER 555.cpr_number")
      << "records that are not read are checked too";
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Person(kAnna)), "RECORD_REPEATED record_type");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("002", {}).Record("002", {})), "RECORD_REPEATED record_type");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("005", {}).Record("005", {})), "RECORD_REPEATED record_type");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("007", {}).Record("007", {})), "RECORD_REPEATED record_type");
}

TEST(ExtractRefusalTest, Status) {
  EXPECT_EQ(Broken(ExtractText().Raw(std::string("001") + kAnna)), "DIGITS_REQUIRED 001.status");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna, "1")), "DIGITS_REQUIRED 001.status");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna, " 1")), "DIGITS_REQUIRED 001.status");
  for (const char* status : {"00", "02", "10", "99"}) {
    EXPECT_EQ(Broken(ExtractText().Person(kAnna, status)), "STATUS_UNKNOWN 001.status") << status;
  }
  for (const char* status : {"01", "03", "05", "07", "20", "30", "50", "60", "70", "80", "90"}) {
    EXPECT_EQ(Broken(ExtractText().Person(kAnna, status)), "accepted") << status;
  }
}

struct BadField {
  const char* type;
  size_t position;
  const char* text;
  const char* broken;
};

TEST(ExtractRefusalTest, Fields) {
  const BadField cases[] = {
      {"002", 14, "461", "DIGITS_REQUIRED 002.municipality"},
      {"002", 14, "O461", "DIGITS_REQUIRED 002.municipality"},
      {"002", 18, "99x1", "DIGITS_REQUIRED 002.road"},
      {"002", 18, "-001", "DIGITS_REQUIRED 002.road"},
      {"002", 70, "20201302 200", "DIGITS_REQUIRED 002.moved_in"},
      {"002", 70, "202013021200", "DATE_INVALID 002.moved_in"},
      {"002", 83, "20200102", "DIGITS_REQUIRED 002.into_municipality"},
      {"002", 83, "202102291200", "DATE_INVALID 002.into_municipality"},
      {"002", 83, "202001321200", "DATE_INVALID 002.into_municipality"},
      {"002", 83, "020201021200", "DATE_CENTURY 002.into_municipality"},
      {"002", 83, "212001021200", "DATE_CENTURY 002.into_municipality"},
      {"002", 83, "192001021200", "DATE_BEFORE_BIRTH 002.into_municipality"},
      {"002", 96, "4 61", "DIGITS_REQUIRED 002.left_municipality"},
      {"002", 100, "2020010212", "DIGITS_REQUIRED 002.left_at"},
      {"002", 100, "182001021200", "DATE_BEFORE_BIRTH 002.left_at"},
      {"004", 14, "A001", "DIGITS_REQUIRED 004.type"},
      {"004", 18, "20200101", "DATE_INVALID 004.from"},
      {"004", 18, "2020/01/01", "DATE_INVALID 004.from"},
      {"004", 18, "2020-02-30", "DATE_INVALID 004.from"},
      {"004", 18, "0202-01-01", "DATE_CENTURY 004.from"},
      {"004", 28, "2020-13-01", "DATE_INVALID 004.to"},
      {"004", 28, "2020-1-1", "DATE_INVALID 004.to"},
      {"005", 14, "51x0", "DIGITS_REQUIRED 005.country"},
      {"005", 18, "202001", "DIGITS_REQUIRED 005.left"},
      {"007", 14, "20200132abcd", "DIGITS_REQUIRED 007.from"},
      {"007", 14, "302001011200", "DATE_CENTURY 007.from"},
      {"023", 15, "0x61", "DIGITS_REQUIRED 023.municipality"},
      {"023", 71, "202000001200", "DATE_INVALID 023.moved_in"},
      {"023", 84, "202099991200", "DATE_INVALID 023.moved_out"},
      {"099", 14, "now", "DIGITS_REQUIRED 099.time"},
      {"099", 14, "999901011200", "DATE_CENTURY 099.time"},
  };
  for (const BadField& bad : cases) {
    EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record(bad.type, {{bad.position, bad.text}})), bad.broken) << bad.text;
  }
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("022", {{14, kBent}, {24, "1999-02-29"}})),
            "DATE_INVALID 022.from");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("022", {{14, kBent}, {35, "2199-02-01"}})),
            "DATE_CENTURY 022.to");
}

TEST(ExtractRefusalTest, ControlCharactersAndLength) {
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("008", {{14, std::string_view("a\0b", 3)}})),
            "CONTROL_CHARACTER record");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("008", {{14, "a\rb"}})), "CONTROL_CHARACTER record");
  const std::string longest(ExtractReader::kMaxRecordBytes - 13, 'x');
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("008", {{14, longest}})), "accepted");
  EXPECT_EQ(Broken(ExtractText().Person(kAnna).Record("008", {{14, longest + "x"}})), "RECORD_TOO_LONG record");
  EXPECT_EQ(Broken(std::string(1 << 20, '0')), "RECORD_TOO_LONG record");
}

TEST(ExtractRefusalTest, MorePerPersonThanMemoryShouldHold) {
  ExtractText text;
  text.Person(kAnna);
  for (size_t i = 1; i < ExtractReader::kMaxRecordsPerPerson; ++i) text.Record("099", {});
  EXPECT_EQ(Broken(text), "accepted");
  EXPECT_EQ(Broken(text.Record("099", {})), "TOO_MANY_RECORDS record_type");
}

TEST(ExtractContinuityTest, PreviousProductionDateMustBeTheLastOneRead) {
  const ExtractHeader header{
      .task = "", .production_date = Date(2026, 11, 21), .previous_production_date = Date(2026, 11, 20)};
  EXPECT_TRUE(CheckContinues(header, Date(2026, 11, 20)).ok());
  EXPECT_TRUE(CheckContinues(header, std::nullopt).ok()) << "the first one";
  for (const Date last : {Date(2026, 11, 19), Date(2026, 11, 21)}) {
    const absl::Status gap = CheckContinues(header, last);
    EXPECT_EQ(gap.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(BrokenRuleOf(gap), (BrokenRule{"EXTRACT_GAP", "000.previous_production_date"}));
  }
  const ExtractHeader none{.task = "", .production_date = Date(2026, 11, 21), .previous_production_date = {}};
  EXPECT_FALSE(CheckContinues(none, Date(2026, 11, 20)).ok());
}

}  // namespace
}  // namespace medflyt::registry
