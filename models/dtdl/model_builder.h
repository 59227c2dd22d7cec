// The syntax tree to the model: the last pass of a parse. Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_MODEL_BUILDER_H_
#define TWIN_MODELS_DTDL_MODEL_BUILDER_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "models/dtdl/element.h"
#include "models/dtdl/json.h"
#include "models/dtdl/model.h"
#include "models/dtdl/parse_state.h"

namespace twin::dtdl {

// What a ModelSet keeps alive: its objects, the elements that they were made from, and the texts.
struct ModelSet::Storage {
  std::unique_ptr<Arena> arena;
  absl::flat_hash_map<absl::string_view, Element*> definitions;  // by explicit id
};

class ModelBuilder {
 public:
  explicit ModelBuilder(ParseState* state) : state_(*state), arena_(*state->arena) {}

  // Builds the models of checked Interfaces in which nothing is wrong or missing: each once. The
  // Interfaces that they refer to are among them or were built before.
  void Add(absl::Span<Element* const> interfaces);

  // The set of all Interfaces of the state, each of which has been added. Takes the state's memory.
  std::shared_ptr<const ModelSet> Finish();

 private:
  void MakeInterface(Element* element);
  void FillContent(const Element& element, const Interface* owner, Content* content);
  void FinishInterface(Interface* interface);
  const Payload* MakePayload(const Element* element);

  ParseState& state_;
  Arena& arena_;
  std::vector<Content*> components_;  // to be linked when the Interfaces that are added are made
};

// Schemas are made of elements in an arena, of models or of the language.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(Arena* arena) : arena_(*arena) {}
  // The schema of an element; made once, remembered in the element.
  const Schema* Make(Element* element);
  Documentation MakeDocumentation(const Element& element);
  ValueTraits MakeTraits(const Element& element);
  absl::Span<const absl::string_view> MakeCotypes(const Element& element);

 private:
  absl::Span<const Text> MakeTexts(const MemberValue* value);
  template <typename Item, typename Less>
  absl::Span<const Item* const> Sorted(absl::Span<const Item> items, Less less);
  // The schema of a member of an element that may be one of the language.
  const Schema* Below(const Element& owner, Member member);
  void FillEnum(const Element& element, Schema* schema);
  void FillMap(const Element& element, Schema* schema);
  void FillObject(const Element& element, Schema* schema);

  Arena& arena_;
};

// The schema that was made of an element, or of the element of the language.
const Schema* FindBuiltSchema(const Element& element);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_MODEL_BUILDER_H_
