// Backups of a node's data, and a new store out of one.
//
//   <backup_dir>/20261127T091500Z/about   what it is (BackupFacts), a line each
//                                /store   the store as it was at one moment, without its key table
//
// A backup opens nothing by itself: the keys are in the key-table backup (server/keys/key_backup.h), which is written
// anew at the same time and kept apart, and the KEK that wraps these is in neither. So what was erased since a backup
// does not come back with it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/named_type.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "server/keys/kek_rotation.h"
#include "server/node/config.h"
#include "server/store/store.h"

namespace medflyt::node {

struct BackupFacts {
  std::string directory;
  AuthorityId authority;
  std::string origin;
  TreeSize size;
  crypto::Hash root;
  absl::Time taken_at;  // whole seconds
};

// Whose backup it is, and of what. DATA_LOSS (BACKUP_MALFORMED), NOT_FOUND (BACKUP_MISSING).
[[nodiscard]] absl::StatusOr<BackupFacts> ReadBackupFacts(const std::string& directory);

struct BackupSource {  // borrowed
  const Config& config;
  const std::string& origin;
  store::Store& store;
  keys::KekRotation& rotation;
  // Raises the start-up epoch, in the store before its file: so that a store made of this backup is found to be behind.
  std::function<absl::Status()> raise_epoch;
};

// Of a running node, while it goes on; durable under its name on OK, and under no name before. One call at a time;
// blocks. FAILED_PRECONDITION (BACKUP_NOT_CONFIGURED), ALREADY_EXISTS (BACKUP_EXISTS) within one second; the errors of
// store and files.
[[nodiscard]] absl::StatusOr<BackupFacts> TakeBackup(const BackupSource& source, absl::Time now);

// Makes the store of `config`, where there is none, of a backup and the key-table backup, which must be the newest
// there is. The epoch file stays as it is: the node's next start finds that its store is behind, and signs nothing
// until its peers have answered. A backup of an earlier log of the own card is that of a store which has nothing of the
// card's last one (Log::is_lost): the node goes on under a new log, whatever its peers say. It must be no newer than
// the copy from which the log behind its own was opened: who takes a newer one may say what that one has said
// otherwise, and a recovery refuses it where peers show that. ALREADY_EXISTS (STORE_EXISTS); FAILED_PRECONDITION
// (BACKUP_OF_ANOTHER_NODE, CHECKPOINT_FOREIGN, KEK_GENERATION_MISMATCH, KEK_MISSING, INCOMPATIBLE_LAYOUT, and
// LOG_KEY_EXPIRED where the card ends the backup's log before the backup does); INVALID_ARGUMENT (CARD_KEY_MISMATCH)
// where the node's key is not that of the last log; the errors of the files that it reads and writes.
[[nodiscard]] absl::StatusOr<BackupFacts> RestoreBackup(const Config& config, const std::string& directory);

// Writes a backup's log into the new directory `tiles`, as C2SP tlog-tiles with what is kept beside it
// (common/audit/files.h), for `medflyt audit verify`; logs that were closed go to closed/N below it. Its checkpoint has
// cosignatures where they are of that head. Where an older one has some, cosigned.checkpoint is that, and the directory
// holds what the tree of its size needs, too. Reads neither keys nor configuration, and changes nothing in the backup.
// ALREADY_EXISTS (TILES_EXIST); DATA_LOSS (ROW_MALFORMED) for rows that contradict the log's records.
[[nodiscard]] absl::StatusOr<BackupFacts> WriteBackupTiles(const std::string& directory, const std::string& tiles);

}  // namespace medflyt::node
