// Events of every type with generated values, all invented. `draw(least, most)` gives a number between both, so that a
// property test, a fuzzer or a plain seed can be behind it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/event/event.h"

namespace medflyt::testing {

class EventMaker {
 public:
  using Draw = std::function<uint64_t(uint64_t least, uint64_t most)>;

  explicit EventMaker(Draw draw) : draw_(std::move(draw)) {}

  event::Event Any(event::Type type) {
    event::Header header{.id = Id<EventId>(),
                         .issuer = Authority(),
                         .recipient = Authority(),
                         .case_id = Id<CaseId>(),
                         .number = PairNumber(draw_(1, ~uint64_t{0})),
                         .recorded_at = Time(),
                         .officer = Text(0, 128)};
    return {.header = std::move(header), .body = AnyBody(type)};
  }

  bool Bool() { return draw_(0, 1) == 1; }
  std::vector<event::HoldReason> HoldReasons() {
    std::vector<event::HoldReason> reasons;
    for (uint8_t reason = 1; reason <= static_cast<uint8_t>(event::HoldReason::kOfficer); ++reason) {
      if (Bool()) reasons.push_back(static_cast<event::HoldReason>(reason));
    }
    return reasons;
  }
  uint32_t Number(uint32_t least, uint32_t most) { return static_cast<uint32_t>(draw_(least, most)); }
  template <typename T>
  T Id() {
    T id;
    for (size_t i = 0; i < T::kSize; ++i) id.data()[i] = static_cast<uint8_t>(draw_(i == 0 ? 1 : 0, 255));
    return id;
  }
  template <typename T>
  std::optional<T> MaybeId() {
    if (!Bool()) return std::nullopt;
    return Id<T>();
  }
  // Ascending, each once; `least` to four of them.
  template <typename T>
  std::vector<T> Ids(uint64_t least) {
    std::set<T> ids;
    for (uint64_t count = draw_(least, 4); count > 0; --count) ids.insert(Id<T>());
    return {ids.begin(), ids.end()};
  }
  Date Day() { return Date(1800, 1, 1) + static_cast<int64_t>(draw_(0, 2'994'989)); }  // to 9999-12-31
  std::optional<Date> MaybeDay() {
    if (!Bool()) return std::nullopt;
    return Day();
  }
  absl::Time Time() { return absl::FromUnixMicros(static_cast<int64_t>(draw_(0, 253'402'300'799'999'999))); }
  AuthorityId Authority() { return *AuthorityId::FromNumber(Number(1, 99'999'999)); }
  MunicipalityCode Municipality(uint32_t least = 1) { return *MunicipalityCode::FromNumber(Number(least, 9999)); }
  registry::CprNumber Cpr() {
    const std::string day = TwoDigits(Number(1, 28) + (Bool() ? 60U : 0U));
    return *registry::CprNumber::Parse(day + TwoDigits(Number(1, 12)) + TwoDigits(Number(0, 99)) +
                                       TwoDigits(Number(0, 99)) + TwoDigits(Number(0, 99)));
  }
  // ASCII and Danish letters; `least` and `most` are bytes.
  std::string Text(size_t least, size_t most) {
    const size_t size = draw_(least, std::min(most, least + 40));
    std::string text;
    while (text.size() < size) {
      if (size - text.size() >= 2 && draw_(0, 9) == 0) {
        text += "å";
      } else {
        text += static_cast<char>(draw_(' ', '~'));
      }
    }
    return text;
  }
  std::string Rule() {
    static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    std::string rule;
    for (uint64_t size = draw_(1, 64); size > 0; --size) rule += kLetters[draw_(0, kLetters.size() - 1)];
    return rule;
  }
  template <typename E>
  E Enum(E last) {
    return static_cast<E>(draw_(1, static_cast<uint64_t>(last)));
  }
  event::AgreementTerms Terms() {
    return {.capacity = Number(1, 100'000),
            .price_ore = static_cast<int64_t>(draw_(0, 1'000'000'000'000)),
            .price_unit = Enum(event::PriceUnit::kPerDay),
            .valid_from = Day(),
            .valid_to = Day(),
            .notice_days = Number(0, 3660),
            .settlement_months = Number(1, 120),
            .legal_basis = Text(1, 64),
            .council_case = Text(1, 64)};
  }
  event::AnnouncementRef Ref() {
    return {.origin = Text(1, 255), .index = LeafIndex(draw_(0, ~uint64_t{0})), .leaf_hash = Id<event::Hash>()};
  }

  event::DisclosureGround Ground() {
    event::DisclosureGround ground{Text(0, 64), Text(0, 1000) + "\n" + Text(0, 900), Text(0, 64), {}};
    for (const auto category :
         {event::DataCategory::kIdentity, event::DataCategory::kService, event::DataCategory::kResidence}) {
      if (Bool()) ground.categories.push_back(category);
    }
    return ground;
  }
  event::ValueRectified Rectified() {
    event::Rectification right;
    switch (draw_(0, 3)) {
      case 0:
        right.start = Day();
        break;
      case 1:
        right.end = Day();
        break;
      case 2:
        right.end_reason = Enum(event::EndReason::kOther);
        break;
      default:
        right.cpr = Cpr();
        return {right, Cpr()};
    }
    return {right, std::nullopt};
  }

  event::Body AnyBody(event::Type type) {
    using namespace event;  // NOLINT(google-build-using-namespace): every body by its name
    switch (type) {
      case Type::kAgreementProposed:
        return AgreementProposed{Number(1, ~0U), Authority(), Authority(), Terms()};
      case Type::kAgreementAccepted:
        return AgreementAccepted{Number(1, ~0U)};
      case Type::kAgreementDeclined:
        return AgreementDeclined{Number(1, ~0U)};
      case Type::kAgreementTerminated:
        return AgreementTerminated{Day()};
      case Type::kEnrolmentProposed:
        return EnrolmentProposed{Cpr(), MaybeId<CaseId>(), Day()};
      case Type::kEnrolmentStarted:
        return EnrolmentStarted{Day()};
      case Type::kEnrolmentPaused:
        return EnrolmentPaused{Day()};
      case Type::kEnrolmentResumed:
        return EnrolmentResumed{Day()};
      case Type::kEnrolmentEnded:
        return EnrolmentEnded{Day(), Enum(EndReason::kOther)};
      case Type::kEnrolmentRefused:
        return EnrolmentRefused{Rule()};
      case Type::kEnrolmentTransferred:
        return EnrolmentTransferred{Enum(EnrolmentTransferred::Kind::kReversed), Day()};
      case Type::kEndReasonRecorded:
        return EndReasonRecorded{Enum(EndReason::kError)};
      case Type::kExtractImported:
        return ExtractImported{Id<Hash>(), Day(), MaybeDay(), draw_(0, ~uint64_t{0}), draw_(0, 1'000), draw_(0, 1'000)};
      case Type::kRelocationObserved: {
        RelocationObserved observed{Id<CaseId>(),      Enum(ObservationKind::kRenumbered),
                                    Municipality(),    Municipality(),
                                    MaybeDay(),        Bool(),
                                    MaybeId<CaseId>(), {}};
        if (observed.kind == ObservationKind::kMoved) observed.hold_reasons = HoldReasons();
        return observed;
      }
      case Type::kRelocationHeld: {
        RelocationHeld held{HoldReasons()};
        if (held.reasons.empty()) held.reasons.push_back(HoldReason::kOfficer);
        return held;
      }
      case Type::kHoldReleaseRequested:
        return HoldReleaseRequested{};
      case Type::kHoldReleased:
        return HoldReleased{Text(1, 128)};
      case Type::kRelocationExpired:
        return RelocationExpired{};
      case Type::kDisclosureAssessed:
        return DisclosureAssessed{Bool(), Ground(), MaybeDay()};
      case Type::kRelocationAnnounced:
        return RelocationAnnounced{Cpr(), Authority(), Municipality(), Municipality(), Day(), Text(1, 64)};
      case Type::kRelocationCorrected:
        return RelocationCorrected{MaybeId<Hash>(), Day()};
      case Type::kRelocationAnnulled:
        return RelocationAnnulled{MaybeId<Hash>()};
      case Type::kRelocationAcknowledged:
        return RelocationAcknowledged{Id<Hash>()};
      case Type::kRelocationDeclined:
        return RelocationDeclined{Id<Hash>()};
      case Type::kResponsibilityEnded:
        return ResponsibilityEnded{Day(), Enum(ResponsibilityEndReason::kOther), MaybeId<Hash>()};
      case Type::kResponsibilityRestored:
        return ResponsibilityRestored{Id<EventId>()};
      case Type::kCitizenRenumbered:
        return CitizenRenumbered{Cpr()};
      case Type::kTransferRequested:
        return TransferRequested{Cpr(), MaybeId<CaseId>(), Ref(), Day()};
      case Type::kTransferWithdrawn:
        return TransferWithdrawn{};
      case Type::kTransferRefused:
        return TransferRefused{Rule()};
      case Type::kAnnouncementVerified:
        return AnnouncementVerified{Ref(), Authority(), Authority(), Authority(), Bool(), Day()};
      case Type::kPlaceReserved:
        return PlaceReserved{Id<CaseId>(), Number(1, 100'000), Day(), Day()};
      case Type::kPlaceOccupied:
        return PlaceOccupied{Id<CaseId>(), Number(1, 100'000), Day()};
      case Type::kPlaceReleased:
        return PlaceReleased{Id<CaseId>(), Number(1, 100'000), Day(), Enum(ReleaseReason::kRefused)};
      case Type::kPlaceWaitlisted:
        return PlaceWaitlisted{Id<CaseId>(), Day(), Bool()};
      case Type::kAccessRecorded: {
        AccessRecorded access{Enum(AccessKind::kProof), Text(1, 64), Text(0, 256), {}};
        for (uint64_t cases = draw_(0, 4); cases > 0; --cases) access.cases.push_back(Id<CaseId>());
        return access;
      }
      case Type::kErasureRequested:
        return ErasureRequested{Ids<CaseId>(1), Text(1, 64), Text(1, 64), Id<Hash>()};
      case Type::kCasesErased:
        return CasesErased{Ids<CaseId>(1), Text(1, 64), MaybeId<Hash>()};
      case Type::kErasureNoticed:
        return ErasureNoticed{Ids<CaseId>(1), Text(1, 64), Ids<Hash>(0), Ids<Hash>(0), Number(0, ~uint32_t{0})};
      case Type::kErasureReceipt:
        return ErasureReceipt{};
      case Type::kDisclosureGrounded:
        return DisclosureGrounded{Authority(), Ground(), Bool()};
      case Type::kValueRectified:
        return Rectified();
      case Type::kEventDisputed:
        return EventDisputed{Id<EventId>(), Enum(DisputeGround::kNotOurCitizen)};
      case Type::kFlagSet:
        return FlagSet{Enum(ProtectionFlag::kSafetyPackage)};
      case Type::kFlagClearRequested:
        return FlagClearRequested{Enum(ProtectionFlag::kSafetyPackage)};
      case Type::kFlagCleared:
        return FlagCleared{Enum(ProtectionFlag::kSafetyPackage), Text(1, 128)};
    }
    return HoldReleaseRequested{};
  }

 private:
  static std::string TwoDigits(uint32_t number) { return std::string(number < 10 ? "0" : "") + std::to_string(number); }

  Draw draw_;
};

}  // namespace medflyt::testing
