#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/files.h"
#include "client/cli/input.h"
#include "common/base/bytes.h"
#include "common/crypto/secret.h"
#include "common/directory/peer_card.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/note_key.h"

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIssuers = 64 * 1024;

constexpr size_t kMaxKeyFile = 4096;

struct NodeKeys {
  tlog::NoteSigner log;
  tlog::VerifierKey witness;
  std::string witness_text;  // secret
};

// The text of a file of at most a few lines, or nothing where it is absent.
absl::StatusOr<std::optional<std::string>> ReadIfThere(Context& context, const fs::path& path, size_t most) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  MEDFLYT_ASSIGN_OR_RETURN(const auto input, InputFile::Open(context, path.string()));
  MEDFLYT_ASSIGN_OR_RETURN(std::string text, input->ReadAll(most));
  return text;
}

// What was there before and was not left by an interrupted init.
absl::Status Foreign(const fs::path& path, const std::string& why) {
  return absl::AlreadyExistsError(path.string() + " exists already and " + why);
}

// One line of signed-note's form for private keys, of type 0x04: tlog has no need to read one, the node does.
std::string WitnessKeyText(const tlog::VerifierKey& key, const crypto::Key& seed) {
  char id[9];
  std::snprintf(id, sizeof id, "%08x", key.id().value());
  std::string typed(1, static_cast<char>(tlog::SignatureType::kCosignature));
  typed.append(seed.ExposeView());
  std::string text = "PRIVATE+KEY+" + key.name() + "+" + id + "+" + Base64Encode(typed) + "\n";
  crypto::Wipe(typed);
  return text;
}

absl::StatusOr<NodeKeys> MakeKeys(const std::string& origin) {
  MEDFLYT_ASSIGN_OR_RETURN(auto log, tlog::NoteSigner::Create(origin, crypto::Signer(crypto::Key::Random())));
  const crypto::Key seed = crypto::Key::Random();
  MEDFLYT_ASSIGN_OR_RETURN(const auto witness, tlog::Cosigner::Create(origin + "/witness", crypto::Signer(seed)));
  return NodeKeys{std::move(log), witness.verifier_key(), WitnessKeyText(witness.verifier_key(), seed)};
}

// The witness key's seed out of what WitnessKeyText wrote for that name.
std::optional<crypto::Key> WitnessSeed(const std::string& text, const std::string& name) {
  constexpr std::string_view kStart = "PRIVATE+KEY+";
  // A base64 text may hold a '+', a name may not: the key begins behind name and id.
  const size_t skipped = kStart.size() + name.size() + 1 + 8 + 1;
  if (text.size() <= skipped + 1) return std::nullopt;
  auto typed = Base64Decode(std::string_view(text).substr(skipped, text.size() - skipped - 1));
  if (!typed.ok() || typed->size() != 1 + crypto::Key::kSize) return std::nullopt;
  const auto seed = crypto::Key::FromBytes(std::string_view(*typed).substr(1));
  crypto::Wipe(*typed);
  const auto witness = tlog::Cosigner::Create(name, crypto::Signer(*seed));
  if (!witness.ok() || WitnessKeyText(witness->verifier_key(), *seed) != text) return std::nullopt;
  return seed;
}

