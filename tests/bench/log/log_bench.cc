// A node with a long log: how long it takes to start, to prove that an entry is in the log, and to verify the whole log
// offline from its files.
//
//   log_bench DIRECTORY [--entries N]      10 million by default
//
// Prints "log <tab> what <tab> figure <tab> unit" a line each; or, where DIRECTORY has no room for store and files,
// "left out <tab> what <tab> why". Both are made and removed in DIRECTORY.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/audit/verify.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "server/node/secrets.h"
#include "tests/bench/exchange/two_nodes.h"
#include "tests/bench/log/long_log.h"

namespace medflyt::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kCitizens = 1000;
constexpr size_t kProofs = 20'000;
// Store with its write-ahead log and what a compaction holds twice, and beside it the files.
constexpr uint64_t kRoomPerEntry = 2000;

double Seconds(SteadyClock::time_point since) {
  return std::chrono::duration<double>(SteadyClock::now() - since).count();
}

void Print(std::string_view what, double figure, std::string_view unit) {
  std::printf("log\t%.*s\t%.3f\t%.*s\n", static_cast<int>(what.size()), what.data(), figure,
              static_cast<int>(unit.size()), unit.data());
  std::fflush(stdout);
}

std::string Spelled(uint64_t entries) {
  return entries % 1'000'000 == 0 ? absl::StrCat(entries / 1'000'000, " million entries")
                                  : absl::StrCat(entries, " entries");
}

Progress Telling(const char* doing) {
  return [doing, last = SteadyClock::now()](uint64_t entries) mutable {
    if (Seconds(last) < 10) return;
    last = SteadyClock::now();
    std::fprintf(stderr, "   %s: %llu\n", doing, static_cast<unsigned long long>(entries));
  };
}

// So that what is read next comes from the disk.
void DropFromPageCache(const std::filesystem::path& directory) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (!file.is_regular_file()) continue;
    const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    (void)::fdatasync(fd);
    (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)::close(fd);
  }
}

class Bench {
 public:
  Bench(std::filesystem::path directory, uint64_t entries) : directory_(std::move(directory)), entries_(entries) {}

  absl::Status Run() {
    std::filesystem::create_directories(directory_);
    struct statvfs room {};
    if (::statvfs(directory_.c_str(), &room) != 0) return absl::UnavailableError("cannot see how much room there is");
    const uint64_t free = uint64_t{room.f_bavail} * room.f_frsize;
    if (free < entries_ * kRoomPerEntry) {
      std::printf("left out\ta log of %s\tneeds %llu MB of disk, there are %llu MB\n", Spelled(entries_).c_str(),
                  static_cast<unsigned long long>(entries_ * kRoomPerEntry >> 20),
                  static_cast<unsigned long long>(free >> 20));
      return absl::OkStatus();
    }
    MEDFLYT_ASSIGN_OR_RETURN(node_, BenchNode::Create({"35209115", "0461", "Odense Kommune"}, directory_ / "node"));
    MEDFLYT_RETURN_IF_ERROR(MeasureStart("first start of a node, which makes its store"));
    MEDFLYT_ASSIGN_OR_RETURN(const node::Config config, node::LoadConfig(node_->configuration()));
    {
      MEDFLYT_ASSIGN_OR_RETURN(const auto log, StoredLog::Open(config, clock_, random_));
      const auto begin = SteadyClock::now();
      MEDFLYT_RETURN_IF_ERROR(log->Fill(kCitizens, entries_, Telling("entries appended")));
      std::fprintf(stderr, "   filled in %.0f s\n", Seconds(begin));
    }
    const std::string with = absl::StrCat(" with ", Spelled(entries_));
    DropFromPageCache(node_->store());
    MEDFLYT_RETURN_IF_ERROR(MeasureStart("start of a node" + with + ", after a kill, files not in memory"));
    DropFromPageCache(node_->store());
    MEDFLYT_RETURN_IF_ERROR(MeasureStart("start of a node" + with + ", after a stop, files not in memory"));
    MEDFLYT_RETURN_IF_ERROR(MeasureStart("start of a node" + with + ", after a stop"));
    MEDFLYT_ASSIGN_OR_RETURN(const auto log, StoredLog::Open(config, clock_, random_));
    MEDFLYT_RETURN_IF_ERROR(MeasureProofs(*log));
    return MeasureVerification(*log, config);
  }

