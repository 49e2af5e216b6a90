// Nyborg, in the hands of somebody who knows its keys: says whatever a test wants, on a link of its own.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/entry/grant.h"
#include "common/entry/seal.h"
#include "common/event/event.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "server/exchange/hello.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/evidence_log.h"
#include "tests/support/sim_world.h"

namespace medflyt::testing {

class Forger {
 public:
  explicit Forger(SimWorld& world)
      : world_(world), log("medflyt.example/29189722/1", 20), exchange_key_(crypto::Key::Random()) {
    world.node(kNyborg).Crash();
  }

 private:
  SimWorld& world_;

 public:
  EvidenceLog log;
  v1::Hello greeting;  // of the node, once it has answered

  struct Secret {
    KeyId id;
    crypto::Key key;
  };
  [[nodiscard]] Secret NewKey() { return {world_.chance.NewId<KeyId>(), crypto::Key::Random()}; }

  LeafIndex AppendGrant(const Secret& secret, AuthorityId recipient = kOdense) {
    wire::LedgerCodec codec;
    return log.Append(
        *codec.Encode({world_.timeline.Now(),
                       wire::KeyGranted{recipient, secret.id, entry::GrantCommitment(secret.id, secret.key)}}));
  }
  [[nodiscard]] event::Event NewEvent(uint64_t number, event::Body body) {
    event::Event made;
    made.header = {
        world_.chance.NewId<EventId>(), kNyborg,    kOdense, world_.chance.NewId<CaseId>(), PairNumber(number),
        world_.timeline.Now(),          "officer-1"};
    made.body = std::move(body);
    return made;
  }
  // A proposal that Odense takes note of.
  [[nodiscard]] event::Event NewProposal(uint64_t number) {
    event::AgreementProposed proposed;
    proposed.version = 1;
    proposed.provider = kOdense;
    proposed.buyer = kNyborg;
    proposed.terms = Terms(3, Date(2026, 1, 1), Date(2026, 12, 31));
    return NewEvent(number, proposed);
  }
  [[nodiscard]] static std::string ContentOf(const event::Event& event) {
    wire::ContentCodec codec;
    std::string content;
    EXPECT_TRUE(codec.Encode(event, content).ok());
    return content;
  }
  LeafIndex AppendContent(const EventId& id, std::string_view content, const Secret& secret) {
    return log.Append(*entry::SealEntry(id, world_.chance.NewId<crypto::Nonce>(), content, secret.key, log.origin()));
  }
  LeafIndex AppendEvent(const event::Event& event, const Secret& secret) {
    return AppendContent(event.header.id, ContentOf(event), secret);
  }

  // A batch of these entries under the newest head, each named with the key's id where it is sealed.
  [[nodiscard]] v1::EventBatch Batch(const std::vector<LeafIndex>& indices, const Secret& secret) {
    v1::EventBatch batch = log.Batch(indices, accepted_, log.size());
    for (int i = 0; i < batch.entries_size(); ++i) {
      if (entry::ParseSealed(batch.entries(i)).ok()) batch.set_key_ids(i, std::string(secret.id.bytes()));
    }
    return batch;
  }
  void AddGrant(v1::EventBatch& batch, const Secret& secret, AuthorityId recipient = kOdense) {
    const auto to = *crypto::ExchangePublicKey::FromBytes(greeting.exchange_key().public_key());
    v1::SealedGrant& grant = *batch.add_grants();
    grant.set_key_id(std::string(secret.id.bytes()));
    grant.set_exchange_epoch(greeting.exchange_key().epoch());
    grant.set_sealed(*entry::SealGrant({log.origin(), secret.id, recipient}, secret.key, to));
  }

  [[nodiscard]] v1::Hello Hello() {
    const absl::Time not_after = world_.timeline.Now() + absl::Hours(24);
    const auto card = entry::SignExchangeKey(log.signer(), log.origin(), 1, exchange_key_.public_key(), not_after);
    const log::Head head{TreeSize(log.size()), log.Head(log.size()).root, log.Note(log.size())};
    return exchange::MakeHello(kNyborg, kOdense, head, log.origin(), card,
                               {TreeSize(), PairNumber(), PairNumber(receipted_)});
  }

