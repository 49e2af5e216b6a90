#include "common/directory/directory.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::directory {
namespace {

using medflyt::testing::MunicipalityWithNode;
using medflyt::testing::NoteSignerOf;
using medflyt::testing::Nyborg;
using medflyt::testing::Odense;
using medflyt::testing::RuleOf;
using medflyt::testing::WitnessKeyOf;

constexpr Date kDay(2026, 11, 21);

Authority Police() {
  Authority authority;
  authority.id = *AuthorityId::Parse("99000001");
  authority.kind = Kind::kPoliceDistrict;
  authority.names = {{Date(2007, 1, 1), "Fyns Politi"}};
  authority.codes = {{Date(2007, 1, 1), std::nullopt, *MunicipalityCode::Parse("1465")}};
  return authority;
}

TEST(DirectoryTest, FindsByEveryName) {
  const auto directory = Directory::Create({Odense(), Police(), Nyborg()});
  ASSERT_TRUE(directory.ok()) << directory.status();
  ASSERT_NE(directory->Find(Odense().id), nullptr);
  EXPECT_EQ(directory->Find(Odense().id)->NameOn(kDay), "Odense Kommune");
  EXPECT_EQ(directory->Find(*AuthorityId::Parse("35209116")), nullptr);
  EXPECT_EQ(directory->Find(AuthorityId()), nullptr);
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("0450"), kDay)->id, Nyborg().id);
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("0450"), Date(2006, 12, 31)), nullptr);
  EXPECT_EQ(directory->OfOrigin("medflyt.example/35209115/1")->id, Odense().id);
  EXPECT_EQ(directory->OfOrigin("medflyt.example/35209115/2"), nullptr);
  EXPECT_EQ(directory->OfOrigin(""), nullptr);
  EXPECT_EQ(directory->authorities().size(), 3u);
}

TEST(DirectoryTest, APoliceDistrictIsNoMunicipality) {
  const auto directory = Directory::Create({Police()});
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("1465"), kDay), nullptr);
  EXPECT_EQ(directory->Find(Police().id)->CodeOn(kDay), MunicipalityCode::Parse("1465"));
}

TEST(DirectoryTest, NamesAndCodesAreThoseOfTheDate) {
  Authority authority = Odense();
  authority.names = {{Date(2007, 1, 1), "Gammelby"}, {Date(2025, 1, 1), "Nyby"}};
  authority.codes = {{Date(2007, 1, 1), Date(2025, 1, 1), *MunicipalityCode::Parse("0461")},
                     {Date(2025, 6, 1), std::nullopt, *MunicipalityCode::Parse("0462")}};
  const auto directory = Directory::Create({authority});
  ASSERT_TRUE(directory.ok()) << directory.status();
  const Authority& found = *directory->Find(authority.id);
  EXPECT_EQ(found.NameOn(Date(1999, 1, 1)), "Gammelby");
  EXPECT_EQ(found.NameOn(Date(2024, 12, 31)), "Gammelby");
  EXPECT_EQ(found.NameOn(Date(2025, 1, 1)), "Nyby");
  EXPECT_EQ(found.CodeOn(Date(2024, 12, 31)), MunicipalityCode::Parse("0461"));
  EXPECT_EQ(found.CodeOn(Date(2025, 1, 1)), std::nullopt);
  EXPECT_EQ(found.CodeOn(Date(2025, 6, 1)), MunicipalityCode::Parse("0462"));
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("0461"), Date(2024, 12, 31)), &found);
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("0461"), Date(2025, 1, 1)), nullptr);
}

TEST(DirectoryTest, ACodeMayPassToAnotherMunicipalityButNotBeShared) {
  Authority before = Odense();
  before.codes = {{Date(2007, 1, 1), Date(2025, 1, 1), *MunicipalityCode::Parse("0461")}};
  Authority after = Nyborg();
  after.codes = {{Date(2025, 1, 1), std::nullopt, *MunicipalityCode::Parse("0461")}};
  const auto directory = Directory::Create({before, after});
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("0461"), Date(2024, 12, 31))->id, before.id);
  EXPECT_EQ(directory->MunicipalityOn(*MunicipalityCode::Parse("0461"), Date(2025, 1, 1))->id, after.id);
  after.codes[0].from = Date(2024, 12, 31);
  EXPECT_EQ(RuleOf(Directory::Create({before, after}).status()), "AUTHORITY_CODE_CONFLICT");
}

