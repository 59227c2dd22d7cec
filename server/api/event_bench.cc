// Durable updates to subscribers over real streams, client and server in one process: from before
// the update is sent until its event is received. With their floors from the same run: an empty
// read over the same channel, and a sync.
//
// An update sets the property `sent` of one of 1,000 twins to the time.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "server/api/server.h"
#include "server/base/check.h"
#include "twingraph/v1/event_service.grpc.pb.h"
#include "twingraph/v1/model_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using SteadyClock = std::chrono::steady_clock;

constexpr int kTwins = 1'000;
constexpr char kModels[] = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"sent","schema":"long"}]}])";

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now().time_since_epoch())
      .count();
}

std::string TwinId(int i) { return absl::StrCat("cell-", 100'000 + i); }

// Microseconds, of the sorted times.
double Quantile(const std::vector<int64_t>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<size_t>(q * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[at]) / 1e3;
}

class Bench {
 public:
  Bench() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = absl::StrCat(base != nullptr ? base : "/var/tmp", "/twin-bench-XXXXXX");
    TWIN_CHECK(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    engine::EngineOptions options;
    options.data_dir = root_ + "/data";
    options.reserve_bytes = 0;
    options.events.ring_bytes = 256u << 20;
    auto opened = engine::Engine::Open(options);
    TWIN_CHECK(opened.ok()) << opened.status();
    engine_ = *std::move(opened);
    ServerOptions server_options;
    server_options.listen = "127.0.0.1:0";
    auto started = Server::Start(server_options, engine_.get());
    TWIN_CHECK(started.ok()) << started.status();
    server_ = *std::move(started);
    pb::CreateModelsRequest models;
    models.add_texts(kModels);
    pb::CreateModelsResponse created;
    grpc::ClientContext context;
    TWIN_CHECK(pb::ModelService::NewStub(Channel())->CreateModels(&context, models, &created).ok());
    pb::BatchWriteRequest batch;
    for (int i = 0; i < kTwins; ++i) {
      pb::Twin* const twin = batch.add_operations()->mutable_create_twin()->mutable_twin();
      twin->set_id(TwinId(i));
      twin->set_model_id("dtmi:b:Cell;1");
    }
    pb::BatchWriteResponse response;
    grpc::ClientContext batch_context;
    TWIN_CHECK(
        pb::TwinService::NewStub(Channel())->BatchWrite(&batch_context, batch, &response).ok());
  }
  ~Bench() {
    server_.reset();
    engine_.reset();
    const std::string command = "rm -rf " + root_;
    TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  // A connection of its own.
  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  // `total` updates, so many a second (0: as fast as it goes), `operations` a batch. Returns when
  // all are durable; seconds.
  double Update(int total, int rate, int operations) {
    const auto stub = pb::TwinService::NewStub(Channel());
    grpc::ClientContext context;
    const auto stream = stub->WriteStream(&context);
    const int64_t start = NowNs();
    std::thread writer([&] {
      pb::BatchWriteRequest batch;
      batch.set_each_for_itself(true);
      for (int i = 0; i < total;) {
        if (rate > 0) {
          const int64_t due = start + int64_t{i} * 1'000'000'000 / rate;
          const int64_t now = NowNs();
          if (now < due) {
            std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
          }
        }
        batch.clear_operations();
        for (int k = 0; k < operations && i < total; ++k, ++i) {
          pb::UpdateTwinRequest* const update = batch.add_operations()->mutable_update_twin();
          update->set_id(TwinId(i % kTwins));
          pb::Edit* const edit = update->add_edits();
          edit->set_path("/sent");
          edit->mutable_value()->set_int_value(NowNs());
        }
        TWIN_CHECK(stream->Write(batch));
      }
      stream->WritesDone();
    });
    pb::BatchWriteResponse response;
    while (stream->Read(&response)) TWIN_CHECK(response.code() == 0) << response.message();
    writer.join();
    TWIN_CHECK(stream->Finish().ok());
    return static_cast<double>(NowNs() - start) / 1e9;
  }

  // Where the server stands.
  std::string TokenNow() {
    pb::SubscribeRequest request;
    request.set_progress_interval_ms(100);
    grpc::ClientContext context;
    const auto stream = pb::EventService::NewStub(Channel())->Subscribe(&context, request);
    pb::SubscribeResponse message;
    TWIN_CHECK(stream->Read(&message));
    context.TryCancel();
    pb::SubscribeResponse rest;
    while (stream->Read(&rest)) {
    }
    stream->Finish();
    return message.resume_token();
  }

  std::vector<int64_t> Pings(int count) {
    const auto stub = pb::TwinService::NewStub(Channel());
    std::vector<int64_t> times;
    for (int i = 0; i < count; ++i) {
      pb::GetTwinRequest request;
      request.set_id(TwinId(0));
      pb::GetTwinResponse response;
      grpc::ClientContext context;
      const int64_t start = NowNs();
      TWIN_CHECK(stub->GetTwin(&context, request, &response).ok());
      times.push_back(NowNs() - start);
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  // Of 4 KiB in a file that is there already, as the journal's are.
  std::vector<int64_t> Syncs(int count) const {
    const std::string path = root_ + "/floor";
    const int file = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    TWIN_CHECK(file >= 0);
    const std::string block(4096, 'x');
    for (int i = 0; i < count; ++i) {
      TWIN_CHECK(write(file, block.data(), block.size()) == 4096);
    }
    TWIN_CHECK(fsync(file) == 0);
    std::vector<int64_t> times;
    for (int i = 0; i < count; ++i) {
      const int64_t start = NowNs();
      TWIN_CHECK(pwrite(file, block.data(), block.size(), int64_t{i} * 4096) == 4096);
      TWIN_CHECK(fdatasync(file) == 0);
      times.push_back(NowNs() - start);
    }
    close(file);
    std::sort(times.begin(), times.end());
    return times;
  }

 private:
  std::string root_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
};

// Subscribers that have begun; each takes its events until it has so many.
class Subscribers {
 public:
  Subscribers(const Bench& bench, int count, int events, const std::string& token = "") {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back(
          [this, channel = bench.Channel(), events, token] { Receive(channel, events, token); });
    }
    while (begun_ < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // Sorted times from sending to receiving.
  std::vector<int64_t> Wait() {
    for (std::thread& thread : threads_) thread.join();
    std::sort(times_.begin(), times_.end());
    return std::move(times_);
  }

 private:
  void Receive(const std::shared_ptr<grpc::Channel>& channel, int events,
               const std::string& token) {
    pb::SubscribeRequest request;
    request.mutable_filter()->add_paths("sent");
    request.set_progress_interval_ms(100);
    if (!token.empty()) request.set_resume_token(token);
    grpc::ClientContext context;
    const auto stream = pb::EventService::NewStub(channel)->Subscribe(&context, request);
    pb::SubscribeResponse message;
    // The first progress says that it is live.
    if (token.empty()) TWIN_CHECK(stream->Read(&message));
    ++begun_;
    std::vector<int64_t> times;
    times.reserve(static_cast<size_t>(events));
    while (times.size() < static_cast<size_t>(events) && stream->Read(&message)) {
      const int64_t now = NowNs();
      for (const pb::Event& event : message.events()) {
        times.push_back(now - event.changes(0).new_value().int_value());
      }
    }
    context.TryCancel();
    while (stream->Read(&message)) {
    }
    stream->Finish();
    TWIN_CHECK(times.size() == static_cast<size_t>(events)) << times.size();
    const std::lock_guard lock(mutex_);
    times_.insert(times_.end(), times.begin(), times.end());
  }

  std::atomic<int> begun_ = 0;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<int64_t> times_;
};

void Report(benchmark::State& state, const std::string& name, const std::vector<int64_t>& times) {
  state.counters[name + "_p50_us"] = Quantile(times, 0.5);
  state.counters[name + "_p99_us"] = Quantile(times, 0.99);
}

// Arguments: updates a second, subscribers.
void UpdateToSubscriber(benchmark::State& state) {
  const int rate = static_cast<int>(state.range(0));
  const int count = static_cast<int>(state.range(1));
  Bench bench;
  for (auto _ : state) {
    bench.Update(rate / 2, rate, 1);  // warm
    const int total = rate * 3;
    Subscribers subscribers(bench, count, total);
    const double seconds = bench.Update(total, rate, 1);
    Report(state, "event", subscribers.Wait());
    state.SetIterationTime(seconds);
    state.counters["updates_per_s"] = total / seconds;
    Report(state, "floor_ping", bench.Pings(2000));
    Report(state, "floor_sync", bench.Syncs(1000));
  }
}
BENCHMARK(UpdateToSubscriber)
    ->ArgNames({"rate", "subscribers"})
    ->Args({1'000, 1})
    ->Args({20'000, 1})
    ->Args({1'000, 100})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

// One subscriber of everything: while it is written in batches of 1,000, and afterwards from a
// token.
void Everything(benchmark::State& state) {
  constexpr int kTotal = 400'000;
  Bench bench;
  for (auto _ : state) {
    const std::string token = bench.TokenNow();
    int64_t start = NowNs();
    Subscribers live(bench, 1, kTotal);
    const double written = bench.Update(kTotal, 0, 1'000);
    live.Wait();
    state.counters["live_events_per_s"] = kTotal / (static_cast<double>(NowNs() - start) / 1e9);
    state.counters["updates_per_s"] = kTotal / written;
    start = NowNs();
    Subscribers(bench, 1, kTotal, token).Wait();
    const double seconds = static_cast<double>(NowNs() - start) / 1e9;
    state.counters["catch_up_events_per_s"] = kTotal / seconds;
    state.SetIterationTime(seconds);
  }
}
BENCHMARK(Everything)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace twin::api
