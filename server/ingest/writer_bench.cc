// What the writer's thread does for each operation, without requests and disk: 864,000 cells are
// created, then three properties of random ones set, in batches of 1,000.
#include <benchmark/benchmark.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/ingest/writer.h"

namespace twin::ingest {
namespace {

constexpr int kCells = 864'000;
constexpr char kModels[] = R"([
  {"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:Cell;1","@type":"Interface","contents":[
    {"@type":"Property","name":"maker","schema":"string"},
    {"@type":"Property","name":"serial","schema":"string"},
    {"@type":"Property","name":"p0","schema":"double"},
    {"@type":"Property","name":"p1","schema":"double"},
    {"@type":"Property","name":"p2","schema":"double"},
    {"@type":"Property","name":"p3","schema":"double"},
    {"@type":"Property","name":"p4","schema":"double"},
    {"@type":"Property","name":"p5","schema":"double"}]}])";

// Everything is durable at once, and gone.
class NoJournal final : public journal::Journal {
 public:
  absl::StatusOr<journal::Epoch> Claim() override { return 1; }
  void Append(journal::Epoch /*epoch*/, journal::Record record, Done done) override {
    bytes_ += record.bytes.size();
    done(absl::OkStatus());
  }
  absl::StatusOr<std::unique_ptr<journal::Reader>> ReadFrom(Sequence /*sequence*/) override {
    return absl::UnimplementedError("nothing is kept");
  }
  absl::Status Trim(Sequence /*below*/) override { return absl::OkStatus(); }
  journal::JournalStatus status() const override { return {}; }

  uint64_t bytes() const { return bytes_; }

 private:
  std::atomic<uint64_t> bytes_{0};
};

double Seconds(clockid_t clock) {
  timespec now{};
  TWIN_CHECK(clock_gettime(clock, &now) == 0);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Processor time of all threads but the calling one.
double OthersSeconds() {
  return Seconds(CLOCK_PROCESS_CPUTIME_ID) - Seconds(CLOCK_THREAD_CPUTIME_ID);
}

std::string CellId(uint32_t cell) {
  return absl::StrCat("vehicle-", 100000 + cell / 144, "-m", 10 + cell / 12 % 12, "-c",
                      10 + cell % 12, "x");
}

class Fleet {
 public:
  static Fleet& Get() {
    static Fleet fleet;
    return fleet;
  }

  void Write(WriteBatch batch) {
    writer_->Submit(std::move(batch), [](const WriteResult& result) {
      TWIN_CHECK(result.status.ok()) << result.status;
    });
  }
  // Until all of it is done.
  void Wait() {
    Mutex mutex;
    CondVar done;
    bool is_done = false;
    writer_->Submit(WriteBatch(), [&](const WriteResult&) {
      const MutexLock lock(&mutex);
      is_done = true;
      done.Signal();
    });
    const MutexLock lock(&mutex);
    while (!is_done) done.Wait(&mutex);
  }
  uint64_t journal_bytes() const { return journal_.bytes(); }
  double create_seconds() const { return create_seconds_; }

 private:
  Fleet() {
    WriterOptions options;
    options.limits.write_queue_bytes_max = int64_t{8} << 30;
    writer_ = std::make_unique<Writer>(options, &graph_, &journal_, *journal_.Claim());
    WriteBatch models;
    models.operations.emplace_back(CreateModels{{kModels}});
    Write(std::move(models));
    const double start = OthersSeconds();
    WriteBatch batch;
    batch.atomic = false;
    for (uint32_t cell = 0; cell < kCells; ++cell) {
      PutTwin put;
      put.id = CellId(cell);
      put.model_id = "dtmi:b:Cell;1";
      put.contents.emplace_back("maker", Value::String("a maker of cells"));
      put.contents.emplace_back("serial", Value::String(absl::StrCat(cell)));
      for (int p = 0; p < 6; ++p) {
        put.contents.emplace_back(absl::StrCat("p", p), Value::Double(cell / 8.0));
      }
      batch.operations.emplace_back(std::move(put));
      if (batch.operations.size() < 10'000) continue;
      Write(std::move(batch));
      Wait();
      batch = WriteBatch();
      batch.atomic = false;
    }
    Write(std::move(batch));
    Wait();
    create_seconds_ = OthersSeconds() - start;
  }

  NoJournal journal_;
  GuardedGraph graph_;
  std::unique_ptr<Writer> writer_;
  double create_seconds_ = 0;
};

void BM_Create(benchmark::State& state) {
  for (auto _ : state) state.SetIterationTime(Fleet::Get().create_seconds());
  state.SetItemsProcessed(kCells);
}
BENCHMARK(BM_Create)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

// `cells`: of so many, which all caches together hold or do not. `columns`: as PatchColumns.
void BM_Set(benchmark::State& state) {
  constexpr int kBatches = 256;
  constexpr int kBatch = 1'000;
  Fleet& fleet = Fleet::Get();
  const auto cells = static_cast<uint32_t>(state.range(0));
  uint32_t random = 1;
  std::vector<WriteBatch> batches(64);
  const bool as_columns = state.range(1) != 0;
  for (WriteBatch& batch : batches) {
    PatchColumns columns({{{"p0"}}, {{"p1"}}, {{"p2"}}});
    for (int i = 0; i < kBatch; ++i) {
      random = random * 1664525 + 1013904223;
      PatchTwin patch;
      patch.id = CellId(random / 16 % cells);
      for (int p = 0; p < 3; ++p) {
        Edit& edit = patch.edits.emplace_back();
        edit.path = {absl::StrCat("p", p)};
        edit.value = Value::Double(random / 8.0);
      }
      if (as_columns) {
        const Value value = patch.edits[0].value;
        TWIN_CHECK(columns.Add(patch.id, {value, value, value}));
      } else {
        batch.operations.emplace_back(std::move(patch));
      }
    }
    if (as_columns) batch.patches = std::move(columns);
  }
  const uint64_t bytes = fleet.journal_bytes();
  for (auto _ : state) {
    const double start = OthersSeconds();
    for (int i = 0; i < kBatches; ++i) fleet.Write(batches[static_cast<size_t>(i) % 64]);
    fleet.Wait();
    state.SetIterationTime(OthersSeconds() - start);
  }
  const int64_t rows = static_cast<int64_t>(state.iterations()) * kBatches * kBatch;
  state.SetItemsProcessed(rows);
  state.counters["journal_bytes_a_row"] =
      static_cast<double>(fleet.journal_bytes() - bytes) / static_cast<double>(rows);
}
BENCHMARK(BM_Set)
    ->ArgNames({"cells", "columns"})
    ->ArgsProduct({{kCells, 1'000}, {0, 1}})
    ->UseManualTime()
    ->Iterations(3);

}  // namespace
}  // namespace twin::ingest
