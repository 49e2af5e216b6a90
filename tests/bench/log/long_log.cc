#include "tests/bench/log/long_log.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/date.h"
#include "common/base/status.h"
#include "common/entry/seal.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tile.h"
#include "server/keys/kek_rotation.h"
#include "server/keys/key_table.h"
#include "server/log/log.h"
#include "server/node/node.h"
#include "server/node/peer_directory.h"
#include "server/node/secrets.h"
#include "server/store_rocksdb/rocks_store.h"

namespace medflyt::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kPerCommit = 4096;
constexpr uint64_t kCitizensPerCommit = 50;
constexpr size_t kContent = 400;  // of an event: the smallest size class but one holds it, with 600 bytes in all

// A replacement number, which can belong to nobody: the day of birth has 60 added.
std::string ReplacementNumber(uint64_t number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%02u%02u%02u1%03u", static_cast<unsigned>(61 + number % 28),
                static_cast<unsigned>(1 + number / 28 % 12), static_cast<unsigned>(40 + number / 336 % 40),
                static_cast<unsigned>(number / 13440 % 1000));
  return digits;
}

// Enrolments of the node's own citizens.
class Citizens final : public log::Submission {
 public:
  Citizens(AuthorityId self, uint64_t first, uint64_t count, RandomSource& random)
      : self_(self), first_(first), count_(count), random_(random) {}

  void Apply(log::Appender& appender) override {
    for (uint64_t i = first_; i < first_ + count_ && status.ok(); ++i) {
      const auto cpr = registry::CprNumber::Parse(ReplacementNumber(i));
      status = cpr.status();
      if (!status.ok()) return;
      status = appender
                   .Execute({"bench.officer", event::ProposeEnrolment{random_.NewId<CaseId>(), self_, *cpr,
                                                                      std::nullopt, DanishDate(appender.now())}})
                   .status();
    }
  }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status& why) override { status = why; }

  absl::Status status;

 private:
  const AuthorityId self_;
  const uint64_t first_;
  const uint64_t count_;
  RandomSource& random_;
};

// Entries that no two are alike, with the rows of an event each.
class Entries final : public log::Submission {
 public:
  Entries(std::string_view sealed, AuthorityId peer, uint64_t first, uint64_t count)
      : sealed_(sealed), peer_(peer), first_(first), count_(count) {}

  void Apply(log::Appender& appender) override {
    std::string pair;
    for (uint64_t number = first_; number < first_ + count_; ++number) {
      std::string entry(sealed_);
      // Into the ciphertext's last bytes: the form stays that of a sealed entry, which nobody is to open.
      std::memcpy(entry.data() + entry.size() - sizeof number, &number, sizeof number);
      AppendU64(pair, appender.AppendLedger(entry).value());
    }
    appender.batch().Put(store::Table::kOutbox, log::PairRowKey('p', peer_, first_ + 1), pair);
  }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status& why) override { status = why; }

  absl::Status status;

 private:
  const std::string_view sealed_;
  const AuthorityId peer_;
  const uint64_t first_;
  const uint64_t count_;
};

absl::Status Commit(log::Log& log, std::unique_ptr<log::Submission> submission) {
  std::vector<std::unique_ptr<log::Submission>> submissions;
  submissions.push_back(std::move(submission));
  return log.Commit(*log.Prepare(std::move(submissions)));
}

absl::Status Write(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out ? absl::OkStatus() : absl::UnavailableError("cannot write " + path.string());
}

