#include "common/entry/parse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/status.h"

namespace medflyt::entry {
namespace {

const EventId kId = *EventId::FromHex("000102030405060708090a0b0c0d0e0f");
const Nonce kNonce = *Nonce::FromHex("101112131415161718191a1b1c1d1e1f2021222324252627");

TEST(Parse, TellsSealedEntriesFromLedgerRecords) {
  wire::LedgerCodec ledger;
  const std::string sealed = *SealEntry(kId, kNonce, "content", *Key::FromBytes(std::string(32, 'K')), "origin");
  const auto parsed_sealed = ParseEntry(sealed, ledger);
  ASSERT_TRUE(parsed_sealed.ok());
  EXPECT_EQ(std::get<SealedView>(*parsed_sealed).event_id, kId);
  EXPECT_TRUE(LooksSealed(sealed));

  const wire::LedgerRecord record = {absl::FromUnixMicros(5),
                                     wire::KeyDestroyed{*KeyId::FromBytes(std::string(16, 'k'))}};
  const std::string clear = *ledger.Encode(record);
  const auto parsed_clear = ParseEntry(clear, ledger);
  ASSERT_TRUE(parsed_clear.ok());
  EXPECT_EQ(std::get<wire::LedgerRecord>(*parsed_clear), record);
  EXPECT_FALSE(LooksSealed(clear));
  EXPECT_FALSE(LooksSealed(""));
}

TEST(Parse, RefusesWhatIsNeither) {
  wire::LedgerCodec ledger;
  struct Case {
    std::string bytes;
    std::string rule;
  };
  const std::vector<Case> cases = {
      {"", "ENTRY_MALFORMED"},
      {std::string(kMaxEntry + 1, '\x12'), "ENTRY_MALFORMED"},
      {std::string("\x0A\x00", 2), "ENTRY_MALFORMED"},
      {"\x0A", "ENTRY_MALFORMED"},
      {std::string("\x12\x00", 2), "LEDGER_RECORD_MALFORMED"},
      {"x", "LEDGER_RECORD_MALFORMED"},
      {std::string("\x1A\x00", 2), "ENTRY_KIND_UNKNOWN"},  // field 3 of a newer LogEntry
  };
  for (const Case& c : cases) {
    const auto parsed = ParseEntry(c.bytes, ledger);
    ASSERT_FALSE(parsed.ok()) << c.rule;
    EXPECT_EQ(BrokenRuleOf(parsed.status())->rule, c.rule);
    EXPECT_EQ(parsed.status().code(),
              c.rule == "ENTRY_KIND_UNKNOWN" ? absl::StatusCode::kUnimplemented : absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace medflyt::entry
