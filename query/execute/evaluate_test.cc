#include "query/execute/evaluate.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <utility>

#include "query/execute/evaluate_testing.h"
#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;
using ::twin::testing::StatusIs;

using enum TypeKind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kIntMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kIntMin = std::numeric_limits<int64_t>::min();

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() { context_.slots = &slots_; }

  // The rows as text, or the error.
  std::string Run(const BoundPtr& expr, Batch* batch) {
    Vector out;
    const absl::Status status = Evaluate(*expr, context_, batch, &out);
    if (!status.ok()) return std::string(status.message());
    EXPECT_EQ(out.rows, batch->rows);
    EXPECT_TRUE(out.kind == expr->type.kind || out.kind == kNull || expr->type.kind == kNull);
    return Text(out);
  }
  std::string Run(const BoundPtr& expr, Batch batch) { return Run(expr, &batch); }

  std::vector<Slot> slots_ = std::vector<Slot>(8);
  EvaluateContext context_;
};

Batch Doubles2() {
  return BatchOf(
      {DoubleVector({1, 2, kNan, 4}),
       ColumnVector(kDouble, {Value::Double(3), Value(), Value::Double(kNan), Value::Double(0)})});
}

TEST_F(EvaluateTest, ArithmeticOfDoubles) {
  const auto op = [&](BoundKind kind) {
    return Run(Op(kind, kDouble, SlotOf(0, kDouble), SlotOf(1, kDouble)), Doubles2());
  };
  EXPECT_EQ(op(BoundKind::kAdd), "4, null, nan, 4");
  EXPECT_EQ(op(BoundKind::kSubtract), "-2, null, nan, 4");
  EXPECT_EQ(op(BoundKind::kMultiply), "3, null, nan, 0");
  EXPECT_EQ(op(BoundKind::kDivide), "0.3333333333333333, null, nan, null");
  EXPECT_EQ(op(BoundKind::kModulo), "1, null, nan, null");
}

TEST_F(EvaluateTest, ArithmeticWithConstants) {
  const Batch batch = BatchOf({DoubleVector({1, 2, 3})});
  EXPECT_EQ(Run(Op(BoundKind::kDivide, kDouble, SlotOf(0, kDouble), Double(2)), batch),
            "0.5, 1, 1.5");
  EXPECT_EQ(Run(Op(BoundKind::kDivide, kDouble, Double(6), SlotOf(0, kDouble)), batch), "6, 3, 2");
  EXPECT_EQ(Run(Op(BoundKind::kDivide, kDouble, SlotOf(0, kDouble), Double(0)), batch),
            "null, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kAdd, kDouble, SlotOf(0, kDouble), Null()), batch),
            "null, null, null");
  // Constants alone are computed once.
  EXPECT_EQ(
      Run(Op(BoundKind::kAdd, kInt, Int(1), Op(BoundKind::kMultiply, kInt, Int(2), Int(3))), batch),
      "7, 7, 7");
}

TEST_F(EvaluateTest, IntegersThatOverflowAreErrorsWithAPosition) {
  const auto op = [&](BoundKind kind, int64_t a, int64_t b) {
    return Run(Op(kind, kInt, SlotOf(0, kInt), SlotOf(1, kInt)),
               BatchOf({IntVector({1, a}), IntVector({1, b})}));
  };
  const std::string error = "1:5 the integer is beyond 64 bits";
  EXPECT_EQ(op(BoundKind::kAdd, kIntMax, 1), error);
  EXPECT_EQ(op(BoundKind::kAdd, kIntMax, -1), "2, 9223372036854775806");
  EXPECT_EQ(op(BoundKind::kAdd, kIntMin, -1), error);
  EXPECT_EQ(op(BoundKind::kSubtract, kIntMin, 1), error);
  EXPECT_EQ(op(BoundKind::kSubtract, -1, kIntMin), "0, 9223372036854775807");
  EXPECT_EQ(op(BoundKind::kSubtract, 0, kIntMin), error);
  EXPECT_EQ(op(BoundKind::kMultiply, kIntMin, -1), error);
  EXPECT_EQ(op(BoundKind::kMultiply, 3037000500, 3037000500), error);
  EXPECT_EQ(op(BoundKind::kModulo, kIntMin, -1), "0, 0");
  EXPECT_EQ(op(BoundKind::kModulo, 7, 0), "0, null");
  EXPECT_EQ(op(BoundKind::kModulo, -7, 3), "0, -1");
  Batch batch = BatchOf({IntVector({kIntMin})});
  Vector out;
  EXPECT_THAT(Evaluate(*Op(BoundKind::kNegate, kInt, SlotOf(0, kInt)), context_, &batch, &out),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("1:5")));
}

