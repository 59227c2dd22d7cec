// Latest values of a page's rows at once against the same values one by one.
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/graph/graph.h"

namespace twin::graph {
namespace {

constexpr absl::string_view kModel =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:A;1","@type":"Interface","contents":[
      {"@type":"Telemetry","name":"narrow","schema":"float"},
      {"@type":"Telemetry","name":"wide","schema":"double"}]})";
constexpr uint32_t kTwins = 300;  // three pages, the last not full

std::unique_ptr<Graph> MakeGraph() {
  ModelState state;
  state.id = "dtmi:t:A;1";
  state.text = std::string(kModel);
  auto graph = std::make_unique<Graph>();
  graph->SetCatalog(Catalog::Create({state}, nullptr).value());
  for (uint32_t i = 0; i < kTwins; ++i) {
    graph->CreateTwin(TwinNumber(i), absl::StrCat("t", i), TableId(0), Sequence(1), Time{1});
  }
  return graph;
}

void ExpectSame(const GraphView& a, const GraphView& b, int step) {
  for (uint32_t i = 0; i < kTwins; ++i) {
    for (uint32_t c = 0; c < 2; ++c) {
      const Cell x = a.Get(TwinNumber(i), ColumnId(c));
      const Cell y = b.Get(TwinNumber(i), ColumnId(c));
      ASSERT_EQ(x.value, y.value) << step << ": " << i << " " << c;
      if (x.value.is_null()) continue;
      ASSERT_EQ(x.update_time.ns, y.update_time.ns) << step << ": " << i << " " << c;
      ASSERT_EQ(x.source_time.ns, y.source_time.ns) << step << ": " << i << " " << c;
    }
  }
}

TEST(LatestTest, RunsSetWhatSingleValuesSet) {
  const std::unique_ptr<Graph> runs = MakeGraph();
  const std::unique_ptr<Graph> singles = MakeGraph();
  std::mt19937 random(20261121);
  const auto pick = [&](int64_t below) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(below));
  };
  std::shared_ptr<const GraphView> pinned;
  std::vector<double> pinned_values;
  for (int step = 0; step < 600; ++step) {
    const ColumnId column(static_cast<uint32_t>(pick(2)));
    const uint32_t page = static_cast<uint32_t>(pick(3));
    const uint32_t first = page * GraphView::kPageRows;
    const uint32_t end = std::min(first + GraphView::kPageRows, kTwins);
    // All of a page, neighbours, or some.
    std::vector<uint32_t> rows;
    const int64_t form = pick(3);
    const uint32_t from = first + static_cast<uint32_t>(pick(end - first));
    for (uint32_t row = first; row < end; ++row) {
      if (form == 0 || (form == 1 && row >= from) || (form == 2 && pick(3) == 0))
        rows.push_back(row);
    }
    if (rows.empty()) continue;
    std::vector<double> values;
    for (size_t i = 0; i < rows.size(); ++i) values.push_back(static_cast<double>(pick(1000)) / 8);
    const Time update{1'000 + step};
    // Late, equal, new; the server's own; 1970, which is stored in a form of its own.
    const Time source = pick(4) == 0 ? update : Time{pick(5) == 0 ? 0 : 500 + pick(700)};
    runs->SetLatest(TableId(0), column, rows, values, update, source);
    for (size_t i = 0; i < rows.size(); ++i) {
      // Rows are numbers here: no twin has moved.
      singles->SetLatest(TwinNumber(rows[i]), column, Value::Double(values[i]), update, source);
    }
    if (step % 20 == 0) ExpectSame(runs->head(), singles->head(), step);
    if (HasFatalFailure()) return;
    if (step == 300) {
      pinned = runs->Pin();
      for (uint32_t i = 0; i < kTwins; ++i) {
        const Value value = pinned->GetValue(TwinNumber(i), ColumnId(1));
        pinned_values.push_back(value.is_null() ? -1 : value.as_double());
      }
    }
  }
  ExpectSame(runs->head(), singles->head(), 600);
  for (uint32_t i = 0; i < kTwins; ++i) {
    const Value value = pinned->GetValue(TwinNumber(i), ColumnId(1));
    EXPECT_EQ(value.is_null() ? -1 : value.as_double(), pinned_values[i]) << i;
  }
}

TEST(LatestTest, RowsEpochRisesWhenRowsChangeHands) {
  const std::unique_ptr<Graph> graph = MakeGraph();
  uint64_t epoch = graph->head().rows_epoch();
  graph->SetLatest(TwinNumber(1), ColumnId(0), Value::Double(1), Time{2}, Time{2});
  EXPECT_EQ(graph->head().rows_epoch(), epoch);
  graph->DeleteTwin(TwinNumber(3));
  EXPECT_GT(graph->head().rows_epoch(), epoch);
  epoch = graph->head().rows_epoch();
  graph->CreateTwin(TwinNumber(kTwins), "new", TableId(0), Sequence(2), Time{3});
  EXPECT_EQ(graph->head().PlaceOf(TwinNumber(kTwins)).row, 3u);  // the row of the deleted one
  graph->MoveTwin(TwinNumber(1), TableId(0), Sequence(2), Time{3});
  EXPECT_GT(graph->head().rows_epoch(), epoch);
}

TEST(LatestTest, NumbersMoveIntoWiderColumnsWhereTheyAreExact) {
  const auto version = [](uint32_t number, absl::string_view whole, absl::string_view fraction) {
    ModelState state;
    state.id = absl::StrCat("dtmi:t:V;", number);
    state.text = absl::StrCat(
        R"({"@context":"dtmi:dtdl:context;3","@id":")", state.id, R"(","@type":"Interface",)",
        R"("contents":[{"@type":"Telemetry","name":"count","schema":")", whole, R"("},)",
        R"({"@type":"Telemetry","name":"volt","schema":")", fraction, R"("}]})");
    state.table = TableId(number - 1);
    return state;
  };
  Graph graph;
  graph.SetCatalog(
      Catalog::Create({version(1, "long", "float"), version(2, "double", "double")}, nullptr)
          .value());
  const int64_t counts[] = {7, (int64_t{1} << 53) + 1};
  for (uint32_t i = 0; i < 2; ++i) {
    const TwinNumber twin(i);
    graph.CreateTwin(twin, absl::StrCat("t", i), TableId(0), Sequence(1), Time{1});
    graph.SetValue(twin, ColumnId(0), Value::Int(counts[i]), Time{3}, Time{2});
    graph.SetValue(twin, ColumnId(1), Value::Double(0.5), Time{3}, Time{2});
    graph.MoveTwin(twin, TableId(1), Sequence(2), Time{9});
    EXPECT_EQ(graph.head().GetValue(twin, ColumnId(1)), Value::Double(0.5));
    EXPECT_EQ(graph.head().Get(twin, ColumnId(1)).source_time, Time{2});
  }
  EXPECT_EQ(graph.head().GetValue(TwinNumber(0), ColumnId(0)), Value::Double(7));
  EXPECT_TRUE(graph.head().GetValue(TwinNumber(1), ColumnId(0)).is_null());
}

}  // namespace
}  // namespace twin::graph
