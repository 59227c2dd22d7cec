// Scalar functions, but for those of time.
#include <gtest/gtest.h>

#include <limits>

#include "query/execute/evaluate.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;
using F = Function;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string Answer(const BoundPtr& expr, Batch batch) {
  const EvaluateContext context;
  Vector out;
  const absl::Status status = Evaluate(*expr, context, &batch, &out);
  return status.ok() ? Text(out) : std::string(status.message());
}
// Of constants.
std::string Answer(const BoundPtr& expr) { return Answer(expr, BatchOf({IntVector({0})})); }

std::string OfDoubles(F function, const std::vector<double>& values) {
  return Answer(Call(function, kDouble, SlotOf(0, kDouble)), BatchOf({DoubleVector(values)}));
}

TEST(NumberFunctionTest, OfOneDouble) {
  EXPECT_EQ(OfDoubles(F::kAbs, {-1.5, -0.0, kNan}), "1.5, 0, nan");
  EXPECT_EQ(OfDoubles(F::kFloor, {-1.5, 1.5}), "-2, 1");
  EXPECT_EQ(OfDoubles(F::kCeil, {-1.5, 1.5}), "-1, 2");
  EXPECT_EQ(OfDoubles(F::kRound, {0.5, 1.5, 2.5, -0.5, -2.5, 1e300}), "1, 2, 3, -1, -3, 1e+300");
  EXPECT_EQ(OfDoubles(F::kSqrt, {4, -1, kNan}), "2, null, nan");
  EXPECT_EQ(OfDoubles(F::kLn, {1, 0, -1}), "0, null, null");
  EXPECT_EQ(OfDoubles(F::kExp, {0}), "1");
}

TEST(NumberFunctionTest, RoundToDigits) {
  const auto round = [](double value, int64_t digits) {
    return Answer(Call(F::kRound, kDouble, Double(value), Int(digits)));
  };
  EXPECT_EQ(round(2.345, 2), "2.35");
  EXPECT_EQ(round(2.675, 2), "2.68");
  EXPECT_EQ(round(-2.345, 1), "-2.3");
  EXPECT_EQ(round(1.005, 2), "1.01");
  EXPECT_EQ(round(1250, -2), "1300");
  EXPECT_EQ(round(1249, -2), "1200");
  EXPECT_EQ(round(0.1, 300), "0.1");
  EXPECT_EQ(round(5, -400), "0");
  const auto round_int = [](int64_t value, int64_t digits) {
    return Answer(Call(F::kRound, kInt, Int(value), Int(digits)));
  };
  EXPECT_EQ(round_int(1250, -2), "1300");
  EXPECT_EQ(round_int(-1250, -2), "-1300");
  EXPECT_EQ(round_int(7, 3), "7");
  EXPECT_EQ(round_int(std::numeric_limits<int64_t>::max(), -1),
            "1:5 the integer is beyond 64 bits");
  EXPECT_EQ(round_int(std::numeric_limits<int64_t>::max(), -40), "0");
}

TEST(NumberFunctionTest, OfInts) {
  EXPECT_EQ(Answer(Call(F::kAbs, kInt, SlotOf(0, kInt)), BatchOf({IntVector({-5, 5})})), "5, 5");
  EXPECT_EQ(Answer(Call(F::kAbs, kInt, SlotOf(0, kInt)),
                   BatchOf({IntVector({std::numeric_limits<int64_t>::min()})})),
            "1:5 the integer is beyond 64 bits");
  EXPECT_EQ(Answer(Call(F::kFloor, kInt, SlotOf(0, kInt)), BatchOf({IntVector({-5})})), "-5");
  EXPECT_EQ(Answer(Call(F::kPower, kDouble, Int(2), Double(0.5))), "1.4142135623730951");
  EXPECT_EQ(Answer(Call(F::kPower, kDouble, Double(-8), Double(0.5))), "null");
}

TEST(NumberFunctionTest, LeastAndGreatestSkipNull) {
  const Batch batch =
      BatchOf({ColumnVector(kInt, {Value::Int(1), Value(), Value()}),
               ColumnVector(kDouble, {Value::Double(0.5), Value::Double(kNan), Value()})});
  EXPECT_EQ(Answer(Call(F::kLeast, kDouble, SlotOf(0, kInt), SlotOf(1, kDouble), Double(7)), batch),
            "0.5, 7, 7");
  EXPECT_EQ(Answer(Call(F::kGreatest, kDouble, SlotOf(0, kInt), SlotOf(1, kDouble)), batch),
            "1, nan, null");
  EXPECT_EQ(Answer(Call(F::kGreatest, kString, Str("a"), Str("b"), Null())), "\"b\"");
}

TEST(TextFunctionTest, CharactersAreCodePoints) {
  const Batch batch = BatchOf({ColumnVector(
      kString, {Value::String("aäb€😀"), Value::String("AÄz"), Value::String(""), Value()})});
  EXPECT_EQ(Answer(Call(F::kLength, kInt, SlotOf(0, kString)), batch), "5, 3, 0, null");
  EXPECT_EQ(Answer(Call(F::kLower, kString, SlotOf(0, kString)), batch),
            "\"aäb€😀\", \"aÄz\", \"\", null");
  EXPECT_EQ(Answer(Call(F::kUpper, kString, SlotOf(0, kString)), batch),
            "\"AäB€😀\", \"AÄZ\", \"\", null");
  const auto substring = [&](int64_t start, int64_t count) {
    return Answer(Call(F::kSubstring, kString, SlotOf(0, kString), Int(start), Int(count)), batch);
  };
  EXPECT_EQ(substring(0, 2), "\"aä\", \"AÄ\", \"\", null");
  EXPECT_EQ(substring(1, 3), "\"äb€\", \"Äz\", \"\", null");
  EXPECT_EQ(substring(9, 3), "\"\", \"\", \"\", null");
  EXPECT_EQ(substring(1, -3), "\"\", \"\", \"\", null");
  EXPECT_EQ(Answer(Call(F::kSubstring, kString, SlotOf(0, kString), Int(3)), batch),
            "\"€😀\", \"\", \"\", null");
}

