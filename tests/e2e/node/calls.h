// What clients of real nodes say to them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "common/rpc/status_map.h"
#include "medflyt/v1/municipality_service.grpc.pb.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {

// Officer, purpose and a request id.
inline v1::RequestContext Said(std::string request_id = "", std::string officer = "anna.officer") {
  v1::RequestContext context;
  context.set_request_id(std::move(request_id));
  context.set_officer(std::move(officer));
  context.set_purpose("end-to-end test");
  return context;
}
// The same, on a ground for telling other authorities everything of the citizen.
inline v1::RequestContext SaidOnGround(std::string request_id) {
  v1::RequestContext context = Said(std::move(request_id));
  v1::DisclosureGround& ground = *context.mutable_disclosure();
  ground.set_legal_basis("RSL-12A");
  ground.set_necessity("the effort must go on");
  ground.set_journal_reference("2026-117");
  ground.add_categories(v1::DATA_CATEGORY_IDENTITY);
  ground.add_categories(v1::DATA_CATEGORY_SERVICE);
  ground.add_categories(v1::DATA_CATEGORY_RESIDENCE);
  return context;
}

inline void SetDeadline(grpc::ClientContext& context) { rpc::SetDeadline(context, absl::Now() + absl::Minutes(1)); }

// One unary call. Gives "OK" or the rule that was broken, or the code's number where none is named.
template <typename Stub, typename Method, typename Request, typename Response>
std::string Call(Stub& stub, Method method, const Request& request, Response& response, absl::Status* full = nullptr) {
  grpc::ClientContext context;
  SetDeadline(context);
  context.set_wait_for_ready(true);
  const absl::Status status = rpc::FromGrpc((stub.*method)(&context, request, &response));
  if (full != nullptr) *full = status;
  if (status.ok()) return "OK";
  const auto broken = BrokenRuleOf(status);
  return broken ? broken->rule : "code " + std::to_string(static_cast<int>(status.code()));
}

inline v1::AgreementTermsInput Terms(uint32_t capacity) {
  v1::AgreementTermsInput terms;
  terms.set_capacity(capacity);
  terms.set_price_ore(1'250'000);
  terms.set_price_unit(v1::PRICE_UNIT_PER_PLACE);
  terms.set_valid_from("2026-01-01");
  terms.set_valid_to("2035-12-31");
  terms.set_notice_days(30);
  terms.set_settlement_months(3);
  terms.set_legal_basis("RSL-12A");
  terms.set_council_case("2026-17");
  return terms;
}

inline v1::ProposeAgreementRequest Proposal(const TestNode& provider, const TestNode& buyer, std::string request_id,
                                            uint32_t capacity = 2) {
  v1::ProposeAgreementRequest request;
  *request.mutable_context() = Said(std::move(request_id));
  auto& agreement = *request.mutable_propose_agreement();
  agreement.set_provider(provider.cvr());
  agreement.set_buyer(buyer.cvr());
  *agreement.mutable_terms() = Terms(capacity);
  return request;
}

}  // namespace medflyt::testing
