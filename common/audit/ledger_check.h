// The ledger records of a log, in its order: what they say of one another, and what is kept beside the log for them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/audit/admissions.h"
#include "common/audit/case_parties.h"
#include "common/audit/event_keys.h"
#include "common/audit/files.h"
#include "common/audit/finding.h"
#include "common/audit/opened_check.h"
#include "common/audit/report.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/authority.h"
#include "common/entry/batch.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "medflyt/v1/exchange.pb.h"

namespace medflyt::audit {

// One thread. Remembers a few numbers and one batch a peer's log, and the ids of destroyed keys.
class LedgerCheck {
 public:
  struct Parts {  // borrowed
    const FileReader& read;
    std::span<const directory::LogKey> keys;                        // of the peers' logs too
    const std::map<std::string, AuthorityId, std::less<>>& owners;  // of logs, as far as known
    std::span<const directory::Authority> cards;                    // as far as known
    std::string origin;
    TreeSize size;
    bool beside = false;  // what is kept beside the log is among the files
    const EventKeys* opened = nullptr;
    bool begins_late = false;                   // earlier records are not there
    std::optional<TreeSize> beside_until = {};  // of later records nothing is there
  };
  // Borrows `cases`, for what was received.
  LedgerCheck(const Parts& parts, CaseParties& cases, Report& report)
      : parts_(parts), cases_(cases), report_(report), own_(OwnerOf(parts.origin)), admissions_(parts.cards) {}

  // An error only where a file cannot be read.
  [[nodiscard]] absl::Status Add(LeafIndex index, const wire::LedgerRecord& record);
  // Records of before the next one may not have been read.
  void MissRecords() { records_missed_ = true; }
  // Where the numbers of each pair go on; empty for a log that goes on from none.
  [[nodiscard]] std::span<const wire::ClosedPair> closed_pairs() const { return closed_pairs_; }

 private:
  struct Issuer {  // one log of a peer's
    std::optional<LeafIndex> last;
    entry::AcceptedHead accepted;  // by the last batch that held
    std::optional<v1::EventBatch> batch;
    bool batch_proven = false;
    size_t batch_outside = 0;          // events before the first batch that is there
    std::optional<AuthorityId> owner;  // where nobody says so, the issuer of the first opened event
    uint64_t ownerless = 0;            // unopened events of before that was known
  };
  struct Recipient {
    std::optional<LeafIndex> last;  // of the entries that have receipts
    entry::AcceptedHead accepted;   // by the last record
  };

  [[nodiscard]] absl::Status Check(LeafIndex index, const wire::EventReceived& record);
  [[nodiscard]] absl::Status Check(LeafIndex index, const wire::ReceiptsLogged& record);
  void Check(LeafIndex index, const wire::LogKeyHandedOver& record);
  void Check(LeafIndex index, const wire::GenerationOpened& record);
  void Check(LeafIndex index, const wire::EntryReissued& record);
  // Whether what is kept beside the log for this record is among the files, unless it was dropped.
  [[nodiscard]] bool IsExported(LeafIndex record) const {
    return parts_.beside && (!parts_.beside_until || record.value() < parts_.beside_until->value());
  }
  // Records and numbers of before are not there.
  [[nodiscard]] bool begins_late() const { return parts_.begins_late || !report_.goes_on_from.empty(); }
  [[nodiscard]] absl::Status CheckKeptReceipts(LeafIndex index, const wire::ReceiptsLogged& record,
                                               const entry::AcceptedHead& accepted);
  [[nodiscard]] absl::Status CheckKeptEntry(LeafIndex index, const wire::EventReceived& record, Issuer& issuer);
  void CheckOpened(LeafIndex index, const SealedFacts& event, std::string_view origin, Issuer& issuer);
  // An event that cannot be looked at is the next of that log.
  void Skip(std::string_view origin, Issuer& issuer);
  // The sequence that what came of this log belongs to; nullptr where its owner is not known.
  [[nodiscard]] OpenedCheck* SequenceOf(std::string_view origin, Issuer& issuer);
  [[nodiscard]] std::optional<AuthorityId> OwnerOf(std::string_view origin) const;
  // Whether its owner may go on from what it has of that earlier log of its own: it kept nothing of the one that this
  // log goes on from. Where no card says whose a log is, nobody is accused.
  [[nodiscard]] bool GoesOnFromBefore(std::string_view origin) const;
  // The log that this one goes on from: what came back of it was for many.
  [[nodiscard]] bool IsOwnClosed(std::string_view origin) const;
  // Where no card says whose it is, it may be one that the owner had before that.
  [[nodiscard]] bool MayBeOwnClosed(std::string_view origin) const;
  // The batch that this record's event came in becomes the issuer's, where there is one.
  [[nodiscard]] absl::Status NextBatch(LeafIndex index, const wire::EventReceived& record, Issuer& issuer);
  // Whether the batch's entries are proven under a checkpoint that is signed and goes on from the last one.
  [[nodiscard]] bool Proves(v1::EventBatch batch, std::string_view origin, Issuer& issuer);
  // Something is taken of this log of a peer's.
  void CheckAdmitted(LeafIndex index, std::string_view origin);
  [[nodiscard]] absl::StatusOr<std::optional<crypto::Hash>> OwnLeaf(LeafIndex index);
  void Find(FindingCode code, LeafIndex index, std::string detail);

  const Parts parts_;
  CaseParties& cases_;
  Report& report_;
  const std::optional<AuthorityId> own_;
  Admissions admissions_;
  bool records_missed_ = false;
  wire::LedgerCodec ledger_;
  wire::ContentCodec content_;
  std::map<std::string, Issuer, std::less<>> issuers_;
  std::map<AuthorityId, OpenedCheck> received_;  // by owner, whichever of its logs an event stood in
  std::optional<OpenedCheck> came_back_;         // own events, of the log before
  uint64_t ownerless_ = 0;                       // of all logs
  std::map<std::string, Recipient, std::less<>> recipients_;
  absl::flat_hash_set<KeyId> destroyed_;
  std::optional<uint64_t> tile_index_;  // the tile of level 0 that was read last
  std::string tile_;
  // Of the log that this one goes on from.
  TreeSize closed_size_;
  TreeSize kept_size_;
  std::vector<wire::ClosedPair> closed_pairs_;
  std::optional<LeafIndex> last_reissued_;
  std::set<std::pair<std::string, LeafIndex>> reissued_before_;  // of earlier logs
};

}  // namespace medflyt::audit
