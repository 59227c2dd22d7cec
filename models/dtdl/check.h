// Rules that span elements: uniqueness, inheritance, recursion, depth, counts, and what co-types
// ask of schemas, parents and siblings. The third pass of a parse. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_CHECK_H_
#define TWIN_MODELS_DTDL_CHECK_H_

#include <memory>

#include "absl/types/span.h"
#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// Checks Interfaces, some at a time: each once.
class InterfaceChecker {
 public:
  explicit InterfaceChecker(ParseState* state);
  ~InterfaceChecker();

  // Checks those of `interfaces` that the passes before found nothing wrong with, and gives each
  // the list of its contents, own and inherited (Element::contents). The Interfaces that they refer
  // to are among them or were checked before.
  void Check(absl::Span<Element* const> interfaces);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The part of it that is about co-types: of `element` itself and, for an Interface, of what its
// contents ask of one another. Own and inherited contents must be known.
void CheckCotypes(ParseState* state, const Element& element);
void CheckAnnotations(ParseState* state, const Element& interface);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_CHECK_H_
