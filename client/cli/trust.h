// Whose signatures an auditor believes: public keys, given as such or by peer cards.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "common/directory/peer_card.h"

namespace medflyt::cli {

struct CardFile {
  std::string bytes;
  directory::PeerCard card;
};
// The peer card in a file. A card that its key did not sign is a verification that failed.
[[nodiscard]] absl::StatusOr<CardFile> ReadCard(Context& context, const std::string& path);

// --log-key and --card.
[[nodiscard]] std::vector<Option> TrustOptions();

// The keys named by these options, those of a card for the tree sizes that it says. A usage error where there is none:
// a key that lies beside what it verifies proves nothing.
[[nodiscard]] absl::StatusOr<std::vector<directory::LogKey>> TrustedKeys(Context& context, const Arguments& arguments);

}  // namespace medflyt::cli
