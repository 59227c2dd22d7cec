#include "clients/twinsim/signals.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "clients/twinsim/frames.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;

enum class Part : uint8_t { kVehicle, kPack, kBms, kThermal };

struct SignalDesign {
  Part part;
  const char* path;
  v1::Encoding encoding;
  double scale;
  double offset;
  double Reading::*field;
};

// Units are the ontology's.
constexpr SignalDesign kSignals[] = {
    {Part::kVehicle, "speed", v1::UINT16, 0.1, 0, &Reading::speed},
    {Part::kVehicle, "odometer", v1::INT32, 0.1, 0, &Reading::odometer},
    {Part::kVehicle, "range", v1::UINT16, 1, 0, &Reading::range},
    {Part::kVehicle, "ambientTemperature", v1::UINT8, 1, -40, &Reading::ambient_temperature},
    {Part::kPack, "voltage", v1::UINT16, 0.1, 0, &Reading::voltage},
    {Part::kPack, "current", v1::INT16, 0.1, 0, &Reading::current},
    {Part::kPack, "soc", v1::UINT16, 0.1, 0, &Reading::soc},
    {Part::kPack, "remainingEnergy", v1::UINT16, 0.1, 0, &Reading::remaining_energy},
    {Part::kPack, "tempMin", v1::UINT8, 1, -40, &Reading::temp_min},
    {Part::kPack, "tempMax", v1::UINT8, 1, -40, &Reading::temp_max},
    {Part::kPack, "tempAvg", v1::UINT8, 1, -40, &Reading::temp_avg},
    {Part::kPack, "cellVoltageMin", v1::UINT16, 0.001, 0, &Reading::cell_voltage_min},
    {Part::kPack, "cellVoltageMax", v1::UINT16, 0.001, 0, &Reading::cell_voltage_max},
    {Part::kPack, "cellMinIndex", v1::UINT16, 1, 0, &Reading::cell_min_index},
    {Part::kPack, "cellMaxIndex", v1::UINT16, 1, 0, &Reading::cell_max_index},
    {Part::kPack, "insulationResistance", v1::UINT16, 1, 0, &Reading::insulation},
    {Part::kPack, "bmsSoh", v1::UINT8, 1, 0, &Reading::bms_soh},
    {Part::kPack, "fullEquivalentCycles", v1::INT32, 0.01, 0, &Reading::cycles},
    {Part::kPack, "accumulatedChargedEnergy", v1::INT32, 0.01, 0, &Reading::charged_kwh},
    {Part::kPack, "accumulatedConsumedEnergy", v1::INT32, 0.01, 0, &Reading::consumed_kwh},
    {Part::kPack, "accumulatedChargedThroughput", v1::INT32, 0.01, 0, &Reading::charged_ah},
    {Part::kPack, "accumulatedConsumedThroughput", v1::INT32, 0.01, 0, &Reading::consumed_ah},
    {Part::kBms, "balancingActive", v1::UINT8, 1, 0, &Reading::balancing},
    {Part::kBms, "highestAlarmLevel", v1::UINT8, 1, 0, &Reading::alarm_level},
    {Part::kBms, "internalTemperature", v1::UINT8, 1, -40, &Reading::bms_temperature},
    {Part::kThermal, "coolantInletTemperature", v1::UINT8, 1, -40, &Reading::coolant_inlet},
    {Part::kThermal, "coolantOutletTemperature", v1::UINT8, 1, -40, &Reading::coolant_outlet},
    {Part::kThermal, "compressorPower", v1::UINT8, 0.1, 0, &Reading::compressor_kw}};

constexpr double kCellScale = 0.001;
constexpr double kProbeOffset = -40;

// The highest codes of unsigned numbers say "abnormal" and "invalid"; of signed ones, that the
// standard does not have, the lowest says "invalid".
int64_t InvalidCode(v1::Encoding encoding) {
  switch (encoding) {
    case v1::UINT8:
      return 0xFF;
    case v1::UINT16:
      return 0xFFFF;
    case v1::INT16:
      return INT16_MIN;
    default:
      return INT32_MIN;
  }
}

