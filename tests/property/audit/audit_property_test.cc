// Logs of any size, changed anywhere: a change is found, it is told where, and threads make no difference.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <iterator>
#include <optional>
#include <string>

#include "common/audit/verify.h"
#include "tests/unit/audit/tiled_log.h"

namespace medflyt::audit {
namespace {

using ::medflyt::testing::LogSigner;
using ::medflyt::testing::NumberedEntries;
using ::medflyt::testing::ReaderOf;
using ::medflyt::testing::TiledLog;

constexpr std::string_view kOrigin = "odense.example/log";

TiledLog AnyLog() { return {NumberedEntries(*rc::gen::inRange<size_t>(1, 1500)), LogSigner(kOrigin, 'a')}; }

Report Verify(const TiledLog::Files& files, std::vector<tlog::Checkpoint> kept = {}) {
  Trust trust;
  trust.keys = testing::Always({LogSigner(kOrigin, 'a').verifier_key()});
  trust.kept = std::move(kept);
  Work work;
  work.threads = *rc::gen::inRange(1U, 4U);
  const auto report = VerifyLog(ReaderOf(files), trust, work);
  RC_ASSERT(report.ok());
  return *report;
}

tlog::Checkpoint CheckpointOf(const TiledLog& log) { return *tlog::StatedCheckpoint(log.files().at("checkpoint")); }

RC_GTEST_PROP(AuditProperty, AnyChangedByteIsFoundInItsFile, ()) {
  const TiledLog log = AnyLog();
  TiledLog::Files files = log.files();
  auto file = std::next(files.begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(files)));
  const size_t at = *rc::gen::inRange<size_t>(0, file->second.size());
  file->second[at] = static_cast<char>(file->second[at] ^ *rc::gen::inRange(1, 256));
  const Report report = Verify(files);
  RC_ASSERT(report.findings.size() == 1U);
  RC_ASSERT(report.findings[0].path == file->first);
}

RC_GTEST_PROP(AuditProperty, AnyDroppedFileIsFound, ()) {
  TiledLog::Files files = AnyLog().files();
  const auto file = std::next(files.begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(files)));
  const std::string path = file->first;
  files.erase(file);
  const Report report = Verify(files);
  RC_ASSERT(!report.findings.empty());
  RC_ASSERT(report.findings[0].path == path);
}

RC_GTEST_PROP(AuditProperty, LogHoldsWithEveryEarlierCheckpointAndNoOther, ()) {
  const TiledLog log = AnyLog();
  const size_t earlier = *rc::gen::inRange<size_t>(1, log.entries().size() + 1);
  const TiledLog before({log.entries().begin(), log.entries().begin() + static_cast<std::ptrdiff_t>(earlier)},
                        LogSigner(kOrigin, 'a'));
  RC_ASSERT(Verify(log.files(), {CheckpointOf(before)}).verified());
  std::vector<std::string> entries = before.entries();
  entries[*rc::gen::inRange<size_t>(0, entries.size())] += "x";
  const Report report = Verify(log.files(), {CheckpointOf(TiledLog(entries, LogSigner(kOrigin, 'a')))});
  RC_ASSERT(report.findings.size() == 1U);
  RC_ASSERT(report.findings[0].code == FindingCode::kLogForked);
}

}  // namespace
}  // namespace medflyt::audit
