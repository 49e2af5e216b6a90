// What an auditor's answer is left with when some of it was erased after it was read.
#include "server/service/case_reader.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace medflyt::service {
namespace {

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
