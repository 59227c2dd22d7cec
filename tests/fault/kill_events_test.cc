// A writer changes twins while the server is killed with SIGKILL, and while connections of those
// who listen are cut, at random moments. Every acknowledged change comes
//   - to a subscriber that resumes with its tokens: once, and in order;
//   - to the two consumers of a named subscription: at least once, each twin's in order, and never
//     again once the acknowledgement was confirmed.
//
// Batch i, all or nothing, sets n = i on the twins `hub` and t<i % kTwins>.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "tests/fault/kill_run.h"
#include "tests/fault/server_process.h"
#include "twingraph/v1/event_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin {
namespace {

namespace pb = ::twingraph::v1;
using std::chrono::milliseconds;

constexpr int kTwins = 8;
constexpr char kModel[] =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:K;1","@type":"Interface","contents":[
      {"@type":"Property","name":"n","schema":"long"}]})";
constexpr char kName[] = "work";
constexpr char kRetention[] = "8000000000";

// Where the server is now, and what stands to it.
class Connection {
 public:
  // The next call's context, which CutOff ends. nullptr: there is no server now.
  std::shared_ptr<grpc::Channel> Begin(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    if (port_ == 0) return nullptr;
    is_cut_ = false;
    context_ = context;
    return ChannelTo(port_);
  }
  void End() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
  }
  // What is read from now on may have been given to others since.
  bool is_cut() const { return is_cut_; }
  // False: nothing stood.
  bool CutOff() {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr || is_cut_) return false;
    is_cut_ = true;
    context_->TryCancel();
    return true;
  }
  void SetPort(int port) {
    const std::lock_guard lock(mutex_);
    port_ = port;
  }

 private:
  std::mutex mutex_;
  int port_ = 0;
  grpc::ClientContext* context_ = nullptr;
  std::atomic<bool> is_cut_ = false;
};

int64_t ValueOf(const pb::Event& event) {
  EXPECT_EQ(event.changes_size(), 1);
  return event.changes(0).new_value().int_value();
}

// Resumes with the token of the last message that was whole.
class Subscriber {
 public:
  void Run(const std::atomic<bool>* stop) {
    while (!*stop) {
      grpc::ClientContext context;
      const std::shared_ptr<grpc::Channel> channel = connection.Begin(&context);
      if (channel != nullptr) Listen(channel, &context);
      connection.End();
      std::this_thread::sleep_for(milliseconds(2));
    }
  }
  std::vector<int64_t> values() {
    const std::lock_guard lock(mutex_);
    return values_;
  }
  Connection connection;

 private:
  void Listen(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context) {
    pb::SubscribeRequest request;
    request.mutable_filter()->add_twin_ids("hub");
    request.mutable_filter()->add_paths("n");
    if (token_.empty()) {
      request.set_from_unix_nano(1);
    } else {
      request.set_resume_token(token_);
    }
    const auto stream = pb::EventService::NewStub(channel)->Subscribe(context, request);
    pb::SubscribeResponse message;
    std::vector<int64_t> part;
    while (stream->Read(&message)) {
      for (const pb::Event& event : message.events()) part.push_back(ValueOf(event));
      if (message.resume_token().empty()) continue;
      token_ = message.resume_token();
      const std::lock_guard lock(mutex_);
      values_.insert(values_.end(), part.begin(), part.end());
      part.clear();
    }
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.error_code() == grpc::StatusCode::CANCELLED ||
                status.error_code() == grpc::StatusCode::UNAVAILABLE)
        << status.error_message();
  }

  std::string token_;
  std::mutex mutex_;
  std::vector<int64_t> values_;
};

// What all consumers together have seen.
class Ledger {
 public:
  using Id = std::pair<uint64_t, uint32_t>;

  void See(const pb::Event& event) {
    const std::lock_guard lock(mutex_);
    const Id id(event.sequence(), event.index());
    EXPECT_FALSE(confirmed_.contains(id))
        << event.subject() << " " << id.first << " came again, and was acknowledged";
    std::vector<int64_t>& values = values_[event.subject()];
    if (!seen_.insert(id).second) {
      ++again_;
      return;
    }
    values.push_back(ValueOf(event));
  }
  void Confirm(const std::vector<Id>& ids) {
    const std::lock_guard lock(mutex_);
    confirmed_.insert(ids.begin(), ids.end());
  }
  std::map<std::string, std::vector<int64_t>> values() {
    const std::lock_guard lock(mutex_);
    return values_;
  }
  size_t seen() {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }
  uint64_t again() {
    const std::lock_guard lock(mutex_);
    return again_;
  }

