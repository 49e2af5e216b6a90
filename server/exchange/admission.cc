#include "server/exchange/admission.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/directory/peer_card.h"
#include "common/wire/ledger.h"
#include "server/log/ledger_submission.h"

namespace medflyt::exchange {
namespace {

absl::Status Refused(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kFailedPrecondition, rule, field, message);
}

}  // namespace

void Admission::Admit(const Word& word, const Done& done) {
  const auto heard = Hear(word, done);
  if (!heard.ok()) return done(heard.status());
  if (*heard) done(**heard);
}

absl::StatusOr<std::optional<Admission::Outcome>> Admission::Hear(const Word& word, const Done& done) {
  const std::optional<CardLog> card = around_.card(word.peer);
  if (!card) {
    return RuleError(absl::StatusCode::kNotFound, "PEER_UNKNOWN", "authority",
                     "the directory has no node of this authority");
  }
  if (!directory::SameFingerprint(word.fingerprint, card->fingerprint)) {
    return Refused("CARD_FINGERPRINT_MISMATCH", "fingerprint", "the peer's card in the directory has another one");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const bool admitted, IsAdmitted(word.peer, *card));
  if (admitted) return Outcome{true, card->origin};
  MEDFLYT_RETURN_IF_ERROR(context_.parts.log.restraint());
  AdmittedLog log;
  {
    MutexLock lock(mutex_);
    const auto [found, is_first] =
        words_.try_emplace(Key(word.peer, card->fingerprint), First{word.officer, word.certificate, {}});
    if (is_first) return Outcome{false, card->origin};
    First& first = found->second;
    if (first.waiting.empty() && (first.officer == word.officer || first.certificate == word.certificate)) {
      return Refused("TWO_OFFICERS_REQUIRED", "",
                     "the second officer is another person with another client certificate than the first");
    }
    first.waiting.push_back(done);
    if (first.waiting.size() > 1) return std::nullopt;  // the record is on its way
    log = {first.certificate, word.certificate, card->verifier_key};
  }
  Record(word.peer, *card, log);
  return std::nullopt;
}

absl::StatusOr<bool> Admission::IsAdmitted(AuthorityId peer, const CardLog& card) const {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, FindAdmitted(context_.parts.log.reader().store(), peer, card.origin));
  if (row && row->verifier_key == card.verifier_key) return true;
  const std::string known = context_.parts.log.peer(peer).origin;
  if (known.empty() || known == card.origin) {
    return Refused("GENERATION_NOT_NEW", "authority", "the open log of the peer's card needs no admission");
  }
  return false;
}

void Admission::Record(AuthorityId peer, const CardLog& card, const AdmittedLog& admitted) {
  std::vector<log::LedgerSubmission::Record> records = {wire::PeerGenerationAdmitted{
      peer, card.origin, card.verifier_key, admitted.first_certificate, admitted.second_certificate}};
  const auto put_row = [key = AdmittedKey(peer, card.origin), value = EncodeAdmitted(admitted)](store::Batch& batch) {
    batch.Put(store::Table::kMeta, key, value);
  };
  const absl::Status queued = context_.parts.queue.Submit(std::make_unique<log::LedgerSubmission>(
      std::move(records), put_row,
      [this, peer, card](const absl::Status& recorded) { OnRecorded(peer, card, recorded); }));
  if (!queued.ok()) OnRecorded(peer, card, queued);
}

void Admission::OnRecorded(AuthorityId peer, const CardLog& card, const absl::Status& recorded) {
  std::vector<Done> waiting;
  {
    MutexLock lock(mutex_);
    const auto found = words_.find(Key(peer, card.fingerprint));
    waiting.swap(found->second.waiting);
    // What was not recorded the second officer says again.
    if (recorded.ok()) words_.erase(found);
  }
  if (recorded.ok()) {
    context_.parts.logger.Warning("generation_admitted",
                                  absl::StrCat("peer=", peer.ToString(), " origin=", card.origin));
    around_.admitted(peer);
  }
  for (const Done& done : waiting) {
    if (recorded.ok()) {
      done(Outcome{true, card.origin});
    } else {
      done(recorded);
    }
  }
}

}  // namespace medflyt::exchange
