// A node's state: a function of its log's order. Pure values; the tables' invariants and indexes are kept here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/base/date.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "server/domain/agreement.h"
#include "server/domain/dispute.h"
#include "server/domain/enrolment.h"
#include "server/domain/erasure.h"
#include "server/domain/ground.h"
#include "server/domain/relocation.h"
#include "server/domain/rows.h"
#include "server/domain/transfer.h"

namespace medflyt::domain {

struct NodeCounters {
  uint64_t next_waiting = 1;
  std::optional<Date> last_production_date;  // of the last extract imported

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.next_waiting, self.last_production_date);
  }
};

struct ImportedExtract {
  event::ExtractImported imported;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.imported);
  }
};

// What a case id names here.
enum class CaseUse : uint8_t { kAgreement, kEnrolment, kRelocation, kTransfer, kErasure };

// Copyable. Not thread-safe: it belongs to the sequencer's thread.
class State {
 public:
  explicit State(AuthorityId self) : self_(self) {}

  [[nodiscard]] AuthorityId self() const { return self_; }

  // Persistence.

  // Rows changed since the last call, each once, in key order, with their present bytes. Costs what was changed.
  [[nodiscard]] std::vector<RowChange> TakeChanges();
  // For rebuilding an empty state at start, any order. DATA_LOSS (rule STATE_ROW_CORRUPT) for bytes that no state of
  // this version could have written, or a row whose key is another's; the state is then unusable. A loaded row is no
  // change.
  [[nodiscard]] absl::Status LoadRow(const RowKey& key, std::string_view value);
  // All rows in key order, each as kind, id, u32 length, value. States are equal if and only if these bytes are.
  [[nodiscard]] std::string CanonicalBytes() const;

  // Tables, in key order.

  [[nodiscard]] const NodeCounters& counters() const { return counters_; }
  [[nodiscard]] const std::map<CaseId, Agreement>& agreements() const { return agreements_; }
  [[nodiscard]] const std::map<CaseId, Enrolment>& enrolments() const { return enrolments_; }
  [[nodiscard]] const std::map<CaseId, Relocation>& relocations() const { return relocations_; }
  [[nodiscard]] const std::map<CaseId, Transfer>& transfers() const { return transfers_; }
  [[nodiscard]] const std::map<CaseId, ImportedExtract>& extracts() const { return extracts_; }

  [[nodiscard]] const std::map<CaseId, Erasure>& erasures() const { return erasures_; }
  [[nodiscard]] const std::map<CaseId, ErasureNotice>& erasure_notices() const { return erasure_notices_; }

  // Lookups; null or empty where there is none. Pointers hold until the next change.

  [[nodiscard]] const Agreement* FindAgreement(const CaseId& id) const;
  // By the case of any of its spells.
  [[nodiscard]] const Enrolment* FindEnrolment(const CaseId& case_id) const;
  [[nodiscard]] const Relocation* FindRelocation(const CaseId& id) const;
  [[nodiscard]] const Transfer* FindTransfer(const CaseId& id) const;
  [[nodiscard]] const ErasureNotice* FindErasureNotice(const CaseId& id) const;
  [[nodiscard]] const CaseDisputes* FindDisputes(const CaseId& case_id) const;
  // On which the authority is told what is told it in that case: that of the case, or of the relocation's assessment.
  [[nodiscard]] const ConfirmedGround* FindGround(const CaseId& case_id, AuthorityId recipient) const;
  // The other authorities that were told something of this case by us. Of an announcement that was made to us, its
  // issuer, unless we never answered or disputed it and it was never taken back: then we may have said nothing.
  [[nodiscard]] std::set<AuthorityId> ToldOf(const CaseId& case_id) const;
  // What the id names; an id of a transfer that was done names an enrolment.
  [[nodiscard]] std::optional<CaseUse> UseOf(const CaseId& id) const;
  // Ids of the enrolments in which this number is the citizen's, now or before a number change.
  [[nodiscard]] const std::set<CaseId>& EnrolmentsOf(const CprNumber& cpr) const;
  [[nodiscard]] const std::set<CaseId>& RelocationsOf(const CaseId& enrolment) const;
  [[nodiscard]] const std::set<CaseId>& WaitingTransfersOf(const CprNumber& cpr) const;
  // Where this node is the provider: the enrolments in which a responsibility's end named that announcement.
  [[nodiscard]] const std::set<CaseId>& EnrolmentsNaming(const crypto::Hash& announcement) const;
  // Requests, made or received, in any state, that name that announcement.
  [[nodiscard]] const std::set<CaseId>& TransfersNaming(const crypto::Hash& announcement) const;
  // The relocation that was announced to us by that entry, or null.
  [[nodiscard]] const Relocation* RelocationAnnouncedBy(const crypto::Hash& announcement) const;
  // A transfer was done with that announcement, reversed or not.
  [[nodiscard]] bool AnnouncementUsed(const crypto::Hash& announcement) const;

