#include "server/node/recovering.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace medflyt::node {
namespace {

using exchange::Standing;

absl::Status Refused(std::string_view rule, std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, rule, "", message);
}

// Those that are to be asked, once every peer is settled one way or the other.
// Of a log that the store has none of, and in which nothing may have arrived anywhere, nobody need have a head: what a
// peer has beyond the store's numbers may stand in the log before, and the evidence proves it.
absl::StatusOr<std::vector<AuthorityId>> PeersToAsk(const std::vector<exchange::PeerKnowledge>& known,
                                                    const std::set<AuthorityId>& without, bool log_is_lost) {
  std::vector<AuthorityId> peers;
  for (const exchange::PeerKnowledge& each : known) {
    if (without.contains(each.peer)) continue;
    switch (each.standing) {
      case Standing::kBeyond:
      case Standing::kContradicts:
      case Standing::kWithin:
        peers.push_back(each.peer);
        break;
      case Standing::kReleased:
        break;
      case Standing::kUnproven:
        if (log_is_lost) {
          peers.push_back(each.peer);
          break;
        }
        [[fallthrough]];
      case Standing::kNotAsked:
      case Standing::kSilent:
        return Refused(
            "RECOVERY_PEERS_UNHEARD",
            absl::StrCat("peer ", each.peer.ToString(),
                         " has not answered, or claims what it does not prove: wait for it or leave it out"));
    }
  }
  return peers;
}

}  // namespace

void Recovering::Decide(const std::string& officer, const crypto::Hash& certificate,
                        const std::set<AuthorityId>& without, Done done) {
  if (log_.restraint().ok()) return done(Refused("LOG_NOT_RESTRAINED", "this node signs: there is nothing to recover"));
  if (!check_.proven_behind()) {
    return done(Refused("RECOVERY_NOT_NEEDED", "nobody has proven that there is more of this log"));
  }
  auto peers = PeersToAsk(check_.status(), without, log_.is_lost());
  if (!peers.ok()) return done(peers.status());
  crypto::Hash first;
  {
    MutexLock lock(mutex_);
    if (!first_) {
      first_ = First{officer, certificate, without};
      return done(std::nullopt);
    }
    if (first_->officer == officer || first_->certificate == certificate) {
      return done(Refused("TWO_OFFICERS_REQUIRED",
                          "the second officer is another person with another client certificate than the first"));
    }
    if (first_->without != without) {
      first_ = First{officer, certificate, without};
      return done(Refused("RECOVERY_PEERS_DIFFER",
                          "the first officer left out other peers; the first one's word is forgotten, yours is kept"));
    }
    first = first_->certificate;
  }
  recovery_.Begin(*std::move(peers), {first, certificate},
                  [done = std::move(done)](const absl::StatusOr<exchange::Recovery::Outcome>& outcome) {
                    if (!outcome.ok()) return done(outcome.status());
                    done(std::optional(*outcome));
                  });
}

std::string Recovering::first_officer() const {
  MutexLock lock(mutex_);
  return first_ ? first_->officer : std::string();
}

}  // namespace medflyt::node
