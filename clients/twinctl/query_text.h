// What can be said of a query's text without parsing it.
#ifndef TWIN_CLIENTS_TWINCTL_QUERY_TEXT_H_
#define TWIN_CLIENTS_TWINCTL_QUERY_TEXT_H_

#include <cstddef>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace twin::twinctl {

// Whether a text that is being typed is complete: it ends in a semicolon that stands outside of
// strings.
bool EndsStatement(absl::string_view text);

// The text without that semicolon, and what stands behind it.
absl::string_view WithoutEnd(absl::string_view text);

// The parameters that a text names, without their @.
std::set<std::string> ParametersOf(absl::string_view text);

// Where the cursor, at the end of `text`, stands.
struct TextContext {
  enum class Kind {
    kWord,          // where a keyword, a function or an alias may stand
    kMember,        // behind a dot: a property
    kRelationship,  // in [r:…]
    kModel,         // in (c:…)
    kString,        // in a string
  };
  Kind kind = Kind::kWord;
  size_t begin = 0;  // of what is typed of the word
};
TextContext ContextOf(absl::string_view text);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_QUERY_TEXT_H_
