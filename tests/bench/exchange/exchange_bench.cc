// What two nodes do with events: from a client's submission to the verified receipt of the other authority's node. Both
// nodes and the client run in this process: RocksDB with synced commits, mutual TLS over loopback.
//
//   exchange_bench DIRECTORY [--quick] [--seconds S] [--enrolments N] [--only WHAT]
//
// Prints "exchange <tab> what <tab> figure <tab> unit" a line each. The stores are made and removed in DIRECTORY.
// --only bulk | best | unary | latency | limit: that part alone, to be profiled; best is the fullest messages in bulk.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/date.h"
#include "common/base/status.h"
#include "common/crypto/seal.h"
#include "common/crypto/secret.h"
#include "tests/bench/exchange/client_load.h"
#include "tests/bench/exchange/storage.h"
#include "tests/bench/exchange/stream_limit.h"
#include "tests/bench/exchange/two_nodes.h"

namespace medflyt::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

struct Options {
  std::string directory;
  double seconds = 3.0;  // a row
  uint64_t enrolments = 4000;
  bool quick = false;
  std::string only;

  [[nodiscard]] bool wants(std::string_view part) const { return only.empty() || only == part; }
};

void Print(std::string_view what, double figure, std::string_view unit, std::string_view kind = "exchange") {
  std::printf("%.*s\t%.*s\t%.2f\t%.*s\n", static_cast<int>(kind.size()), kind.data(), static_cast<int>(what.size()),
              what.data(), figure, static_cast<int>(unit.size()), unit.data());
  std::fflush(stdout);
}

// Of the whole process.
double ProcessorMicroseconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto micros = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

std::string HexId(uint64_t number) {
  char text[33];
  std::snprintf(text, sizeof text, "%032llx", static_cast<unsigned long long>(number));
  return text;
}

std::string EnrolmentId(uint64_t number) { return HexId((uint64_t{1} << 40) + number); }

// A replacement number, which can belong to nobody: the day of birth has 60 added.
std::string ReplacementNumber(uint64_t number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%02u%02u%02u1%03u", static_cast<unsigned>(61 + number % 28),
                static_cast<unsigned>(1 + number / 28 % 12), static_cast<unsigned>(40 + number / 336 % 40),
                static_cast<unsigned>(number / 13440 % 1000));
  return digits;
}

// Everything in flight: the nodes, a client of each, and how far the provider's events have come.
class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), today_(DanishDate(clock_.Now())) {}

  [[nodiscard]] absl::Status Run() {
    MEDFLYT_RETURN_IF_ERROR(StartNodes());
    if (options_.wants("limit")) MEDFLYT_RETURN_IF_ERROR(MeasureStreamLimit());
    if (options_.only == "limit") return absl::OkStatus();
    MEDFLYT_RETURN_IF_ERROR(Agree());
    MEDFLYT_RETURN_IF_ERROR(Enrol());
    if (options_.wants("latency")) MEDFLYT_RETURN_IF_ERROR(MeasureLatency());
    if (options_.wants("bulk") || options_.only == "best") MEDFLYT_RETURN_IF_ERROR(MeasureBulk());
    if (options_.wants("unary")) MEDFLYT_RETURN_IF_ERROR(MeasureUnary());
    provider_client_.reset();
    buyer_client_.reset();
    provider_->Stop();
    buyer_->Stop();
    return options_.only.empty() ? MeasureStorage() : absl::OkStatus();
  }

 private:
  absl::Status StartNodes();
  absl::Status MeasureStreamLimit() const;
  absl::Status Agree();
  absl::Status Enrol();
  absl::Status MeasureLatency();
  absl::Status MeasureBulk();
  absl::Status MeasureUnary();
  absl::Status MeasureStorage() const;

  // Runs `load` for a row's time and until every event of it has a verified receipt.
  template <typename Load>
  absl::Status MeasureThroughput(const std::string& what, const Load& load);

  // The last number of the provider's events to the buyer for which the provider has verified the buyer's receipt.
  [[nodiscard]] uint64_t Proven() const { return provider_->Peer().delivery.proven.value(); }
  [[nodiscard]] uint64_t Issued() const { return provider_->Peer().numbers.issued.value(); }
  [[nodiscard]] static absl::Status Await(const std::function<bool()>& holds, std::chrono::microseconds pause,
                                          std::string_view what);
  // Pauses each enrolment in turn, then resumes each in turn, and so on.
  void NextChange(v1::Command& command);

  const Options options_;
  const SystemClock clock_;
  crypto::SystemRandom random_;
  const std::unique_ptr<Logger> logger_ = MakeStderrLogger(Severity::kWarning);
  const Date today_;
  std::unique_ptr<BenchNode> provider_;
  std::unique_ptr<BenchNode> buyer_;
  std::shared_ptr<sdk::Client> provider_client_;
  std::shared_ptr<sdk::Client> buyer_client_;
  uint64_t changes_ = 0;
};

