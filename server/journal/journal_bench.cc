// Appends with one and with many in flight, beside what one write and sync of the same bytes costs
// on a file whose blocks were written before.
#include <benchmark/benchmark.h>

#include <chrono>
#include <filesystem>
#include <latch>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/file.h"
#include "server/journal/file_journal.h"

namespace twin::journal {
namespace {

constexpr size_t kRecordBytes = 120;  // a patch of three properties
constexpr int kSyncs = 500;

std::string Folder() {
  return JoinPath(std::filesystem::temp_directory_path().string(), "twin-journal-bench");
}

// Seconds of one write and sync of so many bytes.
double FloorSeconds(size_t bytes) {
  const std::string path = absl::StrCat(Folder(), "-floor");
  auto file = PosixFileSystem()->Create(path);
  TWIN_CHECK(file.ok()) << file.status();
  const std::string block(bytes, 'x');
  const std::string zeros(4 << 20, '\0');
  TWIN_CHECK((*file)->Write(0, zeros).ok()) << path;
  TWIN_CHECK((*file)->Sync().ok()) << path;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kSyncs; ++i) {
    TWIN_CHECK((*file)->Write(i * bytes % (zeros.size() - bytes), block).ok()) << path;
    TWIN_CHECK((*file)->Sync().ok()) << path;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  TWIN_CHECK(PosixFileSystem()->Remove(path).ok()) << path;
  return taken.count() / kSyncs;
}

void BM_Append(benchmark::State& state) {
  const auto in_flight = static_cast<int>(state.range(0));
  const double floor = FloorSeconds(kRecordBytes * static_cast<size_t>(in_flight) + 64);
  std::filesystem::remove_all(Folder());
  auto journal = FileJournal::Open({.folder = Folder()});
  TWIN_CHECK(journal.ok()) << journal.status();
  const Epoch epoch = *(*journal)->Claim();
  uint64_t next = 1;
  double seconds = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    std::latch done(in_flight);
    for (int i = 0; i < in_flight; ++i) {
      (*journal)->Append(epoch, {Sequence(next++), 1, std::string(kRecordBytes, 'r')},
                         [&done](const absl::Status& status) {
                           TWIN_CHECK(status.ok()) << status;
                           done.count_down();
                         });
    }
    done.wait();
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  state.SetItemsProcessed(state.iterations() * in_flight);
  state.counters["floor_us"] = floor * 1e6;
  state.counters["x_floor"] = seconds / static_cast<double>(state.iterations()) / floor;
  state.counters["groups"] = static_cast<double>((*journal)->status().groups);
  journal->reset();
  std::filesystem::remove_all(Folder());
}
BENCHMARK(BM_Append)->Arg(1)->Arg(64)->Arg(1000)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace twin::journal
