#include "clients/twinsim/fleet.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

constexpr absl::string_view kBatteryCell = "dtmi:twingraph:battery:BatteryCell;1";
constexpr absl::string_view kBatteryModule = "dtmi:twingraph:battery:BatteryModule;1";
constexpr absl::string_view kBatteryPack = "dtmi:twingraph:battery:BatteryPack;1";
constexpr absl::string_view kBms = "dtmi:twingraph:battery:Bms;1";
constexpr absl::string_view kFleet = "dtmi:twingraph:battery:Fleet;1";
constexpr absl::string_view kTemperatureProbe = "dtmi:twingraph:battery:TemperatureProbe;1";
constexpr absl::string_view kThermalSystem = "dtmi:twingraph:battery:ThermalSystem;1";
constexpr absl::string_view kVehicle = "dtmi:twingraph:battery:Vehicle;1";
constexpr absl::string_view kModels[] = {kBatteryCell, kBatteryModule,    kBatteryPack,   kBms,
                                         kFleet,       kTemperatureProbe, kThermalSystem, kVehicle};

constexpr double kChargingEfficiency = 0.93;  // energy given out as a share of that taken in

struct Depot {
  absl::string_view city;
  absl::string_view region;
  absl::string_view timezone;
};
constexpr Depot kDepots[] = {{"Berlin", "DE-BE", "Europe/Berlin"},
                             {"Oslo", "NO-03", "Europe/Oslo"},
                             {"Shanghai", "CN-SH", "Asia/Shanghai"},
                             {"Manchester", "GB-MAN", "Europe/London"},
                             {"Denver", "US-CO", "America/Denver"}};

int64_t FleetNumberOf(int64_t vehicle) { return (vehicle - 1) / kVehiclesPerFleet + 1; }
std::string FleetIdOf(int64_t vehicle) {
  return absl::StrFormat("fleet-%03d", FleetNumberOf(vehicle));
}

// Modules, cells and probes stand in groups: a module's, or the pack's own when it has no modules.
// All numbers count from 1 within their parent.
class PartIds {
 public:
  explicit PartIds(const Vehicle& vehicle)
      : pack_(absl::StrCat(vehicle.id, "-pack")),
        bms_(absl::StrCat(vehicle.id, "-bms")),
        thermal_(absl::StrCat(vehicle.id, "-thermal")),
        group_prefix_(vehicle.id),
        has_modules_(vehicle.type->pack.modules > 0) {
    if (has_modules_) absl::StrAppend(&group_prefix_, "-m00");
  }

  // Views live until the next call of the same function.
  absl::string_view pack() const { return pack_; }
  absl::string_view bms() const { return bms_; }
  absl::string_view thermal() const { return thermal_; }
  // Moves to a group; its parts are asked for by their number alone.
  void MoveTo(int group) {
    if (!has_modules_) return;
    group_prefix_[group_prefix_.size() - 2] = static_cast<char>('0' + group / 10);
    group_prefix_[group_prefix_.size() - 1] = static_cast<char>('0' + group % 10);
  }
  // The module, or the pack.
  absl::string_view group() const { return has_modules_ ? group_prefix_ : pack_; }
  absl::string_view Probe(int number) {
    probe_.assign(group_prefix_);
    if (has_modules_) {
      absl::StrAppend(&probe_, "-p", number);
    } else {
      absl::StrAppend(&probe_, "-p", absl::Dec(number, absl::kZeroPad2));
    }
    return probe_;
  }
  absl::string_view Cell(int number) {
    cell_.assign(group_prefix_);
    absl::StrAppend(&cell_, "-c",
                    absl::Dec(number, has_modules_ ? absl::kZeroPad2 : absl::kZeroPad3));
    return cell_;
  }

 private:
  const std::string pack_;
  const std::string bms_;
  const std::string thermal_;
  std::string group_prefix_;  // "veh-000042-m03", or "veh-000042" without modules
  const bool has_modules_;
  std::string probe_;
  std::string cell_;
};

// The probe nearest to a cell: a group's probes share its cells evenly.
int ProbeOf(int cell, const PackDesign& pack) {
  return (cell - 1) * pack.probes_per_group / pack.cells_per_group + 1;
}

// "NVBC20230504-000042-096": maker, kind of part, day, vehicle, part.
std::string SerialNumber(const Vehicle& vehicle, char kind, std::chrono::sys_days day) {
  return absl::StrFormat("%s%c%s-%06d", vehicle.type->pack.serial_code, kind, CompactDateText(day),
                         vehicle.number);
}

