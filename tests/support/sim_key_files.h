// The KEK file and the key-table backup of a simulated node.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/keys/kek_rotation.h"

namespace medflyt::testing {

// They lie apart from the store.
class SimKeyFiles final : public keys::KeyFiles {
 public:
  absl::Status ReplaceKek(std::string_view bytes) override { return Replace(kek, bytes); }
  absl::Status ReplaceBackup(std::string_view bytes) override { return Replace(backup, bytes); }
  absl::StatusOr<std::string> ReadBackup(size_t) override { return backup; }

  std::string kek;
  std::string backup;

 private:
  static absl::Status Replace(std::string& file, std::string_view bytes) {
    file = bytes;
    return absl::OkStatus();
  }
};

}  // namespace medflyt::testing
