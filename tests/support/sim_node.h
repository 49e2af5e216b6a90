// A whole node in simulated time: the real store in memory, keys, log, domain and exchange; only threads, network and
// clock are the simulation's. What it had not synced when it crashed is gone.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/status.h"
#include "common/crypto/signer.h"
#include "common/directory/directory.h"
#include "common/tlog/note_key.h"
#include "server/exchange/exchange.h"
#include "server/exchange/kept.h"
#include "server/exchange/log_key_pins.h"
#include "server/exchange/recovery.h"
#include "server/exchange/recovery_submission.h"
#include "server/keys/exchange_keys.h"
#include "server/keys/kek.h"
#include "server/keys/kek_rotation.h"
#include "server/keys/key_table.h"
#include "server/log/appender.h"
#include "server/log/generations.h"
#include "server/log/log.h"
#include "server/log/replay.h"
#include "server/store/memory_store.h"
#include "tests/support/grounds.h"
#include "tests/support/sim_key_files.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_queue.h"
#include "tests/support/sim_time.h"

namespace medflyt::testing {

// The peer directory as the domain sees it, and one legal basis.
class SimFacts final : public domain::AuthorityDirectory, public log::FactsSource {
 public:
  explicit SimFacts(directory::Directory directory) : directory_(std::move(directory)) {}
  std::optional<AuthorityId> AuthorityOf(MunicipalityCode code, Date date) const override {
    const directory::Authority* found = directory_.MunicipalityOn(code, date);
    return found == nullptr ? std::nullopt : std::optional(found->id);
  }
  std::optional<MunicipalityCode> CodeOf(AuthorityId authority) const override {
    const directory::Authority* found = directory_.Find(authority);
    return found == nullptr ? std::nullopt : found->CodeOn(Date(2026, 1, 1));
  }
  bool IsKnown(AuthorityId authority) const override { return directory_.Find(authority) != nullptr; }
  bool IsMunicipality(AuthorityId authority) const override { return CodeOf(authority).has_value(); }
  domain::Facts FactsOn(Date today) const override { return {today, *this, bases_, grounds_, retention_}; }

 private:
  const directory::Directory directory_;
  const std::vector<domain::LegalBasis> bases_ = {{"rsl-12c", Date(2020, 1, 1), std::nullopt}};
  const std::vector<domain::ErasureGround> grounds_ = {{{"gdpr-17-1-d", Date(2020, 1, 1), std::nullopt}, true}};
  const std::vector<domain::RetentionPeriod> retention_ = {
      {domain::Kept::kCase, Date(2020, 1, 1), 60, 0, true},
      {domain::Kept::kAccessRecord, Date(2020, 1, 1), 24, 0, true}};
};

// Keeps what was logged, to be looked at where a run fails.
class SimLogger final : public Logger {
 public:
  void Log(Severity, std::string_view event, std::string_view details) override {
    ++events[std::string(event)];
    if (std::getenv("MEDFLYT_SIM_VERBOSE") != nullptr) {
      std::cerr << name << " " << event << " " << details << "\n";
    }
  }
  std::string name;
  std::map<std::string, int> events;
};

class SimNode {
 public:
  struct Surroundings {
    Timeline& timeline;
    Chance& chance;
    SimNetwork& network;
    const SimFacts& facts;
    const directory::Directory& directory;
    std::function<void(AuthorityId, const log::Appender&)> inspect;  // after each group of submissions was applied
    const exchange::Options& options;                                // as they are when it boots
  };

  SimNode(AuthorityId self, const crypto::Signer& log_key, const tlog::NoteSigner& signer,
          const Surroundings& surroundings)
      : self_(self), log_key_(log_key), signer_(signer), around_(surroundings) {
    logger.name = self.ToString();
    key_files.kek = keys::WrapKek({keys::NewKek(secrets_), std::nullopt}, root_secret, secrets_);
    Boot();
  }
  ~SimNode() { Halt(); }

