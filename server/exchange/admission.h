// Two officers admit the log in which a recovered peer goes on, or the key that a peer put in the place of one which
// was lost or stolen and could not hand the log over. What they name is the fingerprint of the card which the directory
// has of it now, which the peer read out to each of them: so they admit every log of that card that needs it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/crypto/hash.h"
#include "common/directory/authority.h"
#include "common/directory/identity.h"
#include "common/wire/ledger.h"
#include "server/exchange/admitted.h"
#include "server/exchange/context.h"

namespace medflyt::exchange {

// A peer's card, with all of its logs.
struct CardLog {
  std::string fingerprint;  // directory::FingerprintOf
  directory::Authority card;
  [[nodiscard]] const directory::Log& open() const { return card.logs.back(); }
};

// Thread-safe. Borrows the context; outlives the sequencer.
class Admission {
 public:
  // What one officer says.
  struct Word {
    AuthorityId peer;
    std::string fingerprint;  // as it was heard
    std::string officer;
    crypto::Hash certificate;  // of the officer's client: its SHA-256
  };
  struct Outcome {
    bool admitted = false;  // else a second officer is waited for
    std::string origin;     // of the card's open log
  };
  using Done = std::function<void(const absl::StatusOr<Outcome>&)>;

  struct Surroundings {
    // Nothing for an authority of which there is no card.
    std::function<std::optional<CardLog>(AuthorityId)> card;
    std::function<void(AuthorityId)> admitted;  // the peer is worth dialling now
  };
  Admission(Context& context, Surroundings around) : context_(context), around_(std::move(around)) {}

  // The first officer's word is kept in memory and answered at once; the second's once the record and the row of the
  // admission are durable, on the committing thread. `done` is called once, and must not block. A word is for one card:
  // with another card begins another admission. NOT_FOUND (PEER_UNKNOWN), FAILED_PRECONDITION
  // (CARD_FINGERPRINT_MISMATCH, GENERATION_NOT_NEW, TWO_OFFICERS_REQUIRED), UNAVAILABLE (LOG_RESTRAINED); the errors of
  // the store and of the queue, after which the second officer asks again.
  void Admit(const Word& word, const Done& done);

 private:
  using Key = std::pair<AuthorityId, std::string>;  // peer and fingerprint of its card
  struct First {
    std::string officer;
    crypto::Hash certificate;
    std::vector<Done> waiting;  // for the admission, which is on its way
  };
  // The answer; nothing where both have spoken now: `done` is called later.
  [[nodiscard]] absl::StatusOr<std::optional<Outcome>> Hear(const Word& word, const Done& done);
  // A log of the card that is to be admitted, and the key: the first of a new log, the newest of a log that is known.
  struct LogToAdmit {
    std::string origin;
    std::string first_key;
    std::string key;
  };
  // None where all logs and keys are admitted already; GENERATION_NOT_NEW where the open log needs no admission either.
  [[nodiscard]] absl::StatusOr<std::vector<LogToAdmit>> ToAdmit(const CardLog& card) const;
  void Record(AuthorityId peer, const CardLog& card, const std::vector<LogToAdmit>& logs, const crypto::Hash& first,
              const crypto::Hash& second);
  void OnRecorded(AuthorityId peer, const CardLog& card, const absl::Status& recorded);

  Context& context_;
  const Surroundings around_;
  Mutex mutex_;
  std::map<Key, First> words_ MEDFLYT_GUARDED_BY(mutex_);
};

}  // namespace medflyt::exchange
