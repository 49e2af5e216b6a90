#include "server/service/audit_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/rpc/status_map.h"
#include "common/tlog/text.h"
#include "common/tlog/tile.h"
#include "server/exchange/cosigned_proof.h"
#include "server/log/tiles.h"
#include "server/service/kept_reader.h"
#include "server/service/pages.h"
#include "server/service/stored_read.h"

namespace medflyt::service {
namespace {

constexpr size_t kStreamBytes = 512 << 10;  // of a message of entries, about
constexpr uint64_t kStreamEntries = 1024;

absl::Status OutOfRange(std::string_view field) {
  return RuleError(absl::StatusCode::kOutOfRange, "TILE_OUT_OF_RANGE", field, "the log is not that long");
}

// The width asked for, where the durable tree has a tile that wide there.
absl::StatusOr<unsigned> WidthOf(unsigned level, uint64_t index, uint32_t asked, TreeSize size) {
  const unsigned width = asked == 0 ? tlog::kTileWidth : asked;
  if (width > tlog::kTileWidth || level > 63) {
    return RuleError(absl::StatusCode::kInvalidArgument, "FIELD_OUT_OF_RANGE", "width",
                     "a tile is 1 to 256 hashes wide");
  }
  if (tlog::TileWidthAt(level, index, size) < width) return OutOfRange("index");
  return width;
}

struct AskedLog {
  const log::Generation& log;
  log::Head head;
};

// The log with that origin, of those that the node has had.
absl::StatusOr<AskedLog> LogOf(const Parts& parts, const std::string& origin) {
  const log::Generations& generations = parts.log.reader().generations();
  const log::Generation* found = origin.empty() ? &generations.open() : generations.Find(origin);
  // Of one that is lost there is no entry, nor a head that its own key has signed.
  if (found == nullptr || (found->last && found->last->size.value() == 0)) {
    return RuleError(absl::StatusCode::kNotFound, "ORIGIN_UNKNOWN", "origin", "this node has nothing of such a log");
  }
  return AskedLog{*found, found->last ? *found->last : parts.log.head()};
}

absl::StatusOr<TreeSize> SizeWithin(uint64_t asked, TreeSize durable, std::string_view field) {
  if (asked == 0) return durable;
  if (asked > durable.value()) return OutOfRange(field);
  return TreeSize(asked);
}

class EntryStream final : public grpc::ServerWriteReactor<v1::StreamEntriesResponse> {
 public:
  EntryStream(const Parts& parts, Identity auditor, v1::StreamEntriesRequest range)
      : parts_(parts),
        auditor_(std::move(auditor)),
        range_(std::move(range)),
        ending_(parts.metrics, parts.clock, "StreamEntries") {}

  void Begin() {
    const auto asked = LogOf(parts_, range_.origin());
    if (!asked.ok()) return End(asked.status());
    const auto end = SizeWithin(range_.end(), asked->head.size, "end");
    if (!end.ok()) return End(end.status());
    log_ = &asked->log;
    if (range_.first() > end->value()) return End(OutOfRange("first"));
    next_ = range_.first();
    end_ = end->value();
    ScheduleRead();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError("the client is gone"));
    ScheduleRead();
  }
  void OnDone() override { delete this; }

 private:
  void ScheduleRead() {
    if (next_ == end_) return End(absl::OkStatus());
    if (const absl::Status queued = parts_.workers.Run([this] { ReadSome(); }); !queued.ok()) End(queued);
  }
  void ReadSome() {
    if (const absl::Status valid = parts_.gate.StillValid(auditor_); !valid.ok()) return End(valid);
    message_.Clear();
    message_.set_first(next_);
    size_t bytes = 0;
    const uint64_t until = std::min(end_, next_ + kStreamEntries);
    const absl::Status visited = parts_.log.reader().Visit(log_->At(LeafIndex(next_)), log_->At(LeafIndex(until)),
                                                           [&](log::Position, std::string_view entry, const KeyId&) {
                                                             if (bytes > kStreamBytes) return absl::OkStatus();
                                                             bytes += entry.size();
                                                             message_.add_entries(std::string(entry));
                                                             return absl::OkStatus();
                                                           });
    if (!visited.ok()) return End(visited);
    next_ += static_cast<uint64_t>(message_.entries_size());
    StartWrite(&message_);
  }
  void End(const absl::Status& status) { Finish(ending_.Of(status)); }

