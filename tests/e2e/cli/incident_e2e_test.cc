// After an incident: real nodes tell whose data a certificate, an officer or a key touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/crypto/seal.h"
#include "medflyt/v1/citizen_service.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/cli/connect.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"
#include "tests/unit/cli/program.h"

namespace medflyt::testing {
namespace {

using cli::ExitCode;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Municipality = v1::MunicipalityService::Stub;

constexpr char kNyborgsCpr[] = "6101801000";
constexpr char kOneCpr[] = "6201801001";
constexpr char kTwoCpr[] = "6301801001";
const std::string kOne(32, '1');
const std::string kTwo(32, '2');

class IncidentE2e : public ::testing::Test {
 protected:
  // Which citizens, as they are shown, and how they were touched: "read", "issued".
  using Touched = std::map<std::string, std::vector<std::string>>;

  IncidentE2e() {
    odense_.Know(nyborg_);
    nyborg_.Know(odense_);
    program_.connect = ConnectingWith(random_);
    program_.variables["XDG_STATE_HOME"] = odense_.Path("state");
  }

  ExitCode Run(const TestNode& node, const std::string& client, std::vector<std::string> args) {
    const auto& pki = node.pki();
    args.insert(args.end(), {"--json", "--address", node.address(), "--ca", pki.Path("ca.pem"), "--certificate",
                             pki.Path("clients/" + client + ".pem"), "--key", pki.Path("clients/" + client + ".key"),
                             "--officer", "carl.officer", "--purpose", "an incident"});
    const ExitCode code = program_.Run(args);
    for (const char* cpr : {kNyborgsCpr, kOneCpr, kTwoCpr})
      EXPECT_THAT(program_.out + program_.err, Not(HasSubstr(cpr)));
    return code;
  }
  json Incident(std::vector<std::string> by, const std::string& until = "2099-12-31") {
    by.insert(by.begin(), {"citizen", "incident", "--from", "2000-01-01", "--until", until});
    EXPECT_EQ(Run(odense_, "administrator-1", by), ExitCode::kOk) << program_.err;
    return json::parse(program_.out, nullptr, false);
  }
  json IncidentOf(const std::string& client) {
    return Incident({"--by-certificate", odense_.pki().Path("clients/" + client + ".pem")});
  }
  static Touched TouchedIn(const json& incident) {
    Touched touched;
    for (const json& each : incident["touched"]) {
      auto& kinds = touched[each["citizen"].is_null() ? "" : each["citizen"].get<std::string>()];
      for (const auto& [kind, count] : each["touches"].items()) kinds.push_back(kind);
    }
    return touched;
  }

  // A citizen of Odense's own is enrolled there.
  void Enrol(const std::string& client, const std::string& id, const std::string& cpr) {
    v1::ProposeEnrolmentRequest request;
    *request.mutable_context() = Said("enrol-" + id);
    request.mutable_propose_enrolment()->set_enrolment_id(id);
    request.mutable_propose_enrolment()->set_provider(odense_.cvr());
    request.mutable_propose_enrolment()->set_cpr(cpr);
    request.mutable_propose_enrolment()->set_from("2026-11-01");
    v1::CommandResult result;
    EXPECT_EQ(Call(*odense_.Municipality(client), &Municipality::ProposeEnrolment, request, result), "OK");
  }
  std::string Look(const std::string& client, v1::GetEnrolmentRequest request) {
    *request.mutable_context() = Said();
    v1::GetEnrolmentResponse response;
    return Call(*odense_.Municipality(client), &Municipality::GetEnrolment, request, response);
  }
  void Watch(const std::string& client) {
    v1::WatchEventsRequest request;
    *request.mutable_context() = Said();
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stub = odense_.Municipality(client);
    const auto stream = stub->WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    EXPECT_TRUE(stream->Read(&response));
    context.TryCancel();
    while (stream->Read(&response)) {
    }
    (void)stream->Finish();
  }