absl::Status Bench::Await(const std::function<bool()>& holds, std::chrono::microseconds pause, std::string_view what) {
  const auto deadline = SteadyClock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (SteadyClock::now() > deadline)
      return absl::DeadlineExceededError(absl::StrCat("waited a minute for ", std::string(what)));
    std::this_thread::sleep_for(pause);
  }
  return absl::OkStatus();
}

absl::Status Bench::StartNodes() {
  const std::filesystem::path directory(options_.directory);
  MEDFLYT_ASSIGN_OR_RETURN(provider_,
                           BenchNode::Create({"35209115", "0461", "Odense Kommune"}, directory / "provider"));
  MEDFLYT_ASSIGN_OR_RETURN(buyer_, BenchNode::Create({"29189722", "0450", "Nyborg Kommune"}, directory / "buyer"));
  MEDFLYT_RETURN_IF_ERROR(provider_->Know(*buyer_));
  MEDFLYT_RETURN_IF_ERROR(buyer_->Know(*provider_));
  const node::Environment environment{clock_, random_, *logger_, [](const absl::Status& status) {
                                        std::fprintf(stderr, "exchange_bench: commit: %s\n", status.ToString().c_str());
                                        ::_exit(1);
                                      }};
  MEDFLYT_RETURN_IF_ERROR(buyer_->Start(environment));
  MEDFLYT_RETURN_IF_ERROR(provider_->Start(environment));
  MEDFLYT_ASSIGN_OR_RETURN(provider_client_, provider_->Connect("case-system-1", random_));
  MEDFLYT_ASSIGN_OR_RETURN(buyer_client_, buyer_->Connect("case-system-1", random_));
  return Await([this] { return provider_->Peer().delivery.connected && buyer_->Peer().delivery.connected; },
               std::chrono::milliseconds(10), "the nodes to greet one another");
}

absl::Status Bench::MeasureStreamLimit() const {
  const auto authority = AuthorityId::Parse(provider_->cvr());
  for (const int batch : {64, 256}) {
    MEDFLYT_ASSIGN_OR_RETURN(const double figure, EntriesASecondOverAStream(provider_->tls(), *authority, batch,
                                                                            absl::Seconds(options_.quick ? 1 : 2)));
    Print(absl::StrCat("gRPC stream with mutual TLS, ", batch, " entries of 600 bytes a message"), figure, "entries/s",
          "limit");
  }
  return absl::OkStatus();
}

absl::Status Bench::Agree() {
  v1::ProposeAgreementRequest propose;
  *propose.mutable_context() = buyer_client_->NewContext();
  v1::ProposeAgreement& agreement = *propose.mutable_propose_agreement();
  agreement.set_agreement_id(HexId(1));
  agreement.set_provider(provider_->cvr());
  agreement.set_buyer(buyer_->cvr());
  v1::AgreementTermsInput& terms = *agreement.mutable_terms();
  terms.set_capacity(static_cast<uint32_t>(options_.enrolments));
  terms.set_price_ore(1'250'000);
  terms.set_price_unit(v1::PRICE_UNIT_PER_PLACE);
  terms.set_valid_from(FormatIsoDate(today_));
  terms.set_valid_to(FormatIsoDate(today_ + 3650));
  terms.set_notice_days(30);
  terms.set_settlement_months(3);
  terms.set_legal_basis("RSL-12A");
  terms.set_council_case("benchmark");
  MEDFLYT_RETURN_IF_ERROR((buyer_client_
                               ->Call<v1::MunicipalityService::Stub, v1::ProposeAgreementRequest, v1::CommandResult>(
                                   &v1::MunicipalityService::Stub::ProposeAgreement, propose)
                               .status()));
  MEDFLYT_RETURN_IF_ERROR(Await([this] { return provider_->Peer().numbers.received.value() == 1; },
                                std::chrono::milliseconds(1), "the proposal to arrive"));
  v1::AcceptAgreementRequest accept;
  *accept.mutable_context() = provider_client_->NewContext();
  accept.mutable_accept_agreement()->set_agreement_id(HexId(1));
  accept.mutable_accept_agreement()->set_version(1);
  MEDFLYT_RETURN_IF_ERROR((provider_client_
                               ->Call<v1::MunicipalityService::Stub, v1::AcceptAgreementRequest, v1::CommandResult>(
                                   &v1::MunicipalityService::Stub::AcceptAgreement, accept)
                               .status()));
  return Await([this] { return Proven() == Issued() && buyer_->Peer().numbers.received.value() == Issued(); },
               std::chrono::milliseconds(1), "the acceptance to arrive");
}

