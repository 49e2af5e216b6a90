// An acknowledgement never precedes its sync: what the node asked of the kernel, in its order, says so.
#include <regex>
#include <sstream>

#include "tests/e2e/node/calls.h"
#include "tests/e2e/node/node_world.h"

namespace medflyt::testing {
namespace {

constexpr int kBatches = 20;
constexpr int kItems = 256;
// Answers to a batch of that many commands are far longer than anything else the node sends its client.
constexpr long kAnswerBytes = 8192;

// What matters of the trace. An event stands where its call was entered, but for kSyncEnds.
enum class Seen { kNothing, kLogWrite, kSyncBegins, kSyncEnds, kAnswer };

// `strace -f -y`: "123 fdatasync(7</x/000004.log>) = 0", or in two halves, "... <unfinished ...>" when it was entered
// and "<... fdatasync resumed>) = 0" when it returned.
class TraceReader {
 public:
  void Line(const std::string& line) {
    static const std::regex entered(R"(^(\d+)\s+(\w+)\(\d+<([^>]*)>.*$)");
    static const std::regex resumed(R"(^(\d+)\s+<\.\.\. \w+ resumed>.*$)");
    static const std::regex returned(R"(= (-?\d+)[^=]*$)");
    std::smatch match;
    const bool unfinished = line.ends_with("<unfinished ...>");
    std::smatch result;
    const bool has_result = !unfinished && std::regex_search(line, result, returned);
    const long value = has_result ? std::stol(result[1]) : -1;
    if (std::regex_match(line, match, entered)) {
      const Call call{match[2], match[3], events.size()};
      events.push_back(KindOf(call));
      if (unfinished) {
        open_[match[1]] = call;
      } else {
        Return(call, value);
      }
    } else if (std::regex_match(line, match, resumed)) {
      const auto found = open_.find(match[1]);
      if (found == open_.end()) return;
      Return(found->second, value);
      open_.erase(found);
    }
  }

  std::vector<Seen> events;

 private:
  struct Call {
    std::string name;
    std::string file;
    size_t event = 0;
  };

  static bool IsLog(const Call& call) {
    return call.file.find("/store/") != std::string::npos && call.file.ends_with(".log");
  }
  static bool IsSync(const Call& call) { return call.name == "fdatasync" || call.name == "fsync"; }
  static Seen KindOf(const Call& call) {
    if (!IsLog(call)) return Seen::kNothing;
    return IsSync(call) ? Seen::kSyncBegins : Seen::kLogWrite;
  }
  void Return(const Call& call, long value) {
    if (IsLog(call) && IsSync(call)) {
      EXPECT_EQ(value, 0) << call.name;
      events.push_back(Seen::kSyncEnds);
    } else if (call.name == "sendmsg" && value >= kAnswerBytes) {
      events[call.event] = Seen::kAnswer;
    }
  }

  std::map<std::string, Call> open_;  // by thread
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
  for (const Seen event : reader.events) {
    switch (event) {
      case Seen::kNothing:
        break;
      case Seen::kLogWrite:
        written = true;
        covered_by_sync = false;
        break;
      case Seen::kSyncBegins:
        covered_by_sync = true;
        break;
      case Seen::kSyncEnds:
        if (covered_by_sync && written) {
          written = false;
          ++syncs;
        }
        break;
      case Seen::kAnswer:
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
