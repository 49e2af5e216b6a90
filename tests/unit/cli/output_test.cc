#include "client/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace medflyt::cli {
namespace {

using ::testing::HasSubstr;

std::string Json(const Value& value) {
  std::ostringstream out;
  value.WriteJson(out);
  return out.str();
}

TEST(ValueTest, IsJsonAndText) {
  EXPECT_EQ(Json(Value()), "null");
  EXPECT_EQ(Json(true), "true");
  EXPECT_EQ(Json(-5), "-5");
  EXPECT_EQ(Json(uint64_t{18446744073709551615U}), "18446744073709551615");
  EXPECT_EQ(Json("a"), "\"a\"");
  EXPECT_EQ(Json(Date(2026, 11, 21)), "\"2026-11-21\"");
  EXPECT_EQ(Json(std::optional<Date>()), "null");
  EXPECT_EQ(Json(Value::Array{1, "x", Value()}), "[1,\"x\",null]");
  EXPECT_EQ(Json(Value::Object{{"a", 1}, {"b", Value::Array{}}}), "{\"a\":1,\"b\":[]}");
  EXPECT_EQ(Value().ToText(), "-");
  EXPECT_EQ(Value("").ToText(), "-");
  EXPECT_EQ(Value(false).ToText(), "no");
  EXPECT_EQ((Value(Value::Array{"a", "b"}).ToText()), "a, b");
  EXPECT_EQ((Value(Value::Object{{"valid_from", 1}, {"to", Value()}}).ToText()), "valid from 1, to -");
}

TEST(ValueTest, StringsAreEscaped) {
  EXPECT_EQ(Json("a\"b\\c\n"), R"("a\"b\\c\n")");
  EXPECT_EQ(Json("\x01"), R"("\u0001")");
  EXPECT_EQ(Json("Ærø"), "\"Ærø\"");
  EXPECT_EQ(Json("\xe6"), "\"\xef\xbf\xbd\"") << "what is not UTF-8 is replaced";
  EXPECT_EQ(Value("a\x1b[31mb").ToText(), "a [31mb") << "no control sequence reaches the terminal";
}

class DocumentTest : public ::testing::Test {
 protected:
  std::ostringstream out;
};

TEST_F(DocumentTest, TextIsAligned) {
  Document document(out, {}, false);
  document.Field("id", "x");
  document.Field("valid_from", Date(2026, 1, 1));
  document.List("places", {"place", "count", "note"});
  document.Row({"Ærø", 5, "first"});
  document.Row({"Odense", 12, Value()});
  document.Field("next", "y");
  ASSERT_TRUE(document.End().ok());
  EXPECT_EQ(out.str(),
            "id          x\n"
            "valid from  2026-01-01\n"
            "\n"
            "PLACE   COUNT  NOTE\n"
            "Ærø         5  first\n"
            "Odense     12  -\n"
            "next  y\n");
}

TEST_F(DocumentTest, AListWithoutRowsSaysSo) {
  Document document(out, {}, false);
  document.List("agreements", {"agreement_id"});
  document.List("waiting_list", {"case_id"});
  ASSERT_TRUE(document.End().ok());
  EXPECT_EQ(out.str(), "agreements: none\n\nwaiting list: none\n");

  std::ostringstream after_fields;
  Document other(after_fields, {}, false);
  other.Field("id", "x");
  other.List("history", {"from"});
  ASSERT_TRUE(other.End().ok());
  EXPECT_EQ(after_fields.str(), "id  x\n\nhistory: none\n");
}

TEST_F(DocumentTest, JsonIsOneObjectInOneLine) {
  Document document(out, {}, true);
  document.Field("id", "x");
  document.List("places", {"place", "count"});
  document.Row({"a", 1}, {{"extra", true}});
  document.Row({"b", Value()});
  document.List("none", {"x"});
  document.Field("next", "y");
  ASSERT_TRUE(document.End().ok());
  EXPECT_EQ(out.str(), R"({"id":"x","places":[{"place":"a","count":1,"extra":true},{"place":"b","count":null}],)"
                       R"("none":[],"next":"y"})"
                       "\n");
}

TEST_F(DocumentTest, NothingIsAnObjectToo) {
  Document document(out, {}, true);
  ASSERT_TRUE(document.End().ok());
  EXPECT_EQ(out.str(), "{}\n");
}

TEST_F(DocumentTest, TableFitsTheTerminal) {
  Document document(out, {.is_terminal = true, .colour = false, .columns = 30}, false);
  document.List("rows", {"name", "text"});
  document.Row({"short", std::string(100, 'x')});
  document.Row({"Ærøskøbing", std::string(100, 'y')});
  ASSERT_TRUE(document.End().ok());
  std::istringstream lines(out.str());
  std::string line;
  while (std::getline(lines, line)) EXPECT_LE(DisplayWidth(line), 30U) << line;
  EXPECT_THAT(out.str(), HasSubstr("Ærøskøbing  yyyyyyyyyyyyyyyyy…\n"));
}

TEST_F(DocumentTest, NothingIsCutForAFile) {
  Document document(out, {.is_terminal = false, .colour = false, .columns = 30}, false);
  document.List("rows", {"text"});
  document.Row({std::string(100, 'x')});
  ASSERT_TRUE(document.End().ok());
  EXPECT_THAT(out.str(), HasSubstr(std::string(100, 'x')));
}

TEST_F(DocumentTest, LongListsArePrintedAsTheyCome) {
  Document document(out, {}, false);
  document.List("rows", {"number"});
  for (int i = 0; i < 4500; ++i) document.Row({i});
  EXPECT_THAT(out.str(), HasSubstr("\n  3999\n")) << "kept back";
  ASSERT_TRUE(document.End().ok());
  EXPECT_THAT(out.str(), HasSubstr("\n  4499\n"));
  EXPECT_EQ(out.str().find("NUMBER"), out.str().rfind("NUMBER")) << "one heading";
}

TEST_F(DocumentTest, WritingErrorsAreNotSilent) {
  out.setstate(std::ios::badbit);
  Document document(out, {}, true);
  document.Field("id", "x");
  EXPECT_FALSE(document.End().ok());
}

TEST(TerminalTest, WrapsAtBlanks) {
  EXPECT_EQ(Wrapped("one two three", 9, 0), "one two\nthree\n");
  EXPECT_EQ(Wrapped("one two three", 9, 2), "  one two\n  three\n");
  EXPECT_EQ(Wrapped("one\n\ntwo", 80, 0), "one\n\ntwo\n");
  EXPECT_EQ(Wrapped("longerthanwidth x", 5, 0), "longerthanwidth\nx\n");
  EXPECT_EQ(CutToWidth("Ærø", 3), "Ærø");
  EXPECT_EQ(CutToWidth("Ærøs", 3), "Ær…");
}

}  // namespace
}  // namespace medflyt::cli
