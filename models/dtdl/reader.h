// JSON values to elements: the first pass of a parse. What can be told from an element alone is
// checked here; what needs other elements waits for resolve.h and check.h. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_READER_H_
#define TWIN_MODELS_DTDL_READER_H_

#include <string>
#include <utility>
#include <vector>

#include "models/dtdl/context.h"
#include "models/dtdl/literals.h"
#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

class Reader {
 public:
  explicit Reader(ParseState* state) : state_(*state), contexts_(state) {}

  // Reads one text: an Interface or an array of them. Appends to state->interfaces and
  // state->references; keeps nothing of the text's tree.
  void ReadDocument(const JsonNode& root, uint32_t document);

 private:
  struct Keywords;  // the members of an element that begin with '@'
  struct WrittenCotype {
    const AdjunctType* type = nullptr;
    const JsonNode* node = nullptr;  // where "@type" names it
  };

  void ReadTopLevel(const JsonNode& node);
  // Reads an element in place. Returns nullptr when its class cannot be told or is wrong; errors in
  // its members leave it usable for what else refers to it.
  Element* ReadElement(const JsonNode& node, const ActiveContext* inherited, Element* parent,
                       const MemberRule* role);
  bool ReadKeywords(const JsonNode& node, Keywords* keywords) const;
  bool CheckKeywords(const Keywords& keywords, Element* element);
  bool ReadId(const Keywords& keywords, Element* element);
  bool ReadTypes(const Keywords& keywords, Element* element);
  bool NamesInterface(const JsonNode* types) const;
  bool ReadType(const JsonNode& node, Element* element, std::vector<WrittenCotype>* cotypes);
  std::string SuggestType(absl::string_view word, int version) const;
  bool ReadUnknownType(const JsonNode& node, const Term& term, Element* element);
  bool CheckClass(const Keywords& keywords, Element* element);
  void CheckCotypes(Element* element, std::vector<WrittenCotype>* cotypes);
  void RejectConflicts(const Element& element, std::vector<WrittenCotype>* cotypes);
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

  bool Fail(absl::string_view code, const Element& element, TextRange at, std::string message,
            std::string hint = "");
  bool Fail(absl::string_view code, const Element& element, const JsonNode& node,
            std::string message, std::string hint = "") {
    return Fail(code, element, node.range(), std::move(message), std::move(hint));
  }
  bool FailAtKey(absl::string_view code, const Element& element, const JsonNode& member,
                 std::string message, std::string hint = "");

  void Warn(absl::string_view code, const Element& element, const JsonNode& node,
            std::string message, std::string hint);
  void WarnRepeatedType(const JsonNode& node, const Element& element);
  // Warns of an id of the language where a term would do.
  void PreferTerm(absl::string_view word, const Element& element, const JsonNode& node);

  ParseState& state_;
  ContextReader contexts_;
  const ActiveContext* context_ = nullptr;            // of the element that is being read
  std::vector<const AdjunctType*> rejected_cotypes_;  // of that element
  uint32_t document_ = 0;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_READER_H_
