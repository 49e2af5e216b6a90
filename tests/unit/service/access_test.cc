#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "server/service/access_rules.h"
#include "server/service/caller.h"

namespace medflyt::service {
namespace {

using rpc::Role;

constexpr Call kAllCalls[] = {
    Call::kAgreementCommand, Call::kReleaseHold, Call::kOtherCommand, Call::kImport, Call::kReadAgreements,
    Call::kReadCitizens,     Call::kWatch,       Call::kProof,        Call::kAudit,  Call::kAdminister,
    Call::kExchange};

std::set<Call> AllowedTo(Role role) {
  std::set<Call> allowed;
  for (const Call call : kAllCalls) {
    const absl::Status status = CheckRole(role, call);
    if (status.ok()) {
      allowed.insert(call);
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
      EXPECT_EQ(BrokenRuleOf(status)->rule, "CLIENT_ROLE_NOT_ALLOWED");
    }
  }
  return allowed;
}

TEST(AccessRules, EachRoleMayDoItsOwnAndNoMore) {
  EXPECT_EQ(AllowedTo(Role::kNode), std::set<Call>({Call::kExchange}));
  EXPECT_EQ(AllowedTo(Role::kRegistryFeed), std::set<Call>({Call::kImport}));
  EXPECT_EQ(AllowedTo(Role::kCaseSystem),
            std::set<Call>({Call::kAgreementCommand, Call::kReleaseHold, Call::kOtherCommand, Call::kReadAgreements,
                            Call::kReadCitizens, Call::kWatch, Call::kProof}));
  EXPECT_EQ(AllowedTo(Role::kAdministrator),
            std::set<Call>({Call::kAgreementCommand, Call::kReleaseHold, Call::kReadAgreements, Call::kAdminister}));
  EXPECT_EQ(AllowedTo(Role::kAuditor), std::set<Call>({Call::kProof, Call::kAudit}));
}

TEST(AccessRules, ARoleThatDoesNotExistMayNothing) { EXPECT_TRUE(AllowedTo(static_cast<Role>(77)).empty()); }

TEST(AccessRules, AgreementsAndReleasesAreToldApartFromOtherCommands) {
  v1::Command command;
  EXPECT_EQ(CallOf(command), Call::kOtherCommand);
  command.mutable_terminate_agreement();
  EXPECT_EQ(CallOf(command), Call::kAgreementCommand);
  command.mutable_release_hold();
  EXPECT_EQ(CallOf(command), Call::kReleaseHold);
  command.mutable_hold_relocation();
  EXPECT_EQ(CallOf(command), Call::kOtherCommand);
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
