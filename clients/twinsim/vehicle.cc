#include "clients/twinsim/vehicle.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "clients/twinsim/random.h"
#include "clients/twinsim/vin.h"

namespace twin::twinsim {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr double kDaysPerYear = 365.25;
// Vehicles of one plant are numbered in an order of its own; coprime to kVinNumbers.
constexpr int64_t kVinStride = 618'033;
static_assert(kVehiclesMax / kVinNumbers < kVinPlants);

constexpr absl::string_view kRoles[] = {"delivery", "pool", "rental", "service", "taxi"};
constexpr absl::string_view kBmsHardware[] = {"B2", "C1", "C2"};
constexpr absl::string_view kBmsFirmware[] = {"3.18.2", "4.0.1", "4.2.0", "4.2.3"};

template <size_t kCount>
absl::string_view Pick(const absl::string_view (&words)[kCount], Random* random) {
  return words[random->Integer(0, kCount - 1)];
}

const VehicleType& PickType(Random* random) {
  const absl::Span<const VehicleType> types = VehicleTypes();
  int weights = 0;
  for (const VehicleType& type : types) weights += type.weight;
  int left = random->Integer(0, weights - 1);
  for (const VehicleType& type : types) {
    left -= type.weight;
    if (left < 0) return type;
  }
  return types.back();
}

// Backwards from the day of the fleet: cells, pack, vehicle, first day of use.
void DrawDates(Vehicle* vehicle, Random* random) {
  vehicle->in_service = kFleetDay - days(random->Integer(30, 2500));
  vehicle->built = vehicle->in_service - days(random->Integer(10, 120));
  vehicle->pack_made = vehicle->built - days(random->Integer(5, 60));
  vehicle->cells_made = vehicle->pack_made - days(random->Integer(14, 120));
  vehicle->seconds_of_day = 6 * 3600 + 60 * random->Integer(0, 12 * 60);
  const year_month_day built(vehicle->built);
  const bool next_year = built.month() >= std::chrono::August;
  vehicle->model_year = static_cast<int>(built.year()) + (next_year ? 1 : 0);
}

void DrawIdentity(Vehicle* vehicle, uint64_t seed, Random* random) {
  const VehicleType& type = *vehicle->type;
  vehicle->id = absl::StrFormat("veh-%06d", vehicle->number);
  vehicle->vin = MakeVin({.wmi = type.wmi,
                          .vehicle = type.vin_code,
                          .model_year = vehicle->model_year,
                          .plant = static_cast<int>(vehicle->number / kVinNumbers),
                          .number = vehicle->number % kVinNumbers * kVinStride % kVinNumbers});
  vehicle->device_id =
      absl::StrFormat("tcu-%016x", Mix(Mix(seed) ^ static_cast<uint64_t>(vehicle->number)));
  vehicle->role = Pick(kRoles, random);
  const sys_days january = year_month_day(vehicle->cells_made).year() / std::chrono::January / 1;
  vehicle->cell_lot = absl::StrFormat(
      "%s%02d-W%02d-L%d", type.pack.serial_code,
      static_cast<int>(year_month_day(vehicle->cells_made).year()) % 100,
      static_cast<int>((vehicle->cells_made - january).count() / 7 + 1), random->Integer(1, 4));
  vehicle->bms_hardware = Pick(kBmsHardware, random);
  vehicle->bms_firmware = Pick(kBmsFirmware, random);
}

// Distance by age, cycles by distance, health by cycles and age. Health falls with the root of
// time, and evenly with use, to 80 percent after the cycles that the pack was designed for.
void DrawUse(Vehicle* vehicle, Random* random) {
  const VehicleType& type = *vehicle->type;
  const PackDesign& pack = type.pack;
  const double years =
      static_cast<double>((kFleetDay - vehicle->in_service).count()) / kDaysPerYear;
  vehicle->odometer_km = Round(12 + years * random->Real(6000, 48000), 1);
  const double energy_kwh = pack.cells() * pack.cell_voltage_nominal * pack.cell_capacity_ah / 1000;
  vehicle->cycles = Round(vehicle->odometer_km * type.consumption_kwh_per_km / energy_kwh, 1);
  const double worn = vehicle->cycles / pack.cycles_expected * random->Real(14, 24) +
                      std::sqrt(years) * random->Real(0.8, 2.2);
  vehicle->soh_percent = Round(std::max(100 - worn, 60.0), 2);
  vehicle->bms_soh_percent =
      std::clamp(std::round(vehicle->soh_percent + random->Bell()), 0.0, 100.0);
  // One in five keeps to the maker's advice.
  vehicle->charge_limit_percent = random->Integer(1, 5) == 1 ? 80 : 100;
  vehicle->soc_percent = Round(random->Real(15, vehicle->charge_limit_percent), 1);
}

void DrawCells(Vehicle* vehicle, Random* random) {
  const PackDesign& pack = vehicle->type->pack;
  vehicle->cell_resistances_milliohm.resize(static_cast<size_t>(pack.cells()));
  for (double& resistance : vehicle->cell_resistances_milliohm) {
    resistance = Round(pack.cell_resistance_milliohm * (1 + 0.08 * random->Bell()), 3);
  }
}

}  // namespace

Vehicle MakeVehicle(uint64_t seed, int64_t number) {
  Random random(seed, static_cast<uint64_t>(number));
  Vehicle vehicle;
  vehicle.number = number;
  vehicle.type = &PickType(&random);
  DrawDates(&vehicle, &random);
  DrawIdentity(&vehicle, seed, &random);
  DrawUse(&vehicle, &random);
  DrawCells(&vehicle, &random);
  return vehicle;
}

std::string DateText(sys_days day) {
  const year_month_day date(day);
  return absl::StrFormat("%04d-%02d-%02d", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string CompactDateText(sys_days day) {
  const year_month_day date(day);
  return absl::StrFormat("%04d%02d%02d", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string DateTimeText(sys_days day, int seconds_of_day) {
  return absl::StrFormat("%sT%02d:%02d:%02dZ", DateText(day), seconds_of_day / 3600,
                         seconds_of_day / 60 % 60, seconds_of_day % 60);
}

}  // namespace twin::twinsim
