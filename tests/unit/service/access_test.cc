#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "server/service/caller.h"
#include "server/service/policy.h"

namespace medflyt::service {
namespace {

using directory::Kind;
using rpc::Role;

constexpr Role kClients[] = {Role::kRegistryFeed, Role::kCaseSystem, Role::kAdministrator, Role::kAuditor};

std::vector<Action> AllActions() {
  std::vector<Action> actions;
  for (size_t i = 0; i < kActionCount; ++i) actions.push_back(static_cast<Action>(i));
  return actions;
}

std::set<std::string> AllowedTo(Role role, const Policy& policy = Policy::Default(), Kind kind = Kind::kMunicipality) {
  std::set<std::string> allowed;
  for (const Action action : AllActions()) {
    const absl::Status status = policy.Check(role, action, kind);
    if (status.ok()) {
      allowed.emplace(NameOf(action));
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
      EXPECT_EQ(BrokenRuleOf(status)->rule, "CLIENT_ROLE_NOT_ALLOWED");
    }
  }
  return allowed;
}

TEST(Policy, EachRoleMayDoItsOwnAndNoMore) {
  EXPECT_EQ(AllowedTo(Role::kNode), std::set<std::string>({"exchange"}));
  EXPECT_EQ(AllowedTo(Role::kRegistryFeed), std::set<std::string>({"import-extract"}));
  EXPECT_EQ(AllowedTo(Role::kAdministrator),
            std::set<std::string>({"propose-agreement", "accept-agreement", "decline-agreement", "terminate-agreement",
                                   "release-hold", "clear-flag", "read-agreements", "report-incident", "administer",
                                   "release-peer", "admit-generation", "back-up", "recover-node"}));
  EXPECT_EQ(AllowedTo(Role::kAuditor), std::set<std::string>({"prove-events", "audit", "read-access-records"}));
  std::set<std::string> rest = AllowedTo(Role::kCaseSystem);
  for (const char* not_theirs : {"import-extract", "audit", "read-access-records", "open-cases", "administer",
                                 "release-peer", "admit-generation", "back-up", "recover-node", "exchange"}) {
    EXPECT_FALSE(rest.contains(not_theirs)) << not_theirs;
  }
  EXPECT_EQ(rest.size(), kActionCount - 10);
}

TEST(Policy, WhatNobodyNamedIsDenied) {
  const Policy policy;
  for (const Role role : kClients) EXPECT_TRUE(AllowedTo(role, policy).empty());
  EXPECT_TRUE(AllowedTo(static_cast<Role>(77)).empty());
}

TEST(Policy, ARuleHoldsAtTheKindsOfAuthorityThatItNames) {
  Policy policy;
  ASSERT_TRUE(policy.Allow(Role::kCaseSystem, Action::kRequestTransfer, Kind::kMunicipality).ok());
  EXPECT_EQ(AllowedTo(Role::kCaseSystem, policy, Kind::kMunicipality), std::set<std::string>({"request-transfer"}));
  EXPECT_TRUE(AllowedTo(Role::kCaseSystem, policy, Kind::kPoliceDistrict).empty());
  EXPECT_TRUE(AllowedTo(Role::kCaseSystem, policy, Kind::kStateBody).empty());
}

TEST(Policy, NodesExchangeAndNobodyElseDoes) {
  Policy policy;
  for (const Action action : AllActions()) {
    EXPECT_EQ(policy.Allow(Role::kNode, action, Kind::kMunicipality).ok(), action == Action::kExchange);
  }
  for (const Role role : kClients) {
    const absl::Status refused = policy.Allow(role, Action::kExchange, Kind::kMunicipality);
    EXPECT_EQ(BrokenRuleOf(refused)->rule, "POLICY_ROLE_MIXED");
  }
  for (const Role role : kClients) EXPECT_TRUE(AllowedTo(role, policy).empty());
}

TEST(Policy, NamesAreUniqueAndReadBack) {
  std::set<std::string_view> names;
  for (const Action action : AllActions()) {
    EXPECT_TRUE(names.insert(NameOf(action)).second) << NameOf(action);
    EXPECT_EQ(ActionByName(NameOf(action)), action);
  }
  EXPECT_FALSE(ActionByName("release").has_value());
  EXPECT_FALSE(ActionByName("").has_value());
}

// Each command that the API has, found by its descriptor, so that a new one cannot be forgotten here.
TEST(Policy, EveryCommandIsAnActionOfItsOwn) {
  EXPECT_FALSE(ActionOf(v1::Command()).has_value());
  const auto* commands = v1::Command::descriptor()->FindOneofByName("command");
  std::set<Action> seen;
  for (int i = 0; i < commands->field_count(); ++i) {
    v1::Command command;
    command.GetReflection()->MutableMessage(&command, commands->field(i));
    const auto action = ActionOf(command);
    ASSERT_TRUE(action.has_value()) << commands->field(i)->name();
    std::string name = commands->field(i)->name();
    std::replace(name.begin(), name.end(), '_', '-');
    EXPECT_EQ(NameOf(*action), name);
    EXPECT_TRUE(seen.insert(*action).second);
  }
  EXPECT_EQ(seen.size(), 28u);
}

v1::RequestContext Context(std::string id = "id-1", std::string officer = "an.officer", std::string purpose = "case") {
  v1::RequestContext context;
  context.set_request_id(std::move(id));
  context.set_officer(std::move(officer));
  context.set_purpose(std::move(purpose));
  return context;
}

std::string RuleAndField(const absl::Status& status) {
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule + " " + broken->field : std::string(status.message());
}

TEST(RequestContext, NamesOfficerPurposeAndRequest) {
  EXPECT_TRUE(CheckContext(Context(), RequestId::kRequired).ok());
  EXPECT_TRUE(CheckContext(Context(""), RequestId::kUnused).ok());
  EXPECT_EQ(RuleAndField(CheckContext(Context(""), RequestId::kRequired)), "REQUEST_ID_REQUIRED context.request_id");
  EXPECT_EQ(RuleAndField(CheckContext(Context("id", ""), RequestId::kUnused)), "OFFICER_REQUIRED context.officer");
  EXPECT_EQ(RuleAndField(CheckContext(Context("id", "   "), RequestId::kUnused)), "OFFICER_REQUIRED context.officer");
  EXPECT_EQ(RuleAndField(CheckContext(Context("id", "o", ""), RequestId::kUnused)), "PURPOSE_REQUIRED context.purpose");
}

TEST(RequestContext, HasBounds) {
  EXPECT_TRUE(
      CheckContext(Context(std::string(64, 'x'), std::string(128, 'o'), std::string(256, 'p')), RequestId::kRequired)
          .ok());
  EXPECT_EQ(RuleAndField(CheckContext(Context(std::string(65, 'x')), RequestId::kRequired)),
            "FIELD_TOO_LONG context.request_id");
  EXPECT_EQ(RuleAndField(CheckContext(Context("id", std::string(129, 'o')), RequestId::kRequired)),
            "FIELD_TOO_LONG context.officer");
  EXPECT_EQ(RuleAndField(CheckContext(Context("id", "o", std::string(257, 'p')), RequestId::kRequired)),
            "FIELD_TOO_LONG context.purpose");
  for (const char* id : {"a b", "a\tb", "\xc3\xa6", "a\x7f"}) {
    EXPECT_EQ(RuleAndField(CheckContext(Context(id), RequestId::kRequired)), "FIELD_MALFORMED context.request_id");
  }
  EXPECT_EQ(RuleAndField(CheckContext(Context("id", "a\nb"), RequestId::kRequired)), "FIELD_MALFORMED context.officer");
}

}  // namespace
}  // namespace medflyt::service
