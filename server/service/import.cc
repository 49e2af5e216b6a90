#include "server/service/import.h"

#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "server/service/views.h"

namespace medflyt::service {
namespace {

constexpr size_t kMaxChunk = 1 << 20;

absl::Status Invalid(std::string_view rule, std::string_view field, std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, rule, field, message);
}

}  // namespace

ImportStream::ImportStream(const Parts& parts, Identity client, v1::ImportExtractResponse* response)
    : parts_(parts),
      client_(std::move(client)),
      response_(response),
      ending_(parts.metrics, parts.clock, "ImportExtract") {}

ImportStream::~ImportStream() = default;

void ImportStream::OnReadDone(bool ok) {
  if (cancelled_) return End(absl::CancelledError("the client is gone"));
  if (!ok) {
    if (!matcher_) return End(Invalid("IMPORT_HEADER_REQUIRED", "header", "the first message must be the header"));
    if (const absl::Status queued = parts_.workers.Run([this] { Import(); }); !queued.ok()) End(queued);
    return;
  }
  if (!matcher_) {
    if (const absl::Status header = TakeHeader(); !header.ok()) return End(header);
    return TakeSnapshot();
  }
  if (request_.part_case() != v1::ImportExtractRequest::kChunk) {
    return End(Invalid("FIELD_REQUIRED", "chunk", "after the header come chunks of the file"));
  }
  if (request_.chunk().size() > kMaxChunk) return End(Invalid("FIELD_TOO_LONG", "chunk", "is longer than 1 MiB"));
  if (const absl::Status queued = parts_.workers.Run([this] { TakeChunk(); }); !queued.ok()) End(queued);
}

absl::Status ImportStream::TakeHeader() {
  if (request_.part_case() != v1::ImportExtractRequest::kHeader) {
    return Invalid("IMPORT_HEADER_REQUIRED", "header", "the first message must be the header");
  }
  header_ = request_.header();
  MEDFLYT_RETURN_IF_ERROR(CheckContext(header_.context(), RequestId::kRequired));
  MEDFLYT_RETURN_IF_ERROR(CheckNoDisclosure(header_.context()));
  if (!header_.sha256().empty() && header_.sha256().size() != crypto::Hash::kSize) {
    return Invalid("FIELD_MALFORMED", "header.sha256", "must be 32 bytes");
  }
  return absl::OkStatus();
}

// Copying the state for ourselves shows nobody anything: what is found, and told, is recorded when it is imported.
void ImportStream::TakeSnapshot() {
  const auto read = [this](log::Appender& appender, std::vector<CaseId>&) -> absl::Status {
    const auto own = appender.facts().directory.CodeOf(parts_.self);
    if (!own) {
      return RuleError(absl::StatusCode::kFailedPrecondition, "AUTHORITY_UNKNOWN", "",
                       "this authority has no municipality code in the peer directory");
    }
    watched_ = intake::Watched::Of(appender.state());
    matcher_.emplace(watched_, *own, parts_.random);
    return absl::OkStatus();
  };
  const auto done = [this](const absl::Status& status) {
    if (!status.ok()) return End(status);
    request_.Clear();
    StartRead(&request_);
  };
  const absl::Status queued = parts_.queue.Submit(std::make_unique<ReadSubmission>(std::nullopt, read, done));
  if (!queued.ok()) End(queued);
}

void ImportStream::TakeChunk() {
  digest_.Update(request_.chunk());
  if (const absl::Status fed = matcher_->Feed(request_.chunk()); !fed.ok()) return End(fed);
  request_.Clear();
  StartRead(&request_);
}

void ImportStream::Import() {
  const crypto::Hash digest = digest_.Finish();
  if (!header_.sha256().empty() && header_.sha256() != digest.bytes()) {
    return End(Invalid("EXTRACT_DIGEST_MISMATCH", "header.sha256", "the file is not the one that was announced"));
  }
  auto command = matcher_->Finish(digest);
  if (!command.ok()) return End(command.status());
  const absl::Status queued = parts_.queue.Submit(std::make_unique<ReadSubmission>(
      std::nullopt,
      [this, command = *std::move(command)](log::Appender& appender, std::vector<CaseId>&) {
        return Apply(appender, command);
      },
      [this](const absl::Status& status) { End(status); }));
  if (!queued.ok()) End(queued);
}

absl::Status ImportStream::Apply(log::Appender& appender, const event::ImportExtract& command) {
  const v1::RequestContext& context = header_.context();
  // Of the file, not of the command, so that a repetition, which makes other fresh ids, is still the same request.
  std::string said(command.digest.bytes());
  AppendU32(said, static_cast<uint32_t>(context.officer().size()));
  said.append(context.officer()).append(context.purpose());
  const RequestedCommand requested{event::Command{context.officer(), command, client_->fingerprint},
                                   RequestKeyOf(*client_, context.request_id()), crypto::Sha256(said),
                                   client_->fingerprint};
  MEDFLYT_ASSIGN_OR_RETURN(RequestBook book, RequestBook::Open(appender));
  MEDFLYT_ASSIGN_OR_RETURN(const auto events, ApplyCommand(appender, book, requested, parts_.request_retention));

  response_->set_production_date(FormatIsoDate(command.production_date));
  if (command.previous_production_date) {
    response_->set_previous_production_date(FormatIsoDate(*command.previous_production_date));
  }
  response_->set_records(command.records);
  response_->set_persons(command.persons);
  ToView(events, *response_->mutable_events());
  std::vector<CaseId> cases;
  for (const log::IssuedEvent& event : events) {
    const domain::Relocation* relocation = appender.state().FindRelocation(event.case_id);
    if (relocation == nullptr) continue;
    cases.push_back(CaseOf(*relocation));
    if (event.type != event::Type::kRelocationObserved) continue;
    ToView(appender.state(), *relocation, Numbers::kLeftOut, *response_->add_relocations());
  }
  return RecordAccess(
      appender, {event::AccessKind::kRead, context.officer(), "ImportExtract", context.purpose(), client_->fingerprint},
      cases);
}

}  // namespace medflyt::service
