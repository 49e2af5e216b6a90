#include "client/cli/look.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/evidence.h"
#include "client/cli/exit_code.h"
#include "client/cli/trust.h"
#include "common/audit/finding.h"
#include "common/audit/generation.h"
#include "common/audit/signatures.h"
#include "common/base/status.h"
#include "common/merkle/proof.h"
#include "common/merkle/tree_hasher.h"
#include "common/tlog/tile.h"

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

absl::Status NotByLog() {
  return RuleError(absl::StatusCode::kDataLoss, "CHECKPOINT_NOT_BY_LOG", "checkpoint",
                   "the log itself has not signed this checkpoint");
}

std::string HashesText(const merkle::Proof& proof) {
  std::string text;
  for (const merkle::Hash& hash : proof) text.append(hash.ToHex()).push_back('\n');
  return text;
}

// What a log is proven to begin with, where it goes on from another.
struct Generation {
  wire::GenerationOpened opened;
  std::string entry;
  merkle::Proof proof;  // that the log's head continues the tree of that entry alone
};

absl::StatusOr<std::optional<Generation>> GenerationOf(NodeLog& log, const tlog::Checkpoint& head) {
  std::optional<Generation> none;
  if (head.size().value() == 0) return none;
  MEDFLYT_ASSIGN_OR_RETURN(const std::string bundle, log.EntryBundle(0, 1));
  const auto entries = tlog::DecodeEntryBundle(bundle, 1);
  if (!entries.ok()) return none;
  Generation generation;
  generation.entry = std::string(entries->front());
  if (head.size().value() > 1) {
    MEDFLYT_ASSIGN_OR_RETURN(generation.proof, log.ConsistencyProof(TreeSize(1), head.size()));
  }
  // The root of a tree of one entry is its leaf hash.
  const absl::Status stands = merkle::VerifyConsistency(TreeSize(1), head.size(), merkle::LeafHash(generation.entry),
                                                        head.root(), generation.proof);
  auto opened = audit::GenerationIn(generation.entry);
  if (!stands.ok() || !opened) return none;
  generation.opened = *std::move(opened);
  return std::optional(std::move(generation));
}

// The note, where it is one and those of the keys that may sign at its size have signed it.
std::optional<tlog::OpenedCheckpoint> OpenedBy(const std::vector<directory::LogKey>& keys, std::string_view note) {
  const auto stated = tlog::StatedCheckpoint(note);
  if (!stated.ok()) return std::nullopt;
  auto opened = tlog::OpenCheckpoint(note, audit::KeysOf(stated->origin(), audit::KeysFor(keys, stated->size())));
  return opened.ok() ? std::optional(*std::move(opened)) : std::nullopt;
}

// Whether it is said of a key of the log from or up to which size it signs. Else there may have been others before it.
bool HasSizes(const SeenHead& head) {
  return std::any_of(head.believed.begin(), head.believed.end(), [&](const directory::LogKey& key) {
    return key.key.name() == head.checkpoint.origin() && (key.from.value() > 0 || key.until);
  });
}

constexpr size_t kMaxGenerations = 1000;

class Looking {
 public:
  Looking(const Context& context, NodeLog& log, const CheckpointStore& store, std::span<const directory::LogKey> keys,
          const LookedAt& at)
      : context_(context), log_(log), store_(store), keys_(keys), at_(at) {}

