// Rows of the state at rest: each sealed under the local data key of its case, so that destroying the case's keys
// erases them in every file and backup (sealed_row.h, with the purpose "medflyt/v1/state").
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/directory/identity.h"
#include "server/domain/state.h"
#include "server/keys/key_table.h"
#include "server/store/store.h"

namespace medflyt::log {

class StateRows {
 public:
  StateRows(AuthorityId self, keys::KeyTable& keys, RandomSource& random) : self_(self), keys_(keys), random_(random) {}

  // Stages the change of one row.
  [[nodiscard]] absl::Status Stage(const domain::RowChange& change, store::Batch& batch) const;
  // Every stored row into an empty state. DATA_LOSS (STATE_ROW_MALFORMED) for one that does not open or parse. A row
  // of a citizen whose key was destroyed is erased: it is left out.
  [[nodiscard]] absl::Status Load(const store::Reader& store, domain::State& state) const;

 private:
  [[nodiscard]] keys::KeyPurpose PurposeOf(const domain::RowKey& key) const;

  const AuthorityId self_;
  keys::KeyTable& keys_;
  RandomSource& random_;
};

}  // namespace medflyt::log
