// A place follows a citizen through whole nodes: who learns of it, who does not, and what happens to a request whose
// opened announcement was touched on its way.
#include <gmock/gmock.h>

#include "server/exchange/admitted.h"
#include "tests/sim/exchange/checks.h"
#include "tests/support/agreement_terms.h"

namespace medflyt::testing {
namespace {

using event::CommandBody;
using ::testing::Contains;
using ::testing::Key;

class Transfer : public ::testing::Test {
 protected:
  Transfer() : world(3) { world.RunFor(absl::Seconds(1)); }

  void Act(AuthorityId who, CommandBody body, const std::string& officer = "officer-1") {
    ASSERT_EQ(world.Act(who, std::move(body), officer), "OK");
  }
  void Agree(AuthorityId buyer, CaseId& agreement) {
    agreement = world.chance.NewId<CaseId>();
    Act(kOdense, event::ProposeAgreement{agreement, kOdense, buyer, Terms(2, Date(2026, 1, 1), Date(2026, 12, 31))});
    ASSERT_TRUE(world.Settle());
    Act(buyer, event::AcceptAgreement{agreement, 1});
    ASSERT_TRUE(world.Settle());
  }
  // A citizen of `home` runs in Odense's unit and moves to `to`; the announcement and its consequences are delivered.
  void Move(AuthorityId home, std::optional<CaseId> agreement, AuthorityId to) {
    enrolment = world.chance.NewId<CaseId>();
    relocation = world.chance.NewId<CaseId>();
    Act(home, event::ProposeEnrolment{enrolment, kOdense, SimCitizen(1), agreement, Date(2026, 3, 2)});
    ASSERT_TRUE(world.Settle());
    Act(kOdense, event::StartEnrolment{enrolment, Date(2026, 3, 2)});
    ASSERT_TRUE(world.Settle());
    event::Observation observation;
    observation.relocation = relocation;
    observation.enrolment = enrolment;
    observation.to = *world.facts.CodeOf(to);
    observation.effective_date = Date(2026, 3, 10);
    event::ImportExtract import;
    import.production_date = Date(2026, 3, 2);
    import.digest = world.chance.NewId<event::Hash>();
    import.records = 1;
    import.persons = 1;
    import.observations = {observation};
    Act(home, import, "");
    Act(home, event::AssessDisclosure{relocation, true, Ground(), std::nullopt});
    Act(home, event::AnnounceRelocation{relocation});
    ASSERT_TRUE(world.Settle());
  }
  domain::TransferState TransferAt(AuthorityId node, const CaseId& id) {
    const domain::State state = world.node(node).StateNow();
    const domain::Transfer* transfer = state.FindTransfer(id);
    return transfer == nullptr ? domain::TransferState() : transfer->state;
  }

  SimWorld world;
  CaseId enrolment;
  CaseId relocation;
};

TEST_F(Transfer, KertemindeLearnsNothingOfACitizenWhoMovesFromOdenseToNyborg) {
  CaseId with_nyborg;
  CaseId with_kerteminde;
  Agree(kNyborg, with_nyborg);
  Agree(kKerteminde, with_kerteminde);
  SimNode& kerteminde = world.node(kKerteminde);
  const std::string state = kerteminde.StateNow().CanonicalBytes();
  const uint64_t size = kerteminde.log().head().size.value();
  const size_t keys = kerteminde.keys().size();
  const uint64_t received = kerteminde.log().peer(kOdense).received.value();

  Move(kOdense, std::nullopt, kNyborg);
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kNyborg, event::RequestTransfer{transfer, relocation, with_nyborg});
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(TransferAt(kOdense, transfer), domain::TransferState::kDone);
  EXPECT_EQ(TransferAt(kNyborg, transfer), domain::TransferState::kDone);
  const domain::State nyborg = world.node(kNyborg).StateNow();
  ASSERT_NE(nyborg.FindEnrolment(transfer), nullptr);
  EXPECT_TRUE(nyborg.FindEnrolment(transfer)->current().OpenOccupation() != nullptr);

