// Checked, resolved models: what the rest of the system asks about. Inheritance is flattened,
// references are pointers, units and semantic types are looked up.
//
// All objects belong to the ModelSet that Parse returned, are immutable, and live as long as it
// does; any number of threads may read them. Views point into the set.
#ifndef TWIN_MODELS_DTDL_MODEL_H_
#define TWIN_MODELS_DTDL_MODEL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "models/dtdl/metamodel.h"
#include "models/dtdl/quantities.h"

namespace twin::dtdl {

struct Element;  // of the syntax tree; of use to this library only
struct Interface;
struct Schema;

// A text in one language (BCP 47).
struct Text {
  absl::string_view language;
  absl::string_view text;
};

// displayName, description and comment of an element.
struct Documentation {
  absl::Span<const Text> display_names;
  absl::Span<const Text> descriptions;
  absl::string_view comment;

  // The text in the language, else in English, else any; empty when there is none.
  absl::string_view DisplayName(absl::string_view language = "en") const;
  absl::string_view Description(absl::string_view language = "en") const;
};

// What extensions say of a value: its quantity, and what bounds it beyond its schema.
struct ValueTraits {
  const SemanticType* semantic_type = nullptr;  // quantitative types, else nullptr
  const Unit* unit = nullptr;                   // of numbers; nullptr when the model names none
  bool historized = false;                      // Historized
  bool required = false;                        // Required: a twin or object must have it
  absl::string_view minimum;  // Limited: decimal tokens as written; empty: no bound
  absl::string_view maximum;
  int decimal_places = -1;         // Precise; -1: any number
  absl::string_view scale_factor;  // ScaledStatically: decimal token; empty: none
};

// A field of an Object schema.
struct Field {
  absl::string_view name;
  const Schema* schema = nullptr;
  ValueTraits traits;
  Documentation documentation;
  const Element* element = nullptr;
};

struct EnumValue {
  absl::string_view name;
  absl::string_view text;  // of a string Enum: the value
  int number = 0;          // of an integer Enum: the value
  Documentation documentation;
  const Element* element = nullptr;
};

// The type of a value. `kind` is kArray, kEnum, kMap, kObject or one of the primitive classes.
struct Schema {
  Class kind = Class::kNone;
  const Schema* element = nullptr;  // Array: of its elements; Map: of its values
  absl::Span<const Field> fields;   // Object, in the order of the model
  absl::Span<const Field* const> fields_by_name;
  absl::Span<const EnumValue> values;  // Enum, in the order of the model
  absl::Span<const EnumValue* const> values_by_value;
  bool string_enum = false;      // Enum: its values are strings, else integers
  ValueTraits value_traits;      // Map: of its values
  absl::string_view key_name;    // Map: what its keys are called
  absl::string_view value_name;  // Map: what its values are called
  Documentation documentation;
  const Element* source = nullptr;

  bool is_primitive() const { return kPrimitiveSchemas.Has(kind); }
  bool is_numeric() const { return kNumericSchemas.Has(kind); }
  // The field or value, or nullptr. Cost: a binary search.
  const Field* FindField(absl::string_view name) const;
  const EnumValue* FindValue(absl::string_view text) const;  // of a string Enum
  const EnumValue* FindValue(int number) const;              // of an integer Enum
};

// The request or response of a Command.
struct Payload {
  absl::string_view name;
  const Schema* schema = nullptr;
  bool nullable = false;
  ValueTraits traits;
  Documentation documentation;
};

// One of the contents of an Interface. `kind` is kTelemetry, kProperty, kCommand, kRelationship or
// kComponent, and says which of the members mean something.
struct Content {
  Class kind = Class::kNone;
  absl::string_view name;
  const Interface* owner = nullptr;  // the Interface that defines it
  Documentation documentation;

  const Schema* schema = nullptr;  // Telemetry, Property
  ValueTraits traits;              // Telemetry, Property
  bool writable = false;           // Property, Relationship
  absl::string_view annotates;     // Telemetry, Property: name of the content that it annotates
  absl::string_view overrides;     // Property: member of the annotated content

  absl::string_view target;              // Relationship: id of an Interface; empty: any
  int max_multiplicity = 0;              // Relationship: targets of one source; 0: any number
  absl::Span<const Content> properties;  // Relationship

  const Interface* component = nullptr;  // Component

  const Payload* request = nullptr;   // Command, or nullptr
  const Payload* response = nullptr;  // Command, or nullptr

  absl::Span<const absl::string_view> cotypes;  // names of all adjunct types, as written
  const Element* element = nullptr;

  // A Relationship's property of that name, or nullptr.
  const Content* FindProperty(absl::string_view property) const;
};

struct Interface {
  absl::string_view id;
  int language_version = 0;  // of DTDL: 2, 3 or 4
  Documentation documentation;
  absl::Span<const Interface* const> bases;      // as "extends" names them
  absl::Span<const Interface* const> ancestors;  // all above it, each once, nearest first
  absl::Span<const Content* const> own;          // its own contents, in the order of the model
  absl::Span<const Content* const> contents;     // own and inherited, by name
  absl::Span<const absl::string_view> cotypes;
  absl::string_view source;  // its JSON text
  const Element* element = nullptr;

  // The content of that name, own or inherited, or nullptr. Cost: a binary search.
  const Content* Find(absl::string_view name) const;
};

// A place where a twin of an Interface keeps a value: a column. Components and fields of Objects
// are flattened; Arrays, Maps, Objects that contain themselves, and what lies beyond
// kFlattenedPathsMax are one value.
inline constexpr int kFlattenedPathsMax = 100000;
struct ValuePath {
  std::string path;                  // "soh.value", "bms.firmwareVersion"
  const Content* content = nullptr;  // the Property or Telemetry
  const Schema* schema = nullptr;    // of the value: primitive, Enum, Array or Map
  ValueTraits traits;                // of the innermost field; historized as the content is
};

class ModelSet {
 public:
  ~ModelSet();

  absl::Span<const Interface* const> interfaces() const { return interfaces_; }  // by id
  const Interface* Find(absl::string_view id) const;

  // ADT's IS_OF_MODEL: `interface` or one of its ancestors is the model `id` or a later version of
  // it; with `exact`, `interface` itself has that id.
  static bool IsOfModel(const Interface& interface, absl::string_view id, bool exact = false);

  // Every Interface for which IsOfModel holds, by id: what a query on `id` may return.
  std::vector<const Interface*> OfModel(absl::string_view id) const;

  // The columns of a twin: paths of its Properties and Telemetries in the order of `contents`.
  // `objects`, if given, gets the Objects that were divided into columns, each before those in it:
  // their schema is the Object's.
  static std::vector<ValuePath> FlattenPaths(const Interface& interface,
                                             std::vector<ValuePath>* objects = nullptr);

  // The schema of the element with that id: of a schema itself, a Field, or a MapValue; the id may
  // be one that the language defines or generates. nullptr for any other element.
  const Schema* FindSchema(absl::string_view id) const;

  // The id of a schema or content: as written, or as the language generates it.
  static std::string IdOf(const Schema& schema);
  static std::string IdOf(const Content& content);

 private:
  friend class ModelBuilder;
  struct Storage;
  ModelSet();

  std::unique_ptr<Storage> storage_;
  std::vector<const Interface*> interfaces_;
};

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_MODEL_H_
