#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "server/domain/deciding.h"
#include "server/domain/retention.h"
#include "server/domain/terms.h"

namespace medflyt::domain {
namespace {

// The open request for exactly these cases, or null.
const Erasure* FindRequest(const State& state, const std::vector<CaseId>& cases) {
  for (const auto& [id, erasure] : state.erasures()) {
    if (erasure.state == ErasureState::kRequested && erasure.cases == cases) return &erasure;
  }
  return nullptr;
}

}  // namespace

ListedKeys ListedFor(const State& state, AuthorityId peer, const event::EraseCases& command) {
  ListedKeys listed;
  for (const CaseId& id : command.cases) {
    const Transfer* transfer = state.FindTransfer(id);
    if (transfer == nullptr || transfer->requester != state.self() || transfer->provider != peer) continue;
    if (peer != state.self()) listed.opened.insert(transfer->announcement.leaf_hash);
  }
  for (const event::DisclosedEvent& each : command.disclosed) {
    if (each.with == peer) listed.disclosed.insert(each.leaf_hash);
  }
  const size_t room = kMaxErasedCases - std::min(kMaxErasedCases, listed.opened.size());
  if (listed.disclosed.size() <= room) return listed;
  listed.disclosed_left = static_cast<uint32_t>(listed.disclosed.size() - room);
  listed.disclosed.erase(std::next(listed.disclosed.begin(), static_cast<ptrdiff_t>(room)), listed.disclosed.end());
  return listed;
}

absl::Status Decider::CheckErasureByOfficer(const event::EraseCases& command, const Retention& retention) const {
  MEDFLYT_RETURN_IF_ERROR(CheckText(command.journal_reference, "journal_reference", kMaxKeyLength));
  if (!command.certificate) return Invalid("FIELD_REQUIRED", "certificate", "certificate is missing");
  MEDFLYT_ASSIGN_OR_RETURN(const ErasureGround* ground,
                           BasisInForce(facts_.erasure_grounds, command.legal_basis, facts_.today));
  if (ground->before_period_is_over) return absl::OkStatus();
  if (!retention.over_on) {
    return NotNow("RETENTION_PERIOD_UNKNOWN", "legal_basis", "no retention period for cases is in force today");
  }
  if (facts_.today < *retention.over_on) {
    return NotNow("ERASURE_JOURNAL_DUTY", "legal_basis",
                  "the duty to keep a journal holds until the retention period is over, and this ground does not "
                  "outweigh it");
  }
  return absl::OkStatus();
}

Decider::Decision Decider::EraseByPeriod(const event::EraseCases& command, const Retention& retention) const {
  if (!retention.over_on || facts_.today < *retention.over_on || !retention.period->node_erases) {
    return NotNow("ERASURE_NOT_DUE", "cases", "no retention period that has the node erase by itself is over");
  }
  Drafts drafts;
  AppendErasure(command.erasure, command, std::string("retention/").append(NameOf(retention.what)), drafts);
  return drafts;
}

Decider::Decision Decider::operator()(const event::EraseCases& command) const {
  if (command.cases.empty()) {
    return RuleError(absl::StatusCode::kNotFound, "CITIZEN_UNKNOWN", "", "nothing of this citizen is held here");
  }
  if (command.cases.size() > kMaxErasedCases) {
    return Invalid("ERASURE_TOO_LARGE", "cases", "more cases than one erasure can name");
  }
  MEDFLYT_RETURN_IF_ERROR(CheckFresh(command.erasure, "erasure"));
  MEDFLYT_ASSIGN_OR_RETURN(const Retention retention, RetentionOf(state_, command.cases, facts_));
  if (officer_.empty()) return EraseByPeriod(command, retention);
  MEDFLYT_RETURN_IF_ERROR(CheckErasureByOfficer(command, retention));

  const Erasure* request = FindRequest(state_, command.cases);
  if (request == nullptr || request->legal_basis != command.legal_basis) {
    return Drafts{Local(command.erasure, event::ErasureRequested{command.cases, command.legal_basis,
                                                                 command.journal_reference, *command.certificate})};
  }
  if (request->first_officer == officer_ || request->first_certificate == *command.certificate) {
    return NotNow("TWO_OFFICERS_REQUIRED", "",
                  "the second officer is another person with another client certificate than the first");
  }
  Drafts drafts;
  AppendErasure(request->id, command, command.legal_basis, drafts);
  return drafts;
}

void Decider::AppendErasure(const CaseId& erasure, const event::EraseCases& command, const std::string& legal_basis,
                            Drafts& drafts) const {
  const std::vector<CaseId>& cases = command.cases;
  drafts.push_back(Local(erasure, event::CasesErased{cases, legal_basis, command.certificate}));
  std::map<AuthorityId, std::set<CaseId>> told;
  for (const CaseId& id : cases) {
    for (const AuthorityId& peer : state_.ToldOf(id)) told[peer].insert(id);
  }
  // Who has told us of its own erasure need not hear of ours.
  const auto is_gone = [&](const CaseId& id) {
    return std::binary_search(cases.begin(), cases.end(), id) || !state_.UseOf(id);
  };
  Drafts receipts;
  for (const auto& [id, notice] : state_.erasure_notices()) {
    if (notice.direction != Direction::kIn) continue;
    if (const auto found = told.find(notice.peer); found != told.end()) {
      for (const CaseId& each : notice.cases) found->second.erase(each);
    }
    if (std::all_of(notice.cases.begin(), notice.cases.end(), is_gone)) {
      receipts.push_back(To(notice.peer, id, event::ErasureReceipt()));
    }
  }
  for (const auto& [peer, noticed] : told) {
    if (noticed.empty()) continue;
    const ListedKeys listed = ListedFor(state_, peer, command);
    event::ErasureNoticed notice{{noticed.begin(), noticed.end()},
                                 legal_basis,
                                 {listed.opened.begin(), listed.opened.end()},
                                 {listed.disclosed.begin(), listed.disclosed.end()},
                                 listed.disclosed_left};
    drafts.push_back(To(peer, NoticeIdOf(erasure, peer), std::move(notice)));
  }
  drafts.insert(drafts.end(), receipts.begin(), receipts.end());
}

}  // namespace medflyt::domain
