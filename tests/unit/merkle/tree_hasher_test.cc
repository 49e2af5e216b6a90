#include "common/merkle/tree_hasher.h"

#include <gtest/gtest.h>

namespace medflyt::merkle {
namespace {

// Known answers of the RFC 6962 tree hasher, published with Certificate Transparency's test suite.
TEST(TreeHasher, KnownAnswers) {
  EXPECT_EQ(EmptyRoot().ToHex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(LeafHash("").ToHex(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(LeafHash("L123456").ToHex(), "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

TEST(TreeHasher, NodeIsOrderedAndApartFromALeafOfTheSameBytes) {
  const Hash a = LeafHash("a");
  const Hash b = LeafHash("b");
  EXPECT_NE(NodeHash(a, b), NodeHash(b, a));
  std::string joined(a.bytes());
  joined += b.bytes();
  EXPECT_NE(NodeHash(a, b), LeafHash(joined));
  EXPECT_EQ(NodeHash(a, b), crypto::Sha256({std::string_view("\x01"), a.bytes(), b.bytes()}));
}

TEST(TreeHasher, LeafPrefixIsHashedNotConcatenatedAsText) {
  EXPECT_EQ(LeafHash(std::string_view("x\0y", 3)), crypto::Sha256(std::string_view("\0x\0y", 4)));
}

}  // namespace
}  // namespace medflyt::merkle