TEST_F(EvaluateTest, NullRowsDoNotOverflow) {
  Vector a = IntVector({kIntMax, 1});
  a.SetNull(0);
  const Batch batch = BatchOf({a, IntVector({5, 6})});
  EXPECT_EQ(Run(Op(BoundKind::kAdd, kInt, SlotOf(0, kInt), SlotOf(1, kInt)), batch), "null, 7");
  EXPECT_EQ(Run(Op(BoundKind::kMultiply, kInt, SlotOf(0, kInt), SlotOf(1, kInt)), batch),
            "null, 6");
}

TEST_F(EvaluateTest, TimesAndDurations) {
  const Batch batch = BatchOf({IntVector({1000, 5000}, kTime), IntVector({300, 7}, kDuration)});
  EXPECT_EQ(Run(Op(BoundKind::kSubtract, kDuration, SlotOf(0, kTime), SlotOf(0, kTime)), batch),
            "0, 0");
  const BoundPtr later = Op(BoundKind::kAdd, kTime, SlotOf(0, kTime), SlotOf(1, kDuration));
  EXPECT_EQ(Run(later, batch),
            "\"1970-01-01T00:00:00.0000013Z\", \"1970-01-01T00:00:00.000005007Z\"");
  EXPECT_EQ(Run(Op(BoundKind::kMultiply, kDuration, SlotOf(1, kDuration), Int(2)), batch),
            "600, 14");
  EXPECT_EQ(Run(Op(BoundKind::kMultiply, kDuration, SlotOf(1, kDuration), Double(0.5)), batch),
            "150, 4");
  EXPECT_EQ(Run(Op(BoundKind::kDivide, kDuration, SlotOf(1, kDuration), Int(2)), batch), "150, 4");
  EXPECT_EQ(Run(Op(BoundKind::kDivide, kDuration, SlotOf(1, kDuration), Int(0)), batch),
            "null, null");
  EXPECT_EQ(Run(Op(BoundKind::kDivide, kDouble, SlotOf(1, kDuration), Duration(100)), batch),
            "3, 0.07");
}

TEST_F(EvaluateTest, ComparisonsOfDoublesHaveNanAboveAll) {
  const auto op = [&](BoundKind kind) {
    return Run(Op(kind, kBool, SlotOf(0, kDouble), SlotOf(1, kDouble)),
               BatchOf({DoubleVector({1, kNan, kNan, -0.0, kInfinity}),
                        DoubleVector({2, kNan, kInfinity, 0.0, kNan})}));
  };
  EXPECT_EQ(op(BoundKind::kEqual), "false, true, false, true, false");
  EXPECT_EQ(op(BoundKind::kNotEqual), "true, false, true, false, true");
  EXPECT_EQ(op(BoundKind::kLess), "true, false, false, false, true");
  EXPECT_EQ(op(BoundKind::kLessEqual), "true, true, false, true, true");
  EXPECT_EQ(op(BoundKind::kGreater), "false, false, true, false, false");
  EXPECT_EQ(op(BoundKind::kGreaterEqual), "false, true, true, true, false");
}

TEST_F(EvaluateTest, ComparisonsOfMixedNumbersAreExact) {
  const Batch batch = BatchOf({IntVector({9007199254740993, 3, kIntMax}),
                               DoubleVector({9007199254740992.0, 3, 9223372036854775808.0})});
  EXPECT_EQ(Run(Op(BoundKind::kGreater, kBool, SlotOf(0, kInt), SlotOf(1, kDouble)), batch),
            "true, false, false");
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(1, kDouble), SlotOf(0, kInt)), batch),
            "false, true, false");
  EXPECT_EQ(Run(Op(BoundKind::kLess, kBool, SlotOf(0, kInt), Double(3.5)), batch),
            "false, true, false");
}

