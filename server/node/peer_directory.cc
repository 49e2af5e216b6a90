#include "server/node/peer_directory.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/node/config.h"
#include "server/node/files.h"

namespace medflyt::node {
namespace {

absl::StatusOr<directory::PeerCard> ReadCard(const std::string& path, std::string& bytes) {
  MEDFLYT_ASSIGN_OR_RETURN(bytes, ReadFile(path, directory::kMaxPeerCardBytes));
  auto card = directory::ParsePeerCard(bytes);
  if (!card.ok()) return Annotate(card.status(), path);
  return card;
}

absl::StatusOr<std::vector<std::string>> CardFiles(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".card") files.push_back(entry->path().string());
  }
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PeerDirectory>> PeerDirectory::Load(Sources sources, DatedTables tables,
                                                                   const Clock& clock) {
  auto directory = std::unique_ptr<PeerDirectory>(new PeerDirectory(std::move(sources), std::move(tables), clock));
  MEDFLYT_RETURN_IF_ERROR(directory->Reload().status());
  return directory;
}

absl::StatusOr<PeerDirectory::Read> PeerDirectory::ReadCards() const {
  Read read;
  MEDFLYT_ASSIGN_OR_RETURN(OwnCard own, ReadOwnCard(sources_.self, sources_.card));
  read.card = std::move(own.bytes);
  std::vector<directory::Authority> authorities;
  authorities.push_back(std::move(own.authority));
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<std::string> files, CardFiles(sources_.peers_dir));
  std::map<AuthorityId, crypto::Hash> others;
  for (const std::string& file : files) {
    std::string bytes;
    MEDFLYT_ASSIGN_OR_RETURN(directory::PeerCard card, ReadCard(file, bytes));
    // The own card may lie among the others'.
    if (card.authority.id == sources_.self) continue;
    others[card.authority.id] = crypto::Sha256(bytes);
    read.fingerprints[card.authority.id] = directory::FingerprintOf(card);
    authorities.push_back(std::move(card.authority));
  }
  MEDFLYT_ASSIGN_OR_RETURN(read.directory, directory::Directory::Create(std::move(authorities)));
  std::string digested;
  for (const auto& [authority, digest] : others) digested.append(authority.ToString()).append(digest.bytes());
  read.others = {static_cast<uint32_t>(others.size()), crypto::Sha256(digested)};
  std::string roots;
  for (const directory::Authority& authority : read.directory.authorities()) roots.append(authority.issuers);
  MEDFLYT_RETURN_IF_ERROR(ReplaceFile(sources_.roots, roots));
  return read;
}

absl::StatusOr<PeerDirectory::Reloaded> PeerDirectory::Reload() {
  MutexLock reloading(reload_mutex_);
  MEDFLYT_ASSIGN_OR_RETURN(Read read, ReadCards());
  MutexLock lock(mutex_);
  read_ = std::move(read);
  return Reloaded{read_.directory, read_.others};
}

directory::Directory PeerDirectory::directory() const {
  MutexLock lock(mutex_);
  return read_.directory;
}

std::string PeerDirectory::card() const {
  MutexLock lock(mutex_);
  return read_.card;
}

PeerDirectory::Cards PeerDirectory::others() const {
  MutexLock lock(mutex_);
  return read_.others;
}

std::optional<exchange::CardLog> PeerDirectory::OpenLogOf(AuthorityId authority) const {
  MutexLock lock(mutex_);
  const auto fingerprint = read_.fingerprints.find(authority);
  if (fingerprint == read_.fingerprints.end()) return std::nullopt;
  return exchange::CardLog{fingerprint->second, *read_.directory.Find(authority)};
}

std::string PeerDirectory::IssuersOf(AuthorityId authority) const {
  const directory::Directory now = directory();
  const directory::Authority* found = now.Find(authority);
  return found == nullptr ? std::string() : found->issuers;
}

std::optional<MunicipalityCode> PeerDirectory::CodeOf(AuthorityId authority) const {
  const directory::Directory now = directory();
  const directory::Authority* found = now.Find(authority);
  if (found == nullptr || found->kind != directory::Kind::kMunicipality) return std::nullopt;
  return found->CodeOn(DanishDate(clock_.Now()));
}

std::optional<AuthorityId> PeerDirectory::AuthorityOf(MunicipalityCode code, Date date) const {
  const directory::Directory now = directory();
  const directory::Authority* found = now.MunicipalityOn(code, date);
  return found == nullptr ? std::nullopt : std::optional<AuthorityId>(found->id);
}

bool PeerDirectory::IsKnown(AuthorityId authority) const { return directory().Find(authority) != nullptr; }

bool PeerDirectory::IsMunicipality(AuthorityId authority) const {
  const directory::Directory now = directory();
  const directory::Authority* found = now.Find(authority);
  return found != nullptr && found->kind == directory::Kind::kMunicipality;
}

absl::StatusOr<OwnCard> ReadOwnCard(AuthorityId self, const std::string& file) {
  OwnCard own;
  MEDFLYT_ASSIGN_OR_RETURN(directory::PeerCard card, ReadCard(file, own.bytes));
  if (card.authority.id != self) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_OF_OTHER_AUTHORITY", "card",
                     absl::StrCat(file, ": is not the card of authority ", self.ToString()));
  }
  own.authority = std::move(card.authority);
  return own;
}

PeerDirectory::Sources DirectorySources(const Config& config) {
  return {config.authority, config.card, config.peers_dir, config.data_dir + "/roots.pem"};
}

}  // namespace medflyt::node
