// Odense's log as exported files, with what Odense keeps beside it, and the log of its peer Nyborg.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/audit/verify.h"
#include "common/entry/seal.h"
#include "common/event/event.h"
#include "common/wire/content.h"
#include "common/wire/ledger.h"
#include "tests/support/evidence_log.h"
#include "tests/support/sample_events.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::testing {

inline const AuthorityId kOdenseId = *AuthorityId::Parse("35209115");
inline const AuthorityId kNyborgId = *AuthorityId::Parse("29189722");

// A sealed event, with its key.
struct SealedSample {
  EventId id;
  crypto::Key event_key;
  std::string entry;
};

class EvidenceFiles {
 public:
  using Files = TiledLog::Files;
  static constexpr const char* kOrigin = "odense.example/log";
  static constexpr const char* kPeerOrigin = "nyborg.example/log";

  [[nodiscard]] static std::string Record(const decltype(wire::LedgerRecord::record)& record) {
    wire::LedgerCodec codec;
    return *codec.Encode({absl::FromUnixSeconds(1'795'000'000), record});
  }
  // An event of that type from one authority to another, in the log of that origin.
  [[nodiscard]] static SealedSample Sealed(const char* origin, AuthorityId issuer, AuthorityId recipient,
                                           uint64_t number, event::Type type = event::Type::kEnrolmentProposed) {
    static uint64_t drawn = 1;
    EventMaker maker([](uint64_t least, uint64_t most) {
      drawn = drawn * 6364136223846793005U + 1442695040888963407U;
      return most - least == ~uint64_t{0} ? drawn : least + (drawn >> 11) % (most - least + 1);
    });
    event::Event event = maker.Any(type);
    return SealedOf(origin, issuer, recipient, number, std::move(event));
  }
  // The same of that case and body.
  [[nodiscard]] static SealedSample Sealed(const char* origin, AuthorityId issuer, AuthorityId recipient,
                                           uint64_t number, const CaseId& case_id, event::Body body) {
    static uint8_t drawn = 0;
    event::Event event;
    event.header.id = *EventId::FromBytes(std::string(15, 'e') + static_cast<char>(++drawn));
    event.header.case_id = case_id;
    event.header.recorded_at = absl::FromUnixSeconds(1'795'000'000);
    event.body = std::move(body);
    return SealedOf(origin, issuer, recipient, number, std::move(event));
  }
  [[nodiscard]] static SealedSample SealedOf(const char* origin, AuthorityId issuer, AuthorityId recipient,
                                             uint64_t number, event::Event event) {
    event.header.issuer = issuer;
    event.header.recipient = recipient;
    event.header.number = PairNumber(number);
    std::string content;
    wire::ContentCodec codec;
    EXPECT_TRUE(codec.Encode(event, content).ok());
    return FromContent(origin, event.header.id, content);
  }
  [[nodiscard]] static SealedSample FromContent(const char* origin, const EventId& id, const std::string& content) {
    const crypto::Key data_key = *crypto::Key::FromBytes(std::string(32, 'd'));
    return {id, entry::EventKeyOf(data_key, id),
            *entry::SealEntry(id, *crypto::Nonce::FromBytes(std::string(24, 'n')), content, data_key, origin)};
  }

  uint64_t Append(std::string entry) {
    entries_.push_back(std::move(entry));
    return entries_.size() - 1;
  }
  uint64_t AppendEvent(const SealedSample& event, bool with_key = true) {
    if (with_key) keys_[event.id] = event.event_key;
    return Append(event.entry);
  }
  // Logs the receipts that the peer's entries `leaves` are, for entries `runs` of this log; kept beside it.
  uint64_t AppendReceipts(const std::vector<LeafIndex>& leaves, uint64_t from, uint64_t size,
                          std::vector<wire::IndexRun> runs) {
    const std::string bytes = peer_.Receipt(leaves, from, size).SerializeAsString();
    const entry::AcceptedHead head = peer_.Head(size);
    const uint64_t index =
        Append(Record(wire::ReceiptsLogged{kPeerOrigin, head.size, head.root, std::move(runs), crypto::Sha256(bytes)}));
    beside_[audit::ReceiptPath(LeafIndex(index))] = bytes;
    return index;
  }
  // The peer's entry, as the record of its receipt here.
  [[nodiscard]] wire::EventReceived ReceivedOf(uint64_t peer_index, std::string rule = "") const {
    return {kPeerOrigin, LeafIndex(peer_index), peer_.leaf_hash(LeafIndex(peer_index)), std::move(rule)};
  }
  // Logs that these entries of the peer's were received in one batch; kept beside the log.
  uint64_t AppendReceived(const std::vector<LeafIndex>& leaves, uint64_t from, uint64_t size) {
    std::optional<uint64_t> first;
    for (const LeafIndex leaf : leaves) {
      const uint64_t index = Append(Record(ReceivedOf(leaf.value())));
      if (!first) first = index;
    }
    beside_[audit::ReceivedPath(LeafIndex(*first))] = peer_.Batch(leaves, from, size).SerializeAsString();
    return *first;
  }

  [[nodiscard]] tlog::NoteSigner Signer(char seed = 'a') const { return LogSigner(kOrigin, seed); }
  [[nodiscard]] Files Export() const { return ExportOf(entries_); }
  [[nodiscard]] Files ExportOf(const std::vector<std::string>& entries) const {
    Files files = TiledLog(entries, Signer()).files();
    files.insert(beside_.begin(), beside_.end());
    return files;
  }
  [[nodiscard]] audit::Trust Believed() const {
    audit::Trust trust;
    trust.keys = Always({Signer().verifier_key(), peer_.identity().keys[0]});
    trust.owners = {{kOrigin, kOdenseId}, {kPeerOrigin, kNyborgId}};
    return trust;
  }
  [[nodiscard]] audit::Report Verify(const Files& files) const { return Verify(files, Believed(), &keys_); }
  [[nodiscard]] static audit::Report Verify(const Files& files, const audit::Trust& trust, const audit::EventKeys* keys,
                                            bool beside = true, const std::optional<audit::Part>& part = std::nullopt) {
    audit::Work work;
    work.threads = 2;
    work.beside = beside;
    work.opened = keys;
    work.part = part;
    const auto report = audit::VerifyLog(ReaderOf(files), trust, work);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(audit::Report());
  }

  EvidenceLog peer_{kPeerOrigin, 'p'};
  std::vector<std::string> entries_;
  Files beside_;
  audit::EventKeys keys_;
};

}  // namespace medflyt::testing
