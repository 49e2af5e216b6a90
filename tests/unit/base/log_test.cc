#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace medflyt {
namespace {

TEST(StderrLogger, WritesOneLineAMessageInUtc) {
  ::testing::internal::CaptureStderr();
  MakeStderrLogger(Severity::kInfo)->Warning("peer_refused", "peer=101 rule=NUMBER_GAP");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z warning peer_refused "
                                      "peer=101 rule=NUMBER_GAP\n"));
}

TEST(StderrLogger, LeavesOutWhatIsBelowItsLevel) {
  ::testing::internal::CaptureStderr();
  const auto logger = MakeStderrLogger(Severity::kWarning);
  logger->Log(Severity::kDebug, "too_low", "");
  logger->Info("too_low");
  logger->Warning("high_enough");
  logger->Error("higher");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("too_low")));
  EXPECT_THAT(text, ::testing::HasSubstr("high_enough"));
  EXPECT_THAT(text, ::testing::HasSubstr("higher"));
}

TEST(StderrLogger, TextIsNeverAFormat) {
  ::testing::internal::CaptureStderr();
  MakeStderrLogger(Severity::kInfo)->Info("event", "a={} b={0} c=%s");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("event a={} b={0} c=%s\n"));
}

}  // namespace
}  // namespace medflyt
