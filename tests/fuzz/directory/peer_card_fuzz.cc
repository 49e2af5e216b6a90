// Peer cards. A mutated card would stop at its signature, so the target signs what it is given as a card's text, and
// reads it also as it is. What parses must be the one form of its content.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "common/directory/peer_card.h"
#include "common/tlog/note.h"
#include "tests/unit/directory/sample.h"

namespace {

using namespace medflyt;
using namespace medflyt::directory;

const tlog::NoteSigner& Signer() {
  static const auto& signer = *new tlog::NoteSigner(testing::NoteSignerOf("medflyt.example/35209115/1", 10));
  return signer;
}

// A well-formed text, so that mutation has something to begin with and the mutated lines meet a valid rest.
const std::string& SampleText() {
  static const auto& text = *new std::string([] {
    Authority odense = testing::Odense();
    Log& log = odense.logs.back();
    log.keys = {{testing::NoteSignerOf(log.origin, 50).verifier_key(), TreeSize(0), TreeSize(100)},
                {Signer().verifier_key(), TreeSize(100), std::nullopt, "what proves the handover"}};
    const auto card = WritePeerCard(odense, Date(2026, 11, 21), Signer());
    return tlog::SignedNote::Parse(*card)->text;
  }());
  return text;
}

void Check(const std::string& bytes) {
  const auto card = ParsePeerCard(bytes);
  if (!card.ok()) return;
  const auto directory = Directory::Create({card->authority});
  if (!directory.ok()) std::abort();
  if (card->authority.logs.back().keys.back().key != Signer().verifier_key()) return;
  const auto again = WritePeerCard(card->authority, card->issued, Signer());
  if (!again.ok() || tlog::SignedNote::Parse(*again)->text != card->text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string input(reinterpret_cast<const char*>(bytes), size);
  Check(input);
  const auto sign = [](const std::string& text) { return tlog::SignedNote{text, {Signer().Sign(text)}}.Serialize(); };
  Check(sign(input + "\n"));
  if (size < 3) return 0;
  // The rest of the input over the sample's lines from one offset, or between them.
  const size_t at = (static_cast<size_t>(bytes[0]) << 8 | bytes[1]) % SampleText().size();
  const std::string piece = input.substr(3);
  std::string text = SampleText();
  text.replace(at, bytes[2] % (text.size() - at), piece);
  Check(sign(text));
  return 0;
}
