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
#include "common/merkle/tree_hasher.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/fork_proof.h"
#include "common/tlog/leaf_fork_proof.h"
#include "common/tlog/tlog_proof.h"

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
  const auto checkpoint = tlog::StatedCheckpoint(note);
  return checkpoint.ok() ? std::optional(*checkpoint) : std::nullopt;
}

// By what a fork is proven.
std::string FormOf(const v1::Fork& fork) {
  if (!fork.proven()) return {};
  return fork.leaf_proof().empty() ? "two roots" : "two leaves";
}

absl::Status Forks(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(std::vector<v1::Fork> forks, AllForks(context));
  if (const auto peer = arguments.Find("--peer")) {
    std::erase_if(forks, [&peer](const v1::Fork& fork) { return fork.authority() != *peer; });
  }
  Document document = context.NewDocument();
  if (const auto out = arguments.Find("--out")) {
    const auto proof = std::find_if(forks.begin(), forks.end(), [](const v1::Fork& fork) {
      return fork.proven() && !(fork.accepted_note().empty() && fork.leaf_proof().empty());
    });
    if (proof == forks.end()) return absl::NotFoundError("no fork is proven by two notes or two leaves");
    const std::string text = proof->leaf_proof().empty()
                                 ? tlog::ForkProof{proof->accepted_note(), proof->presented_note()}.Serialize()
                                 : proof->leaf_proof();
    MEDFLYT_RETURN_IF_ERROR(WriteFile(*out, text, FileMode::kPublic));
    document.Field("written", *out);
    document.Field("authority", proof->authority());
    document.Field("proof", FormOf(*proof));
    document.Field("tree_size", uint64_t{proof->accepted_size()});
    return document.End();
  }
  document.List("forks", {"authority", "origin", "proven", "proof", "found_at", "accepted_size", "presented_size"});
  for (const v1::Fork& fork : forks) {
    const auto presented = CheckpointOf(fork.presented_note());
    document.Row({fork.authority(), presented ? Value(presented->origin()) : Value(), fork.proven(),
                  OrNone(FormOf(fork)), FormatUtc(absl::FromUnixSeconds(fork.found_at().seconds())),
                  uint64_t{fork.accepted_size()}, presented ? Value(presented->size().value()) : Value()},
                 {{"accepted_note", fork.accepted_note()},
                  {"presented_note", fork.presented_note()},
                  {"leaf_proof", fork.leaf_proof()}});
  }
  return document.End();
}

std::vector<tlog::VerifierKey> KeysOf(const audit::Trust& trust, const tlog::SignedNote& note) {
  const auto stated = tlog::Checkpoint::Parse(note.text);
  return audit::KeysFor(trust.keys, stated.ok() ? stated->size() : TreeSize(0));
}

absl::Status TellTwoRoots(Document document, const tlog::ProvenFork& fork) {
  document.Field("result", "the log has forked: it signed two roots of one size");
  document.Field("origin", fork.first.origin());
  document.Field("tree_size", fork.first.size().value());
  document.Field("first_root", fork.first.root().ToHex());
  document.Field("second_root", fork.second.root().ToHex());
  return document.End();
}

absl::Status TellTwoLeaves(Document document, const tlog::LeafForkProof& proof, const tlog::ProvenLeafFork& fork) {
  document.Field("result", "the log has forked: it signed for two leaves at one index");
  document.Field("origin", fork.first.origin());
  document.Field("leaf_index", fork.index.value());
  document.Field("first_leaf", proof.first.leaf_hash.ToHex());
  document.Field("first_tree_size", fork.first.size().value());
  document.Field("second_leaf", proof.second.leaf_hash.ToHex());
  document.Field("second_tree_size", fork.second.size().value());
  return document.End();
}

absl::StatusOr<tlog::ProvenLeafFork> Proven(const tlog::LeafForkProof& proof, const audit::Trust& trust) {
  return tlog::VerifyLeafForkProof(proof, KeysOf(trust, proof.first.proof.checkpoint),
                                   KeysOf(trust, proof.second.proof.checkpoint));
}

absl::StatusOr<tlog::ProvenFork> Proven(const tlog::ForkProof& proof, const audit::Trust& trust) {
  const auto note = tlog::SignedNote::Parse(proof.first);
  if (!note.ok()) return note.status();
  return tlog::VerifyForkProof(proof, KeysOf(trust, *note));
}

absl::Status ForkVerify(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, arguments.Text("FILE")));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string text,
                           file->ReadAll(std::max(tlog::kMaxForkProofBytes, tlog::kMaxLeafForkProofBytes)));
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_RETURN_IF_ERROR(CheckKeysNamed(trust));
  if (tlog::IsLeafForkProof(text)) {
    const auto proof = tlog::LeafForkProof::Parse(text);
    if (!proof.ok()) return VerificationFailed(proof.status());
    const auto fork = Proven(*proof, trust);
    if (!fork.ok()) return VerificationFailed(fork.status());
    return TellTwoLeaves(context.NewDocument(), *proof, *fork);
  }
  const auto proof = tlog::ForkProof::Parse(text);
  if (!proof.ok()) return VerificationFailed(proof.status());
  const auto fork = Proven(*proof, trust);
  if (!fork.ok()) return VerificationFailed(fork.status());
  return TellTwoRoots(context.NewDocument(), *fork);
}

