// What the words of a model mean: the terms of each context and the ids behind them, and the
// elements that the language defines itself (primitive schemas, geospatial schemas, units).
// Internal to models/dtdl.
#ifndef TWIN_MODELS_DTDL_VOCABULARY_H_
#define TWIN_MODELS_DTDL_VOCABULARY_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/element.h"
#include "models/dtdl/extensions.h"
#include "models/dtdl/metamodel.h"

namespace twin::dtdl {

enum class TermKind : uint8_t {
  kUnknown,
  kClass,
  kAbstractClass,
  kMember,
  kAdjunctType,
  kAdjunctMember,
  kElement,  // a standard element
  kOther,    // known, but of no use in a model
};

struct Term {
  TermKind kind = TermKind::kUnknown;
  uint8_t version = 0;  // of the language, for what the core contexts define
  Class cls = Class::kNone;
  Member member = Member::kComment;
  const AdjunctType* type = nullptr;
  const AdjunctMember* adjunct = nullptr;
  Element* element = nullptr;
};

using Terms = absl::flat_hash_map<absl::string_view, Term>;

// A known context beside the core ones.
struct ExtensionContext {
  const Extension* extension = nullptr;
  Terms terms;
};

class Vocabulary {
 public:
  // The one vocabulary, built by the first call (about a millisecond). Thread-safe; constant.
  static const Vocabulary& Get();

  // The terms of the core context of a version of the language.
  const Terms& Core(int version) const { return core_[version - 2]; }

  // The meaning of an id of the language or an extension; kUnknown for any other.
  Term FindId(absl::string_view id) const;

  // The context `name` (without version), in all its versions; empty when it is unknown.
  absl::Span<const ExtensionContext* const> FindContext(absl::string_view name) const;

  // The element of the language with that id (also written with a later version), or nullptr.
  Element* FindElement(absl::string_view id) const;

  // The elements of the language that are schemas.
  const std::vector<Element*>& SchemaElements() const { return schema_elements_; }

  // Names of known contexts with versions, for suggestions.
  const std::vector<std::string>& ContextNames() const { return context_names_; }

 private:
  Vocabulary();
  void AddCore(int version);
  void AddExtensions();
  void AddPrimitives();
  void AddGeospatial(int version);
  void AddVectors();
  void AddScaledDecimal();
  void AddQuantities(const Extension& extension, Terms* terms);
  void AddPrefixes(QuantitySet set, int version, absl::string_view id_prefix, Terms* terms);
  void SetEnumValues(Element* element, const std::vector<Element*>& values);

  Element* NewElement(Class cls, int version, absl::string_view id);
  Element* NewEnum(int version, absl::string_view id, absl::string_view only_value);
  Element* NewArray(int version, absl::string_view id, Element* element_schema);
  Element* NewObject(int version, absl::string_view id,
                     std::initializer_list<std::pair<absl::string_view, Element*>> fields);
  void SetMember(Element* owner, Member member, std::initializer_list<Element*> values);
  absl::string_view Keep(std::string text);
  const JsonNode* StringNode(absl::string_view text);
  Element* Primitive(absl::string_view term) const;
  void AddId(absl::string_view id, const Term& term) { ids_.emplace(id, term); }

  Terms core_[3];
  absl::flat_hash_map<absl::string_view, Term> ids_;
  std::deque<ExtensionContext> extensions_;
  absl::flat_hash_map<absl::string_view, std::vector<const ExtensionContext*>> contexts_;
  std::vector<std::string> context_names_;
  std::vector<Element*> schema_elements_;
  absl::flat_hash_map<absl::string_view, Element*> primitives_;
  std::deque<std::string> strings_;
  Arena arena_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_VOCABULARY_H_