// Collects hashes into tiles and writes each as it fills.
class TileWriter {
 public:
  explicit TileWriter(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Add(unsigned level, const merkle::Hash& hash) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    levels_[level].bytes.append(hash.bytes());
    if (levels_[level].bytes.size() < tlog::kTileWidth * merkle::Hash::kSize) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const merkle::Hash root, tlog::HashFromTile(levels_[level].bytes, 0, tlog::kTileWidth));
    MEDFLYT_RETURN_IF_ERROR(Flush(level));
    return Add(level + 1, root);
  }
  // The tiles that are not full.
  absl::Status Finish() {
    for (unsigned level = 0; level < levels_.size(); ++level) {
      if (!levels_[level].bytes.empty()) MEDFLYT_RETURN_IF_ERROR(Flush(level));
    }
    return absl::OkStatus();
  }

 private:
  struct Level {
    uint64_t index = 0;
    std::string bytes;
  };
  absl::Status Flush(unsigned level) {
    Level& row = levels_[level];
    const auto width = static_cast<unsigned>(row.bytes.size() / merkle::Hash::kSize);
    const absl::Status status =
        Write(std::filesystem::path(directory_) / tlog::TilePath({level, row.index, width}), row.bytes);
    row.bytes.clear();
    ++row.index;
    return status;
  }

  const std::string directory_;
  std::vector<Level> levels_;
};

}  // namespace

struct StoredLog::Parts {
  AuthorityId self;
  RandomSource& random;
  tlog::NoteSigner signer;
  std::unique_ptr<node::PeerDirectory> directory;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<keys::KeyTable> keys;
  std::unique_ptr<log::Log> log;
};

StoredLog::StoredLog(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
StoredLog::~StoredLog() = default;

absl::StatusOr<std::unique_ptr<StoredLog>> StoredLog::Open(const node::Config& config, const Clock& clock,
                                                           RandomSource& random) {
  MEDFLYT_ASSIGN_OR_RETURN(node::NamedSigner key, node::LoadNamedSigner(config.log_key, tlog::SignatureType::kEd25519));
  MEDFLYT_ASSIGN_OR_RETURN(auto signer, tlog::NoteSigner::Create(key.name, std::move(key.signer)));
  auto parts = std::unique_ptr<Parts>(new Parts{config.authority, random, std::move(signer), {}, {}, {}, {}});
  MEDFLYT_ASSIGN_OR_RETURN(parts->directory, node::PeerDirectory::Load({config.authority, config.card, config.peers_dir,
                                                                        config.data_dir + "/roots.pem"},
                                                                       {}, clock));
  MEDFLYT_ASSIGN_OR_RETURN(parts->store,
                           store::OpenRocksStore(config.data_dir + "/store", {.layout_version = node::kLayoutVersion}));
  MEDFLYT_ASSIGN_OR_RETURN(const crypto::Key root_secret, node::LoadRootSecret(config.root_secret));
  node::KeyFilesOnDisk key_files(config);
  MEDFLYT_ASSIGN_OR_RETURN(const keys::KekGenerations held, node::LoadKek(key_files, root_secret, false, random));
  MEDFLYT_ASSIGN_OR_RETURN(const keys::Kek kek, keys::KekOfRows(*parts->store, held));
  MEDFLYT_ASSIGN_OR_RETURN(parts->keys, keys::KeyTable::Load(*parts->store, kek, random));
  MEDFLYT_ASSIGN_OR_RETURN(parts->log, log::Log::Open({config.authority, *parts->store, *parts->keys, parts->signer,
                                                       clock, random, *parts->directory}));
  return std::unique_ptr<StoredLog>(new StoredLog(std::move(parts)));
}

absl::Status StoredLog::Fill(uint64_t citizens, uint64_t entries, const Progress& progress) {
  log::Log& log = *parts_->log;
  for (uint64_t done = 0; done < citizens; done += kCitizensPerCommit) {
    auto submission =
        std::make_unique<Citizens>(parts_->self, done, std::min(kCitizensPerCommit, citizens - done), parts_->random);
    Citizens& borrowed = *submission;
    std::vector<std::unique_ptr<log::Submission>> submissions;
    submissions.push_back(std::move(submission));
    const auto prepared = log.Prepare(std::move(submissions));
    MEDFLYT_RETURN_IF_ERROR(borrowed.status);
    MEDFLYT_RETURN_IF_ERROR(log.Commit(*prepared));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const std::string sealed,
                           entry::SealEntry(parts_->random.NewId<EventId>(), parts_->random.NewId<crypto::Nonce>(),
                                            std::string(kContent, 'c'), crypto::Key::Random(), log.origin()));
  const AuthorityId peer = *AuthorityId::Parse("29189722");
  uint64_t number = 0;
  for (uint64_t size = log.head().size.value(); size < entries; size = log.head().size.value()) {
    const uint64_t count = std::min(kPerCommit, entries - size);
    MEDFLYT_RETURN_IF_ERROR(Commit(log, std::make_unique<Entries>(sealed, peer, number, count)));
    number += count;
    progress(log.head().size.value());
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredLog::ProofTimes> StoredLog::TimeProofs(size_t count) const {
  const log::Head head = parts_->log->head();
  const log::LogReader& reader = parts_->log->reader();
  ProofTimes times;
  for (size_t i = 0; i < count; ++i) {
    uint64_t number = 0;
    parts_->random.Fill(reinterpret_cast<uint8_t*>(&number), sizeof number);
    const LeafIndex index(number % head.size.value());
    const double processor = ProcessorTime();
    const auto begin = SteadyClock::now();
    const auto proof = reader.InclusionProof(index, head.size);
    times.microseconds.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - begin).count());
    times.processor += (ProcessorTime() - processor) * 1e6 / static_cast<double>(count);
    MEDFLYT_RETURN_IF_ERROR(proof.status());
    MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry entry, reader.Entry(log::Position(index.value())));
    MEDFLYT_RETURN_IF_ERROR(
        merkle::VerifyInclusion(index, head.size, merkle::LeafHash(entry.bytes), *proof, head.root));
  }
  std::sort(times.microseconds.begin(), times.microseconds.end());
  return times;
}

