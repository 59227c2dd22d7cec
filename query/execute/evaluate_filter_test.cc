// Conditions of rows: Filter, and that it agrees with Evaluate and Compare.
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "query/execute/evaluate.h"
#include "query/execute/evaluate_testing.h"

namespace twin::query {
namespace {

using namespace twin::query::testing;  // NOLINT(google-build-using-namespace)
using enum TypeKind;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kIntMax = std::numeric_limits<int64_t>::max();

class FilterTest : public ::testing::Test {
 protected:
  std::string RunFilter(std::vector<BoundPtr> conditions, Batch* batch) {
    std::vector<uint32_t> rows;
    const absl::Status status = Filter(conditions, context_, batch, &rows);
    if (!status.ok()) return std::string(status.message());
    std::string text;
    for (const uint32_t row : rows) text += std::to_string(row) + " ";
    return text;
  }
  template <typename... Conditions>
  std::string RunFilterOf(Batch* batch, Conditions... conditions) {
    std::vector<BoundPtr> all;
    (all.push_back(std::move(conditions)), ...);
    return RunFilter(std::move(all), batch);
  }

  EvaluateContext context_;
};

// slot0 * 2 > 0 overflows for the greatest int.
BoundPtr Overflowing() {
  return Op(BoundKind::kGreater, kBool, Op(BoundKind::kMultiply, kInt, SlotOf(0, kInt), Int(2)),
            Int(0));
}

TEST_F(FilterTest, OfNoRows) {
  Batch none = BatchOf({DoubleVector({})});
  EXPECT_EQ(RunFilterOf(&none, Op(BoundKind::kGreater, kBool, SlotOf(0, kDouble), Double(1))), "");
}

TEST_F(FilterTest, FilterAppliesConjunctsToTheRowsThatAreLeft) {
  Batch batch = BatchOf({IntVector({kIntMax, 3, -4, 5}), DoubleVector({1, 2, 3, kNan})});
  const auto small = [] { return Op(BoundKind::kLess, kBool, SlotOf(0, kInt), Int(1000)); };
  EXPECT_EQ(RunFilterOf(&batch, small(), Overflowing()), "1 3 ");
  EXPECT_EQ(RunFilterOf(&batch, Overflowing(), small()), "1:5 the integer is beyond 64 bits");
  const auto range = [](double low, double high) {
    return Op(BoundKind::kAnd, kBool,
              Op(BoundKind::kGreater, kBool, SlotOf(1, kDouble), Double(low)),
              Op(BoundKind::kGreaterEqual, kBool, Double(high), SlotOf(1, kDouble)));
  };
  EXPECT_EQ(RunFilterOf(&batch, range(1, 3)), "1 2 ");
  EXPECT_EQ(RunFilterOf(&batch, range(1, kNan)), "1 2 3 ");
  EXPECT_EQ(RunFilterOf(&batch, range(5, 3), Overflowing()), "");
  EXPECT_EQ(RunFilterOf(&batch, Null()), "");
  EXPECT_EQ(RunFilterOf(&batch, Bool(true)), "0 1 2 3 ");
  EXPECT_EQ(RunFilter({}, &batch), "0 1 2 3 ");
}

TEST_F(FilterTest, ExistsIsAskedForTheRowsThatAreLeft) {
  size_t asked = 0;
  context_.exists = [&asked](const BoundExists&, const Batch& batch, std::vector<uint8_t>* found) {
    asked += batch.rows;
    for (size_t i = 0; i < batch.rows; ++i) {
      found->push_back(batch.slots[0].ints[i] % 2 == 0 ? 1 : 0);
    }
    return absl::OkStatus();
  };
  BoundPtr exists = Node(BoundKind::kExists, kBool);
  exists->exists = std::make_unique<BoundExists>();
  exists->negated = true;
  Batch batch = BatchOf({IntVector({1, 2, 3, 4, 5})});
  Vector answers;
  ASSERT_TRUE(Evaluate(*exists, context_, &batch, &answers).ok());
  EXPECT_EQ(Text(answers), "true, false, true, false, true");
  asked = 0;
  EXPECT_EQ(RunFilterOf(&batch, Op(BoundKind::kGreater, kBool, SlotOf(0, kInt), Int(3)),
                        std::move(exists)),
            "4 ");
  EXPECT_EQ(asked, 2U);
}

// Every comparison, by Filter and by Evaluate, against Compare on random columns with NULLs.
TEST_F(FilterTest, RandomComparisonsAgreeWithCompare) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const size_t rows = random() % 70;
    Vector column = DoubleVector(std::vector<double>(rows));
    for (size_t i = 0; i < rows; ++i) {
      column.doubles[i] = random() % 9 == 0 ? kNan : static_cast<double>(random() % 5);
      if (random() % 4 == 0) column.SetNull(i);
    }
    Batch batch = BatchOf({column});
    batch.rows = rows;
    const double bound = random() % 7 == 0 ? kNan : static_cast<double>(random() % 5);
    const Vector constant = DoubleVector({bound});
    for (int kind = static_cast<int>(BoundKind::kEqual);
         kind <= static_cast<int>(BoundKind::kGreaterEqual); ++kind) {
      const auto op = static_cast<BoundKind>(kind);
      const auto expected = [&](size_t row) {
        if (column.IsNull(row)) return false;
        const int order = Compare(column, row, constant, 0);
        switch (op) {
          case BoundKind::kEqual:
            return order == 0;
          case BoundKind::kNotEqual:
            return order != 0;
          case BoundKind::kLess:
            return order < 0;
          case BoundKind::kLessEqual:
            return order <= 0;
          case BoundKind::kGreater:
            return order > 0;
          default:
            return order >= 0;
        }
      };
      std::string rows_text;
      for (size_t i = 0; i < rows; ++i) {
        if (expected(i)) rows_text += std::to_string(i) + " ";
      }
      EXPECT_EQ(RunFilterOf(&batch, Op(op, kBool, SlotOf(0, kDouble), Double(bound))), rows_text)
          << "seed " << seed << " kind " << kind;
      Vector out;
      ASSERT_TRUE(
          Evaluate(*Op(op, kBool, SlotOf(0, kDouble), Double(bound)), context_, &batch, &out).ok());
      for (size_t i = 0; i < rows; ++i) {
        ASSERT_EQ(out.IsNull(i), column.IsNull(i));
        if (out.IsNull(i)) continue;
        EXPECT_EQ(out.bools[i] != 0, expected(i)) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace twin::query
