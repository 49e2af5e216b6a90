#include "server/service/incident_reader.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/entry/seal.h"
#include "common/event/catalogue.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "common/wire/limits.h"
#include "google/protobuf/util/time_util.h"
#include "server/exchange/kept.h"
#include "server/exchange/record_again.h"
#include "server/service/pages.h"

namespace medflyt::service {
namespace {

// Of one answer: less than a second's work, and far below a message's bounds.
constexpr uint64_t kEntriesAtOnce = 1'000'000;
constexpr uint64_t kStep = 1024;
constexpr uint64_t kGrantStep = 8 * kStep;  // each grant came with an event that has an entry of its own
constexpr size_t kOpenedAtOnce = 20'000;
constexpr size_t kRowsAtOnce = 5'000;  // cases and open-ended accesses

// The call that shows access records: of the cases in them it names none.
constexpr std::string_view kAccessList = "ListAccessRecords";

absl::Status Faulty(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

absl::StatusOr<decltype(IncidentQuery::by)> ParseBy(const v1::ReportIncidentRequest& request) {
  switch (request.by_case()) {
    case v1::ReportIncidentRequest::kCertificate:
      if (const auto fingerprint = crypto::Hash::FromHex(request.certificate())) return *fingerprint;
      return Faulty("FIELD_MALFORMED", "certificate", "must be 64 hexadecimal digits");
    case v1::ReportIncidentRequest::kOfficer:
      if (request.officer().empty()) break;
      if (request.officer().size() <= wire::kMaxOfficer) return request.officer();
      return Faulty("FIELD_TOO_LONG", "officer", "is longer than any that is recorded");
    case v1::ReportIncidentRequest::kKeyId:
      if (const auto id = KeyId::FromHex(request.key_id()); id && !id->is_zero()) return *id;
      return Faulty("FIELD_MALFORMED", "key_id", "must be 32 hexadecimal digits");
    case v1::ReportIncidentRequest::kReceivedGrants:
      return ReceivedGrants();
    case v1::ReportIncidentRequest::BY_NOT_SET:
      break;
  }
  return Faulty("FIELD_REQUIRED", "by", "a certificate, an officer, a key or the received grants must be named");
}

// What was found in one walk.
class Findings {
 public:
  explicit Findings(const IncidentQuery& query) : query_(query) {}

  [[nodiscard]] bool IsWithin(absl::Time at) const { return at >= query_.from && at < query_.until; }
  // Of what was at some time from `first` to `last`: the first that is asked about, if any is.
  [[nodiscard]] std::optional<absl::Time> WhenWithin(absl::Time first, absl::Time last) const {
    if (last < query_.from || first >= query_.until) return std::nullopt;
    return std::max(first, query_.from);
  }
  [[nodiscard]] size_t rows() const { return cases_.size() + open_ended_.size(); }

  void Touch(const std::set<CaseId>& cases, v1::TouchKind kind, absl::Time at) {
    for (const CaseId& id : cases) {
      Touched& touched = cases_.try_emplace(id, Touched{{}, at, at}).first->second;
      ++touched.counts[kind];
      touched.first = std::min(touched.first, at);
      touched.last = std::max(touched.last, at);
    }
    if (!cases.empty()) ++entries_;
  }

  // One of this node's own, by whom was asked about.
  void Add(const event::Event& event) {
    const absl::Time at = event.header.recorded_at;
    const auto* access = std::get_if<event::AccessRecorded>(&event.body);
    const std::set<CaseId> cases = event::CasesNamedBy(event);
    // Its start names no case; each page of it names those that it showed.
    const bool watch_began = access != nullptr && access->kind == event::AccessKind::kWatch && cases.empty();
    if (at < query_.from && watch_began) watch_before_ = event;
    if (!IsWithin(at)) return;
    if (access == nullptr) return Touch(cases, v1::TOUCH_KIND_ISSUED, at);
    Touch(cases, static_cast<v1::TouchKind>(access->kind), at);
    if (watch_began || access->action == kAccessList) {
      open_ended_.push_back(event);
    } else if (cases.empty()) {
      ++caseless_;
    }
  }

  // An entry said when it was made: those before it that say nothing were made no later, as those behind it no earlier.
  void SawTime(absl::Time at) {
    if (at >= query_.from) CountSilent();
    silent_ = 0;
    seen_ = at;
  }
  // An entry whose key is destroyed.
  void SawErased() { ++silent_; }
  void CountErased() { ++erased_; }  // of that time

  void WriteTo(v1::ReportIncidentResponse& response) {
    CountSilent();
    for (const auto& [id, touched] : cases_) {
      v1::TouchedCase& out = *response.add_cases();
      out.set_case_id(id.ToHex());
      for (const auto& [kind, count] : touched.counts) {
        v1::Touches& touches = *out.add_touches();
        touches.set_kind(kind);
        touches.set_count(count);
      }
      *out.mutable_first() = ToProto(touched.first);
      *out.mutable_last() = ToProto(touched.last);
    }
    if (watch_before_) open_ended_.insert(open_ended_.begin(), *watch_before_);
    for (const event::Event& event : open_ended_) {
      const auto& access = std::get<event::AccessRecorded>(event.body);
      v1::OpenEndedAccess& out = *response.add_open_ended();
      *out.mutable_at() = ToProto(event.header.recorded_at);
      out.set_kind(static_cast<v1::AccessKind>(access.kind));
      out.set_action(access.action);
      out.set_officer(event.header.officer);
      if (event.header.certificate) out.set_certificate(std::string(event.header.certificate->bytes()));
    }
    response.set_entries(entries_);
    response.set_caseless(caseless_);
    response.set_erased(erased_);
  }

 private:
  struct Touched {
    std::map<v1::TouchKind, uint64_t> counts;
    absl::Time first;
    absl::Time last;
  };
  void CountSilent() {
    if (!seen_ || *seen_ < query_.until) erased_ += silent_;
  }

  const IncidentQuery& query_;
  std::map<CaseId, Touched> cases_;
  std::vector<event::Event> open_ended_;
  std::optional<event::Event> watch_before_;
  uint64_t entries_ = 0;
  uint64_t caseless_ = 0;
  uint64_t erased_ = 0;
  uint64_t silent_ = 0;             // erased since a time was seen
  std::optional<absl::Time> seen_;  // the last
};

}  // namespace

absl::StatusOr<IncidentQuery> IncidentQuery::Parse(const v1::ReportIncidentRequest& request) {
  IncidentQuery query;
  MEDFLYT_ASSIGN_OR_RETURN(query.by, ParseBy(request));
  if (!request.has_from()) return Faulty("FIELD_REQUIRED", "from", "must be given");
  if (!request.has_until()) return Faulty("FIELD_REQUIRED", "until", "must be given");
  MEDFLYT_ASSIGN_OR_RETURN(query.from, ParseTime(request.from(), "from"));
  MEDFLYT_ASSIGN_OR_RETURN(query.until, ParseTime(request.until(), "until"));
  if (query.until <= query.from) return Faulty("FIELD_OUT_OF_RANGE", "until", "must be later than from");
  return query;
}

// One walk through the log for one answer.
class IncidentReader::Walk {
 public:
  Walk(const EventReader& events, const IncidentQuery& query)
      : events_(events), query_(query), key_(std::get_if<KeyId>(&query.by)), findings_(query) {}

