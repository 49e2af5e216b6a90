#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "client/cli/call.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/input.h"
#include "client/cli/trust.h"
#include "common/audit/bundle_file.h"
#include "common/audit/generation.h"
#include "common/audit/verify.h"
#include "common/tlog/checkpoint.h"

namespace medflyt::cli {
namespace {

constexpr size_t kMaxEventKeys = size_t{1} << 30;

// The log to verify, wherever it lies.
struct Source {
  audit::FileReader read;
  std::optional<TreeSize> kept;                     // what is kept beside the log is there up to this size
  std::shared_ptr<const audit::BundleFile> bundle;  // nullptr for a folder
  std::optional<audit::BundleContent> said;         // what a bundle says of itself
};

absl::StatusOr<Source> OpenSource(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    Source source{audit::DirectoryReader(path), std::nullopt, nullptr, std::nullopt};
    MEDFLYT_ASSIGN_OR_RETURN(source.kept, audit::KeptUntil(source.read));
    return source;
  }
  if (!std::filesystem::exists(path, error)) return absl::NotFoundError(path + ": no such directory or file");
  auto bundle = audit::BundleFile::Open(path);
  if (!bundle.ok()) return Annotate(bundle.status(), path);
  Source source{audit::BundleReader(*bundle), std::nullopt, *bundle, std::nullopt};
  MEDFLYT_ASSIGN_OR_RETURN(const auto header, audit::ReadOne(source.read, std::string(audit::kBundleMember)));
  auto said = audit::ParseBundleContent(header.value_or(""));
  if (!said.ok()) return Annotate(said.status(), path);
  source.said = *std::move(said);
  MEDFLYT_ASSIGN_OR_RETURN(source.kept, audit::KeptUntil(source.read));
  // Of a bundle by an older program nothing is said, and what was taken out of it shows as not checked alone.
  if (source.said->kept && source.said->kept != source.kept) {
    return RuleError(absl::StatusCode::kInvalidArgument, "AUDIT_BUNDLE_MALFORMED", audit::kKeptComplete,
                     "the bundle says that it carries what is kept beside the log, and does not, or not as far");
  }
  return source;
}

// Keys of the bundle count for logs of which the user has named none; and only where the user said so.
absl::Status AddBundleKeys(const Source& source, audit::Trust& trust) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto text, audit::ReadOne(source.read, std::string(audit::kBundleKeysMember)));
  MEDFLYT_ASSIGN_OR_RETURN(audit::Trust carried, audit::ParseBundleKeys(text.value_or("")));
  const size_t named = trust.keys.size();
  for (directory::LogKey& key : carried.keys) {
    const bool known = std::any_of(trust.keys.begin(), trust.keys.begin() + static_cast<std::ptrdiff_t>(named),
                                   [&](const directory::LogKey& mine) { return mine.key.name() == key.key.name(); });
    if (!known) trust.keys.push_back(std::move(key));
  }
  for (auto& [origin, owner] : carried.owners) trust.owners.emplace(origin, owner);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<audit::EventKeys>> EventKeysFor(Context& context, const Arguments& arguments,
                                                             const Source& source) {
  std::optional<std::string> text;
  if (const auto path = arguments.Find("--event-keys")) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, *path));
    MEDFLYT_ASSIGN_OR_RETURN(text, file->ReadAll(kMaxEventKeys));
  } else if (source.bundle != nullptr) {
    MEDFLYT_ASSIGN_OR_RETURN(text, audit::ReadOne(source.read, std::string(audit::kBundleEventKeysMember)));
  }
  if (!text) return std::optional<audit::EventKeys>();
  auto keys = audit::ParseEventKeys(*text);
  crypto::Wipe(*text);
  MEDFLYT_RETURN_IF_ERROR(keys.status());
  return std::optional<audit::EventKeys>(*std::move(keys));
}

