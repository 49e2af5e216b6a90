#include <algorithm>
#include <optional>
#include <utility>

#include "client/cli/call.h"
#include "client/cli/checkpoint_store.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "client/cli/input.h"
#include "client/cli/look.h"
#include "client/cli/message_fields.h"
#include "client/cli/node_log.h"
#include "client/cli/proof_check.h"
#include "client/cli/trust.h"
#include "common/audit/verify.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tlog_proof.h"

namespace medflyt::cli {
namespace {

constexpr size_t kMaxFile = 1 << 20;

std::string DeliveryOf(const v1::EventView& event) {
  return Shown(v1::DeliveryState_Name(event.delivery()), "DELIVERY_STATE_");
}

absl::Status Dispute(Context& context, const Arguments& arguments) {
  v1::DisputeEventRequest request;
  request.mutable_dispute_event()->set_event_id(arguments.Text("EVENT"));
  v1::DisputeGround ground = v1::DISPUTE_GROUND_UNSPECIFIED;
  v1::DisputeGround_Parse(EnumName("DISPUTE_GROUND_", arguments.Text("--ground")), &ground);
  request.mutable_dispute_event()->set_ground(ground);
  return Submit(context, arguments, &Municipality::DisputeEvent, std::move(request));
}

absl::Status Show(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::GetEventRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_event_id(arguments.Text("EVENT"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Municipality::GetEvent, request));
  const v1::EventView& event = response.event();
  Document document = context.NewDocument();
  document.Field("event_id", event.event_id());
  document.Field("type", event.type());
  document.Field("recorded_at", RecordedAt(event));
  document.Field("origin", event.origin());
  document.Field("leaf_index", uint64_t{event.leaf_index()});
  document.Field("leaf_hash", event.leaf_hash());
  document.Field("delivery", OrNone(DeliveryOf(event)));
  document.Field("refused_rule", OrNone(event.refused_rule()));
  document.Field("erased", event.erased());
  document.Field("disputes", EachOf(event.disputes()));
  document.Field("conflicts", event.conflicts());
  for (const Value::Field& field : FieldsOf(event.content())) {
    if (field.name != "recorded_at_us") document.Field(field.name, field.value);  // stands above
  }
  return document.End();
}

absl::Status Watch(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::WatchEventsRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_from_position(static_cast<uint64_t>(arguments.Integer("--from-position")));
  uint64_t next = request.from_position();
  Document document = context.NewDocument();
  document.List("events",
                {"position", "recorded_at", "type", "issuer", "recipient", "case_id", "delivery", "event_id"});
  const bool follow = arguments.Has("--follow");
  const absl::Status status = client->WatchEvents(request, [&](const v1::WatchEventsResponse& response) {
    next = response.next_position();
    if (response.has_event()) {
      const v1::EventView& event = response.event();
      const auto issuer = AuthorityId::FromNumber(event.content().issuer());
      const auto recipient = AuthorityId::FromNumber(event.content().recipient());
      document.Row({uint64_t{event.position()}, RecordedAt(event), event.type(),
                    issuer ? Value(issuer->ToString()) : Value(), recipient ? Value(recipient->ToString()) : Value(),
                    HexEncode(event.content().case_id()), OrNone(DeliveryOf(event)), event.event_id()});
    }
    return follow || !response.caught_up();
  });
  MEDFLYT_RETURN_IF_ERROR(status);
  document.Field("next_position", next);
  return document.End();
}

absl::Status Proof(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  const auto log = NodeLogOver(client);
  auto looked = LookFirst(context, arguments, trust.keys, *log, NamedKeys::kOfAnyLog);
  std::optional<SeenHead> head;
  if (looked.ok()) {
    head = *std::move(looked);
  } else if (looked.status().code() == absl::StatusCode::kPermissionDenied) {
    // A case system may prove events without being an auditor.
    context.Note("the node's log was not looked at, because this client may not audit it");
  } else {
    return looked.status();
  }
  MEDFLYT_ASSIGN_OR_RETURN(const CheckpointStore store, TrustStoreOf(context, arguments));
  v1::GetEventProofRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_event_id(arguments.Text("EVENT"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Municipality::GetEventProof, request));
  auto proof = tlog::TlogProof::Parse(response.tlog_proof());
  if (!proof.ok()) return VerificationFailed(proof.status());
  MEDFLYT_ASSIGN_OR_RETURN(const CheckedProof checked,
                           CheckProof(context, *log, store, trust.keys, head,
                                      {*proof,
                                       response.entry(),
                                       response.origin(),
                                       {response.verifier_keys().begin(), response.verifier_keys().end()}}));
  const std::string out = arguments.Find("--out").value_or(arguments.Text("EVENT"));
  proof->extra = response.entry();  // so that the one file stands alone
  if (!response.not_cosigned_rule().empty()) {
    context.Note("the proof's checkpoint carries no cosignatures (" + response.not_cosigned_rule() +
                 "): it holds by the log's own key, and meets no policy's quorum yet");
  }
  if (checked.key_by_node) {
    context.Note("the key of " + response.origin() +
                 " is the node's own word: event verify asks for it by another way");
  }
  MEDFLYT_RETURN_IF_ERROR(WriteFile(out + ".tlog-proof", proof->Serialize(), FileMode::kPublic));
  MEDFLYT_RETURN_IF_ERROR(WriteFile(out + ".entry", response.entry(), FileMode::kPublic));
  Document document = context.NewDocument();
  document.Field("proof", out + ".tlog-proof");
  document.Field("entry", out + ".entry");
  document.Field("origin", response.origin());
  document.Field("verifier_keys", Value::Array(response.verifier_keys().begin(), response.verifier_keys().end()));
  document.Field("provisional", checked.provisional);
  return document.End();
}

absl::StatusOr<std::string> ReadSmall(Context& context, const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, path));
  return file->ReadAll(kMaxFile);
}

