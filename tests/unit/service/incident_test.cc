// Whose data a certificate, an officer or a key touched, out of a log that holds what others did too.
#include <gmock/gmock.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/registry/cpr_number.h"
#include "google/protobuf/util/time_util.h"
#include "server/keys/access_period.h"
#include "server/privacy/citizen.h"
#include "server/privacy/erasure.h"
#include "server/service/incident_reader.h"
#include "tests/support/agreement_terms.h"
#include "tests/unit/directory/sample.h"
#include "tests/unit/service/receiving_fixture.h"

namespace medflyt::service {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kNyborg;
using testing::kOdense;
using ::testing::Pair;
using testing::RuleOf;
using ::testing::UnorderedElementsAre;

const crypto::Hash kFirst = crypto::Sha256("first");
const crypto::Hash kSecond = crypto::Sha256("second");

class IncidentTest : public testing::ReceivingFixture {
 protected:
  using Counts = std::map<v1::TouchKind, uint64_t>;

  void Do(const std::string& officer, const crypto::Hash& certificate, event::CommandBody body) {
    On([&](log::Appender& appender) {
      const auto done = appender.Execute({officer, std::move(body), certificate});
      ASSERT_TRUE(done.ok()) << done.status();
    });
  }
  void Look(const std::string& officer, const crypto::Hash& certificate, std::vector<CaseId> cases,
            event::AccessKind kind = event::AccessKind::kRead, const std::string& action = "GetEnrolment") {
    Do(officer, certificate, event::RecordAccess{kind, action, "case work", std::move(cases)});
  }
  // An enrolment with this node itself, which no agreement is needed for.
  void Enrol(const CaseId& id, const std::string& cpr = "6101801001") {
    Do("anna", kFirst,
       event::ProposeEnrolment{id, kOdense, *registry::CprNumber::Parse(cpr), std::nullopt, DanishDate(clock_.now)});
  }
  KeyId CaseKeyOf(const CaseId& id) {
    const std::set<KeyId> keys = keys_->IdsOf(std::set<CaseId>{id}, event::RetentionClass::kCase);
    EXPECT_EQ(keys.size(), 1U);
    return keys.empty() ? KeyId() : *keys.begin();
  }
  void Destroy(const KeyId& key) {
    On([&](log::Appender& appender) { ASSERT_TRUE(privacy::DestroyKeys(appender, {key}).ok()); });
  }
  void ReceiveGrant(PairNumber number, const CaseId& id, const keys::DataKey& key,
                    event::Body body = event::TransferWithdrawn{}) {
    Receive(number, id, key, std::move(body), true);
  }

  void Pass(absl::Duration time = absl::Hours(1)) { clock_.now += time; }

