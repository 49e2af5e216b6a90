#include "common/crypto/secret.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "common/crypto/signer.h"

namespace medflyt::crypto {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<Key>);
static_assert(!std::is_convertible_v<Key, std::string> && !std::is_convertible_v<Key, std::string_view>);

std::string Pattern(size_t i) {
  std::string bytes(Key::kSize, '\0');
  for (size_t b = 0; b < bytes.size(); ++b) bytes[b] = static_cast<char>(i * 31 + b + (i >> 8) + 1);
  return bytes;
}

bool IsZero(const uint8_t* bytes, size_t size) {
  return std::all_of(bytes, bytes + size, [](uint8_t b) { return b == 0; });
}

// The "VmFlags:" of the mapping that holds the address (proc(5)).
std::string FlagsOfMapping(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) inside = begin <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

// Not so under the sanitizers, whose mlock does nothing and says that all is well.
bool LockingIsReal() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* mapped = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool real =
      mapped != MAP_FAILED && (mlock(mapped, page) != 0 || FlagsOfMapping(mapped).find(" lo ") != std::string::npos);
  munmap(mapped, page);
  return real;
}

TEST(Key, TakesThirtyTwoBytes) {
  EXPECT_EQ(Key::FromBytes(Pattern(1))->ExposeView(), Pattern(1));
  EXPECT_FALSE(Key::FromBytes("").has_value());
  EXPECT_FALSE(Key::FromBytes(Pattern(1).substr(1)).has_value());
  EXPECT_FALSE(Key::FromBytes(Pattern(1) + "x").has_value());
}

TEST(Key, EqualsByItsBytes) {
  const Key key = *Key::FromBytes(Pattern(1));
  EXPECT_TRUE(key == *Key::FromBytes(Pattern(1)));
  for (size_t i = 0; i < Key::kSize; ++i) {
    std::string other = Pattern(1);
    other[i] = static_cast<char>(other[i] ^ 0x10);
    EXPECT_FALSE(key == *Key::FromBytes(other)) << i;
  }
}

TEST(Key, RandomOnesDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(std::string(Key::Random().ExposeView()));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Key, IsWipedWithItsLastOwner) {
  const uint8_t* bytes = nullptr;
  {
    std::optional<Key> key = Key::FromBytes(Pattern(1));
    const Key copy = *key;
    bytes = copy.Expose();
    key.reset();
    EXPECT_EQ(copy.ExposeView(), Pattern(1)) << "a copy keeps the bytes";
  }
  // The arena's pages stay mapped.
  EXPECT_TRUE(IsZero(bytes, Key::kSize));
}

TEST(NewSecret, IsZeroAtFirstAndWipedAtLast) {
  const uint8_t* first = nullptr;
  {
    const std::shared_ptr<uint8_t> secret = NewSecret(kMaxSecretSize);
    EXPECT_TRUE(IsZero(secret.get(), kMaxSecretSize));
    std::fill_n(secret.get(), kMaxSecretSize, uint8_t{0xff});
    first = secret.get();
  }
  EXPECT_TRUE(IsZero(first, kMaxSecretSize));
}

TEST(SecretMemory, IsLockedAndInNoDumpAndNoChild) {
  const absl::Status prepared = InitSecretMemory(64 * 1024);
  const Key key = Key::Random();
  const std::string flags = FlagsOfMapping(key.Expose());
  ASSERT_NE(flags, "");
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  EXPECT_NE(flags.find(" wf "), std::string::npos) << flags;
  if (prepared.ok()) {
    if (!LockingIsReal()) GTEST_SKIP() << "memory is not really locked in this build";
    EXPECT_NE(flags.find(" lo "), std::string::npos) << flags;
  } else {
    EXPECT_EQ(prepared.code(), absl::StatusCode::kResourceExhausted);
  }
}

TEST(SecretMemory, ALaterCallDoesNothing) {
  const Key key = *Key::FromBytes(Pattern(1));
  const absl::Status first = InitSecretMemory(1 << 20);
  EXPECT_EQ(InitSecretMemory(size_t{1} << 40), first) << "not even what is too large is looked at";
  EXPECT_EQ(key.ExposeView(), Pattern(1));
}

