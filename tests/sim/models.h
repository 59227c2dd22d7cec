// The models of the simulation, said twice: as DTDL for the engine, as plain data for the
// reference.
#ifndef TWIN_TESTS_SIM_MODELS_H_
#define TWIN_TESTS_SIM_MODELS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace twin::sim {

// string, double, integer; that an Object is there, its path with a dot behind it
enum class Kind { kText, kNumber, kWhole, kObject };

struct Property {
  std::string path;
  Kind kind = Kind::kText;
  bool required = false;
};

struct RelationshipKind {
  std::string name;
  std::string owner;   // the model that declares it
  std::string target;  // empty: any
  size_t max = 0;      // 0: no bound
  bool has_position = false;
};

struct Model {
  std::string id;
  std::string text;
  std::vector<Property> properties;
  std::vector<std::string> components;
  std::vector<RelationshipKind> relationships;
  std::vector<std::string> bases;  // it and what it extends
  std::vector<std::string> needs;  // cannot be without these

  const Property* Find(absl::string_view path) const;
  const RelationshipKind* FindRelationship(absl::string_view name) const;
  bool IsOf(absl::string_view base) const;
  // Whether that is the path of an Object or a component.
  bool HasBelow(absl::string_view path) const;
};

const std::vector<Model>& Models();
const Model& ModelOf(absl::string_view id);

}  // namespace twin::sim

#endif  // TWIN_TESTS_SIM_MODELS_H_