  v1::ReportIncidentResponse Report(decltype(IncidentQuery::by) by, uint64_t first = 0) const {
    v1::ReportIncidentResponse response;
    const EventReader events(kOdense, *log_, *keys_, [this] { return peers_; });
    const absl::Status status =
        IncidentReader(events).Read({std::move(by), from_, until_}, log::Position(first), response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  static std::map<CaseId, Counts> TouchedIn(const v1::ReportIncidentResponse& response) {
    std::map<CaseId, Counts> touched;
    for (const v1::TouchedCase& each : response.cases()) {
      Counts& counts = touched[*CaseId::FromHex(each.case_id())];
      for (const v1::Touches& touches : each.touches()) counts[touches.kind()] = touches.count();
    }
    EXPECT_EQ(touched.size(), static_cast<size_t>(response.cases_size())) << "a case stands there twice";
    return touched;
  }
  static std::vector<std::string> OpenEndedIn(const v1::ReportIncidentResponse& response) {
    std::vector<std::string> actions;
    for (const v1::OpenEndedAccess& each : response.open_ended()) actions.push_back(each.action());
    return actions;
  }

  const CaseId one_ = *CaseId::FromHex("00112233445566778899aabbccddeeff");
  const CaseId two_ = *CaseId::FromHex("ffeeddccbbaa99887766554433221100");
  directory::Directory peers_ = *directory::Directory::Create({testing::Odense(), testing::Nyborg()});
  absl::Time from_ = clock_.now;
  absl::Time until_ = clock_.now + absl::Hours(100);
};

TEST_F(IncidentTest, ACertificateIsWhatItDidAndNoOtherOfTheSameOfficers) {
  Enrol(one_);
  Look("anna", kFirst, {two_});
  Look("anna", kSecond, {one_});
  Look("bo", kFirst, {two_}, event::AccessKind::kSearch, "ListEnrolments");
  const auto first = Report(kFirst);
  EXPECT_THAT(TouchedIn(first),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_ISSUED, 1}}),
                                   Pair(two_, Counts{{v1::TOUCH_KIND_READ, 1}, {v1::TOUCH_KIND_SEARCH, 1}})));
  EXPECT_EQ(first.entries(), 3U);
  EXPECT_EQ(first.next_first(), 0U);
  EXPECT_THAT(TouchedIn(Report(kSecond)), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_READ, 1}})));
  EXPECT_THAT(TouchedIn(Report(crypto::Sha256("third"))), IsEmpty());
}

TEST_F(IncidentTest, AnOfficerIsWhatWasDoneInExactlyThatName) {
  Enrol(one_);
  Look("anna", kSecond, {one_});
  Look("annalise", kFirst, {two_});
  EXPECT_THAT(TouchedIn(Report("anna")),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_ISSUED, 1}, {v1::TOUCH_KIND_READ, 1}})));
  EXPECT_THAT(TouchedIn(Report("Anna")), IsEmpty());
}

TEST_F(IncidentTest, TheTimeBeginsWithItsFirstMomentAndEndsBeforeItsLast) {
  Pass();
  from_ = clock_.now;
  until_ = from_ + absl::Hours(1);
  clock_.now = from_ - absl::Microseconds(1);
  Look("anna", kFirst, {one_});
  clock_.now = from_;
  Look("anna", kFirst, {two_});
  clock_.now = until_ - absl::Microseconds(1);
  Look("anna", kFirst, {two_});
  clock_.now = until_;
  Look("anna", kFirst, {one_});
  const auto report = Report(kFirst);
  EXPECT_THAT(TouchedIn(report), UnorderedElementsAre(Pair(two_, Counts{{v1::TOUCH_KIND_READ, 2}})));
  ASSERT_EQ(report.cases_size(), 1);
  using google::protobuf::util::TimeUtil;
  EXPECT_EQ(TimeUtil::TimestampToMicroseconds(report.cases(0).first()), absl::ToUnixMicros(from_));
  EXPECT_EQ(TimeUtil::TimestampToMicroseconds(report.cases(0).last()), absl::ToUnixMicros(until_) - 1);
}

