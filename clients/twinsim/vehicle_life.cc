#include "clients/twinsim/vehicle_life.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace twin::twinsim {
namespace {

constexpr int64_t kStepSecondsMax = 10;   // while something flows
constexpr int64_t kRestSecondsMax = 600;  // while nothing does
constexpr double kJoulePerKwh = 3.6e6;

// Of a car: rolling, air, mass besides the pack.
constexpr double kBodyKg = 1350;
constexpr double kRolling = 0.0105;
constexpr double kGravity = 9.81;
constexpr double kHalfAirDensityArea = 0.5 * 1.2 * 0.64;
constexpr double kDriveEfficiency = 0.89;
constexpr double kBrakeRecovery = 0.68;
constexpr double kBrakePowerShare = 0.5;  // of the pack's power, at most
constexpr double kAuxiliaryWatt = 450;
constexpr double kClimateWattPerKelvin = 55;  // away from 21 °C
constexpr double kAcceleration = 1.1;         // m/s²
constexpr double kBraking = 1.4;
constexpr double kKmResumed = 8, kKmhResumed = 26;
constexpr double kSocEmpty = 7;  // percent: a trip ends here, at a charger

constexpr double kCoolAbove = 33, kCoolBelow = 28, kCoolant = 20;
constexpr double kHeatBelow = 4, kHeatAbove = 10, kHeated = 30;

constexpr int64_t kThermalWarning = 40;   // at 1 Hz before the alarm, sent after it
constexpr int64_t kThermalSeconds = 120;  // at 1 Hz, until nothing is left to report
constexpr int64_t kTripLateMax = 6 * 3600;
constexpr size_t kWaitingMax = 60'480;  // seven days at 10 s, as the standard asks of a unit

double Relative(int64_t seconds, int64_t whole) {
  return std::clamp(static_cast<double>(seconds) / static_cast<double>(whole), 0.0, 1.0);
}

}  // namespace

absl::string_view StateName(LifeMode mode) {
  switch (mode) {
    case LifeMode::kDriving:
      return "driving";
    case LifeMode::kCharging:
      return "charging";
    default:
      return "off";
  }
}

VehicleLife::VehicleLife(const Vehicle& vehicle, const LifeOptions& options, int64_t begin)
    : vehicle_(vehicle),
      options_(options),
      usage_(vehicle, options.seed),
      connectivity_(vehicle.number, options.seed),
      begin_(begin),
      phase_(static_cast<int64_t>(Mix(static_cast<uint64_t>(vehicle.number)) %
                                  static_cast<uint64_t>(options.rate))),
      // A BMS counts; between the ends of the range it is off by a point or two.
      soc_bias_(-1.2 +
                1.5 * Random(options.seed ^ 0xB1A5, static_cast<uint64_t>(vehicle.number)).Bell()),
      pack_(vehicle, options.seed),
      ageing_(vehicle),
      now_(begin),
      next_day_(usage_.LocalDay(begin)),
      random_(options.seed, static_cast<uint64_t>(vehicle.number)),
      odometer_km_(vehicle.odometer_km),
      cycles_(vehicle.cycles),
      noise_(Mix(options.seed ^ static_cast<uint64_t>(vehicle.number))) {
  const PackDesign& pack = vehicle.type->pack;
  const double energy_kwh = pack.cells() * pack.cell_voltage_nominal * pack.cell_capacity_ah / 1000;
  consumed_kwh_ = cycles_ * energy_kwh;
  charged_kwh_ = consumed_kwh_ / 0.93;
  consumed_ah_ = cycles_ * pack.cell_capacity_ah;
  charged_ah_ = consumed_ah_ * 1.004;
  if (!options_.faults.empty()) {
    const Fault& fault = options_.faults.front();
    fault_cell_ = fault.cell > 0
                      ? std::min(fault.cell, pack.cells()) - 1
                      : static_cast<int>(Mix(noise_) % static_cast<uint64_t>(pack.cells()));
  }
  const double years = (static_cast<double>(begin) / kSecondsPerDay -
                        static_cast<double>(vehicle.cells_made.time_since_epoch().count())) /
                       365.25;
  ageing_.Set(std::max(years, 0.0), cycles_);
  UpdateAge();
  pack_.SetTemperature(usage_.AmbientAt(begin));
  pack_.SetCharge(vehicle.soc_percent / 100);
}

