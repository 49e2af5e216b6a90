#include "common/rpc/peer_identity.h"

#include <map>
#include <string>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/demo_pki.h"

namespace medflyt::rpc {
namespace {

using medflyt::testing::DemoPki;

constexpr const char* kOdense = "35209115";
constexpr const char* kNyborg = "29189722";

AuthorityId Id(std::string_view cvr) { return *AuthorityId::Parse(cvr); }

class SettableClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return now; }
  absl::Time now = absl::Now();
};

std::string RuleOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : status.ToString();
}

class PeerIdentitiesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    odense_ = new DemoPki(kOdense);
    nyborg_ = new DemoPki(kNyborg);
    // A CA of Nyborg's that makes certificates in Odense's name.
    impostor_ = new DemoPki(kOdense);
  }
  static void TearDownTestSuite() {
    delete odense_;
    delete nyborg_;
    delete impostor_;
  }
  void SetUp() override {
    ASSERT_TRUE(odense_->ok() && nyborg_->ok() && impostor_->ok());
    issuers_ = {{Id(kOdense), odense_->ca()}, {Id(kNyborg), nyborg_->ca()}};
  }

  IssuersOf Issuers() {
    return [this](AuthorityId id) {
      ++asked_;
      return issuers_[id];
    };
  }

  static DemoPki* odense_;
  static DemoPki* nyborg_;
  static DemoPki* impostor_;
  SettableClock clock_;
  std::map<AuthorityId, std::string> issuers_;
  int asked_ = 0;
};
DemoPki* PeerIdentitiesTest::odense_ = nullptr;
DemoPki* PeerIdentitiesTest::nyborg_ = nullptr;
DemoPki* PeerIdentitiesTest::impostor_ = nullptr;

TEST_F(PeerIdentitiesTest, ReadsAuthorityAndRole) {
  PeerIdentities identities(clock_, Issuers());
  const std::map<std::string, Role> files = {{"node/cert.pem", Role::kNode},
                                             {"clients/case-system-1.pem", Role::kCaseSystem},
                                             {"clients/registry-feed.pem", Role::kRegistryFeed},
                                             {"clients/administrator-2.pem", Role::kAdministrator},
                                             {"clients/auditor.pem", Role::kAuditor}};
  for (const auto& [file, role] : files) {
    const auto identity = identities.OfPem(odense_->Read(file));
    ASSERT_TRUE(identity.ok()) << file << ": " << identity.status();
    EXPECT_EQ((*identity)->authority, Id(kOdense));
    EXPECT_EQ((*identity)->role, role);
    EXPECT_EQ(RoleByName(NameOf(role)), role);
    EXPECT_EQ((*identity)->serial.size(), 32u);
    EXPECT_GT((*identity)->not_after, clock_.now);
  }
  EXPECT_EQ((*identities.OfPem(nyborg_->Read("node/cert.pem")))->authority, Id(kNyborg));
}

