#include "common/crypto/x509.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace medflyt::crypto {
namespace {

using std::string_literals::operator""s;

struct Attribute {
  int nid;
  std::string text;
  int type = V_ASN1_UTF8STRING;
};

struct Request {
  std::vector<Attribute> subject;
  std::string serial = "0123456789abcdef";
  std::string not_before = "20260101000000Z";
  std::string not_after = "20270101000000Z";
};

template <typename T, typename Free>
std::shared_ptr<T> Own(T* object, Free free) {
  EXPECT_NE(object, nullptr);
  return {object, free};
}

// The DER form of a self-signed certificate.
std::string MakeDer(const Request& request) {
  const auto key = Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
  const auto certificate = Own(X509_new(), X509_free);
  BIGNUM* serial = nullptr;
  EXPECT_GT(BN_hex2bn(&serial, request.serial.c_str()), 0);
  const auto serial_owner = Own(serial, BN_free);
  EXPECT_NE(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate.get())), nullptr);
  EXPECT_EQ(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), request.not_before.c_str()), 1);
  EXPECT_EQ(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), request.not_after.c_str()), 1);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  for (const Attribute& attribute : request.subject) {
    // Built by hand, because the convenient functions refuse what an attacker would send.
    const auto entry = Own(X509_NAME_ENTRY_new(), X509_NAME_ENTRY_free);
    EXPECT_EQ(X509_NAME_ENTRY_set_object(entry.get(), OBJ_nid2obj(attribute.nid)), 1);
    EXPECT_EQ(X509_NAME_ENTRY_set_data(entry.get(), attribute.type,
                                       reinterpret_cast<const unsigned char*>(attribute.text.data()),
                                       static_cast<int>(attribute.text.size())),
              1);
    EXPECT_EQ(X509_NAME_add_entry(subject, entry.get(), -1, 0), 1);
  }
  EXPECT_EQ(X509_set_pubkey(certificate.get(), key.get()), 1);
  EXPECT_GT(X509_sign(certificate.get(), key.get(), nullptr), 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  EXPECT_GT(size, 0);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::string ToPem(const std::string& der, const std::string& label = "CERTIFICATE") {
  std::string pem = "-----BEGIN " + label + "-----\n";
  const std::string text = Base64Encode(der);
  for (size_t i = 0; i < text.size(); i += 64) pem += text.substr(i, 64) + "\n";
  return pem + "-----END " + label + "-----\n";
}

absl::StatusOr<Certificate> Parse(const Request& request) { return ParseCertificate(ToPem(MakeDer(request))); }

const Request kNode = {.subject = {{NID_countryName, "DK", V_ASN1_PRINTABLESTRING},
                                   {NID_organizationName, "Eksempel Kommune"},
                                   {NID_organizationIdentifier, "NTRDK-12345678"},
                                   {NID_organizationalUnitName, "case-system"},
                                   {NID_commonName, "node.eksempel.example"}}};

void ExpectRefused(const absl::StatusOr<Certificate>& parsed) {
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(BrokenRuleOf(parsed.status())->rule, "CERTIFICATE_INVALID");
}

TEST(ParseCertificate, ReadsItsFields) {
  const std::string der = MakeDer(kNode);
  const auto parsed = ParseCertificate(ToPem(der));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->organization_identifier, "NTRDK-12345678");
  EXPECT_EQ(parsed->organizational_unit, "case-system");
  EXPECT_EQ(parsed->common_name, "node.eksempel.example");
  EXPECT_EQ(parsed->serial, "0123456789abcdef");
  EXPECT_EQ(parsed->not_before, absl::FromCivil(absl::CivilSecond(2026, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ(parsed->not_after, absl::FromCivil(absl::CivilSecond(2027, 1, 1), absl::UTCTimeZone()));
  EXPECT_EQ(parsed->fingerprint, Sha256(der));
}

TEST(ParseCertificate, AbsentAttributesAreEmpty) {
  for (size_t absent = 2; absent < 5; ++absent) {
    Request request = kNode;
    request.subject.erase(request.subject.begin() + static_cast<std::ptrdiff_t>(absent));
    const auto parsed = Parse(request);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->organization_identifier, absent == 2 ? "" : "NTRDK-12345678");
    EXPECT_EQ(parsed->organizational_unit, absent == 3 ? "" : "case-system");
    EXPECT_EQ(parsed->common_name, absent == 4 ? "" : "node.eksempel.example");
  }
  ASSERT_TRUE(Parse({}).ok());
  EXPECT_EQ(Parse({})->organization_identifier, "");
}

TEST(ParseCertificate, AnAttributeMayNotOccurTwice) {
  for (size_t twice = 2; twice < 5; ++twice) {
    Request same = kNode;
    same.subject.push_back(kNode.subject[twice]);
    ExpectRefused(Parse(same));
    Request other = kNode;
    other.subject.insert(other.subject.begin(), {kNode.subject[twice].nid, "NTRDK-87654321"});
    ExpectRefused(Parse(other));
  }
}

TEST(ParseCertificate, AttributesThatAreNotReadMayOccurTwice) {
  Request request = kNode;
  request.subject.push_back({NID_domainComponent, "eksempel", V_ASN1_IA5STRING});
  request.subject.push_back({NID_domainComponent, "example", V_ASN1_IA5STRING});
  EXPECT_TRUE(Parse(request).ok());
}

TEST(ParseCertificate, TextMayNotHoldControlCharacters) {
  for (const std::string& text :
       {"NTRDK-12345678\0.evil"s, "\0"s, "NTRDK-12345678\0"s, "a\nb"s, "a\rb"s, "\x1b[2J"s, "\x7f"s}) {
    for (size_t attribute = 2; attribute < 5; ++attribute) {
      Request request = kNode;
      request.subject[attribute].text = text;
      ExpectRefused(Parse(request));
    }
  }
}

// The DER form of kNode with one run of its bytes replaced. The signature is wrong then, which is not looked at.
std::string Patched(const std::string& from, const std::string& to) {
  std::string der = MakeDer(kNode);
  const size_t at = der.find(from);
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(from.size(), to.size());
  return der.replace(at, from.size(), to);
}

TEST(ParseCertificate, TextMustBeWhatItsTypeSays) {
  ASSERT_TRUE(ParseCertificate(ToPem(Patched("12345678", "12345679"))).ok());
  ExpectRefused(ParseCertificate(ToPem(Patched("12345678", "1234567\xff"))));
  ExpectRefused(ParseCertificate(ToPem(Patched("12345678", "123456\xc0\x80"))));     // NUL in an overlong form
  ExpectRefused(ParseCertificate(ToPem(Patched("12345678", "12345\xed\xa0\x80"))));  // half of a surrogate pair
  // A BMPString of 21 bytes; an OCTET STRING.
  ExpectRefused(ParseCertificate(ToPem(Patched("\x0c\x15node.eksempel", "\x1e\x15node.eksempel"))));
  ExpectRefused(ParseCertificate(ToPem(Patched("\x0c\x15node.eksempel", "\x04\x15node.eksempel"))));
}

TEST(ParseCertificate, TextIsUtf8WhateverItsType) {
  Request request = kNode;
  request.subject[4] = {NID_commonName, "\0R\0\xf8\0d"s, V_ASN1_BMPSTRING};
  request.subject[2].type = V_ASN1_PRINTABLESTRING;
  request.subject[3].text = "Sundhed og \xc3\xa6ldre";
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->common_name,
            "R\xc3\xb8"
            "d");
  EXPECT_EQ(parsed->organization_identifier, "NTRDK-12345678");
  EXPECT_EQ(parsed->organizational_unit, "Sundhed og \xc3\xa6ldre");
}

TEST(ParseCertificate, TheIssuerIsNotTheSubject) {
  // The issuer of a self-made certificate is left empty by MakeDer, and an attribute of the organisation's name is not
  // its identifier.
  const auto parsed = Parse({.subject = {{NID_organizationName, "NTRDK-12345678"}}});
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->organization_identifier, "");
}

