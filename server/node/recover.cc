#include "server/node/recover.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/directory/peer_card.h"
#include "common/tlog/checkpoint.h"
#include "common/wire/ledger.h"
#include "server/exchange/log_key_pins.h"
#include "server/exchange/recovery.h"
#include "server/exchange/recovery_submission.h"
#include "server/log/generations.h"
#include "server/log/log.h"
#include "server/node/config_files.h"
#include "server/node/files.h"
#include "server/node/next_key.h"
#include "server/node/opened_store.h"
#include "server/node/peer_directory.h"
#include "server/node/secrets.h"

namespace medflyt::node {
namespace {

// "medflyt.example/35209115/1" is followed by ".../2-5f3a9c01", and that by ".../3-..."; an origin that does not end
// so, by that and "/2-...". Chance makes it another one each time: whoever recovers twice from the same copy must not
// give two logs one name.
std::string NextOrigins(const std::string& origin) {
  const size_t slash = origin.rfind('/');
  uint64_t number = 0;
  const std::string last = slash == std::string::npos ? std::string() : origin.substr(slash + 1);
  if (absl::SimpleAtoi(last.substr(0, last.find('-')), &number)) {
    return absl::StrCat(origin.substr(0, slash + 1), number + 1, "-");
  }
  return absl::StrCat(origin, "/2-");
}

std::string NewOrigin(const std::string& origin, RandomSource& random) {
  std::array<uint8_t, 4> chance;
  random.Fill(chance.data(), chance.size());
  uint32_t mark = 0;
  for (const uint8_t byte : chance) mark = mark << 8 | byte;
  return absl::StrCat(NextOrigins(origin), absl::Hex(mark, absl::kZeroPad8));
}

std::vector<registry::NumberRange> RefusedNumbers(const Config& config) {
  return config.production ? config.test_numbers : std::vector<registry::NumberRange>();
}

// That step 3 can be taken: behind step 2 there is no way back.
absl::Status CheckPlan(const Config& config, const Environment& environment, const tlog::NoteSigner& present,
                       const PeerDirectory& peers, const OpenedStore& opened) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto plan, exchange::ReadRecoveryPlan(*opened.store));
  if (!plan) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "RECOVERY_NOT_DECIDED", "",
                     "two officers decide it with `medflyt node recover`, while the node runs");
  }
  const directory::Directory directory = peers.directory();
  MEDFLYT_ASSIGN_OR_RETURN(const auto log,
                           log::Log::Open({config.authority, *opened.store, *opened.keys, present, environment.clock,
                                           environment.random, peers, nullptr, directory}));
  const std::vector<registry::NumberRange> refused = RefusedNumbers(config);
  exchange::LogKeyPins log_keys(*log);
  const exchange::EvidenceParts parts{config.authority,      log->origin(), *log,    *opened.keys,
                                      *opened.exchange_keys, directory,     refused, log_keys};
  if (plan->kept_size() != log->head().size.value()) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "RECOVERY_NOT_DECIDED", "",
                     absl::StrCat("it was decided for a log of ", plan->kept_size(), " entries, and the store has ",
                                  log->head().size.value()));
  }
  MEDFLYT_ASSIGN_OR_RETURN(const exchange::RecoveryToLog recovery,
                           exchange::ReadRecovery(parts, *plan, log->head().size));
  return exchange::EncodeOpened(recovery, environment.clock.Now()).status();
}

// As its card tells of it once the new log is there, and the old one ends.
directory::Authority WithNextLog(directory::Authority self, const tlog::NoteSigner& next, TreeSize end) {
  self.logs.back().keys.back().until = end;
  self.logs.push_back({next.verifier_key().name(), {{next.verifier_key(), TreeSize(0), std::nullopt}}});
  return self;
}

// Steps 1 and 2, as far as they were not taken yet. The new log's key.
absl::StatusOr<tlog::NoteSigner> Close(const Config& config, const Environment& environment,
                                       const tlog::NoteSigner& present, const PeerDirectory& peers,
                                       const directory::Authority& self, OpenedStore& opened) {
  const std::string& origin = present.verifier_key().name();
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, opened.store->Get(store::Table::kMeta, log::HeadKey()));
  if (!row) return RuleError(absl::StatusCode::kFailedPrecondition, "RECOVERY_NOT_DECIDED", "", "the store is empty");
  MEDFLYT_ASSIGN_OR_RETURN(const log::Head head, log::DecodeHead(*row));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint stated, tlog::StatedCheckpoint(head.checkpoint));
  auto begun = LoadLogKey(NextKeyPath(config));
  if (!begun.ok() && !absl::IsNotFound(begun.status())) return begun.status();
  if (stated.origin() != origin) {
    if (begun.ok() && begun->verifier_key().name() == stated.origin()) return begun;
    return RuleError(absl::StatusCode::kFailedPrecondition, "STORE_OF_ANOTHER_LOG", "keys.log_key",
                     absl::StrCat("the store's open log is ", stated.origin(), ", and the key is of ", origin));
  }
  MEDFLYT_RETURN_IF_ERROR(CheckPlan(config, environment, present, peers, opened));
  const bool has_begun = begun.ok() && begun->verifier_key().name().starts_with(NextOrigins(origin));
  MEDFLYT_ASSIGN_OR_RETURN(tlog::NoteSigner next, NextKey(config, has_begun ? begun->verifier_key().name()
                                                                            : NewOrigin(origin, environment.random)));
  // The card must have room: behind this there is no way back.
  MEDFLYT_RETURN_IF_ERROR(
      directory::WritePeerCard(WithNextLog(self, next, TreeSize(UINT64_MAX)), DanishDate(environment.clock.Now()), next)
          .status());
  MEDFLYT_RETURN_IF_ERROR(log::OpenNextGeneration(*opened.store, next));
  return next;
}

