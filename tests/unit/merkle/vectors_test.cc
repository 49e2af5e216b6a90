// The foreign RFC 6962 cases of the shared folder, through our verifier.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/merkle/proof.h"
#include "nlohmann/json.hpp"
#include "tests/support/shared.h"

namespace medflyt::merkle {
namespace {

using Json = nlohmann::json;

// Some cases carry a short text where a hash belongs ("dont care 1"), to be compared but never hashed. Our verifier
// takes hashes only, so each such text is stood for by a hash of its own; an absent hash cannot reach the verifier
// at all, which is an error, as the cases want it.
std::optional<Hash> DecodeHash(const std::string& base64) {
  const auto bytes = Base64Decode(base64);
  if (!bytes.ok()) ADD_FAILURE() << "vector is not base64: " << base64;
  if (!bytes.ok() || bytes->empty()) return std::nullopt;
  if (const auto hash = Hash::FromBytes(*bytes)) return hash;
  return crypto::Sha256(*bytes);
}

struct Case {
  std::filesystem::path path;
  Json json;

  [[nodiscard]] std::optional<Hash> HashOf(const char* field) const {
    return DecodeHash(json.value(field, std::string()));
  }
  [[nodiscard]] uint64_t Number(const char* field) const { return json.value(field, uint64_t{0}); }
  [[nodiscard]] std::optional<Proof> ProofOf() const {
    Proof proof;
    if (!json.contains("proof") || json["proof"].is_null()) return proof;
    for (const auto& element : json["proof"]) {
      const auto hash = DecodeHash(element.get<std::string>());
      if (!hash) return std::nullopt;
      proof.push_back(*hash);
    }
    return proof;
  }
};

std::vector<Case> Load(const std::filesystem::path& folder) {
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    cases.push_back({entry.path(), Json::parse(testing::ReadFile(entry.path()))});
  }
  return cases;
}

bool InclusionAccepted(const Case& c) {
  const auto root = c.HashOf("root");
  const auto leaf = c.HashOf("leafHash");
  const auto proof = c.ProofOf();
  if (!root || !leaf || !proof) return false;
  return VerifyInclusion(LeafIndex(c.Number("leafIdx")), TreeSize(c.Number("treeSize")), *leaf, *proof, *root).ok();
}

bool ConsistencyAccepted(const Case& c) {
  const auto root1 = c.HashOf("root1");
  const auto root2 = c.HashOf("root2");
  const auto proof = c.ProofOf();
  if (!root1 || !root2 || !proof) return false;
  return VerifyConsistency(TreeSize(c.Number("size1")), TreeSize(c.Number("size2")), *root1, *root2, *proof).ok();
}

TEST(ForeignVectors, All196GiveTheExpectedVerdict) {
  MEDFLYT_SHARED_OR_SKIP(folder, "vectors/rfc6962");
  const auto inclusion = Load(folder / "inclusion");
  const auto consistency = Load(folder / "consistency");
  ASSERT_EQ(inclusion.size() + consistency.size(), 196u);

  size_t accepted = 0;
  for (const auto& c : inclusion) {
    EXPECT_EQ(InclusionAccepted(c), !c.json.at("wantErr").get<bool>()) << c.path << ": " << c.json.at("desc");
    accepted += InclusionAccepted(c) ? 1u : 0u;
  }
  EXPECT_GT(accepted, 0u);
  accepted = 0;
  for (const auto& c : consistency) {
    EXPECT_EQ(ConsistencyAccepted(c), !c.json.at("wantErr").get<bool>()) << c.path << ": " << c.json.at("desc");
    accepted += ConsistencyAccepted(c) ? 1u : 0u;
  }
  EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace medflyt::merkle
