// A node's log in memory, which a test lets grow, go back, fork or fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/node_log.h"
#include "common/base/status.h"
#include "common/tlog/tile.h"
#include "tests/support/reference_tree.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::cli::testing {

class FakeNode final : public NodeLog {
 public:
  explicit FakeNode(tlog::NoteSigner signer) : signer_(std::move(signer)) {}

  void Grow(size_t size) {
    while (entries_.size() < size) entries_.push_back("entry " + std::to_string(entries_.size()));
    log_.reset();
  }
  void Append(std::string entry) {
    entries_.push_back(std::move(entry));
    log_.reset();
  }
  void Cut(size_t size) {
    entries_.resize(size);
    log_.reset();
  }
  void Rewrite(size_t index, std::string entry) {
    entries_[index] = std::move(entry);
    log_.reset();
  }
  void SignWith(tlog::NoteSigner signer) {
    signer_ = std::move(signer);
    log_.reset();
  }
  [[nodiscard]] const tlog::NoteSigner& signer() const { return signer_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] const medflyt::testing::TiledLog& log() {
    if (!log_) log_.emplace(entries_, signer_);
    return *log_;
  }

  [[nodiscard]] std::string asked_origin() const override { return asked_; }
  std::unique_ptr<NodeLog> OfOrigin(std::string origin) override {
    if (origin.empty() && !open_.empty()) return std::make_unique<FakeNode>(open_.front());
    for (const FakeNode& each : closed_) {
      if (each.signer_.verifier_key().name() != origin) continue;
      auto log = std::make_unique<FakeNode>(each);
      log->asked_ = std::move(origin);
      return log;
    }
    auto none = std::make_unique<FakeNode>(signer_);
    none->on_call_ = [](uint64_t) {
      return RuleError(absl::StatusCode::kNotFound, "ORIGIN_UNKNOWN", "origin", "no such log");
    };
    return none;
  }

  absl::StatusOr<Head> Checkpoint() override {
    MEDFLYT_RETURN_IF_ERROR(Called());
    return Head{log().files().at("checkpoint"), signer_.verifier_key().Format(), cosigned_};
  }
  absl::StatusOr<std::string> Tile(const tlog::Tile& tile) override {
    MEDFLYT_RETURN_IF_ERROR(Called());
    const unsigned width = tlog::TileWidthAt(tile.level, tile.index, TreeSize(size()));
    if (width < tile.width) return absl::OutOfRangeError("no such tile");
    return log().files().at(tlog::TilePath({tile.level, tile.index, width})).substr(0, size_t{tile.width} * 32);
  }
  absl::StatusOr<std::string> EntryBundle(uint64_t index, unsigned width) override {
    MEDFLYT_RETURN_IF_ERROR(Called());
    std::string bundle;
    for (uint64_t i = index * 256; i < index * 256 + width; ++i) {
      MEDFLYT_RETURN_IF_ERROR(tlog::AppendBundleEntry(bundle, entries_.at(i)));
    }
    return bundle;
  }
  absl::StatusOr<merkle::Proof> ConsistencyProof(TreeSize from, TreeSize to) override {
    MEDFLYT_RETURN_IF_ERROR(Called());
    medflyt::testing::ReferenceTree tree;
    for (const std::string& entry : entries_) tree.Append(entry);
    return merkle::BuildConsistencyProof(tree, from, to);
  }
  absl::Status VisitBeside(LeafIndex first, TreeSize end,
                           absl::FunctionRef<absl::Status(const Beside&)> visit) override {
    for (const Beside& each : beside_) {
      MEDFLYT_RETURN_IF_ERROR(Called());
      if (each.record >= first && each.record.value() < end.value()) MEDFLYT_RETURN_IF_ERROR(visit(each));
    }
    return absl::OkStatus();
  }

  std::string asked_;
  std::vector<FakeNode> closed_;  // the logs that it had before
  std::vector<FakeNode> open_;    // of a closed one: the one that is open
  std::vector<Beside> beside_;
  std::string cosigned_;
  uint64_t calls_ = 0;
  std::function<absl::Status(uint64_t call)> on_call_ = [](uint64_t) { return absl::OkStatus(); };

 private:
  absl::Status Called() { return on_call_(calls_++); }

  tlog::NoteSigner signer_;
  std::vector<std::string> entries_;
  std::optional<medflyt::testing::TiledLog> log_;
};

}  // namespace medflyt::cli::testing