class TwinMaker {
 public:
  TwinMaker(const Vehicle& vehicle, TwinVisitor visit)
      : vehicle_(vehicle),
        type_(*vehicle.type),
        pack_(vehicle.type->pack),
        visit_(visit),
        ids_(vehicle),
        cells_made_(DateText(vehicle.cells_made)),
        module_serial_(SerialNumber(vehicle, 'M', vehicle.pack_made)),
        cell_serial_(SerialNumber(vehicle, 'C', vehicle.cells_made)) {}

  void MakeAll() {
    if ((vehicle_.number - 1) % kVehiclesPerFleet == 0) MakeFleet();
    MakeVehicleTwin();
    MakePack();
    MakeBms();
    MakeThermalSystem();
    for (int group = 1; group <= pack_.groups(); ++group) {
      ids_.MoveTo(group);
      if (pack_.modules > 0) MakeModule(group);
      for (int probe = 1; probe <= pack_.probes_per_group; ++probe) MakeProbe(group, probe);
      for (int cell = 1; cell <= pack_.cells_per_group; ++cell) MakeCell(group, cell);
    }
  }

 private:
  double RatedEnergyKwh() const {
    return pack_.cells() * pack_.cell_voltage_nominal * pack_.cell_capacity_ah / 1000;
  }

  void MakeFleet() {
    const int64_t number = FleetNumberOf(vehicle_.number);
    const Depot& depot = kDepots[DepotIndexOf(vehicle_.number)];
    const std::string name = absl::StrCat(depot.city, " ", number);
    const std::string company = absl::StrCat("Example Mobility ", depot.city);
    const Property properties[] = {{"name", name},
                                   {"operator", company},
                                   {"region", depot.region},
                                   {"timezone", depot.timezone}};
    visit_({.id = FleetIdOf(vehicle_.number), .model = kFleet, .properties = properties});
  }

  void MakeVehicleTwin() {
    const double range_km = RatedEnergyKwh() * vehicle_.soh_percent / 100 * vehicle_.soc_percent /
                            100 / type_.consumption_kwh_per_km;
    const Property properties[] = {
        {"vin", vehicle_.vin},
        {"wmi", type_.wmi},
        {"brand", type_.brand},
        {"model", type_.model},
        {"modelYear", vehicle_.model_year},
        {"powertrainType", "BEV"},
        {"deviceId", vehicle_.device_id},
        {"telematicsProtocol", type_.protocol},
        {"odometer", vehicle_.odometer_km},
        {"state", "off"},
        {"highestAlarmLevel", 0},
        {"range", Round(range_km, 0)},
        {"chargeLimit", static_cast<double>(vehicle_.charge_limit_percent)}};
    visit_({.id = vehicle_.id, .model = kVehicle, .properties = properties});
  }

