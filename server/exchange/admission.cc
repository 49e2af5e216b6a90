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
  const std::string& origin = card->log.origin;
  MEDFLYT_ASSIGN_OR_RETURN(const auto key, ToAdmit(word.peer, *card));
  if (!key) return Outcome{true, origin};
  MEDFLYT_RETURN_IF_ERROR(context_.parts.log.restraint());
  wire::PeerGenerationAdmitted record{word.peer, origin, *key, {}, word.certificate};
  {
    MutexLock lock(mutex_);
    const auto [found, is_first] =
        words_.try_emplace(Key(word.peer, card->fingerprint), First{word.officer, word.certificate, {}});
    if (is_first) return Outcome{false, origin};
    First& first = found->second;
    if (first.waiting.empty() && (first.officer == word.officer || first.certificate == word.certificate)) {
      return Refused("TWO_OFFICERS_REQUIRED", "",
                     "the second officer is another person with another client certificate than the first");
    }
    first.waiting.push_back(done);
    if (first.waiting.size() > 1) return std::nullopt;  // the record is on its way
    record.first_certificate = first.certificate;
  }
  Record(word.peer, *card, record);
  return std::nullopt;
}

absl::StatusOr<std::optional<std::string>> Admission::ToAdmit(AuthorityId peer, const CardLog& card) const {
  const directory::Log& log = card.log;
  const std::string first_key = log.keys.front().key.Format();
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, FindAdmitted(context_.parts.log.reader().store(), peer, log.origin));
  const bool admitted = row && row->verifier_key == first_key;
  const std::string known = context_.parts.log.peer(peer).origin;
  const bool is_new = !known.empty() && known != log.origin;
  if (is_new && !admitted) return std::optional(first_key);
  const absl::Status keys = context_.log_keys.Check(peer, log);
  if (RuleOf(keys) == "LOG_KEY_NOT_HANDED_OVER") return std::optional(log.keys.back().key.Format());
  MEDFLYT_RETURN_IF_ERROR(keys);
  if (admitted) return std::optional<std::string>();
  return Refused("GENERATION_NOT_NEW", "authority", "the open log of the peer's card needs no admission");
}

// The log's keys are those of the card from then on: the ones before them, too.
void Admission::Record(AuthorityId peer, const CardLog& card, const wire::PeerGenerationAdmitted& record) {
  std::vector<log::LedgerSubmission::Record> records = {record};
  const AdmittedLog row{record.first_certificate, record.second_certificate, card.log.keys.front().key.Format()};
  const auto put_row = [this, peer, log = card.log, row](store::Batch& batch) {
    batch.Put(store::Table::kMeta, AdmittedKey(peer, log.origin), EncodeAdmitted(row));
    context_.log_keys.Admit(peer, log, batch);
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
                                  absl::StrCat("peer=", peer.ToString(), " origin=", card.log.origin));
    around_.admitted(peer);
  }
  for (const Done& done : waiting) {
    if (recorded.ok()) {
      done(Outcome{true, card.log.origin});
    } else {
      done(recorded);
    }
  }
}

}  // namespace medflyt::exchange