absl::Status Bench::Enrol() {
  const std::string from = FormatIsoDate(today_);
  const auto all = [this](uint64_t sent) { return sent < options_.enrolments; };
  v1::DisclosureGround ground;
  ground.set_legal_basis("RSL-12A");
  ground.set_necessity("the effort goes on");
  ground.set_journal_reference("2026-117");
  ground.add_categories(v1::DATA_CATEGORY_IDENTITY);
  ground.add_categories(v1::DATA_CATEGORY_SERVICE);
  const int batch = 50;  // divides any number of enrolments that the options take
  const auto begin = SteadyClock::now();
  const LoadResult proposed = SubmitInBulk(
      *buyer_client_, batch, 8,
      [&](uint64_t number, v1::Command& command) {
        v1::ProposeEnrolment& propose = *command.mutable_propose_enrolment();
        propose.set_enrolment_id(EnrolmentId(number));
        propose.set_provider(provider_->cvr());
        propose.set_cpr(ReplacementNumber(number));
        propose.set_agreement_id(HexId(1));
        propose.set_from(from);
      },
      all, ground);
  MEDFLYT_RETURN_IF_ERROR(proposed.status);
  MEDFLYT_RETURN_IF_ERROR(Await([this] { return buyer_->Peer().delivery.proven == buyer_->Peer().numbers.issued; },
                                std::chrono::milliseconds(1), "the proposals to arrive"));
  const std::chrono::duration<double> spent = SteadyClock::now() - begin;
  if (options_.only.empty()) {
    Print("throughput of new cases, each with a key granted", static_cast<double>(proposed.commands) / spent.count(),
          "events/s");
  }
  const LoadResult started = SubmitInBulk(
      *provider_client_, batch, 8,
      [&](uint64_t number, v1::Command& command) {
        command.mutable_start_enrolment()->set_enrolment_id(EnrolmentId(number));
        command.mutable_start_enrolment()->set_from(from);
      },
      all, ground);
  MEDFLYT_RETURN_IF_ERROR(started.status);
  return Await([this] { return Proven() == Issued(); }, std::chrono::milliseconds(1), "the enrolments to arrive");
}

void Bench::NextChange(v1::Command& command) {
  const std::string id = EnrolmentId(changes_ % options_.enrolments);
  const std::string from = FormatIsoDate(today_);
  if (changes_ / options_.enrolments % 2 == 0) {
    command.mutable_pause_enrolment()->set_enrolment_id(id);
    command.mutable_pause_enrolment()->set_from(from);
  } else {
    command.mutable_resume_enrolment()->set_enrolment_id(id);
    command.mutable_resume_enrolment()->set_from(from);
  }
  ++changes_;
}

absl::Status Bench::MeasureLatency() {
  std::vector<double> proven;
  const auto command_at = [this](uint64_t, v1::Command& command) { NextChange(command); };
  const double time = options_.quick ? 1.5 : std::min(4.0, 2 * options_.seconds);
  const auto end = SteadyClock::now() + std::chrono::duration<double>(time);
  uint64_t number = Issued();
  SteadyClock::time_point submitted;
  absl::Status status;
  // The stream is one and stays open; the next command is sent when the receipt of the last was verified.
  const LoadResult load = SubmitInBulk(*provider_client_, 1, 2, command_at, [&](uint64_t sent) {
    if (sent > 0) {
      ++number;
      status = Await([&] { return Proven() >= number; }, std::chrono::microseconds(20), "a receipt");
      proven.push_back(Microseconds(SteadyClock::now() - submitted).count());
      if (!status.ok()) return false;
    }
    submitted = SteadyClock::now();
    return submitted < end;
  });
  MEDFLYT_RETURN_IF_ERROR(status);
  MEDFLYT_RETURN_IF_ERROR(load.status);
  std::sort(proven.begin(), proven.end());
  if (proven.empty()) return absl::InternalError("no event came through");
  Print("latency alone, median", proven[proven.size() / 2] / 1000, "ms");
  Print("latency alone, 99th percentile", proven[proven.size() * 99 / 100] / 1000, "ms");
  return absl::OkStatus();
}

