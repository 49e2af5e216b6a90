// Bounds of what may stand in events and commands. Lengths are bytes of UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>

namespace medflyt::wire {

inline constexpr size_t kMaxCode = 64;          // keys of tables, rules, case numbers, journal references, RPC names
inline constexpr size_t kMaxOfficer = 128;      // who acted
inline constexpr size_t kMaxPurpose = 256;      // why a citizen was looked up
inline constexpr size_t kMaxNecessity = 2000;   // an officer's reasons
inline constexpr size_t kMaxOrigin = 255;       // name of a log
inline constexpr size_t kMaxVerifierKey = 320;  // of a log, as text
inline constexpr size_t kMaxContentBytes = 61'440;  // of a whole Content; the largest size class of an entry
inline constexpr size_t kMaxCases = 256;            // that one access record names
inline constexpr size_t kMaxErasedCases = 1024;     // of one citizen, that one erasure names
inline constexpr size_t kMaxRuns = 4096;            // that one record of receipts names
inline constexpr size_t kMaxPairs = 1024;           // that the first record of a new log names
inline constexpr size_t kMaxClosedCheckpoint = 2048;
inline constexpr uint32_t kMaxCapacity = 100'000;
inline constexpr uint32_t kMaxNoticeDays = 3'660;
inline constexpr uint32_t kMaxSettlementMonths = 120;
inline constexpr int64_t kMaxPriceOre = 1'000'000'000'000;  // ten billion kroner

}  // namespace medflyt::wire
