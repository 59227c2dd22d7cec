#include "clients/twinctl/results.h"

#include <gtest/gtest.h>

#include <sstream>

#include "clients/twinctl/progress.h"
#include "clients/twinctl/row_printer.h"

namespace twin::twinctl {
namespace {

TEST(ResultsTest, WritesForPeople) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
  EXPECT_EQ(CountOf(1, "twin"), "1 twin");
  EXPECT_EQ(CountOf(1000, "twin"), "1,000 twins");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(uint64_t{5} << 50), "5120.0 TiB");
  EXPECT_EQ(TimeText(0), "");
  EXPECT_EQ(TimeText(1'700'000'000'250'000'000), "2023-11-14T22:13:20.25Z");
}

TEST(ResultsTest, ShowsAnObjectByItsFields) {
  const Json object = Json::parse(R"({"a": 1, "b": {"c": "x", "d": {"e": [1]}}, "f": {}})");
  std::ostringstream out, err;
  const Console console = {.out = out, .err = err};
  WriteObject(object, Format::kTable, console);
  EXPECT_EQ(out.str(),
            "FIELD  VALUE\n"
            "a      1\n"
            "b.c    x\n"
            "b.d.e  [1]\n"
            "f      {}\n");
  out.str("");
  WriteObject(object, Format::kCsv, console);
  EXPECT_EQ(out.str(), "a,b,f\n1,\"{\"\"c\"\":\"\"x\"\",\"\"d\"\":{\"\"e\"\":[1]}}\",{}\n");
  out.str("");
  WriteDone("it is\ndone", object, Format::kTable, console);
  EXPECT_EQ(out.str(), "it is done\n");
  out.str("");
  WriteDone("done", {{"a", 1}}, Format::kJson, console);
  EXPECT_EQ(out.str(), "{\n  \"a\": 1\n}\n");
}

std::string Printed(Format format, const std::vector<Json>& pages) {
  std::ostringstream out, err;
  const Console console = {.out = out, .err = err};
  RowPrinter printer(format, console, ColumnsOfKeys({"a"}));
  for (const Json& page : pages) printer.Add(page);
  printer.Finish();
  return out.str();
}

TEST(RowPrinterTest, PagesMakeOneDocument) {
  const std::vector<Json> pages = {Json::parse(R"([{"a": 1}, {"a": [2]}])"), Json::array(),
                                   Json::parse(R"([{"a": 3}])")};
  EXPECT_EQ(Printed(Format::kTable, pages), "a\n1\n[2]\n3\n");
  EXPECT_EQ(Printed(Format::kCsv, pages), "a\n1\n[2]\n3\n");
  EXPECT_EQ(Printed(Format::kNdjson, pages), "{\"a\":1}\n{\"a\":[2]}\n{\"a\":3}\n");
  EXPECT_EQ(Printed(Format::kYaml, pages), "- a: 1\n- a:\n    - 2\n- a: 3\n");
  std::ostringstream whole;
  WriteJson(Json::parse(R"([{"a": 1}, {"a": [2]}, {"a": 3}])"), whole);
  EXPECT_EQ(Printed(Format::kJson, pages), whole.str());
}

TEST(RowPrinterTest, NoRowsAreADocumentToo) {
  EXPECT_EQ(Printed(Format::kTable, {}), "a\n");
  EXPECT_EQ(Printed(Format::kCsv, {}), "a\n");
  EXPECT_EQ(Printed(Format::kNdjson, {}), "");
  EXPECT_EQ(Printed(Format::kYaml, {}), "[]\n");
  EXPECT_EQ(Printed(Format::kJson, {}), "[]\n");
}

TEST(RowLimitTest, TablesAreShort) {
  RowLimit table(0, Format::kTable);
  EXPECT_EQ(table.PageSize(10'000), 1000);
  RowLimit all(0, Format::kNdjson);
  EXPECT_EQ(all.PageSize(10'000), 10'000);
  RowLimit two(2, Format::kTable);
  EXPECT_EQ(two.PageSize(10'000), 2);
  EXPECT_TRUE(two.Take());
  EXPECT_FALSE(two.reached());
  EXPECT_TRUE(two.Take());
  EXPECT_TRUE(two.reached());
  EXPECT_FALSE(two.Take());
  std::ostringstream out, err;
  const Console console = {.out = out, .err = err};
  two.SayMore(console);
  EXPECT_EQ(err.str(), "");
  table.SayMore(console);
  EXPECT_EQ(err.str(),
            "There are more than 1,000; --limit N shows more of them, -o ndjson prints all.\n");
}

TEST(ProgressTest, FitsTheTerminal) {
  EXPECT_EQ(ProgressText("import", 0.5, "7 twins", 80),
            "import  ██████████··········   50 %  7 twins");
  EXPECT_EQ(ProgressText("import", 2, "", 80), "import  ████████████████████  100 %  ");
  EXPECT_EQ(ProgressText("import", -1, "7 twins, 8 relationships", 80),
            "import  7 twins, 8 relationships");
  EXPECT_LE(ColumnsOf(ProgressText("import", 0.5, "7 twins, 8 relationships", 50)), 50);
}

TEST(ProgressTest, IsForTerminals) {
  std::ostringstream out, err;
  {
    const Console console = {.out = out, .err = err};
    ProgressLine line(console, "import");
    line.Show(0.5, "x");
  }
  EXPECT_EQ(err.str(), "");
  {
    const Console console = {.out = out, .err = err, .err_columns = 40};
    ProgressLine line(console, "import");
    line.Show(-1, "x");
    line.Show(-1, "y");  // Too soon.
    EXPECT_EQ(err.str(), "\rimport  x");
  }
  EXPECT_EQ(err.str(), "\rimport  x\r         \r");
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace twin::twinctl
