#include "client/cli/look.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "client/cli/trust.h"
#include "common/audit/signatures.h"
#include "common/base/status.h"
#include "common/merkle/proof.h"

namespace medflyt::cli {
namespace {

struct Verified {
  tlog::OpenedCheckpoint head;
  tlog::VerifierKey key;
  std::string cosigned;
  std::optional<tlog::VerifierKey> to_pin;
  std::vector<directory::LogKey> believed;
};

// Of the log itself, among those that have signed.
const tlog::VerifierKey* LogKeyUnder(const tlog::OpenedCheckpoint& opened, const std::vector<tlog::VerifierKey>& keys) {
  for (const tlog::VerifiedSignature& signature : opened.signatures) {
    if (keys[signature.verifier].name() == opened.checkpoint.origin()) return &keys[signature.verifier];
  }
  return nullptr;
}

std::string HashesText(const merkle::Proof& proof) {
  std::string text;
  for (const merkle::Hash& hash : proof) text.append(hash.ToHex()).push_back('\n');
  return text;
}

class Looking {
 public:
  Looking(const Context& context, NodeLog& log, const CheckpointStore& store, std::span<const directory::LogKey> keys)
      : context_(context), log_(log), store_(store), keys_(keys) {}

  absl::StatusOr<SeenHead> Run() {
    MEDFLYT_ASSIGN_OR_RETURN(Verified now, Fetch());
    std::string origin = now.head.checkpoint.origin();
    MEDFLYT_ASSIGN_OR_RETURN(const auto last, store_.Latest(origin));
    if (last && now.head.checkpoint.size() < last->checkpoint.size()) {
      MEDFLYT_ASSIGN_OR_RETURN(now, Fetch());
      if (now.head.checkpoint.origin() != origin) return Failed("ORIGIN_CHANGED", "the node changed its log's name");
    }
    if (last) MEDFLYT_RETURN_IF_ERROR(Continues(*last, now.head));
    if (now.to_pin) MEDFLYT_RETURN_IF_ERROR(store_.PinKey(*now.to_pin));
    std::string note = now.head.note.Serialize();
    MEDFLYT_RETURN_IF_ERROR(store_.Keep(note));
    return SeenHead{std::move(now.head.checkpoint),
                    std::move(note),
                    std::move(now.key),
                    !last,
                    now.to_pin.has_value(),
                    last ? last->checkpoint.size() : TreeSize(0),
                    std::move(now.cosigned),
                    std::move(now.believed)};
  }

 private:
  static absl::Status Failed(std::string_view rule, std::string_view message) {
    return VerificationFailed(RuleError(absl::StatusCode::kDataLoss, rule, "checkpoint", message));
  }

  absl::StatusOr<Verified> Fetch() {
    MEDFLYT_ASSIGN_OR_RETURN(const NodeLog::Head told, log_.Checkpoint());
    auto note = tlog::SignedNote::Parse(told.checkpoint);
    if (!note.ok()) return VerificationFailed(note.status());
    const auto unverified = tlog::Checkpoint::Parse(note->text);
    if (!unverified.ok()) return VerificationFailed(unverified.status());
    std::vector<directory::LogKey> believed(keys_.begin(), keys_.end());
    std::optional<tlog::VerifierKey> to_pin;
    if (keys_.empty()) {
      MEDFLYT_ASSIGN_OR_RETURN(const auto pinned, store_.PinnedKey(unverified->origin()));
      if (pinned) {
        believed.push_back({*pinned, TreeSize(0), std::nullopt});
      } else {
        MEDFLYT_ASSIGN_OR_RETURN(const auto seen, store_.Latest(unverified->origin()));
        auto named = tlog::VerifierKey::Parse(told.verifier_key);
        if (!named.ok()) return VerificationFailed(named.status());
        // What was first seen with a key that somebody had named stays with it.
        if (seen && !tlog::OpenCheckpoint(seen->note, std::span(&*named, 1)).ok()) {
          return UsageError("this log was seen with a key that was named: name it again, --card or --log-key");
        }
        believed.push_back({*named, TreeSize(0), std::nullopt});
        if (!seen) to_pin = *std::move(named);
      }
    }
    const std::vector<tlog::VerifierKey> keys = audit::KeysFor(believed, unverified->size());
    auto opened = tlog::OpenCheckpoint(*std::move(note), keys);
    if (!opened.ok()) return VerificationFailed(opened.status());
    const tlog::VerifierKey* const key = LogKeyUnder(*opened, keys);
    if (key == nullptr) return Failed("CHECKPOINT_NOT_BY_LOG", "the log itself has not signed this checkpoint");
    return Verified{*std::move(opened), *key, told.cosigned, std::move(to_pin), std::move(believed)};
  }

