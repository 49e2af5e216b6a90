// Look-ups against their plain definition, over generated directories.
#include <algorithm>
#include <string>
#include <vector>

#include "common/directory/directory.h"
#include "common/directory/peer_card.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "tests/unit/directory/sample.h"

namespace medflyt::directory {
namespace {

using medflyt::testing::MunicipalityWithNode;
using medflyt::testing::NoteSignerOf;
using medflyt::testing::Odense;

constexpr Date kEpoch(2000, 1, 1);

Date DayOf(int offset) { return kEpoch + offset; }

// Municipalities without nodes, each with some of five codes on some dates.
std::vector<Authority> GenerateAuthorities() {
  std::vector<Authority> authorities;
  const auto count = *rc::gen::inRange<uint32_t>(1, 6);
  for (uint32_t i = 1; i <= count; ++i) {
    Authority authority;
    authority.id = *AuthorityId::FromNumber(i);
    authority.names = {{kEpoch, "Municipality"}};
    int day = 0;
    const int periods = *rc::gen::inRange(1, 4);
    for (int period = 0; period < periods; ++period) {
      day += *rc::gen::inRange(0, 10);
      const int end = day + *rc::gen::inRange(1, 10);
      const bool open = period + 1 == periods && *rc::gen::arbitrary<bool>();
      authority.codes.push_back({DayOf(day), open ? std::nullopt : std::optional(DayOf(end)),
                                 *MunicipalityCode::FromNumber(*rc::gen::inRange<uint32_t>(1, 6))});
      day = end;
    }
    authorities.push_back(authority);
  }
  return authorities;
}

RC_GTEST_PROP(DirectoryProperty, ACodeOnADateIsOneMunicipalityOrTheDirectoryIsRefused, ()) {
  const std::vector<Authority> authorities = GenerateAuthorities();
  const auto directory = Directory::Create(authorities);
  bool conflict = false;
  for (uint32_t number = 1; number <= 5; ++number) {
    const MunicipalityCode code = *MunicipalityCode::FromNumber(number);
    for (int day = -1; day < 70; ++day) {
      std::vector<AuthorityId> holders;
      for (const Authority& authority : authorities) {
        if (authority.CodeOn(DayOf(day)) == code) holders.push_back(authority.id);
      }
      conflict = conflict || holders.size() > 1;
      if (!directory.ok() || holders.size() > 1) continue;
      const Authority* found = directory->MunicipalityOn(code, DayOf(day));
      RC_ASSERT((found == nullptr) == holders.empty());
      if (found != nullptr) RC_ASSERT(found->id == holders.front());
    }
  }
  RC_ASSERT(directory.ok() != conflict);
}

// Odense with a log of some keys, and perhaps a log before it.
struct Generated {
  Authority authority;
  uint8_t newest = 0;
};
Generated GenerateLogs() {
  Generated generated{Odense(), 0};
  generated.authority.logs.clear();
  uint8_t seed = 100;
  const int logs = *rc::gen::inRange(1, 4);
  for (int number = 0; number < logs; ++number) {
    Log log{"medflyt.example/35209115/" + std::to_string(number), {}};
    uint64_t size = 0;
    const int keys = *rc::gen::inRange(1, 5);
    for (int i = 0; i < keys; ++i) {
      const uint64_t end = size + *rc::gen::inRange<uint64_t>(1, 20);
      const bool open = number + 1 == logs && i + 1 == keys;
      generated.newest = seed++;
      log.keys.push_back({NoteSignerOf(log.origin, generated.newest).verifier_key(), TreeSize(size),
                          open ? std::nullopt : std::optional(TreeSize(end)),
                          i == 0 ? std::string() : *rc::gen::arbitrary<std::string>()});
      size = end;
    }
    generated.authority.logs.push_back(log);
  }
  return generated;
}

RC_GTEST_PROP(DirectoryProperty, EverySizeHasTheKeyWhoseRangeHoldsIt, ()) {
  const Authority authority = GenerateLogs().authority;
  const auto directory = Directory::Create({authority});
  RC_ASSERT(directory.ok());
  for (const Log& log : authority.logs) {
    for (uint64_t size = 0; size < 100; ++size) {
      const auto holds = [size](const LogKey& key) {
        return key.from.value() <= size && (!key.until || size < key.until->value());
      };
      const auto expected = std::find_if(log.keys.begin(), log.keys.end(), holds);
      const auto found = directory->LogKeyFor(log.origin, TreeSize(size));
      RC_ASSERT(found.ok() == (expected != log.keys.end()));
      if (found.ok()) RC_ASSERT(*found == expected->key);
    }
  }
}

RC_GTEST_PROP(DirectoryProperty, ACardIsReadAsItWasWritten, ()) {
  const Generated generated = GenerateLogs();
  Authority authority = generated.authority;
  authority.names.clear();
  const int names = *rc::gen::inRange(1, 4);
  for (int i = 0; i < names; ++i) {
    auto name = *rc::gen::nonEmpty(rc::gen::string<std::string>());
    std::erase_if(name, [](char c) { return c <= ' ' || c > '~'; });
    authority.names.push_back({DayOf(i), "N" + name + " from 2000-01-01 x"});
  }
  const auto bytes = WritePeerCard(authority, DayOf(0), NoteSignerOf(authority.logs.back().origin, generated.newest));
  RC_ASSERT(bytes.ok());
  const auto card = ParsePeerCard(*bytes);
  RC_ASSERT(card.ok());
  RC_ASSERT(card->authority == authority);
  // No other byte string is this card.
  std::string changed = *bytes;
  const auto at = *rc::gen::inRange<size_t>(0, changed.size());
  changed[at] = static_cast<char>(changed[at] ^ *rc::gen::inRange(1, 256));
  RC_ASSERT(!ParsePeerCard(changed).ok());
}

}  // namespace
}  // namespace medflyt::directory
