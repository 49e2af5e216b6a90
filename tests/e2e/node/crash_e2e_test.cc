// A node killed in the middle of a bulk submission: nothing acknowledged is lost, nothing is doubled.
#include <set>

#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

using Stub = v1::MunicipalityService::Stub;

constexpr int kBatches = 60;
constexpr int kItems = 64;

class CrashE2e : public ::testing::Test {
 protected:
  CrashE2e() { odense.Know(nyborg); }

  v1::SubmitCommandsRequest Batch(int number) const {
    v1::SubmitCommandsRequest batch;
    for (int item = 0; item < kItems; ++item) {
      auto& each = *batch.add_items();
      *each.mutable_context() = Said("r-" + std::to_string(number) + "-" + std::to_string(item));
      *each.mutable_command()->mutable_propose_agreement() = Proposal(odense, nyborg, "").propose_agreement();
    }
    return batch;
  }

  // Event ids of each command of each batch, as far as they were acknowledged.
  using Acknowledged = std::map<int, std::vector<std::string>>;

  // Sends all batches; `acknowledged` is called after each answer. Ends with the stream.
  void Submit(const std::function<void(int batches)>& acknowledged, Acknowledged& seen) {
    grpc::ClientContext context;
    SetDeadline(context);
    context.set_wait_for_ready(true);
    const auto stub = odense.Municipality();
    const auto stream = stub->SubmitCommands(&context);
    std::thread writer([&] {
      for (int number = 0; number < kBatches; ++number) {
        if (!stream->Write(Batch(number))) return;
      }
      stream->WritesDone();
    });
    v1::SubmitCommandsResponse response;
    for (int number = 0; stream->Read(&response); ++number) {
      std::vector<std::string>& ids = seen[number];
      for (const auto& outcome : response.outcomes()) {
        EXPECT_TRUE(outcome.has_result()) << outcome.error().message();
        ids.push_back(outcome.result().events_size() == 1 ? outcome.result().events(0).event_id() : "");
      }
      acknowledged(number + 1);
    }
    context.TryCancel();
    writer.join();
    (void)stream->Finish();
  }

  int Agreements() {
    v1::ListAgreementsRequest request;
    *request.mutable_context() = Said();
    request.set_page_size(1000);
    int count = 0;
    do {
      v1::ListAgreementsResponse page;
      EXPECT_EQ(Call(*odense.Municipality(), &Stub::ListAgreements, request, page), "OK");
      count += page.agreements_size();
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return count;
  }

  TestNode odense{"35209115", "0461", "Odense Kommune"};
  TestNode nyborg{"29189722", "0450", "Nyborg Kommune"};
};

TEST_F(CrashE2e, WhatWasAcknowledgedIsThereOnceAfterEachKill) {
  Acknowledged first;
  for (const int kill_after : {1, 7, 23}) {
    odense.Start();
    Acknowledged seen;
    Submit(
        [&](int batches) {
          if (batches == kill_after) odense.Signal(SIGKILL);
        },
        seen);
    EXPECT_EQ(odense.Stop(SIGKILL), 128 + SIGKILL);
    EXPECT_GE(seen.size(), static_cast<size_t>(kill_after));
    // The repetition of a request id is answered as it was the first time.
    for (const auto& [number, ids] : seen) {
      const auto [known, fresh] = first.emplace(number, ids);
      EXPECT_EQ(known->second, ids) << "batch " << number;
    }
  }

  odense.Start();
  Acknowledged all;
  Submit([](int) {}, all);
  ASSERT_EQ(all.size(), static_cast<size_t>(kBatches));
  std::set<std::string> ids;
  for (const auto& [number, events] : all) {
    ASSERT_EQ(events.size(), static_cast<size_t>(kItems));
    ids.insert(events.begin(), events.end());
    if (first.contains(number)) {
      EXPECT_EQ(first[number], events) << "batch " << number;
    }
  }
  EXPECT_EQ(ids.size(), static_cast<size_t>(kBatches * kItems));
  EXPECT_EQ(Agreements(), kBatches * kItems);
  EXPECT_EQ(odense.Stop(), 0);
}

}  // namespace
}  // namespace medflyt::testing
