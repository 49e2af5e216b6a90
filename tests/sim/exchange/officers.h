// Officers of three municipalities who do, at random, whatever the state before them lets them do.
#pragma once

#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "server/domain/query.h"
#include "tests/support/agreement_terms.h"
#include "tests/support/sim_world.h"

namespace medflyt::testing {

class Officers {
 public:
  explicit Officers(SimWorld& world) : world_(world), chance_(world.chance) {}

  // Agreements of Odense with both buyers, of one to three places.
  void Agree() {
    for (const AuthorityId buyer : {kNyborg, kKerteminde}) {
      const auto id = chance_.NewId<CaseId>();
      const auto places = 1 + static_cast<uint32_t>(chance_.Below(3));
      ASSERT_EQ(world_.Act(kOdense, event::ProposeAgreement{id, kOdense, buyer,
                                                            Terms(places, Date(2026, 1, 1), Date(2026, 12, 31))}),
                "OK");
      world_.RunFor(absl::Minutes(2));
      ASSERT_EQ(world_.Act(buyer, event::AcceptAgreement{id, 1}), "OK");
    }
  }

  // One officer somewhere looks and acts; many find nothing to do.
  void ActOnce() {
    static const AuthorityId kAll[] = {kOdense, kOdense, kNyborg, kKerteminde};
    SimNode& node = world_.node(kAll[chance_.Below(std::size(kAll))]);
    if (!node.up()) return;
    const uint64_t what = chance_.Below(100);
    node.Do([this, what](const log::Appender& appender) -> std::optional<event::Command> {
      auto body = Choose(what, appender.state(), appender.facts().today);
      if (!body) return std::nullopt;
      return event::Command{"officer-1", *std::move(body)};
    });
  }

 private:
  using Body = std::optional<event::CommandBody>;

  template <typename Map, typename Wanted>
  auto Pick(const Map& rows, Wanted wanted) -> decltype(&rows.begin()->second) {
    std::vector<decltype(&rows.begin()->second)> found;
    for (const auto& [id, row] : rows) {
      if (wanted(row)) found.push_back(&row);
    }
    return found.empty() ? nullptr : found[chance_.Below(found.size())];
  }

  Body Choose(uint64_t what, const domain::State& state, Date today) {
    const bool provider = state.self() == kOdense;
    if (what < 12) return Propose(state, today);
    if (what < 30 && provider) return Start(state);
    if (what < 33 && provider) return PauseOrEnd(what, state, today);
    if (what < 34) return Protect(state);
    if (what < 48) return Observe(state, today);
    if (what < 70) return AssessOrAnnounce(state);
    if (what < 73) return TakeBack(what, state);
    if (what < 76) return EndResponsibility(what, state, today);
    if (what < 92) return Ask(state, today);
    if (what < 94) return Answer(what, state);
    return WithdrawOrExpire(what, state);
  }