TEST_F(EvaluateTest, ComparisonsOfOtherTypes) {
  const Batch batch =
      BatchOf({ColumnVector(kString, {Value::String("a"), Value::String("ab"), Value()}),
               ColumnVector(kBool, {Value::Bool(true), Value::Bool(false), Value::Bool(true)}),
               NumberVector({1, 2, 3}, kTwin), IntVector({10, 20, 30}, kTime)});
  EXPECT_EQ(Run(Op(BoundKind::kLess, kBool, SlotOf(0, kString), Str("ab")), batch),
            "true, false, null");
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(1, kBool), Bool(true)), batch),
            "true, false, true");
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(2, kTwin), SlotOf(2, kTwin)), batch),
            "true, true, true");
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(0, kString), SlotOf(1, kBool)), batch),
            "null, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(3, kTime), Str("1970-01-01")), batch),
            "null, null, null");
}

TEST_F(EvaluateTest, ComparisonsOfValuesRowByRow) {
  const Batch batch =
      BatchOf({ColumnVector(kValue, {Value::Int(5), Value::Double(5), Value::String("5"),
                                     Value::Bool(true), Value::Array({Value::Int(5)}), Value()})});
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(0, kValue), Int(5)), batch),
            "true, true, null, null, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kLess, kBool, SlotOf(0, kValue), Double(5.5)), batch),
            "true, true, null, null, null, null");
  const BoundPtr list = Const(Value::Array({Value::Double(5)}), kValue);
  EXPECT_EQ(Run(Op(BoundKind::kEqual, kBool, SlotOf(0, kValue), Clone(*list)), batch),
            "null, null, null, null, true, null");
  EXPECT_EQ(Run(Op(BoundKind::kLess, kBool, SlotOf(0, kValue), Clone(*list)), batch),
            "null, null, null, null, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kMultiply, kValue, SlotOf(0, kValue), Int(2)), batch),
            "10, 10, null, null, null, null");
}

// All pairs of TRUE, FALSE, NULL.
Batch Truths() {
  const Value t = Value::Bool(true);
  const Value f = Value::Bool(false);
  const Value n;
  return BatchOf({ColumnVector(kBool, {t, t, t, f, f, f, n, n, n}),
                  ColumnVector(kBool, {t, f, n, t, f, n, t, f, n})});
}

TEST_F(EvaluateTest, LogicHasThreeValues) {
  const auto slot = [](SlotId id) { return SlotOf(id, kBool); };
  EXPECT_EQ(Run(Op(BoundKind::kAnd, kBool, slot(0), slot(1)), Truths()),
            "true, false, null, false, false, false, null, false, null");
  EXPECT_EQ(Run(Op(BoundKind::kOr, kBool, slot(0), slot(1)), Truths()),
            "true, true, true, true, false, null, true, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kNot, kBool, slot(1)), Truths()),
            "false, true, null, false, true, null, false, true, null");
  EXPECT_EQ(Run(Op(BoundKind::kAnd, kBool, slot(0), Null()), Truths()),
            "null, null, null, false, false, false, null, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kOr, kBool, Bool(true), slot(0)), Truths()),
            "true, true, true, true, true, true, true, true, true");
  BoundPtr is_null = Op(BoundKind::kIsNull, kBool, slot(1));
  EXPECT_EQ(Run(is_null, Truths()), "false, false, true, false, false, true, false, false, true");
  is_null->negated = true;
  EXPECT_EQ(Run(is_null, Truths()), "true, true, false, true, true, false, true, true, false");
}

// slot0 * 2 > 0 overflows for the greatest int.
BoundPtr Overflowing() {
  return Op(BoundKind::kGreater, kBool, Op(BoundKind::kMultiply, kInt, SlotOf(0, kInt), Int(2)),
            Int(0));
}

