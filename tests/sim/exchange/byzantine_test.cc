// A peer that lies. Each lie is rejected or refused, recorded, and changes nothing.
#include <gmock/gmock.h>

#include "common/entry/opening.h"
#include "common/event/catalogue.h"
#include "common/tlog/fork_proof.h"
#include "server/exchange/fork_evidence.h"
#include "tests/sim/exchange/byzantine_peer.h"
#include "tests/support/log_handover.h"

namespace medflyt::testing {
namespace {

using ::testing::ElementsAre;

TEST_F(ByzantinePeer, AnHonestBatchIsTaken) {
  const Prepared first = Begin();
  EXPECT_NE(world.node(kOdense).StateNow().FindAgreement(first.event.header.case_id), nullptr);
  EXPECT_FALSE(forger.closed());
}

TEST_F(ByzantinePeer, AnyFlippedByteOfABatchIsRejectedAndTheTrueOneTaken) {
  Begin();
  const Prepared second = Prepare(2);
  std::vector<std::pair<std::string, v1::EventBatch>> altered;
  const auto alter = [&](const std::string& what, const std::function<void(v1::EventBatch&)>& change) {
    v1::EventBatch batch = second.batch;
    change(batch);
    if (batch.SerializeAsString() != second.batch.SerializeAsString()) altered.emplace_back(what, batch);
  };
  const auto flip = [](std::string& bytes, size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ 1); };
  const auto flip_some = [&](const std::string& what, const std::function<std::string*(v1::EventBatch&)>& field) {
    v1::EventBatch probe = second.batch;
    const size_t size = field(probe)->size();
    for (size_t at = 0; at < size; at += std::max<size_t>(1, size / 7)) {
      alter(what + " byte " + std::to_string(at), [&](v1::EventBatch& batch) { flip(*field(batch), at); });
    }
    alter(what + " cut", [&](v1::EventBatch& batch) { field(batch)->pop_back(); });
    alter(what + " extended", [&](v1::EventBatch& batch) { field(batch)->push_back('\0'); });
  };
  flip_some("checkpoint", [](v1::EventBatch& batch) { return batch.mutable_checkpoint(); });
  for (int i = 0; i < second.batch.consistency_proof_size(); ++i) {
    flip_some("consistency", [i](v1::EventBatch& batch) { return batch.mutable_consistency_proof(i); });
  }
  for (int i = 0; i < second.batch.entries_size(); ++i) {
    flip_some("entry", [i](v1::EventBatch& batch) { return batch.mutable_entries(i); });
  }
  for (int i = 0; i < second.batch.multi_proof_size(); ++i) {
    flip_some("multi-proof", [i](v1::EventBatch& batch) { return batch.mutable_multi_proof(i); });
  }
  flip_some("key id", [](v1::EventBatch& batch) { return batch.mutable_key_ids(1); });
  flip_some("grant's key id", [](v1::EventBatch& batch) { return batch.mutable_grants(0)->mutable_key_id(); });
  flip_some("sealed grant", [](v1::EventBatch& batch) { return batch.mutable_grants(0)->mutable_sealed(); });
  alter("grant's epoch", [](v1::EventBatch& batch) { batch.mutable_grants(0)->set_exchange_epoch(1); });
  alter("consistency base", [](v1::EventBatch& batch) { batch.set_consistency_from(batch.consistency_from() - 1); });
  alter("first contact again", [](v1::EventBatch& batch) {
    batch.set_consistency_from(0);
    batch.clear_consistency_proof();
  });
  alter("index", [](v1::EventBatch& batch) { batch.set_indices(1, batch.indices(1) - 1); });
  alter("index beyond", [](v1::EventBatch& batch) { batch.set_indices(1, batch.indices(1) + 1); });
  alter("no proof", [](v1::EventBatch& batch) { batch.clear_multi_proof(); });
  alter("no grant", [](v1::EventBatch& batch) { batch.clear_grants(); });
  alter("no key ids", [](v1::EventBatch& batch) { batch.clear_key_ids(); });
  ASSERT_GT(altered.size(), 40U);

  const Standing before = Now();
  forger.set_receipted(1);
  for (const auto& [what, batch] : altered) {
    SCOPED_TRACE(what);
    forger.Dial();
    forger.Send(batch);
    const std::string rule = forger.AnswerRule();
    EXPECT_NE(rule, "RECEIPT");
    EXPECT_NE(rule, "SILENCE");
    EXPECT_TRUE(forger.closed());
  }
  EXPECT_TRUE(Now() == before);
  uint64_t counted = 0;
  for (const auto& [rule, count] : Rejections()) counted += count;
  EXPECT_EQ(counted, altered.size());

