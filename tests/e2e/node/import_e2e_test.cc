// Registry extracts over gRPC: what is not whole, does not follow the last one or was imported before changes nothing.
#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "common/crypto/hash.h"
#include "medflyt/v1/log.pb.h"
#include "server/node/node.h"
#include "server/store_rocksdb/rocks_store.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/metrics_page.h"
#include "tests/e2e/node/node_world.h"
#include "tests/support/extract_text.h"

namespace medflyt::testing {
namespace {

using Stub = v1::MunicipalityService::Stub;

class ImportE2e : public ::testing::Test {
 protected:
  void SetUp() override { Prepare(odense, enrolment); }
  // One citizen of Odense's own runs in Odense's unit.
  static void Prepare(TestNode& node, std::string& enrolment) {
    ASSERT_NO_FATAL_FAILURE(node.Start());
    v1::CommandResult result;
    v1::ProposeEnrolmentRequest propose;
    *propose.mutable_context() = Said("enrol");
    propose.mutable_propose_enrolment()->set_provider(node.cvr());
    propose.mutable_propose_enrolment()->set_cpr(kCpr);
    propose.mutable_propose_enrolment()->set_from("2026-11-01");
    ASSERT_EQ(Call(*node.Municipality(), &Stub::ProposeEnrolment, propose, result), "OK");
    v1::StartEnrolmentRequest start;
    *start.mutable_context() = Said("start");
    enrolment = result.events(0).case_id();
    start.mutable_start_enrolment()->set_enrolment_id(enrolment);
    start.mutable_start_enrolment()->set_from("2026-11-01");
    ASSERT_EQ(Call(*node.Municipality(), &Stub::StartEnrolment, start, result), "OK");
  }
  void TearDown() override {
    if (odense.running()) {
      EXPECT_EQ(odense.Stop(), 0);
    }
  }

  // The citizen has moved to Nyborg, and another, of whom nothing is kept, to Kerteminde.
  static ExtractText Moves(std::string_view production = "20261121", std::string_view previous = "20261120") {
    ExtractText text(production, previous);
    text.Person(kCpr).Address("0450", "0001", "202611151200", "0461");
    text.Person(kOther).Address("0440", "0001", "202611151200", "0461");
    return text;
  }

  static v1::ImportExtractRequest Header(const std::string& request_id, const std::string& sha256 = "") {
    v1::ImportExtractRequest message;
    *message.mutable_header()->mutable_context() = Said(request_id);
    message.mutable_header()->set_sha256(sha256);
    return message;
  }
  static std::vector<v1::ImportExtractRequest> Messages(const std::string& request_id, const std::string& file,
                                                        size_t chunk = 100) {
    std::vector<v1::ImportExtractRequest> messages = {Header(request_id)};
    for (size_t at = 0; at < file.size(); at += chunk) messages.emplace_back().set_chunk(file.substr(at, chunk));
    return messages;
  }
  // "OK", or the rule that was broken.
  std::string Send(const std::vector<v1::ImportExtractRequest>& messages, const std::string& client = "registry-feed") {
    return SendTo(odense, messages, client);
  }
  std::string SendTo(TestNode& node, const std::vector<v1::ImportExtractRequest>& messages, const std::string& client) {
    grpc::ClientContext context;
    SetDeadline(context);
    context.set_wait_for_ready(true);
    const auto stub = node.Municipality(client);
    imported.Clear();
    const auto writer = stub->ImportExtract(&context, &imported);
    for (const auto& message : messages) {
      if (!writer->Write(message)) break;  // it was refused already
    }
    writer->WritesDone();
    const absl::Status status = rpc::FromGrpc(writer->Finish());
    if (status.ok()) return "OK";
    EXPECT_EQ(absl::StatusCodeToString(status.code()).find("UNKNOWN"), std::string::npos) << status;
    const auto broken = BrokenRuleOf(status);
    return broken ? broken->rule + " " + broken->field : status.ToString();
  }
  std::string Import(const std::string& request_id, const std::string& file, size_t chunk = 100) {
    return Send(Messages(request_id, file, chunk));
  }

