// Three whole nodes that have their logs cosigned by each other.
#include "server/exchange/cosigning.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "common/merkle/tree_hasher.h"
#include "common/tlog/policy.h"
#include "tests/sim/exchange/checks.h"
#include "tests/support/sim_witnesses.h"

namespace medflyt::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::SizeIs;

constexpr AuthorityId const* kAll[] = {&kOdense, &kNyborg, &kKerteminde};
const exchange::CosigningSchedule kSchedule = {absl::Seconds(5), absl::Minutes(10), absl::Seconds(30)};

class CosigningTest : public ::testing::Test {
 protected:
  CosigningTest() : world(5), witnesses(world, kSchedule), started(world.timeline.Now()) {
    for (const AuthorityId* id : kAll) Append(*id, 3);
    world.RunFor(absl::Seconds(1));
  }

  // Entries that go to nobody.
  void Append(AuthorityId id, int count) {
    world.node(id).Submit([this, count](log::Appender& appender) {
      wire::LedgerCodec codec;
      for (int i = 0; i < count; ++i) {
        appender.AppendLedger(*codec.Encode(
            {appender.now(), wire::KeyGranted{kOdense, world.chance.NewId<KeyId>(), merkle::LeafHash("a key")}}));
      }
    });
  }
  uint64_t SizeOf(AuthorityId id) { return world.node(id).log().head().size.value(); }
  uint64_t CosignedBy(AuthorityId log, AuthorityId witness) {
    for (const exchange::CosignerStatus& status : witnesses.cosigning(log).status()) {
      if (status.peer == witness) return status.size.value();
    }
    return ~uint64_t{0};
  }
  exchange::CosignerStatus StatusBy(AuthorityId log, AuthorityId witness) {
    for (exchange::CosignerStatus& status : witnesses.cosigning(log).status()) {
      if (status.peer == witness) return status;
    }
    return {};
  }
  // A policy as an auditor has it: this log, and all of these must have cosigned.
  tlog::Policy PolicyFor(AuthorityId id, const std::vector<AuthorityId>& cosigners) {
    std::string text = "log " + world.node(id).signer().verifier_key().Format() + "\n";
    std::string group = "group all all";
    for (const AuthorityId& each : cosigners) {
      text += "witness " + each.ToString() + " " + SimWitnesses::CosignerOf(each).verifier_key().Format() + "\n";
      group += " " + each.ToString();
    }
    return *tlog::Policy::Parse(text + group + "\nquorum all\n");
  }
  std::vector<AuthorityId> OthersThan(AuthorityId id) {
    std::vector<AuthorityId> others;
    for (const AuthorityId* each : kAll) {
      if (*each != id) others.push_back(*each);
    }
    return others;
  }

  SimWorld world;
  SimWitnesses witnesses;
  const absl::Time started;
};

// A witness that looks at the clock learns nothing of what happens in a municipality.
TEST(CosigningTimes, AreThoseOfTheScheduleWhateverHappens) {
  const auto asked = [](bool busy) {
    SimWorld world(5);
    SimWitnesses witnesses(world, kSchedule);
    const auto append = [&world] {
      world.node(kOdense).Submit([&world](log::Appender& appender) {
        wire::LedgerCodec codec;
        appender.AppendLedger(*codec.Encode(
            {appender.now(), wire::KeyGranted{kOdense, world.chance.NewId<KeyId>(), merkle::LeafHash("a key")}}));
      });
    };
    append();
    const absl::Time end = world.timeline.Now() + absl::Hours(2);
    for (int turn = 1; world.timeline.Now() < end; ++turn) {
      world.RunFor(std::min(absl::Seconds(37 + turn % 11), end - world.timeline.Now()));
      if (busy) append();
    }
    std::vector<std::tuple<AuthorityId, AuthorityId, absl::Time>> times;
    for (const SimWitnesses::Asked& each : witnesses.asked) {
      if (each.from == kOdense) times.emplace_back(each.from, each.to, each.at);
    }
    return times;
  };
  const auto idle = asked(false);
  EXPECT_GE(idle.size(), 2 * 12U);
  EXPECT_EQ(asked(true), idle);
}

TEST_F(CosigningTest, AfterATurnEveryLogIsCosignedByEveryPeer) {
  world.RunFor(absl::Seconds(10));
  for (const AuthorityId* id : kAll) {
    const auto published = witnesses.cosigning(*id).published();
    ASSERT_TRUE(published.has_value()) << id->ToString();
    EXPECT_EQ(published->size.value(), SizeOf(*id));
    const auto checked = PolicyFor(*id, OthersThan(*id)).Check(published->note);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->signatures.size(), 3U);
    for (const AuthorityId& other : OthersThan(*id)) {
      const auto status = StatusBy(*id, other);
      EXPECT_EQ(status.size.value(), SizeOf(*id));
      EXPECT_EQ(status.last_error, "");
      EXPECT_LE(world.timeline.Now() - status.at, absl::Seconds(10));
    }
  }
  // Cosigning itself adds nothing to any log, or it would never come to rest.
  const uint64_t size = SizeOf(kOdense);
  world.RunFor(absl::Hours(3));
  EXPECT_EQ(SizeOf(kOdense), size);
}