TEST_F(EvaluateTest, AndOrCaseAndCoalesceLeaveDecidedRowsAlone) {
  const Batch batch = BatchOf({IntVector({kIntMax, 3, -4})});
  const auto small = [] { return Op(BoundKind::kLess, kBool, SlotOf(0, kInt), Int(1000)); };
  const auto large = [] { return Op(BoundKind::kGreaterEqual, kBool, SlotOf(0, kInt), Int(1000)); };
  EXPECT_EQ(Run(Op(BoundKind::kAnd, kBool, small(), Overflowing()), batch), "false, true, false");
  EXPECT_EQ(Run(Op(BoundKind::kOr, kBool, large(), Overflowing()), batch), "true, true, false");
  EXPECT_EQ(Run(Op(BoundKind::kAnd, kBool, Overflowing(), small()), batch),
            "1:5 the integer is beyond 64 bits");
  const auto twice = [] { return Op(BoundKind::kMultiply, kInt, SlotOf(0, kInt), Int(2)); };
  EXPECT_EQ(Run(Op(BoundKind::kCase, kInt, large(), Int(-1), twice()), batch), "-1, 6, -8");
  EXPECT_EQ(Run(Op(BoundKind::kCase, kInt, small(), twice(), Null()), batch), "null, 6, -8");
  const BoundPtr guarded =
      Call(Function::kCoalesce, kInt, Op(BoundKind::kCase, kInt, large(), Int(7), Null()), twice());
  EXPECT_EQ(Run(guarded, batch), "7, 6, -8");
}

TEST_F(EvaluateTest, CaseTakesTheFirstBranchThatIsTrue) {
  const Batch batch =
      BatchOf({IntVector({1, 2, 3, 4}),
               ColumnVector(kBool, {Value(), Value::Bool(true), Value::Bool(false), Value()})});
  const auto is = [](int64_t n) { return Op(BoundKind::kEqual, kBool, SlotOf(0, kInt), Int(n)); };
  EXPECT_EQ(
      Run(Op(BoundKind::kCase, kString, is(1), Str("one"), is(2), Str("two"), Str("more")), batch),
      "\"one\", \"two\", \"more\", \"more\"");
  EXPECT_EQ(Run(Op(BoundKind::kCase, kDouble, SlotOf(1, kBool), SlotOf(0, kInt), Null()), batch),
            "null, 2, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kCase, kValue, SlotOf(1, kBool), Str("x"), SlotOf(0, kInt)), batch),
            "1, \"x\", 3, 4");
}

TEST_F(EvaluateTest, InConstants) {
  const Batch batch =
      BatchOf({ColumnVector(kInt, {Value::Int(1), Value::Int(12), Value(), Value::Int(99)})});
  const auto in = [&](int64_t last, bool with_null, bool negated) {
    BoundPtr expr = Op(BoundKind::kIn, kBool, SlotOf(0, kInt));
    for (int64_t i = 1; i <= last; ++i) expr->operands.push_back(Int(i));
    if (with_null) expr->operands.push_back(Null());
    expr->negated = negated;
    return Run(expr, batch);
  };
  for (const int64_t last : {3, 11}) {
    EXPECT_EQ(in(last, false, false), "true, false, null, false") << last;
    EXPECT_EQ(in(last, true, false), "true, null, null, null") << last;
    EXPECT_EQ(in(last, false, true), "false, true, null, true") << last;
    EXPECT_EQ(in(last, true, true), "false, null, null, null") << last;
  }
  EXPECT_EQ(in(12, false, false), "true, true, null, false");
}

TEST_F(EvaluateTest, InManyConstantsOfEachType) {
  BoundPtr strings = Op(BoundKind::kIn, kBool, SlotOf(0, kString));
  BoundPtr doubles = Op(BoundKind::kIn, kBool, SlotOf(1, kDouble));
  BoundPtr values = Op(BoundKind::kIn, kBool, SlotOf(2, kValue));
  for (int i = 0; i < 20; ++i) {
    strings->operands.push_back(Str(std::to_string(i)));
    doubles->operands.push_back(Double(i));
    values->operands.push_back(Int(i));
  }
  const Batch batch =
      BatchOf({ColumnVector(kString, {Value::String("7"), Value::String("x"), Value()}),
               DoubleVector({-0.0, 7.5, kNan}),
               ColumnVector(kValue, {Value::Double(3), Value::String("3"), Value::Int(40)})});
  EXPECT_EQ(Run(strings, batch), "true, false, null");
  EXPECT_EQ(Run(doubles, batch), "true, false, false");
  EXPECT_EQ(Run(values, batch), "true, null, false");
}