  void MakePack() {
    const std::string serial = SerialNumber(vehicle_, 'P', vehicle_.pack_made);
    const std::string pack_id = absl::StrCat("urn:example:battery:", serial);
    const std::string passport = absl::StrCat("https://passport.example.com/", serial);
    const std::string made = DateText(vehicle_.pack_made);
    const std::string in_service = DateText(vehicle_.in_service);
    const double energy_kwh = RatedEnergyKwh();
    const double consumed_kwh = vehicle_.cycles * energy_kwh;
    const double consumed_ah = vehicle_.cycles * pack_.cell_capacity_ah;
    const Property idle_range[] = {{"lowest", -30.0}, {"highest", 60.0}};
    const Property end_of_life[] = {{"quantity", "capacity"}, {"threshold", 70.0}};
    const Property properties[] = {
        {"packId", pack_id},
        {"serialNumber", serial},
        {"passportId", passport},
        {"batteryCategory", "ev"},
        {"status", "original"},
        {"manufacturer", pack_.manufacturer},
        {"manufacturingDate", made},
        {"manufacturingPlace", pack_.place},
        {"intoServiceDate", in_service},
        {"warrantyPeriod", 8.0},
        {"chemistry", pack_.chemistry},
        {"cellFormFactor", pack_.form_factor},
        {"cellModel", pack_.cell_model},
        {"cellCount", pack_.cells() * pack_.parallel},
        {"seriesCount", pack_.cells()},
        {"parallelCount", pack_.parallel},
        {"moduleCount", pack_.modules},
        {"mass", pack_.mass_kg},
        {"ratedCapacity", pack_.cell_capacity_ah},
        {"ratedEnergy", Round(energy_kwh, 2)},
        {"nominalVoltage", Round(pack_.cells() * pack_.cell_voltage_nominal, 1)},
        {"minVoltage", Round(pack_.cells() * pack_.cell_voltage_min, 1)},
        {"maxVoltage", Round(pack_.cells() * pack_.cell_voltage_max, 1)},
        {"ratedMaximumPower", pack_.power_kw_max},
        {"initialInternalResistance", Round(PackResistanceMilliohm(), 2)},
        {"initialSelfDischarge", 2.0},
        {"expectedCycles", pack_.cycles_expected},
        {"expectedLifetime", 15.0},
        {"capacityThresholdForExhaustion", 70.0},
        {"roundtripEfficiency", 100 * kChargingEfficiency},
        {"cRate", 0.5},
        {"temperatureRangeIdle", idle_range},
        {"bmsSoh", vehicle_.bms_soh_percent},
        {"eolDefinition", end_of_life},
        {"fullEquivalentCycles", vehicle_.cycles},
        {"accumulatedChargedEnergy", Round(consumed_kwh / kChargingEfficiency, 1)},
        {"accumulatedConsumedEnergy", Round(consumed_kwh, 1)},
        {"accumulatedChargedThroughput", Round(consumed_ah * 1.004, 1)},
        {"accumulatedConsumedThroughput", Round(consumed_ah, 1)}};
    visit_({.id = ids_.pack(), .model = kBatteryPack, .properties = properties});
  }

  // Cells in series, and bus bars.
  double PackResistanceMilliohm() const {
    double sum = 0;
    for (const double resistance : vehicle_.cell_resistances_milliohm) sum += resistance;
    return sum * 1.1;
  }

  void MakeBms() {
    const std::string serial = SerialNumber(vehicle_, 'B', vehicle_.pack_made);
    const Property properties[] = {{"serialNumber", serial},
                                   {"hardwareVersion", vehicle_.bms_hardware},
                                   {"firmwareVersion", vehicle_.bms_firmware},
                                   {"cellChannels", pack_.cells()},
                                   {"probeChannels", pack_.probes()},
                                   {"balancingRequest", false}};
    visit_({.id = ids_.bms(), .model = kBms, .properties = properties});
  }

  void MakeThermalSystem() {
    const std::string serial = SerialNumber(vehicle_, 'T', vehicle_.pack_made);
    const Property properties[] = {{"serialNumber", serial},
                                   {"startCooling", false},
                                   {"startHeating", false},
                                   {"targetTemperature", 25.0}};
    visit_({.id = ids_.thermal(), .model = kThermalSystem, .properties = properties});
  }

  void MakeModule(int group) {
    text_.assign(module_serial_);
    absl::StrAppend(&text_, "-", absl::Dec(group, absl::kZeroPad2));
    const Property properties[] = {{"serialNumber", text_},
                                   {"cellCount", pack_.cells_per_group * pack_.parallel},
                                   {"seriesCount", pack_.cells_per_group},
                                   {"parallelCount", pack_.parallel}};
    visit_({.id = ids_.group(), .model = kBatteryModule, .properties = properties});
  }

  void MakeProbe(int group, int probe) {
    // In the middle of the cells that it is nearest to.
    const int before = (2 * probe - 1) * pack_.cells_per_group / (2 * pack_.probes_per_group);
    text_.clear();
    absl::StrAppend(&text_, "between cells ", before, " and ", before + 1);
    const Property properties[] = {{"probeIndex", (group - 1) * pack_.probes_per_group + probe},
                                   {"placement", text_}};
    visit_({.id = ids_.Probe(probe), .model = kTemperatureProbe, .properties = properties});
  }

  void MakeCell(int group, int cell) {
    const int series_index = (group - 1) * pack_.cells_per_group + cell;
    text_.assign(cell_serial_);
    absl::StrAppend(&text_, "-", absl::Dec(series_index, absl::kZeroPad3));
    const auto element = static_cast<size_t>(series_index - 1);
    const Property properties[] = {
        {"serialNumber", text_},
        {"seriesIndex", series_index},
        {"parallelCount", pack_.parallel},
        {"lot", vehicle_.cell_lot},
        {"producer", pack_.cell_producer},
        {"plant", pack_.cell_plant},
        {"manufacturingDate", cells_made_},
        {"chemistry", pack_.chemistry},
        {"nominalCapacity", pack_.cell_capacity_ah},
        {"initialResistance", vehicle_.cell_resistances_milliohm[element]},
        {"temperatureSource", "nearestProbe"}};
    visit_({.id = ids_.Cell(cell), .model = kBatteryCell, .properties = properties});
  }

