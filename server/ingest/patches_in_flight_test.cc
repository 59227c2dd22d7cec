// Batches of alike patches among other writes, with many records in flight: against the same
// patches as operations, one batch after the other. Results, changes and states are the same.
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/ingest/pending_patches.h"
#include "server/ingest/writer_fixture.h"
#include "tests/support/status_matchers.h"

namespace twin::ingest {
namespace {

constexpr int kTwins = 24;
constexpr char kGauges[] = R"([
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:g:Gauge;1","@type":"Interface","contents":[
    {"@type":"Property","name":"a","schema":"double"},
    {"@type":"Property","name":"b","schema":"float"},
    {"@type":"Property","name":"c","schema":"integer"},
    {"@type":"Property","name":"d","schema":"boolean"},
    {"@type":"Property","name":"name","schema":"string"}]},
  {"@context":"dtmi:dtdl:context;4","@id":"dtmi:g:Gauge;2","@type":"Interface",
   "extends":"dtmi:g:Gauge;1","contents":[]}])";

class PatchesInFlight : public ::testing::TestWithParam<uint32_t> {
 protected:
  PatchesInFlight() : random_(GetParam()) {}

  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool Chance(uint32_t percent) { return Pick(100) < percent; }
  std::string AnyId() { return absl::StrCat("t", Pick(kTwins)); }

  Operation AnyOperation() {
    const std::string id = AnyId();
    switch (Pick(6)) {
      case 0:
        return DeleteTwin{id, {}, false};
      case 1: {
        PatchTwin patch = PatchOf(id, {});
        patch.model_id = Chance(50) ? "dtmi:g:Gauge;1" : "dtmi:g:Gauge;2";
        return patch;
      }
      case 2:
        return PatchOf(id, {Step(Edit::Kind::kRemove, {"a"})});
      case 3: {
        PatchTwin patch = PatchOf(id, {Step(Edit::Kind::kSet, {"a"}, Value::Double(Pick(9)))});
        patch.source_time = Time{static_cast<int64_t>(900'000 + 1'000 * Pick(200))};
        return patch;
      }
      case 4:
        return PatchOf(id, {Step(Edit::Kind::kSet, {"c"}, Value::Int(Pick(9))),
                            Step(Edit::Kind::kSet, {"name"}, Value::String("n"))});
      default:
        return Gauge(id);
    }
  }
  static PutTwin Gauge(const std::string& id) {
    PutTwin put;
    put.id = id;
    put.model_id = "dtmi:g:Gauge;1";
    put.contents.emplace_back("a", Value::Double(1));
    return put;
  }
  PatchColumns AnyPatches() {
    const std::vector<PatchColumns::Column> known = {{{"a"}, Value::Kind::kDouble},
                                                     {{"b"}, Value::Kind::kDouble},
                                                     {{"c"}, Value::Kind::kInt},
                                                     {{"d"}, Value::Kind::kBool}};
    std::vector<PatchColumns::Column> schema;
    for (uint32_t left = 1 + Pick(3); left > 0; --left) schema.push_back(known[Pick(4)]);
    PatchColumns patches(schema);
    for (uint32_t left = 1 + Pick(8); left > 0; --left) {
      std::vector<Value> values;
      for (const PatchColumns::Column& column : schema) {
        values.push_back(column.kind == Value::Kind::kDouble ? Value::Double(Pick(99) / 8.0)
                         : column.kind == Value::Kind::kInt  ? Value::Int(Pick(9))
                                                             : Value::Bool(Chance(50)));
      }
      TWIN_CHECK(patches.Add(AnyId(), values));
    }
    return patches;
  }

  // To add a top-level property is to set it, the long way.
  static WriteBatch OneByOne(const PatchColumns& patches) {
    WriteBatch batch;
    for (size_t row = 0; row < patches.rows(); ++row) {
      PatchTwin patch = RowOf(patches, row);
      for (Edit& edit : patch.edits) edit.kind = Edit::Kind::kAdd;
      batch.operations.emplace_back(std::move(patch));
    }
    return batch;
  }
  static WriteBatch Begin() {
    WriteBatch batch;
    for (int i = 0; i < kTwins; ++i) batch.operations.emplace_back(Gauge(absl::StrCat("t", i)));
    return batch;
  }
  static WriteBatch Models() {
    WriteBatch batch;
    batch.operations.emplace_back(CreateModels{{kGauges}});
    return batch;
  }
  // Of each record, as text; and how many records are of rows.
  static std::vector<std::string> Changes(Bench* bench, int* of_rows) {
    auto reader = bench->journal_.ReadFrom(Sequence(1));
    TWIN_CHECK(reader.ok());
    std::vector<std::string> all;
    journal::Record record;
    while (*(*reader)->Next(&record)) {
      GraphRecord decoded;
      TWIN_CHECK(DecodeRecord(record.bytes, &decoded).ok());
      std::string written;
      EncodeRecord(decoded, &written);
      *of_rows += written != record.bytes ? 1 : 0;
      std::string& text = all.emplace_back();
      for (const Unit& unit : decoded.units) {
        for (const Change& each : unit.changes) {
          absl::StrAppend(&text, static_cast<int>(each.kind), " ", each.number, " ", each.column,
                          " ", each.text, " ", each.old_value.DebugString(), " ",
                          each.new_value.DebugString(), " ", each.source_time.ns, "; ");
        }
      }
    }
    return all;
  }
  static std::string Text(const WriteResult& result) {
    std::string all = result.status.ToString();
    for (const OperationResult& each : result.results) {
      absl::StrAppend(&all, " v", each.version.value, " ", each.changed);
    }
    return all;
  }

