// What is kept of requests, and an erasure: a repetition is told what happened and does nothing, and nobody can find
// out by guessing whom a request was about, whatever copies he has and whatever keys the node has now.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "server/keys/key_row.h"
#include "server/privacy/erasure.h"
#include "server/service/submissions.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/log_fixture.h"

namespace medflyt::service {
namespace {

using ::testing::IsEmpty;
using testing::kNyborg;
using testing::kOdense;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kRetention = absl::Hours(24 * 400);
constexpr char kCpr[] = "6101801000";

// All that a client says in such a request, so that whoever guesses the number has it.
crypto::Hash Said(std::string_view cpr) { return crypto::Sha256({"enrol ", cpr}); }

class RequestErasureTest : public testing::LogFixture {
 protected:
  void SetUp() override {
    directory_.grounds = {{{"gdpr-17-1-d", Date(2018, 5, 25), std::nullopt}, true}};
    enrolment_ = random_.NewId<CaseId>();
    Do("enrols", event::ProposeEnrolment{enrolment_, kOdense, *registry::CprNumber::Parse(kCpr), std::nullopt, today()},
       Said(kCpr));
  }
  Date today() const { return DanishDate(clock_.now); }

  static RequestedCommand Requested(std::string_view id, event::CommandBody body, const crypto::Hash& said,
                                    std::string officer = "anna", std::string_view certificate = "one") {
    rpc::PeerIdentity client;
    client.authority = kOdense;
    client.role = rpc::Role::kCaseSystem;
    client.fingerprint = crypto::Sha256(certificate);
    return {event::Command{std::move(officer), std::move(body)}, RequestKeyOf(client, id), said, client.fingerprint};
  }
  std::string Ask(const RequestedCommand& requested) {
    CommandOutcome outcome = absl::UnknownError("not applied");
    On([&](log::Appender& appender) {
      auto book = RequestBook::Open(appender);
      outcome = ApplyCommand(appender, *book, requested, kRetention);
    });
    if (outcome.ok()) return "OK";
    const auto broken = BrokenRuleOf(outcome.status());
    return broken ? broken->rule : outcome.status().ToString();
  }
  void Do(std::string_view id, event::CommandBody body, const crypto::Hash& said = crypto::Sha256("said")) {
    ASSERT_EQ(Ask(Requested(id, std::move(body), said)), "OK");
  }
  event::CommandBody Enrol(const CaseId& id, std::string_view cpr = kCpr) const {
    return event::ProposeEnrolment{id, kOdense, *registry::CprNumber::Parse(cpr), std::nullopt, today()};
  }
  // A move of the citizen's that is held.
  event::ImportExtract ImportOf(const CaseId& relocation) const {
    event::Observation observation;
    observation.relocation = relocation;
    observation.enrolment = enrolment_;
    observation.to = *MunicipalityCode::Parse("0450");
    observation.effective_date = today();
    observation.hold_reasons = {event::HoldReason::kNameAndAddressProtection};
    event::ImportExtract import;
    import.digest = crypto::Sha256("extract");
    import.production_date = today();
    import.observations = {observation};
    return import;
  }
  void Erase(std::vector<CaseId> cases) {
    std::sort(cases.begin(), cases.end());
    for (const std::string officer : {"anna", "bo"}) {
      On([&](log::Appender& appender) {
        event::EraseCases command{random_.NewId<CaseId>(), cases, "gdpr-17-1-d", "journal-1", crypto::Sha256(officer)};
        const auto erased = privacy::Erase(appender, random_, {officer, std::move(command)});
        ASSERT_TRUE(erased.ok()) << erased.status();
      });
    }
  }
  void EraseCitizen() {
    Do("refuses", event::RefuseEnrolment{enrolment_});
    Erase({enrolment_});
  }
  // As the housekeeping does after an erasure.
  void RotateKek() {
    kek_ = crypto::Key::Random();
    On([&](log::Appender& appender) {
      ASSERT_TRUE(appender.keys().Rewrap(keys::Kek{++generation_, kek_}, appender.batch()).ok());
    });
  }

