#include "server/exchange/receipt_submission.h"

#include <utility>

#include "common/crypto/hash.h"
#include "common/wire/ledger.h"
#include "server/exchange/context.h"
#include "server/exchange/refusals.h"
#include "server/log/appender.h"

namespace medflyt::exchange {

void ReceiptSubmission::Apply(log::Appender& appender) {
  log::PeerState& peer = appender.peer(receipt_.peer);
  if (AcceptedOf(peer, receipt_.origin, peer.by_receipt) != receipt_.base ||
      receipt_.events.front().number.value() != peer.receipted.value() + 1) {
    return;
  }
  std::vector<LeafIndex> indices;
  for (const SentEvent& event : receipt_.events) indices.push_back(event.leaf);
  wire::LedgerCodec codec;
  auto record =
      codec.Encode({appender.now(), wire::ReceiptsLogged{receipt_.origin, receipt_.head.size, receipt_.head.root,
                                                         wire::RunsOf(indices), receipt_.digest}});
  if (!record.ok()) return;
  const log::Position logged = appender.AppendLedger(*record);
  appender.batch().Put(store::Table::kOutbox,
                       log::PairRowKey('c', receipt_.peer, receipt_.events.front().number.value()), receipt_.kept);
  if (receipt_.log_keys != nullptr) receipt_.log_keys->StageTaken(receipt_.believed, appender.batch());

  if (peer.origin != receipt_.origin) {
    peer.origin = receipt_.origin;
    peer.by_batch = {};
  }
  peer.receipted = receipt_.events.back().number;
  peer.by_receipt = {receipt_.head.size, receipt_.head.root};
  for (size_t i = 0; i < receipt_.events.size(); ++i) {
    const SentEvent& event = receipt_.events[i];
    appender.keys().MarkGranted(event.key_id, appender.batch());
    const std::string& rule = receipt_.receipts[i].refused_rule;
    if (!rule.empty()) StageRefusal({receipt_.peer, event.number, event.id, event.position, logged, rule}, appender);
  }
  applied_ = true;
}

}  // namespace medflyt::exchange
