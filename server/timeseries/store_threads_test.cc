// One writer with checkpoints, and readers: a snapshot never changes.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/timeseries/store.h"
#include "tests/support/faulty_file.h"
#include "tests/support/status_matchers.h"

namespace twin::timeseries {
namespace {

using ::twin::testing::IsOk;

constexpr int64_t kInterval = 1'200'000'000'000;  // 72 rows a day
constexpr uint32_t kColumns = 5;

ReadRequest AllOf() {
  ReadRequest request;
  for (uint32_t c = 0; c < kColumns; ++c) {
    request.series.push_back({.key = {.twin = TwinNumber(c), .path = PathId{0}}});
  }
  request.from = INT64_MIN;
  request.to = INT64_MAX;
  return request;
}

// Row i is at interval i with values i + column; every 7th comes once more, late, with the same
// ones.
void AppendRow(Store* store, GroupId group, int64_t i, uint64_t sequence) {
  const int64_t time = i * kInterval;
  int32_t values[kColumns];
  std::vector<ColumnRows> columns(kColumns);
  for (uint32_t c = 0; c < kColumns; ++c) {
    values[c] = static_cast<int32_t>(i + c);
    columns[c] = {.kind = ColumnKind::kScaled, .decimals = 1, .scaled = &values[c]};
  }
  store->Append({.group = group,
                 .times = absl::MakeSpan(&time, 1),
                 .sequences = absl::MakeSpan(&sequence, 1),
                 .columns = columns});
}

// What a snapshot of all rows up to `rows` has to show.
void ExpectRows(const Snapshot& snapshot, int64_t rows) {
  const ReadRequest request = AllOf();
  EXPECT_THAT(snapshot.Read({&request, 1},
                            [&](size_t, ReadRows read) {
                              EXPECT_EQ(read.times.size(), rows);
                              for (size_t i = 0; i < read.times.size(); ++i) {
                                const auto number = static_cast<double>(i);
                                EXPECT_EQ(read.times[i], static_cast<int64_t>(i) * kInterval);
                                for (uint32_t c = 0; c < kColumns; ++c) {
                                  EXPECT_EQ(read.columns[c].doubles[i], (number + c) / 10);
                                }
                              }
                              return absl::OkStatus();
                            }),
              IsOk());
}

TEST(StoreThreadsTest, SnapshotsNeverChange) {
  testing::FaultyFileSystem disk;
  Store store({.folder = "/data", .file_system = &disk, .block_rows = 24});
  GroupSpec spec;
  const PathId path = store.AddPath("voltage");
  for (uint32_t c = 0; c < kColumns; ++c) {
    spec.columns.push_back({.kind = ColumnKind::kScaled,
                            .decimals = 1,
                            .series = {{.twin = TwinNumber(c), .path = path}}});
  }
  const GroupId group = store.AddGroup(spec);
  constexpr int64_t kRows = 1500;
  std::atomic<uint64_t> applied{0};  // sequence 2 i + 2 is that of row i, or of its repetition
  std::atomic<int> checks{0};
  std::atomic<int> written{0};  // checkpoints
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!done.load() || checks.load() < 4) {
        const uint64_t sequence = applied.load(std::memory_order_acquire);
        const auto snapshot = store.Pin(Sequence(sequence));
        const auto rows = static_cast<int64_t>(sequence / 2);
        ExpectRows(*snapshot, rows);
        ExpectRows(*snapshot, rows);
        checks.fetch_add(1);
      }
    });
  }
  Mutex mutex;  // the writer's lock
  std::thread checkpoints([&] {
    while (!done.load()) {
      std::shared_ptr<Store::Checkpoint> checkpoint;
      {
        MutexLock lock(&mutex);
        checkpoint = store.PinForCheckpoint(false);
      }
      EXPECT_THAT(
          store.WriteCheckpoint(checkpoint.get(),
                                [](CheckpointKey, absl::string_view) { return absl::OkStatus(); }),
          IsOk());
      store.CheckpointDone(checkpoint);
      written.fetch_add(1);
    }
  });
  std::thread sealer([&] {
    while (!done.load()) {
      if (!store.SealNextClosed()) std::this_thread::yield();
    }
  });
  for (int64_t i = 0; i < kRows; ++i) {
    const auto sequence = static_cast<uint64_t>(2 * i + 1);
    {
      MutexLock lock(&mutex);
      AppendRow(&store, group, i, sequence);
      if (i % 7 == 6) AppendRow(&store, group, i - 5, sequence + 1);
    }
    applied.store(sequence + 1, std::memory_order_release);
    // Checkpoints come in between however the threads are scheduled: one that begins after this
    // row.
    if (i % 100 != 99) continue;
    for (const int64_t before = written.load(); written.load() < before + 2;) {
      std::this_thread::yield();
    }
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  checkpoints.join();
  sealer.join();
  ExpectRows(*store.Pin(Sequence(2 * kRows)), kRows);
  EXPECT_GT(store.status().files, 0);
}

}  // namespace
}  // namespace twin::timeseries
