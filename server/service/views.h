// What clients are shown: the state as messages of views.proto. On the sequencer's thread, where the state lives.
#pragma once

#include "common/base/date.h"
#include "common/base/id.h"
#include "medflyt/v1/citizen_service.pb.h"
#include "medflyt/v1/commands.pb.h"
#include "medflyt/v1/views.pb.h"
#include "server/domain/query.h"
#include "server/domain/state.h"
#include "server/log/layout.h"

namespace medflyt::service {

void ToView(const domain::State& state, const domain::Agreement& agreement, Date on, v1::Agreement& view);
void ToView(const domain::State& state, const CaseId& agreement, const domain::Place& place, v1::Place& view);
void ToView(const CaseId& agreement, const domain::WaitingEntry& entry, uint32_t position, v1::Place& view);
void ToView(const domain::State& state, const domain::Enrolment& enrolment, Date on, v1::Enrolment& view);

enum class Numbers : uint8_t { kShown, kLeftOut };  // CPR numbers
void ToView(const domain::State& state, const domain::Relocation& relocation, Numbers numbers, v1::Relocation& view);
void ToView(const domain::State& state, const domain::Transfer& transfer, Date today, v1::Transfer& view);

// Without its cases. Lists no more leaf hashes than there is room for, which it takes them from; the rest is counted in
// disclosed_left, so that no peer's notice hides another's.
void ToView(const domain::ErasureNotice& notice, size_t& room, v1::ErasureNotice& view);

// Who disputes the event, and whether the number that it puts right conflicts with what stands.
void AddDisputes(const domain::State& state, v1::EventView& view);

void ToView(const std::vector<log::IssuedEvent>& events, google::protobuf::RepeatedPtrField<v1::IssuedEvent>& views);

// The case that a read of this row is recorded under.
[[nodiscard]] CaseId CaseOf(const domain::Relocation& relocation);

}  // namespace medflyt::service
