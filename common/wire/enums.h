// Enumerations have the same numbers in events and on the wire (checked in enums.cc), so a value that is valid on
// either side converts by its number.
#pragma once

#include "common/event/bodies.h"
#include "common/wire/reading.h"
#include "medflyt/v1/event.pb.h"

namespace medflyt::wire {

inline v1::PriceUnit ToProto(event::PriceUnit value) { return static_cast<v1::PriceUnit>(value); }
inline v1::EndReason ToProto(event::EndReason value) { return static_cast<v1::EndReason>(value); }
inline v1::EnrolmentTransferKind ToProto(event::EnrolmentTransferred::Kind value) {
  return static_cast<v1::EnrolmentTransferKind>(value);
}
inline v1::ObservationKind ToProto(event::ObservationKind value) { return static_cast<v1::ObservationKind>(value); }
inline v1::HoldReason ToProto(event::HoldReason value) { return static_cast<v1::HoldReason>(value); }
inline v1::ProtectionFlag ToProto(event::ProtectionFlag value) { return static_cast<v1::ProtectionFlag>(value); }
inline v1::ResponsibilityEndReason ToProto(event::ResponsibilityEndReason value) {
  return static_cast<v1::ResponsibilityEndReason>(value);
}
inline v1::ReleaseReason ToProto(event::ReleaseReason value) { return static_cast<v1::ReleaseReason>(value); }
inline v1::DataCategory ToProto(event::DataCategory value) { return static_cast<v1::DataCategory>(value); }
inline v1::DisputeGround ToProto(event::DisputeGround value) { return static_cast<v1::DisputeGround>(value); }
inline v1::AccessKind ToProto(event::AccessKind value) { return static_cast<v1::AccessKind>(value); }

// The field "flag" of an event or a command: what protects a citizen.
[[nodiscard]] event::ProtectionFlag ReadFlag(FieldReader& r, int flag);

}  // namespace medflyt::wire
