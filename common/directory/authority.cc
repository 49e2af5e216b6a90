#include "common/directory/authority.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/x509.h"
#include "common/tlog/text.h"

namespace medflyt::directory {
namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxOriginBytes = 200;
constexpr size_t kMaxEndpointBytes = 260;
constexpr size_t kMaxDatedEntries = 64;
constexpr size_t kMaxIssuers = 8;
constexpr size_t kMaxIssuerBytes = 16 * 1024;
constexpr size_t kPemLine = 64;
constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";
constexpr std::array<std::pair<Kind, std::string_view>, 3> kKinds = {{{Kind::kMunicipality, "municipality"},
                                                                      {Kind::kPoliceDistrict, "police-district"},
                                                                      {Kind::kStateBody, "state-body"}}};

absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

bool IsHostCharacter(char c, bool ipv6) {
  if ((c >= '0' && c <= '9') || c == '.') return true;
  if (ipv6) return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

bool IsEndpoint(std::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos || endpoint.size() > kMaxEndpointBytes) return false;
  const auto port = tlog::ParseDecimal(endpoint.substr(colon + 1), 65535);
  std::string_view host = endpoint.substr(0, colon);
  const bool ipv6 = !host.empty() && host.front() == '[' && host.back() == ']';
  if (ipv6) host = host.substr(1, host.size() - 2);
  return port.has_value() && *port != 0 && !host.empty() && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), [ipv6](char c) { return IsHostCharacter(c, ipv6); });
}