  absl::Status Run(log::Position first, v1::ReportIncidentResponse& response) {
    const uint64_t size = events_.log_.end().value();
    const uint64_t begin = std::min(first.value(), size);
    uint64_t end = std::min(size, begin + kEntriesAtOnce);
    if (std::holds_alternative<ReceivedGrants>(query_.by)) {
      MEDFLYT_ASSIGN_OR_RETURN(end, ReadGrants(begin, end));
    } else {
      MEDFLYT_RETURN_IF_ERROR(FindIssuers());
      MEDFLYT_ASSIGN_OR_RETURN(end, ReadOwn(begin, end));
      for (const AuthorityId& issuer : issuers_) {
        MEDFLYT_RETURN_IF_ERROR(ReadReceived(issuer, log::Position(begin), log::Position(end)));
      }
      if (key_ == nullptr) MEDFLYT_RETURN_IF_ERROR(ReadBack(log::Position(begin), log::Position(end)));
    }
    findings_.WriteTo(response);
    if (end < size) response.set_next_first(end);
    return absl::OkStatus();
  }

 private:
  // Whose events may be sealed under the key. Of a destroyed key nobody knows any more whose it was.
  absl::Status FindIssuers() {
    if (key_ == nullptr) return absl::OkStatus();
    const auto purpose = events_.keys_.PurposeOf(*key_);
    if (purpose.ok()) {
      key_case_ = purpose->case_id;
      issuers_ = {purpose->issuer};
      return absl::OkStatus();
    }
    if (!absl::IsNotFound(purpose.status())) return purpose.status();
    if (!events_.keys_.IsDestroyed(*key_)) {
      return RuleError(absl::StatusCode::kNotFound, "KEY_UNKNOWN", "key_id", "no such key is or was held here");
    }
    MEDFLYT_ASSIGN_OR_RETURN(issuers_, exchange::KeptIssuers(events_.log_.reader().store()));
    return absl::OkStatus();
  }

