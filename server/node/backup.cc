#include "server/node/backup.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/audit/files.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/directory/directory.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note_key.h"
#include "common/tlog/text.h"
#include "common/tlog/tile.h"
#include "medflyt/v1/audit_service.pb.h"
#include "server/exchange/cosigned_proof.h"
#include "server/keys/key_backup.h"
#include "server/keys/key_row.h"
#include "server/log/generations.h"
#include "server/log/layout.h"
#include "server/log/log_reader.h"
#include "server/log/tiles.h"
#include "server/node/files.h"
#include "server/node/key_files.h"
#include "server/node/next_key.h"
#include "server/node/node.h"
#include "server/node/peer_directory.h"
#include "server/node/secrets.h"
#include "server/service/kept_reader.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt::node {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "medflyt-backup/v1";
constexpr std::string_view kUnfinished = ".unfinished";
constexpr std::string_view kCosignedFile = "cosigned.checkpoint";
constexpr size_t kMaxAbout = 4096;
constexpr size_t kMaxKeyBackup = size_t{1} << 30;
constexpr std::array kWithout = {store::Table::kKeys};

absl::Status FileError(const fs::path& path, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat(path.string(), ": ", error.message()));
}

std::string AboutText(const BackupFacts& facts) {
  return absl::StrCat(std::string(kMagic), "\nauthority ", facts.authority.ToString(), "\norigin ", facts.origin,
                      "\nsize ", facts.size.value(), "\nroot ", facts.root.ToHex(), "\ntaken ",
                      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", facts.taken_at, absl::UTCTimeZone()), "\n");
}

absl::Status Malformed(const std::string& directory) {
  return RuleError(absl::StatusCode::kDataLoss, "BACKUP_MALFORMED", "about",
                   absl::StrCat(directory, ": its file \"about\" is none that a backup has"));
}

absl::StatusOr<log::Head> HeadOf(const store::Reader& store) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, log::HeadKey()));
  if (!row) return RuleError(absl::StatusCode::kDataLoss, "BACKUP_MALFORMED", "store", "the copy has no signed head");
  return log::DecodeHead(*row);
}

// That the copy is of what the backup says.
absl::StatusOr<log::Head> HeadAsSaid(const store::Reader& store, const BackupFacts& facts) {
  MEDFLYT_ASSIGN_OR_RETURN(log::Head head, HeadOf(store));
  if (head.size != facts.size || head.root != facts.root) return Malformed(facts.directory);
  return head;
}

// What an interrupted backup left: it has no name.
void RemoveUnfinished(const fs::path& backups) {
  std::error_code error;
  std::vector<fs::path> unfinished;
  for (const auto& each : fs::directory_iterator(backups, error)) {
    if (each.path().extension() == kUnfinished) unfinished.push_back(each.path());
  }
  for (const fs::path& path : unfinished) fs::remove_all(path, error);
}

// Durable with the checkpoint, not before.
absl::Status WriteNewFile(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return FileError(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(path.string(), ": cannot be written"));
}

// With the entries below it, where it is of their hashes.
absl::Status WriteTile(const store::Reader& store, const log::Generation& of, const tlog::Tile& tile,
                       const fs::path& out) {
  MEDFLYT_ASSIGN_OR_RETURN(const std::string bytes, log::TileBytes(store, of, tile));
  MEDFLYT_RETURN_IF_ERROR(WriteNewFile(out / tlog::TilePath(tile), bytes));
  if (tile.level > 0) return absl::OkStatus();
  MEDFLYT_ASSIGN_OR_RETURN(const std::string entries, log::EntryBundleBytes(store, of, tile.index, tile.width));
  return WriteNewFile(out / tlog::EntryBundlePath(tile.index, tile.width), entries);
}

absl::Status WriteTiles(const store::Reader& store, const log::Generation& of, TreeSize size, const fs::path& out) {
  for (unsigned level = 0; tlog::TileWidthAt(level, 0, size) > 0; ++level) {
    unsigned width = 0;
    for (uint64_t index = 0; (width = tlog::TileWidthAt(level, index, size)) > 0; ++index) {
      MEDFLYT_RETURN_IF_ERROR(WriteTile(store, of, {level, index, width}, out));
    }
  }
  return absl::OkStatus();
}

