#include "server/node/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "server/domain/retention.h"
#include "server/node/files.h"

namespace medflyt::node {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;
constexpr size_t kMaxBasisKey = 64;

// One table of the file, whose keys are all known.
class Section {
 public:
  Section(const toml::table& table, std::string path, std::string prefix)
      : table_(table), path_(std::move(path)), prefix_(std::move(prefix)) {}

  [[nodiscard]] absl::Status Allow(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : table_) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      return Error("CONFIG_UNKNOWN_KEY", key.str(), key.source().begin.line, "is not a key of the configuration");
    }
    return absl::OkStatus();
  }

  [[nodiscard]] absl::StatusOr<std::string> Text(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return Missing(key);
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty()) return Invalid(key, "must be a text that is not empty");
    return *value;
  }
  [[nodiscard]] absl::StatusOr<std::string> TextOr(std::string_view key, std::string fallback) const {
    if (!table_.contains(key)) return fallback;
    return Text(key);
  }
  [[nodiscard]] absl::StatusOr<bool> FlagOr(std::string_view key, bool fallback) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto value = node->value_exact<bool>();
    if (!value) return Invalid(key, "must be true or false");
    return *value;
  }
  [[nodiscard]] absl::StatusOr<int64_t> NumberOr(std::string_view key, int64_t least, int64_t most,
                                                 int64_t fallback) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto value = node->value_exact<int64_t>();
    if (!value || *value < least || *value > most) {
      return Invalid(key, absl::StrCat("must be a number from ", least, " to ", most));
    }
    return *value;
  }
  [[nodiscard]] absl::StatusOr<std::optional<Date>> Day(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::optional<Date>();
    const auto value = node->value_exact<toml::date>();
    const auto date = value ? MakeDate(value->year, value->month, value->day) : std::nullopt;
    if (!date) return Invalid(key, "must be a date, yyyy-mm-dd");
    return date;
  }

  [[nodiscard]] absl::Status Invalid(std::string_view key, std::string_view message) const {
    const toml::node* node = table_.get(key);
    return Error("CONFIG_VALUE_INVALID", key, node == nullptr ? 0 : node->source().begin.line, message);
  }
  [[nodiscard]] absl::Status Missing(std::string_view key) const {
    return Error("CONFIG_KEY_MISSING", key, table_.source().begin.line, "must be given");
  }

  // A list of texts that is not empty; none where it is absent.
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> Texts(std::string_view key) const {
    std::vector<std::string> texts;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return texts;
    const toml::array* array = node->as_array();
    if (array == nullptr || array->empty()) return Invalid(key, "must be a list of texts that is not empty");
    for (const toml::node& element : *array) {
      const auto text = element.value_exact<std::string>();
      if (!text) return Invalid(key, "must be a list of texts that is not empty");
      texts.push_back(*text);
    }
    return texts;
  }

  // A table or a list of tables below this one; none where it is absent.
  [[nodiscard]] absl::StatusOr<std::optional<Section>> Below(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::optional<Section>();
    if (!node->is_table()) return Invalid(key, "must be a table");
    return std::optional<Section>(Section(*node->as_table(), path_, absl::StrCat(prefix_, ToAbsl(key), ".")));
  }
  [[nodiscard]] absl::StatusOr<std::vector<Section>> Each(std::string_view key) const {
    std::vector<Section> sections;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return sections;
    const toml::array* array = node->as_array();
    if (array == nullptr) return Invalid(key, "must be a list of tables");
    for (const toml::node& element : *array) {
      if (!element.is_table()) return Invalid(key, "must be a list of tables");
      sections.emplace_back(*element.as_table(), path_, absl::StrCat(prefix_, ToAbsl(key), "."));
    }
    return sections;
  }

 private:
  [[nodiscard]] absl::Status Error(std::string_view rule, std::string_view key, toml::source_index line,
                                   std::string_view message) const {
    const std::string field = absl::StrCat(prefix_, ToAbsl(key));
    return RuleError(absl::StatusCode::kInvalidArgument, rule, field,
                     absl::StrCat(path_, line == 0 ? "" : absl::StrCat(":", line), ": ", field, " ", ToAbsl(message)));
  }

  const toml::table& table_;
  std::string path_;
  std::string prefix_;
};