void VehicleLife::Resume(const StoredLife& stored) {
  odometer_km_ = stored.odometer_km;
  cycles_ = stored.cycles;
  charged_kwh_ = stored.charged_kwh;
  consumed_kwh_ = stored.consumed_kwh;
  charged_ah_ = stored.charged_ah;
  consumed_ah_ = stored.consumed_ah;
  now_ = stored.time;
  next_day_ = usage_.LocalDay(now_);
  trips_.clear();
  const double years = (static_cast<double>(now_) / kSecondsPerDay -
                        static_cast<double>(vehicle_.cells_made.time_since_epoch().count())) /
                       365.25;
  ageing_.Set(std::max(years, 0.0), cycles_);
  aged_at_fade_ = -1;
  UpdateAge();
  pack_.SetTemperature(stored.celsius);
  // The BMS is off by a point or two, so the true charge is found by what it would show.
  double low = 0, high = 1;
  for (int i = 0; i < 40; ++i) {
    pack_.SetCharge((low + high) / 2);
    (soc_shown() < stored.soc_percent ? low : high) = (low + high) / 2;
  }
  ResumeCells(stored);
  mode_ = stored.mode == LifeMode::kBroken ? LifeMode::kOff : stored.mode;
  if (mode_ == LifeMode::kCharging) charge_ = usage_.ChargeAt(charge_number_++);
  if (mode_ != LifeMode::kDriving) return;
  // How much of its trip is left nobody knows: some.
  trip_ = {.start = now_, .km = kKmResumed, .kmh_mean = kKmhResumed};
  trip_km_left_ = trip_.km;
  random_ = Random(options_.seed ^ Mix(static_cast<uint64_t>(vehicle_.number)),
                   static_cast<uint64_t>(now_));
}

// What tells one cell from the others; what all have in common is the current's doing.
void VehicleLife::ResumeCells(const StoredLife& stored) {
  if (stored.cell_volts.size() != static_cast<size_t>(pack_.cells())) return;
  constexpr double kSlopeMin = 0.25;  // V: a millivolt is 0.4 points
  constexpr double kShiftMin = 0.01;
  std::vector<double> shifts(stored.cell_volts.size(), 0);
  for (int i = 0; i < pack_.cells(); ++i) {
    const auto at = static_cast<size_t>(i);
    const double rest = stored.cell_volts[at] - stored.current_a * 1.6 * pack_.resistance_ohm(i);
    const double charge = pack_.curves().ChargeAt(rest);
    if (std::isnan(rest) || rest < vehicle_.type->pack.cell_voltage_min) continue;
    if (pack_.curves().Slope(charge) < kSlopeMin) continue;
    shifts[at] = charge - pack_.charges()[at];
  }
  std::vector<double> sorted = shifts;
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  for (int i = 0; i < pack_.cells(); ++i) {
    const double by = shifts[static_cast<size_t>(i)] - *middle;
    if (std::abs(by) > kShiftMin) pack_.ShiftCharge(i, by);
  }
}

double VehicleLife::soc_shown() const {
  const double soc = pack_.soc();
  const double off = std::pow(2 * soc - 1, 4);  // full and empty are seen for what they are
  return std::clamp(100 * soc + soc_bias_ * std::max(1 - off, 0.0), 0.0, 100.0);
}

void VehicleLife::Advance(int64_t to, LifeSink* sink) {
  // How it is called must not show in what is reported, so no step is cut.
  for (int64_t end = NextStep(); end <= to && mode_ != LifeMode::kBroken; end = NextStep()) {
    switch (mode_) {
      case LifeMode::kDriving:
        Drive(end, sink);
        break;
      case LifeMode::kCharging:
        ChargeOn(end, sink);
        break;
      default:
        Rest(end, sink);
    }
  }
  if (mode_ == LifeMode::kBroken) now_ = to;
}

int64_t VehicleLife::NextStep() {
  if (thermal_at_ >= 0) return now_ + 1;
  if (mode_ == LifeMode::kOff) {
    const int64_t due = std::max(NextTrip().start, now_ + 1);
    return std::min(due, (now_ / kRestSecondsMax + 1) * kRestSecondsMax);
  }
  const int64_t rate = options_.rate;
  const int64_t next_reading = ((now_ - phase_) / rate + 1) * rate + phase_;
  return std::min(next_reading, now_ + kStepSecondsMax);
}

const Trip& VehicleLife::NextTrip() {
  while (true) {
    while (!trips_.empty() && trips_.front().start < now_ - kTripLateMax) trips_.pop_front();
    if (!trips_.empty()) return trips_.front();
    for (const Trip& trip : usage_.TripsOf(next_day_)) {
      if (trip.start >= now_) trips_.push_back(trip);
    }
    ++next_day_;
  }
}

