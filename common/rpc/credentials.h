// Mutual TLS for servers and channels: TLS 1.3 only, certificates on both sides, files reloaded while running.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/log.h"
#include "common/crypto/chain.h"
#include "common/directory/identity.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"

namespace medflyt::rpc {

// PEM files. To renew, put key and certificate in a new directory and swap a symbolic link to it (deploy/pki.sh
// --renew-node): new handshakes use them within `refresh`, connections that stand go on.
struct TlsFiles {
  std::string private_key;
  std::string certificate;  // chain, own certificate first
  std::string roots;        // issuers accepted at the other end, of all peers together
  unsigned refresh_seconds = 60;
};

// Requires and verifies a client's certificate. Who the client is, PeerIdentities says. FAILED_PRECONDITION (rule
// TLS_FILE_UNUSABLE, field the member) where a file cannot be read or holds no certificate, INTERNAL where OpenSSL
// refuses TLS 1.3.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files);

// Shows our certificate and verifies the server's: chain, host name, role node, its organisation is `server`, and its
// chain leads to one of `issuers`, the PEM of that authority's own, and is not revoked. The roots hold everybody's
// issuers, and any of them can sign a certificate that names `server`; only its own are believed. `trust` is asked at
// each handshake, on gRPC's threads, and may be asked after the channel is gone; empty issuers refuse. Errors as
// MakeServerCredentials.
struct ServerTrust {
  std::string issuers;                                     // PEM
  std::shared_ptr<const crypto::RevocationLists> revoked;  // null: nothing is
};
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeNodeCredentials(
    const TlsFiles& files, AuthorityId server, std::function<ServerTrust()> trust);

// For a client of one node, whose roots file holds the issuers of `server` and nobody else's: those in it now. A node
// uses MakeNodeCredentials, because its roots are those of all its peers.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeClientCredentials(const TlsFiles& files,
                                                                                              AuthorityId server);

// gRPC writes its own diagnostics (failed handshakes among them) to standard error unless told otherwise, by one
// function for the whole process: they go to `logger` from here on, as events "grpc". Call once, before the first
// server or channel; nullptr silences them.
void RedirectGrpcLog(std::shared_ptr<Logger> logger);

}  // namespace medflyt::rpc
