#include "clients/twinctl/findings.h"

#include <gtest/gtest.h>

#include <sstream>

#include "clients/twinctl/models.h"

namespace twin::twinctl {
namespace {

constexpr char kContext[] = R"("@context": "dtmi:dtdl:context;3", "@type": "Interface")";

dtdl::Diagnostic Found(dtdl::Severity severity, uint32_t document, uint32_t begin, uint32_t end) {
  dtdl::Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.code = "someCode";
  diagnostic.element = "dtmi:a:b;1";
  diagnostic.message = "no \x1b[31m such thing";
  diagnostic.hint = "try another";
  diagnostic.document = document;
  diagnostic.line = 2;
  diagnostic.column = static_cast<int>(begin) - 1;
  diagnostic.begin = begin;
  diagnostic.end = end;
  return diagnostic;
}

const std::vector<InputText>& Texts() {
  static const auto* const texts = new std::vector<InputText>{
      {"a.json", "{\n \"x\": 1\n}\n"}, {"b.json", "[]"}, {"c.json", "{\n\t\"y\": [\"dtmi:c;1\"]}"}};
  return *texts;
}

// Errors in the first and the third text, a warning in the third, an id that nobody defines.
dtdl::ParseResult Invalid() {
  dtdl::ParseResult result;
  result.verdict = dtdl::Verdict::kInvalid;
  result.diagnostics = {Found(dtdl::Severity::kError, 0, 3, 6),
                        Found(dtdl::Severity::kWarning, 2, 3, 6),
                        Found(dtdl::Severity::kError, 2, 8, 9)};
  result.unresolved = {"dtmi:c;1"};
  return result;
}

std::string Printed(const dtdl::ParseResult& result, bool warnings, int columns = 0) {
  std::ostringstream out, err;
  Findings(&Texts(), &result).Print({.out = out, .err = err, .err_columns = columns}, warnings);
  EXPECT_EQ(out.str(), "");
  return err.str();
}

TEST(FindingsTest, ShowsPlaceLineAndWayOut) {
  EXPECT_EQ(Printed(Invalid(), true),
            "a.json:2:2: error: no \uFFFD[31m such thing [someCode]\n"
            "  in dtmi:a:b;1\n"
            "    2 |  \"x\": 1\n"
            "      |  ^~~\n"
            "  hint: try another\n"
            "\n"
            "c.json:2:2: warning: no \uFFFD[31m such thing [someCode]\n"
            "  in dtmi:a:b;1\n"
            "    2 |     \"y\": [\"dtmi:c;1\"]}\n"
            "      |     ^~~\n"
            "  hint: try another\n"
            "\n"
            "c.json:2:7: error: no \uFFFD[31m such thing [someCode]\n"
            "  in dtmi:a:b;1\n"
            "    2 |     \"y\": [\"dtmi:c;1\"]}\n"
            "      |          ^\n"
            "  hint: try another\n"
            "\n"
            "c.json:2:8: unresolved: 'dtmi:c;1' is defined nowhere in these files\n"
            "    2 |     \"y\": [\"dtmi:c;1\"]}\n"
            "      |           ^~~~~~~~~~\n"
            "  hint: name the file that defines it, too\n"
            "\n");
  EXPECT_EQ(Printed(Invalid(), false).find("warning"), std::string::npos);
}

TEST(FindingsTest, SummaryCountsFiles) {
  dtdl::ParseResult result = Invalid();
  EXPECT_EQ(Findings(&Texts(), &result).Summary(),
            "2 errors, 1 warning, 1 undefined id in 2 of 3 files");
  result.diagnostics_dropped = 7;
  EXPECT_EQ(Findings(&Texts(), &result).Summary(),
            "2 errors, 1 warning, 7 more findings, 1 undefined id in 2 of 3 files");
  result = {};
  result.verdict = dtdl::Verdict::kIncomplete;
  result.unresolved = {"dtmi:c;1"};
  EXPECT_EQ(Findings(&Texts(), &result).Summary(), "incomplete: 1 undefined id in 1 of 3 files");
}

TEST(FindingsTest, DataHasEverything) {
  const dtdl::ParseResult result = Invalid();
  const Data both = Findings(&Texts(), &result).AsData();
  const Json& data = both.document;
  EXPECT_EQ(data["verdict"], "invalid");
  EXPECT_EQ(data["errors"].size(), 2u);
  EXPECT_EQ(data["warnings"].size(), 1u);
  EXPECT_EQ(data["errors"][1], Json::parse(R"({"code": "someCode", "id": "dtmi:a:b;1",
      "message": "no \u001b[31m such thing", "hint": "try another", "file": "c.json", "line": 2,
      "column": 7, "severity": "error"})"));
  EXPECT_EQ(data["unresolved"], Json::array({"dtmi:c;1"}));
  EXPECT_EQ(data["references"],
            Json::parse(R"([{"id": "dtmi:c;1", "file": "c.json", "line": 2, "column": 8}])"));
  EXPECT_EQ(data["interfaces"], 2);
  const Json& rows = both.rows;
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[3]["severity"], "unresolved");
  for (const Json& row : rows) {
    for (const Column& column : both.columns) EXPECT_TRUE(row.contains(column.key));
  }
}

TEST(FindingsTest, ValidSetsNameTheirVersionsOfDtdl) {
  const std::vector<InputText> texts = {
      {"a", std::string("[{") + kContext + R"(, "@id": "dtmi:a;1"}, {)" + kContext +
                R"(, "@id": "dtmi:b;1"}])"},
      {"b", R"({"@context": "dtmi:dtdl:context;2", "@id": "dtmi:c;1", "@type": "Interface"})"}};
  const dtdl::ParseResult result = ParseTexts(texts, {});
  const Findings findings(&texts, &result);
  EXPECT_TRUE(findings.valid());
  EXPECT_EQ(findings.Summary(), "3 interfaces valid (DTDL 2, 3)");
  EXPECT_EQ(findings.AsData().document["interfaces"], 3);
  const dtdl::ParseResult nothing = ParseTexts({}, {});
  const std::vector<InputText> none;
  EXPECT_EQ(Findings(&none, &nothing).Summary(), "0 interfaces valid");
}

TEST(FindingsTest, AnUndefinedIdIsShownOnceAndCounted) {
  const std::vector<InputText> texts = {
      {"a", std::string("{") + kContext + R"(, "@id": "dtmi:a;1", "extends": "dtmi:z;1"})"},
      {"b", std::string("{") + kContext + R"(, "@id": "dtmi:b;1", "extends": "dtmi:z;1"})"},
      {"c", std::string("{") + kContext + R"(, "@id": "dtmi:c;1", "extends": "dtmi:z;1"})"}};
  const dtdl::ParseResult result = ParseTexts(texts, {});
  ASSERT_EQ(result.verdict, dtdl::Verdict::kIncomplete);
  std::ostringstream out, err;
  Findings(&texts, &result).Print({.out = out, .err = err}, true);
  EXPECT_EQ(err.str().substr(0, err.str().find('\n')),
            "a:1:89: unresolved: 'dtmi:z;1' is defined nowhere in these files (and 2 more places)");
  EXPECT_EQ(err.str().find("b:1:"), std::string::npos);
}

TEST(FindingsTest, PlacesOfManyReferencesAreExact) {
  std::vector<InputText> texts(1);
  texts[0].text = "[\n \"é\", \"dtmi:z;1\",\n  \"dtmi:z;1\"\n, \"dtmi:z;1\"]";
  const auto references = FindUndefinedReferences(texts, {"dtmi:z;1"});
  ASSERT_EQ(references.size(), 3u);
  EXPECT_EQ(references[0].line, 2);
  EXPECT_EQ(references[0].column, 7);
  EXPECT_EQ(references[1].line, 3);
  EXPECT_EQ(references[1].column, 3);
  EXPECT_EQ(references[2].line, 4);
  EXPECT_EQ(references[2].column, 3);
}

}  // namespace
}  // namespace twin::twinctl
