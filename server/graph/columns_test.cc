// Batches against single values, on random tables with holes.
#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/graph/graph.h"

namespace twin::graph {
namespace {

constexpr absl::string_view kModel =
    R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:t:A;1","@type":"Interface","contents":[
      {"@type":"Property","name":"a","schema":"boolean"},
      {"@type":"Property","name":"b","schema":"integer"},
      {"@type":"Property","name":"c","schema":"long"},
      {"@type":"Property","name":"d","schema":"float"},
      {"@type":"Property","name":"e","schema":"double"},
      {"@type":"Property","name":"f","schema":"dateTime"},
      {"@type":"Property","name":"g","schema":"string"},
      {"@type":"Property","name":"h","schema":{"@type":"Array","elementSchema":"string"}},
      {"@type":"Relationship","name":"has","properties":[
        {"@type":"Property","name":"position","schema":"integer"}]},
      {"@type":"Relationship","name":"near"}]})";
constexpr uint32_t kTwins = 1000;

Value ValueOf(ColumnType type, uint32_t n) {
  switch (type) {
    case ColumnType::kBool:
      return Value::Bool(n % 3 == 0);
    case ColumnType::kInt32:
    case ColumnType::kInt64:
      return Value::Int(int64_t{n} - 500);
    case ColumnType::kFloat:
    case ColumnType::kDouble:
      return Value::Double(n / 4.0);
    case ColumnType::kTime:
      return Value::OfTime(Time{int64_t{n} * kNsPerSecond});
    case ColumnType::kString:
      return Value::String(absl::StrCat("text ", n / 5));
    case ColumnType::kDocument:
      return Value::Array({Value::String(absl::StrCat("t", n))});
  }
  return Value();
}

class ColumnsTest : public ::testing::Test {
 protected:
  ColumnsTest() {
    ModelState state;
    state.id = "dtmi:t:A;1";
    state.text = std::string(kModel);
    catalog_ = Catalog::Create({state}, nullptr).value();
    graph_.SetCatalog(catalog_);
    for (uint32_t i = 0; i < kTwins; ++i) {
      graph_.CreateTwin(TwinNumber(i), absl::StrCat("twin-", i), TableId(0), Sequence(1), Time{1});
      for (uint32_t c = 0; c < 8; ++c) {
        // Pages that are full, that have holes, and that were never written.
        if ((i / 128) % 3 == 2 || ((i / 128) % 3 == 1 && random_() % 4 == 0)) continue;
        graph_.SetValue(TwinNumber(i), ColumnId(c), ValueOf(TypeOf(c), i), Time{int64_t{i} + 10},
                        Time{int64_t{i} / 2 + 10});
      }
    }
    for (uint32_t i = 0; i < 300; ++i) {
      const uint32_t type = random_() % 2;
      graph_.CreateRelationship(RelationshipNumber(i), RelationshipTypeId(type),
                                TwinNumber(random_() % 50), TwinNumber(random_() % 50),
                                absl::StrCat("r", i), Sequence(2));
      if (type == 0 && i % 3 != 0) {
        graph_.SetValue(RelationshipNumber(i), ColumnId(0), Value::Int(i));
      }
    }
    graph_.Advance(Sequence(2), Time{2});
  }

  ColumnType TypeOf(uint32_t column) const {
    return catalog_->table(TableId(0)).columns[column].type;
  }

  // What a batch has for a row, as a Value.
  template <typename Expected>
  void Check(ColumnType type, const std::vector<uint32_t>& rows, Expected expected,
             absl::FunctionRef<void(const ColumnBatch&)> read) {
    std::vector<uint8_t> nulls = {1, 2, 3};  // what was there before is gone
    std::vector<uint8_t> bools(rows.size());
    std::vector<int64_t> ints(rows.size());
    std::vector<double> doubles(rows.size());
    std::vector<absl::string_view> strings(rows.size());
    read({&nulls, bools.data(), ints.data(), doubles.data(), strings.data()});
    ASSERT_TRUE(nulls.empty() || nulls.size() == rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      Value found;
      if (nulls.empty() || nulls[i] == 0) {
        if (type == ColumnType::kBool) found = Value::Bool(bools[i] != 0);
        if (type == ColumnType::kInt32 || type == ColumnType::kInt64) found = Value::Int(ints[i]);
        if (type == ColumnType::kTime) found = Value::OfTime(Time{ints[i]});
        if (type == ColumnType::kFloat || type == ColumnType::kDouble) {
          found = Value::Double(doubles[i]);
        }
        if (type == ColumnType::kString) found = Value::String(strings[i]);
        if (type == ColumnType::kDocument) {
          absl::string_view bytes = strings[i];
          TWIN_CHECK(Value::Decode(&bytes, &found).ok());
        }
      }
      ASSERT_EQ(found, expected(rows[i])) << "row " << rows[i] << " of column type "
                                          << static_cast<int>(type) << ": " << found.DebugString();
    }
  }

  std::mt19937 random_{7};
  std::shared_ptr<const Catalog> catalog_;
  Graph graph_;
};