TEST(DirectoryTest, ARetiredKeyVerifiesOnlyItsOwnSizes) {
  Authority authority = Odense();
  Log& log = authority.logs[0];
  log.keys[0].until = TreeSize(100);
  log.keys.push_back({NoteSignerOf(log.origin, 50).verifier_key(), TreeSize(100), std::nullopt});
  const auto directory = Directory::Create({authority});
  ASSERT_TRUE(directory.ok()) << directory.status();
  const auto key_at = [&](uint64_t size) { return *directory->LogKeyFor(log.origin, TreeSize(size)); };
  EXPECT_EQ(key_at(0), log.keys[0].key);
  EXPECT_EQ(key_at(99), log.keys[0].key);
  EXPECT_EQ(key_at(100), log.keys[1].key);
  EXPECT_EQ(key_at(UINT64_MAX), log.keys[1].key);
  EXPECT_EQ(RuleOf(directory->LogKeyFor("other", TreeSize(1)).status()), "ORIGIN_UNKNOWN");
}

TEST(DirectoryTest, AClosedGenerationStaysVerifiableAndEnds) {
  Authority authority = Odense();
  authority.logs[0].keys[0].until = TreeSize(77);
  const std::string origin = "medflyt.example/35209115/2";
  authority.logs.push_back({origin, {{NoteSignerOf(origin, 51).verifier_key(), TreeSize(0), std::nullopt}}});
  const auto directory = Directory::Create({authority});
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(directory->LogKeyFor(authority.logs[0].origin, TreeSize(76)).ok());
  EXPECT_EQ(RuleOf(directory->LogKeyFor(authority.logs[0].origin, TreeSize(77)).status()), "LOG_KEY_EXPIRED");
  EXPECT_TRUE(directory->LogKeyFor(origin, TreeSize(77)).ok());
}

TEST(DirectoryTest, AChangeLeavesTheOldValueAlone) {
  const auto before = Directory::Create({Odense()});
  ASSERT_TRUE(before.ok());
  const Authority* old = before->Find(Odense().id);
  Authority renamed = Odense();
  renamed.names.push_back({Date(2026, 1, 1), "Odense"});
  const auto after = before->With(renamed);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(before->Find(Odense().id), old);
  EXPECT_EQ(old->NameOn(kDay), "Odense Kommune");
  EXPECT_EQ(after->Find(Odense().id)->NameOn(kDay), "Odense");
  EXPECT_EQ(after->authorities().size(), 1u);
  EXPECT_EQ(after->With(Nyborg())->authorities().size(), 2u);
  EXPECT_EQ(Directory().authorities().size(), 0u);
}

TEST(DirectoryTest, TwoAuthoritiesShareNothing) {
  EXPECT_EQ(RuleOf(Directory::Create({Odense(), Odense()}).status()), "AUTHORITY_DUPLICATE");
  Authority other = Nyborg();
  other.logs = Odense().logs;
  EXPECT_EQ(RuleOf(Directory::Create({Odense(), other}).status()), "LOG_ORIGIN_CONFLICT");
  other = MunicipalityWithNode("29189722", "0450", "Nyborg", 10);
  EXPECT_EQ(RuleOf(Directory::Create({Odense(), other}).status()), "LOG_KEY_REUSED");
  other = Nyborg();
  other.witness = WitnessKeyOf("w", 10);  // the key of Odense's log
  EXPECT_EQ(RuleOf(Directory::Create({Odense(), other}).status()), "LOG_KEY_REUSED");
}

struct BadAuthority {
  std::string what;
  std::string rule;
  std::function<void(Authority&)> spoil;
};
class BadAuthorityTest : public ::testing::TestWithParam<BadAuthority> {};

TEST_P(BadAuthorityTest, IsRefusedByItsRule) {
  Authority authority = Odense();
  ASSERT_TRUE(CheckAuthority(authority).ok());
  GetParam().spoil(authority);
  const absl::Status status = CheckAuthority(authority);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RuleOf(status), GetParam().rule);
  EXPECT_FALSE(BrokenRuleOf(status)->field.empty());
  EXPECT_FALSE(Directory::Create({authority}).ok());
}

Log OtherLog(uint8_t seed) {
  return {"other", {{NoteSignerOf("other", seed).verifier_key(), TreeSize(0), std::nullopt}}};
}

