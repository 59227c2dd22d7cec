#include "clients/twinsim/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "clients/twinsim/json_line.h"
#include "clients/twinsim/random.h"
#include "clients/twinsim/vin.h"

namespace twin::twinsim {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;
using ::testing::Lt;
using ::testing::SizeIs;

// Everything that the fleet has, in lines.
std::vector<std::string> TwinLines(const Fleet& fleet, int64_t first, int64_t last) {
  std::vector<std::string> lines;
  for (int64_t number = first; number <= last; ++number) {
    fleet.VisitTwins(number,
                     [&](const Twin& twin) { AppendTwinLine(twin, &lines.emplace_back()); });
  }
  return lines;
}

std::vector<std::string> RelationshipLines(const Fleet& fleet, int64_t first, int64_t last) {
  std::vector<std::string> lines;
  for (int64_t number = first; number <= last; ++number) {
    fleet.VisitRelationships(number, [&](const Relationship& relationship) {
      AppendRelationshipLine(relationship, &lines.emplace_back());
    });
  }
  return lines;
}

std::vector<std::string> TwinIds(const Fleet& fleet, int64_t number) {
  std::vector<std::string> ids;
  fleet.VisitTwins(number, [&](const Twin& twin) { ids.emplace_back(twin.id); });
  return ids;
}

// The number of the first vehicle of that model.
int64_t FindModel(const Fleet& fleet, absl::string_view model) {
  for (int64_t number = 2; number <= fleet.vehicles(); ++number) {
    if (fleet.VehicleAt(number).type->model == model) return number;
  }
  ADD_FAILURE() << "no " << model;
  return 1;
}

TEST(Fleet, IsTheSameForTheSameSeed) {
  const Fleet a({.vehicles = 20, .seed = 7});
  const Fleet b({.vehicles = 20, .seed = 7});
  EXPECT_EQ(TwinLines(a, 1, 20), TwinLines(b, 1, 20));
  EXPECT_EQ(RelationshipLines(a, 1, 20), RelationshipLines(b, 1, 20));
}

TEST(Fleet, IsAnotherForAnotherSeed) {
  const Fleet a({.vehicles = 20, .seed = 7});
  const Fleet b({.vehicles = 20, .seed = 8});
  EXPECT_NE(TwinLines(a, 1, 20), TwinLines(b, 1, 20));
  EXPECT_NE(RelationshipLines(a, 1, 20), RelationshipLines(b, 1, 20));
  EXPECT_NE(TwinLines(a, 1, 20), TwinLines(Fleet({.vehicles = 20, .seed = 0}), 1, 20));
}

TEST(Fleet, IsTheBeginningOfALargerOne) {
  EXPECT_EQ(TwinLines(Fleet({.vehicles = 5}), 1, 5), TwinLines(Fleet({.vehicles = 50}), 1, 5));
}

// What the engine gives is fixed by the standard; what is made of it, here.
TEST(Fleet, IsTheSameEverywhere) {
  Random random(1, 2);
  EXPECT_EQ(random.Integer(0, 999), 87);
  EXPECT_EQ(Round(random.Real(-1, 1), 9), -0.488369284);
  EXPECT_EQ(Fleet({}).VehicleAt(1).vin, "SZ8RG62S5RA618033");
  EXPECT_EQ(Fleet({}).VehicleAt(1).odometer_km, 11081.5);
}

TEST(Fleet, HasAllTypesInTheirShares) {
  const Fleet fleet({.vehicles = 4000});
  std::map<absl::string_view, int> counts;
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    ++counts[fleet.VehicleAt(number).type->model];
  }
  for (const VehicleType& type : VehicleTypes()) {
    EXPECT_THAT(counts[type.model], AllOf(Gt(32 * type.weight), Lt(48 * type.weight)))
        << type.model;
  }
}

TEST(Fleet, CountsTwinsAndRelationships) {
  const Fleet fleet({.vehicles = 40});
  for (int64_t number = 2; number <= fleet.vehicles(); ++number) {
    const PackDesign& pack = fleet.VehicleAt(number).type->pack;
    const int parts = pack.modules + pack.cells() + pack.probes();
    EXPECT_THAT(TwinLines(fleet, number, number), SizeIs(4 + parts)) << number;
    // Everything is part of something, and each cell has a probe.
    EXPECT_THAT(RelationshipLines(fleet, number, number), SizeIs(4 + parts + pack.cells()))
        << number;
  }
}

TEST(Fleet, GroupsVehiclesIntoFleets) {
  const Fleet fleet({.vehicles = 2 * kVehiclesPerFleet});
  EXPECT_EQ(TwinIds(fleet, 1)[0], "fleet-001");
  EXPECT_EQ(TwinIds(fleet, kVehiclesPerFleet)[0], "veh-001000");
  EXPECT_EQ(TwinIds(fleet, kVehiclesPerFleet + 1)[0], "fleet-002");
  std::string source;
  fleet.VisitRelationships(kVehiclesPerFleet + 1, [&](const Relationship& relationship) {
    if (relationship.name == "contains") source = std::string(relationship.source);
  });
  EXPECT_EQ(source, "fleet-002");
}

