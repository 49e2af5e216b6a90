// The peer directory of a running node: its own card and the others', read again while it runs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/crypto/hash.h"
#include "common/directory/directory.h"
#include "common/directory/peer_card.h"
#include "server/domain/facts.h"
#include "server/exchange/admission.h"
#include "server/log/log.h"

namespace medflyt::node {

struct Config;

// What lawyers and archivists set, by date.
struct DatedTables {
  std::vector<domain::LegalBasis> legal_bases;
  std::vector<domain::ErasureGround> erasure_grounds;
  std::vector<domain::RetentionPeriod> retention;
};

// Thread-safe.
class PeerDirectory final : public log::FactsSource, private domain::AuthorityDirectory {
 public:
  struct Sources {
    AuthorityId self;
    std::string card;       // own, a file
    std::string peers_dir;  // *.card
    std::string roots;      // file that gets the issuers of all authorities
  };
  // Reads all. Errors of the files and of directory::ParsePeerCard, naming the file; INVALID_ARGUMENT
  // (CARD_OF_OTHER_AUTHORITY) where the own card is not `self`'s. Borrows `clock`.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<PeerDirectory>> Load(Sources sources, DatedTables tables,
                                                                           const Clock& clock);

  // The cards of other authorities.
  struct Cards {
    uint32_t count = 0;
    crypto::Hash digest;  // as wire::DirectoryChanged has it
  };
  struct Reloaded {
    directory::Directory directory;
    Cards others;
  };
  // Reads the cards again. On error all stays as it was. Else what was read, which is the present from now on.
  [[nodiscard]] absl::StatusOr<Reloaded> Reload() MEDFLYT_EXCLUDES(mutex_);

  [[nodiscard]] directory::Directory directory() const MEDFLYT_EXCLUDES(mutex_);
  // Own card, as its file's bytes.
  [[nodiscard]] std::string card() const MEDFLYT_EXCLUDES(mutex_);
  [[nodiscard]] Cards others() const MEDFLYT_EXCLUDES(mutex_);
  // Another authority's card, with its open log and those before it; nothing where there is none.
  [[nodiscard]] std::optional<exchange::CardLog> OpenLogOf(AuthorityId authority) const MEDFLYT_EXCLUDES(mutex_);
  // PEM of the issuers of that authority; empty for an unknown one.
  [[nodiscard]] std::string IssuersOf(AuthorityId authority) const;

  [[nodiscard]] domain::Facts FactsOn(Date today) const override {
    return {today, *this, tables_.legal_bases, tables_.erasure_grounds, tables_.retention};
  }

 private:
  struct Read {
    directory::Directory directory;
    std::string card;
    Cards others;
    std::map<AuthorityId, std::string> fingerprints;  // of the others' cards
  };
  PeerDirectory(Sources sources, DatedTables tables, const Clock& clock)
      : sources_(std::move(sources)), tables_(std::move(tables)), clock_(clock) {}
  // Reads the cards, and writes the roots.
  [[nodiscard]] absl::StatusOr<Read> ReadCards() const;

  std::optional<MunicipalityCode> CodeOf(AuthorityId authority) const override;
  std::optional<AuthorityId> AuthorityOf(MunicipalityCode code, Date date) const override;
  bool IsMunicipality(AuthorityId authority) const override;
  bool IsKnown(AuthorityId authority) const override;

  const Sources sources_;
  const DatedTables tables_;
  const Clock& clock_;
  Mutex reload_mutex_;
  mutable Mutex mutex_;
  Read read_ MEDFLYT_GUARDED_BY(mutex_);
};

struct OwnCard {
  directory::Authority authority;
  std::string bytes;
};
// The card of `self` that a file holds. Errors of the file and of directory::ParsePeerCard, naming it; INVALID_ARGUMENT
// (CARD_OF_OTHER_AUTHORITY). Any thread.
[[nodiscard]] absl::StatusOr<OwnCard> ReadOwnCard(AuthorityId self, const std::string& file);

[[nodiscard]] PeerDirectory::Sources DirectorySources(const Config& config);

}  // namespace medflyt::node