  v1::AgreementState StateAt(TestNode& node, const std::string& id) {
    v1::GetAgreementRequest request;
    *request.mutable_context() = Said();
    request.set_agreement_id(id);
    v1::GetAgreementResponse response;
    (void)Call(*node.Municipality(), &Municipality::GetAgreement, request, response);
    return response.agreement().state();
  }
  // Nyborg enrols its citizen at Odense, and has Odense's receipt.
  void EnrolFromNyborg() {
    v1::CommandResult result;
    ASSERT_EQ(Call(*odense_.Municipality("administrator-1"), &Municipality::ProposeAgreement,
                   Proposal(odense_, nyborg_, "propose"), result),
              "OK");
    const std::string agreement = result.events(0).case_id();
    ASSERT_TRUE(Await([&] { return StateAt(nyborg_, agreement) == v1::AGREEMENT_STATE_PROPOSED; }));
    v1::AcceptAgreementRequest accept;
    *accept.mutable_context() = Said("accept");
    accept.mutable_accept_agreement()->set_agreement_id(agreement);
    accept.mutable_accept_agreement()->set_version(1);
    ASSERT_EQ(Call(*nyborg_.Municipality(), &Municipality::AcceptAgreement, accept, result), "OK");
    ASSERT_TRUE(Await([&] { return StateAt(odense_, agreement) == v1::AGREEMENT_STATE_IN_FORCE; }));
    v1::ProposeEnrolmentRequest propose;
    *propose.mutable_context() = SaidOnGround("enrol");
    propose.mutable_propose_enrolment()->set_provider(odense_.cvr());
    propose.mutable_propose_enrolment()->set_agreement_id(agreement);
    propose.mutable_propose_enrolment()->set_cpr(kNyborgsCpr);
    propose.mutable_propose_enrolment()->set_from("2026-11-01");
    ASSERT_EQ(Call(*nyborg_.Municipality(), &Municipality::ProposeEnrolment, propose, result), "OK");
    v1::GetEventRequest get;
    *get.mutable_context() = Said();
    for (const v1::IssuedEvent& event : result.events()) {
      if (event.type() == "EnrolmentProposed") get.set_event_id(event.event_id());
    }
    ASSERT_TRUE(Await([&] {
      v1::GetEventResponse shown;
      return Call(*nyborg_.Municipality(), &Municipality::GetEvent, get, shown) == "OK" &&
             shown.event().delivery() == v1::DELIVERY_STATE_RECEIPTED;
    }));
  }
  // Ids of the keys that Nyborg has granted, out of its log.
  std::vector<std::string> KeysOfNyborg() {
    EXPECT_EQ(Run(nyborg_, "auditor", {"audit", "log", "--type", "key-granted"}), ExitCode::kOk) << program_.err;
    const json log = json::parse(program_.out, nullptr, false);
    std::vector<std::string> keys;
    for (const json& entry : log["entries"]) {
      keys.push_back(entry["about"].get<std::string>().substr(std::string("key ").size()));
    }
    return keys;
  }