  forger.Dial();
  forger.Send(second.batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_EQ(Received(), 2U);
}

TEST_F(ByzantinePeer, AGapConsumesNoNumber) {
  Begin();
  ExpectRejected(Prepare(3).batch, "NUMBER_GAP");
  EXPECT_EQ(Received(), 1U);
}

TEST_F(ByzantinePeer, NumbersOfABatchAreConsecutive) {
  Begin();
  const auto secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret);
  const LeafIndex one = forger.AppendEvent(forger.NewProposal(2), secret);
  const LeafIndex two = forger.AppendEvent(forger.NewProposal(4), secret);
  v1::EventBatch batch = forger.Batch({grant, one, two}, secret);
  forger.AddGrant(batch, secret);
  ExpectRejected(batch, "NUMBER_GAP");
}

TEST_F(ByzantinePeer, ANumberIsNotUsedTwice) {
  Begin();
  ExpectRejected(Prepare(1).batch, "NUMBER_REUSED");
}

TEST_F(ByzantinePeer, AnEventIdIsNotUsedTwice) {
  const Prepared first = Begin();
  event::Event second = forger.NewProposal(2);
  second.header.id = first.event.header.id;
  const LeafIndex leaf = forger.AppendEvent(second, first.secret);
  ExpectRejected(forger.Batch({leaf}, first.secret), "EVENT_ID_REUSED");
}

TEST_F(ByzantinePeer, AnIdenticalRedeliveryGetsItsReceiptAgain) {
  const Prepared first = Begin();
  const Standing before = Now();
  const uint64_t size = world.node(kOdense).log().head().size.value();
  forger.Send(forger.Batch({LeafIndex(1)}, first.secret));
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  // On a new link its receipt is repeated unasked, because the peer says that it holds none.
  forger.Dial();
  const auto repeated = forger.Answer();
  ASSERT_TRUE(repeated.has_value());
  EXPECT_EQ(repeated->batch_sequence(), 0U);
  EXPECT_EQ(repeated->receipt().leaves_size(), 1);
  EXPECT_TRUE(Now() == before);
  EXPECT_EQ(world.node(kOdense).log().head().size.value(), size) << "a redelivery was logged";
}

TEST_F(ByzantinePeer, AnEventForAnotherIsRejected) {
  Begin();
  const auto secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret);
  event::Event event = forger.NewProposal(2);
  event.header.recipient = kKerteminde;
  const LeafIndex leaf = forger.AppendEvent(event, secret);
  v1::EventBatch batch = forger.Batch({grant, leaf}, secret);
  forger.AddGrant(batch, secret);
  ExpectRejected(batch, "RECIPIENT_FOREIGN");
}

TEST_F(ByzantinePeer, AnEventOfAnotherIssuerIsRejected) {
  Begin();
  const auto secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret);
  event::Event event = forger.NewProposal(2);
  event.header.issuer = kKerteminde;
  const LeafIndex leaf = forger.AppendEvent(event, secret);
  v1::EventBatch batch = forger.Batch({grant, leaf}, secret);
  forger.AddGrant(batch, secret);
  ExpectRejected(batch, "ISSUER_FOREIGN");
}

TEST_F(ByzantinePeer, AnUnknownKeyIsNamedInTheFault) {
  Begin();
  const auto secret = forger.NewKey();
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2), secret);
  const Standing before = Now();
  forger.Send(forger.Batch({leaf}, secret));
  const auto answer = forger.Answer();
  ASSERT_TRUE(answer.has_value() && answer->has_fault());
  EXPECT_EQ(answer->fault().rule(), "KEY_MISSING");
  EXPECT_THAT(answer->fault().missing_key_ids(), ElementsAre(std::string(secret.id.bytes())));
  EXPECT_EQ(answer->fault().expected_number(), 2U);
  EXPECT_TRUE(Now() == before);
}

TEST_F(ByzantinePeer, ARetiredLogKeySignsNothingBeyondItsEnd) {
  Begin();
  // Nyborg's new card: the old key signs up to the size of the next batch, and no further.
  const Prepared second = Prepare(2);
  const uint64_t accepted = forger.log.size();
  directory::Authority nyborg = *world.directory.Find(kNyborg);
  const auto successor = tlog::NoteSigner::Create(forger.log.origin(), crypto::Signer(crypto::Key::Random()));
  const LeafIndex record = AppendHandover(forger.log, successor->verifier_key());
  const TreeSize end(forger.log.size());
  nyborg.logs.back().keys.back().until = end;
  nyborg.logs.back().keys.push_back(
      {successor->verifier_key(), end, std::nullopt, HandoverProof(forger.log, record, end.value(), {*successor})});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(nyborg));
  forger.Send(second.batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("")) << "what it signed before its end stays valid";
  EXPECT_EQ(Received(), 2U);
  forger.set_accepted(accepted);
  ExpectRejected(Prepare(3).batch, "NOTE_UNSIGNED");
  EXPECT_EQ(Received(), 2U);
}