void VehicleLife::Rest(int64_t end, LifeSink* sink) {
  current_a_ = 0;
  around_ = {.ambient_celsius = usage_.AmbientAt(now_), .coolant_celsius = 20};
  StepPack(0, end - now_, sink);
  if (mode_ != LifeMode::kOff) return;
  if (now_ >= NextTrip().start) BeginTrip(sink);
}

void VehicleLife::BeginTrip(LifeSink* sink) {
  trip_ = trips_.front();
  trips_.pop_front();
  // Of its own, so that a vehicle whose life is taken up again drives as it would have.
  random_ = Random(options_.seed ^ Mix(static_cast<uint64_t>(vehicle_.number)),
                   static_cast<uint64_t>(trip_.start));
  trip_km_left_ = trip_.km;
  speed_ = speed_wanted_ = 0;
  speed_until_ = now_;
  UpdateAge();
  SetMode(LifeMode::kDriving, sink);
  Report(sink);
}

void VehicleLife::EndTrip(LifeSink* sink) {
  speed_ = 0;
  charge_ = usage_.ChargeAt(charge_number_);
  if (soc_shown() < std::max(charge_.below_percent, kSocEmpty + 3)) {
    ++charge_number_;
    SetMode(LifeMode::kCharging, sink);
  } else {
    SetMode(LifeMode::kOff, sink);
  }
  current_a_ = 0;
  Report(sink);
}

void VehicleLife::SetMode(LifeMode mode, LifeSink* sink) {
  mode_ = mode;
  if (sink != nullptr) sink->OnMode(now_, mode);
}

// Mean power at the wheels and for everything else, positive when it is drawn, in watt.
double VehicleLife::DrivePower(double seconds) {
  if (now_ >= speed_until_) {
    const double mean = trip_.kmh_mean / 3.6;
    speed_wanted_ = random_.Real(0, 1) < 0.2 ? 0 : mean * random_.Real(0.5, 2.0);
    speed_until_ = now_ + random_.Integer(30, 110);
  }
  const double change =
      std::clamp(speed_wanted_ - speed_, -kBraking * seconds, kAcceleration * seconds);
  const double before = speed_;
  speed_ += change;
  const double mean = (before + speed_) / 2;
  const double km = mean * seconds / 1000;
  trip_km_left_ -= km;
  odometer_km_ += km;
  const double mass = kBodyKg + vehicle_.type->pack.mass_kg;
  const double force = mass * change / seconds + (mean > 0.1 ? mass * kGravity * kRolling : 0) +
                       kHalfAirDensityArea * mean * mean;
  const double wheels = force * mean;
  const double drive = wheels > 0
                           ? wheels / kDriveEfficiency
                           : std::max(wheels * kBrakeRecovery,
                                      -kBrakePowerShare * 1000 * vehicle_.type->pack.power_kw_max);
  return drive + kAuxiliaryWatt + kClimateWattPerKelvin * std::abs(around_.ambient_celsius - 21);
}

void VehicleLife::Drive(int64_t end, LifeSink* sink) {
  UpdateSurroundings();
  const double power = DrivePower(static_cast<double>(end - now_));
  const PackDesign& design = vehicle_.type->pack;
  const double wanted = -power / std::max(pack_.voltage(), 1.0);
  // A full pack takes nothing back.
  const double limited = soc_shown() > 99 ? std::min(wanted, 0.0) : wanted;
  StepPack(pack_.CurrentWithin(limited, design.cell_voltage_min, design.cell_voltage_max),
           end - now_, sink);
  if (mode_ == LifeMode::kDriving && (trip_km_left_ <= 0 || soc_shown() < kSocEmpty)) EndTrip(sink);
}

double VehicleLife::ChargeCurrent() const {
  const PackDesign& design = vehicle_.type->pack;
  const double soc = pack_.soc();
  // What cells take: less when they are nearly full, and when they are cold.
  double c_rate = std::max(soc < 0.5 ? 1.3 : 1.3 - 2.1 * (soc - 0.5), 0.18);
  c_rate *= std::clamp((pack_.celsius_mean() + 10) / 25, 0.15, 1.0);
  const double wanted =
      std::min(charge_.power_kw_max * 1000 / pack_.voltage(), c_rate * design.cell_capacity_ah);
  return pack_.CurrentWithin(wanted, design.cell_voltage_min, design.cell_voltage_max);
}

