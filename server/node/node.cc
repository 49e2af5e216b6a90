#include "server/node/node.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/credentials.h"
#include "common/rpc/limits.h"
#include "common/rpc/peer_identity.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "prometheus/exposer.h"
#include "prometheus/registry.h"
#include "server/exchange/admission.h"
#include "server/exchange/cosigned_proof.h"
#include "server/exchange/cosigning.h"
#include "server/exchange/exchange.h"
#include "server/exchange/head_comparison.h"
#include "server/exchange/held_events.h"
#include "server/exchange/own_log_check.h"
#include "server/exchange/recovery.h"
#include "server/exchange/witness.h"
#include "server/log/log.h"
#include "server/log/sequencer.h"
#include "server/node/backup.h"
#include "server/node/config_files.h"
#include "server/node/directory_record.h"
#include "server/node/files.h"
#include "server/node/handover.h"
#include "server/node/housekeeping.h"
#include "server/node/opened_store.h"
#include "server/node/peer_directory.h"
#include "server/node/recover.h"
#include "server/node/recovering.h"
#include "server/node/released_peers.h"
#include "server/node/revocations.h"
#include "server/node/secrets.h"
#include "server/node/start_epoch.h"
#include "server/service/admin_service.h"
#include "server/service/audit_service.h"
#include "server/service/citizen_service.h"
#include "server/service/municipality_service.h"
#include "server/service/peer_calls.h"
#include "server/service/peer_link.h"

namespace medflyt::node {
namespace {

constexpr size_t kWorkerThreads = 4;
constexpr size_t kWorkerQueue = 4096;
constexpr size_t kSchedulerThreads = 2;
constexpr absl::Duration kStopGrace = absl::Seconds(3);
constexpr absl::Duration kMeasureEvery = absl::Seconds(15);
constexpr absl::Duration kLookEvery = absl::Seconds(10);  // for other revocation lists
constexpr std::string_view kVersion = "0.1.0";

// What is read from files before anything is opened.
struct Inputs {
  NamedSigner log_signer;
  tlog::NoteSigner note_signer;
  tlog::Cosigner cosigner;
  crypto::Key root_secret;
  DatedTables tables;
  service::Policy policy;
};

absl::StatusOr<Inputs> ReadInputs(const Config& config) {
  MEDFLYT_RETURN_IF_ERROR(CheckFiles(config));
  MEDFLYT_ASSIGN_OR_RETURN(NamedSigner log_signer, LoadNamedSigner(config.log_key, tlog::SignatureType::kEd25519));
  MEDFLYT_ASSIGN_OR_RETURN(NamedSigner witness, LoadNamedSigner(config.witness_key, tlog::SignatureType::kCosignature));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::Cosigner cosigner, tlog::Cosigner::Create(witness.name, witness.signer));
  MEDFLYT_ASSIGN_OR_RETURN(crypto::Key root_secret, LoadRootSecret(config.root_secret));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::NoteSigner note_signer, tlog::NoteSigner::Create(log_signer.name, log_signer.signer));
  DatedTables tables;
  if (!config.legal_bases.empty()) {
    MEDFLYT_ASSIGN_OR_RETURN(tables.legal_bases, LoadLegalBases(config.legal_bases));
  }
  if (!config.retention.empty()) {
    MEDFLYT_ASSIGN_OR_RETURN(RetentionTable retention, LoadRetention(config.retention));
    tables.erasure_grounds = std::move(retention.grounds);
    tables.retention = std::move(retention.periods);
  }
  service::Policy policy = service::Policy::Default();
  if (!config.policy.empty()) {
    MEDFLYT_ASSIGN_OR_RETURN(policy, LoadPolicy(config.policy));
  }
  return Inputs{std::move(log_signer),  std::move(note_signer), std::move(cosigner),
                std::move(root_secret), std::move(tables),      std::move(policy)};
}

