// Random batches of samples, checked, recorded and applied, against a map of what each sample says.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/graph/graph.h"
#include "server/ingest/telemetry_checker.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"
#include "server/timeseries/store.h"

namespace twin::ingest {
namespace {

constexpr absl::string_view kCell =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Cell;1","@type":"Interface","contents":[
      {"@type":"Telemetry","name":"voltage","schema":"double"},
      {"@type":"Telemetry","name":"temperature","schema":"float"},
      {"@type":"Telemetry","name":"count","schema":"long"},
      {"@type":"Property","name":"level","schema":"double"}]})";
constexpr absl::string_view kPack =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:Pack;1","@type":"Interface","contents":[
      {"@type":"Telemetry","name":"current","schema":"double"},
      {"@type":"Telemetry","name":"voltage","schema":"double"}]})";
constexpr std::array<const char*, 5> kPaths = {"voltage", "temperature", "count", "level",
                                               "current"};
constexpr uint32_t kTwins = 300;  // of pages of 128 rows
constexpr int64_t kNow = 1'700'000'000'000'000'000;

bool IsPack(uint32_t twin) { return twin % 10 == 0; }
bool Has(uint32_t twin, const std::string& path) {
  return path == "voltage" || (path == "current") == IsPack(twin);
}
std::string IdOf(uint32_t twin) { return absl::StrCat("a-twin-with-a-long-id-", twin); }

// A graph and a history that records of samples are applied to.
struct Applied {
  Applied() {
    graph::ModelState cell;
    cell.id = "dtmi:t:Cell;1";
    cell.text = std::string(kCell);
    graph::ModelState pack;
    pack.id = "dtmi:t:Pack;1";
    pack.table = TableId(1);
    pack.text = std::string(kPack);
    graph.SetCatalog(graph::Catalog::Create({cell, pack}, nullptr).value());
    for (uint32_t i = 0; i < kTwins; ++i) {
      graph.CreateTwin(TwinNumber(i), IdOf(i), TableId(IsPack(i) ? 1 : 0), Sequence(i + 1),
                       Time{1});
      graph.Advance(Sequence(i + 1), Time{1});
    }
  }
  void Apply(const std::string& record, uint64_t rows) {
    const Sequence first(graph.head().sequence().value + 1);
    const absl::Status status = state.Apply(record, first, rows, Sequence(0), &graph);
    TWIN_CHECK(status.ok()) << status;
  }

  graph::Graph graph;
  timeseries::Store store{{}};
  TelemetryState state{&store};
};

// What samples say: by twin and path.
using Key = std::pair<uint32_t, std::string>;
struct Said {
  std::map<Key, std::pair<int64_t, double>> latest;
  std::map<Key, std::map<int64_t, double>> history;

  void Note(uint32_t twin, const std::string& path, int64_t time, double value) {
    const auto [found, added] = latest.try_emplace({twin, path}, time, value);
    if (!added && found->second.first <= time) found->second = {time, value};
    if (path != "level") history[{twin, path}][time] = value;  // it is not kept
  }
};

// One batch, and what it is of.
struct Message {
  std::vector<std::string> ids;
  std::vector<uint32_t> twins;  // kTwins: nobody
  std::vector<int64_t> times;
  struct Column {
    std::string path;
    std::vector<double> doubles;
    std::vector<int64_t> ints;
    std::vector<uint32_t> missing;
    bool Has(size_t row) const {
      return ints.empty() ? !std::isnan(doubles[row])
                          : std::find(missing.begin(), missing.end(), row) == missing.end();
    }
    double At(size_t row) const {
      return ints.empty() ? doubles[row] : static_cast<double>(ints[row]);
    }
  };
  std::vector<Column> columns;

  SampleBatch Batch() const {
    SampleBatch batch;
    batch.twin_ids.assign(ids.begin(), ids.end());
    batch.times = times;
    for (const Column& column : columns) {
      batch.columns.push_back({.path = column.path,
                               .doubles = column.doubles,
                               .ints = column.ints,
                               .values = {},
                               .missing = column.missing});
    }
    return batch;
  }
  bool IsWrong(size_t row) const {
    if (twins[row] == kTwins || times[row] > kNow + 1'000'000'000'000) return true;
    for (const Column& column : columns) {
      if (!column.Has(row)) continue;
      if (!twin::ingest::Has(twins[row], column.path) || std::isinf(column.At(row))) return true;
    }
    return false;
  }
};

