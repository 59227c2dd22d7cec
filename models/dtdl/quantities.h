// The quantitative types of DTDL, their units, and the factors that convert one unit to another.
//
// Four sets define them: the core context of DTDL 2 and three versions of an extension. A name
// means the same wherever it occurs, so that there is one row a name and a bit for each set that
// has it. Rows are constant and live as long as the program; any thread may call any function.
#ifndef TWIN_MODELS_DTDL_QUANTITIES_H_
#define TWIN_MODELS_DTDL_QUANTITIES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::dtdl {

// Who defines a name. The enumerator is the number of its bit in `sets`.
enum class QuantitySet : uint8_t {
  kCore2,  // dtmi:dtdl:context;2
  kV1,     // dtmi:dtdl:extension:quantitativeTypes;1, for DTDL 3
  kV2,     // dtmi:dtdl:extension:quantitativeTypes;2, for DTDL 4
  kV3,     // dtmi:dtdl:extension:quantitativeTypes;3, for DTDL 4
};

// What a value in a unit is to the quantity. Units of one kind convert when they share the scale.
enum class UnitScale : uint8_t {
  kLinear,    // proportional to it, or for temperatures affine: sums and means mean something
  kLevel,     // a logarithm of it (bel, decibel): no mean of values is the mean of the quantity
  kWeighted,  // proportional, times a weight that the unit does not carry (sievert)
};

// A unit. With the base unit of its kind and scale, of which factor is 1 and offset 0:
//   value in the base unit = value * factor + offset
// The base unit is SI's coherent one (kelvin for temperatures) unless UnitKind says otherwise.
struct Unit {
  absl::string_view name;    // "kilowattHour"
  absl::string_view kind;    // "EnergyUnit"; each unit has one
  absl::string_view symbol;  // "kWh", in UTF-8, for display; a bel and a byte are both "B"
  double factor = 1;         // positive
  double offset = 0;
  uint8_t sets = 0;
  UnitScale scale = UnitScale::kLinear;
};

// The units of one quantity: a class in core DTDL 2, an enumeration in the extensions.
struct UnitKind {
  absl::string_view name;  // "EnergyUnit", "Unitless"
  absl::string_view base;  // "joule": what factors count. SI's coherent unit, except: bit,
                           // bitPerSecond, bel, voltAmpereHour and voltAmpereReactiveHour
  uint8_t sets = 0;
};

// A semantic type: what a number measures, and the kind of unit that its model must name.
struct SemanticType {
  absl::string_view name;       // "Luminosity"
  absl::string_view unit_kind;  // "PowerUnit"
  uint8_t sets = 0;
};

// A prefix of unit names: a term of the same contexts, of which models hardly make use.
struct UnitPrefix {
  absl::string_view name;    // "kilo"; ten is "deka" in core DTDL 2 and "deca" in the extensions
  absl::string_view kind;    // "DecimalPrefix" or "BinaryPrefix"
  absl::string_view symbol;  // "k"
  int exponent = 0;          // of ten or of two
  double factor = 1;
  uint8_t sets = 0;
};

// Whether `set` is one of `sets`.
constexpr bool InSet(uint8_t sets, QuantitySet set) {
  return ((sets >> static_cast<int>(set)) & 1) != 0;
}

// The row of that name in any set, or nullptr. Names are case-sensitive terms, no identifiers.
// Cost: one probe of a hash table, which the first call builds.
const Unit* FindUnit(absl::string_view name);
const UnitKind* FindUnitKind(absl::string_view name);
const SemanticType* FindSemanticType(absl::string_view name);
const UnitPrefix* FindUnitPrefix(absl::string_view name);

// All rows: units by kind, scale and size; prefixes by size; the others by name.
absl::Span<const Unit> AllUnits();
absl::Span<const UnitKind> AllUnitKinds();
absl::Span<const SemanticType> AllSemanticTypes();
absl::Span<const UnitPrefix> AllUnitPrefixes();

// `value`, given in the unit named `from`, in the unit named `to`; `value` itself when they are the
// same. Errs by a few units in the last place (of what is added, for temperatures); infinities and
// NaN pass through.
// INVALID_ARGUMENT: no such unit, of different kinds, or of different scales; says what would do.
// Cost: two FindUnit; resolve once where many values convert.
absl::StatusOr<double> ConvertUnit(double value, absl::string_view from, absl::string_view to);

}  // namespace twin::dtdl

#endif  // TWIN_MODELS_DTDL_QUANTITIES_H_
