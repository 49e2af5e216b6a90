#include "common/tlog/policy.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/tlog/text.h"

namespace medflyt::tlog {
namespace {

constexpr std::string_view kBlank = " \t";
constexpr std::string_view kNone = "none";

absl::Status PolicyMalformed(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "POLICY_MALFORMED", "policy", message);
}

std::vector<std::string_view> SplitItems(std::string_view line) {
  std::vector<std::string_view> items;
  while (true) {
    const size_t begin = line.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return items;
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(kBlank), line.size());
    items.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool IsAllowed(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7f);
}

bool HoldsKey(const std::vector<Policy::Member>& members, const crypto::PublicKey& key) {
  return std::any_of(members.begin(), members.end(), [&](const Policy::Member& m) { return m.key.key() == key; });
}

}  // namespace

class PolicyParser {
 public:
  using Items = std::span<const std::string_view>;

  absl::Status ParseLine(std::string_view line) {
    const std::vector<std::string_view> items = SplitItems(line);
    if (items.empty() || items[0].starts_with('#')) return absl::OkStatus();
    const Items arguments = Items(items).subspan(1);
    if (items[0] == "log") return ParseLog(arguments);
    if (items[0] == "witness") return ParseWitness(arguments);
    if (items[0] == "group") return ParseGroup(arguments);
    if (items[0] == "quorum") return ParseQuorum(arguments);
    return PolicyMalformed("line begins with none of log, witness, group and quorum");
  }

  absl::StatusOr<Policy> Finish() {
    if (!has_quorum_) return PolicyMalformed("quorum line is missing");
    return std::move(policy_);
  }

 private:
  absl::Status ParseLog(Items items) {
    if (items.empty() || items.size() > 2) return PolicyMalformed("a log line has a key and at most a URL");
    return AddMember(items, SignatureType::kEd25519, policy_.logs_);
  }

  absl::Status ParseWitness(Items items) {
    if (items.size() < 2 || items.size() > 3)
      return PolicyMalformed("a witness line has a name, a key and at most a URL");
    MEDFLYT_RETURN_IF_ERROR(CheckNewName(items[0]));
    MEDFLYT_RETURN_IF_ERROR(AddMember(items.subspan(1), SignatureType::kCosignature, policy_.witnesses_));
    AddNode({.name = std::string(items[0]), .witness = policy_.witnesses_.size() - 1, .threshold = 0, .members = {}});
    return absl::OkStatus();
  }

  absl::Status ParseGroup(Items items) {
    if (items.size() < 3) return PolicyMalformed("a group line has a name, a threshold and at least one member");
    MEDFLYT_RETURN_IF_ERROR(CheckNewName(items[0]));
    Policy::Node group{.name = std::string(items[0]), .witness = std::nullopt, .threshold = 0, .members = {}};
    const Items members = items.subspan(2);
    if (items[1] == "any") {
      group.threshold = 1;
    } else if (items[1] == "all") {
      group.threshold = members.size();
    } else {
      const auto threshold = ParseDecimal(items[1], members.size());
      if (!threshold || *threshold == 0) {
        return PolicyMalformed("a group's threshold is any, all, or a number from 1 to the number of members");
      }
      group.threshold = static_cast<size_t>(*threshold);
    }
    for (const std::string_view name : members) {
      const auto member = Find(name);
      if (!member) return PolicyMalformed("a group's member is not defined on a line before");
      if (grouped_[*member]) return PolicyMalformed("a name is a group's member twice");
      grouped_[*member] = true;
      group.members.push_back(*member);
    }
    AddNode(std::move(group));
    return absl::OkStatus();
  }

  absl::Status ParseQuorum(Items items) {
    if (items.size() != 1) return PolicyMalformed("a quorum line has one name");
    if (has_quorum_) return PolicyMalformed("there is more than one quorum line");
    has_quorum_ = true;
    if (items[0] == kNone) return absl::OkStatus();
    policy_.quorum_ = Find(items[0]);
    if (!policy_.quorum_) return PolicyMalformed("the quorum's name is not defined on a line before");
    return absl::OkStatus();
  }

