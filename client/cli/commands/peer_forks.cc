#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "client/cli/input.h"
#include "client/cli/trust.h"
#include "common/audit/signatures.h"
#include "common/base/status.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/fork_proof.h"

namespace medflyt::cli {
namespace {

using Admin = v1::AdminService::Stub;

absl::StatusOr<std::vector<v1::Fork>> AllForks(Context& context) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  std::vector<v1::Fork> forks;
  v1::ListForksRequest request;
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const auto page, client->Call(&Admin::ListForks, request));
    forks.insert(forks.end(), page.forks().begin(), page.forks().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return forks;
}

std::optional<tlog::Checkpoint> CheckpointOf(const std::string& note) {
  const auto parsed = tlog::SignedNote::Parse(note);
  const auto checkpoint = parsed.ok() ? tlog::Checkpoint::Parse(parsed->text) : parsed.status();
  return checkpoint.ok() ? std::optional(*checkpoint) : std::nullopt;
}

absl::Status Forks(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<v1::Fork> forks, AllForks(context));
  if (const auto peer = arguments.Find("--peer")) {
    std::erase_if(forks, [&peer](const v1::Fork& fork) { return fork.authority() != *peer; });
  }
  Document document = context.NewDocument();
  if (const auto out = arguments.Find("--out")) {
    const auto proof = std::find_if(forks.begin(), forks.end(), [](const v1::Fork& fork) {
      return fork.proven() && !fork.accepted_note().empty();
    });
    if (proof == forks.end()) return absl::NotFoundError("no fork is proven by two notes");
    MEDFLYT_RETURN_IF_ERROR(WriteFile(
        *out, tlog::ForkProof{proof->accepted_note(), proof->presented_note()}.Serialize(), FileMode::kPublic));
    document.Field("written", *out);
    document.Field("authority", proof->authority());
    document.Field("tree_size", uint64_t{proof->accepted_size()});
    return document.End();
  }
  document.List("forks", {"authority", "proven", "found_at", "accepted_size", "presented_size"});
  for (const v1::Fork& fork : forks) {
    const auto presented = CheckpointOf(fork.presented_note());
    document.Row({fork.authority(), fork.proven(), FormatUtc(absl::FromUnixSeconds(fork.found_at().seconds())),
                  uint64_t{fork.accepted_size()}, presented ? Value(presented->size().value()) : Value()},
                 {{"accepted_note", fork.accepted_note()}, {"presented_note", fork.presented_note()}});
  }
  return document.End();
}

absl::Status ForkVerify(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, arguments.Text("FILE")));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text, file->ReadAll(tlog::kMaxForkProofBytes));
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_RETURN_IF_ERROR(CheckKeysNamed(trust));
  const auto proof = tlog::ForkProof::Parse(text);
  if (!proof.ok()) return VerificationFailed(proof.status());
  const auto stated = CheckpointOf(proof->first);
  const auto keys = audit::KeysFor(trust.keys, stated ? stated->size() : TreeSize(0));
  const auto fork = tlog::VerifyForkProof(*proof, keys);
  if (!fork.ok()) return VerificationFailed(fork.status());
  Document document = context.NewDocument();
  document.Field("result", "the log has forked: it signed two roots of one size");
  document.Field("origin", fork->first.origin());
  document.Field("tree_size", fork->first.size().value());
  document.Field("first_root", fork->first.root().ToHex());
  document.Field("second_root", fork->second.root().ToHex());
  return document.End();
}

std::vector<Option> KeyOptions() {
  std::vector<Option> options = TrustOptions();
  std::erase_if(options, [](const Option& option) { return option.name == "--policy"; });
  return options;
}

}  // namespace

std::vector<Command> PeerForkCommands() {
  return {
      {.noun = "peer",
       .verb = "forks",
       .summary = "list what proves, or only suggests, that a peer shows different logs to different eyes",
       .description =
           "Proven: two heads of one size, both signed by the peer's log; nothing more is taken from it. All "
           "else accuses nobody: a head was not proven to go on from another.\n\nWith --out the proof is "
           "written to a file, which convinces whoever has the log's public key (peer fork-verify).",
       .options = {{.name = "--peer", .value_name = "CVR", .help = "of this authority's log only"},
                   {.name = "--out",
                    .value_name = "FILE",
                    .help = "write the first fork that is proven to this file",
                    .kind = ValueKind::kFile}},
       .examples = {{"What there is", "medflyt peer forks"},
                    {"To show to others", "medflyt peer forks --peer 29189722 --out nyborg.fork"}},
       .run = Forks},
      {.noun = "peer",
       .verb = "fork-verify",
       .summary = "check a proof that a log has forked, with its public key alone",
       .description =
           "Needs no node. Exit code 0: the log signed two roots of one size. Exit code 3: the file does not "
           "prove that.",
       .options = KeyOptions(),
       .positionals = {{.name = "FILE", .help = "the proof", .kind = ValueKind::kFile}},
       .examples = {{"By the peer's card", "medflyt peer fork-verify nyborg.fork --card nyborg.card"}},
       .run = ForkVerify},
  };
}

}  // namespace medflyt::cli
