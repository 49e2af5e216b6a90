// Erased is erased: with every backup, key-table backup and file of before and after in the attacker's hands.
#include <gmock/gmock.h>

#include <filesystem>

#include "medflyt/v1/citizen_service.grpc.pb.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Municipality = v1::MunicipalityService::Stub;
using Citizen = v1::CitizenService::Stub;

constexpr char kCpr[] = "6101801000";

class ErasureE2e : public ::testing::Test {
 protected:
  ErasureE2e() { odense_.WriteConfig("backup_dir = \"backups\"\n"); }

  template <typename Request, typename Method>
  v1::CommandResult Do(Method method, Request request) {
    *request.mutable_context() = Said("r-" + std::to_string(++requests_));
    v1::CommandResult result;
    EXPECT_EQ(Call(*odense_.Municipality(), method, request, result), "OK");
    return result;
  }
  // Odense's own citizen, in its own unit, until 20 October. The id of the event that introduced the number.
  std::string EnrolAndEnd() {
    v1::ProposeEnrolmentRequest propose;
    auto& proposed = *propose.mutable_propose_enrolment();
    proposed.set_enrolment_id(kEnrolment);
    proposed.set_provider(odense_.cvr());
    proposed.set_cpr(kCpr);
    proposed.set_from("2026-10-01");
    const v1::CommandResult result = Do(&Municipality::ProposeEnrolment, propose);
    v1::StartEnrolmentRequest start;
    start.mutable_start_enrolment()->set_enrolment_id(kEnrolment);
    start.mutable_start_enrolment()->set_from("2026-10-01");
    Do(&Municipality::StartEnrolment, start);
    v1::EndEnrolmentRequest end;
    end.mutable_end_enrolment()->set_enrolment_id(kEnrolment);
    end.mutable_end_enrolment()->set_from("2026-10-20");
    end.mutable_end_enrolment()->set_reason(v1::END_REASON_JOB);
    Do(&Municipality::EndEnrolment, end);
    return result.events_size() == 0 ? "" : result.events(0).event_id();
  }
  std::string Erase(const std::string& officer, const std::string& client, v1::EraseCitizenResponse& erased) {
    v1::EraseCitizenRequest request;
    *request.mutable_context() = Said("", officer);
    request.set_cpr(kCpr);
    request.set_legal_basis("GDPR-17-1-D");
    request.set_journal_reference("2026-77");
    return Call(*v1::CitizenService::NewStub(odense_.Channel(client)), &Citizen::EraseCitizen, request, erased);
  }
  bool RotationDue() {
    v1::ListErasuresRequest request;
    *request.mutable_context() = Said();
    v1::ListErasuresResponse response;
    EXPECT_EQ(Call(*v1::CitizenService::NewStub(odense_.Channel()), &Citizen::ListErasures, request, response), "OK");
    return response.key_rotation_due();
  }
  v1::CreateBackupResponse TakeBackup() {
    v1::CreateBackupRequest request;
    *request.mutable_context() = Said();
    v1::CreateBackupResponse taken;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    // A backup is named by its second, and two may fall into one.
    EXPECT_TRUE(Await([&] {
      const std::string rule = Call(*admin, &v1::AdminService::Stub::CreateBackup, request, taken);
      return rule != "BACKUP_EXISTS";
    }));
    EXPECT_NE(taken.directory(), "");
    return taken;
  }
  v1::EventView Show(const std::string& event_id) {
    v1::GetEventRequest request;
    *request.mutable_context() = Said();
    request.set_event_id(event_id);
    v1::GetEventResponse response;
    // Reads are recorded, and a restored node records nothing before it may sign.
    EXPECT_TRUE(Await(
        [&] { return Call(*odense_.Municipality(), &Municipality::GetEvent, request, response) != "LOG_RESTRAINED"; }));
    return response.event();
  }
  // The id of the first event of that type.
  std::string Watched(const std::string& type) {
    v1::WatchEventsRequest request;
    *request.mutable_context() = Said();
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stub = odense_.Municipality();
    const auto stream = stub->WatchEvents(&context, request);
    v1::WatchEventsResponse response;
    while (stream->Read(&response) && response.event().type() != type) {
    }
    context.TryCancel();
    EXPECT_EQ(response.event().type(), type);
    return response.event().event_id();
  }
  // How often the citizen's data was read by a case, as the citizen is told.
  int Reads() {
    v1::ReportCitizenRequest request;
    *request.mutable_context() = Said();
    request.set_cpr(kCpr);
    v1::ReportCitizenResponse told;
    EXPECT_EQ(Call(*v1::CitizenService::NewStub(odense_.Channel()), &Citizen::ReportCitizen, request, told), "OK");
    int reads = 0;
    for (const v1::LookUp& each : told.look_ups()) reads += each.kind() == v1::ACCESS_KIND_READ ? 1 : 0;
    return reads;
  }
  std::string Find() {
    v1::GetEnrolmentRequest request;
    *request.mutable_context() = Said();
    request.set_cpr(kCpr);
    v1::GetEnrolmentResponse response;
    return Call(*odense_.Municipality(), &Municipality::GetEnrolment, request, response);
  }
  int Run(std::vector<std::string> arguments) const {
    Process process(arguments, odense_.Path("errors"));
    while (process.Line()) {
    }
    return process.Wait();
  }
  // A store out of that backup, in place of the present one.
  int Restore(const std::string& backup) const {
    fs::remove_all(odense_.Path("data/store"));
    return Run({TestNode::Program(), "--config", odense_.Path("medflytd.toml"), "--restore", backup});
  }

