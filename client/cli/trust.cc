#include "client/cli/trust.h"

#include <string>

#include "client/cli/exit_code.h"
#include "client/cli/input.h"
#include "common/base/status.h"
#include "common/directory/peer_card.h"

namespace medflyt::cli {

absl::StatusOr<CardFile> ReadCard(Context& context, const std::string& path) {
  MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, path));
  CardFile read;
  MEDFLYT_ASSIGN_OR_RETURN(read.bytes, file->ReadAll(directory::kMaxPeerCardBytes));
  auto card = directory::ParsePeerCard(read.bytes);
  if (!card.ok()) {
    const absl::Status status = Annotate(card.status(), path);
    const auto broken = BrokenRuleOf(status);
    return broken && broken->rule == "CARD_SIGNATURE_INVALID" ? VerificationFailed(status) : status;
  }
  read.card = *std::move(card);
  return read;
}

std::vector<Option> TrustOptions() {
  return {{.name = "--log-key",
           .value_name = "KEY",
           .help = "a log's public key, name+id+key; may be repeated",
           .repeated = true},
          {.name = "--card",
           .value_name = "FILE",
           .help = "a peer card whose log keys are believed; may be repeated",
           .kind = ValueKind::kFile,
           .repeated = true},
          {.name = "--policy",
           .value_name = "FILE",
           .help = "a C2SP tlog-policy: the witnesses who must have cosigned",
           .kind = ValueKind::kFile}};
}

absl::StatusOr<audit::Trust> TrustOf(Context& context, const Arguments& arguments) {
  audit::Trust trust;
  for (const std::string& text : arguments.All("--log-key")) {
    MEDFLYT_ASSIGN_OR_RETURN(tlog::VerifierKey key, tlog::VerifierKey::Parse(text));
    trust.keys.push_back({std::move(key), TreeSize(0), std::nullopt});
  }
  for (const std::string& path : arguments.All("--card")) {
    MEDFLYT_ASSIGN_OR_RETURN(const CardFile file, ReadCard(context, path));
    for (const directory::Log& log : file.card.authority.logs) {
      trust.keys.insert(trust.keys.end(), log.keys.begin(), log.keys.end());
      trust.owners.emplace(log.origin, file.card.authority.id);
    }
    trust.cards.push_back(file.card.authority);
  }
  if (const auto path = arguments.Find("--policy")) {
    MEDFLYT_ASSIGN_OR_RETURN(const auto file, InputFile::Open(context, *path));
    MEDFLYT_ASSIGN_OR_RETURN(const std::string text, file->ReadAll(tlog::kMaxPolicyBytes));
    auto policy = tlog::Policy::Parse(text);
    if (!policy.ok()) return Annotate(policy.status(), *path);
    trust.policy = *std::move(policy);
  }
  if (trust.keys.empty() && trust.policy) {
    for (const tlog::Policy::Member& log : trust.policy->logs()) {
      trust.keys.push_back({log.key, TreeSize(0), std::nullopt});
    }
  }
  return trust;
}

absl::Status CheckKeysNamed(const audit::Trust& trust) {
  if (!trust.keys.empty()) return absl::OkStatus();
  return UsageError("say whose signature is believed: --log-key, --card, or a --policy that names logs");
}

}  // namespace medflyt::cli
