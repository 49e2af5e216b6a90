#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/call.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/commands.h"
#include "client/cli/entry_times.h"
#include "client/cli/exit_code.h"
#include "client/cli/list_output.h"
#include "client/cli/look.h"
#include "client/cli/message_fields.h"
#include "client/cli/node_log.h"
#include "client/cli/trust.h"
#include "common/audit/files.h"
#include "common/base/bytes.h"
#include "common/entry/parse.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"
#include "common/wire/ledger.h"

namespace medflyt::cli {
namespace {

using Audit = v1::AuditService::Stub;
using EntryVisitor = std::function<absl::Status(uint64_t index, std::string_view entry)>;

const std::vector<std::string>& EntryTypes() {
  static const std::vector<std::string> kTypes = {"sealed",
                                                  "event-received",
                                                  "receipts-logged",
                                                  "rejections-recorded",
                                                  "key-granted",
                                                  "key-destroyed",
                                                  "log-key-handed-over",
                                                  "peer-released",
                                                  "peer-generation-admitted",
                                                  "directory-changed",
                                                  "generation-opened",
                                                  "entry-reissued",
                                                  "other"};
  return kTypes;
}

// What an entry says to somebody without keys.
struct EntryLine {
  std::string type;
  std::optional<absl::Time> at;  // a sealed entry does not say
  std::string peer;              // the name of its log, or its CVR number
  std::string about;
};

struct RecordLine {
  EntryLine& line;

