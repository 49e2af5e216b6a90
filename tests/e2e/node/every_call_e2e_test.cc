// Every call of every service in turn: without an officer none does anything, and each that touches a citizen leaves
// its access record. The services are walked by their descriptors: a new call fails here until it has its row.
#include "tests/e2e/node/every_call.h"

#include <gmock/gmock.h>

#include <set>

#include "common/base/bytes.h"
#include "tests/support/extract_text.h"

namespace medflyt::testing {
namespace {

constexpr char kCpr[] = "6101801000";
constexpr char kNobody[] = "6101801999";
constexpr char kNoId[] = "ffffffffffffffffffffffffffffffff";

// Of an authority, its log as ciphertext, or the node itself: nothing of a citizen, and so no record.
const std::set<std::string> kTouchNoCitizen = {
    "ListAgreements", "GetAgreement",      "GetCheckpoint",       "GetTile",     "GetEntryBundle",
    "StreamEntries",  "GetInclusionProof", "GetConsistencyProof", "ListKept",    "GetStatus",
    "ListPeers",      "ReloadPeers",       "GetPeerCard",         "GetPolicy",   "ReleasePeer",
    "CreateBackup",   "ListForks",         "AdmitGeneration",     "RecoverNode",
};
// Of those, what asks for neither officer nor purpose: the log for auditors, and looking at the node.
const std::set<std::string> kAskNobody = {
    "GetCheckpoint", "GetTile",   "GetEntryBundle", "StreamEntries", "GetInclusionProof", "GetConsistencyProof",
    "ListKept",      "GetStatus", "ListPeers",      "GetPeerCard",   "GetPolicy",         "ListForks",
};

bool IsCommand(const MethodDescriptor& call) {
  return call.output_type() == v1::CommandResult::descriptor() || call.name() == "SubmitCommands" ||
         call.name() == "ImportExtract";
}

class EveryCallE2e : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteFile(odense_.Path("policy.toml"), ReadFile(SourceDir() + "/deploy/policy.toml") +
                                               "[[allow]]\nrole = \"auditor\"\nactions = [\"open-cases\"]\n");
    odense_.WriteConfig("policy = \"policy.toml\"\n");
    odense_.Start();
  }
  void TearDown() override { EXPECT_EQ(odense_.Stop(), 0); }

  uint64_t LogSize() {
    v1::GetStatusResponse response;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &v1::AdminService::Stub::GetStatus, v1::GetStatusRequest(), response), "OK");
    return response.tree_size();
  }
  static const MethodDescriptor& Named(const std::string& name) {
    for (const MethodDescriptor* call : AllCalls()) {
      if (call->name() == name) return *call;
    }
    ADD_FAILURE() << "no call " << name;
    return *AllCalls().front();
  }

  TestNode odense_{"35209115", "0461", "Odense Kommune"};
};

std::string RuleOfOutcome(const v1::SubmitCommandsResponse::Outcome& outcome) {
  const google::rpc::Status& error = outcome.error();
  const auto broken = BrokenRuleOf(rpc::FromGrpc(
      grpc::Status(static_cast<grpc::StatusCode>(error.code()), error.message(), error.SerializeAsString())));
  return broken ? broken->rule : "OK";
}

