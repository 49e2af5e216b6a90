// This node as a witness of its peers' logs: c2sp.org/tlog-witness@v1.0.0 over PeerService.Cosign. It learns a size and
// a root of each, and says "as of that second, this is the largest head of this log that I saw, and it is consistent
// with all that I saw before".
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/directory/identity.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/cosignature.h"
#include "medflyt/v1/peer_service.pb.h"
#include "server/exchange/context.h"
#include "server/exchange/witness_rows.h"

namespace medflyt::exchange {

inline constexpr size_t kMaxCosignNote = 16 * 1024;
inline constexpr int kMaxCosignProof = 64;

// Thread-safe. Borrows the context; outlives the sequencer.
class Witness {
 public:
  // DATA_LOSS (ROW_MALFORMED).
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Witness>> Create(Context& context, tlog::Cosigner cosigner);

  // Called once, on any thread: with the cosignature once it is durable that this head was cosigned, with the size in
  // conflict, or with an error (peer_service.proto has them). An error that is the peer's doing is recorded as a
  // rejection; one that proves or suggests a fork is kept.
  using Answer = std::function<void(absl::StatusOr<v1::CosignResponse>)>;
  void Cosign(AuthorityId peer, const v1::CosignRequest& request, const Answer& answer);

  // What was cosigned last, by origin.
  [[nodiscard]] std::map<std::string, WitnessedHead> heads() const;

 private:
  class Storing;
  struct Checked {
    tlog::Checkpoint checkpoint;
    WitnessedHead head;  // to be stored
    Believed believed;   // the log
  };
  Witness(Context& context, tlog::Cosigner cosigner) : context_(context), cosigner_(std::move(cosigner)) {}

  // Nothing where the old size is not the one of `conflict`.
  [[nodiscard]] absl::StatusOr<std::optional<Checked>> Check(AuthorityId peer, const v1::CosignRequest& request,
                                                             TreeSize& conflict);
  [[nodiscard]] absl::Status CheckAgainstEvents(AuthorityId peer, const tlog::Checkpoint& checkpoint,
                                                const std::string& note);
  [[nodiscard]] WitnessedHead LastOf(const std::string& origin) const;
  void Refused(AuthorityId peer, const absl::Status& why);
  [[nodiscard]] absl::StatusOr<v1::CosignResponse> Sign(const Checked& checked, absl::Time at) const;
  void Stored(AuthorityId peer, const Checked& checked);
  void Release(AuthorityId peer);

  Context& context_;
  const tlog::Cosigner cosigner_;

  mutable Mutex mutex_;
  std::map<std::string, WitnessedHead> last_ MEDFLYT_GUARDED_BY(mutex_);  // durable
  // Peers whose request is being looked at or stored: so check and store are one step for each log.
  std::set<AuthorityId> busy_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::exchange
