#include "models/dtdl/quantities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/support/status_matchers.h"

namespace twin::dtdl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNan;
using ::testing::Lt;
using ::testing::SizeIs;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

constexpr QuantitySet kSets[] = {QuantitySet::kCore2, QuantitySet::kV1, QuantitySet::kV2,
                                 QuantitySet::kV3};

// How far double arithmetic may lead astray, relative to the value.
constexpr double kTolerance = 1e-14;

void ExpectNear(double actual, double expected, absl::string_view what,
                double tolerance = kTolerance) {
  EXPECT_NEAR(actual, expected, std::abs(expected) * tolerance) << what;
}

template <typename Message>
auto IsRefused(const Message& message) {
  return StatusIs(absl::StatusCode::kInvalidArgument, message);
}

template <typename Row>
std::vector<int> CountPerSet(absl::Span<const Row> rows) {
  std::vector<int> counts;
  for (QuantitySet set : kSets) {
    counts.push_back(
        static_cast<int>(absl::c_count_if(rows, [&](const Row& r) { return InSet(r.sets, set); })));
  }
  return counts;
}

TEST(Quantities, HasWhatEachSetDefines) {
  EXPECT_THAT(CountPerSet(AllSemanticTypes()), ElementsAre(42, 52, 52, 61));
  EXPECT_THAT(CountPerSet(AllUnitKinds()), ElementsAre(36, 43, 43, 48));
  EXPECT_THAT(CountPerSet(AllUnits()), ElementsAre(172, 240, 240, 268));
  EXPECT_THAT(CountPerSet(AllUnitPrefixes()), ElementsAre(28, 28, 28, 28));

  EXPECT_THAT(AllSemanticTypes(), SizeIs(61));
  EXPECT_THAT(AllUnitKinds(), SizeIs(48));
  EXPECT_THAT(AllUnits(), SizeIs(268));
  EXPECT_THAT(AllUnitPrefixes(), SizeIs(29));  // "deka" and "deca"
}

TEST(Quantities, FindsEachRowByItsName) {
  for (const Unit& row : AllUnits()) EXPECT_EQ(FindUnit(row.name), &row);
  for (const UnitKind& row : AllUnitKinds()) EXPECT_EQ(FindUnitKind(row.name), &row);
  for (const SemanticType& row : AllSemanticTypes()) EXPECT_EQ(FindSemanticType(row.name), &row);
  for (const UnitPrefix& row : AllUnitPrefixes()) EXPECT_EQ(FindUnitPrefix(row.name), &row);
}

TEST(Quantities, FindsNothingElse) {
  for (absl::string_view name : {"", "Volt", "volt ", "VoltageUnit", "Voltage", "kilo", "V"}) {
    EXPECT_EQ(FindUnit(name), nullptr) << name;
  }
  EXPECT_EQ(FindUnitKind("volt"), nullptr);
  EXPECT_EQ(FindUnitKind("DecimalPrefix"), nullptr);
  EXPECT_EQ(FindSemanticType("voltage"), nullptr);
  EXPECT_EQ(FindUnitPrefix("Kilo"), nullptr);
}

