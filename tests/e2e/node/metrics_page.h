// What a node tells Prometheus.
#pragma once

#include <string>

#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {

// Head and body of the answer; empty where there is none.
inline std::string MetricsPageOf(const TestNode& node) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(node.metrics_port()));
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string get = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(::send(fd, get.data(), get.size(), 0), static_cast<ssize_t>(get.size()));
  std::string page;
  char block[4096];
  for (ssize_t count = 0; (count = ::recv(fd, block, sizeof block, 0)) > 0;) {
    page.append(block, static_cast<size_t>(count));
  }
  ::close(fd);
  return page;
}

}  // namespace medflyt::testing
