// The KEK file and the key-table backup, where the configuration says; and the part of a rotation that the sequencer
// does.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "server/keys/kek_rotation.h"
#include "server/log/appender.h"
#include "server/log/submission.h"
#include "server/node/config.h"
#include "server/node/files.h"

namespace medflyt::node {

class KeyFilesOnDisk final : public keys::KeyFiles {
 public:
  explicit KeyFilesOnDisk(const Config& config) : kek_(config.kek), backup_(config.key_backup) {}
  absl::Status ReplaceKek(std::string_view bytes) override { return ReplaceFile(kek_, bytes); }
  absl::Status ReplaceBackup(std::string_view bytes) override { return ReplaceFile(backup_, bytes); }
  absl::StatusOr<std::string> ReadBackup(size_t most) override { return ReadFile(backup_, most); }

 private:
  const std::string kek_;
  const std::string backup_;
};

class RewrapSubmission final : public log::Submission {
 public:
  // `done` gets the outcome once it is durable.
  RewrapSubmission(keys::KekRotation& rotation, std::function<void(const absl::Status&)> done)
      : rotation_(rotation), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override { outcome_ = rotation_.Rewrap(appender.batch()); }
  void Committed(const log::Head&) override { done_(outcome_); }
  void Abandoned(const absl::Status& why) override { done_(why); }

 private:
  keys::KekRotation& rotation_;
  const std::function<void(const absl::Status&)> done_;
  absl::Status outcome_;
};

}  // namespace medflyt::node