TEST(Quantities, MeansOneThingByAName) {
  std::set<absl::string_view> names;
  for (const Unit& row : AllUnits()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  for (const UnitKind& row : AllUnitKinds()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
  for (const SemanticType& row : AllSemanticTypes()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
  for (const UnitPrefix& row : AllUnitPrefixes()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
}

TEST(Quantities, StandInOrder) {
  EXPECT_TRUE(absl::c_is_sorted(AllUnits(), [](const Unit& a, const Unit& b) {
    return std::tie(a.kind, a.scale, a.factor) < std::tie(b.kind, b.scale, b.factor);
  }));
  EXPECT_TRUE(absl::c_is_sorted(AllUnitPrefixes(), [](const UnitPrefix& a, const UnitPrefix& b) {
    return a.factor < b.factor;
  }));
  EXPECT_TRUE(absl::c_is_sorted(AllSemanticTypes(),
                                [](const auto& a, const auto& b) { return a.name < b.name; }));
  EXPECT_TRUE(absl::c_is_sorted(AllUnitKinds(),
                                [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(Quantities, ReferToRowsOfTheSameSets) {
  for (const Unit& unit : AllUnits()) {
    const UnitKind* const kind = FindUnitKind(unit.kind);
    ASSERT_NE(kind, nullptr) << unit.name;
    EXPECT_EQ(unit.sets & ~kind->sets, 0) << unit.name;
  }
  for (const SemanticType& type : AllSemanticTypes()) {
    const UnitKind* const kind = FindUnitKind(type.unit_kind);
    ASSERT_NE(kind, nullptr) << type.name;
    EXPECT_EQ(type.sets & ~kind->sets, 0) << type.name;
  }
}

TEST(Quantities, HaveABaseUnitForEachKindAndScale) {
  for (const UnitKind& kind : AllUnitKinds()) {
    const Unit* const base = FindUnit(kind.base);
    ASSERT_NE(base, nullptr) << kind.name;
    EXPECT_EQ(base->kind, kind.name);
    EXPECT_EQ(base->factor, 1) << kind.name;
    EXPECT_EQ(base->offset, 0) << kind.name;
  }
  std::set<std::tuple<absl::string_view, UnitScale>> scales, scales_with_base;
  for (const Unit& unit : AllUnits()) {
    EXPECT_GT(unit.factor, 0) << unit.name;
    EXPECT_TRUE(std::isfinite(unit.factor)) << unit.name;
    EXPECT_TRUE(unit.offset == 0 || unit.kind == "TemperatureUnit") << unit.name;
    scales.insert({unit.kind, unit.scale});
    if (unit.factor == 1 && unit.offset == 0) scales_with_base.insert({unit.kind, unit.scale});
  }
  EXPECT_EQ(scales, scales_with_base);
}

TEST(Quantities, MarkUnitsThatAreNotLinear) {
  std::map<UnitScale, std::vector<absl::string_view>> names;
  for (const Unit& unit : AllUnits()) names[unit.scale].push_back(unit.name);
  EXPECT_THAT(names[UnitScale::kLevel], ElementsAre("decibel", "bel"));
  EXPECT_THAT(names[UnitScale::kWeighted], ElementsAre("microsievert", "millisievert", "sievert"));
}

TEST(Quantities, HaveOneSymbolEachWithinAKind) {
  std::map<std::tuple<absl::string_view, absl::string_view>, absl::string_view> names;
  for (const Unit& unit : AllUnits()) {
    EXPECT_EQ(unit.symbol.empty(), unit.name == "unity") << unit.name;
    const auto [other, inserted] = names.insert({{unit.kind, unit.symbol}, unit.name});
    EXPECT_TRUE(inserted) << unit.name << " and " << other->second;
  }
}

// The factors once more, from the names: "kilowattHour" is a thousand of "wattHour".
TEST(Quantities, PrefixesMultiply) {
  int checked = 0;
  for (const Unit& unit : AllUnits()) {
    for (const UnitPrefix& prefix : AllUnitPrefixes()) {
      absl::string_view rest = unit.name;
      const Unit* root = absl::ConsumePrefix(&rest, prefix.name) ? FindUnit(rest) : nullptr;
      if (root == nullptr && rest.size() < unit.name.size()) {
        // "kiloBritishThermalUnit"
        const std::string lower = absl::StrCat(std::string(1, rest[0] | 0x20), rest.substr(1));
        root = FindUnit(lower);
      }
      if (root == nullptr || root->kind != unit.kind) continue;
      ExpectNear(unit.factor, prefix.factor * root->factor, unit.name);
      EXPECT_EQ(unit.symbol, absl::StrCat(prefix.symbol, root->symbol)) << unit.name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 132);
}

// "kilometrePerHour" is a "kilometre" by an "hour", "wattPerSquareMetre" a "watt" by a
// "squareMetre", "ampereHour" an "ampere" times an "hour".
TEST(Quantities, RatiosDivideAndProductsMultiply) {
  const auto find = [](absl::string_view capitalized) {
    return FindUnit(absl::StrCat(std::string(1, capitalized[0] | 0x20), capitalized.substr(1)));
  };
  int ratios = 0, products = 0;
  for (const Unit& unit : AllUnits()) {
    for (size_t at = 1; at < unit.name.size(); ++at) {
      const absl::string_view rest = unit.name.substr(at);
      const Unit* const left = FindUnit(unit.name.substr(0, at));
      if (left == nullptr) continue;
      if (absl::string_view bottom = rest; absl::ConsumePrefix(&bottom, "Per")) {
        const Unit* const right = bottom.empty() ? nullptr : find(bottom);
        if (right == nullptr) continue;
        ExpectNear(unit.factor, left->factor / right->factor, unit.name);
        ++ratios;
      } else if (rest == "Hour" && FindUnitKind(unit.kind)->base.find("Hour") == rest.npos) {
        ExpectNear(unit.factor, left->factor * FindUnit("hour")->factor, unit.name);
        ++products;
      }
    }
  }
  EXPECT_EQ(ratios, 61);
  EXPECT_EQ(products, 7);
}

// One conversion or more for every kind, by numbers from elsewhere: NIST SP 811 appendix B, the SI
// brochure and definitions.
TEST(ConvertUnit, AgreesWithKnownConversions) {
  struct Case {
    double value;
    absl::string_view from;
    double expected;
    absl::string_view to;
  };
  constexpr Case kCases[] = {
      {1, "gForce", 980.665, "centimetrePerSecondSquared"},
      {2.5, "kilometrePerSecondSquared", 2.5e6, "millimetrePerSecondSquared"},
      {180, "degreeOfArc", 3.141592653589793, "radian"},
      {1, "turn", 360, "degreeOfArc"},
      {1, "degreeOfArc", 3600, "secondOfArc"},
      {1.5, "degreeOfArc", 90, "minuteOfArc"},
      {7, "radianPerSecondSquared", 7, "radianPerSecondSquared"},
      {3000, "revolutionPerMinute", 314.1592653589793, "radianPerSecond"},
      {1, "revolutionPerSecond", 360, "degreePerSecond"},
      {1.5, "kilovoltAmpereHour", 1500, "voltAmpereHour"},
      {1.5, "megavoltAmpere", 1500, "kilovoltAmpere"},
      {1, "acre", 4046.8564224, "squareMetre"},
      {1, "hectare", 10000, "squareMetre"},
      {1, "squareInch", 6.4516, "squareCentimetre"},
      {1, "squareFoot", 144, "squareInch"},
      {1, "squareKilometre", 100, "hectare"},
      {1, "squareCentimetre", 100, "squareMillimetre"},
      {4.7, "microfarad", 4700, "nanofarad"},
      {1, "ampereHour", 3600, "coulomb"},
      {3.7, "ampereHour", 3700, "milliampereHour"},
      {250, "milliampere", 0.25, "ampere"},
      {1.2, "kiloampere", 1200, "ampere"},
      {1, "mebibytePerSecond", 8388608, "bitPerSecond"},
      {1, "yobibyte", 1048576, "exbibyte"},
      {1, "kibibyte", 8192, "bit"},
      {1, "kilogramPerCubicMetre", 1e6, "milligramPerCubicMetre"},
      {1, "centipoise", 1, "millipascalSecond"},
      {1, "poise", 0.1, "pascalSecond"},
      {1, "kilowattHour", 3.6, "megajoule"},
      {1, "wattHour", 3600, "joule"},
      {1, "britishThermalUnit", 1055.05585262, "joule"},
      {1, "megaelectronvolt", 1.602176634e-13, "joule"},
      {1, "terawattHour", 1e9, "kilowattHour"},
      {1, "pound", 4.4482216152605, "newton"},
      {1, "pound", 16, "ounce"},
      {1, "ton", 8896.443230521, "newton"},
      {2.4, "gigahertz", 2400, "megahertz"},
      {1, "kilopascalCubicMetrePerSecond", 100, "decapascalCubicMetrePerSecond"},
      {0.09290304, "footcandle", 1, "lux"},
      {33, "microhenry", 0.033, "millihenry"},
      {1, "gray", 1e6, "microgray"},
      {1, "sievert", 1e3, "millisievert"},
      {1361, "wattPerSquareMetre", 1361, "wattPerSquareMetre"},
      {1, "stokes", 100, "centistokes"},
      {1, "squareMetrePerSecond", 1e4, "stokes"},
      {1, "inch", 25.4, "millimetre"},
      {1, "foot", 12, "inch"},
      {1, "mile", 1.609344, "kilometre"},
      {1, "mile", 5280, "foot"},
      {1, "nauticalMile", 1852, "metre"},
      {1, "astronomicalUnit", 149597870700, "metre"},
      {500, "candelaPerSquareMetre", 500, "candelaPerSquareMetre"},
      {800, "lumen", 800, "lumen"},
      {1, "candela", 1, "candela"},
      {1, "weber", 1e8, "maxwell"},
      {1, "tesla", 10000, "gauss"},
      {3600, "massPoundPerHour", 453.59237, "gramPerSecond"},
      {3.6, "kilogramPerHour", 1, "gramPerSecond"},
      {1, "massPound", 453.59237, "gram"},
      {1, "slug", 14.593902937206364, "kilogram"},
      {1, "tonne", 1000, "kilogram"},
      {1, "horsepower", 745.69987158227022, "watt"},
      {1, "tonOfRefrigeration", 3516.8528420666665, "watt"},
      {1, "kilowatt", 3.6, "megajoulePerHour"},
      {8766, "kilowattHourPerYear", 1000, "watt"},
      {1, "britishThermalUnitPerHour", 0.29307107017222222, "watt"},
      {1, "bar", 14.503773773020923, "poundPerSquareInch"},
      {1, "poundPerSquareInch", 6894.7572931683613, "pascal"},
      {1, "millimetresOfMercury", 133.322387415, "pascal"},
      {1, "inchesOfMercury", 3386.388640341, "pascal"},
      {1, "inchesOfWater", 249.08891, "pascal"},
      {1013.25, "hectopascal", 1013.25, "millibar"},
      {37, "gigabecquerel", 37000, "megabecquerel"},
      {1.5, "kilovoltAmpereReactiveHour", 1500, "voltAmpereReactiveHour"},
      {1.5, "kilovoltAmpereReactive", 1500, "voltAmpereReactive"},
      {1, "reciprocalCentimetre", 100, "reciprocalMetre"},
      {1, "reciprocalMetre", 1000, "reciprocalKilometre"},
      {1, "reciprocalMillimetre", 10, "reciprocalCentimetre"},
      {1, "reciprocalNanometre", 1000, "reciprocalMicrometre"},
      {1, "reciprocalMicrometre", 1000, "reciprocalMillimetre"},
      {1, "reciprocalSecond", 60, "reciprocalMinute"},
      {0.8, "milliohm", 0.0008, "ohm"},
      {65, "decibel", 6.5, "bel"},
      {100, "degreeCelsius", 373.15, "kelvin"},
      {100, "degreeCelsius", 212, "degreeFahrenheit"},
      {212, "degreeFahrenheit", 373.15, "kelvin"},
      {-40, "degreeFahrenheit", -40, "degreeCelsius"},
      {0, "kelvin", -459.67, "degreeFahrenheit"},
      {1, "year", 31557600, "second"},
      {1, "day", 24, "hour"},
      {90, "minute", 1.5, "hour"},
      {1, "second", 1e9, "nanosecond"},
      {310, "newtonMetre", 310, "newtonMetre"},
      {87, "percent", 0.87, "unity"},
      {1, "percent", 10000, "partsPerMillion"},
      {1, "partsPerMillion", 1e6, "partsPerTrillion"},
      {1, "partsPerBillion", 1e6, "partsPerQuadrillion"},
      {36, "kilometrePerHour", 10, "metrePerSecond"},
      {1, "knot", 1.852, "kilometrePerHour"},
      {60, "milePerHour", 26.8224, "metrePerSecond"},
      {3600, "metrePerHour", 1000, "millimetrePerSecond"},
      {3700, "millivolt", 3.7, "volt"},
      {0.4, "kilovolt", 400, "volt"},
      {1, "gallonPerMinute", 3.785411784, "litrePerMinute"},
      {1, "cubicFootPerMinute", 0.028316846592, "cubicMetrePerMinute"},
      {3.6, "cubicMetrePerHour", 1, "litrePerSecond"},
      {60, "cubicCentimetrePerMinute", 1, "cubicCentimetrePerSecond"},
      {1, "gallon", 3.785411784, "litre"},
      {1, "gallon", 128, "fluidOunce"},
      {1, "fluidOunce", 29.5735295625, "millilitre"},
      {1, "cubicFoot", 1728, "cubicInch"},
      {1, "cubicMetre", 1000, "litre"},
      {1, "litre", 1000, "cubicCentimetre"},
  };
  std::set<absl::string_view> kinds;
  for (const Case& c : kCases) {
    const std::string what = absl::StrCat(c.value, " ", c.from, " in ", c.to);
    const absl::StatusOr<double> converted = ConvertUnit(c.value, c.from, c.to);
    ASSERT_THAT(converted, IsOk()) << what;
    const absl::string_view kind = FindUnit(c.from)->kind;
    kinds.insert(kind);
    ExpectNear(*converted, c.expected, what,
               kind == "TemperatureUnit" ? 10 * kTolerance : kTolerance);
  }
  for (const UnitKind& kind : AllUnitKinds()) EXPECT_EQ(kinds.count(kind.name), 1) << kind.name;
  EXPECT_EQ(kinds.size(), AllUnitKinds().size());
}

// Not nearly: a query that compares with 212 degreeFahrenheit is to find what stands at 100
// degreeCelsius.
TEST(ConvertUnit, KeepsRoundNumbersRound) {
  EXPECT_THAT(ConvertUnit(100, "degreeCelsius", "degreeFahrenheit"), IsOkAndHolds(212.0));
  EXPECT_THAT(ConvertUnit(212, "degreeFahrenheit", "degreeCelsius"), IsOkAndHolds(100.0));
  EXPECT_THAT(ConvertUnit(32, "degreeFahrenheit", "degreeCelsius"), IsOkAndHolds(0.0));
  EXPECT_THAT(ConvertUnit(113, "degreeFahrenheit", "degreeCelsius"), IsOkAndHolds(45.0));
  EXPECT_THAT(ConvertUnit(-40, "degreeCelsius", "degreeFahrenheit"), IsOkAndHolds(-40.0));
  EXPECT_THAT(ConvertUnit(25, "degreeCelsius", "kelvin"), IsOkAndHolds(298.15));
  EXPECT_THAT(ConvertUnit(0, "kelvin", "degreeCelsius"), IsOkAndHolds(-273.15));
  EXPECT_THAT(ConvertUnit(0, "kelvin", "degreeFahrenheit"), IsOkAndHolds(-459.67));
  EXPECT_THAT(ConvertUnit(-459.67, "degreeFahrenheit", "kelvin"), IsOkAndHolds(0.0));
  EXPECT_THAT(ConvertUnit(3.7, "ampereHour", "milliampereHour"), IsOkAndHolds(3700.0));
  EXPECT_THAT(ConvertUnit(3700, "millivolt", "volt"), IsOkAndHolds(3.7));
  EXPECT_THAT(ConvertUnit(0.8, "unity", "percent"), IsOkAndHolds(80.0));
  EXPECT_THAT(ConvertUnit(36, "kilometrePerHour", "metrePerSecond"), IsOkAndHolds(10.0));
  EXPECT_THAT(ConvertUnit(1, "kilowattHour", "megajoule"), IsOkAndHolds(3.6));
}

TEST(ConvertUnit, RoundTripsAllPairsOfAKind) {
  int converted = 0, refused = 0;
  for (const Unit& from : AllUnits()) {
    for (const Unit& to : AllUnits()) {
      const absl::StatusOr<double> there = ConvertUnit(12.5, from.name, to.name);
      ASSERT_EQ(there.ok(), from.kind == to.kind && from.scale == to.scale)
          << from.name << " to " << to.name;
      ++(there.ok() ? converted : refused);
      if (!there.ok()) continue;
      const absl::StatusOr<double> back = ConvertUnit(*there, to.name, from.name);
      ASSERT_THAT(back, IsOk()) << to.name << " to " << from.name;
      // 12.5 degrees stand beside offsets up to 460.
      ExpectNear(*back, 12.5, absl::StrCat(from.name, " by way of ", to.name),
                 from.kind == "TemperatureUnit" ? 100 * kTolerance : kTolerance);
    }
  }
  EXPECT_EQ(converted + refused, 268 * 268);
  EXPECT_EQ(converted, 2286);
}

TEST(ConvertUnit, KeepsAValueInItsOwnUnit) {
  for (const Unit& unit : AllUnits()) {
    EXPECT_THAT(ConvertUnit(0.1, unit.name, unit.name), IsOkAndHolds(0.1));
  }
}

TEST(ConvertUnit, LetsInfinityAndNanPass) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(ConvertUnit(-kInfinity, "degreeCelsius", "kelvin"), IsOkAndHolds(-kInfinity));
  EXPECT_THAT(ConvertUnit(std::nan(""), "volt", "millivolt"), IsOkAndHolds(IsNan()));
}

TEST(ConvertUnit, SaysWhichUnitIsUnknown) {
  EXPECT_THAT(ConvertUnit(1, "volts", "millivolt"),
              IsRefused("unknown unit 'volts'; did you mean 'volt'?"));
  EXPECT_THAT(ConvertUnit(1, "volt", "milivolt"),
              IsRefused("unknown unit 'milivolt'; did you mean 'millivolt'?"));
  EXPECT_THAT(
      ConvertUnit(1, "", "volt"),
      IsRefused("unknown unit ''; a unit is a name that DTDL defines, such as 'kilowattHour'"));
}

TEST(ConvertUnit, SuggestsByNameBySymbolAndByPart) {
  const auto suggests = [](absl::string_view name) {
    return HasSubstr(absl::StrCat("did you mean '", name, "'?"));
  };
  EXPECT_THAT(ConvertUnit(1, "kWh", "joule"), IsRefused(suggests("kilowattHour")));
  EXPECT_THAT(ConvertUnit(1, "mAh", "coulomb"), IsRefused(suggests("milliampereHour")));
  EXPECT_THAT(ConvertUnit(1, "MV", "volt"), IsRefused(suggests("megavolt")));
  EXPECT_THAT(ConvertUnit(1, "°C", "kelvin"), IsRefused(suggests("degreeCelsius")));
  EXPECT_THAT(ConvertUnit(1, "%", "unity"), IsRefused(suggests("percent")));
  EXPECT_THAT(ConvertUnit(1, "meters", "foot"), IsRefused(suggests("metre")));
  EXPECT_THAT(ConvertUnit(1, "KilowattHour", "joule"), IsRefused(suggests("kilowattHour")));
  EXPECT_THAT(ConvertUnit(1, "kilometersPerHour", "knot"), IsRefused(suggests("kilometrePerHour")));
  EXPECT_THAT(ConvertUnit(1, "celsius", "kelvin"), IsRefused(suggests("degreeCelsius")));
  EXPECT_THAT(ConvertUnit(1, "qqqqqq", "volt"), IsRefused(HasSubstr("such as")));
}

TEST(ConvertUnit, QuotesNoMoreThanANameOfAnyText) {
  EXPECT_THAT(ConvertUnit(1, std::string(1 << 20, 'v'), "volt"),
              IsRefused(AllOf(SizeIs(Lt(200u)), HasSubstr("vvv...'"))));
  EXPECT_THAT(ConvertUnit(1, "vo\nlt\xff", "volt"), IsRefused(HasSubstr("'vo\\nlt\\xff'")));
  EXPECT_THAT(ConvertUnit(1, absl::string_view("\0", 1), "volt"), IsRefused(HasSubstr("'\\x00'")));
}

TEST(ConvertUnit, SaysWhatKindsDiffer) {
  EXPECT_THAT(
      ConvertUnit(1, "degreeCelsius", "volt"),
      IsRefused("cannot convert degreeCelsius to volt: degreeCelsius is a TemperatureUnit, volt a "
                "VoltageUnit; degreeCelsius converts to degreeFahrenheit, kelvin"));
  EXPECT_THAT(
      ConvertUnit(1, "newtonMetre", "joule"),
      IsRefused(
          "cannot convert newtonMetre to joule: newtonMetre is a TorqueUnit, joule an EnergyUnit;"
          " newtonMetre converts to no other unit"));
  EXPECT_THAT(ConvertUnit(1, "percent", "volt"), IsRefused(HasSubstr("percent is a Unitless, ")));
}

TEST(ConvertUnit, SaysWhyNoFactorRelatesTwoUnits) {
  EXPECT_THAT(
      ConvertUnit(1, "gray", "sievert"),
      IsRefused(
          "cannot convert gray to sievert: one is weighted by the effect of the radiation, so "
          "that no factor relates them; gray converts to microgray, milligray"));
}

TEST(Quantities, AreFoundFromManyThreads) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (const Unit& unit : AllUnits()) EXPECT_EQ(FindUnit(unit.name), &unit);
      for (const SemanticType& type : AllSemanticTypes()) {
        EXPECT_EQ(FindSemanticType(type.name), &type);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Both ways, every name of every set: the tables against the facts in the data folder.
class QuantitiesData : public ::testing::Test {
 protected:
  using Names = std::map<std::string, std::string>;  // name -> kind, or another trait

  void SetUp() override {
    const char* const data = std::getenv("TWINGRAPH_DATA");
    if (data == nullptr) GTEST_SKIP() << "TWINGRAPH_DATA is not set";
    const std::string path = absl::StrCat(data, "/dtdl/extensions.json");
    std::ifstream file(path);
    ASSERT_TRUE(file) << "cannot read " << path;
    facts_ = nlohmann::json::parse(file);
  }

  static std::string Context(QuantitySet set) {
    if (set == QuantitySet::kCore2) return "dtmi:dtdl:context;2";
    return absl::StrCat("dtmi:dtdl:extension:quantitativeTypes;", static_cast<int>(set));
  }

  // The terms of the set's context that stand for "<id before>:<term><id after>".
  std::set<std::string> Terms(QuantitySet set, absl::string_view class_name) const {
    const std::string version = absl::StrCat(static_cast<int>(set));
    const bool core = set == QuantitySet::kCore2;
    const std::string before =
        core ? "dtmi:standard:" : "dtmi:dtdl:extension:quantitativeTypes:v" + version + ":";
    std::set<std::string> terms;
    for (const auto& [term, id] : facts_["contexts"][Context(set)].items()) {
      if (id == absl::StrCat(before, class_name, ":", term, core ? ";2" : "")) terms.insert(term);
    }
    return terms;
  }

  template <typename Row>
  static std::set<std::string> RowNames(absl::Span<const Row> rows, QuantitySet set) {
    std::set<std::string> names;
    for (const Row& row : rows) {
      if (InSet(row.sets, set)) names.insert(std::string(row.name));
    }
    return names;
  }

  nlohmann::json facts_;
};

TEST_F(QuantitiesData, SemanticTypesAreTheirs) {
  for (QuantitySet set : kSets) {
    Names ours, theirs;
    for (const SemanticType& type : AllSemanticTypes()) {
      if (InSet(type.sets, set)) ours.emplace(type.name, type.unit_kind);
    }
    for (const auto& [name, kind] : facts_["quantitativeTypes"][Context(set)].items()) {
      theirs.emplace(name, kind);
    }
    EXPECT_EQ(ours, theirs) << Context(set);
  }
}

TEST_F(QuantitiesData, UnitsAndKindsAreTheirs) {
  for (QuantitySet set : kSets) {
    Names ours, theirs;
    std::set<std::string> their_kinds;
    for (const Unit& unit : AllUnits()) {
      if (InSet(unit.sets, set)) ours.emplace(unit.name, unit.kind);
    }
    for (const auto& [kind, units] : facts_["units"][Context(set)].items()) {
      their_kinds.insert(kind);
      for (const auto& unit : units) {
        EXPECT_TRUE(theirs.emplace(unit, kind).second) << unit << " is of two kinds";
      }
    }
    EXPECT_EQ(ours, theirs) << Context(set);
    EXPECT_EQ(RowNames(AllUnitKinds(), set), their_kinds) << Context(set);
  }
}

TEST_F(QuantitiesData, ContextsNameTheSameTerms) {
  for (QuantitySet set : kSets) {
    EXPECT_EQ(RowNames(AllUnits(), set), Terms(set, "unit")) << Context(set);
    EXPECT_EQ(RowNames(AllUnitPrefixes(), set), Terms(set, "unitprefix")) << Context(set);

    const bool core = set == QuantitySet::kCore2;
    std::set<std::string> kinds = Terms(set, core ? "class" : "enum");
    std::set<std::string> types = Terms(set, "class");
    for (const std::string& name : RowNames(AllUnitKinds(), set)) {
      EXPECT_EQ(kinds.erase(name), 1u) << name;
      types.erase(name);
    }
    for (const std::string& name : RowNames(AllSemanticTypes(), set)) {
      EXPECT_EQ(types.erase(name), 1u) << name;
      kinds.erase(name);
    }
    // What remains is no quantity: how units and prefixes are described.
    for (absl::string_view name : {"BinaryPrefix", "BinaryUnit", "DecimalPrefix", "DecimalUnit",
                                   "QuantitativeType", "RatioUnit", "SymbolicUnit", "UnitPrefix"}) {
      kinds.erase(std::string(name));
      types.erase(std::string(name));
    }
    EXPECT_THAT(kinds, IsEmpty()) << Context(set);
    EXPECT_THAT(types, IsEmpty()) << Context(set);
  }
}

}  // namespace
}  // namespace twin::dtdl
