// The ground on which an officer tells another authority of a citizen, as a part of what was asked.
#include <functional>

#include "tests/e2e/node/exchange_world.h"
#include "tests/e2e/node/metrics_page.h"

namespace medflyt::testing {
namespace {

using Stub = v1::MunicipalityService::Stub;
using GroundE2e = ExchangeWorld;

std::string Ask(TestNode& node, const v1::ProposeEnrolmentRequest& request, v1::CommandResult& result) {
  return Call(*node.Municipality(), &Stub::ProposeEnrolment, request, result);
}

// A client that gives its request id again has said the same, the ground included: else an officer would believe a
// ground recorded that is not.
TEST_F(GroundE2e, ARequestIdIsNotTakenAgainWithAnotherGround) {
  StartBoth();
  const v1::ProposeEnrolmentRequest request = ToEnrol(Agree());
  v1::CommandResult first;
  ASSERT_EQ(Ask(nyborg, request, first), "OK");

  const std::vector<std::function<void(v1::RequestContext&)>> changes = {
      [](auto& context) { context.mutable_disclosure()->set_legal_basis("LAB-2014"); },
      [](auto& context) { context.mutable_disclosure()->set_necessity("the effort must go on, and more"); },
      [](auto& context) { context.mutable_disclosure()->set_journal_reference("2026-118"); },
      [](auto& context) { context.mutable_disclosure()->mutable_categories()->RemoveLast(); },
      [](auto& context) { context.clear_disclosure(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::ProposeEnrolmentRequest other = request;
    changes[i](*other.mutable_context());
    v1::CommandResult result;
    EXPECT_EQ(Ask(nyborg, other, result), "REQUEST_ID_REUSED") << i;
  }
  v1::CommandResult again;
  EXPECT_EQ(Ask(nyborg, request, again), "OK");
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
}

TEST_F(GroundE2e, MetricsNameNoCitizenOfficerOrGround) {
  StartBoth();
  const std::string enrolment = Enrol(Agree());
  ASSERT_TRUE(Await([&] { return EnrolmentAt(odense, kCpr).state() == v1::ENROLMENT_STATE_PROPOSED; }));
  ASSERT_EQ(StartAt(odense, enrolment), "OK");
  for (const TestNode* node : {&odense, &nyborg}) {
    const std::string page = MetricsPageOf(*node);
    EXPECT_NE(page.find("medflyt_calls_total"), std::string::npos);
    for (const std::string& secret : {std::string(kCpr), std::string("anna.officer"), std::string("end-to-end test"),
                                      std::string("2026-117"), std::string("RSL-12A"), enrolment}) {
      EXPECT_EQ(page.find(secret), std::string::npos) << secret;
    }
    // Each label that there is.
    for (size_t at = page.find("\nmedflyt_"); at != std::string::npos; at = page.find("\nmedflyt_", at + 1)) {
      const std::string line = page.substr(at + 1, page.find('\n', at + 1) - at - 1);
      const size_t open = line.find('{');
      if (open == std::string::npos) continue;
      std::string labels = line.substr(open + 1, line.rfind('}') - open - 1);
      for (size_t begin = 0; begin < labels.size();) {
        const std::string name = labels.substr(begin, labels.find('=', begin) - begin);
        EXPECT_TRUE(name == "method" || name == "code" || name == "authority" || name == "outcome" || name == "le")
            << line;
        const size_t next = labels.find("\",", begin);
        begin = next == std::string::npos ? labels.size() : next + 2;
      }
    }
  }
}

}  // namespace
}  // namespace medflyt::testing
