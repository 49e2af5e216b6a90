// What an erasure does not reach, and who is told of it.
#include <set>

#include "tests/e2e/cli/audit_world.h"

namespace medflyt::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using CitizenErasureE2e = AuditWorld;

// Keys of single events that an auditor took along are out of reach: officers and the other authority are told which.
TEST_F(CitizenErasureE2e, WhatAuditorsHoldIsToldToWhoErasesAndToWhomItConcerns) {
  const std::string enrolment = Enrol();
  Do(odense_, {"enrolment", "end", enrolment, "--from", "2026-10-20", "--reason", "job"});
  ASSERT_TRUE(Await([&] { return Do(nyborg_, {"enrolment", "show", enrolment})["state"] == "ended"; }));
  const auto audits = [&](const std::string& officer, std::vector<std::string> args) {
    args.emplace_back("--json");
    EXPECT_EQ(Run(program_, odense_, args, "", "auditor", officer), ExitCode::kOk) << program_.err;
    return json::parse(program_.out, nullptr, false);
  };
  // One looks, one takes the log without keys, and one takes the case's keys along, twice.
  const std::string bundle = odense_.Path("odense.bundle");
  audits("dora.auditor", {"audit", "timeline", enrolment});
  audits("carl.auditor", WithCards({"audit", "export", "--bundle", odense_.Path("sealed.bundle")}));
  audits("eva.auditor", WithCards({"audit", "export", "--bundle", odense_.Path("first.bundle"), "--open", enrolment}));
  const json packed = audits("eva.auditor", WithCards({"audit", "export", "--bundle", bundle, "--open", enrolment}));
  ASSERT_GE(packed["event_keys"], 2);

  const std::vector<std::string> erase = {"citizen", "erase", "--legal-basis", "GDPR-17-1-D", "--journal", "2026-77"};
  const json asked = Do(odense_, erase, kCpr);
  EXPECT_EQ(asked["erased"], false);
  EXPECT_THAT(program_.err, HasSubstr("auditors"));
  const json erased = Do(odense_, {"citizen", "erase", "--legal-basis", "GDPR-17-1-D", "--journal", "2026-77"}, kCpr,
                         "case-system-2", "bo.officer");
  EXPECT_EQ(erased["erased"], true);
  ASSERT_EQ(erased["disclosed"].size(), packed["event_keys"]) << erased;
  EXPECT_EQ(erased["disclosed_left"], 0);
  EXPECT_EQ(asked["disclosed"].size(), erased["disclosed"].size());
  for (const json& key : asked["disclosed"]) EXPECT_TRUE(key["noticed"].is_null()) << "there is no notice yet";
  const json shown = Do(odense_, {"citizen", "erasures"})["erasures"][0];
  EXPECT_EQ(shown["disclosed"], erased["disclosed"].size()) << "for whom the answer did not reach";
  EXPECT_EQ(shown["disclosed_keys"].size(), erased["disclosed"].size());
  EXPECT_EQ(shown["disclosed_keys"][0]["leaf_hash"], erased["disclosed"][0]["leaf_hash"]);
  const json auditor = Do(odense_, {"citizen", "incident", "--from", "2000-01-01", "--until", "2099-12-31",
                                    "--by-certificate", odense_.pki().Path("clients/auditor.pem")})["certificate"];
  std::set<std::string> with_nyborg;
  for (const json& key : erased["disclosed"]) {
    EXPECT_EQ(key["certificate"], auditor);
    EXPECT_EQ(key["noticed"], !key["authority"].is_null());
    if (key["authority"] == nyborg_.cvr()) with_nyborg.insert(key["leaf_hash"].get<std::string>());
  }
  EXPECT_GE(with_nyborg.size(), 2U) << erased;
  EXPECT_LT(with_nyborg.size(), erased["disclosed"].size()) << "grounds are local";

  // Nyborg sees in the notice which of the events between the two these are.
  ASSERT_TRUE(Await([&] { return Do(nyborg_, {"citizen", "erasures"})["notices"].size() == 1; }));
  const json notice = Do(nyborg_, {"citizen", "erasures"})["notices"][0];
  EXPECT_EQ(notice["disclosed"], with_nyborg.size());
  EXPECT_EQ(notice["disclosed_leaves"].get<std::set<std::string>>(), with_nyborg);
  EXPECT_EQ(notice["opened"], 0);

  // The access records say who asked for them, too, as long as they are kept.
  const json took = audits("carl.auditor", {"audit", "access", "--kind", "proof", "--case", enrolment})["records"];
  ASSERT_EQ(took.size(), 2U) << took;
  EXPECT_EQ(took[0]["officer"], "eva.auditor");

  // And it is worth telling: the bundle still opens, while the node does not.
  // The node's log was seen longer since, so who holds the bundle alone is asked.
  EXPECT_EQ(Offline(WithCards({"audit", "verify", bundle, "--trust", odense_.Path("elsewhere")}))["opened"],
            packed["event_keys"]);
  EXPECT_EQ(Run(program_, odense_, {"audit", "timeline", enrolment}, "", "auditor"), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("UNKNOWN_CASE"));
}

}  // namespace
}  // namespace medflyt::testing
