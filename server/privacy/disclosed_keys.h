// Which single events' keys auditors were given, for as long as their cases are held: an erasure cannot reach those
// keys, so it says whose they are. On the sequencer's thread.
//
//   kIndex  'k' ‖ case id  ->  sealed (server/log/sealed_row.h) under the case's local key: version 1, then for each
//                              leaf hash (32) ‖ u32 other authority ‖ certificate (32) ‖ u32 days since 1970-01-01
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/date.h"
#include "common/base/id.h"
#include "common/base/random.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "server/log/appender.h"

namespace medflyt::privacy {

struct DisclosedKey {
  crypto::Hash leaf_hash;    // of the event's entry in its issuer's log
  AuthorityId with;          // the other end of the pair; ourselves for a local event
  crypto::Hash certificate;  // fingerprint of who was given the key
  Date on;                   // first day
  friend bool operator==(const DisclosedKey&, const DisclosedKey&) = default;
};

// An event whose key is about to be given away, with the id of the data key that it follows from.
struct OpenedEvent {
  crypto::Hash leaf_hash;
  KeyId key_id;
};

// Remembers, with this commit, that the holder of the certificate is given these events' keys. NOT_FOUND (KEY_UNKNOWN)
// where a data key was destroyed meanwhile: then they must not be given. Nothing is kept of what carries no citizen,
// nor of events that were refused and whose case is in no state: the sweep destroys their keys, and no notice is made.
[[nodiscard]] absl::Status RememberDisclosed(log::Appender& appender, RandomSource& random, const CaseId& case_id,
                                             const crypto::Hash& certificate, const std::vector<OpenedEvent>& events);

// Of all these cases, in the order in which they were given. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::vector<DisclosedKey>> DisclosedOf(log::Appender& appender,
                                                                    const std::set<CaseId>& cases);
// The store's errors.
[[nodiscard]] absl::Status ForgetDisclosed(log::Appender& appender, const std::set<CaseId>& cases);

// The row before it is sealed.
[[nodiscard]] std::string EncodeDisclosed(const std::vector<DisclosedKey>& keys);
[[nodiscard]] absl::StatusOr<std::vector<DisclosedKey>> DecodeDisclosed(std::string_view row);

}  // namespace medflyt::privacy
