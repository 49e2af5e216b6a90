#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/commands.h"
#include "client/cli/front_end.h"
#include "client/sdk/client.h"
#include "common/crypto/seal.h"
#include "common/rpc/credentials.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  // A failed handshake is told as the command's error; gRPC's own lines about it would only hide that.
  medflyt::rpc::RedirectGrpcLog(nullptr);
  const medflyt::SystemClock clock;
  medflyt::crypto::SystemRandom random;
  const medflyt::cli::Environment environment{
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .in_terminal = medflyt::cli::Terminal::Of(STDIN_FILENO),
      .out_terminal = medflyt::cli::Terminal::Of(STDOUT_FILENO),
      .err_terminal = medflyt::cli::Terminal::Of(STDERR_FILENO),
      .variable = [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      .clock = clock,
      .connect =
          [&random](const medflyt::cli::ConnectionSettings& settings) {
            return medflyt::sdk::Client::Create({.address = settings.address,
                                                 .server_name = settings.server_name,
                                                 .files = {settings.key, settings.certificate, settings.ca},
                                                 .officer = settings.officer,
                                                 .purpose = settings.purpose},
                                                random);
          }};
  return static_cast<int>(medflyt::cli::RunProgram(medflyt::cli::AllCommands(),
                                                   std::vector<std::string>(argv + 1, argv + argc), environment));
}