  absl::StatusOr<SeenHead> Run() {
    // Of a log that is asked for by its name, that is the one; else the one that the node had open before.
    const bool is_open = log_.asked_origin().empty() && !at_.node.empty();
    if (!log_.asked_origin().empty()) {
      expected_ = log_.asked_origin();
    } else if (is_open) {
      MEDFLYT_ASSIGN_OR_RETURN(expected_, store_.OriginOf(at_.node));
    }
    MEDFLYT_ASSIGN_OR_RETURN(Verified now, Fetch());
    const std::string origin = now.head.checkpoint.origin();
    const bool another = expected_ && *expected_ != origin;
    if (another && !is_open) return Changed(now.head.note.Serialize(), "another log was asked for");
    if (another && at_.new_origin != origin) {
      MEDFLYT_ASSIGN_OR_RETURN(const std::string why_not, GoesOn(now.head));
      if (!why_not.empty()) return Changed(now.head.note.Serialize(), why_not);
    }
    MEDFLYT_ASSIGN_OR_RETURN(const auto last, store_.Latest(origin));
    if (last && now.head.checkpoint.size() < last->checkpoint.size()) {
      MEDFLYT_ASSIGN_OR_RETURN(now, Fetch());
      if (now.head.checkpoint.origin() != origin) {
        return Changed(now.head.note.Serialize(), "it changed while it was looked at");
      }
    }
    if (last && now.head.checkpoint.size() < last->checkpoint.size() && !log_.asked_origin().empty()) {
      MEDFLYT_RETURN_IF_ERROR(CheckLostEnd(*last, now.head));
    }
    if (last) MEDFLYT_RETURN_IF_ERROR(Continues(log_, *last, now.head));
    if (now.to_pin) MEDFLYT_RETURN_IF_ERROR(store_.PinKey(*now.to_pin));
    std::string note = now.head.note.Serialize();
    MEDFLYT_RETURN_IF_ERROR(store_.Keep(note));
    if (is_open && expected_ != origin) MEDFLYT_RETURN_IF_ERROR(store_.RememberOrigin(at_.node, origin));
    return SeenHead{std::move(now.head.checkpoint),
                    std::move(note),
                    std::move(now.key),
                    !last,
                    now.to_pin.has_value(),
                    last ? last->checkpoint.size() : TreeSize(0),
                    std::move(now.cosigned),
                    std::move(now.believed),
                    another ? *expected_ : ""};
  }

 private:
  absl::StatusOr<Verified> Fetch() {
    MEDFLYT_ASSIGN_OR_RETURN(const NodeLog::Head told, log_.Checkpoint());
    auto note = tlog::SignedNote::Parse(told.checkpoint);
    if (!note.ok()) return VerificationFailed(note.status());
    const auto unverified = tlog::Checkpoint::Parse(note->text);
    if (!unverified.ok()) return VerificationFailed(unverified.status());
    const bool named_one = Named(unverified->origin());
    if (!named_one && MustBeNamed()) {
      if (expected_ && *expected_ != unverified->origin()) {
        return Changed(told.checkpoint, "no key that was named is of that log: its authority's present card has it");
      }
      return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_NAMED", "checkpoint",
                       "no key that was named is of the node's log " + unverified->origin() +
                           ": name its authority's present card, --card");
    }
    std::vector<directory::LogKey> believed;
    std::optional<tlog::VerifierKey> to_pin;
    if (named_one) {
      believed.assign(keys_.begin(), keys_.end());
    } else {
      std::optional<tlog::VerifierKey> pinned;
      std::optional<KeptCheckpoint> seen;
      if (!explains_) {
        MEDFLYT_ASSIGN_OR_RETURN(pinned, store_.PinnedKey(unverified->origin()));
        MEDFLYT_ASSIGN_OR_RETURN(seen, store_.Latest(unverified->origin()));
      }
      if (pinned) {
        believed.push_back({*pinned, TreeSize(0), std::nullopt});
      } else {
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
    if (key == nullptr) return VerificationFailed(NotByLog());
    return Verified{*std::move(opened), *key, told.cosigned, std::move(to_pin), std::move(believed)};
  }

  // Of keys that may be of any log, those of the one that the node had open are still named for its log.
  [[nodiscard]] bool MustBeNamed() const {
    if (keys_.empty() || explains_) return false;
    return at_.named == NamedKeys::kOfNodesLog || (expected_ && Named(*expected_));
  }

  [[nodiscard]] bool Named(std::string_view origin) const {
    return std::any_of(keys_.begin(), keys_.end(),
                       [origin](const directory::LogKey& key) { return key.key.name() == origin; });
  }

  absl::Status Continues(NodeLog& log, const KeptCheckpoint& last, const tlog::OpenedCheckpoint& now) {
    const TreeSize before = last.checkpoint.size();
    const TreeSize size = now.checkpoint.size();
    const std::string& origin = now.checkpoint.origin();
    std::vector<EvidenceFile> files = {{"kept.checkpoint", last.note}, {"seen.checkpoint", now.note.Serialize()}};
    if (size < before) {
      return Accuse(origin, "LOG_ROLLED_BACK", files,
                    absl::StrCat("the log has ", size.value(), " entries and had ", before.value()));
    }
    if (size == before) {
      if (now.checkpoint.root() == last.checkpoint.root()) return absl::OkStatus();
      return Accuse(origin, "LOG_FORKED", files,
                    absl::StrCat("two roots are signed for the size of ", size.value(), " entries"));
    }
    if (before.value() == 0) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const merkle::Proof proof, log.ConsistencyProof(before, size));
    if (merkle::VerifyConsistency(before, size, last.checkpoint.root(), now.checkpoint.root(), proof).ok()) {
      return absl::OkStatus();
    }
    if (!proof.empty()) files.emplace_back("consistency-proof", HashesText(proof));
    return Accuse(
        origin, "LOG_FORKED", files,
        absl::StrCat("the log of ", size.value(), " entries is not shown to continue that of ", before.value()));
  }

