// What a gRPC stream with mutual TLS can carry when nothing is done with what it carries.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/directory/identity.h"
#include "common/rpc/credentials.h"

namespace medflyt::bench {

// Entries of 600 bytes a second over one bidirectional stream on loopback, `batch` a message, each message answered;
// `files` are a node's, and also the server's, of `authority`.
[[nodiscard]] absl::StatusOr<double> EntriesASecondOverAStream(const rpc::TlsFiles& files, AuthorityId authority,
                                                               int batch, absl::Duration time);

}  // namespace medflyt::bench
