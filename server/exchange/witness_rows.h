// What witnessing keeps: which heads of others' logs this node cosigned, and who cosigned its own.
//
// clang-format off
//   kMeta 'witnessed' ‖ origin     ->  version 1 (u8) ‖ u64 size ‖ root (32) ‖ u64 microseconds ‖ note
//   kMeta 'cosigned-by' ‖ u32 peer ->  version 1 (u8) ‖ u64 seconds ‖ note
//   kMeta 'cosigned'               ->  version 1 (u8) ‖ note
//   kMeta 'cosigned-of' ‖ origin   ->  version 1 (u8) ‖ note
// clang-format on
//
// The first: the largest head of that log that this node cosigned, when, and its note with the log's signature alone.
// The second: the head of ours that the peer cosigned last, with its cosignature, and the time that it signed.
// The third: the newest head of ours that anybody cosigned, with every cosignature of it. The fourth: the same of a log
// of ours that was closed, written when the first head of the next one is cosigned.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"

namespace medflyt::exchange {

// A head of another's log that this node cosigned.
struct WitnessedHead {
  entry::AcceptedHead head;
  absl::Time at;
  std::string note;
  friend bool operator==(const WitnessedHead&, const WitnessedHead&) = default;
};

// A head of this node's log with cosignatures.
struct CosignedHead {
  TreeSize size;
  std::string note;
  friend bool operator==(const CosignedHead&, const CosignedHead&) = default;
};

struct PeersCosignature {
  CosignedHead head;
  absl::Time at;  // by the peer's clock, in whole seconds
  friend bool operator==(const PeersCosignature&, const PeersCosignature&) = default;
};

inline constexpr std::string_view kWitnessedPrefix = "witnessed";
inline constexpr std::string_view kCosignedRow = "cosigned";
[[nodiscard]] std::string WitnessedKey(std::string_view origin);
[[nodiscard]] std::string CosignedByKey(AuthorityId peer);
[[nodiscard]] std::string ClosedCosignedKey(std::string_view origin);

[[nodiscard]] std::string EncodeWitnessed(const WitnessedHead& witnessed);
[[nodiscard]] std::string EncodeCosignedBy(const PeersCosignature& cosignature);
[[nodiscard]] std::string EncodeCosigned(const CosignedHead& head);
// DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<WitnessedHead> DecodeWitnessed(std::string_view value);
// The same; `origin` is our log's. Nothing is known of an older log's heads: they have size 0 then.
[[nodiscard]] absl::StatusOr<PeersCosignature> DecodeCosignedBy(std::string_view value, std::string_view origin);
[[nodiscard]] absl::StatusOr<CosignedHead> DecodeCosigned(std::string_view value, std::string_view origin);

}  // namespace medflyt::exchange
