#include "common/base/bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace medflyt {
namespace {

using std::string_literals::operator""s;

TEST(Hex, WritesLowerCaseAndReadsEither) {
  EXPECT_EQ(HexEncode("\x00\x7f\x80\xff"s), "007f80ff");
  EXPECT_EQ(HexEncode(""), "");
  EXPECT_EQ(*HexDecode("007f80ff"), "\x00\x7f\x80\xff"s);
  EXPECT_EQ(*HexDecode("aBcDeF"), "\xab\xcd\xef"s);
  EXPECT_EQ(*HexDecode(""), "");
}

TEST(Hex, RefusesAnythingElse) {
  for (const std::string& text : {"0"s, "abc"s, "0g"s, "g0"s, "0x"s, " 00"s, "00 "s, "0 "s, "-1"s, "+1"s, "00\n0"s,
                                  "0\0"s, "\xc3\xa6"s, ":0"s, "/0"s, "@0"s, "`0"s, "G0"s}) {
    EXPECT_EQ(HexDecode(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

// RFC 4648 section 10.
TEST(Base64, TestVectors) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(Base64Encode(bytes), text);
    ASSERT_TRUE(Base64Decode(text).ok()) << text;
    EXPECT_EQ(*Base64Decode(text), bytes);
  }
  EXPECT_EQ(Base64Encode("\xfb\xff\xfe"s), "+//+");
  EXPECT_EQ(*Base64Decode("+//+"), "\xfb\xff\xfe"s);
}

TEST(Base64, HasOneTextForEachValue) {
  for (const std::string& text : {
           "Zg"s,    "Zg="s,   "Zm8"s,    "Zg==="s,      "Zg==Zg=="s, "="s, "===="s, "Z"s,  // padding
           "Zh=="s,  "Zm9="s,                                                               // bits that nobody reads
           " Zg=="s, "Zg== "s, "Zg==\n"s, "Zm9v\nYmFy"s, "Zm 9v"s,                          // white space
           "-__-"s,  "Zm9*"s,  "Zm9\0"s,  "Zm\0v"s,      "Zm9v\0"s,                         // other alphabets
       }) {
    EXPECT_EQ(Base64Decode(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Append, IsBigEndian) {
  std::string out = "x";
  AppendU16(out, 0x0102);
  AppendU32(out, 0xf3040506);
  AppendU64(out, 0x0708090a0b0c0d0eULL);
  EXPECT_EQ(HexEncode(out),
            "78"
            "0102"
            "f3040506"
            "0708090a0b0c0d0e");
}

TEST(ByteReader, ReadsWhatAppendWrote) {
  std::string out;
  out.push_back('\xfe');
  AppendU16(out, 0xfffe);
  AppendU32(out, 0xfffffffd);
  AppendU64(out, 0xfffffffffffffffcULL);
  out += "tail";
  ByteReader reader(out);
  EXPECT_EQ(reader.U8(), 0xfe);
  EXPECT_EQ(reader.U16(), 0xfffe);
  EXPECT_EQ(reader.U32(), 0xfffffffdU);
  EXPECT_EQ(reader.U64(), 0xfffffffffffffffcULL);
  EXPECT_EQ(reader.rest(), "tail");
  EXPECT_FALSE(reader.empty());
  EXPECT_EQ(reader.Take(0), "");
  EXPECT_EQ(reader.Take(4), "tail");
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(reader.Take(0), "");
}

TEST(ByteReader, AFailedReadConsumesNothing) {
  ByteReader seven("1234567");
  EXPECT_EQ(seven.U64(), std::nullopt);
  EXPECT_EQ(seven.Take(8), std::nullopt);
  EXPECT_EQ(seven.Take(SIZE_MAX), std::nullopt);
  EXPECT_EQ(seven.rest(), "1234567");
  EXPECT_EQ(seven.Take(4), "1234");
  EXPECT_EQ(seven.U32(), std::nullopt);
  EXPECT_EQ(seven.Take(2), "56");
  EXPECT_EQ(seven.U16(), std::nullopt);
  EXPECT_EQ(seven.U8(), '7');
  EXPECT_EQ(seven.U8(), std::nullopt);
  EXPECT_EQ(seven.Take(1), std::nullopt);
  EXPECT_TRUE(seven.empty());
}

}  // namespace
}  // namespace medflyt
