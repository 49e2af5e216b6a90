// An auditor's work against real nodes: look, copy, verify, ask, prove; while officers go on working.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "client/cli/checkpoint_store.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/cli/audit_world.h"
#include "tests/e2e/node/calls.h"
#include "tests/support/paths.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::testing {
namespace {

namespace fs = std::filesystem;
using cli::ExitCode;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

using AuditE2e = AuditWorld;

TEST_F(AuditE2e, LogIsCopiedVerifiedAndAskedQuestions) {
  const std::string enrolment = Enrol();
  const std::string folder = odense_.Path("audit");
  fs::create_directory(folder);

  // Looked at twice: the second look is proven to continue the first.
  const json first = Audit(odense_, WithCards({"audit", "checkpoint"}));
  Do(odense_, {"enrolment", "show", enrolment});  // is an entry
  const json second = Audit(odense_, WithCards({"audit", "checkpoint"}));
  EXPECT_EQ(second["last_seen_size"], first["tree_size"]);
  EXPECT_GT(second["tree_size"], first["tree_size"]);

  // All that is kept beside the log is proven with the peers' cards.
  for (const TestNode* node : {&odense_, &nyborg_}) {
    const std::string copy = folder + "/" + node->cvr();
    Audit(*node, {"audit", "export", "--tiles", copy, "--kept"});
    const json report = Offline(WithCards({"audit", "verify", copy, "--trust", odense_.Path("state/medflyt/trust")}));
    EXPECT_EQ(report["verified"], true);
    EXPECT_GT(report["events_received"], 0) << report;
    EXPECT_EQ(report["received_proven"], report["events_received"]);
    EXPECT_GT(report["receipts"], 0);
    EXPECT_EQ(report["receipts_proven"], report["receipts"]);
    EXPECT_EQ(report["unproven_without_peer_key"], 0);
    EXPECT_EQ(report["unreadable_entries"], 0);
    EXPECT_EQ(report["not_understood"], 0);
    EXPECT_EQ(report["not_opened"]["without_key"], report["sealed_entries"]);
    const json without = Offline({"audit", "verify", copy, "--card", node->Path("node.card")});
    EXPECT_EQ(without["receipts_proven"], 0);
    EXPECT_GT(without["unproven_without_peer_key"], 0);
  }
  // Software that is not ours reads the same directory, with the log's key alone, and what was seen before.
  const std::string checker = BinDir() + "/go_log_check";
  if (fs::exists(checker)) {
    WriteFile(folder + "/first.checkpoint", first["checkpoint"].get<std::string>());
    const std::string command = checker + " export " + folder + "/" + odense_.cvr() + " '" +
                                odense_.verifier().Format() + "' " + folder + "/first.checkpoint > " + folder +
                                "/told 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << ReadFile(folder + "/told");
    EXPECT_THAT(ReadFile(folder + "/told"), HasSubstr(" older checkpoints 1"));
  }
  // A receipt that is dropped.
  const std::string receipts = folder + "/" + odense_.cvr() + "/kept/receipts";
  fs::path receipt;
  for (const auto& file : fs::recursive_directory_iterator(receipts)) {
    if (file.is_regular_file()) receipt = file.path();
  }
  fs::remove(receipt);
  const json dropped =
      Offline(WithCards({"audit", "verify", folder + "/" + odense_.cvr()}), ExitCode::kVerificationFailed);
  EXPECT_EQ(dropped["findings"][0]["finding"], "RECEIPT_MISSING");

  // The log for people.
  const std::string copy = folder + "/" + odense_.cvr();
  const json all = Audit(odense_, {"audit", "log"});
  EXPECT_GE(all["entries"].size(), second["tree_size"].get<size_t>());
  EXPECT_EQ(all["entries"][0]["index"], 0);
  EXPECT_GE(Audit(odense_, {"audit", "log", "--last", "999999"})["entries"].size(), all["entries"].size());
  EXPECT_EQ(Audit(odense_, {"audit", "log", "--first", "3", "--since", "2000-01-01"})["entries"][0]["index"], 3);
  EXPECT_EQ(Audit(odense_, {"audit", "log", "--since", "2999-01-01"})["entries"], json::array());
  const json received = Offline({"audit", "log", "--tiles", copy, "--type", "event-received"});
  ASSERT_FALSE(received["entries"].empty());
  for (const json& entry : received["entries"]) {
    EXPECT_EQ(entry["type"], "event-received");
    EXPECT_THAT(entry["peer"].get<std::string>(), HasSubstr(nyborg_.cvr()));
  }
  EXPECT_EQ(Offline({"audit", "log", "--tiles", copy, "--peer", "29189706"})["entries"], json::array());
  EXPECT_EQ(Offline({"audit", "log", "--tiles", copy, "--first", "1", "--last", "2"})["entries"].size(), 2U);
  EXPECT_EQ(Offline({"audit", "log", "--tiles", copy, "--since", "2999-01-01"})["entries"], json::array());
  EXPECT_EQ(Offline({"audit", "log", "--tiles", copy, "--until", "2999-01-01"})["entries"].size(),
            dropped["tree_size"].get<size_t>());
  EXPECT_EQ(program_.Run({"audit", "log", "--tiles", copy, "--csv", "--last", "0"}), ExitCode::kOk);
  EXPECT_THAT(program_.out, ::testing::StartsWith("index,recorded_at,type,peer,about\r\n0,"));
  const json shown = Audit(odense_, WithCards({"audit", "show", "1"}));
  EXPECT_EQ(shown["proven"], true);
  EXPECT_GE(shown["explanation"].size(), 4U);
  EXPECT_EQ(Run(program_, odense_, {"audit", "show", "999999"}, "", "auditor"), ExitCode::kFailed);

  // A case, which is a read: it stands in the log, and who is no auditor or says no purpose does not get it.
  const uint64_t before = Audit(odense_, WithCards({"audit", "checkpoint"}))["tree_size"].get<uint64_t>();
  const json timeline = Audit(odense_, {"audit", "timeline", enrolment});
  ASSERT_GE(timeline["events"].size(), 2U) << timeline;
  EXPECT_EQ(timeline["events"][0]["type"], "EnrolmentProposed");
  EXPECT_EQ(timeline["events"][0]["issuer"], nyborg_.cvr());
  const auto started = std::find_if(timeline["events"].begin(), timeline["events"].end(),
                                    [](const json& event) { return event["type"] == "EnrolmentStarted"; });
  ASSERT_NE(started, timeline["events"].end());
  EXPECT_EQ((*started)["issuer"], odense_.cvr());
  EXPECT_EQ((*started)["officer"], "anna.officer");
  EXPECT_EQ(Audit(odense_, WithCards({"audit", "checkpoint"}))["tree_size"], before + 1) << "the read is an entry";
  EXPECT_EQ(Run(program_, odense_, {"audit", "timeline", enrolment}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("CLIENT_ROLE_NOT_ALLOWED"));
  EXPECT_EQ(Run(program_, odense_, {"audit", "timeline", std::string(32, 'a')}, "", "auditor"), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("UNKNOWN_CASE"));

  // One file for a cleared auditor: that case's events are opened, and no other.
  const std::string bundle = folder + "/odense.bundle";
  const json packed = Audit(odense_, WithCards({"audit", "export", "--bundle", bundle, "--open", enrolment}));
  EXPECT_GE(packed["event_keys"], 2);
  EXPECT_EQ(fs::status(bundle).permissions() & fs::perms(0777), fs::perms(0600));
  EXPECT_FALSE(fs::exists(bundle + ".tiles"));
  EXPECT_THAT(ReadFile(bundle).substr(0, 1024),
              HasSubstr("\nkept " + std::to_string(packed["tree_size"].get<uint64_t>()) + "\n"));
  const json opened = Offline(WithCards({"audit", "verify", bundle}));
  EXPECT_EQ(opened["verified"], true) << opened;
  EXPECT_EQ(opened["opened"], packed["event_keys"]);
  EXPECT_GT(opened["not_opened"]["without_key"], 0);
  EXPECT_EQ(opened["receipts_proven"], opened["receipts"]);

  // The proof of one event stands alone.
  const std::string event = timeline["events"][0]["event_id"];
  Do(odense_, {"event", "proof", event, "--out", folder + "/proposed"});
  const std::string proof = folder + "/proposed.tlog-proof";
  EXPECT_EQ(Offline({"event", "verify", proof, "--card", nyborg_.Path("node.card")})["verified"], true);
  EXPECT_EQ(program_.Run({"event", "verify", proof, "--card", odense_.Path("node.card")}),
            ExitCode::kVerificationFailed);

  // With the issuer's card alone, which has no key of the asked node's log.
  EXPECT_EQ(Audit(odense_, {"event", "proof", event, "--card", nyborg_.Path("node.card"), "--out",
                            folder + "/by-issuer"})["entry"],
            folder + "/by-issuer.entry");

  // That of an event of the node's own log is one with what the auditor saw of it, and is known offline for that.
  const std::string own = (*started)["event_id"];
  EXPECT_EQ(Audit(odense_, WithCards({"event", "proof", own, "--out", folder + "/own"}))["provisional"], false);
  EXPECT_EQ(
      Offline({"event", "verify", folder + "/own.tlog-proof", "--card", odense_.Path("node.card")})["provisional"],
      false);
  EXPECT_EQ(Offline({"event", "verify", folder + "/own.tlog-proof", "--card", odense_.Path("node.card"), "--trust",
                     folder + "/nothing-seen"})["provisional"],
            true);

  // The issuer's node of the other is away and gives no head that witnesses have cosigned: that is told, and the proof
  // is good.
  EXPECT_EQ(nyborg_.Stop(), 0);
  Do(odense_, {"event", "proof", event, "--out", folder + "/alone"});
  EXPECT_THAT(program_.err, HasSubstr("carries no cosignatures"));
  EXPECT_EQ(Offline({"event", "verify", folder + "/alone.tlog-proof", "--card", nyborg_.Path("node.card")})["verified"],
            true);

  // A node that does not answer is not accused.
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(Run(program_, odense_, WithCards({"audit", "checkpoint"}), "", "auditor"), ExitCode::kUnavailable);
}

TEST_F(AuditE2e, AccessRecordsAreListedFilteredAndSampledAndThatIsRecordedToo) {
  const std::string enrolment = Enrol();
  for (const char* officer : {"bo.officer", "bo.officer", "carl.officer"}) {
    ASSERT_EQ(Run(program_, odense_, {"enrolment", "show", enrolment}, "", "case-system-1", officer), ExitCode::kOk);
  }
  const auto access = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"audit", "access"});
    return Audit(odense_, args)["records"];
  };
  const json all = access({});
  const json again = access({});
  ASSERT_EQ(again.size(), all.size() + 1) << "the first listing is in the second";
  EXPECT_EQ(again.back()["action"], "ListAccessRecords");
  EXPECT_EQ(again.back()["officer"], "anna.officer");
  EXPECT_EQ(again.back()["kind"], "search");

  const json of_bo = access({"--by", "bo.officer"});
  ASSERT_EQ(of_bo.size(), 2U);
  for (const json& record : of_bo) {
    EXPECT_EQ(record["officer"], "bo.officer");
    EXPECT_EQ(record["action"], "GetEnrolment");
    EXPECT_EQ(record["purpose"], "end-to-end test");
    EXPECT_EQ(record["cases"], json::array({enrolment}));
  }
  EXPECT_EQ(access({"--by", "bo.officer", "--action", "ListEnrolments"}), json::array());
  EXPECT_EQ(access({"--by", "bo.officer", "--kind", "read", "--case", enrolment}), of_bo);
  EXPECT_EQ(access({"--by", "bo.officer", "--why", "to-end"}), of_bo);
  EXPECT_EQ(access({"--why", "no such purpose"}), json::array());
  EXPECT_EQ(access({"--case", std::string(32, 'a')}), json::array());
  EXPECT_EQ(access({"--by", "bo.officer", "--since", "2999-01-01"}), json::array());
  EXPECT_EQ(access({"--by", "bo.officer", "--until", "1999-01-01"}), json::array());
  EXPECT_EQ(access({"--by", "bo.officer", "--until", "2999-01-01"}), of_bo);

  const json drawn =
      access({"--until", "2999-01-01", "--sample", "2", "--seed", "november", "--action", "GetEnrolment"});
  EXPECT_EQ(drawn.size(), 2U);
  EXPECT_EQ(access({"--sample", "2", "--seed", "november", "--action", "GetEnrolment"}), drawn);
  EXPECT_THAT(program_.err, HasSubstr("with the seed november"));
  EXPECT_EQ(Run(program_, odense_, {"audit", "access", "--sample", "0"}, "", "auditor"), ExitCode::kUsage);

  // A spreadsheet; and whoever is no auditor learns nothing.
  EXPECT_EQ(Run(program_, odense_, {"audit", "access", "--csv", "--by", "bo.officer"}, "", "auditor"), ExitCode::kOk);
  EXPECT_THAT(program_.out, ::testing::StartsWith("index,recorded_at,officer,kind,action,purpose,cases\r\n"));
  EXPECT_EQ(std::count(program_.out.begin(), program_.out.end(), '\n'), 3);
  EXPECT_EQ(Run(program_, odense_, {"audit", "access"}), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("CLIENT_ROLE_NOT_ALLOWED"));
}