TEST_F(CosigningTest, WhatGrowsIsCosignedAtTheNextTurnAndNotBefore) {
  world.RunFor(absl::Seconds(10));
  const uint64_t before = SizeOf(kOdense);
  Append(kOdense, 5);
  world.RunFor(absl::Minutes(9));
  EXPECT_EQ(CosignedBy(kOdense, kNyborg), before);
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(CosignedBy(kOdense, kNyborg), before + 5);
  const auto published = witnesses.cosigning(kOdense).published();
  EXPECT_EQ(published->size.value(), before + 5);
  EXPECT_TRUE(PolicyFor(kOdense, {kNyborg, kKerteminde}).Check(published->note).ok());
}

// When a witness hears from a log depends on the schedule alone, so it tells nothing of when events were issued.
TEST_F(CosigningTest, TurnsComeByTheScheduleWhateverIsAppended) {
  std::vector<absl::Duration> expected;
  for (int turn = 0; turn < 7; ++turn) expected.push_back(absl::Seconds(5) + turn * absl::Minutes(10));
  for (int minute = 0; minute < 61; ++minute) {
    for (uint64_t i = world.chance.Below(4); i > 0; --i) Append(kOdense, 1);
    world.RunFor(absl::Minutes(1));
  }
  std::vector<absl::Duration> odense;
  for (const auto& each : witnesses.asked) {
    if (each.from == kOdense && each.to == kNyborg) odense.push_back(each.at - started);
  }
  EXPECT_EQ(odense, expected);
}

TEST_F(CosigningTest, AWitnessThatKnowsALaterSizeIsAskedOnceMoreFromThere) {
  // As after a crash between the answer and its row.
  v1::CosignRequest request;
  request.set_checkpoint(world.node(kOdense).log().head().checkpoint);
  witnesses.witness(kNyborg).Cosign(kOdense, request, [](const auto& answer) { ASSERT_TRUE(answer.ok()); });
  Append(kOdense, 4);
  world.RunFor(absl::Seconds(10));
  EXPECT_EQ(CosignedBy(kOdense, kNyborg), SizeOf(kOdense));
  std::vector<uint64_t> old_sizes;
  for (const auto& each : witnesses.asked) {
    if (each.from == kOdense && each.to == kNyborg) old_sizes.push_back(each.old_size);
  }
  EXPECT_THAT(old_sizes, ElementsAre(0U, 3U));
}

TEST_F(CosigningTest, AWitnessOfALargerLogThanOursIsAnAlarm) {
  uint64_t named = 1000;
  witnesses.lies = [&](const auto& asked) -> std::optional<absl::StatusOr<v1::CosignResponse>> {
    if (asked.from != kOdense || asked.to != kNyborg || named == 0) return std::nullopt;
    v1::CosignResponse response;
    response.set_conflict_size(named);
    return response;
  };
  world.RunFor(absl::Seconds(10));
  EXPECT_EQ(StatusBy(kOdense, kNyborg).beyond.value(), 1000U);
  EXPECT_EQ(StatusBy(kOdense, kNyborg).last_error, "COSIGNED_BEYOND");
  EXPECT_EQ(world.node(kOdense).logger.events["own_log_behind_witness"], 1);
  EXPECT_EQ(CosignedBy(kOdense, kKerteminde), SizeOf(kOdense)) << "the others are asked all the same";
  named = 0;
  world.RunFor(absl::Minutes(10));
  EXPECT_EQ(StatusBy(kOdense, kNyborg).beyond.value(), 0U);
  EXPECT_EQ(StatusBy(kOdense, kNyborg).last_error, "");
}

TEST_F(CosigningTest, AWitnessThatNamesOneSizeAfterAnotherIsLeftAlone) {
  uint64_t named = 0;
  witnesses.lies = [&](const auto& asked) -> std::optional<absl::StatusOr<v1::CosignResponse>> {
    if (asked.to != kNyborg) return std::nullopt;
    v1::CosignResponse response;
    response.set_conflict_size(++named % 3);
    return response;
  };
  world.RunFor(absl::Seconds(10));
  EXPECT_EQ(StatusBy(kOdense, kNyborg).last_error, "COSIGN_CONFLICT");
  EXPECT_EQ(witnesses.asked.size(), 8U) << "once more each, of Nyborg by two";
}