// The own card must name the keys that this node signs with.
absl::Status CheckOwnCard(const directory::Directory& directory, AuthorityId self, const Inputs& inputs) {
  const directory::Authority* authority = directory.Find(self);
  const tlog::VerifierKey& key = inputs.note_signer.verifier_key();
  if (authority == nullptr || !authority->has_node() || authority->logs.back().origin != key.name() ||
      authority->logs.back().keys.back().key != key) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_KEY_MISMATCH", "card",
                     "the own card does not name this node's log key as its newest");
  }
  if (authority->witness != inputs.cosigner.verifier_key()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CARD_WITNESS_MISMATCH", "card",
                     "the own card does not name this node's witness key");
  }
  return absl::OkStatus();
}

// What clients are told while nothing is appended.
absl::Status Restrained(std::string_view why) {
  return RuleError(
      absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "",
      absl::StrCat("this node signs nothing: ", ToAbsl(why), ". An administrator finds more in its status"));
}

// Puts commits into the metrics.
class CommitMeter final : public log::CommitObserver {
 public:
  explicit CommitMeter(service::Metrics& metrics) : metrics_(metrics) {}
  void OnCommit(const log::Head& head, const std::vector<AuthorityId>&) override {
    metrics_.SetTreeSize(head.size.value());
    metrics_.CountCommit();
  }

 private:
  service::Metrics& metrics_;
};

std::string AllIssuers(const directory::Directory& directory) {
  std::string issuers;
  for (const directory::Authority& authority : directory.authorities()) {
    issuers.append(authority.id.ToString()).append("\n").append(authority.issuers);
  }
  return issuers;
}

}  // namespace

// In the order of construction; destroyed in reverse.
struct Node::Running {
  Running(const Config& config_in, const Environment& environment_in, Inputs inputs_in)
      : config(config_in), environment(environment_in), inputs(std::move(inputs_in)) {}

  [[nodiscard]] absl::Status OpenStore();
  [[nodiscard]] absl::Status StartLog();
  [[nodiscard]] absl::Status StartServer();
  [[nodiscard]] absl::Status StartMetrics();
  [[nodiscard]] absl::Status Announce() const;
  // With how many authorities are known.
  using Recorded = std::function<void(size_t known, const absl::Status&)>;
  // Cards and revocation lists; on error nothing changes. Else `recorded` gets what became of the record of the cards.
  [[nodiscard]] absl::StatusOr<size_t> ReloadPeers(const std::optional<crypto::Hash>& certificate,
                                                   const Recorded& recorded) MEDFLYT_EXCLUDES(reloading);
  // The same at an officer's word; answered when a record of it is durable.
  void ReloadPeersBy(const crypto::Hash& certificate, const std::function<void(absl::StatusOr<size_t>)>& done);
  void RecordDirectory() MEDFLYT_EXCLUDES(reloading);
  // Looks whether the revocation lists are others now, and ends what they revoke.
  [[nodiscard]] absl::Status ReloadRevocations() MEDFLYT_EXCLUDES(reloading);
  // After issuers or revocations have changed: whatever stands is looked at again, and what has no right to is ended.
  void TrustChanged();
  void WatchRevocations();
  // What this node does of its own accord, once it may sign.
  void BeginSigning();
  // Every peer has said that it holds nothing beyond our log: what was restrained goes on.
  void OwnLogClear(const std::vector<exchange::ReleasedPeer>& released);
  void RecordReleased();
  void OwnLogBehind(TreeSize proven);
  void NoteLogSize(TreeSize size);
  [[nodiscard]] absl::StatusOr<service::AdminServiceImpl::Backup> BackUp();
  void MeasurePeers();
  void Stop();

  [[nodiscard]] rpc::TlsFiles tls() const {
    return {config.tls_private_key, config.tls_certificate, config.data_dir + "/roots.pem", 2};
  }

  const Config config;
  const Environment environment;
  const Inputs inputs;
  absl::Time started_at;
  std::string listening;
  std::string metrics_listening;

  std::shared_ptr<PeerDirectory> directory;  // handshakes that are under way hold it too
  std::shared_ptr<Revocations> revocations;  // as the directory
  Mutex reloading;  // both, one at a time; held until the record of the cards is queued: the last are recorded last
  std::unique_ptr<OpenedStore> opened;
  std::unique_ptr<log::Log> log;
  std::unique_ptr<DirectoryRecorder> directory_recorder;