TEST_F(PeerIdentitiesTest, TwoOfficersAreTwoCertificates) {
  PeerIdentities identities(clock_, Issuers());
  const auto first = identities.OfPem(odense_->Read("clients/administrator-1.pem"));
  const auto second = identities.OfPem(odense_->Read("clients/administrator-2.pem"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE((*first)->fingerprint, (*second)->fingerprint);
  EXPECT_NE((*first)->common_name, (*second)->common_name);
}

TEST_F(PeerIdentitiesTest, AnAuthorityIsNamedByItsOwnIssuersOnly) {
  PeerIdentities identities(clock_, Issuers());
  EXPECT_EQ(RuleOf(identities.OfPem(impostor_->Read("node/cert.pem")).status()), "CERTIFICATE_ISSUER_UNTRUSTED");
  // Nor by sending the right authority's certificates along.
  EXPECT_EQ(
      RuleOf(
          identities.OfPem(impostor_->Read("node/cert.pem") + odense_->Read("node/cert.pem") + odense_->ca()).status()),
      "CERTIFICATE_ISSUER_UNTRUSTED");
  EXPECT_EQ(RuleOf(identities.OfPem(impostor_->Read("node/cert.pem") + impostor_->ca()).status()),
            "CERTIFICATE_ISSUER_UNTRUSTED");
}

TEST_F(PeerIdentitiesTest, UnknownAndUnreadableAreRefused) {
  PeerIdentities identities(clock_, Issuers());
  issuers_.erase(Id(kNyborg));
  EXPECT_EQ(RuleOf(identities.OfPem(nyborg_->Read("node/cert.pem")).status()), "CLIENT_AUTHORITY_UNKNOWN");
  EXPECT_EQ(RuleOf(identities.OfPem("").status()), "CLIENT_CERTIFICATE_MISSING");
  EXPECT_EQ(RuleOf(identities.OfPem("no certificate").status()), "CLIENT_CERTIFICATE_INVALID");
  EXPECT_EQ(RuleOf(identities.OfPem(std::string(1 << 20, 'x')).status()), "CLIENT_CERTIFICATE_INVALID");
  std::string cut = odense_->Read("node/cert.pem");
  cut.resize(cut.size() / 2);
  EXPECT_EQ(RuleOf(identities.OfPem(cut).status()), "CLIENT_CERTIFICATE_INVALID");
  // The CA's own certificate names the authority and no role.
  EXPECT_EQ(RuleOf(identities.OfPem(odense_->ca()).status()), "CLIENT_ROLE_UNKNOWN");
}

TEST_F(PeerIdentitiesTest, ValidityIsJudgedOnEachCall) {
  PeerIdentities identities(clock_, Issuers());
  const std::string pem = odense_->Read("node/cert.pem");
  const auto identity = identities.OfPem(pem);
  ASSERT_TRUE(identity.ok());
  EXPECT_TRUE(identities.StillValid(**identity).ok());
  const absl::Time then = clock_.now;
  clock_.now = (*identity)->not_after - absl::Nanoseconds(1);
  EXPECT_TRUE(identities.OfPem(pem).ok());
  clock_.now = (*identity)->not_after;
  EXPECT_EQ(RuleOf(identities.OfPem(pem).status()), "CLIENT_CERTIFICATE_EXPIRED");
  clock_.now += absl::Hours(1);  // the other certificates were made some seconds later
  EXPECT_EQ(RuleOf(identities.StillValid(**identity)), "CLIENT_CERTIFICATE_EXPIRED");
  EXPECT_EQ(RuleOf(identities.OfPem(odense_->Read("clients/auditor.pem")).status()), "CLIENT_CERTIFICATE_EXPIRED");
  clock_.now = (*identity)->not_before - absl::Seconds(1);
  EXPECT_EQ(RuleOf(identities.OfPem(pem).status()), "CLIENT_CERTIFICATE_EXPIRED");
  clock_.now = then;
  EXPECT_TRUE(identities.OfPem(pem).ok());
}

TEST_F(PeerIdentitiesTest, RevocationReachesThoseThatAreKnownAlready) {
  PeerIdentities identities(clock_, Issuers());
  const std::string pem = odense_->Read("clients/case-system-1.pem");
  const auto identity = identities.OfPem(pem);
  ASSERT_TRUE(identity.ok());
  const auto revoked = crypto::RevocationLists::Parse(odense_->Crl({"clients/case-system-1.pem"}));
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  identities.SetRevoked(*revoked);
  EXPECT_EQ(RuleOf(identities.OfPem(pem).status()), "CLIENT_CERTIFICATE_REVOKED");
  EXPECT_EQ(RuleOf(identities.StillValid(**identity)), "CLIENT_CERTIFICATE_REVOKED");
  EXPECT_TRUE(identities.OfPem(odense_->Read("clients/case-system-2.pem")).ok());
  identities.Forget();
  EXPECT_EQ(RuleOf(identities.OfPem(pem).status()), "CLIENT_CERTIFICATE_REVOKED");
  identities.SetRevoked(nullptr);
  EXPECT_TRUE(identities.OfPem(pem).ok());
  EXPECT_TRUE(identities.StillValid(**identity).ok());
}

TEST_F(PeerIdentitiesTest, OnlyItsOwnIssuersListRevokesACertificate) {
  PeerIdentities identities(clock_, Issuers());
  const std::string pem = odense_->Read("clients/case-system-1.pem");
  // By name it is Odense's CA, and the serial is right; the signature is another key's.
  const auto forged = crypto::RevocationLists::Parse(impostor_->Crl({odense_->Path("clients/case-system-1.pem")}));
  ASSERT_TRUE(forged.ok()) << forged.status();
  identities.SetRevoked(*forged);
  EXPECT_TRUE(identities.OfPem(pem).ok());
  // A list whose time is over still revokes, and one that revokes nothing lets in.
  const auto old = crypto::RevocationLists::Parse(odense_->Crl({}) + odense_->Crl({"clients/case-system-1.pem"}, -1));
  ASSERT_TRUE(old.ok()) << old.status();
  identities.SetRevoked(*old);
  EXPECT_EQ(RuleOf(identities.OfPem(pem).status()), "CLIENT_CERTIFICATE_REVOKED");
  EXPECT_TRUE(identities.OfPem(odense_->Read("clients/auditor.pem")).ok());
  for (const std::string& text :
       {std::string(), std::string("no list"), odense_->ca(), odense_->Crl({}).substr(0, 120)}) {
    EXPECT_EQ(BrokenRuleOf(crypto::RevocationLists::Parse(text).status()), (BrokenRule{"CRL_INVALID", ""}));
  }
}

TEST_F(PeerIdentitiesTest, AStreamNoticesThatItsIssuerIsBelievedNoMore) {
  PeerIdentities identities(clock_, Issuers());
  const auto identity = identities.OfPem(odense_->Read("node/cert.pem"));
  ASSERT_TRUE(identity.ok());
  issuers_[Id(kOdense)] = nyborg_->ca();
  EXPECT_TRUE(identities.StillValid(**identity).ok());
  identities.Forget();
  EXPECT_EQ(RuleOf(identities.StillValid(**identity)), "CERTIFICATE_ISSUER_UNTRUSTED");
  issuers_[Id(kOdense)] = odense_->ca();
  identities.Forget();
  EXPECT_TRUE(identities.StillValid(**identity).ok());
}

TEST_F(PeerIdentitiesTest, ACertificateIsReadOnceUntilForgotten) {
  PeerIdentities identities(clock_, Issuers());
  const std::string pem = odense_->Read("node/cert.pem");
  ASSERT_TRUE(identities.OfPem(pem).ok());
  ASSERT_TRUE(identities.OfPem(pem).ok());
  EXPECT_EQ(asked_, 1);
  issuers_[Id(kOdense)] = nyborg_->ca();
  EXPECT_TRUE(identities.OfPem(pem).ok());
  identities.Forget();
  EXPECT_EQ(RuleOf(identities.OfPem(pem).status()), "CERTIFICATE_ISSUER_UNTRUSTED");
}

TEST_F(PeerIdentitiesTest, TheLeastRecentlyUsedIsDropped) {
  PeerIdentities identities(clock_, Issuers(), 2);
  const std::string a = odense_->Read("clients/case-system-1.pem");
  const std::string b = odense_->Read("clients/case-system-2.pem");
  const std::string c = odense_->Read("clients/auditor.pem");
  for (const std::string& pem : {a, b, a, c}) ASSERT_TRUE(identities.OfPem(pem).ok());
  EXPECT_EQ(asked_, 3);
  ASSERT_TRUE(identities.OfPem(a).ok());
  EXPECT_EQ(asked_, 3);
  ASSERT_TRUE(identities.OfPem(b).ok());
  EXPECT_EQ(asked_, 4);
}

TEST(OrganisationTest, IsDanishCvr) {
  EXPECT_EQ(AuthorityOfOrganisation("NTRDK-35209115"), Id("35209115"));
  for (const char* other : {"", "NTRDK-", "NTRDK-3520911", "NTRDK-352091155", "NTRSE-35209115", "ntrdk-35209115",
                            "35209115", "NTRDK-35209115 ", "VATDK-35209115", "NTRDK-3520911a"}) {
    EXPECT_EQ(AuthorityOfOrganisation(other), std::nullopt) << other;
  }
}

TEST(RoleTest, NamesAreExact) {
  for (const char* name : {"", "Node", "admin", "node ", "case_system"}) EXPECT_EQ(RoleByName(name), std::nullopt);
}

}  // namespace
}  // namespace medflyt::rpc
