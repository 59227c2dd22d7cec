// Golden tests of findings: tests/golden/dtdl/*.dtdl-test, whose format README.md there explains.
//   TWIN_UPDATE=1 ./test dtdl     rewrites what they expect
// The codes of codes.h, the cases, and docs/dtdl-codes.md are held together here: every code has a
// case, and a row in the table whose example is a line of such a case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "models/dtdl/json.h"
#include "models/dtdl/parse.h"

namespace twin::dtdl {
namespace {

using ::testing::ElementsAreArray;
using ::testing::SizeIs;

constexpr char kFolder[] = "tests/golden/dtdl";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// --- The format ----------------------------------------------------------------------------------

// "<<3 t#, >>" -> "t1, t2, t3": the text that many times, '#' counting; what ends in a comma is a
// list, whose last comma is dropped.
std::string ExpandRepetitions(absl::string_view line) {
  std::string expanded;
  while (true) {
    const size_t open = line.find("<<");
    const size_t close = line.find(">>");
    if (open == absl::string_view::npos || close == absl::string_view::npos) break;
    const absl::string_view inside = line.substr(open + 2, close - open - 2);
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(inside, absl::MaxSplits(' ', 1));
    int count = 0;
    EXPECT_TRUE(absl::SimpleAtoi(parts.first, &count)) << inside;
    const absl::string_view item = absl::StripSuffix(parts.second, " ");
    const bool list = absl::EndsWith(item, ",");
    absl::StrAppend(&expanded, line.substr(0, open));
    for (int i = 1; i <= count; ++i) {
      const bool drop_comma = list && i == count;
      absl::StrAppend(&expanded, absl::StrReplaceAll(drop_comma ? item.substr(0, item.size() - 1)
                                                                : absl::string_view(parts.second),
                                                     {{"#", absl::StrCat(i)}}));
    }
    line.remove_prefix(close + 2);
  }
  return absl::StrCat(expanded, line);
}

struct Text {
  std::string name;  // empty: the case has one text, and its findings name no file
  std::string written, expanded;

  void AddLine(absl::string_view line, bool first) {
    absl::StrAppend(&written, first ? "" : "\n", line);
    absl::StrAppend(&expanded, first ? "" : "\n", ExpandRepetitions(line));
  }
};

struct Case {
  int line = 0;  // of its first line
  ParseOptions options;
  std::vector<Text> texts;
  std::vector<std::string> expected;
};

bool IsComment(absl::string_view line) { return line.empty() || line[0] == '#'; }

void ReadOptions(absl::string_view line, ParseOptions* options) {
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    const auto& [name, value] = parts;
    if (name == "undefined_extensions") {
      options->undefined_extensions =
          value == "allow" ? UndefinedExtensions::kAllow : UndefinedExtensions::kDisallow;
    } else if (name == "dtdl_version_max") {
      EXPECT_TRUE(absl::SimpleAtoi(value, &options->dtdl_version_max));
    } else if (name == "limits") {
      options->limits.emplace_back(value);
    } else {
      ADD_FAILURE() << "no option '" << name << "'";
    }
  }
}

// A golden file: cases, and all its lines, so that it can be written again with other expectations.
struct GoldenFile {
  explicit GoldenFile(const std::filesystem::path& path) {
    lines = absl::StrSplit(ReadFile(path), '\n');
    size_t i = 0;
    while (i < lines.size()) {
      if (IsComment(lines[i])) {
        ++i;
      } else {
        ReadCase(&i);
      }
    }
  }

  void ReadCase(size_t* i) {
    Case& test = cases.emplace_back();
    test.line = static_cast<int>(*i) + 1;
    bool first_line = true;
    for (; *i < lines.size() && lines[*i] != "----"; ++*i) {
      absl::string_view line = lines[*i];
      if (absl::ConsumePrefix(&line, "options ")) {
        ReadOptions(line, &test.options);
      } else if (absl::ConsumePrefix(&line, "file ")) {
        test.texts.push_back({.name = std::string(line), .written = "", .expanded = ""});
        first_line = true;
      } else {
        if (test.texts.empty()) test.texts.emplace_back();
        test.texts.back().AddLine(line, first_line);
        first_line = false;
      }
    }
    EXPECT_LT(*i, lines.size()) << "a case without ----";
    for (++*i; *i < lines.size() && !lines[*i].empty(); ++*i) test.expected.push_back(lines[*i]);
  }