  crypto::SystemRandom random_;
  cli::testing::Program program_;
  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
};

TEST_F(IncidentE2e, EachCertificateIsToldByWhatItTouchedAndTheReportIsRecordedToo) {
  ASSERT_NO_FATAL_FAILURE(odense_.Start());
  Enrol("case-system-1", kOne, kOneCpr);
  Enrol("case-system-2", kTwo, kTwoCpr);
  v1::GetEnrolmentRequest known;
  known.set_enrolment_id(kOne);
  EXPECT_EQ(Look("case-system-2", known), "OK");
  v1::GetEnrolmentRequest unknown;
  unknown.set_cpr(kNyborgsCpr);
  EXPECT_EQ(Look("case-system-1", unknown), "UNKNOWN_CASE");
  Watch("case-system-2");

  const json first = IncidentOf("case-system-1");
  EXPECT_THAT(TouchedIn(first), UnorderedElementsAre(Pair("620180-****", std::vector<std::string>{"issued"})));
  EXPECT_EQ(first["citizens"], 1);
  EXPECT_EQ(first["caseless_entries"], 1);
  EXPECT_EQ(first["erased_entries"], 0);
  EXPECT_EQ(first["open_ended"], json::array());
  EXPECT_EQ(first["touched"][0]["case_ids"], json({kOne}));

  const json second = IncidentOf("case-system-2");
  EXPECT_THAT(TouchedIn(second),
              UnorderedElementsAre(Pair("620180-****", std::vector<std::string>{"read", "watch"}),
                                   Pair("630180-****", std::vector<std::string>{"issued", "watch"})));
  ASSERT_EQ(second["open_ended"].size(), 1U);
  EXPECT_EQ(second["open_ended"][0]["action"], "WatchEvents");
  EXPECT_EQ(second["open_ended"][0]["certificate"], second["certificate"]);
  EXPECT_THAT(program_.err, HasSubstr("watched"));
  EXPECT_EQ(Incident({"--by-certificate", second["certificate"]})["touched"], second["touched"]);

  // Both are the same officer's.
  const std::string letters = odense_.Path("letters.json");
  EXPECT_EQ(TouchedIn(Incident({"--by-officer", "anna.officer", "--out", letters})).size(), 2U);
  const json whole = json::parse(ReadFile(letters));
  ASSERT_EQ(whole["touched"].size(), 2U);
  EXPECT_EQ(whole["touched"][0]["cpr"], kOneCpr);
  EXPECT_EQ(whole["touched"][1]["cpr"], kTwoCpr);
  EXPECT_EQ(std::filesystem::status(letters).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(Incident({"--by-officer", "anna.officer"}, "2000-12-31")["touched"], json::array());

  // Who asked has been shown both citizens.
  const json reporter = IncidentOf("administrator-1");
  EXPECT_THAT(TouchedIn(reporter), UnorderedElementsAre(Pair("620180-****", std::vector<std::string>{"search"}),
                                                        Pair("630180-****", std::vector<std::string>{"search"})));
  EXPECT_EQ(Run(odense_, "auditor",
                {"citizen", "incident", "--from", "2026-01-01", "--until", "2026-01-01", "--by-officer", "anna"}),
            ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("CLIENT_ROLE_NOT_ALLOWED"));
}

TEST_F(IncidentE2e, AFaultyRequestIsNoReadAndAMissIs) {
  ASSERT_NO_FATAL_FAILURE(odense_.Start());
  const auto citizens = v1::CitizenService::NewStub(odense_.Channel());
  v1::ReportIncidentRequest request;
  *request.mutable_context() = Said();
  request.set_key_id(std::string(32, 'a'));
  request.mutable_from()->set_seconds(1'000);
  request.mutable_until()->set_seconds(1'000);
  v1::ReportIncidentResponse response;
  const auto ask = [&] { return Call(*citizens, &v1::CitizenService::Stub::ReportIncident, request, response); };
  EXPECT_EQ(ask(), "FIELD_OUT_OF_RANGE");
  request.mutable_until()->set_seconds(2'000);
  EXPECT_EQ(ask(), "KEY_UNKNOWN");
  EXPECT_EQ(IncidentOf("case-system-1")["caseless_entries"], 1);
}

TEST_F(IncidentE2e, WhatAnotherAuthoritySaidIsReadableByItsKeyAndByTheKeyThatItWasSealedTo) {
  ASSERT_NO_FATAL_FAILURE(odense_.Start());
  ASSERT_NO_FATAL_FAILURE(nyborg_.Start());
  ASSERT_NO_FATAL_FAILURE(EnrolFromNyborg());
  Enrol("case-system-1", kOne, kOneCpr);
  Touched touched;
  int keys = 0;
  for (const std::string& key : KeysOfNyborg()) {
    touched.merge(TouchedIn(Incident({"--by-key", key})));
    ++keys;
  }
  EXPECT_GE(keys, 2) << "the agreement's is nobody's case";
  EXPECT_THAT(touched, UnorderedElementsAre(Pair("610180-****", std::vector<std::string>{"readable"})));

  // All that a stolen exchange key opens.
  const json granted = Incident({"--by-received-grants"});
  EXPECT_THAT(TouchedIn(granted), UnorderedElementsAre(Pair("610180-****", std::vector<std::string>{"granted"})));
  EXPECT_EQ(granted["entries"], 1);
  EXPECT_EQ(Incident({"--by-received-grants"}, "2000-01-02")["citizens"], 0);
}

}  // namespace
}  // namespace medflyt::testing
