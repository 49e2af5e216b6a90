// Several citizens, three buyers and the provider over generated schedules: officers act as they please, and what nodes
// say to one another arrives in each pair's order, at any time, or twice.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/event/catalogue.h"
#include "server/domain/place.h"
#include "tests/support/domain_world.h"

namespace medflyt::testing {
namespace {

using namespace event;  // NOLINT(google-build-using-namespace)
using domain::State;

const std::vector<AuthorityId> kAll = {kOdense, kNyborg, kKerteminde, kAssens};
const std::map<AuthorityId, std::string> kCodes = {
    {kOdense, "0461"}, {kNyborg, "0450"}, {kKerteminde, "0440"}, {kAssens, "0420"}};

class Schedule {
 public:
  Schedule() {
    world_.verify_openings = false;
    for (const AuthorityId buyer : {kNyborg, kKerteminde, kAssens}) {
      const CaseId id = Fresh();
      (void)world_.Do(kOdense, ProposeAgreement{id, kOdense, buyer, Terms(buyer == kNyborg ? 1 : 2)});
      world_.DeliverAll();
      (void)world_.Do(buyer, AcceptAgreement{id, 1});
      world_.DeliverAll();
    }
    int citizen = 0;
    for (const AuthorityId responsible : {kOdense, kNyborg, kKerteminde}) {
      const CaseId id = Fresh();
      (void)world_.Do(responsible,
                      ProposeEnrolment{id, kOdense, Citizen(citizen++), AgreementOf(responsible), Date(2026, 2, 1)});
      world_.DeliverAll();
      (void)world_.Do(kOdense, StartEnrolment{id, Date(2026, 2, 1)});
      world_.DeliverAll();
    }
  }

  // One step, chosen by the number. What the rules refuse changes nothing, which is checked.
  void Step(uint32_t number) {
    random_.seed(number);
    const uint32_t what = Pick(40);
    if (what < 12) return Deliver();
    if (what < 14) return Verify();
    Act(what);
  }

  // All have talked, and every opening was looked at.
  void Quiesce() {
    for (int round = 0; round < 3; ++round) {
      world_.DeliverAll();
      for (int i = 0; i < 20; ++i) Verify();
      std::vector<CaseId> waiting;
      for (const auto& [id, transfer] : world_.state(kOdense).transfers()) {
        if (transfer.state == domain::TransferState::kWaiting && !transfer.verified) waiting.push_back(id);
      }
      for (const CaseId& id : waiting) world_.VerifyOpening(kOdense, id);
      world_.DeliverAll();
    }
  }

  DomainWorld& world() { return world_; }

 private:
  uint32_t Pick(size_t count) { return static_cast<uint32_t>(random_() % count); }
  AuthorityId PickNode() { return kAll[Pick(kAll.size())]; }
  Date PickDate() { return Date(2026, 3, 1) + Pick(120); }
  CaseId Fresh() { return Case("fresh " + std::to_string(++fresh_)); }
  template <typename Row>
  const Row* PickRow(const std::map<CaseId, Row>& rows) {
    if (rows.empty()) return nullptr;
    return &std::next(rows.begin(), Pick(rows.size()))->second;
  }

  // Mostly one for which the act makes sense; now and then any.
  template <typename Row, typename Fits>
  CaseId PickWhere(const std::map<CaseId, Row>& rows, const Fits& fits) {
    std::vector<CaseId> fitting;
    for (const auto& [id, row] : rows) {
      if (fits(row)) fitting.push_back(id);
    }
    if (!fitting.empty() && Pick(8) != 0) return fitting[Pick(fitting.size())];
    const Row* any = PickRow(rows);
    return any == nullptr ? CaseId() : any->id;
  }

  static AgreementTerms Terms(uint32_t capacity) {
    AgreementTerms terms;
    terms.capacity = capacity;
    terms.valid_from = Date(2026, 1, 1);
    terms.valid_to = Date(2026, 12, 31);
    terms.notice_days = 10;
    terms.legal_basis = "basis";
    terms.council_case = "case";
    return terms;
  }