void VehicleLife::ChargeOn(int64_t end, LifeSink* sink) {
  UpdateSurroundings();
  around_.balancing = pack_.soc() > 0.8;
  const double current = ChargeCurrent();
  StepPack(current, end - now_, sink);
  if (mode_ != LifeMode::kCharging) return;
  const bool is_full = current < vehicle_.type->pack.cell_capacity_ah / 40;
  const bool is_called = NextTrip().start <= now_ && soc_shown() > 95;
  if (soc_shown() < charge_.to_percent && !is_full && !is_called) return;
  around_.balancing = false;
  current_a_ = 0;
  SetMode(LifeMode::kOff, sink);
  Report(sink);
}

void VehicleLife::UpdateSurroundings() {
  around_.ambient_celsius = usage_.AmbientAt(now_);
  const double hottest = *std::max_element(pack_.celsius().begin(), pack_.celsius().end());
  const double mean = pack_.celsius_mean();
  const bool is_heating = around_.cooling && around_.coolant_celsius == kHeated;
  if (hottest > kCoolAbove || (around_.cooling && !is_heating && hottest > kCoolBelow)) {
    around_.cooling = true;
    around_.coolant_celsius = kCoolant;
  } else if (mean < kHeatBelow || (is_heating && mean < kHeatAbove)) {
    around_.cooling = true;
    around_.coolant_celsius = kHeated;
  } else {
    around_.cooling = false;
  }
}

void VehicleLife::UpdateAge() {
  // A hundredth of a point changes nothing that a sensor sees.
  if (std::abs(ageing_.fade() - aged_at_fade_) < 1e-4) return;
  aged_at_fade_ = ageing_.fade();
  pack_.SetAge(ageing_.fade(), ageing_.resistance_growth());
}

