// The authorities that tests are about.
#pragma once

#include <string_view>

#include "common/directory/identity.h"

namespace medflyt::testing {

inline AuthorityId Cvr(std::string_view digits) { return *AuthorityId::Parse(digits); }

inline const AuthorityId kOdense = Cvr("35209115");
inline const AuthorityId kNyborg = Cvr("29189722");
inline const AuthorityId kKerteminde = Cvr("29189706");
inline const AuthorityId kAssens = Cvr("29189692");

}  // namespace medflyt::testing
