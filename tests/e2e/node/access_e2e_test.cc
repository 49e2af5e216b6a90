// What a node answers to whom it does not serve, and to what is too much.
#include <gmock/gmock.h>

#include "common/base/status.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

using ::testing::HasSubstr;
using Stub = v1::MunicipalityService::Stub;

// One node for all the tests of this file: none of them changes what another sees.
class AccessE2e : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    odense = new TestNode("35209115", "0461", "Odense Kommune");
    nyborg = new TestNode("29189722", "0450", "Nyborg Kommune");
    odense->Know(*nyborg);
    odense->Start();
  }
  static void TearDownTestSuite() {
    delete odense;
    delete nyborg;
  }

  static v1::ListEnrolmentsRequest List() {
    v1::ListEnrolmentsRequest request;
    *request.mutable_context() = Said();
    return request;
  }
  static std::string ListAs(const std::string& client) {
    v1::ListEnrolmentsResponse response;
    return Call(*odense->Municipality(client), &Stub::ListEnrolments, List(), response);
  }
  static std::string ProposeAs(const std::string& client, const v1::ProposeAgreementRequest& request) {
    v1::CommandResult result;
    return Call(*odense->Municipality(client), &Stub::ProposeAgreement, request, result);
  }

  static TestNode* odense;
  static TestNode* nyborg;
};
TestNode* AccessE2e::odense = nullptr;
TestNode* AccessE2e::nyborg = nullptr;

TEST_F(AccessE2e, RolesDoTheirOwnOnly) {
  EXPECT_EQ(ListAs("case-system-1"), "OK");
  for (const char* client : {"registry-feed", "administrator-1", "auditor"}) {
    EXPECT_EQ(ListAs(client), "CLIENT_ROLE_NOT_ALLOWED") << client;
  }
  EXPECT_EQ(ProposeAs("administrator-1", Proposal(*odense, *nyborg, "by-administrator")), "OK");
  EXPECT_EQ(ProposeAs("auditor", Proposal(*odense, *nyborg, "by-auditor")), "CLIENT_ROLE_NOT_ALLOWED");

  const auto status = [](const std::string& client) {
    v1::GetStatusResponse response;
    const auto admin = v1::AdminService::NewStub(odense->Channel(client));
    return Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), response);
  };
  EXPECT_EQ(status("administrator-2"), "OK");
  EXPECT_EQ(status("case-system-1"), "CLIENT_ROLE_NOT_ALLOWED");
  const auto checkpoint = [](const std::string& client) {
    v1::GetCheckpointResponse response;
    const auto audit = v1::AuditService::NewStub(odense->Channel(client));
    return Call(*audit, &v1::AuditService::Stub::GetCheckpoint, v1::GetCheckpointRequest(), response);
  };
  EXPECT_EQ(checkpoint("auditor"), "OK");
  EXPECT_EQ(checkpoint("administrator-1"), "CLIENT_ROLE_NOT_ALLOWED");
}

TEST_F(AccessE2e, ErrorsComeInEnglishAndDanish) {
  v1::ListEnrolmentsResponse response;
  absl::Status status;
  (void)Call(*odense->Municipality("auditor"), &Stub::ListEnrolments, List(), response, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("auditor"));
  EXPECT_FALSE(rpc::DanishTextOf(status).empty());
}

TEST_F(AccessE2e, WithoutACertificateThereIsNoConversation) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = odense->pki().ca();
  const auto stub =
      v1::MunicipalityService::NewStub(grpc::CreateChannel(odense->address(), grpc::SslCredentials(options)));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListEnrolmentsResponse response;
  EXPECT_EQ(stub->ListEnrolments(&context, List(), &response).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AccessE2e, ClientsOfAnotherAuthorityAreNotServed) {
  const auto channel = odense->ChannelAs(nyborg->pki().Path("clients/case-system-1.key"),
                                         nyborg->pki().Path("clients/case-system-1.pem"));
  const auto stub = v1::MunicipalityService::NewStub(channel);
  v1::ListEnrolmentsResponse response;
  EXPECT_EQ(Call(*stub, &Stub::ListEnrolments, List(), response), "CLIENT_OF_OTHER_AUTHORITY");
}

