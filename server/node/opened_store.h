// A node's store with the keys to it, as every start finds them.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/crypto/secret.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/kek_rotation.h"
#include "server/keys/key_table.h"
#include "server/node/config.h"
#include "server/node/key_files.h"
#include "server/node/start_epoch.h"
#include "server/store/store.h"

namespace medflyt::node {

// In the order of construction.
struct OpenedStore {
  // Opens what the configuration names; a first store and a first KEK are made. Writes no row of the node's. Borrows
  // the others, which outlive it. The errors of store, epoch file, KEK and key rows.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<OpenedStore>> Open(const Config& config,
                                                                         const crypto::Key& root_secret,
                                                                         RandomSource& random, Logger& logger);
  explicit OpenedStore(const Config& config) : key_files(config) {}

  KeyFilesOnDisk key_files;
  std::unique_ptr<store::Store> store;
  StartEpoch last_epoch;
  std::unique_ptr<keys::KeyTable> keys;
  std::unique_ptr<keys::ExchangeKeys> exchange_keys;
  std::unique_ptr<keys::KekRotation> rotation;
};

}  // namespace medflyt::node
