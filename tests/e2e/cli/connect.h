// How a program in the test's own process reaches real nodes.
#pragma once

#include "client/sdk/client.h"
#include "common/base/random.h"
#include "tests/unit/cli/program.h"

namespace medflyt::testing {

// Borrows `random`.
inline cli::ClientFactory ConnectingWith(RandomSource& random) {
  return [&random](const cli::ConnectionSettings& settings) {
    return sdk::Client::Create({.address = settings.address,
                                .server_name = "",
                                .files = {settings.key, settings.certificate, settings.ca},
                                .officer = settings.officer,
                                .purpose = settings.purpose},
                               random);
  };
}

}  // namespace medflyt::testing