  EXPECT_TRUE(kerteminde.StateNow().CanonicalBytes() == state);
  EXPECT_EQ(kerteminde.log().head().size.value(), size);
  EXPECT_EQ(kerteminde.keys().size(), keys);
  EXPECT_EQ(kerteminde.log().peer(kOdense).received.value(), received);
  EXPECT_EQ(kerteminde.log().peer(kNyborg).received.value(), 0U);
  // Nor does any byte of its store hold the number.
  const std::string digits = std::string(SimCitizen(1).ExposeDigits());
  for (const store::Table table : store::kTables) {
    ASSERT_TRUE(kerteminde.store()
                    .Scan(table, store::KeyRange::All(), store::Order::kAscending,
                          [&](std::string_view key, std::string_view value) {
                            EXPECT_EQ(key.find(digits), std::string_view::npos);
                            EXPECT_EQ(value.find(digits), std::string_view::npos);
                            return store::Step::kContinue;
                          })
                    .ok());
  }
  for (auto& [id, node] : world.nodes()) ExpectReplayAgrees(*node);
}

TEST_F(Transfer, FromBuyerToBuyerTheAnnouncementTravelsOpened) {
  CaseId with_nyborg;
  CaseId with_kerteminde;
  Agree(kNyborg, with_nyborg);
  Agree(kKerteminde, with_kerteminde);
  Move(kNyborg, with_nyborg, kKerteminde);
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kKerteminde, event::RequestTransfer{transfer, relocation, with_kerteminde});
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(TransferAt(kOdense, transfer), domain::TransferState::kDone);
  ExpectSameHistories(world.node(kOdense).StateNow(), world.node(kNyborg).StateNow());
  ExpectSameHistories(world.node(kOdense).StateNow(), world.node(kKerteminde).StateNow());
}

TEST_F(Transfer, AnAnnouncementOutOfALogThatNobodyAdmittedWaitsUntilTheyDo) {
  CaseId with_nyborg;
  CaseId with_kerteminde;
  Agree(kNyborg, with_nyborg);
  Agree(kKerteminde, with_kerteminde);
  Move(kNyborg, with_nyborg, kKerteminde);
  // For Odense, Nyborg's log is a later one than that which it exchanged with.
  SimNode& odense = world.node(kOdense);
  odense.Submit([](log::Appender& appender) { appender.peer(kNyborg).origin = "medflyt.example/29189722/0"; });
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kKerteminde, event::RequestTransfer{transfer, relocation, with_kerteminde});
  EXPECT_FALSE(world.Settle(absl::Minutes(30)));
  EXPECT_EQ(odense.exchange().StatusOf(kKerteminde).reception.last_error, "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(odense.StateNow().FindTransfer(transfer), nullptr);

  const directory::Log& log = world.directory.Find(kNyborg)->logs.back();
  odense.Submit([&log](log::Appender& appender) {
    appender.batch().Put(
        store::Table::kMeta, exchange::AdmittedKey(kNyborg, log.origin),
        exchange::EncodeAdmitted({crypto::Sha256("a"), crypto::Sha256("b"), log.keys.front().key.Format()}));
  });
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(TransferAt(kOdense, transfer), domain::TransferState::kDone);
}