// toml++ reports by an exception, which ends here.
absl::StatusOr<toml::table> ParseToml(const std::string& text, const std::string& path) {
  try {
    return toml::parse(std::string_view(text), std::string_view(path));
  } catch (const toml::parse_error& error) {
    const std::string_view what = error.description();
    return RuleError(absl::StatusCode::kInvalidArgument, "CONFIG_SYNTAX", "",
                     absl::StrCat(path, ":", error.source().begin.line, ": ", ToAbsl(what)));
  }
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  auto text = ReadFile(path, kMaxConfigBytes);
  if (text.ok()) return text;
  return RuleError(absl::StatusCode::kInvalidArgument, "CONFIG_UNREADABLE", "",
                   absl::StrCat(path, ": ", text.status().message()));
}

// Of addresses as users write them: "host:port", with a port of digits.
bool IsAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size() || text.size() - colon > 6)
    return false;
  return std::all_of(text.begin() + static_cast<ptrdiff_t>(colon) + 1, text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}
bool IsLoopback(std::string_view text) {
  return text.starts_with("127.") || text.starts_with("[::1]:") || text.starts_with("localhost:");
}

absl::StatusOr<std::vector<service::NumberRange>> ReadTestNumbers(const Section& root) {
  std::vector<service::NumberRange> ranges;
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<Section> sections, root.Each("test_numbers"));
  for (const Section& section : sections) {
    MEDFLYT_RETURN_IF_ERROR(section.Allow({"first", "last"}));
    service::NumberRange range;
    for (const auto& [key, end] : {std::pair("first", &range.first), std::pair("last", &range.last)}) {
      MEDFLYT_ASSIGN_OR_RETURN(*end, section.Text(key));
      if (end->size() != registry::CprNumber::kDigits ||
          !std::all_of(end->begin(), end->end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return section.Invalid(key, "must be 10 digits");
      }
    }
    if (range.last < range.first) return section.Invalid("last", "lies before the first");
    ranges.push_back(std::move(range));
  }
  return ranges;
}

// Paths in the file are relative to it.
class Paths {
 public:
  explicit Paths(const std::string& config) : directory_(std::filesystem::path(config).parent_path()) {}
  [[nodiscard]] std::string Of(const std::string& path) const {
    return (directory_ / path).lexically_normal().string();
  }

 private:
  const std::filesystem::path directory_;
};

absl::Status ReadListen(const Section& root, Config& config) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto listen, root.Below("listen"));
  if (!listen) return root.Missing("listen");
  MEDFLYT_RETURN_IF_ERROR(listen->Allow({"address", "metrics"}));
  MEDFLYT_ASSIGN_OR_RETURN(config.listen_address, listen->Text("address"));
  if (!IsAddress(config.listen_address)) return listen->Invalid("address", "must be host:port");
  MEDFLYT_ASSIGN_OR_RETURN(config.metrics_address, listen->TextOr("metrics", ""));
  if (config.metrics_address.empty()) return absl::OkStatus();
  if (!IsAddress(config.metrics_address) || !IsLoopback(config.metrics_address)) {
    return listen->Invalid("metrics", "must be host:port of a loopback address");
  }
  return absl::OkStatus();
}

absl::Status ReadTls(const Section& root, const Paths& paths, Config& config) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto tls, root.Below("tls"));
  if (!tls) return root.Missing("tls");
  MEDFLYT_RETURN_IF_ERROR(tls->Allow({"certificate", "private_key", "crl_dir"}));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string certificate, tls->Text("certificate"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string private_key, tls->Text("private_key"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string crl_dir, tls->TextOr("crl_dir", ""));
  if (!crl_dir.empty()) config.crl_dir = paths.Of(crl_dir);
  config.tls_certificate = paths.Of(certificate);
  config.tls_private_key = paths.Of(private_key);
  return absl::OkStatus();
}