  const Parts& parts_;
  const Identity auditor_;
  const v1::StreamEntriesRequest range_;
  const log::Generation* log_ = nullptr;
  const Ending ending_;
  uint64_t next_ = 0;
  uint64_t end_ = 0;
  v1::StreamEntriesResponse message_;
};

class RefusedStream final : public grpc::ServerWriteReactor<v1::StreamEntriesResponse> {
 public:
  explicit RefusedStream(const absl::Status& why) { Finish(rpc::ToGrpc(why)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerUnaryReactor* AuditServiceImpl::Answer(Context* context, std::string_view name,
                                                   std::function<absl::Status()> read) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const Ending ending(parts_.metrics, parts_.clock, name);
  absl::Status status = parts_.gate.Client(*context, Action::kAudit).status();
  if (status.ok()) {
    status = parts_.workers.Run([reactor, ending, read = std::move(read)] { reactor->Finish(ending.Of(read())); });
  }
  if (!status.ok()) reactor->Finish(ending.Of(status));
  return reactor;
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetCheckpoint(Context* context, const v1::GetCheckpointRequest* request,
                                                          v1::GetCheckpointResponse* response) {
  return Answer(context, "GetCheckpoint", [this, request, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, LogOf(parts_, request->origin()));
    MEDFLYT_ASSIGN_OR_RETURN(const auto cosigned, exchange::NewestCosigned(parts_.log, asked.log));
    if (cosigned) response->set_cosigned(cosigned->note);
    // Read behind it, so that it is never the shorter one.
    const log::Head head = asked.log.last ? *asked.log.last : parts_.log.head();
    response->set_checkpoint(head.checkpoint);
    for (const log::Generation& each : parts_.log.reader().generations().all()) {
      if (each.last && each.last->size.value() > 0) response->add_closed(each.origin);
    }
    const auto key = parts_.directory().LogKeyFor(asked.log.origin, head.size);
    if (!asked.log.last && head.size.value() == 0) {
      response->set_verifier_key(verifier_key_);  // whichever key the card has for a log without an entry
    } else if (key.ok()) {
      response->set_verifier_key(key->Format());
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetTile(Context* context, const v1::GetTileRequest* request,
                                                    v1::GetTileResponse* response) {
  return Answer(context, "GetTile", [this, request, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, LogOf(parts_, request->origin()));
    MEDFLYT_ASSIGN_OR_RETURN(const unsigned width,
                             WidthOf(request->level(), request->index(), request->width(), asked.head.size));
    MEDFLYT_ASSIGN_OR_RETURN(*response->mutable_data(), log::TileBytes(parts_.log.reader().store(), asked.log,
                                                                       {request->level(), request->index(), width}));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetEntryBundle(Context* context, const v1::GetEntryBundleRequest* request,
                                                           v1::GetEntryBundleResponse* response) {
  return Answer(context, "GetEntryBundle", [this, request, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, LogOf(parts_, request->origin()));
    MEDFLYT_ASSIGN_OR_RETURN(const unsigned width, WidthOf(0, request->index(), request->width(), asked.head.size));
    MEDFLYT_ASSIGN_OR_RETURN(*response->mutable_data(),
                             log::EntryBundleBytes(parts_.log.reader().store(), asked.log, request->index(), width));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetInclusionProof(Context* context,
                                                              const v1::GetInclusionProofRequest* request,
                                                              v1::GetInclusionProofResponse* response) {
  return Answer(context, "GetInclusionProof", [this, request, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, LogOf(parts_, request->origin()));
    MEDFLYT_ASSIGN_OR_RETURN(const TreeSize size, SizeWithin(request->tree_size(), asked.head.size, "tree_size"));
    if (request->leaf_index() >= size.value()) return OutOfRange("leaf_index");
    MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof proof,
                             parts_.log.reader().InclusionProof(asked.log, LeafIndex(request->leaf_index()), size));
    response->set_tree_size(size.value());
    for (const merkle::Hash& hash : proof) response->add_hashes(std::string(hash.bytes()));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetConsistencyProof(Context* context,
                                                                const v1::GetConsistencyProofRequest* request,
                                                                v1::GetConsistencyProofResponse* response) {
  return Answer(context, "GetConsistencyProof", [this, request, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, LogOf(parts_, request->origin()));
    MEDFLYT_ASSIGN_OR_RETURN(const TreeSize to, SizeWithin(request->to(), asked.head.size, "to"));
    if (request->from() > to.value()) return OutOfRange("from");
    MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof proof,
                             parts_.log.reader().ConsistencyProof(asked.log, TreeSize(request->from()), to));
    response->set_to(to.value());
    for (const merkle::Hash& hash : proof) response->add_hashes(std::string(hash.bytes()));
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::StreamEntriesResponse>* AuditServiceImpl::StreamEntries(
    Context* context, const v1::StreamEntriesRequest* request) {
  auto auditor = parts_.gate.Client(*context, Action::kAudit);
  if (!auditor.ok()) return new RefusedStream(auditor.status());
  auto* stream = new EntryStream(parts_, *std::move(auditor), *request);
  stream->Begin();
  return stream;
}

grpc::ServerUnaryReactor* AuditServiceImpl::ListKept(Context* context, const v1::ListKeptRequest* request,
                                                     v1::ListKeptResponse* response) {
  return Answer(context, "ListKept", [this, request, response]() -> absl::Status {
    MEDFLYT_ASSIGN_OR_RETURN(const AskedLog asked, LogOf(parts_, request->origin()));
    MEDFLYT_ASSIGN_OR_RETURN(const TreeSize end, SizeWithin(request->end(), asked.head.size, "end"));
    const auto next = request->page_token().empty() ? std::optional(request->first())
                                                    : tlog::ParseDecimal(request->page_token(), end.value());
    if (!next) {
      return RuleError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_INVALID", "page_token",
                       "is no token of this list");
    }
    if (*next > end.value()) return OutOfRange("first");
    return KeptReader(parts_.log.reader(), parts_.log.peers()).Read(asked.log, LeafIndex(*next), end, *response);
  });
}

grpc::ServerUnaryReactor* AuditServiceImpl::ListCaseEvents(Context* context, const v1::ListCaseEventsRequest* request,
                                                           v1::ListCaseEventsResponse* response) {
  const auto kind = request->with_keys() ? event::AccessKind::kProof : event::AccessKind::kRead;
  const auto opened = std::make_shared<std::vector<privacy::OpenedEvent>>();
  return ReadStored(
      parts_, *context, {Action::kOpenCases, "ListCaseEvents", request->context(), kind},
      [this, request, response, opened](std::vector<CaseId>& cases) -> absl::Status {
        MEDFLYT_ASSIGN_OR_RETURN(const CaseId id, ParseCaseId(request->case_id(), "case_id"));
        cases.push_back(id);
        const log::Position first(request->first());
        const log::Position last = parts_.log.end();
        const log::Position end = CaseReader::PageEnd(first, last);
        if (end < last) response->set_next_first(end.value());
        return cases_.Read(cases, first, end, *response->mutable_events(),
                           request->with_keys() ? opened.get() : nullptr);
      },
      [this, request, response, opened](log::Appender& appender, const crypto::Hash& certificate) -> absl::Status {
        if (opened->empty()) return absl::OkStatus();
        const CaseId id = *CaseId::FromHex(request->case_id());
        MEDFLYT_ASSIGN_OR_RETURN(const std::set<crypto::Hash> erased,
                                 privacy::RememberDisclosed(appender, parts_.random, id, certificate, *opened));
        if (erased.empty()) return absl::OkStatus();
        if (appender.keys().IdsOf({id}, event::RetentionClass::kCase).empty()) return CaseReader::UnknownCase();
        CaseReader::LeaveOut(erased, *opened, *response->mutable_events());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AuditServiceImpl::ListAccessRecords(Context* context,
                                                              const v1::ListAccessRecordsRequest* request,
                                                              v1::ListAccessRecordsResponse* response) {
  return ReadStored(parts_, *context,
                    {Action::kReadAccessRecords, "ListAccessRecords", request->context(), event::AccessKind::kSearch},
                    [this, request, response](std::vector<CaseId>& cases) -> absl::Status {
                      MEDFLYT_ASSIGN_OR_RETURN(const AccessFilter filter, AccessFilter::Parse(*request));
                      cases.assign(filter.cases.begin(), filter.cases.end());
                      return access_.Read(filter, log::Position(request->first()), *response);
                    });
}

}  // namespace medflyt::service