  service::Metrics metrics;
  std::optional<CommitMeter> commit_meter;
  std::unique_ptr<service::Workers> workers;
  std::unique_ptr<service::WatchHub> watch_hub;
  std::unique_ptr<exchange::ThreadScheduler> scheduler;
  std::unique_ptr<service::GrpcDialer> dialer;
  std::unique_ptr<log::Sequencer> sequencer;
  std::unique_ptr<exchange::Exchange> exchange;
  std::unique_ptr<service::GrpcPeerCalls> peer_calls;
  std::unique_ptr<exchange::Witness> witness;
  std::unique_ptr<exchange::Cosigning> cosigning;
  std::unique_ptr<exchange::HeadComparison> comparison;
  std::unique_ptr<exchange::OwnLogCheck> own_log_check;
  std::unique_ptr<exchange::IssuerProofs> issuer_proofs;
  std::unique_ptr<exchange::Recovery> recovery;
  std::unique_ptr<Recovering> recovering;
  std::unique_ptr<exchange::Admission> admission;
  std::unique_ptr<Housekeeping> housekeeping;
  bool began_restrained = false;  // set before any other thread is there
  Mutex epoch_file;               // whoever writes it, one at a time
  std::atomic<bool> backing_up = false;

  std::unique_ptr<rpc::PeerIdentities> identities;
  std::unique_ptr<service::Gate> gate;
  std::unique_ptr<service::EventReader> events;
  std::optional<service::Parts> parts;
  std::unique_ptr<service::MunicipalityServiceImpl> municipality;
  std::unique_ptr<service::PeerServiceImpl> peer;
  std::unique_ptr<service::AuditServiceImpl> audit;
  std::unique_ptr<service::CitizenServiceImpl> citizen;
  std::unique_ptr<service::AdminServiceImpl> admin;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<prometheus::Exposer> exposer;
};

absl::Status Node::Running::OpenStore() {
  MEDFLYT_RETURN_IF_ERROR(MakePrivateDirectory(config.data_dir));
  MEDFLYT_ASSIGN_OR_RETURN(directory, PeerDirectory::Load(DirectorySources(config), inputs.tables, environment.clock));
  MEDFLYT_ASSIGN_OR_RETURN(revocations, Revocations::Load(config.crl_dir));
  MEDFLYT_RETURN_IF_ERROR(CheckOwnCard(directory->directory(), config.authority, inputs));
  MEDFLYT_ASSIGN_OR_RETURN(opened,
                           OpenedStore::Open(config, inputs.root_secret, environment.random, environment.logger));
  return absl::OkStatus();
}

