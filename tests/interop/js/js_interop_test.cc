// A municipality's case system in JavaScript (client.js), against a real node: what the protos promise is all it knows.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/node/node_world.h"
#include "tests/interop/foreign_client.h"

namespace medflyt::testing {
namespace {

TEST(JavaScriptClient, ProposesListsAndReadsErrors) {
  const std::string source = MEDFLYT_SOURCE_DIR;
  if (RunToEnd({"node", "--version"}).first != 0) GTEST_SKIP() << "SKIPPED-NODE: there is no program node";
  for (const char* package : {"grpc-js", "proto-loader"}) {
    if (!std::filesystem::exists(source + "/tests/node_modules/@grpc/" + package)) {
      GTEST_SKIP() << "SKIPPED-NODE: tests/node_modules lacks @grpc/" << package << "; run npm ci in tests";
    }
  }
  // Nyborg's node need not run: what is for it waits.
  TestNode odense("35209115", "0461", "Odense Kommune");
  const TestNode nyborg("29189722", "0450", "Nyborg Kommune");
  odense.Know(nyborg);
  ASSERT_NO_FATAL_FAILURE(odense.Start());
  const auto client = [&](const std::string& name) { return odense.pki().Path("clients/" + name); };
  const auto [code, said] =
      RunToEnd({"node", source + "/tests/interop/js/client.js", source + "/proto", odense.address(),
                odense.pki().Path("ca.pem"), client("case-system-1"), client("auditor"), odense.cvr(), nyborg.cvr()});
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("all as promised"), std::string::npos) << said;
  EXPECT_EQ(odense.Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
