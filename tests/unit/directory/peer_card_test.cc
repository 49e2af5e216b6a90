#include "common/directory/peer_card.h"

#include <string>

#include "common/crypto/hash.h"
#include "common/tlog/note.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::directory {
namespace {

using medflyt::testing::NoteSignerOf;
using medflyt::testing::Nyborg;
using medflyt::testing::Odense;
using medflyt::testing::RuleOf;
using ::testing::HasSubstr;

constexpr Date kIssued(2026, 11, 21);

tlog::NoteSigner OdenseSigner() { return NoteSignerOf("medflyt.example/35209115/1", 10); }

std::string OdenseCard() { return *WritePeerCard(Odense(), kIssued, OdenseSigner()); }

// The card's text with one piece replaced, properly signed again.
std::string Resigned(std::string_view from, std::string_view to) {
  std::string text = tlog::SignedNote::Parse(OdenseCard())->text;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  return tlog::SignedNote{text, {OdenseSigner().Sign(text)}}.Serialize();
}

TEST(PeerCardTest, IsReadAsItWasWritten) {
  const auto card = ParsePeerCard(OdenseCard());
  ASSERT_TRUE(card.ok()) << card.status();
  EXPECT_EQ(card->authority, Odense());
  EXPECT_EQ(card->issued, kIssued);
}

TEST(PeerCardTest, APersonCanReadIt) {
  const std::string card = OdenseCard();
  EXPECT_THAT(card, HasSubstr("medflyt peer card v1\nauthority: 35209115\nkind: municipality\n"
                              "name: Odense Kommune from 2007-01-01\ncode: 0461 from 2007-01-01\n"
                              "endpoint: localhost:7461\norigin: medflyt.example/35209115/1\nlog-key: "));
  EXPECT_THAT(card, HasSubstr(" from 0\nwitness-key: medflyt.example/35209115/witness+"));
  EXPECT_THAT(card, HasSubstr("\nissued: 2026-11-21\nissuers:\n-----BEGIN CERTIFICATE-----\n"));
}

TEST(PeerCardTest, CarriesHistory) {
  Authority authority = Odense();
  authority.names = {{Date(2007, 1, 1), "Ærø until 2020-01-01 from 1999-01-01"}, {Date(2025, 1, 1), "Nyby"}};
  authority.codes = {{Date(2007, 1, 1), Date(2025, 1, 1), *MunicipalityCode::Parse("0461")},
                     {Date(2025, 6, 1), std::nullopt, *MunicipalityCode::Parse("0462")}};
  authority.logs[0].keys[0].until = TreeSize(100);
  authority.logs[0].keys.push_back({NoteSignerOf(authority.logs[0].origin, 50).verifier_key(), TreeSize(100),
                                    TreeSize(150), std::string("what proves\0it\xff\n", 16)});
  authority.logs.push_back({"second", {{NoteSignerOf("second", 51).verifier_key(), TreeSize(0), std::nullopt}}});
  authority.issuers += medflyt::testing::kNyborgIssuer;
  const auto bytes = WritePeerCard(authority, kIssued, NoteSignerOf("second", 51));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto card = ParsePeerCard(*bytes);
  ASSERT_TRUE(card.ok()) << card.status();
  EXPECT_EQ(card->authority, authority);
}

TEST(PeerCardTest, OnlyTheNewestKeySigns) {
  EXPECT_EQ(RuleOf(WritePeerCard(Odense(), kIssued, NoteSignerOf("medflyt.example/35209115/1", 11)).status()),
            "CARD_SIGNER_FOREIGN");
  const std::string text = tlog::SignedNote::Parse(OdenseCard())->text;
  const tlog::NoteSigner thief = NoteSignerOf("medflyt.example/35209115/1", 99);
  EXPECT_EQ(RuleOf(ParsePeerCard(tlog::SignedNote{text, {thief.Sign(text)}}.Serialize()).status()),
            "CARD_SIGNATURE_INVALID");
}

TEST(PeerCardTest, AnAuthorityWithoutANodeHasNone) {
  Authority authority = Odense();
  authority.endpoint = "";
  authority.logs.clear();
  authority.witness.reset();
  authority.issuers = "";
  EXPECT_EQ(RuleOf(WritePeerCard(authority, kIssued, OdenseSigner()).status()), "AUTHORITY_INCOMPLETE");
}

TEST(PeerCardTest, NoByteCanBeChanged) {
  const std::string card = OdenseCard();
  for (size_t at = 0; at < card.size(); ++at) {
    std::string changed = card;
    changed[at] = static_cast<char>(changed[at] ^ 0x01);
    EXPECT_FALSE(ParsePeerCard(changed).ok()) << "byte " << at;
  }
  for (size_t size = 0; size < card.size(); ++size) {
    EXPECT_FALSE(ParsePeerCard(std::string_view(card).substr(0, size)).ok()) << "cut at " << size;
  }
}

TEST(PeerCardTest, AForeignFormIsRefusedEvenWhenSigned) {
  struct Case {
    std::string_view from, to, rule;
  };
  const Case cases[] = {
      {"card v1", "card v2", "CARD_MALFORMED"},
      {"authority: 35209115", "authority: 3520911", "CARD_MALFORMED"},
      {"authority: 35209115\n", "", "AUTHORITY_ID_INVALID"},
      {"authority: 35209115", "authority:  35209115", "CARD_MALFORMED"},
      {"authority: 35209115", "authority:35209115", "CARD_MALFORMED"},
      {"authority: 35209115", "authority: 29189722\nauthority: 35209115", "CARD_MALFORMED"},
      {"kind: municipality", "kind: region", "CARD_MALFORMED"},
      {"kind: municipality\n", "", "CARD_MALFORMED"},
      {"kind: municipality", "colour: red\nkind: municipality", "CARD_MALFORMED"},
      {"kind: municipality", "\nkind: municipality", "CARD_MALFORMED"},
      {"name: Odense Kommune from 2007-01-01", "name: Odense Kommune", "CARD_MALFORMED"},
      {"name: Odense Kommune from 2007-01-01", "name: Odense Kommune from 2007-02-29", "CARD_MALFORMED"},
      {"name: Odense Kommune from 2007-01-01", "name:  from 2007-01-01", "AUTHORITY_NAME_INVALID"},
      {"code: 0461 from", "code: 461 from", "CARD_MALFORMED"},
      {"code: 0461 from 2007-01-01", "code: 0461 from 2007-01-01 until", "CARD_MALFORMED"},
      {"code: 0461 from 2007-01-01", "code: 0461 from 2007-01-01 until 2007-01-01", "AUTHORITY_CODE_INVALID"},
      {"endpoint: localhost:7461\n", "", "AUTHORITY_INCOMPLETE"},
      {"endpoint: localhost:7461", "endpoint: localhost", "ENDPOINT_INVALID"},
      {"origin: medflyt.example/35209115/1\n", "", "CARD_MALFORMED"},
      {"origin: medflyt.example/35209115/1", "origin: medflyt.example/other", "LOG_KEY_INVALID"},
      {" from 0\nwitness", " from 1\nwitness", "LOG_KEY_INVALID"},
      {" from 0\nwitness", " from 00\nwitness", "CARD_MALFORMED"},
      {" from 0\nwitness", " from 18446744073709551616\nwitness", "CARD_MALFORMED"},
      {" from 0\nwitness", "\nwitness", "CARD_MALFORMED"},
      {" from 0\nwitness", " from 0 until 4\nwitness", "LOG_KEY_INVALID"},
      {"log-key: medflyt", "log-key: medflyt+", "VERIFIER_KEY_MALFORMED"},
      {"log-key: medflyt", "handover: cHJvb2Y=\nlog-key: medflyt", "CARD_MALFORMED"},
      {"witness-key: medflyt", "handover: cHJvb2Y=\nwitness-key: medflyt", "LOG_KEY_INVALID"},
      {"witness-key: medflyt", "handover: cHJvb2Y\nwitness-key: medflyt", "CARD_MALFORMED"},
      {"witness-key: medflyt", "handover: \nwitness-key: medflyt", "CARD_MALFORMED"},
      {"witness-key: medflyt", "witness-key: medfly", "VERIFIER_KEY_MALFORMED"},
      {"issued: 2026-11-21", "issued: 21-11-2026", "CARD_MALFORMED"},
      {"issued: 2026-11-21\n", "", "CARD_MALFORMED"},
      {"issuers:\n", "issuers: none\n", "CARD_MALFORMED"},
      {"issuers:\n", "issuers:\nsubject=Odense\n", "CARD_MALFORMED"},
      {"issuers:\n", "", "CARD_MALFORMED"},
  };
  for (const Case& bad : cases) {
    EXPECT_EQ(RuleOf(ParsePeerCard(Resigned(bad.from, bad.to)).status()), bad.rule) << bad.from << " -> " << bad.to;
  }
}

TEST(PeerCardTest, ALargeFileIsNotACard) {
  EXPECT_EQ(RuleOf(ParsePeerCard(std::string(kMaxPeerCardBytes + 1, 'a')).status()), "CARD_TOO_LARGE");
  EXPECT_FALSE(ParsePeerCard("").ok());
}

TEST(PeerCardTest, TheFingerprintIsOfTheWholeText) {
  const auto card = ParsePeerCard(OdenseCard());
  ASSERT_TRUE(card.ok());
  const std::string fingerprint = FingerprintOf(*card);
  EXPECT_THAT(fingerprint, ::testing::MatchesRegex("([0-9a-f]{4} ){7}[0-9a-f]{4}"));
  std::string joined = fingerprint;
  std::erase(joined, ' ');
  EXPECT_EQ(joined, crypto::Sha256(tlog::SignedNote::Parse(OdenseCard())->text).ToHex().substr(0, 32));
  const auto moved = ParsePeerCard(Resigned("localhost:7461", "localhost:7462"));
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_NE(FingerprintOf(*moved), fingerprint);
  // Another's signature beside ours changes nothing that was compared.
  auto note = *tlog::SignedNote::Parse(OdenseCard());
  note.signatures.push_back(NoteSignerOf("someone", 70).Sign(note.text));
  const auto cosigned = ParsePeerCard(note.Serialize());
  ASSERT_TRUE(cosigned.ok()) << cosigned.status();
  EXPECT_EQ(FingerprintOf(*cosigned), fingerprint);
}

TEST(PeerCardTest, AFingerprintIsHeardWithoutCaseAndGroups) {
  EXPECT_TRUE(SameFingerprint("3F2A9b1c", "3f2a 9b1c"));
  EXPECT_TRUE(SameFingerprint(" 3f2a  9b1c ", "3f2a 9b1c"));
  EXPECT_FALSE(SameFingerprint("3f2a 9b1d", "3f2a 9b1c"));
  EXPECT_FALSE(SameFingerprint("3f2a", "3f2a 9b1c"));
  EXPECT_FALSE(SameFingerprint("", "3f2a 9b1c"));
}

TEST(PeerCardTest, MakesADirectory) {
  const auto card = ParsePeerCard(OdenseCard());
  ASSERT_TRUE(card.ok());
  const auto directory = Directory::Create({Nyborg()})->With(card->authority);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(directory->LogKeyFor("medflyt.example/35209115/1", TreeSize(5)).ok());
}

}  // namespace
}  // namespace medflyt::directory
