// Pages of golden tests (*.tql): data, queries and what they answer. docs/testing.md describes
// them.
#ifndef TWIN_TESTS_GOLDEN_PAGE_H_
#define TWIN_TESTS_GOLDEN_PAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace twin::testing {

// A statement: its line of words, the lines below it, and, of a case, what is expected.
struct PageStatement {
  int line = 0;  // from 1
  std::string keyword;
  std::vector<std::string> words;  // after the keyword
  std::string rest;                // the same as one text
  std::string body;
  bool is_case = false;  // it has "----"
  std::string expected;
  size_t expected_begin = 0;  // lines of the page, from 0, that `expected` is made of
  size_t expected_end = 0;
};

struct Page {
  std::string path;
  std::vector<std::string> lines;
  std::vector<PageStatement> statements;
};

// INVALID_ARGUMENT names page and line.
absl::StatusOr<Page> ReadPage(const std::string& path);

// Writes the page again with these expectations, one for each statement; those of statements that
// are no case are ignored.
void RewritePage(const Page& page, const std::vector<std::string>& expected);

}  // namespace twin::testing

#endif  // TWIN_TESTS_GOLDEN_PAGE_H_