absl::Status Node::Running::StartLog() {
  MEDFLYT_RETURN_IF_ERROR(CheckRecoveryIsOver(*opened->store, inputs.note_signer.verifier_key().name()));
  MEDFLYT_ASSIGN_OR_RETURN(
      log, log::Log::Open({config.authority, *opened->store, *opened->keys, inputs.note_signer, environment.clock,
                           environment.random, *directory, nullptr, directory->directory()}));
  MEDFLYT_RETURN_IF_ERROR(CheckHandoverIsOver(*log, inputs.note_signer.verifier_key()));
  MEDFLYT_ASSIGN_OR_RETURN(directory_recorder, DirectoryRecorder::Load(*opened->store));
  MEDFLYT_ASSIGN_OR_RETURN(const auto proofs, exchange::ReadOwnLogProofs(*log, directory->directory()));
  absl::Status behind = log->restraint().ok() ? opened->last_epoch.behind : log->restraint();
  if (behind.ok() && log->is_lost()) {
    behind = RuleError(absl::StatusCode::kFailedPrecondition, "STORE_ROLLED_BACK", "",
                       absl::StrCat("the store has no entry of ", log->origin(),
                                    ", which went on from another log: it was restored from a copy of before"));
  }
  if (behind.ok() && !proofs.empty()) {
    behind = RuleError(absl::StatusCode::kFailedPrecondition, "STORE_ROLLED_BACK", "",
                       absl::StrCat("a peer has shown a head of ", proofs.front().size.value(),
                                    " entries that this log signed and that is not in its store"));
  }
  began_restrained = !behind.ok();
  if (!began_restrained) {
    MEDFLYT_RETURN_IF_ERROR(RaiseStartEpoch(*opened->store, config.epoch, opened->last_epoch, log->head().size));
  } else {
    log->Restrain(Restrained(ToStd(behind.message())));
    environment.logger.Error("store_rolled_back", ToStd(behind.message()));
  }

  workers = std::make_unique<service::Workers>(kWorkerThreads, kWorkerQueue);
  watch_hub = std::make_unique<service::WatchHub>(*workers);
  commit_meter.emplace(metrics);
  metrics.SetTreeSize(log->head().size.value());
  log->AddObserver(*watch_hub);
  log->AddObserver(*commit_meter);
  scheduler = std::make_unique<exchange::ThreadScheduler>(environment.clock, kSchedulerThreads);
  dialer = std::make_unique<service::GrpcDialer>(
      [this] { return directory->directory(); },
      [this](AuthorityId authority) {
        return rpc::MakeNodeCredentials(tls(), authority, [peers = directory, lists = revocations, authority] {
          return rpc::ServerTrust{peers->IssuersOf(authority), lists->lists()};
        });
      },
      *workers);
  sequencer = std::make_unique<log::Sequencer>(*log, log::Sequencer::Limits{}, environment.on_commit_failure);
  exchange::Options options;
  if (config.production) options.refused_numbers = config.test_numbers;
  MEDFLYT_ASSIGN_OR_RETURN(
      exchange, exchange::Exchange::Create({config.authority, *log, *sequencer, *opened->keys, *opened->exchange_keys,
                                            inputs.log_signer.signer, environment.clock, environment.random, *scheduler,
                                            *dialer, environment.logger},
                                           directory->directory(), options));
  peer_calls = std::make_unique<service::GrpcPeerCalls>(*dialer);
  MEDFLYT_ASSIGN_OR_RETURN(witness, exchange::Witness::Create(exchange->context(), inputs.cosigner));
  MEDFLYT_ASSIGN_OR_RETURN(cosigning, exchange::Cosigning::Create(exchange->context(), *peer_calls, config.cosigning));
  comparison = std::make_unique<exchange::HeadComparison>(
      exchange->context(), *witness, *peer_calls,
      [this] {
        // A direction may stand still, and its stream with it, while the peer is there all the same.
        exchange::HeadComparison::Contact contact;
        for (const exchange::PeerStatus& status : exchange->Statuses()) {
          if (status.delivery.connected || status.reception.connected) contact.exchanging.insert(status.peer);
        }
        contact.present = contact.exchanging;
        for (const exchange::CosignerStatus& status : cosigning->status()) {
          if (status.size.value() != 0 && status.last_error.empty()) contact.present.insert(status.peer);
        }
        return contact;
      },
      exchange::ComparisonSchedule());
  cosigning->OnTurn([this](TreeSize size) { NoteLogSize(size); });
  own_log_check = std::make_unique<exchange::OwnLogCheck>(
      exchange->context(), *peer_calls, exchange::OwnLogSchedule(),
      exchange::OwnLogCheck::Outcome{[this](const auto& released) { OwnLogClear(released); },
                                     [this](TreeSize proven) { OwnLogBehind(proven); }},
      proofs);
  recovery = std::make_unique<exchange::Recovery>(exchange->context(), *peer_calls);
  recovering = std::make_unique<Recovering>(*log, *own_log_check, *recovery);
  admission = std::make_unique<exchange::Admission>(
      exchange->context(),
      exchange::Admission::Surroundings{[this](AuthorityId authority) { return directory->OpenLogOf(authority); },
                                        [this](AuthorityId authority) { exchange->DialNow(authority); }});
  housekeeping = std::make_unique<Housekeeping>(Housekeeping::Parts{
      environment.clock, environment.random, environment.logger, *scheduler, *opened->store, *sequencer, *opened->keys,
      *opened->rotation, config.request_retention, [this] { exchange->ShowExchangeKey(); }});
  return absl::OkStatus();
}

