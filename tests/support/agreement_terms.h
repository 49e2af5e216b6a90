// The terms of an agreement of which nothing matters but its places and its dates.
#pragma once

#include <cstdint>

#include "common/base/date.h"
#include "common/event/event.h"

namespace medflyt::testing {

inline event::AgreementTerms Terms(uint32_t capacity, Date from = Date(2026, 1, 1), Date to = Date(2027, 12, 31)) {
  event::AgreementTerms terms;
  terms.capacity = capacity;
  terms.price_ore = 1'250'000;
  terms.valid_from = from;
  terms.valid_to = to;
  terms.notice_days = 30;
  terms.settlement_months = 3;
  terms.legal_basis = "kommunestyrelsesloven";
  terms.council_case = "2026-001";
  return terms;
}

}  // namespace medflyt::testing
