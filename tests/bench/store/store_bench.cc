// Processor time and storage of the commits that a sequencer makes: batches of 256 events, each batch one segment of
// 150 KB and six rows an event. usage: store_bench DIRECTORY [BATCHES]; the directory must not exist.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "common/base/bytes.h"
#include "server/store_rocksdb/rocks_store.h"

namespace {

using medflyt::store::Batch;
using medflyt::store::Durability;
using medflyt::store::Table;

constexpr uint64_t kEvents = 256;
constexpr uint64_t kRowsAnEvent = 6;
constexpr uint64_t kCases = 200'000;

double CpuMicroseconds(int who) {
  rusage usage = {};
  ::getrusage(who, &usage);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

uint64_t BytesIn(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) bytes += file.file_size();
  return bytes;
}

std::string RandomBytes(std::mt19937_64& random, size_t size) {
  std::string bytes;
  while (bytes.size() < size) medflyt::AppendU64(bytes, random());
  bytes.resize(size);
  return bytes;
}

void Fill(Batch& batch, uint64_t first, std::mt19937_64& random, const std::string& segment) {
  batch.Clear();
  std::string number;
  medflyt::AppendU64(number, first);
  batch.Put(Table::kSegments, number, segment);
  for (uint64_t i = 0; i < kEvents; ++i) {
    number.clear();
    medflyt::AppendU64(number, first + i);
    batch.Put(Table::kIndex, "e" + RandomBytes(random, 16), number);
    batch.Put(Table::kIndex, "r" + RandomBytes(random, 16), number + std::string(32, 'd'));
    batch.Put(Table::kIndex, "i" + number, RandomBytes(random, 32));
    batch.Put(Table::kOutbox, "odense" + number, RandomBytes(random, 24));
    std::string state_key("c");
    medflyt::AppendU64(state_key, random() % kCases);
    batch.Put(Table::kState, state_key, RandomBytes(random, 200));
    batch.Put(Table::kState, "p" + state_key, RandomBytes(random, 60));
  }
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: store_bench DIRECTORY [BATCHES]; the directory must not exist\n");
    return 2;
  }
  const std::string directory = argv[1];
  const uint64_t batches = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 2000;
  std::mt19937_64 random(1);
  const std::string segment = RandomBytes(random, 150'000);

  double generating = 0;
  double committing = 0;
  double all = 0;
  {
    const auto store = medflyt::store::OpenRocksStore(directory, {});
    if (!store.ok()) return Fail(store.status());
    Batch batch;
    const auto started = std::chrono::steady_clock::now();
    all = CpuMicroseconds(RUSAGE_SELF);
    double slowest = 0;
    for (uint64_t i = 0; i < batches; ++i) {
      const double before = CpuMicroseconds(RUSAGE_THREAD);
      Fill(batch, i * kEvents, random, segment);
      const double filled = CpuMicroseconds(RUSAGE_THREAD);
      const auto commit_started = std::chrono::steady_clock::now();
      const absl::Status status = (*store)->Commit(batch, Durability::kSynced);
      if (!status.ok()) return Fail(status);
      slowest = std::max(slowest, Seconds(commit_started));
      generating += filled - before;
      committing += CpuMicroseconds(RUSAGE_THREAD) - filled;
    }
    const double elapsed = Seconds(started);
    all = CpuMicroseconds(RUSAGE_SELF) - all - generating;
    const double events = static_cast<double>(batches * kEvents);
    const double rows = events * static_cast<double>(kRowsAnEvent);
    std::printf("events %.0f  wall %.2f s  slowest commit %.0f ms\n", events, elapsed, slowest * 1e3);
    std::printf(
        "processor time per event: commit %.2f us, with flushes and compactions %.2f us; per row %.2f, %.2f us\n",
        committing / events, all / events, committing / rows, all / rows);
    // Looked up before a commit and absent: a request id never seen.
    const double before_lookups = CpuMicroseconds(RUSAGE_THREAD);
    constexpr int kLookups = 100'000;
    for (int i = 0; i < kLookups; ++i) {
      const auto value = (*store)->Get(Table::kIndex, "r" + RandomBytes(random, 16));
      if (!value.ok() || value->has_value()) return Fail(absl::InternalError("an absent row was found"));
    }
    std::printf("look-up of an absent id %.2f us\n", (CpuMicroseconds(RUSAGE_THREAD) - before_lookups) / kLookups);
  }
  std::printf("storage per event beyond its segment: %.0f bytes\n",
              static_cast<double>(BytesIn(directory)) / static_cast<double>(batches * kEvents) -
                  static_cast<double>(segment.size()) / static_cast<double>(kEvents));
  const auto opening = std::chrono::steady_clock::now();
  const double before_open = CpuMicroseconds(RUSAGE_SELF);
  const auto store = medflyt::store::OpenRocksStore(directory, {});
  if (!store.ok()) return Fail(store.status());
  std::printf("opening %.0f ms, processor time %.0f ms\n", Seconds(opening) * 1e3,
              (CpuMicroseconds(RUSAGE_SELF) - before_open) / 1e3);
  return 0;
}