  // A buyer has one agreement with the provider.
  std::optional<CaseId> AgreementOf(AuthorityId buyer) {
    if (buyer == kOdense) return std::nullopt;
    return world_.state(buyer).agreements().begin()->first;
  }

  void Deliver() {
    std::vector<std::pair<AuthorityId, AuthorityId>> pairs;
    for (auto& [from, node] : world_.nodes()) {
      for (auto& [to, queue] : node.to) {
        if (!queue.empty()) pairs.emplace_back(from, to);
      }
    }
    if (pairs.empty()) return;
    const auto [from, to] = pairs[Pick(pairs.size())];
    const DomainWorld::Entry entry = world_.node(from).to[to].front();
    world_.Deliver(from, to);
    if (Pick(3) == 0) world_.Receive(world_.node(to), entry);  // repeated
  }

  void Verify() {
    const domain::Transfer* transfer = PickRow(world_.state(kOdense).transfers());
    if (transfer == nullptr || transfer->verified || transfer->state != domain::TransferState::kWaiting) return;
    world_.VerifyOpening(kOdense, transfer->id);
  }

  void Do(AuthorityId who, CommandBody body, std::string officer = "officer-1",
          std::optional<DisclosureGround> ground = std::nullopt) {
    const std::string before = world_.state(who).CanonicalBytes();
    const absl::Status status =
        ground ? world_.DoExactly(who, {std::move(officer), std::move(body), std::nullopt, std::move(ground)}).status()
               : world_.Do(who, std::move(body), std::move(officer));
    if (!status.ok()) {
      RC_ASSERT(BrokenRuleOf(status).has_value());
      RC_ASSERT(world_.state(who).CanonicalBytes() == before);
    }
  }

  // On the ground that there is, or on one for this alone.
  void PutRight(AuthorityId who, CommandBody body) {
    if (Pick(2) == 0) return Do(who, std::move(body));
    DisclosureGround ground = Ground();
    ground.journal_reference = "what was wrong";
    Do(who, std::move(body), "officer-1", ground);
  }

  // Something that another authority stated.
  void Dispute(AuthorityId who) {
    const std::vector<DomainWorld::Entry>& log = world_.node(who).log;
    if (log.empty()) return;
    const Event& event = log[Pick(log.size())].event;
    const LoggedEvent logged = {event.header.issuer, event.header.case_id, TypeOf(event.body), false};
    Do(who, DisputeEvent{event.header.id, DisputeGround::kWrongValue, logged});
  }
  // A date of a stay, which mostly changed hands.
  void Rectify() {
    const State& odense = world_.state(kOdense);
    const CaseId stay =
        PickWhere(odense.enrolments(), [](const domain::Enrolment& e) { return e.started && e.spells.size() > 1; });
    if (Pick(2) == 0) return PutRight(kOdense, RectifyValue{stay, {{}, PickDate() - Pick(60), {}, {}}});
    PutRight(kOdense, RectifyValue{stay, {{}, {}, PickDate(), {}}});
  }

  // By any of two officers, so that some flags are cleared and some held moves released.
  void Protect(AuthorityId who, const CaseId& own_case) {
    const auto flag = Pick(2) == 0 ? ProtectionFlag::kExitProgramme : ProtectionFlag::kSafetyPackage;
    if (Pick(2) == 0) return Do(who, SetFlag{own_case, flag});
    const std::string officer = Pick(2) == 0 ? "officer-1" : "officer-2";
    if (Pick(2) == 0) return Do(who, ClearFlag{own_case, flag}, officer);
    Do(who,
       ReleaseHold{PickWhere(world_.state(who).relocations(),
                             [](const domain::Relocation& r) { return r.state == domain::RelocationState::kHeld; })},
       officer);
  }

