// Writing, parsing and altering notes, proofs, paths and bundles at random.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/tlog/cosignature.h"
#include "common/tlog/tile.h"
#include "common/tlog/tlog_proof.h"
#include "tests/support/reference_tree.h"

namespace medflyt::tlog {
namespace {

using testing::ReferenceTree;

constexpr size_t kLargest = 700;

const ReferenceTree& Tree() {
  static const ReferenceTree tree = ReferenceTree::Numbered(kLargest);
  return tree;
}

crypto::Signer KeyOf(char fill) { return crypto::Signer(*crypto::Key::FromBytes(std::string(32, fill))); }

std::string AnyText() {
  static const std::vector<std::string> pieces = {
      "a", "Z", "0", "/", ".", "-", "\xc3\xa6", "\xe2\x82\xac", "\xf0\x9f\x8c\x8d"};
  const auto chosen = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(pieces)));
  std::string text;
  for (const auto& piece : chosen) text += piece;
  return text;
}

struct Published {
  NoteSigner log;
  Cosigner witness;
  Checkpoint checkpoint;
  TlogProof proof;
  Hash leaf;

  [[nodiscard]] std::vector<VerifierKey> Known() const { return {log.verifier_key(), witness.verifier_key()}; }
};

Published AnyPublished() {
  const auto size = *rc::gen::inRange<size_t>(1, kLargest + 1);
  const auto index = *rc::gen::inRange<size_t>(0, size);
  const std::string origin = AnyText();
  auto log = *NoteSigner::Create(origin, KeyOf('l'));
  auto witness = *Cosigner::Create(AnyText(), KeyOf('w'));
  std::vector<std::string> extensions(*rc::gen::inRange<size_t>(0, 3));
  for (auto& line : extensions) line = AnyText() + " +";
  auto checkpoint = *Checkpoint::Create(origin, TreeSize(size), Tree().Root(size), extensions);
  TlogProof proof;
  proof.extra = *rc::gen::arbitrary<std::string>();
  proof.index = LeafIndex(index);
  proof.hashes = Tree().InclusionPath(index, size);
  proof.checkpoint = SignCheckpoint(checkpoint, log);
  const auto time = absl::FromUnixSeconds(*rc::gen::inRange<int64_t>(0, int64_t{1} << 40));
  proof.checkpoint.signatures.push_back(*witness.Cosign(checkpoint, time));
  return {std::move(log), std::move(witness), std::move(checkpoint), std::move(proof), Tree().leaf_hashes()[index]};
}

RC_GTEST_PROP(TlogProperty, WhatIsWrittenParsesBackAndVerifies, ()) {
  const Published published = AnyPublished();
  const auto parsed = TlogProof::Parse(published.proof.Serialize());
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == published.proof);
  const auto known = published.Known();
  const auto opened = VerifyTlogProof(*parsed, published.leaf, known);
  RC_ASSERT(opened.ok());
  RC_ASSERT(opened->checkpoint == published.checkpoint);
  RC_ASSERT(opened->signatures.size() == 2u);
}

RC_GTEST_PROP(TlogProperty, OneChangedByteIsRefusedUnlessItIsExtraData, ()) {
  const Published published = AnyPublished();
  const std::string good = published.proof.Serialize();
  std::string bad = good;
  const auto position = *rc::gen::inRange<size_t>(0, bad.size());
  bad[position] = static_cast<char>(bad[position] ^ *rc::gen::inRange(1, 256));
  const auto parsed = TlogProof::Parse(bad);
  if (!parsed.ok()) return;
  RC_ASSERT(parsed->Serialize() == bad);
  const auto known = published.Known();
  const bool accepted = VerifyTlogProof(*parsed, published.leaf, known).ok();
  // Beside extra data, a witness's name or id may change: it is then a stranger's signature, ignored by the rules, and
  // counts for nothing.
  const bool extra_only = parsed->extra != published.proof.extra;
  const bool stranger = parsed->checkpoint.signatures.size() == 2 &&
                        !published.witness.verifier_key().Made(parsed->checkpoint.signatures[1]);
  RC_ASSERT(!accepted || extra_only || stranger);
}

RC_GTEST_PROP(TlogProperty, TilePathsAreOneToOne, ()) {
  const Tile tile{.level = *rc::gen::inRange(0u, 64u),
                  .index = *rc::gen::arbitrary<uint64_t>() >> *rc::gen::inRange(0, 64),
                  .width = *rc::gen::inRange(1u, 257u)};
  const auto parsed = ParseTilePath(TilePath(tile));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(!parsed->entries);
  RC_ASSERT(parsed->tile == tile);
  const auto bundle = ParseTilePath(EntryBundlePath(tile.index, tile.width));
  RC_ASSERT(bundle.ok());
  RC_ASSERT(bundle->entries);
  RC_ASSERT(bundle->tile.index == tile.index);
  RC_ASSERT(bundle->tile.width == tile.width);
}

RC_GTEST_PROP(TlogProperty, TilesGiveEveryCompleteNode, ()) {
  const auto size = *rc::gen::inRange<size_t>(1, kLargest + 1);
  const auto level = *rc::gen::inRange(0u, 10u);
  RC_PRE((size >> level) > 0);
  const auto index = *rc::gen::inRange<uint64_t>(0, size >> level);
  const TileNodeSource source(TreeSize(size), [&](const Tile& tile) -> absl::StatusOr<std::string> {
    std::string bytes;
    for (uint64_t i = 0; i < tile.width; ++i) bytes += Tree().Node(8 * tile.level, tile.index * 256 + i)->bytes();
    return bytes;
  });
  const auto node = source.Node(level, index);
  RC_ASSERT(node.ok());
  RC_ASSERT(*node == *Tree().Node(level, index));
}

RC_GTEST_PROP(TlogProperty, BundlesKeepEntries, (const std::vector<std::string>& generated)) {
  std::vector<std::string> entries = generated;
  entries.emplace_back("last");
  RC_PRE(entries.size() <= kTileWidth);
  std::string bundle;
  for (const auto& entry : entries) RC_ASSERT(AppendBundleEntry(bundle, entry).ok());
  const auto decoded = DecodeEntryBundle(bundle, static_cast<unsigned>(entries.size()));
  RC_ASSERT(decoded.ok());
  RC_ASSERT(std::equal(decoded->begin(), decoded->end(), entries.begin(), entries.end()));
}

}  // namespace
}  // namespace medflyt::tlog