void VehicleLife::UpdateFault() {
  if (options_.faults.empty()) return;
  const Fault& fault = options_.faults.front();
  const int64_t since = now_ - begin_ - fault.delay;
  if (since < 0) return;
  PackPhysics::Defect defect{.cell = fault_cell_};
  const PackDesign& design = vehicle_.type->pack;
  switch (fault.kind) {
    case FaultKind::kDrift:
      defect.capacity_factor = 0.88;
      defect.leak_a = 0.1;
      break;
    case FaultKind::kLoose:
      // Every few minutes it holds, or does not.
      if (Mix(static_cast<uint64_t>(now_ / 300)) % 10 < 4) {
        defect.extra_ohm = 0.0015 * 150 / design.cell_capacity_ah;
      }
      break;
    case FaultKind::kShort:
      defect.leak_a = std::min(0.5 * std::pow(2, static_cast<double>(since) / 10'800), 60.0);
      break;
    case FaultKind::kThermal:
      if (thermal_at_ < 0 && mode_ != LifeMode::kOff) thermal_at_ = now_ + kThermalWarning;
      if (thermal_at_ < 0 || now_ < thermal_at_) return;
      defect.voltage_factor = 1 - Relative(now_ - thermal_at_, 20);
      // 3 K/s of the probe's region.
      defect.heat_watt = 3 * design.mass_kg * 670 / design.probes();
      break;
    case FaultKind::kStuck:
      if (stuck_volts_ < 0) stuck_volts_ = pack_.volts()[static_cast<size_t>(fault_cell_)];
      return;
  }
  pack_.SetDefect(defect);
}

void VehicleLife::StepPack(double current_a, int64_t seconds, LifeSink* sink) {
  UpdateFault();
  const auto time = static_cast<double>(seconds);
  pack_.Step(current_a, time, around_);
  current_a_ = current_a;
  const double ah = std::abs(current_a) * time / 3600;
  const double kwh = std::abs(current_a) * pack_.voltage() * time / kJoulePerKwh;
  (current_a > 0 ? charged_ah_ : consumed_ah_) += ah;
  (current_a > 0 ? charged_kwh_ : consumed_kwh_) += kwh;
  if (current_a < 0) cycles_ += ah / vehicle_.type->pack.cell_capacity_ah;
  ageing_.Pass(time, pack_.celsius_mean(), pack_.soc(), ah);
  now_ += seconds;
  const bool is_due = mode_ != LifeMode::kOff && (now_ - phase_) % options_.rate == 0;
  if (is_due || thermal_at_ >= 0) Report(sink);
  if (thermal_at_ >= 0 && now_ >= thermal_at_ + kThermalSeconds) {
    SetMode(LifeMode::kBroken, sink);
  }
}

// Up to half a millivolt, both ways: a number between -1 and 1, another one each time.
double VehicleLife::Noise() {
  noise_ += 0x9E3779B97F4A7C15u;
  return static_cast<double>(Mix(noise_) >> 11) * 0x1p-52 - 1;
}

Reading VehicleLife::Read() {
  Reading reading;
  reading.time = now_;
  reading.speed = speed_ * 3.6;
  reading.odometer = odometer_km_;
  reading.ambient_temperature = around_.ambient_celsius;
  reading.current = current_a_;
  reading.soc = soc_shown();
  reading.cell_volts.assign(pack_.volts().begin(), pack_.volts().end());
  for (double& volts : reading.cell_volts) volts = std::max(volts + 0.0006 * Noise(), 0.0);
  reading.voltage = pack_.voltage();
  if (stuck_volts_ >= 0) reading.cell_volts[static_cast<size_t>(fault_cell_)] = stuck_volts_;
  reading.probe_celsius.assign(pack_.celsius().begin(), pack_.celsius().end());

  const auto [low, high] =
      std::minmax_element(reading.cell_volts.begin(), reading.cell_volts.end());
  reading.cell_voltage_min = *low;
  reading.cell_voltage_max = *high;
  reading.cell_min_index = static_cast<double>(low - reading.cell_volts.begin() + 1);
  reading.cell_max_index = static_cast<double>(high - reading.cell_volts.begin() + 1);
  const auto [cold, hot] =
      std::minmax_element(reading.probe_celsius.begin(), reading.probe_celsius.end());
  reading.temp_min = *cold;
  reading.temp_max = *hot;
  reading.temp_avg = pack_.celsius_mean();

  const PackDesign& design = vehicle_.type->pack;
  const double energy_kwh = design.cells() * design.cell_voltage_nominal * design.cell_capacity_ah /
                            1000 * (1 - ageing_.fade());
  reading.remaining_energy = energy_kwh * reading.soc / 100;
  reading.range = reading.remaining_energy / vehicle_.type->consumption_kwh_per_km;
  // The BMS's estimate, which is off by the same each day.
  reading.bms_soh = std::clamp(
      100 * (1 - ageing_.fade()) + vehicle_.bms_soh_percent - vehicle_.soh_percent, 0.0, 100.0);
  reading.cycles = cycles_;
  reading.charged_kwh = charged_kwh_;
  reading.consumed_kwh = consumed_kwh_;
  reading.charged_ah = charged_ah_;
  reading.consumed_ah = consumed_ah_;
  reading.balancing = around_.balancing ? 1 : 0;
  const bool is_event = thermal_at_ >= 0 && now_ >= thermal_at_;
  reading.insulation = is_event ? 45 : 22'000 + 4'000 * Noise();
  const double spread = reading.cell_voltage_max - reading.cell_voltage_min;
  reading.alarm_level = is_event                           ? 3
                        : reading.temp_max > 55            ? 2
                        : spread > 0.15 || reading.soc < 8 ? 1
                                                           : 0;
  reading.bms_temperature = reading.temp_avg + 3;
  reading.coolant_inlet = around_.cooling ? around_.coolant_celsius : reading.temp_avg;
  reading.coolant_outlet =
      around_.cooling ? reading.coolant_inlet + 0.2 * (reading.temp_avg - reading.coolant_inlet)
                      : reading.temp_avg;
  reading.compressor_kw = around_.cooling && around_.coolant_celsius < reading.temp_avg ? 1.4 : 0;
  return reading;
}

void VehicleLife::Report(LifeSink* sink) {
  if (sink == nullptr) return;
  // An alarm is heard: who asks for one wants to see it.
  const Link link = thermal_at_ >= 0 ? Link::kUp : connectivity_.At(now_);
  if (link == Link::kLost) return;
  // The seconds before an alarm are sent after it.
  const bool is_warning = thermal_at_ >= 0 && now_ < thermal_at_;
  if (link == Link::kWaits || is_warning) {
    if (waiting_.size() < kWaitingMax) waiting_.push_back(Read());
    return;
  }
  sink->OnReading(Read(), /*late=*/false);
  SendWaiting(sink);
}

void VehicleLife::SendWaiting(LifeSink* sink) {
  for (const Reading& reading : waiting_) sink->OnReading(reading, /*late=*/true);
  waiting_.clear();
}

}  // namespace twin::twinsim