TEST_F(Transfer, AnAnnouncementOutOfAnEarlierLogThatTheFirstCardDidNotHaveWaitsForOfficers) {
  world.network.weather.queue_full_one_in = 0;
  CaseId with_nyborg;
  CaseId with_kerteminde;
  Agree(kNyborg, with_nyborg);
  Agree(kKerteminde, with_kerteminde);
  Move(kNyborg, with_nyborg, kKerteminde);
  // For Odense, Nyborg's log is one that a card has put before that which it exchanged with.
  const std::string known = "medflyt.example/29189722/2";
  directory::Authority card = *world.directory.Find(kNyborg);
  const directory::Log before = card.logs.back();
  card.logs.back().keys.back().until = TreeSize(100'000);
  card.logs.push_back({known, {{NoteSignerOf(known, 77).verifier_key(), TreeSize(0), std::nullopt}}});
  SimNode& odense = world.node(kOdense);
  odense.Submit([&known](log::Appender& appender) {
    appender.peer(kNyborg).origin = known;
    appender.batch().Put(store::Table::kMeta, exchange::KnownLogsKey(kNyborg),
                         exchange::EncodeKnownLogs({crypto::Sha256(known)}));
  });
  world.RunFor(absl::Seconds(1));
  world.directory = *world.directory.With(card);
  odense.Crash();
  odense.Boot();
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kKerteminde, event::RequestTransfer{transfer, relocation, with_kerteminde});
  world.RunFor(absl::Minutes(30));
  EXPECT_EQ(odense.exchange().StatusOf(kKerteminde).reception.last_error, "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(odense.StateNow().FindTransfer(transfer), nullptr);

  odense.Submit([&before](log::Appender& appender) {
    appender.batch().Put(
        store::Table::kMeta, exchange::AdmittedKey(kNyborg, before.origin),
        exchange::EncodeAdmitted({crypto::Sha256("a"), crypto::Sha256("b"), before.keys.front().key.Format()}));
  });
  world.RunFor(absl::Minutes(30));
  EXPECT_NE(odense.StateNow().FindTransfer(transfer), nullptr);
}

TEST_F(Transfer, AReturnToTheProviderReleasesTheBuyersPlace) {
  CaseId with_nyborg;
  Agree(kNyborg, with_nyborg);
  Move(kNyborg, with_nyborg, kOdense);
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kOdense, event::RequestTransfer{transfer, relocation, std::nullopt});
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(TransferAt(kOdense, transfer), domain::TransferState::kDone);
  EXPECT_EQ(world.node(kOdense).StateNow().FindEnrolment(enrolment)->current().responsible, kOdense);
  ExpectSameHistories(world.node(kOdense).StateNow(), world.node(kNyborg).StateNow());
  for (auto& [id, node] : world.nodes()) ExpectReplayAgrees(*node);
}

TEST_F(Transfer, ATouchedOpeningIsRejectedAndTheTrueOneTaken) {
  CaseId agreement;
  Agree(kNyborg, agreement);
  Move(kOdense, std::nullopt, kNyborg);
  const std::string before = world.node(kOdense).StateNow().CanonicalBytes();
  const uint64_t received = world.node(kOdense).log().peer(kNyborg).received.value();

  // Each batch that carries the opening arrives with another of these changes, as often as it is sent.
  using Change = std::function<void(v1::Opening&)>;
  std::vector<Change> changes;
  const auto flip = [](std::string& bytes, size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ 1); };
  for (const size_t at : {size_t{2}, size_t{20}, size_t{60}, size_t{120}, size_t{400}}) {
    changes.push_back([=](v1::Opening& opening) { flip(*opening.mutable_entry(), at); });
  }
  for (const size_t at : {size_t{0}, size_t{40}, size_t{70}}) {
    changes.push_back([=](v1::Opening& opening) { flip(*opening.mutable_sealed_event_key(), at); });
  }
  for (const size_t at : {size_t{0}, size_t{30}, size_t{70}, size_t{130}}) {
    changes.push_back([=](v1::Opening& opening) { flip(*opening.mutable_tlog_proof(), at); });
  }
  changes.push_back([](v1::Opening& opening) { opening.set_exchange_epoch(1); });
  changes.push_back([](v1::Opening& opening) { opening.clear_tlog_proof(); });
  changes.push_back([](v1::Opening& opening) { opening.clear_entry(); });
  changes.push_back([=](v1::Opening& opening) { flip(*opening.mutable_for_event_id(), 3); });
  size_t next = 0;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from != kNyborg || to != kOdense || !message.has_batch() || message.batch().openings_size() == 0) return true;
    if (next < changes.size()) changes[next++](*message.mutable_batch()->mutable_openings(0));
    return true;
  };
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement});
  for (int turn = 0; turn < 1000 && next < changes.size(); ++turn) {
    world.RunFor(absl::Seconds(5));
    if (next == changes.size()) break;
    EXPECT_EQ(world.node(kOdense).log().peer(kNyborg).received.value(), received);
    ASSERT_TRUE(world.node(kOdense).StateNow().CanonicalBytes() == before);
  }
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(TransferAt(kOdense, transfer), domain::TransferState::kDone);
  const auto rejections = ReadLog(world.node(kOdense)).rejections;
  EXPECT_EQ(rejections.at("OPENING_INVALID"), changes.size() - 2);
  EXPECT_EQ(rejections.at("OPENING_MISSING"), 1U);
  EXPECT_EQ(rejections.at("EXCHANGE_KEY_DESTROYED"), 1U);
}