TEST_F(ByzantinePeer, AnotherKeyThanTheEntrysIsRejected) {
  const Prepared first = Begin();
  const auto secret = forger.NewKey();
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2), secret);
  ExpectRejected(forger.Batch({leaf}, first.secret), "KEY_COMMITMENT_MISMATCH");
}

TEST_F(ByzantinePeer, AGrantWithoutItsRecordIsRejected) {
  Begin();
  const auto secret = forger.NewKey();
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2), secret);
  v1::EventBatch batch = forger.Batch({leaf}, secret);
  forger.AddGrant(batch, secret);
  ExpectRejected(batch, "GRANT_NOT_LOGGED");
}

TEST_F(ByzantinePeer, AGrantToAnotherIsRejected) {
  Begin();
  const auto secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret, kKerteminde);
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2), secret);
  v1::EventBatch batch = forger.Batch({grant, leaf}, secret);
  forger.AddGrant(batch, secret);
  ExpectRejected(batch, "GRANT_FOREIGN");
}

TEST_F(ByzantinePeer, AnotherKeyThanTheOneCommittedToIsRejected) {
  Begin();
  const auto secret = forger.NewKey();
  Forger::Secret other = forger.NewKey();
  other.id = secret.id;
  const LeafIndex grant = forger.AppendGrant(secret);
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2), other);
  v1::EventBatch batch = forger.Batch({grant, leaf}, secret);
  forger.AddGrant(batch, other);
  ExpectRejected(batch, "GRANT_COMMITMENT_MISMATCH");
}

TEST_F(ByzantinePeer, AGrantToADestroyedExchangeKeyIsAskedForAgain) {
  Begin();
  Prepared second = Prepare(2);
  second.batch.mutable_grants(0)->set_exchange_epoch(17);
  const Standing before = Now();
  forger.Send(second.batch);
  const auto answer = forger.Answer();
  ASSERT_TRUE(answer.has_value() && answer->has_fault());
  EXPECT_EQ(answer->fault().rule(), "EXCHANGE_KEY_DESTROYED");
  EXPECT_THAT(answer->fault().missing_key_ids(), ElementsAre(std::string(second.secret.id.bytes())));
  EXPECT_TRUE(Now() == before);
}

TEST_F(ByzantinePeer, WhatCannotBeReadIsRefusedAndConsumesItsNumber) {
  const Prepared first = Begin();
  const std::string state = Now().state;
  const LeafIndex garbage = forger.AppendContent(world.chance.NewId<EventId>(), "no content", first.secret);
  // A ciphertext that does not open, in an entry whose commitment holds.
  std::string broken =
      *entry::SealEntry(world.chance.NewId<EventId>(), world.chance.NewId<crypto::Nonce>(),
                        Forger::ContentOf(forger.NewProposal(3)), first.secret.key, forger.log.origin());
  broken.back() = static_cast<char>(broken.back() ^ 1);
  const LeafIndex unopened = forger.log.Append(broken);
  const LeafIndex no_entry = forger.log.Append("these bytes are no entry");
  v1::EventBatch batch = forger.Batch({garbage, unopened, no_entry}, first.secret);
  batch.set_key_ids(2, std::string(first.secret.id.bytes()));
  forger.Send(batch);
  EXPECT_THAT(forger.ReceiptedRules(),
              ElementsAre("CONTENT_MALFORMED", "ENTRY_SEAL_BROKEN", "LEDGER_RECORD_MALFORMED"));
  EXPECT_EQ(Received(), 4U);
  EXPECT_TRUE(Now().state == state);

  // Sent again, they are not refused a second time.
  const uint64_t size = world.node(kOdense).log().head().size.value();
  forger.set_accepted(forger.log.size());
  batch.set_consistency_from(forger.log.size());
  batch.clear_consistency_proof();
  forger.Send(batch);
  EXPECT_THAT(forger.ReceiptedRules(),
              ElementsAre("CONTENT_MALFORMED", "ENTRY_SEAL_BROKEN", "LEDGER_RECORD_MALFORMED"));
  EXPECT_EQ(world.node(kOdense).log().head().size.value(), size);
}

