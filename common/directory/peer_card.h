// A peer card: what an authority hands another to be let into its directory.
//
// A C2SP signed note whose text a person can read, signed with the newest log key that it names: proof that who made
// the card holds the key. Whether that is the authority, two people say by comparing fingerprints on the telephone.
//
//   medflyt peer card v1
//   authority: 35209115
//   kind: municipality
//   name: Odense Kommune from 2007-01-01
//   code: 0461 from 2007-01-01
//   endpoint: medflyt.example:7461
//   origin: medflyt.example/35209115/1
//   log-key: medflyt.example/35209115/1+8dd3ccab+AbV9… from 0
//   witness-key: medflyt.example/35209115/witness+21b3…
//   issued: 2026-11-21
//   issuers:
//   -----BEGIN CERTIFICATE-----
//   …
//   -----END CERTIFICATE-----
//
// "name", "code", "origin" and "log-key" may repeat, in order; a log-key belongs to the origin above it. A code or a
// log-key may end: "0461 from 2007-01-01 until 2030-01-01", "… from 0 until 5000" (exclusive). Below a log-key that the
// one before it handed the log over to stands "handover: BASE64", the proof of that (entry/handover.h). A card is read
// whether or not the proof is there, and whatever it is: who knows the key before judges it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/date.h"
#include "common/directory/authority.h"
#include "common/tlog/note_key.h"

namespace medflyt::directory {

inline constexpr size_t kMaxPeerCardBytes = 64 * 1024;

struct PeerCard {
  Authority authority;
  Date issued;
  std::string text;  // the signed text, with its last newline
};

// The card of an authority with a node, as the bytes of a file. INVALID_ARGUMENT with the rules of CheckAuthority,
// AUTHORITY_INCOMPLETE without a node, and CARD_SIGNER_FOREIGN when `signer` is not its newest log key.
[[nodiscard]] absl::StatusOr<std::string> WritePeerCard(const Authority& authority, Date issued,
                                                        const tlog::NoteSigner& signer);

// INVALID_ARGUMENT with the rules of CheckAuthority, of the note (tlog), CARD_TOO_LARGE, CARD_MALFORMED (field: the
// line's key, or "line N"; any other form than the one WritePeerCard gives), or CARD_SIGNATURE_INVALID.
[[nodiscard]] absl::StatusOr<PeerCard> ParsePeerCard(std::string_view bytes);

// To be read out: the first 128 bits of the SHA-256 of the text as 8 groups of 4 hexadecimal digits,
// "3f2a 9b1c …". It covers everything but the signature.
[[nodiscard]] std::string FingerprintOf(const PeerCard& card);
// Case and spaces do not matter: what is compared was read out.
[[nodiscard]] bool SameFingerprint(std::string_view heard, std::string_view shown);

}  // namespace medflyt::directory
