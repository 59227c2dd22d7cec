#include "models/dtdl/quantities.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numbers>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/spelling.h"

namespace twin::dtdl {
namespace {

// Longer than any name: what is longer is cut in messages and not compared.
constexpr size_t kNameBytesMax = 64;

constexpr uint8_t Bit(QuantitySet set) { return 1 << static_cast<int>(set); }

// Each set contains the one before it, but for the prefix "deka", and kV1 and kV2 are the same: so
// these are all the combinations.
constexpr uint8_t kSinceV3 = Bit(QuantitySet::kV3);
constexpr uint8_t kSinceV1 = Bit(QuantitySet::kV1) | Bit(QuantitySet::kV2) | kSinceV3;
constexpr uint8_t kCore2 = Bit(QuantitySet::kCore2);
constexpr uint8_t kAll = kCore2 | kSinceV1;

// Exact by definition, unless the line says otherwise.
constexpr double kPi = std::numbers::pi;
constexpr double kMinute = 60.0;                    // second
constexpr double kHour = 3600.0;                    // second
constexpr double kDay = 86400.0;                    // second
constexpr double kYear = 365.25 * kDay;             // second; the Julian year, a convention
constexpr double kInch = 0.0254;                    // metre
constexpr double kFoot = 0.3048;                    // metre; 12 inches
constexpr double kMile = 1609.344;                  // metre; 5280 feet
constexpr double kNauticalMile = 1852.0;            // metre
constexpr double kSquareInch = kInch * kInch;       // square metre
constexpr double kSquareFoot = kFoot * kFoot;       // square metre
constexpr double kCubicInch = kInch * kSquareInch;  // cubic metre
constexpr double kCubicFoot = kFoot * kSquareFoot;  // cubic metre
constexpr double kGallon = 231 * kCubicInch;        // cubic metre; 3.785411784 litres
constexpr double kPound = 0.45359237;               // kilogram
constexpr double kGravity = 9.80665;                // metre per second squared; standard gravity
constexpr double kPoundForce = kPound * kGravity;   // newton; 4.4482216152605
constexpr double kMercury = 13595.1 * kGravity;     // pascal per metre of mercury; conventional
constexpr double kWater = 1000 * kGravity;          // pascal per metre of water; conventional
constexpr double kBtu = 1055.05585262;              // joule; International Table
constexpr double kElectronvolt = 1.602176634e-19;   // joule; since 2019
constexpr double kKibi = 1024;
constexpr double kMebi = 1024 * kKibi;
constexpr double kGibi = 1024 * kMebi;
constexpr double kTebi = 1024 * kGibi;
constexpr double kPebi = 1024 * kTebi;
constexpr double kExbi = 1024 * kPebi;
constexpr double kZebi = 1024 * kExbi;
constexpr double kYobi = 1024 * kZebi;

// clang-format off
constexpr Unit kUnits[] = {
#include "models/dtdl/quantities_units.inc"
};

constexpr UnitKind kUnitKinds[] = {
    {"AccelerationUnit",          "metrePerSecondSquared",     kAll},
    {"AngleUnit",                 "radian",                    kAll},
    {"AngularAccelerationUnit",   "radianPerSecondSquared",    kAll},
    {"AngularVelocityUnit",       "radianPerSecond",           kAll},
    {"ApparentEnergyUnit",        "voltAmpereHour",            kSinceV1},
    {"ApparentPowerUnit",         "voltAmpere",                kSinceV1},
    {"AreaUnit",                  "squareMetre",               kAll},
    {"CapacitanceUnit",           "farad",                     kAll},
    {"ChargeUnit",                "coulomb",                   kAll},
    {"CurrentUnit",               "ampere",                    kAll},
    {"DataRateUnit",              "bitPerSecond",              kAll},
    {"DataSizeUnit",              "bit",                       kAll},
    {"DensityUnit",               "kilogramPerCubicMetre",     kAll},
    {"DynamicViscosityUnit",      "pascalSecond",              kSinceV3},
    {"EnergyUnit",                "joule",                     kAll},
    {"ForceUnit",                 "newton",                    kAll},
    {"FrequencyUnit",             "hertz",                     kAll},
    {"GasLeakageRateUnit",        "pascalCubicMetrePerSecond", kSinceV3},
    {"IlluminanceUnit",           "lux",                       kAll},
    {"InductanceUnit",            "henry",                     kAll},
    {"IonizingRadiationDoseUnit", "gray",                      kSinceV1},
    {"IrradianceUnit",            "wattPerSquareMetre",        kSinceV1},
    {"KinematicViscosityUnit",    "squareMetrePerSecond",      kSinceV3},
    {"LengthUnit",                "metre",                     kAll},
    {"LuminanceUnit",             "candelaPerSquareMetre",     kAll},
    {"LuminousFluxUnit",          "lumen",                     kAll},
    {"LuminousIntensityUnit",     "candela",                   kAll},
    {"MagneticFluxUnit",          "weber",                     kAll},
    {"MagneticInductionUnit",     "tesla",                     kAll},
    {"MassFlowRateUnit",          "kilogramPerSecond",         kAll},
    {"MassUnit",                  "kilogram",                  kAll},
    {"PowerUnit",                 "watt",                      kAll},
    {"PressureUnit",              "pascal",                    kAll},
    {"RadioactivityUnit",         "becquerel",                 kSinceV1},
    {"ReactiveEnergyUnit",        "voltAmpereReactiveHour",    kSinceV1},
    {"ReactivePowerUnit",         "voltAmpereReactive",        kSinceV1},
    {"ReciprocalLengthUnit",      "reciprocalMetre",           kSinceV3},
    {"ReciprocalTimeUnit",        "reciprocalSecond",          kSinceV3},
    {"ResistanceUnit",            "ohm",                       kAll},
    {"SoundPressureUnit",         "bel",                       kAll},
    {"TemperatureUnit",           "kelvin",                    kAll},
    {"TimeUnit",                  "second",                    kAll},
    {"TorqueUnit",                "newtonMetre",               kAll},
    {"Unitless",                  "unity",                     kAll},
    {"VelocityUnit",              "metrePerSecond",            kAll},
    {"VoltageUnit",               "volt",                      kAll},
    {"VolumeFlowRateUnit",        "cubicMetrePerSecond",       kAll},
    {"VolumeUnit",                "cubicMetre",                kAll},
};

constexpr SemanticType kSemanticTypes[] = {
    {"Acceleration",          "AccelerationUnit",          kAll},
    {"Angle",                 "AngleUnit",                 kAll},
    {"AngularAcceleration",   "AngularAccelerationUnit",   kAll},
    {"AngularVelocity",       "AngularVelocityUnit",       kAll},
    {"ApparentEnergy",        "ApparentEnergyUnit",        kSinceV1},
    {"ApparentPower",         "ApparentPowerUnit",         kSinceV1},
    {"Area",                  "AreaUnit",                  kAll},
    {"Capacitance",           "CapacitanceUnit",           kAll},
    {"Concentration",         "Unitless",                  kSinceV1},
    {"Current",               "CurrentUnit",               kAll},
    {"DataRate",              "DataRateUnit",              kAll},
    {"DataSize",              "DataSizeUnit",              kAll},
    {"Density",               "DensityUnit",               kAll},
    {"Distance",              "LengthUnit",                kAll},
    {"DynamicViscosity",      "DynamicViscosityUnit",      kSinceV3},
    {"Efficiency",            "Unitless",                  kSinceV3},
    {"ElectricCharge",        "ChargeUnit",                kAll},
    {"Energy",                "EnergyUnit",                kAll},
    {"EnergyRate",            "PowerUnit",                 kSinceV1},
    {"Force",                 "ForceUnit",                 kAll},
    {"Frequency",             "FrequencyUnit",             kAll},
    {"GasLeakageRate",        "GasLeakageRateUnit",        kSinceV3},
    {"Humidity",              "DensityUnit",               kAll},
    {"Illuminance",           "IlluminanceUnit",           kAll},
    {"Inductance",            "InductanceUnit",            kAll},
    {"IonizingRadiationDose", "IonizingRadiationDoseUnit", kSinceV1},
    {"Irradiance",            "IrradianceUnit",            kSinceV1},
    {"KinematicViscosity",    "KinematicViscosityUnit",    kSinceV3},
    {"Latitude",              "AngleUnit",                 kAll},
    {"Length",                "LengthUnit",                kAll},
    {"Longitude",             "AngleUnit",                 kAll},
    {"Luminance",             "LuminanceUnit",             kAll},
    {"Luminosity",            "PowerUnit",                 kAll},
    {"LuminousFlux",          "LuminousFluxUnit",          kAll},
    {"LuminousIntensity",     "LuminousIntensityUnit",     kAll},
    {"MagneticFlux",          "MagneticFluxUnit",          kAll},
    {"MagneticInduction",     "MagneticInductionUnit",     kAll},
    {"Mass",                  "MassUnit",                  kAll},
    {"MassFlowRate",          "MassFlowRateUnit",          kAll},
    {"Power",                 "PowerUnit",                 kAll},
    {"Pressure",              "PressureUnit",              kAll},
    {"Radioactivity",         "RadioactivityUnit",         kSinceV1},
    {"ReactiveEnergy",        "ReactiveEnergyUnit",        kSinceV1},
    {"ReactivePower",         "ReactivePowerUnit",         kSinceV1},
    {"ReciprocalLength",      "ReciprocalLengthUnit",      kSinceV3},
    {"ReciprocalTime",        "ReciprocalTimeUnit",        kSinceV3},
    {"RelativeDensity",       "Unitless",                  kSinceV1},
    {"RelativeHumidity",      "Unitless",                  kAll},
    {"RelativeMeasure",       "Unitless",                  kSinceV3},
    {"Resistance",            "ResistanceUnit",            kAll},
    {"Scale",                 "Unitless",                  kSinceV3},
    {"SoundPressure",         "SoundPressureUnit",         kAll},
    {"Temperature",           "TemperatureUnit",           kAll},
    {"Throttle",              "Unitless",                  kSinceV3},
    {"Thrust",                "ForceUnit",                 kAll},
    {"TimeSpan",              "TimeUnit",                  kAll},
    {"Torque",                "TorqueUnit",                kAll},
    {"Velocity",              "VelocityUnit",              kAll},
    {"Voltage",               "VoltageUnit",               kAll},
    {"Volume",                "VolumeUnit",                kAll},
    {"VolumeFlowRate",        "VolumeFlowRateUnit",        kAll},
};

constexpr UnitPrefix kUnitPrefixes[] = {
    {"yocto", "DecimalPrefix", "y",  -24, 1e-24, kAll},
    {"zepto", "DecimalPrefix", "z",  -21, 1e-21, kAll},
    {"atto",  "DecimalPrefix", "a",  -18, 1e-18, kAll},
    {"femto", "DecimalPrefix", "f",  -15, 1e-15, kAll},
    {"pico",  "DecimalPrefix", "p",  -12, 1e-12, kAll},
    {"nano",  "DecimalPrefix", "n",  -9,  1e-9,  kAll},
    {"micro", "DecimalPrefix", "µ",  -6,  1e-6,  kAll},
    {"milli", "DecimalPrefix", "m",  -3,  1e-3,  kAll},
    {"centi", "DecimalPrefix", "c",  -2,  1e-2,  kAll},
    {"deci",  "DecimalPrefix", "d",  -1,  1e-1,  kAll},
    {"deca",  "DecimalPrefix", "da", 1,   1e1,   kSinceV1},
    {"deka",  "DecimalPrefix", "da", 1,   1e1,   kCore2},
    {"hecto", "DecimalPrefix", "h",  2,   1e2,   kAll},
    {"kilo",  "DecimalPrefix", "k",  3,   1e3,   kAll},
    {"kibi",  "BinaryPrefix",  "Ki", 10,  kKibi, kAll},
    {"mega",  "DecimalPrefix", "M",  6,   1e6,   kAll},
    {"mebi",  "BinaryPrefix",  "Mi", 20,  kMebi, kAll},
    {"giga",  "DecimalPrefix", "G",  9,   1e9,   kAll},
    {"gibi",  "BinaryPrefix",  "Gi", 30,  kGibi, kAll},
    {"tera",  "DecimalPrefix", "T",  12,  1e12,  kAll},
    {"tebi",  "BinaryPrefix",  "Ti", 40,  kTebi, kAll},
    {"peta",  "DecimalPrefix", "P",  15,  1e15,  kAll},
    {"pebi",  "BinaryPrefix",  "Pi", 50,  kPebi, kAll},
    {"exa",   "DecimalPrefix", "E",  18,  1e18,  kAll},
    {"exbi",  "BinaryPrefix",  "Ei", 60,  kExbi, kAll},
    {"zetta", "DecimalPrefix", "Z",  21,  1e21,  kAll},
    {"zebi",  "BinaryPrefix",  "Zi", 70,  kZebi, kAll},
    {"yotta", "DecimalPrefix", "Y",  24,  1e24,  kAll},
    {"yobi",  "BinaryPrefix",  "Yi", 80,  kYobi, kAll},
};
// clang-format on

// The row named `name`. One table for each type of row, built on first use and never destroyed.
template <typename Row, size_t kRows>
const Row* Find(const Row (&rows)[kRows], absl::string_view name) {
  static const auto* const by_name = [&rows] {
    auto* map = new absl::flat_hash_map<absl::string_view, const Row*>;
    for (const Row& row : rows) map->emplace(row.name, &row);
    return map;
  }();
  const auto found = by_name->find(name);
  return found == by_name->end() ? nullptr : found->second;
}

// The unit that `name` may have been meant to be, or nullptr: the one of that symbol ("kWh"), else
// the one spelt most like it ("meters"), else the shortest that contains it ("celsius").
const Unit* Suggest(absl::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return nullptr;
  for (const Unit& unit : kUnits) {
    if (unit.symbol == name) return &unit;
  }
  std::vector<absl::string_view> names;
  names.reserve(std::size(kUnits));
  for (const Unit& unit : kUnits) {
    names.push_back(unit.name);
  }
  const absl::string_view closest = twin::ClosestWord(name, names, 1 + name.size() / 3);
  const Unit* nearest = closest.empty() ? nullptr : Find(kUnits, closest);
  if (nearest != nullptr || name.size() < 4) return nearest;
  for (const Unit& unit : kUnits) {
    const bool contains =
        absl::StrContains(absl::AsciiStrToLower(unit.name), absl::AsciiStrToLower(name));
    if (!contains) continue;
    if (nearest == nullptr || unit.name.size() < nearest->name.size()) nearest = &unit;
  }
  return nearest;
}

absl::Status UnknownUnit(absl::string_view name) {
  const std::string quoted = absl::StrCat("'", absl::CHexEscape(name.substr(0, kNameBytesMax)),
                                          name.size() > kNameBytesMax ? "..." : "", "'");
  const Unit* const suggestion = Suggest(name);
  return absl::InvalidArgumentError(
      suggestion == nullptr
          ? absl::StrCat("unknown unit ", quoted,
                         "; a unit is a name that DTDL defines, such as 'kilowattHour'")
          : absl::StrCat("unknown unit ", quoted, "; did you mean '", suggestion->name, "'?"));
}

// "a TemperatureUnit", "an EnergyUnit", "a Unitless".
std::string WithArticle(absl::string_view kind) {
  return absl::StrCat(absl::StrContains("AEIO", kind.substr(0, 1)) ? "an " : "a ", kind);
}

absl::Status CannotConvert(const Unit& from, const Unit& to, absl::string_view why) {
  std::vector<absl::string_view> possible;
  for (const Unit& unit : kUnits) {
    const bool converts = unit.kind == from.kind && unit.scale == from.scale;
    if (converts && unit.name != from.name) possible.push_back(unit.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cannot convert ", from.name, " to ", to.name, ": ", why, "; ", from.name,
                   possible.empty() ? " converts to no other unit" : " converts to ",
                   absl::StrJoin(possible, ", ")));
}

// The value of absolute zero in `unit`, negated, in hundredths. It is a whole number of them for
// every temperature (45967 for degreeFahrenheit), which `offset` in kelvin cannot be to the bit.
double ZeroInHundredths(const Unit& unit) { return std::round(100 * unit.offset / unit.factor); }

// Keeps round numbers round, as comparisons expect: 3.7 ampereHour are 3700 milliampereHour and 100
// degreeCelsius 212 degreeFahrenheit, to the bit. For that the ratio of factors comes first (powers
// of ten cancel), and temperatures are shifted in the finer unit of the two.
double Convert(double value, const Unit& from, const Unit& to) {
  if (from.offset == 0 && to.offset == 0) return value * (from.factor / to.factor);
  const double from_zero = ZeroInHundredths(from);
  const double to_zero = ZeroInHundredths(to);
  if (from.factor < to.factor) {
    const double ratio = from.factor / to.factor;  // 5/9; in doubles 1 / (5 / 9.0) is not 1.8
    return (value + (from_zero - to_zero / ratio) / 100) * ratio;
  }
  const double ratio = to.factor / from.factor;
  return value / ratio + (from_zero / ratio - to_zero) / 100;
}

}  // namespace

const Unit* FindUnit(absl::string_view name) { return Find(kUnits, name); }
const UnitKind* FindUnitKind(absl::string_view name) { return Find(kUnitKinds, name); }
const SemanticType* FindSemanticType(absl::string_view name) { return Find(kSemanticTypes, name); }
const UnitPrefix* FindUnitPrefix(absl::string_view name) { return Find(kUnitPrefixes, name); }

absl::Span<const Unit> AllUnits() { return kUnits; }
absl::Span<const UnitKind> AllUnitKinds() { return kUnitKinds; }
absl::Span<const SemanticType> AllSemanticTypes() { return kSemanticTypes; }
absl::Span<const UnitPrefix> AllUnitPrefixes() { return kUnitPrefixes; }

absl::StatusOr<double> ConvertUnit(double value, absl::string_view from, absl::string_view to) {
  const Unit* const source = FindUnit(from);
  if (source == nullptr) return UnknownUnit(from);
  const Unit* const target = FindUnit(to);
  if (target == nullptr) return UnknownUnit(to);
  if (source == target) return value;
  if (source->kind != target->kind) {
    return CannotConvert(*source, *target,
                         absl::StrCat(source->name, " is ", WithArticle(source->kind), ", ",
                                      target->name, " ", WithArticle(target->kind)));
  }
  if (source->scale != target->scale) {
    return CannotConvert(
        *source, *target,
        "one is weighted by the effect of the radiation, so that no factor relates them");
  }
  return Convert(value, *source, *target);
}

}  // namespace twin::dtdl
