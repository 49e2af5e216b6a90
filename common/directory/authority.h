// One authority as the peer directory knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/date.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/tlog/note_key.h"

namespace medflyt::directory {

enum class Kind : uint8_t { kMunicipality = 1, kPoliceDistrict = 2, kStateBody = 3 };

// "municipality", "police-district", "state-body".
[[nodiscard]] std::string_view NameOf(Kind kind);
[[nodiscard]] std::optional<Kind> KindByName(std::string_view name);

struct DatedName {
  Date from;
  std::string name;

  friend bool operator==(const DatedName&, const DatedName&) = default;
};

// A CPR authority code on the dates [from, until).
struct DatedCode {
  Date from;
  std::optional<Date> until;
  MunicipalityCode code;

  friend bool operator==(const DatedCode&, const DatedCode&) = default;
};

// The key that signs a log's checkpoints of the tree sizes [from, until). A key with an end is retired: it verifies
// what it signed before, and can authorise nothing after.
struct LogKey {
  tlog::VerifierKey key;
  TreeSize from;
  std::optional<TreeSize> until;
  std::string handover = {};  // that the key before signed the log over to this one: entry/handover.h; empty for none

  friend bool operator==(const LogKey&, const LogKey&) = default;
};

// One generation of an authority's log. It is closed, and stays verifiable, when its last key has an end.
struct Log {
  std::string origin;
  std::vector<LogKey> keys;  // in order of tree size, without gap or overlap, from 0

  friend bool operator==(const Log&, const Log&) = default;
};

// A plain value; Directory::Create checks it. An authority without a node here has neither endpoint, logs, witness key
// nor issuers: it has a name and a code to be told by, and nothing can be sent to it.
struct Authority {
  AuthorityId id;
  Kind kind = Kind::kMunicipality;
  std::vector<DatedName> names;  // in order of date, at least one
  std::vector<DatedCode> codes;  // in order of date; a state body has none
  std::string endpoint;          // "host:port" or "[IPv6]:port"
  std::vector<Log> logs;         // in order of generation; only the last one is open
  std::optional<tlog::VerifierKey> witness;
  std::string
      issuers;  // PEM certificates of the issuers that may name this authority in a client's or node's certificate

  // The name on that date; before the first known one, that one.
  [[nodiscard]] const std::string& NameOn(Date date) const;
  [[nodiscard]] std::optional<MunicipalityCode> CodeOn(Date date) const;
  [[nodiscard]] bool has_node() const { return !endpoint.empty(); }

  friend bool operator==(const Authority&, const Authority&) = default;
};

// OK for an authority that may stand in a directory; INVALID_ARGUMENT names field and rule otherwise:
// AUTHORITY_ID_INVALID, AUTHORITY_KIND_INVALID, AUTHORITY_NAME_INVALID, AUTHORITY_CODE_INVALID, ENDPOINT_INVALID,
// LOG_ORIGIN_INVALID, LOG_KEY_INVALID, LOG_KEY_REUSED, WITNESS_KEY_INVALID, ISSUERS_INVALID, AUTHORITY_INCOMPLETE.
[[nodiscard]] absl::Status CheckAuthority(const Authority& authority);

// The certificates of a PEM text in one form: nothing between the blocks, lines of 64, at most 8. INVALID_ARGUMENT
// (ISSUERS_INVALID) where there is none or one does not parse.
[[nodiscard]] absl::StatusOr<std::string> NormalizeIssuers(std::string_view pem);

}  // namespace medflyt::directory