TEST_F(EveryCallE2e, WithoutAnOfficerNothingIsDoneAndNothingShown) {
  const uint64_t size = LogSize();
  for (const char* officer : {"", "   "}) {
    v1::RequestContext nobody = Said("r-1", officer);
    std::set<std::string> ask_nobody;
    for (const MethodDescriptor* call : AllCalls()) {
      SCOPED_TRACE(call->full_name());
      const auto request = NewMessage(call->input_type());
      if (call->name() == "SubmitCommands") continue;  // below
      if (call->name() == "ImportExtract") {
        v1::ImportExtractRequest header;
        *header.mutable_header()->mutable_context() = nobody;
        EXPECT_EQ(CallBy(odense_, *call, {&header}), "OFFICER_REQUIRED");
      } else if (v1::RequestContext* context = ContextOf(*request)) {
        *context = nobody;
        if (!IsCommand(*call)) context->clear_request_id();
        // A command is named, if without a word of what it is to do.
        const auto& fields = *call->input_type();
        if (IsCommand(*call)) request->GetReflection()->MutableMessage(request.get(), fields.field(1));
        EXPECT_EQ(CallBy(odense_, *call, {request.get()}), "OFFICER_REQUIRED");
      } else {
        ask_nobody.insert(call->name());
      }
    }
    EXPECT_EQ(ask_nobody, kAskNobody);

    v1::SubmitCommandsRequest batch;
    const auto* commands = v1::Command::descriptor()->FindOneofByName("command");
    for (int i = 0; i < commands->field_count(); ++i) {
      auto& item = *batch.add_items();
      *item.mutable_context() = nobody;
      item.mutable_command()->GetReflection()->MutableMessage(item.mutable_command(), commands->field(i));
    }
    v1::SubmitCommandsResponse outcomes;
    ASSERT_EQ(CallBy(odense_, Named("SubmitCommands"), {&batch}, &outcomes), "OK");
    ASSERT_EQ(outcomes.outcomes_size(), commands->field_count());
    for (int i = 0; i < commands->field_count(); ++i) {
      EXPECT_EQ(RuleOfOutcome(outcomes.outcomes(i)), "OFFICER_REQUIRED") << commands->field(i)->name();
    }
  }
  EXPECT_EQ(LogSize(), size) << "something was logged";
}

// One call, its answer, and as what kind of look it is recorded, how often.
struct Look {
  std::shared_ptr<Message> request;
  std::string answer;
  v1::AccessKind kind;
  size_t records = 1;
};
using Looks = std::map<std::string, std::vector<Look>>;

template <typename Request, typename Fill>
Look On(v1::AccessKind kind, std::string answer, Fill fill) {
  auto request = std::make_shared<Request>();
  *request->mutable_context() = Said();
  fill(*request);
  return {.request = request, .answer = std::move(answer), .kind = kind};
}
template <typename Request>
Look On(v1::AccessKind kind) {
  return On<Request>(kind, "OK", [](Request&) {});
}

// What was made before, to be found: an enrolment, a relocation and an event.
struct Found {
  std::string enrolment;
  std::string relocation;
  std::string event;
};