TEST(Fleet, KeepsThePartsOfAModuleTogether) {
  const Fleet fleet({.vehicles = 50});
  const int64_t number = FindModel(fleet, "Lumen");
  const std::string id = fleet.VehicleAt(number).id;
  std::vector<std::string> ids = TwinIds(fleet, number);
  ids.resize(16);
  EXPECT_THAT(ids, ElementsAre(id, id + "-pack", id + "-bms", id + "-thermal", id + "-m01",
                               id + "-m01-p1", id + "-m01-p2", id + "-m01-c01", id + "-m01-c02",
                               id + "-m01-c03", id + "-m01-c04", id + "-m01-c05", id + "-m01-c06",
                               id + "-m01-c07", id + "-m01-c08", id + "-m02"));
}

TEST(Fleet, PutsCellsIntoThePackWhereThereAreNoModules) {
  const Fleet fleet({.vehicles = 50});
  const int64_t number = FindModel(fleet, "Breeze");
  const std::string id = fleet.VehicleAt(number).id;
  const std::vector<std::string> ids = TwinIds(fleet, number);
  EXPECT_EQ(ids[4], id + "-p01");
  EXPECT_EQ(ids.back(), id + "-c108");
  int cells = 0;
  fleet.VisitRelationships(number, [&](const Relationship& relationship) {
    EXPECT_NE(relationship.name, "hasModule");
    if (relationship.name != "hasCell") return;
    EXPECT_EQ(relationship.source, id + "-pack");
    ++cells;
  });
  EXPECT_EQ(cells, 108);
}

TEST(Fleet, NamesEveryTwinAndRelationshipOnce) {
  const Fleet fleet({.vehicles = 1200});
  std::set<std::string> twins;
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    fleet.VisitTwins(number, [&](const Twin& twin) {
      EXPECT_THAT(twin.id, SizeIs(Le(128u)));
      EXPECT_TRUE(twins.emplace(twin.id).second) << twin.id;
    });
  }
  std::set<std::pair<std::string, std::string>> relationships;
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    fleet.VisitRelationships(number, [&](const Relationship& relationship) {
      EXPECT_TRUE(relationships.emplace(relationship.source, relationship.id).second)
          << relationship.source << ' ' << relationship.id;
      EXPECT_EQ(twins.count(std::string(relationship.source)), 1u) << relationship.source;
      EXPECT_EQ(twins.count(std::string(relationship.target)), 1u) << relationship.target;
    });
  }
}

TEST(Fleet, SensesEachCellByTheProbeOfItsOwnPlace) {
  const Fleet fleet({.vehicles = 20});
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    const PackDesign& pack = fleet.VehicleAt(number).type->pack;
    std::map<std::string, int> cells;  // by probe
    fleet.VisitRelationships(number, [&](const Relationship& relationship) {
      if (relationship.name != "sensedBy") return;
      const absl::string_view cell = relationship.source;
      EXPECT_TRUE(absl::StartsWith(relationship.target, cell.substr(0, cell.rfind('-') + 1)));
      ++cells[std::string(relationship.target)];
    });
    EXPECT_THAT(cells, SizeIs(pack.probes()));
    for (const auto& [probe, count] : cells) {
      EXPECT_EQ(count, pack.cells_per_group / pack.probes_per_group) << probe;
    }
  }
}

TEST(Fleet, NumbersCellsAndProbesThroughThePack) {
  const Fleet fleet({.vehicles = 20});
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    int64_t cells = 0;
    int64_t probes = 0;
    fleet.VisitTwins(number, [&](const Twin& twin) {
      for (const Property& property : twin.properties) {
        if (property.name == "seriesIndex") {
          EXPECT_EQ(std::get<int64_t>(property.value), ++cells);
        } else if (property.name == "probeIndex") {
          EXPECT_EQ(std::get<int64_t>(property.value), ++probes);
        }
      }
    });
    EXPECT_EQ(cells, fleet.VehicleAt(number).type->pack.cells());
    EXPECT_EQ(probes, fleet.VehicleAt(number).type->pack.probes());
  }
}

TEST(Fleet, GivesUniqueNumbersToThings) {
  const Fleet fleet({.vehicles = 300});
  std::set<std::string> known;
  for (int64_t number = 1; number <= fleet.vehicles(); ++number) {
    fleet.VisitTwins(number, [&](const Twin& twin) {
      for (const Property& property : twin.properties) {
        if (property.name != "serialNumber" && property.name != "vin" &&
            property.name != "deviceId" && property.name != "packId") {
          continue;
        }
        const auto text = std::get<absl::string_view>(property.value);
        EXPECT_TRUE(known.emplace(text).second) << property.name << ' ' << text;
      }
    });
  }
}

// --- Vehicles ------------------------------------------------------------------------------------

