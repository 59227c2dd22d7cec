#include "server/base/status_macros.h"

#include <gmock/gmock.h>

#include <memory>
#include <utility>

#include "tests/support/status_matchers.h"

namespace twin {
namespace {

using ::testing::HasSubstr;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError(std::to_string(n) + " is odd");
  return n / 2;
}

absl::StatusOr<int> Eighth(int n) {
  TWIN_ASSIGN_OR_RETURN(const int half, Half(n));
  int quarter = 0;
  TWIN_ASSIGN_OR_RETURN(quarter, Half(half));
  return Half(quarter);
}

TEST(AssignOrReturn, AssignsOrReturnsTheFirstError) {
  EXPECT_THAT(Eighth(24), IsOkAndHolds(3));
  EXPECT_THAT(Eighth(6), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 is odd")));
}

absl::StatusOr<std::unique_ptr<int>> Boxed(int n) { return std::make_unique<int>(n); }

absl::StatusOr<int> Unboxed(int n) {
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<int> box, Boxed(n));
  return *box;
}

TEST(AssignOrReturn, MovesTheValue) { EXPECT_THAT(Unboxed(7), IsOkAndHolds(7)); }

absl::Status CheckEven(int n, int* reached) {
  TWIN_RETURN_IF_ERROR(Half(n).status());
  ++*reached;
  return absl::OkStatus();
}

TEST(ReturnIfError, ReturnsOnlyErrors) {
  int reached = 0;
  EXPECT_THAT(CheckEven(2, &reached), IsOk());
  EXPECT_THAT(CheckEven(3, &reached),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 is odd")));
  EXPECT_EQ(reached, 1);
}

}  // namespace
}  // namespace twin
