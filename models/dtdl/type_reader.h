// "@type" of an element: its class, and the co-types that extensions define. Internal to
// models/dtdl.
#ifndef TWIN_MODELS_DTDL_TYPE_READER_H_
#define TWIN_MODELS_DTDL_TYPE_READER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "models/dtdl/context.h"
#include "models/dtdl/element_findings.h"
#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// Of one element, whose version, role and place are known.
class TypeReader {
 public:
  TypeReader(ParseState* state, const ActiveContext& context, Element* element)
      : state_(*state), findings_(state), context_(context), element_(*element) {}

  // Sets the element's class and co-types, and whether it is informal. `types`: the value of
  // "@type"; nullptr: there is none. False: its class cannot be told or is wrong, and that was
  // reported; what is wrong with co-types is reported, too, and leaves it usable.
  bool Read(const JsonNode* types);

  // Co-types of the element that were refused.
  const std::vector<const AdjunctType*>& rejected() const { return rejected_; }

 private:
  struct WrittenCotype {
    const AdjunctType* type = nullptr;
    const JsonNode* node = nullptr;  // where "@type" names it
  };

  bool NamesInterface(const JsonNode* types) const;
  bool ReadType(const JsonNode& node);
  bool ReadUnknownType(const JsonNode& node, const Term& term);
  std::string SuggestType(absl::string_view word) const;
  bool CheckClass(const JsonNode* types);
  void CheckCotypes();
  void CheckCompany(const std::vector<WrittenCotype>& cotypes);
  void RejectConflicts(std::vector<WrittenCotype>* cotypes);

  template <typename At>
  bool Fail(absl::string_view code, const At& at, std::string message, std::string hint = "") {
    return findings_.Fail(code, element_, at, std::move(message), std::move(hint));
  }
  void WarnRepeated(const JsonNode& node);

  ParseState& state_;
  ElementFindings findings_;
  const ActiveContext& context_;
  Element& element_;
  std::vector<WrittenCotype> cotypes_;  // in the order in which they stand
  std::vector<const AdjunctType*> rejected_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_TYPE_READER_H_