// The bundle's policy, where the user named none; and only where the user said so. Whoever packs a bundle chooses its
// policy: one that asks for nobody, or for witnesses who do not exist, is met by any log. True where it is left out.
absl::StatusOr<bool> AddBundlePolicy(const Source& source, bool believed, audit::Trust& trust) {
  if (trust.policy || source.bundle == nullptr) return false;
  MEDFLYT_ASSIGN_OR_RETURN(const auto text, audit::ReadOne(source.read, std::string(audit::kBundlePolicyMember)));
  if (!text || !believed) return text.has_value();
  auto policy = tlog::Policy::Parse(*text);
  if (!policy.ok()) return Annotate(policy.status(), "the bundle's policy");
  trust.policy = *std::move(policy);
  return false;
}

// What the checkpoint claims, before anything of it is verified.
std::optional<tlog::Checkpoint> Claimed(const std::optional<std::string>& note) {
  if (!note) return std::nullopt;
  const auto checkpoint = tlog::StatedCheckpoint(*note);
  return checkpoint.ok() ? std::optional(*checkpoint) : std::nullopt;
}

absl::Status AddKept(const CheckpointStore& store, const std::string& origin, audit::Trust& trust) {
  MEDFLYT_ASSIGN_OR_RETURN(auto kept, store.All(origin));
  for (KeptCheckpoint& each : kept) trust.kept.push_back(std::move(each.checkpoint));
  return absl::OkStatus();
}

// Why records were not held against what is kept beside the log; empty where all were.
std::string WhyNotChecked(const audit::LedgerCounts& records, const Source& source) {
  if (records.receipts_not_checked + records.received_not_checked == 0) return "";
  if (source.kept) {
    return "what is kept beside the log was exported for entries before " + std::to_string(source.kept->value()) +
           " only: export again with --kept";
  }
  return source.bundle != nullptr ? "the bundle carries nothing of what is kept beside the log"
                                  : "what is kept beside the log was not exported: export with --kept";
}

void Tell(const audit::Report& report, const audit::Trust& trust, const Source& source, bool policy_left_out,
          bool opened, Document& document) {
  document.Field("verified", report.verified());
  document.Field("origin", OrNone(report.origin));
  document.Field("tree_size", report.size.value());
  document.Field("root_hash", report.root.ToHex());
  const auto part = source.said ? source.said->part : std::nullopt;
  if (part) {
    document.Field("first_entry", part->first.value());
    document.Field("last_entry", part->end.value() - 1);
    document.Field("entries_outside", report.outside);
  }
  document.Field("sealed_entries", report.sealed);
  document.Field("ledger_records", report.ledger);
  document.Field("not_understood", report.not_understood);
  document.Field("unreadable_entries", report.unreadable);
  document.Field("tiles", report.tiles);
  document.Field("kept_checkpoints", report.kept_checked);
  if (report.seen_since.value() > 0) document.Field("older_than_seen", report.seen_since.value());
  document.Field("unknown_signatures", report.unknown_signatures);
  if (trust.policy) {
    Value::Array cosigned;
    for (const audit::Cosigned& each : report.cosigned) {
      cosigned.emplace_back(Value::Object{{"witness", each.witness}, {"at", FormatUtc(each.at)}});
    }
    document.Field("quorum_met", report.quorum_met);
    document.Field("cosigned_by", std::move(cosigned));
  } else if (policy_left_out) {
    document.Field("quorum_met", Value());
    document.Field("quorum_not_judged_because", "the policy of the bundle is not believed: name one with --policy");
  }
  const audit::LedgerCounts& records = report.records;
  document.Field("events_received", records.received);
  document.Field("events_refused", records.refused);
  document.Field("events_receipted", records.receipted);
  document.Field("rejections", records.rejections);
  document.Field("keys_granted", records.grants);
  document.Field("keys_destroyed", records.keys_destroyed);
  document.Field("log_key_handovers", records.handovers);
  document.Field("peers_released", records.peers_released);
  document.Field("goes_on_from", OrNone(report.goes_on_from));
  document.Field("own_events_back", records.came_back);
  document.Field("reissued", records.reissued);
  document.Field("generations_admitted", records.generations_admitted);
  document.Field("directory_changes", records.directory_changes);
  document.Field("received_proven", records.received_proven);
  if (part) document.Field("received_before_the_part", records.batch_outside);
  document.Field("received_not_checked", records.received_not_checked);
  document.Field("receipts", records.receipts);
  document.Field("receipts_proven", records.receipts_proven);
  document.Field("receipts_not_checked", records.receipts_not_checked);
  document.Field("not_checked_because", OrNone(WhyNotChecked(records, source)));
  document.Field("events_refused_by_peers", source.kept ? Value(records.receipts_refusing) : Value());
  document.Field("unproven_without_peer_key", records.without_peer_key);
  const audit::OpenedCounts& events = report.events;
  document.Field("opened", events.opened);
  document.Field("not_opened", opened ? Value(Value::Object{{"without_key", events.without_key},
                                                            {"erased", events.erased},
                                                            {"newer_than_this_program", events.newer},
                                                            {"failed", events.failed}})
                                      : Value(Value::Object{{"without_key", report.sealed}}));
  if (report.verified()) return;
  document.List("findings", {"finding", "file", "first_entry", "detail"});
  for (const audit::Finding& finding : report.findings) {
    document.Row({audit::NameOf(finding.code), finding.path, finding.entry ? Value(finding.entry->value()) : Value(),
                  OrNone(finding.detail)},
                 {{"meaning", audit::MeaningOf(finding.code)}});
  }
  if (report.findings.untold().empty()) return;
  Value::Object more;
  for (const auto& [code, count] : report.findings.untold()) more.push_back({std::string(audit::NameOf(code)), count});
  document.Field("more_findings", std::move(more));
}