TEST_F(AuditE2e, AnAuditorWhoIsNotClearedOpensNoCase) {
  const std::string enrolment = Enrol();
  EXPECT_EQ(Run(program_, nyborg_, {"audit", "timeline", enrolment}, "", "auditor"), ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("CLIENT_ROLE_NOT_ALLOWED"));
  EXPECT_THAT(program_.err, HasSubstr("open-cases"));
}

// Whatever an auditor asks, a node that went back is found first, and both checkpoints are kept.
TEST_F(AuditE2e, EveryQuestionFirstLooksAtTheLog) {
  const std::string enrolment = Enrol();
  const std::string event =
      Audit(odense_, {"audit", "timeline", enrolment})["events"][0]["event_id"].get<std::string>();
  const std::string secret = ReadFile(odense_.Path("keys/log.key"));
  const auto signer = tlog::NoteSigner::Parse(secret.substr(0, secret.size() - 1));
  ASSERT_TRUE(signer.ok()) << signer.status();
  const TiledLog longer(NumberedEntries(600), *signer);
  const std::string out = odense_.Path("proof-of-it");
  int asked = 0;
  for (const std::vector<std::string>& question : {std::vector<std::string>{"audit", "log"},
                                                   {"audit", "show", "0"},
                                                   {"audit", "timeline", enrolment},
                                                   {"audit", "access"},
                                                   {"event", "proof", event, "--out", out}}) {
    const std::string trust = odense_.Path("seen-" + std::to_string(asked++));
    ASSERT_TRUE(cli::CheckpointStore(trust).Keep(longer.files().at("checkpoint")).ok());
    std::vector<std::string> args = question;
    args.insert(args.end(), {"--trust", trust, "--card", odense_.Path("node.card")});
    EXPECT_EQ(Run(program_, odense_, args, "", "auditor"), ExitCode::kVerificationFailed) << question[1];
    EXPECT_THAT(program_.err, HasSubstr("LOG_ROLLED_BACK")) << question[1];
    EXPECT_EQ(program_.out, "") << question[1];
    int kept = 0;
    for (const auto& file : fs::recursive_directory_iterator(trust)) {
      const std::string name = file.path().filename().string();
      if (name == "kept.checkpoint" || name == "seen.checkpoint") ++kept;
    }
    EXPECT_EQ(kept, 2) << question[1];
  }
  EXPECT_FALSE(fs::exists(out + ".tlog-proof"));
  // A case system is no auditor: it gets its proof, and is told.
  Do(odense_, {"event", "proof", event, "--out", out});
  EXPECT_THAT(program_.err, HasSubstr("was not looked at"));
  EXPECT_TRUE(fs::exists(out + ".tlog-proof"));
}

