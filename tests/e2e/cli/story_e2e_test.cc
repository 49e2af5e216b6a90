// A place follows a citizen from Odense's buyer Nyborg to Kerteminde, every step by a command as an officer types it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/crypto/seal.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/cli/connect.h"
#include "tests/e2e/cli/on_ground.h"
#include "tests/e2e/node/node_world.h"
#include "tests/support/clear_text.h"
#include "tests/support/extract_text.h"
#include "tests/unit/cli/program.h"

namespace medflyt::testing {
namespace {

using cli::ExitCode;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kCpr[] = "6101801000";

class StoryE2e : public ::testing::Test {
 protected:
  StoryE2e() {
    program_.variables["XDG_STATE_HOME"] = odense_.Path("state");
    for (TestNode* one : nodes_) {
      for (const TestNode* other : nodes_) {
        if (one != other) one->Know(*other);
      }
      one->WriteConfig("backup_dir = \"backups\"\n");
    }
    program_.connect = ConnectingWith(random_);
  }

  // Runs a command as a client of a node.
  ExitCode Run(const TestNode& node, std::vector<std::string> args, const std::string& input = "",
               const std::string& client = "case-system-1", const std::string& officer = "anna.officer") {
    const std::vector<std::string> more = {"--json",
                                           "--address",
                                           node.address(),
                                           "--ca",
                                           node.pki().Path("ca.pem"),
                                           "--certificate",
                                           node.pki().Path("clients/" + client + ".pem"),
                                           "--key",
                                           node.pki().Path("clients/" + client + ".key"),
                                           "--officer",
                                           officer,
                                           "--purpose",
                                           "end-to-end test"};
    args.insert(args.end(), more.begin(), more.end());
    const ExitCode code = program_.Run(args, input);
    EXPECT_THAT(program_.out + program_.err, Not(HasSubstr(kCpr))) << args[0] << " " << args[1];
    return code;
  }
  // What a command that must succeed printed.
  json Do(const TestNode& node, const std::vector<std::string>& args, const std::string& input = "",
          const std::string& client = "case-system-1", const std::string& officer = "anna.officer") {
    EXPECT_EQ(Run(node, args, input, client, officer), ExitCode::kOk) << args[0] << " " << args[1] << program_.err;
    return json::parse(program_.out, nullptr, false);
  }
  // The rule that a command breaks.
  std::string Refused(const TestNode& node, const std::vector<std::string>& args,
                      const std::string& client = "case-system-1", const std::string& officer = "anna.officer") {
    EXPECT_EQ(Run(node, args, "", client, officer), ExitCode::kFailed) << program_.out;
    EXPECT_EQ(program_.out, "");
    const size_t at = program_.err.find("(rule ");
    if (at == std::string::npos) return program_.err;
    return program_.err.substr(at + 6, program_.err.find_first_of(",)", at) - at - 6);
  }
  // Asks until the first row of a list, or the document where `list` is empty, has this value.
  bool Comes(const TestNode& node, const std::vector<std::string>& args, const std::string& list,
             const std::string& field, const std::string& value) {
    return Await([&] {
      if (Run(node, args) != ExitCode::kOk) return false;
      const json told = json::parse(program_.out, nullptr, false);
      if (list.empty()) return told.value(field, "") == value;
      return !told[list].empty() && told[list][0].value(field, "") == value;
    });
  }
  static std::string CaseOf(const json& result) {
    return result["events"].empty() ? "" : result["events"][0]["case_id"].get<std::string>();
  }

  // An agreement in force between Odense and a buyer; its id.
  std::string Agree(const TestNode& buyer) {
    const json proposed =
        Do(odense_, {"agreement",     "propose",    "--provider",     odense_.cvr(), "--buyer",       buyer.cvr(),
                     "--capacity",    "1",          "--price-ore",    "1250000",     "--price-unit",  "per-day",
                     "--from",        "2026-01-01", "--to",           "2035-12-31",  "--notice-days", "30",
                     "--legal-basis", "RSL-12A",    "--council-case", "2026-17"});
    const std::string id = CaseOf(proposed);
    EXPECT_TRUE(Comes(buyer, {"agreement", "list"}, "agreements", "state", "proposed"));
    EXPECT_EQ(CaseOf(Do(buyer, {"agreement", "accept", id})), id);
    EXPECT_TRUE(Comes(odense_, {"agreement", "show", id}, "", "state", "in-force"));
    return id;
  }