INSTANTIATE_TEST_SUITE_P(
    Directory, BadAuthorityTest,
    ::testing::Values(
        BadAuthority{"no_id", "AUTHORITY_ID_INVALID", [](Authority& a) { a.id = AuthorityId(); }},
        BadAuthority{"kind", "AUTHORITY_KIND_INVALID", [](Authority& a) { a.kind = static_cast<Kind>(9); }},
        BadAuthority{"no_name", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names.clear(); }},
        BadAuthority{"empty_name", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names[0].name = ""; }},
        BadAuthority{"name_of_two_lines", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names[0].name = "a\nb"; }},
        BadAuthority{"name_no_utf8", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names[0].name = "\xE6r\xF8"; }},
        BadAuthority{"space_around_name", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names[0].name = "a "; }},
        BadAuthority{"long_name", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names[0].name.assign(201, 'x'); }},
        BadAuthority{"two_names_a_day", "AUTHORITY_NAME_INVALID", [](Authority& a) { a.names.push_back(a.names[0]); }},
        BadAuthority{"municipality_without_code", "AUTHORITY_CODE_INVALID", [](Authority& a) { a.codes.clear(); }},
        BadAuthority{"state_body_with_code", "AUTHORITY_CODE_INVALID", [](Authority& a) { a.kind = Kind::kStateBody; }},
        BadAuthority{"code_zero", "AUTHORITY_CODE_INVALID", [](Authority& a) { a.codes[0].code = MunicipalityCode(); }},
        BadAuthority{"code_of_no_day", "AUTHORITY_CODE_INVALID",
                     [](Authority& a) { a.codes[0].until = a.codes[0].from; }},
        BadAuthority{"two_codes_a_day", "AUTHORITY_CODE_INVALID", [](Authority& a) { a.codes.push_back(a.codes[0]); }},
        BadAuthority{"endpoint_without_port", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = "localhost"; }},
        BadAuthority{"endpoint_port_0", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = "localhost:0"; }},
        BadAuthority{"endpoint_port_too_high", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = "a:65536"; }},
        BadAuthority{"endpoint_no_host", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = ":7461"; }},
        BadAuthority{"endpoint_empty_ipv6", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = "[]:7461"; }},
        BadAuthority{"endpoint_bare_ipv6", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = "::1:7461"; }},
        BadAuthority{"endpoint_of_another_scheme", "ENDPOINT_INVALID", [](Authority& a) { a.endpoint = "unix:/x:1"; }},
        BadAuthority{"no_endpoint", "AUTHORITY_INCOMPLETE", [](Authority& a) { a.endpoint = ""; }},
        BadAuthority{"no_log", "AUTHORITY_INCOMPLETE", [](Authority& a) { a.logs.clear(); }},
        BadAuthority{"no_witness", "AUTHORITY_INCOMPLETE", [](Authority& a) { a.witness.reset(); }},
        BadAuthority{"origin_with_space", "LOG_ORIGIN_INVALID", [](Authority& a) { a.logs[0].origin = "a b"; }},
        BadAuthority{"origin_with_plus", "LOG_ORIGIN_INVALID", [](Authority& a) { a.logs[0].origin = "a+b"; }},
        BadAuthority{"origin_twice", "LOG_ORIGIN_INVALID",
                     [](Authority& a) {
                       a.logs[0].keys[0].until = TreeSize(5);
                       a.logs.push_back({a.logs[0].origin,
                                         {{NoteSignerOf(a.logs[0].origin, 40).verifier_key(), TreeSize(0), {}}}});
                     }},
        BadAuthority{"key_of_another_origin", "LOG_KEY_INVALID", [](Authority& a) { a.logs[0].origin = "other"; }},
        BadAuthority{"no_key", "LOG_KEY_INVALID", [](Authority& a) { a.logs[0].keys.clear(); }},
        BadAuthority{"witness_key_as_log_key", "LOG_KEY_INVALID",
                     [](Authority& a) { a.logs[0].keys[0].key = WitnessKeyOf(a.logs[0].origin, 60); }},
        BadAuthority{"first_key_not_from_0", "LOG_KEY_INVALID", [](Authority& a) { a.logs[0].keys[0].from = TreeSize(1); }},
        BadAuthority{"last_key_ended", "LOG_KEY_INVALID", [](Authority& a) { a.logs[0].keys[0].until = TreeSize(9); }},
        BadAuthority{"gap_between_keys", "LOG_KEY_INVALID",
                     [](Authority& a) {
                       auto& keys = a.logs[0].keys;
                       keys[0].until = TreeSize(9);
                       keys.push_back({NoteSignerOf(a.logs[0].origin, 40).verifier_key(), TreeSize(10), {}});
                     }},
        BadAuthority{"two_open_keys", "LOG_KEY_INVALID",
                     [](Authority& a) {
                       a.logs[0].keys.push_back({NoteSignerOf(a.logs[0].origin, 40).verifier_key(), TreeSize(0), {}});
                     }},
        BadAuthority{"key_of_no_size", "LOG_KEY_INVALID",
                     [](Authority& a) {
                       auto& keys = a.logs[0].keys;
                       keys[0].until = TreeSize(0);
                       keys.push_back({NoteSignerOf(a.logs[0].origin, 40).verifier_key(), TreeSize(0), {}});
                     }},
        BadAuthority{"two_open_logs", "LOG_KEY_INVALID", [](Authority& a) { a.logs.push_back(OtherLog(40)); }},
        BadAuthority{"key_in_two_logs", "LOG_KEY_REUSED",
                     [](Authority& a) {
                       a.logs[0].keys[0].until = TreeSize(9);
                       a.logs.push_back(OtherLog(10));
                     }},
        BadAuthority{"log_key_as_witness", "LOG_KEY_REUSED", [](Authority& a) { a.witness = WitnessKeyOf("w", 10); }},
        BadAuthority{"witness_of_wrong_type", "WITNESS_KEY_INVALID",
                     [](Authority& a) { a.witness = NoteSignerOf("w", 60).verifier_key(); }},
        BadAuthority{"no_issuer", "ISSUERS_INVALID", [](Authority& a) { a.issuers = ""; }},
        BadAuthority{"issuer_cut", "ISSUERS_INVALID", [](Authority& a) { a.issuers.resize(a.issuers.size() / 2); }},
        BadAuthority{"issuer_no_certificate", "ISSUERS_INVALID",
                     [](Authority& a) {
                       a.issuers = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
                     }}),
    [](const auto& param) { return param.param.what; });

