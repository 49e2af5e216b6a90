// What must hold in a simulated world, whatever happened in it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/entry/parse.h"
#include "common/merkle/tree_hasher.h"
#include "server/domain/enrolment.h"
#include "server/exchange/refusals.h"
#include "tests/support/sim_world.h"

namespace medflyt::testing {

// On every date on which an agreement is in force no more places are taken than it has, and each by one citizen.
inline void ExpectCapacityKept(AuthorityId who, const domain::State& state) {
  for (const auto& [id, agreement] : state.agreements()) {
    const domain::State::Calendar& calendar = state.CalendarOf(id);
    std::set<Date> dates;
    for (const domain::CapacitySegment& segment : agreement.Segments()) dates.insert(segment.first);
    for (const auto& [number, stays] : calendar) {
      for (const domain::State::Stay& stay : stays) dates.insert(stay.days.from);
    }
    for (const Date date : dates) {
      const uint32_t capacity = agreement.CapacityOn(date);
      if (capacity == 0) continue;
      uint32_t occupied = 0;
      for (const auto& [number, stays] : calendar) {
        uint32_t here = 0;
        for (const domain::State::Stay& stay : stays) here += stay.days.Contains(date) ? 1U : 0U;
        EXPECT_LE(here, 1U) << who.ToString() << " place " << number << " on " << FormatIsoDate(date);
        occupied += here;
      }
      EXPECT_LE(occupied, capacity) << who.ToString() << " on " << FormatIsoDate(date);
    }
  }
}

// What a node's log says, read entry by entry.
struct LogContents {
  std::map<EventId, log::Position> issued;
  std::vector<std::pair<log::Position, wire::EventReceived>> received;
  uint64_t receipted = 0;
  std::map<std::string, uint64_t> rejections;  // by rule
};
inline LogContents ReadLog(SimNode& node) {
  LogContents contents;
  wire::LedgerCodec codec;
  EXPECT_TRUE(node.log()
                  .reader()
                  .Visit(log::Position(0), node.log().end(),
                         [&](log::Position index, std::string_view bytes, const KeyId&) -> absl::Status {
                           auto entry = entry::ParseEntry(bytes, codec);
                           if (!entry.ok()) return entry.status();
                           if (const auto* sealed = std::get_if<entry::SealedView>(&*entry)) {
                             EXPECT_TRUE(contents.issued.emplace(sealed->event_id, index).second) << "an id twice";
                             return absl::OkStatus();
                           }
                           const auto& record = std::get<wire::LedgerRecord>(*entry).record;
                           if (const auto* received = std::get_if<wire::EventReceived>(&record)) {
                             contents.received.emplace_back(index, *received);
                           } else if (const auto* receipts = std::get_if<wire::ReceiptsLogged>(&record)) {
                             for (const wire::IndexRun& run : receipts->runs) contents.receipted += run.count;
                           } else if (const auto* rejected = std::get_if<wire::RejectionsRecorded>(&record)) {
                             contents.rejections[rejected->rule] += rejected->count;
                           }
                           return absl::OkStatus();
                         })
                  .ok());
  return contents;
}

// Every event that one issued to the other was received or refused exactly once, in order, and receipted.
inline void ExpectDelivered(SimNode& from, SimNode& to) {
  SCOPED_TRACE("from " + from.self().ToString() + " to " + to.self().ToString());
  const log::PeerState sent = from.log().peer(to.self());
  EXPECT_EQ(sent.issued, sent.receipted);
  EXPECT_EQ(sent.issued, to.log().peer(from.self()).received);

  const auto outbound = from.log().reader().OutboundFrom(to.self(), PairNumber(1), 1'000'000);
  ASSERT_TRUE(outbound.ok()) << outbound.status();
  ASSERT_EQ(outbound->size(), sent.issued.value());
  std::vector<wire::EventReceived> received;
  for (const auto& [index, record] : ReadLog(to).received) {
    if (record.issuer_origin == from.log().origin()) received.push_back(record);
  }
  ASSERT_EQ(received.size(), outbound->size());
  std::map<EventId, std::string> refused;
  for (size_t i = 0; i < received.size(); ++i) {
    const log::Outbound& event = (*outbound)[i];
    EXPECT_EQ(event.number.value(), i + 1);
    EXPECT_EQ(received[i].issuer_index, from.log().reader().generations().Of(event.position).IndexOf(event.position));
    EXPECT_EQ(received[i].leaf_hash, merkle::LeafHash(event.entry.bytes));
    const auto sealed = entry::ParseSealed(event.entry.bytes);
    ASSERT_TRUE(sealed.ok());
    if (!received[i].refused_rule.empty()) refused[sealed->event_id] = received[i].refused_rule;
    const auto location = to.log().reader().Locate(sealed->event_id);
    ASSERT_TRUE(location.ok()) << location.status();
    EXPECT_EQ(location->number, event.number);
    // Any received event can be proven from the recipient's store alone.
    const auto proven = exchange::FindReceived(to.store(), *location);
    ASSERT_TRUE(proven.ok()) << proven.status();
    EXPECT_EQ(proven->entry, event.entry.bytes);
  }
  const auto refusals = exchange::ReadRefusals(from.store());
  ASSERT_TRUE(refusals.ok());
  std::map<EventId, std::string> known;
  for (const exchange::Refusal& refusal : *refusals) {
    if (refusal.recipient == to.self()) known[refusal.event] = refusal.rule;
  }
  EXPECT_EQ(known, refused);
}

inline std::string Describe(const domain::HistoryEntry& entry) {
  std::string text = FormatIsoDate(entry.days.from) + ".." + (entry.days.to ? FormatIsoDate(*entry.days.to) : "");
  if (entry.place) text += " place " + std::to_string(entry.place->number);
  if (entry.waiting) text += " waiting";
  if (entry.paused) text += " paused";
  return text;
}

// A buyer's history of each of its own cases is the provider's.
inline void ExpectSameHistories(const domain::State& provider, const domain::State& buyer) {
  for (const auto& [id, enrolment] : buyer.enrolments()) {
    const domain::Enrolment* there = provider.FindEnrolment(id);
    ASSERT_NE(there, nullptr) << "the provider does not know case " << id.ToHex();
    std::vector<std::string> told;
    std::vector<std::string> kept;
    for (const domain::HistoryEntry& entry : domain::HistoryOf(enrolment)) {
      if (entry.responsible == buyer.self() && entry.case_id == id) told.push_back(Describe(entry));
    }
    for (const domain::HistoryEntry& entry : domain::HistoryOf(*there)) {
      if (entry.responsible == buyer.self() && entry.case_id == id) kept.push_back(Describe(entry));
    }
    EXPECT_EQ(told, kept) << "case " << id.ToHex() << " of " << buyer.self().ToString();
  }
}

// Nothing that a client was told is durable is lost, and nothing is there twice.
inline void ExpectNothingLost(SimNode& node) {
  const LogContents contents = ReadLog(node);
  std::set<EventId> seen;
  for (const log::IssuedEvent& event : node.acknowledged) {
    EXPECT_TRUE(seen.insert(event.id).second) << "acknowledged twice";
    const auto found = contents.issued.find(event.id);
    ASSERT_TRUE(found != contents.issued.end()) << "an acknowledged event is lost";
    EXPECT_EQ(node.log().reader().generations().Of(found->second).IndexOf(found->second), event.leaf);
  }
}

// The state that is kept is the one that the log gives, and that its rows give after a restart.
inline void ExpectReplayAgrees(SimNode& node) {
  const std::string kept = node.StateNow().CanonicalBytes();
  const auto replayed = node.Replay();
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_EQ(replayed->unopened, 0U);
  EXPECT_TRUE(replayed->state.CanonicalBytes() == kept) << "replay differs at " << node.self().ToString();
  node.Crash();
  node.Boot();
  EXPECT_TRUE(node.StateNow().CanonicalBytes() == kept) << "rows differ at " << node.self().ToString();
}

}  // namespace medflyt::testing
