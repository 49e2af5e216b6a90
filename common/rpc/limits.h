// Sizes, keepalive and deadlines, the same for every server and channel of ours.
#pragma once

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/channel_arguments.h"

namespace medflyt::rpc {

inline constexpr int kMaxMessageBytes = 4 << 20;  // sent and received
inline constexpr absl::Duration kUnaryTimeout = absl::Seconds(30);

// Message limits; a dead connection is noticed within a minute; a client that pings more often than every 10 s is
// disconnected.
void ApplyServerLimits(grpc::ServerBuilder& builder);

// Message limits, keepalive also without calls (a peer stream may be silent for hours), reconnect after 1 s to 30 s. No
// subchannel is shared with another channel: each has credentials of its own.
[[nodiscard]] grpc::ChannelArguments ChannelLimits();

// The moment a call may take until. `clock` is the real one: gRPC measures against it.
[[nodiscard]] absl::Time DefaultDeadline(const Clock& clock, absl::Duration timeout = kUnaryTimeout);
// Sets it on a call that has not begun.
void SetDeadline(grpc::ClientContext& context, absl::Time deadline);

}  // namespace medflyt::rpc
