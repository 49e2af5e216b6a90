// Notes and keys: what parses is written back to the same bytes, and no stranger's note verifies.
#include <array>
#include <string>

#include "common/tlog/cosignature.h"
#include "common/tlog/note.h"
#include "tests/fuzz/tlog/require.h"

using namespace medflyt;
using namespace medflyt::tlog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::array<VerifierKey, 2> unused = {
      NoteSigner::Create("unused.example", crypto::Signer(crypto::Key::Random()))->verifier_key(),
      Cosigner::Create("unused.example", crypto::Signer(crypto::Key::Random()))->verifier_key()};
  const std::string_view input = Input(data, size);
  if (const auto note = SignedNote::Parse(input); note.ok()) {
    Require(note->Serialize() == input);
    Require(!note->signatures.empty() && note->text.ends_with('\n'));
    Require(!VerifyNote(*note, unused).ok());
  }
  if (const auto key = VerifierKey::Parse(input); key.ok()) Require(*VerifierKey::Parse(key->Format()) == *key);
  if (const auto signer = NoteSigner::Parse(input); signer.ok()) {
    Require(signer->verifier_key().Verify("text\n", signer->Sign("text\n")));
  }
  return 0;
}