  void Act(uint32_t what) {
    const AuthorityId who = PickNode();
    const State& state = world_.state(who);
    const State& odense = world_.state(kOdense);
    const domain::Enrolment* enrolment = PickRow(odense.enrolments());
    const CaseId current = enrolment == nullptr ? CaseId() : enrolment->current().case_id;
    const domain::Enrolment* own = PickRow(state.enrolments());
    const CaseId own_case = own == nullptr ? CaseId() : own->current().case_id;
    const domain::Relocation* relocation = PickRow(state.relocations());
    const CaseId moved = relocation == nullptr ? CaseId() : relocation->id;
    switch (what) {
      case 15:
      case 16:
      case 17: {
        const int citizen = static_cast<int>(Pick(5));
        return Do(who, ProposeEnrolment{Fresh(), kOdense, Citizen(citizen), AgreementOf(who), PickDate()});
      }
      case 18:
      case 19:
      case 20: {
        const CaseId id = PickWhere(odense.enrolments(), [](const domain::Enrolment& e) {
          return e.state() == domain::EnrolmentState::kProposed;
        });
        if (id.is_zero()) return;
        return Do(kOdense, StartEnrolment{id, odense.FindEnrolment(id)->current().days.from + Pick(5)});
      }
      case 21:
      case 22:
      case 23: {
        const CaseId active = PickWhere(state.enrolments(), [&](const domain::Enrolment& e) {
          return e.state() == domain::EnrolmentState::kActive && e.current().responsible == who;
        });
        if (active.is_zero()) return;
        const CaseId id = Fresh();
        Observation observation;
        observation.relocation = id;
        observation.enrolment = state.FindEnrolment(active)->current().case_id;
        observation.to = Code(kCodes.at(PickNode()));
        observation.effective_date = state.FindEnrolment(active)->current().days.from + Pick(40);
        ImportExtract import;
        import.digest = crypto::Sha256(id.bytes());
        import.previous_production_date = state.counters().last_production_date;
        import.production_date = import.previous_production_date.value_or(Date(2026, 1, 1)) + 1;
        import.observations = {observation};
        Do(who, import, "");
        Do(who, AssessDisclosure{id, true, Ground(), std::nullopt});
        return Do(who, AnnounceRelocation{id});
      }
      case 24:
      case 25:
      case 26: {
        const CaseId announced = PickWhere(state.relocations(), [](const domain::Relocation& r) {
          return r.direction == domain::Direction::kIn && r.state == domain::RelocationState::kAnnounced;
        });
        return Do(who, RequestTransfer{Fresh(), announced, AgreementOf(who)});
      }
      case 27:
        return Do(who, AnnulRelocation{PickWhere(state.relocations(), [](const domain::Relocation& r) {
                    return r.announcement && r.direction == domain::Direction::kOut;
                  })});
      case 28:
        return PutRight(who, CorrectRelocation{moved, Fresh(), PickDate()});
      case 29:
        return Do(who, EndResponsibility{own_case, PickDate(), ResponsibilityEndReason::kOther});
      case 30:
        return Do(who, RestoreResponsibility{own_case});
      case 31:
        if (Pick(3) != 0) return;
        return Do(kOdense, EndEnrolment{current, PickDate(), Pick(2) == 0 ? EndReason::kJob : EndReason::kPrison});
      case 32:
        return Do(kOdense, PauseEnrolment{current, PickDate()});
      case 33:
        return Do(kOdense, ResumeEnrolment{current, PickDate()});
      case 34: {
        const domain::Agreement* agreement = PickRow(state.agreements());
        if (agreement == nullptr) return;
        if (const domain::AgreementVersion* open = agreement->OpenProposal()) {
          if (Pick(3) == 0) return Do(who, DeclineAgreement{agreement->id, open->version});
          return Do(who, AcceptAgreement{agreement->id, open->version});
        }
        AgreementTerms terms = Terms(1 + Pick(3));
        if (Pick(2) == 0) terms.valid_from = PickDate();
        if (Pick(4) == 0) terms.valid_to = terms.valid_from + Pick(60);
        return Do(who, ProposeAgreement{agreement->id, agreement->provider, agreement->buyer, terms});
      }
      case 35: {
        const domain::Transfer* transfer = PickRow(state.transfers());
        if (transfer == nullptr) return;
        if (Pick(2) == 0) return Do(who, WithdrawTransfer{transfer->id});
        return Do(kOdense, DeclineTransfer{transfer->id});
      }
      case 36:
        world_.today += Pick(10);
        for (const AuthorityId node : kAll) Do(node, ExpireDue(), "");
        return;
      case 14:
        if (Pick(2) == 0) return PutRight(who, RectifyValue{own_case, {Citizen(500 + ++renumbered_), {}, {}, {}}});
        if (Pick(4) == 0) return Dispute(who);
        return Rectify();
      case 37:
        return Do(who, RenumberCitizen{own_case, Citizen(100 + ++renumbered_)});
      case 38:
        if (Pick(2) == 0) return Protect(who, own_case);
        return Do(kOdense, RefuseEnrolment{current});
      default: {
        if (Pick(8) != 0) return Do(who, AcknowledgeRelocation{moved});
        const domain::Agreement* agreement = PickRow(state.agreements());
        if (agreement != nullptr) Do(who, TerminateAgreement{agreement->id, world_.today + 10 + Pick(60)});
      }
    }
  }