absl::Status Verify(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const Source source, OpenSource(arguments.Text("LOG")));
  MEDFLYT_ASSIGN_OR_RETURN(audit::Trust trust, TrustOf(context, arguments));
  const bool bundle_believed = arguments.Has("--bundle-keys") && source.bundle != nullptr;
  if (bundle_believed) {
    MEDFLYT_RETURN_IF_ERROR(AddBundleKeys(source, trust));
    context.Note(
        "keys of the bundle itself are believed, and its policy where none is named: compare them with the "
        "authorities' by another channel");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const bool policy_left_out, AddBundlePolicy(source, bundle_believed, trust));
  MEDFLYT_RETURN_IF_ERROR(CheckKeysNamed(trust));
  MEDFLYT_ASSIGN_OR_RETURN(const auto note, audit::ReadOne(source.read, "checkpoint"));
  // Nothing was signed here, or not all was copied: that shows nothing of anybody.
  if (!note) return absl::NotFoundError("there is no checkpoint, so nothing that is signed: export the log again");
  const auto claimed = Claimed(note);
  if (source.said && claimed && (source.said->origin != claimed->origin() || source.said->size != claimed->size())) {
    return RuleError(absl::StatusCode::kInvalidArgument, "AUDIT_BUNDLE_MALFORMED", audit::kBundleMember,
                     "the bundle says that it is of another log or size than its checkpoint");
  }
  const std::optional<CheckpointStore> store = KnownTrustStore(context, arguments);
  if (store && claimed) {
    MEDFLYT_RETURN_IF_ERROR(AddKept(*store, claimed->origin(), trust));
    // And of the log that this one goes on from, if it does: that one may not end before what was seen of it.
    MEDFLYT_ASSIGN_OR_RETURN(const auto generation, audit::GenerationIn(source.read, claimed->size()));
    const auto closed = generation ? Claimed(generation->closed_checkpoint) : std::nullopt;
    if (closed && closed->origin() != claimed->origin()) {
      MEDFLYT_RETURN_IF_ERROR(AddKept(*store, closed->origin(), trust));
    }
  }
  MEDFLYT_ASSIGN_OR_RETURN(const auto keys, EventKeysFor(context, arguments, source));

  const absl::StatusOr<audit::Report> report = [&] {
    Progress progress(context, "verifying", claimed ? std::optional(claimed->size().value()) : std::nullopt);
    audit::Work work;
    work.threads = std::max(1U, std::thread::hardware_concurrency());
    work.progress = [&progress](uint64_t entries, uint64_t) { progress.Update(entries); };
    work.beside = source.kept.has_value();
    work.beside_until = source.kept;
    work.opened = keys ? &*keys : nullptr;
    if (source.said) work.part = source.said->part;
    return audit::VerifyLog(source.read, trust, work);
  }();
  MEDFLYT_RETURN_IF_ERROR(report.status());
  Document document = context.NewDocument();
  Tell(*report, trust, source, policy_left_out, keys.has_value(), document);
  MEDFLYT_RETURN_IF_ERROR(document.End());
  if (report->seen_since.value() > 0) {
    context.Note(absl::StrCat("this is an older copy: it ends at ", report->size.value(), " of the ",
                              report->seen_since.value(), " entries that were seen of this log"));
  }
  if (report->only_quorum_missing()) return QuorumNotMetYet();
  if (!report->verified()) return VerificationFailed(absl::DataLossError("the log is not what was signed"));
  // What only the bundle's own key has signed would turn the memory against the true log.
  const bool keep = arguments.Has("--trust") || !arguments.Has("--bundle-keys");
  return store && keep ? store->Keep(*note) : absl::OkStatus();
}

}  // namespace

