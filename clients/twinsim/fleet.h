// A simulated fleet as a graph of the battery ontology (docs/ontology.md), vehicle by vehicle:
//
//   fleet-001              Fleet, one for each kVehiclesPerFleet vehicles
//   veh-000042             Vehicle
//   veh-000042-pack        BatteryPack
//   veh-000042-bms         Bms
//   veh-000042-thermal     ThermalSystem
//   veh-000042-m03         BatteryModule
//   veh-000042-m03-p1      TemperatureProbe
//   veh-000042-m03-c07     BatteryCell
//   veh-000042-p01, -c007  probe and cell of a cell-to-pack design, which has no modules
//
// Properties are identity, rated values and what a vehicle remembers (odometer, cycles). Telemetry
// is left to whoever drives the fleet, estimates to predictors.
#ifndef TWIN_CLIENTS_TWINSIM_FLEET_H_
#define TWIN_CLIENTS_TWINSIM_FLEET_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "clients/twinsim/graph.h"
#include "clients/twinsim/vehicle.h"

namespace twin::twinsim {

inline constexpr int64_t kVehiclesPerFleet = 1000;

// Which depot a vehicle's Fleet belongs to: there are a few, which come in turn.
size_t DepotIndexOf(int64_t vehicle);

// The models of its twins, sorted.
absl::Span<const absl::string_view> FleetModels();

struct FleetOptions {
  int64_t vehicles = 1;  // at most kVehiclesMax
  uint64_t seed = 1;
};

// The same options give the same fleet, and a smaller fleet is the beginning of a larger one.
// Immutable, and keeps nothing of its vehicles: each call makes them anew (5 us of some 15).
// Thread-safe.
class Fleet {
 public:
  explicit Fleet(const FleetOptions& options) : options_(options) {}

  int64_t vehicles() const { return options_.vehicles; }

  //   number: from 1 to vehicles(), here and below
  Vehicle VehicleAt(int64_t number) const { return MakeVehicle(options_.seed, number); }

  // The twins of one vehicle, neighbours together: the vehicle, its pack, then module after module
  // with its probes and cells. The first vehicle of a Fleet brings the twin of that Fleet along.
  // All numbers together: all twins, each once.
  void VisitTwins(int64_t number, TwinVisitor visit) const;

  // The relationships that lead to these twins, and those between them, each once.
  void VisitRelationships(int64_t number, RelationshipVisitor visit) const;

 private:
  FleetOptions options_;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_FLEET_H_
