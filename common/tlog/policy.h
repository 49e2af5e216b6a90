// Trust policies: c2sp.org/tlog-policy. Which logs are known, and which witnesses must have cosigned a checkpoint.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tlog/checkpoint.h"
#include "common/tlog/note_key.h"

namespace medflyt::tlog {

inline constexpr size_t kMaxPolicyBytes = 128 * 1024;
inline constexpr size_t kMaxPolicyNames = 256;  // of logs, and of witnesses and groups together

// Immutable and valid by construction; thread-safe.
class Policy {
 public:
  struct Member {
    VerifierKey key;
    std::string url;  // empty where the line has none
  };

  // INVALID_ARGUMENT (POLICY_MALFORMED, with the line's number) for anything that the format does not allow, a line
  // without its newline included: a file cut short could otherwise ask for less.
  [[nodiscard]] static absl::StatusOr<Policy> Parse(std::string_view text);

  [[nodiscard]] const std::vector<Member>& logs() const { return logs_; }
  [[nodiscard]] const std::vector<Member>& witnesses() const { return witnesses_; }

  // Opens a checkpoint that is signed by a known log and cosigned as the quorum asks; `known_logs` are logs that the
  // caller knows beside those of the policy. The result's signatures count logs first (the policy's, then
  // `known_logs`), then witnesses. Errors of OpenCheckpoint, and FAILED_PRECONDITION (POLICY_QUORUM_NOT_MET).
  [[nodiscard]] absl::StatusOr<OpenedCheckpoint> Check(const SignedNote& note,
                                                       std::span<const VerifierKey> known_logs = {}) const;
  [[nodiscard]] absl::StatusOr<OpenedCheckpoint> Check(std::string_view note_bytes,
                                                       std::span<const VerifierKey> known_logs = {}) const;

 private:
  friend class PolicyParser;

  // A witness or a group. Members stand before their group.
  struct Node {
    std::string name;
    std::optional<size_t> witness;  // position in witnesses_; none for a group
    size_t threshold = 0;
    std::vector<size_t> members;  // positions in nodes_
  };

  Policy() = default;
  [[nodiscard]] bool QuorumMet(const std::vector<bool>& cosigned) const;

  std::vector<Member> logs_;
  std::vector<Member> witnesses_;
  std::vector<Node> nodes_;
  std::optional<size_t> quorum_;  // position in nodes_; none for `quorum none`
};

}  // namespace medflyt::tlog
