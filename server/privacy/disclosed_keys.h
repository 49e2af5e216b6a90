// Which single events' keys auditors were given, for as long as their cases are held: an erasure cannot reach those
// keys, so it says whose they are. On the sequencer's thread.
//
//   kIndex  'k' ‖ hash of the case, under its local key
//       ->  sealed (server/log/sealed_row.h) under the same key: the list
//   kIndex  'd' ‖ erasure id
//       ->  sealed under the node's own key: u32 how many more there were ‖ the list
//
//   list = version 1, then for each: leaf hash (32) ‖ u32 other authority ‖ certificate (32) ‖ u32 days since
//   1970-01-01
//
// A stolen store does not say which cases auditors opened. The second row is what officers who erased go on seeing: it
// names no case, and no event of it opens without the key that an auditor has.
#pragma once

#include <cstddef>
#include <cstdint>
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

// Remembers, with this commit, that the holder of the certificate is given these events' keys. Returns the leaf hashes
// of those that must not be given, for their data key was destroyed meanwhile. Nothing is kept of what carries no
// citizen, nor of events that were refused and whose case is in no state: the sweep destroys their keys, and no notice
// is made. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::set<crypto::Hash>> RememberDisclosed(log::Appender& appender, RandomSource& random,
                                                                       const CaseId& case_id,
                                                                       const crypto::Hash& certificate,
                                                                       const std::vector<OpenedEvent>& events);

// Of all these cases, in the order in which they were given. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<std::vector<DisclosedKey>> DisclosedOf(log::Appender& appender,
                                                                    const std::set<CaseId>& cases);
// While the keys of the cases are still held: without them their rows are not found. The store's errors.
[[nodiscard]] absl::Status ForgetDisclosed(log::Appender& appender, const std::set<CaseId>& cases);

inline constexpr size_t kMaxKeptDisclosed = 1'024;  // of one erasure; more are counted

struct KeptDisclosed {
  std::vector<DisclosedKey> keys;
  uint32_t left = 0;
};

// Keeps with this commit, for those who look the erasure up later, what auditors hold of what it erased.
[[nodiscard]] absl::Status KeepDisclosed(log::Appender& appender, RandomSource& random, const CaseId& erasure,
                                         std::vector<DisclosedKey> disclosed);
// Empty where nothing was kept. DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<KeptDisclosed> KeptDisclosedOf(log::Appender& appender, const CaseId& erasure);

// The row before it is sealed.
[[nodiscard]] std::string EncodeDisclosed(const std::vector<DisclosedKey>& keys);
[[nodiscard]] absl::StatusOr<std::vector<DisclosedKey>> DecodeDisclosed(std::string_view row);

}  // namespace medflyt::privacy
