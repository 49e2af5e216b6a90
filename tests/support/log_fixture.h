// One node's log on a store in memory, for two authorities that know each other.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/crypto/signer.h"
#include "common/tlog/note_key.h"
#include "common/wire/ledger.h"
#include "server/keys/key_table.h"
#include "server/log/appender.h"
#include "server/log/generations.h"
#include "server/log/log.h"
#include "server/log/submission.h"
#include "server/store/memory_store.h"
#include "tests/support/authorities.h"

namespace medflyt::testing {

class CountingRandom final : public RandomSource {
 public:
  void Fill(uint8_t* out, size_t size) override {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>((next_ = next_ * 6364136223846793005u + 1) >> 56);
  }

 private:
  uint64_t next_ = 42;
};

// Stands still until a test sets it.
class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }

  absl::Time now = absl::FromUnixSeconds(1'795'000'000);
};

class FunenDirectory final : public domain::AuthorityDirectory, public log::FactsSource {
 public:
  std::optional<AuthorityId> AuthorityOf(MunicipalityCode code, Date) const override {
    if (code.number() == 461) return kOdense;
    if (code.number() == 450) return kNyborg;
    return std::nullopt;
  }
  std::optional<MunicipalityCode> CodeOf(AuthorityId authority) const override {
    return MunicipalityCode::FromNumber(authority == kOdense ? 461 : 450);
  }
  bool IsKnown(AuthorityId authority) const override { return authority == kOdense || authority == kNyborg; }
  bool IsMunicipality(AuthorityId) const override { return true; }
  domain::Facts FactsOn(Date today) const override { return {today, *this, {}, grounds, periods}; }

  std::vector<domain::ErasureGround> grounds;
  std::vector<domain::RetentionPeriod> periods;
};

// Does something on the sequencer.
class Applying final : public log::Submission {
 public:
  explicit Applying(std::function<void(log::Appender&)> work) : work_(std::move(work)) {}
  void Apply(log::Appender& appender) override { work_(appender); }
  void Committed(const log::Head&) override {}
  void Abandoned(const absl::Status&) override {}

 private:
  const std::function<void(log::Appender&)> work_;
};

class LogFixture : public ::testing::Test {
 protected:
  LogFixture() { Open(); }

  void Open() {
    log_.reset();
    keys_.reset();
    store_ = *store::OpenMemoryStore(disk_, 1);
    keys_ = *keys::KeyTable::Load(*store_, keys::Kek{1, kek_}, random_);
    auto log = TryOpen();
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }

  // The open log is closed and the next one opened, as a recovery does that nobody gave anything back to.
  void OpenNext() {
    tlog::NoteSigner next = *tlog::NoteSigner::Create("odense.example/log/2", crypto::Signer(crypto::Key::Random()));
    const std::string closed = log_->head().checkpoint;
    log_.reset();
    ASSERT_TRUE(log::OpenNextGeneration(*store_, next).ok());
    signer_ = std::move(next);
    Open();
    On([&](log::Appender& appender) {
      const auto opened = wire::LedgerCodec().Encode(
          {appender.now(),
           wire::GenerationOpened{closed, TreeSize(1), {}, crypto::Sha256("first"), crypto::Sha256("second")}});
      ASSERT_TRUE(opened.ok());
      appender.AppendLedger(*opened);
    });
  }

  absl::StatusOr<std::unique_ptr<log::Log>> TryOpen() {
    return log::Log::Open({kOdense, *store_, *keys_, signer_, clock_, random_, directory_, nullptr, cards_});
  }

  // One commit.
  void Apply(std::unique_ptr<log::Submission> submission) {
    std::vector<std::unique_ptr<log::Submission>> one;
    one.push_back(std::move(submission));
    const auto prepared = log_->Prepare(std::move(one));
    ASSERT_TRUE(prepared->defect.ok()) << prepared->defect;
    ASSERT_TRUE(log_->Commit(*prepared).ok());
  }
  void On(std::function<void(log::Appender&)> work) { Apply(std::make_unique<Applying>(std::move(work))); }

  CountingRandom random_;
  FixedClock clock_;
  FunenDirectory directory_;
  directory::Directory cards_;
  crypto::Key kek_ = crypto::Key::Random();
  tlog::NoteSigner signer_ = *tlog::NoteSigner::Create("odense.example/log", crypto::Signer(crypto::Key::Random()));
  store::MemoryDisk disk_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<keys::KeyTable> keys_;
  std::unique_ptr<log::Log> log_;
};

}  // namespace medflyt::testing
