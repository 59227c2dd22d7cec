#include "query/ast/error.h"

#include <gtest/gtest.h>

namespace twin::query {
namespace {

TEST(Error, CarriesTheSpan) {
  const absl::Status status = ErrorAt({.offset = 7, .length = 2, .line = 1, .column = 8}, "bad");
  EXPECT_EQ(status.message(), "1:8 bad");
  ASSERT_TRUE(SpanOf(status).has_value());
  EXPECT_EQ(SpanOf(status)->offset, 7U);
}

}  // namespace
}  // namespace twin::query
