// A server is killed with SIGKILL while it merges, rolls up, re-packs and drops days, which it does
// all the time here: samples are years old, files small, and a client asks for Compact again and
// again. After each start every acknowledged sample that is kept is there, none twice, and what was
// dropped is in roll-ups: sums, extremes and steps are those of all samples that were ever sent.
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
#include "twingraph/v1/admin_service.grpc.pb.h"
#include "twingraph/v1/history_service.grpc.pb.h"
#include "twingraph/v1/query_service.grpc.pb.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin {
namespace {

namespace pb = ::twingraph::v1;

constexpr char kModels[] = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Kept;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"volt","schema":"double"}]},
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Dropped;1","@type":"Interface","contents":[
    {"@type":"Telemetry","name":"volt","schema":"double"}]}])";
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kStart = int64_t{1'700'000'000} / 60 * 60 * kSecond;
constexpr int kFrames = 5;  // a batch
constexpr int kLate = 500;  // frames

const std::vector<std::string>& Options() {
  static const auto* const options =
      new std::vector<std::string>{"--history-retention-seconds",
                                   "0",
                                   "--history-rollup-retention-seconds",
                                   "0",
                                   "--history-retention-of",
                                   "Dropped=samples:1d,rollups:36500d",
                                   "--history-retention-grace-seconds",
                                   "0",
                                   "--history-repack-after-seconds",
                                   "1",
                                   "--history-repack-cpu-percent",
                                   "100"};
  return *options;
}

// Thousandths by time: what was sent to each twin.
using Samples = std::map<int64_t, int64_t>;
struct Sent {
  Samples kept, dropped, fresh;
};

struct Frame {
  int64_t time = 0;
  int16_t value = 0;
};

// Every third batch sends a time of a while ago once more.
std::vector<Frame> KeptOf(uint64_t batch) {
  std::vector<Frame> frames;
  const int64_t first = static_cast<int64_t>(batch) * kFrames;
  for (int64_t j = first; j < first + kFrames; ++j) {
    frames.push_back({kStart + j * kMinute, static_cast<int16_t>(j * 7 % 5000)});
  }
  if (batch % 3 == 0 && first > kLate) {
    frames.push_back({kStart + (first - kLate) * kMinute, static_cast<int16_t>(batch % 5000)});
  }
  return frames;
}

// Each time once, since a sample that is dropped cannot be replaced; some come late.
std::vector<Frame> DroppedOf(uint64_t batch) {
  std::vector<Frame> frames;
  const int64_t first = static_cast<int64_t>(batch) * kFrames;
  for (int64_t j = first; j < first + kFrames; ++j) {
    const auto add = [&](int64_t n) {
      frames.push_back({kStart + n * kMinute, static_cast<int16_t>(n * 13 % 4000 - 1000)});
    };
    if (j % 7 != 3) add(j);
    if (j >= kLate && (j - kLate) % 7 == 3) add(j - kLate);
  }
  return frames;
}

// Of an hour ago: within what is kept.
int64_t FreshTime(uint64_t batch) {
  static const int64_t start =
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now().time_since_epoch() - std::chrono::hours(1))
          .count();
  return start + static_cast<int64_t>(batch) * 1'000'000;
}

void Note(uint64_t batch, Sent* sent) {
  for (const Frame& frame : KeptOf(batch)) sent->kept[frame.time] = frame.value;
  for (const Frame& frame : DroppedOf(batch)) sent->dropped[frame.time] = frame.value;
  sent->fresh[FreshTime(batch)] = static_cast<int64_t>(batch % 1000);
}

void Fill(uint64_t batch, pb::IngestRequest* request) {
  const auto add = [&](const char* layout, const std::vector<Frame>& frames) {
    pb::FrameBatch* const to = request->mutable_frames()->add_batches();
    to->set_layout_id(layout);
    for (const Frame& frame : frames) {
      to->add_times_unix_nano(frame.time);
      char bytes[sizeof(frame.value)];
      std::memcpy(bytes, &frame.value, sizeof(bytes));
      to->mutable_packed()->append(bytes, sizeof(bytes));
    }
  };
  add("kept", KeptOf(batch));
  add("dropped", DroppedOf(batch));
  add("fresh", {{FreshTime(batch), static_cast<int16_t>(batch % 1000)}});
}

