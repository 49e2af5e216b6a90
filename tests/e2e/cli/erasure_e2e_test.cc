// What an erasure does not reach, and how the officer who erases finds out about it.
#include "tests/e2e/cli/audit_world.h"

namespace medflyt::testing {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using CitizenErasureE2e = AuditWorld;

// Keys of single events that an auditor took along are outside every notice; the access records say who did.
TEST_F(CitizenErasureE2e, AuditorsWhoTookKeysBeforeAreFoundByTheirAccessRecords) {
  const std::string enrolment = Enrol();
  Do(odense_, {"enrolment", "end", enrolment, "--from", "2026-10-20", "--reason", "job"});
  ASSERT_TRUE(Await([&] { return Do(nyborg_, {"enrolment", "show", enrolment})["state"] == "ended"; }));
  const auto audits = [&](const std::string& officer, std::vector<std::string> args) {
    args.emplace_back("--json");
    EXPECT_EQ(Run(program_, odense_, args, "", "auditor", officer), ExitCode::kOk) << program_.err;
    return json::parse(program_.out, nullptr, false);
  };
  // One looks, one takes the log without keys, and one takes the case's keys along.
  const std::string bundle = odense_.Path("odense.bundle");
  audits("dora.auditor", {"audit", "timeline", enrolment});
  audits("carl.auditor", WithCards({"audit", "export", "--bundle", odense_.Path("sealed.bundle")}));
  const json packed = audits("eva.auditor", WithCards({"audit", "export", "--bundle", bundle, "--open", enrolment}));
  ASSERT_GE(packed["event_keys"], 2);

  const std::vector<std::string> erase = {"citizen", "erase", "--legal-basis", "GDPR-17-1-D", "--journal", "2026-77"};
  EXPECT_EQ(Do(odense_, erase, kCpr)["erased"], false);
  EXPECT_THAT(program_.err, Not(HasSubstr("auditors")));
  EXPECT_EQ(Run(program_, odense_, erase, kCpr, "case-system-2", "bo.officer"), ExitCode::kOk) << program_.err;
  EXPECT_THAT(program_.err, HasSubstr("medflyt audit access --kind proof --case ID"));
  EXPECT_THAT(program_.err, HasSubstr("medflyt audit access --action EraseCitizen"));

  // As the command says. What is erased names its cases nowhere else any more.
  EXPECT_EQ(Do(odense_, {"citizen", "erasures"})["erasures"][0]["case_ids"], json::array());
  const json erasures = audits("carl.auditor", {"audit", "access", "--action", "EraseCitizen"})["records"];
  ASSERT_EQ(erasures.size(), 2U);
  EXPECT_EQ(erasures[1]["officer"], "bo.officer");
  ASSERT_THAT(erasures[1]["cases"], Contains(json(enrolment)));
  const json took = audits("carl.auditor", {"audit", "access", "--kind", "proof", "--case", enrolment})["records"];
  ASSERT_EQ(took.size(), 1U) << took;
  EXPECT_EQ(took[0]["officer"], "eva.auditor");
  EXPECT_EQ(took[0]["action"], "ListCaseEvents");

  // And it is worth asking: the bundle still opens, while the node does not.
  EXPECT_EQ(Offline(WithCards({"audit", "verify", bundle}))["opened"], packed["event_keys"]);
  EXPECT_EQ(Run(program_, odense_, {"audit", "timeline", enrolment}, "", "auditor"), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("UNKNOWN_CASE"));
}

}  // namespace
}  // namespace medflyt::testing
