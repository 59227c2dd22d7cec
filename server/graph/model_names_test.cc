#include "server/graph/model_names.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "tests/support/status_matchers.h"

namespace twin::graph {
namespace {

using ::twin::testing::StatusIs;

std::shared_ptr<const Catalog> CatalogOf(const std::vector<std::string>& ids) {
  std::vector<ModelState> states;
  for (const std::string& id : ids) {
    ModelState state;
    state.id = id;
    state.text = absl::StrCat(R"({"@context":"dtmi:dtdl:context;3","@type":"Interface","@id":")",
                              id, R"("})");
    state.table = TableId(static_cast<uint32_t>(states.size()));
    states.push_back(std::move(state));
  }
  auto catalog = Catalog::Create(std::move(states), nullptr);
  TWIN_CHECK(catalog.ok()) << catalog.status();
  return *std::move(catalog);
}

TEST(ModelNamesTest, FindsWhatAShortNameMeans) {
  const auto catalog = CatalogOf({"dtmi:com:a:PouchCell;2", "dtmi:com:a:PouchCell;10",
                                  "dtmi:com:a:PouchCell;9", "dtmi:com:a:Module;1"});
  EXPECT_EQ(ClosestModel(*catalog, "PouchCell"), "dtmi:com:a:PouchCell;10");
  EXPECT_EQ(ClosestModel(*catalog, "pouchcel"), "dtmi:com:a:PouchCell;10");
  EXPECT_EQ(ClosestModel(*catalog, "Module;1"), "dtmi:com:a:Module;1");
  EXPECT_EQ(ClosestModel(*catalog, "Vehicle"), "");
}

TEST(ModelNamesTest, FindsAnotherVersionOrSpelling) {
  const auto catalog = CatalogOf({"dtmi:com:a:PouchCell;1", "dtmi:com:a:Module;1"});
  EXPECT_EQ(ClosestModel(*catalog, "dtmi:com:a:PouchCell;7"), "dtmi:com:a:PouchCell;1");
  EXPECT_EQ(ClosestModel(*catalog, "dtmi:com:a:Modul;1"), "dtmi:com:a:Module;1");
  EXPECT_EQ(ClosestModel(*catalog, "dtmi:org:other:Thing;1"), "");
  EXPECT_EQ(ClosestModel(*Catalog::Empty(), "PouchCell"), "");
}

TEST(ModelNamesTest, FindsLongerNamesAndOtherNamespaces) {
  const auto catalog =
      CatalogOf({"dtmi:com:a:Alert;1", "dtmi:com:a:BatteryCell;1", "dtmi:com:a:BatteryCellGroup;1",
                 "dtmi:org:b:Pump;1", "dtmi:com:a:Pump;1"});
  EXPECT_EQ(ClosestModel(*catalog, "dtmi:com:a:Cell;1"), "dtmi:com:a:BatteryCell;1");
  EXPECT_EQ(ClosestModel(*catalog, "cell"), "dtmi:com:a:BatteryCell;1");
  EXPECT_EQ(ClosestModel(*catalog, "dtmi:com:aa:Pump;1"), "dtmi:com:a:Pump;1");
  EXPECT_EQ(ClosestModel(*catalog, "dtmi:org:bb:Pmup;3"), "dtmi:org:b:Pump;1");
}

TEST(ModelNamesTest, ARefusalNamesTheModelThatWasMeant) {
  const auto catalog = CatalogOf({"dtmi:com:a:PouchCell;1"});
  EXPECT_THAT(NoModel(*catalog, "PouchCell"),
              StatusIs(absl::StatusCode::kNotFound,
                       "there is no model PouchCell; did you mean 'dtmi:com:a:PouchCell;1'?"));
  EXPECT_THAT(NoModel(*catalog, "x"), StatusIs(absl::StatusCode::kNotFound, "there is no model x"));
}

}  // namespace
}  // namespace twin::graph
