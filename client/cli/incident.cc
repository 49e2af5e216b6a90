#include "client/cli/incident.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

#include "client/cli/call.h"
#include "common/base/date.h"
#include "google/protobuf/util/time_util.h"

namespace medflyt::cli {
namespace {

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixMicros(google::protobuf::util::TimeUtil::TimestampToMicroseconds(time));
}

void AddTo(Incident::Touched& sum, const Incident::Touched& more) {
  for (const auto& [kind, count] : more.touches) sum.touches[kind] += count;
  sum.first = std::min(sum.first, more.first);
  sum.last = std::max(sum.last, more.last);
}

}  // namespace

void Incident::Add(const v1::ReportIncidentResponse& page) {
  for (const v1::TouchedCase& each : page.cases()) {
    Touched more{each.cpr(), {}, {}, TimeOf(each.first()), TimeOf(each.last())};
    for (const v1::Touches& touches : each.touches()) more.touches[touches.kind()] += touches.count();
    Touched& sum = cases_[each.case_id()];
    AddTo(sum, more);
    if (!each.cpr().empty()) sum.cpr = each.cpr();
  }
  open_ended_.insert(open_ended_.end(), page.open_ended().begin(), page.open_ended().end());
  entries_ += page.entries();
  caseless_ += page.caseless();
  erased_ += page.erased();
}

std::vector<Incident::Touched> Incident::ByCitizen() const {
  std::map<std::string, Touched> citizens;
  std::vector<Touched> unheld;
  for (const auto& [id, touched] : cases_) {
    Touched& sum = touched.cpr.empty() ? unheld.emplace_back() : citizens[touched.cpr];
    sum.cpr = touched.cpr;
    sum.case_ids.push_back(id);
    AddTo(sum, touched);
  }
  std::vector<Touched> all;
  for (auto& [cpr, touched] : citizens) all.push_back(std::move(touched));
  std::move(unheld.begin(), unheld.end(), std::back_inserter(all));
  return all;
}

Value::Object TouchesOf(const Incident::Touched& touched) {
  Value::Object touches;
  for (const auto& [kind, count] : touched.touches) {
    touches.push_back({Shown(v1::TouchKind_Name(kind), "TOUCH_KIND_"), count});
  }
  return touches;
}

std::string IncidentJson(const std::vector<Incident::Touched>& touched) {
  Value::Array citizens;
  for (const Incident::Touched& each : touched) {
    citizens.emplace_back(Value::Object{{"cpr", OrNone(each.cpr)},
                                        {"case_ids", Value::Array(each.case_ids.begin(), each.case_ids.end())},
                                        {"touches", TouchesOf(each)},
                                        {"first", FormatUtc(each.first)},
                                        {"last", FormatUtc(each.last)}});
  }
  std::ostringstream out;
  Value(Value::Object{{"touched", std::move(citizens)}}).WriteJson(out);
  out << "\n";
  return out.str();
}

}  // namespace medflyt::cli
