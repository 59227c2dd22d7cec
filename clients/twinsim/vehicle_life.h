// The life of one simulated vehicle: it drives, is charged and stands, its pack ages, its sensors
// are read, and what they show reaches the server now or later.
//
//         trip due                 trip done, charge low
//   off ───────────► driving ─────────────────────────► charging
//    ▲                  │ trip done                        │ full enough, or unplugged
//    └──────────────────┴──────────────────────────────────┘
#ifndef TWIN_CLIENTS_TWINSIM_VEHICLE_LIFE_H_
#define TWIN_CLIENTS_TWINSIM_VEHICLE_LIFE_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/strings/string_view.h"
#include "clients/twinsim/ageing.h"
#include "clients/twinsim/connectivity.h"
#include "clients/twinsim/faults.h"
#include "clients/twinsim/pack_physics.h"
#include "clients/twinsim/random.h"
#include "clients/twinsim/reading.h"
#include "clients/twinsim/usage.h"
#include "clients/twinsim/vehicle.h"

namespace twin::twinsim {

enum class LifeMode : uint8_t { kOff, kDriving, kCharging, kBroken };
// As the ontology's VehicleState spells it.
absl::string_view StateName(LifeMode mode);

// Hears what a vehicle sends.
class LifeSink {
 public:
  virtual ~LifeSink() = default;
  //   late: it waited in the vehicle while there was no connection
  virtual void OnReading(const Reading& reading, bool late) = 0;
  virtual void OnMode(int64_t time, LifeMode mode) = 0;
};

struct LifeOptions {
  uint64_t seed = 1;
  int64_t rate = 10;               // seconds between readings of a vehicle that is on
  std::vector<Fault> faults = {};  // of this vehicle
};

// What a vehicle's last readings on a server tell of its state.
struct StoredLife {
  int64_t time = 0;
  LifeMode mode = LifeMode::kOff;
  double odometer_km = 0, soc_percent = 0, current_a = 0, celsius = 20, cycles = 0;
  double charged_kwh = 0, consumed_kwh = 0, charged_ah = 0, consumed_ah = 0;
  std::vector<double> cell_volts = {};  // empty: not known
};

// Thread-compatible. The same vehicle, options and times give the same readings. Cost: a step of
// 100 cells is about 2 us; there is one for each reading, or each 10 s, and one for each 10 min
// off.
class VehicleLife {
 public:
  //   begin: where its life is taken up, as the vehicle describes itself
  VehicleLife(const Vehicle& vehicle, const LifeOptions& options, int64_t begin);

  // Takes its life up where a former simulation left it. Charges of cells come out of their
  // voltages, as exactly as a millivolt tells (for LFP, not at all on its plateau).
  void Resume(const StoredLife& stored);

  // Lives until then, in whole steps: now() is where the last one ended.
  void Advance(int64_t to, LifeSink* sink);
  // Sends what waits in the vehicle.
  void SendWaiting(LifeSink* sink);

  const Vehicle& vehicle() const { return vehicle_; }
  const PackPhysics& pack() const { return pack_; }
  const Ageing& ageing() const { return ageing_; }
  LifeMode mode() const { return mode_; }
  int64_t now() const { return now_; }
  double odometer_km() const { return odometer_km_; }
  double soc_shown() const;  // percent, by the BMS
  int64_t charges() const { return charge_number_; }

 private:
  void ResumeCells(const StoredLife& stored);
  // One step, up to a time.
  void Rest(int64_t end, LifeSink* sink);
  void Drive(int64_t end, LifeSink* sink);
  void ChargeOn(int64_t end, LifeSink* sink);
  void BeginTrip(LifeSink* sink);
  void EndTrip(LifeSink* sink);
  void SetMode(LifeMode mode, LifeSink* sink);
  const Trip& NextTrip();

  // Where the next step ends.
  int64_t NextStep();
  void StepPack(double current_a, int64_t seconds, LifeSink* sink);
  double DrivePower(double seconds);
  double ChargeCurrent() const;
  void UpdateSurroundings();
  void UpdateAge();
  void UpdateFault();

  Reading Read();
  void Report(LifeSink* sink);
  double Noise();

  const Vehicle vehicle_;
  const LifeOptions options_;
  const Usage usage_;
  const Connectivity connectivity_;
  const int64_t begin_;
  const int64_t phase_;
  const double soc_bias_;  // of the BMS, in points
  PackPhysics pack_;
  Ageing ageing_;

  int64_t now_;
  LifeMode mode_ = LifeMode::kOff;
  std::deque<Trip> trips_;
  int64_t next_day_;
  Random random_;  // of the trip
  Trip trip_;
  double trip_km_left_ = 0;
  double speed_ = 0, speed_wanted_ = 0;  // m/s
  int64_t speed_until_ = 0;
  int64_t charge_number_ = 0;
  Charge charge_;
  Surroundings around_;
  double current_a_ = 0;
  double aged_at_fade_ = -1;

  double odometer_km_ = 0, cycles_ = 0;
  double charged_kwh_ = 0, consumed_kwh_ = 0, charged_ah_ = 0, consumed_ah_ = 0;

  int fault_cell_ = -1;  // from 0
  int64_t thermal_at_ = -1;
  double stuck_volts_ = -1;
  uint64_t noise_ = 0;
  std::vector<Reading> waiting_;  // for a connection
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_VEHICLE_LIFE_H_
