// Event content: event::Event ↔ medflyt.v1.Content.
//
// Errors of reading: INVALID_ARGUMENT, rule CONTENT_MALFORMED, with the field's path ("enrolment_proposed.cpr"), for
// bytes that are no Content and for a value out of bounds (limits.h); UNIMPLEMENTED, rule EVENT_TYPE_UNKNOWN, for a
// body or field that this version does not know: it is newer, and delivery waits rather than misread it.
#pragma once

#include <google/protobuf/arena.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/id.h"
#include "common/event/event.h"
#include "medflyt/v1/event.pb.h"

namespace medflyt::wire {

// `out` must be empty (fresh or cleared). Checks nothing. Strings must be UTF-8.
void ContentToProto(const event::Event& event, v1::Content& out);
[[nodiscard]] absl::StatusOr<event::Event> ContentFromProto(const v1::Content& content, const EventId& id);

// To and from bytes, with memory that is used again. Not thread-safe: one a thread.
class ContentCodec {
 public:
  ContentCodec();
  ~ContentCodec();
  ContentCodec(const ContentCodec&) = delete;
  ContentCodec& operator=(const ContentCodec&) = delete;

  // Replaces `out`. INVALID_ARGUMENT (CONTENT_MALFORMED) for an event that Decode would not read, so that nothing
  // is signed that every recipient must refuse.
  [[nodiscard]] absl::Status Encode(const event::Event& event, std::string& out);
  [[nodiscard]] absl::StatusOr<event::Event> Decode(std::string_view content, const EventId& id);

 private:
  std::unique_ptr<char[]> block_;  // the arena's first; longer content goes to the heap
  google::protobuf::Arena arena_;
};

}  // namespace medflyt::wire
