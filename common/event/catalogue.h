// The one table of who may issue what to whom (domain.md, "Events").
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "common/event/event.h"

namespace medflyt::event {

// What an authority is in the relation that an event speaks of.
enum class Part : uint8_t {
  kParty,  // either side of an agreement
  kProvider,
  kResponsible,  // the municipality responsible for the citizen
  kBuyer,        // the municipality that has or wants a place
  kMunicipalityLeft,
  kMunicipalityMovedTo,
  kHolder,     // of data that it has erased, puts right or disputes
  kConcerned,  // who was told of it, or told it
  kSelf,       // local only: issuer and recipient are the same
};

// Only a municipality has this part.
[[nodiscard]] constexpr bool IsMunicipalitys(Part part) {
  return part == Part::kResponsible || part == Part::kBuyer || part == Part::kMunicipalityLeft ||
         part == Part::kMunicipalityMovedTo;
}

// Personal data outlives neither its case nor its duty to be kept: keys are made one a class.
enum class RetentionClass : uint8_t { kCase = 1, kAccounting = 2, kAccess = 3 };

struct Right {
  Type type;
  std::string_view name;  // CamelCase, as in domain.md
  Part issuer;
  Part recipient;
  RetentionClass retention;
  // A request is answered by a domain event; a fact from its rightful writer is applied and may be disputed.
  bool is_request = false;
  // A local event may be of this type although the recipient's part is another authority's: the provider is then also
  // responsible, or the relocation was never announced.
  bool may_be_local = false;
  // All that events of the type may tell another authority of a citizen; what one of them tells says DisclosedBy. Empty
  // for what states nothing that the recipient did not state itself, and for what takes back, disputes or erases what
  // was told and puts no other value in its place (RelocationAnnulled, ResponsibilityRestored, TransferWithdrawn,
  // EventDisputed, and the notices and receipts of erasure).
  std::span<const DataCategory> discloses = {};
};

[[nodiscard]] const Right& RightOf(Type type);
[[nodiscard]] std::string_view NameOf(Type type);
[[nodiscard]] std::optional<Type> TypeByName(std::string_view name);

// What an event with this body tells another authority of a citizen: only on a ground that an officer confirmed. It is
// of the type's `discloses`, and all of it but for ValueRectified, which tells a number or something of the service.
[[nodiscard]] std::span<const DataCategory> DisclosedBy(const Body& body);
// The citizens' cases that whoever reads the event learns of. An agreement is nobody's; of an erasure they are those
// that it names, for its own id is no citizen's. Pure; any thread.
[[nodiscard]] std::set<CaseId> CasesNamedBy(const Event& event);

// PERMISSION_DENIED (rule ISSUER_HAS_NO_RIGHT) where a local type names another recipient, or a type between two
// authorities that may not be local names its issuer. Whether the issuer really has its part in this case is the
// domain's to check, against its state.
[[nodiscard]] absl::Status CheckParties(Type type, AuthorityId issuer, AuthorityId recipient);

}  // namespace medflyt::event
