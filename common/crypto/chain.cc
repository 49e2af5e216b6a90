#include "common/crypto/chain.h"

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <climits>
#include <memory>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/openssl_scope.h"

namespace medflyt::crypto {
namespace {

// Certificates that one text may hold; a chain of more is nobody's.
constexpr int kMaxCertificates = 64;

void FreeStack(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }

using StackPtr = std::unique_ptr<STACK_OF(X509), Releaser<FreeStack>>;
using StorePtr = std::unique_ptr<X509_STORE, Releaser<X509_STORE_free>>;
using ContextPtr = std::unique_ptr<X509_STORE_CTX, Releaser<X509_STORE_CTX_free>>;
using CrlPtr = std::unique_ptr<X509_CRL, Releaser<X509_CRL_free>>;
using ConfPtr = std::unique_ptr<CONF, Releaser<NCONF_free>>;

absl::Status NotCertificates(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "CERTIFICATE_INVALID", "", message);
}

// Every certificate of the text, at least one.
absl::StatusOr<StackPtr> ReadAll(std::string_view pem) {
  if (pem.size() > INT_MAX) return NotCertificates("the text is too long");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  StackPtr stack(sk_X509_new_null());
  if (!bio || !stack) return absl::ResourceExhaustedError("out of memory");
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr)) {
    if (sk_X509_num(stack.get()) == kMaxCertificates || sk_X509_push(stack.get(), certificate) == 0) {
      X509_free(certificate);
      return NotCertificates("too many certificates in the PEM text");
    }
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return NotCertificates("a block of the PEM text is broken");
  }
  if (sk_X509_num(stack.get()) == 0) return NotCertificates("no certificate in the PEM text");
  return stack;
}

// Whether `list` is the issuer's, by name and signature, and names the certificate.
bool Revokes(X509_CRL* list, X509* certificate, X509* issuer) {
  if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(issuer)) != 0) return false;
  X509_REVOKED* entry = nullptr;
  // 2: the list says that it is revoked no more.
  if (X509_CRL_get0_by_cert(list, &entry, certificate) != 1) return false;
  return X509_CRL_verify(list, X509_get0_pubkey(issuer)) == 1;
}

absl::Status LoadTls13() {
  // OpenSSL reads its system configuration once, on first use; ours must come after it, or it would be replaced.
  constexpr std::string_view kPolicy =
      "medflyt = modules\n[modules]\nssl_conf = tls\n[tls]\nsystem_default = policy\n"
      "[policy]\nProtocol = -TLSv1,-TLSv1.1,-TLSv1.2\n";
  const ErrorQueueGuard guard;
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  const BioPtr bio(BIO_new_mem_buf(kPolicy.data(), static_cast<int>(kPolicy.size())));
  const ConfPtr conf(NCONF_new(nullptr));
  long bad_line = 0;
  if (!bio || !conf || NCONF_load_bio(conf.get(), bio.get(), &bad_line) != 1 ||
      CONF_modules_load(conf.get(), "medflyt", 0) != 1) {
    return absl::InternalError("OpenSSL refused the TLS 1.3 policy");
  }
  return absl::OkStatus();
}

}  // namespace

struct RevocationLists::Parsed {
  std::vector<CrlPtr> lists;
};

RevocationLists::RevocationLists() : parsed_(std::make_unique<Parsed>()) {}
RevocationLists::~RevocationLists() = default;

absl::StatusOr<std::shared_ptr<const RevocationLists>> RevocationLists::Parse(std::string_view pem) {
  const auto invalid = [](std::string_view message) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CRL_INVALID", "", message);
  };
  const ErrorQueueGuard guard;
  if (pem.size() > INT_MAX) return invalid("the text is too long");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return absl::ResourceExhaustedError("out of memory");
  const auto lists = std::make_shared<RevocationLists>();
  while (X509_CRL* list = PEM_read_bio_X509_CRL(bio.get(), nullptr, NoPassword, nullptr)) {
    lists->parsed_->lists.emplace_back(list);
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return invalid("a block of the PEM text is broken");
  if (lists->parsed_->lists.empty()) return invalid("no revocation list in the PEM text");
  return lists;
}

absl::Status VerifyChain(std::string_view chain_pem, std::string_view roots_pem, absl::Time at,
                         const RevocationLists* revoked) {
  const ErrorQueueGuard guard;
  MEDFLYT_ASSIGN_OR_RETURN(const StackPtr chain, ReadAll(chain_pem));
  MEDFLYT_ASSIGN_OR_RETURN(const StackPtr roots, ReadAll(roots_pem));
  const StorePtr store(X509_STORE_new());
  const ContextPtr context(X509_STORE_CTX_new());
  if (!store || !context) return absl::ResourceExhaustedError("out of memory");
  for (int i = 0; i < sk_X509_num(roots.get()); ++i) {
    if (X509_STORE_add_cert(store.get(), sk_X509_value(roots.get(), i)) != 1)
      return NotCertificates("a root is not usable");
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), sk_X509_value(chain.get(), 0), chain.get()) != 1) {
    return absl::ResourceExhaustedError("out of memory");
  }
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), absl::ToTimeT(at));
  if (X509_verify_cert(context.get()) != 1) {
    return RuleError(absl::StatusCode::kUnauthenticated, "CERTIFICATE_ISSUER_UNTRUSTED", "",
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }
  if (revoked == nullptr) return absl::OkStatus();
  // The path that was found, from the certificate to its root; each is followed by its issuer.
  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i + 1 < sk_X509_num(path); ++i) {
    X509* certificate = sk_X509_value(path, i);
    X509* issuer = sk_X509_value(path, i + 1);
    for (const CrlPtr& list : revoked->parsed_->lists) {
      if (!Revokes(list.get(), certificate, issuer)) continue;
      return RuleError(absl::StatusCode::kUnauthenticated, "CLIENT_CERTIFICATE_REVOKED", "",
                       "the certificate is revoked");
    }
  }
  return absl::OkStatus();
}

absl::Status RequireTls13() {
  static const absl::Status loaded = LoadTls13();
  return loaded;
}

}  // namespace medflyt::crypto