  void operator()(const wire::EventReceived& record) const {
    line.type = "event-received";
    line.peer = record.issuer_origin;
    line.about = absl::StrCat("entry ", record.issuer_index.value(),
                              record.refused_rule.empty() ? "" : ", refused: " + record.refused_rule);
  }
  void operator()(const wire::ReceiptsLogged& record) const {
    line.type = "receipts-logged";
    line.peer = record.recipient_origin;
    std::string runs;
    for (const wire::IndexRun& run : record.runs) {
      absl::StrAppend(&runs, runs.empty() ? "" : ", ", run.first.value());
      if (run.count > 1) absl::StrAppend(&runs, "-", run.first.value() + run.count - 1);
    }
    line.about = absl::StrCat("entries ", runs, ", at the peer's size ", record.recipient_size.value());
  }
  void operator()(const wire::RejectionsRecorded& record) const {
    line.type = "rejections-recorded";
    line.peer = record.peer.ToString();
    line.about = absl::StrCat(record.count, " times ", record.rule);
  }
  void operator()(const wire::KeyGranted& record) const {
    line.type = "key-granted";
    line.peer = record.recipient.ToString();
    line.about = "key " + record.key_id.ToHex();
  }
  void operator()(const wire::KeyDestroyed& record) const {
    line.type = "key-destroyed";
    line.about = "key " + record.key_id.ToHex();
  }
  void operator()(const wire::LogKeyHandedOver& record) const {
    line.type = "log-key-handed-over";
    line.about = "to " + record.verifier_key;
  }
  void operator()(const wire::PeerReleased& record) const {
    line.type = "peer-released";
    line.peer = record.peer.ToString();
    line.about =
        absl::StrCat("by certificates ", record.first_certificate.ToHex(), " and ", record.second_certificate.ToHex());
  }
  void operator()(const wire::GenerationOpened& record) const {
    line.type = "generation-opened";
    line.about = absl::StrCat("goes on from ", record.closed_checkpoint.substr(0, record.closed_checkpoint.find('\n')),
                              ", of which ", record.kept_size.value(), " entries are kept, by certificates ",
                              record.first_certificate.ToHex(), " and ", record.second_certificate.ToHex());
  }
  void operator()(const wire::EntryReissued& record) const {
    line.type = "entry-reissued";
    line.about = absl::StrCat("entry ", record.closed_index.value(), " of ", record.closed_origin,
                              " is said again by the next event");
  }
  void operator()(const wire::PeerGenerationAdmitted& record) const {
    line.type = "peer-generation-admitted";
    line.peer = record.peer.ToString();
    line.about = absl::StrCat("log ", record.origin, " with the key ", record.verifier_key, ", by certificates ",
                              record.first_certificate.ToHex(), " and ", record.second_certificate.ToHex());
  }
  void operator()(const wire::DirectoryChanged& record) const {
    line.type = "directory-changed";
    line.about = absl::StrCat("cards of peers: ", record.authorities, ", with the digest ", record.digest.ToHex(),
                              record.certificate ? ", by certificate " + record.certificate->ToHex() : "");
  }
};

EntryLine LineOf(std::string_view entry, wire::LedgerCodec& codec) {
  EntryLine line;
  const auto parsed = entry::ParseEntry(entry, codec);
  if (!parsed.ok()) {
    line.type = "other";
    line.about = absl::StrCat(entry.size(), " bytes");
  } else if (const auto* sealed = std::get_if<entry::SealedView>(&*parsed)) {
    line.type = "sealed";
    line.about = absl::StrCat("event ", sealed->event_id.ToHex(), ", ", sealed->ciphertext.size(), " bytes");
  } else {
    const auto& record = std::get<wire::LedgerRecord>(*parsed);
    line.at = record.recorded_at;
    std::visit(RecordLine{line}, record.record);
  }
  return line;
}

std::optional<absl::Time> TimeOf(std::string_view entry, wire::LedgerCodec& codec) {
  const auto parsed = entry::ParseEntry(entry, codec);
  const auto* record = parsed.ok() ? std::get_if<wire::LedgerRecord>(&*parsed) : nullptr;
  return record == nullptr ? std::nullopt : std::optional(record->recorded_at);
}

// Of a copy, within its size.
absl::Status VisitCopy(const audit::FileReader& read, TreeSize size, EntryRange range, const EntryVisitor& visit) {
  std::string bytes;
  for (uint64_t bundle = range.first / tlog::kTileWidth; bundle * tlog::kTileWidth < range.end; ++bundle) {
    const unsigned width = tlog::TileWidthAt(0, bundle, size);
    const std::string path = tlog::EntryBundlePath(bundle, width);
    MEDFLYT_ASSIGN_OR_RETURN(const bool there, read(path, bytes));
    if (!there) return absl::NotFoundError(path + " is missing");
    MEDFLYT_ASSIGN_OR_RETURN(const auto entries, tlog::DecodeEntryBundle(bytes, width));
    for (unsigned i = 0; i < width; ++i) {
      const uint64_t index = bundle * tlog::kTileWidth + i;
      if (index >= range.first && index < range.end) MEDFLYT_RETURN_IF_ERROR(visit(index, entries[i]));
    }
  }
  return absl::OkStatus();
}

// A copy, or the node's log as far as it was looked at.
struct AskedLog {
  uint64_t size = 0;
  // Of entries that are within it, one at least.
  std::function<absl::Status(EntryRange range, const EntryVisitor& visit)> visit;
};

absl::StatusOr<AskedLog> AskedOf(Context& context, const Arguments& arguments) {
  if (const auto copy = arguments.Find("--tiles")) {
    const audit::FileReader read = audit::DirectoryReader(*copy);
    MEDFLYT_ASSIGN_OR_RETURN(const auto note, audit::ReadOne(read, "checkpoint"));
    if (!note) return absl::NotFoundError(*copy + ": there is no checkpoint");
    MEDFLYT_ASSIGN_OR_RETURN(const auto checkpoint, tlog::StatedCheckpoint(*note));
    return AskedLog{checkpoint.size().value(), [read, size = checkpoint.size()](EntryRange range, const auto& visit) {
                      return VisitCopy(read, size, range, visit);
                    }};
  }
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  const std::string origin = arguments.Text("--origin");
  const auto log = NodeLogOver(client, origin);
  MEDFLYT_ASSIGN_OR_RETURN(const SeenHead head, LookFirst(context, arguments, trust.keys, *log));
  return AskedLog{head.checkpoint.size().value(), [client, origin](EntryRange range, const auto& visit) {
                    return client->StreamEntries(range.first, range.end, visit, origin);
                  }};
}

// Of the last record before an entry, read backwards in steps that grow; nothing where there is none.
absl::StatusOr<std::optional<absl::Time>> TimeBefore(const AskedLog& asked, uint64_t index, wire::LedgerCodec& codec) {
  std::optional<absl::Time> at;
  for (uint64_t step = tlog::kTileWidth; !at && index > 0; step *= 2) {
    const EntryRange range{index - std::min(index, step), index};
    MEDFLYT_RETURN_IF_ERROR(asked.visit(range, [&](uint64_t, std::string_view entry) {
      if (const auto said = TimeOf(entry, codec)) at = said;
      return absl::OkStatus();
    }));
    index = range.first;
  }
  return at;
}

// Of the first record from an entry on, in the same way.
absl::StatusOr<std::optional<absl::Time>> TimeFrom(const AskedLog& asked, uint64_t index, wire::LedgerCodec& codec) {
  std::optional<absl::Time> at;
  for (uint64_t step = tlog::kTileWidth; !at && index < asked.size; step *= 2) {
    const EntryRange range{index, index + std::min(asked.size - index, step)};
    MEDFLYT_RETURN_IF_ERROR(asked.visit(range, [&](uint64_t, std::string_view entry) {
      if (!at) at = TimeOf(entry, codec);
      return absl::OkStatus();
    }));
    index = range.end;
  }
  return at;
}

// Those of the entries, one at least, that may be of the wanted time. They are read once for their times alone, so that
// none is held until a record behind it says its time.
absl::StatusOr<std::vector<EntryRange>> OfTime(const AskedLog& asked, EntryRange range, const WantedTime& wanted,
                                               absl::Time now) {
  wire::LedgerCodec codec;
  MEDFLYT_ASSIGN_OR_RETURN(const auto before, TimeBefore(asked, range.first, codec));
  EntryTimes times(wanted, before);
  MEDFLYT_RETURN_IF_ERROR(asked.visit(range, [&](uint64_t index, std::string_view entry) {
    times.See(index, TimeOf(entry, codec));
    return absl::OkStatus();
  }));
  std::optional<absl::Time> next;
  if (times.WaitsForNext()) {
    MEDFLYT_ASSIGN_OR_RETURN(next, TimeFrom(asked, range.end, codec));
  }
  return std::move(times).End(next, now);
}

absl::Status Log(Context& context, const Arguments& arguments) {
  const auto last = arguments.FindInteger("--last");
  if (arguments.Integer("--first") < 0 || last.value_or(0) < 0) return UsageError("indices are counted from 0");
  if (arguments.Has("--tiles") && arguments.Has("--origin")) {
    return UsageError("--origin is for a node: a copy is of one log");
  }
  WantedTime wanted;
  if (const auto since = arguments.FindDate("--since")) wanted.since = UtcMidnight(*since);
  if (const auto until = arguments.FindDate("--until")) wanted.before = UtcMidnight(*until + 1);
  MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, AskedOf(context, arguments));
  EntryRange range{static_cast<uint64_t>(arguments.Integer("--first")), asked.size};
  if (last && static_cast<uint64_t>(*last) < asked.size) range.end = static_cast<uint64_t>(*last) + 1;
  std::vector<EntryRange> ranges;
  if (range.first < range.end) ranges.push_back(range);
  if (!ranges.empty() && !wanted.IsAny()) {
    MEDFLYT_ASSIGN_OR_RETURN(ranges, OfTime(asked, range, wanted, context.environment().clock.Now()));
  }
  const std::vector<std::string>& types = arguments.All("--type");
  const std::string peer = arguments.Text("--peer");
  wire::LedgerCodec codec;
  MEDFLYT_ASSIGN_OR_RETURN(ListOutput output, ListOutput::Create(context, arguments, "entries",
                                                                 {"index", "recorded_at", "type", "peer", "about"}));
  for (const EntryRange& each : ranges) {
    MEDFLYT_RETURN_IF_ERROR(asked.visit(each, [&](uint64_t index, std::string_view entry) {
      const EntryLine line = LineOf(entry, codec);
      if (!types.empty() && std::find(types.begin(), types.end(), line.type) == types.end()) return absl::OkStatus();
      if (line.peer.find(peer) == std::string::npos) return absl::OkStatus();
      output.Row(
          {index, line.at ? Value(FormatUtc(*line.at)) : Value(), line.type, OrNone(line.peer), OrNone(line.about)});
      return absl::OkStatus();
    }));
  }
  return output.End();
}

struct ProvenEntry {
  std::string entry;
  merkle::Proof proof;
};

absl::StatusOr<ProvenEntry> FetchProven(sdk::Client& client, uint64_t index, const tlog::Checkpoint& head,
                                        const std::string& origin) {
  ProvenEntry proven;
  MEDFLYT_RETURN_IF_ERROR(client.StreamEntries(
      index, index + 1,
      [&](uint64_t, std::string_view entry) {
        proven.entry = entry;
        return absl::OkStatus();
      },
      origin));
  v1::GetInclusionProofRequest request;
  request.set_leaf_index(index);
  request.set_tree_size(head.size().value());
  request.set_origin(origin);
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client.Call(&Audit::GetInclusionProof, request));
  for (const std::string& bytes : response.hashes()) {
    proven.proof.push_back(merkle::Hash::FromBytes(bytes).value_or(merkle::Hash()));
  }
  return proven;
}