// In place of fresh keys those that an interrupted init left, so that what it made is completed and never replaced.
absl::Status KeepKeys(Context& context, const fs::path& dir, const std::string& origin, NodeKeys& keys) {
  const fs::path log_path = dir / "keys" / "log.key";
  MEDFLYT_ASSIGN_OR_RETURN(std::optional<std::string> text, ReadIfThere(context, log_path, kMaxKeyFile));
  if (text) {
    auto log = tlog::NoteSigner::Parse(std::string_view(*text).substr(0, text->empty() ? 0 : text->size() - 1));
    crypto::Wipe(*text);
    if (!log.ok()) return Foreign(log_path, "is no log key");
    if (log->verifier_key().name() != origin) {
      return Foreign(log_path, "is the key of another log: " + log->verifier_key().name());
    }
    keys.log = *std::move(log);
  }
  const fs::path witness_path = dir / "keys" / "witness.key";
  MEDFLYT_ASSIGN_OR_RETURN(text, ReadIfThere(context, witness_path, kMaxKeyFile));
  if (text) {
    const auto seed = WitnessSeed(*text, origin + "/witness");
    if (!seed) {
      crypto::Wipe(*text);
      return Foreign(witness_path, "is not this log's witness key");
    }
    MEDFLYT_ASSIGN_OR_RETURN(const auto witness, tlog::Cosigner::Create(origin + "/witness", crypto::Signer(*seed)));
    keys.witness = witness.verifier_key();
    crypto::Wipe(keys.witness_text);
    keys.witness_text = *std::move(text);
  }
  const fs::path root_path = dir / "keys" / "root.secret";
  MEDFLYT_ASSIGN_OR_RETURN(text, ReadIfThere(context, root_path, kMaxKeyFile));
  if (text) {
    const bool secret = text->size() == 2 * crypto::Key::kSize + 1 && text->back() == '\n' &&
                        text->find_first_not_of("0123456789abcdef") == text->size() - 1;
    crypto::Wipe(*text);
    if (!secret) return Foreign(root_path, "is no root secret");
  }
  // A card that this key did not sign was not left by us.
  MEDFLYT_ASSIGN_OR_RETURN(text, ReadIfThere(context, dir / "node.card", kMaxIssuers * 2));
  if (!text) return absl::OkStatus();
  const auto card = directory::ParsePeerCard(*text);
  if (!card.ok() || card->authority.logs.empty() ||
      card->authority.logs.back().keys.back().key != keys.log.verifier_key()) {
    return Foreign(dir / "node.card", "was not signed with this log key");
  }
  return absl::OkStatus();
}

// What an interrupted init had not put in its place yet: no finished file, and it may hold a secret.
void RemoveUnfinished(const fs::path& folder) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    const std::string name = file.path().filename().string();
    for (const char* ours : {"log.key", "witness.key", "root.secret", "node.card", "medflytd.toml"}) {
      if (name.starts_with(std::string(ours) + ".new.")) fs::remove(file.path(), error);
    }
  }
}

// Makes a secret's file unless an interrupted init has; wipes the text.
absl::Status CreateSecret(const fs::path& path, std::string& text) {
  std::error_code error;
  const absl::Status status = fs::exists(path, error) ? absl::OkStatus() : CreateFile(path, text, FileMode::kSecret);
  crypto::Wipe(text);
  return status;
}

absl::StatusOr<directory::Authority> AuthorityFrom(Context& context, const Arguments& arguments, const NodeKeys& keys,
                                                   const std::string& origin, Date today) {
  directory::Authority authority;
  const auto id = AuthorityId::Parse(arguments.Text("--authority"));
  if (!id) {
    return RuleError(absl::StatusCode::kInvalidArgument, "AUTHORITY_ID_INVALID", "--authority",
                     "a CVR number has 8 digits");
  }
  authority.id = *id;
  authority.kind = *directory::KindByName(arguments.Text("--kind"));
  const Date since = arguments.FindDate("--since").value_or(today);
  authority.names = {{since, arguments.Text("--name")}};
  if (const auto text = arguments.Find("--code")) {
    const auto code = MunicipalityCode::Parse(*text);
    if (!code) {
      return RuleError(absl::StatusCode::kInvalidArgument, "AUTHORITY_CODE_INVALID", "--code",
                       "a CPR authority code has 4 digits");
    }
    authority.codes = {{since, std::nullopt, *code}};
  }
  authority.endpoint = arguments.Text("--endpoint");
  authority.logs = {{origin, {{keys.log.verifier_key(), TreeSize(0), std::nullopt}}}};
  authority.witness = keys.witness;
  MEDFLYT_ASSIGN_OR_RETURN(const auto issuers, InputFile::Open(context, arguments.Text("--issuers")));
  MEDFLYT_ASSIGN_OR_RETURN(authority.issuers, issuers->ReadAll(kMaxIssuers));
  MEDFLYT_RETURN_IF_ERROR(directory::CheckAuthority(authority));
  return authority;
}

