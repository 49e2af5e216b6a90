// Erasing a citizen's cases: decided by the domain, done by destroying the keys that everything of them was sealed
// with, here and in every file and backup. On the sequencer's thread.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/base/random.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/command.h"
#include "server/log/appender.h"
#include "server/privacy/disclosed_keys.h"

namespace medflyt::privacy {

struct Erased {
  CaseId erasure;
  bool done = false;  // false: a second officer is waited for
  size_t cases = 0;   // of the citizen, that this erasure is of
  size_t left = 0;    // for another one: there are more than one erasure can name
  size_t keys = 0;    // destroyed
  std::vector<AuthorityId> noticed;
  std::vector<DisclosedKey> disclosed;  // in auditors' hands, of all events of the cases
  std::set<crypto::Hash> listed;        // leaf hashes of those that stand in notices
};

// Executes the command, for the first of its cases where they are too many, with what auditors hold of them. Where it
// erases, the keys of the cases are destroyed with the same commit, each with its KeyDestroyed record, a rotation of
// the KEK is due, and what auditors hold stands in the notices and, where officers erased, beside the erasure's row.
// The domain's errors, and FAILED_PRECONDITION (ERASURE_UNDELIVERED) where an authority of the directory has not yet
// receipted all that it was told of these cases: without the key it never could. Then nothing was done.
[[nodiscard]] absl::StatusOr<Erased> Erase(log::Appender& appender, RandomSource& random, event::Command command);

// Destroys these keys, with their records. NOT_FOUND (KEY_UNKNOWN).
[[nodiscard]] absl::Status DestroyKeys(log::Appender& appender, const std::set<KeyId>& keys);

}  // namespace medflyt::privacy
