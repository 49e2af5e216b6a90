#include "common/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace medflyt {
namespace {

spdlog::level::level_enum ToLevel(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return spdlog::level::debug;
    case Severity::kInfo:
      return spdlog::level::info;
    case Severity::kWarning:
      return spdlog::level::warn;
    case Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StderrLogger final : public Logger {
 public:
  explicit StderrLogger(Severity least) : logger_("medflyt", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(ToLevel(least));
    logger_.flush_on(spdlog::level::debug);
    logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  }
  void Log(Severity severity, std::string_view event, std::string_view details) override {
    logger_.log(ToLevel(severity), "{} {}", event, details);
  }

 private:
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<Logger> MakeStderrLogger(Severity least) { return std::make_unique<StderrLogger>(least); }

}  // namespace medflyt
