// Files that claim to be key-table backups. The fuzzer cannot guess a SHA-256, so each input is tried as it is and as
// the body of a file whose head and hash are right; what is read is written again, byte for byte.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/crypto/hash.h"
#include "server/keys/key_backup.h"
#include "server/store/memory_store.h"

namespace {

using namespace medflyt;

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(std::string_view file) {
  const auto backup = keys::ParseKeyBackup(file);
  if (!backup.ok()) return;
  store::MemoryDisk disk;
  const auto store = *store::OpenMemoryStore(disk, 1);
  store::Batch batch;
  Require(keys::ImportKeys(*backup, *store, batch).ok());
  Require(store->Commit(batch, store::Durability::kSynced).ok());
  const auto exported = keys::ExportKeys(*store, backup->kek_generation);
  Require(exported.ok() && *exported == file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Try(input);
  std::string file = "medflyt-key-backup/v1\n";
  AppendU32(file, 1);
  file.append(input);
  file.append(crypto::Sha256(file).bytes());
  Try(file);
  return 0;
}