Command AuditVerifyCommand() {
  std::vector<Option> options = TrustOptions();
  Option trust = TrustStoreOption();
  trust.help =
      "compare with the checkpoints of this log that are kept there, and keep this one; by default "
      "$XDG_STATE_HOME/medflyt/trust";
  options.push_back(std::move(trust));
  options.push_back({.name = "--event-keys",
                     .value_name = "FILE",
                     .help = "keys of events to open; by default those in the bundle",
                     .kind = ValueKind::kFile});
  options.push_back({.name = "--bundle-keys",
                     .value_name = "",
                     .help =
                         "believe the log keys in the bundle, for logs whose key is not named, and its policy where "
                         "none is",
                     .kind = ValueKind::kFlag});
  return {
      .noun = "audit",
      .verb = "verify",
      .summary = "verify an exported log or audit bundle offline, with public keys alone",
      .description =
          "Derives every leaf, tile and root again from the entries and compares them with what was signed; checks "
          "cosignatures against the policy, the ledger records against one another and, where they were exported, "
          "against the receipts and received entries kept beside the log, with the peers' cards; and opens the "
          "events whose keys are there. Needs no node. Of a bundle with a part of the log, all leaf hashes lead to the "
          "signed root, and the entries of that part to their leaf hashes; the others are counted as outside. It is "
          "also compared with the checkpoints of this log that were seen and kept. A copy that ends at one of them is "
          "told to be older than the last, and is none the worse for it; one that is shorter than the last and ends at "
          "none is LOG_ROLLED_BACK, so name an empty folder with --trust to verify an old copy by itself. So is a log "
          "that goes on from another and says that it ended before what was seen of it. With --bundle-keys the "
          "checkpoint is kept only where --trust is given; without it neither keys nor policy of a bundle are "
          "believed, "
          "and cosignatures are then judged by --policy alone. Of records whose receipt or received entry was not "
          "exported it says how many were not checked, and why.\n\n"
          "Exit code 3 where something does not hold, a missing or short file of a directory among it, with findings "
          "by "
          "code, file and entry; 1 where there is nothing that is signed, the file is no bundle or not all of one, or "
          "all that is wrong is that too few witnesses have cosigned yet. Of each kind of finding the first hundred "
          "are "
          "listed, and the others counted.",
      .options = std::move(options),
      .positionals = {{.name = "LOG", .help = "a tlog-tiles directory or an audit bundle", .kind = ValueKind::kFile}},
      .examples = {{"With the authority's card", "medflyt audit verify odense-log --card odense.card"},
                   {"Witnessed, and no step back since the last time",
                    "medflyt audit verify odense-log --card odense.card --policy witnesses.policy"}},
      .run = Verify};
}

}  // namespace medflyt::cli