  std::mt19937 random_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, PatchesInFlight, ::testing::Range(1u, 17u));

TEST_P(PatchesInFlight, EndAsOneByOne) {
  Bench held(/*hold=*/true);
  Bench direct;
  for (const WriteBatch& batch : {Models(), Begin()}) {
    direct.Write(batch);
    std::thread releaser([&] {
      held.WaitForWaiting(1);
      held.journal_.Release();
    });
    held.Write(batch);
    releaser.join();
  }
  constexpr size_t kBatches = 300;
  std::vector<std::string> results(kBatches);
  std::vector<std::string> expected(kBatches);
  for (size_t i = 0; i < kBatches; ++i) {
    WriteBatch batch;
    WriteBatch other;
    if (Chance(75)) {
      batch.patches = AnyPatches();
      other = OneByOne(*batch.patches);
    } else {
      batch.operations.push_back(AnyOperation());
      other = batch;
    }
    expected[i] = Text(direct.Write(std::move(other)));
    held.writer_->Submit(std::move(batch),
                         [&, i](const WriteResult& got) { results[i] = Text(got); });
    if (Chance(10)) held.journal_.Release();
  }
  std::atomic<bool> stopped{false};
  std::thread last([&] {
    while (!stopped) {
      held.journal_.Release();
      std::this_thread::yield();
    }
  });
  held.writer_->Stop();
  stopped = true;
  last.join();
  EXPECT_EQ(results, expected);
  int of_rows = 0;
  int none = 0;
  const std::vector<std::string> changes = Changes(&held, &of_rows);
  const std::vector<std::string> changes_expected = Changes(&direct, &none);
  ASSERT_EQ(changes.size(), changes_expected.size());
  for (size_t i = 0; i < changes.size(); ++i) ASSERT_EQ(changes[i], changes_expected[i]) << i;
  EXPECT_GT(of_rows, 20);
  EXPECT_EQ(none, 0);
  EXPECT_EQ(held.DumpHead(), direct.DumpHead());
  EXPECT_EQ(held.DumpReplay(), held.DumpHead());
}

// --- The part of PendingState ---

void Add(PendingPatches* pending, uint32_t column, const std::vector<uint32_t>& twins,
         uint64_t first_value) {
  RowsChange rows;
  rows.columns = {{ColumnId(column), Value::Kind::kInt}};
  rows.Resize(twins.size());
  pending->Begin({Sequence(first_value), Time{1}, rows.columns}, twins.size());
  for (size_t i = 0; i < twins.size(); ++i) {
    rows.values[0].after[i] = first_value + i;
    pending->Add(TwinNumber(twins[i]));
  }
  pending->SetValues(rows);
}

TEST(PendingPatches, GivesTheLastValueOfEachColumn) {
  PendingPatches pending;
  const auto get = [&](uint32_t twin, uint32_t column) {
    Value value;
    const PendingPatches::Batch* batch = nullptr;
    return pending.Find(pending.Last(TwinNumber(twin)), ColumnId(column), &value, &batch)
               ? value.as_int()
               : -1;
  };
  constexpr uint32_t kAlike = 7 + (1 << 14);  // a number that ends as 7 does
  Add(&pending, 0, {7, kAlike, 8}, 10);
  pending.EndRecord(1);
  Add(&pending, 1, {8, 7}, 20);
  Add(&pending, 0, {kAlike}, 30);
  EXPECT_EQ(pending.IndexOf(pending.Last(TwinNumber(kAlike))), 0u);
  EXPECT_TRUE(pending.IsOfBatch(pending.Last(TwinNumber(kAlike))));
  EXPECT_FALSE(pending.IsOfBatch(pending.Last(TwinNumber(7))));
  EXPECT_FALSE(pending.IsOfBatch(pending.Last(TwinNumber(9))));
  pending.EndRecord(2);
  EXPECT_EQ(get(7, 0), 10);
  EXPECT_EQ(get(7, 1), 21);
  EXPECT_EQ(get(8, 0), 12);
  EXPECT_EQ(get(8, 1), 20);
  EXPECT_EQ(get(kAlike, 0), 30);
  EXPECT_EQ(get(9, 0), -1);
  pending.Applied(1);
  EXPECT_EQ(get(7, 0), -1);
  EXPECT_EQ(get(7, 1), 21);
  EXPECT_EQ(get(kAlike, 0), 30);
  EXPECT_FALSE(pending.empty());
  pending.Applied(2);
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(get(7, 1), -1);
  Add(&pending, 0, {7}, 40);
  EXPECT_EQ(get(7, 0), 40);
  pending.Reset();
  EXPECT_EQ(get(7, 0), -1);
}

}  // namespace
}  // namespace twin::ingest