// What is not full where the log had that size, and is where it goes on.
absl::Status WritePartialTiles(const store::Reader& store, const log::Generation& of, TreeSize size,
                               const fs::path& out) {
  unsigned level = 0;
  for (uint64_t hashes = size.value(); hashes > 0; hashes /= tlog::kTileWidth, ++level) {
    const auto width = static_cast<unsigned>(hashes % tlog::kTileWidth);
    if (width == 0) continue;
    MEDFLYT_RETURN_IF_ERROR(WriteTile(store, of, {level, hashes / tlog::kTileWidth, width}, out));
  }
  return absl::OkStatus();
}

// The layout of common/audit/files.h.
absl::Status WriteKept(const log::LogReader& reader, const log::Generation& of, TreeSize size, const fs::path& out) {
  MEDFLYT_ASSIGN_OR_RETURN(auto peers, log::ReadPeers(reader.store()));
  service::KeptReader kept(reader, std::move(peers));
  v1::ListKeptResponse page;
  std::optional<uint64_t> first = 0;
  while (first) {
    page.Clear();
    MEDFLYT_RETURN_IF_ERROR(kept.Read(of, LeafIndex(*first), size, page));
    for (const v1::Kept& each : page.kept()) {
      const LeafIndex record(each.record());
      MEDFLYT_RETURN_IF_ERROR(each.has_receipt() ? WriteNewFile(out / audit::ReceiptPath(record), each.receipt())
                                                 : WriteNewFile(out / audit::ReceivedPath(record), each.received()));
    }
    first = tlog::ParseDecimal(page.next_page_token(), size.value());
  }
  return WriteNewFile(out / audit::kKeptComplete, std::to_string(size.value()));
}

// With the cosignatures where they are of this head; an older head that has some lies beside it, and with it what its
// size needs.
absl::Status WriteLog(const log::LogReader& reader, const log::Generation& of, const log::Head& head,
                      const fs::path& out) {
  const store::Reader& store = reader.store();
  MEDFLYT_RETURN_IF_ERROR(WriteTiles(store, of, head.size, out));
  MEDFLYT_RETURN_IF_ERROR(WriteKept(reader, of, head.size, out));
  std::string checkpoint = head.checkpoint;
  MEDFLYT_ASSIGN_OR_RETURN(const auto cosigned, exchange::NewestCosigned(store, of, head.size));
  if (cosigned && cosigned->size == head.size) {
    checkpoint = cosigned->note;
  } else if (cosigned) {
    MEDFLYT_RETURN_IF_ERROR(WritePartialTiles(store, of, cosigned->size, out));
    MEDFLYT_RETURN_IF_ERROR(WriteNewFile(out / kCosignedFile, cosigned->note));
  }
  MEDFLYT_RETURN_IF_ERROR(SyncFileSystem(out.string()));
  return ReplaceFile((out / "checkpoint").string(), checkpoint);
}

}  // namespace

absl::StatusOr<BackupFacts> ReadBackupFacts(const std::string& directory) {
  const auto text = ReadFile(directory + "/about", kMaxAbout);
  if (absl::IsNotFound(text.status())) {
    return RuleError(absl::StatusCode::kNotFound, "BACKUP_MISSING", "backup",
                     absl::StrCat(directory, ": there is no backup, for it would have a file \"about\""));
  }
  if (!text.ok()) return text.status();
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  if (lines.size() != 7) return Malformed(directory);
  std::array<std::string, 5> values;
  constexpr std::array<std::string_view, 5> kNames = {"authority ", "origin ", "size ", "root ", "taken "};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (!std::string_view(lines[i + 1]).starts_with(kNames[i])) return Malformed(directory);
    values[i] = lines[i + 1].substr(kNames[i].size());
  }
  BackupFacts facts;
  facts.directory = directory;
  facts.origin = values[1];
  const auto authority = AuthorityId::Parse(values[0]);
  const auto root = crypto::Hash::FromHex(values[3]);
  uint64_t size = 0;
  std::string ignored;
  if (!authority || !root || !absl::SimpleAtoi(values[2], &size) ||
      !absl::ParseTime("%Y-%m-%dT%H:%M:%SZ", values[4], &facts.taken_at, &ignored)) {
    return Malformed(directory);
  }
  facts.authority = *authority;
  facts.root = *root;
  facts.size = TreeSize(size);
  if (AboutText(facts) != *text) return Malformed(directory);
  return facts;
}

