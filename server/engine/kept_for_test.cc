#include "server/engine/kept_for.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/graph/catalog.h"
#include "tests/support/status_matchers.h"

namespace twin::engine {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;
using timeseries::Retention;
using ::twin::testing::IsOk;
using ::twin::testing::StatusIs;

constexpr int64_t kDay = int64_t{86'400} * 1'000'000'000;
const Retention kCommon{.raw = 30 * kDay, .samples = 365 * kDay, .rollups = 5 * 365 * kDay};

std::shared_ptr<const graph::Catalog> Models() {
  std::vector<graph::ModelState> states;
  for (const char* const text :
       {R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:a:Cell;1","@type":"Interface"})",
        R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:b:OwnCell;2","@type":"Interface",
            "extends":"dtmi:a:Cell;1"})",
        R"({"@context":"dtmi:dtdl:context;3","@id":"dtmi:a:Pack;1","@type":"Interface"})"}) {
    const std::string all = text;
    const size_t begin = all.find("@id\":\"") + 6;
    graph::ModelState state;
    state.id = all.substr(begin, all.find('"', begin) - begin);
    state.text = all;
    state.table = TableId(static_cast<uint32_t>(states.size()));
    states.push_back(std::move(state));
  }
  auto catalog = graph::Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

TEST(KeptForTest, ModelsByNameWithWhatExtendsThem) {
  const auto models = Models();
  const auto of = [&](const KeptFor& kept, const char* id) {
    return kept.OfModel(*models->FindTable(id));
  };
  auto kept = KeptFor::Parse(kCommon, {"Cell=samples:90d,rollups:2y", "dtmi:a:Pack=samples:0"});
  ASSERT_THAT(kept, IsOk());
  EXPECT_TRUE(kept->is_by_model());
  const Retention cell{.raw = 30 * kDay, .samples = 90 * kDay, .rollups = 2 * 365 * kDay};
  EXPECT_EQ(of(*kept, "dtmi:a:Cell;1"), cell);
  EXPECT_EQ(of(*kept, "dtmi:b:OwnCell;2"), cell);
  EXPECT_EQ(of(*kept, "dtmi:a:Pack;1").samples, 0);
  EXPECT_EQ(kept->longest().samples, 0);
  kept = KeptFor::Parse(kCommon, {"dtmi:a:Cell;1=samples:1w", "OwnCell=samples:12h,raw:1h"});
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(of(*kept, "dtmi:a:Cell;1").samples, 7 * kDay);
  EXPECT_EQ(of(*kept, "dtmi:b:OwnCell;2").samples, kDay / 2);
  EXPECT_EQ(of(*kept, "dtmi:b:OwnCell;2").raw, kDay / 24);
  EXPECT_EQ(of(*kept, "dtmi:a:Pack;1"), kCommon);
}

TEST(KeptForTest, NothingIsSaid) {
  const auto kept = KeptFor::Parse(kCommon, {""});
  ASSERT_THAT(kept, IsOk());
  EXPECT_FALSE(kept->is_by_model());
}

TEST(KeptForTest, WrongTextsSayWhatIsMeant) {
  for (const char* const text :
       {"Cell", "=samples:1d", "Cell=", "Cell=samples", "Cell=samples:-1d", "Cell=samples:1",
        "Cell=samples:d", "Cell=days:1d", "Cell=samples:1d,", "Cell=samples:99999999999y"}) {
    EXPECT_THAT(KeptFor::Parse(kCommon, {text}).status(),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("MODEL=samples:90d")))
        << text;
  }
}

}  // namespace
}  // namespace twin::engine
