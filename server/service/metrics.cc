#include "server/service/metrics.h"

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace medflyt::service {

struct Metrics::Families {
  explicit Families(prometheus::Registry& registry)
      : calls(prometheus::BuildCounter()
                  .Name("medflyt_calls_total")
                  .Help("Calls that ended, by method and status code; all single commands as one method")
                  .Register(registry)),
        seconds(prometheus::BuildHistogram()
                    .Name("medflyt_call_seconds")
                    .Help("How long calls took, by method")
                    .Register(registry)),
        commands(prometheus::BuildCounter()
                     .Name("medflyt_commands_total")
                     .Help("Commands answered, by outcome")
                     .Register(registry)),
        tree_size(prometheus::BuildGauge()
                      .Name("medflyt_tree_size")
                      .Help("Entries of the log that are durable")
                      .Register(registry)),
        commits(prometheus::BuildCounter().Name("medflyt_commits_total").Help("Synced commits").Register(registry)),
        peer_connected(prometheus::BuildGauge()
                           .Name("medflyt_peer_connected")
                           .Help("1 where the stream to the peer stands")
                           .Register(registry)),
        peer_waiting(prometheus::BuildGauge()
                         .Name("medflyt_peer_events_without_receipt")
                         .Help("Events issued to the peer for which no receipt is held")
                         .Register(registry)),
        commands_done(commands.Add({{"outcome", "done"}})),
        commands_refused(commands.Add({{"outcome", "refused"}})),
        size(tree_size.Add({})),
        commit_count(commits.Add({})) {}

  prometheus::Family<prometheus::Counter>& calls;
  prometheus::Family<prometheus::Histogram>& seconds;
  prometheus::Family<prometheus::Counter>& commands;
  prometheus::Family<prometheus::Gauge>& tree_size;
  prometheus::Family<prometheus::Counter>& commits;
  prometheus::Family<prometheus::Gauge>& peer_connected;
  prometheus::Family<prometheus::Gauge>& peer_waiting;
  prometheus::Counter& commands_done;
  prometheus::Counter& commands_refused;
  prometheus::Gauge& size;
  prometheus::Counter& commit_count;
};

Metrics::Metrics()
    : registry_(std::make_shared<prometheus::Registry>()), families_(std::make_unique<Families>(*registry_)) {}

Metrics::~Metrics() = default;

void Metrics::CallEnded(std::string_view method, grpc::StatusCode code, absl::Duration took) {
  const std::string name(method);
  families_->calls.Add({{"method", name}, {"code", std::to_string(static_cast<int>(code))}}).Increment();
  families_->seconds
      .Add({{"method", name}}, prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                                       0.1, 0.25, 0.5, 1, 2.5, 10})
      .Observe(absl::ToDoubleSeconds(took));
}

void Metrics::CommandsAnswered(size_t done, size_t refused) {
  families_->commands_done.Increment(static_cast<double>(done));
  families_->commands_refused.Increment(static_cast<double>(refused));
}

void Metrics::SetTreeSize(uint64_t size) { families_->size.Set(static_cast<double>(size)); }

void Metrics::CountCommit() { families_->commit_count.Increment(); }

void Metrics::SetPeer(std::string_view authority, bool connected, uint64_t without_receipt) {
  const prometheus::Labels labels = {{"authority", std::string(authority)}};
  families_->peer_connected.Add(labels).Set(connected ? 1 : 0);
  families_->peer_waiting.Add(labels).Set(static_cast<double>(without_receipt));
}

}  // namespace medflyt::service