  std::vector<std::string> lines;
  std::vector<Case> cases;
};

std::vector<std::filesystem::path> GoldenPaths() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".dtdl-test") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// --- What Parse says of a case -------------------------------------------------------------------

// Long runs of one character as a case writes them: "<<129 a>>".
std::string ShortenRuns(absl::string_view line) {
  constexpr size_t kLongRun = 40;
  std::string shortened;
  while (!line.empty()) {
    const size_t run = std::min(line.find_first_not_of(line[0]), line.size());
    absl::StrAppend(&shortened, run < kLongRun
                                    ? line.substr(0, run)
                                    : absl::StrCat("<<", run, " ", line.substr(0, 1), ">>"));
    line.remove_prefix(run);
  }
  return shortened;
}

ParseResult ParseCase(const Case& test) {
  std::vector<Source> sources;
  for (const Text& text : test.texts) sources.push_back({text.name, text.expanded});
  return Parse(sources, test.options);
}

std::string Describe(const Diagnostic& diagnostic, const Case& test) {
  const std::string& file = test.texts[diagnostic.document].name;
  return absl::StrCat(file, file.empty() ? "" : ":", diagnostic.line, ":", diagnostic.column, ": ",
                      diagnostic.severity == Severity::kError ? "error" : "warning", "[",
                      diagnostic.code, "]", diagnostic.element.empty() ? "" : " ",
                      diagnostic.element, ": ", FullMessage(diagnostic));
}

std::vector<std::string> Describe(const ParseResult& result, const Case& test) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    lines.push_back(ShortenRuns(Describe(diagnostic, test)));
  }
  if (result.verdict == Verdict::kValid) lines.emplace_back("valid");
  if (result.verdict == Verdict::kIncomplete) {
    lines.push_back(absl::StrCat("incomplete: ", absl::StrJoin(result.unresolved, " ")));
  }
  return lines;
}

// --- Where a caret may stand ---------------------------------------------------------------------

struct Span {
  uint32_t begin = 0, end = 0;
  friend bool operator<(const Span& a, const Span& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  }
};

