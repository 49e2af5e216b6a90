#include "common/crypto/x509.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <ctime>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "common/base/status.h"
#include "common/crypto/openssl_scope.h"

namespace medflyt::crypto {
namespace {

void OpenSslFree(void* memory) { OPENSSL_free(memory); }

using X509Ptr = std::unique_ptr<X509, Releaser<X509_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Releaser<BN_free>>;
using BytesPtr = std::unique_ptr<unsigned char, Releaser<OpenSslFree>>;
using TextPtr = std::unique_ptr<char, Releaser<OpenSslFree>>;

absl::Status Invalid(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "CERTIFICATE_INVALID", "", message);
}

// The text of a subject attribute; nothing when the subject has none.
absl::StatusOr<std::optional<std::string>> Attribute(const X509_NAME* subject, int nid, const std::string& name) {
  const int index = X509_NAME_get_index_by_NID(subject, nid, -1);
  if (index < 0) return std::nullopt;
  if (X509_NAME_get_index_by_NID(subject, nid, index) >= 0) return Invalid("the subject has two of " + name);
  unsigned char* buffer = nullptr;
  const int size = ASN1_STRING_to_UTF8(&buffer, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return Invalid(name + " of the subject is not text");
  const BytesPtr owner(buffer);
  std::string text(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
  // Among them NUL, by which a name reads differently here and in C programs, and line breaks, which forge log lines.
  for (char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return Invalid(name + " holds a control character");
  }
  return text;
}

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* asn1) {
  std::tm time{};
  if (asn1 == nullptr || ASN1_TIME_to_tm(asn1, &time) != 1) return Invalid("the validity is not a pair of times");
  return absl::FromTM(time, absl::UTCTimeZone());
}

absl::StatusOr<std::string> Serial(const X509* certificate) {
  const BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (!number) return Invalid("the serial number is not an integer");
  const TextPtr text(BN_bn2hex(number.get()));
  if (!text) return absl::ResourceExhaustedError("out of memory");
  std::string serial(text.get());
  if (serial == "0") serial = "00";  // the one number that OpenSSL writes with a single digit
  absl::AsciiStrToLower(&serial);
  return serial;
}

}  // namespace

absl::StatusOr<Certificate> ParseCertificate(std::string_view pem) {
  const ErrorQueueGuard guard;
  if (pem.size() > INT_MAX) return Invalid("the text is too long");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return absl::ResourceExhaustedError("out of memory");
  unsigned char* buffer = nullptr;
  long size = 0;
  if (PEM_bytes_read_bio(&buffer, &size, nullptr, PEM_STRING_X509, bio.get(), NoPassword, nullptr) != 1) {
    return Invalid("no certificate in the PEM text");
  }
  const BytesPtr owner(buffer);
  const unsigned char* end = buffer;
  const X509Ptr certificate(d2i_X509(nullptr, &end, size));
  if (!certificate || end != buffer + size) return Invalid("not the DER form of a certificate");

  Certificate parsed;
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  MEDFLYT_ASSIGN_OR_RETURN(auto organization, Attribute(subject, NID_organizationIdentifier, "organizationIdentifier"));
  MEDFLYT_ASSIGN_OR_RETURN(auto unit, Attribute(subject, NID_organizationalUnitName, "organizationalUnitName"));
  MEDFLYT_ASSIGN_OR_RETURN(auto name, Attribute(subject, NID_commonName, "commonName"));
  parsed.organization_identifier = std::move(organization).value_or("");
  parsed.organizational_unit = std::move(unit).value_or("");
  parsed.common_name = std::move(name).value_or("");
  MEDFLYT_ASSIGN_OR_RETURN(parsed.serial, Serial(certificate.get()));
  MEDFLYT_ASSIGN_OR_RETURN(parsed.not_before, ToTime(X509_get0_notBefore(certificate.get())));
  MEDFLYT_ASSIGN_OR_RETURN(parsed.not_after, ToTime(X509_get0_notAfter(certificate.get())));
  parsed.fingerprint = Sha256({reinterpret_cast<const char*>(buffer), static_cast<size_t>(size)});
  return parsed;
}

}  // namespace medflyt::crypto
