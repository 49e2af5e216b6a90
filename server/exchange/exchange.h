// A node's exchange of events with its peers: one delivery and one reception for each.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "server/exchange/context.h"
#include "server/exchange/delivery.h"
#include "server/exchange/link.h"
#include "server/exchange/reception.h"
#include "server/exchange/status.h"
#include "server/log/log.h"

namespace medflyt::exchange {

// Thread-safe. Order of life: made after the log and before its first commit; Start; Stop; then the sequencer and the
// scheduler are stopped; then it may go.
class Exchange final : public log::CommitObserver {
 public:
  // Registers itself with the log. DATA_LOSS where stored evidence, or what is known of peers' logs, does not parse.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Exchange>> Create(const Parts& parts,
                                                                        directory::Directory directory,
                                                                        const Options& options);

  // Makes this epoch's exchange key durable, then dials every peer that has a node; renews the key daily and at the end
  // of its epoch.
  void Start();
  // The exchange key of this moment, which is durable, is what peers are shown from now on.
  void ShowExchangeKey();
  // Closes all links, takes and dials no more.
  void Stop();

  // An inbound link of a peer that the transport has authenticated. PERMISSION_DENIED (PEER_UNKNOWN) for one that the
  // directory does not have with a node, UNAVAILABLE (NODE_STOPPING).
  [[nodiscard]] absl::StatusOr<std::shared_ptr<LinkEvents>> Accept(AuthorityId peer, std::shared_ptr<Link> link);

  void OnDirectoryChanged(directory::Directory directory);
  // Certificates may be judged otherwise now: deliveries that wait dial at once.
  void OnTrustChanged();
  // The log has been restrained while the exchange ran: all links end. While it is, none is dialled and none greeted.
  void OnRestrained();
  // There is reason to reach this peer now, where its delivery waits.
  void DialNow(AuthorityId peer);
  void OnCommit(const log::Head& head, const std::vector<AuthorityId>& receivers) override;

  // What witnessing shares with the exchange; lives as long.
  [[nodiscard]] Context& context() { return context_; }

  [[nodiscard]] PeerStatus StatusOf(AuthorityId peer) const;
  // Of every peer with a node, in order of id.
  [[nodiscard]] std::vector<PeerStatus> Statuses() const;

 private:
  class RotateSubmission;
  struct Peer {
    std::shared_ptr<Delivery> delivery;
    std::shared_ptr<Reception> reception;
    void Start() const;
    void Stop() const;
  };

  Exchange(const Parts& parts, directory::Directory directory, const Options& options);
  void OnForked(AuthorityId peer);
  void Rotate();
  // Makes what the directory's peers lack here, and starts it once the node has an exchange key.
  void Reconcile();

  Context context_;
  const std::shared_ptr<Strand> strand_;

  mutable Mutex mutex_;
  bool started_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool stopped_ MEDFLYT_GUARDED_BY(mutex_) = false;
  std::map<AuthorityId, Peer> peers_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::exchange
