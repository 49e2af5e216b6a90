#include "server/node/handover.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/directory/peer_card.h"
#include "common/entry/handover.h"
#include "common/merkle/proof.h"
#include "common/wire/ledger.h"
#include "server/log/ledger_submission.h"
#include "server/log/log.h"
#include "server/node/config_files.h"
#include "server/node/files.h"
#include "server/node/next_key.h"
#include "server/node/opened_store.h"
#include "server/node/peer_directory.h"
#include "server/node/secrets.h"

namespace medflyt::node {
namespace {

// The key that the log's last entry hands it over to, where it is such a record.
absl::StatusOr<std::optional<std::string>> HandedOverTo(const log::Log& log) {
  const TreeSize size = log.head().size;
  if (size.value() == 0) return std::optional<std::string>();
  MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry last,
                           log.reader().Entry(log.reader().generations().open().At(LeafIndex(size.value() - 1))));
  wire::LedgerCodec codec;
  const auto record = codec.Decode(last.bytes);  // fails for a sealed entry
  const auto* handed = record.ok() ? std::get_if<wire::LogKeyHandedOver>(&record->record) : nullptr;
  return handed == nullptr ? std::optional<std::string>() : handed->verifier_key;
}

// The card has room for no more than these, of all its logs; a peer that saw none of as many cards has two officers
// admit the newest.
constexpr size_t kMaxHandovers = 8;
// No proof is longer: 63 hashes in base64, a record and a note of two signatures with names of 200 bytes.
constexpr size_t kMaxHandoverBytes = 4608;

struct Appended {
  TreeSize from;         // which the next key signs
  std::string handover;  // entry::MakeHandover
};

// Of the log whose last entry is the record, under the head that both keys have signed.
absl::StatusOr<Appended> Prove(const log::Log& log) {
  const log::Head head = log.head();
  const LeafIndex last(head.size.value() - 1);
  MEDFLYT_ASSIGN_OR_RETURN(log::StoredEntry record, log.reader().Entry(log.reader().generations().open().At(last)));
  MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof hashes, log.reader().InclusionProof(last, head.size));
  MEDFLYT_ASSIGN_OR_RETURN(std::string proof,
                           entry::MakeHandover(std::move(record.bytes), last, hashes, head.checkpoint));
  return Appended{head.size, std::move(proof)};
}

// Step 2, or else `fits`: behind the record there is no way back, and step 3 must have room.
absl::StatusOr<Appended> Append(const Config& config, const Environment& environment, const tlog::NoteSigner& present,
                                const tlog::NoteSigner& next, const PeerDirectory& directory,
                                const absl::Status& fits) {
  MEDFLYT_ASSIGN_OR_RETURN(const crypto::Key root_secret, LoadRootSecret(config.root_secret));
  MEDFLYT_ASSIGN_OR_RETURN(const auto opened,
                           OpenedStore::Open(config, root_secret, environment.random, environment.logger));
  MEDFLYT_RETURN_IF_ERROR(opened->last_epoch.behind);
  MEDFLYT_ASSIGN_OR_RETURN(const auto log,
                           log::Log::Open({config.authority, *opened->store, *opened->keys, present, environment.clock,
                                           environment.random, directory, &next, directory.directory()}));
  MEDFLYT_RETURN_IF_ERROR(log->restraint());
  if (log->is_lost()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "STORE_ROLLED_BACK", "",
                     "the store is of before the log began: it was restored from an older copy");
  }
  const std::string key = next.verifier_key().Format();
  MEDFLYT_ASSIGN_OR_RETURN(const auto handed_over, HandedOverTo(*log));
  if (handed_over == key) return Prove(*log);
  MEDFLYT_RETURN_IF_ERROR(fits);
  MEDFLYT_RETURN_IF_ERROR(RaiseStartEpoch(*opened->store, config.epoch, opened->last_epoch, log->head().size));
  absl::Status outcome;
  std::vector<std::unique_ptr<log::Submission>> submissions;
  submissions.push_back(std::make_unique<log::LedgerSubmission>(
      std::vector<log::LedgerSubmission::Record>{wire::LogKeyHandedOver{key}}, [](store::Batch&) {},
      [&outcome](const absl::Status& status) { outcome = status; }));
  const auto prepared = log->Prepare(std::move(submissions));
  MEDFLYT_RETURN_IF_ERROR(log->Commit(*prepared));
  MEDFLYT_RETURN_IF_ERROR(outcome);
  MEDFLYT_RETURN_IF_ERROR(NoteSize(config.epoch, log->head().size));
  return Prove(*log);
}

}  // namespace

