// Entries and evidence over generated contents, logs, batches and alterations.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/entry/parse.h"
#include "common/entry/receipt.h"
#include "common/entry/seal.h"
#include "common/wire/content.h"
#include "tests/support/evidence_log.h"
#include "tests/support/sample_events.h"

namespace medflyt::entry {
namespace {

using testing::EventMaker;
using testing::EvidenceLog;

uint64_t Draw(uint64_t least, uint64_t most) {
  if (most == ~uint64_t{0}) return std::max(least, *rc::gen::arbitrary<uint64_t>());
  return *rc::gen::inRange<uint64_t>(least, most + 1);
}
std::string AnyBytes(size_t most) {
  std::string bytes(Draw(0, most), '\0');
  for (char& c : bytes) c = static_cast<char>(*rc::gen::arbitrary<uint8_t>());
  return bytes;
}
std::string Altered(std::string bytes) {
  const size_t at = Draw(0, bytes.size() - 1);
  bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(Draw(1, 255)));
  return bytes;
}
EventMaker Maker() { return EventMaker(Draw); }
Key AnyKey() { return *Key::FromBytes(Maker().Id<Hash>().bytes()); }

RC_GTEST_PROP(SealProperty, AnyEventComesBackThroughAnyLog, ()) {
  EventMaker maker = Maker();
  const event::Event event = maker.Any(static_cast<event::Type>(Draw(0, event::kTypeCount - 1)));
  const Key data_key = AnyKey();
  const std::string origin = maker.Text(1, 255);
  wire::ContentCodec codec;
  wire::LedgerCodec ledger;
  std::string content;
  RC_ASSERT(codec.Encode(event, content).ok());
  const auto entry = SealEntry(event.header.id, maker.Id<Nonce>(), content, data_key, origin);
  RC_ASSERT(entry.ok());
  const auto parsed = ParseEntry(*entry, ledger);
  RC_ASSERT(parsed.ok());
  const auto& sealed = std::get<SealedView>(*parsed);
  const auto opened = OpenEntry(sealed, data_key, origin);
  RC_ASSERT(opened.ok());
  RC_ASSERT(*opened == content);
  RC_ASSERT(*codec.Decode(*opened, sealed.event_id) == event);
}

RC_GTEST_PROP(SealProperty, AnyContentComesBackAndAnyAlterationIsFound, ()) {
  EventMaker maker = Maker();
  const std::string content = AnyBytes(6'000);
  const Key data_key = AnyKey();
  const auto entry = SealEntry(maker.Id<EventId>(), maker.Id<Nonce>(), content, data_key, "origin");
  RC_ASSERT(entry.ok());
  RC_ASSERT(*OpenEntry(*ParseSealed(*entry), data_key, "origin") == content);
  const std::string altered = Altered(*entry);
  const auto sealed = ParseSealed(altered);
  // Apart from the assertion, whose operators do not short-circuit.
  const bool opens = sealed.ok() && OpenEntry(*sealed, data_key, "origin").ok();
  RC_ASSERT(!opens);
}

struct Pair {
  EvidenceLog log{"odense.example/log", 's'};
  uint64_t from = 0;
  uint64_t size = 0;
  std::vector<LeafIndex> indices;
};
Pair AnyPair() {
  Pair pair;
  pair.size = Draw(1, 90);
  for (uint64_t i = 0; i < pair.size; ++i) pair.log.Append("entry " + std::to_string(i));
  pair.from = Draw(0, pair.size);
  std::set<uint64_t> chosen;
  for (uint64_t n = Draw(1, 12); n > 0; --n) chosen.insert(Draw(0, pair.size - 1));
  for (uint64_t index : chosen) pair.indices.emplace_back(index);
  return pair;
}

RC_GTEST_PROP(BatchProperty, EveryHonestBatchIsTaken, ()) {
  const Pair pair = AnyPair();
  v1::EventBatch batch;
  RC_ASSERT(batch.ParseFromString(pair.log.Batch(pair.indices, pair.from, pair.size).SerializeAsString()));
  const auto accepted = pair.from == 0 ? AcceptedHead() : pair.log.Head(pair.from);
  const auto verified = VerifyBatch(batch, pair.log.identity(), accepted);
  RC_ASSERT(verified.ok());
  RC_ASSERT(verified->entries.size() == pair.indices.size());
  for (size_t i = 0; i < pair.indices.size(); ++i) {
    RC_ASSERT(verified->entries[i].bytes == pair.log.entry(pair.indices[i]));
  }
}

// Whatever happens to the message on its way: nothing is ever taken that is not in the log.
RC_GTEST_PROP(BatchProperty, AnAlteredBatchStatesNothingFalse, ()) {
  const Pair pair = AnyPair();
  v1::EventBatch batch;
  const std::string bytes = Altered(pair.log.Batch(pair.indices, pair.from, pair.size).SerializeAsString());
  if (!batch.ParseFromString(bytes)) return;
  const auto accepted = pair.from == 0 ? AcceptedHead() : pair.log.Head(pair.from);
  const auto verified = VerifyBatch(batch, pair.log.identity(), accepted);
  if (!verified.ok()) {
    RC_ASSERT(BrokenRuleOf(verified.status()).has_value());
    return;
  }
  RC_ASSERT(verified->head.checkpoint.size() == TreeSize(pair.size));
  RC_ASSERT(verified->head.checkpoint.root() == pair.log.Head(pair.size).root);
  for (const VerifiedEntry& entry : verified->entries) {
    RC_ASSERT(entry.index.value() < pair.size);
    RC_ASSERT(entry.bytes == pair.log.entry(entry.index));
    RC_ASSERT(entry.leaf_hash == pair.log.leaf_hash(entry.index));
  }
}

RC_GTEST_PROP(ReceiptProperty, AnAlteredReceiptStatesNothingFalse, ()) {
  wire::LedgerCodec ledger;
  EvidenceLog own("odense.example/log", 'o');
  EvidenceLog recipient("nyborg.example/log", 'n');
  const uint64_t count = Draw(1, 20);
  std::vector<LeafIndex> leaves;
  for (uint64_t i = 0; i < count; ++i) {
    const LeafIndex index = own.Append("sent " + std::to_string(i));
    recipient.Append("other " + std::to_string(i));
    leaves.push_back(recipient.Append(
        *ledger.Encode({absl::FromUnixMicros(1), wire::EventReceived{own.origin(), index, own.leaf_hash(index),
                                                                     Draw(0, 1) == 0 ? "" : "RULE"}})));
  }
  const uint64_t from = Draw(0, recipient.size());
  const auto accepted = from == 0 ? AcceptedHead() : recipient.Head(from);
  auto sent = [&own](LeafIndex index) -> std::optional<crypto::Hash> {
    if (index.value() >= own.size()) return std::nullopt;
    return own.leaf_hash(index);
  };
  const auto receipt = recipient.Receipt(leaves, from, recipient.size());
  const auto honest = VerifyReceipt(receipt, recipient.identity(), accepted, own.origin(), sent, ledger);
  RC_ASSERT(honest.ok());
  RC_ASSERT(honest->events.size() == count);

  v1::Receipt altered;
  if (!altered.ParseFromString(Altered(receipt.SerializeAsString()))) return;
  const auto verified = VerifyReceipt(altered, recipient.identity(), accepted, own.origin(), sent, ledger);
  if (verified.ok()) RC_ASSERT(verified->events == honest->events);
}

}  // namespace
}  // namespace medflyt::entry