  // Opens a link and greets. What the node answers is in `answers`, and its Hello in `greeting`.
  void Dial(std::optional<v1::Hello> hello = std::nullopt) {
    link_ = std::make_shared<Line>(hold_sent_);
    auto events = world_.node(kOdense).exchange().Accept(kNyborg, link_);
    ASSERT_TRUE(events.ok()) << events.status();
    link_->events = *std::move(events);
    v1::PeerMessage message;
    *message.mutable_hello() = hello ? *hello : Hello();
    link_->Write(std::move(message));
    world_.RunFor(absl::Milliseconds(100));
    if (!link_->sent.empty() && link_->sent.front().has_hello()) {
      greeting = link_->sent.front().hello();
      link_->sent.pop_front();
      accepted_ = greeting.accepted_size();
      sequence_ = 0;
    }
  }
  void Send(v1::EventBatch batch) {
    batch.set_sequence(++sequence_);
    SendAsIs(batch);
  }
  void SendAsIs(const v1::EventBatch& batch) {
    Pour(batch);
    world_.RunFor(absl::Milliseconds(100));
  }
  // Writes the batch and does not wait.
  void Pour(const v1::EventBatch& batch) {
    v1::PeerMessage message;
    *message.mutable_batch() = batch;
    link_->Write(std::move(message));
  }
  // The next batch of the stream, not waited for.
  void PourNext(v1::EventBatch batch) {
    batch.set_sequence(++sequence_);
    Pour(batch);
  }
  // What was written and the node has not asked for.
  [[nodiscard]] size_t unread() const { return link_->written.size(); }
  // From here on the node is not told that what it sends has gone out, until Sent().
  void HoldSent() { hold_sent_ = true; }
  void Sent() {
    link_->events->OnSent();
    world_.RunFor(absl::Milliseconds(100));
  }
  void HangUp() {
    link_->events->OnClosed(absl::UnavailableError("gone"));
    world_.RunFor(absl::Milliseconds(100));
  }
  [[nodiscard]] size_t answers() const { return link_->sent.size(); }
  // The next answer of the node; nothing where it said none.
  [[nodiscard]] std::optional<v1::BatchAnswer> Answer() {
    if (link_->sent.empty() || !link_->sent.front().has_answer()) return std::nullopt;
    v1::BatchAnswer answer = link_->sent.front().answer();
    link_->sent.pop_front();
    return answer;
  }
  // The rule of the fault that answered, "RECEIPT", or "SILENCE".
  [[nodiscard]] std::string AnswerRule() {
    const auto answer = Answer();
    if (!answer) return "SILENCE";
    return answer->has_fault() ? answer->fault().rule() : "RECEIPT";
  }
  // The rules with which the receipt says that each event was refused; empty for one that was accepted.
  [[nodiscard]] std::vector<std::string> ReceiptedRules() {
    const auto answer = Answer();
    std::vector<std::string> rules;
    if (!answer || !answer->has_receipt()) return {"NO RECEIPT"};
    wire::LedgerCodec codec;
    for (const std::string& leaf : answer->receipt().leaves()) {
      const auto record = codec.Decode(leaf);
      if (!record.ok()) return {"NO RECORD"};
      rules.push_back(std::get<wire::EventReceived>(record->record).refused_rule);
    }
    return rules;
  }
  [[nodiscard]] bool closed() const { return link_->closed; }
  // Where the consistency of the next batch begins.
  void set_accepted(uint64_t size) { accepted_ = size; }
  // Up to which number receipts are held; the node repeats those above.
  void set_receipted(uint64_t number) { receipted_ = number; }

 private:
  class Line final : public exchange::Link {
   public:
    explicit Line(bool hold_sent) : hold_sent_(hold_sent) {}
    void Send(v1::PeerMessage message) override {
      sent.push_back(std::move(message));
      if (!hold_sent_) events->OnSent();
    }
    void Next() override {
      asked_ = true;
      Hand();
    }
    void Close(const absl::Status&) override { closed = true; }
    void Write(v1::PeerMessage message) {
      written.push_back(std::move(message));
      Hand();
    }
    std::shared_ptr<exchange::LinkEvents> events;
    std::deque<v1::PeerMessage> sent;     // by the node
    std::deque<v1::PeerMessage> written;  // to the node, which has not asked for it
    bool closed = false;

   private:
    void Hand() {
      if (!asked_ || written.empty()) return;
      asked_ = false;
      v1::PeerMessage message = std::move(written.front());
      written.pop_front();
      events->OnMessage(std::move(message));
    }
    const bool hold_sent_;
    bool asked_ = true;
  };

  const crypto::ExchangeKey exchange_key_;
  std::shared_ptr<Line> link_;
  bool hold_sent_ = false;
  uint64_t accepted_ = 0;
  uint64_t sequence_ = 0;
  uint64_t receipted_ = 0;
};

}  // namespace medflyt::testing