TEST_F(IncidentTest, WhatShowedWhateverThereWasIsToldAndAMissIsCounted) {
  Look("anna", kFirst, {}, event::AccessKind::kWatch, "WatchEvents");
  Look("anna", kFirst, {}, event::AccessKind::kWatch, "WatchEvents");
  Look("anna", kSecond, {}, event::AccessKind::kWatch, "WatchEvents");
  Look("anna", kFirst, {two_});
  Look("anna", kFirst, {two_}, event::AccessKind::kWatch, "WatchEvents");
  Pass();
  from_ = clock_.now;
  Look("anna", kFirst, {}, event::AccessKind::kSearch);
  Look("anna", kFirst, {}, event::AccessKind::kProof, "GetEventProof");
  Look("anna", kFirst, {one_}, event::AccessKind::kSearch, "ListAccessRecords");
  Pass();
  Look("anna", kFirst, {}, event::AccessKind::kWatch, "WatchEvents");
  Look("anna", kFirst, {one_}, event::AccessKind::kWatch, "WatchEvents");  // a page of it
  until_ = clock_.now + absl::Hours(1);
  Pass();
  Look("anna", kFirst, {}, event::AccessKind::kWatch, "WatchEvents");

  const auto report = Report(kFirst);
  // The last watch of before goes on, for all that is known.
  EXPECT_THAT(OpenEndedIn(report), ElementsAre("WatchEvents", "ListAccessRecords", "WatchEvents"));
  ASSERT_EQ(report.open_ended_size(), 3);
  EXPECT_EQ(report.open_ended(0).kind(), v1::ACCESS_KIND_WATCH);
  EXPECT_EQ(report.open_ended(0).officer(), "anna");
  EXPECT_EQ(report.open_ended(0).certificate(), kFirst.bytes());
  EXPECT_EQ(report.open_ended(0).at().seconds(), absl::ToUnixSeconds(from_) - 3600);
  EXPECT_EQ(report.caseless(), 2U);
  EXPECT_THAT(TouchedIn(report),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_SEARCH, 1}, {v1::TOUCH_KIND_WATCH, 1}})));
}

TEST_F(IncidentTest, WhatCanBeReadNoMoreIsCountedWhereItMayBeOfThatTime) {
  const CaseId before = random_.NewId<CaseId>();
  Enrol(before, "6201801001");
  Look("bo", kSecond, {});  // says that it was before
  Pass();
  from_ = clock_.now;
  Enrol(one_);
  Look("bo", kSecond, {});
  until_ = clock_.now + absl::Hours(1);
  Pass();
  Look("bo", kSecond, {});
  Enrol(two_, "6301801001");
  EXPECT_EQ(Report(kFirst).erased(), 0U);
  EXPECT_THAT(TouchedIn(Report(kFirst)), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_ISSUED, 1}})));
  for (const CaseId& id : {before, one_, two_}) Destroy(CaseKeyOf(id));
  const auto report = Report(kFirst);
  EXPECT_EQ(report.erased(), 1U);
  EXPECT_THAT(TouchedIn(report), IsEmpty());
  from_ = absl::InfinitePast();
  until_ = absl::InfiniteFuture();
  EXPECT_EQ(Report(kFirst).erased(), 3U);
}

TEST_F(IncidentTest, AKeyOpensTheEventsOfItsCase) {
  Enrol(one_);
  Pass();
  from_ = clock_.now;
  Do("anna", kFirst, event::StartEnrolment{one_, DanishDate(clock_.now)});
  Enrol(two_, "6201801001");
  Look("anna", kFirst, {one_});
  EXPECT_THAT(TouchedIn(Report(CaseKeyOf(one_))),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_READABLE, 1}})));
}

TEST_F(IncidentTest, TheKeyOfAMonthOpensItsAccessRecords) {
  Enrol(one_);
  Look("anna", kFirst, {one_, two_});
  Look("bo", kSecond, {one_});
  Look("bo", kSecond, {}, event::AccessKind::kWatch, "WatchEvents");
  const std::set<KeyId> months = keys_->IdsOf(event::RetentionClass::kAccess);
  ASSERT_EQ(months.size(), 1U);
  const auto report = Report(*months.begin());
  EXPECT_THAT(TouchedIn(report), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_READABLE, 2}}),
                                                      Pair(two_, Counts{{v1::TOUCH_KIND_READABLE, 1}})));
  EXPECT_THAT(OpenEndedIn(report), IsEmpty()) << "who has the key has not watched";
}

