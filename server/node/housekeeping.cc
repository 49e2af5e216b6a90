#include "server/node/housekeeping.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/date.h"
#include "server/node/internal_command.h"
#include "server/node/rewrap_submission.h"
#include "server/privacy/retention_sweep.h"

namespace medflyt::node {
namespace {

constexpr absl::Duration kRotateEvery = absl::Minutes(1);
constexpr absl::Duration kBetweenSlices = absl::Seconds(1);

absl::Time NextMidnight(absl::Time now) {
  const Date tomorrow = DanishDate(now) + 1;
  absl::Time at = now;
  while (DanishDate(at) < tomorrow) at += absl::Minutes(5);
  return at;
}

}  // namespace

Housekeeping::Housekeeping(const Parts& parts)
    : parts_(parts), pruning_(parts.store, parts.sequencer, parts.clock, parts.request_retention) {}

void Housekeeping::Start() {
  Expire();
  SweepRetention();
  parts_.scheduler.RunAt(absl::InfinitePast(), [this] { PruneRequests(); });
  RotateKek();
}

void Housekeeping::Expire() {
  const absl::Status queued = parts_.sequencer.Submit(
      std::make_unique<InternalCommand>(event::ExpireDue{}, [this](const absl::Status& outcome) {
        if (!outcome.ok()) {
          parts_.logger.Warning("expiry_failed", absl::StrCat("code=", static_cast<int>(outcome.code())));
        }
      }));
  const absl::Time now = parts_.clock.Now();
  parts_.scheduler.RunAt(queued.ok() ? NextMidnight(now) : now + absl::Minutes(1), [this] { Expire(); });
}

void Housekeeping::PruneRequests() {
  pruning_.NextSlice([this](const absl::StatusOr<bool>& more) {
    if (!more.ok()) {
      parts_.logger.Warning("requests_not_pruned", absl::StrCat("code=", static_cast<int>(more.status().code())));
    }
    const absl::Time now = parts_.clock.Now();
    parts_.scheduler.RunAt(more.ok() && *more ? now + kBetweenSlices : NextMidnight(now), [this] { PruneRequests(); });
  });
}

void Housekeeping::SweepRetention() {
  const auto done = [this](const absl::StatusOr<privacy::RetentionSweep::Outcome>& outcome) {
    if (!outcome.ok()) {
      parts_.logger.Error("retention_not_swept", absl::StrCat("code=", static_cast<int>(outcome.status().code())));
    } else if (outcome->keys + outcome->erased + outcome->proposed + outcome->held_back > 0) {
      parts_.logger.Info("retention_swept", absl::StrCat("erased=", outcome->erased, " keys=", outcome->keys,
                                                         " proposed=", outcome->proposed, " held_back=",
                                                         outcome->held_back, " disclosed=", outcome->disclosed));
    }
    const absl::Time now = parts_.clock.Now();
    const bool more = outcome.ok() && outcome->more;
    parts_.scheduler.RunAt(more ? now + kBetweenSlices : NextMidnight(now), [this] { SweepRetention(); });
  };
  const absl::Status queued = parts_.sequencer.Submit(std::make_unique<privacy::RetentionSweep>(parts_.random, done));
  if (!queued.ok()) {
    parts_.scheduler.RunAt(parts_.clock.Now() + absl::Minutes(1), [this] { SweepRetention(); });
  }
}

// The rows are rewrapped by the sequencer, for all changes of the keys have one order; files are written, and the store
// purged, beside it.
void Housekeeping::RotateKek() {
  const absl::StatusOr<bool> due = parts_.rotation.IsDue();
  if (due.ok() && !*due) {
    parts_.scheduler.RunAt(parts_.clock.Now() + kRotateEvery, [this] { RotateKek(); });
    return;
  }
  absl::Status begun = due.ok() ? parts_.rotation.Begin() : due.status();
  if (begun.ok()) {
    begun = parts_.sequencer.Submit(
        std::make_unique<RewrapSubmission>(parts_.rotation, [this](const absl::Status& rewrapped) {
          if (rewrapped.ok()) parts_.exchange_key_renewed();
          parts_.scheduler.RunAt(absl::InfinitePast(), [this, rewrapped] {
            OnKekRotated(rewrapped.ok() ? parts_.rotation.Finish() : rewrapped);
          });
        }));
  }
  if (!begun.ok()) OnKekRotated(begun);
}

void Housekeeping::OnKekRotated(const absl::Status& outcome) {
  if (outcome.ok()) {
    parts_.logger.Info("kek_rotated", absl::StrCat("generation=", parts_.keys.kek_generation()));
  } else {
    parts_.logger.Error("kek_not_rotated", ToStd(outcome.message()));
  }
  parts_.scheduler.RunAt(parts_.clock.Now() + kRotateEvery, [this] { RotateKek(); });
}

}  // namespace medflyt::node
