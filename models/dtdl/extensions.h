// Language extensions: the adjunct types that a context adds to elements, the members that these
// bring, and what they demand of the element, its parent and its siblings. The rows are in
// extensions.cc; quantitative types are made from the tables of quantities.h.
#ifndef TWIN_MODELS_DTDL_EXTENSIONS_H_
#define TWIN_MODELS_DTDL_EXTENSIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/metamodel.h"
#include "models/dtdl/quantities.h"

namespace twin::dtdl {

enum class AdjunctValue : uint8_t {
  kString,
  kInteger,     // int32
  kDecimal,     // a number; must fit the schema of the element: Limited, ScaledStatically
  kDuration,    // ISO 8601 text
  kUnit,        // a unit of the type's kind
  kSibling,     // the name of a content of the same Interface: ValueAnnotation.annotates
  kMemberName,  // a member of what the element annotates: Override.overrides
};

// A member that an adjunct type brings.
struct AdjunctMember {
  std::string id;
  absl::string_view name;
  AdjunctValue value = AdjunctValue::kString;
  bool required = false;
  bool unique = false;                          // no two siblings may have the same value
  int minimum = INT32_MIN;                      // kInteger
  int length_max = 0;                           // kString; 0: no bound
  bool (*syntax)(absl::string_view) = nullptr;  // kString
  absl::string_view syntax_text;                // what `syntax` demands, for messages
};

// A type that an element may have beside its class.
struct AdjunctType {
  std::string id;
  absl::string_view name;
  bool abstract = false;         // must not be named in a model
  ClassSet cotypes;              // the classes that may have it
  VersionSet versions = kNever;  // of the language
  std::vector<const AdjunctMember*> members;
  std::string needs;     // id of a type that the element must have too
  std::string excludes;  // id of a type that it must not have
  std::string instead;   // id of a type that makes up for not being of one of the classes

  ClassSet schema;                      // what the element's schema must be; empty: anything
  std::string schema_cotype;            // a type that the element's schema must have
  std::vector<std::string> schema_ids;  // the standard schemas that it may be
  std::vector<std::string> parent_any;  // types of which the parent must have one
  bool once_per_parent = false;         // no sibling may have this type
  std::string sibling;                  // a type that some sibling must have
  std::vector<std::string> fields_any;  // types of which each field must have one

  const SemanticType* semantic = nullptr;  // quantitative types
  QuantitySet quantity_set = QuantitySet::kCore2;
};

// The contexts that models may name beside the core one.
struct Extension {
  std::string context;  // "dtmi:dtdl:extension:mqtt"
  int version = 1;
  Bounds limits = Bounds::kV2;  // of a limit extension; kV2: it is none
  std::string reserved_prefix;  // of ids that models under this context must not define
  std::vector<const AdjunctType*> types;
  std::vector<const AdjunctMember*> members;
};

// All extensions, in the order of their contexts, the core context of DTDL 2 first: it defines
// quantitative types itself. Built by the first call; constant afterwards.
absl::Span<const Extension> Extensions();

// Ids of types and members that other code asks for by name.
inline constexpr absl::string_view kHistorizedName = "Historized";
inline constexpr absl::string_view kRequiredName = "Required";
inline constexpr absl::string_view kLimitedName = "Limited";
inline constexpr absl::string_view kPreciseName = "Precise";
inline constexpr absl::string_view kAnnotationName = "ValueAnnotation";
inline constexpr absl::string_view kOverrideName = "Override";

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_EXTENSIONS_H_
