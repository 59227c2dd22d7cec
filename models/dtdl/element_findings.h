// What is wrong with an element, told to its parse. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_ELEMENT_FINDINGS_H_
#define TWIN_MODELS_DTDL_ELEMENT_FINDINGS_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// Diagnostics about elements: at a place in their text, under their id. An error breaks the
// Interface around the element. `hint`: the way out; may be empty.
class ElementFindings {
 public:
  explicit ElementFindings(ParseState* state) : state_(*state) {}

  // Always false, for callers to return.
  bool Fail(absl::string_view code, const Element& element, TextRange at, std::string message,
            std::string hint = "");
  bool Fail(absl::string_view code, const Element& element, const JsonNode& node,
            std::string message, std::string hint = "") {
    return Fail(code, element, node.range(), std::move(message), std::move(hint));
  }
  // The same about the name of a member.
  bool FailAtKey(absl::string_view code, const Element& element, const JsonNode& member,
                 std::string message, std::string hint = "");

  void Warn(absl::string_view code, const Element& element, const JsonNode& node,
            std::string message, std::string hint);
  // Warns where `word` is an id of the language and a term would do.
  void PreferTerm(absl::string_view word, const Element& element, const JsonNode& node);

 private:
  ParseState& state_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_ELEMENT_FINDINGS_H_