// Everything in a text that a finding can be about: values, member names, and the first character
// of values, which stands for the whole of a long one.
void CollectTokens(const JsonNode& node, absl::string_view text, std::set<Span>* tokens) {
  tokens->insert({node.begin, node.end});
  tokens->insert({node.begin, node.begin + 1});
  if (!node.key.empty()) {
    uint32_t end = node.key_begin + 1;
    while (text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    tokens->insert({node.key_begin, end + 1});
  }
  for (const JsonNode& child : Children(node)) CollectTokens(child, text, tokens);
}

void ExpectAtToken(const Diagnostic& diagnostic, const Case& test) {
  const std::string& text = test.texts[diagnostic.document].expanded;
  ASSERT_LE(diagnostic.begin, diagnostic.end);
  ASSERT_LE(diagnostic.begin, text.size());
  const TextPosition position = PositionOf(text, diagnostic.begin);
  EXPECT_EQ(position.line, diagnostic.line);
  EXPECT_EQ(position.column, diagnostic.column);
  JsonParser parser;
  JsonError error;
  const auto document = JsonDocument::Parse(text, parser, &error);
  if (document == nullptr) return;  // has no tokens
  ASSERT_LE(diagnostic.end, text.size());
  std::set<Span> tokens;
  CollectTokens(document->root(), text, &tokens);
  EXPECT_TRUE(tokens.contains({diagnostic.begin, diagnostic.end}))
      << "marks " << text.substr(diagnostic.begin, diagnostic.end - diagnostic.begin);
}

bool Updating() { return std::getenv("TWIN_UPDATE") != nullptr; }

void Update(const std::filesystem::path& path, const GoldenFile& golden) {
  std::vector<std::string> lines;
  size_t next = 0;
  for (const Case& test : golden.cases) {
    while (golden.lines[next] != "----") lines.push_back(golden.lines[next++]);
    lines.push_back(golden.lines[next++]);
    next += test.expected.size();
    for (std::string& line : Describe(ParseCase(test), test)) lines.push_back(std::move(line));
  }
  lines.insert(lines.end(), golden.lines.begin() + static_cast<std::ptrdiff_t>(next),
               golden.lines.end());
  std::ofstream(path, std::ios::binary) << absl::StrJoin(lines, "\n");
}

TEST(Golden, Findings) {
  int cases = 0;
  for (const std::filesystem::path& path : GoldenPaths()) {
    const GoldenFile golden(path);
    for (const Case& test : golden.cases) {
      SCOPED_TRACE(absl::StrCat(path.string(), ":", test.line));
      const ParseResult result = ParseCase(test);
      for (const Diagnostic& diagnostic : result.diagnostics) {
        SCOPED_TRACE(Describe(diagnostic, test));
        ExpectAtToken(diagnostic, test);
      }
      EXPECT_EQ(result.models != nullptr, result.verdict == Verdict::kValid);
      if (!Updating()) {
        EXPECT_THAT(Describe(result, test), ElementsAreArray(test.expected));
      }
      ++cases;
    }
    if (Updating()) Update(path, golden);
  }
  EXPECT_GT(cases, 0);
}

// What a finding should read like: what is wrong; then the way out.
TEST(Golden, FindingsSayTheWayOut) {
  const std::regex wrong_article("\\ba [AEIO][a-z]");
  std::set<std::string> seen;
  for (const std::filesystem::path& path : GoldenPaths()) {
    for (const Case& test : GoldenFile(path).cases) {
      for (const Diagnostic& diagnostic : ParseCase(test).diagnostics) {
        const std::string text = FullMessage(diagnostic);
        if (!seen.insert(std::string(diagnostic.code)).second) continue;  // one of each will do
        SCOPED_TRACE(
            absl::StrCat(path.string(), ":", test.line, ": ", diagnostic.code, ": ", text));
        EXPECT_TRUE(absl::StrContains(text, "; ")) << "no way out";
        EXPECT_FALSE(std::regex_search(text, wrong_article)) << "an, not a";
        EXPECT_FALSE(absl::StrContains(text, ".; ") || absl::EndsWith(text, ".")) << "a full stop";
      }
    }
  }
}

// --- Codes ---------------------------------------------------------------------------------------

struct Code {
  std::string code, meaning;
};

// The codes of codes.h in its order, each with the comment above it.
std::vector<Code> DeclaredCodes() {
  std::vector<Code> codes;
  std::string comment;
  const std::string text = absl::StrReplaceAll(ReadFile("models/dtdl/codes.h"), {{"=\n", "="}});
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "// ")) {
      comment = std::string(line);
    } else if (absl::ConsumePrefix(&line, "inline constexpr absl::string_view ")) {
      const std::vector<absl::string_view> parts = absl::StrSplit(line, '"');
      EXPECT_THAT(parts, SizeIs(3)) << line;
      codes.push_back({std::string(parts[1]), comment});
    }
  }
  EXPECT_GT(codes.size(), 100u);
  return codes;
}

// By code, the lines of texts about which some case expects a finding with it.
std::map<std::string, std::vector<std::string>> LinesByCode() {
  std::map<std::string, std::vector<std::string>> lines;
  for (const std::filesystem::path& path : GoldenPaths()) {
    for (const Case& test : GoldenFile(path).cases) {
      for (const Diagnostic& diagnostic : ParseCase(test).diagnostics) {
        const std::vector<absl::string_view> written =
            absl::StrSplit(test.texts[diagnostic.document].written, '\n');
        lines[std::string(diagnostic.code)].emplace_back(
            written[static_cast<size_t>(diagnostic.line) - 1]);
      }
    }
  }
  return lines;
}

