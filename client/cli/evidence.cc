#include "client/cli/evidence.h"

#include "client/cli/exit_code.h"
#include "common/base/status.h"

namespace medflyt::cli {

absl::Status Accuse(const CheckpointStore& store, const Clock& clock, std::string_view origin, std::string_view rule,
                    const std::vector<EvidenceFile>& files, std::string message) {
  message += KeptWhere(store, clock, origin, rule, files);
  return VerificationFailed(RuleError(absl::StatusCode::kDataLoss, rule, "checkpoint", message));
}

std::string KeptWhere(const CheckpointStore& store, const Clock& clock, std::string_view origin, std::string_view what,
                      const std::vector<EvidenceFile>& files) {
  const auto folder = store.KeepEvidence(origin, what, clock.Now(), files);
  return folder.ok() ? "; the checkpoints are kept in " + *folder : "; the evidence could not be written";
}

}  // namespace medflyt::cli
