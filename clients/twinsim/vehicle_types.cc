#include "clients/twinsim/vehicle_types.h"

namespace twin::twinsim {
namespace {

// 400 V, 96 cells in 12 modules of 8.
constexpr PackDesign kLumenPack = {.manufacturer = "Nordvik Battery AS",
                                   .place = "Arendal",
                                   .serial_code = "NVB",
                                   .modules = 12,
                                   .cells_per_group = 8,
                                   .probes_per_group = 2,
                                   .parallel = 2,
                                   .chemistry = "NMC",
                                   .form_factor = "pouch",
                                   .cell_model = "P65-NMC622",
                                   .cell_producer = "Haneul Cells",
                                   .cell_plant = "Ochang 2",
                                   .cell_capacity_ah = 130,
                                   .cell_resistance_milliohm = 0.78,
                                   .cell_voltage_nominal = 3.65,
                                   .cell_voltage_min = 2.8,
                                   .cell_voltage_max = 4.2,
                                   .mass_kg = 331,
                                   .power_kw_max = 110,
                                   .cycles_expected = 1500};

constexpr PackDesign WithLargerCells(PackDesign pack) {
  pack.cell_model = "P78-NMC811";
  pack.cell_capacity_ah = 156;
  pack.cell_resistance_milliohm = 0.69;
  pack.mass_kg = 368;
  pack.power_kw_max = 150;
  return pack;
}

// 400 V, 108 cells of iron phosphate without modules.
constexpr PackDesign kBreezePack = {.manufacturer = "Kaiyuan Energy",
                                    .place = "Ningde",
                                    .serial_code = "KYE",
                                    .modules = 0,
                                    .cells_per_group = 108,
                                    .probes_per_group = 18,
                                    .parallel = 1,
                                    .chemistry = "LFP",
                                    .form_factor = "prismatic",
                                    .cell_model = "B150-LFP",
                                    .cell_producer = "Kaiyuan Energy",
                                    .cell_plant = "Ningde 4",
                                    .cell_capacity_ah = 150,
                                    .cell_resistance_milliohm = 0.45,
                                    .cell_voltage_nominal = 3.2,
                                    .cell_voltage_min = 2.5,
                                    .cell_voltage_max = 3.65,
                                    .mass_kg = 384,
                                    .power_kw_max = 120,
                                    .cycles_expected = 3500};

// 400 V, 108 cells in 9 modules of 12.
constexpr PackDesign kRangerPack = {.manufacturer = "Calder Motors",
                                    .place = "Sunderland",
                                    .serial_code = "CLD",
                                    .modules = 9,
                                    .cells_per_group = 12,
                                    .probes_per_group = 3,
                                    .parallel = 3,
                                    .chemistry = "NMC",
                                    .form_factor = "prismatic",
                                    .cell_model = "H52-NMC622",
                                    .cell_producer = "Lusatia Cell GmbH",
                                    .cell_plant = "Guben 1",
                                    .cell_capacity_ah = 156,
                                    .cell_resistance_milliohm = 0.52,
                                    .cell_voltage_nominal = 3.67,
                                    .cell_voltage_min = 2.8,
                                    .cell_voltage_max = 4.25,
                                    .mass_kg = 437,
                                    .power_kw_max = 170,
                                    .cycles_expected = 1600};

// 800 V, 192 cells in 16 modules of 12.
constexpr PackDesign kGranTurismoPack = {.manufacturer = "Aventa Energie GmbH",
                                         .place = "Zuffenried",
                                         .serial_code = "AVE",
                                         .modules = 16,
                                         .cells_per_group = 12,
                                         .probes_per_group = 2,
                                         .parallel = 2,
                                         .chemistry = "NMC",
                                         .form_factor = "pouch",
                                         .cell_model = "P64-NMC811",
                                         .cell_producer = "Haneul Cells",
                                         .cell_plant = "Wroclaw 1",
                                         .cell_capacity_ah = 128,
                                         .cell_resistance_milliohm = 0.71,
                                         .cell_voltage_nominal = 3.67,
                                         .cell_voltage_min = 2.8,
                                         .cell_voltage_max = 4.2,
                                         .mass_kg = 612,
                                         .power_kw_max = 390,
                                         .cycles_expected = 1500};

constexpr VehicleType kTypes[] = {
    {.weight = 25,
     .brand = "Nordvik",
     .model = "Lumen",
     .wmi = "YZ9",
     .vin_code = "LM45E",
     .protocol = "vss",
     .consumption_kwh_per_km = 0.158,
     .pack = kLumenPack},
    {.weight = 20,
     .brand = "Nordvik",
     .model = "Lumen Long Range",
     .wmi = "YZ9",
     .vin_code = "LM55E",
     .protocol = "vss",
     .consumption_kwh_per_km = 0.163,
     .pack = WithLargerCells(kLumenPack)},
    {.weight = 25,
     .brand = "Kaiyuan",
     .model = "Breeze",
     .wmi = "LZ0",
     .vin_code = "BR52C",
     .protocol = "gbt32960_2025",
     .consumption_kwh_per_km = 0.144,
     .pack = kBreezePack},
    {.weight = 20,
     .brand = "Calder",
     .model = "Ranger",
     .wmi = "SZ8",
     .vin_code = "RG62S",
     .protocol = "gbt32960_2016",
     .consumption_kwh_per_km = 0.187,
     .pack = kRangerPack},
    {.weight = 10,
     .brand = "Aventa",
     .model = "GT",
     .wmi = "WZ7",
     .vin_code = "GT90L",
     .protocol = "vss",
     .consumption_kwh_per_km = 0.208,
     .pack = kGranTurismoPack},
};

}  // namespace

absl::Span<const VehicleType> VehicleTypes() { return kTypes; }

}  // namespace twin::twinsim
