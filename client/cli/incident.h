// Whose data an incident touched, put together from a node's pages: what the notification to the supervisory authority
// counts (GDPR, article 33), and whom letters are owed (article 34).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/value.h"
#include "medflyt/v1/citizen_service.pb.h"

namespace medflyt::cli {

class Incident {
 public:
  // One citizen, or one case of which nothing is held any more.
  struct Touched {
    std::string cpr;                            // whole: ten digits; empty where nothing is held
    std::vector<std::string> case_ids;          // ascending
    std::map<v1::TouchKind, uint64_t> touches;  // entries by kind; one that touched two cases counts twice
    absl::Time first = absl::InfiniteFuture();
    absl::Time last = absl::InfinitePast();
  };

  // Pages of one report, in any order.
  void Add(const v1::ReportIncidentResponse& page);

  // Citizens by their numbers, then cases of which nothing is held.
  [[nodiscard]] std::vector<Touched> ByCitizen() const;
  [[nodiscard]] const std::vector<v1::OpenEndedAccess>& open_ended() const { return open_ended_; }
  [[nodiscard]] uint64_t entries() const { return entries_; }
  [[nodiscard]] uint64_t caseless() const { return caseless_; }
  [[nodiscard]] uint64_t erased() const { return erased_; }

 private:
  std::map<std::string, Touched> cases_;  // by id
  std::vector<v1::OpenEndedAccess> open_ended_;
  uint64_t entries_ = 0;
  uint64_t caseless_ = 0;
  uint64_t erased_ = 0;
};

// By the names that output has for them: {"read": 2, "issued": 1}.
[[nodiscard]] Value::Object TouchesOf(const Incident::Touched& touched);

// UTF-8, one object a citizen or case with the CPR number whole: for letters, never for a terminal.
[[nodiscard]] std::string IncidentJson(const std::vector<Incident::Touched>& touched);

}  // namespace medflyt::cli