void Node::Running::BeginSigning() {
  RecordReleased();
  RecordDirectory();
  exchange->Start();
  cosigning->Start();
  comparison->Start();
  housekeeping->Start();
}

void Node::Running::OwnLogClear(const std::vector<exchange::ReleasedPeer>& released) {
  environment.logger.Info("own_log_confirmed", absl::StrCat("size=", log->head().size.value()));
  if (!began_restrained) return;  // it never waited for this
  absl::Status raised = KeepReleased(*opened->store, released);
  if (raised.ok()) {
    MutexLock lock(epoch_file);
    raised = RaiseStartEpoch(*opened->store, config.epoch, opened->last_epoch, log->head().size);
  }
  if (!raised.ok()) {
    environment.logger.Error("epoch_not_raised", ToStd(raised.message()));
    log->Restrain(Restrained("its start-up epoch could not be written; start it again"));
    return;
  }
  log->Release();
  BeginSigning();
}

// Whoever reads the log sees that a peer was not heard, and by whose word.
void Node::Running::RecordReleased() {
  const auto told = [this](const absl::Status& outcome) {
    if (!outcome.ok()) environment.logger.Error("release_not_recorded", ToStd(outcome.message()));
  };
  auto record = RecordOfReleased(*opened->store, told);
  if (!record.ok()) return told(record.status());
  if (*record == nullptr) return;
  if (const absl::Status queued = sequencer->Submit(*std::move(record)); !queued.ok()) told(queued);
}

void Node::Running::OwnLogBehind(TreeSize proven) {
  log->Restrain(
      Restrained(absl::StrCat("there is a head of ", proven.value(),
                              " entries that this log signed and that is not in its store; restore a newer copy, or "
                              "recover")));
  // Whatever of this log leaves the node from now on, the one that follows may contradict, and no peer could tell.
  // Cosigning looks at the restraint itself.
  exchange->OnRestrained();
  environment.logger.Error("own_log_proven_behind",
                           absl::StrCat("proven_size=", proven.value(), " size=", log->head().size.value()));
  // The next start finds a store that is behind, and signs nothing either.
  NoteLogSize(std::max(proven, TreeSize(log->head().size.value() + 1)));
}

void Node::Running::NoteLogSize(TreeSize size) {
  MutexLock lock(epoch_file);
  if (const absl::Status noted = NoteSize(config.epoch, size); !noted.ok()) {
    environment.logger.Warning("epoch_not_noted", absl::StrCat("code=", static_cast<int>(noted.code())));
  }
}

absl::StatusOr<service::AdminServiceImpl::Backup> Node::Running::BackUp() {
  if (backing_up.exchange(true)) {
    return RuleError(absl::StatusCode::kAborted, "BACKUP_RUNNING", "", "a backup is being taken; wait for its end");
  }
  const absl::Cleanup over = [this] { backing_up = false; };
  MEDFLYT_RETURN_IF_ERROR(log->restraint());
  const std::string origin = log->origin();
  const auto raise_epoch = [this]() -> absl::Status {
    MutexLock lock(epoch_file);
    // A peer may have proven meanwhile that there was more: then the epoch stays, and the next start is restrained too.
    MEDFLYT_RETURN_IF_ERROR(log->restraint());
    return RaiseStartEpoch(*opened->store, config.epoch, opened->last_epoch, log->head().size);
  };
  MEDFLYT_ASSIGN_OR_RETURN(
      const BackupFacts taken,
      TakeBackup({config, origin, *opened->store, *opened->rotation, raise_epoch}, environment.clock.Now()));
  environment.logger.Info("backup_taken", absl::StrCat("size=", taken.size.value()));
  return service::AdminServiceImpl::Backup{taken.directory, config.key_backup, taken.size, taken.root};
}

