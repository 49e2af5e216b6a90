// Has this node's log cosigned by its peers: on a fixed schedule, whatever is delivered meanwhile, so that when a
// witness hears from us tells it nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/directory/identity.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note.h"
#include "server/exchange/context.h"
#include "server/exchange/peer_calls.h"
#include "server/exchange/scheduler.h"
#include "server/exchange/witness_rows.h"

namespace medflyt::exchange {

struct CosigningSchedule {
  absl::Duration first = absl::Seconds(5);  // after the start
  absl::Duration interval = absl::Minutes(10);
  absl::Duration timeout = absl::Seconds(30);  // of one question
};

// How far a peer has cosigned our log, for `node status`.
struct CosignerStatus {
  AuthorityId peer;
  TreeSize size;                         // of the head that it cosigned last; 0: none
  absl::Time at = absl::InfinitePast();  // by its clock
  std::string last_error;                // rule; empty since it was asked with success
  TreeSize beyond;                       // it says that it cosigned this size, and our log is smaller: an alarm
  friend bool operator==(const CosignerStatus&, const CosignerStatus&) = default;
};

// Public calls are thread-safe; all else happens on a strand. Borrows context and calls. Order of life as Exchange's;
// the calls are stopped before it goes.
class Cosigning {
 public:
  // DATA_LOSS (ROW_MALFORMED).
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Cosigning>> Create(Context& context, PeerCalls& calls,
                                                                         const CosigningSchedule& schedule);

  // Asks at `first` after now, and then each `interval`. A turn that comes while answers are waited for, or the log is
  // restrained, is left out.
  void Start();
  void Stop();
  // Before Start. Called on the strand at each turn, one that is left out or has nobody to ask too, with the size of
  // the durable head.
  void OnTurn(std::function<void(TreeSize)> told) { told_ = std::move(told); }

  // The newest head that anybody cosigned, with every cosignature of it that is held. Durable. Nothing before the
  // first.
  [[nodiscard]] std::optional<CosignedHead> published() const;
  // Of every peer that the directory has with a node, in order of id.
  [[nodiscard]] std::vector<CosignerStatus> status() const;

 private:
  class Storing;
  // One head on its way around.
  struct Round {
    TreeSize size;
    std::string checkpoint;
    tlog::SignedNote note;
    size_t waiting = 0;  // for so many answers
    std::map<AuthorityId, std::pair<tlog::NoteSignature, absl::Time>> cosigned;
  };

  Cosigning(Context& context, PeerCalls& calls, const CosigningSchedule& schedule)
      : context_(context),
        calls_(calls),
        schedule_(schedule),
        strand_(std::make_shared<Strand>(context.parts.scheduler)) {}

  void PlanAt(absl::Time when);
  void Begin();
  void Ask(AuthorityId peer, TreeSize from, bool again);
  void OnAnswer(AuthorityId peer, bool again, const absl::StatusOr<v1::CosignResponse>& answer);
  // The peer's cosignature among the lines that it sent, verified.
  [[nodiscard]] absl::Status Take(AuthorityId peer, const std::string& lines);
  void End(AuthorityId peer, const absl::Status& status);
  void Store();
  void OnStored(bool durable, const std::map<AuthorityId, PeersCosignature>& cosigned, const CosignedHead& published);
  void Note(AuthorityId peer, const std::string& rule, TreeSize beyond);

  Context& context_;
  PeerCalls& calls_;
  const CosigningSchedule schedule_;
  const std::shared_ptr<Strand> strand_;
  std::optional<Round> round_;  // the strand's, as the next
  // A closed log's origin and newest cosigned head, which still stand where those of the open one will.
  std::optional<std::pair<std::string, CosignedHead>> closed_;
  std::function<void(TreeSize)> told_ = [](TreeSize) {};

  struct Known {
    PeersCosignature last;
    std::string last_error;
    TreeSize beyond;
  };
  mutable Mutex mutex_;
  std::map<AuthorityId, Known> known_ MEDFLYT_GUARDED_BY(mutex_);
  std::optional<CosignedHead> published_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::exchange