TEST_F(CosigningTest, FalseCosignaturesAreNotTaken) {
  int lie = 0;
  witnesses.lies = [&](const auto& asked) -> std::optional<absl::StatusOr<v1::CosignResponse>> {
    if (asked.from != kOdense || asked.to != kNyborg) return std::nullopt;
    const auto note = *tlog::SignedNote::Parse(asked.checkpoint);
    const auto checkpoint = *tlog::Checkpoint::Parse(note.text);
    const auto lines = [](const tlog::Cosigner& cosigner, const tlog::Checkpoint& what) {
      const tlog::SignedNote alone{what.Format(), {*cosigner.Cosign(what, absl::FromUnixSeconds(1'780'000'000))}};
      return alone.Serialize().substr(alone.text.size() + 1);
    };
    const tlog::Cosigner nyborg = SimWitnesses::CosignerOf(kNyborg);
    v1::CosignResponse response;
    switch (lie) {
      case 0:  // another's key under its own name
        response.set_signatures(lines(SimWitnesses::CosignerOf(kKerteminde), checkpoint));
        break;
      case 1:  // another's key under Nyborg's name
        response.set_signatures(lines(SampleCosigner(kNyborg, 77), checkpoint));
        break;
      case 2: {  // of another head
        const auto other = tlog::Checkpoint::Create(checkpoint.origin(), checkpoint.size(), crypto::Hash());
        response.set_signatures(lines(nyborg, *other));
        break;
      }
      case 3:  // of a note that goes on
        response.set_signatures("more\n\n" + lines(nyborg, checkpoint));
        break;
      case 4:
        response.set_signatures("");
        break;
      case 5:
        response.set_signatures(lines(nyborg, checkpoint) + "x");
        break;
      case 6: {  // one byte of the signature
        std::string line = lines(nyborg, checkpoint);
        char& c = line[line.size() - 20];
        c = c == 'A' ? 'B' : 'A';
        response.set_signatures(line);
        break;
      }
      default:
        break;  // an empty answer
    }
    return response;
  };
  for (; lie < 8; ++lie) {
    world.RunFor(lie == 0 ? absl::Seconds(10) : absl::Minutes(10));
    EXPECT_EQ(StatusBy(kOdense, kNyborg).last_error, "COSIGNATURE_INVALID") << lie;
    EXPECT_EQ(CosignedBy(kOdense, kNyborg), 0U) << lie;
    const auto published = witnesses.cosigning(kOdense).published();
    ASSERT_TRUE(published.has_value());
    EXPECT_EQ(tlog::SignedNote::Parse(published->note)->signatures.size(), 2U) << "the log and Kerteminde";
  }
}

TEST_F(CosigningTest, APeerThatIsAwayIsAskedAgainAtTheNextTurn) {
  world.network.SetPartition(kOdense, kNyborg, true);
  world.RunFor(absl::Minutes(1));
  EXPECT_EQ(CosignedBy(kOdense, kNyborg), 0U);
  EXPECT_NE(StatusBy(kOdense, kNyborg).last_error, "");
  EXPECT_EQ(CosignedBy(kOdense, kKerteminde), SizeOf(kOdense));
  auto published = witnesses.cosigning(kOdense).published();
  ASSERT_TRUE(published.has_value());
  EXPECT_TRUE(PolicyFor(kOdense, {kKerteminde}).Check(published->note).ok());
  EXPECT_FALSE(PolicyFor(kOdense, {kNyborg, kKerteminde}).Check(published->note).ok());

  // Now the other way about: of the same head, what was cosigned before stays.
  world.network.Heal();
  world.network.SetPartition(kOdense, kKerteminde, true);
  world.RunFor(absl::Minutes(10));
  published = witnesses.cosigning(kOdense).published();
  EXPECT_TRUE(PolicyFor(kOdense, {kNyborg, kKerteminde}).Check(published->note).ok());
}

// So that a store that was put back is found at the next start, however long nobody else was there.
TEST_F(CosigningTest, TheSizeIsNotedAtEachTurnWhoeverIsThere) {
  for (const AuthorityId& other : OthersThan(kOdense)) world.network.SetPartition(kOdense, other, true);
  world.RunFor(absl::Seconds(10));
  EXPECT_THAT(witnesses.noted[kOdense], ElementsAre(SizeOf(kOdense)));
  Append(kOdense, 4);
  world.RunFor(absl::Minutes(10));
  EXPECT_EQ(witnesses.noted[kOdense].back(), SizeOf(kOdense));
  EXPECT_FALSE(witnesses.cosigning(kOdense).published().has_value());

  // Nor is there anybody to ask.
  const auto alone = directory::Directory::Create({*world.directory.Find(kOdense)});
  ASSERT_TRUE(alone.ok()) << alone.status();
  world.node(kOdense).exchange().OnDirectoryChanged(*alone);
  Append(kOdense, 2);
  world.RunFor(absl::Minutes(10));
  EXPECT_EQ(witnesses.noted[kOdense].back(), SizeOf(kOdense));
  EXPECT_THAT(witnesses.noted[kOdense], SizeIs(3));
}

TEST_F(CosigningTest, WhatIsCosignedIsKnownAfterARestart) {
  world.RunFor(absl::Seconds(10));
  const auto published = witnesses.cosigning(kOdense).published();
  const auto status = witnesses.cosigning(kOdense).status();
  ASSERT_TRUE(published.has_value());
  witnesses.Restart(kOdense);
  EXPECT_EQ(witnesses.cosigning(kOdense).published(), published);
  EXPECT_EQ(witnesses.cosigning(kOdense).status(), status);
  Append(kOdense, 2);
  world.RunFor(absl::Seconds(10));
  EXPECT_EQ(CosignedBy(kOdense, kNyborg), SizeOf(kOdense));
  EXPECT_NE(witnesses.asked.back().old_size, 0U);
}

}  // namespace
}  // namespace medflyt::testing