absl::Status Node::Running::StartServer() {
  identities = std::make_unique<rpc::PeerIdentities>(
      environment.clock, [this](AuthorityId authority) { return directory->IssuersOf(authority); });
  identities->SetRevoked(revocations->lists());
  const directory::Directory known = directory->directory();
  gate =
      std::make_unique<service::Gate>(config.authority, known.Find(config.authority)->kind, inputs.policy, *identities);
  events = std::make_unique<service::EventReader>(config.authority, *log, *opened->keys,
                                                  [this] { return directory->directory(); });
  issuer_proofs = std::make_unique<exchange::IssuerProofs>(
      exchange->context(), *peer_calls, [this](std::function<void()> task) { return workers->Run(std::move(task)); });
  parts.emplace(service::Parts{config.authority, *log, *sequencer, *gate, *events, *watch_hub, *workers, metrics,
                               environment.clock, environment.random, [this] { return directory->directory(); },
                               config.request_retention,
                               config.production ? config.test_numbers : std::vector<service::NumberRange>(),
                               *opened->rotation, *issuer_proofs});
  const std::string verifier_key = inputs.note_signer.verifier_key().Format();
  municipality = std::make_unique<service::MunicipalityServiceImpl>(*parts);
  peer = std::make_unique<service::PeerServiceImpl>(
      *gate, *workers,
      [this](AuthorityId authority,
             std::shared_ptr<exchange::Link> link) -> absl::StatusOr<std::shared_ptr<exchange::LinkEvents>> {
        MEDFLYT_RETURN_IF_ERROR(log->restraint());
        return exchange->Accept(authority, std::move(link));
      },
      service::PeerAnswers{
          [this](AuthorityId authority, const v1::CosignRequest& request, const exchange::Witness::Answer& answer) {
            witness->Cosign(authority, request, answer);
          },
          [this](AuthorityId authority, const v1::CompareHeadsRequest& request) {
            return comparison->Compare(authority, request);
          },
          [this](const v1::ProveConsistencyRequest& request) { return comparison->Prove(request); },
          [this](AuthorityId authority, const v1::ProveInclusionRequest& request) {
            return exchange::AnswerInclusion(exchange->context(), authority, request);
          },
          [this](AuthorityId authority, const v1::GetHeldHeadsRequest& request) {
            return exchange::AnswerHeldHeads(exchange->context(), *witness, authority, request);
          },
          [this](AuthorityId authority, const v1::GetHeldEventsRequest& request) {
            return exchange::AnswerHeldEvents(exchange->context(), authority, request);
          },
          [this](AuthorityId authority, const v1::GetReceiptedEventsRequest& request) {
            return exchange::AnswerReceiptedEvents(exchange->context(), authority, request);
          }});
  audit = std::make_unique<service::AuditServiceImpl>(*parts, verifier_key);
  citizen = std::make_unique<service::CitizenServiceImpl>(*parts);
  admin = std::make_unique<service::AdminServiceImpl>(
      *parts,
      service::AdminServiceImpl::Node{
          verifier_key, std::string(kVersion), config.production, started_at, [this] { return exchange->Statuses(); },
          [this] { return cosigning->status(); }, [this] { return cosigning->published(); },
          [this](const crypto::Hash& certificate, const std::function<void(absl::StatusOr<size_t>)>& done) {
            ReloadPeersBy(certificate, done);
          },
          [this]() -> absl::StatusOr<std::string> { return directory->card(); },
          [this] { return own_log_check->status(); },
          [this](AuthorityId authority, const std::string& officer, const crypto::Hash& certificate) {
            return own_log_check->Release(authority, officer, certificate);
          },
          [this](const exchange::Admission::Word& word, const exchange::Admission::Done& done) {
            admission->Admit(word, done);
          },
          [this] { return BackUp(); },
          [this](const std::string& officer, const crypto::Hash& certificate, const std::set<AuthorityId>& without,
                 Recovering::Done done) { recovering->Decide(officer, certificate, without, std::move(done)); },
          [this] { return recovering->first_officer(); }});

  MEDFLYT_ASSIGN_OR_RETURN(const auto credentials, rpc::MakeServerCredentials(tls()));
  grpc::ServerBuilder builder;
  rpc::ApplyServerLimits(builder);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(config.listen_address, credentials, &port);
  builder.RegisterService(municipality.get());
  builder.RegisterService(peer.get());
  builder.RegisterService(audit.get());
  builder.RegisterService(citizen.get());
  builder.RegisterService(admin.get());
  server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return RuleError(absl::StatusCode::kUnavailable, "LISTEN_FAILED", "listen.address",
                     absl::StrCat("cannot listen on ", config.listen_address));
  }
  listening = absl::StrCat(config.listen_address.substr(0, config.listen_address.rfind(':')), ":", port);
  return absl::OkStatus();
}

