// One vehicle of a simulated fleet: everything about it that chance decides, drawn once.
#ifndef TWIN_CLIENTS_TWINSIM_VEHICLE_H_
#define TWIN_CLIENTS_TWINSIM_VEHICLE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/twinsim/vehicle_types.h"

namespace twin::twinsim {

// The day on which simulated fleets stand as they are described.
inline constexpr std::chrono::sys_days kFleetDay =
    std::chrono::year(2026) / std::chrono::January / 1;

struct Vehicle {
  int64_t number = 0;  // in its fleet, from 1
  const VehicleType* type = nullptr;
  std::string id;  // of its twin, "veh-000042"
  std::string vin;
  std::string device_id;   // unique, as the VIN is
  absl::string_view role;  // in its fleet
  int model_year = 0;

  std::chrono::sys_days cells_made;
  std::chrono::sys_days pack_made;
  std::chrono::sys_days built;
  std::chrono::sys_days in_service;
  int seconds_of_day = 0;  // of the times at which its parts were mounted

  std::string cell_lot;
  absl::string_view bms_hardware;
  absl::string_view bms_firmware;
  std::vector<double> cell_resistances_milliohm;  // when new, by series index - 1

  double odometer_km = 0;
  double cycles = 0;         // full equivalent cycles so far
  double soh_percent = 100;  // of the pack, true
  double bms_soh_percent = 100;
  double soc_percent = 50;
  int charge_limit_percent = 100;
};

// The same for the same arguments, whatever else a fleet has.
//   number: from 1 to kVehiclesMax
Vehicle MakeVehicle(uint64_t seed, int64_t number);

// A fleet may have so many vehicles: more than the largest of the world, and VINs stay unique.
inline constexpr int64_t kVehiclesMax = 10'000'000;

// "2026-01-01", "20260101", "2026-01-01T06:30:00Z".
std::string DateText(std::chrono::sys_days day);
std::string CompactDateText(std::chrono::sys_days day);
std::string DateTimeText(std::chrono::sys_days day, int seconds_of_day);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_VEHICLE_H_
