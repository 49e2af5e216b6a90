// Programs in JavaScript against a real node: a case system to which the protos are all it knows (client.js), and a
// tool that knows not even these (reflection.js).
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/node/node_world.h"
#include "tests/support/paths.h"
#include "tests/support/run_to_end.h"

namespace medflyt::testing {
namespace {

// Skips where Node.js or its packages are not there.
class JavaScriptClient : public ::testing::Test {
 protected:
  void SetUp() override {
    if (RunToEnd({"node", "--version"}).first != 0) GTEST_SKIP() << "SKIPPED-NODE: there is no program node";
    for (const char* package : {"grpc-js", "proto-loader"}) {
      if (!std::filesystem::exists(SourceDir() + "/tests/node_modules/@grpc/" + package)) {
        GTEST_SKIP() << "SKIPPED-NODE: tests/node_modules lacks @grpc/" << package << "; run npm ci in tests";
      }
    }
    // Nyborg's node need not run: what is for it waits.
    odense_.Know(nyborg_);
    ASSERT_NO_FATAL_FAILURE(odense_.Start());
  }
  // Runs a script with the folder of protos, address and issuers, and what else it wants; it must like what it sees.
  void Run(const std::string& script, const std::vector<std::string>& more) {
    std::vector<std::string> command = {"node", SourceDir() + ("/tests/interop/js/" + script), SourceDir() + "/proto",
                                        odense_.address(), odense_.pki().Path("ca.pem")};
    command.insert(command.end(), more.begin(), more.end());
    const auto [code, said] = RunToEnd(command);
    EXPECT_EQ(code, 0) << said;
    EXPECT_NE(said.find("all as promised"), std::string::npos) << said;
    EXPECT_EQ(odense_.Stop(), 0);
  }
  std::string Client(const std::string& name) const { return odense_.pki().Path("clients/" + name); }

  TestNode odense_{"35209115", "0461", "Odense Kommune"};
  const TestNode nyborg_{"29189722", "0450", "Nyborg Kommune"};
};

TEST_F(JavaScriptClient, ProposesListsAndReadsErrors) {
  Run("client.js", {Client("case-system-1"), Client("auditor"), odense_.cvr(), nyborg_.cvr()});
}

TEST_F(JavaScriptClient, LearnsServicesByReflectionAndReadsTheHealthStatus) {
  Run("reflection.js", {Client("auditor")});
}

}  // namespace
}  // namespace medflyt::testing
