#include "server/domain/agreement.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>

namespace medflyt::domain {

AgreementState Agreement::state() const {
  if (last_day) return AgreementState::kTerminated;
  if (HighestInForce() != nullptr) return AgreementState::kInForce;
  return OpenProposal() != nullptr ? AgreementState::kProposed : AgreementState::kDeclined;
}

const AgreementVersion* Agreement::Find(uint32_t version) const {
  const auto found =
      std::find_if(versions.begin(), versions.end(), [&](const AgreementVersion& v) { return v.version == version; });
  return found == versions.end() ? nullptr : &*found;
}

const AgreementVersion* Agreement::OpenProposal() const {
  return !versions.empty() && versions.back().state == VersionState::kProposed ? &versions.back() : nullptr;
}

const AgreementVersion* Agreement::HighestInForce() const {
  const auto found = std::find_if(versions.rbegin(), versions.rend(),
                                  [](const AgreementVersion& v) { return v.state == VersionState::kInForce; });
  return found == versions.rend() ? nullptr : &*found;
}

namespace {

uint32_t Capacity(const Agreement& agreement, const AgreementVersion* also, Date date) {
  if (agreement.last_day && date > *agreement.last_day) return 0;
  for (auto version = agreement.versions.rbegin(); version != agreement.versions.rend(); ++version) {
    const bool counts = version->state == VersionState::kInForce || &*version == also;
    if (counts && version->terms.valid_from <= date && date <= version->terms.valid_to) return version->terms.capacity;
  }
  return 0;
}

}  // namespace

uint32_t Agreement::CapacityOn(Date date) const { return Capacity(*this, nullptr, date); }

std::vector<CapacitySegment> Agreement::Segments(const AgreementVersion* also) const {
  // Capacity changes only on these days.
  std::set<Date> bounds;
  for (const AgreementVersion& version : versions) {
    if (version.state != VersionState::kInForce && &version != also) continue;
    bounds.insert(version.terms.valid_from);
    bounds.insert(version.terms.valid_to + 1);
  }
  if (last_day) bounds.insert(*last_day + 1);
  std::vector<CapacitySegment> segments;
  for (auto bound = bounds.begin(); bound != bounds.end(); ++bound) {
    const auto next = std::next(bound);
    if (next == bounds.end()) break;  // nothing is in force after the last bound
    const uint32_t capacity = Capacity(*this, also, *bound);
    if (capacity == 0) continue;
    if (!segments.empty() && segments.back().capacity == capacity && segments.back().last + 1 == *bound) {
      segments.back().last = *next - 1;
    } else {
      segments.push_back({*bound, *next - 1, capacity});
    }
  }
  return segments;
}

std::optional<Date> RunEnd(const std::vector<CapacitySegment>& segments, Date date) {
  std::optional<Date> end;
  for (const CapacitySegment& segment : segments) {
    const bool begins = !end && segment.first <= date && date <= segment.last;
    const bool continues = end && segment.first == *end + 1;
    if (begins || continues) end = segment.last;
  }
  return end;
}

uint32_t LeastCapacityFrom(const std::vector<CapacitySegment>& segments, Date date) {
  const std::optional<Date> end = RunEnd(segments, date);
  if (!end) return 0;
  uint32_t least = std::numeric_limits<uint32_t>::max();
  for (const CapacitySegment& segment : segments) {
    if (segment.last >= date && segment.last <= *end) least = std::min(least, segment.capacity);
  }
  return least;
}

}  // namespace medflyt::domain
