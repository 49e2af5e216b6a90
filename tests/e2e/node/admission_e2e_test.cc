// A peer comes back with a new log after its node was lost: nothing is exchanged before two officers have admitted it,
// with the real programs.
#include <gmock/gmock.h>

#include <filesystem>

#include "common/directory/peer_card.h"
#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/programs.h"

namespace medflyt::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Admin = v1::AdminService::Stub;

class AdmissionE2e : public ::testing::Test {
 protected:
  AdmissionE2e() {
    odense_.Know(nyborg_);
    nyborg_.Know(odense_);
  }
  // Nyborg's node as it comes back, with nothing but its certificates; the fingerprint of its new card.
  std::string Recover() {
    fs::remove_all(nyborg_.Path("data"));
    for (const char* gone : {"keys/kek", "keys/key-backup", "keys/epoch"}) fs::remove(nyborg_.Path(gone));
    const auto signer =
        *tlog::NoteSigner::Create("localhost/" + nyborg_.cvr() + "/2", crypto::Signer(crypto::Key::Random()));
    WriteFile(nyborg_.Path("keys/log.key"), signer.Format() + "\n");
    directory::Authority authority = directory::ParsePeerCard(ReadFile(nyborg_.Path("node.card")))->authority;
    authority.logs.back().keys.back().until = TreeSize(1000);
    authority.logs.push_back({signer.verifier_key().name(), {{signer.verifier_key(), TreeSize(0), std::nullopt}}});
    const auto card = directory::WritePeerCard(authority, Date(2026, 11, 28), signer);
    EXPECT_TRUE(card.ok()) << card.status();
    for (const std::string& file : {nyborg_.Path("node.card"), odense_.Path("peers/" + nyborg_.cvr() + ".card")}) {
      WriteFile(file, *card);
    }
    return directory::FingerprintOf(*directory::ParsePeerCard(*card));
  }
  v1::Peer StatusOfNyborg() {
    v1::GetStatusResponse status;
    const auto admin = v1::AdminService::NewStub(odense_.Channel("administrator-1"));
    EXPECT_EQ(Call(*admin, &Admin::GetStatus, v1::GetStatusRequest(), status), "OK");
    return status.peers_size() == 1 ? status.peers(0) : v1::Peer();
  }
  // "admitted", "waits", or the rule that was broken.
  std::string AdmitBy(const std::string& client, const std::string& officer, const std::string& fingerprint,
                      const std::string& authority = "29189722") {
    v1::AdmitGenerationRequest request;
    *request.mutable_context() = Said("", officer);
    request.set_authority(authority);
    request.set_fingerprint(fingerprint);
    v1::AdmitGenerationResponse response;
    const auto admin = v1::AdminService::NewStub(odense_.Channel(client));
    const std::string answer = Call(*admin, &Admin::AdmitGeneration, request, response);
    return answer != "OK" ? answer : response.admitted() ? "admitted" : "waits";
  }
  // What `medflyt` says as this client.
  std::string Command(const std::vector<std::string>& arguments, const std::string& client,
                      const std::string& officer) {
    const Ended ended = RunCommand(odense_, arguments, client, officer);
    EXPECT_EQ(ended.code, 0) << odense_.Errors();
    return ended.output;
  }

  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
};

TEST_F(AdmissionE2e, ARecoveredPeersNewLogIsAdmittedByTwoOfficersWhoNameItsCard) {
  nyborg_.Start();
  odense_.Start();
  v1::CommandResult result;
  ASSERT_EQ(Call(*odense_.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                 Proposal(odense_, nyborg_, "p-1"), result),
            "OK");
  ASSERT_TRUE(Await([&] { return StatusOfNyborg().receipted_number() == 1; }));
  EXPECT_EQ(nyborg_.Stop(), 0);
  const auto first = directory::ParsePeerCard(ReadFile(nyborg_.Path("node.card")));
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", directory::FingerprintOf(*first)), "GENERATION_NOT_NEW");

  const std::string fingerprint = Recover();
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", fingerprint), "CARD_FINGERPRINT_MISMATCH") << "not known yet";
  Command({"peer", "reload"}, "administrator-1", "anna.officer");
  nyborg_.Start();
  ASSERT_TRUE(Await([&] { return StatusOfNyborg().last_error() == "GENERATION_NOT_ADMITTED"; }))
      << StatusOfNyborg().last_error();
  EXPECT_TRUE(StatusOfNyborg().paused());
  EXPECT_FALSE(StatusOfNyborg().connected());
  ASSERT_EQ(Call(*nyborg_.Municipality(), &v1::MunicipalityService::Stub::ProposeAgreement,
                 Proposal(odense_, nyborg_, "p-1"), result),
            "OK");
  EXPECT_THAT(odense_.Errors(), HasSubstr("generation_not_admitted"));

  EXPECT_EQ(AdmitBy("case-system-1", "anna.officer", fingerprint), "CLIENT_ROLE_NOT_ALLOWED");
  EXPECT_EQ(AdmitBy("administrator-1", "", fingerprint), "OFFICER_REQUIRED");
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", fingerprint, "2918972"), "AUTHORITY_ID_INVALID");
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", fingerprint, odense_.cvr()), "PEER_UNKNOWN");
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", directory::FingerprintOf(*first)), "CARD_FINGERPRINT_MISMATCH");
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", fingerprint), "waits");
  EXPECT_EQ(AdmitBy("administrator-1", "bodil.officer", fingerprint), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(AdmitBy("administrator-2", "anna.officer", fingerprint), "TWO_OFFICERS_REQUIRED");

  // The node forgets at its stop what one officer said.
  EXPECT_EQ(odense_.Stop(), 0);
  odense_.Start();
  const std::vector<std::string> admit = {"peer", "admit", nyborg_.cvr(), "--fingerprint", fingerprint};
  EXPECT_THAT(Command(admit, "administrator-1", "anna.officer"), HasSubstr("a second officer"));
  EXPECT_EQ(StatusOfNyborg().last_received_number(), 0u);
  const std::string admitted = Command(admit, "administrator-2", "bodil.officer");
  EXPECT_THAT(admitted, HasSubstr("\"origin\":\"localhost/29189722/2\""));
  EXPECT_THAT(admitted, HasSubstr("\"admitted\":true"));
  ASSERT_TRUE(Await([&] { return StatusOfNyborg().last_received_number() == 1; })) << StatusOfNyborg().last_error();
  EXPECT_NE(StatusOfNyborg().last_error(), "GENERATION_NOT_ADMITTED");

  const std::string records =
      Command({"audit", "log", "--type", "peer-generation-admitted"}, "auditor", "carl.auditor");
  EXPECT_THAT(records, HasSubstr("localhost/29189722/2"));
  EXPECT_EQ(odense_.Stop(), 0);
  odense_.Start();
  EXPECT_EQ(AdmitBy("administrator-1", "anna.officer", fingerprint), "admitted") << "the row is there";
  EXPECT_EQ(odense_.Stop(), 0);
  EXPECT_EQ(nyborg_.Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
