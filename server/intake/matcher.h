// Matching a registry extract against the watched citizens: what was observed of whom. Of anyone else nothing is kept.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/command.h"
#include "common/registry/extract.h"
#include "common/registry/person.h"
#include "server/intake/watched.h"

namespace medflyt::intake {

// Takes the extract in chunks, one pass, and ends with the command to import it. Nothing of the extract survives an
// error. One thread at a time.
//
// What a person's record means for a watched case (../registry has the facts, the domain decides what follows):
//   lives in another municipality   kMoved, to the first one after the own, by the historic addresses where the
//                                   citizen has moved on since
//   status 80, 70, 90               kEmigrated, kDisappeared, kDead
//   status 60, or a former number   kRenumbered
//   lives here after all            kReversed of what was observed: the historic address is marked annulled, or the
//                                   registry now dates the present address before the move, or an event A09 or A10
//                                   came and no trace of the move is left. Who merely moved back reverses nothing.
//   other date or destination       kReversed of what was observed, and a new kMoved; where it was announced already,
//                                   kReversed alone with the registry's date: an officer corrects or annuls
// What is observed already is not observed again, unless the registry protects the citizen since and nobody was told.
class ExtractMatcher final : private registry::ExtractVisitor {
 public:
  // `own` is this municipality's code. Borrows `watched` and `fresh_ids`.
  ExtractMatcher(const Watched& watched, MunicipalityCode own, RandomSource& fresh_ids);
  ~ExtractMatcher() override;

  // Errors of registry::ExtractReader; they name record and field, never a number or a field's content.
  [[nodiscard]] absl::Status Feed(std::string_view chunk);
  // After the last chunk, once. `digest` is the whole file's SHA-256. INVALID_ARGUMENT as Feed.
  [[nodiscard]] absl::StatusOr<event::ImportExtract> Finish(const crypto::Hash& digest);

 private:
  absl::Status OnStart(const registry::ExtractHeader& header) override;
  absl::Status OnPerson(const registry::PersonRecord& person) override;

  struct Destination {
    MunicipalityCode to;
    std::optional<Date> date;
    bool uncertain = false;
  };
  [[nodiscard]] std::optional<Destination> DestinationOf(const registry::PersonRecord& person,
                                                         const WatchedCase& watched) const;
  void Match(const registry::PersonRecord& person, const WatchedCase& watched);
  // What the registry protects the citizen for by now, of moves that nobody was told of: wherever the citizen is today.
  // Such an observation concerns the known move, and is none of another one.
  void ProtectWhatStands(const registry::PersonRecord& person, const WatchedCase& watched);
  void MatchResident(const registry::PersonRecord& person, const WatchedCase& watched);
  // An observation, unless the same stands already.
  void Observe(const WatchedCase& watched, event::ObservationKind kind, const Destination& destination,
               std::vector<event::HoldReason> holds = {}, const std::optional<CaseId>& concerns = std::nullopt);
  void Add(const WatchedCase& watched, event::ObservationKind kind, const Destination& destination,
           std::vector<event::HoldReason> holds, const std::optional<CaseId>& concerns);
  void Reverse(const WatchedCase& watched, const KnownRelocation& known, const std::optional<Date>& right_date);

  const Watched& watched_;
  const MunicipalityCode own_;
  RandomSource& fresh_ids_;
  registry::ExtractReader reader_;
  event::ImportExtract import_;
};

}  // namespace medflyt::intake
