// Sealed entries: an event's content, encrypted, padded and committed (proto/medflyt/v1/log.proto, SealedEntry).
//
// An event key is derived from data key and event id, so one event can be opened for a third party and no other. The
// commitment binds the ciphertext to that one key: XChaCha20-Poly1305 alone lets an issuer craft a ciphertext that
// opens to two contents under two keys.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"

namespace medflyt::entry {

using crypto::Hash;
using crypto::Key;
using crypto::Nonce;

// Bytes of the ciphertext, its tag included.
inline constexpr std::array<size_t, 5> kSizeClasses = {512, 1024, 4096, 16384, 61440};
// What fits the largest class: less 16 bytes of tag and 4 of length.
inline constexpr size_t kMaxContent = kSizeClasses.back() - crypto::kSealOverhead - 4;
// C2SP tlog-tiles: an entry bundle gives the length 16 bits.
inline constexpr size_t kMaxEntry = 65'535;

// The fields of a sealed entry; `ciphertext` points into the entry's bytes.
struct SealedView {
  EventId event_id;
  Nonce nonce;
  Hash key_commitment;
  std::string_view ciphertext;  // its size is one of kSizeClasses
};

[[nodiscard]] Key EventKeyOf(const Key& data_key, const EventId& event_id);
[[nodiscard]] Hash CommitmentOf(const Key& event_key);

// The exact bytes of the LogEntry. `origin` is that of the log it goes to. A (data key, event id) pair is used once.
// INVALID_ARGUMENT (CONTENT_TOO_LONG) beyond kMaxContent.
[[nodiscard]] absl::StatusOr<std::string> SealEntry(const EventId& event_id, const Nonce& nonce,
                                                    std::string_view content, const Key& data_key,
                                                    std::string_view origin);

// Reads only the encoding that SealEntry makes. INVALID_ARGUMENT (ENTRY_MALFORMED) otherwise. See parse.h for entries
// of either kind.
[[nodiscard]] absl::StatusOr<SealedView> ParseSealed(std::string_view entry);

// The content. DATA_LOSS: KEY_COMMITMENT_MISMATCH where the entry was not made with this key, ENTRY_SEAL_BROKEN where
// the ciphertext or its associated data was altered or the origin is another's. INVALID_ARGUMENT
// (ENTRY_PADDING_INVALID) where the length is out of bounds, the padding is not zero, or a smaller class would do: the
// issuer broke the format.
[[nodiscard]] absl::StatusOr<std::string> OpenWithEventKey(const SealedView& sealed, const Key& event_key,
                                                           std::string_view origin);
[[nodiscard]] absl::StatusOr<std::string> OpenEntry(const SealedView& sealed, const Key& data_key,
                                                    std::string_view origin);

}  // namespace medflyt::entry
