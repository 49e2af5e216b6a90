#include "common/crypto/secret.h"

#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/base/mutex.h"
#include "common/crypto/sodium_ready.h"

namespace medflyt::crypto {
namespace {

// One size of slot serves keys and expanded signing keys, and gives each its own cache line.
constexpr size_t kSlotSize = 64;
static_assert(kMaxSecretSize == kSlotSize);

constexpr size_t kDefaultArenaBytes = size_t{256} * 1024;
constexpr size_t kGrowthBytes = size_t{64} * 1024;

// Slots carved from whole pages. The free list lives outside the pages: these are wiped in a forked child. Pages are
// never given back. Thread-safe.
class Arena {
 public:
  // Makes the first region if there is none. Whether that region is locked.
  bool Prepare(size_t bytes) MEDFLYT_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return PrepareLocked(bytes);
  }

  uint8_t* Take() MEDFLYT_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    PrepareLocked(kDefaultArenaBytes);
    // Past the first region locking is a best effort, as InitSecretMemory says.
    if (free_.empty()) AddRegion(kGrowthBytes);
    uint8_t* slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void Return(uint8_t* slot) MEDFLYT_EXCLUDES(mutex_) {
    sodium_memzero(slot, kSlotSize);
    MutexLock lock(mutex_);
    free_.push_back(slot);
  }

 private:
  bool PrepareLocked(size_t bytes) MEDFLYT_REQUIRES(mutex_) {
    if (!prepared_) {
      RequireSodium();
      first_region_locked_ = AddRegion(bytes);
      prepared_ = true;
    }
    return first_region_locked_;
  }

  // Whether the new region could be locked.
  bool AddRegion(size_t bytes) MEDFLYT_REQUIRES(mutex_) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t pages = bytes == 0 ? 1 : (bytes + page - 1) / page;
    const size_t size = pages * page;
    // A page without access on either side catches an overrun from, or into, the secrets.
    void* mapped = mmap(nullptr, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) std::abort();  // out of memory, where operator new would end the process too
    uint8_t* const begin = static_cast<uint8_t*>(mapped) + page;
    if (mprotect(begin, size, PROT_READ | PROT_WRITE) != 0) std::abort();
    // Advice that an old kernel refuses costs protection in depth only.
    (void)madvise(begin, size, MADV_DONTDUMP);
    (void)madvise(begin, size, MADV_WIPEONFORK);
    const bool locked = sodium_mlock(begin, size) == 0;
    // Room for every slot, so that giving one back never allocates.
    slots_ += size / kSlotSize;
    free_.reserve(slots_);
    for (size_t offset = size; offset > 0; offset -= kSlotSize) free_.push_back(begin + offset - kSlotSize);
    return locked;
  }

  Mutex mutex_;
  std::vector<uint8_t*> free_ MEDFLYT_GUARDED_BY(mutex_);
  size_t slots_ MEDFLYT_GUARDED_BY(mutex_) = 0;
  bool prepared_ MEDFLYT_GUARDED_BY(mutex_) = false;
  bool first_region_locked_ MEDFLYT_GUARDED_BY(mutex_) = false;
};

// The one state that is the process's and not a node's, because memory is locked by process. Never destroyed: keys
// may go after static destructors have begun.
Arena& ProcessArena() {
  static Arena* const arena = new Arena;
  return *arena;
}

}  // namespace

void RequireSodium() {
  // Ids and nonces are drawn for every event: a system call for each would cost more than sealing does. This one draws
  // from the system once a thread and goes on with ChaCha20, erasing its key as it goes.
  static const bool ready =
      randombytes_set_implementation(&randombytes_internal_implementation) == 0 && sodium_init() >= 0;
  if (!ready) std::abort();
}

absl::Status InitSecretMemory(size_t arena_bytes) {
  if (ProcessArena().Prepare(arena_bytes)) return absl::OkStatus();
  return absl::ResourceExhaustedError("the memory for secrets cannot be locked; raise RLIMIT_MEMLOCK (LimitMEMLOCK=)");
}

std::shared_ptr<uint8_t> NewSecret(size_t size) {
  if (size > kMaxSecretSize) std::abort();
  return {ProcessArena().Take(), [](uint8_t* slot) { ProcessArena().Return(slot); }};
}

Key Key::Random() {
  return Make([](uint8_t* out) { randombytes_buf(out, kSize); });
}

std::optional<Key> Key::FromBytes(std::string_view bytes) {
  if (bytes.size() != kSize) return std::nullopt;
  return Make([bytes](uint8_t* out) { std::memcpy(out, bytes.data(), kSize); });
}

bool operator==(const Key& a, const Key& b) { return sodium_memcmp(a.Expose(), b.Expose(), Key::kSize) == 0; }

void Wipe(std::string& bytes) {
  bytes.resize(bytes.capacity());  // what an earlier, longer value left behind goes too
  sodium_memzero(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace medflyt::crypto