  // Everything that a node has stands in its log: what the log does not have did not happen.
  uint64_t TreeSize() {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(odense.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status.tree_size();
  }
  std::vector<std::string> Relocations() {
    v1::ListRelocationsRequest request;
    *request.mutable_context() = Said();
    v1::ListRelocationsResponse response;
    EXPECT_EQ(Call(*odense.Municipality(), &Stub::ListRelocations, request, response), "OK");
    std::vector<std::string> ids;
    for (const auto& relocation : response.relocations()) ids.push_back(relocation.relocation_id());
    return ids;
  }

  // What whoever reads the log without keys sees of each entry: its kind and its size.
  static std::vector<std::string> ShapesAt(TestNode& node) {
    std::vector<std::string> shapes;
    grpc::ClientContext context;
    SetDeadline(context);
    const auto audit = v1::AuditService::NewStub(node.Channel("auditor"));
    const auto stream = audit->StreamEntries(&context, v1::StreamEntriesRequest());
    v1::StreamEntriesResponse response;
    while (stream->Read(&response)) {
      for (const std::string& bytes : response.entries()) {
        v1::LogEntry entry;
        EXPECT_TRUE(entry.ParseFromString(bytes));
        shapes.push_back((entry.has_sealed() ? "sealed " : "ledger ") + std::to_string(bytes.size()));
      }
    }
    EXPECT_TRUE(stream->Finish().ok());
    return shapes;
  }
  // The diagnostic log without times, ports and sizes of files.
  static std::vector<std::string> EventsLoggedAt(const TestNode& node) {
    std::vector<std::string> events;
    // What the peers answered to a node that starts may come before or after the rest.
    std::istringstream lines(node.Errors());
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string time, level, event;
      words >> time >> level >> event;
      events.push_back(level + " " + event);
    }
    std::sort(events.begin(), events.end());
    return events;
  }

  // The metrics without durations, and without the number of commits, which says how work fell together.
  static std::vector<std::string> MetricsAt(const TestNode& node) {
    std::vector<std::string> metrics;
    std::istringstream lines(MetricsPageOf(node));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("medflyt_") || line.starts_with("medflyt_commits_total")) continue;
      if (line.starts_with("medflyt_call_seconds") && !line.starts_with("medflyt_call_seconds_count")) continue;
      metrics.push_back(line);
    }
    std::sort(metrics.begin(), metrics.end());
    return metrics;
  }

  // What whoever has the disk of a stopped node sees of each row: its table, its kind, and the sizes of key and value.
  // How entries fall together in segments is left out: each entry's kind and size is among the shapes.
  static std::vector<std::string> RowsAt(const TestNode& node) {
    std::vector<std::string> rows;
    const auto store = store::OpenRocksReader(node.Path("data/store"), node::kLayoutVersion);
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return rows;
    for (const store::Table table : store::kTables) {
      if (table == store::Table::kSegments) continue;
      const absl::Status read = (*store)->Scan(
          table, store::KeyRange::All(), store::Order::kAscending, [&](std::string_view key, std::string_view value) {
            const int kind = key.empty() ? -1 : static_cast<unsigned char>(key.front());
            rows.push_back(std::string(store::TableName(table)) + " " + std::to_string(kind) + " " +
                           std::to_string(key.size()) + " " + std::to_string(value.size()));
            return store::Step::kContinue;
          });
      EXPECT_TRUE(read.ok()) << read;
    }
    std::sort(rows.begin(), rows.end());  // their ids are random
    return rows;
  }

  // Stops both.
  static void ExpectAlike(TestNode& one, TestNode& other) {
    EXPECT_GT(MetricsAt(other).size(), 3U);
    EXPECT_EQ(MetricsAt(one), MetricsAt(other));
    EXPECT_GT(ShapesAt(other).size(), 3U);
    EXPECT_EQ(ShapesAt(one), ShapesAt(other));
    EXPECT_EQ(EventsLoggedAt(one), EventsLoggedAt(other));
    EXPECT_EQ(one.Stop(), 0);
    EXPECT_EQ(other.Stop(), 0);
    const std::vector<std::string> rows = RowsAt(other);
    EXPECT_GT(rows.size(), 10U);
    EXPECT_THAT(rows, ::testing::Contains(::testing::StartsWith("state ")));
    EXPECT_EQ(RowsAt(one), rows);
  }

  static constexpr char kCpr[] = "6101801000";
  static constexpr char kOther[] = "6201801000";
  TestNode odense{"35209115", "0461", "Odense Kommune"};
  std::string enrolment;
  v1::ImportExtractResponse imported;
};

