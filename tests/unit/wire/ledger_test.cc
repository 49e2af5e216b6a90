#include "common/wire/ledger.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "medflyt/v1/log.pb.h"

namespace medflyt::wire {
namespace {

const Hash kHash = *Hash::FromHex("303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f");
const Hash kOtherHash = *Hash::FromHex("4f4e4d4c4b4a494847464544434241403f3e3d3c3b3a39383736353433323130");
const KeyId kKeyId = *KeyId::FromHex("202122232425262728292a2b2c2d2e2f");
const absl::Time kTime = absl::FromUnixMicros(1'795'000'000'000'001);

LedgerRecord Received() { return {kTime, EventReceived{"odense.example/log", LeafIndex(0), kHash, ""}}; }
LedgerRecord Receipts() {
  return {kTime,
          ReceiptsLogged{"nyborg.example/log", TreeSize(9), kHash, {{LeafIndex(0), 2}, {LeafIndex(3), 1}}, kHash}};
}
LedgerRecord Rejections() { return {kTime, RejectionsRecorded{*AuthorityId::Parse("29189722"), "NUMBER_GAP", 7, 2}}; }
LedgerRecord Granted() { return {kTime, KeyGranted{*AuthorityId::Parse("29189722"), kKeyId, kHash}}; }
LedgerRecord Destroyed() { return {kTime, KeyDestroyed{kKeyId}}; }
LedgerRecord HandedOver() { return {kTime, LogKeyHandedOver{"odense.example/log+00000000+AQ=="}}; }
LedgerRecord Released() { return {kTime, PeerReleased{*AuthorityId::Parse("29189722"), kHash, kHash}}; }
LedgerRecord Admitted() {
  return {kTime, PeerGenerationAdmitted{*AuthorityId::Parse("29189722"), "nyborg.example/log/2",
                                        "nyborg.example/log/2+00000000+AQ==", kHash, kOtherHash}};
}
LedgerRecord Opened() {
  return {kTime, GenerationOpened{"odense.example/log/1\n9\n",
                                  TreeSize(7),
                                  {{*AuthorityId::Parse("29189706"), PairNumber(1), PairNumber(2)},
                                   {*AuthorityId::Parse("29189722"), PairNumber(0), PairNumber(3)}},
                                  kHash,
                                  kOtherHash}};
}
LedgerRecord Reissued() { return {kTime, EntryReissued{"odense.example/log/1", LeafIndex(5)}}; }
LedgerRecord Changed() { return {kTime, DirectoryChanged{kHash, 3, kOtherHash}}; }

v1::LogEntry MessageOf(const LedgerRecord& record) {
  LedgerCodec codec;
  const auto bytes = codec.Encode(record);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  v1::LogEntry entry;
  EXPECT_TRUE(entry.ParseFromString(*bytes));
  return entry;
}

TEST(Ledger, BytesArePinned) {
  LedgerCodec codec;
  EXPECT_EQ(HexEncode(*codec.Encode(Received())),
            "12410881e0fc8ab091980312360a126f64656e73652e6578616d706c652f6c6f671a20303132333435363738393a3b3c"
            "3d3e3f404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(HexEncode(*codec.Encode(Receipts())),
            "126f0881e0fc8ab09198031a640a126e79626f72672e6578616d706c652f6c6f6710091a20303132333435363738393a"
            "3b3c3d3e3f404142434445464748494a4b4c4d4e4f220210022204080310012a20303132333435363738393a3b3c3d3e"
            "3f404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(HexEncode(*codec.Encode(Rejections())),
            "12200881e0fc8ab0919803221508daccf50d120a4e554d4245525f47415018072002");
  EXPECT_EQ(HexEncode(*codec.Encode(Granted())),
            "12440881e0fc8ab09198032a3908daccf50d1210202122232425262728292a2b2c2d2e2f1a2030313233343536373839"
            "3a3b3c3d3e3f404142434445464748494a4b4c4d4e4f");
  EXPECT_EQ(HexEncode(*codec.Encode(Destroyed())), "121d0881e0fc8ab091980332120a10202122232425262728292a2b2c2d2e2f");
  EXPECT_EQ(HexEncode(*codec.Encode(HandedOver())),
            "122d0881e0fc8ab09198033a220a20" + HexEncode("odense.example/log+00000000+AQ=="));
  EXPECT_EQ(HexEncode(*codec.Encode(Released())),
            "12540881e0fc8ab0919803424908daccf50d1220" + kHash.ToHex() + "1a20" + kHash.ToHex());
  EXPECT_EQ(HexEncode(*codec.Encode(Admitted())),
            "128f010881e0fc8ab091980352830108daccf50d1214" + HexEncode("nyborg.example/log/2") + "1a22" +
                HexEncode("nyborg.example/log/2+00000000+AQ==") + "2220" + kHash.ToHex() + "2a20" + kOtherHash.ToHex());
  EXPECT_EQ(HexEncode(*codec.Encode(Opened())),
            "127e08"
            "81e0fc8ab09198034a730a17" +
                HexEncode("odense.example/log/1\n9\n") +
                "10071a0908caccf50d100118021a0708daccf50d1803"
                "2220" +
                kHash.ToHex() + "2a20" + kOtherHash.ToHex());
  EXPECT_EQ(HexEncode(*codec.Encode(Reissued())),
            "12230881e0fc8ab09198035a180a14" + HexEncode("odense.example/log/1") + "1005");
  EXPECT_EQ(HexEncode(*codec.Encode(Changed())),
            "12510881e0fc8ab091980362460a20" + kHash.ToHex() + "10031a20" + kOtherHash.ToHex());
}

TEST(Ledger, EveryFieldOutOfBoundsIsNamed) {
  struct Case {
    LedgerRecord record;
    std::string_view field;
    std::function<void(v1::LedgerRecord&)> spoil;
  };
  const std::string hash(kHash.bytes());
  const std::vector<Case> cases = {
      {Received(), "recorded_at_us", [](auto& r) { r.set_recorded_at_us(-1); }},
      {Received(), "recorded_at_us", [](auto& r) { r.set_recorded_at_us(253'402'300'800'000'000); }},
      {Received(), "record", [](auto& r) { r.clear_record(); }},
      {Received(), "event_received.issuer_origin", [](auto& r) { r.mutable_event_received()->clear_issuer_origin(); }},
      {Received(), "event_received.issuer_origin",
       [](auto& r) { r.mutable_event_received()->set_issuer_origin(std::string(256, 'x')); }},
      {Received(), "event_received.issuer_origin",
       [](auto& r) { r.mutable_event_received()->set_issuer_origin("a\nb"); }},
      {Received(), "event_received.leaf_hash", [](auto& r) { r.mutable_event_received()->clear_leaf_hash(); }},
      {Received(), "event_received.leaf_hash",
       [](auto& r) { r.mutable_event_received()->set_leaf_hash(std::string(31, 'a')); }},
      {Received(), "event_received.refused_rule",
       [](auto& r) { r.mutable_event_received()->set_refused_rule("because"); }},
      {Receipts(), "receipts_logged.recipient_origin",
       [](auto& r) { r.mutable_receipts_logged()->clear_recipient_origin(); }},
      {Receipts(), "receipts_logged.recipient_size",
       [](auto& r) { r.mutable_receipts_logged()->set_recipient_size(0); }},
      {Receipts(), "receipts_logged.recipient_root",
       [](auto& r) { r.mutable_receipts_logged()->set_recipient_root("x"); }},
      {Receipts(), "receipts_logged.receipts_digest",
       [](auto& r) { r.mutable_receipts_logged()->clear_receipts_digest(); }},
      {Receipts(), "receipts_logged.runs", [](auto& r) { r.mutable_receipts_logged()->clear_runs(); }},
      {Receipts(), "receipts_logged.runs", [](auto& r) { r.mutable_receipts_logged()->mutable_runs(1)->set_count(0); }},
      // Adjoining, overlapping, descending, beyond the last index.
      {Receipts(), "receipts_logged.runs", [](auto& r) { r.mutable_receipts_logged()->mutable_runs(1)->set_first(2); }},
      {Receipts(), "receipts_logged.runs", [](auto& r) { r.mutable_receipts_logged()->mutable_runs(1)->set_first(1); }},
      {Receipts(), "receipts_logged.runs", [](auto& r) { r.mutable_receipts_logged()->mutable_runs(1)->set_first(0); }},
      {Receipts(), "receipts_logged.runs",
       [](auto& r) { r.mutable_receipts_logged()->mutable_runs(1)->set_count(~uint64_t{0}); }},
      {Receipts(), "receipts_logged.runs",
       [](auto& r) {
         for (uint64_t i = 0; i < 5'000; ++i) {
           auto& run = *r.mutable_receipts_logged()->add_runs();
           run.set_first(10 + 2 * i);
           run.set_count(1);
         }
       }},
      {Rejections(), "rejections_recorded.peer", [](auto& r) { r.mutable_rejections_recorded()->set_peer(0); }},
      {Rejections(), "rejections_recorded.peer",
       [](auto& r) { r.mutable_rejections_recorded()->set_peer(100'000'000); }},
      {Rejections(), "rejections_recorded.rule", [](auto& r) { r.mutable_rejections_recorded()->clear_rule(); }},
      {Rejections(), "rejections_recorded.minute", [](auto& r) { r.mutable_rejections_recorded()->set_minute(-1); }},
      {Rejections(), "rejections_recorded.count", [](auto& r) { r.mutable_rejections_recorded()->set_count(0); }},
      {Granted(), "key_granted.recipient", [](auto& r) { r.mutable_key_granted()->set_recipient(0); }},
      {Granted(), "key_granted.key_id", [](auto& r) { r.mutable_key_granted()->set_key_id("x"); }},
      {Granted(), "key_granted.commitment", [](auto& r) { r.mutable_key_granted()->clear_commitment(); }},
      {HandedOver(), "log_key_handed_over.verifier_key",
       [](auto& r) { r.mutable_log_key_handed_over()->clear_verifier_key(); }},
      {HandedOver(), "log_key_handed_over.verifier_key",
       [](auto& r) { r.mutable_log_key_handed_over()->set_verifier_key(std::string(321, 'x')); }},
      {Released(), "peer_released.peer", [](auto& r) { r.mutable_peer_released()->set_peer(0); }},
      {Released(), "peer_released.first_certificate",
       [](auto& r) { r.mutable_peer_released()->set_first_certificate("x"); }},
      {Released(), "peer_released.second_certificate",
       [](auto& r) { r.mutable_peer_released()->clear_second_certificate(); }},
      {Admitted(), "peer_generation_admitted.peer", [](auto& r) { r.mutable_peer_generation_admitted()->set_peer(0); }},
      {Admitted(), "peer_generation_admitted.origin",
       [](auto& r) { r.mutable_peer_generation_admitted()->clear_origin(); }},
      {Admitted(), "peer_generation_admitted.origin",
       [](auto& r) { r.mutable_peer_generation_admitted()->set_origin(std::string(256, 'x')); }},
      {Admitted(), "peer_generation_admitted.verifier_key",
       [](auto& r) { r.mutable_peer_generation_admitted()->clear_verifier_key(); }},
      {Admitted(), "peer_generation_admitted.verifier_key",
       [](auto& r) { r.mutable_peer_generation_admitted()->set_verifier_key(std::string(321, 'x')); }},
      {Admitted(), "peer_generation_admitted.first_certificate",
       [](auto& r) { r.mutable_peer_generation_admitted()->clear_first_certificate(); }},
      {Admitted(), "peer_generation_admitted.second_certificate",
       [](auto& r) { r.mutable_peer_generation_admitted()->set_second_certificate("x"); }},
      {Admitted(), "peer_generation_admitted.second_certificate",
       [&hash](auto& r) { r.mutable_peer_generation_admitted()->set_second_certificate(hash); }},
      {Opened(), "generation_opened.closed_checkpoint",
       [](auto& r) { r.mutable_generation_opened()->clear_closed_checkpoint(); }},
      {Opened(), "generation_opened.closed_checkpoint",
       [](auto& r) { r.mutable_generation_opened()->set_closed_checkpoint(std::string(2049, 'x')); }},
      {Opened(), "generation_opened.pairs",
       [](auto& r) { r.mutable_generation_opened()->mutable_pairs()->SwapElements(0, 1); }},
      {Opened(), "generation_opened.pairs",
       [](auto& r) { r.mutable_generation_opened()->mutable_pairs(1)->set_peer(29189706); }},
      {Opened(), "generation_opened.pairs",
       [](auto& r) { r.mutable_generation_opened()->mutable_pairs(0)->set_peer(0); }},
      {Opened(), "generation_opened.second_certificate",
       [&hash](auto& r) { r.mutable_generation_opened()->set_second_certificate(hash); }},
      {Reissued(), "entry_reissued.closed_origin", [](auto& r) { r.mutable_entry_reissued()->clear_closed_origin(); }},
      {Changed(), "directory_changed.digest", [](auto& r) { r.mutable_directory_changed()->clear_digest(); }},
      {Changed(), "directory_changed.certificate",
       [](auto& r) { r.mutable_directory_changed()->set_certificate("x"); }},
      {Destroyed(), "key_destroyed.key_id", [](auto& r) { r.mutable_key_destroyed()->clear_key_id(); }},
  };
  LedgerCodec codec;
  for (const Case& c : cases) {
    v1::LogEntry entry = MessageOf(c.record);
    ASSERT_TRUE(codec.Decode(entry.SerializeAsString()).ok());
    c.spoil(*entry.mutable_ledger());
    const auto decoded = codec.Decode(entry.SerializeAsString());
    ASSERT_FALSE(decoded.ok()) << c.field;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(BrokenRuleOf(decoded.status()), (BrokenRule{"LEDGER_RECORD_MALFORMED", std::string(c.field)}));
  }
}

TEST(Ledger, ARecordOfANewerVersionIsNotMalformed) {
  v1::LogEntry entry = MessageOf(Destroyed());
  const std::string record = entry.ledger().SerializeAsString();
  const std::string with_field = record + "\x78\x01";                     // field 15
  const std::string unknown_kind = record.substr(0, 9) + "\xA2\x06\x00";  // field 100, empty
  LedgerCodec codec;
  const std::vector<std::string> inputs = {
      std::string("\x12") + static_cast<char>(with_field.size()) + with_field,
      std::string("\x1A\x00", 2),  // field 3 of LogEntry
      entry.SerializeAsString() + std::string("\x1A\x00", 2),
  };
  for (const std::string& bytes : inputs) {
    const auto decoded = codec.Decode(bytes);
    ASSERT_FALSE(decoded.ok()) << HexEncode(bytes);
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kUnimplemented) << decoded.status();
    EXPECT_EQ(BrokenRuleOf(decoded.status())->rule, "ENTRY_KIND_UNKNOWN");
  }
}

TEST(Ledger, OtherEncodingsOfTheSameRecordAreRefused) {
  LedgerCodec codec;
  const std::string bytes = *codec.Encode(Received());
  const std::string inner = bytes.substr(2);
  ASSERT_EQ(static_cast<size_t>(bytes[1]), inner.size());
  auto entry_of = [](const std::string& record) {
    return std::string("\x12") + static_cast<char>(record.size()) + record;
  };
  v1::LedgerRecord without_time;
  without_time.ParseFromString(inner);
  const std::string time = inner.substr(0, inner.find('\x12'));
  const std::string rest = inner.substr(time.size());
  const std::vector<std::string> inputs = {
      entry_of(rest + time),                   // out of order
      entry_of(time + inner),                  // a field twice
      std::string("\x12\x80\x00", 3) + bytes,  // an empty record first, length in two bytes
      std::string("\x12") + static_cast<char>(0x80 | inner.size()) + std::string(1, '\0') + inner,
  };
  for (const std::string& input : inputs) {
    v1::LogEntry message;
    ASSERT_TRUE(message.ParseFromString(input)) << "protobuf itself accepts it";
    const auto decoded = codec.Decode(input);
    ASSERT_FALSE(decoded.ok()) << HexEncode(input);
    EXPECT_EQ(BrokenRuleOf(decoded.status())->rule, "LEDGER_RECORD_MALFORMED");
  }
}

TEST(Ledger, OtherThingsAreNoLedgerRecord) {
  LedgerCodec codec;
  v1::LogEntry sealed;
  sealed.mutable_sealed()->set_event_id("x");
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(70'000, '\x12'), sealed.SerializeAsString()}) {
    EXPECT_FALSE(codec.Decode(bytes).ok());
  }
}

TEST(Ledger, NothingIsLoggedThatNobodyCouldRead) {
  LedgerCodec codec;
  EXPECT_FALSE(codec.Encode({kTime, EventReceived{"", LeafIndex(0), kHash, ""}}).ok());
  EXPECT_FALSE(codec.Encode({kTime, EventReceived{"origin", LeafIndex(0), Hash(), ""}}).ok());
  EXPECT_FALSE(codec.Encode({kTime, ReceiptsLogged{"origin", TreeSize(1), kHash, {}, kHash}}).ok());
  EXPECT_FALSE(codec.Encode({kTime, KeyDestroyed{KeyId()}}).ok());
}

}  // namespace
}  // namespace medflyt::wire
