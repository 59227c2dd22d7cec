#include "tests/golden/page.h"

#include <fstream>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/base/check.h"
#include "tests/support/import_file.h"

namespace twin::testing {
namespace {

constexpr absl::string_view kDivider = "----";

bool IsCase(const std::string& keyword) {
  static const auto* const kCases =
      new std::set<std::string>{"tree", "bound", "plan", "query", "error"};
  return kCases->contains(keyword);
}

}  // namespace

absl::StatusOr<Page> ReadPage(const std::string& path) {
  Page page;
  page.path = path;
  page.lines = absl::StrSplit(ReadFileOrDie(path), '\n');
  if (!page.lines.empty() && page.lines.back().empty()) page.lines.pop_back();
  const std::vector<std::string>& lines = page.lines;
  for (size_t i = 0; i < lines.size();) {
    if (lines[i].empty() || lines[i][0] == '#') {
      ++i;
      continue;
    }
    PageStatement statement;
    statement.line = static_cast<int>(i) + 1;
    std::vector<std::string> words = absl::StrSplit(lines[i], ' ', absl::SkipEmpty());
    statement.keyword = words[0];
    statement.words.assign(words.begin() + 1, words.end());
    statement.rest = std::string(
        absl::StripLeadingAsciiWhitespace(absl::string_view(lines[i]).substr(words[0].size())));
    statement.is_case = IsCase(words[0]);
    std::vector<std::string> body;
    for (++i; i < lines.size() && !lines[i].empty() && lines[i] != kDivider; ++i) {
      body.push_back(lines[i]);
    }
    statement.body = absl::StrJoin(body, "\n");
    const bool has_divider = i < lines.size() && lines[i] == kDivider;
    if (statement.is_case != has_divider) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", statement.line, ": ", statement.keyword,
                       has_divider ? " has no ----" : " needs ---- after its text"));
    }
    if (has_divider) {
      statement.expected_begin = ++i;
      while (i < lines.size() && !lines[i].empty()) ++i;
      statement.expected_end = i;
      statement.expected =
          absl::StrJoin(lines.begin() + static_cast<std::ptrdiff_t>(statement.expected_begin),
                        lines.begin() + static_cast<std::ptrdiff_t>(i), "\n");
    }
    page.statements.push_back(std::move(statement));
  }
  return page;
}

void RewritePage(const Page& page, const std::vector<std::string>& expected) {
  std::vector<std::string> lines;
  size_t next = 0;
  for (size_t s = 0; s < page.statements.size(); ++s) {
    const PageStatement& statement = page.statements[s];
    if (!statement.is_case) continue;
    for (; next < statement.expected_begin; ++next) lines.push_back(page.lines[next]);
    if (!expected[s].empty()) lines.push_back(expected[s]);
    next = statement.expected_end;
  }
  for (; next < page.lines.size(); ++next) lines.push_back(page.lines[next]);
  std::ofstream file(page.path, std::ios::binary | std::ios::trunc);
  file << absl::StrJoin(lines, "\n") << "\n";
  TWIN_CHECK(file.good()) << "cannot write " << page.path;
}

}  // namespace twin::testing
