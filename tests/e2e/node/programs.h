// The programs as people run them beside a node: what they print, and how they end.
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {

struct Ended {
  int code = -1;
  std::string output;
};

// What goes to standard error is with the node's.
inline Ended RunProgram(const TestNode& node, const std::vector<std::string>& arguments) {
  Process process(arguments, node.Path("errors"));
  Ended ended;
  while (const auto line = process.Line()) ended.output += *line + "\n";
  ended.code = process.Wait();
  return ended;
}

// `medflyt` as this client of the node, as JSON.
inline Ended RunCommand(const TestNode& node, std::vector<std::string> arguments,
                        const std::string& client = "administrator-1", const std::string& officer = "anna.officer") {
  arguments.insert(arguments.begin(), BinDir() + "/medflyt");
  for (const std::string& each :
       {std::string("--json"), std::string("--address"), node.address(), std::string("--ca"), node.pki().Path("ca.pem"),
        std::string("--certificate"), node.pki().Path("clients/" + client + ".pem"), std::string("--key"),
        node.pki().Path("clients/" + client + ".key"), std::string("--officer"), officer, std::string("--purpose"),
        std::string("end-to-end test")}) {
    arguments.push_back(each);
  }
  return RunProgram(node, arguments);
}

}  // namespace medflyt::testing
