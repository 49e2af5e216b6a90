#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/rpc/credentials.h"
#include "grpc/support/log.h"

namespace medflyt::rpc {
namespace {

// gRPC's log function takes no context, so this one object is the process's. It is never destroyed: gRPC's threads log
// until the process is gone.
class Target {
 public:
  void Set(std::shared_ptr<Logger> logger) MEDFLYT_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    logger_ = std::move(logger);
  }
  [[nodiscard]] std::shared_ptr<Logger> Get() MEDFLYT_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return logger_;
  }

 private:
  Mutex mutex_;
  std::shared_ptr<Logger> logger_ MEDFLYT_GUARDED_BY(mutex_);
};

Target& TheTarget() {
  static Target& target = *new Target;
  return target;
}

void Write(gpr_log_func_args* args) {
  const std::shared_ptr<Logger> logger = TheTarget().Get();
  if (logger == nullptr) return;
  std::string_view file = args->file;
  file.remove_prefix(file.rfind('/') == std::string_view::npos ? 0 : file.rfind('/') + 1);
  const std::string details =
      absl::StrCat("at=", std::string(file), ":", args->line, " message=\"", absl::CEscape(args->message), "\"");
  const Severity severity = args->severity == GPR_LOG_SEVERITY_ERROR  ? Severity::kWarning
                            : args->severity == GPR_LOG_SEVERITY_INFO ? Severity::kInfo
                                                                      : Severity::kDebug;
  logger->Log(severity, "grpc", details);
}

}  // namespace

void RedirectGrpcLog(std::shared_ptr<Logger> logger) {
  TheTarget().Set(std::move(logger));
  gpr_set_log_function(&Write);
}

}  // namespace medflyt::rpc
