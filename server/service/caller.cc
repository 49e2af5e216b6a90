#include "server/service/caller.h"

#include <algorithm>
#include <string_view>

#include "common/base/status.h"
#include "common/wire/limits.h"

namespace medflyt::service {
namespace {

constexpr size_t kMaxRequestId = 64;

absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

// Neither blank nor with control characters, and not longer than that.
absl::Status CheckText(std::string_view text, size_t longest, std::string_view missing, std::string_view field) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == ' '; })) {
    return Invalid(missing, field, "must say who or why");
  }
  if (text.size() > longest) return Invalid("FIELD_TOO_LONG", field, "is longer than it may be");
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return Invalid("FIELD_MALFORMED", field, "holds a control character");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Identity> Gate::AnyClient(const grpc::CallbackServerContext& context) const {
  const auto auth = context.auth_context();
  if (auth == nullptr) {
    return RuleError(absl::StatusCode::kUnauthenticated, "CLIENT_CERTIFICATE_MISSING", "", "no client certificate");
  }
  MEDFLYT_ASSIGN_OR_RETURN(Identity identity, identities_.Of(*auth));
  if (identity->authority != self_) {
    return RuleError(absl::StatusCode::kPermissionDenied, "CLIENT_OF_OTHER_AUTHORITY", "",
                     "clients of this node belong to its own authority");
  }
  return identity;
}

absl::StatusOr<Identity> Gate::Client(const grpc::CallbackServerContext& context, Action action) const {
  MEDFLYT_ASSIGN_OR_RETURN(Identity identity, AnyClient(context));
  MEDFLYT_RETURN_IF_ERROR(policy_.Check(identity->role, action, kind_));
  return identity;
}

absl::StatusOr<Identity> Gate::Peer(const grpc::CallbackServerContext& context) const {
  const auto auth = context.auth_context();
  if (auth == nullptr) {
    return RuleError(absl::StatusCode::kUnauthenticated, "CLIENT_CERTIFICATE_MISSING", "", "no certificate");
  }
  auto identity = identities_.Of(*auth);
  if (!identity.ok()) {
    const auto broken = BrokenRuleOf(identity.status());
    if (broken && broken->rule == "CLIENT_AUTHORITY_UNKNOWN") {
      return RuleError(absl::StatusCode::kUnauthenticated, "PEER_UNKNOWN", "",
                       "the authority is not in the peer directory");
    }
    return identity.status();
  }
  MEDFLYT_RETURN_IF_ERROR(policy_.Check((*identity)->role, Action::kExchange, kind_));
  if ((*identity)->authority == self_) {
    return RuleError(absl::StatusCode::kPermissionDenied, "PEER_IS_SELF", "", "a node exchanges nothing with itself");
  }
  return identity;
}

absl::Status Gate::Allows(const rpc::PeerIdentity& client, const v1::Command& command) const {
  if (const auto action = ActionOf(command)) return policy_.Check(client.role, *action, kind_);
  return Invalid("COMMAND_REQUIRED", "command", "is missing");
}

absl::Status CheckNoDisclosure(const v1::RequestContext& context) {
  if (!context.has_disclosure()) return absl::OkStatus();
  return Invalid("DISCLOSURE_NOT_NEEDED", "context.disclosure", "this call tells no other authority of a citizen");
}

absl::Status CheckContext(const v1::RequestContext& context, RequestId request_id) {
  MEDFLYT_RETURN_IF_ERROR(CheckText(context.officer(), wire::kMaxOfficer, "OFFICER_REQUIRED", "context.officer"));
  MEDFLYT_RETURN_IF_ERROR(CheckText(context.purpose(), wire::kMaxPurpose, "PURPOSE_REQUIRED", "context.purpose"));
  if (request_id == RequestId::kUnused) return CheckNoDisclosure(context);
  const std::string& id = context.request_id();
  if (id.empty()) return Invalid("REQUEST_ID_REQUIRED", "context.request_id", "a command needs a request id");
  if (id.size() > kMaxRequestId) return Invalid("FIELD_TOO_LONG", "context.request_id", "is longer than 64 characters");
  if (std::any_of(id.begin(), id.end(), [](char c) { return c < 0x21 || c > 0x7e; })) {
    return Invalid("FIELD_MALFORMED", "context.request_id", "must be printable ASCII without blanks");
  }
  return absl::OkStatus();
}

}  // namespace medflyt::service
