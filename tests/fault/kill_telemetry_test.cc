// A producer streams frames and samples while the server is killed with SIGKILL at random moments:
// while it writes, seals blocks, makes checkpoints, or starts. After each start the producer is
// told its last durable batch, no acknowledged one is missing, and history is exactly what the
// batches up to it say: nothing is lost, nothing is there twice, late values are where they belong.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fault/kill_run.h"
#include "tests/fault/server_process.h"
#include "tests/fault/telemetry_stream.h"
#include "twingraph/v1/history_service.grpc.pb.h"
#include "twingraph/v1/telemetry_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin {
namespace {

namespace pb = ::twingraph::v1;

constexpr char kModel[] =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:K;1","@type":"Interface","contents":[
      {"@type":"Telemetry","name":"volt","schema":"double"},
      {"@type":"Telemetry","name":"level","schema":"integer"}]})";
constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;
constexpr int64_t kStart = int64_t{1'700'000'000} * 1'000'000'000;
constexpr int kFrames = 5;  // a batch
constexpr int16_t kInvalid = -1;

// Values by time: what history must be.
struct Expected {
  std::map<int64_t, double> volt;
  std::map<int64_t, int64_t> level;
};

struct Frame {
  int64_t time;
  int16_t millivolts;  // kInvalid: missing
};

// Batch i goes on where the one before ended; every third one also sends a time of a while ago
// again, every seventh has a missing value.
std::vector<Frame> FramesOf(uint64_t i) {
  std::vector<Frame> frames;
  const int64_t first = static_cast<int64_t>(i) * kFrames;
  for (int64_t j = first; j < first + kFrames; ++j) {
    frames.push_back({kStart + j * kMinute, static_cast<int16_t>(j * 7 % 5000)});
  }
  if (i % 3 == 0 && first > 400) {
    frames.push_back({kStart + (first - 400) * kMinute, static_cast<int16_t>(i % 5000)});
  }
  if (i % 7 == 0) frames[1].millivolts = kInvalid;
  return frames;
}

// Every fifth batch is of samples instead.
bool IsOfSamples(uint64_t i) { return i % 5 == 0; }
int64_t LevelOf(uint64_t i) { return static_cast<int64_t>(i % 1000); }

void Expect(uint64_t i, Expected* expected) {
  if (IsOfSamples(i)) {
    expected->level[kStart + static_cast<int64_t>(i) * kMinute] = LevelOf(i);
    return;
  }
  for (const Frame& frame : FramesOf(i)) {
    if (frame.millivolts == kInvalid) continue;
    expected->volt[frame.time] = static_cast<double>(frame.millivolts) / 1000;
  }
}

void Fill(uint64_t i, pb::IngestRequest* request) {
  if (IsOfSamples(i)) {
    pb::SampleBatch* const samples = request->mutable_samples();
    samples->add_twin_ids("hub");
    samples->add_times_unix_nano(kStart + static_cast<int64_t>(i) * kMinute);
    samples->add_columns()->set_path("level");
    samples->mutable_columns(0)->add_ints(LevelOf(i));
    return;
  }
  pb::FrameBatch* const batch = request->mutable_frames()->add_batches();
  batch->set_layout_id("car");
  for (const Frame& frame : FramesOf(i)) {
    batch->add_times_unix_nano(frame.time);
    char bytes[sizeof(frame.millivolts)];
    std::memcpy(bytes, &frame.millivolts, sizeof(bytes));
    batch->mutable_packed()->append(bytes, sizeof(bytes));
  }
}

void Begin(int port) {
  const std::shared_ptr<grpc::Channel> channel = ChannelTo(port);
  ASSERT_NO_FATAL_FAILURE(CreateModels(channel, kModel));
  ASSERT_NO_FATAL_FAILURE(CreateTwin(channel, "hub", "dtmi:t:K;1"));
  pb::RegisterLayoutRequest layout;
  layout.mutable_layout()->set_id("car");
  pb::LayoutColumn* const column = layout.mutable_layout()->add_columns();
  pb::LayoutTarget* const target = column->add_targets();
  target->set_twin_id("hub");
  target->set_path("volt");
  column->set_encoding(pb::INT16);
  column->set_scale(0.001);
  column->add_invalid_codes(kInvalid);
  pb::RegisterLayoutResponse registered;
  grpc::ClientContext layout_context;
  ASSERT_TRUE(pb::TelemetryService::NewStub(channel)
                  ->RegisterLayout(&layout_context, layout, &registered)
                  .ok());
}

void CheckHistory(int port, const Expected& expected) {
  const auto history = pb::HistoryService::NewStub(ChannelTo(port));
  pb::ExportHistoryRequest request;
  request.add_twin_ids("hub");
  grpc::ClientContext context;
  const auto stream = history->Export(&context, request);
  Expected found;
  int64_t last = INT64_MIN;
  pb::ExportHistoryResponse response;
  while (stream->Read(&response)) {
    const pb::SampleBatch& samples = response.samples();
    for (int row = 0; row < samples.times_unix_nano_size(); ++row) {
      const int64_t time = samples.times_unix_nano(row);
      ASSERT_GT(time, last);  // each time once
      last = time;
      for (const pb::SampleColumn& column : samples.columns()) {
        if (column.path() == "volt") {
          if (column.doubles(row) == column.doubles(row)) found.volt[time] = column.doubles(row);
        } else if (std::find(column.missing().begin(), column.missing().end(), row) ==
                   column.missing().end()) {
          found.level[time] = column.ints(row);
        }
      }
    }
  }
  const grpc::Status status = stream->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(found.volt, expected.volt);
  EXPECT_EQ(found.level, expected.level);
}

TEST(KillTelemetry, HistoryIsWhatWasAcknowledged) {
  const KillRun run(12);
  SCOPED_TRACE(absl::StrCat("TWIN_SEED=", run.seed()));
  const int kills = run.kills();
  std::mt19937 random(run.seed());
  const std::string data_dir = run.data_dir();
  Expected expected;
  uint64_t done = 0;
  for (int round = 0; round < kills; ++round) {
    if (round % 4 == 3) {
      // Killed while it starts.
      ServerProcess starting(data_dir);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
      starting.Kill();
    }
    ServerProcess server(data_dir);
    const int port = server.WaitForPort();
    ASSERT_NE(port, 0) << "twind did not start; see " << data_dir << ".log";
    if (round == 0) Begin(port);
    std::atomic<uint64_t> sent{done};
    std::atomic<uint64_t> acknowledged{done};
    std::thread writer([&] { StreamBatches(port, done + 1, Fill, &sent, &acknowledged); });
    while (acknowledged.load() < done + 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 200000));
    server.Kill();
    writer.join();

    ServerProcess again(data_dir);
    const int new_port = again.WaitForPort();
    ASSERT_NE(new_port, 0) << "twind did not start; see " << data_dir << ".log";
    const uint64_t last = LastBatch(new_port);
    ASSERT_GE(last, acknowledged.load());
    ASSERT_LE(last, sent.load());
    for (uint64_t i = done + 1; i <= last; ++i) Expect(i, &expected);
    done = last;
    CheckHistory(new_port, expected);
    if (::testing::Test::HasFailure()) FAIL() << "round " << round << "; data in " << data_dir;
    if (round % 3 == 0) {
      ASSERT_EQ(again.Stop(), 0);
    }
  }
  std::printf("%d kills, %llu batches\n", kills, static_cast<unsigned long long>(done));
}

}  // namespace
}  // namespace twin