  const Vehicle& vehicle_;
  const VehicleType& type_;
  const PackDesign& pack_;
  const TwinVisitor visit_;
  PartIds ids_;
  const std::string cells_made_;
  const std::string module_serial_;
  const std::string cell_serial_;
  std::string text_;  // of the twin in the making
};

class RelationshipMaker {
 public:
  RelationshipMaker(const Vehicle& vehicle, RelationshipVisitor visit)
      : vehicle_(vehicle),
        pack_(vehicle.type->pack),
        visit_(visit),
        ids_(vehicle),
        in_service_(DateTimeText(vehicle.in_service, vehicle.seconds_of_day)),
        pack_mounted_(DateTimeText(vehicle.built, vehicle.seconds_of_day)),
        parts_mounted_(DateTimeText(vehicle.pack_made, vehicle.seconds_of_day)) {}

  void MakeAll() {
    MakeContains();
    Mount("pack", vehicle_.id, ids_.pack(), "hasPack", 1, pack_mounted_);
    const Property mounted[] = {{"mountedAt", parts_mounted_}};
    visit_({"bms", ids_.pack(), ids_.bms(), "hasBms", mounted});
    visit_({"thermal", ids_.pack(), ids_.thermal(), "hasThermalSystem", mounted});
    for (int group = 1; group <= pack_.groups(); ++group) {
      ids_.MoveTo(group);
      if (pack_.modules > 0) {
        Mount(Numbered('m', group), ids_.pack(), ids_.group(), "hasModule", group, parts_mounted_);
      }
      for (int probe = 1; probe <= pack_.probes_per_group; ++probe) {
        Mount(Numbered('p', probe), ids_.group(), ids_.Probe(probe), "hasProbe", probe,
              parts_mounted_);
      }
      for (int cell = 1; cell <= pack_.cells_per_group; ++cell) MakeCell(cell);
    }
  }

 private:
  void MakeContains() {
    const Property properties[] = {{"since", in_service_}, {"role", vehicle_.role}};
    const std::string id = absl::StrCat("v", vehicle_.number);
    visit_({id, FleetIdOf(vehicle_.number), vehicle_.id, "contains", properties});
  }

  void MakeCell(int cell) {
    const absl::string_view id = ids_.Cell(cell);
    Mount(Numbered('c', cell), ids_.group(), id, "hasCell", cell, parts_mounted_);
    const Property properties[] = {{"since", parts_mounted_}};
    visit_({"probe", id, ids_.Probe(ProbeOf(cell, pack_)), "sensedBy", properties});
  }

  void Mount(absl::string_view id, absl::string_view source, absl::string_view target,
             absl::string_view name, int position, absl::string_view since) {
    const Property properties[] = {{"position", position}, {"mountedAt", since}};
    visit_({id, source, target, name, properties});
  }

  // "c7"; lives until the next call.
  absl::string_view Numbered(char kind, int number) {
    text_.assign(1, kind);
    absl::StrAppend(&text_, number);
    return text_;
  }

  const Vehicle& vehicle_;
  const PackDesign& pack_;
  const RelationshipVisitor visit_;
  PartIds ids_;
  const std::string in_service_;
  const std::string pack_mounted_;
  const std::string parts_mounted_;
  std::string text_;
};

}  // namespace

absl::Span<const absl::string_view> FleetModels() { return kModels; }

size_t DepotIndexOf(int64_t vehicle) {
  return static_cast<size_t>(FleetNumberOf(vehicle) - 1) % std::size(kDepots);
}

void Fleet::VisitTwins(int64_t number, TwinVisitor visit) const {
  const Vehicle vehicle = VehicleAt(number);
  TwinMaker(vehicle, visit).MakeAll();
}

void Fleet::VisitRelationships(int64_t number, RelationshipVisitor visit) const {
  const Vehicle vehicle = VehicleAt(number);
  RelationshipMaker(vehicle, visit).MakeAll();
}

}  // namespace twin::twinsim
