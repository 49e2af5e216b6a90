// Proofs of forks: what parses has one form only, and no text accuses a log whose key signed nothing.
#include <vector>

#include "common/tlog/fork_proof.h"
#include "common/tlog/leaf_fork_proof.h"
#include "tests/fuzz/tlog/require.h"

using namespace medflyt;
using namespace medflyt::tlog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<VerifierKey> strangers = {
      NoteSigner::Create("o", crypto::Signer(crypto::Key::Random()))->verifier_key()};
  const auto input = Input(data, size);
  if (const auto leaves = LeafForkProof::Parse(input); leaves.ok()) {
    Require(IsLeafForkProof(input) && leaves->Serialize() == input);
    Require(!VerifyLeafForkProof(*leaves, strangers, strangers).ok());
    Require(!ForkProof::Parse(input).ok());
    return 0;
  }
  const auto proof = ForkProof::Parse(input);
  if (!proof.ok()) return 0;
  Require(proof->Serialize() == input);
  Require(!VerifyForkProof(*proof, strangers).ok());
  return 0;
}
