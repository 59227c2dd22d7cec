#include "clients/twinctl/output.h"

#include <gtest/gtest.h>

#include <sstream>

namespace twin::twinctl {
namespace {

const std::vector<Column>& Columns() {
  static const auto* const columns =
      new std::vector<Column>{{.key = "id", .title = "ID"},
                              {.key = "count", .title = "COUNT", .right = true},
                              {.key = "text", .title = "TEXT"}};
  return *columns;
}

Json Rows() {
  return Json::parse(R"([
    {"id": "a", "count": 7, "text": "one two three four five", "more": 1},
    {"id": "電池", "count": 1000, "text": null},
    {"id": "c\u001b[31m", "text": "say \"x, y\""}])");
}

std::string Table(int columns_max, bool color = false) {
  std::ostringstream out;
  WriteTable(Columns(), Rows(), {.columns_max = columns_max, .style = Style(color)}, out);
  return out.str();
}

TEST(TableTest, AlignsByWhatATerminalShows) {
  EXPECT_EQ(Table(0),
            "ID      COUNT  TEXT\n"
            "a           7  one two three four five\n"
            "電池     1000\n"
            "c\uFFFD[31m         say \"x, y\"\n");
}

TEST(TableTest, WrapsCellsToTheTerminal) {
  EXPECT_EQ(Table(28),
            "ID      COUNT  TEXT\n"
            "a           7  one two three\n"
            "               four five\n"
            "電池     1000\n"
            "c\uFFFD[31m         say \"x, y\"\n");
}

TEST(TableTest, OverflowsATerminalThatIsTooNarrow) {
  EXPECT_EQ(Table(1).substr(0, 20), "ID      COUNT  TEXT\n");
}

TEST(TableTest, PaintsTitles) { EXPECT_EQ(Table(0, true).substr(0, 10), "\x1b[1mID\x1b[0m"); }

TEST(CsvTest, QuotesWhatNeedsIt) {
  std::ostringstream out;
  WriteCsv(Columns(), Rows(), out);
  EXPECT_EQ(out.str(),
            "id,count,text\n"
            "a,7,one two three four five\n"
            "電池,1000,\n"
            "c\x1b[31m,,\"say \"\"x, y\"\"\"\n");
  for (const char* text : {"", " a", "a ", "a\nb", "a\rb"}) {
    std::ostringstream cell;
    WriteCsv({{.key = "x", .title = "X", .null_is_empty = true}}, Json::array({{{"x", text}}}),
             cell);
    EXPECT_EQ(cell.str(), std::string("x\n\"") + text + "\"\n");
  }
}

TEST(NdjsonTest, IsARowALineInItsOrder) {
  std::ostringstream out;
  WriteNdjson(Json::parse(R"([{"b": 1, "a": [1, 2]}, {}])"), out);
  EXPECT_EQ(out.str(), "{\"b\":1,\"a\":[1,2]}\n{}\n");
}

TEST(JsonTest, ReplacesBadUtf8) {
  std::ostringstream out;
  WriteJson({{"a", "x\xff"}}, out);
  EXPECT_EQ(out.str(), "{\n  \"a\": \"x\uFFFD\"\n}\n");
}

TEST(FormatTest, EveryWordIsOne) {
  EXPECT_EQ(FormatOf("table"), Format::kTable);
  EXPECT_EQ(FormatOf("json"), Format::kJson);
  EXPECT_EQ(FormatOf("ndjson"), Format::kNdjson);
  EXPECT_EQ(FormatOf("csv"), Format::kCsv);
  EXPECT_EQ(FormatOf("yaml"), Format::kYaml);
}

TEST(DataTest, TreesAreDocumentsAndLinesAreRows) {
  const Data data = {.document = {{"a", 1}},
                     .rows = Json::parse(R"([{"b": 2}, {"b": 3}])"),
                     .columns = ColumnsOfKeys({"b"})};
  const auto written = [&](Format format) {
    std::ostringstream out;
    WriteData(data, format, out);
    return out.str();
  };
  EXPECT_EQ(written(Format::kJson), "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(written(Format::kYaml), "a: 1\n");
  EXPECT_EQ(written(Format::kNdjson), "{\"b\":2}\n{\"b\":3}\n");
  EXPECT_EQ(written(Format::kCsv), "b\n2\n3\n");
}

std::string Yaml(absl::string_view json) {
  std::ostringstream out;
  WriteYaml(Json::parse(json.begin(), json.end()), out);
  return out.str();
}

TEST(YamlTest, WritesBlocks) {
  EXPECT_EQ(
      Yaml(R"({"a": 1, "b": [], "c": {}, "d": [1, {"e": "f", "g": [2]}, [3, 4]], "h": null})"),
      "a: 1\n"
      "b: []\n"
      "c: {}\n"
      "d:\n"
      "  - 1\n"
      "  - e: f\n"
      "    g:\n"
      "      - 2\n"
      "  - - 3\n"
      "    - 4\n"
      "h: null\n");
  EXPECT_EQ(Yaml("[]"), "[]\n");
  EXPECT_EQ(Yaml("\"x\""), "x\n");
}

TEST(YamlTest, QuotesWhatCouldBeSomethingElse) {
  for (const char* plain : {"dtmi:com:example:Cell;1", "two words", "a-b_c.d/e", "it's"}) {
    EXPECT_EQ(Yaml(Json(plain).dump()), std::string(plain) + "\n");
  }
  for (const char* quoted :
       {"",   "1",  "-1",   "1e3",  "~",   "true", "No",   "Null",  "y",     " a",
        "a ", "a:", "a: b", "a #b", "- a", "[a",   "a\nb", "@type", "Größe", "a, b"}) {
    EXPECT_EQ(Yaml(Json(quoted).dump()), Json(quoted).dump() + "\n");
  }
  EXPECT_EQ(Yaml("\"a\x7f\u2028\uFEFF\""), "\"a\\U0000007f\\U00002028\\U0000feff\"\n");
  EXPECT_EQ(Yaml(R"({"no": 1, "@id": 2})"), "\"no\": 1\n\"@id\": 2\n");
}

}  // namespace
}  // namespace twin::twinctl