  [[nodiscard]] AuthorityId self() const { return self_; }
  [[nodiscard]] bool up() const { return life_ != nullptr; }
  [[nodiscard]] log::Log& log() { return *log_; }
  [[nodiscard]] store::Store& store() { return *store_; }
  [[nodiscard]] keys::KeyTable& keys() { return *keys_; }
  [[nodiscard]] keys::ExchangeKeys& exchange_keys() { return *exchange_keys_; }
  [[nodiscard]] exchange::Exchange& exchange() { return *exchange_; }
  [[nodiscard]] const crypto::Signer& log_key() const { return log_key_; }
  [[nodiscard]] const tlog::NoteSigner& signer() const { return signer_; }
  [[nodiscard]] const Life& life() const { return life_; }
  SimLogger logger;
  SimKeyFiles key_files;
  const crypto::Key root_secret = crypto::Key::Random();
  // Events that clients were told are durable.
  std::vector<log::IssuedEvent> acknowledged;

  void Submit(SimSubmission::Work work, std::function<void()> durable = nullptr) {
    (void)queue_->Submit(std::make_unique<SimSubmission>(std::move(work), std::move(durable)));
  }
  // A client's command, made from the state that it finds.
  void Do(std::function<std::optional<event::Command>(const log::Appender&)> make) {
    auto issued = std::make_shared<std::vector<log::IssuedEvent>>();
    Submit(
        [make = std::move(make), issued](log::Appender& appender) {
          const auto command = make(appender);
          if (!command) return;
          auto done = OnGround(*command, [&](const event::Command& each) { return appender.Execute(each); });
          if (done.ok()) *issued = *std::move(done);
        },
        [this, issued] { acknowledged.insert(acknowledged.end(), issued->begin(), issued->end()); });
  }

  // Loss of power now.
  void Crash() {
    Halt();
    disk_->Crash(0);
  }
  // Copies the store as it is now; at a later time it is put back in the place of the store, as a backup is.
  void CopyStore() { copy_ = CopyOfStore(); }
  [[nodiscard]] std::shared_ptr<store::MemoryDisk> CopyOfStore() {
    const std::string place = "copy-" + std::to_string(++copies_);
    EXPECT_TRUE(store_->Checkpoint(place, {}).ok());
    return disk_->CheckpointAt(place);
  }
  void PutBackCopy() { PutBack(copy_); }
  void PutBack(std::shared_ptr<store::MemoryDisk> disk) {
    Halt();
    disk_ = std::move(disk);
  }
  // As a backup of before a recovery is restored (server/node/backup.h): with the newest keys, and nothing of the log
  // that is open now, nor of those `between`.
  absl::Status PutBackEarlierLog(std::shared_ptr<store::MemoryDisk> disk, const std::vector<std::string>& between) {
    store::Batch keys;
    MEDFLYT_RETURN_IF_ERROR(store_->Scan(store::Table::kKeys, store::KeyRange::All(), store::Order::kAscending,
                                         [&keys](std::string_view key, std::string_view value) {
                                           keys.Put(store::Table::kKeys, key, value);
                                           return store::Step::kContinue;
                                         }));
    PutBack(std::move(disk));
    MEDFLYT_ASSIGN_OR_RETURN(const auto store, store::OpenMemoryStore(*disk_, 1));
    MEDFLYT_RETURN_IF_ERROR(store->Commit(keys, store::Durability::kSynced));
    return log::OpenNextGeneration(*store, signer_, between);
  }
  // A rotation of the KEK, as the housekeeping does it where one is due; it ends with the next commit.
  void RotateKek() {
    const auto due = rotation_->IsDue();
    ASSERT_TRUE(due.ok() && *due);
    ASSERT_TRUE(rotation_->Begin().ok());
    Submit([this](log::Appender& appender) { ASSERT_TRUE(rotation_->Rewrap(appender.now(), appender.batch()).ok()); },
           [this] {
             exchange_->ShowExchangeKey();
             ASSERT_TRUE(rotation_->Finish().ok());
           });
  }
  // What the node's program does with a plan that is kept (server/node/recover.h), while the node is down: the next log
  // is opened, under this key. `directory` is the one of before.
  absl::Status OpenNextLog(const crypto::Signer& key, const tlog::NoteSigner& signer) {
    Halt();
    MEDFLYT_ASSIGN_OR_RETURN(const auto store, store::OpenMemoryStore(*disk_, 1));
    MEDFLYT_ASSIGN_OR_RETURN(const keys::KekGenerations held, keys::UnwrapKek(key_files.kek, root_secret));
    MEDFLYT_ASSIGN_OR_RETURN(const keys::Kek kek, keys::KekOfRows(*store, held));
    MEDFLYT_ASSIGN_OR_RETURN(const auto keys, keys::KeyTable::Load(*store, kek, around_.chance));
    MEDFLYT_ASSIGN_OR_RETURN(const auto exchange_keys, keys::ExchangeKeys::Load(*store, kek, around_.chance));
    MEDFLYT_ASSIGN_OR_RETURN(const auto plan, exchange::ReadRecoveryPlan(*store));
    if (!plan) return absl::NotFoundError("no plan is kept");
    MEDFLYT_RETURN_IF_ERROR(log::OpenNextGeneration(*store, signer));
    const std::string closed = signer_.verifier_key().name();
    log_key_ = key;
    signer_ = signer;
    MEDFLYT_ASSIGN_OR_RETURN(const auto log, log::Log::Open({self_, *store, *keys, signer_, around_.timeline,
                                                             around_.chance, around_.facts}));
    exchange::LogKeyPins log_keys(*log);
    return exchange::AppendRecovered({self_, closed, *log, *keys, *exchange_keys, around_.directory, {}, log_keys},
                                     *plan, *log);
  }
  // A node that boots so signs nothing, and meets nobody, until Go.
  bool restrained = false;
  void Go() {
    restrained = false;
    log_->Release();
    exchange_->Start();
  }
  // Stands in the place of the store from the next boot on, where there is one.
  std::function<std::unique_ptr<store::Store>(std::unique_ptr<store::Store>)> wrap_store;
  // Shown while it runs that its store went back: restrained until it boots again, as server/node does it.
  void RestrainNow() {
    log_->Restrain(RuleError(absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "", "its store went back"));
    exchange_->OnRestrained();
  }
  // The next commit fails; whether it is found afterwards is for the disk to know. The node crashes then.
  void FailNextCommit(bool applied) {
    disk_->FailCommit(0, applied ? store::MemoryDisk::Outcome::kApplied : store::MemoryDisk::Outcome::kNotApplied);
  }

