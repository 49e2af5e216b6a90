// Who has which part in each case, as far as opened events tell it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "common/base/id.h"
#include "common/directory/authority.h"
#include "common/directory/identity.h"
#include "common/event/event.h"

namespace medflyt::audit {

// The parts of the catalogue, held against one another. A case is between two authorities whose parts never change: who
// is responsible next has a case of its own. So the first event of a case that is opened names both, whatever lies
// before it unopened, and a later one contradicts it or does not. What an authority is, as a police district or the
// municipality with a code, its card says; of who has none at hand nothing is said.
//
// Remembers two authorities for each case of which an event was opened, until its erasure was opened too: no more than
// there are keys at hand. One thread.
class CaseParties {
 public:
  // `cards` are those at hand; borrowed.
  explicit CaseParties(std::span<const directory::Authority> cards = {}) : cards_(cards) {}

  // The next event, which is of this log or was received and not refused. What it contradicts, in a few words; nothing
  // where nothing is known that it contradicts.
  [[nodiscard]] std::optional<std::string> Add(const event::Header& header, const event::Body& body);

 private:
  enum class Relation : uint8_t {
    kService,  // provider and municipality: of an agreement, an enrolment or a request for a place
    kMove,     // municipality left and municipality moved to
    kErasure,  // holder and authority concerned
  };
  struct Parties {
    Relation relation;
    AuthorityId first;
    AuthorityId second;
    friend bool operator==(const Parties&, const Parties&) = default;
  };
  // Whether they have these parts, where that is known; remembers them where it is not.
  [[nodiscard]] std::optional<std::string> Hold(const CaseId& id, const Parties& parties);
  [[nodiscard]] std::optional<std::string> Check(const CaseId& id, const Parties& parties) const;
  [[nodiscard]] std::optional<std::string> CheckAgreementEvent(const event::Header& header, const event::Body& body);
  [[nodiscard]] std::optional<std::string> CheckRectified(const event::Header& header,
                                                          const event::ValueRectified& body) const;
  // That it is between the two of its case, whichever of them spoke.
  [[nodiscard]] std::optional<std::string> CheckPair(const event::Header& header) const;

  [[nodiscard]] std::optional<std::string> AgainstCards(const event::Header& header, const event::Body& body) const;
  [[nodiscard]] const directory::Authority* CardOf(AuthorityId authority) const;

  const std::span<const directory::Authority> cards_;
  absl::flat_hash_map<CaseId, Parties> cases_;
};

}  // namespace medflyt::audit