TEST(ParseCertificate, WritesSerialsInHexadecimal) {
  for (const char* serial : {"01", "7f", "80", "ff", "0100", "00", "f0123456789abcdef0123456789abcdef0123456"}) {
    Request request = kNode;
    request.serial = serial;
    const auto parsed = Parse(request);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->serial, serial);
  }
}

TEST(ParseCertificate, ReadsBothFormsOfTime) {
  Request request = kNode;
  request.not_before = "19991231235959Z";  // UTCTime
  request.not_after = "20500101000000Z";   // GeneralizedTime
  const auto parsed = Parse(request);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->not_before, absl::FromCivil(absl::CivilSecond(1999, 12, 31, 23, 59, 59), absl::UTCTimeZone()));
  EXPECT_EQ(parsed->not_after, absl::FromCivil(absl::CivilSecond(2050, 1, 1), absl::UTCTimeZone()));
}

TEST(ParseCertificate, TakesTheFirstOfAChain) {
  Request issuer = kNode;
  issuer.subject[4].text = "issuer";
  const auto parsed = ParseCertificate("subject=/CN=text before\n" + ToPem(MakeDer(kNode)) + ToPem(MakeDer(issuer)));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->common_name, "node.eksempel.example");
  const auto after_key = ParseCertificate(ToPem("not a key", "PRIVATE KEY") + ToPem(MakeDer(kNode)));
  ASSERT_TRUE(after_key.ok()) << after_key.status();
  EXPECT_EQ(after_key->common_name, "node.eksempel.example");
}