  void Boot() {
    ASSERT_EQ(life_, nullptr);
    life_ = NewLife();
    auto store = store::OpenMemoryStore(*disk_, 1);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = wrap_store ? wrap_store(*std::move(store)) : *std::move(store);
    auto held = keys::UnwrapKek(key_files.kek, root_secret);
    ASSERT_TRUE(held.ok()) << held.status();
    const auto kek = keys::KekOfRows(*store_, *held);
    ASSERT_TRUE(kek.ok()) << kek.status();
    auto keys = keys::KeyTable::Load(*store_, *kek, around_.chance);
    ASSERT_TRUE(keys.ok()) << keys.status();
    keys_ = *std::move(keys);
    auto exchange_keys = keys::ExchangeKeys::Load(*store_, *kek, around_.chance);
    ASSERT_TRUE(exchange_keys.ok()) << exchange_keys.status();
    exchange_keys_ = *std::move(exchange_keys);
    rotation_ = std::make_unique<keys::KekRotation>(
        keys::KekRotation::Parts{*store_, *keys_, *exchange_keys_, key_files, root_secret, secrets_}, *std::move(held));
    auto log = log::Log::Open(
        {self_, *store_, *keys_, signer_, around_.timeline, around_.chance, around_.facts, nullptr, around_.directory});
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    scheduler_ = std::make_unique<SimScheduler>(around_.timeline, life_);
    dialer_ = std::make_unique<Dialer>(*this);
    queue_ = std::make_unique<SimQueue>(around_.timeline, around_.chance, around_.network, life_, [this] {
      // Not from inside the commit that failed.
      around_.timeline.At(around_.timeline.Now(), life_, [this] {
        Crash();
        around_.timeline.At(around_.timeline.Now() + absl::Seconds(2), always_, [this] {
          if (!up()) Boot();
        });
      });
    });
    queue_->Serve(*log_, [this](const log::Appender& appender) { around_.inspect(self_, appender); });
    auto exchange = exchange::Exchange::Create({self_, *log_, *queue_, *keys_, *exchange_keys_, log_key_,
                                                around_.timeline, around_.chance, *scheduler_, *dialer_, logger},
                                               around_.directory, around_.options);
    ASSERT_TRUE(exchange.ok()) << exchange.status();
    exchange_ = *std::move(exchange);
    around_.network.Listen(
        self_, life_,
        [this](AuthorityId from, std::shared_ptr<exchange::Link> link) -> std::shared_ptr<exchange::LinkEvents> {
          if (!log_->restraint().ok()) return nullptr;
          auto events = exchange_->Accept(from, std::move(link));
          return events.ok() ? *std::move(events) : nullptr;
        });
    if (restrained) {
      log_->Restrain(RuleError(absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "", "it may have been rolled back"));
    } else {
      exchange_->Start();
    }
  }