  // One stay in a place, as the calendar of an agreement knows it.
  struct Stay {
    CaseId enrolment;  // the enrolment's id
    CaseId case_id;    // the spell's
    Interval days;
    bool reserved = false;
  };
  using Calendar = std::map<uint32_t, std::vector<Stay>>;  // by place number
  [[nodiscard]] const Calendar& CalendarOf(const CaseId& agreement) const;

  // Order of the waiting list: (not at the head, sequence, enrolment's id).
  using WaitingKey = std::tuple<bool, uint64_t, CaseId>;
  [[nodiscard]] const std::set<WaitingKey>& WaitingListOf(const CaseId& agreement) const;

 private:
  friend class Evolver;
  friend class Readdresser;

  // The only ways to change a row: they keep the indexes and note the change.
  void Put(Agreement agreement);
  void Put(Enrolment enrolment);
  void Put(Relocation relocation);
  void Put(Transfer transfer);
  void Put(ImportedExtract extract);
  void Put(Erasure erasure);
  void Put(ErasureNotice notice);
  void Put(CaseGround ground);
  void Put(CaseDisputes disputes);  // an empty row is none
  void SetCounters(const NodeCounters& counters);
  // Deletes what the case of a citizen, or of an agreement on which nothing rests, names here.
  void EraseCase(const CaseId& id);
  void DeleteErasure(const CaseId& id);
  void DeleteErasureNotice(const CaseId& id);
  // Changes a row in place; nothing happens where there is none.
  void EditAgreement(const CaseId& agreement, absl::FunctionRef<void(Agreement&)> change);
  void EditEnrolment(const CaseId& case_id, absl::FunctionRef<void(Enrolment&)> change);
  void EditPauses(const CaseId& case_id, absl::FunctionRef<void(std::vector<Interval>&)> change);
  void EditRelocation(const CaseId& id, absl::FunctionRef<void(Relocation&)> change);
  void EditTransfer(const CaseId& id, absl::FunctionRef<void(Transfer&)> change);
  void EditErasure(const CaseId& id, absl::FunctionRef<void(Erasure&)> change);
  void EditErasureNotice(const CaseId& id, absl::FunctionRef<void(ErasureNotice&)> change);

  void Index(const Enrolment& enrolment);
  void Unindex(const Enrolment& enrolment);
  void Index(const Relocation& relocation);
  void Unindex(const Relocation& relocation);
  void Index(const Transfer& transfer);
  void Unindex(const Transfer& transfer);
  void Changed(RowKind kind, const CaseId& id) { changed_.insert({kind, id}); }
  [[nodiscard]] std::optional<std::string> Encode(const RowKey& key) const;

  AuthorityId self_;
  NodeCounters counters_;
  std::map<CaseId, Agreement> agreements_;
  std::map<CaseId, Enrolment> enrolments_;
  std::map<CaseId, Relocation> relocations_;
  std::map<CaseId, Transfer> transfers_;
  std::map<CaseId, ImportedExtract> extracts_;
  std::map<CaseId, Erasure> erasures_;
  std::map<CaseId, ErasureNotice> erasure_notices_;
  std::map<CaseId, CaseGround> grounds_;
  std::map<CaseId, CaseDisputes> disputes_;

  // Derived from the tables.
  absl::flat_hash_map<CaseId, CaseId> enrolment_by_case_;
  std::map<CprNumber, std::set<CaseId>> enrolments_by_cpr_;
  std::map<CprNumber, std::set<CaseId>> waiting_transfers_by_cpr_;
  std::map<CaseId, std::set<CaseId>> relocations_by_enrolment_;
  absl::flat_hash_map<crypto::Hash, std::set<CaseId>> enrolments_by_announcement_;
  absl::flat_hash_map<crypto::Hash, std::set<CaseId>> transfers_by_announcement_;
  absl::flat_hash_map<crypto::Hash, CaseId> relocation_by_announcement_;
  absl::flat_hash_set<crypto::Hash> used_announcements_;
  std::map<CaseId, Calendar> calendars_;
  std::map<CaseId, std::set<WaitingKey>> waiting_lists_;

  std::set<RowKey> changed_;
};

}  // namespace medflyt::domain