TEST(ParseCertificate, RefusesWhatIsNoPemCertificate) {
  const std::string der = MakeDer(kNode);
  const std::string pem = ToPem(der);
  ExpectRefused(ParseCertificate(""));
  ExpectRefused(ParseCertificate("text"));
  ExpectRefused(ParseCertificate(der));
  ExpectRefused(ParseCertificate(ToPem(der, "PRIVATE KEY")));
  ExpectRefused(ParseCertificate(ToPem("")));
  ExpectRefused(ParseCertificate(ToPem("not DER")));
  ExpectRefused(ParseCertificate(ToPem(der + '\0')));
  ExpectRefused(ParseCertificate(ToPem(der + der)));
  ExpectRefused(ParseCertificate(pem.substr(0, pem.size() / 2)));
}

TEST(ParseCertificate, RefusesEveryTruncation) {
  const std::string der = MakeDer(kNode);
  for (size_t size = 0; size < der.size(); ++size) ExpectRefused(ParseCertificate(ToPem(der.substr(0, size))));
}

TEST(ParseCertificate, AFlippedBitIsRefusedOrChangesTheFingerprint) {
  const std::string der = MakeDer(kNode);
  for (size_t bit = 0; bit < 8 * der.size(); ++bit) {
    std::string altered = der;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
    const auto parsed = ParseCertificate(ToPem(altered));
    if (parsed.ok()) {
      EXPECT_NE(parsed->fingerprint, Sha256(der)) << bit;
    } else {
      EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << bit;
    }
  }
}

// OpenSSL asks the terminal for the password of such a block.
TEST(ParseCertificate, NeverAsksForAPassword) {
  std::string pem = ToPem(MakeDer(kNode));
  pem.insert(pem.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,000102030405060708090a0b0c0d0e0f\n\n");
  ExpectRefused(ParseCertificate(pem));
}

TEST(ParseCertificate, LeavesNoErrorToOtherUsersOfOpenSsl) {
  ERR_clear_error();
  ExpectRefused(ParseCertificate(ToPem("not DER")));
  EXPECT_EQ(ERR_peek_error(), 0U);
  ERR_raise(ERR_LIB_USER, 7);
  ExpectRefused(ParseCertificate("text"));
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_last_error()), 7) << "nor takes one of theirs away";
  ERR_clear_error();
}

}  // namespace
}  // namespace medflyt::crypto
