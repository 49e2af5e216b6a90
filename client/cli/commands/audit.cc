#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "client/cli/bundle_export.h"
#include "client/cli/call.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/input.h"
#include "client/cli/log_export.h"
#include "client/cli/look.h"
#include "client/cli/node_log.h"
#include "client/cli/trust.h"

namespace medflyt::cli {
namespace {

absl::Status Checkpoint(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  const auto log = NodeLogOver(client, arguments.Find("--origin").value_or(""));
  MEDFLYT_ASSIGN_OR_RETURN(const SeenHead head, LookFirst(context, arguments, trust.keys, *log));
  if (!context.json()) {
    context.out() << head.note << std::flush;
    return context.out().good() ? absl::OkStatus() : absl::DataLossError("standard output could not be written");
  }
  Document document = context.NewDocument();
  document.Field("checkpoint", head.note);
  document.Field("verifier_key", head.key.Format());
  document.Field("origin", head.checkpoint.origin());
  document.Field("tree_size", head.checkpoint.size().value());
  document.Field("last_seen_size", head.first_look ? Value() : Value(head.last_seen.value()));
  document.Field("cosigned_checkpoint", OrNone(head.cosigned));
  return document.End();
}

// The part of the log that --first and --last name.
absl::StatusOr<std::optional<audit::Part>> PartOf(const Arguments& arguments, TreeSize size) {
  const auto first = arguments.FindInteger("--first");
  const auto last = arguments.FindInteger("--last");
  if (!first && !last) return std::optional<audit::Part>();
  if (!arguments.Has("--bundle") || arguments.Has("--tiles"))
    return UsageError("--first and --last go with --bundle alone");
  if (first.value_or(0) < 0 || last.value_or(0) < 0) return UsageError("--first and --last count from 0");
  const auto begin = static_cast<uint64_t>(first.value_or(0));
  const uint64_t end = last ? static_cast<uint64_t>(*last) + 1 : size.value();
  if (begin >= end || end > size.value()) {
    return RuleError(absl::StatusCode::kOutOfRange, "LEAF_INDEX_OUT_OF_RANGE", last ? "--last" : "--first",
                     "the log has no such entries");
  }
  return std::optional(audit::Part::Around(LeafIndex(begin), TreeSize(end), size));
}

absl::Status Export(Context& context, const Arguments& arguments) {
  const auto bundle = arguments.Find("--bundle");
  const std::vector<std::string>& cases = arguments.All("--open");
  if (!arguments.Has("--tiles") && !bundle) return UsageError("say where to: --tiles DIR, --bundle FILE or both");
  if (!cases.empty() && !bundle) return UsageError("--open goes with --bundle");
  MEDFLYT_ASSIGN_OR_RETURN(audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  const auto log = NodeLogOver(client, arguments.Find("--origin").value_or(""));
  MEDFLYT_ASSIGN_OR_RETURN(SeenHead head, LookFirst(context, arguments, trust.keys, *log));
  MEDFLYT_ASSIGN_OR_RETURN(const CheckpointStore store, TrustStoreOf(context, arguments));
  if (trust.policy) {
    // What is handed on is to be verified with the policy.
    MEDFLYT_ASSIGN_OR_RETURN(head, CosignedOf(context, *log, store, head));
  }
  std::filesystem::path directory = arguments.Find("--tiles").value_or(bundle.value_or("") + ".tiles");
  ExportOptions options;
  MEDFLYT_ASSIGN_OR_RETURN(options.part, PartOf(arguments, head.checkpoint.size()));
  std::error_code ignored;
  if (options.part) {
    // In a place of its own, since it is no copy of the log; what an interrupted export left may be of another part.
    directory += ".part";
    std::filesystem::remove_all(directory, ignored);
  }
  options.beside = bundle.has_value() || arguments.Has("--kept");
  absl::StatusOr<Exported> exported = [&] {
    Progress progress(context, "exporting", head.checkpoint.size().value());
    options.progress = [&progress](uint64_t entries) { progress.Update(entries); };
    return ExportLog(context, *log, store, head, directory, options);
  }();
  MEDFLYT_RETURN_IF_ERROR(exported.status());
  BundleContents contents{.head = head,
                          .trust = std::move(trust),
                          .policy_file = arguments.Find("--policy"),
                          .event_keys = {},
                          .part = options.part};
  for (const std::string& case_id : cases) {
    MEDFLYT_RETURN_IF_ERROR(FetchEventKeys(*client, case_id, contents.event_keys));
  }
  if (bundle) {
    MEDFLYT_RETURN_IF_ERROR(WriteBundle(directory, contents, *bundle));
    if (!arguments.Has("--tiles")) std::filesystem::remove_all(directory, ignored);
  }
  Document document = context.NewDocument();
  document.Field("directory", arguments.Has("--tiles") ? Value(directory.string()) : Value());
  if (bundle) document.Field("bundle", *bundle);
  document.Field("origin", head.checkpoint.origin());
  document.Field("tree_size", head.checkpoint.size().value());
  if (options.part) {
    document.Field("first_entry", options.part->first.value());
    document.Field("last_entry", options.part->end.value() - 1);
  }
  document.Field("files", exported->written + exported->kept);
  document.Field("files_written", exported->written);
  document.Field("files_removed", exported->removed);
  if (!cases.empty()) document.Field("event_keys", uint64_t{contents.event_keys.size()});
  return document.End();
}

std::vector<Option> ExportOptionsOf() {
  std::vector<Option> options = {
      {.name = "--tiles",
       .value_name = "DIR",
       .help = "a C2SP tlog-tiles directory, made where it is missing, brought up to date where it is not",
       .kind = ValueKind::kFile},
      {.name = "--kept",
       .value_name = "",
       .help = "with what is kept beside the log: receipts, and received entries with their proofs",
       .kind = ValueKind::kFlag},
      {.name = "--bundle",
       .value_name = "FILE",
       .help = "an audit bundle: the log, what is kept beside it, keys and policy in one file",
       .kind = ValueKind::kFile},
      {.name = "--first",
       .value_name = "N",
       .help = "only entries from that one on go into the bundle, and what is around them in steps of 256",
       .kind = ValueKind::kInteger},
      {.name = "--last", .value_name = "N", .help = "only entries up to that one", .kind = ValueKind::kInteger},
      {.name = "--open",
       .value_name = "CASE",
       .help = "put the keys of that case's events into the bundle; may be repeated; recorded as a read",
       .kind = ValueKind::kId,
       .repeated = true}};
  for (Option& option : TrustOptions()) options.push_back(std::move(option));
  options.push_back(TrustStoreOption());
  options.push_back(OriginOption());
  return options;
}

std::vector<Option> CheckpointOptions() {
  std::vector<Option> options = LookOptions();
  options.push_back(OriginOption());
  options.push_back(NewOriginOption());
  return options;
}

}  // namespace

std::vector<Command> AuditCommands() {
  std::vector<Command> commands = {
      {.noun = "audit",
       .verb = "checkpoint",
       .summary = "look at the node's log: print its latest signed checkpoint",
       .description =
           "A C2SP signed note: origin, tree size, root, signatures. It is first proven to continue the last one that "
           "was seen, and then kept. A log that went back or was rewritten is exit code 3, and both checkpoints are "
           "kept as evidence. Without --card or --log-key the key that was named at the first look is believed. Where "
           "keys are named and none of them is of that log, exit code is 1: the card may be an old one.\n\n"
           "Which log the node, by its address, has open is remembered too. Another one is taken where its first entry "
           "is proven to close the one before, no earlier than that one was seen; one that ended earlier or otherwise "
           "is "
           "exit code 3. Where nothing shows that it goes on from the one before (ORIGIN_CHANGED) exit code is 1, and "
           "no "
           "command asks that node for more until its authority has said why and --new-origin has named the log. What "
           "was kept of the one before stays.",
       .options = CheckpointOptions(),
       .examples = {{"Every morning", "medflyt audit checkpoint --card odense.card"},
                    {"The authority has lost its log, and says so",
                     "medflyt audit checkpoint --card odense.card --new-origin odense.example/35209115/2"}},
       .run = Checkpoint},
      {.noun = "audit",
       .verb = "export",
       .summary = "copy the node's log into a C2SP tlog-tiles directory or an audit bundle",
       .description =
           "Checkpoint, tiles and entry bundles, which others' tools read too; entries are ciphertext. The log is "
           "first proven to continue what was seen and what lies in the directory already. Repeated, it fetches what "
           "is new, replaces partial tiles and removes those that wider ones have replaced; interrupted, it goes on "
           "where it was.\n\n"
           "A bundle is a tar file. With --open it holds keys with which the events of that case can be read: it is "
           "then written for its owner alone, and is to be kept like the case. With --first and --last it holds a part "
           "of the log: those entries, and of all others the leaf hash, so that it verifies up to the signed root. "
           "Find "
           "the entries of a time or a peer with `medflyt audit log`.\n\n"
           "With --policy the copy is of the newest checkpoint that witnesses have cosigned, and a bundle carries the "
           "policy.",
       .options = ExportOptionsOf(),
       .examples = {{"Copy the log", "medflyt audit export --tiles odense-log"},
                    {"One file for an auditor",
                     "medflyt audit export --bundle odense.bundle --card odense.card --card nyborg.card"}},
       .run = Export},
  };
  commands.push_back(AuditVerifyCommand());
  commands.push_back(AuditAccessCommand());
  for (Command& command : AuditQueryCommands()) commands.push_back(std::move(command));
  return commands;
}

}  // namespace medflyt::cli
