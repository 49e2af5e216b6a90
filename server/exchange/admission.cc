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
  if (card->card.logs.empty()) {
    return Refused("GENERATION_NOT_NEW", "authority", "the peer's card names no log");
  }
  const std::string& origin = card->open().origin;
  MEDFLYT_ASSIGN_OR_RETURN(const std::vector<LogToAdmit> logs, ToAdmit(*card));
  if (logs.empty()) return Outcome{true, origin};
  MEDFLYT_RETURN_IF_ERROR(context_.parts.log.restraint());
  crypto::Hash first_certificate;
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
    first_certificate = first.certificate;
  }
  Record(word.peer, *card, logs, first_certificate, word.certificate);
  return std::nullopt;
}

absl::StatusOr<std::vector<Admission::LogToAdmit>> Admission::ToAdmit(const CardLog& card) const {
  std::vector<LogToAdmit> found;
  for (const directory::Log& log : card.card.logs) {
    MEDFLYT_ASSIGN_OR_RETURN(const bool is_new, NeedsAdmission(context_, card.card, log.origin));
    const std::string first_key = log.keys.front().key.Format();
    if (is_new) {
      found.push_back({log.origin, first_key, first_key});
      continue;
    }
    const absl::Status keys = context_.log_keys.Check(card.card, log);
    if (RuleOf(keys) == "LOG_KEY_NOT_HANDED_OVER") {
      found.push_back({log.origin, first_key, log.keys.back().key.Format()});
    } else {
      MEDFLYT_RETURN_IF_ERROR(keys);
    }
  }
  if (!found.empty()) return found;
  const directory::Log& open = card.open();
  MEDFLYT_ASSIGN_OR_RETURN(const auto row,
                           FindAdmitted(context_.parts.log.reader().store(), card.card.id, open.origin));
  if (row && row->verifier_key == open.keys.front().key.Format()) return found;
  return Refused("GENERATION_NOT_NEW", "authority", "no log of the peer's card needs admission");
}

// The keys of every log are those of the card from then on: the ones before them, too.
void Admission::Record(AuthorityId peer, const CardLog& card, const std::vector<LogToAdmit>& logs,
                       const crypto::Hash& first, const crypto::Hash& second) {
  std::vector<log::LedgerSubmission::Record> records;
  for (const LogToAdmit& each : logs) {
    records.emplace_back(wire::PeerGenerationAdmitted{peer, each.origin, each.key, first, second});
  }
  const auto put_rows = [this, peer, card, logs, first, second](store::Batch& batch) {
    for (const LogToAdmit& each : logs) {
      batch.Put(store::Table::kMeta, AdmittedKey(peer, each.origin), EncodeAdmitted({first, second, each.first_key}));
    }
    for (const directory::Log& log : card.card.logs) context_.log_keys.Admit(peer, log, batch);
  };
  const absl::Status queued = context_.parts.queue.Submit(std::make_unique<log::LedgerSubmission>(
      std::move(records), put_rows,
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
                                  absl::StrCat("peer=", peer.ToString(), " origin=", card.open().origin));
    around_.admitted(peer);
  }
  for (const Done& done : waiting) {
    if (recorded.ok()) {
      done(Outcome{true, card.open().origin});
    } else {
      done(recorded);
    }
  }
}

}  // namespace medflyt::exchange