  CaseId enrolment_;
  uint32_t generation_ = 1;
};

TEST_F(RequestErasureTest, ARepetitionIsToldAndHasNoSecondEffect) {
  const CaseId again = random_.NewId<CaseId>();
  EXPECT_EQ(Ask(Requested("enrols", Enrol(again), Said(kCpr))), "OK") << "answered as before";
  EXPECT_EQ(Ask(Requested("enrols", Enrol(again), Said("another"))), "REQUEST_ID_REUSED");
  EraseCitizen();
  const TreeSize size = log_->head().size;
  EXPECT_EQ(Ask(Requested("enrols", Enrol(again), Said(kCpr))), "REQUEST_ERASED");
  EXPECT_EQ(Ask(Requested("enrols", Enrol(again), Said("another"))), "REQUEST_ERASED") << "nobody can tell any more";
  EXPECT_EQ(Ask(Requested("refuses", event::RefuseEnrolment{enrolment_}, crypto::Sha256("said"))), "REQUEST_ERASED");
  EXPECT_EQ(log_->head().size, size);
  EXPECT_EQ(Ask(Requested("enrols-anew", Enrol(again), Said(kCpr))), "OK");
}

TEST_F(RequestErasureTest, RequestsOfOthersAreAnsweredAsBefore) {
  const CaseId other = random_.NewId<CaseId>();
  Do("enrols-other", Enrol(other, "6201801000"), Said("6201801000"));
  const event::ProposeAgreement proposal{random_.NewId<CaseId>(), kOdense, kNyborg,
                                         testing::Terms(2, Date(2026, 1, 1), Date(2035, 12, 31))};
  Do("agrees", proposal);
  EraseCitizen();
  const TreeSize size = log_->head().size;
  Do("enrols-other", Enrol(random_.NewId<CaseId>(), "6201801000"), Said("6201801000"));
  Do("agrees", proposal);
  EXPECT_EQ(log_->head().size, size);
}

TEST_F(RequestErasureTest, AKeyThatIsMissingWithoutAnErasureIsAFault) {
  On([&](log::Appender& appender) {
    auto book = RequestBook::Open(appender);
    const log::RequestKey key = book->KeyOf(Requested("enrols", Enrol(enrolment_), Said(kCpr)).request);
    auto record = **book->Find(key);
    record.key_id = random_.NewId<KeyId>();
    appender.PutIndex(log::RequestRowKey(key), log::EncodeRequest(record));
  });
  EXPECT_EQ(Ask(Requested("enrols", Enrol(enrolment_), Said(kCpr))), "KEY_MISSING");
}

TEST_F(RequestErasureTest, AnImportIsAnsweredAsBeforeThoughOneOfItsCitizensIsErased) {
  Do("starts", event::StartEnrolment{enrolment_, today()});
  const CaseId relocation = random_.NewId<CaseId>();
  const event::ImportExtract import = ImportOf(relocation);
  Do("imports", import);
  On([&](log::Appender& appender) {
    ASSERT_TRUE(privacy::DestroyKeys(appender, appender.keys().IdsOf({relocation}, event::RetentionClass::kCase)).ok());
  });
  const TreeSize size = log_->head().size;
  EXPECT_EQ(Ask(Requested("imports", import, crypto::Sha256("said"))), "OK") << "with what is left";
  EXPECT_EQ(Ask(Requested("imports", import, crypto::Sha256("another"))), "REQUEST_ID_REUSED");
  EXPECT_EQ(log_->head().size, size);
}

// Has every file, every copy of before, and the KEK that the node has now. Takes every data key that opens, and
// guesses.
class Guesser : public RequestErasureTest {
 protected:
  struct Copy {
    std::vector<store::Row> keys;
    std::vector<store::Row> index;
  };
  void KeepCopy() {
    Copy& copy = copies_.emplace_back();
    for (const auto& [table, rows] :
         {std::pair(store::Table::kKeys, &copy.keys), {store::Table::kIndex, &copy.index}}) {
      ASSERT_TRUE(store_
                      ->Scan(table, store::KeyRange::All(), store::Order::kAscending,
                             [rows = rows](std::string_view key, std::string_view value) {
                               rows->push_back({std::string(key), std::string(value)});
                               return store::Step::kContinue;
                             })
                      .ok());
    }
  }
  std::list<crypto::Key> KeysThatOpen() {
    std::list<crypto::Key> keys;
    for (const Copy& copy : copies_) {
      for (const store::Row& row : copy.keys) {
        const auto parsed = keys::ParseDataKeyRow(row.key, row.value);
        if (!parsed) continue;
        // A table of the one row, as if the KEK were of its generation.
        store::MemoryDisk disk;
        const auto store = *store::OpenMemoryStore(disk, 1);
        store::Batch batch;
        batch.Put(store::Table::kKeys, row.key, row.value);
        EXPECT_TRUE(store->Commit(batch, store::Durability::kSynced).ok());
        crypto::SystemRandom random;
        const auto table = keys::KeyTable::Load(*store, {parsed->generation, kek_}, random);
        const auto key = table.ok() ? (*table)->Find(parsed->id) : table.status();
        if (key.ok()) keys.push_back(*key);
      }
    }
    return keys;
  }
  // Which of the guesses some row confirms: a number, or that this certificate acted.
  std::set<std::string> Confirmed(const std::vector<std::string>& numbers,
                                  const std::vector<std::string>& certificates) {
    KeepCopy();
    std::set<std::string> confirmed;
    for (const crypto::Key& key : KeysThatOpen()) {
      for (const Copy& copy : copies_) {
        for (const store::Row& row : copy.index) {
          for (const std::string& number : numbers) {
            const auto digest = crypto::KeyedHash(key, "medflyt/v1/request-digest", {Said(number).bytes()});
            const bool is_request = row.key[0] == 'q';
            if (is_request && row.value.find(digest.bytes().substr(0, 16)) != std::string::npos) {
              confirmed.insert(number);
            }
          }
          for (const std::string& certificate : certificates) {
            const crypto::Hash fingerprint = crypto::Sha256(certificate);
            if (row.value.find(fingerprint.bytes()) != std::string::npos) confirmed.insert(certificate);
          }
        }
      }
    }
    return confirmed;
  }

  std::vector<Copy> copies_;
};

TEST_F(Guesser, ConfirmsNothingOnceTheCaseIsErasedAndTheKekRotated) {
  Do("starts", event::StartEnrolment{enrolment_, today()});
  const CaseId relocation = random_.NewId<CaseId>();
  Do("imports", ImportOf(relocation));
  Do("releases", event::ReleaseHold{relocation});
  const std::vector<std::string> numbers = {"6201801000", kCpr, "6301801000"};
  const auto confirmed = [&] { return Confirmed(numbers, {"one", "two"}); };
  EXPECT_THAT(confirmed(), UnorderedElementsAre(kCpr)) << "the attack works before";

  Do("assesses", event::AnnulRelocation{relocation});
  Do("ends", event::EndEnrolment{enrolment_, today(), event::EndReason::kJob});
  Erase({enrolment_, relocation});
  EXPECT_THAT(confirmed(), UnorderedElementsAre(kCpr)) << "the keys are in yesterday's copies";
  RotateKek();
  EXPECT_THAT(confirmed(), IsEmpty());
  EXPECT_FALSE(KeysThatOpen().empty()) << "he does have the node's own key";
}

}  // namespace
}  // namespace medflyt::service