  // That the node's open log goes on, over any number of logs between, from the one that it had open before, and that
  // each of these ended at or behind what was seen of it. Why that is not shown; empty where it is.
  absl::StatusOr<std::string> GoesOn(const tlog::OpenedCheckpoint& now) {
    tlog::Checkpoint head = now.checkpoint;
    std::string note = now.note.Serialize();
    NodeLog* log = &log_;
    std::unique_ptr<NodeLog> closed_log;
    std::set<std::string> met = {head.origin()};
    while (met.size() < kMaxGenerations) {
      MEDFLYT_ASSIGN_OR_RETURN(const auto generation, GenerationOf(*log, head));
      if (!generation) break;
      const auto stated = tlog::StatedCheckpoint(generation->opened.closed_checkpoint);
      if (!stated.ok() || !met.insert(stated->origin()).second) break;
      closed_log = log_.OfOrigin(stated->origin());
      auto told = closed_log->Checkpoint();
      if (!told.ok() && told.status().code() != absl::StatusCode::kNotFound) return told.status();
      if (!told.ok()) told = NodeLog::Head();
      MEDFLYT_ASSIGN_OR_RETURN(const auto keys, KeysOfClosed(stated->origin(), *told));
      const auto closed = OpenedBy(keys, generation->opened.closed_checkpoint);
      if (!closed) return "it names no end of " + stated->origin() + " that a believed key has signed";
      MEDFLYT_RETURN_IF_ERROR(EndsNotBeforeWhatWasSeen(*closed, *generation, note));
      // What the node has left of it; it may have lost the end, and can then prove nothing of that any more.
      const auto left = OpenedBy(keys, told->checkpoint);
      const bool of_it = left && left->checkpoint.origin() == stated->origin();
      if (of_it) MEDFLYT_RETURN_IF_ERROR(LeftContinues(*closed_log, *closed, *left));
      if (stated->origin() == *expected_) return std::string();
      if (!of_it) break;
      log = closed_log.get();
      head = left->checkpoint;
      note = left->note.Serialize();
    }
    return "its first entry does not show that it goes on from that one";
  }

  // Keys that were named or pinned come first; else the node's word, for a key that signed what was seen.
  absl::StatusOr<std::vector<directory::LogKey>> KeysOfClosed(const std::string& origin, const NodeLog::Head& told) {
    if (Named(origin)) return std::vector<directory::LogKey>(keys_.begin(), keys_.end());
    MEDFLYT_ASSIGN_OR_RETURN(auto key, store_.PinnedKey(origin));
    if (!key) {
      auto named = tlog::VerifierKey::Parse(told.verifier_key);
      MEDFLYT_ASSIGN_OR_RETURN(const auto seen, store_.Latest(origin));
      const bool good =
          named.ok() &&
          (!seen || tlog::OpenCheckpoint(seen->note, std::span<const tlog::VerifierKey>(&*named, 1)).ok());
      if (good) key = *std::move(named);
    }
    std::vector<directory::LogKey> keys;
    if (key) keys.push_back({*std::move(key), TreeSize(0), std::nullopt});
    return keys;
  }

  // A node that has lost the end of a closed log, and says in the log that goes on from it that there was one, is not
  // accused of that again; nor is what is left believed, for nothing shows that it leads to what was seen. OK where
  // it was asked and there is nothing that explains it. What excuses it is the end that the closed log itself has
  // signed, so the open one may be of any key.
  absl::Status CheckLostEnd(const KeptCheckpoint& last, const tlog::OpenedCheckpoint& left) {
    const std::unique_ptr<NodeLog> open = log_.OfOrigin("");
    Looking looking(context_, *open, store_, keys_, at_);
    looking.expected_ = expected_;
    looking.explains_ = true;
    MEDFLYT_ASSIGN_OR_RETURN(const Verified newest, looking.Fetch());
    if (newest.head.checkpoint.origin() == left.checkpoint.origin()) return absl::OkStatus();
    MEDFLYT_ASSIGN_OR_RETURN(const std::string why_not, looking.GoesOn(newest.head));
    if (!why_not.empty()) return absl::OkStatus();
    return RuleError(absl::StatusCode::kFailedPrecondition, "CLOSED_LOG_SHORTER", "checkpoint",
                     absl::StrCat("the node has ", left.checkpoint.size().value(), " entries left of ",
                                  left.checkpoint.origin(), ", of which ", last.checkpoint.size().value(),
                                  " were seen before it was closed; name an empty folder with --trust to look at "
                                  "what is left"));
  }

