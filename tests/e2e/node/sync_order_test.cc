// An acknowledgement never precedes its sync: what the node asked of the kernel, in its order, says so.
#include <regex>
#include <sstream>

#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

constexpr int kBatches = 20;
constexpr int kItems = 256;
// Answers to a batch of that many commands are far longer than anything else the node sends its client.
constexpr size_t kAnswerBytes = 8192;

// What matters of one line of the trace.
struct TraceEvent {
  enum class Kind { kLogWrite, kSyncBegins, kSyncEnds, kAnswer } kind;
};

// `strace -f -y`: "123 fdatasync(7</x/000004.log>) = 0", or in two halves, "... <unfinished ...>" when it was entered
// and "<... fdatasync resumed>) = 0" when it returned.
class TraceReader {
 public:
  void Line(const std::string& line) {
    static const std::regex entered(R"(^(?:\[pid\s+)?(\d+)\]?\s+(\w+)\((\d+)<([^>]*)>(.*)$)");
    static const std::regex resumed(R"(^(?:\[pid\s+)?(\d+)\]?\s+<\.\.\. (\w+) resumed>.*= (-?\d+).*$)");
    std::smatch match;
    if (std::regex_match(line, match, entered)) {
      Enter(match[1], match[2], match[4], match[5]);
    } else if (std::regex_match(line, match, resumed)) {
      const auto open = unfinished_.find(match[1]);
      if (open == unfinished_.end()) return;
      const bool sync = open->second;
      unfinished_.erase(open);
      if (sync && match[3] == "0") events.push_back({TraceEvent::Kind::kSyncEnds});
    }
  }

  std::vector<TraceEvent> events;

 private:
  void Enter(const std::string& pid, const std::string& call, const std::string& file, const std::string& rest) {
    const bool is_log = std::regex_search(file, std::regex(R"(/store/.*\.log$)"));
    const bool finished = rest.find("<unfinished ...>") == std::string::npos;
    if (call == "fdatasync" || call == "fsync") {
      if (!is_log) return;
      events.push_back({TraceEvent::Kind::kSyncBegins});
      if (finished) {
        EXPECT_NE(rest.find("= 0"), std::string::npos) << rest;
        events.push_back({TraceEvent::Kind::kSyncEnds});
      } else {
        unfinished_[pid] = true;
      }
    } else if (is_log) {
      events.push_back({TraceEvent::Kind::kLogWrite});
    } else if (file.find("TCP") != std::string::npos || file.find("socket:") != std::string::npos) {
      static const std::regex length(R"(iov_len=(\d+))");
      size_t bytes = 0;
      for (auto it = std::sregex_iterator(rest.begin(), rest.end(), length); it != std::sregex_iterator(); ++it) {
        bytes += std::stoul((*it)[1]);
      }
      if (bytes >= kAnswerBytes) events.push_back({TraceEvent::Kind::kAnswer});
    }
  }

  std::map<std::string, bool> unfinished_;
};

TEST(SyncOrder, AnAnswerIsNeverSentBeforeTheSyncOfWhatItAnswers) {
  if (std::system("strace -V >/dev/null 2>&1") != 0) GTEST_SKIP() << "strace is not installed";
  TestNode odense("35209115", "0461", "Odense Kommune");
  TestNode nyborg("29189722", "0450", "Nyborg Kommune");
  odense.Know(nyborg);
  const std::string trace = odense.Path("trace");
  odense.Start({"strace", "-f", "-y", "-s", "0", "-e", "trace=write,pwrite64,writev,pwritev,fdatasync,fsync,sendmsg",
                "-o", trace});
  {
    grpc::ClientContext context;
    SetDeadline(context);
    context.set_wait_for_ready(true);
    const auto stub = odense.Municipality();
    const auto stream = stub->SubmitCommands(&context);
    // One batch at a time, so that an answer can only be that of what was written before it.
    for (int number = 0; number < kBatches; ++number) {
      v1::SubmitCommandsRequest batch;
      for (int item = 0; item < kItems; ++item) {
        auto& each = *batch.add_items();
        *each.mutable_context() = Said("r-" + std::to_string(number) + "-" + std::to_string(item));
        *each.mutable_command()->mutable_propose_agreement() = Proposal(odense, nyborg, "").propose_agreement();
      }
      ASSERT_TRUE(stream->Write(batch));
      v1::SubmitCommandsResponse response;
      ASSERT_TRUE(stream->Read(&response));
      for (const auto& outcome : response.outcomes()) ASSERT_TRUE(outcome.has_result());
    }
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
  EXPECT_EQ(odense.Stop(), 0);

  TraceReader reader;
  std::istringstream lines(ReadFile(trace));
  for (std::string line; std::getline(lines, line);) reader.Line(line);

  int answers = 0;
  int syncs = 0;
  bool written = false;          // to the log, and no sync that began after it has ended
  bool covered_by_sync = false;  // a sync that began after the last write is under way
  for (const TraceEvent& event : reader.events) {
    switch (event.kind) {
      case TraceEvent::Kind::kLogWrite:
        written = true;
        covered_by_sync = false;
        break;
      case TraceEvent::Kind::kSyncBegins:
        covered_by_sync = true;
        break;
      case TraceEvent::Kind::kSyncEnds:
        if (covered_by_sync && written) {
          written = false;
          ++syncs;
        }
        break;
      case TraceEvent::Kind::kAnswer:
        EXPECT_FALSE(written) << "answer " << answers << " was sent while what was written was not synced";
        ++answers;
        break;
    }
  }
  EXPECT_GE(syncs, kBatches) << "the trace does not show the syncs";
  EXPECT_GE(answers, kBatches) << "the trace does not show the answers";
}

}  // namespace
}  // namespace medflyt::testing
