// Durable updates to subscribers over real streams: from before the update is sent until its event
// is received. The clients are a process of their own, as they are in life: gRPC shares its threads
// among all that a process does. With their floors from the same run: an empty read over one
// connection, and a sync; and with the processor time of either process.
//
// An update sets the property `sent` of one of 1,000 twins to the time.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <latch>
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

double SecondsSince(int64_t start) { return static_cast<double>(NowNs() - start) / 1e9; }

// Of this process.
double ProcessorSeconds() {
  rusage usage{};
  TWIN_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string TwinId(int i) { return absl::StrCat("cell-", 100'000 + i); }

struct Quantiles {
  double p50_us = 0;
  double p99_us = 0;
};

Quantiles QuantilesOf(std::vector<int64_t> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  const auto at = [&](double q) {
    return static_cast<double>(
               times[static_cast<size_t>(q * static_cast<double>(times.size() - 1))]) /
           1e3;
  };
  return {at(0.5), at(0.99)};
}

// --- The clients' process ---

// What it is asked to do, and what it answers: over a pipe, as they are in memory.
struct Work {
  enum class Kind { kUpdate, kMeasure, kPing, kToken } kind = Kind::kUpdate;
  int port = 0;
  int updates = 0;     // in all
  int rate = 0;        // a second; 0: as fast as it goes
  int operations = 1;  // a message
  int subscribers = 0;
  int connections = 1;  // of them
  char token[64] = {};  // where they begin; empty: now
};
struct Done {
  Quantiles times;
  double updating = 0;   // seconds
  double receiving = 0;  // seconds, until the last event came
  double processor = 0;  // seconds
  char token[64] = {};
};

std::shared_ptr<grpc::Channel> ConnectTo(int port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                   grpc::InsecureChannelCredentials(), arguments);
}

// Takes its events until it has so many.
class Subscriber final : public grpc::ClientReadReactor<pb::SubscribeResponse> {
 public:
  Subscriber(const std::shared_ptr<grpc::Channel>& channel, int events, const std::string& token)
      : stub_(pb::EventService::NewStub(channel)), events_(static_cast<size_t>(events)) {
    times_.reserve(events_);
    request_.mutable_filter()->add_paths("sent");
    request_.set_progress_interval_ms(100);
    if (!token.empty()) request_.set_resume_token(token);
    stub_->async()->Subscribe(&context_, &request_, this);
    StartRead(&message_);
    StartCall();
  }

  // The first progress says that it is live.
  void WaitUntilLive() const { live_.wait(); }
  const std::vector<int64_t>& Wait() const {
    done_.wait();
    TWIN_CHECK(times_.size() == events_) << times_.size();
    return times_;
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!is_live_) live_.count_down();
    is_live_ = true;
    const int64_t now = NowNs();
    for (const pb::Event& event : message_.events()) {
      times_.push_back(now - event.changes(0).new_value().int_value());
    }
    if (times_.size() >= events_) return context_.TryCancel();
    StartRead(&message_);
  }
  void OnDone(const grpc::Status& /*status*/) override { done_.count_down(); }

 private:
  const std::unique_ptr<pb::EventService::Stub> stub_;
  const size_t events_;
  grpc::ClientContext context_;
  pb::SubscribeRequest request_;
  pb::SubscribeResponse message_;
  bool is_live_ = false;
  std::vector<int64_t> times_;
  std::latch live_{1};
  std::latch done_{1};
};

// Returns when all are durable; seconds.
double Update(const Work& work) {
  const auto stub = pb::TwinService::NewStub(ConnectTo(work.port));
  grpc::ClientContext context;
  const auto stream = stub->WriteStream(&context);
  const int64_t start = NowNs();
  std::thread writer([&] {
    prctl(PR_SET_TIMERSLACK, 1);  // sends when it is time, not 50 µs later
    pb::BatchWriteRequest batch;
    batch.set_each_for_itself(true);
    for (int i = 0; i < work.updates;) {
      if (work.rate > 0) {
        const int64_t due = start + int64_t{i} * 1'000'000'000 / work.rate;
        const int64_t now = NowNs();
        if (now < due) std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
      }
      batch.clear_operations();
      for (int k = 0; k < work.operations && i < work.updates; ++k, ++i) {
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
  return SecondsSince(start);
}

void Measure(const Work& work, Done* done) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < work.connections; ++i) channels.push_back(ConnectTo(work.port));
  const std::string token = work.token;
  const int64_t start = NowNs();
  std::vector<std::unique_ptr<Subscriber>> subscribers;
  for (int i = 0; i < work.subscribers; ++i) {
    subscribers.push_back(std::make_unique<Subscriber>(
        channels[static_cast<size_t>(i % work.connections)], work.updates, token));
  }
  std::vector<int64_t> times;
  if (token.empty()) {
    for (const auto& each : subscribers) each->WaitUntilLive();
    done->updating = Update(work);
  }
  for (const auto& each : subscribers) {
    times.insert(times.end(), each->Wait().begin(), each->Wait().end());
  }
  done->receiving = SecondsSince(start);
  done->times = QuantilesOf(std::move(times));
}

void Ping(const Work& work, Done* done) {
  constexpr int kPings = 2'000;
  const auto stub = pb::TwinService::NewStub(ConnectTo(work.port));
  std::vector<int64_t> times;
  for (int i = 0; i < kPings; ++i) {
    pb::GetTwinRequest request;
    request.set_id(TwinId(0));
    pb::GetTwinResponse response;
    grpc::ClientContext context;
    const int64_t start = NowNs();
    TWIN_CHECK(stub->GetTwin(&context, request, &response).ok());
    times.push_back(NowNs() - start);
  }
  done->times = QuantilesOf(std::move(times));
}

// Where the server stands.
void ReadToken(const Work& work, Done* done) {
  pb::SubscribeRequest request;
  request.set_progress_interval_ms(100);
  grpc::ClientContext context;
  const auto stub = pb::EventService::NewStub(ConnectTo(work.port));
  const auto stream = stub->Subscribe(&context, request);
  pb::SubscribeResponse message;
  TWIN_CHECK(stream->Read(&message));
  context.TryCancel();
  pb::SubscribeResponse rest;
  while (stream->Read(&rest)) {
  }
  stream->Finish();
  TWIN_CHECK(message.resume_token().size() < sizeof(done->token));
  std::strcpy(done->token, message.resume_token().c_str());  // NOLINT: it fits
}

// Until the other end is closed.
void RunClients(int socket) {
  Work work;
  while (read(socket, &work, sizeof(work)) == sizeof(work)) {
    Done done;
    const double processor = ProcessorSeconds();
    switch (work.kind) {
      case Work::Kind::kUpdate:
        done.updating = Update(work);
        break;
      case Work::Kind::kMeasure:
        Measure(work, &done);
        break;
      case Work::Kind::kPing:
        Ping(work, &done);
        break;
      case Work::Kind::kToken:
        ReadToken(work, &done);
        break;
    }
    done.processor = ProcessorSeconds() - processor;
    TWIN_CHECK(write(socket, &done, sizeof(done)) == sizeof(done));
  }
}

int clients_socket = -1;  // of the process that main() has made

Done Ask(const Work& work) {
  Done done;
  TWIN_CHECK(write(clients_socket, &work, sizeof(work)) == sizeof(work));
  TWIN_CHECK(read(clients_socket, &done, sizeof(done)) == sizeof(done)) << "the clients failed";
  return done;
}

// --- The server's process ---

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
    const auto channel = ConnectTo(server_->port());
    TWIN_CHECK(pb::ModelService::NewStub(channel)->CreateModels(&context, models, &created).ok());
    pb::BatchWriteRequest batch;
    for (int i = 0; i < kTwins; ++i) {
      pb::Twin* const twin = batch.add_operations()->mutable_create_twin()->mutable_twin();
      twin->set_id(TwinId(i));
      twin->set_model_id("dtmi:b:Cell;1");
    }
    pb::BatchWriteResponse response;
    grpc::ClientContext batch_context;
    TWIN_CHECK(
        pb::TwinService::NewStub(channel)->BatchWrite(&batch_context, batch, &response).ok());
  }
  ~Bench() {
    server_.reset();
    engine_.reset();
    const std::string command = "rm -rf " + root_;
    TWIN_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c): our own folder
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  int port() const { return server_->port(); }

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
    return times;
  }

 private:
  std::string root_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Server> server_;
};

