// What expressions read from a graph.
#include <gtest/gtest.h>

#include "query/execute/evaluate.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;

// Two models: cells with a voltage in volts, packs with one in millivolts.
class PropertyTest : public ::testing::Test {
 protected:
  static std::vector<Model> Models() {
    Model cell;
    cell.table = TableId(0);
    cell.id = "dtmi:x:Cell;1";
    cell.columns = {ColumnOf("voltage", kDouble),     ColumnOf("soh.value", kDouble),
                    ColumnOf("soh.limits.low", kInt), ColumnOf("current", kDouble, true),
                    ColumnOf("bms.name", kString),    ColumnOf("bms.load", kDouble, true)};
    cell.components = {"bms"};
    Model pack;
    pack.table = TableId(1);
    pack.id = "dtmi:x:Pack;1";
    pack.columns = {ColumnOf("voltage", kInt), ColumnOf("name", kString)};
    return {cell, pack};
  }
  static std::vector<RelationshipType> Types() {
    RelationshipType has;
    has.id = RelationshipTypeId(0);
    has.name = "has";
    has.columns = {ColumnOf("since", kInt)};
    RelationshipType feeds = has;
    feeds.id = RelationshipTypeId(1);
    feeds.name = "feeds";
    feeds.columns = {ColumnOf("x", kString), ColumnOf("since", kDouble)};
    return {has, feeds};
  }

  PropertyTest() : graph_(Models(), Types()) {
    const Value n;
    graph_.AddTwin(0, "c0",
                   {Value::Double(3.5), Value::Double(0.9), Value::Int(1), n, Value::String("b0"),
                    Value::Double(7)});
    graph_.AddTwin(1, "p1", {Value::Int(400000), Value::String("pack")});
    graph_.AddTwin(0, "c2", {n, n, n, n, n, n});
    graph_.AddTwin(0, "c3", {Value::Double(4), n, Value::Int(2), n, n, n});
    graph_.AddRelationship(0, "r0", 1, 0, {Value::Int(5)});
    graph_.AddRelationship(1, "r1", 0, 2, {n, Value::Double(1.5)});
    context_.graph = &graph_;
    context_.slots = &slots_;
  }

  static BoundPtr Voltage() {
    BoundPtr expr = Node(BoundKind::kProperty, kDouble);
    expr->slot = 0;
    expr->text = "voltage";
    expr->columns = {{0, ColumnId(0), kDouble, 1, 0}, {1, ColumnId(0), kInt, 0.001, 0}};
    return expr;
  }
  static BoundPtr At0(BoundKind kind, TypeKind type) {
    BoundPtr expr = Node(kind, type);
    expr->slot = 0;
    return expr;
  }

  std::string Run(const BoundPtr& expr, Batch* batch) {
    Vector out;
    const absl::Status status = Evaluate(*expr, context_, batch, &out);
    return status.ok() ? Text(out) : std::string(status.message());
  }
  std::string Run(const BoundPtr& expr, const std::vector<uint32_t>& twins, TypeKind kind = kTwin) {
    Batch batch = BatchOf({NumberVector(twins, kind)});
    return Run(expr, &batch);
  }

  FakeGraph graph_;
  std::vector<Slot> slots_ = std::vector<Slot>(4);
  EvaluateContext context_;
};

TEST_F(PropertyTest, OneTableIsReadAtOnce) {
  Batch batch = BatchOf({NumberVector({0, 2, 3}, kTwin)});
  EXPECT_EQ(Run(Voltage(), &batch), "3.5, null, 4");
  EXPECT_EQ(graph_.reads, 1);
  EXPECT_EQ(batch.slots[0].places.size(), 3U);  // and kept for the next expression
}

TEST_F(PropertyTest, SeveralTablesInTheOrderOfRowsInOneUnit) {
  EXPECT_EQ(Run(Voltage(), {3, 1, 0, 1, 2}), "4, 400, 3.5, 400, null");
  EXPECT_EQ(graph_.reads, 2);
}

TEST_F(PropertyTest, TablesWithoutThePropertyAreNull) {
  BoundPtr name = At0(BoundKind::kProperty, kString);
  name->columns = {{1, ColumnId(1), kString, 1, 0}};
  EXPECT_EQ(Run(name, {0, 1}), "null, \"pack\"");
  EXPECT_EQ(Run(name, {0, 2}), "null, null");
}

TEST_F(PropertyTest, RowsWithoutATwinAreNull) {
  Batch batch = BatchOf({NumberVector({0, 12345, 1}, kTwin)});
  batch.slots[0].SetNull(1);
  EXPECT_EQ(Run(Voltage(), &batch), "3.5, null, 400");
  Batch one_table = BatchOf({NumberVector({12345, 3}, kTwin)});
  one_table.slots[0].SetNull(0);
  EXPECT_EQ(Run(Voltage(), &one_table), "null, 4");
  Batch none = BatchOf({ColumnVector(kNull, {Value(), Value()})});
  EXPECT_EQ(Run(Voltage(), &none), "null, null");
}

