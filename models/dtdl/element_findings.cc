#include "models/dtdl/element_findings.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/dtdl/codes.h"

namespace twin::dtdl {

bool ElementFindings::Fail(absl::string_view code, const Element& element, TextRange at,
                           std::string message, std::string hint) {
  state_.Error(code, PlaceOf(element, at), IdOf(element), std::move(message), std::move(hint),
               element.partition);
  return false;
}

bool ElementFindings::FailAtKey(absl::string_view code, const Element& element,
                                const JsonNode& member, std::string message, std::string hint) {
  state_.Error(code, KeyPlaceOf(element, member), IdOf(element), std::move(message),
               std::move(hint), element.partition);
  return false;
}

void ElementFindings::Warn(absl::string_view code, const Element& element, const JsonNode& node,
                           std::string message, std::string hint) {
  state_.Warn(code, PlaceOf(element, node), IdOf(element), std::move(message), std::move(hint));
}

void ElementFindings::PreferTerm(absl::string_view word, const Element& element,
                                 const JsonNode& node) {
  if (!absl::StartsWith(word, "dtmi:")) return;
  absl::string_view term = word.substr(0, word.find(';'));
  term = term.substr(term.rfind(':') + 1);
  Warn(code::kPreferTerm, element, node, absl::StrCat("'", word, "' has a shorter name"),
       absl::StrCat("write \"", term, "\""));
}

}  // namespace twin::dtdl