  DomainWorld world_;
  std::mt19937 random_;
  int fresh_ = 0;
  int renumbered_ = 0;
};

// Occupied <= capacity on every date, and nobody shares a place.
void CheckCapacity(const State& state) {
  for (const auto& [id, agreement] : state.agreements()) {
    const auto segments = agreement.Segments();
    std::set<Date> dates;
    for (const auto& segment : segments) dates.insert(segment.first);
    for (const auto& [number, stays] : state.CalendarOf(id)) {
      for (const auto& stay : stays) dates.insert(stay.days.from);
    }
    for (const Date date : dates) {
      uint32_t occupied = 0;
      for (const auto& [number, stays] : state.CalendarOf(id)) {
        uint32_t here = 0;
        for (const auto& stay : stays) {
          const auto end = domain::RunEnd(segments, stay.days.from);
          if (stay.days.Contains(date) && end && date <= *end) ++here;
        }
        RC_ASSERT(here <= 1U);
        occupied += here;
      }
      if (agreement.InForceOn(date)) RC_ASSERT(occupied <= agreement.CapacityOn(date));
    }
  }
}

// On every date at most one municipality is responsible for a citizen, and spells follow one another without a gap.
void CheckResponsibility(const State& odense) {
  std::map<registry::CprNumber, std::vector<domain::Interval>> days_of;
  for (const auto& [id, enrolment] : odense.enrolments()) {
    const domain::Spell* before = nullptr;
    for (const domain::Spell& spell : enrolment.spells) {
      if (spell.reversed) continue;
      if (before != nullptr) RC_ASSERT(before->days.to == spell.days.from);
      before = &spell;
    }
    for (const auto& entry : domain::HistoryOf(enrolment)) days_of[enrolment.numbers.front()].push_back(entry.days);
  }
  for (auto& [cpr, days] : days_of) {
    std::sort(days.begin(), days.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
    for (size_t i = 1; i < days.size(); ++i) {
      RC_ASSERT(days[i - 1].to.has_value());
      RC_ASSERT(*days[i - 1].to <= days[i].from);
    }
  }
}

std::optional<Date> DateOf(const Body& body) {
  if (const auto* rectified = std::get_if<ValueRectified>(&body)) {
    return rectified->right.start ? rectified->right.start : rectified->right.end;
  }
  return std::visit(
      [](const auto& b) -> std::optional<Date> {
        if constexpr (requires { b.from; }) {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(b.from)>, Date>) return b.from;
        }
        return std::nullopt;
      },
      body);
}

// A municipality that said that its responsibility ends is sent nothing dated later, unless that is reversed.
void CheckNothingLater(DomainWorld& world) {
  std::map<CaseId, std::map<EventId, Date>> ended;
  for (const DomainWorld::Entry& entry : world.node(kOdense).log) {
    const Header& header = entry.event.header;
    const Body& body = entry.event.body;
    if (const auto* end = std::get_if<ResponsibilityEnded>(&body)) {
      ended[header.case_id][header.id] = end->from;
    } else if (const auto* restored = std::get_if<ResponsibilityRestored>(&body)) {
      ended[header.case_id].erase(restored->ended);
    } else if (header.issuer == kOdense) {
      const std::optional<Date> date = DateOf(body);
      if (!date) continue;
      for (const auto& [id, from] : ended[header.case_id]) RC_ASSERT(*date <= from);
    }
  }
}

// Once they have talked, what a municipality tells of its cases is what the provider tells of them.
void CheckAgreement(DomainWorld& world) {
  const State& odense = world.state(kOdense);
  for (const AuthorityId buyer : {kNyborg, kKerteminde, kAssens}) {
    const State& state = world.state(buyer);
    RC_ASSERT(world.node(buyer).refused.empty());
    for (const auto& [id, enrolment] : state.enrolments()) {
      const domain::Enrolment* theirs = odense.FindEnrolment(id);
      RC_ASSERT(theirs != nullptr);
      std::vector<domain::HistoryEntry> told;
      for (const auto& entry : domain::HistoryOf(*theirs)) {
        if (entry.case_id == id) told.push_back(entry);
      }
      RC_ASSERT(domain::HistoryOf(enrolment) == told);
      if (theirs->current().case_id == id)
        RC_ASSERT(static_cast<int>(enrolment.state()) == static_cast<int>(theirs->state()));
    }
    // The provider knows of nothing more.
    for (const auto& [id, enrolment] : odense.enrolments()) {
      for (const domain::Spell& spell : enrolment.spells) {
        if (spell.responsible == buyer) RC_ASSERT(state.FindEnrolment(spell.case_id) != nullptr);
      }
    }
    for (const auto& [id, agreement] : state.agreements()) {
      const domain::Agreement& theirs = *odense.FindAgreement(id);
      RC_ASSERT(agreement.Segments() == theirs.Segments());
      RC_ASSERT(static_cast<int>(agreement.state()) == static_cast<int>(theirs.state()));
      for (const auto& segment : theirs.Segments()) {
        for (Date date = segment.first; date <= segment.last; date += 9) {
          RC_ASSERT(domain::PlacesOn(state, id, date) == domain::PlacesOn(odense, id, date));
        }
      }
      std::set<CaseId> waiting;
      for (const auto& entry : domain::WaitingListOn(odense, id)) waiting.insert(entry.case_id);
      std::set<CaseId> waiting_here;
      for (const auto& entry : domain::WaitingListOn(state, id)) waiting_here.insert(entry.case_id);
      RC_ASSERT(waiting == waiting_here);
    }
    for (const auto& [id, transfer] : state.transfers()) {
      RC_ASSERT(static_cast<int>(transfer.state) == static_cast<int>(odense.FindTransfer(id)->state));
    }
  }
  RC_ASSERT(world.node(kOdense).refused.empty());
}

// A place moved only with an announcement of the responsible municipality, to the one that it was addressed to.
void CheckAnnouncements(DomainWorld& world) {
  std::map<crypto::Hash, const Event*> announced;
  for (auto& [authority, node] : world.nodes()) {
    for (const DomainWorld::Entry& entry : node.log) {
      if (TypeOf(entry.event.body) == Type::kRelocationAnnounced) announced[entry.leaf_hash] = &entry.event;
    }
  }
  std::set<crypto::Hash> used;
  for (const auto& [id, enrolment] : world.state(kOdense).enrolments()) {
    for (size_t i = 1; i < enrolment.spells.size(); ++i) {
      const domain::Spell& spell = enrolment.spells[i];
      RC_ASSERT(used.insert(*spell.announcement).second);
      const Event& announcement = *announced.at(*spell.announcement);
      RC_ASSERT(announcement.header.recipient == spell.responsible);
      RC_ASSERT(std::get<RelocationAnnounced>(announcement.body).effective_date == spell.days.from);
      const bool named =
          std::any_of(enrolment.spells.begin(), enrolment.spells.begin() + static_cast<std::ptrdiff_t>(i),
                      [&](const domain::Spell& former) {
                        return former.responsible == announcement.header.issuer &&
                               std::any_of(former.ends.begin(), former.ends.end(),
                                           [&](const auto& end) { return end.announcement == spell.announcement; });
                      });
      RC_ASSERT(named);
    }
  }
}

// What an officer told another authority of a citizen rests on what an officer had confirmed before: for that
// authority, and for that kind of data.
void CheckGrounds(DomainWorld& world) {
  struct Confirmed {
    std::optional<AuthorityId> recipient;  // none: of a move, whose municipality is found when it is announced
    DisclosureGround ground;
  };
  for (auto& [authority, node] : world.nodes()) {
    std::map<CaseId, Confirmed> confirmed;
    std::map<CaseId, Confirmed> for_rectification;  // which is the next that stands in the case
    for (const DomainWorld::Entry& entry : node.log) {
      const Header& header = entry.event.header;
      if (header.issuer != authority) continue;
      if (const auto* grounded = std::get_if<DisclosureGrounded>(&entry.event.body)) {
        (grounded->for_rectification ? for_rectification : confirmed)[header.case_id] = {grounded->recipient,
                                                                                         grounded->ground};
      } else if (const auto* assessed = std::get_if<DisclosureAssessed>(&entry.event.body)) {
        confirmed[header.case_id] = {std::nullopt, assessed->ground};
      }
      const std::span<const DataCategory> told = event::DisclosedBy(entry.event.body);
      if (told.empty() || header.recipient == authority || header.officer.empty()) continue;
      const Type type = TypeOf(entry.event.body);
      const bool on_its_own = for_rectification.contains(header.case_id);
      RC_ASSERT(!on_its_own || type == Type::kValueRectified || type == Type::kRelocationCorrected);
      std::map<CaseId, Confirmed>& grounds = on_its_own ? for_rectification : confirmed;
      const auto stands = grounds.find(header.case_id);
      RC_ASSERT(stands != grounds.end());
      const Confirmed ground = stands->second;
      if (on_its_own) grounds.erase(stands);
      RC_ASSERT(!ground.recipient || *ground.recipient == header.recipient);
      RC_ASSERT(
          std::includes(ground.ground.categories.begin(), ground.ground.categories.end(), told.begin(), told.end()));
    }
  }
}

// Who was told a start or an end is told the right one, in the case in which it was told, and nobody else is. What it
// then holds is compared by CheckAgreement.
void CheckRectified(DomainWorld& world) {
  std::map<CaseId, std::set<Type>> told;
  for (const DomainWorld::Entry& entry : world.node(kOdense).log) {
    const Header& header = entry.event.header;
    if (header.issuer != kOdense) continue;
    const auto* rectified = std::get_if<ValueRectified>(&entry.event.body);
    if (rectified == nullptr || rectified->right.cpr) {
      told[header.case_id].insert(TypeOf(entry.event.body));
      continue;
    }
    const Type wrong = rectified->right.start ? Type::kEnrolmentStarted : Type::kEnrolmentEnded;
    RC_ASSERT(told[header.case_id].contains(wrong));
    RC_ASSERT(header.recipient ==
              world.state(kOdense).FindEnrolment(header.case_id)->FindSpell(header.case_id)->responsible);
  }
}

size_t StartsPutRightAfterATransfer(DomainWorld& world) {
  std::set<CaseId> left;
  size_t count = 0;
  for (const DomainWorld::Entry& entry : world.node(kOdense).log) {
    const CaseId& id = entry.event.header.case_id;
    const auto* transferred = std::get_if<EnrolmentTransferred>(&entry.event.body);
    if (transferred != nullptr && transferred->kind == EnrolmentTransferred::Kind::kLeft) left.insert(id);
    const auto* rectified = std::get_if<ValueRectified>(&entry.event.body);
    if (rectified != nullptr && rectified->right.start && left.contains(id)) ++count;
  }
  return count;
}

// Both ends show the same disputes of what either of them stated.
void CheckDisputes(DomainWorld& world) {
  for (auto& [authority, node] : world.nodes()) {
    for (const DomainWorld::Entry& entry : node.log) {
      const auto* body = std::get_if<EventDisputed>(&entry.event.body);
      if (body == nullptr) continue;
      const Header& header = entry.event.header;
      for (const AuthorityId each : {header.issuer, header.recipient}) {
        const domain::CaseDisputes* known = world.state(each).FindDisputes(header.case_id);
        RC_ASSERT(known != nullptr);
        RC_ASSERT(known->HasDispute(body->disputed, header.issuer));
      }
      const auto& held = world.state(header.recipient).FindDisputes(header.case_id)->disputes;
      const auto dispute = std::find_if(held.begin(), held.end(), [&](const domain::Dispute& each) {
        return each.event == body->disputed && each.by == header.issuer;
      });
      RC_ASSERT(dispute->settled || domain::NeedsOfficer(world.state(header.recipient), header.case_id));
    }
  }
}

// The state is a function of the log, and its rows hold all of it.
void CheckStates(DomainWorld& world) {
  for (auto& [authority, node] : world.nodes()) {
    RC_ASSERT(world.Replay(authority).CanonicalBytes() == node.state.CanonicalBytes());
    State loaded(authority);
    for (const domain::RowChange& change : node.state.TakeChanges()) {
      if (!change.value) continue;  // a conflict that ended
      RC_ASSERT(loaded.LoadRow(change.key, *change.value).ok());
    }
    RC_ASSERT(loaded.CanonicalBytes() == node.state.CanonicalBytes());
    // What follows by rule was done: asking again gives nothing.
    for (const DomainWorld::Entry& entry : node.log) {
      const Type type = TypeOf(entry.event.body);
      if (type == Type::kAgreementProposed || type == Type::kEnrolmentProposed) continue;  // answered when it came
      RC_ASSERT(domain::React(loaded, entry.event, world.facts()).empty());
    }
  }
}

RC_GTEST_PROP(ScheduleTest, AnyOrderDelayAndRepetitionKeepsCapacityAndAgreement, ()) {
  const auto steps = *rc::gen::resize(400, rc::gen::container<std::vector<uint32_t>>(rc::gen::arbitrary<uint32_t>()));
  Schedule schedule;
  DomainWorld& world = schedule.world();
  for (const uint32_t step : steps) {
    schedule.Step(step);
    CheckCapacity(world.state(kOdense));
    CheckResponsibility(world.state(kOdense));
  }
  RC_CLASSIFY(steps.size() > 200, "more than 200 steps");
  schedule.Quiesce();
  CheckCapacity(world.state(kOdense));
  CheckResponsibility(world.state(kOdense));
  CheckAgreement(world);
  CheckNothingLater(world);
  CheckAnnouncements(world);
  CheckGrounds(world);
  CheckRectified(world);
  CheckDisputes(world);
  CheckStates(world);
  size_t transfers = 0;
  size_t reversed = 0;
  for (const auto& [id, transfer] : world.state(kOdense).transfers()) {
    transfers += transfer.state == domain::TransferState::kDone ? 1U : 0U;
    reversed += transfer.state == domain::TransferState::kReversed ? 1U : 0U;
  }
  RC_CLASSIFY(transfers > 0, "transfers done");
  RC_CLASSIFY(transfers > 1, "several transfers done");
  RC_CLASSIFY(reversed > 0, "transfers reversed");
  RC_CLASSIFY(StartsPutRightAfterATransfer(world) > 0, "starts put right after a transfer");
}

}  // namespace
}  // namespace medflyt::testing