// Several times what the arena holds: nothing fails, nothing overlaps.
TEST(SecretMemory, GoesOnWhenTheArenaIsFull) {
  constexpr size_t kMany = 20'000;
  std::vector<Key> keys;
  std::set<const uint8_t*> places;
  for (size_t i = 0; i < kMany; ++i) {
    keys.push_back(*Key::FromBytes(Pattern(i)));
    places.insert(keys.back().Expose());
  }
  EXPECT_EQ(places.size(), kMany);
  for (size_t i = 0; i < kMany; ++i) ASSERT_EQ(keys[i].ExposeView(), Pattern(i)) << i;
  // Those beyond the arena are wiped too.
  const uint8_t* last = keys.back().Expose();
  keys.clear();
  EXPECT_TRUE(IsZero(last, Key::kSize));
}

TEST(SecretMemory, IsUsedAgain) {
  std::set<const uint8_t*> places;
  for (size_t i = 0; i < 100'000; ++i) places.insert(Key::FromBytes(Pattern(i))->Expose());
  EXPECT_LT(places.size(), 10U);
}

TEST(SecretMemory, ServesManyThreads) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([t, &wrong] {
      std::vector<Key> held;
      for (size_t i = 0; i < 5000; ++i) {
        held.push_back(*Key::FromBytes(Pattern(i + t * 7919)));
        if (i % 3 == 0) {
          const size_t oldest = i - held.size() + 1;
          if (held.front().ExposeView() != Pattern(oldest + t * 7919)) ++wrong[t];
          held.erase(held.begin());
        }
      }
      for (size_t i = 0; i < held.size(); ++i) {
        if (held[i].ExposeView() != Pattern(i + 5000 - held.size() + t * 7919)) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(SecretMemory, AForkedChildReadsZerosAndMayMakeNewSecrets) {
  const Key key = *Key::FromBytes(Pattern(1));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool wiped = IsZero(key.Expose(), Key::kSize);
    const bool works = Key::FromBytes(Pattern(2))->ExposeView() == Pattern(2);
    _exit(wiped && works ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(key.ExposeView(), Pattern(1));
}

// In processes of their own, begun anew, because the arena is made once.
class SecretMemoryDeathTest : public ::testing::Test {
 protected:
  SecretMemoryDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(SecretMemoryDeathTest, SaysSoWhenItCannotBeLockedAndWorksAllTheSame) {
  if (!LockingIsReal()) GTEST_SKIP() << "memory is not really locked in this build";
  auto without_locked_memory = [] {
    const rlimit none{0, 0};
    // The superuser may lock whatever the limit.
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0)) _exit(2);
    const absl::Status first = InitSecretMemory(64 * 1024);
    const absl::Status again = InitSecretMemory(64 * 1024);
    const Key key = *Key::FromBytes(Pattern(1));
    const bool said = absl::IsResourceExhausted(first) && absl::IsResourceExhausted(again);
    _exit(said && key.ExposeView() == Pattern(1) ? 0 : 1);
  };
  EXPECT_EXIT(without_locked_memory(), ::testing::ExitedWithCode(0), "");
}

TEST_F(SecretMemoryDeathTest, OutlivesStaticObjects) {
  auto exit_with_a_key_in_a_static = [] {
    static const Key key = Key::Random();
    static const Signer signer(key);
    std::exit(signer.seed() == key ? 0 : 1);
  };
  EXPECT_EXIT(exit_with_a_key_in_a_static(), ::testing::ExitedWithCode(0), "");
}

TEST_F(SecretMemoryDeathTest, AnOverrunStopsTheProcess) {
  auto run_past_the_end = [] {
    (void)InitSecretMemory(4096);
    const Key key = Key::Random();
    volatile uint8_t* bytes = const_cast<uint8_t*>(key.Expose());
    for (size_t i = 0; i <= 2 * 65536; ++i) bytes[i] = 1;
  };
  EXPECT_DEATH(run_past_the_end(), "");
}

TEST(Wipe, OverwritesAndEmpties) {
  std::string bytes(100, 'x');
  const char* const place = bytes.data();
  Wipe(bytes);
  EXPECT_TRUE(bytes.empty());
  ASSERT_EQ(bytes.data(), place);
  bytes.resize(100, '\0');
  // resize wrote these; the ones beyond are what Wipe left.
  std::string longer(100, 'x');
  longer.resize(10);
  const char* const rest = longer.data();
  Wipe(longer);
  for (size_t i = 0; i < 100; ++i) EXPECT_NE(rest[i], 'x') << i;
  std::string empty;
  Wipe(empty);
  EXPECT_TRUE(empty.empty());
}

}  // namespace
}  // namespace medflyt::crypto
