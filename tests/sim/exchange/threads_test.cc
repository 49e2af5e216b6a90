// Two nodes with the sequencer's and the exchange's own threads, in one process: what the sanitizers are to watch.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>

#include "common/base/mutex.h"
#include "common/crypto/seal.h"
#include "server/exchange/exchange.h"
#include "server/log/appender.h"
#include "server/log/sequencer.h"
#include "server/store/memory_store.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/sim_node.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::testing {
namespace {

class ThreadedNode;

// Hands over to the other end, one message for each that is asked for.
class DirectLink final : public exchange::Link {
 public:
  struct Ends {
    Mutex mutex[2];
    std::shared_ptr<exchange::LinkEvents> events[2];
    std::deque<v1::PeerMessage> sent[2];  // to that side, not asked for yet
    bool asked[2] = {true, true};
    std::atomic<bool> closed = false;
  };
  DirectLink(std::shared_ptr<Ends> ends, int side) : ends_(std::move(ends)), side_(side) {}
  void Send(v1::PeerMessage message) override {
    if (ends_->closed.load()) return;
    MutexLock lock(ends_->mutex[1 - side_]);
    ends_->sent[1 - side_].push_back(std::move(message));
    Hand(*ends_, 1 - side_);
  }
  void Next() override {
    MutexLock lock(ends_->mutex[side_]);
    ends_->asked[side_] = true;
    Hand(*ends_, side_);
  }
  void Close(const absl::Status& reason) override {
    if (ends_->closed.exchange(true)) return;
    for (int side : {0, 1}) {
      MutexLock lock(ends_->mutex[side]);
      if (ends_->events[side]) ends_->events[side]->OnClosed(reason);
    }
  }
  // With the side's mutex held.
  static void Hand(Ends& ends, int side) {
    if (!ends.events[side] || !ends.asked[side] || ends.sent[side].empty()) return;
    ends.asked[side] = false;
    v1::PeerMessage message = std::move(ends.sent[side].front());
    ends.sent[side].pop_front();
    ends.events[side]->OnMessage(std::move(message));
  }

 private:
  const std::shared_ptr<Ends> ends_;
  const int side_;
};

class Switchboard {
 public:
  void Register(AuthorityId id, exchange::Exchange* node) {
    MutexLock lock(mutex_);
    nodes_[id] = node;
  }
  std::shared_ptr<exchange::Link> Connect(AuthorityId from, AuthorityId to,
                                          std::shared_ptr<exchange::LinkEvents> events) {
    auto ends = std::make_shared<DirectLink::Ends>();
    auto link = std::make_shared<DirectLink>(ends, 0);
    ends->events[0] = std::move(events);
    MutexLock lock(mutex_);
    const auto found = nodes_.find(to);
    auto inbound = found == nodes_.end() || found->second == nullptr
                       ? absl::StatusOr<std::shared_ptr<exchange::LinkEvents>>(absl::UnavailableError("not there"))
                       : found->second->Accept(from, std::make_shared<DirectLink>(ends, 1));
    if (inbound.ok()) {
      MutexLock end(ends->mutex[1]);
      ends->events[1] = *std::move(inbound);
      DirectLink::Hand(*ends, 1);
    } else {
      link->Close(inbound.status());
    }
    return link;
  }

 private:
  Mutex mutex_;
  std::map<AuthorityId, exchange::Exchange*> nodes_ MEDFLYT_GUARDED_BY(mutex_);
};

class ThreadedNode final : public exchange::Dialer, public log::CommitObserver {
 public:
  ThreadedNode(AuthorityId self, uint8_t seed, const directory::Directory& directory, const SimFacts& facts,
               Switchboard& board)
      : self_(self),
        board_(board),
        log_key_(SignerOf(seed)),
        signer_(NoteSignerOf(directory.Find(self)->logs.back().origin, seed)),
        store_(*store::OpenMemoryStore(disk_, 1)),
        keys_(*keys::KeyTable::Load(*store_, kek_, random_)),
        exchange_keys_(*keys::ExchangeKeys::Load(*store_, kek_, random_)),
        log_(*log::Log::Open({self, *store_, *keys_, signer_, clock_, random_, facts})),
        scheduler_(clock_, 2) {
    log_->AddObserver(*this);
    sequencer_ = std::make_unique<log::Sequencer>(*log_, log::Sequencer::Limits(), [](const absl::Status& status) {
      ADD_FAILURE() << "a commit failed: " << status;
    });
    exchange_ = *exchange::Exchange::Create(
        {self, *log_, *sequencer_, *keys_, *exchange_keys_, log_key_, clock_, random_, scheduler_, *this, logger_},
        directory, exchange::Options());
    board_.Register(self, exchange_.get());
    exchange_->Start();
  }
  ~ThreadedNode() override {
    board_.Register(self_, nullptr);
    exchange_->Stop();
    sequencer_.reset();
    scheduler_.Stop();
  }

