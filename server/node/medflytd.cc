// The node's program: signals, exit codes, and what a process has one of.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/absl_view.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "common/rpc/credentials.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/node/backup.h"
#include "server/node/config.h"
#include "server/node/handover.h"
#include "server/node/node.h"
#include "server/node/recover.h"

namespace medflyt::node {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitStore = 3;
constexpr int kExitCommitFailed = 70;
constexpr size_t kSecretArena = 2 << 20;

struct Arguments {
  std::string config;
  bool check = false;
  bool hand_over = false;
  bool recover = false;
  std::string restore;  // a backup's directory
  std::string tiles_of;
  std::string tiles;
};

constexpr std::string_view kUsage =
    "usage: medflytd --config FILE [--check | --hand-over-key | --restore BACKUP | --recover]\n"
    "       medflytd --backup-tiles BACKUP DIR\n"
    "\n"
    "Runs a Medflyt node until SIGTERM or SIGINT. SIGHUP reads peer cards and revocation lists again.\n"
    "\n"
    "  --config FILE  configuration (TOML), see medflytd.toml\n"
    "  --check        read configuration, secrets and cards, say what is wrong, start nothing\n"
    "  --hand-over-key\n"
    "                 make the log's next key, have the present one authorise it, write a new card, and end\n"
    "  --restore BACKUP\n"
    "                 make the node's store, where there is none, of a backup and the newest key-table backup\n"
    "                 (keys.backup), and end; the next start signs nothing until every peer has answered\n"
    "  --recover      after two officers' `medflyt node recover`: close the log, open the next one with a key of its "
    "own,\n"
    "                 take up what peers gave back, write a new card, and end\n"
    "  --backup-tiles BACKUP DIR\n"
    "                 write the backup's log, and what is kept beside it, into a new directory, and end; for\n"
    "                 `medflyt audit verify`\n"
    "  --help         this text\n"
    "\n"
    "Exit codes: 0 stopped as asked, 1 failed, 2 usage or configuration, 3 the store contradicts what was signed,\n"
    "70 a commit failed and its outcome is unknown.\n";

void Print(FILE* out, std::string_view text) { std::fwrite(text.data(), 1, text.size(), out); }

// Nothing where usage was printed; `code` is then the exit code.
std::optional<Arguments> Parse(int argc, char** argv, int& code) {
  Arguments arguments;
  code = kExitUsage;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      Print(stdout, kUsage);
      code = 0;
      return std::nullopt;
    }
    if (argument == "--check") {
      arguments.check = true;
    } else if (argument == "--hand-over-key") {
      arguments.hand_over = true;
    } else if (argument == "--recover") {
      arguments.recover = true;
    } else if (argument == "--config" && i + 1 < argc) {
      arguments.config = argv[++i];
    } else if (argument == "--restore" && i + 1 < argc) {
      arguments.restore = argv[++i];
    } else if (argument == "--backup-tiles" && i + 2 < argc) {
      arguments.tiles_of = argv[++i];
      arguments.tiles = argv[++i];
    } else {
      Print(stderr, kUsage);
      return std::nullopt;
    }
  }
  const int modes = (arguments.check ? 1 : 0) + (arguments.hand_over ? 1 : 0) + (arguments.recover ? 1 : 0) +
                    (arguments.restore.empty() ? 0 : 1) + (arguments.tiles.empty() ? 0 : 1);
  if (modes > 1 || arguments.config.empty() == arguments.tiles.empty()) {
    Print(stderr, kUsage);
    return std::nullopt;
  }
  return arguments;
}

int ExitCodeOf(const absl::Status& status) {
  if (absl::IsDataLoss(status)) return kExitStore;
  const auto broken = BrokenRuleOf(status);
  if (absl::IsInvalidArgument(status) || (broken && broken->rule == "SECRET_FILE_MODE")) return kExitUsage;
  return kExitFailed;
}

int Fail(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  Print(stderr, absl::StrCat("medflytd: ", broken ? absl::StrCat(broken->rule, ": ") : "", status.message(), "\n"));
  return ExitCodeOf(status);
}