absl::Status Node::Running::StartMetrics() {
  if (config.metrics_address.empty()) return absl::OkStatus();
  try {
    exposer = std::make_unique<prometheus::Exposer>(config.metrics_address, 1);
  } catch (const std::exception&) {
    return RuleError(absl::StatusCode::kUnavailable, "LISTEN_FAILED", "listen.metrics",
                     absl::StrCat("cannot listen on ", config.metrics_address));
  }
  exposer->RegisterCollectable(metrics.registry());
  const auto ports = exposer->GetListeningPorts();
  metrics_listening = absl::StrCat(config.metrics_address.substr(0, config.metrics_address.rfind(':')), ":",
                                   ports.empty() ? 0 : ports.front());
  return absl::OkStatus();
}

absl::Status Node::Running::Announce() const {
  std::string lines = absl::StrCat("listening ", listening, "\n");
  if (!metrics_listening.empty()) absl::StrAppend(&lines, "metrics ", metrics_listening, "\n");
  return ReplaceFile(config.data_dir + "/listening", lines);
}

absl::StatusOr<size_t> Node::Running::ReloadPeers(const std::optional<crypto::Hash>& certificate,
                                                  const Recorded& recorded) {
  MutexLock lock(reloading);
  // Whatever may fail, before anything is another.
  MEDFLYT_ASSIGN_OR_RETURN(Revocations::Lists lists, revocations->Read());
  const std::string issuers = AllIssuers(directory->directory());
  MEDFLYT_ASSIGN_OR_RETURN(const PeerDirectory::Reloaded now, directory->Reload());
  const bool revoked = revocations->Replace(std::move(lists));
  exchange->OnDirectoryChanged(now.directory);
  if (revoked || AllIssuers(now.directory) != issuers) TrustChanged();
  const size_t known = now.directory.authorities().size();
  environment.logger.Info("peers_reloaded", absl::StrCat("authorities=", known));
  directory_recorder->Record(now.others, certificate, *sequencer, [this, known, recorded](const absl::Status& outcome) {
    if (!outcome.ok()) environment.logger.Error("directory_not_recorded", ToStd(outcome.message()));
    recorded(known, outcome);
  });
  return known;
}

void Node::Running::ReloadPeersBy(const crypto::Hash& certificate,
                                  const std::function<void(absl::StatusOr<size_t>)>& done) {
  const auto reloaded = ReloadPeers(certificate, [this, done](size_t known, const absl::Status& outcome) {
    // They are believed from now on all the same. What is restrained records it once it signs again.
    if (outcome.ok() || !log->restraint().ok()) return done(known);
    done(outcome);
  });
  if (!reloaded.ok()) done(reloaded.status());
}

void Node::Running::RecordDirectory() {
  MutexLock lock(reloading);
  directory_recorder->Record(directory->others(), std::nullopt, *sequencer, [this](const absl::Status& outcome) {
    if (!outcome.ok()) environment.logger.Error("directory_not_recorded", ToStd(outcome.message()));
  });
}

absl::Status Node::Running::ReloadRevocations() {
  MutexLock lock(reloading);
  MEDFLYT_ASSIGN_OR_RETURN(Revocations::Lists lists, revocations->Read());
  if (revocations->Replace(std::move(lists))) TrustChanged();
  return absl::OkStatus();
}

void Node::Running::TrustChanged() {
  identities->SetRevoked(revocations->lists());
  peer->EndRevoked();
  dialer->Renew();
  exchange->OnTrustChanged();
  environment.logger.Info("trust_changed");
}

void Node::Running::WatchRevocations() {
  if (const absl::Status reloaded = ReloadRevocations(); !reloaded.ok()) {
    environment.logger.Error("revocations_not_reloaded", ToStd(reloaded.message()));
  }
  scheduler->RunAt(environment.clock.Now() + kLookEvery, [this] { WatchRevocations(); });
}

