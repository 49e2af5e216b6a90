// .tlog-proof files: one spelling each, and none verifies without a known key.
#include <array>
#include <string>

#include "common/tlog/tlog_proof.h"
#include "tests/fuzz/tlog/require.h"

using namespace medflyt;
using namespace medflyt::tlog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::array<VerifierKey, 1> unused = {
      NoteSigner::Create("unused.example", crypto::Signer(crypto::Key::Random()))->verifier_key()};
  const std::string_view input = Input(data, size);
  const auto proof = TlogProof::Parse(input);
  if (!proof.ok()) return 0;
  Require(proof->Serialize() == input);
  Require(proof->hashes.size() <= kMaxTlogProofHashes);
  Require(!VerifyTlogProof(*proof, merkle::LeafHash("entry"), unused).ok());
  return 0;
}
