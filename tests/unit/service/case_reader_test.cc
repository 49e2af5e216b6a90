// A case's events, whoever it was exchanged with; and what an answer is left with when some of it was erased after it
// was read.
#include "server/service/case_reader.h"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "server/privacy/erasure.h"
#include "tests/support/agreement_terms.h"
#include "tests/unit/directory/sample.h"
#include "tests/unit/service/receiving_fixture.h"

namespace medflyt::service {
namespace {

using ::testing::ElementsAre;
using testing::kNyborg;
using testing::kOdense;
using testing::RuleOf;

using CaseReaderTest = testing::ReceivingFixture;

TEST_F(CaseReaderTest, WhatWasSentToAndReceivedFromWhoeverLeftTheDirectoryIsFoundUntilItIsErased) {
  const CaseId agreement = random_.NewId<CaseId>();
  On([&](log::Appender& appender) {
    const auto done = appender.Execute(
        {"bo", event::ProposeAgreement{agreement, kOdense, kNyborg, testing::Terms(2)}, crypto::Sha256("bo")});
    ASSERT_TRUE(done.ok()) << done.status();
  });
  Receive(PairNumber(1), random_.NewId<CaseId>(), NewKey());
  Receive(PairNumber(2), agreement, NewKey(), event::AgreementAccepted{1});

  const EventReader events(kOdense, *log_, *keys_, [] { return *directory::Directory::Create({testing::Odense()}); });
  const CaseReader reader(events);
  google::protobuf::RepeatedPtrField<v1::CaseEvent> found;
  const absl::Status read = reader.Read({agreement}, log::Position(0), log_->end(), found);
  ASSERT_TRUE(read.ok()) << read;
  std::vector<std::string> types;
  for (const v1::CaseEvent& event : found) types.push_back(event.event().type());
  EXPECT_THAT(types, ElementsAre("AgreementProposed", "AgreementAccepted"));

  On([&](log::Appender& appender) {
    const auto keys = keys_->IdsOf(std::set<CaseId>{agreement}, event::RetentionClass::kAccounting);
    EXPECT_EQ(keys.size(), 2U);
    ASSERT_TRUE(privacy::DestroyKeys(appender, keys).ok());
  });
  found.Clear();
  EXPECT_EQ(RuleOf(reader.Read({agreement}, log::Position(0), log_->end(), found)), "UNKNOWN_CASE");
  EXPECT_TRUE(found.empty());
}

TEST(CaseReaderLeaveOut, TakesOutTheErasedEventsAndNoOther) {
  google::protobuf::RepeatedPtrField<v1::CaseEvent> events;
  std::vector<privacy::OpenedEvent> opened;
  for (const std::string name : {"a", "without a key", "b", "c"}) {
    v1::CaseEvent& event = *events.Add();
    event.mutable_event()->set_event_id(name);
    if (name.size() > 1) continue;
    event.set_event_key("key of " + name);
    opened.push_back({crypto::Sha256(name), KeyId()});
  }
  CaseReader::LeaveOut({crypto::Sha256("b")}, opened, events);
  std::vector<std::string> left;
  for (const v1::CaseEvent& event : events) left.push_back(event.event().event_id() + ": " + event.event_key());
  EXPECT_EQ(left, (std::vector<std::string>{"a: key of a", "without a key: ", "c: key of c"}));
  CaseReader::LeaveOut({crypto::Sha256("a"), crypto::Sha256("c")}, {opened[0], opened[2]}, events);
  ASSERT_EQ(events.size(), 1);
  EXPECT_EQ(events[0].event().event_id(), "without a key");
}

}  // namespace
}  // namespace medflyt::service
