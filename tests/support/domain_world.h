// Nodes of the functional core alone, in memory: no log, no network, no clock but the world's own day. What a node says
// waits in the pair's queue until the test delivers it.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/crypto/hash.h"
#include "common/event/command.h"
#include "server/domain/decide.h"
#include "server/domain/query.h"
#include "tests/support/authorities.h"
#include "tests/support/grounds.h"
#include "tests/support/rule_of.h"

namespace medflyt::testing {

inline MunicipalityCode Code(std::string_view digits) { return *MunicipalityCode::Parse(digits); }

// Some id, the same for the same name.
inline CaseId Case(std::string_view name) {
  return *CaseId::FromBytes(crypto::Sha256(name).bytes().substr(0, CaseId::kSize));
}

// An invented citizen's replacement number: 61 to 88 as day.
inline registry::CprNumber Citizen(int which) {
  std::string digits = std::to_string(61 + which % 28) + "0180" + std::to_string(1000 + which);
  return *registry::CprNumber::Parse(digits);
}

class Funen final : public domain::AuthorityDirectory {
 public:
  std::optional<AuthorityId> AuthorityOf(MunicipalityCode code, Date) const override {
    for (const auto& [authority, its] : codes_) {
      if (its == code) return authority;
    }
    return std::nullopt;
  }
  std::optional<MunicipalityCode> CodeOf(AuthorityId authority) const override {
    const auto found = codes_.find(authority);
    return found == codes_.end() ? std::nullopt : std::optional(found->second);
  }
  bool IsKnown(AuthorityId authority) const override { return codes_.count(authority) > 0; }
  bool IsMunicipality(AuthorityId authority) const override { return IsKnown(authority) && authority != district; }

  AuthorityId district;  // one of them that is a police district; zero: none

 private:
  std::map<AuthorityId, MunicipalityCode> codes_ = {
      {kOdense, Code("0461")}, {kNyborg, Code("0450")}, {kKerteminde, Code("0440")}, {kAssens, Code("0420")}};
};

class DomainWorld {
 public:
  // One entry of a node's log: an own event, or a received one under its issuer's position.
  struct Entry {
    event::Event event;
    std::string origin;
    LeafIndex index;
    crypto::Hash leaf_hash;
    [[nodiscard]] domain::LogPosition position() const { return {origin, index, leaf_hash}; }
  };
  struct Refusal {
    event::Event event;
    absl::Status status;
  };
  struct Node {
    explicit Node(AuthorityId self) : state(self) {}
    domain::State state;
    std::vector<Entry> log;                       // own and received, in order
    std::map<AuthorityId, uint64_t> sent;         // last pair number
    std::map<AuthorityId, uint64_t> received;     // last pair number
    std::map<AuthorityId, std::deque<Entry>> to;  // what waits for delivery
    std::vector<Refusal> refused;                 // of what was received
    uint64_t next_index = 0;
  };

  DomainWorld() {
    for (const AuthorityId authority : {kOdense, kNyborg, kKerteminde, kAssens}) nodes_.emplace(authority, authority);
  }

  Funen directory;
  Date today = Date(2026, 3, 1);
  std::vector<domain::LegalBasis> legal_bases = {{"rsl-12c", Date(2020, 1, 1), std::nullopt},
                                                 {"old-basis", Date(2000, 1, 1), Date(2019, 12, 31)},
                                                 {"new-basis", Date(2030, 1, 1), std::nullopt}};
  // Openings are checked as requests arrive, unless a test does that itself; it may alter what was found.
  bool verify_openings = true;
  std::function<void(event::AnnouncementVerified&)> alter_opening = [](event::AnnouncementVerified&) {};

  std::vector<domain::ErasureGround> erasure_grounds = {{{"gdpr-17-1-a", Date(2018, 5, 25), std::nullopt}, false},
                                                        {{"gdpr-17-1-d", Date(2018, 5, 25), std::nullopt}, true},
                                                        {{"old-ground", Date(2000, 1, 1), Date(2018, 5, 24)}, true}};
  std::vector<domain::RetentionPeriod> retention = {{domain::Kept::kCase, Date(2000, 1, 1), 60, 0, false},
                                                    {domain::Kept::kObservation, Date(2000, 1, 1), 0, 30, true}};

  [[nodiscard]] domain::Facts facts() const { return {today, directory, legal_bases, erasure_grounds, retention}; }
  [[nodiscard]] Node& node(AuthorityId authority) { return nodes_.at(authority); }
  [[nodiscard]] const domain::State& state(AuthorityId authority) const { return nodes_.at(authority).state; }
  [[nodiscard]] std::map<AuthorityId, Node>& nodes() { return nodes_; }

  // An officer's act; what follows by rule is done too.
  absl::Status Do(AuthorityId who, event::CommandBody body, std::string officer = "officer-1") {
    return OnGround({std::move(officer), std::move(body)},
                    [&](const event::Command& command) { return DoExactly(who, command); })
        .status();
  }
  // The same, with the ground that the command names or none.
  absl::StatusOr<std::vector<event::Draft>> DoExactly(AuthorityId who, const event::Command& command) {
    Node& node = nodes_.at(who);
    auto drafts = domain::Decide(node.state, command, facts());
    if (!drafts.ok()) return drafts.status();
    std::deque<event::Event> settling;
    Append(node, *drafts, settling);
    Settle(node, settling);
    return drafts;
  }

  // An own event that no command makes.
  void Say(AuthorityId who, const event::Draft& draft) {
    std::deque<event::Event> settling;
    Append(nodes_.at(who), {draft}, settling);
    Settle(nodes_.at(who), settling);
  }

  // How many events of that node wait for delivery.
  [[nodiscard]] size_t Undelivered(AuthorityId from) const {
    size_t count = 0;
    for (const auto& [to, queue] : nodes_.at(from).to) count += queue.size();
    return count;
  }