// Secrets stay out of core files, and out of what other processes of this user can read.
void ForbidCoreDumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

int Tell(std::string_view what, const absl::StatusOr<BackupFacts>& facts) {
  if (!facts.ok()) return Fail(facts.status());
  Print(stdout,
        absl::StrCat(ToAbsl(what), " ", facts->origin, " size ", facts->size.value(), " root ", facts->root.ToHex(),
                     " of ", absl::FormatTime(absl::RFC3339_sec, facts->taken_at, absl::UTCTimeZone()), "\n"));
  return 0;
}

// Waits for the signals that the process answers to.
void Serve(Node& node, const sigset_t& signals, Logger& logger) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0 || signal != SIGHUP) {
      logger.Info("stopping", absl::StrCat("signal=", signal));
      return;
    }
    if (const auto known = node.ReloadPeers(); !known.ok()) {
      logger.Error("peers_not_reloaded", ToStd(known.status().message()));
    }
  }
}

int Run(int argc, char** argv) {
  int code = 0;
  const auto arguments = Parse(argc, argv, code);
  if (!arguments) return code;
  ForbidCoreDumps();
  ::umask(S_IRWXG | S_IRWXO);

  // Before any thread: they inherit the mask, and the signals come to Serve alone.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, each);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  if (!arguments->tiles.empty()) return Tell("wrote", WriteBackupTiles(arguments->tiles_of, arguments->tiles));
  const std::shared_ptr<Logger> logger = MakeStderrLogger(Severity::kInfo);
  const auto config = LoadConfig(arguments->config);
  if (!config.ok()) return Fail(config.status());
  if (const absl::Status locked = crypto::InitSecretMemory(kSecretArena); !locked.ok()) {
    if (config->production) return Fail(locked);
    logger->Warning("secrets_not_locked", "raise RLIMIT_MEMLOCK");
  }
  const SystemClock clock;
  crypto::SystemRandom random;
  const Environment environment{clock, random, *logger, [&logger](const absl::Status& status) {
                                  const auto broken = BrokenRuleOf(status);
                                  logger->Error("commit_failed", broken ? std::string_view(broken->rule) : "");
                                  ::_exit(kExitCommitFailed);
                                }};
  if (arguments->hand_over) {
    const auto done = HandOverLogKey(*config, environment);
    if (!done.ok()) return Fail(done.status());
    Print(stdout, absl::StrCat("log key ", done->key.Format(), " from size ", done->from.value(),
                               "\ngive the other authorities the new card: ", config->card, "\n"));
    return 0;
  }
  if (arguments->recover) {
    const auto done = OpenNextLog(*config, environment);
    if (!done.ok()) return Fail(done.status());
    Print(stdout, absl::StrCat("closed ", done->closed_origin, " at size ", done->closed_size.value(), "\nlog key ",
                               done->key.Format(), "\ngive the other authorities the new card: ", config->card,
                               "\nat each of them two officers admit it: medflyt peer admit\n"));
    return 0;
  }
  if (arguments->check) {
    if (const absl::Status checked = Check(*config, environment); !checked.ok()) return Fail(checked);
    Print(stdout, "ok\n");
    return 0;
  }

  if (!arguments->restore.empty()) return Tell("restored", RestoreBackup(*config, arguments->restore));

  rpc::RedirectGrpcLog(logger);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto node = Node::Start(*config, environment);
  if (!node.ok()) return Fail(node.status());
  Print(stdout, absl::StrCat("listening ", (*node)->listening(), "\n"));
  if (!(*node)->metrics_listening().empty()) {
    Print(stdout, absl::StrCat("metrics ", (*node)->metrics_listening(), "\n"));
  }
  std::fflush(stdout);
  Serve(**node, signals, *logger);
  (*node)->Stop();
  rpc::RedirectGrpcLog(nullptr);
  return 0;
}

}  // namespace
}  // namespace medflyt::node

int main(int argc, char** argv) { return medflyt::node::Run(argc, argv); }