TEST_F(ByzantinePeer, WhatIsIssuedWithoutRightIsRefused) {
  const Prepared first = Begin();
  const std::string state = Now().state;
  const LeafIndex leaf =
      forger.AppendEvent(forger.NewEvent(2, event::EnrolmentStarted{Date(2026, 3, 1)}), first.secret);
  forger.Send(forger.Batch({leaf}, first.secret));
  const auto rules = forger.ReceiptedRules();
  ASSERT_EQ(rules.size(), 1U);
  EXPECT_NE(rules[0], "");
  EXPECT_EQ(Received(), 2U);
  EXPECT_TRUE(Now().state == state);
}

TEST_F(ByzantinePeer, AKeyOpensNoEventOfAnotherCaseOrRetentionClass) {
  const Prepared first = Begin();
  const std::string state = Now().state;
  const size_t keys = Now().keys;
  const LeafIndex leaf = forger.AppendEvent(forger.NewProposal(2), first.secret);  // lawful but for its key
  forger.Send(forger.Batch({leaf}, first.secret));
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("KEY_PURPOSE_MISMATCH"));
  EXPECT_EQ(Received(), 2U);
  EXPECT_TRUE(Now().state == state);
  forger.set_accepted(forger.log.size());

  // Nor within the batch that grants the key, whose first event says what it is for.
  const auto secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret);
  const event::Event good = forger.NewProposal(3);
  const LeafIndex third = forger.AppendEvent(good, secret);
  const LeafIndex fourth = forger.AppendEvent(forger.NewProposal(4), secret);
  v1::EventBatch batch = forger.Batch({grant, third, fourth}, secret);
  forger.AddGrant(batch, secret);
  forger.Send(batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("", "KEY_PURPOSE_MISMATCH"));
  EXPECT_EQ(Now().keys, keys + 1);
  EXPECT_NE(world.node(kOdense).StateNow().FindAgreement(good.header.case_id), nullptr);
  forger.set_accepted(forger.log.size());

  // One case, and two classes: an enrolment's key is gone before what an agreement says may go.
  const auto enrolments = forger.NewKey();
  const LeafIndex granted = forger.AppendGrant(enrolments);
  const event::Event enrolment =
      forger.NewEvent(5, event::EnrolmentProposed{SimCitizen(6), first.event.header.case_id, Date(2026, 4, 1)});
  event::Event agreement = forger.NewProposal(6);
  agreement.header.case_id = enrolment.header.case_id;
  const LeafIndex fifth = forger.AppendEvent(enrolment, enrolments);
  const LeafIndex sixth = forger.AppendEvent(agreement, enrolments);
  v1::EventBatch both = forger.Batch({granted, fifth, sixth}, enrolments);
  forger.AddGrant(both, enrolments);
  forger.Send(both);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("", "KEY_PURPOSE_MISMATCH"));
  EXPECT_EQ(world.node(kOdense).StateNow().FindAgreement(agreement.header.case_id), nullptr);
}

TEST_F(ByzantinePeer, ARequestThatNoOpeningCanBearOutIsRefusedAndTheNextEventArrives) {
  const Prepared first = Begin();
  const event::AnnouncementRef nowhere{"medflyt.example/11111111/1", LeafIndex(0), world.chance.NewId<event::Hash>()};
  event::TransferRequested request{SimCitizen(1), world.chance.NewId<CaseId>(), nowhere, Date(2026, 4, 1)};
  const LeafIndex unknown = forger.AppendEvent(forger.NewEvent(2, request), first.secret);
  request.announcement.origin = std::string(world.node(kOdense).log().origin());
  const LeafIndex unopened = forger.AppendEvent(forger.NewEvent(3, request), first.secret);
  forger.Send(forger.Batch({unknown, unopened}, first.secret));
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("OPENING_FOREIGN", "OPENING_MISSING"));
  EXPECT_EQ(Received(), 3U);
  forger.set_accepted(forger.log.size());

  const Prepared next = Prepare(4);
  forger.Send(next.batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_EQ(Received(), 4U);
  EXPECT_NE(world.node(kOdense).StateNow().FindAgreement(next.event.header.case_id), nullptr);
}