TEST_F(ImportE2e, AnExtractIsImportedOnceAndItsRepetitionIsRecognised) {
  const std::string file = Moves().Closed();
  ASSERT_EQ(Import("today", file), "OK");
  const v1::ImportExtractResponse first = imported;
  EXPECT_EQ(first.production_date(), "2026-11-21");
  EXPECT_EQ(first.previous_production_date(), "2026-11-20");
  EXPECT_EQ(first.records(), 4u);
  EXPECT_EQ(first.persons(), 2u);
  ASSERT_EQ(first.relocations_size(), 1);
  EXPECT_EQ(first.relocations(0).from_municipality(), "0461");
  EXPECT_EQ(first.relocations(0).to_municipality(), "0450");
  EXPECT_EQ(first.relocations(0).effective_date(), "2026-11-15");
  const std::vector<std::string> relocations = Relocations();
  EXPECT_THAT(relocations, ::testing::ElementsAre(first.relocations(0).relocation_id()));

  // The answer was lost: the same request gets it again, in whatever pieces the file comes.
  ASSERT_EQ(Import("today", file, 7), "OK");
  ASSERT_EQ(imported.events_size(), first.events_size());
  for (int i = 0; i < first.events_size(); ++i) {
    EXPECT_EQ(imported.events(i).event_id(), first.events(i).event_id());
  }
  ASSERT_EQ(imported.relocations_size(), 1);
  EXPECT_EQ(imported.relocations(0).relocation_id(), relocations.front());

  // The same file as another request is the same file.
  const uint64_t size = TreeSize();
  EXPECT_EQ(Import("again", file), "EXTRACT_ALREADY_IMPORTED digest");
  // Another file under the request is none of it.
  EXPECT_EQ(Import("today", Moves("20261122", "20261121").Closed()), "REQUEST_ID_REUSED context.request_id");
  EXPECT_EQ(TreeSize(), size);
  EXPECT_EQ(Relocations(), relocations);
}

TEST_F(ImportE2e, AnExtractThatDoesNotFollowTheLastOneChangesNothing) {
  ASSERT_EQ(Import("first", Moves().Closed()), "OK");
  const uint64_t size = TreeSize();
  EXPECT_EQ(Import("gap", Moves("20261123", "20261122").Closed()), "EXTRACT_DATE_GAP previous_production_date");
  EXPECT_EQ(Import("gap", Moves("20261123", "20261120").Closed()), "EXTRACT_DATE_GAP previous_production_date");
  EXPECT_EQ(Import("first-of-all", Moves("20261123", "00000000").Closed()),
            "EXTRACT_DATE_GAP previous_production_date");
  EXPECT_EQ(Import("older", Moves("20261120", "20261119").Closed()), "EXTRACT_OUT_OF_ORDER production_date");
  EXPECT_EQ(TreeSize(), size);

  // None of them used up a request id, and the one that follows is taken.
  EXPECT_EQ(Import("gap", Moves("20261122", "20261121").Closed()), "OK");
  EXPECT_EQ(Import("next", Moves("20261123", "20261122").Closed()), "OK");
}

TEST_F(ImportE2e, WhatIsNotWholeOrNotTrueChangesNothing) {
  const uint64_t size = TreeSize();
  const ExtractText moves = Moves();
  const std::string file = moves.Closed();

  // Cut off anywhere but within the last line's end.
  ASSERT_GT(file.size(), 300u);
  for (size_t length = 0; length + 2 < file.size(); length += 31) {
    const std::string outcome = Import("cut", file.substr(0, length));
    EXPECT_NE(outcome, "OK") << "of " << file.size() << " bytes, " << length;
    EXPECT_THAT(outcome, ::testing::MatchesRegex("[A-Z_]+ .*")) << length;
  }
  EXPECT_EQ(Import("cut", moves.Open()), "END_RECORD_MISSING record_type");
  EXPECT_EQ(Import("cut", ""), "START_RECORD_MISSING record_type");

  EXPECT_EQ(Import("count", moves.Open() + ExtractText::EndLine(3) + "\n"), "RECORD_COUNT_MISMATCH 999.count");
  EXPECT_EQ(Import("count", moves.Open() + ExtractText::EndLine(5) + "\n"), "RECORD_COUNT_MISMATCH 999.count");
  EXPECT_EQ(Import("more", file + "001" + kOther + "\n"), "DATA_AFTER_END record_type");

  EXPECT_EQ(Import("century", Moves("19261121", "19261120").Closed()), "DATE_CENTURY 000.production_date");
  EXPECT_EQ(Import("century", Moves("20261121", "19261120").Closed()), "DATE_CENTURY 000.previous_production_date");
  ExtractText ahead;
  ahead.Person(kCpr).Address("0450", "0001", "212611151200", "0461");
  EXPECT_EQ(Import("century", ahead.Closed()), "DATE_CENTURY 002.moved_in");
  ExtractText order("20261121", "20261122");
  EXPECT_EQ(Import("century", order.Person(kCpr).Closed()), "DATE_ORDER 000.previous_production_date");

  EXPECT_EQ(Send({Header("other-file", std::string(32, 'x')), Messages("", file, file.size()).back()}),
            "EXTRACT_DIGEST_MISMATCH header.sha256");
  EXPECT_EQ(Send({Header("short-digest", "x"), Messages("", file, file.size()).back()}),
            "FIELD_MALFORMED header.sha256");
  EXPECT_EQ(Send({Messages("", file, file.size()).back()}), "IMPORT_HEADER_REQUIRED header");
  EXPECT_EQ(Send({}), "IMPORT_HEADER_REQUIRED header");
  EXPECT_EQ(Send({Header("twice"), Header("twice")}), "FIELD_REQUIRED chunk");
  EXPECT_EQ(Send(Messages("role", file), "case-system-1"), "CLIENT_ROLE_NOT_ALLOWED ");
  {  // The feed dies in the middle.
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stub = odense.Municipality("registry-feed");
    const auto writer = stub->ImportExtract(&context, &imported);
    for (const auto& message : Messages("gone", file.substr(0, file.size() / 2))) EXPECT_TRUE(writer->Write(message));
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
  }

  EXPECT_EQ(TreeSize(), size);
  EXPECT_THAT(Relocations(), ::testing::IsEmpty());
  EXPECT_THAT(odense.Errors(), ::testing::Not(::testing::HasSubstr(kCpr)));

  // The whole file, with its digest, is then the first.
  std::vector<v1::ImportExtractRequest> messages = Messages("cut", file);
  messages.front() = Header("cut", std::string(crypto::Sha256(file).bytes()));
  EXPECT_EQ(Send(messages), "OK");
  EXPECT_EQ(Relocations().size(), 1u);
}