// A TOML basic string.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      quoted += "\\u00" + HexEncode(std::string_view(&c, 1));
      continue;
    }
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

// OK for "host:port"; port 0 is any free one.
absl::Status CheckAddress(const Arguments& arguments, std::string_view option) {
  const std::string text = arguments.Text(option);
  const size_t colon = text.rfind(':');
  const std::string_view port = std::string_view(text).substr(colon == std::string::npos ? text.size() : colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
  if (text.empty() || (digits && colon > 0 && std::stoi(std::string(port)) <= 65535)) return absl::OkStatus();
  return RuleError(absl::StatusCode::kInvalidArgument, "ENDPOINT_INVALID", option, "an address is host:port");
}

std::string ConfigurationOf(const Arguments& arguments) {
  auto absolute = [&](std::string_view option) { return Quoted(fs::absolute(arguments.Text(option)).string()); };
  std::string text =
      "# Configuration of medflytd, made by `medflyt node init`. Relative paths are relative to this file; a key that "
      "is\n"
      "# not known is an error.\n\n";
  text += "authority = " + Quoted(arguments.Text("--authority")) + "\n";
  text += std::string("production = ") + (arguments.Has("--production") ? "true" : "false") + "\n\n";
  text += "data_dir = \"data\"\ncard = \"node.card\"\npeers_dir = \"peers\"\n";
  if (arguments.Has("--legal-bases")) text += "legal_bases = " + absolute("--legal-bases") + "\n";
  if (arguments.Has("--retention")) text += "retention = " + absolute("--retention") + "\n";
  text += "\n[listen]\naddress = " + Quoted(arguments.Find("--listen").value_or(arguments.Text("--endpoint"))) + "\n";
  if (const auto metrics = arguments.Find("--metrics")) text += "metrics = " + Quoted(*metrics) + "\n";
  text += "\n[tls]\ncertificate = " + absolute("--tls-certificate") + "\nprivate_key = " + absolute("--tls-key") + "\n";
  text +=
      "\n[keys]  # mode 0600; none of them enters a backup\nlog_key = \"keys/log.key\"\nwitness_key = "
      "\"keys/witness.key\"\n"
      "root_secret = \"keys/root.secret\"\n";
  return text;
}

absl::Status Init(Context& context, const Arguments& arguments) {
  const fs::path dir = arguments.Text("--dir");
  const std::string endpoint = arguments.Text("--endpoint");
  const std::string origin =
      arguments.Find("--origin")
          .value_or(endpoint.substr(0, endpoint.rfind(':')) + "/" + arguments.Text("--authority") + "/1");
  const fs::path configuration = dir / "medflytd.toml";
  if (fs::exists(configuration)) {
    return absl::AlreadyExistsError(configuration.string() + " exists already: this node has its keys");
  }
  for (const std::string_view option : {"--listen", "--metrics"}) {
    MEDFLYT_RETURN_IF_ERROR(CheckAddress(arguments, option));
  }
  const Date today = DanishDate(context.environment().clock.Now());
  MEDFLYT_ASSIGN_OR_RETURN(NodeKeys keys, MakeKeys(origin));
  MEDFLYT_RETURN_IF_ERROR(KeepKeys(context, dir, origin, keys));
  MEDFLYT_ASSIGN_OR_RETURN(const auto authority, AuthorityFrom(context, arguments, keys, origin, today));
  MEDFLYT_ASSIGN_OR_RETURN(const std::string card_bytes, directory::WritePeerCard(authority, today, keys.log));
  MEDFLYT_ASSIGN_OR_RETURN(const auto card, directory::ParsePeerCard(card_bytes));

  for (const char* folder : {"", "keys", "peers"}) MEDFLYT_RETURN_IF_ERROR(MakeDirectory(dir / folder));
  for (const fs::path& folder : {dir, dir / "keys"}) RemoveUnfinished(folder);
  std::string log_key = keys.log.Format() + "\n";
  std::string root_secret = HexEncode(crypto::Key::Random().ExposeView()) + "\n";
  const absl::Status log_status = CreateSecret(dir / "keys" / "log.key", log_key);
  const absl::Status witness_status = CreateSecret(dir / "keys" / "witness.key", keys.witness_text);
  const absl::Status root_status = CreateSecret(dir / "keys" / "root.secret", root_secret);
  for (const absl::Status& status : {log_status, witness_status, root_status}) MEDFLYT_RETURN_IF_ERROR(status);
  // Nobody was given a card before there was a configuration: it is made again, with what was said this time.
  MEDFLYT_RETURN_IF_ERROR(WriteFile(dir / "node.card", card_bytes, FileMode::kPublic));
  // The configuration last: where it stands, all that it names is there.
  MEDFLYT_RETURN_IF_ERROR(CreateFile(configuration, ConfigurationOf(arguments), FileMode::kPublic));

  Document document = context.NewDocument();
  document.Field("configuration", configuration.string());
  document.Field("card", (dir / "node.card").string());
  document.Field("origin", origin);
  document.Field("log_key", keys.log.verifier_key().Format());
  document.Field("fingerprint", directory::FingerprintOf(card));
  return document.End();
}

// "3-5", "3", or none.
Value Numbers(bool any, const v1::EventNumbers& numbers) {
  if (!any) return Value();
  const std::string first = std::to_string(numbers.first());
  return numbers.first() == numbers.last() ? Value(first) : Value(first + "-" + std::to_string(numbers.last()));
}

absl::Status NodeStatus(Context& context, const Arguments&) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  MEDFLYT_ASSIGN_OR_RETURN(const auto status, client->Call(&v1::AdminService::Stub::GetStatus, v1::GetStatusRequest()));
  Document document = context.NewDocument();
  document.Field("authority", status.authority());
  document.Field("name", status.name());
  document.Field("origin", status.origin());
  document.Field("log_verifier_key", status.log_verifier_key());
  document.Field("tree_size", uint64_t{status.tree_size()});
  document.Field("root_hash", status.root_hash());
  document.Field("started_at", FormatUtc(absl::FromUnixSeconds(status.started_at().seconds())));
  document.Field("version", status.version());
  document.Field("production", status.production());
  document.Field("cosigned_size", uint64_t{status.cosigned_size()});
  document.Field("signing", !status.has_restraint());
  if (status.has_restraint()) {
    document.Field("restraint", status.restraint().rule());
    document.Field("restraint_reason", status.restraint().reason());
    document.List("own_log_at_peers", {"authority", "standing", "named_size", "last_error", "first_officer"});
    for (const v1::PeerKnowledge& peer : status.restraint().peers()) {
      document.Row({peer.authority(), peer.standing(), uint64_t{peer.size()}, OrNone(peer.last_error()),
                    OrNone(peer.first_officer())});
    }
  }
  document.List("peers",
                {"authority", "connected", "issued", "receipted", "received", "accepted_size", "paused", "last_error"});
  for (const v1::Peer& peer : status.peers()) {
    document.Row({peer.authority(), peer.connected(), uint64_t{peer.last_issued_number()},
                  uint64_t{peer.receipted_number()}, uint64_t{peer.last_received_number()},
                  uint64_t{peer.accepted_size()}, peer.paused(), OrNone(peer.last_error())});
  }
  const auto has_forked = [](const v1::Peer& peer) { return peer.forked_origins_size() > 0; };
  if (std::any_of(status.peers().begin(), status.peers().end(), has_forked)) {
    document.List("forked", {"authority", "origin"});
    for (const v1::Peer& peer : status.peers()) {
      for (const std::string& origin : peer.forked_origins()) document.Row({peer.authority(), origin});
    }
  }
  const auto is_left_out = [](const v1::Peer& peer) { return peer.has_own_left_out() || peer.has_peers_left_out(); };
  if (std::any_of(status.peers().begin(), status.peers().end(), is_left_out)) {
    document.List("left_out", {"authority", "own_numbers", "peers_numbers"});
    for (const v1::Peer& peer : status.peers()) {
      if (!is_left_out(peer)) continue;
      document.Row({peer.authority(), Numbers(peer.has_own_left_out(), peer.own_left_out()),
                    Numbers(peer.has_peers_left_out(), peer.peers_left_out())});
    }
  }
  document.List("cosigned_by", {"authority", "cosigned_size", "cosigned_at", "cosigning_error", "cosigned_beyond"});
  for (const v1::Peer& peer : status.peers()) {
    document.Row(
        {peer.authority(), uint64_t{peer.cosigned_size()},
         peer.has_cosigned_at() ? Value(FormatUtc(absl::FromUnixSeconds(peer.cosigned_at().seconds()))) : Value(),
         OrNone(peer.cosigning_error()), uint64_t{peer.cosigned_beyond()}});
  }
  return document.End();
}