// Step 3, where it was not taken yet.
absl::Status AppendFirst(const Config& config, const directory::Directory& directory, OpenedStore& opened,
                         log::Log& log) {
  if (log.head().size.value() > 0) return absl::OkStatus();
  MEDFLYT_ASSIGN_OR_RETURN(const auto plan, exchange::ReadRecoveryPlan(*opened.store));
  if (!plan) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", exchange::kRecoveryRow,
                     "the officers' decision is not there");
  }
  const std::vector<registry::NumberRange> refused = RefusedNumbers(config);
  exchange::LogKeyPins log_keys(log);
  return exchange::AppendRecovered({config.authority, log.reader().generations().before_open()->origin, log,
                                    *opened.keys, *opened.exchange_keys, directory, refused, log_keys},
                                   *plan, log);
}

// The highest head that is known of the log before this one.
absl::StatusOr<TreeSize> ClosedAt(const log::Log& log) {
  const log::Generation& open = log.reader().generations().open();
  MEDFLYT_ASSIGN_OR_RETURN(const log::StoredEntry first, log.reader().Entry(open.begin));
  wire::LedgerCodec codec;
  MEDFLYT_ASSIGN_OR_RETURN(const wire::LedgerRecord record, codec.Decode(first.bytes));
  const auto* opened = std::get_if<wire::GenerationOpened>(&record.record);
  if (opened == nullptr) {
    return RuleError(absl::StatusCode::kDataLoss, "ROW_MALFORMED", "segment", "the new log does not begin as it must");
  }
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint stated, tlog::StatedCheckpoint(opened->closed_checkpoint));
  return std::max(stated.size(), opened->kept_size);
}

}  // namespace

absl::Status CheckRecoveryIsOver(const store::Reader& store, const std::string& origin) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto row, store.Get(store::Table::kMeta, log::HeadKey()));
  if (!row) return absl::OkStatus();
  MEDFLYT_ASSIGN_OR_RETURN(const log::Head head, log::DecodeHead(*row));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint stated, tlog::StatedCheckpoint(head.checkpoint));
  if (stated.origin() == origin) return absl::OkStatus();
  return RuleError(absl::StatusCode::kFailedPrecondition, "RECOVERY_UNFINISHED", "keys.log_key",
                   absl::StrCat("the store's open log is ", stated.origin(),
                                "; a recovery that was interrupted is completed with --recover"));
}

absl::StatusOr<Recovered> OpenNextLog(const Config& config, const Environment& environment) {
  MEDFLYT_RETURN_IF_ERROR(CheckFiles(config));
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::NoteSigner present, LoadLogKey(config.log_key));
  MEDFLYT_ASSIGN_OR_RETURN(const auto peers, PeerDirectory::Load(DirectorySources(config), {}, environment.clock));
  const directory::Directory directory = peers->directory();
  directory::Authority self = *directory.Find(config.authority);
  if (!self.has_node()) {
    return RuleError(absl::StatusCode::kInvalidArgument, "AUTHORITY_INCOMPLETE", "card", "the own card names no node");
  }
  const bool card_is_written =
      self.logs.size() > 1 && self.logs[self.logs.size() - 2].origin == present.verifier_key().name();
  if (!card_is_written) {
    if (self.logs.back().keys.back().key != present.verifier_key()) {
      return RuleError(absl::StatusCode::kInvalidArgument, "CARD_KEY_MISMATCH", "card",
                       "the own card does not name this node's log key as its newest");
    }
    MEDFLYT_ASSIGN_OR_RETURN(const crypto::Key root_secret, LoadRootSecret(config.root_secret));
    MEDFLYT_ASSIGN_OR_RETURN(const auto opened,
                             OpenedStore::Open(config, root_secret, environment.random, environment.logger));
    MEDFLYT_ASSIGN_OR_RETURN(const tlog::NoteSigner next, Close(config, environment, present, *peers, self, *opened));
    MEDFLYT_ASSIGN_OR_RETURN(const auto log, log::Log::Open({config.authority, *opened->store, *opened->keys, next,
                                                             environment.clock, environment.random, *peers}));
    MEDFLYT_RETURN_IF_ERROR(AppendFirst(config, directory, *opened, *log));
    MEDFLYT_RETURN_IF_ERROR(RaiseStartEpoch(*opened->store, config.epoch, opened->last_epoch, log->head().size));
    MEDFLYT_ASSIGN_OR_RETURN(const TreeSize highest, ClosedAt(*log));
    self = WithNextLog(std::move(self), next, TreeSize(highest.value() + 1));
    MEDFLYT_ASSIGN_OR_RETURN(const std::string card,
                             directory::WritePeerCard(self, DanishDate(environment.clock.Now()), next));
    MEDFLYT_RETURN_IF_ERROR(ReplaceFile(config.card, card));
  }
  const directory::Log& closed = self.logs[self.logs.size() - 2];
  const Recovered done{closed.origin, TreeSize(closed.keys.back().until->value() - 1),
                       self.logs.back().keys.back().key};
  MEDFLYT_RETURN_IF_ERROR(RenameDurably(NextKeyPath(config), config.log_key));
  return done;
}

}  // namespace medflyt::node