  std::shared_ptr<exchange::Link> Connect(AuthorityId peer, std::shared_ptr<exchange::LinkEvents> events) override {
    return board_.Connect(self_, peer, std::move(events));
  }
  void OnCommit(const log::Head&, const std::vector<AuthorityId>&) override {
    MutexLock lock(mutex_);
    ++commits_;
    committed_.NotifyAll();
  }
  // Returns once the condition holds; it is looked at again after each commit.
  void Await(const std::function<bool(const log::Log&)>& condition) {
    MutexLock lock(mutex_);
    for (uint64_t seen = commits_; !condition(*log_); seen = commits_) {
      while (commits_ == seen) committed_.Wait(mutex_);
    }
  }
  void Do(const event::CommandBody& body) {
    ASSERT_TRUE(sequencer_
                    ->Submit(std::make_unique<SimSubmission>([body](log::Appender& appender) {
                      EXPECT_EQ(RuleOf(OnGround({"officer-1", body},
                                                [&](const event::Command& each) { return appender.Execute(each); })
                                           .status()),
                                "OK");
                    }))
                    .ok());
  }
  log::Log& log() { return *log_; }
  exchange::Exchange& exchange() { return *exchange_; }

 private:
  const AuthorityId self_;
  Switchboard& board_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  NullLogger logger_;
  const keys::Kek kek_ = {1, crypto::Key::Random()};
  const crypto::Signer log_key_;
  const tlog::NoteSigner signer_;
  store::MemoryDisk disk_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<keys::KeyTable> keys_;
  std::unique_ptr<keys::ExchangeKeys> exchange_keys_;
  Mutex mutex_;
  CondVar committed_;
  uint64_t commits_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<log::Log> log_;
  exchange::ThreadScheduler scheduler_;
  std::unique_ptr<log::Sequencer> sequencer_;
  std::unique_ptr<exchange::Exchange> exchange_;
};

TEST(Threads, EventsOfBothNodesAreReceipted) {
  const AuthorityId odense_id = *AuthorityId::Parse("35209115");
  const AuthorityId nyborg_id = *AuthorityId::Parse("29189722");
  const auto directory = *directory::Directory::Create({Odense(), Nyborg()});
  const SimFacts facts(directory);
  Switchboard board;
  ThreadedNode odense(odense_id, 10, directory, facts, board);
  ThreadedNode nyborg(nyborg_id, 20, directory, facts, board);
  crypto::SystemRandom random;
  const event::AgreementTerms terms = Terms(5, Date(2026, 1, 1), Date(2096, 1, 1));
  constexpr uint64_t kEvents = 300;
  for (uint64_t i = 0; i < kEvents; ++i) {
    odense.Do(event::ProposeAgreement{random.NewId<CaseId>(), odense_id, nyborg_id, terms});
    nyborg.Do(event::ProposeAgreement{random.NewId<CaseId>(), odense_id, nyborg_id, terms});
  }
  const auto all_receipted = [](AuthorityId peer) {
    return [peer](const log::Log& log) { return log.peer(peer).receipted.value() == kEvents; };
  };
  odense.Await(all_receipted(nyborg_id));
  nyborg.Await(all_receipted(odense_id));
  EXPECT_EQ(odense.log().peer(nyborg_id).received.value(), kEvents);
  EXPECT_EQ(nyborg.log().peer(odense_id).received.value(), kEvents);
  const exchange::PeerStatus status = odense.exchange().StatusOf(nyborg_id);
  EXPECT_TRUE(status.delivery.connected);
  EXPECT_TRUE(status.reception.connected);
  EXPECT_EQ(status.delivery.last_error, "");
  EXPECT_FALSE(status.forked);
}

}  // namespace
}  // namespace medflyt::testing