absl::Status ReleasePeer(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::ReleasePeerRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_authority(arguments.Text("CVR"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&v1::AdminService::Stub::ReleasePeer, request));
  Document document = context.NewDocument();
  document.Field("authority", request.authority());
  document.Field("released", response.released());
  if (!response.released()) document.Field("waits_for", "a second officer with another client certificate");
  return document.End();
}

absl::Status Recover(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::RecoverNodeRequest request;
  *request.mutable_context() = client->NewContext();
  for (const std::string& peer : arguments.All("--without")) request.add_without(peer);
  MEDFLYT_ASSIGN_OR_RETURN(const auto response,
                           client->Call(&v1::AdminService::Stub::RecoverNode, request, absl::Hours(1)));
  Document document = context.NewDocument();
  document.Field("decided", response.decided());
  if (!response.decided()) {
    document.Field("waits_for", "a second officer with another client certificate");
    return document.End();
  }
  document.Field("closed_size", uint64_t{response.closed_size()});
  document.Field("own_events_back", uint64_t{response.held()});
  document.Field("peers_events_back", uint64_t{response.returned()});
  document.Field("next", "stop the node, run medflytd --recover, start it, give its new card to every authority");
  return document.End();
}

absl::Status Backup(Context& context, const Arguments&) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::CreateBackupRequest request;
  *request.mutable_context() = client->NewContext();
  MEDFLYT_ASSIGN_OR_RETURN(const auto response,
                           client->Call(&v1::AdminService::Stub::CreateBackup, request, absl::Hours(6)));
  Document document = context.NewDocument();
  document.Field("directory", response.directory());
  document.Field("key_backup", response.key_backup());
  document.Field("tree_size", uint64_t{response.tree_size()});
  document.Field("root_hash", response.root_hash());
  return document.End();
}