TEST(AuthorityTest, EndpointsOfEveryForm) {
  for (const char* endpoint : {"localhost:1", "10.0.0.1:65535", "[::1]:7461", "node-1.medflyt.example:443"}) {
    Authority authority = Odense();
    authority.endpoint = endpoint;
    EXPECT_TRUE(CheckAuthority(authority).ok()) << endpoint;
  }
}

TEST(AuthorityTest, KindsHaveNames) {
  for (const Kind kind : {Kind::kMunicipality, Kind::kPoliceDistrict, Kind::kStateBody}) {
    EXPECT_EQ(KindByName(NameOf(kind)), kind);
  }
  EXPECT_EQ(KindByName("region"), std::nullopt);
  EXPECT_EQ(KindByName(""), std::nullopt);
}

TEST(AuthorityTest, IssuersHaveOneForm) {
  const std::string odense(testing::kOdenseIssuer);
  const std::string nyborg(testing::kNyborgIssuer);
  EXPECT_EQ(*NormalizeIssuers(odense), odense);
  std::string foreign = "subject=Odense\r\n" + odense + "\n\nsubject=Nyborg\n" + nyborg + "trailing";
  for (size_t at = foreign.find('\n', 40); at != std::string::npos; at = foreign.find('\n', at + 2)) {
    foreign.insert(at, "\r");
  }
  EXPECT_EQ(*NormalizeIssuers(foreign), odense + nyborg);
  std::string nine;
  for (int i = 0; i < 9; ++i) nine += odense;
  EXPECT_EQ(RuleOf(NormalizeIssuers(nine).status()), "ISSUERS_INVALID");
}

TEST(IdentityTest, CodesAreExactlyTheirDigits) {
  EXPECT_EQ(AuthorityId::Parse("00000001")->ToString(), "00000001");
  EXPECT_EQ(AuthorityId::Parse("99999999")->number(), 99999999u);
  for (const char* text : {"", "1", "1234567", "123456789", "1234567a", "-1234567", " 1234567", "12345 78"}) {
    EXPECT_FALSE(AuthorityId::Parse(text)) << text;
  }
  EXPECT_EQ(MunicipalityCode::FromNumber(259)->ToString(), "0259");
  EXPECT_FALSE(MunicipalityCode::FromNumber(10000));
}

}  // namespace
}  // namespace medflyt::directory
