// Which of a peer's logs anything may be taken of, as far as the cards and the records of one log tell it.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/directory/authority.h"
#include "common/directory/identity.h"
#include "common/wire/ledger.h"

namespace medflyt::audit {

// Of a log from its first record on. The first contact with a peer takes whatever log its card has then, and those
// before that one are known with it. A later one two officers must have admitted, under its first key, unless it is
// known: what is judged here is only that something is taken of a later log than any before. One thread.
class Admissions {
 public:
  // Borrows the cards.
  explicit Admissions(std::span<const directory::Authority> cards);

  void Admit(const wire::PeerGenerationAdmitted& record);
  // Something is taken of that log. False the first time, where it is later than what was taken before and was not
  // admitted under a key that its card has; of a log in no card nothing is said.
  [[nodiscard]] bool Take(std::string_view origin);

 private:
  struct Shown {
    AuthorityId peer;
    size_t generation;
    const directory::Log* log;
    bool admitted = false;
  };
  std::map<std::string, Shown, std::less<>> shown_;  // by origin
  std::map<AuthorityId, size_t> latest_;             // generation that something was taken of
};

}  // namespace medflyt::audit
