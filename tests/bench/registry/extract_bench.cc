// How fast an extract is read once it is in memory; the goal is 500 MB/s on one core.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "common/registry/summary.h"

namespace {

// A load of invented persons: the records, and about the lengths, that the registry's demo persons have.
std::string SyntheticExtract(size_t target_bytes) {
  std::string text;
  text.reserve(target_bytes + 4096);
  text = "00000000000001109012026112120261120\n";
  size_t records = 0;
  for (unsigned person = 0; text.size() < target_bytes; ++person) {
    char cpr[16];
    std::snprintf(cpr, sizeof cpr, "%02u%02u%02u%04u", 61 + person % 28, 1 + person / 28 % 12, 60 + person / 336 % 40,
                  person / 13440 % 1000);
    // Fields by position from 1.
    const auto add = [&](const char* type, std::initializer_list<std::pair<size_t, std::string_view>> fields) {
      std::string line = std::string(type) + cpr;
      for (const auto& [position, field] : fields) {
        line.resize(position - 1, ' ');
        line.append(field);
      }
      text.append(line).append("\n");
      ++records;
    };
    add("001", {{24, "01000000000000 K1961-08-01 2001-10-22"}});
    add("003",
        {{116, "Invented Road 16"}, {149, "Sometown"}, {184, "9000Some City"}, {208, "04500001016"}, {232, "Road"}});
    add("002", {{14, "0450"},
                {18, person % 50 == 0 ? "9901" : "0123"},
                {70, "200101011601 200101011601 0461200101011601 0000"}});
    if (person % 8 == 0) add("004", {{14, "0003"}, {18, "2001-10-22"}, {28, "2101-10-22"}});
    if (person % 20 == 0) add("004", {{14, "0001"}, {18, "2001-10-22"}, {28, "2101-10-22"}});
    add("008", {{14, "Invented First Names"}, {106, "Surname"}, {146, "200006291610 I First Surname"}});
    add("009", {{14, "5120"}});
    add("010", {{14, "5100199802280940"}});
    add("011", {{14, "F1998-02-28"}});
    add("012", {{14, "D"}, {71, "200006300000"}});
    add("015", {{14, "1998-01-01*0709614282"}, {83, "1998-01-01*0000000000"}});
    add("023", {{15, "04610511011"}, {71, "199801010940 200006300000"}});
    add("099", {{14, "202611200929A36"}});
  }
  char end[32];
  std::snprintf(end, sizeof end, "9999999999999%08zu\n", records);
  return text + end;
}

void ReadExtract(benchmark::State& state) {
  const std::string text = SyntheticExtract(64 << 20);
  const auto chunk_size = static_cast<size_t>(state.range(0));
  uint64_t persons = 0;
  for (auto _ : state) {
    std::string_view rest = text;
    const auto summary = medflyt::registry::Summarise([&rest, chunk_size]() -> absl::StatusOr<std::string_view> {
      const std::string_view chunk = rest.substr(0, chunk_size);
      rest.remove_prefix(chunk.size());
      return chunk;
    });
    if (!summary.ok()) {
      state.SkipWithError(std::string(summary.status().message()).c_str());
      return;
    }
    persons = summary->persons;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
  state.counters["persons"] = static_cast<double>(persons);
}
BENCHMARK(ReadExtract)->Arg(256 << 10)->Arg(64 << 20)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