class Messages {
 public:
  explicit Messages(uint32_t seed) : random_(seed) {}

  Message Next() {
    Message message;
    const size_t rows = 1 + Pick(Pick(4) == 0 ? 400 : 20);
    const bool cells_only = Pick(3) > 0;
    const bool in_order = Pick(2) == 0;
    const bool some_wrong = Pick(3) == 0;
    // One time of all, the newest; or any, some of them twice.
    const int64_t time = kNow - 1'000'000 + ++messages_ * 1'000;
    const bool one_time = Pick(2) == 0;
    uint32_t next = static_cast<uint32_t>(Pick(kTwins));
    for (size_t row = 0; row < rows; ++row) {
      uint32_t twin = in_order ? next++ % kTwins : static_cast<uint32_t>(Pick(kTwins));
      if (Pick(8) == 0 && row > 0) twin = message.twins.back() % kTwins;
      if (cells_only && IsPack(twin)) ++twin;
      const bool nobody = some_wrong && Pick(30) == 0;
      message.twins.push_back(nobody ? kTwins : twin);
      message.ids.push_back(nobody ? "nobody" : IdOf(twin));
      message.times.push_back(one_time ? time : kNow - static_cast<int64_t>(Pick(40)) * 1'000);
      if (some_wrong && Pick(50) == 0) message.times.back() = kNow + 2'000'000'000'000;
    }
    std::set<std::string> paths;
    for (size_t i = 0; i < 1 + Pick(3); ++i) {
      paths.insert(kPaths[Pick(cells_only ? 4 : kPaths.size())]);
    }
    for (const std::string& path : paths) message.columns.push_back(ColumnOf(path, rows, message));
    return message;
  }

 private:
  uint64_t Pick(uint64_t below) { return random_() % below; }

  Message::Column ColumnOf(const std::string& path, size_t rows, const Message& message) {
    Message::Column column;
    column.path = path;
    const bool complete = Pick(2) == 0;
    const bool infinite = Pick(10) == 0;
    for (size_t row = 0; row < rows; ++row) {
      const bool has = (complete || Pick(4) > 0) &&
                       (message.twins[row] == kTwins || Has(message.twins[row], path));
      const auto number = static_cast<int64_t>(Pick(1000));
      if (path == "count") {
        column.ints.push_back(number);
        if (!has) column.missing.push_back(static_cast<uint32_t>(row));
      } else {
        column.doubles.push_back(!has                        ? std::nan("")
                                 : infinite && Pick(20) == 0 ? HUGE_VAL
                                                             : static_cast<double>(number) / 8);
      }
    }
    return column;
  }

  std::mt19937_64 random_;
  int64_t messages_ = 0;
};

void ExpectLatest(const graph::GraphView& head, const Said& said) {
  for (uint32_t twin = 0; twin < kTwins; ++twin) {
    const graph::TableSchema& table = head.TableOf(TwinNumber(twin));
    for (const graph::ColumnSchema& column : table.columns) {
      const graph::Cell cell = head.Get(TwinNumber(twin), table.IdOf(column));
      const auto expected = said.latest.find({twin, column.path});
      ASSERT_EQ(cell.value.is_null(), expected == said.latest.end()) << twin << column.path;
      if (cell.value.is_null()) continue;
      const double value = cell.value.kind() == Value::Kind::kInt
                               ? static_cast<double>(cell.value.as_int())
                               : cell.value.as_double();
      ASSERT_EQ(value, expected->second.second) << twin << column.path;
      ASSERT_EQ(cell.source_time.ns, expected->second.first) << twin << column.path;
    }
  }
}

void ExpectHistory(const Applied& applied, const Said& said) {
  const auto snapshot = applied.store.Pin(applied.graph.head().sequence());
  for (const auto& [key, samples] : said.history) {
    timeseries::ReadRequest request;
    request.series.emplace_back();
    request.series[0].key.twin = TwinNumber(key.first);
    ASSERT_TRUE(applied.store.FindPath(key.second, &request.series[0].key.path)) << key.second;
    request.from = 0;
    request.to = INT64_MAX;
    const absl::Status status = snapshot->Read(
        {&request, 1},
        [&, &key = key, &samples = samples](size_t, const timeseries::ReadRows& rows) {
          std::map<int64_t, double> read;
          for (size_t i = 0; i < rows.times.size(); ++i) {
            read[rows.times[i]] = rows.columns[0].doubles[i];
          }
          EXPECT_EQ(read, samples) << key.first << key.second;
          return absl::OkStatus();
        });
    ASSERT_TRUE(status.ok()) << status;
  }
}

class Samples : public ::testing::TestWithParam<uint32_t> {};

TEST_P(Samples, AreWhatEachOfThemSays) {
  Applied applied;
  Applied replayed;
  const PendingState pending(&applied.graph.head());
  const Limits limits;
  const ExpiryOptions expiry;
  TelemetryChecker checker(limits, expiry, &pending, &applied.state);
  Said said;
  Messages messages(GetParam());
  for (int i = 0; i < 150; ++i) {
    const Message message = messages.Next();
    TelemetryBatch batch;
    batch.samples.push_back(message.Batch());
    const CheckedTelemetry checked = checker.Check(batch, Time{kNow});
    ASSERT_TRUE(checked.result.status.ok()) << checked.result.status;
    std::vector<uint32_t> rejects;
    for (const Reject& reject : checked.result.rejects) rejects.push_back(reject.index);
    std::vector<uint32_t> wrong;
    bool sets_properties = false;
    for (uint32_t row = 0; row < message.twins.size(); ++row) {
      if (message.IsWrong(row)) {
        wrong.push_back(row);
        continue;
      }
      for (const Message::Column& column : message.columns) {
        if (!column.Has(row)) continue;
        sets_properties |= column.path == "level";
        said.Note(message.twins[row], column.path, message.times[row], column.At(row));
      }
    }
    ASSERT_EQ(checked.result.rejects_total, wrong.size());
    wrong.resize(std::min<size_t>(wrong.size(), kRejectsMax));
    ASSERT_EQ(rejects, wrong);
    ASSERT_EQ(checked.sequences, message.twins.size() - checked.result.rejects_total);
    if (checked.record.empty()) continue;
    EXPECT_TRUE(checked.sets_properties || !sets_properties);
    applied.Apply(checked.record, checked.sequences);
    replayed.Apply(checked.record, checked.sequences);
    if (i % 25 == 0) ExpectLatest(applied.graph.head(), said);
    if (HasFatalFailure()) return;
  }
  ExpectLatest(applied.graph.head(), said);
  ExpectHistory(applied, said);
  ExpectLatest(replayed.graph.head(), said);
  ExpectHistory(replayed, said);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Samples, ::testing::Range(1u, 9u));

// A twin that was deleted after its samples were checked keeps nothing, and its neighbours all.
TEST(SamplesOfGoneTwins, ArePassedOver) {
  Applied applied;
  SamplesRecord record;
  record.time = Time{kNow};
  SampleRun& run = record.runs.emplace_back();
  for (const uint32_t twin : {1u, 2u, 3u}) run.twins.push_back(TwinNumber(twin));
  run.times = {kNow, kNow, kNow};
  SampleRun::Column& column = run.columns.emplace_back();
  column.path = "voltage";
  column.missing = {0, 0, 0};
  column.doubles = {1, 2, 3};
  std::string bytes;
  EncodeRecord(record, &bytes);
  applied.graph.DeleteTwin(TwinNumber(2));
  applied.Apply(bytes, 3);
  const graph::GraphView& head = applied.graph.head();
  EXPECT_FALSE(head.Exists(TwinNumber(2)));
  const graph::TableSchema& table = head.TableOf(TwinNumber(1));
  const ColumnId column_id = table.IdOf(*table.FindColumn("voltage"));
  for (const uint32_t twin : {1u, 3u}) {
    EXPECT_EQ(head.GetValue(TwinNumber(twin), column_id), Value::Double(twin));
  }
  timeseries::PathId voltage;
  ASSERT_TRUE(applied.store.FindPath("voltage", &voltage));
  EXPECT_TRUE(applied.store.Has({TwinNumber(3), voltage}));
  EXPECT_FALSE(applied.store.Has({TwinNumber(2), voltage}));
}

}  // namespace
}  // namespace twin::ingest
