#include "clients/twinctl/tree.h"

#include <gtest/gtest.h>

#include <sstream>

namespace twin::twinctl {
namespace {

TreeNode Pack() {
  TreeNode module = {
      .id = "m-1", .model = "dtmi:com:example:Module;1", .relationship = "hasModule"};
  module.children = {{.id = "c-1", .model = "Cell;1", .relationship = "hasCell", .cut = true},
                     {.id = "電\x1b池", .model = "", .relationship = "hasCell", .repeated = true}};
  TreeNode root = {.id = "p-1", .model = "dtmi:com:example:Pack;1"};
  root.children = {module, {.id = "m-2", .model = "x:Module;2", .relationship = "contains"}};
  return root;
}

std::string Drawn(int columns) {
  std::ostringstream out, err;
  DrawTree(Pack(), Console{.out = out, .err = err, .out_columns = columns});
  return out.str();
}

TEST(TreeTest, IsDrawnWithLines) {
  EXPECT_EQ(Drawn(0),
            "p-1  Pack;1\n"
            "├─ hasModule  m-1  Module;1\n"
            "│  ├─ hasCell  c-1  Cell;1  …\n"
            "│  └─ hasCell  電\uFFFD池  (also elsewhere)\n"
            "└─ contains  m-2  Module;2\n");
}

TEST(TreeTest, IsCutToTheTerminal) {
  EXPECT_EQ(Drawn(20),
            "p-1  Pack;1\n"
            "├─ hasModule  m-1  …\n"
            "│  ├─ hasCell  c-1 …\n"
            "│  └─ hasCell  電\uFFFD池…\n"
            "└─ contains  m-2  M…\n");
}

TEST(TreeTest, IsADocumentAndRows) {
  EXPECT_EQ(DumpJson(TreeJson(Pack())["children"][0]["children"][0]),
            R"({"$dtId":"c-1","$metadata":{"$model":"Cell;1"},"relationship":"hasCell",)"
            R"("cut":true,"children":[]})");
  const Json rows = TreeRows(Pack());
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(DumpJson(rows[0]), R"({"$dtId":"p-1","model":"dtmi:com:example:Pack;1","depth":0,)"
                               R"("parent":null,"relationship":null})");
  EXPECT_EQ(DumpJson(rows[2]), R"({"$dtId":"c-1","model":"Cell;1","depth":2,"parent":"m-1",)"
                               R"("relationship":"hasCell"})");
}

TEST(TreeTest, KnowsContainment) {
  for (const char* name : {"contains", "has", "hasCell"}) EXPECT_TRUE(IsContainment(name)) << name;
  for (const char* name : {"", "feeds", "containsAll", "Has", "ishas"}) {
    EXPECT_FALSE(IsContainment(name)) << name;
  }
}

}  // namespace
}  // namespace twin::twinctl
