// A citizen of Nyborg's who was in Odense's unit, and officers who erase.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "server/privacy/citizen.h"
#include "server/privacy/erasure.h"
#include "tests/sim/exchange/checks.h"
#include "tests/support/agreement_terms.h"

namespace medflyt::testing {

class ErasureWorld : public ::testing::Test {
 protected:
  ErasureWorld() : world(5) { world.RunFor(absl::Seconds(1)); }

  void Act(AuthorityId who, event::CommandBody body) { ASSERT_EQ(world.Act(who, std::move(body)), "OK"); }
  // A citizen of Nyborg's in Odense's unit, until yesterday.
  void SetUp() override {
    const auto agreement = world.chance.NewId<CaseId>();
    Act(kOdense, event::ProposeAgreement{agreement, kOdense, kNyborg, Terms(2)});
    ASSERT_TRUE(world.Settle());
    Act(kNyborg, event::AcceptAgreement{agreement, 1});
    ASSERT_TRUE(world.Settle());
    enrolment = world.chance.NewId<CaseId>();
    Act(kNyborg, event::ProposeEnrolment{enrolment, kOdense, SimCitizen(1), agreement, Date(2026, 3, 2)});
    ASSERT_TRUE(world.Settle());
    Act(kOdense, event::StartEnrolment{enrolment, Date(2026, 3, 2)});
    Act(kOdense, event::EndEnrolment{enrolment, Date(2026, 3, 2), event::EndReason::kJob});
    ASSERT_TRUE(world.Settle());
  }
  std::string EraseBy(AuthorityId who, const std::string& officer, uint64_t citizen = 1) {
    auto rule = std::make_shared<std::string>("NOT_DONE");
    const auto id = world.chance.NewId<CaseId>();
    world.node(who).Submit([=](log::Appender& appender) {
      event::EraseCases command{id, privacy::FindCitizen(appender.state(), SimCitizen(citizen)).cases, "gdpr-17-1-d",
                                "journal-1", crypto::Sha256(officer)};
      crypto::SystemRandom random;
      *rule = RuleOf(privacy::Erase(appender, random, {officer, std::move(command)}).status());
    });
    world.RunFor(absl::Milliseconds(100));
    return *rule;
  }
  void Erase(AuthorityId who) {
    ASSERT_EQ(EraseBy(who, "anna"), "OK");
    ASSERT_EQ(EraseBy(who, "bo"), "OK");
  }
  std::set<KeyId> KeysAt(AuthorityId who) {
    return world.node(who).keys().IdsOf(std::set<CaseId>{enrolment}, event::RetentionClass::kCase);
  }
  bool IsReceipted(AuthorityId who) {
    const domain::State state = world.node(who).StateNow();
    EXPECT_FALSE(state.erasure_notices().empty());
    for (const auto& [id, notice] : state.erasure_notices()) {
      if (!notice.receipted) return false;
    }
    return true;
  }

  SimWorld world;
  CaseId enrolment;
};

}  // namespace medflyt::testing
