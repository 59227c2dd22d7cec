// A text as a string of JSON.
#ifndef TWIN_SERVER_BASE_JSON_STRING_H_
#define TWIN_SERVER_BASE_JSON_STRING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace twin {

// Appends `string` in quotes. Escaped is what RFC 8259 demands, and nothing else: \" and \\; \n, \t
// and \r; other characters below U+0020 as \u00xx. UTF-8 is not checked.
void AppendJsonString(absl::string_view string, std::string* text);

}  // namespace twin

#endif  // TWIN_SERVER_BASE_JSON_STRING_H_