TEST_F(AccessE2e, ANodesCertificateOpensThePeerServiceOnlyAndAClientsDoesNot) {
  const auto as_node = odense->ChannelAs(nyborg->pki().Path("node/key.pem"), nyborg->pki().Path("node/cert.pem"));
  const auto municipality = v1::MunicipalityService::NewStub(as_node);
  v1::ListEnrolmentsResponse response;
  EXPECT_EQ(Call(*municipality, &Stub::ListEnrolments, List(), response), "CLIENT_OF_OTHER_AUTHORITY");
  const auto own_node = v1::MunicipalityService::NewStub(
      odense->ChannelAs(odense->pki().Path("node/key.pem"), odense->pki().Path("node/cert.pem")));
  EXPECT_EQ(Call(*own_node, &Stub::ListEnrolments, List(), response), "CLIENT_ROLE_NOT_ALLOWED");

  const auto exchange = [](const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stub = v1::PeerService::NewStub(channel);
    const auto stream = stub->Exchange(&context);
    v1::PeerMessage message;
    while (stream->Read(&message)) {
    }
    const auto broken = BrokenRuleOf(rpc::FromGrpc(stream->Finish()));
    return broken ? broken->rule : "none";
  };
  EXPECT_EQ(exchange(odense->Channel("case-system-1")), "CLIENT_ROLE_NOT_ALLOWED");
  EXPECT_EQ(exchange(odense->ChannelAs(odense->pki().Path("node/key.pem"), odense->pki().Path("node/cert.pem"))),
            "PEER_IS_SELF");
}

TEST_F(AccessE2e, OfficerPurposeAndRequestIdAreAskedFor) {
  auto request = Proposal(*odense, *nyborg, "");
  EXPECT_EQ(ProposeAs("case-system-1", request), "REQUEST_ID_REQUIRED");
  request.mutable_context()->set_request_id("with-id");
  request.mutable_context()->clear_officer();
  EXPECT_EQ(ProposeAs("case-system-1", request), "OFFICER_REQUIRED");
  request.mutable_context()->set_officer("anna.officer");
  request.mutable_context()->clear_purpose();
  EXPECT_EQ(ProposeAs("case-system-1", request), "PURPOSE_REQUIRED");
  v1::ListEnrolmentsRequest list;
  v1::ListEnrolmentsResponse response;
  EXPECT_EQ(Call(*odense->Municipality(), &Stub::ListEnrolments, list, response), "OFFICER_REQUIRED");
}

TEST_F(AccessE2e, ARequestIdIsAnsweredTheSameWayAndForOneThingOnly) {
  const auto request = Proposal(*odense, *nyborg, "same-id");
  v1::CommandResult first;
  v1::CommandResult second;
  const auto stub = odense->Municipality();
  ASSERT_EQ(Call(*stub, &Stub::ProposeAgreement, request, first), "OK");
  ASSERT_EQ(Call(*stub, &Stub::ProposeAgreement, request, second), "OK");
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  EXPECT_EQ(ProposeAs("case-system-1", Proposal(*odense, *nyborg, "same-id", 3)), "REQUEST_ID_REUSED");
}

TEST_F(AccessE2e, FieldsAreNamed) {
  auto request = Proposal(*odense, *nyborg, "bad-date");
  request.mutable_propose_agreement()->mutable_terms()->set_valid_from("2026-02-30");
  v1::CommandResult result;
  absl::Status status;
  (void)Call(*odense->Municipality(), &Stub::ProposeAgreement, request, result, &status);
  ASSERT_TRUE(BrokenRuleOf(status).has_value());
  EXPECT_EQ(BrokenRuleOf(status)->rule, "FIELD_MALFORMED");
  EXPECT_THAT(BrokenRuleOf(status)->field, HasSubstr("valid_from"));
  request.clear_propose_agreement();
  EXPECT_EQ(ProposeAs("case-system-1", request), "COMMAND_REQUIRED");
}