Option FileOption(std::string name, std::string help, bool required) {
  return {.name = std::move(name),
          .value_name = "FILE",
          .help = std::move(help),
          .kind = ValueKind::kFile,
          .required = required};
}

}  // namespace

std::vector<Command> NodeCommands() {
  return {
      {.noun = "node",
       .verb = "init",
       .summary = "make a node's keys, configuration and signed peer card",
       .description =
           "On the machine of the node, by its administrator. Keys that are there are never replaced: where it "
           "was interrupted, repeat it, and it completes what is missing. The folder holds secrets and has "
           "mode 0700.",
       .options = {{.name = "--dir",
                    .value_name = "DIR",
                    .help = "the node's folder, made where it is missing",
                    .kind = ValueKind::kFile,
                    .required = true},
                   {.name = "--authority", .value_name = "CVR", .help = "whose node it is", .required = true},
                   {.name = "--name", .value_name = "NAME", .help = "the authority's name", .required = true},
                   {.name = "--kind",
                    .value_name = "KIND",
                    .help = "what it is",
                    .default_value = "municipality",
                    .choices = {"municipality", "police-district", "state-body"}},
                   {.name = "--code", .value_name = "CODE", .help = "its CPR authority code"},
                   {.name = "--since",
                    .value_name = "DATE",
                    .help = "from when name and code hold; today by default",
                    .kind = ValueKind::kDate},
                   {.name = "--endpoint",
                    .value_name = "HOST:PORT",
                    .help = "where other authorities' nodes reach it",
                    .required = true},
                   {.name = "--listen", .value_name = "HOST:PORT", .help = "where it listens; the endpoint by default"},
                   {.name = "--metrics", .value_name = "HOST:PORT", .help = "loopback address of Prometheus metrics"},
                   {.name = "--origin",
                    .value_name = "ORIGIN",
                    .help = "name of its log; HOST/CVR/1 by default, and never changed"},
                   FileOption("--tls-certificate", "the node's certificate chain, PEM", true),
                   FileOption("--tls-key", "its key, PEM", true),
                   FileOption("--issuers", "certificates of those who issue the authority's certificates, PEM", true),
                   FileOption("--legal-bases", "the dated table of legal bases", false),
                   FileOption("--retention", "the dated table of retention periods and grounds for erasure", false),
                   {.name = "--production",
                    .value_name = "",
                    .help = "refuse test numbers, and secrets that cannot be locked in memory",
                    .kind = ValueKind::kFlag}},
       .examples =
           {{"Odense",
             "medflyt node init --dir /var/lib/medflyt --authority 35209115 --name 'Odense Kommune' --code 0461 "
             "--endpoint medflyt.odense.example:7461 --tls-certificate node.pem --tls-key node.key --issuers "
             "oces3.pem"}},
       .run = Init},
      {.noun = "node",
       .verb = "status",
       .summary = "show the node's log and how far each peer has come",
       .description =
           "Numbers count the events of each direction; receipted are those whose receipt is held. Then who "
           "has cosigned this node's log, to which size and when; cosigned_beyond other than 0 is an alarm: "
           "that peer has seen a larger log than this node has. Where signing is false the node appends "
           "nothing, says why, and shows what each peer has said that it knows of this log. A peer under left_out "
           "(last error PEER_LEFT_OUT) was left out when this node opened a new log, or left this one out: one of "
           "the two has events of the closed log under these numbers that the other lost, and that direction "
           "stands still.",
       .run = NodeStatus},
      {.noun = "node",
       .verb = "release-peer",
       .summary = "no longer wait for a peer before this node signs again",
       .description = "For a node that started restrained, because its store may have been rolled back, and a peer "
                      "that is away for good. Two officers, each with a client certificate of their own, give this "
                      "command: what that peer had seen of this log may then be contradicted, and nobody would know.",
       .positionals = {{.name = "CVR", .help = "the peer's CVR number"}},
       .run = ReleasePeer},
      {.noun = "node",
       .verb = "recover",
       .summary = "let a node whose store is behind go on under a new log",
       .description =
           "For a node that signs nothing because peers have proven that they hold more of its log than its "
           "store does, and no newer copy of the store is to be had. Two officers, each with a client "
           "certificate of their own, give this command; the second one's fetches back what every peer "
           "holds. What nobody else has is lost. `node status` shows what each peer has said. Wait for a peer "
           "that will be back: where one that was left out has more than this node's store, the exchange with "
           "it stands still for good (PEER_LEFT_OUT).",
       .options = {{.name = "--without",
                    .value_name = "CVR",
                    .help = "a peer that is away for good: it is not asked, and what it alone holds is lost; may be "
                            "repeated; both officers name the same",
                    .repeated = true}},
       .run = Recover},
      {.noun = "node",
       .verb = "backup",
       .summary = "copy the node's data while it runs",
       .description =
           "Into a new directory on the node's machine, below the one that its configuration names (backup_dir). The "
           "copy holds no keys: these are written to the key-table backup, which is to be kept apart from it. Look at "
           "a copy with `medflytd --backup-tiles` and `medflyt audit verify`; make a store of it with "
           "`medflytd --restore`.",
       .run = Backup},
  };
}

}  // namespace medflyt::cli
