// JSON values to elements: the first pass of a parse. What can be told from an element alone is
// checked here; what needs other elements waits for resolve.h and check.h. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_READER_H_
#define TWIN_MODELS_DTDL_READER_H_

#include <string>
#include <vector>

#include "models/dtdl/context.h"
#include "models/dtdl/element_findings.h"
#include "models/dtdl/literals.h"
#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

class Reader {
 public:
  explicit Reader(ParseState* state) : state_(*state), findings_(state), contexts_(state) {}

  // Reads one text: an Interface or an array of them. Appends to state->interfaces and
  // state->references; keeps nothing of the text's tree.
  void ReadDocument(const JsonNode& root, uint32_t document);

 private:
  struct Keywords;  // the members of an element that begin with '@'

  void ReadTopLevel(const JsonNode& node);
  // Reads an element in place. Returns nullptr when its class cannot be told or is wrong; errors in
  // its members leave it usable for what else refers to it.
  Element* ReadElement(const JsonNode& node, const ActiveContext* inherited, Element* parent,
                       const MemberRule* role);
  bool ReadKeywords(const JsonNode& node, Keywords* keywords) const;
  bool CheckKeywords(const Keywords& keywords, Element* element);
  bool ReadId(const Keywords& keywords, Element* element);
  void Define(Element* element);

  // `rejected`: co-types of the element that were refused. Their members are passed over.
  void ReadMembers(const JsonNode& node, uint32_t keyword_count, Element* element,
                   const std::vector<const AdjunctType*>& rejected);
  void ReadUnknownMember(const JsonNode& object, const JsonNode& member, const Term& term,
                         Element* element);
  const JsonNode* Keep(const MemberValue& value);
  void ReadLiteral(const JsonNode& member, Element* element, MemberValue* value);
  void ReadMultiplicity(const JsonNode& node, const Element& element, const MemberRule& rule);
  void ReadAdjunct(const JsonNode& member, Element* element, MemberValue* value);
  void ReadElements(const JsonNode& member, Element* element, MemberValue* value);
  bool ReadLink(const JsonNode& node, Element* element, const MemberValue& value, Link* link);
  std::string SuggestElement(absl::string_view word, const MemberValue& value) const;
  void CheckRequired(const JsonNode& node, Element* element);

  ParseState& state_;
  ElementFindings findings_;
  ContextReader contexts_;
  const ActiveContext* context_ = nullptr;  // of the element that is being read
  uint32_t document_ = 0;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_READER_H_
