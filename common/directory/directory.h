// The peer directory: who takes part, under which names and codes on which dates, and by which keys.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/date.h"
#include "common/base/named_type.h"
#include "common/directory/authority.h"
#include "common/directory/identity.h"
#include "common/tlog/note_key.h"

namespace medflyt::directory {

// An immutable value, cheap to copy and safe to read from any thread; a change makes a new one (With). Pointers and
// spans stay valid while any copy of the directory they came from lives.
class Directory {
 public:
  // An empty one.
  Directory();
  // INVALID_ARGUMENT with the rules of CheckAuthority, or between two authorities AUTHORITY_DUPLICATE,
  // AUTHORITY_CODE_CONFLICT (one code, one kind of it and one date), LOG_ORIGIN_CONFLICT, LOG_KEY_REUSED. Issuers are
  // kept in the form of NormalizeIssuers.
  [[nodiscard]] static absl::StatusOr<Directory> Create(std::vector<Authority> authorities);
  // This directory with the authority added, or in place of the one with its id. Errors as Create.
  [[nodiscard]] absl::StatusOr<Directory> With(Authority authority) const;

  // nullptr when unknown.
  [[nodiscard]] const Authority* Find(AuthorityId id) const;
  // The municipality that has the code on that date; nullptr when none is known.
  [[nodiscard]] const Authority* MunicipalityOn(MunicipalityCode code, Date date) const;
  // The authority whose log, open or closed, has the origin; nullptr when unknown.
  [[nodiscard]] const Authority* OfOrigin(std::string_view origin) const;
  [[nodiscard]] const Log* LogOf(std::string_view origin) const;

  // The key that signs that log's checkpoint of that size. NOT_FOUND (ORIGIN_UNKNOWN), or FAILED_PRECONDITION
  // (LOG_KEY_EXPIRED) for a size that no key of it covers any more.
  [[nodiscard]] absl::StatusOr<tlog::VerifierKey> LogKeyFor(std::string_view origin, TreeSize size) const;

  // In order of id.
  [[nodiscard]] std::span<const Authority> authorities() const;

 private:
  struct Tables;
  explicit Directory(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}

  std::shared_ptr<const Tables> tables_;
};

}  // namespace medflyt::directory
