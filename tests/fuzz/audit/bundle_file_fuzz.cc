// Files that claim to be audit bundles: what opens has one form for all but its members' content, and a log in it is
// verified without trouble, whatever it holds.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/audit/bundle_file.h"
#include "common/crypto/signer.h"

using namespace medflyt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int memory = memfd_create("bundle", MFD_CLOEXEC);
  if (memory < 0 || (size > 0 && write(memory, data, size) != static_cast<ssize_t>(size))) std::abort();
  const auto opened = audit::BundleFile::Open("/proc/self/fd/" + std::to_string(memory));
  close(memory);
  if (!opened.ok()) return 0;
  const auto first = audit::ReadOne(audit::BundleReader(*opened), std::string(audit::kBundleMember));
  if ((*opened)->size() == 0 || !first.ok() || !*first || size % 512 != 0) std::abort();
  static const auto signer =
      *tlog::NoteSigner::Create("o", crypto::Signer(*crypto::Key::FromBytes(std::string(32, 'k'))));
  audit::Trust trust;
  trust.keys = {{signer.verifier_key(), TreeSize(0), std::nullopt}};
  audit::Work work;
  work.beside = true;
  const auto report = audit::VerifyLog(audit::BundleReader(*opened), trust, work);
  if (!report.ok()) std::abort();
  // The key has signed trees of one leaf only, so nothing else can hold.
  if (report->verified() && report->size != TreeSize(1)) std::abort();
  return 0;
}
