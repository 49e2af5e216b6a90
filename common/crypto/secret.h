// Secret bytes in locked memory, wiped when they go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace medflyt::crypto {

// Prepares libsodium and one locked arena of at least `arena_bytes` for secrets (`sodium_malloc` for each would cost
// a page and 27 µs). Call once at start, before any secret exists; later calls do nothing. RESOURCE_EXHAUSTED when
// the memory cannot be locked (RLIMIT_MEMLOCK): the caller decides whether that is fatal. Without the call the first
// secret makes an arena of 256 KiB. Each secret takes 64 bytes of it. When the arena is full, secrets come from more
// memory that is locked only where the limit allows. All of it is wiped when a secret goes, stays out of core dumps,
// and reads as zero in a forked child: load keys after the last fork.
[[nodiscard]] absl::Status InitSecretMemory(size_t arena_bytes);

inline constexpr size_t kMaxSecretSize = 64;
// `size` zero bytes, at most kMaxSecretSize, of that memory; wiped and given back with the last owner. For secrets
// that are no Key, such as the expanded form of one. Thread-safe.
[[nodiscard]] std::shared_ptr<uint8_t> NewSecret(size_t size);

// 32 secret bytes: a symmetric key, or the private half of a key pair. Cheap to move; copies share the same bytes.
// Never printed; compared in constant time. Thread-safe to read.
class Key {
 public:
  static constexpr size_t kSize = 32;

  // 32 random bytes (SystemRandom, seal.h).
  [[nodiscard]] static Key Random();
  // Nothing unless `bytes` has 32 bytes. The caller wipes its own copy (see Wipe).
  [[nodiscard]] static std::optional<Key> FromBytes(std::string_view bytes);
  // `fill(uint8_t* out)` writes the kSize bytes in place, so that no copy is left elsewhere.
  template <typename Fill>
  [[nodiscard]] static Key Make(Fill&& fill) {
    std::shared_ptr<uint8_t> bytes = NewSecret(kSize);
    std::forward<Fill>(fill)(bytes.get());
    return Key(std::move(bytes));
  }

  // The bytes themselves; each use is an exposure that a review looks at.
  [[nodiscard]] const uint8_t* Expose() const { return bytes_.get(); }
  [[nodiscard]] std::string_view ExposeView() const { return {reinterpret_cast<const char*>(bytes_.get()), kSize}; }

  friend bool operator==(const Key& a, const Key& b);

 private:
  explicit Key(std::shared_ptr<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  std::shared_ptr<uint8_t> bytes_;
};

// Overwrites the string's bytes, in a way the compiler may not remove, and empties it.
void Wipe(std::string& bytes);

}  // namespace medflyt::crypto
