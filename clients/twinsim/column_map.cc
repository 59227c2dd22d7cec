#include "clients/twinsim/column_map.h"

// Errors are reported, not thrown.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <initializer_list>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace twin::twinsim {
namespace {

using tabular::Decimal;

constexpr char kDefaultMap[] =
#include "field_ev_map.inc"
    ;

constexpr char kPattern[] = "{i}";
constexpr int kModulesMax = 1000;

struct Unit {
  const char* name;
  Decimal scale;  // into the ontology's unit
  Decimal offset = {};
};
constexpr Unit kUnits[] = {{"V", {1, 0}},
                           {"mV", {1, 3}},
                           {"A", {1, 0}},
                           {"mA", {1, 3}},
                           {"kW", {1, 0}},
                           {"W", {1, 3}},
                           {"kWh", {1, 0}},
                           {"Wh", {1, 3}},
                           {"%", {1, 0}},
                           {"degC", {1, 0}},
                           {"K", {1, 0}, {-27315, 2}},
                           {"km", {1, 0}},
                           {"m", {1, 3}},
                           {"km/h", {1, 0}},
                           {"m/s", {36, 1}},
                           {"kohm", {1, 0}},
                           {"ohm", {1, 3}},
                           {"Mohm", {1000, 0}}};

constexpr struct {
  const char* name;
  TargetTwin twin;
} kTwins[] = {{"vehicle", TargetTwin::kVehicle},
              {"pack", TargetTwin::kPack},
              {"bms", TargetTwin::kBms},
              {"cell", TargetTwin::kCell},
              {"probe", TargetTwin::kProbe}};

template <typename Entries>
std::string Names(const Entries& entries) {
  return absl::StrJoin(entries, ", ",
                       [](std::string* out, const auto& entry) { out->append(entry.name); });
}

// Reads a map; the first thing that is wrong stays.
class Reader {
 public:
  explicit Reader(absl::string_view name) : name_(name) {}

  absl::StatusOr<ColumnMap> Read(const toml::table& root) {
    Known(root, {"ignore", "time", "vehicle", "column"});
    ColumnMap map;
    ReadTime(root, &map);
    if (const toml::table* const vehicle = Table(root, "vehicle", /*required=*/false)) {
      Known(*vehicle, {"modules"});
      const int64_t modules = vehicle->get("modules") == nullptr
                                  ? 1
                                  : vehicle->get("modules")->value<int64_t>().value_or(0);
      if (modules < 1 || modules > kModulesMax) {
        Complain(*vehicle, absl::StrCat("'modules' is an integer from 1 to ", kModulesMax));
      }
      map.modules = static_cast<int>(modules);
    }
    if (const toml::node* const ignore = root.get("ignore")) {
      if (!ignore->is_array()) Complain(*ignore, "'ignore' is an array of columns");
      if (const toml::array* const names = ignore->as_array()) {
        for (const toml::node& name : *names) map.ignore.push_back(name.value_or(std::string()));
      }
    }
    const toml::node* const columns = root.get("column");
    if (columns == nullptr || !columns->is_array_of_tables()) {
      Complain(root, "there is no [[column]]");
    } else {
      for (const toml::node& column : *columns->as_array()) {
        map.columns.push_back(ReadColumn(*column.as_table()));
      }
    }
    if (!status_.ok()) return status_;
    return map;
  }

  void Complain(const toml::node& at, absl::string_view what) {
    ComplainAt(at.source().begin, what);
  }
  void ComplainAt(const toml::source_position& at, absl::string_view what) {
    if (status_.ok()) {
      status_ =
          absl::InvalidArgumentError(absl::StrCat(name_, ":", at.line, ":", at.column, ": ", what));
    }
  }
  const absl::Status& status() const { return status_; }

 private:
  void ReadTime(const toml::table& root, ColumnMap* map) {
    const toml::table* const time = Table(root, "time", /*required=*/true);
    if (time == nullptr) return;
    Known(*time, {"column", "format", "zone"});
    map->time_column = Text(*time, "column", /*required=*/true);
    map->time_format = Text(*time, "format", /*required=*/true);
    const std::string zone = Text(*time, "zone", /*required=*/false);
    if (zone.empty() || zone == "UTC") return;
    absl::Time offset;
    if (absl::ParseTime("%Y%Ez", absl::StrCat("1970", zone), &offset, nullptr)) {
      const auto seconds = absl::ToInt64Seconds(absl::UnixEpoch() - offset);
      map->zone = absl::FixedTimeZone(static_cast<int>(seconds));
    } else if (!absl::LoadTimeZone(zone, &map->zone)) {
      Complain(*time, absl::StrCat("'", zone,
                                   "' is no time zone that this machine knows; write "
                                   "its offset, such as +08:00"));
    }
  }

