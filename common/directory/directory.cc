#include "common/directory/directory.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/status.h"

namespace medflyt::directory {

struct Directory::Tables {
  std::vector<Authority> authorities;  // in order of id
  // Views into `authorities`, which does not change.
  std::map<std::string_view, std::pair<const Authority*, const Log*>> by_origin;
  std::multimap<MunicipalityCode, std::pair<const DatedCode*, const Authority*>> municipalities;
};

namespace {

absl::Status Conflict(std::string_view rule, const Authority& authority, std::string_view field,
                      std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule,
                   "authority." + authority.id.ToString() + "." + std::string(field), message);
}

bool Overlap(const DatedCode& a, const DatedCode& b) {
  return (!a.until || b.from < *a.until) && (!b.until || a.from < *b.until);
}

}  // namespace

Directory::Directory() : tables_(std::make_shared<const Tables>()) {}

absl::StatusOr<Directory> Directory::Create(std::vector<Authority> authorities) {
  const auto tables = std::make_shared<Tables>();
  std::sort(authorities.begin(), authorities.end(), [](const Authority& a, const Authority& b) { return a.id < b.id; });
  tables->authorities = std::move(authorities);
  const Authority* previous = nullptr;
  std::set<crypto::PublicKey> keys;
  for (Authority& authority : tables->authorities) {
    if (absl::Status valid = CheckAuthority(authority); !valid.ok()) {
      return Annotate(valid, "authority " + authority.id.ToString());
    }
    if (authority.has_node()) {
      MEDFLYT_ASSIGN_OR_RETURN(authority.issuers, NormalizeIssuers(authority.issuers));
    }
    if (previous != nullptr && previous->id == authority.id) {
      return Conflict("AUTHORITY_DUPLICATE", authority, "id", "two authorities with one CVR number");
    }
    previous = &authority;
    for (const DatedCode& code : authority.codes) {
      if (authority.kind != Kind::kMunicipality) continue;
      const auto [first, last] = tables->municipalities.equal_range(code.code);
      for (auto other = first; other != last; ++other) {
        if (Overlap(*other->second.first, code)) {
          return Conflict("AUTHORITY_CODE_CONFLICT", authority, "codes", "another municipality has the code then");
        }
      }
      tables->municipalities.emplace(code.code, std::pair(&code, &authority));
    }
    for (const Log& log : authority.logs) {
      if (!tables->by_origin.emplace(log.origin, std::pair(&authority, &log)).second) {
        return Conflict("LOG_ORIGIN_CONFLICT", authority, "origin", "another authority has the origin");
      }
      for (const LogKey& key : log.keys) {
        if (!keys.insert(key.key.key()).second) {
          return Conflict("LOG_KEY_REUSED", authority, "log-key", "another authority has the key");
        }
      }
    }
    if (authority.witness && !keys.insert(authority.witness->key()).second) {
      return Conflict("LOG_KEY_REUSED", authority, "witness-key", "another authority has the key");
    }
  }
  return Directory(tables);
}

absl::StatusOr<Directory> Directory::With(Authority authority) const {
  std::vector<Authority> authorities = tables_->authorities;
  std::erase_if(authorities, [&authority](const Authority& other) { return other.id == authority.id; });
  authorities.push_back(std::move(authority));
  return Create(std::move(authorities));
}

const Authority* Directory::Find(AuthorityId id) const {
  const auto found =
      std::lower_bound(tables_->authorities.begin(), tables_->authorities.end(), id,
                       [](const Authority& authority, AuthorityId other) { return authority.id < other; });
  return found != tables_->authorities.end() && found->id == id ? &*found : nullptr;
}

const Authority* Directory::MunicipalityOn(MunicipalityCode code, Date date) const {
  const auto [first, last] = tables_->municipalities.equal_range(code);
  for (auto it = first; it != last; ++it) {
    const DatedCode& dated = *it->second.first;
    if (dated.from <= date && (!dated.until || date < *dated.until)) return it->second.second;
  }
  return nullptr;
}

const Authority* Directory::OfOrigin(std::string_view origin) const {
  const auto found = tables_->by_origin.find(origin);
  return found == tables_->by_origin.end() ? nullptr : found->second.first;
}

const Log* Directory::LogOf(std::string_view origin) const {
  const auto found = tables_->by_origin.find(origin);
  return found == tables_->by_origin.end() ? nullptr : found->second.second;
}

absl::StatusOr<tlog::VerifierKey> Directory::LogKeyFor(std::string_view origin, TreeSize size) const {
  const Log* log = LogOf(origin);
  if (log == nullptr) {
    return RuleError(absl::StatusCode::kNotFound, "ORIGIN_UNKNOWN", "origin", "no log of that origin in the directory");
  }
  for (const LogKey& key : log->keys) {
    if (key.from <= size && (!key.until || size < *key.until)) return key.key;
  }
  return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_EXPIRED", "origin",
                   "no key of the log signs a tree of that size");
}

std::span<const Authority> Directory::authorities() const { return tables_->authorities; }

}  // namespace medflyt::directory