TEST_F(Transfer, AnotherAnnouncementThanTheOneNamedIsForeign) {
  CaseId agreement;
  Agree(kNyborg, agreement);
  Move(kOdense, std::nullopt, kNyborg);
  std::optional<v1::Opening> first;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from == kNyborg && to == kOdense && message.has_batch() && message.batch().openings_size() > 0) {
      first = message.batch().openings(0);
    }
    return true;
  };
  const CaseId transfer = world.chance.NewId<CaseId>();
  Act(kNyborg, event::RequestTransfer{transfer, relocation, agreement});
  ASSERT_TRUE(world.Settle());
  ASSERT_TRUE(first.has_value());
  ASSERT_EQ(TransferAt(kOdense, transfer), domain::TransferState::kDone);

  // Another citizen moves; the request for her place carries the first one's announcement, true in itself.
  const CaseId second_enrolment = world.chance.NewId<CaseId>();
  const CaseId second_relocation = world.chance.NewId<CaseId>();
  Act(kOdense, event::ProposeEnrolment{second_enrolment, kOdense, SimCitizen(2), std::nullopt, Date(2026, 3, 2)});
  Act(kOdense, event::StartEnrolment{second_enrolment, Date(2026, 3, 2)});
  event::Observation observation;
  observation.relocation = second_relocation;
  observation.enrolment = second_enrolment;
  observation.to = *world.facts.CodeOf(kNyborg);
  observation.effective_date = Date(2026, 3, 11);
  event::ImportExtract import;
  import.previous_production_date = Date(2026, 3, 2);
  import.production_date = Date(2026, 3, 3);
  import.digest = world.chance.NewId<event::Hash>();
  import.observations = {observation};
  Act(kOdense, import, "");
  Act(kOdense, event::AssessDisclosure{second_relocation, true, Ground(), std::nullopt});
  Act(kOdense, event::AnnounceRelocation{second_relocation});
  ASSERT_TRUE(world.Settle());
  bool swapped = false;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (swapped || from != kNyborg || to != kOdense || !message.has_batch() || message.batch().openings_size() == 0) {
      return true;
    }
    v1::Opening& opening = *message.mutable_batch()->mutable_openings(0);
    const std::string for_event = opening.for_event_id();
    opening = *first;
    opening.set_for_event_id(for_event);
    swapped = true;
    return true;
  };
  const CaseId second = world.chance.NewId<CaseId>();
  Act(kNyborg, event::RequestTransfer{second, second_relocation, agreement});
  ASSERT_TRUE(world.Settle());
  EXPECT_TRUE(swapped);
  EXPECT_EQ(TransferAt(kOdense, second), domain::TransferState::kDone) << "the true opening came with the next try";
  EXPECT_THAT(ReadLog(world.node(kOdense)).rejections, Contains(Key("OPENING_FOREIGN")));
}