void Begin(int port) {
  const std::shared_ptr<grpc::Channel> channel = ChannelTo(port);
  ASSERT_NO_FATAL_FAILURE(CreateModels(channel, kModels));
  for (const std::string id : {"kept", "dropped", "fresh"}) {
    ASSERT_NO_FATAL_FAILURE(
        CreateTwin(channel, id, id == "kept" ? "dtmi:t:Kept;1" : "dtmi:t:Dropped;1"));
    pb::RegisterLayoutRequest layout;
    layout.mutable_layout()->set_id(id);
    pb::LayoutColumn* const column = layout.mutable_layout()->add_columns();
    pb::LayoutTarget* const target = column->add_targets();
    target->set_twin_id(id);
    target->set_path("volt");
    column->set_encoding(pb::INT16);
    column->set_scale(0.001);
    pb::RegisterLayoutResponse registered;
    grpc::ClientContext layout_context;
    ASSERT_TRUE(pb::TelemetryService::NewStub(channel)
                    ->RegisterLayout(&layout_context, layout, &registered)
                    .ok());
  }
}

// Has days re-packed, until the server is gone.
void CompactAgainAndAgain(int port) {
  const auto admin = pb::AdminService::NewStub(ChannelTo(port));
  while (true) {
    pb::CompactRequest request;
    request.set_history(true);
    pb::CompactResponse response;
    grpc::ClientContext context;
    if (!admin->Compact(&context, request, &response).ok()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

double Volts(int64_t thousandths) { return static_cast<double>(thousandths) / 1000; }

// What is recorded of a twin, each time once.
void ReadSamples(int port, const std::string& id, std::map<int64_t, double>* found) {
  const auto history = pb::HistoryService::NewStub(ChannelTo(port));
  pb::ExportHistoryRequest request;
  request.add_twin_ids(id);
  grpc::ClientContext context;
  const auto stream = history->Export(&context, request);
  pb::ExportHistoryResponse response;
  while (stream->Read(&response)) {
    const pb::SampleBatch& samples = response.samples();
    for (int row = 0; row < samples.times_unix_nano_size(); ++row) {
      ASSERT_TRUE(found->empty() || found->rbegin()->first < samples.times_unix_nano(row)) << id;
      (*found)[samples.times_unix_nano(row)] = samples.columns(0).doubles(row);
    }
  }
  const grpc::Status status = stream->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
}

// All of it, or only some, of which nothing is wrong.
void CheckSamples(int port, const std::string& id, const Samples& sent, bool all) {
  std::map<int64_t, double> found;
  ReadSamples(port, id, &found);
  for (const auto& [time, volts] : found) {
    const auto expected = sent.find(time);
    ASSERT_TRUE(expected != sent.end()) << id << " has a sample at " << time;
    ASSERT_EQ(volts, Volts(expected->second)) << id << " at " << time;
  }
  if (all) {
    ASSERT_EQ(found.size(), sent.size()) << id;
  }
}

// Rows of numbers and times. Adds to `rolled_up` how many of them nothing but roll-ups knew.
void Ask(int port, const std::string& text, std::vector<std::vector<double>>* rows,
         uint64_t* rolled_up) {
  const auto queries = pb::QueryService::NewStub(ChannelTo(port));
  pb::QueryRequest request;
  request.set_text(text);
  grpc::ClientContext context;
  const auto stream = queries->Query(&context, request);
  pb::QueryResponse response;
  while (stream->Read(&response)) {
    const pb::ColumnBatch& batch = response.batch();
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      std::vector<double>& values = rows->emplace_back();
      const int at = static_cast<int>(row);
      for (const pb::ColumnValues& column : batch.columns()) {
        values.push_back(column.doubles_size() > 0 ? column.doubles(at)
                                                   : static_cast<double>(column.ints(at)));
      }
    }
    if (response.has_summary()) *rolled_up += response.summary().rolled_up();
  }
  const grpc::Status status = stream->Finish();
  ASSERT_TRUE(status.ok()) << text << ": " << status.error_message();
}

std::string QueryOf(const std::string& items, const std::string& id, const std::string& every,
                    const std::string& rest) {
  return absl::StrCat("SELECT ", items, " FROM DIGITALTWINS MATCH (c) HISTORY h OF c.(volt) FROM ",
                      "'2023-11-01T00:00:00Z' TO '2025-11-01T00:00:00Z' ", every,
                      " WHERE c.$dtId = '", id, "' ", rest);
}

// What samples come to by the hour, and what they are at each hour.
void CheckHours(int port, const std::string& id, const Samples& sent, uint64_t* rolled_up) {
  struct Hour {
    int64_t count = 0, sum = 0, min = INT64_MAX, max = INT64_MIN;
  };
  std::map<int64_t, Hour> hours;
  for (const auto& [time, value] : sent) {
    Hour& hour = hours[time / kHour * kHour];
    hour.count += 1;
    hour.sum += value;
    hour.min = std::min(hour.min, value);
    hour.max = std::max(hour.max, value);
  }
  std::vector<std::vector<double>> expected;
  for (const auto& [time, hour] : hours) {
    expected.push_back({static_cast<double>(time), static_cast<double>(hour.count), Volts(hour.sum),
                        Volts(hour.min), Volts(hour.max)});
  }
  std::vector<std::vector<double>> rows;
  ASSERT_NO_FATAL_FAILURE(
      Ask(port,
          QueryOf("TIME_BUCKET(1h, h.time) AS k, COUNT(h.volt), SUM(h.volt), MIN(h.volt), "
                  "MAX(h.volt)",
                  id, "", "GROUP BY k ORDER BY k"),
          &rows, rolled_up));
  ASSERT_EQ(rows.size(), expected.size()) << id;
  for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i], expected[i]) << id << " hour " << i;

  // A value holds for 5 minutes.
  expected.clear();
  for (int64_t time = (kStart / kHour + 1) * kHour; !sent.empty(); time += kHour) {
    if (time > sent.rbegin()->first + 5 * kMinute) break;
    const auto after = sent.upper_bound(time);
    if (after == sent.begin() || time - std::prev(after)->first > 5 * kMinute) continue;
    expected.push_back({static_cast<double>(time), Volts(std::prev(after)->second)});
  }
  rows.clear();
  ASSERT_NO_FATAL_FAILURE(
      Ask(port, QueryOf("h.time, h.volt", id, "EVERY 1h", "ORDER BY h.time"), &rows, rolled_up));
  ASSERT_EQ(rows.size(), expected.size()) << id;
  for (size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i], expected[i]) << id << " step " << i;
}

