// Two nodes, and an auditor of Odense's who is cleared to open cases.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/crypto/seal.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/cli/connect.h"
#include "tests/e2e/cli/on_ground.h"
#include "tests/e2e/node/node_world.h"
#include "tests/support/paths.h"
#include "tests/unit/cli/program.h"

namespace medflyt::testing {

class AuditWorld : public ::testing::Test {
 protected:
  using ExitCode = cli::ExitCode;
  using json = nlohmann::json;

  static constexpr char kCpr[] = "6101801000";

  AuditWorld() {
    odense_.Know(nyborg_);
    nyborg_.Know(odense_);
    // Odense's auditor is cleared to read cases.
    WriteFile(odense_.Path("policy.toml"), ReadFile(SourceDir() + "/deploy/policy.toml") +
                                               "[[allow]]\nrole = \"auditor\"\nactions = [\"open-cases\"]\n");
    odense_.WriteConfig("policy = \"policy.toml\"\n");
    Prepare(program_);
  }
  void Prepare(cli::testing::Program& program) {
    program.variables["XDG_STATE_HOME"] = odense_.Path("state");
    program.connect = ConnectingWith(random_);
  }
  ExitCode Run(cli::testing::Program& program, const TestNode& node, std::vector<std::string> args,
               const std::string& input = "", const std::string& client = "case-system-1",
               const std::string& officer = "anna.officer") {
    const std::vector<std::string> more = {"--address",     node.address(),
                                           "--ca",          node.pki().Path("ca.pem"),
                                           "--certificate", node.pki().Path("clients/" + client + ".pem"),
                                           "--key",         node.pki().Path("clients/" + client + ".key"),
                                           "--officer",     officer,
                                           "--purpose",     "end-to-end test"};
    args.insert(args.end(), more.begin(), more.end());
    return program.Run(args, input);
  }
  json Do(const TestNode& node, std::vector<std::string> args, const std::string& input = "",
          const std::string& client = "case-system-1", const std::string& officer = "anna.officer") {
    args.emplace_back("--json");
    EXPECT_EQ(Run(program_, node, args, input, client, officer), ExitCode::kOk)
        << args[0] << " " << args[1] << program_.err;
    EXPECT_THAT(program_.out, ::testing::Not(::testing::HasSubstr(kCpr)));
    return json::parse(program_.out, nullptr, false);
  }
  json Audit(const TestNode& node, const std::vector<std::string>& args) { return Do(node, args, "", "auditor"); }
  json Offline(const std::vector<std::string>& args, ExitCode expected = ExitCode::kOk) {
    std::vector<std::string> all = args;
    all.emplace_back("--json");
    EXPECT_EQ(program_.Run(all), expected) << program_.err << program_.out;
    return json::parse(program_.out, nullptr, false);
  }
  static std::string FirstCase(const json& result) { return result["events"][0]["case_id"].get<std::string>(); }

  // An agreement in force and a citizen of Nyborg's enrolled at Odense; the enrolment's case.
  std::string Enrol() {
    for (TestNode* node : {&odense_, &nyborg_}) node->Start();
    const std::string agreement = FirstCase(
        Do(odense_, {"agreement",     "propose",    "--provider",     odense_.cvr(), "--buyer",       nyborg_.cvr(),
                     "--capacity",    "1",          "--price-ore",    "1250000",     "--price-unit",  "per-day",
                     "--from",        "2026-01-01", "--to",           "2035-12-31",  "--notice-days", "30",
                     "--legal-basis", "RSL-12A",    "--council-case", "2026-17"}));
    EXPECT_TRUE(Await([&] { return Run(program_, nyborg_, {"agreement", "accept", agreement}) == ExitCode::kOk; }));
    EXPECT_TRUE(Await([&] { return Do(odense_, {"agreement", "show", agreement})["state"] == "in-force"; }));
    const std::string enrolment = FirstCase(Do(nyborg_,
                                               OnGround({"enrolment", "propose", "--provider", odense_.cvr(),
                                                         "--agreement", agreement, "--from", "2026-10-01"}),
                                               kCpr));
    EXPECT_TRUE(Await([&] {
      return Run(program_, odense_, OnGround({"enrolment", "start", enrolment, "--from", "2026-10-01"})) ==
             ExitCode::kOk;
    }));
    EXPECT_TRUE(Await([&] { return Do(nyborg_, {"enrolment", "show", enrolment})["state"] == "active"; }));
    return enrolment;
  }
  [[nodiscard]] std::vector<std::string> Cards() const {
    return {"--card", odense_.Path("node.card"), "--card", nyborg_.Path("node.card")};
  }
  std::vector<std::string> WithCards(std::vector<std::string> args) const {
    for (const std::string& card : Cards()) args.push_back(card);
    return args;
  }

  crypto::SystemRandom random_;
  cli::testing::Program program_;
  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
};

}  // namespace medflyt::testing