// Every call that touches citizens, found and not found.
Looks LooksAt(const Found& found) {
  const auto read = v1::ACCESS_KIND_READ;
  const auto search = v1::ACCESS_KIND_SEARCH;
  const auto proof = v1::ACCESS_KIND_PROOF;
  const auto by_number = [](const std::string& cpr) { return [cpr](auto& request) { request.set_cpr(cpr); }; };
  const auto event = [](const std::string& id) { return [id](auto& request) { request.set_event_id(id); }; };
  const auto enrolment = [](const std::string& id) { return [id](auto& request) { request.set_enrolment_id(id); }; };
  const auto relocation = [](const std::string& id) { return [id](auto& request) { request.set_relocation_id(id); }; };
  const auto of_case = [](const std::string& id, bool with_keys) {
    return [id, with_keys](v1::ListCaseEventsRequest& request) {
      request.set_case_id(id);
      request.set_with_keys(with_keys);
    };
  };
  const auto erase = [&](const std::string& cpr) {
    return [cpr](v1::EraseCitizenRequest& request) {
      request.set_cpr(cpr);
      request.set_legal_basis("GDPR-17-1-D");
      request.set_journal_reference("2026-77");
    };
  };
  Look watch = On<v1::WatchEventsRequest>(v1::ACCESS_KIND_WATCH);
  watch.records = 2;  // its start, and whose events its first page shows
  const auto by_officer = [](const std::string& officer) {
    return [officer](v1::ReportIncidentRequest& request) {
      request.set_officer(officer);
      request.mutable_from()->set_seconds(1);
      request.mutable_until()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 60);
    };
  };
  return {
      {"ListPlaces", {On<v1::ListPlacesRequest>(read)}},
      {"ListWaitingList", {On<v1::ListWaitingListRequest>(read)}},
      {"ListEnrolments", {On<v1::ListEnrolmentsRequest>(search)}},
      {"GetEnrolment",
       {On<v1::GetEnrolmentRequest>(read, "OK", enrolment(found.enrolment)),
        On<v1::GetEnrolmentRequest>(read, "UNKNOWN_CASE", enrolment(kNoId)),
        On<v1::GetEnrolmentRequest>(search, "OK", by_number(kCpr)),
        On<v1::GetEnrolmentRequest>(search, "UNKNOWN_CASE", by_number(kNobody))}},
      {"ListRelocations", {On<v1::ListRelocationsRequest>(search)}},
      {"GetRelocation",
       {On<v1::GetRelocationRequest>(read, "OK", relocation(found.relocation)),
        On<v1::GetRelocationRequest>(read, "UNKNOWN_CASE", relocation(kNoId))}},
      {"ListTransfers", {On<v1::ListTransfersRequest>(search)}},
      {"WatchEvents", {watch}},
      {"GetEvent",
       {On<v1::GetEventRequest>(read, "OK", event(found.event)),
        On<v1::GetEventRequest>(read, "EVENT_UNKNOWN", event(kNoId))}},
      {"GetEventProof",
       {On<v1::GetEventProofRequest>(proof, "OK", event(found.event)),
        On<v1::GetEventProofRequest>(proof, "EVENT_UNKNOWN", event(kNoId))}},
      {"ReportCitizen",
       {On<v1::ReportCitizenRequest>(search, "OK", by_number(kCpr)),
        On<v1::ReportCitizenRequest>(search, "OK", by_number(kNobody))}},
      {"EraseCitizen",
       {On<v1::EraseCitizenRequest>(search, "ERASURE_CASE_RUNNING", erase(kCpr)),
        On<v1::EraseCitizenRequest>(search, "CITIZEN_UNKNOWN", erase(kNobody))}},
      {"ListErasures", {On<v1::ListErasuresRequest>(read)}},
      {"ReportIncident",
       {On<v1::ReportIncidentRequest>(search, "OK", by_officer("anna.officer")),
        On<v1::ReportIncidentRequest>(search, "OK", by_officer("nobody"))}},
      {"ListCaseEvents",
       {On<v1::ListCaseEventsRequest>(read, "OK", of_case(found.enrolment, false)),
        On<v1::ListCaseEventsRequest>(proof, "OK", of_case(found.enrolment, true)),
        On<v1::ListCaseEventsRequest>(read, "UNKNOWN_CASE", of_case(kNoId, false))}},
      {"ListAccessRecords", {On<v1::ListAccessRecordsRequest>(search)}},
  };
}