  // The state as of all that was applied; only between the steps of the timeline.
  [[nodiscard]] domain::State StateNow() {
    std::optional<domain::State> copy;
    std::vector<std::unique_ptr<log::Submission>> read;
    read.push_back(std::make_unique<SimSubmission>([&](log::Appender& appender) { copy = appender.state(); }));
    auto prepared = log_->Prepare(std::move(read));
    EXPECT_TRUE(log_->Commit(*prepared).ok());
    return *std::move(copy);
  }

  // The state out of the log's entries, those kept beside it and the keys.
  [[nodiscard]] absl::StatusOr<log::Replayed> Replay() {
    std::map<crypto::Hash, log::StoredEntry> kept;
    for (const directory::Authority& authority : around_.directory.authorities()) {
      MEDFLYT_RETURN_IF_ERROR(
          exchange::VisitKept(*store_, authority.id, PairNumber(1), [&](const exchange::KeptRow& row) -> absl::Status {
            for (size_t i = 0; i < row.events.size(); ++i) {
              auto entry = exchange::ReceivedAt(row, PairNumber(row.first.value() + i));
              if (!entry.ok()) return entry.status();
              kept[entry->leaf_hash] = {std::move(entry->entry), entry->key_id};
            }
            return absl::OkStatus();
          }));
    }
    return log::Replay(self_, log_->reader(), log_->end(), *keys_,
                       [&kept](const wire::EventReceived& record) -> absl::StatusOr<log::StoredEntry> {
                         const auto found = kept.find(record.leaf_hash);
                         if (found == kept.end()) return absl::NotFoundError("an entry is not kept");
                         return found->second;
                       });
  }

 private:
  class Dialer final : public exchange::Dialer {
   public:
    explicit Dialer(SimNode& node) : node_(node) {}
    std::shared_ptr<exchange::Link> Connect(AuthorityId peer, std::shared_ptr<exchange::LinkEvents> events) override {
      return node_.around_.network.Connect(node_.self_, node_.life_, peer, std::move(events));
    }

   private:
    SimNode& node_;
  };

  void Halt() {
    life_.reset();
    around_.network.Listen(self_, nullptr, nullptr);
    queue_.reset();
    exchange_.reset();
    dialer_.reset();
    scheduler_.reset();
    log_.reset();
    rotation_.reset();
    exchange_keys_.reset();
    keys_.reset();
    store_.reset();
  }

  const AuthorityId self_;
  crypto::Signer log_key_;
  tlog::NoteSigner signer_;
  const Surroundings around_;
  crypto::SystemRandom secrets_;  // of which no run depends
  const Life always_ = NewLife();
  std::shared_ptr<store::MemoryDisk> disk_ = std::make_shared<store::MemoryDisk>();
  std::shared_ptr<store::MemoryDisk> copy_;
  int copies_ = 0;

  Life life_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<keys::KeyTable> keys_;
  std::unique_ptr<keys::ExchangeKeys> exchange_keys_;
  std::unique_ptr<keys::KekRotation> rotation_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<SimScheduler> scheduler_;
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<SimQueue> queue_;
  std::unique_ptr<exchange::Exchange> exchange_;
};

}  // namespace medflyt::testing