template <typename Load>
absl::Status Bench::MeasureThroughput(const std::string& what, const Load& load) {
  const uint64_t issued = Issued();
  const double processor = ProcessorMicroseconds();
  const auto begin = SteadyClock::now();
  const auto end = begin + std::chrono::duration<double>(options_.seconds);
  const LoadResult result = load([end](uint64_t) { return SteadyClock::now() < end; });
  MEDFLYT_RETURN_IF_ERROR(result.status);
  MEDFLYT_RETURN_IF_ERROR(
      Await([&] { return Proven() >= issued + result.commands; }, std::chrono::microseconds(500), "the receipts"));
  const std::chrono::duration<double> spent = SteadyClock::now() - begin;
  const auto events = static_cast<double>(result.commands);
  Print("throughput, " + what, events / spent.count(), "events/s");
  Print("processor time an event, " + what, (ProcessorMicroseconds() - processor) / events, "µs");
  return absl::OkStatus();
}

absl::Status Bench::MeasureBulk() {
  const auto command_at = [this](uint64_t, v1::Command& command) { NextChange(command); };
  const bool best = options_.only == "best";
  const std::vector<int> batches = best ? std::vector<int>{256} : std::vector<int>{1, 16, 64, 256};
  const std::vector<int> windows = best || options_.quick ? std::vector<int>{16} : std::vector<int>{1, 4, 16};
  for (const int batch : batches) {
    for (const int window : windows) {
      MEDFLYT_RETURN_IF_ERROR(MeasureThroughput(
          absl::StrCat(batch, batch == 1 ? " command" : " commands", " a message, ", window, " in flight"),
          [&](const std::function<bool(uint64_t)>& go_on) {
            return SubmitInBulk(*provider_client_, batch, window, command_at, go_on);
          }));
    }
  }
  return absl::OkStatus();
}

absl::Status Bench::MeasureUnary() {
  const auto command_at = [this](uint64_t, v1::Command& command) { NextChange(command); };
  return MeasureThroughput("one command a call, 64 in flight", [&](const std::function<bool(uint64_t)>& go_on) {
    return SubmitOneACall(*provider_client_, 64, command_at, go_on);
  });
}

absl::Status Bench::MeasureStorage() const {
  const auto print = [](const std::string& who, const StoredBytes& bytes) {
    const auto entries = static_cast<double>(bytes.entries);
    Print("stored beyond the entries' own bytes, " + who,
          static_cast<double>(bytes.on_disk - bytes.entry_bytes - bytes.received_bytes) / entries, "bytes/entry");
    for (const auto& [table, size] : bytes.rows) {
      Print(absl::StrCat("  rows of ", table, ", ", who), static_cast<double>(size) / entries, "bytes/entry");
    }
    Print("  entries themselves, " + who, static_cast<double>(bytes.entry_bytes + bytes.received_bytes) / entries,
          "bytes/entry");
  };
  MEDFLYT_ASSIGN_OR_RETURN(const StoredBytes provider,
                           MeasureStore(provider_->store(), *AuthorityId::Parse(buyer_->cvr())));
  MEDFLYT_ASSIGN_OR_RETURN(const StoredBytes buyer,
                           MeasureStore(buyer_->store(), *AuthorityId::Parse(provider_->cvr())));
  print("issuer", provider);
  print("recipient", buyer);
  return absl::OkStatus();
}

int Usage() {
  std::fputs(
      "usage: exchange_bench DIRECTORY [--quick] [--seconds S] [--enrolments N]\n"
      "                      [--only bulk|best|unary|latency|limit]\n",
      stderr);
  return 2;
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      options.quick = true;
      options.seconds = 1.5;
      options.enrolments = 1000;
    } else if (argument == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else if (argument == "--enrolments" && i + 1 < argc) {
      options.enrolments = static_cast<uint64_t>(std::atoll(argv[++i])) / 50 * 50;
    } else if (argument == "--only" && i + 1 < argc) {
      options.only = argv[++i];
    } else if (options.directory.empty() && !argument.starts_with("-")) {
      options.directory = std::string(argument) + "/exchange." + std::to_string(::getpid());
    } else {
      return Usage();
    }
  }
  if (options.directory.empty() || options.seconds <= 0 || options.enrolments < 50 || options.enrolments > 10000) {
    return Usage();
  }
  // Waits of microseconds are what they say.
  ::prctl(PR_SET_TIMERSLACK, 1000);
  // As medflytd does; where it may not be locked, secrets are in ordinary memory.
  (void)crypto::InitSecretMemory(2 << 20);
  rpc::RedirectGrpcLog(nullptr);
  const absl::Status status = Bench(options).Run();
  std::error_code ignored;
  std::filesystem::remove_all(options.directory, ignored);
  if (!status.ok()) std::fprintf(stderr, "exchange_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace medflyt::bench

int main(int argc, char** argv) { return medflyt::bench::Main(argc, argv); }
