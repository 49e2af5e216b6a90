#include "common/audit/admissions.h"

#include <algorithm>

namespace medflyt::audit {

Admissions::Admissions(std::span<const directory::Authority> cards) {
  for (const directory::Authority& card : cards) {
    for (size_t generation = 0; generation < card.logs.size(); ++generation) {
      const directory::Log& log = card.logs[generation];
      shown_.try_emplace(log.origin, Shown{card.id, generation, &log});
    }
  }
}

void Admissions::Admit(const wire::PeerGenerationAdmitted& record) {
  const auto found = shown_.find(record.origin);
  if (found == shown_.end() || found->second.peer != record.peer) return;
  // A new log's first key, or the newest of one that was known and got another: the card has both.
  const std::vector<directory::LogKey>& keys = found->second.log->keys;
  const bool named = std::any_of(keys.begin(), keys.end(), [&record](const directory::LogKey& key) {
    return key.key.Format() == record.verifier_key;
  });
  found->second.admitted = found->second.admitted || named;
}

bool Admissions::Take(std::string_view origin) {
  const auto found = shown_.find(origin);
  if (found == shown_.end()) return true;
  const Shown& shown = found->second;
  const auto [latest, first] = latest_.try_emplace(shown.peer, shown.generation);
  if (first || shown.generation <= latest->second) return true;
  latest->second = shown.generation;
  return shown.admitted;
}

}  // namespace medflyt::audit
