#include "query/parse/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace twin::query {
namespace {

TEST(Parse, Works) {
  const auto s = Parse("SELECT * FROM DIGITALTWINS");
  ASSERT_TRUE(s.ok()) << s.status();
}

}  // namespace
}  // namespace twin::query