void Describe(v1::Encoding encoding, double scale, double offset, v1::LayoutColumn* column) {
  column->set_encoding(encoding);
  column->set_scale(scale);
  column->set_offset(offset);
  const int64_t invalid = InvalidCode(encoding);
  column->add_invalid_codes(invalid);
  if (invalid > 0) column->add_invalid_codes(invalid - 1);
}

bool HoldsValue(v1::Encoding encoding, int64_t raw) {
  const int64_t invalid = InvalidCode(encoding);
  return Holds(encoding, raw) && raw != invalid && (invalid < 0 || raw != invalid - 1);
}

}  // namespace

SignalTable::SignalTable(const VehicleType& type)
    : cells_(type.pack.cells()),
      probes_(type.pack.probes()),
      discharging_positive_(absl::StartsWith(type.protocol, "gbt")),
      coarse_charge_(discharging_positive_) {
  for (const SignalDesign& signal : kSignals) encodings_.push_back(signal.encoding);
  encodings_.insert(encodings_.end(), static_cast<size_t>(cells_), v1::UINT16);
  encodings_.insert(encodings_.end(), static_cast<size_t>(probes_), v1::UINT8);
}

Car SignalTable::CarOf(const Vehicle& vehicle) {
  const PackDesign& design = vehicle.type->pack;
  return {.vehicle = vehicle.id,
          .pack = absl::StrCat(vehicle.id, "-pack"),
          .bms = absl::StrCat(vehicle.id, "-bms"),
          .modules = design.modules > 0,
          .module_count = design.modules,
          .cells = design.cells(),
          .probes = design.probes()};
}

v1::Layout SignalTable::LayoutOf(const Vehicle& vehicle) const {
  const Car car = CarOf(vehicle);
  v1::Layout layout;
  for (const SignalDesign& signal : kSignals) {
    v1::LayoutColumn& column = *layout.add_columns();
    v1::LayoutTarget& target = *column.add_targets();
    target.set_twin_id(signal.part == Part::kVehicle ? car.vehicle
                       : signal.part == Part::kPack  ? car.pack
                       : signal.part == Part::kBms   ? car.bms
                                                     : absl::StrCat(vehicle.id, "-thermal"));
    target.set_path(signal.path);
    const bool turned = discharging_positive_ && signal.field == &Reading::current;
    Describe(signal.encoding, turned ? -signal.scale : signal.scale, signal.offset, &column);
  }
  v1::LayoutColumn& cells = *layout.add_columns();
  cells = ColumnOf(car, TargetTwin::kCell, "voltage", cells_);
  Describe(v1::UINT16, kCellScale, 0, &cells);
  v1::LayoutColumn& probes = *layout.add_columns();
  probes = ColumnOf(car, TargetTwin::kProbe, "temperature", probes_);
  Describe(v1::UINT8, 1, kProbeOffset, &probes);
  layout.set_id(LayoutIdOf(absl::StrCat(vehicle.id, "-fleet"), layout));
  return layout;
}

void SignalTable::Quantise(const Reading& reading, std::vector<int64_t>* raws) const {
  raws->clear();
  const auto add = [raws](v1::Encoding encoding, double steps) {
    const int64_t raw = std::isfinite(steps) ? std::llround(steps) : INT64_MIN;
    raws->push_back(HoldsValue(encoding, raw) ? raw : InvalidCode(encoding));
  };
  for (const SignalDesign& signal : kSignals) {
    double value = (reading.*signal.field - signal.offset) / signal.scale;
    if (signal.field == &Reading::current && discharging_positive_) value = -value;
    // Whole percents.
    if (signal.field == &Reading::soc && coarse_charge_) value = 10 * std::round(value / 10);
    add(signal.encoding, value);
  }
  for (const double volts : reading.cell_volts) add(v1::UINT16, volts / kCellScale);
  for (const double celsius : reading.probe_celsius) add(v1::UINT8, celsius - kProbeOffset);
}

}  // namespace twin::twinsim
