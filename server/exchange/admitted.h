// Which later logs of a peer this node takes. A peer whose node was recovered goes on in a new log, a generation, which
// two officers admit here (admission.h); of one that they did not admit nothing is taken. Nor is anything taken of an
// earlier log that the first card did not have. The first contact takes whatever log the directory names.
//
//   kMeta 'admitted' ‖ u32 peer ‖ SHA-256 of the origin (32)   ->  version 1 (u8) ‖ fingerprints of the two officers'
//                                                                 certificates (2 × 32) ‖ verifier key
//
// The key is the log's first: under another one the origin is not admitted. What the log hands over to later it proves
// (log_key_pins.h). Where it was the key of a known log that two officers admitted, the row says who they were.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/hash.h"
#include "common/directory/authority.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "server/exchange/context.h"
#include "server/store/store.h"

namespace medflyt::exchange {

struct AdmittedLog {
  crypto::Hash first_certificate;
  crypto::Hash second_certificate;
  std::string verifier_key;  // as text
  friend bool operator==(const AdmittedLog&, const AdmittedLog&) = default;
};

[[nodiscard]] std::string AdmittedKey(AuthorityId peer, std::string_view origin);
[[nodiscard]] std::string EncodeAdmitted(const AdmittedLog& admitted);
// DATA_LOSS (ROW_MALFORMED).
[[nodiscard]] absl::StatusOr<AdmittedLog> DecodeAdmitted(std::string_view value);
// Nothing where the log was not admitted. DATA_LOSS (ROW_MALFORMED), the errors of the store.
[[nodiscard]] absl::StatusOr<std::optional<AdmittedLog>> FindAdmitted(const store::Reader& store, AuthorityId peer,
                                                                      std::string_view origin);

// Whether two officers must admit this log of the peer before anything is taken of it: something was taken of another
// one, or another one is proven to be forked, and it is neither admitted nor an earlier one that is known
// (log_key_pins.h). Of a forked one nothing is taken, admitted or not (Context::IsForked). The errors of FindAdmitted
// and of LogKeyPins::Recall. Any thread; reads the store where the log is another one.
[[nodiscard]] absl::StatusOr<bool> NeedsAdmission(const Context& context, const directory::Authority& peer,
                                                  std::string_view origin);

// Whether what is signed with the keys that the peer's card has for this log may be believed: LogKeyPins::Check, for
// whoever verifies a peer's checkpoint, of the directory by which it is verified. FAILED_PRECONDITION
// (LOG_KEY_NOT_HANDED_OVER), which the diagnostic log is told. Any thread. A log that is in no card is for the caller
// to refuse.
[[nodiscard]] absl::StatusOr<Believed> CheckLogKeys(const Context& context, const directory::Directory& directory,
                                                    AuthorityId peer, std::string_view origin);

// Whether what this log of the peer says may be taken: it needs no admission, and its keys may be believed.
// FAILED_PRECONDITION (GENERATION_NOT_ADMITTED), which the diagnostic log is told; the errors of NeedsAdmission and of
// CheckLogKeys. Any thread.
[[nodiscard]] absl::StatusOr<Believed> CheckAdmitted(const Context& context, const directory::Directory& directory,
                                                     AuthorityId peer, std::string_view origin);

}  // namespace medflyt::exchange
