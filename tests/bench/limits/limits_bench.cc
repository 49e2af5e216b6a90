// What this machine can do at all, of the things that an event costs: the bare limits beside which the exchange's
// figures are read. Prints "limit <tab> what <tab> figure <tab> unit" a line each.
//
//   limits_bench DIRECTORY     a store is made and removed in DIRECTORY
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/crypto/signer.h"
#include "common/merkle/tree_hasher.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt {
namespace {

using SteadyClock = std::chrono::steady_clock;

void Print(const char* what, double figure, const char* unit) {
  std::printf("limit\t%s\t%.2f\t%s\n", what, figure, unit);
  std::fflush(stdout);
}

// Microseconds a call, over at least a second.
double Microseconds(const std::function<void()>& call) {
  const auto begin = SteadyClock::now();
  uint64_t calls = 0;
  std::chrono::duration<double, std::micro> spent{};
  do {
    for (int i = 0; i < 64; ++i, ++calls) call();
    spent = SteadyClock::now() - begin;
  } while (spent.count() < 1e6);
  return spent.count() / static_cast<double>(calls);
}

void Hashes() {
  const std::string entry(600, 'e');
  const crypto::Hash node = crypto::Sha256(entry);
  Print("SHA-256 of a 600-byte entry", Microseconds([&] { (void)merkle::LeafHash(entry); }), "µs");
  Print("SHA-256 of a Merkle node", Microseconds([&] { (void)merkle::NodeHash(node, node); }), "µs");
}

void Signatures() {
  const crypto::Signer signer(crypto::Key::Random());
  const std::string checkpoint(120, 'c');
  const crypto::Signature signature = signer.Sign(checkpoint);
  Print("Ed25519 sign", Microseconds([&] { (void)signer.Sign(checkpoint); }), "µs");
  Print("Ed25519 verify", Microseconds([&] { (void)crypto::Verify(signer.public_key(), checkpoint, signature); }),
        "µs");
}

void Seals() {
  const crypto::Key key = crypto::Key::Random();
  const std::string content(496, 'p');
  Print("XChaCha20-Poly1305 of 496 bytes", Microseconds([&] { (void)crypto::Seal(key, {}, "ad", content); }), "µs");
}

absl::Status Syncs(const std::filesystem::path& directory) {
  MEDFLYT_ASSIGN_OR_RETURN(auto store, store::OpenRocksStore(directory.string(), {.layout_version = 1}));
  uint64_t next = 0;
  absl::Status status;
  auto commit = [&](int records) {
    store::Batch batch;
    for (int i = 0; i < records; ++i) {
      std::string key;
      AppendU64(key, next++);
      batch.Put(store::Table::kSegments, key, std::string(600, 'r'));
    }
    if (absl::Status failed = store->Commit(batch, store::Durability::kSynced); !failed.ok()) status = failed;
  };
  Print("synced commit of 1 record of 600 bytes", Microseconds([&] { commit(1); }), "µs");
  Print("synced commit of 256 records of 600 bytes", Microseconds([&] { commit(256); }), "µs");
  return status;
}

}  // namespace
}  // namespace medflyt

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: limits_bench DIRECTORY\n", stderr);
    return 2;
  }
  const std::filesystem::path store = std::filesystem::path(argv[1]) / ("limits." + std::to_string(getpid()));
  medflyt::Hashes();
  medflyt::Signatures();
  medflyt::Seals();
  const absl::Status status = medflyt::Syncs(store);
  std::filesystem::remove_all(store);
  if (!status.ok()) std::fprintf(stderr, "limits_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