  static constexpr char kEnrolment[] = "00112233445566778899aabbccddeeff";
  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  int requests_ = 0;
};

// An erasure stands under an id of its own: whose it is stands in it.
TEST_F(ErasureE2e, ALookAtAnErasuresEventReachesTheCitizensList) {
  odense_.Start();
  EnrolAndEnd();
  v1::EraseCitizenResponse asked;
  ASSERT_EQ(Erase("anna.officer", "case-system-1", asked), "OK");
  const std::string event = Watched("ErasureRequested");
  EXPECT_EQ(Reads(), 0);
  ASSERT_TRUE(Show(event).content().has_erasure_requested());
  EXPECT_EQ(Reads(), 1);
  EXPECT_EQ(odense_.Stop(), 0);
}

TEST_F(ErasureE2e, NoBackupAndNoOldKeyTableBringsBackWhatIsErased) {
  odense_.Start();
  const std::string event = EnrolAndEnd();
  ASSERT_TRUE(Show(event).content().has_enrolment_proposed());
  const v1::CreateBackupResponse before = TakeBackup();
  const std::string old_keys = odense_.Path("old-key-backup");
  fs::copy_file(before.key_backup(), old_keys);

  v1::EraseCitizenResponse erased;
  ASSERT_EQ(Erase("anna.officer", "case-system-1", erased), "OK");
  EXPECT_FALSE(erased.erased());
  ASSERT_EQ(Erase("bo.officer", "case-system-2", erased), "OK");
  EXPECT_TRUE(erased.erased());
  EXPECT_EQ(Find(), "UNKNOWN_CASE");
  EXPECT_TRUE(Show(event).erased());
  // The rotation that makes it true of files goes on at the start, wherever the node was killed.
  odense_.Stop(SIGKILL);
  odense_.Start();
  ASSERT_TRUE(Await([&] { return !RotationDue(); }));
  EXPECT_EQ(Find(), "UNKNOWN_CASE");
  const v1::CreateBackupResponse after = TakeBackup();
  EXPECT_EQ(odense_.Stop(), 0);
  const std::string tiles = odense_.Path("tiles");
  ASSERT_EQ(Run({TestNode::Program(), "--backup-tiles", after.directory(), tiles}), 0) << odense_.Errors();
  EXPECT_EQ(Run({BinDir() + "/medflyt", "audit", "verify", tiles, "--log-key", odense_.verifier().Format()}), 0)
      << odense_.Errors();

  // All that was backed up before, with the keys of today: the number is in the data and opens with none of them.
  ASSERT_EQ(Restore(before.directory()), 0) << odense_.Errors();
  odense_.Start();
  const v1::EventView shown = Show(event);
  EXPECT_TRUE(shown.erased());
  EXPECT_FALSE(shown.has_content());
  EXPECT_EQ(Find(), "UNKNOWN_CASE");
  EXPECT_EQ(odense_.Stop(), 0);
  // With the key table of before: it is wrapped under a KEK that no file holds any more.
  fs::copy_file(old_keys, after.key_backup(), fs::copy_options::overwrite_existing);
  EXPECT_EQ(Restore(before.directory()), 1);
  EXPECT_THAT(odense_.Errors(), HasSubstr("KEK_GENERATION_MISMATCH"));
}

}  // namespace
}  // namespace medflyt::testing