// A standalone proof of an entry that it carries, as `event proof` writes it.
absl::StatusOr<tlog::ProvenLeaf> LeafOf(std::string_view text) {
  auto proof = tlog::TlogProof::Parse(text);
  if (!proof.ok()) return VerificationFailed(proof.status());
  if (proof->extra.empty()) return UsageError("this proof does not carry its entry: event proof writes one that does");
  const crypto::Hash leaf_hash = merkle::LeafHash(proof->extra);
  return tlog::ProvenLeaf{leaf_hash, *std::move(proof)};
}

absl::Status ForkProve(Context& context, const Arguments& arguments) {
  std::vector<std::string> texts;
  for (const char* const name : {"FIRST", "SECOND"}) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, arguments.Text(name)));
    MEDFLYT_ASSIGN_OR_RETURN(std::string text, file->ReadAll(tlog::kMaxTlogProofBytes));
    texts.push_back(std::move(text));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_RETURN_IF_ERROR(CheckKeysNamed(trust));
  const std::string out = arguments.Text("--out");
  // A tlog-proof ends as its checkpoint does and reads as a note too, so it is asked for first.
  if (!tlog::TlogProof::Parse(texts[0]).ok() && !tlog::TlogProof::Parse(texts[1]).ok()) {
    const tlog::ForkProof proof{texts[0], texts[1]};
    const auto fork = Proven(proof, trust);
    if (!fork.ok()) return VerificationFailed(fork.status());
    MEDFLYT_RETURN_IF_ERROR(WriteFile(out, proof.Serialize(), FileMode::kPublic));
    return TellTwoRoots(context.NewDocument(), *fork);
  }
  MEDFLYT_ASSIGN_OR_RETURN(tlog::ProvenLeaf first, LeafOf(texts[0]));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::ProvenLeaf second, LeafOf(texts[1]));
  const tlog::LeafForkProof proof{std::move(first), std::move(second)};
  const auto fork = Proven(proof, trust);
  if (!fork.ok()) return VerificationFailed(fork.status());
  MEDFLYT_RETURN_IF_ERROR(WriteFile(out, proof.Serialize(), FileMode::kPublic));
  return TellTwoLeaves(context.NewDocument(), proof, *fork);
}

std::vector<Option> KeyOptions() {
  std::vector<Option> options = TrustOptions();
  std::erase_if(options, [](const Option& option) { return option.name == "--policy"; });
  return options;
}

}  // namespace

std::vector<Command> PeerForkCommands() {
  std::vector<Option> prove_options = KeyOptions();
  prove_options.push_back({.name = "--out",
                           .value_name = "FILE",
                           .help = "write the proof to this file",
                           .kind = ValueKind::kFile,
                           .required = true});
  return {
      {.noun = "peer",
       .verb = "forks",
       .summary = "list what proves, or only suggests, that a peer shows different logs to different eyes",
       .description = "Proven: two heads of one size, both signed by the peer's log, or two leaves at one index, each "
                      "under a head that it signed; nothing more is taken of that log. Its owner goes on in a new one "
                      "(node recover), which two officers admit here (peer admit). All else accuses nobody: a head was "
                      "not proven to go on from another, by a proof that does not hold, a refusal, or no answer for a "
                      "day from a log that was there.\n\nWith --out the proof is written to a file, which convinces "
                      "whoever has the log's public key (peer fork-verify).",
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
       .description = "Needs no node. Exit code 0: the log signed two roots of one size, or for two leaves at one "
                      "index. Exit code "
                      "3: the file does not prove that.",
       .options = KeyOptions(),
       .positionals = {{.name = "FILE", .help = "the proof", .kind = ValueKind::kFile}},
       .examples = {{"By the peer's card", "medflyt peer fork-verify nyborg.fork --card nyborg.card"}},
       .run = ForkVerify},
      {.noun = "peer",
       .verb = "fork-prove",
       .summary = "make a proof that a log has forked of two things that its owner has signed",
       .description =
           "Needs no node. Takes two proofs of event proof, from two places: where they show two entries at one index "
           "of "
           "one log, it has forked. Or two checkpoints of one size, as audit commands keep them. Exit code 3: the two "
           "do not prove a fork; two roots of two sizes, or two entries at two indices, are none.",
       .options = std::move(prove_options),
       .positionals = {{.name = "FIRST",
                        .help = "a tlog-proof with its entry, or a checkpoint",
                        .kind = ValueKind::kFile},
                       {.name = "SECOND", .help = "the other of the same kind", .kind = ValueKind::kFile}},
       .examples = {{"The provider and the buyer compare what they hold",
                     "medflyt peer fork-prove ours.tlog-proof theirs.tlog-proof --card nyborg.card --out nyborg.fork"}},
       .run = ForkProve},
  };
}

}  // namespace medflyt::cli
