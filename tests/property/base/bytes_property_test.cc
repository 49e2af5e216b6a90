#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "common/base/bytes.h"
#include "common/base/date.h"

namespace medflyt {
namespace {

RC_GTEST_PROP(Hex, RoundTrips, (const std::string& bytes)) { RC_ASSERT(*HexDecode(HexEncode(bytes)) == bytes); }

RC_GTEST_PROP(Base64, RoundTrips, (const std::string& bytes)) {
  RC_ASSERT(*Base64Decode(Base64Encode(bytes)) == bytes);
}

RC_GTEST_PROP(Base64, WhatIsAcceptedIsWhatWouldHaveBeenWritten, (const std::string& bytes)) {
  std::string text = Base64Encode(bytes);
  if (!text.empty()) {
    text[*rc::gen::inRange<size_t>(0, text.size())] = *rc::gen::elementOf(std::string("AQgw9+/= \n-_"));
  }
  const auto decoded = Base64Decode(text);
  if (decoded.ok()) RC_ASSERT(Base64Encode(*decoded) == text);
}

// Whatever is asked of a reader, what it gave and what it has left are together the input.
RC_GTEST_PROP(ByteReader, NeverLosesOrInventsAByte, (const std::string& bytes, const std::vector<uint8_t>& asks)) {
  ByteReader reader(bytes);
  std::string given;
  for (const uint8_t ask : asks) {
    const size_t before = reader.rest().size();
    switch (ask % 5) {
      case 0:
        if (const auto value = reader.U8()) given.push_back(static_cast<char>(*value));
        break;
      case 1:
        if (const auto value = reader.U16()) AppendU16(given, *value);
        break;
      case 2:
        if (const auto value = reader.U32()) AppendU32(given, *value);
        break;
      case 3:
        if (const auto value = reader.U64()) AppendU64(given, *value);
        break;
      default:
        if (const auto run = reader.Take(ask)) {
          RC_ASSERT(run->size() == ask);
          given.append(*run);
        } else {
          RC_ASSERT(before < ask);
        }
    }
    RC_ASSERT(given + std::string(reader.rest()) == bytes);
  }
}

RC_GTEST_PROP(Date, WhatIsFormattedIsParsed, ()) {
  const Date first(1800, 1, 1);
  const Date day = first + *rc::gen::inRange<absl::civil_diff_t>(0, Date(10000, 1, 1) - first);
  RC_ASSERT(ParseIsoDate(FormatIsoDate(day)) == day);
  RC_ASSERT(MakeDate(static_cast<int>(day.year()), day.month(), day.day()) == day);
}

}  // namespace
}  // namespace medflyt