TEST_F(EvaluateTest, InArraysAndExpressions) {
  const Value list = Value::Array({Value::Int(1), Value::Int(3)});
  const Batch batch =
      BatchOf({IntVector({1, 2, 3}), ColumnVector(kValue, {list, list, Value::Int(3)}),
               IntVector({9, 2, 9})});
  EXPECT_EQ(Run(Op(BoundKind::kIn, kBool, SlotOf(0, kInt), Const(list, kValue)), batch),
            "true, false, true");
  EXPECT_EQ(Run(Op(BoundKind::kIn, kBool, SlotOf(0, kInt), SlotOf(1, kValue)), batch),
            "true, false, null");
  EXPECT_EQ(Run(Op(BoundKind::kIn, kBool, SlotOf(0, kInt), Int(3), SlotOf(2, kInt)), batch),
            "false, true, true");
  EXPECT_EQ(Run(Op(BoundKind::kIn, kBool, SlotOf(0, kInt), Const(Value::Array({}), kValue)), batch),
            "false, false, false");
  context_.parameters["ids"] = list;
  BoundPtr parameter = Node(BoundKind::kParameter, kValue);
  parameter->text = "ids";
  EXPECT_EQ(Run(Op(BoundKind::kIn, kBool, SlotOf(0, kInt), std::move(parameter)), batch),
            "true, false, true");
}

TEST_F(EvaluateTest, Like) {
  const Batch batch =
      BatchOf({ColumnVector(kString, {Value::String("cell-1"), Value::String("pack-1"), Value(),
                                      Value::String("cell-2")})});
  BoundPtr like = Op(BoundKind::kLike, kBool, SlotOf(0, kString), Str("cell%"));
  EXPECT_EQ(Run(like, batch), "true, false, null, true");
  like->negated = true;
  EXPECT_EQ(Run(like, batch), "false, true, null, false");
  EXPECT_EQ(Run(Op(BoundKind::kLike, kBool, SlotOf(0, kString), SlotOf(0, kString)), batch),
            "true, true, null, true");
}

TEST_F(EvaluateTest, IndexMemberAndList) {
  const Value map = Value::Map({{"x", Value::Int(1)}, {"y", Value()}});
  const Value array = Value::Array({Value::Int(10), Value::Int(20)});
  const Batch batch = BatchOf(
      {ColumnVector(kValue, {map, array, Value::Int(1), Value()}), IntVector({0, 1, 2, -1})});
  EXPECT_EQ(Run(Op(BoundKind::kIndex, kValue, SlotOf(0, kValue), Int(1)), batch),
            "null, 20, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kIndex, kValue, Const(array, kValue), SlotOf(1, kInt)), batch),
            "10, 20, null, null");
  BoundPtr member = Op(BoundKind::kMember, kInt, SlotOf(0, kValue));
  member->text = "x";
  EXPECT_EQ(Run(member, batch), "1, null, null, null");
  EXPECT_EQ(Run(Op(BoundKind::kList, kValue, SlotOf(1, kInt), Str("s")), batch),
            "[0,\"s\"], [1,\"s\"], [2,\"s\"], [-1,\"s\"]");
}

