// Commands: medflyt.v1.Command ↔ event::Command.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/event/command.h"
#include "medflyt/v1/commands.pb.h"

namespace medflyt::wire {

// `officer` is the caller's, from the request around the command. Fresh ids that the caller left empty come from
// `fresh_ids`. INVALID_ARGUMENT with the field's path ("propose_agreement.terms.capacity") and the rule FIELD_REQUIRED,
// FIELD_MALFORMED, FIELD_OUT_OF_RANGE, FIELD_TOO_LONG, COMMAND_REQUIRED, OFFICER_REQUIRED, or that of a CPR number
// (CPR_NUMBER_MALFORMED, CPR_NUMBER_DATE). Fields that this version does not know: INVALID_ARGUMENT, FIELD_UNKNOWN.
[[nodiscard]] absl::StatusOr<event::Command> CommandFromProto(const v1::Command& command, std::string officer,
                                                              RandomSource& fresh_ids);

// For clients. UNIMPLEMENTED for the commands of the node itself (ImportExtract, ExpireDue, RecordAccess), which have
// no message.
[[nodiscard]] absl::StatusOr<v1::Command> CommandToProto(const event::Command& command);

// As a client says it. INVALID_ARGUMENT as above, with `field` in front of field names.
[[nodiscard]] absl::StatusOr<event::DisclosureGround> GroundFromProto(const v1::DisclosureGround& ground,
                                                                      std::string_view field);

// As clients write and are shown terms. `field` is the path put in front of field names.
[[nodiscard]] absl::StatusOr<event::AgreementTerms> TermsFromProto(const v1::AgreementTermsInput& terms,
                                                                   std::string_view field);
[[nodiscard]] v1::AgreementTermsInput TermsToProto(const event::AgreementTerms& terms);

}  // namespace medflyt::wire