absl::StatusOr<BackupFacts> TakeBackup(const BackupSource& source, absl::Time now) {
  if (source.config.backup_dir.empty()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "BACKUP_NOT_CONFIGURED", "backup_dir",
                     "the configuration names no directory for backups");
  }
  const fs::path backups = source.config.backup_dir;
  const fs::path place = backups / absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  std::error_code error;
  if (fs::exists(place, error)) {
    return RuleError(absl::StatusCode::kAlreadyExists, "BACKUP_EXISTS", "backup_dir",
                     "one was taken in this same second");
  }
  MEDFLYT_RETURN_IF_ERROR(MakePrivateDirectory(backups.string()));
  RemoveUnfinished(backups);
  const fs::path unfinished = place.string() + std::string(kUnfinished);
  MEDFLYT_RETURN_IF_ERROR(MakePrivateDirectory(unfinished.string()));
  // What fails leaves nothing: for a while there are keys in it, wrapped as they are.
  absl::Cleanup remove = [&unfinished] {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
  };
  const std::string copy = (unfinished / "store").string();
  // The keys after the data: what the data needs is in them.
  MEDFLYT_RETURN_IF_ERROR(source.store.Checkpoint(copy, kWithout));
  MEDFLYT_RETURN_IF_ERROR(source.rotation.BackUp());
  BackupFacts facts{place.string(), source.config.authority, source.origin, TreeSize(), {}, now};
  {
    MEDFLYT_ASSIGN_OR_RETURN(const auto reader, store::OpenRocksReader(copy, kLayoutVersion));
    MEDFLYT_ASSIGN_OR_RETURN(const log::Head head, HeadOf(*reader));
    facts.size = head.size;
    facts.root = head.root;
  }
  MEDFLYT_RETURN_IF_ERROR(ReplaceFile((unfinished / "about").string(), AboutText(facts)));
  // Before it has a name: no backup can be restored that the node would not find to be behind.
  MEDFLYT_RETURN_IF_ERROR(source.raise_epoch());
  MEDFLYT_RETURN_IF_ERROR(RenameDurably(unfinished.string(), place.string()));
  std::move(remove).Cancel();
  return facts;
}