class EachLookE2e : public EveryCallE2e {
 protected:
  Found Enrol() {
    Found found;
    v1::ProposeEnrolmentRequest propose;
    *propose.mutable_context() = Said("propose");
    propose.mutable_propose_enrolment()->set_provider(odense_.cvr());
    propose.mutable_propose_enrolment()->set_cpr(kCpr);
    propose.mutable_propose_enrolment()->set_from("2026-11-01");
    v1::CommandResult result;
    EXPECT_EQ(CallBy(odense_, Named("ProposeEnrolment"), {&propose}, &result), "OK");
    if (result.events().empty()) return found;
    found.enrolment = result.events(0).case_id();
    found.event = result.events(0).event_id();
    v1::StartEnrolmentRequest start;
    *start.mutable_context() = Said("start");
    start.mutable_start_enrolment()->set_enrolment_id(found.enrolment);
    start.mutable_start_enrolment()->set_from("2026-11-01");
    EXPECT_EQ(CallBy(odense_, Named("StartEnrolment"), {&start}), "OK");
    ExtractText text;
    text.Person(kCpr).Address("0450", "0001", "202611151200", "0461");
    v1::ImportExtractRequest header;
    *header.mutable_header()->mutable_context() = Said("import");
    v1::ImportExtractRequest chunk;
    chunk.set_chunk(text.Closed());
    v1::ImportExtractResponse imported;
    EXPECT_EQ(CallBy(odense_, Named("ImportExtract"), {&header, &chunk}, &imported), "OK");
    if (imported.relocations_size() == 1) found.relocation = imported.relocations(0).relocation_id();
    return found;
  }
  // What each record of that kind names, in their order; with a case those that name it.
  std::vector<std::set<std::string>> CasesRecordedAs(v1::AccessKind kind, const std::string& of_case = "") {
    v1::ListAccessRecordsRequest request;
    *request.mutable_context() = Said();
    request.set_kind(kind);
    request.set_case_id(of_case);
    v1::ListAccessRecordsResponse response;
    EXPECT_EQ(CallBy(odense_, Named("ListAccessRecords"), {&request}, &response), "OK");
    std::vector<std::set<std::string>> cases;
    for (const v1::EventView& record : response.records()) {
      std::set<std::string>& named = cases.emplace_back();
      for (const std::string& id : record.content().access_recorded().case_ids()) named.insert(HexEncode(id));
    }
    return cases;
  }
  // All that was recorded until now: which call, and as what.
  std::vector<std::pair<std::string, v1::AccessKind>> Records() {
    v1::ListAccessRecordsRequest request;
    *request.mutable_context() = Said();
    v1::ListAccessRecordsResponse response;
    EXPECT_EQ(CallBy(odense_, Named("ListAccessRecords"), {&request}, &response), "OK");
    EXPECT_EQ(response.next_first(), 0U) << "there are more";
    std::vector<std::pair<std::string, v1::AccessKind>> records;
    for (const v1::EventView& record : response.records()) {
      const v1::AccessRecorded& access = record.content().access_recorded();
      EXPECT_EQ(record.content().officer(), "anna.officer");
      EXPECT_EQ(access.purpose(), "end-to-end test");
      records.emplace_back(access.action(), access.kind());
    }
    return records;
  }
};

TEST_F(EachLookE2e, LeavesOneAccessRecordAndWhatTouchesNoCitizenLeavesNone) {
  const Looks looks = LooksAt(Enrol());
  // The import is a command, and shows whom it matched.
  std::vector<std::pair<std::string, v1::AccessKind>> expected = {{"ImportExtract", v1::ACCESS_KIND_READ}};
  uint64_t size = LogSize();
  for (const MethodDescriptor* call : AllCalls()) {
    SCOPED_TRACE(call->full_name());
    if (IsCommand(*call)) continue;
    const auto found = looks.find(call->name());
    if (found == looks.end()) {
      EXPECT_TRUE(kTouchNoCitizen.contains(call->name())) << "nobody has said whether it touches a citizen";
      const auto request = NewMessage(call->input_type());
      if (v1::RequestContext* context = ContextOf(*request)) *context = Said();
      (void)CallBy(odense_, *call, {request.get()});
      EXPECT_EQ(LogSize(), size);
      continue;
    }
    EXPECT_FALSE(kTouchNoCitizen.contains(call->name()));
    for (const Look& look : found->second) {
      EXPECT_EQ(CallBy(odense_, *call, {look.request.get()}), look.answer);
      size += look.records;
      EXPECT_EQ(LogSize(), size) << look.request->ShortDebugString();
      expected.insert(expected.end(), look.records, {call->name(), look.kind});
    }
  }
  EXPECT_EQ(Records(), expected);
}

TEST_F(EachLookE2e, AProofIsRecordedByTheCaseOfItsEvent) {
  const Found found = Enrol();
  for (const std::string& event : {found.event, std::string(kNoId)}) {
    v1::GetEventProofRequest request;
    *request.mutable_context() = Said();
    request.set_event_id(event);
    v1::GetEventProofResponse response;
    EXPECT_EQ(CallBy(odense_, Named("GetEventProof"), {&request}, &response),
              event == found.event ? "OK" : "EVENT_UNKNOWN");
  }
  EXPECT_EQ(CasesRecordedAs(v1::ACCESS_KIND_PROOF), (std::vector<std::set<std::string>>{{found.enrolment}, {}}));
  EXPECT_EQ(CasesRecordedAs(v1::ACCESS_KIND_PROOF, found.enrolment),
            (std::vector<std::set<std::string>>{{found.enrolment}}));
}