// A working node's newest head is never the one that witnesses have cosigned.
TEST_F(AuditE2e, AnEntryIsShownUnderTheHeadThatWitnessesHaveCosignedThoughTheLogHasGrown) {
  odense_.WriteConfig("cosigning.interval_seconds = 1\ncosigning.first_after_seconds = 0\n");
  for (TestNode* node : {&nyborg_, &odense_}) node->Start();
  Do(odense_, {"enrolment", "list"});  // is an entry
  ASSERT_TRUE(Await([&] { return Do(odense_, {"node", "status"}, "", "administrator-1")["cosigned_size"] > 0; }));
  EXPECT_EQ(nyborg_.Stop(), 0);
  Do(odense_, {"enrolment", "list"});

  const std::string policy = odense_.Path("witnesses.policy");
  WriteFile(policy, "log " + odense_.verifier().Format() + "\nwitness nyborg " + nyborg_.witness().Format() +
                        "\nquorum nyborg\n");
  const uint64_t newest = Audit(odense_, {"audit", "checkpoint"})["tree_size"].get<uint64_t>();
  const json covered = Audit(odense_, {"audit", "show", "0", "--policy", policy});
  EXPECT_LT(covered["tree_size"], newest);
  EXPECT_THAT(covered.dump(), HasSubstr("The witness " + nyborg_.witness().name() + " saw this root on "));
  EXPECT_THAT(covered.dump(), HasSubstr("newest checkpoint, of " + std::to_string(newest) + " entries"));

  EXPECT_EQ(Run(program_, odense_, {"audit", "show", std::to_string(newest - 1), "--policy", policy}, "", "auditor"),
            ExitCode::kFailed);
  EXPECT_THAT(program_.out, HasSubstr("No head that witnesses have cosigned holds the entry yet."));
  EXPECT_THAT(program_.err, HasSubstr("NOT_COSIGNED"));
  EXPECT_EQ(Audit(odense_, {"audit", "show", std::to_string(newest - 1)})["tree_size"], newest);
}