void Node::Running::MeasurePeers() {
  for (const exchange::PeerStatus& status : exchange->Statuses()) {
    metrics.SetPeer(status.peer.ToString(), status.delivery.connected,
                    status.numbers.issued.value() - status.numbers.receipted.value());
  }
  scheduler->RunAt(environment.clock.Now() + kMeasureEvery, [this] { MeasurePeers(); });
}

void Node::Running::Stop() {
  std::error_code ignored;
  std::filesystem::remove(config.data_dir + "/listening", ignored);
  exposer.reset();
  if (watch_hub != nullptr) watch_hub->Stop();
  if (own_log_check != nullptr) own_log_check->Stop();
  if (recovery != nullptr) recovery->Stop();
  if (comparison != nullptr) comparison->Stop();
  if (cosigning != nullptr) cosigning->Stop();
  if (exchange != nullptr) exchange->Stop();
  if (server != nullptr) {
    server->Shutdown(absl::ToChronoTime(absl::Now() + kStopGrace));
    server->Wait();
  }
  if (peer_calls != nullptr) peer_calls->Stop();
  if (dialer != nullptr) dialer->Stop();
  if (scheduler != nullptr) scheduler->Stop();
  sequencer.reset();  // commits what was taken
  if (workers != nullptr) workers->Stop();
  server.reset();
  if (log != nullptr) NoteLogSize(log->head().size);
  recovering.reset();
  recovery.reset();
  admission.reset();
  own_log_check.reset();
  comparison.reset();
  cosigning.reset();
  witness.reset();
  exchange.reset();
}

Node::Node(std::unique_ptr<Running> running) : running_(std::move(running)) {}

Node::~Node() { Stop(); }

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const Config& config, const Environment& environment) {
  MEDFLYT_ASSIGN_OR_RETURN(Inputs inputs, ReadInputs(config));
  // From here on a failure stops what has been started.
  auto node = std::unique_ptr<Node>(new Node(std::make_unique<Running>(config, environment, std::move(inputs))));
  Running& running = *node->running_;
  running.started_at = environment.clock.Now();
  MEDFLYT_RETURN_IF_ERROR(running.OpenStore());
  MEDFLYT_RETURN_IF_ERROR(running.StartLog());
  MEDFLYT_RETURN_IF_ERROR(running.StartServer());
  MEDFLYT_RETURN_IF_ERROR(running.StartMetrics());
  if (!running.began_restrained) running.BeginSigning();
  running.own_log_check->Start();
  running.MeasurePeers();
  if (!config.crl_dir.empty()) running.WatchRevocations();
  MEDFLYT_RETURN_IF_ERROR(running.Announce());
  environment.logger.Info("serving", absl::StrCat("authority=", config.authority.ToString(), " address=",
                                                  running.listening, " size=", running.log->head().size.value()));
  return node;
}

void Node::Stop() {
  if (running_ == nullptr) return;
  running_->Stop();
  running_.reset();
}

const std::string& Node::listening() const { return running_->listening; }

const std::string& Node::metrics_listening() const { return running_->metrics_listening; }

std::vector<exchange::PeerStatus> Node::Peers() const { return running_->exchange->Statuses(); }

absl::StatusOr<size_t> Node::ReloadPeers() {
  return running_->ReloadPeers(std::nullopt, [](size_t, const absl::Status&) {});
}

absl::Status Check(const Config& config, const Environment& environment) {
  MEDFLYT_ASSIGN_OR_RETURN(const Inputs inputs, ReadInputs(config));
  MEDFLYT_RETURN_IF_ERROR(MakePrivateDirectory(config.data_dir));
  MEDFLYT_ASSIGN_OR_RETURN(const auto directory,
                           PeerDirectory::Load(DirectorySources(config), inputs.tables, environment.clock));
  MEDFLYT_RETURN_IF_ERROR(Revocations::Load(config.crl_dir).status());
  return CheckOwnCard(directory->directory(), config.authority, inputs);
}

}  // namespace medflyt::node