  absl::Status Continues(const KeptCheckpoint& last, const tlog::OpenedCheckpoint& now) {
    const TreeSize before = last.checkpoint.size();
    const TreeSize size = now.checkpoint.size();
    if (size < before) {
      return Accuse(last, now, {}, "LOG_ROLLED_BACK",
                    absl::StrCat("the log has ", size.value(), " entries and had ", before.value()));
    }
    if (size == before) {
      if (now.checkpoint.root() == last.checkpoint.root()) return absl::OkStatus();
      return Accuse(last, now, {}, "LOG_FORKED",
                    absl::StrCat("two roots are signed for the size of ", size.value(), " entries"));
    }
    if (before.value() == 0) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof proof, log_.ConsistencyProof(before, size));
    if (merkle::VerifyConsistency(before, size, last.checkpoint.root(), now.checkpoint.root(), proof).ok()) {
      return absl::OkStatus();
    }
    return Accuse(
        last, now, proof, "LOG_FORKED",
        absl::StrCat("the log of ", size.value(), " entries is not shown to continue that of ", before.value()));
  }

  absl::Status Accuse(const KeptCheckpoint& last, const tlog::OpenedCheckpoint& now, const merkle::Proof& proof,
                      std::string_view rule, std::string message) {
    std::vector<std::pair<std::string, std::string>> files = {{"kept.checkpoint", last.note},
                                                              {"seen.checkpoint", now.note.Serialize()}};
    if (!proof.empty()) files.emplace_back("consistency-proof", HashesText(proof));
    const auto folder = store_.KeepEvidence(now.checkpoint.origin(), rule, context_.environment().clock.Now(), files);
    message += folder.ok() ? "; both checkpoints are kept in " + *folder : "; the evidence could not be written";
    return Failed(rule, message);
  }

  const Context& context_;
  NodeLog& log_;
  const CheckpointStore& store_;
  const std::span<const directory::LogKey> keys_;
};

}  // namespace

absl::StatusOr<OpenedOther> OpenOther(const SeenHead& head, std::string_view note) {
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint unverified, tlog::StatedCheckpoint(note));
  const std::vector<tlog::VerifierKey> keys =
      audit::KeysOf(head.checkpoint.origin(), audit::KeysFor(head.believed, unverified.size()));
  MEDFLYT_ASSIGN_OR_RETURN(auto opened, tlog::OpenCheckpoint(note, keys));
  const tlog::VerifierKey* const key = LogKeyUnder(opened, keys);
  if (key == nullptr) {
    return RuleError(absl::StatusCode::kDataLoss, "CHECKPOINT_NOT_BY_LOG", "checkpoint",
                     "the log itself has not signed this checkpoint");
  }
  return OpenedOther{std::move(opened.checkpoint), *key};
}

absl::StatusOr<SeenHead> CosignedOf(NodeLog& log, const SeenHead& head, const CheckpointStore& store) {
  if (head.cosigned.empty()) {
    return RuleError(absl::StatusCode::kNotFound, "NOT_COSIGNED", "checkpoint",
                     "no witness has cosigned this log yet, as its node says");
  }
  auto opened = OpenOther(head, head.cosigned);
  if (!opened.ok()) return VerificationFailed(opened.status());
  const TreeSize size = opened->checkpoint.size();
  merkle::Proof proof;
  if (size.value() > 0 && size < head.checkpoint.size()) {
    MEDFLYT_ASSIGN_OR_RETURN(proof, log.ConsistencyProof(size, head.checkpoint.size()));
  }
  if (size.value() > 0) {
    const absl::Status continues = merkle::VerifyConsistency(size, head.checkpoint.size(), opened->checkpoint.root(),
                                                             head.checkpoint.root(), proof);
    if (!continues.ok()) return VerificationFailed(continues);
  }
  MEDFLYT_RETURN_IF_ERROR(store.Keep(head.cosigned));
  SeenHead cosigned = head;
  cosigned.checkpoint = std::move(opened->checkpoint);
  cosigned.note = head.cosigned;
  cosigned.key = std::move(opened->key);
  return cosigned;
}

absl::StatusOr<SeenHead> LookFirst(Context& context, const Arguments& arguments,
                                   std::span<const directory::LogKey> keys, NodeLog& log) {
  MEDFLYT_ASSIGN_OR_RETURN(const CheckpointStore store, TrustStoreOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(SeenHead head, Look(context, log, store, keys));
  if (head.key_by_node) {
    context.Note("first look at " + head.checkpoint.origin() + ": its key " + head.key.Format() +
                 " is the node's own word; compare it by another channel");
  }
  return head;
}

absl::Status LookFirst(Context& context, const Arguments& arguments) {
  MEDFLYT_ASSIGN_OR_RETURN(const audit::Trust trust, TrustOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const auto client, context.Client());
  return LookFirst(context, arguments, trust.keys, *NodeLogOver(client, arguments.Find("--origin").value_or("")))
      .status();
}

Option OriginOption() {
  return {.name = "--origin",
          .value_name = "ORIGIN",
          .help = "of a log that the node has closed, as its peer card names it; the open one where it is not given"};
}

std::vector<Option> LookOptions() {
  std::vector<Option> options = TrustOptions();
  std::erase_if(options, [](const Option& option) { return option.name == "--policy"; });
  options.push_back(TrustStoreOption());
  return options;
}

absl::StatusOr<SeenHead> Look(const Context& context, NodeLog& log, const CheckpointStore& store,
                              std::span<const directory::LogKey> keys) {
  return Looking(context, log, store, keys).Run();
}

}  // namespace medflyt::cli
