// However an extract arrives, it is the same extract.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/registry/extract.h"
#include "common/registry/summary.h"
#include "tests/support/extract_text.h"

namespace medflyt::registry {
namespace {

using ::medflyt::testing::ExtractText;

// All that a reading shows: the header, the persons and the counts, or the error.
class Transcript final : public ExtractVisitor {
 public:
  absl::Status OnStart(const ExtractHeader& header) override {
    text = FormatIsoDate(header.production_date) + " " + Written({header.previous_production_date, false}) + "\n";
    return absl::OkStatus();
  }
  absl::Status OnPerson(const PersonRecord& person) override {
    text.append(person.cpr.ExposeDigits()).append(" ").append(std::to_string(static_cast<int>(person.status)));
    if (person.address) {
      text += " at " + person.address->municipality.ToString() + " " + std::to_string(person.address->road) + " " +
              Written(person.address->into_municipality) + " " + person.address->left_municipality.ToString();
    }
    for (const Protection& protection : person.protections) {
      text += " protected " + std::to_string(protection.type) + Written({protection.from, false}) +
              Written({protection.to, false});
    }
    for (const RegistryEvent& event : person.events) text.append(" event ").append(event.code_view());
    text += "\n";
    return absl::OkStatus();
  }

  std::string text;

 private:
  static std::string Written(const StatedDate& date) {
    return (date.date ? FormatIsoDate(*date.date) : std::string("none")) + (date.uncertain ? "*" : "");
  }
};

std::string Read(std::string_view text, const std::vector<size_t>& sizes) {
  Transcript transcript;
  ExtractReader reader(transcript);
  size_t next = 0;
  absl::Status status;
  while (status.ok() && !text.empty()) {
    const std::string_view chunk = text.substr(0, sizes.empty() ? text.size() : sizes[next++ % sizes.size()]);
    // A copy of its own, so that reading past the chunk is an error that AddressSanitizer sees.
    const std::vector<char> copy(chunk.begin(), chunk.end());
    status = reader.Feed({copy.data(), copy.size()});
    text.remove_prefix(chunk.size());
  }
  if (status.ok()) status = reader.Finish();
  if (status.ok()) return transcript.text + std::to_string(reader.counts().records);
  return transcript.text + "REFUSED " + BrokenRuleOf(status)->rule + " " + std::string(status.message());
}

std::string Digits(const char* format, int number) {
  char text[32];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

ExtractText AnyExtract() {
  ExtractText text;
  const int persons = *rc::gen::inRange(0, 6);
  for (int i = 0; i < persons; ++i) {
    text.Person("61018010" + Digits("%02d", i), *rc::gen::element("01", "03", "60", "80"));
    if (*rc::gen::arbitrary<bool>()) text.Record("008", {{14, "\xc6\xd8\xe5 invented"}});
    if (*rc::gen::arbitrary<bool>()) {
      text.Address(Digits("%04d", *rc::gen::inRange(0, 10000)), Digits("%04d", *rc::gen::inRange(0, 10000)),
                   *rc::gen::element("202001021200", "000000000000", "202612312400"),
                   Digits("%04d", *rc::gen::inRange(0, 10000)), *rc::gen::element("", "*"));
    }
    if (*rc::gen::arbitrary<bool>()) text.Protected(*rc::gen::element("0001", "0003"), "2020-01-01");
    if (*rc::gen::arbitrary<bool>()) text.Record("099", {{14, "202611200000"}, {26, "A01"}});
  }
  return text;
}

std::vector<size_t> AnySizes() {
  return *rc::gen::nonEmpty(rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(1, 40)));
}

RC_GTEST_PROP(ChunkingProperty, AnyChunkingGivesTheSameReading, ()) {
  const std::string whole = AnyExtract().Closed(*rc::gen::element("\n", "\r\n"));
  const std::string at_once = Read(whole, {});
  RC_ASSERT(at_once.find("REFUSED") == std::string::npos);
  RC_ASSERT(Read(whole, AnySizes()) == at_once);
}

RC_GTEST_PROP(ChunkingProperty, AnyChunkingGivesTheSameError, ()) {
  std::string whole = AnyExtract().Closed();
  const size_t position = *rc::gen::inRange<size_t>(0, whole.size());
  whole[position] = static_cast<char>(*rc::gen::inRange(0, 256));
  RC_ASSERT(Read(whole, AnySizes()) == Read(whole, {}));
}

RC_GTEST_PROP(ChunkingProperty, NoPartOfAnExtractIsAWholeOne, ()) {
  const std::string whole = AnyExtract().Closed();
  const size_t cut = *rc::gen::inRange<size_t>(0, whole.size() - 1);
  RC_ASSERT(Read(std::string_view(whole).substr(0, cut), AnySizes()).find("REFUSED") != std::string::npos);
}

// A line lost or doubled shows in the count, whatever line it is.
RC_GTEST_PROP(ChunkingProperty, LostOrDoubledLineIsSeen, ()) {
  const std::string whole = AnyExtract().Closed();
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < whole.size();) {
    const size_t end = whole.find('\n', begin) + 1;
    lines.push_back(whole.substr(begin, end - begin));
    begin = end;
  }
  const size_t line = *rc::gen::inRange<size_t>(0, lines.size());
  const bool doubled = *rc::gen::arbitrary<bool>();
  std::string changed;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i != line || doubled) changed += lines[i];
    if (i == line && doubled) changed += lines[i];
  }
  RC_ASSERT(Read(changed, {}).find("REFUSED") != std::string::npos);
}

}  // namespace
}  // namespace medflyt::registry
