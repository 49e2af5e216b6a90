#include "server/node/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "tests/support/paths.h"

namespace medflyt::node {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::string_view kMinimal = R"(authority = "35209115"
data_dir = "data"
card = "node.card"
peers_dir = "/srv/peers"
[listen]
address = "127.0.0.1:0"
[tls]
certificate = "tls/cert.pem"
private_key = "tls/key.pem"
[keys]
log_key = "keys/log.key"
witness_key = "keys/witness.key"
root_secret = "keys/root.secret"
)";

std::string With(std::string_view from, std::string_view to) {
  std::string text(kMinimal);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// "RULE field | message"
std::string Fault(const std::string& text) {
  const auto config = ParseConfig(text, "/etc/medflyt/medflytd.toml");
  if (config.ok()) return "none";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  const auto broken = BrokenRuleOf(config.status());
  if (!broken) return std::string(config.status().message());
  return broken->rule + " " + broken->field + " | " + std::string(config.status().message());
}

TEST(Config, PathsAreRelativeToTheFile) {
  const auto config = ParseConfig(std::string(kMinimal), "/etc/medflyt/medflytd.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->authority.ToString(), "35209115");
  EXPECT_FALSE(config->production);
  EXPECT_EQ(config->data_dir, "/etc/medflyt/data");
  EXPECT_EQ(config->peers_dir, "/srv/peers");
  EXPECT_EQ(config->log_key, "/etc/medflyt/keys/log.key");
  EXPECT_EQ(config->kek, "/etc/medflyt/keys/kek");
  EXPECT_EQ(config->epoch, "/etc/medflyt/keys/epoch");
  EXPECT_EQ(config->key_backup, "/etc/medflyt/keys/key-backup");
  EXPECT_EQ(config->metrics_address, "");
  EXPECT_EQ(config->request_retention, absl::Hours(24 * 400));
  EXPECT_EQ(config->cosigning.interval, absl::Minutes(10));
  EXPECT_EQ(config->cosigning.first, absl::Seconds(5));
}

TEST(Config, CosigningHasAScheduleOfItsOwn) {
  const auto config =
      ParseConfig(With("[tls]", "[cosigning]\ninterval_seconds = 60\nfirst_after_seconds = 0\n[tls]"), "/etc/x.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->cosigning.interval, absl::Minutes(1));
  EXPECT_EQ(config->cosigning.first, absl::ZeroDuration());
  EXPECT_THAT(Fault(With("[tls]", "[cosigning]\ninterval_seconds = 0\n[tls]")),
              HasSubstr("CONFIG_VALUE_INVALID cosigning.interval_seconds"));
  EXPECT_THAT(Fault(With("[tls]", "[cosigning]\nevery = 60\n[tls]")), HasSubstr("CONFIG_UNKNOWN_KEY cosigning.every"));
}

TEST(Config, UnknownKeysAreErrorsThatNameKeyAndLine) {
  EXPECT_THAT(Fault(With("card =", "card2 = 1\ncard =")), HasSubstr("CONFIG_UNKNOWN_KEY card2 | "));
  EXPECT_THAT(Fault(With("card =", "card2 = 1\ncard =")), HasSubstr("medflytd.toml:3: card2"));
  EXPECT_THAT(Fault(With("[tls]", "adress = \"x\"\n[tls]")), HasSubstr("CONFIG_UNKNOWN_KEY listen.adress"));
  EXPECT_THAT(Fault(std::string(kMinimal) + "[keyz]\n"), HasSubstr("CONFIG_UNKNOWN_KEY keyz"));
  EXPECT_THAT(Fault(std::string(kMinimal) + "[[test_numbers]]\nfirst = \"0101010000\"\nlast = \"0101010001\"\nx = 1\n"),
              HasSubstr("CONFIG_UNKNOWN_KEY test_numbers.x"));
}

TEST(Config, MissingKeysAreNamed) {
  EXPECT_THAT(Fault(With("authority = \"35209115\"\n", "")), HasSubstr("CONFIG_KEY_MISSING authority"));
  EXPECT_THAT(Fault(With("address = \"127.0.0.1:0\"\n", "")), HasSubstr("CONFIG_KEY_MISSING listen.address"));
  EXPECT_THAT(Fault(With("private_key = \"tls/key.pem\"\n", "")), HasSubstr("CONFIG_KEY_MISSING tls.private_key"));
  EXPECT_THAT(Fault("authority = \"35209115\"\ndata_dir = \"d\"\ncard = \"c\"\npeers_dir = \"p\"\n"),
              HasSubstr("CONFIG_KEY_MISSING listen"));
}

TEST(Config, ValuesOfAnotherKindAreRefused) {
  EXPECT_THAT(Fault(With("\"35209115\"", "35209115")), HasSubstr("CONFIG_VALUE_INVALID authority"));
  EXPECT_THAT(Fault(With("\"35209115\"", "\"3520911\"")), HasSubstr("CONFIG_VALUE_INVALID authority"));
  EXPECT_THAT(Fault(With("data_dir = \"data\"", "data_dir = \"\"")), HasSubstr("CONFIG_VALUE_INVALID data_dir"));
  EXPECT_THAT(Fault(With("card =", "production = \"yes\"\ncard =")), HasSubstr("CONFIG_VALUE_INVALID production"));
  EXPECT_THAT(Fault(With("card =", "request_retention_days = 0\ncard =")),
              HasSubstr("CONFIG_VALUE_INVALID request_retention_days"));
  EXPECT_THAT(Fault(With("127.0.0.1:0", "127.0.0.1")), HasSubstr("CONFIG_VALUE_INVALID listen.address"));
  EXPECT_THAT(Fault(With("[tls]", "metrics = \"0.0.0.0:9461\"\n[tls]")),
              HasSubstr("CONFIG_VALUE_INVALID listen.metrics"));
  EXPECT_THAT(Fault(With("[tls]\n", "[[tls]]\n")), HasSubstr("CONFIG_VALUE_INVALID tls"));
  EXPECT_THAT(Fault("authority = "), HasSubstr("CONFIG_SYNTAX"));
  EXPECT_THAT(Fault("authority = "), HasSubstr("medflytd.toml:1"));
}

TEST(Config, RangesOfTestNumbersAreDigitsInOrder) {
  const auto ranges = [](std::string_view first, std::string_view last) {
    return std::string(kMinimal) + "[[test_numbers]]\nfirst = \"" + std::string(first) + "\"\nlast = \"" +
           std::string(last) + "\"\n";
  };
  EXPECT_THAT(ParseConfig(ranges("0101010000", "0101019999"), "c")->test_numbers, SizeIs(1));
  EXPECT_THAT(Fault(ranges("0101019999", "0101010000")), HasSubstr("CONFIG_VALUE_INVALID test_numbers.last"));
  EXPECT_THAT(Fault(ranges("010101-0000", "0101010000")), HasSubstr("CONFIG_VALUE_INVALID test_numbers.first"));
}

TEST(Config, TheExampleIsValid) {
  const auto config = LoadConfig(testing::SourceDir() + "/deploy/medflytd.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto bases = LoadLegalBases(config->legal_bases);
  ASSERT_TRUE(bases.ok()) << bases.status();
  EXPECT_FALSE(bases->empty());
  const auto retention = LoadRetention(config->retention);
  ASSERT_TRUE(retention.ok()) << retention.status();
  EXPECT_THAT(retention->periods, SizeIs(4));
  EXPECT_FALSE(retention->grounds.empty());
}

TEST(Config, AFileThatIsNotThereIsNamed) {
  const auto config = LoadConfig("/nonexistent/medflytd.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(BrokenRuleOf(config.status())->rule, "CONFIG_UNREADABLE");
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("/nonexistent/medflytd.toml"));
}

TEST(LegalBases, HavePeriodsThatDoNotOverlap) {
  const std::string first = "[[legal_basis]]\nkey = \"A\"\nvalid_from = 2020-01-01\nvalid_to = 2020-12-31\n";
  const auto bases = ParseLegalBases(first + "[[legal_basis]]\nkey = \"A\"\nvalid_from = 2021-01-01\n", "b");
  ASSERT_TRUE(bases.ok()) << bases.status();
  ASSERT_THAT(*bases, SizeIs(2));
  EXPECT_EQ(bases->at(0).valid_to, Date(2020, 12, 31));
  EXPECT_FALSE(bases->at(1).valid_to.has_value());

  const auto rule = [](const std::string& text) {
    const auto broken = BrokenRuleOf(ParseLegalBases(text, "b").status());
    return broken ? broken->rule + " " + broken->field : "none";
  };
  EXPECT_EQ(rule(first + "[[legal_basis]]\nkey = \"A\"\nvalid_from = 2020-12-31\n"),
            "CONFIG_VALUE_INVALID legal_basis.key");
  EXPECT_EQ(rule("[[legal_basis]]\nkey = \"A\"\nvalid_from = \"2020-01-01\"\n"),
            "CONFIG_VALUE_INVALID legal_basis.valid_from");
  EXPECT_EQ(rule("[[legal_basis]]\nkey = \"A\"\n"), "CONFIG_KEY_MISSING legal_basis.valid_from");
  EXPECT_EQ(rule("[[legal_basis]]\nkey = \"A\"\nvalid_from = 2020-01-02\nvalid_to = 2020-01-01\n"),
            "CONFIG_VALUE_INVALID legal_basis.valid_to");
  EXPECT_EQ(rule("[[legal_basis]]\nkey = \"A\"\nvalid_from = 2020-01-01\nuntil = 1\n"),
            "CONFIG_UNKNOWN_KEY legal_basis.until");
}

TEST(RetentionFile, HasPeriodsAndGroundsByDate) {
  const auto table = ParseRetention(
      "[[period]]\nwhat = \"case\"\nvalid_from = 2017-01-01\nyears = 5\nwhen_over = \"propose\"\n"
      "[[period]]\nwhat = \"observation\"\nvalid_from = 2017-01-01\ndays = 30\nwhen_over = \"erase\"\n"
      "[[period]]\nwhat = \"agreement\"\nvalid_from = 2017-01-01\nyears = 6\ncounted_from = \"year-end\"\n"
      "when_over = \"propose\"\n"
      "[[ground]]\nkey = \"A\"\ntitle = \"t\"\nvalid_from = 2018-05-25\nbefore_period_is_over = true\n"
      "[[ground]]\nkey = \"B\"\nvalid_from = 2018-05-25\nvalid_to = 2030-12-31\n",
      "r");
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_THAT(table->periods, SizeIs(3));
  EXPECT_EQ(table->periods[0].what, domain::Kept::kCase);
  EXPECT_FALSE(table->periods[0].from_year_end);
  EXPECT_EQ(table->periods[2].what, domain::Kept::kAgreement);
  EXPECT_EQ(table->periods[2].months, 72);
  EXPECT_TRUE(table->periods[2].from_year_end);
  EXPECT_EQ(table->periods[0].months, 60);
  EXPECT_FALSE(table->periods[0].node_erases);
  EXPECT_EQ(table->periods[1].what, domain::Kept::kObservation);
  EXPECT_EQ(table->periods[1].days, 30);
  EXPECT_TRUE(table->periods[1].node_erases);
  ASSERT_THAT(table->grounds, SizeIs(2));
  EXPECT_TRUE(table->grounds[0].before_period_is_over);
  EXPECT_FALSE(table->grounds[1].before_period_is_over);
  EXPECT_EQ(table->grounds[1].valid_to, Date(2030, 12, 31));
}

TEST(RetentionFile, FaultsNameTheKeyAndTheRule) {
  const auto rule = [](const std::string& text) {
    const auto broken = BrokenRuleOf(ParseRetention(text, "r").status());
    return broken ? broken->rule + " " + broken->field : "none";
  };
  const std::string period = "[[period]]\nwhat = \"case\"\nvalid_from = 2017-01-01\nwhen_over = \"erase\"\n";
  EXPECT_EQ(rule(period), "CONFIG_KEY_MISSING period.years");
  EXPECT_EQ(rule(period + "years = 0\n"), "CONFIG_KEY_MISSING period.years");
  EXPECT_EQ(rule(period + "years = 101\n"), "CONFIG_VALUE_INVALID period.years");
  EXPECT_EQ(rule(period + "days = -1\n"), "CONFIG_VALUE_INVALID period.days");
  EXPECT_EQ(rule(period + "years = 5\n" + period + "years = 6\n"), "CONFIG_VALUE_INVALID period.valid_from");
  EXPECT_EQ(rule(period + "years = 5\nmonths = 1\n"), "CONFIG_UNKNOWN_KEY period.months");
  EXPECT_EQ(rule("[[period]]\nwhat = \"account\"\n"), "CONFIG_VALUE_INVALID period.what");
  EXPECT_EQ(rule(period + "years = 5\ncounted_from = \"month-end\"\n"), "CONFIG_VALUE_INVALID period.counted_from");
  EXPECT_EQ(rule("[[period]]\nwhat = \"case\"\nyears = 5\n"), "CONFIG_KEY_MISSING period.valid_from");
  EXPECT_EQ(rule("[[period]]\nwhat = \"case\"\nvalid_from = 2017-01-01\nyears = 5\nwhen_over = \"never\"\n"),
            "CONFIG_VALUE_INVALID period.when_over");
  EXPECT_EQ(rule("[[period]]\nwhat = \"access-record\"\nvalid_from = 2017-01-01\nyears = 2\nwhen_over = \"propose\"\n"),
            "CONFIG_VALUE_INVALID period.when_over");
  const std::string ground = "[[ground]]\nkey = \"A\"\nvalid_from = 2018-05-25\n";
  EXPECT_EQ(rule(ground + ground), "CONFIG_VALUE_INVALID ground.key");
  EXPECT_EQ(rule(ground + "before_period_is_over = 1\n"), "CONFIG_VALUE_INVALID ground.before_period_is_over");
}

TEST(PolicyFile, TheOneDeliveredIsTheDefault) {
  const auto policy = LoadPolicy(testing::SourceDir() + "/deploy/policy.toml");
  ASSERT_TRUE(policy.ok()) << policy.status();
  const auto lines = [](const service::Policy& of) {
    std::vector<std::string> out;
    for (const auto& entry : of.Entries()) {
      out.push_back(std::string(service::NameOf(entry.action)) + " " + std::string(rpc::NameOf(entry.role)) + " " +
                    std::to_string(entry.kinds.size()));
    }
    return out;
  };
  EXPECT_EQ(lines(*policy), lines(service::Policy::Default()));
}

TEST(PolicyFile, FaultsNameTheKeyAndTheRule) {
  const auto rule = [](const std::string& text) {
    const auto broken = BrokenRuleOf(ParsePolicy("[[allow]]\n" + text, "p").status());
    return broken ? broken->rule + " " + broken->field : "none";
  };
  EXPECT_EQ(rule("role = \"auditor\"\nactions = [\"audit\"]\n"), "none");
  EXPECT_EQ(rule("role = \"auditor\"\nactions = [\"audit\"]\nkinds = [\"state-body\"]\n"), "none");
  EXPECT_EQ(rule("actions = [\"audit\"]\n"), "CONFIG_KEY_MISSING allow.role");
  EXPECT_EQ(rule("role = \"auditor\"\n"), "CONFIG_KEY_MISSING allow.actions");
  EXPECT_EQ(rule("role = \"root\"\nactions = [\"audit\"]\n"), "CONFIG_VALUE_INVALID allow.role");
  EXPECT_EQ(rule("role = \"auditor\"\nactions = [\"everything\"]\n"), "CONFIG_VALUE_INVALID allow.actions");
  EXPECT_EQ(rule("role = \"auditor\"\nactions = []\n"), "CONFIG_VALUE_INVALID allow.actions");
  EXPECT_EQ(rule("role = \"auditor\"\nactions = \"audit\"\n"), "CONFIG_VALUE_INVALID allow.actions");
  EXPECT_EQ(rule("role = \"auditor\"\nactions = [\"audit\"]\nkinds = [\"region\"]\n"),
            "CONFIG_VALUE_INVALID allow.kinds");
  EXPECT_EQ(rule("role = \"auditor\"\nactions = [\"exchange\"]\n"), "CONFIG_VALUE_INVALID allow.actions");
  EXPECT_EQ(rule("role = \"node\"\nactions = [\"audit\"]\n"), "CONFIG_VALUE_INVALID allow.actions");
  EXPECT_EQ(rule("role = \"registry-feed\"\nactions = [\"import-extract\"]\n"), "none");
  for (const std::string act : {"announce-relocation", "start-enrolment", "erase-citizen", "read-citizens"}) {
    EXPECT_EQ(rule("role = \"registry-feed\"\nactions = [\"" + act + "\"]\n"), "CONFIG_VALUE_INVALID allow.actions")
        << "a machine decides nothing";
  }
  EXPECT_EQ(rule("role = \"auditor\"\nactions = [\"audit\"]\nunless = 1\n"), "CONFIG_UNKNOWN_KEY allow.unless");
}

}  // namespace
}  // namespace medflyt::node