TEST(Vehicle, IsPlausible) {
  for (int64_t number = 1; number <= 2000; ++number) {
    const Vehicle vehicle = MakeVehicle(3, number);
    const PackDesign& pack = vehicle.type->pack;
    SCOPED_TRACE(vehicle.id);
    EXPECT_LT(vehicle.cells_made, vehicle.pack_made);
    EXPECT_LT(vehicle.pack_made, vehicle.built);
    EXPECT_LT(vehicle.built, vehicle.in_service);
    EXPECT_LT(vehicle.in_service, kFleetDay);
    EXPECT_THAT(vehicle.odometer_km, AllOf(Gt(0), Lt(400'000)));
    EXPECT_THAT(vehicle.cycles, AllOf(Gt(0), Lt(2000)));
    EXPECT_THAT(vehicle.soh_percent, AllOf(Ge(60), Lt(100)));
    EXPECT_NEAR(vehicle.bms_soh_percent, vehicle.soh_percent, 1.6);
    EXPECT_THAT(vehicle.soc_percent, AllOf(Ge(15), Le(vehicle.charge_limit_percent)));
    EXPECT_THAT(vehicle.cell_resistances_milliohm, SizeIs(pack.cells()));
    EXPECT_THAT(vehicle.cell_resistances_milliohm,
                Each(AllOf(Gt(pack.cell_resistance_milliohm * 0.91),
                           Lt(pack.cell_resistance_milliohm * 1.09))));
  }
}

TEST(Vehicle, WritesDays) {
  EXPECT_EQ(DateText(kFleetDay), "2026-01-01");
  EXPECT_EQ(CompactDateText(kFleetDay), "20260101");
  EXPECT_EQ(DateTimeText(kFleetDay - std::chrono::days(1), 86399), "2025-12-31T23:59:59Z");
}

// Probes share their cells evenly, so that each cell has a nearest one.
TEST(VehicleTypes, AreConsistent) {
  for (const VehicleType& type : VehicleTypes()) {
    SCOPED_TRACE(type.model);
    const PackDesign& pack = type.pack;
    EXPECT_EQ(pack.cells_per_group % pack.probes_per_group, 0);
    EXPECT_THAT(pack.modules, AllOf(Ge(0), Le(99)));
    EXPECT_THAT(pack.probes_per_group, Le(pack.modules == 0 ? 99 : 9));
    EXPECT_THAT(pack.cells_per_group, Le(pack.modules == 0 ? 999 : 99));
    EXPECT_GT(type.weight, 0);
    EXPECT_LT(pack.cell_voltage_min, pack.cell_voltage_nominal);
    EXPECT_LT(pack.cell_voltage_nominal, pack.cell_voltage_max);
    EXPECT_THAT(type.wmi, SizeIs(3));
    EXPECT_THAT(type.vin_code, SizeIs(5));
  }
}

// --- VINs ----------------------------------------------------------------------------------------

TEST(Vin, HasACheckDigit) {
  EXPECT_EQ(VinCheckDigit("1M8GDM9AXKP042788"), 'X');  // the examples that everybody uses
  EXPECT_EQ(VinCheckDigit("11111111111111111"), '1');
  EXPECT_EQ(VinCheckDigit("1M8GDM9A0KP042788"), 'X') << "whatever stands in its place";
  EXPECT_EQ(VinCheckDigit("1M8GDM9AXKP04278"), '\0') << "too short";
  EXPECT_EQ(VinCheckDigit("1M8GDM9AXKPO42788"), '\0') << "the letter O";
}

TEST(Vin, OfEachVehicleIsValid) {
  std::set<std::string> known;
  for (const uint64_t seed : {1u, 99u}) {
    known.clear();
    for (int64_t number = 1; number <= 3000; ++number) {
      const Vehicle vehicle = MakeVehicle(seed, number);
      ASSERT_THAT(vehicle.vin, SizeIs(17));
      EXPECT_EQ(vehicle.vin[8], VinCheckDigit(vehicle.vin)) << vehicle.vin;
      EXPECT_EQ(vehicle.vin.substr(0, 3), vehicle.type->wmi);
      EXPECT_TRUE(known.insert(vehicle.vin).second) << vehicle.vin;
    }
  }
}

TEST(Vin, NumbersVehiclesToTheLast) {
  const std::string first = MakeVehicle(1, kVinNumbers).vin;
  const std::string last = MakeVehicle(1, kVehiclesMax).vin;
  EXPECT_EQ(last[8], VinCheckDigit(last)) << last;
  EXPECT_NE(first.substr(10), last.substr(10)) << "the same number from another plant";
}

TEST(Vin, NamesTheModelYear) {
  const VinParts parts = {.wmi = "YZ9", .vehicle = "LM45E", .plant = 0, .number = 42};
  for (const auto& [year, code] : {std::pair{2010, 'A'},
                                   {2017, 'H'},
                                   {2018, 'J'},
                                   {2024, 'R'},
                                   {2026, 'T'},
                                   {2031, '1'},
                                   {1980, 'A'}}) {
    VinParts of_year = parts;
    of_year.model_year = year;
    EXPECT_EQ(MakeVin(of_year)[9], code) << year;
  }
}

}  // namespace
}  // namespace twin::twinsim
