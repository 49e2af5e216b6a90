// A peer that goes on in a new log, of which two officers must be told before anything of it is taken.
#include <gmock/gmock.h>

#include "server/exchange/admission.h"
#include "tests/sim/exchange/byzantine_peer.h"

namespace medflyt::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
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
        exchange::Admission::Surroundings{
            [this](AuthorityId peer) -> std::optional<exchange::CardLog> {
              if (peer != kNyborg) return std::nullopt;
              const directory::Log& open = card_.logs.back();
              return exchange::CardLog{fingerprint_, open.origin, open.keys.front().key.Format()};
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
                      [&said](const absl::StatusOr<exchange::Admission::Outcome>& outcome) {
                        EXPECT_EQ(outcome.ok() ? outcome->origin : kNewOrigin, kNewOrigin);
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
  EXPECT_TRUE(exchange::CheckAdmitted(context, kNyborg, old_log_.origin()).ok()) << "what it signed stays good";
  odense().exchange().OnDirectoryChanged(world.directory);  // the old card
  forger.log = old_log_;
  forger.set_receipted(2);
  EXPECT_EQ(DialRule(), "GENERATION_NOT_ADMITTED");
}

}  // namespace
}  // namespace medflyt::testing
