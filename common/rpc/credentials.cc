#include "common/rpc/credentials.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/crypto/chain.h"
#include "common/crypto/x509.h"
#include "common/rpc/peer_identity.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace medflyt::rpc {
namespace {

namespace tls = grpc::experimental;

absl::Status Unusable(std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, "TLS_FILE_UNUSABLE", field, message);
}

// Empty where it cannot be read.
std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// gRPC reports an unreadable file only by failing every handshake; so look first.
absl::Status CheckFiles(const TlsFiles& files) {
  if (!crypto::ParseCertificate(Read(files.certificate)).ok()) {
    return Unusable("certificate", "no certificate in " + files.certificate);
  }
  if (!crypto::ParseCertificate(Read(files.roots)).ok()) return Unusable("roots", "no certificate in " + files.roots);
  // Whether it can be opened is all that is asked: its bytes are gRPC's to read.
  if (!std::ifstream(files.private_key)) return Unusable("private_key", "cannot read " + files.private_key);
  return crypto::RequireTls13();
}

std::shared_ptr<tls::CertificateProviderInterface> Watch(const TlsFiles& files) {
  return std::make_shared<tls::FileWatcherCertificateProvider>(files.private_key, files.certificate, files.roots,
                                                               files.refresh_seconds);
}

// After the chain to any root: the host name, by gRPC's own verifier, the authority, and the chain to that authority's
// own issuers. Runs on gRPC's threads.
class NodeVerifier final : public tls::ExternalCertificateVerifier {
 public:
  NodeVerifier(AuthorityId server, std::function<ServerTrust()> trust) : server_(server), trust_(std::move(trust)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)> callback,
              grpc::Status* sync_status) override {
    if (!host_name_.Verify(request, std::move(callback), sync_status)) return false;
    if (!sync_status->ok()) return true;
    const grpc::string_ref pem = request->peer_cert();
    const auto certificate = crypto::ParseCertificate({pem.data(), pem.size()});
    if (!certificate.ok() || AuthorityOfOrganisation(certificate->organization_identifier) != server_ ||
        RoleByName(certificate->organizational_unit) != Role::kNode) {
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                  "the server's certificate is not that of the node of " + server_.ToString());
      return true;
    }
    // The certificate just judged goes first, whatever the chain begins with. By the system's time, as the handshake.
    std::string chain(pem.data(), pem.size());
    const grpc::string_ref sent = request->peer_cert_full_chain();
    chain.append("\n").append(sent.data(), sent.size());
    const ServerTrust trust = trust_();
    if (!crypto::VerifyChain(chain, trust.issuers, SystemClock().Now(), trust.revoked.get()).ok()) {
      *sync_status =
          grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                       "the server's certificate is not from an issuer of " + server_.ToString() + ", or revoked");
    }
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest* request) override { host_name_.Cancel(request); }

 private:
  const AuthorityId server_;
  const std::function<ServerTrust()> trust_;
  tls::HostNameCertificateVerifier host_name_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files) {
  MEDFLYT_RETURN_IF_ERROR(CheckFiles(files));
  tls::TlsServerCredentialsOptions options(Watch(files));
  options.watch_identity_key_cert_pairs();
  options.watch_root_certs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return tls::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeNodeCredentials(const TlsFiles& files, AuthorityId server,
                                                                              std::function<ServerTrust()> trust) {
  MEDFLYT_RETURN_IF_ERROR(CheckFiles(files));
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(files));
  options.watch_identity_key_cert_pairs();
  options.watch_root_certs();
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<NodeVerifier>(server, std::move(trust)));
  // Per call it would compare names only; the verifier above does that at the handshake, and one channel has one
  // server.
  options.set_check_call_host(false);
  return tls::TlsCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeClientCredentials(const TlsFiles& files,
                                                                                AuthorityId server) {
  return MakeNodeCredentials(files, server, [issuers = Read(files.roots)] { return ServerTrust{issuers, nullptr}; });
}

}  // namespace medflyt::rpc