  // Delivers the next event of the pair; false when none waits.
  bool Deliver(AuthorityId from, AuthorityId to) {
    std::deque<Entry>& queue = nodes_.at(from).to[to];
    if (queue.empty()) return false;
    const Entry entry = queue.front();
    queue.pop_front();
    Receive(nodes_.at(to), entry);
    return true;
  }
  void DeliverPair(AuthorityId from, AuthorityId to) {
    while (Deliver(from, to)) {
    }
  }
  void DeliverAll() {
    for (bool any = true; any;) {
      any = false;
      for (auto& [from, sender] : nodes_) {
        for (auto& [to, receiver] : nodes_) any = Deliver(from, to) || any;
      }
    }
  }

  void Receive(Node& node, const Entry& entry) {
    const event::Header& header = entry.event.header;
    uint64_t& last = node.received[header.issuer];
    if (header.number.value() <= last) return;  // a repetition
    EXPECT_EQ(header.number.value(), last + 1);
    last = header.number.value();
    const absl::Status status = domain::CheckReceived(node.state, entry.event, facts());
    if (!status.ok()) {
      node.refused.push_back({entry.event, status});
      return;
    }
    node.log.push_back(entry);
    domain::Evolve(node.state, entry.event, entry.position());
    std::deque<event::Event> settling = {entry.event};
    Settle(node, settling);
    if (verify_openings && event::TypeOf(entry.event.body) == event::Type::kTransferRequested) {
      VerifyOpening(node.state.self(), header.case_id);
    }
  }

  // What the provider finds when it opens the announcement that a request names.
  void VerifyOpening(AuthorityId provider, const CaseId& transfer) {
    const domain::Transfer* request = state(provider).FindTransfer(transfer);
    ASSERT_NE(request, nullptr);
    const auto found = announcements_.find(request->announcement.leaf_hash);
    if (found == announcements_.end()) return;  // nothing can be opened: it waits
    const event::Event& announced = found->second;
    const auto& body = std::get<event::RelocationAnnounced>(announced.body);
    event::AnnouncementVerified verified{request->announcement,
                                         announced.header.issuer,
                                         announced.header.recipient,
                                         body.provider,
                                         domain::SameCitizen(state(provider), body.cpr, request->cpr),
                                         body.effective_date};
    alter_opening(verified);
    event::Draft draft;
    draft.recipient = provider;
    draft.case_id = transfer;
    draft.body = verified;
    Say(provider, draft);
  }

  // The same state from the log alone.
  [[nodiscard]] domain::State Replay(AuthorityId who) const {
    domain::State state(who);
    for (const Entry& entry : nodes_.at(who).log) domain::Evolve(state, entry.event, entry.position());
    return state;
  }

  // Events of one type that a node issued to another, in order.
  template <typename Body>
  [[nodiscard]] std::vector<Body> Sent(AuthorityId from, AuthorityId to) const {
    std::vector<Body> bodies;
    for (const Entry& entry : nodes_.at(from).log) {
      const event::Header& header = entry.event.header;
      const Body* body = std::get_if<Body>(&entry.event.body);
      if (header.issuer == from && header.recipient == to && body != nullptr) bodies.push_back(*body);
    }
    return bodies;
  }

 private:
  void Append(Node& node, const std::vector<event::Draft>& drafts, std::deque<event::Event>& settling) {
    std::vector<crypto::Hash> leaves;
    for (const event::Draft& draft : drafts) {
      Entry entry;
      event::Header& header = entry.event.header;
      header.issuer = node.state.self();
      header.recipient = draft.recipient;
      header.case_id = draft.case_id;
      header.number = PairNumber(++node.sent[draft.recipient]);
      header.recorded_at = absl::FromCivil(absl::CivilHour(today) + 12, absl::UTCTimeZone());
      header.officer = draft.officer;
      entry.event.body = draft.body;
      entry.origin = header.issuer.ToString() + ".example/log";
      entry.index = LeafIndex(node.next_index++);
      entry.leaf_hash = crypto::Sha256({entry.origin, std::to_string(entry.index.value())});
      header.id = *EventId::FromBytes(entry.leaf_hash.bytes().substr(EventId::kSize));
      if (draft.announcement_of) {
        const crypto::Hash leaf = leaves.at(*draft.announcement_of);
        std::visit([&](auto& body) { SetAnnouncement(body, leaf); }, entry.event.body);
      }
      leaves.push_back(entry.leaf_hash);
      if (event::TypeOf(entry.event.body) == event::Type::kRelocationAnnounced) {
        announcements_.emplace(entry.leaf_hash, entry.event);
      }
      domain::Evolve(node.state, entry.event, entry.position());
      settling.push_back(entry.event);
      node.log.push_back(entry);
      if (draft.recipient != node.state.self()) node.to[draft.recipient].push_back(std::move(entry));
    }
  }

  template <typename Body>
  static void SetAnnouncement(Body& body, const crypto::Hash& leaf) {
    if constexpr (std::is_same_v<Body, event::ResponsibilityEnded>) {
      body.announcement = leaf;
    } else {
      (void)body;
      (void)leaf;
      ADD_FAILURE() << "a draft refers to an announcement that its body cannot name";
    }
  }

  void Settle(Node& node, std::deque<event::Event>& settling) {
    for (int round = 0; !settling.empty(); ++round) {
      ASSERT_LT(round, 10'000) << "what follows by rule does not end";
      const event::Event event = settling.front();
      settling.pop_front();
      Append(node, domain::React(node.state, event, facts()), settling);
    }
  }

  std::map<AuthorityId, Node> nodes_;
  std::map<crypto::Hash, event::Event> announcements_;
};

}  // namespace medflyt::testing
