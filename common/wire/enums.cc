#include "common/wire/enums.h"

namespace medflyt::wire {
namespace {

// Each pair of values with one name; the last of each pins the count, as the numbers run without gaps.
template <typename Domain, typename Wire>
constexpr bool Same(Domain domain, Wire wire) {
  return static_cast<int>(domain) == static_cast<int>(wire);
}

static_assert(Same(event::PriceUnit::kPerPlace, v1::PRICE_UNIT_PER_PLACE));
static_assert(Same(event::PriceUnit::kPerDay, v1::PRICE_UNIT_PER_DAY));
static_assert(v1::PriceUnit_ARRAYSIZE == 3);

using event::EndReason;
static_assert(Same(EndReason::kJob, v1::END_REASON_JOB));
static_assert(Same(EndReason::kEducation, v1::END_REASON_EDUCATION));
static_assert(Same(EndReason::kRenounced, v1::END_REASON_RENOUNCED));
static_assert(Same(EndReason::kMoved, v1::END_REASON_MOVED));
static_assert(Same(EndReason::kDead, v1::END_REASON_DEAD));
static_assert(Same(EndReason::kOther, v1::END_REASON_OTHER));
static_assert(Same(EndReason::kStopped, v1::END_REASON_STOPPED));
static_assert(Same(EndReason::kExit, v1::END_REASON_EXIT));
static_assert(Same(EndReason::kPrison, v1::END_REASON_PRISON));
static_assert(Same(EndReason::kError, v1::END_REASON_ERROR));
static_assert(v1::EndReason_ARRAYSIZE == 11);

using TransferKind = event::EnrolmentTransferred::Kind;
static_assert(Same(TransferKind::kReceived, v1::ENROLMENT_TRANSFER_KIND_RECEIVED));
static_assert(Same(TransferKind::kLeft, v1::ENROLMENT_TRANSFER_KIND_LEFT));
static_assert(Same(TransferKind::kRestored, v1::ENROLMENT_TRANSFER_KIND_RESTORED));
static_assert(Same(TransferKind::kReversed, v1::ENROLMENT_TRANSFER_KIND_REVERSED));
static_assert(v1::EnrolmentTransferKind_ARRAYSIZE == 5);

using event::ObservationKind;
static_assert(Same(ObservationKind::kMoved, v1::OBSERVATION_KIND_MOVED));
static_assert(Same(ObservationKind::kEmigrated, v1::OBSERVATION_KIND_EMIGRATED));
static_assert(Same(ObservationKind::kDisappeared, v1::OBSERVATION_KIND_DISAPPEARED));
static_assert(Same(ObservationKind::kDead, v1::OBSERVATION_KIND_DEAD));
static_assert(Same(ObservationKind::kReversed, v1::OBSERVATION_KIND_REVERSED));
static_assert(Same(ObservationKind::kRenumbered, v1::OBSERVATION_KIND_RENUMBERED));
static_assert(v1::ObservationKind_ARRAYSIZE == 7);

using event::HoldReason;
static_assert(Same(HoldReason::kNameAndAddressProtection, v1::HOLD_REASON_NAME_AND_ADDRESS_PROTECTION));
static_assert(Same(HoldReason::kSpecialRoadCode, v1::HOLD_REASON_SPECIAL_ROAD_CODE));
static_assert(Same(HoldReason::kExitProgramme, v1::HOLD_REASON_EXIT_PROGRAMME));
static_assert(Same(HoldReason::kSafetyPackage, v1::HOLD_REASON_SAFETY_PACKAGE));
static_assert(Same(HoldReason::kOfficer, v1::HOLD_REASON_OFFICER));
static_assert(v1::HoldReason_ARRAYSIZE == 6);

using event::ProtectionFlag;
static_assert(Same(ProtectionFlag::kExitProgramme, v1::PROTECTION_FLAG_EXIT_PROGRAMME));
static_assert(Same(ProtectionFlag::kSafetyPackage, v1::PROTECTION_FLAG_SAFETY_PACKAGE));
static_assert(v1::ProtectionFlag_ARRAYSIZE == 3);

using event::ResponsibilityEndReason;
static_assert(Same(ResponsibilityEndReason::kMoved, v1::RESPONSIBILITY_END_REASON_MOVED));
static_assert(Same(ResponsibilityEndReason::kDead, v1::RESPONSIBILITY_END_REASON_DEAD));
static_assert(Same(ResponsibilityEndReason::kEmigrated, v1::RESPONSIBILITY_END_REASON_EMIGRATED));
static_assert(Same(ResponsibilityEndReason::kOther, v1::RESPONSIBILITY_END_REASON_OTHER));
static_assert(v1::ResponsibilityEndReason_ARRAYSIZE == 5);

using event::DisputeGround;
static_assert(Same(DisputeGround::kWrongValue, v1::DISPUTE_GROUND_WRONG_VALUE));
static_assert(Same(DisputeGround::kWrongDate, v1::DISPUTE_GROUND_WRONG_DATE));
static_assert(Same(DisputeGround::kWrongCitizen, v1::DISPUTE_GROUND_WRONG_CITIZEN));
static_assert(Same(DisputeGround::kNotOurCitizen, v1::DISPUTE_GROUND_NOT_OUR_CITIZEN));
static_assert(v1::DisputeGround_ARRAYSIZE == 5);

using event::ReleaseReason;
static_assert(Same(ReleaseReason::kEnded, v1::RELEASE_REASON_ENDED));
static_assert(Same(ReleaseReason::kTransferred, v1::RELEASE_REASON_TRANSFERRED));
static_assert(Same(ReleaseReason::kExpired, v1::RELEASE_REASON_EXPIRED));
static_assert(Same(ReleaseReason::kRetired, v1::RELEASE_REASON_RETIRED));
static_assert(Same(ReleaseReason::kReversed, v1::RELEASE_REASON_REVERSED));
static_assert(Same(ReleaseReason::kRefused, v1::RELEASE_REASON_REFUSED));
static_assert(v1::ReleaseReason_ARRAYSIZE == 7);

using event::DataCategory;
static_assert(Same(DataCategory::kIdentity, v1::DATA_CATEGORY_IDENTITY));
static_assert(Same(DataCategory::kService, v1::DATA_CATEGORY_SERVICE));
static_assert(Same(DataCategory::kResidence, v1::DATA_CATEGORY_RESIDENCE));
static_assert(v1::DataCategory_ARRAYSIZE == 4);

using event::AccessKind;
static_assert(Same(AccessKind::kRead, v1::ACCESS_KIND_READ));
static_assert(Same(AccessKind::kSearch, v1::ACCESS_KIND_SEARCH));
static_assert(Same(AccessKind::kWatch, v1::ACCESS_KIND_WATCH));
static_assert(Same(AccessKind::kProof, v1::ACCESS_KIND_PROOF));
static_assert(v1::AccessKind_ARRAYSIZE == 5);

}  // namespace

event::ProtectionFlag ReadFlag(FieldReader& r, int flag) {
  return r.Enum("flag", flag, ProtectionFlag::kSafetyPackage);
}

}  // namespace medflyt::wire
