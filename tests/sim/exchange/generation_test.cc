// A peer that goes on in a new log, or under a new key, of which two officers must be told before anything of it is
// taken, unless the key before handed the log over to it.
#include <gmock/gmock.h>

#include "server/exchange/admission.h"
#include "server/exchange/cosigned_proof.h"
#include "server/exchange/fork_evidence.h"
#include "server/exchange/held_events.h"
#include "server/exchange/log_key_pins.h"
#include "tests/sim/exchange/byzantine_peer.h"
#include "tests/support/log_handover.h"

namespace medflyt::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;

constexpr std::string_view kNewOrigin = "medflyt.example/29189722/2";

// Answers whoever dials Nyborg with the forger's Hello.
class Greeter final : public exchange::LinkEvents {
 public:
  // The link keeps it, not it the link.
  Greeter(Forger& forger, const std::shared_ptr<exchange::Link>& link) : forger_(forger), link_(link) {}
  void OnMessage(v1::PeerMessage message) override {
    if (!message.has_hello()) return;
    v1::PeerMessage answer;
    *answer.mutable_hello() = forger_.Hello();
    if (const auto link = link_.lock()) link->Send(std::move(answer));
  }
  void OnSent() override {}
  void OnClosed(const absl::Status&) override {}

 private:
  Forger& forger_;
  const std::weak_ptr<exchange::Link> link_;
};

class Generation : public ByzantinePeer {
 protected:
  Generation() : old_log_(forger.log) {
    world.network.weather.queue_full_one_in = 0;
    world.network.Listen(kNyborg, life_, [this](AuthorityId, const std::shared_ptr<exchange::Link>& link) {
      dialled_.push_back(link);
      return std::make_shared<Greeter>(forger, link);
    });
    MakeAdmission();
  }
  SimNode& odense() { return world.node(kOdense); }
  void MakeAdmission() {
    admission_ = std::make_unique<exchange::Admission>(
        odense().exchange().context(),
        exchange::Admission::Surroundings{[this](AuthorityId peer) -> std::optional<exchange::CardLog> {
                                            if (peer != kNyborg) return std::nullopt;
                                            return exchange::CardLog{fingerprint_, card_};
                                          },
                                          [this](AuthorityId peer) { odense().exchange().DialNow(peer); }});
  }
  // Nyborg has exchanged one event and was recovered: the card of its new log, under the key of this seed, is known.
  void Recover(uint8_t seed = 24, const std::string& fingerprint = "3f2a 9b1c") {
    card_ = *world.directory.Find(kNyborg);
    card_.logs.back().keys.back().until = TreeSize(old_log_.size() + 1);
    card_.logs.push_back(
        {std::string(kNewOrigin), {{NoteSignerOf(kNewOrigin, seed).verifier_key(), TreeSize(0), std::nullopt}}});
    fingerprint_ = fingerprint;
    odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
    forger.log = EvidenceLog(std::string(kNewOrigin), static_cast<char>(seed));
    forger.log.Append("the first entry");
    forger.set_accepted(0);
  }
  void BeginAndRecover() {
    Begin();
    old_log_ = forger.log;
    forger.set_receipted(1);
    Recover();
    forger.HangUp();
    for (const auto& link : dialled_) link->Close(absl::UnavailableError("the node stops"));
  }
  // What the new log's greeting is answered with, where it is not a Hello.
  std::string DialRule() {
    forger.Dial();
    return forger.AnswerRule();
  }
  // An officer's word: "admitted", "waits", or the rule that it broke.
  std::string Say(const std::string& officer, const std::string& certificate, const std::string& fingerprint,
                  AuthorityId peer = kNyborg) {
    std::string said = "SILENCE";
    admission_->Admit({peer, fingerprint, officer, crypto::Sha256(certificate)},
                      [this, &said](const absl::StatusOr<exchange::Admission::Outcome>& outcome) {
                        EXPECT_TRUE(!outcome.ok() || outcome->origin == card_.logs.back().origin);
                        said = !outcome.ok() ? RuleOf(outcome.status()) : outcome->admitted ? "admitted" : "waits";
                      });
    world.RunFor(absl::Milliseconds(100));
    return said;
  }
  void Admit() {
    ASSERT_EQ(Say("anna", "one", "3f2a 9b1c"), "waits");
    ASSERT_EQ(Say("bodil", "two", "3F2A9B1C"), "admitted");
  }
  std::vector<wire::PeerGenerationAdmitted> Records() {
    std::vector<wire::PeerGenerationAdmitted> records;
    wire::LedgerCodec codec;
    EXPECT_TRUE(odense()
                    .log()
                    .reader()
                    .Visit(log::Position(0), odense().log().end(),
                           [&](log::Position, std::string_view bytes, const KeyId&) {
                             const auto record = codec.Decode(bytes);
                             if (!record.ok()) return absl::OkStatus();
                             if (const auto* one = std::get_if<wire::PeerGenerationAdmitted>(&record->record)) {
                               records.push_back(*one);
                             }
                             return absl::OkStatus();
                           })
                    .ok());
    return records;
  }

