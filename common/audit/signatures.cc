#include "common/audit/signatures.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/tlog/cosignature.h"

namespace medflyt::audit {
namespace {

void Refuse(FindingCode code, std::string detail, Report& report) {
  Note(report.findings, code, "checkpoint", std::nullopt, std::move(detail));
}

std::vector<tlog::VerifierKey> AllKeys(std::span<const directory::LogKey> keys) {
  std::vector<tlog::VerifierKey> all;
  for (const directory::LogKey& key : keys) all.push_back(key.key);
  return all;
}

// False where a known witness's signature does not hold.
bool CheckCosignatures(const tlog::SignedNote& note, const tlog::Policy& policy, Report& report) {
  bool hold = true;
  for (const tlog::Policy::Member& witness : policy.witnesses()) {
    for (const tlog::NoteSignature& signature : note.signatures) {
      if (!witness.key.Made(signature)) continue;
      const auto at = tlog::VerifyCosignature(witness.key, note.text, signature);
      if (at) {
        report.cosigned.push_back({witness.key.name(), *at});
      } else {
        hold = false;
        Refuse(FindingCode::kCosignatureInvalid, witness.key.name(), report);
      }
    }
  }
  return hold;
}

uint64_t CountUnknown(const tlog::SignedNote& note, std::span<const directory::LogKey> keys,
                      const tlog::Policy* policy) {
  const auto made = [](const auto& known, const tlog::NoteSignature& signature) {
    return std::any_of(known.begin(), known.end(), [&](const auto& each) { return each.key.Made(signature); });
  };
  return static_cast<uint64_t>(
      std::count_if(note.signatures.begin(), note.signatures.end(), [&](const tlog::NoteSignature& signature) {
        return !made(keys, signature) &&
               (policy == nullptr || (!made(policy->witnesses(), signature) && !made(policy->logs(), signature)));
      }));
}

}  // namespace

std::vector<tlog::VerifierKey> KeysFor(std::span<const directory::LogKey> keys, TreeSize size) {
  std::vector<tlog::VerifierKey> valid;
  for (const directory::LogKey& key : keys) {
    if (key.from <= size && (!key.until || size < *key.until)) valid.push_back(key.key);
  }
  return valid;
}

std::vector<tlog::VerifierKey> KeysOf(std::string_view origin, std::vector<tlog::VerifierKey> keys) {
  std::erase_if(keys, [origin](const tlog::VerifierKey& key) { return key.name() != origin; });
  return keys;
}

std::optional<tlog::OpenedCheckpoint> CheckHead(std::string_view note, std::span<const directory::LogKey> keys,
                                                const tlog::Policy* policy, Report& report) {
  const auto parsed = tlog::SignedNote::Parse(note);
  const auto unverified = parsed.ok() ? tlog::Checkpoint::Parse(parsed->text) : parsed.status();
  if (!unverified.ok()) {
    Refuse(FindingCode::kCheckpointInvalid, "", report);
    return std::nullopt;
  }
  const std::vector<tlog::VerifierKey> valid = KeysFor(keys, unverified->size());
  auto opened = tlog::OpenCheckpoint(*parsed, valid);
  if (!opened.ok()) {
    const auto any = tlog::OpenCheckpoint(*parsed, AllKeys(keys));
    Refuse(any.ok() ? FindingCode::kKeyNotValidAtSize : FindingCode::kCheckpointInvalid, "", report);
    return std::nullopt;
  }
  report.unknown_signatures = CountUnknown(*parsed, keys, policy);
  if (policy != nullptr && CheckCosignatures(*parsed, *policy, report)) {
    const auto checked = policy->Check(*parsed, valid);
    report.quorum_met = checked.ok();
    if (checked.status().code() == absl::StatusCode::kFailedPrecondition) {
      Refuse(FindingCode::kQuorumNotMet, "", report);
    } else if (!checked.ok()) {
      Refuse(FindingCode::kCheckpointInvalid, "", report);
    }
  }
  return *std::move(opened);
}

}  // namespace medflyt::audit