  MappedColumn ReadColumn(const toml::table& table) {
    Known(table, {"source", "twin", "path", "scale", "offset", "sign", "unit", "invalid"});
    MappedColumn column;
    column.source = Text(table, "source", /*required=*/true);
    column.path = Text(table, "path", /*required=*/true);
    const std::string twin = Text(table, "twin", /*required=*/true);
    bool known = false;
    for (const auto& entry : kTwins) {
      if (twin != entry.name) continue;
      known = true;
      column.twin = entry.twin;
    }
    if (!known) Complain(table, absl::StrCat("'twin' is one of ", Names(kTwins)));
    const bool many = column.twin == TargetTwin::kCell || column.twin == TargetTwin::kProbe;
    if (many != absl::StrContains(column.source, kPattern)) {
      Complain(table, many ? "the source of cells and probes has {i} for their number"
                           : "{i} is for cells and probes");
    }
    ReadScale(table, &column);
    if (const toml::node* const invalid = table.get("invalid")) {
      const toml::array* const codes = invalid->as_array();
      if (codes == nullptr) Complain(*invalid, "'invalid' is an array of numbers");
      for (size_t i = 0; codes != nullptr && i < codes->size(); ++i) {
        column.invalid.push_back(Number((*codes)[i]));
      }
    }
    return column;
  }

  // value = ((text × unit) × scale + offset), turned round by `sign`.
  void ReadScale(const toml::table& table, MappedColumn* column) {
    if (const toml::node* const scale = table.get("scale")) column->scale = Number(*scale);
    if (const toml::node* const offset = table.get("offset")) column->offset = Number(*offset);
    if (const std::string unit = Text(table, "unit", /*required=*/false); !unit.empty()) {
      const Unit* found = nullptr;
      for (const Unit& entry : kUnits) {
        if (unit == entry.name) found = &entry;
      }
      if (found == nullptr) {
        Complain(table, absl::StrCat("'unit' is one of ", Names(kUnits), "; else give 'scale'"));
        return;
      }
      const std::optional<Decimal> scale = tabular::Multiply(column->scale, found->scale);
      const std::optional<Decimal> offset = tabular::Add(column->offset, found->offset);
      if (!scale || !offset) Complain(table, "'scale' has too many digits");
      column->scale = scale.value_or(Decimal());
      column->offset = offset.value_or(Decimal());
    }
    if (const toml::node* const sign = table.get("sign")) {
      const int64_t value = sign->value<int64_t>().value_or(0);
      if (value != 1 && value != -1) Complain(*sign, "'sign' is 1 or -1");
      column->scale.mantissa *= value;
      column->offset.mantissa *= value;
    }
    if (column->scale.mantissa == 0) Complain(table, "'scale' is 0");
  }

  const toml::table* Table(const toml::table& root, absl::string_view key, bool required) {
    const toml::node* const node = root.get(std::string(key));
    if (node == nullptr && !required) return nullptr;
    if (node == nullptr || !node->is_table()) {
      Complain(node == nullptr ? root : *node, absl::StrCat("there is no [", key, "]"));
      return nullptr;
    }
    return node->as_table();
  }

  std::string Text(const toml::table& table, absl::string_view key, bool required) {
    const toml::node* const node = table.get(std::string(key));
    if (node == nullptr && !required) return "";
    if (node == nullptr || !node->is_string() || node->value_or(std::string()).empty()) {
      Complain(node == nullptr ? table : *node, absl::StrCat("'", key, "' is missing, or no text"));
      return "";
    }
    return node->value_or(std::string());
  }

  Decimal Number(const toml::node& node) {
    const std::optional<double> number = node.value<double>();
    const std::optional<Decimal> decimal =
        number.has_value() ? tabular::DecimalOf(*number) : std::nullopt;
    if (!decimal.has_value()) Complain(node, "it is no number of at most 18 digits");
    return tabular::Shortened(decimal.value_or(Decimal()));
  }

  void Known(const toml::table& table, std::initializer_list<absl::string_view> keys) {
    for (const auto& [key, value] : table) {
      const std::string name(key.str());
      bool known = false;
      for (const absl::string_view entry : keys) known = known || entry == name;
      if (!known) {
        Complain(value,
                 absl::StrCat("unknown key '", name, "'; there are ", absl::StrJoin(keys, ", ")));
      }
    }
  }

  const absl::string_view name_;
  absl::Status status_;
};

}  // namespace

absl::string_view DefaultMapText() { return kDefaultMap; }

absl::StatusOr<ColumnMap> ParseColumnMap(absl::string_view text, absl::string_view name) {
  Reader reader(name);
  const toml::parse_result result = toml::parse(std::string(text), std::string(name));
  if (!result) {
    const std::string what(result.error().description());
    reader.ComplainAt(result.error().source().begin, what);
    return reader.status();
  }
  return reader.Read(result.table());
}

absl::StatusOr<int64_t> ParseRecordedTime(absl::string_view text, const ColumnMap& map) {
  if (map.time_format == "unix" || map.time_format == "unix_ms") {
    const std::optional<tabular::Decimal> decimal = tabular::ParseDecimal(text);
    if (decimal.has_value()) {
      const std::optional<int64_t> nanos =
          tabular::MantissaAt(*decimal, map.time_format == "unix" ? 9 : 6);
      if (nanos.has_value()) return *nanos;
    }
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no number of seconds"));
  }
  if (map.time_format == "iso8601") return tabular::ParseTime(text);
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(map.time_format, text, map.zone, &time, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no time in the form ", map.time_format, ": ", error));
  }
  return absl::ToUnixNanos(time);
}

}  // namespace twin::twinsim