directory::Authority WithHandover(directory::Authority self, const tlog::VerifierKey& next, TreeSize from,
                                  std::string handover) {
  std::vector<directory::LogKey>& keys = self.logs.back().keys;
  keys.back().until = from;
  keys.push_back({next, from, std::nullopt, std::move(handover)});
  std::vector<std::string*> proofs;  // the oldest first
  for (directory::Log& log : self.logs) {
    for (directory::LogKey& key : log.keys) {
      if (!key.handover.empty()) proofs.push_back(&key.handover);
    }
  }
  for (size_t i = 0; i + kMaxHandovers < proofs.size(); ++i) proofs[i]->clear();
  return self;
}

absl::StatusOr<Handover> HandOverLogKey(const Config& config, const Environment& environment) {
  MEDFLYT_RETURN_IF_ERROR(CheckFiles(config));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::NoteSigner present, LoadLogKey(config.log_key));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::NoteSigner next, NextKey(config, present.verifier_key().name()));
  MEDFLYT_ASSIGN_OR_RETURN(const auto directory, PeerDirectory::Load(DirectorySources(config), {}, environment.clock));
  const directory::Directory known = directory->directory();
  directory::Authority self = *known.Find(config.authority);
  if (!self.has_node()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "AUTHORITY_INCOMPLETE", "card", "the own card names no node");
  }
  if (self.logs.back().keys.back().key != next.verifier_key()) {
    if (self.logs.back().keys.back().key != present.verifier_key()) {
      return RuleError(absl::StatusCode::kInvalidArgument, "CARD_KEY_MISMATCH", "card",
                       "the own card does not name this node's log key as its newest");
    }
    const Date today = DanishDate(environment.clock.Now());
    const directory::Authority largest =
        WithHandover(self, next.verifier_key(), TreeSize(UINT64_MAX), std::string(kMaxHandoverBytes, ' '));
    MEDFLYT_ASSIGN_OR_RETURN(Appended appended, Append(config, environment, present, next, *directory,
                                                       directory::WritePeerCard(largest, today, next).status()));
    self = WithHandover(std::move(self), next.verifier_key(), appended.from, std::move(appended.handover));
    MEDFLYT_ASSIGN_OR_RETURN(const std::string card, directory::WritePeerCard(self, today, next));
    MEDFLYT_RETURN_IF_ERROR(ReplaceFile(config.card, card));
  }
  const Handover done{next.verifier_key(), self.logs.back().keys.back().from};
  MEDFLYT_RETURN_IF_ERROR(RenameDurably(NextKeyPath(config), config.log_key));
  return done;
}

absl::Status CheckHandoverIsOver(const log::Log& log, const tlog::VerifierKey& key) {
  if (log.handed_over_at().value() > 0) return absl::OkStatus();  // to a later key, by entries that the store lacks
  MEDFLYT_ASSIGN_OR_RETURN(const auto handed_over, HandedOverTo(log));
  if (!handed_over || *handed_over == key.Format()) return absl::OkStatus();
  return RuleError(absl::StatusCode::kFailedPrecondition, "HANDOVER_UNFINISHED", "keys.log_key",
                   "the log was handed over to another key; complete it with --hand-over-key");
}

}  // namespace medflyt::node
