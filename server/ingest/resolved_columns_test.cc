#include "server/ingest/resolved_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/ingest/layouts_by_twin.h"

namespace twin::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ColumnForm FormOf(uint8_t decimals) {
  ColumnForm form;
  form.encoding = Encoding::kInt16;
  form.kind = timeseries::ColumnKind::kScaled;
  form.decimals = decimals;
  return form;
}

std::vector<ColumnTarget> All(const ResolvedColumns::Targets& targets) {
  return {targets.begin(), targets.end()};
}

TEST(ResolvedColumnsTest, GivesBackWhatWasAdded) {
  ResolvedColumns columns;
  EXPECT_TRUE(All(columns.all_targets()).empty());
  const ColumnTarget a{TwinNumber(1), "voltage"};
  const ColumnTarget b{TwinNumber(2), "temperature"};
  const ColumnTarget c{TwinNumber(3), "voltage"};
  columns.Add(FormOf(3), {a});
  columns.Add(FormOf(3), {});
  columns.Add(FormOf(1), {b, c});
  columns.ShrinkToFit();
  ASSERT_EQ(columns.size(), 3u);
  EXPECT_EQ(columns.runs().size(), 2u);
  EXPECT_EQ(columns.form(1), FormOf(3));
  EXPECT_EQ(columns.form(2), FormOf(1));
  EXPECT_THAT(All(columns.targets(0)), ElementsAre(a));
  EXPECT_THAT(All(columns.targets(1)), IsEmpty());
  EXPECT_THAT(All(columns.targets(2)), ElementsAre(b, c));
  EXPECT_THAT(All(columns.all_targets()), ElementsAre(a, b, c));
  EXPECT_EQ(columns.targets(2).size(), 2u);
}

TEST(ResolvedColumnsTest, EveryColumnMayHaveAFormAndAPathOfItsOwn) {
  ResolvedColumns columns;
  constexpr uint32_t kColumns = 100;
  // Paths come again when they have long been passed.
  const auto path_of = [](uint32_t c) { return absl::StrCat("signal", c % 40); };
  for (uint32_t c = 0; c < kColumns; ++c) {
    const std::string path = path_of(c);
    columns.Add(FormOf(static_cast<uint8_t>(c % 7)), {{TwinNumber(c), path}});
  }
  const ResolvedColumns copy = columns;
  for (uint32_t c = 0; c < kColumns; ++c) {
    EXPECT_EQ(copy.form(c).decimals, c % 7);
    const std::string path = path_of(c);
    EXPECT_THAT(All(copy.targets(c)), ElementsAre(ColumnTarget{TwinNumber(c), path}));
  }
  EXPECT_EQ(copy, columns);
  columns.Add(FormOf(0), {});
  EXPECT_FALSE(copy == columns);
}

TEST(ResolvedColumnsTest, DiffersByFormTwinPathAndByWhereTargetsStand) {
  const auto made = [](uint8_t decimals, uint32_t twin, absl::string_view path, bool first) {
    ResolvedColumns columns;
    const std::vector<ColumnTarget> targets = {{TwinNumber(twin), path}};
    columns.Add(FormOf(decimals), first ? targets : std::vector<ColumnTarget>());
    columns.Add(FormOf(decimals), first ? std::vector<ColumnTarget>() : targets);
    return columns;
  };
  EXPECT_EQ(made(3, 1, "a", true), made(3, 1, "a", true));
  EXPECT_FALSE(made(3, 1, "a", true) == made(2, 1, "a", true));
  EXPECT_FALSE(made(3, 1, "a", true) == made(3, 2, "a", true));
  EXPECT_FALSE(made(3, 1, "a", true) == made(3, 1, "b", true));
  EXPECT_FALSE(made(3, 1, "a", true) == made(3, 1, "a", false));
}

// A hundred thousand vehicles have a layout of such columns each.
TEST(ResolvedColumnsTest, AlikeColumnsTakeFewBytes) {
  ResolvedColumns columns;
  for (uint32_t c = 0; c < 128; ++c) {
    columns.Add(FormOf(c < 96 ? 3 : 1), {{TwinNumber(c), c < 96 ? "voltage" : "temperature"}});
  }
  columns.ShrinkToFit();
  EXPECT_LT(columns.bytes(), 128 * 16);
}

TEST(LayoutsByTwinTest, FindsOneOrSeveralOfATwin) {
  LayoutsByTwin layouts;
  const TwinNumber twin(7);
  EXPECT_TRUE(layouts.empty());
  EXPECT_THAT(layouts.Find(twin), IsEmpty());
  layouts.Add(twin, 3);
  layouts.Add(twin, 3);
  EXPECT_THAT(layouts.Find(twin), ElementsAre(3));
  layouts.Add(twin, 5);
  layouts.Add(twin, 5);
  layouts.Add(twin, 4);
  EXPECT_THAT(layouts.Find(twin), ElementsAre(3, 5, 4));
  layouts.Remove(twin, 9);
  layouts.Remove(twin, 5);
  EXPECT_THAT(layouts.Find(twin), ElementsAre(3, 4));
  layouts.Remove(twin, 3);
  EXPECT_THAT(layouts.Find(twin), ElementsAre(4));
  layouts.Remove(twin, 3);
  EXPECT_THAT(layouts.Find(twin), ElementsAre(4));
  layouts.Remove(twin, 4);
  layouts.Remove(twin, 4);
  EXPECT_TRUE(layouts.empty());
}

}  // namespace
}  // namespace twin::ingest
