// Odense and Nyborg as two nodes, an agreement between them, and a citizen of Nyborg's for Odense's unit.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {

class ExchangeWorld : public ::testing::Test {
 protected:
  ExchangeWorld() {
    odense.Know(nyborg);
    nyborg.Know(odense);
  }
  void StartBoth() {
    ASSERT_TRUE(odense.pki().ok() && nyborg.pki().ok());
    odense.Start();
    nyborg.Start();
  }

  v1::AgreementState StateAt(TestNode& node, const std::string& id) {
    v1::GetAgreementRequest request;
    *request.mutable_context() = Said();
    request.set_agreement_id(id);
    v1::GetAgreementResponse response;
    const auto stub = node.Municipality();
    return Call(*stub, &v1::MunicipalityService::Stub::GetAgreement, request, response) == "OK"
               ? response.agreement().state()
               : v1::AGREEMENT_STATE_UNSPECIFIED;
  }
  v1::Enrolment EnrolmentAt(TestNode& node, const std::string& cpr) {
    v1::GetEnrolmentRequest request;
    *request.mutable_context() = Said();
    request.set_cpr(cpr);
    v1::GetEnrolmentResponse response;
    const auto stub = node.Municipality();
    (void)Call(*stub, &v1::MunicipalityService::Stub::GetEnrolment, request, response);
    return response.enrolment();
  }
  // An agreement in force at both; its id.
  std::string Agree() {
    v1::CommandResult result;
    EXPECT_EQ(Call(*odense.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                   Proposal(odense, nyborg, "propose"), result),
              "OK");
    if (result.events().empty()) return "";
    const std::string id = result.events(0).case_id();
    EXPECT_TRUE(Await([&] { return StateAt(nyborg, id) == v1::AGREEMENT_STATE_PROPOSED; }));
    v1::AcceptAgreementRequest accept;
    *accept.mutable_context() = Said("accept");
    accept.mutable_accept_agreement()->set_agreement_id(id);
    accept.mutable_accept_agreement()->set_version(1);
    EXPECT_EQ(Call(*nyborg.Municipality(), &v1::MunicipalityService::Stub::AcceptAgreement, accept, result), "OK");
    EXPECT_TRUE(Await([&] { return StateAt(odense, id) == v1::AGREEMENT_STATE_IN_FORCE; }));
    return id;
  }
  // That Nyborg proposes the citizen.
  v1::ProposeEnrolmentRequest ToEnrol(const std::string& agreement) {
    v1::ProposeEnrolmentRequest propose;
    *propose.mutable_context() = SaidOnGround("enrol");
    propose.mutable_propose_enrolment()->set_provider(odense.cvr());
    propose.mutable_propose_enrolment()->set_agreement_id(agreement);
    propose.mutable_propose_enrolment()->set_cpr(kCpr);
    propose.mutable_propose_enrolment()->set_from("2026-11-01");
    return propose;
  }
  // The enrolment's id.
  std::string Enrol(const std::string& agreement) {
    v1::CommandResult result;
    EXPECT_EQ(
        Call(*nyborg.Municipality(), &v1::MunicipalityService::Stub::ProposeEnrolment, ToEnrol(agreement), result),
        "OK");
    return result.events().empty() ? "" : result.events(0).case_id();
  }
  std::string StartAt(TestNode& provider, const std::string& enrolment) {
    v1::StartEnrolmentRequest start;
    *start.mutable_context() = SaidOnGround("start");
    start.mutable_start_enrolment()->set_enrolment_id(enrolment);
    start.mutable_start_enrolment()->set_from("2026-11-01");
    v1::CommandResult result;
    const std::string outcome =
        Call(*provider.Municipality(), &v1::MunicipalityService::Stub::StartEnrolment, start, result);
    started_event_ = result.events_size() < 2 ? "" : result.events(1).event_id();  // after its ground
    return outcome;
  }

  static constexpr char kCpr[] = "6101801000";
  TestNode odense{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg{"29189722", "0450", "Nyborg Kommune"};
  std::string started_event_;
};

}  // namespace medflyt::testing