// Each page is recorded before it is sent, by the cases that it shows, so that the citizen is told of it. What is only
// recorded is no such page: a watch that nothing happens in writes nothing.
TEST_F(EachLookE2e, AWatchIsRecordedByWhomItShowsAndAnIdleOneLeavesNothing) {
  const Found found = Enrol();
  uint64_t size = LogSize();
  grpc::ClientContext context;
  SetDeadline(context);
  v1::WatchEventsRequest watch;
  *watch.mutable_context() = Said();
  const auto stub = odense_.Municipality();
  const auto stream = stub->WatchEvents(&context, watch);
  v1::WatchEventsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  size += 2;  // the start and the page
  EXPECT_EQ(LogSize(), size) << "the page's record was not durable before the page";
  EXPECT_EQ(CasesRecordedAs(v1::ACCESS_KIND_WATCH),
            (std::vector<std::set<std::string>>{{}, {found.enrolment, found.relocation}}));
  size += 1;  // that list

  // Until it has seen all that is recorded of it: had it recorded that, the record would stand before this answer.
  while (response.has_event() || !response.caught_up() || response.next_position() < size) {
    ASSERT_TRUE(stream->Read(&response));
  }
  EXPECT_EQ(LogSize(), size);

  v1::ProposeEnrolmentRequest propose;
  *propose.mutable_context() = Said("propose-another");
  propose.mutable_propose_enrolment()->set_provider(odense_.cvr());
  propose.mutable_propose_enrolment()->set_cpr(kNobody);
  propose.mutable_propose_enrolment()->set_from("2026-11-01");
  v1::CommandResult result;
  ASSERT_EQ(CallBy(odense_, Named("ProposeEnrolment"), {&propose}, &result), "OK");
  do {
    ASSERT_TRUE(stream->Read(&response));
  } while (!response.has_event());
  size += static_cast<uint64_t>(result.events_size()) + 1;
  EXPECT_EQ(LogSize(), size) << "what was issued, and its page's record";
  EXPECT_EQ(
      CasesRecordedAs(v1::ACCESS_KIND_WATCH),
      (std::vector<std::set<std::string>>{{}, {found.enrolment, found.relocation}, {result.events(0).case_id()}}));
  context.TryCancel();

  v1::ReportCitizenRequest report;
  *report.mutable_context() = Said();
  report.set_cpr(kNobody);
  v1::ReportCitizenResponse told;
  ASSERT_EQ(CallBy(odense_, Named("ReportCitizen"), {&report}, &told), "OK");
  ASSERT_GE(told.look_ups_size(), 1);
  EXPECT_EQ(told.look_ups(0).kind(), v1::ACCESS_KIND_WATCH);
  ASSERT_EQ(told.legal_bases_size(), 2);
  EXPECT_EQ(told.legal_bases(0).valid_from() + "/" + told.legal_bases(0).valid_to(), "2017-01-01/");
  EXPECT_EQ(told.legal_bases(1).valid_from() + "/" + told.legal_bases(1).valid_to(), "2014-01-01/2019-12-31");
}