 private:
  std::mutex mutex_;
  std::set<Id> seen_;
  std::set<Id> confirmed_;
  uint64_t again_ = 0;
  std::map<std::string, std::vector<int64_t>> values_;  // by twin, as they came first
};

class Worker {
 public:
  Worker(std::string name, Ledger* ledger, uint32_t seed)
      : name_(std::move(name)), ledger_(*ledger), random_(seed) {}

  void Run(const std::atomic<bool>* stop) {
    while (!*stop) {
      grpc::ClientContext context;
      const std::shared_ptr<grpc::Channel> channel = connection.Begin(&context);
      if (channel != nullptr) Work(channel, &context);
      connection.End();
      std::this_thread::sleep_for(milliseconds(2));
    }
  }
  Connection connection;

 private:
  void Work(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context) {
    const auto stream = pb::EventService::NewStub(channel)->StreamEvents(context);
    pb::StreamEventsRequest request;
    request.set_subscription(kName);
    request.set_consumer(name_);
    request.set_credit_events(40);
    stream->Write(request);
    std::deque<std::pair<uint64_t, std::vector<Ledger::Id>>> open;
    std::vector<Ledger::Id> part;
    pb::StreamEventsResponse message;
    while (stream->Read(&message) && !connection.is_cut()) {
      while (!open.empty() && open.front().first <= message.acknowledged_delivery()) {
        ledger_.Confirm(open.front().second);
        open.pop_front();
      }
      for (const pb::Event& event : message.events()) {
        ledger_.See(event);
        part.emplace_back(event.sequence(), event.index());
      }
      if (message.delivery() == 0) continue;
      open.emplace_back(message.delivery(), std::move(part));
      part.clear();
      request.Clear();
      request.set_credit_events(static_cast<uint32_t>(message.events().size()));
      // Not each by itself; but what is kept back must not be all.
      if (random_() % 3 != 0 || open.size() > 3) {
        request.set_acknowledged_delivery(message.delivery());
      }
      stream->Write(request);
    }
    context->TryCancel();
    while (stream->Read(&message)) {
    }
    stream->Finish();
  }

  const std::string name_;
  Ledger& ledger_;
  std::mt19937 random_;
};

class Writer {
 public:
  // What the server has, and goes on behind that.
  void Begin(int port) {
    channel_ = ChannelTo(port);
    pb::GetTwinRequest get;
    get.set_id("hub");
    pb::GetTwinResponse hub;
    grpc::ClientContext context;
    const grpc::Status status = pb::TwinService::NewStub(channel_)->GetTwin(&context, get, &hub);
    TWIN_CHECK(status.ok()) << status.error_message();
    int64_t done = 0;
    for (const pb::Member& member : hub.twin().contents().members()) {
      done = member.value().int_value();
    }
    EXPECT_GE(done, acknowledged_);
    acknowledged_ = done;
  }
  // Until the server is gone.
  void Run() {
    grpc::ClientContext context;
    const auto stream = pb::TwinService::NewStub(channel_)->WriteStream(&context);
    std::atomic<bool> ended = false;
    std::thread reader([&] {
      pb::BatchWriteResponse response;
      while (stream->Read(&response)) {
        EXPECT_EQ(response.code(), 0) << response.message();
        acknowledged_ = static_cast<int64_t>(response.batch_number());
      }
      ended = true;
    });
    for (int64_t i = acknowledged_ + 1; stream->Write(BatchOf(i)); ++i) {
      while (i > acknowledged_ + 20 && !ended) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    }
    reader.join();
    stream->Finish();
  }
  int64_t acknowledged() const { return acknowledged_; }