absl::StatusOr<BackupFacts> RestoreBackup(const Config& config, const std::string& directory) {
  const fs::path place = fs::path(config.data_dir) / "store";
  std::error_code error;
  if (fs::exists(fs::symlink_status(place, error))) {
    return RuleError(absl::StatusCode::kAlreadyExists, "STORE_EXISTS", "data_dir",
                     absl::StrCat(place.string(), ": is there; move it away first, nothing is overwritten"));
  }
  MEDFLYT_ASSIGN_OR_RETURN(BackupFacts facts, ReadBackupFacts(directory));
  MEDFLYT_ASSIGN_OR_RETURN(const OwnCard card, ReadOwnCard(config.authority, config.card));
  const std::vector<directory::Log>& logs = card.authority.logs;
  const auto of = std::find_if(logs.begin(), logs.end(),
                               [&facts](const directory::Log& each) { return each.origin == facts.origin; });
  if (facts.authority != config.authority || !card.authority.has_node() || of == logs.end()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "BACKUP_OF_ANOTHER_NODE", "authority",
                     absl::StrCat(directory, ": is of ", facts.authority.ToString(), " with the log ", facts.origin));
  }
  // Of an earlier log of ours: the store goes on with the last one, of which it has nothing.
  std::optional<tlog::NoteSigner> lost;
  std::vector<std::string> between;
  if (of + 1 != logs.end()) {
    MEDFLYT_ASSIGN_OR_RETURN(lost, LoadLogKey(config.log_key));
    if (logs.back().keys.back().key != lost->verifier_key()) {
      return RuleError(absl::StatusCode::kInvalidArgument, "CARD_KEY_MISMATCH", "card",
                       "the own card does not name this node's log key as its newest");
    }
    for (auto each = of + 1; each + 1 != logs.end(); ++each) between.push_back(each->origin);
  }
  MEDFLYT_ASSIGN_OR_RETURN(const directory::Directory cards, directory::Directory::Create({card.authority}));
  MEDFLYT_ASSIGN_OR_RETURN(const crypto::Key root_secret, LoadRootSecret(config.root_secret));
  crypto::SystemRandom random;
  KeyFilesOnDisk key_files(config);
  MEDFLYT_ASSIGN_OR_RETURN(const keys::KekGenerations held,
                           LoadKek(key_files, root_secret, /*may_make=*/false, random));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string key_file, key_files.ReadBackup(kMaxKeyBackup));
  MEDFLYT_ASSIGN_OR_RETURN(const keys::KeyBackup key_backup, keys::ParseKeyBackup(key_file));
  if (key_backup.kek_generation != held.current.generation &&
      (!held.next || key_backup.kek_generation != held.next->generation)) {
    return keys::KekGenerationMismatch();
  }

  MEDFLYT_RETURN_IF_ERROR(MakePrivateDirectory(config.data_dir));
  const fs::path unfinished = place.string() + std::string(kUnfinished);
  fs::remove_all(unfinished, error);
  fs::copy(fs::path(directory) / "store", unfinished, fs::copy_options::recursive, error);
  if (error) return FileError(unfinished, error);
  {
    store::RocksOptions options;
    options.layout_version = kLayoutVersion;
    options.create_if_missing = false;
    MEDFLYT_ASSIGN_OR_RETURN(const auto store, store::OpenRocksStore(unfinished.string(), options));
    MEDFLYT_ASSIGN_OR_RETURN(const log::Head head, HeadAsSaid(*store, facts));
    MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, cards.LogKeyFor(facts.origin, head.size));
    if (!tlog::OpenCheckpoint(head.checkpoint, std::span(&key, 1)).ok()) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "CHECKPOINT_FOREIGN", "card",
                       absl::StrCat(directory, ": is signed with another log key than the own card has for its size"));
    }
    store::Batch batch;
    MEDFLYT_RETURN_IF_ERROR(keys::ImportKeys(key_backup, *store, batch));
    MEDFLYT_RETURN_IF_ERROR(store->Commit(batch, store::Durability::kSynced));
    if (lost) {
      MEDFLYT_RETURN_IF_ERROR(log::OpenNextGeneration(*store, *lost, between));
    }
  }
  MEDFLYT_RETURN_IF_ERROR(SyncFileSystem(unfinished.string()));
  MEDFLYT_RETURN_IF_ERROR(RenameDurably(unfinished.string(), place.string()));
  return facts;
}

absl::StatusOr<BackupFacts> WriteBackupTiles(const std::string& directory, const std::string& tiles) {
  MEDFLYT_ASSIGN_OR_RETURN(BackupFacts facts, ReadBackupFacts(directory));
  std::error_code error;
  if (fs::exists(fs::symlink_status(tiles, error))) {
    return RuleError(absl::StatusCode::kAlreadyExists, "TILES_EXIST", "tiles",
                     absl::StrCat(tiles, ": is there already"));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto store, store::OpenRocksReader(directory + "/store", kLayoutVersion));
  MEDFLYT_ASSIGN_OR_RETURN(const log::Head head, HeadAsSaid(*store, facts));
  MEDFLYT_ASSIGN_OR_RETURN(const log::Generations generations, log::Generations::Load(*store, facts.origin));
  const log::LogReader reader(facts.authority, *store, generations, {});
  for (const log::Generation& each : generations.all()) {
    if (each.last && each.last->size.value() == 0) continue;  // lost, with the key that signs a head of it
    const fs::path out = each.last ? fs::path(tiles) / "closed" / absl::StrCat(each.number) : fs::path(tiles);
    MEDFLYT_RETURN_IF_ERROR(WriteLog(reader, each, each.last.value_or(head), out));
  }
  return facts;
}

}  // namespace medflyt::node