TEST_F(AccessE2e, MessagesOverTheLimitAreRefused) {
  auto request = Proposal(*odense, *nyborg, "large");
  request.mutable_propose_agreement()->mutable_terms()->set_council_case(std::string(5 << 20, 'x'));
  v1::CommandResult result;
  absl::Status status;
  (void)Call(*odense->Municipality(), &Stub::ProposeAgreement, request, result, &status);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);

  grpc::ClientContext context;
  SetDeadline(context);
  const auto stub = odense->Municipality();
  const auto stream = stub->SubmitCommands(&context);
  v1::SubmitCommandsRequest batch;
  for (int i = 0; i < 257; ++i) *batch.add_items()->mutable_context() = Said("r" + std::to_string(i));
  EXPECT_TRUE(stream->Write(batch));
  v1::SubmitCommandsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(BrokenRuleOf(rpc::FromGrpc(stream->Finish()))->rule, "BATCH_TOO_LARGE");
}

TEST_F(AccessE2e, EachCommandOfABatchHasItsOwnOutcome) {
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stub = odense->Municipality("administrator-1");
  const auto stream = stub->SubmitCommands(&context);
  v1::SubmitCommandsRequest batch;
  auto& good = *batch.add_items();
  *good.mutable_context() = Said("bulk-1");
  *good.mutable_command()->mutable_propose_agreement() = Proposal(*odense, *nyborg, "").propose_agreement();
  auto& forbidden = *batch.add_items();
  *forbidden.mutable_context() = Said("bulk-2");
  forbidden.mutable_command()->mutable_end_enrolment();
  auto& unnamed = *batch.add_items();
  *unnamed.mutable_context() = Said("");
  *unnamed.mutable_command() = good.command();
  ASSERT_TRUE(stream->Write(batch));
  v1::SubmitCommandsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(response.outcomes_size(), 3);
  EXPECT_EQ(response.outcomes(0).result().events_size(), 1);
  EXPECT_EQ(response.outcomes(1).error().code(), static_cast<int>(grpc::StatusCode::PERMISSION_DENIED));
  EXPECT_EQ(response.outcomes(2).error().code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_GT(response.outcomes(2).error().details_size(), 0);
}

TEST_F(AccessE2e, ListsAreGivenInPages) {
  const auto stub = odense->Municipality();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(ProposeAs("case-system-1", Proposal(*odense, *nyborg, "page-" + std::to_string(i))), "OK");
  }
  v1::ListAgreementsRequest request;
  *request.mutable_context() = Said();
  v1::ListAgreementsResponse all;
  ASSERT_EQ(Call(*stub, &Stub::ListAgreements, request, all), "OK");
  ASSERT_GE(all.agreements_size(), 5);
  request.set_page_size(2);
  std::vector<std::string> ids;
  do {
    v1::ListAgreementsResponse page;
    ASSERT_EQ(Call(*stub, &Stub::ListAgreements, request, page), "OK");
    ASSERT_LE(page.agreements_size(), 2);
    ASSERT_GE(page.agreements_size(), 1);
    for (const auto& agreement : page.agreements()) ids.push_back(agreement.agreement_id());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_EQ(ids.size(), static_cast<size_t>(all.agreements_size()));
  for (int i = 0; i < all.agreements_size(); ++i) {
    EXPECT_EQ(ids[static_cast<size_t>(i)], all.agreements(i).agreement_id());
  }
  request.set_page_token("no token");
  v1::ListAgreementsResponse page;
  EXPECT_EQ(Call(*stub, &Stub::ListAgreements, request, page), "PAGE_TOKEN_INVALID");
}

TEST_F(AccessE2e, AReadOfACitizenLeavesARecordHitOrMiss) {
  const auto size = [] {
    v1::GetStatusResponse response;
    const auto admin = v1::AdminService::NewStub(odense->Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), response), "OK");
    return response.tree_size();
  };
  const uint64_t before = size();
  v1::GetEnrolmentRequest request;
  *request.mutable_context() = Said();
  request.set_cpr("6101801999");
  v1::GetEnrolmentResponse response;
  EXPECT_EQ(Call(*odense->Municipality(), &Stub::GetEnrolment, request, response), "UNKNOWN_CASE");
  EXPECT_EQ(size(), before + 1);
  request.set_cpr("610180199");
  EXPECT_EQ(Call(*odense->Municipality(), &Stub::GetEnrolment, request, response), "CPR_NUMBER_MALFORMED");
  EXPECT_EQ(size(), before + 1);
}

}  // namespace
}  // namespace medflyt::testing
