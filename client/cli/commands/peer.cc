#include <filesystem>
#include <string>

#include "client/cli/call.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/files.h"
#include "client/cli/trust.h"
#include "common/directory/peer_card.h"

namespace medflyt::cli {
namespace {

namespace fs = std::filesystem;
using Admin = v1::AdminService::Stub;

void ShowCard(Document& document, const directory::PeerCard& card) {
  const directory::Authority& authority = card.authority;
  document.Field("authority", authority.id.ToString());
  document.Field("name", authority.names.back().name);
  document.Field("kind", directory::NameOf(authority.kind));
  document.Field("endpoint", authority.endpoint);
  document.Field("origin", authority.logs.back().origin);
  document.Field("log_key", authority.logs.back().keys.back().key.Format());
  document.Field("fingerprint", directory::FingerprintOf(card));
}

absl::Status Card(Context& context, const Arguments& arguments) {
  if (const auto directory = arguments.Find("--dir")) {
    MEDFLYT_ASSIGN_OR_RETURN(const CardFile file, ReadCard(context, (fs::path(*directory) / "node.card").string()));
    context.out() << file.bytes << std::flush;
  } else {
    MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
    MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Admin::GetPeerCard, v1::GetPeerCardRequest()));
    context.out() << response.card() << std::flush;
  }
  return context.out().good() ? absl::OkStatus() : absl::DataLossError("standard output could not be written");
}

absl::Status Add(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const CardFile read, ReadCard(context, arguments.Text("CARD")));
  const directory::PeerCard& card = read.card;
  Document document = context.NewDocument();
  ShowCard(document, card);
  const std::string fingerprint = directory::FingerprintOf(card);
  const auto confirmed = arguments.Find("--fingerprint");
  if (!confirmed) {
    MEDFLYT_RETURN_IF_ERROR(document.End());
    return UsageError("compare the fingerprint by telephone, then repeat with --fingerprint '" + fingerprint + "'");
  }
  if (!directory::SameFingerprint(*confirmed, fingerprint)) {
    MEDFLYT_RETURN_IF_ERROR(document.End());
    return VerificationFailed(absl::InvalidArgumentError("the card has another fingerprint than the one confirmed"));
  }
  const fs::path file = fs::path(arguments.Text("--dir")) / "peers" / (card.authority.id.ToString() + ".card");
  MEDFLYT_RETURN_IF_ERROR(WriteFile(file, read.bytes, FileMode::kPublic));
  document.Field("added", file.string());
  return document.End();
}

absl::Status Reload(Context& context, const Arguments&) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::ReloadPeersRequest request;
  *request.mutable_context() = client->NewContext();
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Admin::ReloadPeers, request));
  Document document = context.NewDocument();
  document.Field("authorities", response.authorities());
  return document.End();
}

absl::Status Admit(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  v1::AdmitGenerationRequest request;
  *request.mutable_context() = client->NewContext();
  request.set_authority(arguments.Text("AUTHORITY"));
  request.set_fingerprint(arguments.Text("--fingerprint"));
  MEDFLYT_ASSIGN_OR_RETURN(const auto response, client->Call(&Admin::AdmitGeneration, request));
  Document document = context.NewDocument();
  document.Field("authority", request.authority());
  document.Field("origin", response.origin());
  document.Field("admitted", response.admitted());
  if (!response.admitted()) document.Field("waits_for", "a second officer with another client certificate");
  return document.End();
}

absl::Status List(Context& context, const Arguments&) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  Document document = context.NewDocument();
  document.List("peers",
                {"authority", "name", "endpoint", "connected", "issued", "receipted", "received", "last_error"});
  v1::ListPeersRequest request;
  do {
    MEDFLYT_ASSIGN_OR_RETURN(const auto page, client->Call(&Admin::ListPeers, request));
    for (const v1::Peer& peer : page.peers()) {
      document.Row({peer.authority(), peer.name(), peer.endpoint(), peer.connected(),
                    uint64_t{peer.last_issued_number()}, uint64_t{peer.receipted_number()},
                    uint64_t{peer.last_received_number()}, OrNone(peer.last_error())});
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return document.End();
}

}  // namespace

std::vector<Command> PeerCommands() {
  return {
      {.noun = "peer",
       .verb = "card",
       .summary = "print the node's own signed card, to give to another authority",
       .description = "Without --dir the running node is asked.",
       .options =
           {{.name = "--dir", .value_name = "DIR", .help = "the folder that node init made", .kind = ValueKind::kFile}},
       .examples = {{"Write it to a file", "medflyt peer card --dir /var/lib/medflyt > odense.card"}},
       .run = Card},
      {.noun = "peer",
       .verb = "add",
       .summary = "let another authority in by its card, after comparing fingerprints by telephone",
       .description = "Without --fingerprint the card is shown and nothing is changed. A running node takes it in with "
                      "peer reload, or at SIGHUP.",
       .options = {{.name = "--dir",
                    .value_name = "DIR",
                    .help = "the folder that node init made",
                    .kind = ValueKind::kFile,
                    .required = true},
                   {.name = "--fingerprint",
                    .value_name = "GROUPS",
                    .help = "what the other authority read out, as it was shown"}},
       .positionals = {{.name = "CARD", .help = "the card", .kind = ValueKind::kFile}},
       .examples = {{"First look", "medflyt peer add nyborg.card --dir /var/lib/medflyt"},
                    {"Then add",
                     "medflyt peer add nyborg.card --dir /var/lib/medflyt --fingerprint '3f2a 9b1c 0d4e 5f60 7182 93a4 "
                     "b5c6 d7e8'"}},
       .run = Add},
      {.noun = "peer",
       .verb = "reload",
       .summary = "make the running node read the peer cards again",
       .description = "A card that is faulty changes nothing. Where the cards are others than before, the log has a "
                      "record of it with the certificate of the client that asked (audit log --type "
                      "directory-changed).",
       .run = Reload},
      {.noun = "peer",
       .verb = "admit",
       .summary = "admit a peer's new log, or its log's new key in the place of one that was lost or stolen",
       .description = "Once its new card is known (peer add, peer reload), and compared by telephone anew. Nothing is "
                      "exchanged with the new log, or under the new key, before two officers, each with a client "
                      "certificate of their own, have given this command with the fingerprint of the card. A key that "
                      "the one before handed the log over to needs no admission.",
       .options = {{.name = "--fingerprint",
                    .value_name = "GROUPS",
                    .help = "of the new card, what the other authority read out",
                    .required = true}},
       .positionals = {{.name = "AUTHORITY", .help = "the peer's CVR number"}},
       .examples = {{"Each of the two officers",
                     "medflyt peer admit 29189722 --fingerprint '3f2a 9b1c 0d4e 5f60 7182 93a4 b5c6 d7e8'"}},
       .run = Admit},
      {.noun = "peer",
       .verb = "list",
       .summary = "list the authorities that the node knows, and how far each has come",
       .description = "Numbers count the events of each direction.",
       .run = List},
  };
}

}  // namespace medflyt::cli
