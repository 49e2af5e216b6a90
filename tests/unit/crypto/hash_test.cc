#include "common/crypto/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace medflyt::crypto {
namespace {

using std::string_literals::operator""s;

Key CountingKey() {
  return Key::Make([](uint8_t* out) {
    for (size_t i = 0; i < Key::kSize; ++i) out[i] = static_cast<uint8_t>(i);
  });
}

// FIPS 180-4, examples of NIST.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(Sha256("").ToHex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc").ToHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").ToHex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256(std::string(1'000'000, 'a')).ToHex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// The length of a tree node, computed with Python's hashlib.
TEST(Sha256, OfSixtyFiveBytes) {
  std::string node = "\x01";
  for (int i = 0; i < 64; ++i) node.push_back(static_cast<char>(i));
  EXPECT_EQ(Sha256(node).ToHex(), "1a378704c17da31e2d05b6d121c2bb2c7d76f6ee6fa8f983e596c2d034963c57");
  EXPECT_EQ(Sha256({node.substr(0, 1), node.substr(1, 32), node.substr(33)}), Sha256(node));
}

TEST(Sha256, PiecesOfAnyLengthAreTheirConcatenation) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<char>(i));
  for (const size_t piece : {1u, 63u, 64u, 65u, 1000u}) {
    Sha256Stream stream;
    for (size_t at = 0; at < bytes.size(); at += piece) stream.Update(std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(stream.Finish(), Sha256(bytes)) << piece;
  }
  EXPECT_EQ(Sha256Stream().Finish(), Sha256(""));
}

TEST(Sha256, PartsAreTheirConcatenation) {
  EXPECT_EQ(Sha256({"a", "", "bc"}), Sha256("abc"));
  EXPECT_EQ(Sha256({"", ""}), Sha256(""));
  EXPECT_EQ(Sha256({"a\0b"s, "c"}), Sha256("a\0bc"s));
  EXPECT_NE(Sha256({"a\0b"s, "c"}), Sha256("a"));
}

// Computed with Python: hashlib.blake2b(label + b"\0" + b"".join(parts), key=bytes(range(32)), digest_size=32).
TEST(KeyedHash, KnownAnswers) {
  const Key key = CountingKey();
  EXPECT_EQ(KeyedHash(key, "medflyt/test", {"abc"}).ToHex(),
            "fa81753713722101d7da2b556de9697767d540cb54f5fa14a929427fbdc69a96");
  EXPECT_EQ(KeyedHash(key, "", {}).ToHex(), "41ff93a4eaeebd3b78a93438a6f62a92ab5959c859e682b72c7def406197ca4d");
  EXPECT_EQ(KeyedHash(key, "label", {"one", "two"}).ToHex(),
            "3ac579f55fedf18c696a1aa99c67d70cd5acc6bd1b04be72a8ec9ccbb545f9e3");
}

TEST(KeyedHash, DependsOnKeyLabelAndParts) {
  const Key key = CountingKey();
  const Hash hash = KeyedHash(key, "label", {"one", "two"});
  EXPECT_EQ(KeyedHash(key, "label", {"on", "etwo"}), hash);
  EXPECT_NE(KeyedHash(Key::Random(), "label", {"one", "two"}), hash);
  EXPECT_NE(KeyedHash(key, "Label", {"one", "two"}), hash);
  EXPECT_NE(KeyedHash(key, "labelone", {"two"}), hash) << "the label ends where it ends";
  EXPECT_NE(KeyedHash(key, "labe", {"lone", "two"}), hash);
  EXPECT_NE(KeyedHash(key, "label", {"one", "two", "\0"s}), hash);
  EXPECT_NE(KeyedHash(key, "label", {"two", "one"}), hash);
  EXPECT_NE(KeyedHash(key, "label", {}), hash);
}

TEST(DeriveKey, IsTheKeyedHashAsAKey) {
  const Key key = CountingKey();
  const Key derived = DeriveKey(key, "label", {"one", "two"});
  EXPECT_EQ(derived.ExposeView(), KeyedHash(key, "label", {"one", "two"}).bytes());
  EXPECT_TRUE(DeriveKey(key, "label", {"one", "two"}) == derived);
  EXPECT_FALSE(DeriveKey(key, "other", {"one", "two"}) == derived);
}

}  // namespace
}  // namespace medflyt::crypto
