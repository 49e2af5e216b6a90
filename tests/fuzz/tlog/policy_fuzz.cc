// Policies: parsing never goes astray, and a policy that names no key accepts nothing.
#include <string>

#include "common/tlog/cosignature.h"
#include "common/tlog/policy.h"
#include "tests/fuzz/tlog/require.h"

using namespace medflyt;
using namespace medflyt::tlog;

namespace {

// A note by a key that no input can name.
SignedNote StrangersNote() {
  const auto log = *NoteSigner::Create("o", crypto::Signer(crypto::Key::Random()));
  return SignCheckpoint(*Checkpoint::Create("o", TreeSize(1), merkle::LeafHash("x")), log);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SignedNote note = StrangersNote();
  const auto policy = Policy::Parse(Input(data, size));
  if (!policy.ok()) return 0;
  Require(policy->logs().size() <= kMaxPolicyNames && policy->witnesses().size() <= kMaxPolicyNames);
  Require(!policy->Check(note).ok());
  return 0;
}