TEST_F(PropertyTest, FilterReadsAColumnOnceAndThenOnlyWhatIsLeft) {
  Batch batch = BatchOf({NumberVector({0, 1, 2, 3, 0, 3, 3, 3}, kTwin)});
  std::vector<BoundPtr> range;
  range.push_back(Op(BoundKind::kGreaterEqual, kBool, Voltage(), Double(3.5)));
  range.push_back(Op(BoundKind::kLess, kBool, Voltage(), Double(4)));
  BoundPtr soh = At0(BoundKind::kProperty, kDouble);
  soh->columns = {{0, ColumnId(1), kDouble, 1, 0}};
  range.push_back(Op(BoundKind::kGreater, kBool, std::move(soh), Double(0)));
  std::vector<uint32_t> rows;
  ASSERT_TRUE(Filter(range, context_, &batch, &rows).ok());
  EXPECT_EQ(rows, (std::vector<uint32_t>{0, 4}));
  EXPECT_EQ(graph_.reads, 3);  // two tables of the voltage, then two rows of the other
  EXPECT_EQ(graph_.read_rows, 8U + 2U);
}

TEST_F(PropertyTest, Documents) {
  BoundPtr document = At0(BoundKind::kDocument, kValue);
  document->text = "soh";
  EXPECT_EQ(Run(document, {0, 1, 2, 3}),
            R"({"value":0.9,"limits":{"low":1}}, null, null, {"limits":{"low":2}})");
  // A component is always there; telemetry is not part of a document.
  document->text = "bms";
  EXPECT_EQ(Run(document, {0, 1, 2}), R"({"name":"b0"}, null, {})");
}

TEST_F(PropertyTest, FieldsModelsAndUpdateTimes) {
  EXPECT_EQ(Run(At0(BoundKind::kField, kString), {1, 0}), R"("p1", "c0")");
  Batch batch = BatchOf({NumberVector({1, 9, 0}, kTwin)});
  batch.slots[0].SetNull(1);
  EXPECT_EQ(Run(At0(BoundKind::kField, kString), &batch), R"("p1", null, "c0")");
  BoundPtr of_model = At0(BoundKind::kOfModel, kBool);
  of_model->tables = {TableId(0)};
  EXPECT_EQ(Run(of_model, &batch), "false, null, true");
  EXPECT_EQ(Run(of_model, {0, 2}), "true, true");
  BoundPtr updated = Voltage();
  updated->kind = BoundKind::kUpdateTime;
  updated->type.kind = kTime;
  EXPECT_EQ(Run(updated, {0, 2}), R"("1970-01-01T00:00:00.000001Z", null)");
  updated->arrival = true;
  EXPECT_EQ(Run(updated, {3}), R"("1970-01-01T00:00:00.000002002Z")");
}

TEST_F(PropertyTest, Relationships) {
  BoundPtr since = At0(BoundKind::kProperty, kDouble);
  since->columns = {{0, ColumnId(0), kInt, 1, 0}, {1, ColumnId(1), kDouble, 1, 0}};
  EXPECT_EQ(Run(since, {0, 1, 0}, kRelationship), "5, 1.5, 5");
  EXPECT_EQ(Run(since, {0}, kRelationship), "5");
  BoundPtr name = At0(BoundKind::kField, kString);
  name->field = Field::kName;
  EXPECT_EQ(Run(name, {1, 0}, kRelationship), R"("feeds", "has")");
}

TEST_F(PropertyTest, Paths) {
  Vector paths;
  paths.Reset(kPath, 3);
  paths.paths[0] = {1, 0, 0, 1, 2};
  paths.paths[1] = {3};
  paths.SetNull(2);
  Batch batch = BatchOf({paths});
  EXPECT_EQ(Run(Call(Function::kNodes, kValue, SlotOf(0, kPath)), &batch),
            R"(["p1","c0","c2"], ["c3"], null)");
  EXPECT_EQ(
      Run(Call(Function::kRelationships, kValue, SlotOf(0, kPath)), &batch),
      R"([{"$sourceId":"p1","$relationshipId":"r0","$targetId":"c0","$relationshipName":"has"},)"
      R"({"$sourceId":"c0","$relationshipId":"r1","$targetId":"c2","$relationshipName":"feeds"}], )"
      R"([], null)");
  EXPECT_EQ(Run(Call(Function::kLength, kInt, SlotOf(0, kPath)), &batch), "2, 0, null");
}

TEST_F(PropertyTest, TwinsAsValuesAreTheirIds) {
  Batch batch = BatchOf({NumberVector({1, 9, 0}, kTwin)});
  batch.slots[0].SetNull(1);
  EXPECT_EQ(Run(Op(BoundKind::kCast, kValue, SlotOf(0, kTwin)), &batch), R"("p1", null, "c0")");
  EXPECT_EQ(Run(Op(BoundKind::kList, kValue, SlotOf(0, kTwin), Int(1)), &batch),
            R"(["p1",1], [null,1], ["c0",1])");
}

}  // namespace
}  // namespace twin::query