  // `items` are a key and perhaps a URL.
  static absl::Status AddMember(Items items, SignatureType type, std::vector<Policy::Member>& members) {
    auto key = VerifierKey::Parse(items[0]);
    if (!key.ok()) return PolicyMalformed("not a verifier key of a supported type");
    if (key->type() != type) return PolicyMalformed("verifier key has a type for another role");
    if (HoldsKey(members, key->key())) return PolicyMalformed("the same public key is listed twice");
    if (members.size() == kMaxPolicyNames) return PolicyMalformed("too many logs or witnesses");
    members.push_back({*std::move(key), items.size() > 1 ? std::string(items[1]) : std::string()});
    return absl::OkStatus();
  }

  absl::Status CheckNewName(std::string_view name) const {
    if (name == kNone) return PolicyMalformed("the name none is taken");
    if (Find(name)) return PolicyMalformed("a name is defined twice");
    if (policy_.nodes_.size() == kMaxPolicyNames) return PolicyMalformed("too many witnesses and groups");
    return absl::OkStatus();
  }

  void AddNode(Policy::Node node) {
    policy_.nodes_.push_back(std::move(node));
    grouped_.push_back(false);
  }

  [[nodiscard]] std::optional<size_t> Find(std::string_view name) const {
    for (size_t i = 0; i < policy_.nodes_.size(); ++i) {
      if (policy_.nodes_[i].name == name) return i;
    }
    return std::nullopt;
  }

  Policy policy_;
  std::vector<bool> grouped_;  // by position in nodes_: already a member of a group
  bool has_quorum_ = false;
};

absl::StatusOr<Policy> Policy::Parse(std::string_view text) {
  if (text.size() > kMaxPolicyBytes) return PolicyMalformed("policy is too long");
  if (!std::all_of(text.begin(), text.end(), IsAllowed)) return PolicyMalformed("policy holds control characters");
  PolicyParser parser;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string context = "line " + std::to_string(number);
    const auto line = TakeLine(text);
    if (!line) return Annotate(PolicyMalformed("does not end in a newline"), context);
    MEDFLYT_RETURN_IF_ERROR(Annotate(parser.ParseLine(*line), context));
  }
  return parser.Finish();
}

bool Policy::QuorumMet(const std::vector<bool>& cosigned) const {
  if (!quorum_) return true;
  std::vector<bool> met(nodes_.size(), false);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (node.witness) {
      met[i] = cosigned[*node.witness];
      continue;
    }
    const auto count = std::count_if(node.members.begin(), node.members.end(), [&](size_t m) { return met[m]; });
    met[i] = static_cast<size_t>(count) >= node.threshold;
  }
  return met[*quorum_];
}

absl::StatusOr<OpenedCheckpoint> Policy::Check(const SignedNote& note, std::span<const VerifierKey> known_logs) const {
  std::vector<VerifierKey> verifiers;
  verifiers.reserve(logs_.size() + known_logs.size() + witnesses_.size());
  for (const Member& log : logs_) verifiers.push_back(log.key);
  verifiers.insert(verifiers.end(), known_logs.begin(), known_logs.end());
  const size_t first_witness = verifiers.size();
  for (const Member& witness : witnesses_) verifiers.push_back(witness.key);
  MEDFLYT_ASSIGN_OR_RETURN(OpenedCheckpoint opened, OpenCheckpoint(note, verifiers));
  std::vector<bool> cosigned(witnesses_.size(), false);
  for (const VerifiedSignature& signature : opened.signatures) {
    if (signature.verifier >= first_witness) cosigned[signature.verifier - first_witness] = true;
  }
  if (!QuorumMet(cosigned)) {
    return RuleError(absl::StatusCode::kFailedPrecondition, "POLICY_QUORUM_NOT_MET", "note",
                     "too few witnesses of the policy cosigned the checkpoint");
  }
  return opened;
}

absl::StatusOr<OpenedCheckpoint> Policy::Check(std::string_view note_bytes,
                                               std::span<const VerifierKey> known_logs) const {
  MEDFLYT_ASSIGN_OR_RETURN(const SignedNote note, SignedNote::Parse(note_bytes));
  return Check(note, known_logs);
}

}  // namespace medflyt::tlog