TEST_F(ColumnsTest, BatchesHoldWhatSingleReadsGive) {
  const GraphView& view = graph_.head();
  std::vector<std::vector<uint32_t>> batches(6);
  for (uint32_t i = 0; i < kTwins; ++i) {
    batches[0].push_back(i);                           // all
    if (i >= 130 && i < 380) batches[1].push_back(i);  // across pages
    if (i % 3 == 0) batches[2].push_back(i);           // filtered
    batches[3].push_back(random_() % kTwins);          // anything, some twice
    batches[4].push_back(kTwins - 1 - i);              // backwards
    if (i % 50 < 20) batches[5].push_back(i);          // runs and gaps
  }
  for (uint32_t c = 0; c < 8; ++c) {
    for (const std::vector<uint32_t>& rows : batches) {
      const auto expected = [&](uint32_t row) {
        return view.GetValue(TwinNumber(row), ColumnId(c));
      };
      Check(TypeOf(c), rows, expected, [&](const ColumnBatch& batch) {
        view.ReadColumn(TableId(0), ColumnId(c), rows, batch);
      });
      std::vector<uint8_t> nulls;
      std::vector<int64_t> times(rows.size());
      for (const bool source : {false, true}) {
        view.ReadTimes(TableId(0), ColumnId(c), rows, source, &nulls, times.data());
        for (size_t i = 0; i < rows.size(); ++i) {
          const Cell cell = view.Get(TwinNumber(rows[i]), ColumnId(c));
          ASSERT_EQ(!nulls.empty() && nulls[i] != 0, cell.value.is_null());
          if (cell.value.is_null()) continue;
          ASSERT_EQ(times[i], (source ? cell.source_time : cell.update_time).ns);
        }
      }
    }
  }
}

TEST_F(ColumnsTest, RowsAndPlaces) {
  for (uint32_t i = 400; i < 700; ++i) {
    if (i % 7 < 3) graph_.DeleteTwin(TwinNumber(i));
  }
  const GraphView& view = graph_.head();
  EXPECT_EQ(view.Rows(TableId(0)), kTwins);
  EXPECT_EQ(view.Rows(TableId(5)), 0);
  for (const auto& [first, count] : std::vector<std::pair<uint32_t, uint32_t>>{
           {0, 2000}, {100, 1}, {380, 300}, {999, 10}, {1000, 5}, {0, 0}}) {
    std::vector<uint32_t> twins = {77};
    std::vector<uint32_t> rows = {88};
    view.ListRows(TableId(0), first, count, &twins, &rows);
    std::vector<uint32_t> expected = {77};
    for (uint32_t i = first; i < std::min(first + count, kTwins); ++i) {
      if (view.Exists(TwinNumber(i))) expected.push_back(i);
    }
    EXPECT_EQ(twins, expected);
    ASSERT_EQ(rows.size(), twins.size());
    std::vector<TwinPlace> places(twins.size());
    view.PlacesOf(absl::MakeSpan(twins).subspan(1), places.data());
    for (size_t i = 1; i < twins.size(); ++i) EXPECT_EQ(places[i - 1].row, rows[i]);
  }
}

TEST_F(ColumnsTest, Links) {
  graph_.DeleteRelationship(RelationshipNumber(5));
  const GraphView& view = graph_.head();
  std::vector<uint32_t> types(300);
  std::vector<uint32_t> sources(300);
  std::vector<uint32_t> targets(300);
  view.ReadLinks(0, 300, types.data(), sources.data(), targets.data());
  std::vector<uint32_t> with_column;
  for (uint32_t i = 0; i < 300; ++i) {
    ASSERT_EQ(types[i] == UINT32_MAX, i == 5);
    if (i == 5) continue;
    const Relationship one = view.Get(RelationshipNumber(i));
    const Link link = view.LinkOf(RelationshipNumber(i));
    EXPECT_EQ(types[i], one.type.value);
    EXPECT_EQ(sources[i], one.source.value);
    EXPECT_EQ(targets[i], one.target.value);
    EXPECT_TRUE(link.source == one.source && link.target == one.target && link.type == one.type);
    EXPECT_EQ(link.next_outgoing, view.NextOutgoing(RelationshipNumber(i)));
    EXPECT_EQ(link.next_incoming, view.NextIncoming(RelationshipNumber(i)));
    if (types[i] == 0) with_column.push_back(i);
  }
  Check(
      ColumnType::kInt32, with_column,
      [&](uint32_t number) { return view.GetValue(RelationshipNumber(number), ColumnId(0)); },
      [&](const ColumnBatch& batch) {
        view.ReadColumn(RelationshipTypeId(0), ColumnId(0), with_column, batch);
      });
}

TEST_F(ColumnsTest, TopologyFollowsRelationshipsOfItsTypeOnly) {
  const auto before = graph_.Pin();
  const uint64_t has = before->topology(RelationshipTypeId(0));
  const uint64_t near = before->topology(RelationshipTypeId(1));
  graph_.SetValue(TwinNumber(3), ColumnId(1), Value::Int(1), Time{5}, Time{5});
  graph_.CreateRelationship(RelationshipNumber(300), RelationshipTypeId(1), TwinNumber(1),
                            TwinNumber(2), "r300", Sequence(3));
  EXPECT_EQ(graph_.head().topology(RelationshipTypeId(0)), has);
  EXPECT_GT(graph_.head().topology(RelationshipTypeId(1)), near);
  EXPECT_EQ(graph_.head().relationships(RelationshipTypeId(1)),
            before->relationships(RelationshipTypeId(1)) + 1);
  const uint64_t with_it = graph_.head().topology(RelationshipTypeId(1));
  graph_.DeleteRelationship(RelationshipNumber(300));
  EXPECT_GT(graph_.head().topology(RelationshipTypeId(1)), with_it);
  EXPECT_EQ(before->topology(RelationshipTypeId(1)), near);
}

}  // namespace
}  // namespace twin::graph
