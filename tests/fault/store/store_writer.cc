// Commits numbered batches to the store in argv[1] until it is killed, and writes each number to standard output once
// it is acknowledged. Started and killed by kill_test.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <utility>

#include "server/store_rocksdb/rocks_store.h"
#include "tests/fault/store/numbered_batches.h"

int main(int argc, char** argv) {
  using medflyt::store::Durability;
  if (argc != 2) return 2;
  const auto store = medflyt::store::OpenRocksStore(argv[1], {});
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  const auto latest = medflyt::store::LatestWholeBatch(**store);
  if (!latest.ok()) {
    std::fprintf(stderr, "%s\n", latest.status().ToString().c_str());
    return 1;
  }
  for (uint64_t number = *latest + 1;; ++number) {
    if (!(*store)->Commit(medflyt::store::NumberedBatch(number), Durability::kSynced).ok()) return 1;
    if (::write(STDOUT_FILENO, &number, sizeof(number)) != sizeof(number)) return 1;
    // Now and then table files are written and rewritten, to be killed in that too.
    if (number % 16 == 0 && !(*store)->PurgeDeleted(medflyt::store::Table::kOutbox).ok()) return 1;
  }
}