  absl::Status EndsNotBeforeWhatWasSeen(const tlog::OpenedCheckpoint& closed, const Generation& generation,
                                        const std::string& note) {
    const std::string& origin = closed.checkpoint.origin();
    MEDFLYT_ASSIGN_OR_RETURN(const std::vector<KeptCheckpoint> kept, store_.All(origin));
    for (auto each = kept.rbegin(); each != kept.rend(); ++each) {
      const auto code = audit::AgainstClosed(closed.checkpoint, each->checkpoint);
      if (!code) continue;
      return Accuse(origin, audit::NameOf(*code),
                    {{"kept.checkpoint", each->note},
                     {"closed.checkpoint", closed.note.Serialize()},
                     {"seen.checkpoint", note},
                     {"first.entry", generation.entry},
                     {"consistency-proof", HashesText(generation.proof)}},
                    absl::StrCat(origin, " was seen with ", each->checkpoint.size().value(),
                                 " entries, and the log that goes on from it says that it ended otherwise, at ",
                                 closed.checkpoint.size().value()));
    }
    return absl::OkStatus();
  }

  absl::Status LeftContinues(NodeLog& closed_log, const tlog::OpenedCheckpoint& closed,
                             const tlog::OpenedCheckpoint& left) {
    if (left.checkpoint.size() == closed.checkpoint.size()) {
      MEDFLYT_RETURN_IF_ERROR(Continues(closed_log, {closed.checkpoint, closed.note.Serialize()}, left));
    }
    MEDFLYT_ASSIGN_OR_RETURN(const auto last, store_.Latest(left.checkpoint.origin()));
    if (!last || left.checkpoint.size() < last->checkpoint.size()) return absl::OkStatus();
    return Continues(closed_log, *last, left);
  }

  // The node shows another log than was expected, and nothing signed says why: no evidence, but not believed either.
  absl::Status Changed(const std::string& seen, const std::string& why) {
    const auto stated = tlog::StatedCheckpoint(seen);
    const std::string origin = stated.ok() ? stated->origin() : "?";
    const std::string& expected = expected_ ? *expected_ : origin;
    MEDFLYT_ASSIGN_OR_RETURN(const auto last, store_.Latest(expected));
    std::vector<EvidenceFile> files = {{"seen.checkpoint", seen}};
    if (last) files.emplace_back("kept.checkpoint", last->note);
    std::string message = absl::StrCat("the node shows the log ", origin, " in place of ", expected, ": ", why);
    message += KeptWhere(store_, context_.environment().clock, expected, "ORIGIN_CHANGED", files);
    if (log_.asked_origin().empty()) {
      absl::StrAppend(&message, "; once its authority has said why, audit checkpoint --new-origin ", origin,
                      " takes it");
    }
    return RuleError(absl::StatusCode::kFailedPrecondition, "ORIGIN_CHANGED", "checkpoint", message);
  }

  absl::Status Accuse(const std::string& origin, std::string_view rule, const std::vector<EvidenceFile>& files,
                      std::string message) {
    return cli::Accuse(store_, context_.environment().clock, origin, rule, files, std::move(message));
  }

  const Context& context_;
  NodeLog& log_;
  const CheckpointStore& store_;
  const std::span<const directory::LogKey> keys_;
  const LookedAt& at_;
  std::optional<std::string> expected_;
  bool explains_ = false;  // only what the log's first entry says of another is wanted: nothing is believed of the log
};

}  // namespace

absl::StatusOr<OpenedOther> OpenOther(const SeenHead& head, std::string_view note) {
  MEDFLYT_ASSIGN_OR_RETURN(const tlog::Checkpoint unverified, tlog::StatedCheckpoint(note));
  const std::vector<tlog::VerifierKey> keys =
      audit::KeysOf(head.checkpoint.origin(), audit::KeysFor(head.believed, unverified.size()));
  MEDFLYT_ASSIGN_OR_RETURN(auto opened, tlog::OpenCheckpoint(note, keys));
  const tlog::VerifierKey* const key = LogKeyUnder(opened, keys);
  if (key == nullptr) return NotByLog();
  return OpenedOther{std::move(opened.checkpoint), *key};
}