  [[nodiscard]] bool IsFull() const { return opened_ >= kOpenedAtOnce || findings_.rows() >= kRowsAtOnce; }

  // How far it came.
  absl::StatusOr<uint64_t> ReadOwn(uint64_t begin, uint64_t end) {
    uint64_t next = begin;
    while (next < end && !IsFull()) {
      uint64_t reached = std::min(end, next + kStep);
      MEDFLYT_RETURN_IF_ERROR(events_.log_.reader().Visit(
          log::Position(next), log::Position(reached),
          [&](log::Position at, std::string_view entry, const KeyId& key_id) -> absl::Status {
            if (!IsFull()) return Look(at, entry, key_id);
            reached = std::min(reached, at.value());
            return absl::OkStatus();
          }));
      next = reached;
    }
    return next;
  }

  absl::Status Look(log::Position at, std::string_view entry, const KeyId& key_id) {
    if (key_id.is_zero()) {
      MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, ledger_.Decode(entry));
      findings_.SawTime(record.recorded_at);
      return absl::OkStatus();
    }
    if (key_ != nullptr && key_id != *key_) return absl::OkStatus();
    ++opened_;
    const auto key = events_.keys_.Find(key_id);
    if (absl::IsNotFound(key.status())) {
      findings_.SawErased();
      return absl::OkStatus();
    }
    MEDFLYT_RETURN_IF_ERROR(key.status());
    MEDFLYT_ASSIGN_OR_RETURN(const event::Event event,
                             Open(entry, *key, events_.log_.reader().generations().Of(at).origin));
    findings_.SawTime(event.header.recorded_at);
    if (key_ == nullptr) {
      if (IsByWhom(event.header)) findings_.Add(event);
    } else if (findings_.IsWithin(event.header.recorded_at)) {
      findings_.Touch(event::CasesNamedBy(event), v1::TOUCH_KIND_READABLE, event.header.recorded_at);
    }
    return absl::OkStatus();
  }

  absl::Status ReadReceived(AuthorityId issuer, log::Position first, log::Position end) {
    std::vector<EventReader::Found> found;
    MEDFLYT_RETURN_IF_ERROR(events_.FindReceived(issuer, {*key_}, first, end, found));
    const auto key = events_.keys_.Find(*key_);
    if (!key.ok() && !absl::IsNotFound(key.status())) return key.status();
    for (const EventReader::Found& each : found) {
      const bool again = MayBeAgain(issuer, each.position);
      const absl::Time unopened = again ? absl::InfinitePast() : each.received_at;
      if (!findings_.WhenWithin(unopened, each.received_at)) continue;
      if (!key.ok()) {
        findings_.CountErased();
        continue;
      }
      // What an issuer sealed by the rules of nobody is of the key's case all the same.
      const auto event = Open(each.entry, *key, each.origin);
      const absl::Time since = again && event.ok() ? std::min(event->header.recorded_at, each.received_at) : unopened;
      if (const auto at = findings_.WhenWithin(since, each.received_at)) {
        findings_.Touch(event.ok() ? event::CasesNamedBy(*event) : std::set<CaseId>{key_case_}, v1::TOUCH_KIND_READABLE,
                        *at);
      }
    }
    return absl::OkStatus();
  }