TEST(Codes, EachIsDeclaredOnce) {
  std::set<std::string> seen;
  for (const Code& code : DeclaredCodes()) {
    EXPECT_TRUE(seen.insert(code.code).second) << code.code;
    EXPECT_FALSE(code.meaning.empty()) << code.code;
  }
}

// A code that no text can bring about promises something that never comes.
TEST(Codes, EachHasAGoldenCase) {
  const auto lines = LinesByCode();
  for (const Code& code : DeclaredCodes()) {
    EXPECT_TRUE(lines.contains(code.code)) << code.code << ": no case in " << kFolder;
  }
}

TEST(Codes, NoFindingHasAnother) {
  std::set<std::string> declared;
  for (const Code& code : DeclaredCodes()) declared.insert(code.code);
  for (const auto& [code, lines] : LinesByCode()) EXPECT_TRUE(declared.contains(code)) << code;
}

// A row of docs/dtdl-codes.md: what the first golden case with the code says.
std::string DocumentRow(const Code& code) {
  for (const std::filesystem::path& path : GoldenPaths()) {
    for (const Case& test : GoldenFile(path).cases) {
      for (const Diagnostic& diagnostic : ParseCase(test).diagnostics) {
        if (diagnostic.code != code.code) continue;
        constexpr size_t kExampleBytes = 70;
        const std::vector<std::string> written =
            absl::StrSplit(test.texts[diagnostic.document].written, '\n');
        absl::string_view line = written[static_cast<size_t>(diagnostic.line) - 1];
        const size_t column = static_cast<size_t>(diagnostic.column) - 1;
        if (line.size() > kExampleBytes && column < line.size()) line.remove_prefix(column);
        line = absl::StripAsciiWhitespace(line.substr(0, kExampleBytes));
        return absl::StrCat("| `", code.code, "` | ", code.meaning, " | ",
                            diagnostic.hint.empty() ? "see the message" : diagnostic.hint, " | `",
                            line, "` |");
      }
    }
  }
  return "";
}

void UpdateDocument() {
  std::string text = ReadFile("docs/dtdl-codes.md");
  text.resize(std::min(text.size(), text.find("| `")));
  for (const Code& code : DeclaredCodes()) absl::StrAppend(&text, DocumentRow(code), "\n");
  std::ofstream("docs/dtdl-codes.md") << text;
}

// docs/dtdl-codes.md: | `code` | what it means | how to mend it | `example` |
TEST(Codes, DocumentListsThem) {
  if (Updating()) UpdateDocument();
  const std::vector<Code> declared = DeclaredCodes();
  const auto lines = LinesByCode();
  size_t next = 0;
  for (const absl::string_view line : absl::StrSplit(ReadFile("docs/dtdl-codes.md"), '\n')) {
    if (!absl::StartsWith(line, "| `")) continue;
    SCOPED_TRACE(line);
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    ASSERT_THAT(cells, SizeIs(4));
    ASSERT_LT(next, declared.size());
    const Code& code = declared[next++];
    EXPECT_EQ(cells[0], absl::StrCat("| `", code.code, "`"));
    EXPECT_EQ(cells[1], code.meaning);
    EXPECT_FALSE(cells[2].empty());
    absl::string_view example = cells[3];
    ASSERT_TRUE(absl::ConsumePrefix(&example, "`") && absl::ConsumeSuffix(&example, "` |"));
    const auto known = lines.find(code.code);
    if (known == lines.end()) continue;  // EachHasAGoldenCase says so
    EXPECT_TRUE(
        std::any_of(known->second.begin(), known->second.end(),
                    [&](const std::string& text) { return absl::StrContains(text, example); }))
        << "no golden case has a finding '" << code.code << "' on a line with the example";
  }
  EXPECT_EQ(next, declared.size()) << "codes without a row";
}

}  // namespace
}  // namespace twin::dtdl