// The node's newest head that witnesses have cosigned, where it holds the leaf.
absl::StatusOr<std::optional<SeenHead>> CosignedOver(const Context& context, uint64_t leaf, NodeLog& log,
                                                     const CheckpointStore& store, const SeenHead& newest) {
  if (newest.cosigned.empty()) return std::optional<SeenHead>();
  MEDFLYT_ASSIGN_OR_RETURN(SeenHead cosigned, CosignedOf(context, log, store, newest));
  if (leaf >= cosigned.checkpoint.size().value()) return std::optional<SeenHead>();
  return std::optional<SeenHead>(std::move(cosigned));
}

constexpr std::string_view kNotCosignedYet = "No head that witnesses have cosigned holds the entry yet.";

// `head` is the one that the proof leads to: the newest, or an earlier one that witnesses have cosigned.
std::vector<std::string> Explained(uint64_t index, const ProvenEntry& proven, const SeenHead& head,
                                   const SeenHead& newest) {
  const uint64_t size = head.checkpoint.size().value();
  const uint64_t newest_size = newest.checkpoint.size().value();
  std::vector<std::string> words = {
      absl::StrCat("The entry's ", proven.entry.size(), " bytes have the leaf hash ",
                   merkle::LeafHash(proven.entry).ToHex(), "."),
      proven.proof.empty()
          ? std::string("It is the only entry, so this is the root of the tree.")
          : absl::StrCat("Joined at place ", index, " with ", proven.proof.size(),
                         " hashes of the rest of the tree, it leads to the root ", head.checkpoint.root().ToHex(), "."),
      absl::StrCat("That is the root which ", head.key.name(), " signed for its log of ", size,
                   " entries, with the key ", head.key.Format(), ".")};
  std::string it = "It";
  if (newest_size != size) {
    words.push_back(
        absl::StrCat("The log's newest checkpoint, of ", newest_size, " entries, was shown to continue that one."));
    it = "The newest one";
  }
  if (newest.first_look) {
    words.push_back(it +
                    " is the first checkpoint of this log that is seen here, so nothing is known of the time before.");
  } else if (newest.last_seen.value() == newest_size) {
    words.push_back(it + " is the checkpoint that was seen here before.");
  } else {
    words.push_back(absl::StrCat("The log was shown to continue the checkpoint of ", newest.last_seen.value(),
                                 " entries that was seen here before."));
  }
  return words;
}