TEST(KillUpkeep, WhatIsKeptIsThereAndTheRestInRollups) {
  const KillRun run(8);
  SCOPED_TRACE(absl::StrCat("TWIN_SEED=", run.seed()));
  const int kills = run.kills();
  std::mt19937 random(run.seed());
  const std::string data_dir = run.data_dir();
  // Samples go on until there are so many days, which a long run kills the upkeep of again and
  // again.
  constexpr uint64_t kBatchesMax = 150 * 288;
  Sent sent;
  uint64_t done = 0;
  uint64_t rolled_up = 0;
  for (int round = 0; round < kills; ++round) {
    {
      ServerProcess server(data_dir, "0", Options());
      const int port = server.WaitForPort();
      ASSERT_NE(port, 0) << "twind did not start; see " << data_dir << ".log";
      if (round == 0) {
        ASSERT_NO_FATAL_FAILURE(Begin(port));
      }
      std::atomic<uint64_t> last_sent{done};
      std::atomic<uint64_t> acknowledged{done};
      std::thread compact([&] { CompactAgainAndAgain(port); });
      std::thread writer([&] {
        if (done < kBatchesMax) {
          StreamBatches(port, done + 1, Fill, &last_sent, &acknowledged);
        }
      });
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      const auto is_slow = [&] { return acknowledged.load() < done + 300; };
      while (done < kBatchesMax && is_slow() && std::chrono::steady_clock::now() < give_up) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      const bool is_stuck = done < kBatchesMax && is_slow();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300'000));
      server.Kill();
      writer.join();
      compact.join();
      if (is_stuck) {
        FAIL() << "TWIN_SEED=" << run.seed() << ": round " << round << ": only "
               << acknowledged.load() - done << " batches were taken in a minute; see " << data_dir
               << ".log";
      }

      ServerProcess again(data_dir, "0", Options());
      const int new_port = again.WaitForPort();
      ASSERT_NE(new_port, 0) << "twind did not start; see " << data_dir << ".log";
      const uint64_t last = LastBatch(new_port);
      ASSERT_GE(last, acknowledged.load());
      ASSERT_LE(last, last_sent.load());
      for (uint64_t batch = done + 1; batch <= last; ++batch) Note(batch, &sent);
      done = last;
      // The upkeep has begun again meanwhile.
      CheckSamples(new_port, "kept", sent.kept, /*all=*/true);
      CheckSamples(new_port, "fresh", sent.fresh, /*all=*/true);
      CheckSamples(new_port, "dropped", sent.dropped, /*all=*/false);
      uint64_t of_kept = 0;
      CheckHours(new_port, "kept", sent.kept, &of_kept);
      CheckHours(new_port, "dropped", sent.dropped, &rolled_up);
      EXPECT_EQ(of_kept, 0u);
    }
    if (::testing::Test::HasFailure()) FAIL() << "round " << round << "; data in " << data_dir;
  }
  EXPECT_GT(rolled_up, 0u) << "nothing was ever dropped";
  std::printf("%d kills, %llu batches, %llu hours from roll-ups\n", kills,
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(rolled_up));
}

}  // namespace
}  // namespace twin
