// What is wrong with models, where, and the way out.
#ifndef TWIN_MODELS_DTDL_DIAGNOSTICS_H_
#define TWIN_MODELS_DTDL_DIAGNOSTICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace twin::dtdl {

enum class Severity : uint8_t { kError, kWarning };

// One finding about one place of one text.
struct Diagnostic {
  Severity severity = Severity::kError;
  absl::string_view code;  // stable: an id of the DTDL parsing errors, or one of codes.h
  std::string element;     // DTMI of the element that it is about; empty when there is none yet
  std::string message;     // what is wrong
  std::string hint;        // what to do about it; may be empty
  uint32_t document = 0;   // index of the text among those given
  int line = 1;            // from 1
  int column = 1;          // from 1, in code points
  uint32_t begin = 0;      // offset of the first byte that it is about
  uint32_t end = 0;        // one past the last
};

// A message for a person: message, and the hint where there is one.
std::string FullMessage(const Diagnostic& diagnostic);

// The closest of `known` to `word`, for "did you mean"; empty when none is close: at most a third
// of the word's characters differ, counted as insertions, deletions, changes and swaps, or it
// begins with the word.
std::string ClosestWord(absl::string_view word, const std::vector<absl::string_view>& known);

// " did you mean 'x'?" for the closest word, or empty.
std::string DidYouMean(absl::string_view word, const std::vector<absl::string_view>& known);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_DIAGNOSTICS_H_