absl::Status Show(Context& context, const Arguments& arguments) {
  const auto index = arguments.FindInteger("INDEX");
  if (!index || *index < 0) return UsageError("indices are counted from 0");
  const auto leaf = static_cast<uint64_t>(*index);
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  const std::string origin = arguments.Text("--origin");
  const auto log = NodeLogOver(client, origin);
  MEDFLYT_ASSIGN_OR_RETURN(const SeenHead newest, LookFirst(context, arguments, trust.keys, *log));
  if (leaf >= newest.checkpoint.size().value()) {
    return absl::NotFoundError(absl::StrCat("the log has ", newest.checkpoint.size().value(), " entries"));
  }
  // What witnesses have signed lies behind the newest head, which nobody has cosigned yet.
  std::optional<SeenHead> cosigned;
  if (trust.policy) {
    MEDFLYT_ASSIGN_OR_RETURN(const CheckpointStore store, TrustStoreOf(context, arguments));
    MEDFLYT_ASSIGN_OR_RETURN(cosigned, CosignedOver(context, leaf, *log, store, newest));
  }
  const SeenHead& head = cosigned ? *cosigned : newest;
  MEDFLYT_ASSIGN_OR_RETURN(const ProvenEntry proven, FetchProven(*client, leaf, head.checkpoint, origin));
  const absl::Status holds = merkle::VerifyInclusion(
      LeafIndex(leaf), head.checkpoint.size(), merkle::LeafHash(proven.entry), proven.proof, head.checkpoint.root());
  if (!holds.ok()) return VerificationFailed(holds);
  std::vector<std::string> explanation = Explained(leaf, proven, head, newest);
  audit::Report signatures;
  if (trust.policy) {
    const directory::LogKey key{head.key, TreeSize(0), std::nullopt};
    (void)audit::CheckHead(head.note, std::span(&key, 1), &*trust.policy, signatures);
    for (const audit::Cosigned& each : signatures.cosigned) {
      explanation.push_back(absl::StrCat("The witness ", each.witness, " saw this root on ", FormatUtc(each.at), "."));
    }
    if (signatures.quorum_met) {
      explanation.emplace_back("These are as many witnesses as the policy asks.");
    } else {
      explanation.emplace_back(cosigned ? "The policy asks for more witnesses." : kNotCosignedYet);
    }
  }
  explanation.emplace_back("So the entry cannot be changed or taken out without another root being signed.");
  wire::LedgerCodec codec;
  const EntryLine line = LineOf(proven.entry, codec);
  Document document = context.NewDocument();
  document.Field("index", leaf);
  document.Field("type", line.type);
  document.Field("recorded_at", line.at ? Value(FormatUtc(*line.at)) : Value());
  document.Field("peer", OrNone(line.peer));
  document.Field("about", OrNone(line.about));
  document.Field("leaf_hash", merkle::LeafHash(proven.entry).ToHex());
  document.Field("origin", head.checkpoint.origin());
  document.Field("tree_size", head.checkpoint.size().value());
  document.Field("proven", true);
  document.List("explanation", {"in_words"});
  for (const std::string& words : explanation) document.Row({words});
  MEDFLYT_RETURN_IF_ERROR(document.End());
  if (signatures.only_quorum_missing()) {
    if (cosigned) return QuorumNotMetYet();
    return RuleError(absl::StatusCode::kFailedPrecondition, "NOT_COSIGNED", "checkpoint",
                     "no head that witnesses have cosigned holds the entry yet, and nothing else is wrong");
  }
  if (!signatures.verified()) {
    return VerificationFailed(absl::DataLossError("the checkpoint is not cosigned as the policy asks"));
  }
  return absl::OkStatus();
}

