#include "client/cli/profile.h"

#include <gtest/gtest.h>

#include "common/base/status.h"

namespace medflyt::cli {
namespace {

std::string RuleOf(std::string_view text, std::string_view name = "a") {
  const auto settings = ParseProfile(text, name, "/etc");
  if (settings.ok()) return "accepted";
  const auto broken = BrokenRuleOf(settings.status());
  return broken ? broken->rule + " " + broken->field : settings.status().ToString();
}

TEST(ProfileTest, ReadsAllFields) {
  const auto settings = ParseProfile(
      "[profile.a]\naddress='h:1'\nserver_name='n'\nca='ca.pem'\ncertificate='sub/c.pem'\nkey='/k.pem'\nofficer='o'\n"
      "purpose='p'\n",
      "a", "/etc/medflyt");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(*settings, (ConnectionSettings{.address = "h:1",
                                           .server_name = "n",
                                           .ca = "/etc/medflyt/ca.pem",
                                           .certificate = "/etc/medflyt/sub/c.pem",
                                           .key = "/k.pem",
                                           .officer = "o",
                                           .purpose = "p"}));
}

TEST(ProfileTest, TakesTheDefaultWhereNoneIsAskedFor) {
  const std::string_view text = "default_profile='b'\n[profile.a]\naddress='h:1'\n[profile.b]\naddress='h:2'\n";
  EXPECT_EQ(ParseProfile(text, "", "")->address, "h:2");
  EXPECT_EQ(ParseProfile(text, "a", "")->address, "h:1");
  EXPECT_EQ(ParseProfile("[profile.a]\naddress='h:1'\n", "", "")->address, "");
  EXPECT_EQ(ParseProfile("", "", "")->address, "");
}

TEST(ProfileTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(RuleOf("[profile.a]\nadress='h:1'\n"), "PROFILE_KEY_UNKNOWN profile.a.adress");
  EXPECT_EQ(RuleOf("[profile.a]\n[profile.b]\nport='1'\n"), "PROFILE_KEY_UNKNOWN profile.b.port");
  EXPECT_EQ(RuleOf("[a]\naddress='h:1'\n"), "PROFILE_KEY_UNKNOWN a");
  EXPECT_EQ(RuleOf("profile='a'\n"), "PROFILE_KEY_UNKNOWN profile");
  EXPECT_EQ(RuleOf("profile.a='b'\n"), "PROFILE_VALUE_INVALID profile.a");
  EXPECT_EQ(RuleOf("[profile.a]\naddress=1\n"), "PROFILE_VALUE_INVALID profile.a.address");
  EXPECT_EQ(RuleOf("[profile.a]\naddress=''\n"), "PROFILE_VALUE_INVALID profile.a.address");
  EXPECT_EQ(RuleOf("default_profile=1\n[profile.a]\n"), "PROFILE_VALUE_INVALID default_profile");
  EXPECT_EQ(RuleOf("[profile.a\n"), "PROFILE_SYNTAX line 1");
  EXPECT_EQ(RuleOf("\n[profile.a]\naddress='h:1'\naddress='h:2'\n"), "PROFILE_SYNTAX line 4");
  EXPECT_EQ(RuleOf("[profile.b]\n"), "PROFILE_UNKNOWN profile.a");
  EXPECT_EQ(RuleOf("default_profile='c'\n[profile.b]\n", ""), "PROFILE_UNKNOWN profile.c");
}

}  // namespace
}  // namespace medflyt::cli