absl::Status ReadKeys(const Section& root, const Paths& paths, Config& config) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto keys, root.Below("keys"));
  if (!keys) return root.Missing("keys");
  MEDFLYT_RETURN_IF_ERROR(keys->Allow({"log_key", "witness_key", "root_secret", "kek", "kek_copy", "epoch", "backup"}));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string log_key, keys->Text("log_key"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string witness_key, keys->Text("witness_key"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string root_secret, keys->Text("root_secret"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string kek, keys->TextOr("kek", "keys/kek"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string kek_copy, keys->TextOr("kek_copy", ""));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string epoch, keys->TextOr("epoch", "keys/epoch"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string backup, keys->TextOr("backup", "keys/key-backup"));
  config.log_key = paths.Of(log_key);
  config.witness_key = paths.Of(witness_key);
  config.root_secret = paths.Of(root_secret);
  config.kek = paths.Of(kek);
  if (!kek_copy.empty()) config.kek_copy = paths.Of(kek_copy);
  config.key_backup = paths.Of(backup);
  config.epoch = paths.Of(epoch);
  return absl::OkStatus();
}

absl::Status ReadCosigning(const Section& root, Config& config) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto cosigning, root.Below("cosigning"));
  if (!cosigning) return absl::OkStatus();
  MEDFLYT_RETURN_IF_ERROR(cosigning->Allow({"interval_seconds", "first_after_seconds"}));
  MEDFLYT_ASSIGN_OR_RETURN(const int64_t interval, cosigning->NumberOr("interval_seconds", 1, 86400, 600));
  MEDFLYT_ASSIGN_OR_RETURN(const int64_t first, cosigning->NumberOr("first_after_seconds", 0, 86400, 5));
  config.cosigning.interval = absl::Seconds(interval);
  config.cosigning.first = absl::Seconds(first);
  return absl::OkStatus();
}

bool Overlap(const domain::LegalBasis& one, const domain::LegalBasis& other) {
  return one.key == other.key && (!one.valid_to || other.valid_from <= *one.valid_to) &&
         (!other.valid_to || one.valid_from <= *other.valid_to);
}

// One line of a dated table of legal bases or grounds, with what its kind has beside.
template <typename Line>
absl::Status AppendBasis(const Section& section, Line line, std::vector<Line>& table) {
  MEDFLYT_ASSIGN_OR_RETURN(line.key, section.Text("key"));
  if (line.key.size() > kMaxBasisKey) return section.Invalid("key", "is longer than 64 bytes");
  MEDFLYT_ASSIGN_OR_RETURN(line.title, section.TextOr("title", ""));
  MEDFLYT_ASSIGN_OR_RETURN(const auto from, section.Day("valid_from"));
  if (!from) return section.Missing("valid_from");
  line.valid_from = *from;
  MEDFLYT_ASSIGN_OR_RETURN(line.valid_to, section.Day("valid_to"));
  if (line.valid_to && *line.valid_to < line.valid_from) return section.Invalid("valid_to", "lies before valid_from");
  for (const Line& earlier : table) {
    if (Overlap(earlier, line)) return section.Invalid("key", "is valid twice on some day");
  }
  table.push_back(std::move(line));
  return absl::OkStatus();
}

