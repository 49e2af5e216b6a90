#include "server/service/access_rules.h"

#include <array>
#include <string>

#include "common/base/status.h"

namespace medflyt::service {
namespace {

using enum Call;

struct Rule {
  rpc::Role role;
  uint32_t calls;  // one bit for each Call
};

template <typename... Calls>
constexpr uint32_t Bits(Calls... calls) {
  return ((1U << static_cast<unsigned>(calls)) | ... | 0U);
}

constexpr std::array kRules = {
    Rule{rpc::Role::kNode, Bits(kExchange)},
    Rule{rpc::Role::kRegistryFeed, Bits(kImport)},
    Rule{rpc::Role::kCaseSystem,
         Bits(kAgreementCommand, kReleaseHold, kOtherCommand, kReadAgreements, kReadCitizens, kWatch, kProof)},
    Rule{rpc::Role::kAdministrator, Bits(kAgreementCommand, kReleaseHold, kReadAgreements, kAdminister)},
    Rule{rpc::Role::kAuditor, Bits(kProof, kAudit)},
};

}  // namespace

absl::Status CheckRole(rpc::Role role, Call call) {
  for (const Rule& rule : kRules) {
    if (rule.role == role && (rule.calls & Bits(call)) != 0) return absl::OkStatus();
  }
  return RuleError(absl::StatusCode::kPermissionDenied, "CLIENT_ROLE_NOT_ALLOWED", "",
                   std::string("a client with the role ").append(rpc::NameOf(role)).append(" may not do this"));
}

Call CallOf(const v1::Command& command) {
  switch (command.command_case()) {
    case v1::Command::kProposeAgreement:
    case v1::Command::kAcceptAgreement:
    case v1::Command::kDeclineAgreement:
    case v1::Command::kTerminateAgreement:
      return kAgreementCommand;
    case v1::Command::kReleaseHold:
      return kReleaseHold;
    default:
      return kOtherCommand;
  }
}

}  // namespace medflyt::service
