#include "server/keys/access_period.h"

#include <string>
#include <string_view>

#include "common/base/absl_view.h"

namespace medflyt::keys {
namespace {

constexpr std::string_view kPrefix = "access-";
constexpr size_t kMonthSize = 7;  // "2026-11"

}  // namespace

CaseId AccessPeriodOf(absl::CivilMonth month) {
  std::string bytes(kPrefix);
  bytes.append(absl::FormatCivilTime(month));
  bytes.resize(CaseId::kSize, '\0');
  return *CaseId::FromBytes(bytes);
}

std::optional<absl::CivilMonth> MonthOfAccessPeriod(const CaseId& period) {
  absl::CivilMonth month;
  if (!absl::ParseCivilTime(ToAbsl(period.bytes().substr(kPrefix.size(), kMonthSize)), &month)) return std::nullopt;
  if (AccessPeriodOf(month) != period) return std::nullopt;
  return month;
}

}  // namespace medflyt::keys