  EvidenceLog old_log_;
  directory::Authority card_;
  std::string fingerprint_;
  const Life life_ = NewLife();
  std::vector<std::shared_ptr<exchange::Link>> dialled_;
  std::unique_ptr<exchange::Admission> admission_;
};

TEST_F(Generation, NothingIsTakenOfANewLogAndNothingSentToItBeforeTwoOfficersHaveAdmittedIt) {
  BeginAndRecover();
  const Standing before = Now();
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED");
  EXPECT_TRUE(forger.closed());
  world.RunFor(absl::Minutes(2));
  const exchange::PeerStatus status = odense().exchange().StatusOf(kNyborg);
  EXPECT_EQ(status.reception.last_error, "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(status.delivery.last_error, "GENERATION_NOT_ADMITTED");
  EXPECT_FALSE(status.delivery.connected);
  EXPECT_GT(odense().logger.events["generation_not_admitted"], 1);
  EXPECT_THAT(Rejections(), Contains(Key("GENERATION_NOT_ADMITTED")));
  EXPECT_TRUE(Now() == before);

  ASSERT_EQ(Say("anna", "one", "3f2a 9b1c"), "waits");
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED") << "by one officer";
  ASSERT_EQ(Say("bodil", "two", "3f2a 9b1c"), "admitted");
  world.RunFor(absl::Seconds(1));
  EXPECT_TRUE(odense().exchange().StatusOf(kNyborg).delivery.connected) << "dialled at once";
  forger.Dial();
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_EQ(Received(), 2U);
  EXPECT_EQ(odense().log().peer(kNyborg).origin, kNewOrigin);
}

TEST_F(Generation, TheLogSaysWhoAdmittedItAndTheAdmissionOutlivesARestart) {
  BeginAndRecover();
  Admit();
  ASSERT_EQ(Records().size(), 1U);
  EXPECT_EQ(Records().front(),
            (wire::PeerGenerationAdmitted{kNyborg, std::string(kNewOrigin), card_.logs.back().keys.front().key.Format(),
                                          crypto::Sha256("one"), crypto::Sha256("two")}));
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c"), "admitted") << "asked again";
  odense().Crash();
  odense().Boot();
  odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  MakeAdmission();
  world.RunFor(absl::Seconds(1));
  EXPECT_EQ(Say("carl", "three", "3f2a 9b1c"), "admitted");
  EXPECT_EQ(Records().size(), 1U);
  EXPECT_EQ(DialRule(), "SILENCE");
  EXPECT_FALSE(forger.closed());
}

TEST_F(Generation, TwoOfficersWithTwoCertificatesNameTheCardThatIsThere) {
  BeginAndRecover();
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c", kKerteminde), "PEER_UNKNOWN");
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1d"), "CARD_FINGERPRINT_MISMATCH");
  EXPECT_EQ(Say("anna", "one", ""), "CARD_FINGERPRINT_MISMATCH");
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c"), "waits");
  EXPECT_EQ(Say("bodil", "one", "3f2a 9b1c"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Say("anna", "two", "3f2a 9b1c"), "TWO_OFFICERS_REQUIRED");
  // Another card: what was said of the last one is not said of it.
  Recover(25, "ffff 0000");
  EXPECT_EQ(Say("bodil", "two", "3f2a 9b1c"), "CARD_FINGERPRINT_MISMATCH");
  EXPECT_EQ(Say("bodil", "two", "ffff 0000"), "waits");
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(Say("anna", "one", "ffff 0000"), "admitted");
  EXPECT_EQ(DialRule(), "SILENCE");
}

TEST_F(Generation, OfficersWhoSpeakAtOnceMakeOneRecord) {
  BeginAndRecover();
  ASSERT_EQ(Say("anna", "one", "3f2a 9b1c"), "waits");
  int admitted = 0;
  for (const char* officer : {"bodil", "carl", "bodil"}) {
    admission_->Admit({kNyborg, "3f2a 9b1c", officer, crypto::Sha256(officer)},
                      [&admitted](const auto& outcome) { admitted += outcome.ok() && outcome->admitted ? 1 : 0; });
  }
  EXPECT_EQ(admitted, 0) << "not before it is durable";
  world.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(admitted, 3);
  EXPECT_EQ(Records().size(), 1U);
}

TEST_F(Generation, WhereNothingCouldBeRecordedTheSecondOfficerAsksAgain) {
  BeginAndRecover();
  ASSERT_EQ(Say("anna", "one", "3f2a 9b1c"), "waits");
  world.network.weather.queue_full_one_in = 1;
  EXPECT_EQ(Say("bodil", "two", "3f2a 9b1c"), "QUEUE_FULL");
  world.network.weather.queue_full_one_in = 0;
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED");
  odense().log().Restrain(RuleError(absl::StatusCode::kUnavailable, "LOG_RESTRAINED", "", "it may be old"));
  EXPECT_EQ(Say("bodil", "two", "3f2a 9b1c"), "LOG_RESTRAINED");
  odense().log().Release();
  EXPECT_EQ(Say("bodil", "two", "3f2a 9b1c"), "admitted");
  EXPECT_EQ(Records().size(), 1U);
}

TEST_F(Generation, TheLogThatIsExchangedWithAndTheFirstOneNeedNoAdmission) {
  Recover();
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c"), "GENERATION_NOT_NEW") << "nothing was exchanged before";
  forger.Dial();
  forger.Send(Prepare(1).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("")) << "the first contact takes the open log";
  // And pins the log before it, of which nothing came.
  exchange::Context& context = odense().exchange().context();
  EXPECT_TRUE(exchange::CheckAdmitted(context, context.directory(), kNyborg, old_log_.origin()).ok());
  directory::Authority other = card_;
  other.logs.front().keys.front().key = NoteSignerOf(old_log_.origin(), 26).verifier_key();
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, *world.directory.With(other), kNyborg, old_log_.origin()).status()),
            "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c"), "GENERATION_NOT_NEW");
}