TEST_F(ByzantinePeer, AnAnnouncementBeyondTheEndOfItsClosedLogIsRefusedAndTheNextEventArrives) {
  const Prepared first = Begin();
  // Kerteminde has announced somebody to Nyborg, was recovered without Nyborg, and its card ends the log before that.
  EvidenceLog closed("medflyt.example/29189706/1", 30);
  EvidenceLog forged(closed.origin(), 99);
  const Forger::Secret secret = forger.NewKey();
  event::Event announcement =
      forger.NewEvent(1, event::RelocationAnnounced{SimCitizen(1), kOdense, *MunicipalityCode::Parse("0440"),
                                                    *MunicipalityCode::Parse("0450"), Date(2026, 4, 1), "rsl-12c"});
  announcement.header.issuer = kKerteminde;
  announcement.header.recipient = kNyborg;
  const std::string sealed = *entry::SealEntry(announcement.header.id, world.chance.NewId<crypto::Nonce>(),
                                               Forger::ContentOf(announcement), secret.key, closed.origin());
  LeafIndex announced;
  for (EvidenceLog* log : {&closed, &forged}) {
    log->Append("what was there before");
    announced = log->Append(sealed);
  }
  directory::Authority card = *world.directory.Find(kKerteminde);
  const std::string next_log = "medflyt.example/29189706/2";
  card.logs.back().keys.back().until = TreeSize(closed.size());
  card.logs.push_back({next_log, {{NoteSignerOf(next_log, 42).verifier_key(), TreeSize(0), std::nullopt}}});
  world.node(kOdense).exchange().OnDirectoryChanged(*world.directory.With(card));

  const event::Event asked =
      forger.NewEvent(2, event::TransferRequested{SimCitizen(1),
                                                  world.chance.NewId<CaseId>(),
                                                  {closed.origin(), announced, closed.leaf_hash(announced)},
                                                  Date(2026, 4, 1)});
  const LeafIndex leaf = forger.AppendEvent(asked, first.secret);
  const auto opened_under = [&](const EvidenceLog& log) {
    v1::EventBatch batch = forger.Batch({leaf}, first.secret);
    v1::Opening& opening = *batch.add_openings();
    opening.set_for_event_id(std::string(asked.header.id.bytes()));
    opening.set_entry(sealed);
    opening.set_exchange_epoch(forger.greeting.exchange_key().epoch());
    opening.set_sealed_event_key(*entry::SealEventKey(
        {closed.origin(), announcement.header.id, kOdense}, entry::EventKeyOf(secret.key, announcement.header.id),
        *crypto::ExchangePublicKey::FromBytes(forger.greeting.exchange_key().public_key())));
    opening.set_tlog_proof(log.Proof(announced, log.size()).Serialize());
    return batch;
  };
  ExpectRejected(opened_under(forged), "OPENING_INVALID");  // that head says nothing of Kerteminde's log
  forger.Dial();
  (void)forger.Answer();  // the receipt of the first, repeated
  forger.Send(opened_under(closed));
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("OPENING_FOREIGN"));
  EXPECT_EQ(Received(), 2U);
  forger.set_accepted(forger.log.size());
  const Prepared next = Prepare(3);
  forger.Send(next.batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_EQ(Received(), 3U);
}

