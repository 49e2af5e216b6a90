#include "server/node/opened_store.h"

#include "common/base/status.h"
#include "server/log/layout.h"
#include "server/node/node.h"
#include "server/node/secrets.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt::node {

absl::StatusOr<std::unique_ptr<OpenedStore>> OpenedStore::Open(const Config& config, const crypto::Key& root_secret,
                                                               RandomSource& random, Logger& logger) {
  auto opened = std::make_unique<OpenedStore>(config);
  store::RocksOptions options;
  options.layout_version = kLayoutVersion;
  options.logger = &logger;
  MEDFLYT_ASSIGN_OR_RETURN(opened->store, store::OpenRocksStore(config.data_dir + "/store", options));
  store::Store& store = *opened->store;
  MEDFLYT_ASSIGN_OR_RETURN(const auto head_row, store.Get(store::Table::kMeta, log::HeadKey()));
  TreeSize size;
  if (head_row) {
    MEDFLYT_ASSIGN_OR_RETURN(const log::Head head, log::DecodeHead(*head_row));
    size = head.size;
  }
  MEDFLYT_ASSIGN_OR_RETURN(opened->last_epoch, CheckStartEpoch(store, config.epoch, size));
  MEDFLYT_ASSIGN_OR_RETURN(const keys::KekGenerations held,
                           LoadKek(opened->key_files, root_secret, !head_row.has_value(), random));
  MEDFLYT_ASSIGN_OR_RETURN(const keys::Kek kek, keys::KekOfRows(store, held));
  MEDFLYT_ASSIGN_OR_RETURN(opened->keys, keys::KeyTable::Load(store, kek, random));
  MEDFLYT_ASSIGN_OR_RETURN(opened->exchange_keys, keys::ExchangeKeys::Load(store, kek, random));
  opened->rotation = std::make_unique<keys::KekRotation>(
      keys::KekRotation::Parts{store, *opened->keys, *opened->exchange_keys, opened->key_files, root_secret, random},
      held);
  return opened;
}

}  // namespace medflyt::node