absl::Status StoredLog::Export(const std::string& directory, const Progress& progress) const {
  const log::Head head = parts_->log->head();
  TileWriter tiles(directory);
  std::string bundle;
  const auto add = [&](log::Position index, std::string_view entry, const KeyId&) {
    MEDFLYT_RETURN_IF_ERROR(tlog::AppendBundleEntry(bundle, entry));
    MEDFLYT_RETURN_IF_ERROR(tiles.Add(0, merkle::LeafHash(entry)));
    const uint64_t done = index.value() + 1;
    if (done % tlog::kTileWidth != 0 && done != head.size.value()) return absl::OkStatus();
    const unsigned width = static_cast<unsigned>(index.value() % tlog::kTileWidth) + 1;
    const std::string path = tlog::EntryBundlePath(index.value() / tlog::kTileWidth, width);
    MEDFLYT_RETURN_IF_ERROR(Write(std::filesystem::path(directory) / path, bundle));
    bundle.clear();
    progress(done);
    return absl::OkStatus();
  };
  MEDFLYT_RETURN_IF_ERROR(parts_->log->reader().Visit(log::Position(0), parts_->log->end(), add));
  MEDFLYT_RETURN_IF_ERROR(tiles.Finish());
  return Write(std::filesystem::path(directory) / "checkpoint", head.checkpoint);
}

absl::StatusOr<double> StoredLog::HashesASecond() const {
  std::vector<std::string> entries;
  const uint64_t last = parts_->log->head().size.value();
  MEDFLYT_RETURN_IF_ERROR(parts_->log->reader().Visit(log::Position(last - tlog::kTileWidth), log::Position(last),
                                                      [&](log::Position, std::string_view entry, const KeyId&) {
                                                        entries.emplace_back(entry);
                                                        return absl::OkStatus();
                                                      }));
  const double begin = ProcessorTime();
  uint64_t hashed = 0;
  double spent = 0;
  std::vector<merkle::Hash> nodes;
  do {
    nodes.clear();
    for (const std::string& entry : entries) nodes.push_back(merkle::LeafHash(entry));
    for (; nodes.size() > 1; nodes.resize(nodes.size() / 2)) {
      for (size_t i = 0; i < nodes.size() / 2; ++i) nodes[i] = merkle::NodeHash(nodes[2 * i], nodes[2 * i + 1]);
    }
    hashed += entries.size();
    spent = ProcessorTime() - begin;
  } while (spent < 1);
  return static_cast<double>(hashed) / spent;
}

double ProcessorTime() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace medflyt::bench