void Report(benchmark::State& state, const std::string& name, const Quantiles& times) {
  state.counters[name + "_p50_us"] = times.p50_us;
  state.counters[name + "_p99_us"] = times.p99_us;
}

// Arguments: updates a second, how many are sent in a message, subscribers, and the connections
// that these share.
void UpdateToSubscriber(benchmark::State& state) {
  const int rate = static_cast<int>(state.range(0));
  Bench bench;
  Work work;
  work.port = bench.port();
  work.rate = rate;
  work.operations = static_cast<int>(state.range(1));
  work.subscribers = static_cast<int>(state.range(2));
  work.connections = static_cast<int>(state.range(3));
  for (auto _ : state) {
    work.updates = rate / 2;  // warm
    Ask(work);
    work.kind = Work::Kind::kMeasure;
    work.updates = rate * 3;
    const double processor = ProcessorSeconds();
    const Done done = Ask(work);
    const double processor_us = (ProcessorSeconds() - processor) * 1e6;
    state.SetIterationTime(done.updating);
    Report(state, "event", done.times);
    const double events = static_cast<double>(work.updates) * work.subscribers;
    state.counters["updates_per_s"] = work.updates / done.updating;
    state.counters["server_us_per_event"] = processor_us / events;
    state.counters["client_us_per_event"] = done.processor * 1e6 / events;
    work.kind = Work::Kind::kPing;
    Report(state, "floor_ping", Ask(work).times);
    Report(state, "floor_sync", QuantilesOf(bench.Syncs(1000)));
  }
}
BENCHMARK(UpdateToSubscriber)
    ->ArgNames({"rate", "together", "subscribers", "connections"})
    ->Args({1'000, 1, 1, 1})
    ->Args({20'000, 1, 1, 1})
    ->Args({20'000, 10, 1, 1})
    ->Args({1'000, 1, 100, 2})
    ->Args({1'000, 1, 100, 100})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

// One subscriber of everything: while it is written in batches of 1,000, and afterwards from a
// token.
void Everything(benchmark::State& state) {
  Bench bench;
  Work work;
  work.port = bench.port();
  work.updates = 400'000;
  work.operations = 1'000;
  work.subscribers = 1;
  for (auto _ : state) {
    work.kind = Work::Kind::kToken;
    const Done before = Ask(work);
    work.kind = Work::Kind::kMeasure;
    const Done live = Ask(work);
    state.counters["live_events_per_s"] = work.updates / live.receiving;
    state.counters["updates_per_s"] = work.updates / live.updating;
    std::memcpy(work.token, before.token, sizeof(work.token));
    const Done later = Ask(work);
    state.counters["catch_up_events_per_s"] = work.updates / later.receiving;
    state.SetIterationTime(later.receiving);
  }
}
BENCHMARK(Everything)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace twin::api

int main(int argc, char** argv) {
  // Before gRPC has threads.
  int sockets[2];
  TWIN_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  const pid_t clients = fork();
  TWIN_CHECK(clients >= 0);
  if (clients == 0) {
    close(sockets[0]);
    twin::api::RunClients(sockets[1]);
    return 0;
  }
  close(sockets[1]);
  twin::api::clients_socket = sockets[0];
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  close(sockets[0]);
  waitpid(clients, nullptr, 0);
  return 0;
}