absl::StatusOr<domain::RetentionPeriod> ReadPeriod(const Section& section) {
  MEDFLYT_RETURN_IF_ERROR(section.Allow({"what", "valid_from", "years", "days", "counted_from", "when_over"}));
  domain::RetentionPeriod period;
  MEDFLYT_ASSIGN_OR_RETURN(const std::string what, section.Text("what"));
  using enum domain::Kept;
  const auto kinds = {kCase, kObservation, kAccessRecord, kAgreement};
  const auto* const kind =
      std::find_if(kinds.begin(), kinds.end(), [&](domain::Kept each) { return domain::NameOf(each) == what; });
  if (kind == kinds.end()) {
    return section.Invalid("what", "must be \"case\", \"observation\", \"access-record\" or \"agreement\"");
  }
  period.what = *kind;
  MEDFLYT_ASSIGN_OR_RETURN(const auto from, section.Day("valid_from"));
  if (!from) return section.Missing("valid_from");
  period.valid_from = *from;
  MEDFLYT_ASSIGN_OR_RETURN(const int64_t years, section.NumberOr("years", 0, 100, 0));
  MEDFLYT_ASSIGN_OR_RETURN(const int64_t days, section.NumberOr("days", 0, 36'500, 0));
  if (years + days == 0) return section.Missing("years");
  period.months = static_cast<int>(12 * years);
  period.days = static_cast<int>(days);
  MEDFLYT_ASSIGN_OR_RETURN(const std::string counted_from, section.TextOr("counted_from", "day-end"));
  if (counted_from != "day-end" && counted_from != "year-end") {
    return section.Invalid("counted_from", "must be \"day-end\" or \"year-end\"");
  }
  period.from_year_end = counted_from == "year-end";
  MEDFLYT_ASSIGN_OR_RETURN(const std::string when_over, section.Text("when_over"));
  if (when_over != "propose" && when_over != "erase") {
    return section.Invalid("when_over", "must be \"propose\" or \"erase\"");
  }
  period.node_erases = when_over == "erase";
  if (period.what == domain::Kept::kAccessRecord && !period.node_erases) {
    return section.Invalid("when_over", "must be \"erase\" for access records, which nobody erases by hand");
  }
  return period;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(const std::string& text, const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const toml::table table, ParseToml(text, path));
  const Section root(table, path, "");
  MEDFLYT_RETURN_IF_ERROR(
      root.Allow({"authority", "production", "data_dir", "card", "peers_dir", "legal_bases", "retention", "policy",
                  "request_retention_days", "backup_dir", "listen", "tls", "keys", "cosigning", "test_numbers"}));
  const Paths paths(path);
  Config config;
  MEDFLYT_ASSIGN_OR_RETURN(const std::string authority, root.Text("authority"));
  const auto id = AuthorityId::Parse(authority);
  if (!id || id->is_zero()) return root.Invalid("authority", "must be a CVR number of 8 digits");
  config.authority = *id;
  MEDFLYT_ASSIGN_OR_RETURN(config.production, root.FlagOr("production", false));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string data_dir, root.Text("data_dir"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string card, root.Text("card"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string peers_dir, root.Text("peers_dir"));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string legal_bases, root.TextOr("legal_bases", ""));
  MEDFLYT_ASSIGN_OR_RETURN(const int64_t days, root.NumberOr("request_retention_days", 1, 3660, 400));
  config.data_dir = paths.Of(data_dir);
  config.card = paths.Of(card);
  config.peers_dir = paths.Of(peers_dir);
  if (!legal_bases.empty()) config.legal_bases = paths.Of(legal_bases);
  MEDFLYT_ASSIGN_OR_RETURN(const std::string retention, root.TextOr("retention", ""));
  if (!retention.empty()) config.retention = paths.Of(retention);
  MEDFLYT_ASSIGN_OR_RETURN(const std::string policy, root.TextOr("policy", ""));
  if (!policy.empty()) config.policy = paths.Of(policy);
  MEDFLYT_ASSIGN_OR_RETURN(const std::string backup_dir, root.TextOr("backup_dir", ""));
  if (!backup_dir.empty()) config.backup_dir = paths.Of(backup_dir);
  config.request_retention = absl::Hours(24 * days);
  MEDFLYT_RETURN_IF_ERROR(ReadListen(root, config));
  MEDFLYT_RETURN_IF_ERROR(ReadTls(root, paths, config));
  MEDFLYT_RETURN_IF_ERROR(ReadKeys(root, paths, config));
  MEDFLYT_RETURN_IF_ERROR(ReadCosigning(root, config));
  MEDFLYT_ASSIGN_OR_RETURN(config.test_numbers, ReadTestNumbers(root));
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return ParseConfig(text, path);
}

absl::StatusOr<std::vector<domain::LegalBasis>> ParseLegalBases(const std::string& text, const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const toml::table table, ParseToml(text, path));
  const Section root(table, path, "");
  MEDFLYT_RETURN_IF_ERROR(root.Allow({"legal_basis"}));
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<Section> sections, root.Each("legal_basis"));
  std::vector<domain::LegalBasis> bases;
  for (const Section& section : sections) {
    MEDFLYT_RETURN_IF_ERROR(section.Allow({"key", "title", "valid_from", "valid_to"}));
    MEDFLYT_RETURN_IF_ERROR(AppendBasis(section, domain::LegalBasis(), bases));
  }
  return bases;
}

