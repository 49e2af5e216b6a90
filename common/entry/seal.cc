#include "common/entry/seal.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"

namespace medflyt::entry {
namespace {

constexpr std::string_view kEventKeyLabel = "medflyt/v1/event-key";
// With the zero byte that ends it.
constexpr std::string_view kCommitmentLabel = {"medflyt/v1/key-commitment", sizeof("medflyt/v1/key-commitment")};
constexpr std::string_view kAssociatedDataLabel = "medflyt/v1";

constexpr size_t kLengthBytes = 4;

// The smallest class for content of this length, or nothing.
std::optional<size_t> ClassFor(size_t content) {
  for (size_t size : kSizeClasses) {
    if (content + kLengthBytes + crypto::kSealOverhead <= size) return size;
  }
  return std::nullopt;
}

void AppendVarint(std::string& out, size_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  out += static_cast<char>(value);
}
constexpr size_t VarintSize(size_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// Protobuf tags: field number << 3 | 2 (length-delimited).
constexpr char kSealedTag = 0x0A;
constexpr std::string_view kEventIdTag = "\x0A\x10";
constexpr std::string_view kNonceTag = "\x12\x18";
constexpr std::string_view kCommitmentTag = "\x1A\x20";
constexpr char kCiphertextTag = 0x22;

// Of the fields before the ciphertext.
constexpr size_t kClearFields = 2 + EventId::kSize + 2 + Nonce::kSize + 2 + Hash::kSize;

// Of the message inside the LogEntry, and of the whole entry.
constexpr size_t SealedSize(size_t cipher) { return kClearFields + 1 + VarintSize(cipher) + cipher; }
constexpr size_t EntrySize(size_t cipher) { return 1 + VarintSize(SealedSize(cipher)) + SealedSize(cipher); }
static_assert(EntrySize(kSizeClasses.back()) <= kMaxEntry);

std::string AssociatedData(std::string_view origin, const EventId& event_id, const Nonce& nonce,
                           const Hash& commitment) {
  std::string data;
  data.reserve(kAssociatedDataLabel.size() + origin.size() + kClearFields);
  // Unambiguous: what stands before and after the origin has a fixed length.
  data.append(kAssociatedDataLabel).append(origin);
  data.append(event_id.bytes()).append(nonce.bytes()).append(commitment.bytes());
  return data;
}

absl::Status Malformed(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "ENTRY_MALFORMED", "", message);
}
absl::Status BadPadding(std::string_view message) {
  return RuleError(absl::StatusCode::kInvalidArgument, "ENTRY_PADDING_INVALID", "", message);
}

bool TakeExactly(ByteReader& reader, std::string_view expected) {
  const auto taken = reader.Take(expected.size());
  return taken && *taken == expected;
}

}  // namespace

Key EventKeyOf(const Key& data_key, const EventId& event_id) {
  return crypto::DeriveKey(data_key, kEventKeyLabel, {event_id.bytes()});
}

Hash CommitmentOf(const Key& event_key) { return crypto::Sha256({kCommitmentLabel, event_key.ExposeView()}); }

absl::StatusOr<std::string> SealEntry(const EventId& event_id, const Nonce& nonce, std::string_view content,
                                      const Key& data_key, std::string_view origin) {
  const auto size_class = ClassFor(content.size());
  if (!size_class) {
    return RuleError(absl::StatusCode::kInvalidArgument, "CONTENT_TOO_LONG", "",
                     "content is longer than " + std::to_string(kMaxContent) + " bytes");
  }
  std::string plaintext;
  plaintext.reserve(*size_class);
  AppendU32(plaintext, static_cast<uint32_t>(content.size()));
  plaintext.append(content);
  plaintext.resize(*size_class - crypto::kSealOverhead, '\0');

  const Key event_key = EventKeyOf(data_key, event_id);
  const Hash commitment = CommitmentOf(event_key);
  std::string entry;
  entry.reserve(EntrySize(*size_class));
  entry += kSealedTag;
  AppendVarint(entry, SealedSize(*size_class));
  entry.append(kEventIdTag).append(event_id.bytes());
  entry.append(kNonceTag).append(nonce.bytes());
  entry.append(kCommitmentTag).append(commitment.bytes());
  entry += kCiphertextTag;
  AppendVarint(entry, *size_class);
  entry += crypto::Seal(event_key, nonce, AssociatedData(origin, event_id, nonce, commitment), plaintext);
  return entry;
}

absl::StatusOr<SealedView> ParseSealed(std::string_view entry) {
  // The size class follows from the entry's size, and all lengths from the class, so that nothing is left to interpret.
  const auto size_class = std::find_if(kSizeClasses.begin(), kSizeClasses.end(),
                                       [&entry](size_t size) { return EntrySize(size) == entry.size(); });
  if (size_class == kSizeClasses.end()) return Malformed("a sealed entry of no size class");
  ByteReader reader(entry);
  std::string before_id(1, kSealedTag);
  AppendVarint(before_id, SealedSize(*size_class));
  before_id += kEventIdTag;
  std::string before_ciphertext(1, kCiphertextTag);
  AppendVarint(before_ciphertext, *size_class);
  if (!TakeExactly(reader, before_id)) return Malformed("not a sealed entry");
  const auto event_id = EventId::FromBytes(reader.Take(EventId::kSize).value_or(""));
  if (!event_id || event_id->is_zero()) return Malformed("no event id");
  if (!TakeExactly(reader, kNonceTag)) return Malformed("no nonce");
  const auto nonce = Nonce::FromBytes(reader.Take(Nonce::kSize).value_or(""));
  if (!nonce || !TakeExactly(reader, kCommitmentTag)) return Malformed("no key commitment");
  const auto commitment = Hash::FromBytes(reader.Take(Hash::kSize).value_or(""));
  if (!commitment || !TakeExactly(reader, before_ciphertext)) return Malformed("no ciphertext");
  return SealedView{*event_id, *nonce, *commitment, reader.rest()};
}

absl::StatusOr<std::string> OpenWithEventKey(const SealedView& sealed, const Key& event_key, std::string_view origin) {
  // Before anything is decrypted: under another key the ciphertext might open too, to another content.
  if (CommitmentOf(event_key) != sealed.key_commitment) {
    return RuleError(absl::StatusCode::kDataLoss, "KEY_COMMITMENT_MISMATCH", "", "the entry was made with another key");
  }
  auto opened =
      crypto::Open(event_key, sealed.nonce,
                   AssociatedData(origin, sealed.event_id, sealed.nonce, sealed.key_commitment), sealed.ciphertext);
  if (!opened.ok()) {
    return RuleError(absl::StatusCode::kDataLoss, "ENTRY_SEAL_BROKEN", "", "the entry was altered or is another log's");
  }
  std::string plaintext = *std::move(opened);
  ByteReader reader(plaintext);
  const auto length = reader.U32();
  if (!length || *length > reader.rest().size()) return BadPadding("the content's length is out of bounds");
  if (ClassFor(*length) != sealed.ciphertext.size()) return BadPadding("not the smallest size class for its content");
  const std::string_view padding = reader.rest().substr(*length);
  if (padding.find_first_not_of('\0') != std::string_view::npos) return BadPadding("the padding is not zero");
  plaintext.resize(kLengthBytes + *length);
  plaintext.erase(0, kLengthBytes);
  return plaintext;
}

absl::StatusOr<std::string> OpenEntry(const SealedView& sealed, const Key& data_key, std::string_view origin) {
  return OpenWithEventKey(sealed, EventKeyOf(data_key, sealed.event_id), origin);
}

}  // namespace medflyt::entry