absl::Status ShowOneLog(const Context& context, NodeLog& log, const CheckpointStore& store, const SeenHead& head,
                        const KeptCheckpoint& other) {
  const bool older = other.checkpoint.size() < head.checkpoint.size();
  const tlog::Checkpoint& first = older ? other.checkpoint : head.checkpoint;
  const tlog::Checkpoint& second = older ? head.checkpoint : other.checkpoint;
  if (first.size().value() == 0) return absl::OkStatus();
  merkle::Proof proof;
  if (first.size() < second.size()) {
    MEDFLYT_ASSIGN_OR_RETURN(proof, log.ConsistencyProof(first.size(), second.size()));
  }
  if (merkle::VerifyConsistency(first.size(), second.size(), first.root(), second.root(), proof).ok()) {
    return absl::OkStatus();
  }
  std::vector<EvidenceFile> files = {{"kept.checkpoint", head.note}, {"seen.checkpoint", other.note}};
  if (!proof.empty()) files.emplace_back("consistency-proof", HashesText(proof));
  return Accuse(store, context.environment().clock, head.checkpoint.origin(), "LOG_FORKED", files,
                absl::StrCat("the log's signed trees of ", first.size().value(), " and of ", second.size().value(),
                             " entries are not shown to be of one log"));
}

absl::StatusOr<SeenHead> CosignedOf(const Context& context, NodeLog& log, const CheckpointStore& store,
                                    const SeenHead& head) {
  if (head.cosigned.empty()) {
    return RuleError(absl::StatusCode::kNotFound, "NOT_COSIGNED", "checkpoint",
                     "no witness has cosigned this log yet, as its node says");
  }
  auto opened = OpenOther(head, head.cosigned);
  const auto broken = BrokenRuleOf(opened.status());
  if (broken && broken->rule == "NOTE_UNSIGNED" && !HasSizes(head)) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "LOG_KEY_NOT_NAMED", "checkpoint",
                     "the newest cosigned checkpoint is signed with another key of the log, which may just have been "
                     "handed over: name its authority's present card, --card");
  }
  if (!opened.ok()) return VerificationFailed(opened.status());
  if (opened->checkpoint.size() > head.checkpoint.size()) {
    return Accuse(store, context.environment().clock, head.checkpoint.origin(), "LOG_ROLLED_BACK",
                  {{"kept.checkpoint", head.note}, {"seen.checkpoint", head.cosigned}},
                  absl::StrCat("the log has signed a tree of ", opened->checkpoint.size().value(),
                               " entries, which was cosigned, and the node shows ", head.checkpoint.size().value()));
  }
  MEDFLYT_RETURN_IF_ERROR(ShowOneLog(context, log, store, head, {opened->checkpoint, head.cosigned}));
  MEDFLYT_RETURN_IF_ERROR(store.Keep(head.cosigned));
  SeenHead cosigned = head;
  cosigned.checkpoint = std::move(opened->checkpoint);
  cosigned.note = head.cosigned;
  cosigned.key = std::move(opened->key);
  return cosigned;
}

absl::StatusOr<SeenHead> LookFirst(Context& context, const Arguments& arguments,
                                   std::span<const directory::LogKey> keys, NodeLog& log, NamedKeys named) {
  MEDFLYT_ASSIGN_OR_RETURN(const CheckpointStore store, TrustStoreOf(context, arguments));
  MEDFLYT_ASSIGN_OR_RETURN(const ConnectionSettings settings, context.Settings());
  MEDFLYT_ASSIGN_OR_RETURN(SeenHead head,
                           Look(context, log, store, keys, {settings.address, arguments.Find("--new-origin"), named}));
  if (!head.goes_on_from.empty()) {
    context.Note("the node goes on with the log " + head.checkpoint.origin() + " in place of " + head.goes_on_from);
  }
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

Option NewOriginOption() {
  return {
      .name = "--new-origin",
      .value_name = "ORIGIN",
      .help = "take this log as the node's open one, though nothing shows that it goes on from the one seen before"};
}

std::vector<Option> LookOptions() {
  std::vector<Option> options = TrustOptions();
  std::erase_if(options, [](const Option& option) { return option.name == "--policy"; });
  options.push_back(TrustStoreOption());
  return options;
}

absl::StatusOr<SeenHead> Look(const Context& context, NodeLog& log, const CheckpointStore& store,
                              std::span<const directory::LogKey> keys, const LookedAt& at) {
  return Looking(context, log, store, keys, at).Run();
}

}  // namespace medflyt::cli
