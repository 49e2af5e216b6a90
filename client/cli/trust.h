// Whose signatures an auditor believes: public keys, given as such or by peer cards.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "common/audit/verify.h"
#include "common/directory/peer_card.h"

namespace medflyt::cli {

struct CardFile {
  std::string bytes;
  directory::PeerCard card;
};
// The peer card in a file. A card that its key did not sign is a verification that failed.
[[nodiscard]] absl::StatusOr<CardFile> ReadCard(Context& context, const std::string& path);

// --log-key, --card and --policy.
[[nodiscard]] std::vector<Option> TrustOptions();

// What these options name: the keys of a card for the tree sizes that it says, and whose log it is; where no key is
// named, the log keys of the policy, for trees of every size. Without keys where nothing is named.
[[nodiscard]] absl::StatusOr<audit::Trust> TrustOf(Context& context, const Arguments& arguments);

// A usage error where there is no key: one that lies beside what it verifies proves nothing.
[[nodiscard]] absl::Status CheckKeysNamed(const audit::Trust& trust);

}  // namespace medflyt::cli
