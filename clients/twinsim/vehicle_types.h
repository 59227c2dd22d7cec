// The kinds of vehicles that a simulated fleet consists of. Makers, brands and model names are
// invented; dimensions are those of cars on the road.
#ifndef TWIN_CLIENTS_TWINSIM_VEHICLE_TYPES_H_
#define TWIN_CLIENTS_TWINSIM_VEHICLE_TYPES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::twinsim {

// How a pack is built and what it is rated for. A cell is a series element here, as in the
// ontology: `parallel` electric cells between two voltage taps.
struct PackDesign {
  absl::string_view manufacturer;
  absl::string_view place;
  absl::string_view serial_code;  // its serial numbers begin with it

  int modules = 0;          // 0: cell-to-pack, the pack itself holds cells and probes
  int cells_per_group = 0;  // in a module, or in the pack when there are none
  int probes_per_group = 0;
  int parallel = 1;

  absl::string_view chemistry;    // as the enums Chemistry of the ontology spell it
  absl::string_view form_factor;  // likewise, CellFormFactor
  absl::string_view cell_model;
  absl::string_view cell_producer;
  absl::string_view cell_plant;
  double cell_capacity_ah = 0;
  double cell_resistance_milliohm = 0;
  double cell_voltage_nominal = 0;
  double cell_voltage_min = 0;
  double cell_voltage_max = 0;

  double mass_kg = 0;
  double power_kw_max = 0;
  int cycles_expected = 0;

  int groups() const { return modules == 0 ? 1 : modules; }
  int cells() const { return groups() * cells_per_group; }
  int probes() const { return groups() * probes_per_group; }
};

struct VehicleType {
  int weight = 0;  // its share of a fleet is weight / sum of all weights
  absl::string_view brand;
  absl::string_view model;
  absl::string_view wmi;       // first 3 characters of its VINs
  absl::string_view vin_code;  // the next 5
  absl::string_view protocol;  // as the enum TelematicsProtocol spells it
  double consumption_kwh_per_km = 0;
  PackDesign pack;
};

absl::Span<const VehicleType> VehicleTypes();

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_VEHICLE_TYPES_H_
