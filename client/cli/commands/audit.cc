#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "client/cli/input.h"
#include "client/cli/trust.h"
#include "common/audit/verify.h"
#include "common/base/bytes.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/tile.h"

namespace medflyt::cli {
namespace {

using Audit = v1::AuditService::Stub;

absl::Status Checkpoint(Context& context, const Arguments&) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Audit::GetCheckpoint, v1::GetCheckpointRequest()));
  if (!context.json()) {
    context.out() << response.checkpoint() << std::flush;
    return context.out().good() ? absl::OkStatus() : absl::DataLossError("standard output could not be written");
  }
  Document document = context.NewDocument();
  document.Field("checkpoint", response.checkpoint());
  document.Field("verifier_key", response.verifier_key());
  return document.End();
}

absl::Status Verify(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto keys, TrustedKeys(context, arguments));
  const std::string directory = arguments.Text("DIR");
  if (!std::filesystem::is_directory(directory)) return absl::NotFoundError(directory + ": no such directory");
  const absl::StatusOr<audit::Report> report = [&] {
    Progress progress(context, "verifying", std::nullopt);
    return audit::VerifyTiles(audit::DirectoryReader(directory), keys,
                              [&progress](uint64_t entries, uint64_t) { progress.Update(entries); });
  }();
  MEDFLYT_RETURN_IF_ERROR(report.status());
  Document document = context.NewDocument();
  document.Field("verified", report->verified());
  document.Field("origin", OrNone(report->origin));
  document.Field("tree_size", report->size.value());
  document.Field("root_hash", report->root.ToHex());
  document.Field("sealed_entries", report->sealed);
  document.Field("ledger_records", report->ledger);
  document.Field("unreadable_entries", report->unreadable);
  document.Field("tiles", report->tiles);
  if (!report->verified()) {
    document.List("findings", {"finding", "file", "first_entry"});
    for (const audit::Finding& finding : report->findings) {
      document.Row(
          {audit::NameOf(finding.code), finding.path, finding.entry ? Value(finding.entry->value()) : Value()});
    }
  }
  MEDFLYT_RETURN_IF_ERROR(document.End());
  if (report->verified()) return absl::OkStatus();
  return VerificationFailed(absl::DataLossError("the log is not what was signed"));
}

// One file of an exported log. A full tile or bundle never changes, so what is there already is kept.
absl::Status Fetch(const std::filesystem::path& path, bool full, auto fetch) {
  if (full && std::filesystem::exists(path)) return absl::OkStatus();
  MEDFLYT_ASSIGN_OR_RETURN(const std::string bytes, fetch());
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return absl::FailedPreconditionError(path.parent_path().string() + ": " + error.message());
  return WriteFile(path, bytes, FileMode::kPublic);
}

absl::Status Export(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  const std::filesystem::path directory = arguments.Text("--tiles");
  MEDFLYT_RETURN_IF_ERROR(MakeDirectory(directory));
  MEDFLYT_ASSIGN_OR_RETURN(const auto head, client->Call(&Audit::GetCheckpoint, v1::GetCheckpointRequest()));
  MEDFLYT_ASSIGN_OR_RETURN(const auto key, tlog::VerifierKey::Parse(head.verifier_key()));
  const auto opened = tlog::OpenCheckpoint(head.checkpoint(), std::span(&key, 1));
  if (!opened.ok()) return VerificationFailed(opened.status());
  const TreeSize size = opened->checkpoint.size();

  uint64_t files = 0;
  Progress progress(context, "exporting", size.value());
  for (unsigned level = 0; tlog::TileWidthAt(level, 0, size) > 0; ++level) {
    unsigned width = 0;
    for (uint64_t index = 0; (width = tlog::TileWidthAt(level, index, size)) > 0; ++index, ++files) {
      const bool full = width == tlog::kTileWidth;
      MEDFLYT_RETURN_IF_ERROR(
          Fetch(directory / tlog::TilePath({level, index, width}), full, [&]() -> absl::StatusOr<std::string> {
            v1::GetTileRequest request;
            request.set_level(level);
            request.set_index(index);
            request.set_width(width);
            MEDFLYT_ASSIGN_OR_RETURN(auto tile, client->Call(&Audit::GetTile, request));
            return std::move(*tile.mutable_data());
          }));
      if (level > 0) continue;
      MEDFLYT_RETURN_IF_ERROR(
          Fetch(directory / tlog::EntryBundlePath(index, width), full, [&]() -> absl::StatusOr<std::string> {
            v1::GetEntryBundleRequest request;
            request.set_index(index);
            request.set_width(width);
            MEDFLYT_ASSIGN_OR_RETURN(auto bundle, client->Call(&Audit::GetEntryBundle, request));
            return std::move(*bundle.mutable_data());
          }));
      ++files;
      progress.Update(std::min(size.value(), (index + 1) * tlog::kTileWidth));
    }
  }
  // The checkpoint last: whoever sees it finds all that it is over.
  MEDFLYT_RETURN_IF_ERROR(WriteFile(directory / "checkpoint", head.checkpoint(), FileMode::kPublic));
  Document document = context.NewDocument();
  document.Field("directory", directory.string());
  document.Field("origin", opened->checkpoint.origin());
  document.Field("tree_size", size.value());
  document.Field("files", files);
  return document.End();
}

}  // namespace

std::vector<Command> AuditCommands() {
  std::vector<Option> trust = TrustOptions();
  return {
      {.noun = "audit",
       .verb = "checkpoint",
       .summary = "print the node's latest signed checkpoint",
       .description = "A C2SP signed note: origin, tree size, root, signature. Keep it: a later log must be consistent "
                      "with it.",
       .examples = {{"Keep it", "medflyt audit checkpoint > odense.checkpoint"}},
       .run = Checkpoint},
      {.noun = "audit",
       .verb = "export",
       .summary = "copy the node's log into a C2SP tlog-tiles directory",
       .description = "Checkpoint, tiles and entry bundles, which others' tools read too; entries are ciphertext. "
                      "Repeated, it fetches what is new.",
       .options = {{.name = "--tiles",
                    .value_name = "DIR",
                    .help = "the directory, made where it is missing",
                    .kind = ValueKind::kFile,
                    .required = true}},
       .examples = {{"Copy the log", "medflyt audit export --tiles odense-log"}},
       .run = Export},
      {.noun = "audit",
       .verb = "verify",
       .summary = "verify an exported log offline, with the log's public key alone",
       .description =
           "Derives every leaf, tile and root again from the entries and compares them with what was signed. "
           "Needs no node. Exit code 3 where the log is not what was signed, with findings by file and entry.",
       .options = std::move(trust),
       .positionals = {{.name = "DIR", .help = "a tlog-tiles directory", .kind = ValueKind::kFile}},
       .examples = {{"With the authority's card", "medflyt audit verify odense-log --card odense.card"}},
       .run = Verify},
  };
}

}  // namespace medflyt::cli
