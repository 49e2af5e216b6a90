#include "common/rpc/credentials.h"

#include <fstream>
#include <iterator>
#include <utility>

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

// gRPC reports an unreadable file only by failing every handshake; so look first.
absl::Status CheckFiles(const TlsFiles& files) {
  const auto read = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  };
  if (!crypto::ParseCertificate(read(files.certificate)).ok()) {
    return Unusable("certificate", "no certificate in " + files.certificate);
  }
  if (!crypto::ParseCertificate(read(files.roots)).ok()) return Unusable("roots", "no certificate in " + files.roots);
  // Whether it can be opened is all that is asked: its bytes are gRPC's to read.
  if (!std::ifstream(files.private_key)) return Unusable("private_key", "cannot read " + files.private_key);
  return crypto::RequireTls13();
}

std::shared_ptr<tls::CertificateProviderInterface> Watch(const TlsFiles& files) {
  return std::make_shared<tls::FileWatcherCertificateProvider>(files.private_key, files.certificate, files.roots,
                                                               files.refresh_seconds);
}

// After the chain: the host name, by gRPC's own verifier, and the authority. Runs on gRPC's threads.
class NodeVerifier final : public tls::ExternalCertificateVerifier {
 public:
  explicit NodeVerifier(AuthorityId server) : server_(server) {}

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
    }
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest* request) override { host_name_.Cancel(request); }

 private:
  const AuthorityId server_;
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

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsFiles& files,
                                                                                 AuthorityId server) {
  MEDFLYT_RETURN_IF_ERROR(CheckFiles(files));
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(files));
  options.watch_identity_key_cert_pairs();
  options.watch_root_certs();
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<NodeVerifier>(server));
  // Per call it would compare names only; the verifier above does that at the handshake, and one channel has one
  // server.
  options.set_check_call_host(false);
  return tls::TlsCredentials(options);
}

}  // namespace medflyt::rpc
