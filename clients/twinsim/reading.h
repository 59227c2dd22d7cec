// What the sensors of a vehicle would show at one time, before a telematics unit cuts it to steps.
#ifndef TWIN_CLIENTS_TWINSIM_READING_H_
#define TWIN_CLIENTS_TWINSIM_READING_H_

#include <cstdint>
#include <vector>

namespace twin::twinsim {

// Units are the ontology's: V, A (charging positive), %, °C, km, kWh, Ah. NaN: no reading.
struct Reading {
  int64_t time = 0;  // seconds since 1970 UTC
  double speed = 0, odometer = 0, range = 0, ambient_temperature = 0;
  double voltage = 0, current = 0, soc = 0, remaining_energy = 0;
  double temp_min = 0, temp_max = 0, temp_avg = 0;
  double cell_voltage_min = 0, cell_voltage_max = 0, cell_min_index = 0, cell_max_index = 0;
  double insulation = 0;  // kOhm
  double bms_soh = 0, cycles = 0;
  double charged_kwh = 0, consumed_kwh = 0, charged_ah = 0, consumed_ah = 0;
  double balancing = 0, alarm_level = 0, bms_temperature = 0;
  double coolant_inlet = 0, coolant_outlet = 0, compressor_kw = 0;
  std::vector<double> cell_volts;
  std::vector<double> probe_celsius;
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_READING_H_
