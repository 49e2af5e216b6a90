// The configuration file (README.md has the table of keys), the dated table of legal bases, and the policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/directory/identity.h"
#include "server/domain/facts.h"
#include "server/exchange/cosigning.h"
#include "server/service/parts.h"
#include "server/service/policy.h"

namespace medflyt::node {

// Paths are absolute, or relative to the working directory where the configuration file's own path was.
struct Config {
  AuthorityId authority;
  bool production = false;
  std::string data_dir;
  std::string card;
  std::string peers_dir;
  std::string legal_bases;  // empty: none
  std::string retention;    // empty: nothing is due, and no ground for erasure is known
  std::string policy;       // empty: service::Policy::Default
  std::string backup_dir;   // empty: no backups
  absl::Duration request_retention;
  exchange::CosigningSchedule cosigning;

  std::string listen_address;
  std::string metrics_address;  // empty: none

  std::string tls_certificate;
  std::string tls_private_key;
  std::string crl_dir;  // empty: nothing is revoked

  std::string log_key;
  std::string witness_key;
  std::string root_secret;
  std::string kek;
  std::string kek_copy;  // empty: none
  std::string key_backup;
  std::string epoch;

  std::vector<service::NumberRange> test_numbers;
};

// INVALID_ARGUMENT, naming file, line and key: CONFIG_UNREADABLE, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY,
// CONFIG_KEY_MISSING, CONFIG_VALUE_INVALID. The field is the key's path ("listen.address").
[[nodiscard]] absl::StatusOr<Config> LoadConfig(const std::string& path);
// `text` is the file's; `path` names it in errors, and relative paths begin at its directory.
[[nodiscard]] absl::StatusOr<Config> ParseConfig(const std::string& text, const std::string& path);

// Errors as LoadConfig. Periods of one key may not overlap.
[[nodiscard]] absl::StatusOr<std::vector<domain::LegalBasis>> LoadLegalBases(const std::string& path);
[[nodiscard]] absl::StatusOr<std::vector<domain::LegalBasis>> ParseLegalBases(const std::string& text,
                                                                              const std::string& path);

// How long what is kept, and on which grounds it is erased before.
struct RetentionTable {
  std::vector<domain::RetentionPeriod> periods;
  std::vector<domain::ErasureGround> grounds;
};
// Errors as LoadConfig. No two periods for one thing begin on one day, and validities of one ground may not overlap.
[[nodiscard]] absl::StatusOr<RetentionTable> LoadRetention(const std::string& path);
[[nodiscard]] absl::StatusOr<RetentionTable> ParseRetention(const std::string& text, const std::string& path);

// Errors as LoadConfig; also for a role, an action or a kind of authority that does not exist.
[[nodiscard]] absl::StatusOr<service::Policy> LoadPolicy(const std::string& path);
[[nodiscard]] absl::StatusOr<service::Policy> ParsePolicy(const std::string& text, const std::string& path);

}  // namespace medflyt::node