// Who has the disk, the log or the diagnostics of a node cannot tell whose move is on hold.
TEST_F(ImportE2e, AProtectedCitizensMoveLooksLikeAnyOther) {
  TestNode other("35209115", "0461", "Odense Kommune");
  std::string with_other;
  ASSERT_NO_FATAL_FAILURE(Prepare(other, with_other));
  ASSERT_EQ(SendTo(odense, Messages("today", Moves().Closed()), "registry-feed"), "OK");
  EXPECT_EQ(imported.relocations(0).state(), v1::RELOCATION_STATE_IN_ASSESSMENT);
  ExtractText text("20261121", "20261120");
  text.Person(kCpr).Address("0450", "0001", "202611151200", "0461").Protected("0001", "2020-01-01");
  text.Person(kOther).Address("0440", "0001", "202611151200", "0461");
  ASSERT_EQ(SendTo(other, Messages("today", text.Closed()), "registry-feed"), "OK");
  EXPECT_EQ(imported.relocations(0).state(), v1::RELOCATION_STATE_HELD);
  ExpectAlike(other, odense);
}

// Nor that it is by a flag, and what an officer does about it looks like what any officer does about any citizen.
TEST_F(ImportE2e, AFlaggedCitizensMoveLooksLikeAnyOther) {
  TestNode other("35209115", "0461", "Odense Kommune");
  std::string with_other;
  ASSERT_NO_FATAL_FAILURE(Prepare(other, with_other));
  v1::CommandResult result;
  v1::PauseEnrolmentRequest pause;
  *pause.mutable_context() = Said("pause");
  pause.mutable_pause_enrolment()->set_enrolment_id(enrolment);
  pause.mutable_pause_enrolment()->set_from("2026-11-03");
  ASSERT_EQ(Call(*odense.Municipality(), &Stub::PauseEnrolment, pause, result), "OK");
  v1::SetFlagRequest flag;
  *flag.mutable_context() = Said("flag");
  flag.mutable_set_flag()->set_enrolment_id(with_other);
  flag.mutable_set_flag()->set_flag(v1::PROTECTION_FLAG_SAFETY_PACKAGE);
  ASSERT_EQ(Call(*other.Municipality(), &Stub::SetFlag, flag, result), "OK");
  ASSERT_EQ(SendTo(odense, Messages("today", Moves().Closed()), "registry-feed"), "OK");
  EXPECT_EQ(imported.relocations(0).state(), v1::RELOCATION_STATE_IN_ASSESSMENT);
  const std::string seen = imported.relocations(0).relocation_id();
  ASSERT_EQ(SendTo(other, Messages("today", Moves().Closed()), "registry-feed"), "OK");
  EXPECT_EQ(imported.relocations(0).state(), v1::RELOCATION_STATE_HELD);
  const std::string moved = imported.relocations(0).relocation_id();

  // An assessment there, the first officer's word here.
  v1::AssessDisclosureRequest assess;
  *assess.mutable_context() = Said("assess");
  assess.mutable_assess_disclosure()->set_relocation_id(seen);
  assess.mutable_assess_disclosure()->mutable_ground()->set_journal_reference("2026-117");
  ASSERT_EQ(Call(*odense.Municipality(), &Stub::AssessDisclosure, assess, result), "OK");
  v1::ReleaseHoldRequest release;
  *release.mutable_context() = Said("release");
  release.mutable_release_hold()->set_relocation_id(moved);
  ASSERT_EQ(Call(*other.Municipality(), &Stub::ReleaseHold, release, result), "OK");
  ExpectAlike(other, odense);
}

}  // namespace
}  // namespace medflyt::testing
