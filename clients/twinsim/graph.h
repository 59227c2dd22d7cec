// Twins and relationships as a fleet hands them out: names and values, in no particular encoding.
#ifndef TWIN_CLIENTS_TWINSIM_GRAPH_H_
#define TWIN_CLIENTS_TWINSIM_GRAPH_H_

#include <cstdint>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::twinsim {

struct Property;

// Texts, dates, times and enum values are strings; the last is an Object of the ontology.
using Value = std::variant<bool, int64_t, double, absl::string_view, absl::Span<const Property>>;

struct Property {
  absl::string_view name;
  Value value;
};

// All views live as long as the call that hands them out.
struct Twin {
  absl::string_view id;
  absl::string_view model;  // DTMI
  absl::Span<const Property> properties;
};

struct Relationship {
  absl::string_view id;  // unique among those of its source
  absl::string_view source;
  absl::string_view target;
  absl::string_view name;
  absl::Span<const Property> properties;
};

using TwinVisitor = absl::FunctionRef<void(const Twin&)>;
using RelationshipVisitor = absl::FunctionRef<void(const Relationship&)>;

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_GRAPH_H_
