// What the services hand to the sequencer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/command.h"
#include "common/registry/cpr_number.h"
#include "common/rpc/peer_identity.h"
#include "server/log/appender.h"
#include "server/log/submission.h"
#include "server/service/request_book.h"

namespace medflyt::service {

class EventReader;

// Names a client's request: the hash of authority, role and request id.
[[nodiscard]] crypto::Hash RequestKeyOf(const rpc::PeerIdentity& client, std::string_view request_id);

// A citizen's number that a client says in a command.
struct NamedNumber {
  std::string_view field;  // of v1.Command
  registry::CprNumber cpr;
};
// Nothing where the command names its citizen by a case alone.
[[nodiscard]] std::optional<NamedNumber> NumberNamedIn(const event::CommandBody& command);

// One command with what makes its repetition harmless.
struct RequestedCommand {
  // Error: answered with it, nothing is looked up or done.
  absl::StatusOr<event::Command> command = absl::UnknownError("");
  crypto::Hash request;                 // RequestKeyOf
  crypto::Hash digest;                  // of all that the client said in it
  crypto::Hash client_certificate;      // fingerprint
  const EventReader* events = nullptr;  // where a dispute's event is looked up
  std::string purpose = {};             // kept where a refusal is recorded as an access
};

using CommandOutcome = absl::StatusOr<std::vector<log::IssuedEvent>>;

// A request id that was answered within `retention` is answered the same way again: ALREADY_EXISTS (REQUEST_ID_REUSED)
// where it now asks for something else; FAILED_PRECONDITION (REQUEST_ERASED, EVENT_ERASED) where what it led to has
// been erased, and nothing is done again; of an import's events those that are left are named again. A command that
// fails changes nothing and may be repeated.
//
// What is decided of a number or a case that the client says, tells about the citizen: whether there is one, and
// whether a flag or a hold protects it. A refusal is therefore recorded as an access in the same commit: of a number as
// a search by it, known or not, and of an enrolment, a relocation or a request that is known here as a read, under the
// command's name. A refusal that cannot be recorded is answered with why not.
[[nodiscard]] CommandOutcome ApplyCommand(log::Appender& appender, RequestBook& book, const RequestedCommand& requested,
                                          absl::Duration retention);

// Several commands, each on its own, in one submission.
class CommandSubmission final : public log::Submission {
 public:
  // One outcome for each command, once all that was done is durable. On the committing thread: must not block.
  using Done = std::function<void(std::vector<CommandOutcome>)>;
  CommandSubmission(std::vector<RequestedCommand> commands, absl::Duration retention, Done done)
      : commands_(std::move(commands)), retention_(retention), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override;
  void Committed(const log::Head& head) override;
  void Abandoned(const absl::Status& why) override;
  size_t weight() const override { return commands_.size(); }

 private:
  const std::vector<RequestedCommand> commands_;
  const absl::Duration retention_;
  Done done_;
  std::vector<CommandOutcome> outcomes_;
};

// Reading the state, and what is recorded of it.
class ReadSubmission final : public log::Submission {
 public:
  struct Access {
    event::AccessKind kind = event::AccessKind::kRead;
    std::string officer;
    std::string action;
    std::string purpose;
    crypto::Hash certificate;  // the client's: its fingerprint
  };
  // On the sequencer's thread: fills the answer and names the cases that it shows. An error is recorded as a miss.
  using Read = std::function<absl::Status(log::Appender& appender, std::vector<CaseId>& cases)>;
  // With Read's status once the record is durable, or with why it is not. On the committing thread: must not block.
  using Done = std::function<void(const absl::Status& status)>;

  // Without `access` nothing is recorded: only for what touches no citizen.
  ReadSubmission(std::optional<Access> access, Read read, Done done)
      : access_(std::move(access)), read_(std::move(read)), done_(std::move(done)) {}

  void Apply(log::Appender& appender) override;
  void Committed(const log::Head& head) override;
  void Abandoned(const absl::Status& why) override;
  bool appends() const override { return access_.has_value(); }

 private:
  const std::optional<Access> access_;
  const Read read_;
  const Done done_;
  absl::Status status_;
};

// Records an access now, to each of these cases once, and of a relocation also to its enrolment. The domain's errors.
[[nodiscard]] absl::Status RecordAccess(log::Appender& appender, const ReadSubmission::Access& access,
                                        const std::vector<CaseId>& named);

}  // namespace medflyt::service