absl::Status Timeline(Context& context, const Arguments& arguments) {
  MEDFLYT_RETURN_IF_ERROR(LookFirst(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::ListCaseEventsRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_case_id(arguments.Text("CASE"));
  std::vector<v1::CaseEvent> events;
  do {
    MEDFLYT_ASSIGN_OR_RETURN(v1::ListCaseEventsResponse response, client->Call(&Audit::ListCaseEvents, request));
    for (v1::CaseEvent& event : *response.mutable_events()) events.push_back(std::move(event));
    request.set_first(response.next_first());
  } while (request.first() != 0);
  Document document = context.NewDocument();
  document.List("events", {"recorded_at", "type", "issuer", "recipient", "number", "officer", "position", "delivery",
                           "event_id"});
  for (const v1::CaseEvent& each : events) {
    const v1::EventView& event = each.event();
    const auto issuer = AuthorityId::FromNumber(event.content().issuer());
    const auto recipient = AuthorityId::FromNumber(event.content().recipient());
    document.Row({RecordedAt(event), OrNone(event.type()), issuer ? Value(issuer->ToString()) : Value(),
                  recipient ? Value(recipient->ToString()) : Value(), uint64_t{event.content().number()},
                  OrNone(event.content().officer()), uint64_t{event.position()},
                  OrNone(Shown(v1::DeliveryState_Name(event.delivery()), "DELIVERY_STATE_")), event.event_id()},
                 {{"content", Value(FieldsOf(event.content()))}});
  }
  return document.End();
}

std::vector<Option> LogOptions() {
  std::vector<Option> options = {
      {.name = "--tiles",
       .value_name = "DIR",
       .help = "ask an exported copy instead of the node",
       .kind = ValueKind::kFile},
      {.name = "--first", .value_name = "N", .help = "from that entry on", .kind = ValueKind::kInteger},
      {.name = "--last", .value_name = "N", .help = "up to that entry", .kind = ValueKind::kInteger},
      {.name = "--since", .value_name = "DATE", .help = "from that day on (UTC)", .kind = ValueKind::kDate},
      {.name = "--until", .value_name = "DATE", .help = "up to that day (UTC)", .kind = ValueKind::kDate},
      {.name = "--type",
       .value_name = "TYPE",
       .help = "only entries of that type; may be repeated",
       .repeated = true,
       .choices = EntryTypes()},
      {.name = "--peer",
       .value_name = "NAME",
       .help = "only of that peer: the name of its log or a part of it, or its CVR number as the record has it"},
      CsvOption()};
  for (Option& option : LookOptions()) options.push_back(std::move(option));
  options.push_back(OriginOption());
  return options;
}

}  // namespace

std::vector<Command> AuditQueryCommands() {
  std::vector<Option> trust = TrustOptions();
  trust.push_back(TrustStoreOption());
  trust.push_back(OriginOption());
  return {
      {.noun = "audit",
       .verb = "log",
       .summary = "list the entries of the log, as they are without any key",
       .description =
           "Sealed entries show their event's id and size; ledger records what they say. A sealed entry does not tell "
           "its time, which is only known to lie between those of the records before and behind it: with --since and "
           "--until it is listed where it may be of those days. The node's log is first looked at as by audit "
           "checkpoint, and listed as far as that goes; the entries themselves are verified by audit verify and audit "
           "show.",
       .options = LogOptions(),
       .examples = {{"Who refused what this month", "medflyt audit log --type event-received --since 2026-11-01"},
                    {"For a spreadsheet", "medflyt audit log --tiles odense-log --csv"}},
       .run = Log},
      {.noun = "audit",
       .verb = "show",
       .summary = "show one entry and explain its proof in words",
       .description =
           "The log is looked at as by audit checkpoint, and the entry is proven to stand in it: with --policy under "
           "the newest head that witnesses have cosigned, where it holds the entry. Exit code 3 where the entry is "
           "not proven, 1 where all that is wrong is that too few witnesses of the policy have cosigned such a head "
           "yet, or that another key has signed it and no --card says when each key of the log signs.",
       .options = std::move(trust),
       .positionals = {{.name = "INDEX", .help = "counted from 0", .kind = ValueKind::kInteger}},
       .examples = {{"The first entry", "medflyt audit show 0 --card odense.card"}},
       .run = Show},
      {.noun = "audit",
       .verb = "timeline",
       .summary = "list the events of a case, issued and received, in their order",
       .description = "CPR numbers are masked. The node opens the events, so this is recorded as a read, with officer "
                      "and purpose, before it is answered. Its log is first looked at as by audit checkpoint.",
       .options = LookOptions(),
       .positionals = {{.name = "CASE", .help = "the case's id", .kind = ValueKind::kId}},
       .examples = {{"What happened in a case", "medflyt audit timeline 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b"}},
       .run = Timeline},
  };
}

}  // namespace medflyt::cli