  // What was issued in a log that was lost and came back from those who had received it.
  absl::Status ReadBack(log::Position first, log::Position end) {
    std::vector<EventReader::Found> found;
    MEDFLYT_RETURN_IF_ERROR(
        events_.FindReceived(events_.self_, events_.keys_.IdsOf(event::RetentionClass::kCase), first, end, found));
    for (const EventReader::Found& each : found) {
      const auto key = events_.keys_.Find(each.key_id);
      if (absl::IsNotFound(key.status())) continue;
      MEDFLYT_RETURN_IF_ERROR(key.status());
      MEDFLYT_ASSIGN_OR_RETURN(const event::Event event, Open(each.entry, *key, each.origin));
      if (IsByWhom(event.header)) findings_.Add(event);
    }
    return absl::OkStatus();
  }

  // How far it came. The rows of one issuer are in the order of their records, but for those of whom some are being
  // recorded again: of these all are looked at.
  absl::StatusOr<uint64_t> ReadGrants(uint64_t begin, uint64_t end) {
    const store::Reader& store = events_.log_.reader().store();
    MEDFLYT_ASSIGN_OR_RETURN(issuers_, exchange::KeptIssuers(store));
    MEDFLYT_ASSIGN_OR_RETURN(const auto unordered, exchange::ReadRepetitions(store));
    std::map<AuthorityId, PairNumber> from;
    for (const AuthorityId& issuer : issuers_) {
      from.emplace(issuer, PairNumber(1));
      if (unordered.contains(issuer)) continue;
      MEDFLYT_ASSIGN_OR_RETURN(from[issuer], exchange::NumberOfRecord(store, issuer, events_.log_.peer(issuer).received,
                                                                      log::Position(begin)));
    }
    uint64_t next = begin;
    while (next < end && !IsFull()) {
      const uint64_t reached = std::min(end, next + kGrantStep);
      for (auto& [issuer, number] : from) {
        const absl::Status beyond = absl::CancelledError();
        const bool ordered = !unordered.contains(issuer);
        const absl::Status visited = exchange::VisitKept(store, issuer, number, [&](const exchange::KeptRow& row) {
          const uint64_t record = row.events.front().record.value();
          if (record >= reached) return ordered ? beyond : absl::OkStatus();
          if (ordered) number = PairNumber(row.first.value() + row.events.size());
          return record < next ? absl::OkStatus() : AddGrants(issuer, row);
        });
        if (!visited.ok() && visited != beyond) return visited;
      }
      next = reached;
    }
    return next;
  }