  crypto::SystemRandom random_;
  cli::testing::Program program_;
  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
  TestNode kerteminde_{"29189706", "0440", "Kerteminde Kommune"};
  const std::vector<TestNode*> nodes_ = {&odense_, &nyborg_, &kerteminde_};
};

TEST_F(StoryE2e, PlaceFollowsTheCitizenByCommandsAlone) {
  for (TestNode* node : nodes_) ASSERT_NO_FATAL_FAILURE(node->Start());
  const std::string folder = odense_.Path("cli");
  std::filesystem::create_directory(folder);
  const std::string cpr_file = folder + "/cpr";
  WriteFile(cpr_file, "610180-1000\n");

  const std::string agreement = Agree(nyborg_);
  const json shown = Do(nyborg_, {"agreement", "show", agreement});
  EXPECT_EQ(shown["versions"][0]["price_unit"], "per-day");
  EXPECT_EQ(shown["versions"][0]["notice_days"], 30);
  EXPECT_EQ(shown["capacity"], 1);
  EXPECT_EQ(Refused(nyborg_, {"agreement", "decline", agreement}), "VERSION_NOT_OPEN");
  const std::string second = Agree(kerteminde_);

  // Nyborg's citizen is enrolled at Odense, pauses and goes on.
  const std::string enrolment = CaseOf(Do(
      nyborg_,
      OnGround({"enrolment", "propose", "--provider", odense_.cvr(), "--agreement", agreement, "--from", "2026-10-01"}),
      "610180-1000\n"));
  ASSERT_TRUE(Comes(odense_, {"enrolment", "list"}, "enrolments", "state", "proposed"));
  EXPECT_EQ(Do(odense_, OnGround({"enrolment", "start", enrolment, "--from", "2026-10-01"}))["events"][1]["type"],
            "EnrolmentStarted");
  Do(odense_, {"enrolment", "pause", enrolment, "--from", "2026-10-10"});
  Do(odense_, {"enrolment", "resume", enrolment, "--from", "2026-10-20"});
  const json places = Do(odense_, {"place", "list", "--agreement", agreement, "--on", "2026-10-15"});
  ASSERT_EQ(places["places"].size(), 1U);
  EXPECT_EQ(places["places"][0]["state"], "paused");
  EXPECT_EQ(Do(odense_, {"place", "waiting"})["waiting"], json::array());
  ASSERT_TRUE(Comes(nyborg_, {"enrolment", "show", enrolment}, "", "state", "active"));
  const json by_number = Do(nyborg_, {"enrolment", "show"}, "6101801000");
  EXPECT_EQ(by_number["enrolment_id"], enrolment);
  EXPECT_EQ(by_number["citizen"], "610180-****");

  // The citizen has a safety package. Then the registry tells Nyborg that the citizen moved to Kerteminde: that is
  // held, by an officer too, and two release it.
  Do(nyborg_, {"enrolment", "flag", enrolment, "--flag", "safety-package"});
  EXPECT_EQ(Do(nyborg_, {"enrolment", "show", enrolment})["flags"], json::array({"safety-package"}));
  EXPECT_EQ(Do(odense_, {"enrolment", "show", enrolment})["flags"], json::array()) << "nobody else is told";
  const std::string extract = folder + "/extract.txt";
  WriteFile(extract, ExtractText()
                         .Person(kCpr)
                         .Address("0440", "0001", "202611151200", "0450")
                         .Record("003", {{14, "Langelinje Syd 417, 2. tv"}})
                         .Record("008", {{14, "Ingolf Overalt Skyttemose"}})
                         .Closed());
  const json imported = Do(nyborg_, {"cpr", "import", extract}, "", "registry-feed");
  ASSERT_EQ(imported["relocations"].size(), 1U) << imported;
  const std::string relocation = imported["relocations"][0]["relocation_id"];
  EXPECT_EQ(imported["relocations"][0]["to"], "0440");
  EXPECT_EQ(Run(nyborg_, {"cpr", "import", extract}, "", "registry-feed"), ExitCode::kFailed) << "an extract twice";
  Do(nyborg_, {"relocation", "hold", relocation, "--reason", "officer"});
  EXPECT_EQ(Do(nyborg_, {"relocation", "list", "--state", "held"})["relocations"][0]["held_for"],
            json::array({"safety-package", "officer"}));
  const std::vector<std::string> unflag = {"enrolment", "unflag", enrolment, "--flag", "safety-package"};
  Do(nyborg_, unflag);
  EXPECT_EQ(Refused(nyborg_, unflag, "case-system-1", "bo.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Do(nyborg_, {"enrolment", "show", enrolment})["flags"],
            json::array({"safety-package, clearing asked for"}));
  Do(nyborg_, unflag, "", "case-system-2", "bo.officer");
  EXPECT_EQ(Do(nyborg_, {"enrolment", "show", enrolment})["flags"], json::array());
  EXPECT_EQ(Do(nyborg_, {"relocation", "list", "--state", "announced"})["relocations"], json::array());
  Do(nyborg_, {"relocation", "release", relocation});
  EXPECT_NE(Refused(nyborg_, {"relocation", "release", relocation}), "") << "the same officer twice";
  Do(nyborg_, {"relocation", "release", relocation}, "", "case-system-2", "bo.officer");
  EXPECT_EQ(Do(nyborg_, {"relocation", "show", relocation})["effective_date"], "2026-11-15");
  EXPECT_EQ(Run(nyborg_, {"relocation", "assess", relocation, "--journal", "2026-118"}), ExitCode::kUsage);
  EXPECT_EQ(Run(nyborg_, {"relocation", "assess", relocation, "--disclose", "--withhold", "--journal", "2026-118"}),
            ExitCode::kUsage);
  Do(nyborg_, OnGround({"relocation", "assess", relocation, "--disclose"}));
  const json announced = Do(nyborg_, {"relocation", "announce", relocation});
  ASSERT_EQ(announced["events"][0]["type"], "RelocationAnnounced") << announced;
  const std::string announcement = announced["events"][0]["event_id"];

  // Kerteminde asks Odense for the place, and gets it.
  ASSERT_TRUE(Comes(kerteminde_, {"relocation", "list"}, "relocations", "state", "announced"));
  const json incoming = Do(kerteminde_, {"relocation", "list"})["relocations"][0];
  EXPECT_EQ(incoming["direction"], "in");
  Do(kerteminde_, {"relocation", "acknowledge", incoming["relocation_id"]});
  Do(kerteminde_, OnGround({"transfer", "request", incoming["relocation_id"], "--agreement", second}));
  ASSERT_TRUE(Comes(odense_, {"transfer", "list"}, "transfers", "state", "done")) << program_.out << program_.err;
  ASSERT_TRUE(Comes(kerteminde_, {"transfer", "list", "--state", "done"}, "transfers", "provider", odense_.cvr()));
  EXPECT_EQ(Do(kerteminde_, {"transfer", "list", "--state", "waiting"})["transfers"], json::array());
  const json history = Do(odense_, {"enrolment", "show", "--on", "2026-11-15"}, kCpr)["history"];
  const char* const expected[][4] = {{"2026-10-01", "2026-10-10", "29189722", "occupied"},
                                     {"2026-10-10", "2026-10-20", "29189722", "paused"},
                                     {"2026-10-20", "2026-11-15", "29189722", "occupied"},
                                     {"2026-11-15", nullptr, "29189706", "occupied"}};
  ASSERT_EQ(history.size(), 4U) << history;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(history[i]["from"], expected[i][0]);
    EXPECT_EQ(history[i]["to"], i == 3 ? json() : json(expected[i][1]));
    EXPECT_EQ(history[i]["responsible"], expected[i][2]);
    EXPECT_EQ(history[i]["place_state"], expected[i][3]);
  }

  // The announcement, as Kerteminde holds it: shown, and proven with Nyborg's card alone.
  const json event = Do(kerteminde_, {"event", "show", announcement});
  EXPECT_EQ(event["issuer"], nyborg_.cvr());
  EXPECT_EQ(event["relocation_announced"]["cpr"], "610180-****");
  EXPECT_EQ(event["relocation_announced"]["effective_day"], "2026-11-15");
  EXPECT_EQ(event["relocation_announced"]["from_municipality"], "0450");
  Do(kerteminde_, {"event", "proof", announcement, "--out", folder + "/announcement"});
  const auto verify = [&](const TestNode& card) {
    return program_.Run({"event", "verify", folder + "/announcement.tlog-proof", folder + "/announcement.entry",
                         "--card", card.Path("node.card")});
  };
  EXPECT_EQ(verify(nyborg_), ExitCode::kOk) << program_.err;
  EXPECT_EQ(verify(odense_), ExitCode::kVerificationFailed);
  const json watched = Do(kerteminde_, {"event", "watch"});
  const json rest =
      Do(kerteminde_, {"event", "watch", "--from-position", std::to_string(watched["next_position"].get<int>())});
  EXPECT_GT(watched["events"].size(), 5U);
  EXPECT_EQ(rest["events"], json::array()) << "nothing twice";

  // Every log is verified by its copy and its card; a changed byte is found.
  for (const TestNode* node : nodes_) {
    const std::string copy = folder + "/" + node->cvr();
    const auto exported = Do(*node, {"audit", "export", "--tiles", copy}, "", "auditor");
    Do(*node, {"audit", "export", "--tiles", copy}, "", "auditor");
    ASSERT_EQ(program_.Run({"audit", "verify", copy, "--card", node->Path("node.card"), "--json"}), ExitCode::kOk)
        << program_.out;
    EXPECT_EQ(json::parse(program_.out)["tree_size"], exported["tree_size"]);
    EXPECT_EQ(json::parse(program_.out)["unreadable_entries"], 0);
    for (const auto& file : std::filesystem::recursive_directory_iterator(copy + "/tile/entries")) {
      if (!file.is_regular_file()) continue;
      std::string bytes = ReadFile(file.path());
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      WriteFile(file.path().string(), bytes);
    }
    EXPECT_EQ(program_.Run({"audit", "verify", copy, "--card", node->Path("node.card")}),
              ExitCode::kVerificationFailed);
  }

  // Administration.
  const json status = Do(odense_, {"node", "status"}, "", "administrator-1");
  EXPECT_EQ(status["name"], "Odense Kommune");
  EXPECT_EQ(status["peers"].size(), 2U);
  EXPECT_EQ(Do(odense_, {"peer", "list"}, "", "administrator-1")["peers"].size(), 2U);
  EXPECT_EQ(Do(odense_, {"peer", "reload"}, "", "administrator-1")["authorities"], 3);
  EXPECT_EQ(Run(odense_, {"peer", "card"}, "", "administrator-1"), ExitCode::kOk) << program_.err;
  EXPECT_EQ(program_.out, ReadFile(odense_.Path("node.card")));

  // The end: the enrolment, and the agreement with its notice.
  Do(odense_, OnGround({"enrolment", "end", enrolment, "--from", "2026-12-01", "--reason", "job"}));
  Do(odense_, {"agreement", "terminate", agreement, "--last-day", "2027-06-30"});
  EXPECT_EQ(Do(odense_, {"agreement", "show", agreement})["terminated_last_day"], "2027-06-30");
  EXPECT_NE(Refused(odense_, {"agreement", "show", std::string(32, '1')}), "");

  // The citizen asks what Nyborg holds: all of it and who looked, without the names of staff.
  const json report = Do(nyborg_, {"citizen", "report", "--out", folder + "/report"}, "610180-1000\n");
  EXPECT_EQ(report["enrolments"], 1);
  EXPECT_EQ(report["relocations"], 1);
  EXPECT_GT(report["events"], 4);
  EXPECT_GT(report["look_ups"], 0);
  EXPECT_EQ(std::filesystem::status(folder + "/report.html").permissions() & std::filesystem::perms(0777),
            std::filesystem::perms(0600));
  const std::string page = ReadFile(folder + "/report.html");
  EXPECT_THAT(page, HasSubstr("Kerteminde Kommune"));
  EXPECT_THAT(page, HasSubstr("Underretning om flytning"));
  EXPECT_THAT(page, HasSubstr("an act, section 12 a (RSL-12A), fastlagt"));
  EXPECT_THAT(page, HasSubstr("end-to-end test")) << "the purpose of a look-up";
  for (const char* file : {"/report.html", "/report.json"}) {
    EXPECT_THAT(FilesInClear(folder + file, {kCpr, "610180-1000", "anna.officer", "bodil.officer", "certificate"}),
                IsEmpty());
    std::filesystem::remove(folder + file);
  }
  EXPECT_EQ(Do(nyborg_, {"citizen", "report", "--out", folder + "/nobody"}, "620180-1001\n")["events"], 0);
  EXPECT_THAT(ReadFile(folder + "/nobody.html"), HasSubstr("ingen oplysninger om dig"));
  EXPECT_EQ(Refused(nyborg_, {"citizen", "report", "--out", folder + "/nobody", "--cpr-file", cpr_file}, "auditor"),
            "CLIENT_ROLE_NOT_ALLOWED");

  // Whoever takes the disks, copies and backups of all three reads nothing of the citizen and of who did what and why.
  const std::vector<std::string> secrets = {kCpr,           "610180-1000",     "The effort must go on",
                                            "anna.officer", "end-to-end test", "2026-17",
                                            "Skyttemose",   "Langelinje Syd"};
  for (TestNode* node : nodes_) {
    EXPECT_NE(Do(*node, {"node", "backup"}, "", "administrator-1")["tree_size"], 0);
    Do(*node, {"audit", "export", "--bundle", node->Path("whole.bundle")}, "", "auditor");
    EXPECT_EQ(node->Stop(SIGKILL), 128 + SIGKILL);
    for (const char* place : {"data", "backups", "keys", "errors", "whole.bundle"}) {
      EXPECT_TRUE(std::filesystem::exists(node->Path(place))) << place;
      EXPECT_THAT(FilesInClear(node->Path(place), secrets), IsEmpty());
    }
  }
  for (const TestNode* node : nodes_) EXPECT_THAT(FilesInClear(folder + "/" + node->cvr(), secrets), IsEmpty());
  for (const char* found : {kCpr, "Skyttemose", "Langelinje Syd"}) {
    EXPECT_THAT(FilesInClear(folder, {found}), Not(IsEmpty())) << "the extract, where the officer has it, is found";
  }
  EXPECT_EQ(Run(odense_, {"agreement", "list"}), ExitCode::kUnavailable) << "nobody there any more";
}

TEST_F(StoryE2e, ACitizenIsErasedByTwoOfficersAndTheOtherAuthorityAnswers) {
  for (TestNode* node : {&odense_, &nyborg_}) ASSERT_NO_FATAL_FAILURE(node->Start());
  const std::string agreement = Agree(nyborg_);
  const json proposed = Do(
      nyborg_,
      OnGround({"enrolment", "propose", "--provider", odense_.cvr(), "--agreement", agreement, "--from", "2026-10-01"}),
      kCpr);
  const std::string enrolment = CaseOf(proposed);
  const std::string event = proposed["events"][1]["event_id"];
  ASSERT_TRUE(Comes(odense_, {"enrolment", "list"}, "enrolments", "state", "proposed"));
  const std::vector<std::string> erase = {"citizen", "erase", "--legal-basis", "GDPR-17-1-D", "--journal", "2026-77"};
  const auto by_case = [&](const std::string& id) {
    std::vector<std::string> args = erase;
    args.insert(args.end(), {"--case", id});
    return args;
  };
  EXPECT_EQ(Refused(nyborg_, by_case(enrolment)), "ERASURE_CASE_RUNNING");
  Do(odense_, OnGround({"enrolment", "start", enrolment, "--from", "2026-10-01"}));
  Do(odense_, {"enrolment", "end", enrolment, "--from", "2026-10-20", "--reason", "job"});
  ASSERT_TRUE(Comes(nyborg_, {"enrolment", "show", enrolment}, "", "state", "ended"));

  EXPECT_EQ(Refused(nyborg_, by_case(enrolment), "administrator-1"), "CLIENT_ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(nyborg_, by_case(std::string(32, 'a'))), "CITIZEN_UNKNOWN");
  const json asked = Do(nyborg_, erase, kCpr);
  EXPECT_EQ(asked["erased"], false);
  EXPECT_THAT(program_.err, HasSubstr("another officer"));
  EXPECT_EQ(Refused(nyborg_, by_case(enrolment), "case-system-1", "bo.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Refused(nyborg_, by_case(enrolment), "case-system-2", "anna.officer"), "TWO_OFFICERS_REQUIRED");
  const json erased = Do(nyborg_, erase, kCpr, "case-system-2", "bo.officer");
  EXPECT_EQ(erased["erased"], true);
  EXPECT_EQ(erased["erasure_id"], asked["erasure_id"]);
  EXPECT_EQ(erased["noticed"], json::array({odense_.cvr()}));
  EXPECT_GT(erased["keys_destroyed"], 0);

  EXPECT_EQ(Refused(nyborg_, {"enrolment", "show", enrolment}), "UNKNOWN_CASE");
  EXPECT_EQ(Do(nyborg_, {"event", "show", event})["erased"], true);
  EXPECT_THAT(program_.out, Not(HasSubstr(enrolment)));
  EXPECT_EQ(Do(nyborg_, {"citizen", "report", "--out", nyborg_.Path("report")}, kCpr)["events"], 0);
  ASSERT_TRUE(Comes(odense_, {"citizen", "erasures"}, "notices", "from", nyborg_.cvr()));
  const std::string noticed = json::parse(program_.out)["notices"][0]["case"];
  EXPECT_EQ(Do(odense_, {"enrolment", "show", enrolment})["state"], "ended") << "Odense decides for itself";
  EXPECT_EQ(Do(nyborg_, {"citizen", "erasures"})["erasures"][0]["answers"], "0 of 1");
  EXPECT_EQ(Do(odense_, by_case(noticed))["erased"], false);
  EXPECT_EQ(Do(odense_, by_case(noticed), "", "case-system-2", "bo.officer")["erased"], true);
  EXPECT_TRUE(Comes(nyborg_, {"citizen", "erasures"}, "erasures", "answers", "1 of 1"));
  EXPECT_EQ(Do(odense_, {"citizen", "erasures"})["notices"], json::array());

  for (TestNode* node : {&odense_, &nyborg_}) {
    const std::string tiles = node->Path("tiles");
    Do(*node, {"audit", "export", "--tiles", tiles}, "", "auditor");
    Do(*node, {"audit", "verify", tiles, "--log-key", node->verifier().Format()});
    EXPECT_EQ(node->Stop(), 0);
  }
}

TEST_F(StoryE2e, WhatWasWrongIsPutRightWhereverItWasTold) {
  for (TestNode* node : nodes_) ASSERT_NO_FATAL_FAILURE(node->Start());
  const std::string agreement = Agree(nyborg_);
  const std::string wrong = "6201801000";
  const std::string enrolment = CaseOf(Do(
      nyborg_,
      OnGround({"enrolment", "propose", "--provider", odense_.cvr(), "--agreement", agreement, "--from", "2026-10-01"}),
      wrong));
  ASSERT_TRUE(Comes(odense_, {"enrolment", "list"}, "enrolments", "state", "proposed"));
  Do(odense_, OnGround({"enrolment", "start", enrolment, "--from", "2026-10-01"}));
  ASSERT_TRUE(Comes(nyborg_, {"enrolment", "show", enrolment}, "", "state", "active"));
  // The move is announced to Kerteminde under the wrong number, too.
  const std::string extract = nyborg_.Path("extract.txt");
  WriteFile(extract, ExtractText().Person(wrong).Address("0440", "0001", "202611151200", "0450").Closed());
  const json imported = Do(nyborg_, {"cpr", "import", extract}, "", "registry-feed");
  ASSERT_EQ(imported["relocations"].size(), 1U) << imported;
  const std::string relocation = imported["relocations"][0]["relocation_id"];
  Do(nyborg_, OnGround({"relocation", "assess", relocation, "--disclose"}));
  Do(nyborg_, {"relocation", "announce", relocation});
  ASSERT_TRUE(Comes(kerteminde_, {"relocation", "list"}, "relocations", "state", "announced"));

  EXPECT_EQ(Run(nyborg_, {"enrolment", "rectify", enrolment}), ExitCode::kUsage) << "one value";
  EXPECT_EQ(Refused(nyborg_, {"enrolment", "rectify", enrolment, "--start", "2026-10-02"}), "NOT_THE_PROVIDER");
  // A ground that is given counts, and may have run out; what was recorded with each case does as well.
  const auto expired = [](const std::vector<std::string>& command) {
    std::vector<std::string> args = OnGround(command);
    std::replace(args.begin(), args.end(), std::string("RSL-12A"), std::string("LAB-2014"));
    return args;
  };
  EXPECT_EQ(Refused(odense_, expired({"enrolment", "rectify", enrolment, "--start", "2026-10-05"})),
            "LEGAL_BASIS_EXPIRED");
  EXPECT_THAT(program_.err, HasSubstr("LAB-2014 (an act of 2014, section 10)"));
  EXPECT_EQ(Refused(nyborg_, expired({"relocation", "correct", relocation, "--effective-date", "2026-11-16"})),
            "LEGAL_BASIS_EXPIRED");
  const json told = Do(nyborg_, {"enrolment", "rectify", enrolment, "--number"}, kCpr);
  ASSERT_EQ(told["events"].size(), 2U) << told;
  EXPECT_EQ(told["events"][0]["recipient"], odense_.cvr());
  EXPECT_EQ(told["events"][1]["recipient"], kerteminde_.cvr());
  int looks = 0;
  EXPECT_TRUE(Await([&] {
    const std::string out = kerteminde_.Path("report-" + std::to_string(++looks));
    return Do(kerteminde_, {"citizen", "report", "--out", out}, kCpr)["relocations"] == 1;
  })) << "Kerteminde finds the citizen by the right number";
  ASSERT_TRUE(Comes(odense_, {"enrolment", "show", enrolment}, "", "citizen", "610180-****"));
  const json by_number = Do(odense_, {"enrolment", "show"}, kCpr);
  EXPECT_EQ(by_number["enrolment_id"], enrolment);
  EXPECT_EQ(Run(odense_, {"enrolment", "show"}, wrong), ExitCode::kFailed) << "nobody is found by the wrong number";
  const json put_right = Do(odense_, {"enrolment", "rectify", enrolment, "--start", "2026-10-05"});
  ASSERT_TRUE(Comes(nyborg_, {"enrolment", "show", enrolment}, "", "from", "2026-10-05"));
  EXPECT_THAT(Do(nyborg_, {"event", "show", told["events"][0]["event_id"]}).dump(), Not(HasSubstr(wrong)));

  // Nyborg disputes that date still: it stands, both show that, and an officer at Odense looks.
  const std::string rectified = put_right["events"][0]["event_id"];
  EXPECT_EQ(Refused(odense_, {"event", "dispute", rectified, "--ground", "wrong-date"}), "EVENT_NOT_DISPUTABLE");
  EXPECT_EQ(Refused(nyborg_, {"event", "dispute", std::string(32, '1'), "--ground", "wrong-date"}), "EVENT_UNKNOWN");
  EXPECT_EQ(Run(nyborg_, {"event", "dispute", rectified, "--ground", "because"}), ExitCode::kUsage);
  const json disputed = Do(nyborg_, {"event", "dispute", rectified, "--ground", "wrong-date"});
  EXPECT_EQ(disputed["events"][0]["type"], "EventDisputed");
  EXPECT_EQ(disputed["events"][0]["recipient"], odense_.cvr());
  EXPECT_EQ(Refused(nyborg_, {"event", "dispute", rectified, "--ground", "wrong-date"}), "EVENT_ALREADY_DISPUTED");
  ASSERT_TRUE(Await([&] { return Do(odense_, {"enrolment", "list"})["enrolments"][0]["needs_officer"] == true; }));
  for (TestNode* node : {&odense_, &nyborg_}) {
    const json shown = Do(*node, {"event", "show", rectified});
    ASSERT_EQ(shown["disputes"].size(), 1U) << shown;
    EXPECT_EQ(shown["disputes"][0]["by"], nyborg_.cvr());
    EXPECT_EQ(shown["disputes"][0]["ground"], "wrong-date");
    const json stands = Do(*node, {"enrolment", "show", enrolment});
    EXPECT_EQ(stands["from"], "2026-10-05");
    EXPECT_EQ(stands["disputes"].size(), 1U);
    EXPECT_EQ(stands["needs_officer"], node == &odense_);
  }
  for (TestNode* node : nodes_) EXPECT_EQ(node->Stop(), 0);
}

// Each rule of the domain, tried by commands that break it.
TEST_F(StoryE2e, CommandsThatBreakARuleAreRefusedByItsName) {
  for (TestNode* node : {&odense_, &nyborg_}) ASSERT_NO_FATAL_FAILURE(node->Start());
  const std::string agreement = Agree(nyborg_);

  // Nobody is told of a citizen but on a ground that an officer confirms.
  const std::vector<std::string> propose = {"enrolment",   "propose",   "--provider", odense_.cvr(),
                                            "--agreement", agreement,   "--cpr-file", odense_.Path("cpr"),
                                            "--from",      "2026-10-01"};
  WriteFile(odense_.Path("cpr"), kCpr);
  EXPECT_EQ(Refused(nyborg_, propose), "DISCLOSURE_GROUND_REQUIRED");
  const auto on = [&](const std::string& basis) {
    std::vector<std::string> args = OnGround(propose);
    std::replace(args.begin(), args.end(), std::string("RSL-12A"), basis);
    return args;
  };
  EXPECT_EQ(Refused(nyborg_, on("RSL-99")), "LEGAL_BASIS_UNKNOWN");
  EXPECT_EQ(Refused(nyborg_, on("LAB-2014")), "LEGAL_BASIS_EXPIRED");
  EXPECT_THAT(program_.err, HasSubstr("LAB-2014 (an act of 2014, section 10)"));
  std::vector<std::string> incomplete = propose;
  incomplete.insert(incomplete.end(), {"--legal-basis", "RSL-12A"});
  EXPECT_EQ(Refused(nyborg_, incomplete), "FIELD_REQUIRED");
  EXPECT_EQ(Do(nyborg_, {"enrolment", "list"})["enrolments"], json::array());
  const std::string enrolment = CaseOf(Do(
      nyborg_,
      OnGround({"enrolment", "propose", "--provider", odense_.cvr(), "--agreement", agreement, "--from", "2026-10-01"}),
      kCpr));
  ASSERT_TRUE(Comes(odense_, {"enrolment", "list"}, "enrolments", "state", "proposed"));

  // Machines enrol, release and disclose nothing: the registry's feed imports, and no more.
  const std::vector<std::string> start = OnGround({"enrolment", "start", enrolment, "--from", "2026-10-01"});
  EXPECT_EQ(Refused(odense_, start, "registry-feed"), "CLIENT_ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(odense_, {"enrolment", "start", enrolment, "--from", "2026-10-01"}), "DISCLOSURE_GROUND_REQUIRED");
  Do(odense_, start);
  ASSERT_TRUE(Comes(nyborg_, {"enrolment", "show", enrolment}, "", "state", "active"));

  // Responsibility follows residence: the provider ends none, and the buyer runs no unit.
  EXPECT_EQ(Refused(odense_, {"responsibility", "end", enrolment, "--from", "2026-10-20", "--reason", "other"}),
            "NOT_RESPONSIBLE");
  EXPECT_EQ(Refused(nyborg_, {"enrolment", "pause", enrolment, "--from", "2026-10-20"}), "NOT_THE_PROVIDER");
  EXPECT_EQ(Refused(odense_, {"enrolment", "flag", enrolment, "--flag", "exit-programme"}), "NOT_RESPONSIBLE");
  EXPECT_EQ(Refused(nyborg_, {"enrolment", "end", enrolment, "--from", "2026-10-20", "--reason", "job"}),
            "NOT_THE_PROVIDER");
  const std::string extract = odense_.Path("extract.txt");
  WriteFile(extract, ExtractText()
                         .Person(kCpr)
                         .Address("0440", "0001", "202611151200", "0450")
                         .Protected("0001", "2020-01-01")
                         .Closed());
  EXPECT_EQ(Do(odense_, {"cpr", "import", extract}, "", "registry-feed")["relocations"], json::array())
      << "the provider does not watch the citizens of a buyer";

  // A move that must not be seen: two officers with two certificates, or nobody.
  const json imported = Do(nyborg_, {"cpr", "import", extract}, "", "registry-feed");
  ASSERT_EQ(imported["relocations"].size(), 1U) << imported;
  const std::string relocation = imported["relocations"][0]["relocation_id"];
  const std::vector<std::string> assess = OnGround({"relocation", "assess", relocation, "--disclose"});
  const std::vector<std::string> announce = {"relocation", "announce", relocation};
  const std::vector<std::string> release = {"relocation", "release", relocation};
  EXPECT_EQ(Refused(nyborg_, assess), "RELOCATION_HELD");
  EXPECT_EQ(Refused(nyborg_, announce), "RELOCATION_HELD");
  EXPECT_EQ(Refused(nyborg_, release, "registry-feed"), "CLIENT_ROLE_NOT_ALLOWED");
  Do(nyborg_, release);
  EXPECT_EQ(Refused(nyborg_, release, "case-system-1", "bo.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Refused(nyborg_, release, "case-system-2", "anna.officer"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Refused(nyborg_, assess), "RELOCATION_HELD");
  Do(nyborg_, release, "", "case-system-2", "bo.officer");

  // A disclosure is a human decision, with its reasons.
  EXPECT_EQ(Refused(nyborg_, announce), "NOT_DISCLOSED");
  EXPECT_EQ(Refused(nyborg_, assess, "registry-feed"), "CLIENT_ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(nyborg_, {"relocation", "assess", relocation, "--disclose", "--legal-basis", "RSL-12A", "--journal",
                              "2026-118"}),
            "FIELD_REQUIRED");
  std::vector<std::string> invented = assess;
  std::replace(invented.begin(), invented.end(), std::string("RSL-12A"), std::string("RSL-99"));
  EXPECT_EQ(Refused(nyborg_, invented), "LEGAL_BASIS_UNKNOWN");
  EXPECT_EQ(Refused(nyborg_, announce), "NOT_DISCLOSED");
  for (TestNode* node : {&odense_, &nyborg_}) EXPECT_EQ(node->Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
