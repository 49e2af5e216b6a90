// A log of millions of entries in a node's own store, and as the files that an auditor is given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "server/node/config.h"

namespace medflyt::bench {

// Called now and then with how many entries are done.
using Progress = std::function<void(uint64_t entries)>;

// The log of a node that is not running, opened with the node's own parts.
class StoredLog {
 public:
  // Borrows `clock` and `random`.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<StoredLog>> Open(const node::Config& config, const Clock& clock,
                                                                       RandomSource& random);
  ~StoredLog();

  // Appends: `citizens` enrolments by command, each with its key and its rows of the state, then entries of the form
  // and size of sealed events until there are `entries`. Each of these has an index and an outbox row as an event for
  // a peer has. Synced commits of 4096. What was written last stays in the write-ahead log, as after a kill.
  [[nodiscard]] absl::Status Fill(uint64_t citizens, uint64_t entries, const Progress& progress);

  struct ProofTimes {
    std::vector<double> microseconds;  // each proof's, sorted
    double processor = 0;              // microseconds of processor time a proof
  };
  // Inclusion proofs in the present tree, of `count` random entries. Each is verified.
  [[nodiscard]] absl::StatusOr<ProofTimes> TimeProofs(size_t count) const;

  // Writes checkpoint, tiles and entry bundles below `directory`, as `medflyt audit export` does.
  [[nodiscard]] absl::Status Export(const std::string& directory, const Progress& progress) const;

  // Entries a second whose leaf and node one core hashes, of processor time, over this log's last entries in memory:
  // what a verification cannot be faster than.
  [[nodiscard]] absl::StatusOr<double> HashesASecond() const;

 private:
  struct Parts;
  explicit StoredLog(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

// Of the calling thread, in seconds.
[[nodiscard]] double ProcessorTime();

}  // namespace medflyt::bench