  // Of one batch: the keys whose grants came with it, and those of requests beside which an announcement's key came.
  absl::Status AddGrants(AuthorityId issuer, const exchange::KeptRow& row) {
    const log::Position at = row.events.front().record;
    MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry stored, events_.log_.reader().Entry(at));
    MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, ledger_.Decode(stored.bytes));
    const auto* received = std::get_if<wire::EventReceived>(&record.record);
    if (received == nullptr) return absl::OkStatus();
    const bool again = MayBeAgain(issuer, at);
    if (!findings_.WhenWithin(again ? absl::InfinitePast() : record.recorded_at, record.recorded_at)) {
      return absl::OkStatus();
    }
    absl::Time since = record.recorded_at;  // or when the earliest of them was issued
    bool opened = false;
    MEDFLYT_ASSIGN_OR_RETURN(const bool came_back, CameBack(at, record.recorded_at));
    MEDFLYT_ASSIGN_OR_RETURN(const v1::EventBatch batch, row.ParseBatch());
    std::set<KeyId> granted;
    std::map<KeyId, std::set<CaseId>> named;  // by what opens
    for (int i = 0; i < batch.entries_size(); ++i) {
      const auto id = KeyId::FromBytes(batch.key_ids(i));
      if (!id) {
        const auto beside = ledger_.Decode(batch.entries(i));
        const auto* grant = beside.ok() ? std::get_if<wire::KeyGranted>(&beside->record) : nullptr;
        if (grant != nullptr && grant->recipient == events_.self_) granted.insert(grant->key_id);
        continue;
      }
      if (came_back) granted.insert(*id);
      const auto key = events_.keys_.Find(*id);
      if (!key.ok()) {
        if (!absl::IsNotFound(key.status())) return key.status();
        continue;
      }
      ++opened_;
      const auto event = Open(batch.entries(i), *key, received->issuer_origin);
      if (!event.ok()) continue;
      opened = true;
      if (again) since = std::min(since, event->header.recorded_at);
      named[*id].merge(event::CasesNamedBy(*event));
      if (issuer != events_.self_ && std::holds_alternative<event::TransferRequested>(event->body)) {
        granted.insert(*id);
      }
    }
    if (again && !opened) since = absl::InfinitePast();
    const auto when = findings_.WhenWithin(since, record.recorded_at);
    if (!when) return absl::OkStatus();
    for (const KeyId& id : granted) {
      const auto purpose = events_.keys_.PurposeOf(id);
      if (!purpose.ok()) {
        if (!absl::IsNotFound(purpose.status())) return purpose.status();
        findings_.CountErased();
      } else if (named.contains(id)) {
        findings_.Touch(named[id], v1::TOUCH_KIND_GRANTED, *when);
      } else if (purpose->retention == event::RetentionClass::kCase) {
        findings_.Touch({purpose->case_id}, v1::TOUCH_KIND_GRANTED, *when);
      }
    }
    return absl::OkStatus();
  }

  // Whether a peer's event may have come before the record that its row names: where a log follows another, its records
  // may be those of the other, made again (exchange/record_again.h). It came no earlier than its issuer made it.
  [[nodiscard]] bool MayBeAgain(AuthorityId issuer, log::Position record) const {
    return issuer != events_.self_ && events_.log_.reader().generations().Of(record).number != 0;
  }

  // Whether a record was made as a new log was opened: all that came back for it came with its key, sealed anew. What
  // was only recorded again then cannot be told from it.
  absl::StatusOr<bool> CameBack(log::Position at, absl::Time recorded_at) {
    const log::Generation& log = events_.log_.reader().generations().Of(at);
    if (log.number == 0) return false;
    MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry stored, events_.log_.reader().Entry(log.begin));
    MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord opened, ledger_.Decode(stored.bytes));
    return std::holds_alternative<wire::GenerationOpened>(opened.record) && opened.recorded_at == recorded_at;
  }

  absl::StatusOr<event::Event> Open(std::string_view entry, const crypto::Key& key, std::string_view origin) {
    MEDFLYT_ASSIGN_OR_RETURN(const entry::SealedView sealed, entry::ParseSealed(entry));
    MEDFLYT_ASSIGN_OR_RETURN(std::string content, entry::OpenEntry(sealed, key, origin));
    auto event = content_.Decode(content, sealed.event_id);
    crypto::Wipe(content);
    return event;
  }

  [[nodiscard]] bool IsByWhom(const event::Header& header) const {
    if (const auto* officer = std::get_if<std::string>(&query_.by)) return header.officer == *officer;
    return header.certificate == std::get<crypto::Hash>(query_.by);
  }

  const EventReader& events_;
  const IncidentQuery& query_;
  const KeyId* const key_;  // null: another thing is asked about
  CaseId key_case_;
  std::vector<AuthorityId> issuers_;
  wire::LedgerCodec ledger_;
  wire::ContentCodec content_;
  size_t opened_ = 0;
  Findings findings_;
};

absl::Status IncidentReader::Read(const IncidentQuery& query, log::Position first,
                                  v1::ReportIncidentResponse& response) const {
  return Walk(events_, query).Run(first, response);
}

}  // namespace medflyt::service
