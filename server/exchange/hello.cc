#include "server/exchange/hello.h"

#include <span>

#include "common/base/status.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::exchange {
namespace {

absl::Status Malformed(std::string_view field) {
  return RuleError(absl::StatusCode::kInvalidArgument, "HELLO_MALFORMED", field, "the field is missing or malformed");
}
absl::Status Denied(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kPermissionDenied, rule, field, message);
}

}  // namespace

void CardToProto(const entry::ExchangeKeyCard& card, v1::ExchangeKey& out) {
  out.set_epoch(card.epoch);
  out.set_public_key(std::string(card.public_key.bytes()));
  out.set_not_after_us(absl::ToUnixMicros(card.not_after));
  out.set_signature(std::string(card.signature.bytes()));
}

absl::StatusOr<entry::ExchangeKeyCard> CardFromProto(const v1::ExchangeKey& stated) {
  const auto public_key = crypto::ExchangePublicKey::FromBytes(stated.public_key());
  const auto signature = crypto::Signature::FromBytes(stated.signature());
  if (!public_key || !signature) return Malformed("exchange_key");
  return entry::ExchangeKeyCard{stated.epoch(), *public_key, absl::FromUnixMicros(stated.not_after_us()), *signature};
}

v1::Hello MakeHello(AuthorityId self, AuthorityId addressee, const log::Head& head, std::string_view origin,
                    const entry::ExchangeKeyCard& card, const Progress& progress) {
  v1::Hello hello;
  hello.set_protocol(kProtocol);
  hello.set_authority(self.number());
  hello.set_addressee(addressee.number());
  hello.set_origin(std::string(origin));
  hello.set_checkpoint(head.checkpoint);
  CardToProto(card, *hello.mutable_exchange_key());
  hello.set_accepted_size(progress.accepted_size.value());
  hello.set_last_number(progress.last_number.value());
  hello.set_receipted_number(progress.receipted_number.value());
  return hello;
}

absl::StatusOr<tlog::VerifierKey> KeyForNote(std::string_view note, std::string_view origin,
                                             const directory::Directory& directory) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto stated, tlog::StatedCheckpoint(note));
  return directory.LogKeyFor(origin, stated.size());
}

absl::StatusOr<PeerHello> CheckHello(const v1::Hello& hello, AuthorityId self, AuthorityId peer,
                                     const directory::Directory& directory, absl::Time now) {
  if (hello.protocol() != kProtocol) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "PROTOCOL_UNSUPPORTED", "protocol",
                     "the peer speaks another version of the protocol");
  }
  if (hello.authority() != peer.number()) {
    return Denied("HELLO_AUTHORITY_MISMATCH", "authority", "the sender is not who its certificate says");
  }
  if (hello.addressee() != self.number()) {
    return Denied("HELLO_ADDRESSEE_MISMATCH", "addressee", "the sender believes to speak to another");
  }
  const directory::Authority* authority = directory.Find(peer);
  if (authority == nullptr || authority->logs.empty() || authority->logs.back().keys.empty()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "PEER_WITHOUT_LOG", "origin",
                     "the directory knows no log of the peer");
  }
  const directory::Log& open_log = authority->logs.back();
  if (hello.origin() != open_log.origin) {
    return Denied("HELLO_ORIGIN_MISMATCH", "origin", "this is not the peer's open log");
  }

  MEDFLYT_ASSIGN_OR_RETURN(const tlog::VerifierKey key, KeyForNote(hello.checkpoint(), open_log.origin, directory));
  MEDFLYT_ASSIGN_OR_RETURN(const auto opened, tlog::OpenCheckpoint(hello.checkpoint(), std::span(&key, 1)));
  if (opened.checkpoint.origin() != open_log.origin) return Malformed("checkpoint");

  MEDFLYT_ASSIGN_OR_RETURN(const entry::ExchangeKeyCard card, CardFromProto(hello.exchange_key()));
  MEDFLYT_RETURN_IF_ERROR(entry::VerifyExchangeKey(card, open_log.keys.back().key.key(), open_log.origin, now));
  return PeerHello{
      open_log.origin,
      {opened.checkpoint.size(), opened.checkpoint.root()},
      hello.checkpoint(),
      card,
      {TreeSize(hello.accepted_size()), PairNumber(hello.last_number()), PairNumber(hello.receipted_number())}};
}

absl::Status CheckHead(const entry::AcceptedHead& head, const entry::AcceptedHead& accepted) {
  if (head.size < accepted.size) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "CHECKPOINT_BEHIND", "checkpoint",
                     "the log is smaller than it was: old, or rolled back");
  }
  if (accepted.size.value() != 0 && head.size == accepted.size && head.root != accepted.root) {
    return RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "checkpoint", "the log has two heads of the same size");
  }
  return absl::OkStatus();
}

}  // namespace medflyt::exchange
