// Keys of invented logs and witnesses.
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/note_key.h"

namespace medflyt::tlog {

inline crypto::Signer TestKey(char fill) { return crypto::Signer(*crypto::Key::FromBytes(std::string(32, fill))); }
inline NoteSigner TestLog(std::string_view name, char fill = 'L') { return *NoteSigner::Create(name, TestKey(fill)); }
inline Cosigner TestWitness(std::string_view name, char fill) { return *Cosigner::Create(name, TestKey(fill)); }

inline std::string RuleOf(const absl::Status& status) {
  const auto rule = BrokenRuleOf(status);
  return rule ? rule->rule : "";
}

}  // namespace medflyt::tlog
