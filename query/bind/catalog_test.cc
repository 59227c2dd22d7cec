#include "query/bind/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/bind/test_models.h"

namespace twin::query {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Model& ModelNamed(absl::string_view id) {
  const std::vector<TableId> tables = TestCatalog()->TablesOfModel(id, /*exact=*/true);
  EXPECT_THAT(tables, SizeIs(1)) << id;
  return TestCatalog()->model(tables.at(0));
}

TEST(Catalog, NumbersTablesInTheOrderOfTheModels) {
  const Catalog& catalog = *TestCatalog();
  ASSERT_EQ(catalog.models().size(), catalog.set()->interfaces().size());
  for (size_t i = 0; i < catalog.models().size(); ++i) {
    EXPECT_EQ(catalog.models()[i].table.value, i);
    EXPECT_EQ(catalog.models()[i].interface, catalog.set()->interfaces()[i]);
    EXPECT_EQ(catalog.models()[i].id, catalog.set()->interfaces()[i]->id);
  }
}

TEST(Catalog, ColumnsAreFlattenedAndTyped) {
  const Model& cell = ModelNamed("dtmi:twingraph:battery:BatteryCell;1");
  const auto type_of = [&](absl::string_view path) { return cell.Find(path)->type; };
  EXPECT_EQ(type_of("voltage"), TypeKind::kDouble);
  EXPECT_EQ(type_of("seriesIndex"), TypeKind::kInt);
  EXPECT_EQ(type_of("balancing"), TypeKind::kBool);
  EXPECT_EQ(type_of("soh.value"), TypeKind::kDouble);
  EXPECT_EQ(type_of("soh.asOf"), TypeKind::kTime);
  EXPECT_EQ(type_of("soh.status"), TypeKind::kString);  // an Enum of strings
  EXPECT_EQ(type_of("manufacturingDate"), TypeKind::kString);
  EXPECT_EQ(type_of("baselineFeatures"), TypeKind::kValue);  // a map
  EXPECT_EQ(cell.Find("soh"), nullptr);
  EXPECT_EQ(cell.by_path.at("voltage").value, cell.Find("voltage") - cell.columns.data());
}

TEST(Catalog, ColumnsKnowWhatTheModelSaysOfThem) {
  const Model& cell = ModelNamed("dtmi:twingraph:battery:BatteryCell;1");
  EXPECT_TRUE(cell.Find("voltage")->telemetry);
  EXPECT_TRUE(cell.Find("voltage")->historized);
  EXPECT_EQ(cell.Find("voltage")->unit->name, "volt");
  EXPECT_FALSE(cell.Find("lot")->telemetry);
  EXPECT_FALSE(cell.Find("lot")->historized);
  EXPECT_FALSE(cell.Find("lot")->indexed);
  EXPECT_TRUE(cell.Find("serialNumber")->indexed);
  EXPECT_TRUE(cell.Find("soh.value")->historized);
  EXPECT_EQ(cell.Find("soh.value")->unit->name, "percent");
}

TEST(Catalog, InheritsColumnsAndRelationships) {
  const Model& room = ModelNamed("dtmi:example:Room;1");
  const Model& hall = ModelNamed("dtmi:example:Hall;1");
  EXPECT_NE(hall.Find("temperature"), nullptr);
  EXPECT_NE(hall.Find("lock.maker"), nullptr);
  EXPECT_THAT(hall.components, ElementsAre("lock"));
  EXPECT_EQ(hall.relationships, room.relationships);  // the same types, not types of their own
}

TEST(Catalog, RelationshipTypesBelongToTheirDeclaration) {
  const Catalog& catalog = *TestCatalog();
  EXPECT_THAT(catalog.TypesNamed("hasCell"), SizeIs(2));  // of packs and of modules
  EXPECT_THAT(catalog.TypesNamed("hasCel"), IsEmpty());
  const std::vector<RelationshipTypeId> types = catalog.TypesNamed("leadsTo");
  ASSERT_THAT(types, SizeIs(1));
  const RelationshipType& leads = catalog.relationship_type(types[0]);
  EXPECT_EQ(leads.id, types[0]);
  EXPECT_EQ(leads.owner, "dtmi:example:Room;1");
  EXPECT_EQ(leads.target, "dtmi:example:Room;1");
  EXPECT_EQ(leads.columns.at(leads.by_path.at("width").value).type, TypeKind::kDouble);
  EXPECT_EQ(catalog.relationship_type(catalog.TypesNamed("near").at(0)).target, "");
}

TEST(Catalog, TablesOfAModelAreThoseOfLaterVersionsAndDescendantsToo) {
  const Catalog& catalog = *TestCatalog();
  const auto tables = [&catalog](absl::string_view id, bool exact) {
    std::vector<std::string> ids;
    for (const TableId table : catalog.TablesOfModel(id, exact)) {
      ids.push_back(catalog.model(table).id);
    }
    return ids;
  };
  EXPECT_THAT(tables("dtmi:example:Room;1", false),
              ElementsAre("dtmi:example:Hall;1", "dtmi:example:Room;1", "dtmi:example:Room;2"));
  EXPECT_THAT(tables("dtmi:example:Room;1", true), ElementsAre("dtmi:example:Room;1"));
  EXPECT_THAT(tables("dtmi:example:Room;2", false), ElementsAre("dtmi:example:Room;2"));
  EXPECT_THAT(tables("dtmi:example:Room;3", false), IsEmpty());
}

TEST(Catalog, FamiliesByTheirLastSegment) {
  const Catalog& catalog = *TestCatalog();
  EXPECT_THAT(catalog.FamiliesNamed("Room"), ElementsAre("dtmi:example:Room"));
  EXPECT_THAT(catalog.FamiliesNamed("Thing"), ElementsAre("dtmi:one:Thing", "dtmi:two:Thing"));
  EXPECT_THAT(catalog.FamiliesNamed("room"), IsEmpty());
}

TEST(Catalog, WithoutModels) {
  const std::shared_ptr<const Catalog> empty = Catalog::OfModels(nullptr);
  EXPECT_EQ(empty->set(), nullptr);
  EXPECT_THAT(empty->models(), IsEmpty());
  EXPECT_THAT(empty->TablesOfModel("dtmi:example:Room;1", false), IsEmpty());
}

TEST(Catalog, LeavesOutModelsThatWereDeleted) {
  std::vector<Model> models(2);
  models[0].id = "dtmi:example:Gone;1";
  models[1].table = TableId(1);
  models[1].id = "dtmi:example:Room;2";
  models[1].interface = TestCatalog()->set()->Find("dtmi:example:Room;2");
  const Catalog catalog(std::move(models), {}, TestCatalog()->set(), TestCatalog());
  EXPECT_THAT(catalog.TablesOfModel("dtmi:example:Gone;1", true), IsEmpty());
  EXPECT_THAT(catalog.FamiliesNamed("Gone"), IsEmpty());
  EXPECT_THAT(catalog.TablesOfModel("dtmi:example:Room;1", false), ElementsAre(TableId(1)));
}

}  // namespace
}  // namespace twin::query
