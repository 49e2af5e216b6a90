#include "common/wire/ledger.h"

#include <utility>

#include "common/base/status.h"
#include "common/wire/limits.h"
#include "common/wire/reading.h"
#include "medflyt/v1/log.pb.h"

namespace medflyt::wire {
namespace {

constexpr size_t kBlockSize = 4 * 1024;
constexpr size_t kMaxEntryBytes = 65'535;
constexpr ReadingRules kRules = {"LEDGER_RECORD_MALFORMED", "ENTRY_KIND_UNKNOWN", absl::StatusCode::kUnimplemented};
constexpr int64_t kLastMicrosecond = 253'402'300'799'999'999;  // of the year 9999
constexpr int64_t kLastMinute = kLastMicrosecond / 60'000'000;

absl::Status Malformed(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "LEDGER_RECORD_MALFORMED", "", message);
}

template <typename Id>
void Put(std::string* out, const Id& id) {
  out->assign(id.bytes());
}

void Write(const EventReceived& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_event_received();
  out.set_issuer_origin(in.issuer_origin);
  out.set_issuer_index(in.issuer_index.value());
  Put(out.mutable_leaf_hash(), in.leaf_hash);
  out.set_refused_rule(in.refused_rule);
}
void Write(const ReceiptsLogged& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_receipts_logged();
  out.set_recipient_origin(in.recipient_origin);
  out.set_recipient_size(in.recipient_size.value());
  Put(out.mutable_recipient_root(), in.recipient_root);
  for (const IndexRun& run : in.runs) {
    auto& added = *out.add_runs();
    added.set_first(run.first.value());
    added.set_count(run.count);
  }
  Put(out.mutable_receipts_digest(), in.receipts_digest);
}
void Write(const RejectionsRecorded& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_rejections_recorded();
  out.set_peer(in.peer.number());
  out.set_rule(in.rule);
  out.set_minute(in.minute);
  out.set_count(in.count);
}
void Write(const KeyGranted& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_key_granted();
  out.set_recipient(in.recipient.number());
  Put(out.mutable_key_id(), in.key_id);
  Put(out.mutable_commitment(), in.commitment);
}
void Write(const KeyDestroyed& in, v1::LedgerRecord& record) {
  Put(record.mutable_key_destroyed()->mutable_key_id(), in.key_id);
}

void Write(const LogKeyHandedOver& in, v1::LedgerRecord& record) {
  record.mutable_log_key_handed_over()->set_verifier_key(in.verifier_key);
}
void Write(const PeerReleased& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_peer_released();
  out.set_peer(in.peer.number());
  Put(out.mutable_first_certificate(), in.first_certificate);
  Put(out.mutable_second_certificate(), in.second_certificate);
}
void Write(const GenerationOpened& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_generation_opened();
  out.set_closed_checkpoint(in.closed_checkpoint);
  out.set_kept_size(in.kept_size.value());
  for (const ClosedPair& pair : in.pairs) {
    auto& added = *out.add_pairs();
    added.set_peer(pair.peer.number());
    added.set_last_issued(pair.last_issued.value());
    added.set_last_received(pair.last_received.value());
  }
  Put(out.mutable_first_certificate(), in.first_certificate);
  Put(out.mutable_second_certificate(), in.second_certificate);
}
void Write(const EntryReissued& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_entry_reissued();
  out.set_closed_origin(in.closed_origin);
  out.set_closed_index(in.closed_index.value());
}
void Write(const PeerGenerationAdmitted& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_peer_generation_admitted();
  out.set_peer(in.peer.number());
  out.set_origin(in.origin);
  out.set_verifier_key(in.verifier_key);
  Put(out.mutable_first_certificate(), in.first_certificate);
  Put(out.mutable_second_certificate(), in.second_certificate);
}
void Write(const DirectoryChanged& in, v1::LedgerRecord& record) {
  auto& out = *record.mutable_directory_changed();
  Put(out.mutable_digest(), in.digest);
  out.set_authorities(in.authorities);
  if (in.certificate) Put(out.mutable_certificate(), *in.certificate);
}

EventReceived Read(FieldReader& r, const v1::EventReceived& m) {
  return {.issuer_origin = r.Text("issuer_origin", m.issuer_origin(), kMaxOrigin),
          .issuer_index = LeafIndex(m.issuer_index()),
          .leaf_hash = r.Bytes<Hash>("leaf_hash", m.leaf_hash()),
          .refused_rule = r.OptionalRule("refused_rule", m.refused_rule())};
}
ReceiptsLogged Read(FieldReader& r, const v1::ReceiptsLogged& m) {
  ReceiptsLogged out{
      .recipient_origin = r.Text("recipient_origin", m.recipient_origin(), kMaxOrigin),
      .recipient_size = TreeSize(r.Within("recipient_size", m.recipient_size(), uint64_t{1}, ~uint64_t{0})),
      .recipient_root = r.Bytes<Hash>("recipient_root", m.recipient_root()),
      .runs = {},
      .receipts_digest = r.Bytes<Hash>("receipts_digest", m.receipts_digest())};
  if (m.runs().empty()) r.Fail("", "runs", "is empty");
  if (static_cast<size_t>(m.runs_size()) > kMaxRuns) r.Fail("", "runs", "holds too many runs");
  uint64_t next = 0;  // the first index that a run may begin at
  for (const v1::IndexRun& run : m.runs()) {
    r.CheckKnown("runs", run);
    if (!r.ok()) return out;
    if (run.first() < next || run.count() == 0 || run.count() > ~uint64_t{0} - run.first() - 1) {
      r.Fail("", "runs", "is not ascending, overlaps, adjoins, or holds an empty run");
    }
    next = run.first() + run.count() + 1;
    out.runs.push_back({LeafIndex(run.first()), run.count()});
  }
  return out;
}
RejectionsRecorded Read(FieldReader& r, const v1::RejectionsRecorded& m) {
  return {.peer = r.Authority("peer", m.peer()),
          .rule = r.Rule("rule", m.rule()),
          .minute = r.Within("minute", m.minute(), int64_t{0}, kLastMinute),
          .count = r.Within("count", m.count(), uint64_t{1}, ~uint64_t{0})};
}
KeyGranted Read(FieldReader& r, const v1::KeyGranted& m) {
  return {.recipient = r.Authority("recipient", m.recipient()),
          .key_id = r.Bytes<KeyId>("key_id", m.key_id()),
          .commitment = r.Bytes<Hash>("commitment", m.commitment())};
}
KeyDestroyed Read(FieldReader& r, const v1::KeyDestroyed& m) {
  return {.key_id = r.Bytes<KeyId>("key_id", m.key_id())};
}

LogKeyHandedOver Read(FieldReader& r, const v1::LogKeyHandedOver& m) {
  return {.verifier_key = r.Text("verifier_key", m.verifier_key(), kMaxVerifierKey)};
}
PeerReleased Read(FieldReader& r, const v1::PeerReleased& m) {
  return {.peer = r.Authority("peer", m.peer()),
          .first_certificate = r.Bytes<Hash>("first_certificate", m.first_certificate()),
          .second_certificate = r.Bytes<Hash>("second_certificate", m.second_certificate())};
}
GenerationOpened Read(FieldReader& r, const v1::GenerationOpened& m) {
  GenerationOpened out{.closed_checkpoint = r.OptionalText("closed_checkpoint", m.closed_checkpoint(),
                                                           kMaxClosedCheckpoint, FieldReader::Lines::kMany),
                       .kept_size = TreeSize(m.kept_size()),
                       .pairs = {},
                       .first_certificate = r.Bytes<Hash>("first_certificate", m.first_certificate()),
                       .second_certificate = r.Bytes<Hash>("second_certificate", m.second_certificate())};
  if (m.closed_checkpoint().empty()) r.Fail("", "closed_checkpoint", "is empty");
  if (out.first_certificate == out.second_certificate) r.Fail("", "second_certificate", "is the first one");
  if (static_cast<size_t>(m.pairs_size()) > kMaxPairs) r.Fail("", "pairs", "holds too many pairs");
  for (const v1::ClosedPair& pair : m.pairs()) {
    r.CheckKnown("pairs", pair);
    const AuthorityId peer = r.Authority("pairs", pair.peer());
    if (!r.ok()) return out;
    if (!out.pairs.empty() && peer <= out.pairs.back().peer) r.Fail("", "pairs", "is not ascending by peer");
    out.pairs.push_back({peer, PairNumber(pair.last_issued()), PairNumber(pair.last_received())});
  }
  return out;
}
EntryReissued Read(FieldReader& r, const v1::EntryReissued& m) {
  return {.closed_origin = r.Text("closed_origin", m.closed_origin(), kMaxOrigin),
          .closed_index = LeafIndex(m.closed_index())};
}
PeerGenerationAdmitted Read(FieldReader& r, const v1::PeerGenerationAdmitted& m) {
  PeerGenerationAdmitted out{.peer = r.Authority("peer", m.peer()),
                             .origin = r.Text("origin", m.origin(), kMaxOrigin),
                             .verifier_key = r.Text("verifier_key", m.verifier_key(), kMaxVerifierKey),
                             .first_certificate = r.Bytes<Hash>("first_certificate", m.first_certificate()),
                             .second_certificate = r.Bytes<Hash>("second_certificate", m.second_certificate())};
  if (out.first_certificate == out.second_certificate) r.Fail("", "second_certificate", "is the first one");
  return out;
}
DirectoryChanged Read(FieldReader& r, const v1::DirectoryChanged& m) {
  return {.digest = r.Bytes<Hash>("digest", m.digest()),
          .authorities = m.authorities(),
          .certificate = r.OptionalBytes<Hash>("certificate", m.certificate())};
}

template <typename Message>
void Take(FieldReader& r, std::string_view name, const Message& message, LedgerRecord& out) {
  r.Enter(name);
  r.CheckKnown("", message);
  out.record = Read(r, message);
}

void WriteEntry(const LedgerRecord& in, v1::LogEntry& out) {
  v1::LedgerRecord& record = *out.mutable_ledger();
  record.set_recorded_at_us(absl::ToUnixMicros(in.recorded_at));
  std::visit([&record](const auto& alternative) { Write(alternative, record); }, in.record);
}

absl::StatusOr<LedgerRecord> ReadEntry(const v1::LogEntry& entry) {
  FieldReader r(kRules);
  r.CheckKnown("", entry);
  if (!r.ok()) return r.status();
  if (!entry.has_ledger()) return Malformed("not a ledger record");
  const v1::LedgerRecord& record = entry.ledger();
  r.CheckKnown("", record);
  LedgerRecord out{.recorded_at = absl::FromUnixMicros(
                       r.Within("recorded_at_us", record.recorded_at_us(), int64_t{0}, kLastMicrosecond)),
                   .record = {}};
  switch (record.record_case()) {
    case v1::LedgerRecord::kEventReceived:
      Take(r, "event_received", record.event_received(), out);
      break;
    case v1::LedgerRecord::kReceiptsLogged:
      Take(r, "receipts_logged", record.receipts_logged(), out);
      break;
    case v1::LedgerRecord::kRejectionsRecorded:
      Take(r, "rejections_recorded", record.rejections_recorded(), out);
      break;
    case v1::LedgerRecord::kKeyGranted:
      Take(r, "key_granted", record.key_granted(), out);
      break;
    case v1::LedgerRecord::kKeyDestroyed:
      Take(r, "key_destroyed", record.key_destroyed(), out);
      break;
    case v1::LedgerRecord::kLogKeyHandedOver:
      Take(r, "log_key_handed_over", record.log_key_handed_over(), out);
      break;
    case v1::LedgerRecord::kPeerReleased:
      Take(r, "peer_released", record.peer_released(), out);
      break;
    case v1::LedgerRecord::kGenerationOpened:
      Take(r, "generation_opened", record.generation_opened(), out);
      break;
    case v1::LedgerRecord::kEntryReissued:
      Take(r, "entry_reissued", record.entry_reissued(), out);
      break;
    case v1::LedgerRecord::kPeerGenerationAdmitted:
      Take(r, "peer_generation_admitted", record.peer_generation_admitted(), out);
      break;
    case v1::LedgerRecord::kDirectoryChanged:
      Take(r, "directory_changed", record.directory_changed(), out);
      break;
    case v1::LedgerRecord::RECORD_NOT_SET:
      r.Fail("", "record", "is missing");
      break;
  }
  if (!r.ok()) return r.status();
  return out;
}

google::protobuf::ArenaOptions WithBlock(char* block) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = kBlockSize;
  return options;
}

}  // namespace

