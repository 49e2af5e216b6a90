// Writes valid inputs for each fuzz target: tlog_seeds DIR
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "common/merkle/compact_range.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/fork_proof.h"
#include "common/tlog/leaf_fork_proof.h"
#include "common/tlog/tile.h"
#include "common/tlog/tlog_proof.h"

namespace {

using namespace medflyt;
using namespace medflyt::tlog;

crypto::Signer KeyOf(char fill) { return crypto::Signer(*crypto::Key::FromBytes(std::string(32, fill))); }

void Write(const std::filesystem::path& folder, std::string_view name, std::string_view bytes) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << bytes;
}

void WriteSeeds(const std::filesystem::path& root) {
  const auto log = *NoteSigner::Create("odense.example/log", KeyOf('l'));
  const auto witness = *Cosigner::Create("nyborg.example/witness", KeyOf('w'));
  const Hash left = merkle::LeafHash("left");
  const Hash right = merkle::LeafHash("right");
  const auto checkpoint =
      *Checkpoint::Create("odense.example/log", TreeSize(2), merkle::NodeHash(left, right), {"extension"});
  auto note = SignCheckpoint(checkpoint, log);
  note.signatures.push_back(*witness.Cosign(checkpoint, absl::FromUnixSeconds(1790000000)));

  Write(root / "note", "note", note.Serialize());
  Write(root / "note", "key", witness.verifier_key().Format());
  Write(root / "note", "private", log.Format());
  Write(root / "checkpoint", "body", checkpoint.Format());
  Write(root / "checkpoint", "note", note.Serialize());
  Write(root / "tlog_proof", "proof",
        TlogProof{.extra = "", .index = LeafIndex(1), .hashes = {left}, .checkpoint = note}.Serialize());
  Write(root / "tlog_proof", "extra",
        TlogProof{.extra = "more", .index = LeafIndex(0), .hashes = {right}, .checkpoint = note}.Serialize());
  const auto other = *Checkpoint::Create("odense.example/log", TreeSize(2), left);
  Write(root / "fork_proof", "proof", ForkProof{note.Serialize(), SignCheckpoint(other, log).Serialize()}.Serialize());
  const ProvenLeaf one{right, TlogProof{.extra = "", .index = LeafIndex(1), .hashes = {left}, .checkpoint = note}};
  const auto swapped = *Checkpoint::Create("odense.example/log", TreeSize(2), merkle::NodeHash(right, left));
  const ProvenLeaf two{
      left,
      TlogProof{.extra = "", .index = LeafIndex(1), .hashes = {right}, .checkpoint = SignCheckpoint(swapped, log)}};
  Write(root / "fork_proof", "leaves", LeafForkProof{one, two}.Serialize());
  Write(root / "policy", "policy",
        "# policy\nlog " + log.verifier_key().Format() + " https://odense.example/\nwitness w " +
            witness.verifier_key().Format() + "\ngroup g 1 w\nquorum g\n");
  Write(root / "policy", "none", "quorum none\n");
  Write(root / "tile", "path", TilePath({.level = 1, .index = 1234067, .width = 17}));
  Write(root / "tile", "bundle_path", EntryBundlePath(5, kTileWidth));
  std::string bundle(1, '\x02');
  for (const std::string_view entry : {"entry", ""}) {
    if (!AppendBundleEntry(bundle, entry).ok()) std::abort();
  }
  Write(root / "tile", "bundle", bundle);
  Write(root / "tile", "tile", std::string(1, '\x01') + std::string(left.bytes()) + std::string(right.bytes()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tlog_seeds DIR\n";
    return 2;
  }
  WriteSeeds(argv[1]);
  return 0;
}