TEST_F(EvaluateTest, AnyAndAllOfListsWithOuterColumns) {
  const auto list = [](std::vector<Value> values) { return Value::Array(std::move(values)); };
  const Batch batch =
      BatchOf({ColumnVector(kValue, {list({Value::Int(1), Value::Int(5)}), list({}),
                                     list({Value::Int(1), Value()}), Value(), Value::Int(3)}),
               IntVector({4, 4, 4, 4, 4})});
  slots_[5].type.kind = kInt;
  const auto run = [&](BoundKind kind, BoundKind comparison) {
    BoundPtr expr =
        Op(kind, kBool, SlotOf(0, kValue), Op(comparison, kBool, SlotOf(5, kInt), SlotOf(1, kInt)));
    expr->slot = 5;
    return Run(expr, batch);
  };
  EXPECT_EQ(run(BoundKind::kAny, BoundKind::kGreater), "true, false, null, null, null");
  EXPECT_EQ(run(BoundKind::kAll, BoundKind::kGreater), "false, true, false, null, null");
  EXPECT_EQ(run(BoundKind::kAll, BoundKind::kLess), "false, true, null, null, null");
  EXPECT_EQ(run(BoundKind::kAny, BoundKind::kLess), "true, false, true, null, null");
}

TEST_F(EvaluateTest, AnyWithinAnyCanBeInterrupted) {
  Batch batch = BatchOf({ColumnVector(kValue, {Value::Array({Value::Int(1), Value::Int(2)})})});
  BoundPtr nested = Const(Value::Bool(false), kBool);
  for (SlotId slot = 7; slot >= 3; --slot) {
    slots_[slot].type.kind = kInt;
    nested = Op(BoundKind::kAny, kBool, SlotOf(0, kValue), std::move(nested));
    nested->slot = slot;
  }
  int asked = 0;
  const std::function<absl::Status()> interrupted = [&] {
    return ++asked < 5 ? absl::OkStatus() : absl::CancelledError("enough");
  };
  context_.interrupted = &interrupted;
  EXPECT_EQ(Run(nested, batch), "enough");
  EXPECT_EQ(asked, 5);
}

TEST_F(EvaluateTest, Casts) {
  const Batch batch = BatchOf({ColumnVector(
      kValue, {Value::Int(3), Value::Double(3), Value::Double(3.5), Value::String("2026-03-01"),
               Value::String("x"), Value::Bool(true), Value()})});
  const auto cast = [&](TypeKind kind) {
    return Run(Op(BoundKind::kCast, kind, SlotOf(0, kValue)), batch);
  };
  EXPECT_EQ(cast(kInt), "3, 3, null, null, null, null, null");
  EXPECT_EQ(cast(kDouble), "3, 3, 3.5, null, null, null, null");
  EXPECT_EQ(cast(kTime), "null, null, null, \"2026-03-01T00:00:00Z\", null, null, null");
  EXPECT_EQ(cast(kBool), "null, null, null, null, null, true, null");
  EXPECT_EQ(Run(Op(BoundKind::kCast, kDouble, SlotOf(0, kInt)), BatchOf({IntVector({1, 2})})),
            "1, 2");
  EXPECT_EQ(
      Run(Op(BoundKind::kCast, kString, SlotOf(0, kDouble)), BatchOf({DoubleVector({0.1, 1e300})})),
      "\"0.1\", \"1e+300\"");
}

TEST_F(EvaluateTest, EmptyBatchesAndBatchesOfOne) {
  const BoundPtr sum = Op(BoundKind::kAdd, kDouble, SlotOf(0, kDouble), Double(1));
  EXPECT_EQ(Run(sum, BatchOf({DoubleVector({})})), "");
  EXPECT_EQ(Run(sum, BatchOf({DoubleVector({1})})), "2");
}

TEST_F(EvaluateTest, NowAndConstants) {
  context_.now = At("2026-03-01T00:00:00Z");
  const auto value = EvaluateConstant(
      *Op(BoundKind::kSubtract, kTime, Node(BoundKind::kNow, kTime), Duration(kNsPerSecond)),
      context_);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->DebugString(), "\"2026-02-28T23:59:59Z\"");
  EXPECT_FALSE(EvaluateConstant(*SlotOf(0, kInt), context_).ok());
  BoundPtr parameter = Node(BoundKind::kParameter, kInt);
  parameter->text = "n";
  EXPECT_THAT(EvaluateConstant(*parameter, context_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("@n has no value")));
}

}  // namespace
}  // namespace twin::query
