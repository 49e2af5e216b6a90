// The diagnostic log (not the audit log). What is logged never holds a CPR number, a key or an event's content:
// pass ids, counts, sizes, rules and peers only.
#pragma once

#include <memory>
#include <string_view>

namespace medflyt {

enum class Severity { kDebug, kInfo, kWarning, kError };

// Thread-safe. Passed to whoever logs; there is no global one.
class Logger {
 public:
  virtual ~Logger() = default;
  // `event` is a short stable name in snake_case; `details` is "key=value key=value".
  virtual void Log(Severity severity, std::string_view event, std::string_view details) = 0;

  void Info(std::string_view event, std::string_view details = {}) { Log(Severity::kInfo, event, details); }
  void Warning(std::string_view event, std::string_view details = {}) { Log(Severity::kWarning, event, details); }
  void Error(std::string_view event, std::string_view details = {}) { Log(Severity::kError, event, details); }
};

// One line a message on standard error, with UTC time, as journald wants it.
[[nodiscard]] std::unique_ptr<Logger> MakeStderrLogger(Severity least);

class NullLogger final : public Logger {
 public:
  void Log(Severity, std::string_view, std::string_view) override {}
};

}  // namespace medflyt