absl::Status CheckNames(const std::vector<DatedName>& names) {
  if (names.empty()) return Invalid("AUTHORITY_NAME_INVALID", "names", "an authority has a name");
  if (names.size() > kMaxDatedEntries) return Invalid("AUTHORITY_NAME_INVALID", "names", "too many names");
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i].name;
    if (name.empty() || name.size() > kMaxNameBytes || name.front() == ' ' || name.back() == ' ' ||
        !tlog::IsCleanText(name, /*allow_newline=*/false)) {
      return Invalid("AUTHORITY_NAME_INVALID", "names", "a name is 1 to 200 bytes of text without spaces around it");
    }
    if (i > 0 && names[i].from <= names[i - 1].from) {
      return Invalid("AUTHORITY_NAME_INVALID", "names", "names are in order of date");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCodes(Kind kind, const std::vector<DatedCode>& codes) {
  if (codes.empty() && kind == Kind::kMunicipality) {
    return Invalid("AUTHORITY_CODE_INVALID", "codes", "a municipality has a code");
  }
  if (!codes.empty() && kind == Kind::kStateBody) {
    return Invalid("AUTHORITY_CODE_INVALID", "codes", "a state body has no code");
  }
  if (codes.size() > kMaxDatedEntries) return Invalid("AUTHORITY_CODE_INVALID", "codes", "too many codes");
  for (size_t i = 0; i < codes.size(); ++i) {
    if (codes[i].code.is_zero()) return Invalid("AUTHORITY_CODE_INVALID", "codes", "code 0000 is nobody's");
    if (codes[i].until && *codes[i].until <= codes[i].from) {
      return Invalid("AUTHORITY_CODE_INVALID", "codes", "a code ends after it begins");
    }
    if (i > 0 && (!codes[i - 1].until || codes[i].from < *codes[i - 1].until)) {
      return Invalid("AUTHORITY_CODE_INVALID", "codes", "an authority has one code on a date, in order of date");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLog(const Log& log, bool last, std::set<crypto::PublicKey>& seen) {
  if (log.origin.size() > kMaxOriginBytes || !tlog::IsKeyName(log.origin)) {
    return Invalid("LOG_ORIGIN_INVALID", "origin", "an origin is 1 to 200 bytes of text without white space or '+'");
  }
  if (log.keys.empty() || log.keys.size() > kMaxDatedEntries) {
    return Invalid("LOG_KEY_INVALID", "log-key", "a log has 1 to 64 keys");
  }
  TreeSize next(0);
  for (size_t i = 0; i < log.keys.size(); ++i) {
    const LogKey& key = log.keys[i];
    if (key.key.type() != tlog::SignatureType::kEd25519 || key.key.name() != log.origin) {
      return Invalid("LOG_KEY_INVALID", "log-key", "a log key is an Ed25519 key with the origin as its name");
    }
    if (key.from != next) return Invalid("LOG_KEY_INVALID", "log-key", "keys follow each other from tree size 0");
    if (i == 0 && !key.handover.empty())
      return Invalid("LOG_KEY_INVALID", "handover", "the first key follows no other");
    const bool open = !key.until.has_value();
    if (open && i + 1 < log.keys.size()) return Invalid("LOG_KEY_INVALID", "log-key", "only the last key is open");
    if (open != (last && i + 1 == log.keys.size()) && i + 1 == log.keys.size()) {
      return Invalid("LOG_KEY_INVALID", "log-key", "the last log is open, and it alone");
    }
    if (!open) {
      if (*key.until <= key.from) return Invalid("LOG_KEY_INVALID", "log-key", "a key ends after it begins");
      next = *key.until;
    }
    if (!seen.insert(key.key.key()).second) return Invalid("LOG_KEY_REUSED", "log-key", "each key is used once");
  }
  return absl::OkStatus();
}

absl::Status CheckNode(const Authority& authority) {
  if (!IsEndpoint(authority.endpoint)) return Invalid("ENDPOINT_INVALID", "endpoint", "an endpoint is host:port");
  if (authority.logs.empty()) return Invalid("AUTHORITY_INCOMPLETE", "origin", "a node has a log");
  if (!authority.witness) return Invalid("AUTHORITY_INCOMPLETE", "witness-key", "a node has a witness key");
  if (authority.logs.size() > kMaxDatedEntries) return Invalid("LOG_ORIGIN_INVALID", "origin", "too many logs");
  std::set<crypto::PublicKey> seen;
  std::set<std::string_view> origins;
  for (size_t i = 0; i < authority.logs.size(); ++i) {
    MEDFLYT_RETURN_IF_ERROR(CheckLog(authority.logs[i], i + 1 == authority.logs.size(), seen));
    if (!origins.insert(authority.logs[i].origin).second) {
      return Invalid("LOG_ORIGIN_INVALID", "origin", "each generation has an origin of its own");
    }
  }
  if (authority.witness->type() != tlog::SignatureType::kCosignature) {
    return Invalid("WITNESS_KEY_INVALID", "witness-key", "a witness key is of type 0x04");
  }
  if (!seen.insert(authority.witness->key()).second) {
    return Invalid("LOG_KEY_REUSED", "witness-key", "log and witness have keys of their own");
  }
  return NormalizeIssuers(authority.issuers).status();
}

}  // namespace

std::string_view NameOf(Kind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) return name;
  }
  return "";
}

std::optional<Kind> KindByName(std::string_view name) {
  for (const auto& [kind, known] : kKinds) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

const std::string& Authority::NameOn(Date date) const {
  size_t i = names.size() - 1;
  while (i > 0 && names[i].from > date) --i;
  return names[i].name;
}

std::optional<MunicipalityCode> Authority::CodeOn(Date date) const {
  for (const DatedCode& code : codes) {
    if (code.from <= date && (!code.until || date < *code.until)) return code.code;
  }
  return std::nullopt;
}

absl::Status CheckAuthority(const Authority& authority) {
  if (authority.id.is_zero()) return Invalid("AUTHORITY_ID_INVALID", "authority", "CVR number 00000000 is nobody's");
  if (NameOf(authority.kind).empty()) return Invalid("AUTHORITY_KIND_INVALID", "kind", "not a kind of authority");
  MEDFLYT_RETURN_IF_ERROR(CheckNames(authority.names));
  MEDFLYT_RETURN_IF_ERROR(CheckCodes(authority.kind, authority.codes));
  if (authority.has_node()) return CheckNode(authority);
  if (!authority.logs.empty() || authority.witness || !authority.issuers.empty()) {
    return Invalid("AUTHORITY_INCOMPLETE", "endpoint", "an authority with keys has an endpoint");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> NormalizeIssuers(std::string_view pem) {
  constexpr std::string_view kRule = "ISSUERS_INVALID";
  std::string out;
  size_t count = 0;
  while (true) {
    const size_t begin = pem.find(kPemBegin);
    if (begin == std::string_view::npos) break;
    pem.remove_prefix(begin + kPemBegin.size());
    const size_t end = pem.find(kPemEnd);
    if (end == std::string_view::npos) return Invalid(kRule, "issuers", "a PEM block has no end");
    if (++count > kMaxIssuers) return Invalid(kRule, "issuers", "more than 8 certificates");
    std::string base64;
    for (char c : pem.substr(0, end)) {
      if (c != '\n' && c != '\r' && c != ' ') base64.push_back(c);
    }
    pem.remove_prefix(end + kPemEnd.size());
    if (base64.size() > kMaxIssuerBytes || !Base64Decode(base64).ok()) {
      return Invalid(kRule, "issuers", "a PEM block is not base64 of a certificate");
    }
    std::string block(kPemBegin);
    block.push_back('\n');
    for (size_t at = 0; at < base64.size(); at += kPemLine) block.append(base64, at, kPemLine).push_back('\n');
    block.append(kPemEnd).push_back('\n');
    if (!crypto::ParseCertificate(block).ok()) return Invalid(kRule, "issuers", "not a certificate");
    out.append(block);
  }
  if (count == 0) return Invalid(kRule, "issuers", "no certificate");
  return out;
}

}  // namespace medflyt::directory