TEST_F(Generation, AnotherKeyUnderTheAdmittedNameIsNotAdmitted) {
  BeginAndRecover();
  Admit();
  Recover(25, "ffff 0000");
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED");
  // Nor by a link that greeted with the admitted key, before the card was another.
  Recover();
  forger.Dial();
  Recover(25, "ffff 0000");
  ExpectRejected(Prepare(2).batch, "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(Received(), 1U);
}

TEST_F(Generation, ThereIsNoWayBackToTheOldLog) {
  BeginAndRecover();
  Admit();
  forger.Dial();
  forger.Send(Prepare(2).batch);
  ASSERT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  exchange::Context& context = odense().exchange().context();
  EXPECT_TRUE(exchange::CheckAdmitted(context, context.directory(), kNyborg, old_log_.origin()).ok())
      << "what it signed stays good";
  odense().exchange().OnDirectoryChanged(world.directory);  // the old card
  forger.log = old_log_;
  forger.set_receipted(2);
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED");
}

TEST_F(Generation, AForkStopsTheLogForGoodAndTwoOfficersLetItsOwnerGoOnInANewOne) {
  Begin();
  old_log_ = forger.log;
  EvidenceLog other(old_log_.origin(), 20);
  while (other.size() < old_log_.size()) other.Append("another entry " + std::to_string(other.size()));
  v1::EventBatch batch = other.Batch({LeafIndex(0)}, other.size(), other.size());
  batch.set_key_ids(0, std::string(forger.NewKey().id.bytes()));
  ExpectRejected(batch, "LOG_FORKED");
  exchange::PeerStatus status = odense().exchange().StatusOf(kNyborg);
  EXPECT_TRUE(status.forked);
  EXPECT_THAT(status.forked_logs, ElementsAre(old_log_.origin()));
  EXPECT_EQ(status.delivery.last_error, "LOG_FORKED");
  EXPECT_FALSE(status.delivery.connected);

  Recover();
  forger.set_receipted(1);
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED") << "a card alone ends nothing";
  Admit();
  world.RunFor(absl::Seconds(1));
  status = odense().exchange().StatusOf(kNyborg);
  EXPECT_FALSE(status.forked);
  EXPECT_THAT(status.forked_logs, ElementsAre(old_log_.origin())) << "shown for good";
  EXPECT_TRUE(status.delivery.connected) << "dialled at once";
  EXPECT_NE(status.delivery.last_error, "LOG_FORKED");
  forger.Dial();
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_EQ(Received(), 2U);

  const directory::Directory before = world.directory;
  world.directory = *before.With(card_);
  odense().Crash();
  odense().Boot();
  MakeAdmission();
  world.RunFor(absl::Seconds(1));
  forger.set_receipted(2);
  EXPECT_EQ(DialRule(), "SILENCE");
  EXPECT_FALSE(forger.closed());
  EXPECT_FALSE(odense().exchange().StatusOf(kNyborg).forked);

  odense().exchange().OnDirectoryChanged(before);  // the old card
  forger.log = old_log_;
  EXPECT_EQ(DialRule(), "LOG_FORKED");
  EXPECT_TRUE(odense().exchange().StatusOf(kNyborg).forked);
}

TEST_F(Generation, AForkOfTheClosedLogDoesNotStopTheOpenOne) {
  BeginAndRecover();
  Admit();
  forger.Dial();
  forger.Send(Prepare(2).batch);
  ASSERT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  world.RunFor(absl::Minutes(2));
  ASSERT_TRUE(odense().exchange().StatusOf(kNyborg).delivery.connected);
  EvidenceLog other(old_log_.origin(), 20);
  while (other.size() < old_log_.size()) other.Append("another entry " + std::to_string(other.size()));
  exchange::Context& context = odense().exchange().context();
  exchange::KeepForkEvidence(context, kNyborg, RuleError(absl::StatusCode::kDataLoss, "LOG_FORKED", "", "two roots"),
                             old_log_.Head(other.size()), other.Note(other.size()), old_log_.Note(other.size()));
  world.RunFor(absl::Seconds(1));
  EXPECT_TRUE(context.IsForked(kNyborg, old_log_.origin()));
  const exchange::PeerStatus status = odense().exchange().StatusOf(kNyborg);
  EXPECT_FALSE(status.forked);
  EXPECT_TRUE(status.delivery.connected);
  EXPECT_THAT(status.forked_logs, ElementsAre(old_log_.origin()));
  forger.set_accepted(forger.log.size());
  forger.Send(Prepare(3).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre("")) << "on the link that stood";
}

TEST_F(Generation, WhatTheFirstContactPinsAreTheKeysThatProvedIt) {
  exchange::Context& context = odense().exchange().context();
  const std::string& origin = old_log_.origin();
  const auto believed = exchange::CheckAdmitted(context, context.directory(), kNyborg, origin);
  ASSERT_TRUE(believed.ok()) << believed.status();
  card_ = *world.directory.Find(kNyborg);
  card_.logs.back().keys.back().key = NoteSignerOf(origin, 26).verifier_key();
  odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  ASSERT_TRUE(exchange::CheckAdmitted(context, context.directory(), kNyborg, origin).ok()) << "nothing is pinned yet";
  odense().Submit([&](log::Appender& appender) { context.log_keys.StageTaken(*believed, appender.batch()); });
  world.RunFor(absl::Milliseconds(100));
  EXPECT_EQ(RuleOf(exchange::CheckAdmitted(context, context.directory(), kNyborg, origin).status()),
            "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_TRUE(exchange::CheckAdmitted(context, world.directory, kNyborg, origin).ok());
}

TEST_F(Generation, TwoOfficersAdmitTheKeysOfAClosedLogOfTheSameCard) {
  BeginAndRecover();
  Admit();
  const std::string replaced = NoteSignerOf(old_log_.origin(), 26).verifier_key().Format();
  std::vector<directory::LogKey>& keys = card_.logs.front().keys;
  keys.back().until = TreeSize(1);
  keys.push_back({NoteSignerOf(old_log_.origin(), 26).verifier_key(), TreeSize(1), TreeSize(old_log_.size() + 1)});
  fingerprint_ = "ffff 0000";
  odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  exchange::Context& context = odense().exchange().context();
  const auto check = [&] {
    return RuleOf(exchange::CheckAdmitted(context, context.directory(), kNyborg, old_log_.origin()).status());
  };
  EXPECT_EQ(check(), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Say("anna", "one", "ffff 0000"), "waits");
  EXPECT_EQ(check(), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(Say("bodil", "two", "ffff 0000"), "admitted");
  EXPECT_EQ(check(), "OK");
  ASSERT_EQ(Records().size(), 2U);
  EXPECT_EQ(Records().back(), (wire::PeerGenerationAdmitted{kNyborg, old_log_.origin(), replaced, crypto::Sha256("one"),
                                                            crypto::Sha256("two")}));
}

// One event was exchanged under the key of seed 20; another key signs the log from here on.
class LogKeys : public Generation {
 protected:
  LogKeys() {
    Begin();
    forger.set_receipted(1);
    ShowNoChange();
  }
  void ShowNoChange() {
    card_ = *world.directory.Find(kNyborg);
    fingerprint_ = "0000 0000";
  }
  // Nyborg's card names the forger's key as the one that signs from this size on.
  void Show(uint64_t from, std::string handover) {
    ShowNoChange();
    std::vector<directory::LogKey>& keys = card_.logs.back().keys;
    keys.back().until = TreeSize(from);
    keys.push_back({forger.log.identity().keys[0], TreeSize(from), std::nullopt, std::move(handover)});
    fingerprint_ = "3f2a 9b1c";
    odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  }
  void HandOver() {
    const tlog::NoteSigner next = NoteSignerOf(forger.log.origin(), 24);
    const LeafIndex record = AppendHandover(forger.log, next.verifier_key());
    const std::string proof = HandoverProof(forger.log, record, forger.log.size(), {next});
    forger.log = ContinuedUnder(forger.log, 24);
    Show(forger.log.size(), proof);
  }
  // The key is another, without a word of the one before.
  void Replace(std::string handover = "") {
    forger.log = ContinuedUnder(forger.log, 24);
    forger.log.Append("the first entry under another key");
    Show(forger.log.size(), std::move(handover));
  }
  // The keys of the log that the store names.
  std::vector<std::string> Pinned() {
    std::vector<std::string> keys;
    const auto row = odense().store().Get(store::Table::kMeta, exchange::PinnedRowKey(kNyborg, forger.log.origin()));
    EXPECT_TRUE(row.ok());
    const auto pinned = exchange::DecodePinned(row.ok() ? row->value_or("") : "");
    if (!pinned.ok()) return keys;
    for (const exchange::PinnedKey& each : *pinned) keys.push_back(each.key.Format());
    return keys;
  }
  static std::string KeyOf(uint8_t seed) {
    return NoteSignerOf("medflyt.example/29189722/1", seed).verifier_key().Format();
  }
  void Restart() {
    odense().Crash();
    odense().Boot();
    MakeAdmission();
    world.RunFor(absl::Seconds(1));
  }
};

TEST_F(LogKeys, AKeyThatTheOneBeforeHandedTheLogOverToIsTakenByTheCardAlone) {
  EXPECT_THAT(Pinned(), ElementsAre(KeyOf(20)));
  HandOver();
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c"), "GENERATION_NOT_NEW");
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_THAT(Pinned(), ElementsAre(KeyOf(20), KeyOf(24)));

  // Where the retired key is the newest of a card again, nothing is taken under it: after a restart, too.
  const EvidenceLog handed_over = forger.log;
  Restart();  // with the old card
  forger.log = ContinuedUnder(handed_over, 20);
  forger.set_receipted(2);
  EXPECT_EQ(DialRule(), "LOG_KEY_NOT_HANDED_OVER");
  forger.log = handed_over;
  odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  EXPECT_EQ(DialRule(), "SILENCE");
  EXPECT_FALSE(forger.closed());
}

TEST_F(LogKeys, AnotherKeyOfAKnownLogOpensNothingWithoutOfficers) {
  Replace();
  ExpectRejected(Prepare(2).batch, "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(DialRule(), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_TRUE(forger.closed());
  for (const auto& link : dialled_) link->Close(absl::UnavailableError("the node stops"));
  world.RunFor(absl::Minutes(2));
  const exchange::PeerStatus status = odense().exchange().StatusOf(kNyborg);
  EXPECT_EQ(status.reception.last_error, "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_EQ(status.delivery.last_error, "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_GT(odense().logger.events["log_key_not_handed_over"], 1);
  EXPECT_EQ(Received(), 1U);
  EXPECT_THAT(Pinned(), ElementsAre(KeyOf(20)));
}

TEST_F(LogKeys, AHandoverToAnotherKeyOrOfAnotherSizeProvesNothing) {
  const EvidenceLog before = forger.log;
  EvidenceLog log = before;
  const LeafIndex record = AppendHandover(log, NoteSignerOf(log.origin(), 25).verifier_key());
  Replace(HandoverProof(log, record, log.size(), {NoteSignerOf(log.origin(), 24)}));
  EXPECT_EQ(DialRule(), "LOG_KEY_NOT_HANDED_OVER") << "the record names another key";
  forger.log = before;
  HandOver();
  ASSERT_EQ(card_.logs.back().keys.size(), 2U);
  const std::string proof = card_.logs.back().keys.back().handover;
  forger.log.Append("an entry behind it");
  Show(forger.log.size(), proof);
  EXPECT_EQ(DialRule(), "LOG_KEY_NOT_HANDED_OVER");
}

TEST_F(LogKeys, TwoOfficersAdmitTheKeyInThePlaceOfOneThatWasLost) {
  EXPECT_EQ(Say("anna", "one", "0000 0000"), "GENERATION_NOT_NEW");
  Replace();
  EXPECT_EQ(Say("anna", "one", "3f2a 9b1c"), "waits");
  EXPECT_EQ(Say("anna", "two", "3f2a 9b1c"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(Say("bodil", "one", "3f2a 9b1c"), "TWO_OFFICERS_REQUIRED");
  EXPECT_EQ(DialRule(), "LOG_KEY_NOT_HANDED_OVER");
  EXPECT_THAT(Records(), IsEmpty());
  EXPECT_EQ(Say("bodil", "two", "3f2a 9b1c"), "admitted");
  EXPECT_THAT(Records(), ElementsAre(wire::PeerGenerationAdmitted{kNyborg, forger.log.origin(), KeyOf(24),
                                                                  crypto::Sha256("one"), crypto::Sha256("two")}));
  EXPECT_THAT(Pinned(), ElementsAre(KeyOf(20), KeyOf(24)));
  EXPECT_EQ(DialRule(), "SILENCE");
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));

  Restart();
  odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  forger.set_receipted(2);
  EXPECT_EQ(DialRule(), "SILENCE");
  EXPECT_FALSE(forger.closed());
  EXPECT_EQ(Say("carl", "three", "3f2a 9b1c"), "admitted");
  EXPECT_EQ(Records().size(), 1U);
}

// Whoever may write the folder of the cards says that the peer had another log before.
TEST_F(LogKeys, AnEarlierLogThatTheFirstCardDidNotHaveOpensNothingWithoutOfficers) {
  const auto ask = [this] {
    v1::GetHeldEventsRequest held;
    held.set_origin(forger.log.origin());
    *held.mutable_exchange_key() = forger.Hello().exchange_key();
    held.set_first_number(1);
    v1::GetReceiptedEventsRequest receipted;
    receipted.set_origin(held.origin());
    *receipted.mutable_exchange_key() = held.exchange_key();
    receipted.set_first_number(1);
    const exchange::Context& context = odense().exchange().context();
    const auto given = exchange::AnswerHeldEvents(context, kNyborg, held);
    const std::string back = RuleOf(exchange::AnswerReceiptedEvents(context, kNyborg, receipted).status());
    EXPECT_EQ(back, RuleOf(given.status()));
    return given.ok() ? "keys: " + std::to_string(given->keys_size()) : back;
  };
  EXPECT_EQ(ask(), "keys: 1");
  const EvidenceLog honest = forger.log;
  EvidenceLog forged("medflyt.example/29189722/0", 66);
  forged.Append("an entry");
  card_.logs.insert(card_.logs.begin(),
                    directory::Log{forged.origin(), {{forged.identity().keys[0], TreeSize(0), TreeSize(2)}}});
  world.directory = *world.directory.With(card_);
  odense().exchange().OnDirectoryChanged(world.directory);
  const auto opened = [&] {  // what a batch is asked whose events come with an opening of that log
    exchange::Context& context = odense().exchange().context();
    return RuleOf(exchange::CheckAdmitted(context, context.directory(), kNyborg, forged.origin()).status());
  };
  forger.log = forged;
  EXPECT_EQ(ask(), "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(opened(), "GENERATION_NOT_ADMITTED");
  // Nor with a key for the known log, after a restart, or once something more was taken.
  card_.logs.back().keys.front().key = NoteSignerOf(honest.origin(), 67).verifier_key();
  odense().exchange().OnDirectoryChanged(*world.directory.With(card_));
  EXPECT_EQ(ask(), "GENERATION_NOT_ADMITTED");
  Restart();
  EXPECT_EQ(ask(), "GENERATION_NOT_ADMITTED");
  forger.log = honest;
  forger.Dial();
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  forger.log = forged;
  EXPECT_EQ(ask(), "GENERATION_NOT_ADMITTED");
  EXPECT_EQ(opened(), "GENERATION_NOT_ADMITTED");
}

TEST_F(LogKeys, AnAnswerUnderAnotherKeyProvesNoForkOfThePeer) {
  exchange::Context& context = odense().exchange().context();
  const auto question = exchange::AskInclusion(context, {kNyborg, PairNumber(1), log::Position()});
  ASSERT_TRUE(question.ok()) << question.status();
  const uint64_t size = question->batch.head.size.value();
  forger.log = EvidenceLog(forger.log.origin(), 24);
  for (uint64_t i = 0; i < size; ++i) forger.log.Append("another entry");
  Show(1, "");
  v1::ProveInclusionResponse answer;
  answer.set_checkpoint(forger.log.Note(size));
  EXPECT_EQ(RuleOf(exchange::JudgeInclusion(context, *question, answer).status()), "LOG_KEY_NOT_HANDED_OVER");
  world.RunFor(absl::Seconds(1));
  EXPECT_FALSE(context.IsForked(kNyborg, forger.log.origin()));
  EXPECT_THAT(*exchange::ReadForkEvidence(odense().store()), IsEmpty());
}

// As a store of before there were pins.
TEST_F(LogKeys, OfAKnownLogThatIsNotPinnedTheStartPinsTheKeysOfTheCard) {
  odense().Submit([](log::Appender& appender) {
    appender.batch().Delete(store::Table::kMeta, exchange::PinnedRowKey(kNyborg, "medflyt.example/29189722/1"));
    appender.batch().Delete(store::Table::kMeta, exchange::KnownLogsKey(kNyborg));
  });
  world.RunFor(absl::Milliseconds(100));
  ASSERT_THAT(Pinned(), IsEmpty());
  Restart();
  EXPECT_THAT(Pinned(), ElementsAre(KeyOf(20)));
  EXPECT_TRUE(odense().store().Get(store::Table::kMeta, exchange::KnownLogsKey(kNyborg))->has_value());
  EXPECT_EQ(DialRule(), "SILENCE");
  const EvidenceLog before = forger.log;
  Replace();
  EXPECT_EQ(DialRule(), "LOG_KEY_NOT_HANDED_OVER");
  odense().exchange().OnDirectoryChanged(world.directory);
  forger.log = before;
  forger.Dial();
  forger.Send(Prepare(2).batch);
  EXPECT_THAT(forger.ReceiptedRules(), ElementsAre(""));
  EXPECT_THAT(Pinned(), ElementsAre(KeyOf(20)));
}

}  // namespace
}  // namespace medflyt::testing
