// The Appender behind Log::Prepare: collects the entries and rows of one commit.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "server/log/appender.h"
#include "server/log/log.h"

namespace medflyt::log {

// One commit in the making. What the log keeps between commits (state, tree, peers) is changed as submissions are
// applied; everything else is here until Finish.
class Log::Staging final : public Appender {
 public:
  Staging(Log& log, PreparedCommit& prepared);

  const domain::State& state() const override { return log_.state_; }
  absl::Time now() const override { return now_; }
  const domain::Facts& facts() const override { return facts_; }
  absl::StatusOr<std::vector<IssuedEvent>> Execute(const event::Command& command) override;
  absl::StatusOr<Position> AppendReceived(const event::Event& event, const event::AnnouncementRef& stands_at,
                                          std::string_view refused,
                                          const std::optional<event::AnnouncementVerified>& verified) override;
  Position AppendUndecodable(AuthorityId issuer, PairNumber number, const EventId& id,
                             const event::AnnouncementRef& stands_at, std::string_view refused) override;
  Position AppendLedger(std::string_view entry) override;
  void DeferRules() override { deferred_ = true; }
  absl::Status ApplyRules(std::function<bool(const event::Draft&)> told) override;
  absl::StatusOr<IssuedEvent> Reissue(event::Event event, std::string_view closed_origin,
                                      LeafIndex closed_index) override;
  absl::StatusOr<Position> AppendToldAgain(const event::Event& event, const event::AnnouncementRef& stands_at,
                                           std::string_view closed_origin, LeafIndex closed_index) override;
  Position end() const override { return log_.generations_.open().EndAt(log_.tree_.size()); }
  absl::StatusOr<std::vector<IssuedEvent>> IssuedBetween(Position first, Position end) override;
  absl::StatusOr<bool> IsUndelivered(AuthorityId peer, const std::set<KeyId>& keys,
                                     const std::set<CaseId>& cases) const override;
  PeerState& peer(AuthorityId authority) override;
  absl::StatusOr<bool> IsKnown(const EventId& id) const override;
  absl::StatusOr<std::optional<std::string>> FindIndex(std::string_view key) const override;
  void PutIndex(std::string_view key, std::string_view value) override;
  void DeleteIndex(std::string_view key) override;
  store::Batch& batch() override { return prepared_.batch; }
  keys::KeyTable& keys() override { return log_.parts_.keys; }

  // Stages segments, pair rows, state rows and the signed head.
  void Finish();

 private:
  // Seals, appends and applies drafts of one decision. Fails before anything is appended, where content cannot be
  // encoded.
  // What has an officer was done by `certificate`.
  [[nodiscard]] absl::StatusOr<std::vector<IssuedEvent>> Append(std::vector<event::Draft> drafts,
                                                                const std::optional<Hash>& certificate = {});
  [[nodiscard]] absl::StatusOr<keys::DataKey> SealingKey(const event::Event& event);
  [[nodiscard]] absl::StatusOr<IssuedEvent> ReadIssued(Position position, std::string_view entry, const KeyId& key_id);
  // Seals and appends one event, whose id it sets. The content is wiped.
  [[nodiscard]] absl::StatusOr<IssuedEvent> Issue(event::Event& event, std::string& content);
  [[nodiscard]] absl::StatusOr<bool> IsGrantedInThisLog(const KeyId& id) const;
  // What an entry of a closed log is named by, once the record that it is told again is appended.
  [[nodiscard]] absl::StatusOr<domain::EventAddress> AppendTellsAgain(std::string_view closed_origin,
                                                                      LeafIndex closed_index);
  // Applies what follows by rule from the events in to_settle_, until nothing more does.
  [[nodiscard]] absl::Status Settle(std::vector<IssuedEvent>& issued);
  LeafIndex AppendEntry(std::string_view entry, const KeyId& key_id);
  Position AppendReceivedRecord(AuthorityId issuer, PairNumber number, const EventId& id,
                                const event::AnnouncementRef& stands_at, std::string_view refused);
  // A defect of ours, not of the input: the commit must not happen.
  void Fail(const absl::Status& status);
  void FlushSegment();
  void NoteIndex(std::string_view key, std::optional<std::string> value);

  Log& log_;
  PreparedCommit& prepared_;
  const absl::Time now_;
  const domain::Facts facts_;

  std::string segment_;
  Position segment_first_;
  size_t segment_entries_ = 0;
  std::map<AuthorityId, std::pair<PairNumber, std::string>> pair_rows_;  // first number, positions
  std::map<AuthorityId, bool> touched_peers_;
  std::deque<event::Event> to_settle_;
  bool deferred_ = false;
  std::function<bool(const event::Draft&)> told_;  // while rules are applied that were deferred
  Hash last_leaf_hash_;
};

}  // namespace medflyt::log
