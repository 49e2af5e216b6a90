// Odense's node, a citizen whose enrolment there is over, and officers who erase.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/entry/parse.h"
#include "server/privacy/citizen.h"
#include "server/privacy/erasure.h"
#include "server/privacy/retention_sweep.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/log_fixture.h"
#include "tests/support/rule_of.h"

namespace medflyt::testing {

inline const registry::CprNumber kCitizen = *registry::CprNumber::Parse("6101801001");

class ErasingTest : public LogFixture {
 protected:
  void SetUp() override {
    directory_.grounds = {{{"gdpr-17-1-d", Date(2018, 5, 25), std::nullopt}, true}};
    Do({"anna", event::ProposeEnrolment{enrolment_, kOdense, kCitizen, std::nullopt, today() - 10}});
    Do({"anna", event::StartEnrolment{enrolment_, today() - 10}});
    Do({"anna", event::EndEnrolment{enrolment_, today(), event::EndReason::kPrison}});
  }
  Date today() const { return DanishDate(clock_.now); }
  void Do(event::Command command) {
    On([&](log::Appender& appender) { ASSERT_EQ(RuleOf(appender.Execute(command).status()), "OK"); });
  }
  absl::StatusOr<privacy::Erased> Erase(std::string officer, std::string_view certificate) {
    std::optional<absl::StatusOr<privacy::Erased>> erased;
    On([&](log::Appender& appender) {
      event::EraseCases command{random_.NewId<CaseId>(), privacy::FindCitizen(appender.state(), kCitizen).cases,
                                "gdpr-17-1-d", "journal-1", crypto::Sha256(certificate)};
      erased = privacy::Erase(appender, random_, {std::move(officer), std::move(command)});
    });
    return *std::move(erased);
  }
  privacy::RetentionSweep::Outcome Sweep() {
    privacy::RetentionSweep::Outcome last;
    Apply(std::make_unique<privacy::RetentionSweep>(random_, [&](const auto& outcome) {
      ASSERT_TRUE(outcome.ok()) << outcome.status();
      last = *outcome;
    }));
    return last;
  }
  // A key that Nyborg granted for a case of which nothing is in the state: what it said was refused.
  KeyId GrantedFor(const CaseId& refused) {
    const keys::DataKey granted{random_.NewId<KeyId>(), crypto::Key::Random()};
    On([&](log::Appender& appender) {
      ASSERT_TRUE(appender.keys()
                      .Accept(granted, {refused, kNyborg, kOdense, event::RetentionClass::kCase}, appender.batch())
                      .ok());
    });
    return granted.id;
  }
  std::set<KeyId> KeysOf(const CaseId& id) { return keys_->IdsOf(std::set<CaseId>{id}, event::RetentionClass::kCase); }
  // Key ids of the KeyDestroyed records, in order.
  std::vector<KeyId> Destroyed() {
    std::vector<KeyId> ids;
    wire::LedgerCodec codec;
    EXPECT_TRUE(log_->reader()
                    .Visit(log::Position(0), log_->end(),
                           [&](log::Position, std::string_view entry, const KeyId& key_id) -> absl::Status {
                             if (!key_id.is_zero()) return absl::OkStatus();
                             const auto record = codec.Decode(entry);
                             if (!record.ok()) return record.status();
                             if (const auto* gone = std::get_if<wire::KeyDestroyed>(&record->record)) {
                               ids.push_back(gone->key_id);
                             }
                             return absl::OkStatus();
                           })
                    .ok());
    return ids;
  }
  domain::State StateNow() {
    std::optional<domain::State> copy;
    On([&](log::Appender& appender) { copy = appender.state(); });
    return *std::move(copy);
  }

  const CaseId enrolment_ = *CaseId::FromHex("00112233445566778899aabbccddeeff");
};

}  // namespace medflyt::testing