absl::StatusOr<std::vector<domain::LegalBasis>> LoadLegalBases(const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return ParseLegalBases(text, path);
}

absl::StatusOr<RetentionTable> ParseRetention(const std::string& text, const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const toml::table table, ParseToml(text, path));
  const Section root(table, path, "");
  MEDFLYT_RETURN_IF_ERROR(root.Allow({"period", "ground"}));
  RetentionTable retention;
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<Section> periods, root.Each("period"));
  for (const Section& section : periods) {
    MEDFLYT_ASSIGN_OR_RETURN(const domain::RetentionPeriod period, ReadPeriod(section));
    for (const domain::RetentionPeriod& earlier : retention.periods) {
      if (earlier.what == period.what && earlier.valid_from == period.valid_from) {
        return section.Invalid("valid_from", "has another period already");
      }
    }
    retention.periods.push_back(period);
  }
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<Section> grounds, root.Each("ground"));
  for (const Section& section : grounds) {
    MEDFLYT_RETURN_IF_ERROR(section.Allow({"key", "title", "valid_from", "valid_to", "before_period_is_over"}));
    domain::ErasureGround ground;
    MEDFLYT_ASSIGN_OR_RETURN(ground.before_period_is_over, section.FlagOr("before_period_is_over", false));
    MEDFLYT_RETURN_IF_ERROR(AppendBasis(section, std::move(ground), retention.grounds));
  }
  return retention;
}

absl::StatusOr<RetentionTable> LoadRetention(const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return ParseRetention(text, path);
}

absl::StatusOr<service::Policy> ParsePolicy(const std::string& text, const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const toml::table table, ParseToml(text, path));
  const Section root(table, path, "");
  MEDFLYT_RETURN_IF_ERROR(root.Allow({"allow"}));
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<Section> sections, root.Each("allow"));
  service::Policy policy;
  for (const Section& section : sections) {
    MEDFLYT_RETURN_IF_ERROR(section.Allow({"role", "actions", "kinds"}));
    MEDFLYT_ASSIGN_OR_RETURN(const std::string role_name, section.Text("role"));
    const auto role = rpc::RoleByName(role_name);
    if (!role) return section.Invalid("role", "is no role of a client's certificate");
    MEDFLYT_ASSIGN_OR_RETURN(const std::vector<std::string> actions, section.Texts("actions"));
    if (actions.empty()) return section.Missing("actions");
    MEDFLYT_ASSIGN_OR_RETURN(std::vector<std::string> kinds, section.Texts("kinds"));
    if (kinds.empty()) kinds = {"municipality", "police-district", "state-body"};
    for (const std::string& action_name : actions) {
      const auto action = service::ActionByName(action_name);
      if (!action) return section.Invalid("actions", "names an action that does not exist");
      for (const std::string& kind_name : kinds) {
        const auto kind = directory::KindByName(kind_name);
        if (!kind) return section.Invalid("kinds", "names a kind of authority that does not exist");
        if (const absl::Status allowed = policy.Allow(*role, *action, *kind); !allowed.ok()) {
          return section.Invalid("actions", ToStd(allowed.message()));
        }
      }
    }
  }
  return policy;
}

absl::StatusOr<service::Policy> LoadPolicy(const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return ParsePolicy(text, path);
}

}  // namespace medflyt::node
