// A client in Python (client.py), with stubs made by protoc, against a real node. It checks proofs by its own means.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/node/node_world.h"
#include "tests/support/paths.h"
#include "tests/support/run_to_end.h"

namespace medflyt::testing {
namespace {

TEST(PythonClient, WatchesEventsAndChecksTheirProofs) {
  const std::string python = "/usr/bin/python3";
  if (RunToEnd({python, "-c", "import grpc, google.protobuf"}).first != 0) {
    GTEST_SKIP() << "SKIPPED-PYTHON: " << python << " lacks grpc or google.protobuf (python3-grpcio, python3-protobuf)";
  }
  const std::filesystem::path protos = SourceDir() + "/proto";
  std::filesystem::create_directories(MEDFLYT_STUBS);
  std::vector<std::string> protoc = {"protoc", "-I" + protos.string(), "--python_out=" MEDFLYT_STUBS};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(protos)) {
    if (entry.path().extension() == ".proto") protoc.push_back(entry.path().string());
  }
  const auto [made, complaint] = RunToEnd(protoc);
  ASSERT_EQ(made, 0) << complaint;

  // Nyborg's node need not run: what is for it waits.
  TestNode odense("35209115", "0461", "Odense Kommune");
  const TestNode nyborg("29189722", "0450", "Nyborg Kommune");
  odense.Know(nyborg);
  ASSERT_NO_FATAL_FAILURE(odense.Start());
  const auto client = [&](const std::string& name) { return odense.pki().Path("clients/" + name); };
  const auto [code, said] = RunToEnd({python, SourceDir() + "/tests/interop/python/client.py", MEDFLYT_STUBS,
                                      odense.address(), odense.pki().Path("ca.pem"), client("case-system-1"),
                                      client("auditor"), odense.cvr(), nyborg.cvr(), odense.verifier().Format()});
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("all as promised"), std::string::npos) << said;
  EXPECT_EQ(odense.Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