TEST_F(AuditE2e, CopyMadeWhileOfficersWorkIsConsistent) {
  const std::string enrolment = Enrol();
  std::atomic<bool> done = false;
  std::atomic<int> written = 0;
  std::thread officer([&] {
    cli::testing::Program program;
    Prepare(program);
    while (!done) {
      if (Run(program, odense_, {"enrolment", "show", enrolment}) == ExitCode::kOk) ++written;
    }
  });
  const std::string copy = odense_.Path("copy");
  uint64_t last = 0;
  for (int i = 0; i < 12; ++i) {
    const json exported = Audit(odense_, {"audit", "export", "--tiles", copy, "--kept"});
    const json report = Offline(WithCards({"audit", "verify", copy}));
    EXPECT_EQ(report["verified"], true) << report;
    EXPECT_EQ(report["tree_size"], exported["tree_size"]);
    EXPECT_GE(report["tree_size"], last);
    last = report["tree_size"].get<uint64_t>();
  }
  done = true;
  officer.join();
  EXPECT_GT(written, 0) << "the log grew meanwhile";
}

// What a peer sent and signed for is kept whether or not it is still known: who has its card proves it, and who has not
// is told how much that is.
TEST_F(AuditE2e, WhatIsKeptOfAPeerIsExportedOnceItsCardIsGone) {
  Enrol();
  EXPECT_EQ(odense_.Stop(), 0);
  ASSERT_TRUE(fs::remove(odense_.Path("peers/" + nyborg_.cvr() + ".card")));
  odense_.Start();
  const std::string copy = odense_.Path("copy");
  Audit(odense_, {"audit", "export", "--tiles", copy, "--kept"});
  const json alone = Offline({"audit", "verify", copy, "--card", odense_.Path("node.card")});
  EXPECT_EQ(alone["verified"], true) << alone;
  EXPECT_EQ(alone["received_proven"], 0);
  EXPECT_GT(alone["unproven_without_peer_key"], 0);
  const json report = Offline(WithCards({"audit", "verify", copy}));
  EXPECT_EQ(report["unproven_without_peer_key"], 0);
  EXPECT_GT(report["received_proven"], 0);
  EXPECT_EQ(report["received_proven"], report["events_received"]);
  EXPECT_GT(report["receipts_proven"], 0);
  EXPECT_EQ(report["receipts_proven"], report["receipts"]);
}

