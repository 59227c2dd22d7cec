// What is said of options that cannot be read.
#ifndef TWIN_SERVER_TWIND_USAGE_H_
#define TWIN_SERVER_TWIND_USAGE_H_

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
class ParseError;
}  // namespace CLI

namespace twin::twind {

// One line: what is wrong, in which file, and which option was probably meant. An unknown option
// is named before one that is missing.
std::string Explain(const CLI::App& app, const CLI::ParseError& error);

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_USAGE_H_