TEST_F(IncidentTest, AKeyOpensWhatOthersSaidRefusedOrNotInTheTimeOfItsReceipt) {
  const keys::DataKey key = NewKey();
  const keys::DataKey other = NewKey();
  Receive(PairNumber(1), one_, key);
  Pass();
  from_ = clock_.now;
  Receive(PairNumber(2), one_, key);
  Receive(PairNumber(3), two_, other);
  const auto report = Report(key.id);
  EXPECT_THAT(TouchedIn(report), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_READABLE, 1}})));
  ASSERT_EQ(report.cases_size(), 1);
  EXPECT_EQ(report.cases(0).first().seconds(), absl::ToUnixSeconds(from_));
  EXPECT_THAT(TouchedIn(Report("bo")), IsEmpty()) << "an officer of another authority";
}

TEST_F(IncidentTest, OfADestroyedKeyTheEntriesAreCountedOursAndReceived) {
  Enrol(one_);
  const keys::DataKey granted = NewKey();
  Receive(PairNumber(1), two_, granted);
  Pass();
  Receive(PairNumber(2), two_, granted);
  const KeyId own = CaseKeyOf(one_);
  Destroy(own);
  Destroy(granted.id);
  for (const KeyId& key : {own, granted.id}) {
    EXPECT_EQ(Report(key).erased(), key == own ? 1U : 2U);
    EXPECT_THAT(TouchedIn(Report(key)), IsEmpty());
  }
  from_ = clock_.now;
  EXPECT_EQ(Report(granted.id).erased(), 1U);
}