TEST(TextFunctionTest, ConcatSkipsNull) {
  const Batch batch = BatchOf({ColumnVector(kString, {Value::String("a"), Value()}),
                               ColumnVector(kDouble, {Value::Double(0.1), Value()})});
  EXPECT_EQ(Answer(Call(F::kConcat, kString, SlotOf(0, kString), Str("-"), SlotOf(1, kDouble),
                        Int(7), Bool(true)),
                   batch),
            "\"a-0.17true\", \"-7true\"");
}

TEST(TextFunctionTest, DocumentsAreJsonInATextWhateverIsInThem) {
  const auto text = [](const Value& value) {
    Vector out;
    Batch batch = BatchOf({IntVector({0})});
    EXPECT_TRUE(Evaluate(*Call(F::kConcat, kString, Const(value, kValue)), {}, &batch, &out).ok());
    return std::string(out.strings[0]);
  };
  EXPECT_EQ(text(Value::Map({{"it's", Value::String("a \"b\" \\ \n\x01 °")}})),
            R"({"it's":"a \"b\" \\ \n\u0001 °"})");
  EXPECT_EQ(text(Value::Array({Value::Double(kNan), Value::Double(0.5), Value()})),
            "[null,0.5,null]");
}

TEST(TextFunctionTest, StartsEndsContains) {
  const Batch batch = BatchOf({ColumnVector(
      kString, {Value::String("abc"), Value::String("cab"), Value::String("ABC"), Value()})});
  EXPECT_EQ(Answer(Call(F::kStartsWith, kBool, SlotOf(0, kString), Str("ab")), batch),
            "true, false, false, null");
  EXPECT_EQ(Answer(Call(F::kEndsWith, kBool, SlotOf(0, kString), Str("ab")), batch),
            "false, true, false, null");
  EXPECT_EQ(Answer(Call(F::kContains, kBool, SlotOf(0, kString), Str("")), batch),
            "true, true, true, null");
  EXPECT_EQ(Answer(Call(F::kContains, kBool, SlotOf(0, kString), SlotOf(0, kString)), batch),
            "true, true, true, null");
}

TEST(ValueFunctionTest, TestsOfTypesAreNeverNull) {
  const Batch batch = BatchOf(
      {ColumnVector(kValue, {Value::Int(1), Value::Double(1), Value::String("s"), Value::Bool(true),
                             Value::Array({}), Value::Map({}), Value()})});
  const auto test = [&](F function) {
    return Answer(Call(function, kBool, SlotOf(0, kValue)), batch);
  };
  EXPECT_EQ(test(F::kIsDefined), "true, true, true, true, true, true, false");
  EXPECT_EQ(test(F::kIsNull), "false, false, false, false, false, false, false");
  EXPECT_EQ(test(F::kIsPrimitive), "true, true, true, true, false, false, false");
  EXPECT_EQ(test(F::kIsNumber), "true, true, false, false, false, false, false");
  EXPECT_EQ(test(F::kIsString), "false, false, true, false, false, false, false");
  EXPECT_EQ(test(F::kIsBool), "false, false, false, true, false, false, false");
  EXPECT_EQ(test(F::kIsObject), "false, false, false, false, false, true, false");
  EXPECT_EQ(Answer(Call(F::kIsNull, kBool, Null())), "true");
}

TEST(ValueFunctionTest, ANullMemberIsDefinedAndNull) {
  const Batch batch =
      BatchOf({ColumnVector(kValue, {Value::Map({{"x", Value()}}), Value::Map({}), Value()})});
  const auto member = [] {
    BoundPtr expr = Op(BoundKind::kMember, kValue, SlotOf(0, kValue));
    expr->text = "x";
    return expr;
  };
  EXPECT_EQ(Answer(Call(F::kIsDefined, kBool, member()), batch), "true, false, false");
  EXPECT_EQ(Answer(Call(F::kIsNull, kBool, member()), batch), "true, false, false");
  EXPECT_EQ(Answer(Op(BoundKind::kIsNull, kBool, member()), batch), "true, true, true");
}

TEST(ValueFunctionTest, ArrayContainsPrimitives) {
  const Value nested = Value::Array({Value::Int(2), Value::Int(3)});
  const Batch batch =
      BatchOf({ColumnVector(kValue, {Value::Array({Value::Int(1), nested, Value::String("4")}),
                                     Value::Array({}), Value::Int(1), Value()})});
  const auto contains = [&](const Value& value) {
    return Answer(Call(F::kArrayContains, kBool, SlotOf(0, kValue), Const(value, kValue)), batch);
  };
  EXPECT_EQ(contains(Value::Int(1)), "true, false, null, null");
  EXPECT_EQ(contains(Value::Double(1)), "true, false, null, null");
  EXPECT_EQ(contains(Value::Int(2)), "false, false, null, null");
  EXPECT_EQ(contains(Value::Int(4)), "false, false, null, null");
  EXPECT_EQ(contains(nested), "false, false, null, null");
  EXPECT_EQ(Answer(Call(F::kLength, kInt, SlotOf(0, kValue)), batch), "3, 0, null, null");
}

}  // namespace
}  // namespace twin::query