TEST_F(AuditE2e, APartOfTheLogLeadsToTheSignedRootAndToItsOwnReceipts) {
  for (TestNode* node : {&odense_, &nyborg_}) node->Start();
  const std::string copy = odense_.Path("copy");
  for (int i = 0; i < 300; ++i) {
    if (i == 10) Audit(odense_, {"audit", "export", "--tiles", copy, "--kept"});
    v1::CommandResult result;
    ASSERT_EQ(Call(*odense_.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                   Proposal(odense_, nyborg_, "p-" + std::to_string(i)), result),
              "OK");
  }
  ASSERT_TRUE(Await([&] {
    const json peer = Do(odense_, {"node", "status"}, "", "administrator-1")["peers"][0];
    return peer["receipted"] == 300;
  }));
  // A copy that was brought up to date without what is kept beside the log: no record of the new part is accused.
  Audit(odense_, {"audit", "export", "--tiles", copy});
  const json grown = Offline(WithCards({"audit", "verify", copy}));
  EXPECT_EQ(grown["verified"], true) << grown;
  EXPECT_GT(grown["receipts_not_checked"], 0) << grown;
  EXPECT_EQ(grown["receipts_proven"].get<int>() + grown["receipts_not_checked"].get<int>(), grown["receipts"]);
  EXPECT_THAT(grown["not_checked_because"].get<std::string>(), HasSubstr("--kept"));
  Audit(odense_, {"audit", "export", "--tiles", copy, "--kept"});
  const json all = Offline(WithCards({"audit", "verify", copy}));
  EXPECT_EQ(all["receipts_proven"], all["receipts"]) << all;
  EXPECT_EQ(all["not_checked_because"], nullptr);

  const std::string bundle = odense_.Path("part.bundle");
  const json packed = Audit(odense_, WithCards({"audit", "export", "--bundle", bundle, "--first", "580"}));
  EXPECT_EQ(packed["first_entry"], 512);
  EXPECT_EQ(packed["last_entry"], packed["tree_size"].get<int>() - 1);
  const json report = Offline(WithCards({"audit", "verify", bundle}));
  EXPECT_EQ(report["verified"], true) << report;
  EXPECT_EQ(report["tree_size"], packed["tree_size"]);
  EXPECT_EQ(report["entries_outside"], 512);
  EXPECT_GT(report["receipts"], 0);
  EXPECT_EQ(report["receipts_proven"], report["receipts"]);
  EXPECT_EQ(report["unproven_without_peer_key"], 0);

  const std::string whole = odense_.Path("whole.bundle");
  Audit(odense_, WithCards({"audit", "export", "--bundle", whole}));
  EXPECT_LT(fs::file_size(bundle), fs::file_size(whole));
  EXPECT_EQ(Run(program_, odense_, {"audit", "export", "--bundle", bundle, "--first", "99999"}, "", "auditor"),
            ExitCode::kFailed);
  EXPECT_THAT(program_.err, HasSubstr("LEAF_INDEX_OUT_OF_RANGE"));
  EXPECT_EQ(Run(program_, odense_, {"audit", "export", "--tiles", odense_.Path("t"), "--first", "1"}, "", "auditor"),
            ExitCode::kUsage);
}

}  // namespace
}  // namespace medflyt::testing