// The proof's entry: the file that was named, else what the proof carries, which its own leaf hash then vouches for.
absl::StatusOr<std::string> EntryOf(Context& context, const Arguments& arguments, const tlog::TlogProof& proof) {
  if (const auto path = arguments.Find("ENTRY")) {
    MEDFLYT_ASSIGN_OR_RETURN(std::string entry, ReadSmall(context, *path));
    if (!proof.extra.empty() && proof.extra != entry) {
      return VerificationFailed(RuleError(absl::StatusCode::kDataLoss, "ENTRY_NOT_OF_PROOF", "entry",
                                          "the proof carries another entry than this file"));
    }
    return entry;
  }
  if (proof.extra.empty()) return UsageError("this proof does not carry its entry: name the entry's file too");
  return proof.extra;
}

absl::Status Verify(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_RETURN_IF_ERROR(CheckKeysNamed(trust));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string proof_bytes, ReadSmall(context, arguments.Text("PROOF")));
  const auto proof = tlog::TlogProof::Parse(proof_bytes);
  if (!proof.ok()) return VerificationFailed(proof.status());
  MEDFLYT_ASSIGN_OR_RETURN(const std::string entry, EntryOf(context, arguments, *proof));
  const auto stated = tlog::Checkpoint::Parse(proof->checkpoint.text);
  if (!stated.ok()) return VerificationFailed(stated.status());
  const auto keys = audit::KeysFor(trust.keys, stated->size());
  const auto opened = tlog::VerifyTlogProof(*proof, merkle::LeafHash(entry), keys);
  if (!opened.ok()) return VerificationFailed(opened.status());
  bool seen = false;
  if (const auto store = KnownTrustStore(context, arguments)) {
    MEDFLYT_ASSIGN_OR_RETURN(seen, WasSeen(context, *store, *opened));
  }
  if (trust.policy) {
    const absl::Status met = trust.policy->Check(proof->checkpoint, keys).status();
    // Said last, when all else holds.
    const auto broken = BrokenRuleOf(met);
    if (broken && broken->rule == "POLICY_QUORUM_NOT_MET") return QuorumNotMetYet();
    MEDFLYT_RETURN_IF_ERROR(VerificationFailed(met));
  }
  Value::Array cosigned;
  if (trust.policy) {
    audit::Report report;
    if (audit::CheckHead(proof->checkpoint.Serialize(), trust.keys, &*trust.policy, report)) {
      for (const audit::Cosigned& each : report.cosigned) {
        cosigned.emplace_back(Value::Object{{"witness", each.witness}, {"at", FormatUtc(each.at)}});
      }
    }
  }
  Document document = context.NewDocument();
  document.Field("verified", true);
  document.Field("origin", opened->checkpoint.origin());
  document.Field("leaf_index", proof->index.value());
  document.Field("tree_size", opened->checkpoint.size().value());
  document.Field("leaf_hash", merkle::LeafHash(entry).ToHex());
  if (trust.policy) document.Field("cosigned_by", std::move(cosigned));
  document.Field("provisional", !seen);
  if (!seen) TellProvisional(context, opened->checkpoint);
  return document.End();
}

Positional EventId() { return {.name = "EVENT", .help = "the event's id", .kind = ValueKind::kId}; }

}  // namespace

