// Erasures of citizens' cases, here and at the authorities that were told of them. Rows hold no personal data: case ids
// mean nothing once their keys are destroyed, and are kept until then. A notice of a peer's is deleted when it is
// answered; erasures by officers, and notices to others with their answers, stay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/crypto/hash.h"
#include "common/directory/identity.h"
#include "common/event/command.h"
#include "server/domain/relocation.h"

namespace medflyt::domain {

class State;

inline constexpr size_t kMaxErasedCases = 1'024;  // that one erasure names

enum class ErasureState : uint8_t { kRequested = 1, kDone = 2 };

// What officers did; the node's own erasures have no row.
struct Erasure {
  CaseId id;
  ErasureState state = ErasureState::kRequested;
  std::vector<CaseId> cases;  // of one citizen, ascending; empty when done
  std::string legal_basis;
  std::string journal_reference;
  std::string first_officer;
  crypto::Hash first_certificate;
  std::string second_officer;
  Date on;  // day of its last change

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.state, self.cases, self.legal_basis, self.journal_reference, self.first_officer,
          self.first_certificate, self.second_officer, self.on);
  }
};

// One authority told another.
struct ErasureNotice {
  CaseId id;
  Direction direction = Direction::kOut;  // kOut: we told the peer
  AuthorityId peer;
  std::vector<CaseId> cases;  // kIn: those of the notice that were known here when it came
  std::string legal_basis;
  Date on;
  std::optional<Date> receipted;  // kOut: the peer has said that it holds nothing of it any more
  // kIn, by leaf hash, ascending: announcements whose single keys the peer gave us, and events between us whose single
  // keys it gave to auditors, with how many more of these there are.
  std::vector<crypto::Hash> opened;
  std::vector<crypto::Hash> disclosed;
  uint32_t disclosed_left = 0;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit& visit) {
    visit(self.id, self.direction, self.peer, self.cases, self.legal_basis, self.on, self.receipted, self.opened,
          self.disclosed, self.disclosed_left);
  }
};

// What the command's notice to a peer lists, by leaf hash: announcements that were opened for it, and those of the
// command's events between the two whose keys auditors hold; at most kMaxErasedCases in all, the rest of the latter is
// counted.
struct ListedKeys {
  std::set<crypto::Hash> opened;
  std::set<crypto::Hash> disclosed;
  uint32_t disclosed_left = 0;
};
[[nodiscard]] ListedKeys ListedFor(const State& state, AuthorityId peer, const event::EraseCases& command);

// The id of the notice of that erasure to that authority: two recipients cannot tell that they heard of one erasure.
[[nodiscard]] CaseId NoticeIdOf(const CaseId& erasure, AuthorityId recipient);

}  // namespace medflyt::domain
