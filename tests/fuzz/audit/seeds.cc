// Writes valid inputs for the fuzzers of this folder: audit_seeds DIR.
#include <filesystem>
#include <fstream>
#include <string>

#include "common/audit/bundle_file.h"
#include "common/crypto/signer.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"

using namespace medflyt;

namespace {

void Write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  const auto signer = *tlog::NoteSigner::Create("o", crypto::Signer(*crypto::Key::FromBytes(std::string(32, 'k'))));
  audit::Trust trust;
  trust.keys = {{signer.verifier_key(), TreeSize(0), std::nullopt}};
  trust.owners = {{"o", *AuthorityId::Parse("35209115")}};
  audit::EventKeys keys;
  keys[*EventId::FromBytes(std::string(16, 'e'))] = crypto::Key::FromBytes(std::string(32, 'd'));
  keys[*EventId::FromBytes(std::string(16, 'f'))] = std::nullopt;

  std::string bundle;
  if (!tlog::AppendBundleEntry(bundle, "entry").ok()) return 1;
  const merkle::Hash leaf = merkle::LeafHash("entry");
  const auto checkpoint = *tlog::Checkpoint::Create("o", TreeSize(1), leaf);
  const std::string note = tlog::SignCheckpoint(checkpoint, signer).Serialize();
  std::string bytes = *audit::BundleMember(audit::kBundleMember, audit::FormatBundleContent({"o", TreeSize(1), {}}));
  bytes += *audit::BundleMember("keys", audit::FormatBundleKeys(trust));
  bytes += *audit::BundleMember("event-keys", audit::FormatEventKeys(keys));
  bytes += *audit::BundleMember("checkpoint", note);
  bytes += *audit::BundleMember("tile/entries/000.p/1", bundle);
  bytes += *audit::BundleMember("tile/0/000.p/1", leaf.bytes());
  Write(folder / "bundle/whole", bytes + audit::BundleEnd());
  Write(folder / "keys/event", audit::FormatEventKeys(keys));
  Write(folder / "keys/log", audit::FormatBundleKeys(trust));
  return 0;
}
