// Writes a valid input for the fuzzer of this folder: keys_seeds DIR.
#include <filesystem>
#include <fstream>
#include <string>

#include "common/crypto/seal.h"
#include "server/keys/key_backup.h"
#include "server/keys/key_table.h"
#include "server/store/memory_store.h"

using namespace medflyt;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  store::MemoryDisk disk;
  const auto store = *store::OpenMemoryStore(disk, 1);
  crypto::SystemRandom random;
  const keys::Kek kek = keys::NewKek(random);
  const auto table = *keys::KeyTable::Load(*store, kek, random);
  const AuthorityId self = *AuthorityId::Parse("35209115");
  store::Batch batch;
  bool created = false;
  for (const auto retention : {event::RetentionClass::kCase, event::RetentionClass::kAccounting}) {
    if (!table->FindOrCreate({CaseId(), self, self, retention}, batch, created).ok()) return 1;
  }
  if (!store->Commit(batch, store::Durability::kSynced).ok()) return 1;
  const std::string file = *keys::ExportKeys(*store, kek.generation);
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "file", std::ios::binary) << file;
  constexpr size_t kHead = 22 + 4;  // which the fuzzer puts in front by itself, as it does the hash
  std::ofstream(folder / "body", std::ios::binary) << file.substr(kHead, file.size() - kHead - 32);
  return 0;
}