TEST_F(Transfer, ATouchedReceiptIsNotCountedAndComesAgain) {
  CaseId agreement;
  Agree(kNyborg, agreement);
  using Change = std::function<void(v1::Receipt&)>;
  std::vector<Change> changes;
  const auto flip = [](std::string& bytes, size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ 1); };
  changes.push_back([=](v1::Receipt& receipt) { flip(*receipt.mutable_checkpoint(), 3); });
  changes.push_back([=](v1::Receipt& receipt) { flip(*receipt.mutable_checkpoint(), 40); });
  changes.push_back([=](v1::Receipt& receipt) { flip(*receipt.mutable_leaves(0), 4); });
  changes.push_back([=](v1::Receipt& receipt) { receipt.mutable_leaves(0)->pop_back(); });
  changes.push_back([=](v1::Receipt& receipt) { receipt.set_leaf_indices(0, receipt.leaf_indices(0) + 1); });
  changes.push_back([=](v1::Receipt& receipt) { receipt.set_consistency_from(receipt.consistency_from() + 1); });
  changes.push_back([=](v1::Receipt& receipt) { receipt.clear_leaves(); });
  changes.push_back([=](v1::Receipt& receipt) { receipt.add_multi_proof(std::string(32, 'x')); });
  size_t next = 0;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from != kOdense || to != kNyborg || !message.has_answer() || !message.answer().has_receipt()) return true;
    if (next < changes.size()) changes[next++](*message.mutable_answer()->mutable_receipt());
    return true;
  };
  const uint64_t receipted = world.node(kNyborg).log().peer(kOdense).receipted.value();
  Act(kNyborg,
      event::ProposeEnrolment{world.chance.NewId<CaseId>(), kOdense, SimCitizen(5), agreement, Date(2026, 3, 2)});
  for (int turn = 0; turn < 10'000 && next < changes.size(); ++turn) {
    ASSERT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), receipted);
    world.RunFor(absl::Milliseconds(100));
  }
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.node(kNyborg).log().peer(kOdense).receipted.value(), receipted + 1);
  uint64_t counted = 0;
  for (const auto& [rule, count] : ReadLog(world.node(kNyborg)).rejections) counted += count;
  EXPECT_EQ(counted, changes.size());
  ExpectDelivered(world.node(kNyborg), world.node(kOdense));
}

TEST_F(Transfer, AKeyThatTheRecipientLostIsGrantedAgain) {
  CaseId agreement;
  Agree(kNyborg, agreement);
  std::string key_id;
  std::vector<int> grants;
  world.network.tamper = [&](AuthorityId from, AuthorityId to, v1::PeerMessage& message) {
    if (from != kNyborg || to != kOdense || !message.has_batch()) return true;
    key_id = message.batch().key_ids(message.batch().key_ids_size() - 1);
    grants.push_back(message.batch().grants_size());
    return true;
  };
  const CaseId id = world.chance.NewId<CaseId>();
  Act(kNyborg, event::ProposeEnrolment{id, kOdense, SimCitizen(5), agreement, Date(2026, 3, 2)});
  ASSERT_TRUE(world.Settle());
  ASSERT_EQ(grants, std::vector<int>{1});

  SimNode& odense = world.node(kOdense);
  store::Batch lost;
  lost.Delete(store::Table::kKeys, "d" + key_id);
  ASSERT_TRUE(odense.store().Commit(lost, store::Durability::kSynced).ok());
  odense.Crash();
  odense.Boot();
  ASSERT_FALSE(odense.keys().Has(*KeyId::FromBytes(key_id)));
  Act(kNyborg, event::RenumberCitizen{id, SimCitizen(6)});
  ASSERT_TRUE(world.Settle());
  ASSERT_GE(grants.size(), 3U);
  EXPECT_EQ(grants[1], 0) << "its receipt was held";
  EXPECT_EQ(grants.back(), 1) << "it was asked for";
  EXPECT_THAT(ReadLog(odense).rejections, Contains(Key("KEY_MISSING")));
  EXPECT_TRUE(odense.keys().Has(*KeyId::FromBytes(key_id)));
}

TEST_F(Transfer, DaysOfOutageLoseNothingAndKeysAreSealedAgain) {
  CaseId agreement;
  Agree(kNyborg, agreement);
  world.node(kOdense).Crash();
  for (uint64_t i = 0; i < 5; ++i) {
    Act(kNyborg,
        event::ProposeEnrolment{world.chance.NewId<CaseId>(), kOdense, SimCitizen(i), agreement, Date(2026, 3, 2)});
  }
  world.RunFor(absl::Hours(24 * 20));  // more than two epochs of exchange keys
  EXPECT_FALSE(world.node(kNyborg).exchange().StatusOf(kOdense).delivery.connected);
  world.node(kOdense).Boot();
  ASSERT_TRUE(world.Settle());
  ExpectDelivered(world.node(kNyborg), world.node(kOdense));
  EXPECT_TRUE(world.node(kNyborg).exchange().StatusOf(kOdense).delivery.connected);
  EXPECT_EQ(world.node(kOdense).StateNow().enrolments().size(), 5U);
}

}  // namespace
}  // namespace medflyt::testing