std::vector<IndexRun> RunsOf(const std::vector<LeafIndex>& indices) {
  std::vector<IndexRun> runs;
  for (LeafIndex index : indices) {
    if (!runs.empty() && runs.back().first.value() + runs.back().count == index.value()) {
      ++runs.back().count;
    } else {
      runs.push_back({index, 1});
    }
  }
  return runs;
}

LedgerCodec::LedgerCodec() : block_(new char[kBlockSize]), arena_(WithBlock(block_.get())) {}
LedgerCodec::~LedgerCodec() = default;

absl::StatusOr<std::string> LedgerCodec::Encode(const LedgerRecord& record) {
  arena_.Reset();
  auto* entry = google::protobuf::Arena::CreateMessage<v1::LogEntry>(&arena_);
  WriteEntry(record, *entry);
  if (auto read = ReadEntry(*entry); !read.ok()) return std::move(read).status();
  std::string bytes = entry->SerializeAsString();
  if (bytes.size() > kMaxEntryBytes) return Malformed("longer than an entry may be");
  return bytes;
}

absl::StatusOr<LedgerRecord> LedgerCodec::Decode(std::string_view bytes) {
  arena_.Reset();
  auto* entry = google::protobuf::Arena::CreateMessage<v1::LogEntry>(&arena_);
  if (bytes.size() > kMaxEntryBytes || !entry->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("not a LogEntry message");
  }
  auto record = ReadEntry(*entry);
  if (!record.ok()) return record;
  // One record, one form: what a third party reads out of these bytes is what we read.
  scratch_.clear();
  entry->AppendToString(&scratch_);
  if (scratch_ != bytes) return Malformed("not the deterministic encoding");
  return record;
}

}  // namespace medflyt::wire
