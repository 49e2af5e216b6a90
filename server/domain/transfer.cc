#include "server/domain/transfer.h"

namespace medflyt::domain {

bool NeedsOfficer(const Transfer& transfer, Date today) {
  return transfer.stuck || (transfer.state == TransferState::kWaiting && today - transfer.on > kTransferWaitDays);
}

}  // namespace medflyt::domain
