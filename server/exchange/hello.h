// The first message of both sides of a link: who speaks, by which keys, and how far each has come.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/named_type.h"
#include "common/directory/directory.h"
#include "common/directory/identity.h"
#include "common/entry/batch.h"
#include "common/entry/grant.h"
#include "common/tlog/note_key.h"
#include "medflyt/v1/exchange.pb.h"
#include "server/log/layout.h"

namespace medflyt::exchange {

inline constexpr uint32_t kProtocol = 1;

// How far the sender of a Hello has come with its addressee.
struct Progress {
  TreeSize accepted_size;
  PairNumber last_number;       // the recipient's
  PairNumber receipted_number;  // the issuer's
};

// Writes the card as the message that Hello and the calls for held events carry; what else `out` held stays. Cannot
// fail; any thread.
void CardToProto(const entry::ExchangeKeyCard& card, v1::ExchangeKey& out);
// INVALID_ARGUMENT (HELLO_MALFORMED). Nothing is verified.
[[nodiscard]] absl::StatusOr<entry::ExchangeKeyCard> CardFromProto(const v1::ExchangeKey& stated);

[[nodiscard]] v1::Hello MakeHello(AuthorityId self, AuthorityId addressee, const log::Head& head,
                                  std::string_view origin, const entry::ExchangeKeyCard& card,
                                  const Progress& progress);

// A Hello that is the peer's: addressed to us, of the log that is open in the directory, its checkpoint signed by that
// log's key for its size, its exchange key by the newest.
struct PeerHello {
  std::string origin;
  entry::AcceptedHead head;
  std::string checkpoint;
  entry::ExchangeKeyCard card;
  Progress progress;
};
// FAILED_PRECONDITION: PROTOCOL_UNSUPPORTED, PEER_WITHOUT_LOG. PERMISSION_DENIED: HELLO_AUTHORITY_MISMATCH,
// HELLO_ADDRESSEE_MISMATCH, HELLO_ORIGIN_MISMATCH. INVALID_ARGUMENT: HELLO_MALFORMED. And the errors of
// tlog::OpenCheckpoint and entry::VerifyExchangeKey.
[[nodiscard]] absl::StatusOr<PeerHello> CheckHello(const v1::Hello& hello, AuthorityId self, AuthorityId peer,
                                                   const directory::Directory& directory, absl::Time now);

// That the head which a Hello states goes on from what was accepted: CHECKPOINT_BEHIND where it is smaller (held: old,
// or rolled back), LOG_FORKED where it is another head of the same size.
[[nodiscard]] absl::Status CheckHead(const entry::AcceptedHead& head, const entry::AcceptedHead& accepted);

// The key by which this log's checkpoint is good, by the size that the note states. Nothing is verified yet.
[[nodiscard]] absl::StatusOr<tlog::VerifierKey> KeyForNote(std::string_view note, std::string_view origin,
                                                           const directory::Directory& directory);

}  // namespace medflyt::exchange