 private:
  static pb::BatchWriteRequest BatchOf(int64_t i) {
    pb::BatchWriteRequest batch;
    batch.set_batch_number(static_cast<uint64_t>(i));
    for (const std::string& twin : {std::string("hub"), absl::StrCat("t", i % kTwins)}) {
      pb::UpdateTwinRequest* const update = batch.add_operations()->mutable_update_twin();
      update->set_id(twin);
      pb::Edit* const edit = update->add_edits();
      edit->set_path("/n");
      edit->mutable_value()->set_int_value(i);
    }
    return batch;
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::atomic<int64_t> acknowledged_ = 0;
};

void CreateAll(int port) {
  const std::shared_ptr<grpc::Channel> channel = ChannelTo(port);
  ASSERT_NO_FATAL_FAILURE(CreateModels(channel, kModel));
  for (int i = -1; i < kTwins; ++i) {
    ASSERT_NO_FATAL_FAILURE(
        CreateTwin(channel, i < 0 ? "hub" : absl::StrCat("t", i), "dtmi:t:K;1"));
  }
  pb::CreateSubscriptionRequest request;
  request.set_name(kName);
  request.mutable_filter()->add_paths("n");
  request.set_from_unix_nano(1);
  pb::Subscription subscription;
  grpc::ClientContext subscription_context;
  const grpc::Status status = pb::EventService::NewStub(channel)->CreateSubscription(
      &subscription_context, request, &subscription);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

TEST(KillEvents, EveryAcknowledgedChangeComesOnceAndInOrder) {
  const KillRun run(20);
  SCOPED_TRACE(absl::StrCat("TWIN_SEED=", run.seed()));
  const int kills = run.kills();
  const int cuts_min = 5 * kills;
  std::mt19937 random(run.seed());
  const std::string data_dir = run.data_dir();

  Ledger ledger;
  Subscriber subscriber;
  Worker first("first", &ledger, run.seed() + 1);
  Worker second("second", &ledger, run.seed() + 2);
  const std::vector<Connection*> connections = {&subscriber.connection, &first.connection,
                                                &second.connection};
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] { subscriber.Run(&stop); });
  threads.emplace_back([&] { first.Run(&stop); });
  threads.emplace_back([&] { second.Run(&stop); });
  Writer writer;
  int cuts = 0;
  bool is_started = true;
  std::unique_ptr<ServerProcess> server;
  for (int round = 0; round <= kills; ++round) {
    server = std::make_unique<ServerProcess>(data_dir, kRetention);
    const int port = server->WaitForPort();
    is_started = port != 0;
    if (!is_started) break;
    if (round == 0) CreateAll(port);
    writer.Begin(port);
    for (Connection* each : connections) each->SetPort(port);
    if (round == kills) break;
    const int64_t before = writer.acknowledged();
    std::thread writing([&] { writer.Run(); });
    while (writer.acknowledged() < before + 20) std::this_thread::sleep_for(milliseconds(1));
    const int cuts_now = cuts_min * (round + 1) / kills;
    while (cuts < cuts_now) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
      if (connections[random() % connections.size()]->CutOff()) ++cuts;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 50'000));
    server->Kill();
    for (Connection* each : connections) {
      each->SetPort(0);
      each->CutOff();
    }
    writing.join();
  }
  // The rest: everything that was acknowledged, and what was durable without it.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto expected = static_cast<size_t>(writer.acknowledged());
  while (is_started && std::chrono::steady_clock::now() < end &&
         (subscriber.values().size() < expected || ledger.seen() < 2 * expected)) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  stop = true;
  for (Connection* each : connections) {
    each->SetPort(0);
    each->CutOff();
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(is_started) << "twind did not start; see " << data_dir << ".log";

  std::map<std::string, std::vector<int64_t>> all;
  for (int64_t i = 1; i <= writer.acknowledged(); ++i) {
    all["hub"].push_back(i);
    all[absl::StrCat("t", i % kTwins)].push_back(i);
  }
  EXPECT_EQ(subscriber.values(), all["hub"]);
  EXPECT_EQ(ledger.values(), all);
  EXPECT_EQ(server->Stop(), 0);
  std::printf("%d kills, %d cuts, %lld batches, %llu of %zu events came again\n", kills, cuts,
              static_cast<long long>(writer.acknowledged()),
              static_cast<unsigned long long>(ledger.again()), ledger.seen());
  if (::testing::Test::HasFailure()) FAIL() << "data in " << data_dir;
}

}  // namespace
}  // namespace twin
