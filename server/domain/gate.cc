// On what ground other authorities are told of a citizen.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/event/catalogue.h"
#include "server/domain/deciding.h"

namespace medflyt::domain {
namespace {

std::string_view NameOf(event::DataCategory category) {
  switch (category) {
    case event::DataCategory::kIdentity:
      return "identity";
    case event::DataCategory::kService:
      return "service";
    case event::DataCategory::kResidence:
      return "residence";
  }
  return "";
}

// The right value may be told on a ground of its own, so that one that has run out never keeps what is wrong in force.
bool PutsRight(event::Type type) {
  return type == event::Type::kValueRectified || type == event::Type::kRelocationCorrected;
}

// What the command's ground is new to.
struct Grounded {
  CaseId case_id;
  AuthorityId recipient;
  bool for_rectification;
  friend bool operator==(const Grounded&, const Grounded&) = default;
};

}  // namespace

absl::Status CheckCovers(const event::DisclosureGround& ground, std::span<const event::DataCategory> told,
                         std::string_view field) {
  for (const event::DataCategory category : told) {
    if (std::binary_search(ground.categories.begin(), ground.categories.end(), category)) continue;
    return NotNow("DISCLOSURE_CATEGORY_MISSING", std::string(field) + ".categories",
                  "the ground does not name the category " + std::string(NameOf(category)));
  }
  return absl::OkStatus();
}

absl::Status CheckGround(const event::DisclosureGround& ground, const Facts& facts, std::string_view field) {
  const auto at = [field](std::string_view name) { return std::string(field).append(".").append(name); };
  MEDFLYT_RETURN_IF_ERROR(CheckText(ground.journal_reference, at("journal_reference"), kMaxKeyLength));
  MEDFLYT_RETURN_IF_ERROR(CheckText(ground.necessity, at("necessity"), kMaxNecessityLength));
  if (ground.categories.empty()) return Invalid("FIELD_REQUIRED", at("categories"), "categories is missing");
  return BasisInForce(facts.legal_bases, ground.legal_basis, facts.today, at("legal_basis")).status();
}

absl::StatusOr<Drafts> Gate(const State& state, const Facts& facts, const event::Command& command, Drafts drafts) {
  if (command.ground) MEDFLYT_RETURN_IF_ERROR(CheckGround(*command.ground, facts, "disclosure"));
  const ConfirmedGround given{command.officer, command.ground.value_or(event::DisclosureGround())};
  bool used = false;
  std::vector<Grounded> grounded;
  for (const event::Draft& draft : drafts) {
    const std::span<const event::DataCategory> told = event::DisclosedBy(draft.body);
    // What has no officer follows by rule from what officers here or there have asked for.
    if (told.empty() || draft.recipient == state.self() || draft.officer.empty()) continue;
    const ConfirmedGround* ground = state.FindGround(draft.case_id, draft.recipient);
    // An announcement rests on the relocation's assessment alone.
    const bool puts_right = PutsRight(event::TypeOf(draft.body));
    if (command.ground && (puts_right || state.FindRelocation(draft.case_id) == nullptr)) {
      const bool is_new = ground == nullptr || ground->ground != given.ground || ground->officer != given.officer;
      const Grounded in{draft.case_id, draft.recipient, puts_right};
      if (is_new && std::find(grounded.begin(), grounded.end(), in) == grounded.end()) grounded.push_back(in);
      ground = &given;
      used = true;
    }
    if (ground == nullptr) {
      return NotNow("DISCLOSURE_GROUND_REQUIRED", "disclosure",
                    "an officer first records why another authority is told of the citizen: legal basis, necessity, "
                    "categories and journal reference");
    }
    MEDFLYT_RETURN_IF_ERROR(
        BasisInForce(facts.legal_bases, ground->ground.legal_basis, facts.today, "disclosure.legal_basis").status());
    MEDFLYT_RETURN_IF_ERROR(CheckCovers(ground->ground, told, "disclosure"));
  }
  if (command.ground && !used) {
    return Invalid("DISCLOSURE_NOT_NEEDED", "disclosure", "this command tells no other authority of a citizen");
  }

  Drafts all;
  all.reserve(grounded.size() + drafts.size());
  for (const auto& [case_id, recipient, for_rectification] : grounded) {
    event::Draft draft;
    draft.recipient = state.self();
    draft.case_id = case_id;
    draft.officer = command.officer;
    draft.body = event::DisclosureGrounded{recipient, *command.ground, for_rectification};
    all.push_back(std::move(draft));
  }
  for (event::Draft& draft : drafts) {
    if (draft.announcement_of) *draft.announcement_of += grounded.size();
    all.push_back(std::move(draft));
  }
  return all;
}

}  // namespace medflyt::domain