// Of a number that nobody here has a command tells as much as of another's: both refusals are recorded alike, one by
// one and in a batch.
TEST_F(EachLookE2e, ACommandThatIsRefusedByItsNumberIsASearch) {
  Enrol();
  v1::SubmitCommandsRequest batch;
  const auto add = [&batch](const std::string& cpr, const std::string& provider) {
    auto& item = *batch.add_items();
    *item.mutable_context() = Said("propose-with-" + provider);
    auto& propose = *item.mutable_command()->mutable_propose_enrolment();
    propose.set_provider(provider);
    propose.set_cpr(cpr);
    propose.set_from("2026-11-01");
  };
  add(kCpr, odense_.cvr());
  add(kNobody, "29189722");  // no agreement is named
  const uint64_t size = LogSize();
  v1::SubmitCommandsResponse outcomes;
  ASSERT_EQ(CallBy(odense_, Named("SubmitCommands"), {&batch}, &outcomes), "OK");
  ASSERT_EQ(outcomes.outcomes_size(), 2);
  EXPECT_EQ(RuleOfOutcome(outcomes.outcomes(0)), "CITIZEN_ALREADY_ENROLLED");
  EXPECT_NE(RuleOfOutcome(outcomes.outcomes(1)), "OK");
  EXPECT_EQ(LogSize(), size + 2);
  v1::ProposeEnrolmentRequest alone;
  *alone.mutable_context() = Said("propose-alone");
  *alone.mutable_propose_enrolment() = batch.items(0).command().propose_enrolment();
  EXPECT_EQ(CallBy(odense_, Named("ProposeEnrolment"), {&alone}), "CITIZEN_ALREADY_ENROLLED");
  EXPECT_EQ(LogSize(), size + 3);
  std::vector<std::pair<std::string, v1::AccessKind>> expected = {{"ImportExtract", v1::ACCESS_KIND_READ}};
  expected.insert(expected.end(), 3, {"ProposeEnrolment", v1::ACCESS_KIND_SEARCH});
  EXPECT_EQ(Records(), expected);

  // A number that has not its form is no question.
  alone.mutable_propose_enrolment()->set_cpr("610180199");
  EXPECT_EQ(CallBy(odense_, Named("ProposeEnrolment"), {&alone}), "CPR_NUMBER_MALFORMED");
  EXPECT_EQ(LogSize(), size + 4) << "the list, and nothing more";
}

// Whether a flag or a hold protects a citizen is told by a refusal, too: whom it names can be told who asked.
TEST_F(EachLookE2e, ACommandThatIsRefusedByItsCaseIsARead) {
  const Found found = Enrol();
  v1::SetFlagRequest flag;
  flag.mutable_set_flag()->set_enrolment_id(found.enrolment);
  flag.mutable_set_flag()->set_flag(v1::PROTECTION_FLAG_SAFETY_PACKAGE);
  *flag.mutable_context() = Said("set");
  ASSERT_EQ(CallBy(odense_, Named("SetFlag"), {&flag}), "OK");
  const uint64_t size = LogSize();
  *flag.mutable_context() = Said("set-again");
  EXPECT_EQ(CallBy(odense_, Named("SetFlag"), {&flag}), "FLAG_ALREADY_SET");
  EXPECT_EQ(LogSize(), size + 1);
  v1::SubmitCommandsRequest batch;
  auto& item = *batch.add_items();
  *item.mutable_context() = Said("announce");
  item.mutable_command()->mutable_announce_relocation()->set_relocation_id(found.relocation);
  v1::SubmitCommandsResponse outcomes;
  ASSERT_EQ(CallBy(odense_, Named("SubmitCommands"), {&batch}, &outcomes), "OK");
  ASSERT_EQ(outcomes.outcomes_size(), 1);
  EXPECT_EQ(RuleOfOutcome(outcomes.outcomes(0)), "RELOCATION_HELD");
  EXPECT_EQ(LogSize(), size + 2);
  flag.mutable_set_flag()->set_enrolment_id(kNoId);
  EXPECT_EQ(CallBy(odense_, Named("SetFlag"), {&flag}), "UNKNOWN_CASE");
  EXPECT_EQ(LogSize(), size + 2) << "that case is nobody's";
  const std::vector<std::pair<std::string, v1::AccessKind>> expected = {{"ImportExtract", v1::ACCESS_KIND_READ},
                                                                        {"SetFlag", v1::ACCESS_KIND_READ},
                                                                        {"AnnounceRelocation", v1::ACCESS_KIND_READ}};
  EXPECT_EQ(Records(), expected);
}

}  // namespace
}  // namespace medflyt::testing