TEST_F(IncidentTest, ReceivedGrantsAreTheCasesOfTheKeysThatCameInTheTimeAndOfNoOther) {
  const keys::DataKey before = NewKey();
  ReceiveGrant(PairNumber(1), one_, before);
  Pass();
  from_ = clock_.now;
  Receive(PairNumber(2), one_, before);  // under a key that was granted before
  ReceiveGrant(PairNumber(3), two_, NewKey());
  Enrol(random_.NewId<CaseId>());  // under a key that nobody granted
  Pass();
  until_ = clock_.now;
  ReceiveGrant(PairNumber(4), random_.NewId<CaseId>(), NewKey());

  const auto report = Report(ReceivedGrants());
  EXPECT_THAT(TouchedIn(report), UnorderedElementsAre(Pair(two_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
  ASSERT_EQ(report.cases_size(), 1);
  EXPECT_EQ(report.cases(0).first().seconds(), absl::ToUnixSeconds(from_));
  EXPECT_EQ(report.entries(), 1U);
  EXPECT_EQ(report.next_first(), 0U);
  from_ = absl::InfinitePast();
  EXPECT_THAT(TouchedIn(Report(ReceivedGrants())),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_GRANTED, 1}}),
                                   Pair(two_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
}

TEST_F(IncidentTest, AGrantIsFoundWhoeverLeftTheDirectoryAndOnlyCountedOnceItsKeyIsDestroyed) {
  peers_ = *directory::Directory::Create({testing::Odense()});
  const keys::DataKey key = NewKey();
  ReceiveGrant(PairNumber(1), one_, key);
  Receive(PairNumber(2), one_, key);
  EXPECT_THAT(TouchedIn(Report(ReceivedGrants())),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
  Destroy(key.id);
  const auto report = Report(ReceivedGrants());
  EXPECT_THAT(TouchedIn(report), IsEmpty());
  EXPECT_EQ(report.erased(), 1U);
  EXPECT_EQ(Report(key.id).erased(), 2U);
}

TEST_F(IncidentTest, ARequestIsToldForTheAnnouncementThatWasOpenedBesideIt) {
  const keys::DataKey key = NewKey();
  ReceiveGrant(PairNumber(1), one_, key);
  Pass();
  from_ = clock_.now;
  const auto cpr = registry::CprNumber::Parse("6101801001");
  ASSERT_TRUE(cpr.ok());
  Receive(PairNumber(2), one_, key,
          event::TransferRequested{
              *cpr, std::nullopt, {"middelfart.example/log", LeafIndex(7), crypto::Sha256("leaf")}, Date(2026, 11, 1)});
  EXPECT_THAT(TouchedIn(Report(ReceivedGrants())),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
}

TEST_F(IncidentTest, WhatCameBackAsANewLogWasOpenedCameWithItsKeys) {
  const keys::DataKey key = NewKey();
  ReceiveGrant(PairNumber(1), one_, key);
  Pass();
  from_ = clock_.now;
  OpenNext();
  Receive(PairNumber(2), one_, key);
  Pass();
  Receive(PairNumber(3), two_, NewKey());
  EXPECT_THAT(TouchedIn(Report(ReceivedGrants())),
              UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
}

// Where a log follows another its records may be those of the closed one, made again: the event came at some time since
// it was issued.
TEST_F(IncidentTest, InALogThatFollowsAnotherWhatPeersIssuedCountsSinceThen) {
  const keys::DataKey key = NewKey();
  const auto asked_from = [&](absl::Duration since) {
    from_ = clock_.now - since;
    until_ = from_ + absl::Hours(1);
  };
  OpenNext();
  Pass(absl::Hours(10));
  ReceiveGrant(PairNumber(1), one_, key);  // issued five hours before
  for (const int64_t hours : {5, 3, 1}) {
    asked_from(absl::Hours(hours));
    EXPECT_THAT(TouchedIn(Report(ReceivedGrants())),
                UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
    const auto report = Report(key.id);
    EXPECT_THAT(TouchedIn(report), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_READABLE, 1}})));
    ASSERT_EQ(report.cases_size(), 1);
    EXPECT_EQ(report.cases(0).first().seconds(), absl::ToUnixSeconds(from_));
  }
  asked_from(absl::Hours(7));
  EXPECT_THAT(TouchedIn(Report(ReceivedGrants())), IsEmpty());
  EXPECT_THAT(TouchedIn(Report(key.id)), IsEmpty());
  Destroy(key.id);
  EXPECT_EQ(Report(ReceivedGrants()).erased(), 1U) << "when it was issued nobody knows any more";
  EXPECT_EQ(Report(key.id).erased(), 1U);
}

TEST_F(IncidentTest, AGrantForAnErasuresNoticeTouchesTheCitizensAndOneForAnAgreementNobody) {
  ReceiveGrant(PairNumber(1), random_.NewId<CaseId>(), NewKey(),
               event::ErasureNoticed{{one_, two_}, "gdpr-17-1-d", {}, {}, 0});
  ReceiveGrant(PairNumber(2), random_.NewId<CaseId>(), NewKey(), event::AgreementAccepted{1});
  const auto report = Report(ReceivedGrants());
  EXPECT_THAT(TouchedIn(report), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_GRANTED, 1}}),
                                                      Pair(two_, Counts{{v1::TOUCH_KIND_GRANTED, 1}})));
  EXPECT_EQ(report.erased(), 0U);
}

TEST_F(IncidentTest, AKeyThatNeverWasHereIsUnknown) {
  const EventReader events(kOdense, *log_, *keys_, [this] { return peers_; });
  v1::ReportIncidentResponse response;
  const absl::Status status =
      IncidentReader(events).Read({random_.NewId<KeyId>(), from_, until_}, log::Position(0), response);
  EXPECT_EQ(RuleOf(status), "KEY_UNKNOWN");
}

TEST_F(IncidentTest, AnAgreementIsNobodysCaseAndAnErasureNamesTheCitizens) {
  directory_.grounds = {{{"gdpr-17-1-d", Date(2018, 5, 25), std::nullopt}, true}};
  Enrol(one_);
  Do("anna", kFirst, event::RefuseEnrolment{one_});
  Do("bo", kSecond, event::ProposeAgreement{random_.NewId<CaseId>(), kOdense, kNyborg, testing::Terms(2)});
  Do("bo", kSecond, event::EraseCases{random_.NewId<CaseId>(), {one_}, "gdpr-17-1-d", "journal-1", kSecond});
  EXPECT_THAT(TouchedIn(Report(kSecond)), UnorderedElementsAre(Pair(one_, Counts{{v1::TOUCH_KIND_ISSUED, 1}})));
}