std::vector<Command> EventCommands() {
  std::vector<Option> proof_options = LookOptions();
  proof_options.insert(proof_options.begin(),
                       {.name = "--out",
                        .value_name = "NAME",
                        .help = "write NAME.tlog-proof and NAME.entry; by default the event's id"});
  std::vector<Option> verify_options = TrustOptions();
  Option trust = TrustStoreOption();
  trust.help = "compare with the checkpoints that are kept there; by default $XDG_STATE_HOME/medflyt/trust";
  verify_options.push_back(std::move(trust));
  return {
      {.noun = "event",
       .verb = "watch",
       .summary = "list the events of the node's log, issued and received, in their order",
       .description = "Ends when it has caught up, and then tells the position to go on from; --follow waits for more. "
                      "Start and resumption are recorded as a read, with officer and purpose.",
       .options = {{.name = "--from-position",
                    .value_name = "N",
                    .help = "go on from there",
                    .kind = ValueKind::kInteger,
                    .default_value = "0"},
                   {.name = "--follow",
                    .value_name = "",
                    .help = "wait for more until interrupted",
                    .kind = ValueKind::kFlag}},
       .examples = {{"All of it", "medflyt event watch"}},
       .run = Watch},
      {.noun = "event",
       .verb = "show",
       .summary = "show an event, and how far it has come",
       .description = "CPR numbers are masked. The look-up is recorded, with officer and purpose.",
       .positionals = {EventId()},
       .run = Show},
      {.noun = "event",
       .verb = "dispute",
       .summary = "tell another authority that an event which it stated is wrong",
       .description =
           "The event stays applied; both ends show it as disputed, and an officer there looks at it. Why is a "
           "code: nothing else is told.",
       .options = {{.name = "--ground",
                    .value_name = "GROUND",
                    .help = "what is wrong with it",
                    .required = true,
                    .choices = {"wrong-value", "wrong-date", "wrong-citizen", "not-our-citizen"}},
                   RequestIdOption()},
       .positionals = {EventId()},
       .examples = {{"The citizen that it names is another one",
                     "medflyt event dispute 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --ground wrong-citizen"}},
       .run = Dispute},
      {.noun = "event",
       .verb = "proof",
       .summary = "write the standalone proof that an event stands in its issuer's log",
       .description =
           "A C2SP tlog-proof that carries the entry as its extra data, and the entry's exact bytes in a file of their "
           "own for tools that want them apart. With the log's public key the proof is the event's detached signature; "
           "the entry is ciphertext. It is made under a checkpoint that witnesses have cosigned where there is one: of "
           "an event that was received the node asks the issuer's node for it, and says why where there is none. The "
           "node's log is first looked at as by audit checkpoint, where this client may; where the keys that are named "
           "are of other logs alone, as of the issuer's, under the one that was remembered or that the node names.\n\n"
           "The proof is checked before it is written, under the keys that are named, else the one remembered of that "
           "log, else by the node's word, which accuses nobody of what another key signed. Of the "
           "node's own log its checkpoint is also proven to be one with the head that was looked at, and kept with it. "
           "Else it is provisional, unless that very checkpoint was seen before: another log might be shown to others.",
       .options = std::move(proof_options),
       .positionals = {EventId()},
       .examples = {{"Keep the proof of an event that was received",
                     "medflyt event proof 6f0e4a1c9b2d4e5f8a7b6c5d4e3f2a1b --out announcement"}},
       .run = Proof},
      {.noun = "event",
       .verb = "verify",
       .summary = "check such a proof offline, with the log's public key alone",
       .description = "Needs no node. With --policy the checkpoint must be cosigned as it asks. Exit code 3 where the "
                      "proof does not hold, 1 where too few witnesses have cosigned yet and all else holds.\n\n"
                      "The checkpoint is compared with those of its log that were seen and kept. One of its size with "
                      "another root is a fork: exit code 3, and both are kept as evidence. The proof is provisional "
                      "unless that very checkpoint was seen: offline, trees of other sizes cannot be compared.",
       .options = std::move(verify_options),
       .positionals = {{.name = "PROOF", .help = "the tlog-proof", .kind = ValueKind::kFile},
                       {.name = "ENTRY",
                        .help = "the entry's bytes, where the proof does not carry them",
                        .kind = ValueKind::kFile,
                        .required = false}},
       .examples = {{"With the issuer's card", "medflyt event verify announcement.tlog-proof --card odense.card"}},
       .run = Verify},
  };
}

}  // namespace medflyt::cli