  Body Propose(const domain::State& state, Date today) {
    std::optional<CaseId> agreement;
    if (state.self() != kOdense) {
      const auto* found = Pick(state.agreements(), [&](const auto& each) { return each.InForceOn(today); });
      if (found == nullptr) return std::nullopt;
      agreement = found->id;
    }
    return event::ProposeEnrolment{chance_.NewId<CaseId>(), kOdense, SimCitizen(chance_.Below(40)), agreement,
                                   today + static_cast<int64_t>(chance_.Below(10))};
  }
  Body Start(const domain::State& state) {
    const auto* found =
        Pick(state.enrolments(), [](const auto& each) { return each.state() == domain::EnrolmentState::kProposed; });
    if (found == nullptr) return std::nullopt;
    if (chance_.OneIn(8)) return event::RefuseEnrolment{found->id};
    return event::StartEnrolment{found->id, found->spells.front().days.from};
  }
  Body PauseOrEnd(uint64_t what, const domain::State& state, Date today) {
    const auto* found = Pick(state.enrolments(), [](const auto& each) { return each.started && each.unfinished(); });
    if (found == nullptr) return std::nullopt;
    const Date from = today + static_cast<int64_t>(chance_.Below(20));
    if (what == 32) return event::EndEnrolment{found->current().case_id, from, event::EndReason::kPrison};
    if (found->state() == domain::EnrolmentState::kPaused)
      return event::ResumeEnrolment{found->current().case_id, from};
    return event::PauseEnrolment{found->current().case_id, from};
  }
  Body Protect(const domain::State& state) {
    const auto* found = Pick(state.enrolments(), [&](const auto& each) {
      return each.unfinished() && each.current().responsible == state.self();
    });
    if (found == nullptr) return std::nullopt;
    return event::SetFlag{found->current().case_id, event::ProtectionFlag::kSafetyPackage};
  }
  Body Observe(const domain::State& state, Date today) {
    const auto* found = Pick(state.enrolments(), [&](const auto& each) {
      return each.state() == domain::EnrolmentState::kActive && each.current().responsible == state.self();
    });
    if (found == nullptr) return std::nullopt;
    static const AuthorityId kAll[] = {kOdense, kNyborg, kKerteminde};
    AuthorityId to = kAll[chance_.Below(3)];
    if (to == state.self()) to = to == kOdense ? kNyborg : kOdense;
    event::Observation observation;
    observation.relocation = chance_.NewId<CaseId>();
    observation.enrolment = found->current().case_id;
    observation.to = *world_.facts.CodeOf(to);
    observation.effective_date = today - 3 + static_cast<int64_t>(chance_.Below(12));
    if (chance_.OneIn(6)) observation.hold_reasons = {event::HoldReason::kNameAndAddressProtection};
    event::ImportExtract import;
    import.previous_production_date = state.counters().last_production_date;
    import.production_date = import.previous_production_date.value_or(Date(2026, 2, 1)) + 1;
    const auto digest = chance_.NewId<event::Hash>();
    import.digest = digest;
    import.records = 1;
    import.persons = 1;
    import.observations = {observation};
    return import;
  }
  Body AssessOrAnnounce(const domain::State& state) {
    const auto* found = Pick(state.relocations(), [](const auto& each) {
      return each.direction == domain::Direction::kOut && (each.state == domain::RelocationState::kInAssessment ||
                                                           each.state == domain::RelocationState::kDisclosed);
    });
    if (found == nullptr) return std::nullopt;
    if (found->state == domain::RelocationState::kDisclosed) return event::AnnounceRelocation{found->id};
    return event::AssessDisclosure{found->id, !chance_.OneIn(5), Ground(), std::nullopt};
  }
  Body TakeBack(uint64_t what, const domain::State& state) {
    const auto* found = Pick(state.relocations(), [](const auto& each) {
      return each.direction == domain::Direction::kOut && each.announcement.has_value();
    });
    if (found == nullptr) return std::nullopt;
    if (what % 2 == 0) return event::AnnulRelocation{found->id};
    return event::CorrectRelocation{found->id, chance_.NewId<CaseId>(), *found->effective_date + 1};
  }
  Body EndResponsibility(uint64_t what, const domain::State& state, Date today) {
    const auto* found = Pick(state.enrolments(), [&](const auto& each) {
      return each.started && each.unfinished() && each.current().responsible == state.self();
    });
    if (found == nullptr) return std::nullopt;
    if (what == 73) return event::RestoreResponsibility{found->current().case_id};
    if (what == 74) return event::RenumberCitizen{found->current().case_id, SimCitizen(100 + chance_.Below(100))};
    return event::EndResponsibility{found->current().case_id, today, event::ResponsibilityEndReason::kDead};
  }
  Body Ask(const domain::State& state, Date today) {
    const auto* found =
        Pick(state.relocations(), [](const auto& each) { return each.direction == domain::Direction::kIn; });
    if (found == nullptr) return std::nullopt;
    std::optional<CaseId> agreement;
    if (state.self() != kOdense) {
      const auto* in_force = Pick(state.agreements(), [&](const auto& each) { return each.InForceOn(today); });
      if (in_force != nullptr) agreement = in_force->id;
    }
    return event::RequestTransfer{chance_.NewId<CaseId>(), found->id, agreement};
  }
  Body Answer(uint64_t what, const domain::State& state) {
    const auto* found =
        Pick(state.relocations(), [](const auto& each) { return each.direction == domain::Direction::kIn; });
    if (found == nullptr) return std::nullopt;
    if (what % 2 == 0) return event::AcknowledgeRelocation{found->id};
    return event::DeclineRelocation{found->id};
  }
  Body WithdrawOrExpire(uint64_t what, const domain::State& state) {
    if (what > 96) return event::ExpireDue{};
    const auto* found =
        Pick(state.transfers(), [](const auto& each) { return each.state == domain::TransferState::kWaiting; });
    if (found == nullptr) return std::nullopt;
    if (found->provider == state.self()) return event::DeclineTransfer{found->id};
    return event::WithdrawTransfer{found->id};
  }

  SimWorld& world_;
  Chance& chance_;
};

}  // namespace medflyt::testing
