#include "client/cli/told_basis.h"

#include <map>
#include <utility>

#include "common/directory/identity.h"
#include "common/event/catalogue.h"

namespace medflyt::cli {
namespace {

using Kind = ToldBasis::Kind;

// What a node states without an officer; of these alone it is true that they follow by rule where there is no ground,
// since an officer's act without one is refused.
bool MayFollowByRule(event::Type type) {
  using enum event::Type;
  switch (type) {
    case kEnrolmentPaused:
    case kEnrolmentResumed:
    case kEnrolmentEnded:
    case kEnrolmentTransferred:
    case kPlaceReserved:
    case kPlaceOccupied:
    case kPlaceReleased:
    case kPlaceWaitlisted:
    case kValueRectified:  // that is told on
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<ToldBasis> ToldBases(const v1::ReportCitizenResponse& report) {
  using Grounds = std::map<std::pair<std::string, uint32_t>, const v1::EventView*>;  // by case and recipient
  Grounds grounded;
  Grounds for_rectification;                             // of the one that stands behind it
  std::map<std::string, const v1::EventView*> assessed;  // by the relocation's case
  const auto basis_of = [&](const v1::EventView& row) -> ToldBasis {
    const v1::Content& content = row.content();
    const std::pair in(content.case_id(), content.recipient());
    if (content.has_value_rectified() || content.has_relocation_corrected()) {
      if (const auto own = for_rectification.extract(in)) {
        return {Kind::kGround, own.mapped()->content().disclosure_grounded().ground().legal_basis(), own.mapped()};
      }
    }
    if (const auto ground = grounded.find(in); ground != grounded.end()) {
      return {Kind::kGround, ground->second->content().disclosure_grounded().ground().legal_basis(), ground->second};
    }
    if (const auto move = assessed.find(content.case_id()); move != assessed.end()) {
      return {Kind::kGround, move->second->content().disclosure_assessed().ground().legal_basis(), move->second};
    }
    if (content.has_relocation_announced()) {
      return {Kind::kStated, content.relocation_announced().legal_basis(), nullptr};
    }
    const auto type = event::TypeByName(row.type());
    if (!type) return {Kind::kUnknown, "", nullptr};
    if (event::RightOf(*type).discloses.empty()) return {Kind::kDuty, "", nullptr};
    return {MayFollowByRule(*type) ? Kind::kByRule : Kind::kUnknown, "", nullptr};
  };

  std::vector<ToldBasis> bases;
  bases.reserve(static_cast<size_t>(report.events_size()));
  for (const v1::EventView& row : report.events()) {
    const v1::Content& content = row.content();
    const auto issuer = AuthorityId::FromNumber(content.issuer());
    const bool is_own = issuer && !issuer->is_zero() && issuer->ToString() == report.authority();
    const bool is_told = is_own && content.recipient() != content.issuer();
    bases.push_back(is_told ? basis_of(row) : ToldBasis());
    if (!is_own) continue;
    if (content.has_disclosure_grounded()) {
      Grounds& grounds = content.disclosure_grounded().for_rectification() ? for_rectification : grounded;
      grounds[{content.case_id(), content.disclosure_grounded().recipient()}] = &row;
    } else if (content.has_disclosure_assessed() && content.disclosure_assessed().disclose()) {
      assessed[content.case_id()] = &row;
    } else if (content.has_disclosure_assessed() || content.has_relocation_held()) {
      assessed.erase(content.case_id());
    }
  }
  return bases;
}

}  // namespace medflyt::cli