 private:
  absl::Status MeasureStart(const std::string& what) const {
    const auto begin = SteadyClock::now();
    MEDFLYT_RETURN_IF_ERROR(node_->Start({clock_, random_, *logger_, [](const absl::Status& status) {
                                            std::fprintf(stderr, "log_bench: %s\n", status.ToString().c_str());
                                            ::_exit(1);
                                          }}));
    Print(what, Seconds(begin), "s");
    node_->Stop();
    return absl::OkStatus();
  }

  absl::Status MeasureProofs(const StoredLog& log) const {
    MEDFLYT_ASSIGN_OR_RETURN(const auto times, log.TimeProofs(kProofs));
    const std::string of = absl::StrCat("inclusion proof of any of ", Spelled(entries_));
    const std::vector<double>& sorted = times.microseconds;
    Print(of + ", median", sorted[sorted.size() / 2], "µs");
    Print(of + ", 99th percentile", sorted[sorted.size() * 99 / 100], "µs");
    Print(of + ", processor time", times.processor, "µs");
    return absl::OkStatus();
  }

  absl::Status MeasureVerification(const StoredLog& log, const node::Config& config) const {
    const std::string files = (directory_ / "files").string();
    MEDFLYT_RETURN_IF_ERROR(log.Export(files, Telling("entries exported")));
    MEDFLYT_ASSIGN_OR_RETURN(const double limit, log.HashesASecond());
    MEDFLYT_ASSIGN_OR_RETURN(const auto signer, node::LoadNamedSigner(config.log_key, tlog::SignatureType::kEd25519));
    MEDFLYT_ASSIGN_OR_RETURN(const auto note_signer, tlog::NoteSigner::Create(signer.name, signer.signer));
    const directory::LogKey key{note_signer.verifier_key(), TreeSize(0), std::nullopt};
    const double begin = ProcessorTime();
    MEDFLYT_ASSIGN_OR_RETURN(
        const audit::Report report,
        audit::VerifyTiles(audit::DirectoryReader(files), std::span(&key, 1), [](uint64_t, uint64_t) {}));
    const double spent = ProcessorTime() - begin;
    if (!report.verified() || report.size.value() != entries_) {
      return absl::InternalError("the exported log does not verify");
    }
    Print(absl::StrCat("offline verification of ", Spelled(entries_), " from files, one core"),
          static_cast<double>(entries_) / spent, "entries/s");
    Print("SHA-256 alone over the same bytes and nodes, one core", limit, "entries/s");
    return absl::OkStatus();
  }

  const std::filesystem::path directory_;
  const uint64_t entries_;
  const SystemClock clock_;
  mutable crypto::SystemRandom random_;
  const std::unique_ptr<Logger> logger_ = MakeStderrLogger(Severity::kWarning);
  std::unique_ptr<BenchNode> node_;
};

int Main(int argc, char** argv) {
  uint64_t entries = 10'000'000;
  std::string directory;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--entries" && i + 1 < argc) {
      entries = std::strtoull(argv[++i], nullptr, 10);
    } else if (directory.empty() && !argument.starts_with("-")) {
      directory = absl::StrCat(argv[i], "/log.", ::getpid());
    } else {
      directory.clear();
      break;
    }
  }
  if (directory.empty() || entries < 10 * kCitizens) {
    std::fprintf(stderr, "usage: log_bench DIRECTORY [--entries N]   N from %llu\n",
                 static_cast<unsigned long long>(10 * kCitizens));
    return 2;
  }
  (void)crypto::InitSecretMemory(2 << 20);
  rpc::RedirectGrpcLog(nullptr);
  const absl::Status status = Bench(directory, entries).Run();
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  if (!status.ok()) std::fprintf(stderr, "log_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace medflyt::bench

int main(int argc, char** argv) { return medflyt::bench::Main(argc, argv); }
