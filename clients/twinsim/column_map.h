// Which column of a recording goes to which twin: a TOML file, see maps/field_ev.toml.
#ifndef TWIN_CLIENTS_TWINSIM_COLUMN_MAP_H_
#define TWIN_CLIENTS_TWINSIM_COLUMN_MAP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/tabular/values.h"

namespace twin::twinsim {

enum class TargetTwin : uint8_t { kVehicle, kPack, kBms, kCell, kProbe };

// value = text × scale + offset, in the ontology's unit.
struct MappedColumn {
  std::string source;  // of cells and probes with "{i}"
  TargetTwin twin = TargetTwin::kVehicle;
  std::string path;
  tabular::Decimal scale = {.mantissa = 1};  // with sign and unit
  tabular::Decimal offset = {};
  std::vector<tabular::Decimal> invalid = {};  // as the file has them: no value
};

struct ColumnMap {
  std::string time_column;
  std::string time_format;  // of absl::ParseTime; or "iso8601", "unix", "unix_ms"
  absl::TimeZone zone = absl::UTCTimeZone();
  int modules = 1;                  // of a vehicle that is made
  std::vector<std::string> ignore;  // columns that go nowhere
  std::vector<MappedColumn> columns;
};

// INVALID_ARGUMENT, with `name`, line and column of what is wrong.
absl::StatusOr<ColumnMap> ParseColumnMap(absl::string_view text, absl::string_view name);
// The map that is compiled in.
absl::string_view DefaultMapText();

// Nanoseconds since 1970. INVALID_ARGUMENT.
absl::StatusOr<int64_t> ParseRecordedTime(absl::string_view text, const ColumnMap& map);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_COLUMN_MAP_H_
