// The offline verifier: a log as files, checked against public keys and nothing else. Links neither server nor RocksDB.
//
// Every leaf, tile and root is derived again from the entries; nothing that a file says of another is believed. Reads a
// log in order, a few bundles at a time: memory does not grow with the log.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/audit/event_keys.h"
#include "common/audit/files.h"
#include "common/audit/finding.h"
#include "common/audit/report.h"
#include "common/audit/signatures.h"
#include "common/directory/authority.h"
#include "common/directory/identity.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/policy.h"

namespace medflyt::audit {

// What an auditor believes before the log is looked at.
struct Trust {
  // Of the log, and of the peers that its receipts are from. What proves a handover of the log's own key is a
  // checkpoint that was seen before, too.
  std::vector<directory::LogKey> keys;
  std::map<std::string, AuthorityId, std::less<>> owners;  // of logs, by origin, as far as known
  std::vector<directory::Authority> cards;  // of what kind they are, and with which codes, as far as known
  std::optional<tlog::Policy> policy;       // which witnesses must have cosigned
  // Seen and verified before: of the log, and of the one that it goes on from. Those of others do not count.
  std::vector<tlog::Checkpoint> kept;
};

// Called now and then with the number of entries checked.
using Progress = std::function<void(uint64_t entries, uint64_t of)>;

struct Work {
  unsigned threads = 1;
  Progress progress = [](uint64_t, uint64_t) {};
  bool beside = false;                // what is kept beside the log is among the files (files.h)
  const EventKeys* opened = nullptr;  // borrowed; events are opened only with it
  std::optional<Part> part;           // the entries that are there; all, where it is absent
  // What is kept beside the log is there for records below this size only (KeptUntil); for all, where it is absent.
  std::optional<TreeSize> beside_until = {};
};

// Verifies the log against the checkpoint that lies with it. An error only where `read` fails: what a file says is
// never an error but a finding. Beyond a bundle that is missing or malformed it goes on with the hashes of the tile,
// where there is one of the right length, and else stops.
//
// Of a part of a log all tiles are derived and compared, from the leaf hashes up; entries and records outside it are
// not looked at, and the report says how many. What a record refers to before the part is then taken as it says.
[[nodiscard]] absl::StatusOr<Report> VerifyLog(const FileReader& read, const Trust& trust, const Work& work);

// The same with keys alone, on one thread.
[[nodiscard]] absl::StatusOr<Report> VerifyTiles(const FileReader& read, std::span<const directory::LogKey> keys,
                                                 const Progress& progress);

}  // namespace medflyt::audit