TEST_F(ByzantinePeer, ATestNumberIsRefusedInProductionInEveryEvent) {
  const std::string digits(SimCitizen(5).ExposeDigits());
  world.options.refused_numbers = {{digits, digits}};
  world.node(kOdense).Crash();
  world.node(kOdense).Boot();
  world.RunFor(absl::Seconds(1));
  const Prepared first = Begin();
  const std::string state = Now().state;
  const auto append = [&](uint64_t number, event::Body body) {
    return forger.AppendEvent(forger.NewEvent(number, std::move(body)), first.secret);
  };
  const CaseId agreement = first.event.header.case_id;
  const event::AnnouncementRef nowhere{"medflyt.example/11111111/1", LeafIndex(0), world.chance.NewId<event::Hash>()};
  const std::vector<LeafIndex> leaves = {
      append(2, event::EnrolmentProposed{SimCitizen(5), agreement, Date(2026, 4, 1)}),
      append(3, event::TransferRequested{SimCitizen(5), agreement, nowhere, Date(2026, 4, 1)}),
      append(4, event::CitizenRenumbered{SimCitizen(5)}),
  };
  forger.Send(forger.Batch(leaves, first.secret));
  EXPECT_THAT(forger.ReceiptedRules(),
              ElementsAre("TEST_NUMBER_IN_PRODUCTION", "TEST_NUMBER_IN_PRODUCTION", "TEST_NUMBER_IN_PRODUCTION"));
  EXPECT_EQ(Received(), 4U);
  EXPECT_TRUE(Now().state == state);
  // Another citizen is taken.
  forger.set_accepted(forger.log.size());
  const auto secret = forger.NewKey();
  const LeafIndex grant = forger.AppendGrant(secret);
  const LeafIndex other = forger.AppendEvent(
      forger.NewEvent(5, event::EnrolmentProposed{SimCitizen(6), agreement, Date(2026, 4, 1)}), secret);
  v1::EventBatch batch = forger.Batch({grant, other}, secret);
  forger.AddGrant(batch, secret);
  forger.Send(batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
}

TEST_F(ByzantinePeer, AnAnnouncementNewerThanThisProgramPausesTheDelivery) {
  const Prepared first = Begin();
  // The announcement stands in Nyborg's own log, proven, of a version to come.
  const event::Event announcement =
      forger.NewEvent(2, event::RelocationAnnounced{SimCitizen(1), kOdense, *MunicipalityCode::Parse("0450"),
                                                    *MunicipalityCode::Parse("0440"), Date(2026, 4, 1), "rsl-12c"});
  std::string newer = Forger::ContentOf(announcement);
  newer.append("\xc2\x3e\x00", 3);  // field 1000, a message
  const LeafIndex announced = forger.AppendContent(announcement.header.id, newer, first.secret);
  const auto request = [&](uint64_t number, const event::Hash& leaf_hash) {
    return forger.NewEvent(number, event::TransferRequested{SimCitizen(1),
                                                            world.chance.NewId<CaseId>(),
                                                            {forger.log.origin(), announced, leaf_hash},
                                                            Date(2026, 4, 1)});
  };
  const auto send = [&](const event::Event& event) {
    const LeafIndex leaf = forger.AppendEvent(event, first.secret);
    v1::EventBatch batch = forger.Batch({leaf}, first.secret);
    v1::Opening& opening = *batch.add_openings();
    opening.set_for_event_id(std::string(event.header.id.bytes()));
    opening.set_entry(std::string(forger.log.entry(announced)));
    opening.set_exchange_epoch(forger.greeting.exchange_key().epoch());
    opening.set_sealed_event_key(
        *entry::SealEventKey({forger.log.origin(), announcement.header.id, kOdense},
                             entry::EventKeyOf(first.secret.key, announcement.header.id),
                             *crypto::ExchangePublicKey::FromBytes(forger.greeting.exchange_key().public_key())));
    opening.set_tlog_proof(forger.log.Proof(announced, forger.log.size()).Serialize());
    forger.Send(batch);
  };
  const event::Event asked = request(2, forger.log.leaf_hash(announced));
  send(asked);
  EXPECT_EQ(forger.AnswerRule(), "EVENT_TYPE_UNKNOWN");
  EXPECT_EQ(Received(), 1U);
  EXPECT_EQ(world.node(kOdense).exchange().StatusOf(kNyborg).reception.paused, "EVENT_TYPE_UNKNOWN");
  EXPECT_EQ(world.node(kOdense).logger.events.count("delivery_paused"), 1U);
  EXPECT_TRUE(Rejections().empty()) << "waiting is not the peer's fault";

  // What cannot be read and is not what the request names is no reason to wait.
  forger.Dial();
  (void)forger.Answer();  // the receipt of the first, repeated
  send(request(2, world.chance.NewId<event::Hash>()));
  EXPECT_EQ(forger.AnswerRule(), "OPENING_FOREIGN");
  EXPECT_EQ(Rejections().at("OPENING_FOREIGN"), 1U);
}

TEST_F(ByzantinePeer, WhatIsNewerThanThisProgramPausesTheDelivery) {
  const Prepared first = Begin();
  const event::Event known = forger.NewProposal(2);
  std::string newer = Forger::ContentOf(forger.NewProposal(3));
  newer.append("\xc2\x3e\x00", 3);  // field 1000, a message
  const LeafIndex before = forger.AppendEvent(known, first.secret);
  const LeafIndex leaf = forger.AppendContent(world.chance.NewId<EventId>(), newer, first.secret);
  forger.Send(forger.Batch({before, leaf}, first.secret));
  EXPECT_EQ(forger.AnswerRule(), "EVENT_TYPE_UNKNOWN");
  EXPECT_EQ(Received(), 2U) << "what could be read before it is taken";
  EXPECT_EQ(world.node(kOdense).exchange().StatusOf(kNyborg).reception.paused, "EVENT_TYPE_UNKNOWN");
  EXPECT_EQ(world.node(kOdense).logger.events.count("delivery_paused"), 1U);
  EXPECT_EQ(Rejections().count("EVENT_TYPE_UNKNOWN"), 0U) << "waiting is not the peer's fault";
}

TEST_F(ByzantinePeer, ALedgerRecordOfAnotherKindIsRejected) {
  Begin();
  wire::LedgerCodec codec;
  const LeafIndex leaf =
      forger.log.Append(*codec.Encode({world.timeline.Now(), wire::KeyDestroyed{world.chance.NewId<KeyId>()}}));
  ExpectRejected(forger.Batch({leaf}, forger.NewKey()), "RECORD_UNEXPECTED");
}

TEST_F(ByzantinePeer, ABatchOutOfSequenceIsRejected) {
  Begin();
  v1::EventBatch batch = Prepare(2).batch;
  batch.set_sequence(7);
  const Standing before = Now();
  forger.SendAsIs(batch);
  EXPECT_EQ(forger.AnswerRule(), "SEQUENCE_GAP");
  EXPECT_TRUE(Now() == before);
}

TEST_F(ByzantinePeer, AForkIsProvenKeptAndEndsTheExchange) {
  Begin();
  // Another log of the same key, as long as the one that was accepted.
  EvidenceLog other("medflyt.example/29189722/1", 20);
  while (other.size() < forger.log.size()) other.Append("another entry " + std::to_string(other.size()));
  v1::EventBatch batch = other.Batch({LeafIndex(0)}, other.size(), other.size());
  batch.set_key_ids(0, std::string(forger.NewKey().id.bytes()));
  ExpectRejected(batch, "LOG_FORKED");

  const auto evidence = exchange::ReadForkEvidence(world.node(kOdense).store());
  ASSERT_TRUE(evidence.ok());
  ASSERT_EQ(evidence->size(), 1U);
  EXPECT_EQ(evidence->front().peer, kNyborg);
  EXPECT_TRUE(evidence->front().proven);
  EXPECT_EQ(evidence->front().accepted_note, forger.log.Note(forger.log.size()));
  EXPECT_EQ(evidence->front().presented_note, other.Note(other.size()));
  EXPECT_EQ(world.node(kOdense).logger.events.count("log_fork_proven"), 1U);

  // Not even the honest log is taken any more.
  forger.Dial();
  EXPECT_EQ(forger.AnswerRule(), "LOG_FORKED");
  ExpectForkedAfterARestart();
}

// Forks of heads that are not stored, or not yet.
class ForkOfAHead : public ByzantinePeer {
 protected:
  // A batch under a head of the size that the forger's log has now, with another root.
  v1::EventBatch Contradiction() {
    EvidenceLog other("medflyt.example/29189722/1", 20);
    while (other.size() < forger.log.size()) other.Append("another entry " + std::to_string(other.size()));
    v1::EventBatch batch = other.Batch({LeafIndex(0)}, other.size(), other.size());
    batch.set_key_ids(0, std::string(forger.NewKey().id.bytes()));
    return batch;
  }
  // What is kept convinces whoever has the log's key and nothing else.
  void ExpectProvenBy(const std::string& accepted, const std::string& presented) {
    const auto evidence = exchange::ReadForkEvidence(world.node(kOdense).store());
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    ASSERT_EQ(evidence->size(), 1U);
    EXPECT_TRUE(evidence->front().proven);
    EXPECT_EQ(evidence->front().accepted_note, accepted);
    EXPECT_EQ(evidence->front().presented_note, presented);
    const auto proven = tlog::VerifyForkProof({evidence->front().accepted_note, evidence->front().presented_note},
                                              forger.log.identity().keys);
    EXPECT_TRUE(proven.ok()) << proven.status();
  }
};

TEST_F(ForkOfAHead, ThatCameWithARepeatedBatchAloneIsKeptWithItsProof) {
  const Prepared first = Begin();
  forger.log.Append("an entry of another pair");
  forger.Send(forger.Batch({LeafIndex(1)}, first.secret));
  ASSERT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  ASSERT_NE(world.node(kOdense).log().peer(kNyborg).by_batch.size, TreeSize(forger.log.size())) << "it is stored";
  const v1::EventBatch contradiction = Contradiction();
  ExpectRejected(contradiction, "LOG_FORKED");
  ExpectProvenBy(forger.log.Note(forger.log.size()), contradiction.checkpoint());
}

TEST_F(ForkOfAHead, ThatIsInFlightIsKeptWithItsProof) {
  Begin();
  const v1::EventBatch in_flight = Prepare(2).batch;
  const v1::EventBatch contradiction = Contradiction();
  forger.PourNext(in_flight);
  forger.PourNext(contradiction);
  world.RunFor(absl::Seconds(1));
  EXPECT_EQ(forger.AnswerRule(), "LOG_FORKED") << "at once: the one before is not answered";
  ExpectProvenBy(in_flight.checkpoint(), contradiction.checkpoint());
}

TEST_F(ByzantinePeer, AnInconsistentLogIsHeldNotAccused) {
  Begin();
  EvidenceLog other("medflyt.example/29189722/1", 20);
  while (other.size() < forger.log.size() + 3) other.Append("another entry " + std::to_string(other.size()));
  v1::EventBatch batch = other.Batch({LeafIndex(2)}, forger.log.size(), other.size());
  batch.set_key_ids(0, std::string(forger.NewKey().id.bytes()));
  ExpectRejected(batch, "CONSISTENCY_PROOF_INVALID");
  const auto evidence = exchange::ReadForkEvidence(world.node(kOdense).store());
  ASSERT_TRUE(evidence.ok());
  ASSERT_EQ(evidence->size(), 1U);
  EXPECT_FALSE(evidence->front().proven);

  // With a log that goes on from what was accepted all is well again.
  forger.Dial();
  (void)forger.Answer();  // the receipt of the first, repeated
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
}

TEST_F(ByzantinePeer, ARolledBackLogIsHeld) {
  Begin();
  EvidenceLog earlier("medflyt.example/29189722/1", 20);
  earlier.Append(forger.log.entry(LeafIndex(0)));
  v1::Hello hello = forger.Hello();
  hello.set_checkpoint(earlier.Note(1));
  forger.Dial(hello);
  EXPECT_EQ(forger.AnswerRule(), "CHECKPOINT_BEHIND");
  EXPECT_TRUE(forger.closed());
}

TEST_F(ByzantinePeer, AHelloThatIsNotThePeersIsRejected) {
  Begin();
  const auto expect = [this](const std::string& rule, const std::function<void(v1::Hello&)>& change) {
    SCOPED_TRACE(rule);
    v1::Hello hello = forger.Hello();
    change(hello);
    forger.Dial(hello);
    EXPECT_EQ(forger.AnswerRule(), rule);
    EXPECT_TRUE(forger.closed());
  };
  expect("PROTOCOL_UNSUPPORTED", [](v1::Hello& hello) { hello.set_protocol(2); });
  expect("HELLO_AUTHORITY_MISMATCH", [](v1::Hello& hello) { hello.set_authority(kKerteminde.number()); });
  expect("HELLO_ADDRESSEE_MISMATCH", [](v1::Hello& hello) { hello.set_addressee(kKerteminde.number()); });
  expect("HELLO_ORIGIN_MISMATCH", [](v1::Hello& hello) { hello.set_origin("medflyt.example/29189706/1"); });
  expect("NOTE_UNSIGNED",
         [](v1::Hello& hello) { hello.set_checkpoint(EvidenceLog("medflyt.example/29189722/1", 99).Note(0)); });
  expect("EXCHANGE_KEY_INVALID",
         [](v1::Hello& hello) { hello.mutable_exchange_key()->set_epoch(hello.exchange_key().epoch() + 1); });
  expect("EXCHANGE_KEY_EXPIRED", [this](v1::Hello& hello) {
    const auto card = entry::SignExchangeKey(forger.log.signer(), forger.log.origin(), 1,
                                             *crypto::ExchangePublicKey::FromBytes(hello.exchange_key().public_key()),
                                             world.timeline.Now() - absl::Seconds(1));
    hello.mutable_exchange_key()->set_epoch(card.epoch);
    hello.mutable_exchange_key()->set_not_after_us(absl::ToUnixMicros(card.not_after));
    hello.mutable_exchange_key()->set_signature(std::string(card.signature.bytes()));
  });
  expect("OWN_LOG_BEHIND", [](v1::Hello& hello) { hello.set_accepted_size(1'000'000); });
  expect("OWN_LOG_BEHIND", [](v1::Hello& hello) { hello.set_receipted_number(2); });
  const auto rejections = Rejections();
  EXPECT_EQ(rejections.at("OWN_LOG_BEHIND"), 2U);
  EXPECT_EQ(rejections.at("EXCHANGE_KEY_EXPIRED"), 1U);
}

TEST_F(ByzantinePeer, AStrangerIsNotLetIn) {
  class Nobody final : public exchange::Link {
    void Send(v1::PeerMessage) override { ADD_FAILURE() << "a stranger was spoken to"; }
    void Next() override { ADD_FAILURE() << "a stranger was asked"; }
    void Close(const absl::Status&) override {}
  };
  const auto taken = world.node(kOdense).exchange().Accept(*AuthorityId::Parse("11111111"), std::make_shared<Nobody>());
  EXPECT_EQ(RuleOf(taken.status()), "PEER_UNKNOWN");
  world.RunFor(absl::Minutes(2));
  EXPECT_TRUE(ReadLog(world.node(kOdense)).rejections.empty()) << "only authenticated peers are recorded";
}

}  // namespace
}  // namespace medflyt::testing
