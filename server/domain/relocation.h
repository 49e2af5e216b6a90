// A citizen's relocation: observed, assessed and announced by the municipality left; received by the one moved to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/registry/cpr_number.h"
#include "server/domain/ground.h"

namespace medflyt::domain {

enum class Direction : uint8_t {
  kOut = 1,  // observed here
  kIn = 2,   // announced to us
};

enum class RelocationState : uint8_t {
  kObserved = 1,  // nothing to disclose: emigrated, disappeared, dead, reversed, renumbered
  kHeld = 2,
  kInAssessment = 3,
  kDisclosed = 4,
  kNotDisclosed = 5,
  kAnnounced = 6,
  kAcknowledged = 7,
  kDeclined = 8,
  kExpired = 9,
  kCorrected = 10,
  kAnnulled = 11,
};

struct Announcement {
  AuthorityId issuer;
  AuthorityId recipient;
  event::AnnouncementRef ref;  // where it stands in the issuer's log
  AuthorityId provider;
  std::string legal_basis;
  Date on;  // day on which it was recorded

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.issuer, self.recipient, self.ref, self.provider, self.legal_basis, self.on);
  }
};

struct Relocation {
  CaseId id;
  Direction direction = Direction::kOut;
  RelocationState state = RelocationState::kObserved;
  event::ObservationKind kind = event::ObservationKind::kMoved;
  std::optional<CaseId> enrolment;         // kOut: the enrolment here
  std::optional<registry::CprNumber> cpr;  // that was announced
  MunicipalityCode from;
  MunicipalityCode to;                 // zero where kind is not kMoved
  std::optional<Date> effective_date;  // as observed, as assessed, as announced
  bool uncertain = false;
  std::optional<CaseId> concerns;               // kReversed: the relocation that is reversed
  Date on;                                      // day on which it was recorded here
  std::vector<event::HoldReason> hold_reasons;  // sorted; kept after the release, while it stands
  std::optional<std::string> release_officer;   // the first officer who asks for the release
  std::optional<ConfirmedGround> assessment;    // by an officer, that it is disclosed or not
  std::optional<Announcement> announcement;
  std::optional<crypto::Hash> release_certificate;  // by which the first officer asks for the release

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.direction, self.state, self.kind, self.enrolment, self.cpr, self.from, self.to,
          self.effective_date, self.uncertain, self.concerns, self.on, self.hold_reasons, self.release_officer,
          self.assessment, self.announcement);
    visit.Trailing(self.release_certificate);
  }
};

// Still says what it said: not expired and not taken back.
[[nodiscard]] inline bool Stands(const Relocation& relocation) {
  return relocation.state != RelocationState::kExpired && relocation.state != RelocationState::kCorrected &&
         relocation.state != RelocationState::kAnnulled;
}

// It was held, and may have been released since, for each of these reasons. Both are sorted.
[[nodiscard]] inline bool WasHeldFor(const Relocation& relocation, const std::vector<event::HoldReason>& reasons) {
  return std::includes(relocation.hold_reasons.begin(), relocation.hold_reasons.end(), reasons.begin(), reasons.end());
}

// Its hold went with the move, which was taken back or ran out, so that no two officers need have looked; they may
// release it still. What was corrected has a successor, which is held.
[[nodiscard]] inline bool WasWithdrawn(const Relocation& relocation) {
  return !relocation.announcement && !relocation.hold_reasons.empty() &&
         (relocation.state == RelocationState::kAnnulled || relocation.state == RelocationState::kExpired);
}

// An announcement to us with which a place may still be asked for.
[[nodiscard]] inline bool LeadsOn(const Relocation& relocation) {
  return relocation.direction == Direction::kIn &&
         (relocation.state == RelocationState::kAnnounced || relocation.state == RelocationState::kAcknowledged);
}

}  // namespace medflyt::domain
