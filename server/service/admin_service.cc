#include "server/service/admin_service.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/status.h"
#include "google/protobuf/util/time_util.h"
#include "server/exchange/fork_evidence.h"
#include "server/service/pages.h"

namespace medflyt::service {
namespace {

google::protobuf::Timestamp Stamp(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

// Somebody's officers must act, whatever else went wrong meanwhile: ours, or the peer's where the peer says it of us.
constexpr std::array<std::string_view, 2> kToBeAdmitted = {"GENERATION_NOT_ADMITTED", "LOG_KEY_NOT_HANDED_OVER"};

void ToNumbers(const exchange::Numbers& numbers, v1::EventNumbers& out) {
  out.set_first(numbers.first.value());
  out.set_last(numbers.last.value());
}

void ToPeer(const exchange::PeerStatus& status, const directory::Directory& directory, Date today, v1::Peer& peer) {
  peer.set_authority(status.peer.ToString());
  if (const directory::Authority* authority = directory.Find(status.peer)) {
    peer.set_name(authority->NameOn(today));
    peer.set_endpoint(authority->endpoint);
    if (!authority->logs.empty()) {
      peer.set_origin(authority->logs.back().origin);
      peer.set_log_verifier_key(authority->logs.back().keys.back().key.Format());
    }
  }
  peer.set_connected(status.delivery.connected);
  peer.set_last_issued_number(status.numbers.issued.value());
  peer.set_receipted_number(status.numbers.receipted.value());
  peer.set_last_received_number(status.numbers.received.value());
  peer.set_accepted_size(status.numbers.by_batch.size.value());
  std::string_view not_admitted;
  for (const std::string_view rule : kToBeAdmitted) {
    if (status.delivery.last_error == rule || status.reception.last_error == rule) not_admitted = rule;
  }
  const bool left_out = status.delivery.left_out || status.reception.left_out;
  peer.set_paused(status.forked || !not_admitted.empty() || left_out || !status.delivery.paused.empty() ||
                  !status.reception.paused.empty());
  for (const std::string* rule :
       {&status.delivery.paused, &status.reception.paused, &status.delivery.last_error, &status.reception.last_error}) {
    if (peer.last_error().empty()) peer.set_last_error(*rule);
  }
  if (status.delivery.left_out) ToNumbers(*status.delivery.left_out, *peer.mutable_own_left_out());
  if (status.reception.left_out) ToNumbers(*status.reception.left_out, *peer.mutable_peers_left_out());
  if (left_out) peer.set_last_error(std::string(exchange::kPeerLeftOut));
  if (!not_admitted.empty()) peer.set_last_error(std::string(not_admitted));
  if (status.forked) peer.set_last_error("LOG_FORKED");
  for (const std::string& origin : status.forked_logs) peer.add_forked_origins(origin);
  const absl::Time contact = std::max(status.delivery.last_contact, status.reception.last_contact);
  if (contact != absl::InfinitePast()) *peer.mutable_last_contact_at() = Stamp(contact);
}

void ToCosigner(const std::vector<exchange::CosignerStatus>& cosigners, AuthorityId authority, v1::Peer& peer) {
  const auto found = std::find_if(cosigners.begin(), cosigners.end(),
                                  [authority](const auto& cosigner) { return cosigner.peer == authority; });
  if (found == cosigners.end()) return;
  peer.set_cosigned_size(found->size.value());
  if (found->at != absl::InfinitePast()) *peer.mutable_cosigned_at() = Stamp(found->at);
  peer.set_cosigning_error(found->last_error);
  peer.set_cosigned_beyond(found->beyond.value());
}

void ToRestraint(const absl::Status& why, const std::vector<exchange::PeerKnowledge>& peers, v1::Restraint& out) {
  if (const auto broken = BrokenRuleOf(why)) out.set_rule(broken->rule);
  out.set_reason(std::string(ToStd(why.message())));
  for (const exchange::PeerKnowledge& each : peers) {
    v1::PeerKnowledge& peer = *out.add_peers();
    peer.set_authority(each.peer.ToString());
    peer.set_standing(std::string(exchange::NameOf(each.standing)));
    peer.set_size(each.size.value());
    peer.set_last_error(each.last_error);
    peer.set_first_officer(each.first_officer);
  }
}

absl::StatusOr<AuthorityId> ParseAuthority(std::string_view text) {
  if (const auto authority = AuthorityId::Parse(text)) return *authority;
  return RuleError(absl::StatusCode::kInvalidArgument, "AUTHORITY_ID_INVALID", "authority",
                   "a CVR number has 8 digits");
}

}  // namespace

grpc::ServerUnaryReactor* AdminServiceImpl::Answer(Context* context, std::string_view name,
                                                   std::function<absl::Status()> answer, Action action) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, name);
  absl::Status status = parts_.gate.Client(*context, action).status();
  if (status.ok()) {
    status =
        parts_.workers.Run([reactor, ending, answer = std::move(answer)] { reactor->Finish(ending.Of(answer())); });
  }
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetStatus(Context* context, const v1::GetStatusRequest*,
                                                      v1::GetStatusResponse* response) {
  return Answer(context, "GetStatus", [this, response] {
    const directory::Directory directory = parts_.directory();
    const Date today = DanishDate(parts_.clock.Now());
    const log::Head head = parts_.log.head();
    response->set_authority(parts_.self.ToString());
    if (const directory::Authority* self = directory.Find(parts_.self)) response->set_name(self->NameOn(today));
    response->set_origin(parts_.log.origin());
    response->set_log_verifier_key(node_.verifier_key);
    response->set_tree_size(head.size.value());
    response->set_root_hash(head.root.ToHex());
    *response->mutable_started_at() = Stamp(node_.started_at);
    response->set_version(node_.version);
    response->set_production(node_.production);
    if (const auto cosigned = node_.cosigned()) response->set_cosigned_size(cosigned->size.value());
    if (const absl::Status restraint = parts_.log.restraint(); !restraint.ok()) {
      ToRestraint(restraint, node_.knowledge(), *response->mutable_restraint());
      response->mutable_restraint()->set_first_to_recover(node_.first_to_recover());
    }
    const auto cosigners = node_.cosigners();
    for (const exchange::PeerStatus& status : node_.peers()) {
      v1::Peer& peer = *response->add_peers();
      ToPeer(status, directory, today, peer);
      ToCosigner(cosigners, status.peer, peer);
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminServiceImpl::ListPeers(Context* context, const v1::ListPeersRequest* request,
                                                      v1::ListPeersResponse* response) {
  return Answer(context, "ListPeers", [this, request, response]() -> absl::Status {
    const auto after = AuthorityId::Parse(request->page_token());
    if (!after && !request->page_token().empty()) {
      return RuleError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID", "page_token",
                       "is not a token of a page");
    }
    const directory::Directory directory = parts_.directory();
    const Date today = DanishDate(parts_.clock.Now());
    const auto cosigners = node_.cosigners();
    for (const exchange::PeerStatus& status : node_.peers()) {
      if (after && status.peer <= *after) continue;
      if (static_cast<size_t>(response->peers_size()) == PageSize(request->page_size())) {
        response->set_next_page_token(response->peers().rbegin()->authority());
        break;
      }
      v1::Peer& peer = *response->add_peers();
      ToPeer(status, directory, today, peer);
      ToCosigner(cosigners, status.peer, peer);
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminServiceImpl::ReloadPeers(Context* context, const v1::ReloadPeersRequest* request,
                                                        v1::ReloadPeersResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "ReloadPeers");
  const auto answer = [=](const absl::StatusOr<size_t>& known) {
    if (known.ok()) response->set_authorities(static_cast<uint32_t>(*known));
    reactor->Finish(ending.Of(known.status()));
  };
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kAdminister));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    return parts_.workers.Run([this, client, answer] { node_.reload_peers(client->fingerprint, answer); });
  }();
  if (!status.ok()) answer(status);
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetPeerCard(Context* context, const v1::GetPeerCardRequest*,
                                                        v1::GetPeerCardResponse* response) {
  return Answer(context, "GetPeerCard", [this, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(*response->mutable_card(), node_.card());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetPolicy(Context* context, const v1::GetPolicyRequest*,
                                                      v1::GetPolicyResponse* response) {
  return Answer(context, "GetPolicy", [this, response] {
    for (const Policy::Entry& entry : parts_.gate.policy().Entries()) {
      v1::PolicyEntry& out = *response->add_entries();
      out.set_action(std::string(NameOf(entry.action)));
      out.set_role(std::string(rpc::NameOf(entry.role)));
      for (const directory::Kind kind : entry.kinds) out.add_kinds(std::string(directory::NameOf(kind)));
      out.set_takes_two_officers(TakesTwoOfficers(entry.action));
      out.set_allowed_here(parts_.gate.Allows(entry.role, entry.action));
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminServiceImpl::ReleasePeer(Context* context, const v1::ReleasePeerRequest* request,
                                                        v1::ReleasePeerResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "ReleasePeer");
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kReleasePeer));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    MEDFLYT_ASSIGN_OR_RETURN(const AuthorityId peer, ParseAuthority(request->authority()));
    if (parts_.log.restraint().ok()) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_NOT_RESTRAINED", "",
                       "this node signs: it waits for no peer");
    }
    MEDFLYT_ASSIGN_OR_RETURN(const bool released,
                             node_.release(peer, request->context().officer(), client->fingerprint));
    response->set_released(released);
    return absl::OkStatus();
  }();
  reactor->Finish(ending.Of(status));
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::AdmitGeneration(Context* context, const v1::AdmitGenerationRequest* request,
                                                            v1::AdmitGenerationResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "AdmitGeneration");
  const auto answer = [=](const absl::StatusOr<exchange::Admission::Outcome>& outcome) {
    if (outcome.ok()) {
      response->set_admitted(outcome->admitted);
      response->set_origin(outcome->origin);
    }
    reactor->Finish(ending.Of(outcome.status()));
  };
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kAdmitGeneration));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    MEDFLYT_ASSIGN_OR_RETURN(const AuthorityId peer, ParseAuthority(request->authority()));
    const exchange::Admission::Word word{peer, request->fingerprint(), request->context().officer(),
                                         client->fingerprint};
    return parts_.workers.Run([this, word, answer] { node_.admit(word, answer); });
  }();
  if (!status.ok()) answer(status);
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::CreateBackup(Context* context, const v1::CreateBackupRequest* request,
                                                         v1::CreateBackupResponse* response) {
  return Answer(
      context, "CreateBackup",
      [this, request, response]() -> absl::Status {
        MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
        MEDFLYT_ASSIGN_OR_RETURN(const Backup taken, node_.back_up());
        response->set_directory(taken.directory);
        response->set_key_backup(taken.key_backup);
        response->set_tree_size(taken.size.value());
        response->set_root_hash(taken.root.ToHex());
        return absl::OkStatus();
      },
      Action::kBackUp);
}

grpc::ServerUnaryReactor* AdminServiceImpl::RecoverNode(Context* context, const v1::RecoverNodeRequest* request,
                                                        v1::RecoverNodeResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, "RecoverNode");
  const absl::Status status = [&]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const Identity client, parts_.gate.Client(*context, Action::kRecoverNode));
    MEDFLYT_RETURN_IF_ERROR(CheckContext(request->context(), RequestId::kUnused));
    std::set<AuthorityId> without;
    for (const std::string& each : request->without()) {
      MEDFLYT_ASSIGN_OR_RETURN(const AuthorityId peer, ParseAuthority(each));
      without.insert(peer);
    }
    node_.recover(request->context().officer(), client->fingerprint, without,
                  [reactor, ending, response](absl::StatusOr<std::optional<exchange::Recovery::Outcome>> outcome) {
                    if (outcome.ok() && *outcome) {
                      response->set_decided(true);
                      response->set_closed_size((*outcome)->closed_size.value());
                      response->set_held((*outcome)->held);
                      response->set_returned((*outcome)->returned);
                    }
                    reactor->Finish(ending.Of(outcome.status()));
                  });
    return absl::OkStatus();
  }();
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::ListForks(Context* context, const v1::ListForksRequest* request,
                                                      v1::ListForksResponse* response) {
  return Answer(context, "ListForks", [this, request, response]() -> absl::Status {
    uint64_t skip = 0;
    if (!request->page_token().empty() && !absl::SimpleAtoi(request->page_token(), &skip)) {
      return RuleError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID", "page_token",
                       "is not a token of a page");
    }
    MEDFLYT_ASSIGN_OR_RETURN(const auto evidence, exchange::ReadForkEvidence(parts_.log.reader().store()));
    const uint64_t end = std::min<uint64_t>(evidence.size(), skip + PageSize(request->page_size()));
    for (uint64_t i = skip; i < end; ++i) {
      const exchange::ForkEvidence& found = evidence[i];
      v1::Fork& fork = *response->add_forks();
      fork.set_authority(found.peer.ToString());
      fork.set_proven(found.proven);
      *fork.mutable_found_at() = Stamp(found.found_at);
      fork.set_accepted_size(found.accepted.size.value());
      fork.set_accepted_note(found.accepted_note);
      fork.set_presented_note(found.presented_note);
      fork.set_leaf_proof(found.leaf_proof);
    }
    if (end < evidence.size()) response->set_next_page_token(absl::StrCat(end));
    return absl::OkStatus();
  });
}

}  // namespace medflyt::service