TEST_F(IncidentTest, PagesTogetherTellEverythingOnce) {
  constexpr int kRecords = 60;
  std::map<CaseId, Counts> shown;
  for (int i = 0; i < kRecords; ++i) {
    std::vector<CaseId> cases;
    for (int n = 0; n < 200; ++n) {
      cases.push_back(random_.NewId<CaseId>());
      shown[cases.back()] = {{v1::TOUCH_KIND_READ, 1}};
    }
    Look("anna", kFirst, std::move(cases));
    Look("anna", kFirst, {}, event::AccessKind::kSearch);
  }
  std::map<CaseId, Counts> told;
  uint64_t caseless = 0;
  uint64_t first = 0;
  int pages = 0;
  do {
    const auto page = Report(kFirst, first);
    for (const auto& [id, counts] : TouchedIn(page)) {
      EXPECT_TRUE(told.emplace(id, counts).second) << "told twice";
    }
    caseless += page.caseless();
    ASSERT_TRUE(page.next_first() == 0 || page.next_first() > first);
    first = page.next_first();
    ++pages;
  } while (first != 0);
  EXPECT_GT(pages, 1);
  EXPECT_TRUE(told == shown);
  EXPECT_EQ(caseless, uint64_t{kRecords});
}

v1::ReportIncidentRequest Request() {
  v1::ReportIncidentRequest request;
  request.set_officer("anna");
  request.mutable_from()->set_seconds(1'000);
  request.mutable_until()->set_seconds(2'000);
  return request;
}

std::string FaultOf(const v1::ReportIncidentRequest& request) {
  const auto query = IncidentQuery::Parse(request);
  if (query.ok()) return "OK";
  const auto broken = BrokenRuleOf(query.status());
  return broken ? broken->rule + " " + broken->field : query.status().ToString();
}

TEST(IncidentQueryTest, FaultsNameTheField) {
  EXPECT_EQ(FaultOf(Request()), "OK");
  auto request = Request();
  request.clear_by();
  EXPECT_EQ(FaultOf(request), "FIELD_REQUIRED by");
  request.set_officer("");
  EXPECT_EQ(FaultOf(request), "FIELD_REQUIRED by");
  request.set_officer(std::string(129, 'a'));
  EXPECT_EQ(FaultOf(request), "FIELD_TOO_LONG officer");
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(64, 'x')}) {
    request.set_certificate(text);
    EXPECT_EQ(FaultOf(request), "FIELD_MALFORMED certificate") << text;
  }
  request.set_certificate(std::string(64, 'A'));
  EXPECT_EQ(FaultOf(request), "OK");
  request.set_key_id(std::string(32, '0'));
  EXPECT_EQ(FaultOf(request), "FIELD_MALFORMED key_id");
  request.mutable_received_grants();
  EXPECT_EQ(FaultOf(request), "OK");

  request = Request();
  request.clear_from();
  EXPECT_EQ(FaultOf(request), "FIELD_REQUIRED from");
  request = Request();
  request.clear_until();
  EXPECT_EQ(FaultOf(request), "FIELD_REQUIRED until");
  *request.mutable_until() = request.from();
  EXPECT_EQ(FaultOf(request), "FIELD_OUT_OF_RANGE until");
  request.mutable_until()->set_nanos(1);
  EXPECT_EQ(FaultOf(request), "OK");
  request.mutable_until()->set_nanos(1'000'000'000);
  EXPECT_EQ(FaultOf(request), "FIELD_OUT_OF_RANGE until");
  request.mutable_from()->set_seconds(1'000'000'000'000);
  EXPECT_EQ(FaultOf(request), "FIELD_OUT_OF_RANGE from");
}

}  // namespace
}  // namespace medflyt::service
