#include "server/ingest/layout.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/ingest/check_value.h"

namespace twin::ingest {

size_t BytesOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kDouble:
    case Encoding::kInt64:
      return 8;
    case Encoding::kFloat:
    case Encoding::kInt32:
      return 4;
    case Encoding::kInt16:
    case Encoding::kUint16:
      return 2;
    case Encoding::kUint8:
      return 1;
  }
  return 8;
}

size_t LayoutVersion::frame_bytes() const {
  size_t bytes = 0;
  size_t begin = 0;
  for (const ResolvedColumns::Run& run : columns.runs()) {
    bytes += BytesOf(run.form.encoding) * (run.end - begin);
    begin = run.end;
  }
  return bytes;
}

namespace {

using timeseries::ColumnKind;

bool IsInteger(Encoding encoding) {
  return encoding != Encoding::kDouble && encoding != Encoding::kFloat;
}

// value as mantissa / 10^decimals with the fewest decimals; false: there is none up to
// kDecimalsMax.
bool AsDecimal(double value, int* decimals, int64_t* mantissa) {
  double power = 1;
  for (int d = 0; d <= timeseries::kDecimalsMax; ++d, power *= 10) {
    const double scaled = std::round(value * power);
    if (std::abs(scaled) > 1e15) return false;
    if (scaled / power == value) {
      *decimals = d;
      *mantissa = static_cast<int64_t>(scaled);
      return true;
    }
  }
  return false;
}

int64_t PowerOfTen(int exponent) {
  int64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

// The greatest magnitude that raw values of an integer encoding have; 0: any.
int64_t RawMax(Encoding encoding) {
  switch (encoding) {
    case Encoding::kInt16:
      return 1 << 15;
    case Encoding::kUint16:
      return 1 << 16;
    case Encoding::kUint8:
      return 1 << 8;
    case Encoding::kInt32:
      return int64_t{1} << 31;
    default:
      return 0;
  }
}

class Resolver {
 public:
  Resolver(const Layout& layout, const graph::GraphView& view, const Limits& limits,
           Missing missing)
      : layout_(layout), view_(view), limits_(limits), missing_(missing) {}

  absl::StatusOr<ResolvedLayout> Run() {
    TWIN_RETURN_IF_ERROR(CheckId(layout_.id, "layout id", limits_));
    if (layout_.columns.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("layout '", layout_.id, "' has no columns"));
    }
    for (size_t i = 0; i < layout_.columns.size(); ++i) {
      place_ = absl::StrCat("layout '", layout_.id, "', column ", i, ": ");
      TWIN_RETURN_IF_ERROR(CheckNamedOnce(layout_.columns[i]));
      TWIN_RETURN_IF_ERROR(AddColumns(layout_.columns[i]));
    }
    std::sort(resolved_.watched.begin(), resolved_.watched.end());
    resolved_.watched.erase(std::unique(resolved_.watched.begin(), resolved_.watched.end()),
                            resolved_.watched.end());
    for (size_t c = 0; c < resolved_.columns.size(); ++c) {
      resolved_.unresolved += resolved_.columns.targets(c).empty() ? 1 : 0;
    }
    resolved_.columns.ShrinkToFit();
    return std::move(resolved_);
  }

 private:
  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(place_, what));
  }

  absl::StatusOr<TwinNumber> Find(absl::string_view id) const {
    const TwinNumber twin = view_.FindTwin(id);
    if (twin == kNoTwin) return absl::NotFoundError(absl::StrCat(place_, "no twin '", id, "'"));
    return twin;
  }

  absl::StatusOr<const graph::ColumnSchema*> FindPath(TwinNumber twin,
                                                      absl::string_view path) const {
    const graph::TableSchema& table = view_.TableOf(twin);
    const graph::ColumnSchema* const column = table.FindColumn(path);
    if (column != nullptr) return column;
    return absl::NotFoundError(absl::StrCat(place_, "'", view_.IdOf(twin), "' of the model ",
                                            table.model_id, " has no '", path, "'",
                                            Suggestion(path, table.Paths())));
  }

  bool IsMissing(const LayoutTarget& target) const {
    const TwinNumber twin = view_.FindTwin(target.twin_id);
    return twin == kNoTwin || view_.TableOf(twin).FindColumn(target.path) == nullptr;
  }

  // Of values of one time for the same place one would be lost.
  absl::Status CheckNamedOnce(const LayoutColumn& column) {
    for (const LayoutTarget& target : column.targets) {
      if (!named_.emplace(target.twin_id, target.path).second) {
        return Wrong(absl::StrCat("'", target.path, "' of '", target.twin_id,
                                  "' is named twice; each value goes to a place of its own"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddColumns(const LayoutColumn& column) {
    if (column.has_rule && !column.targets.empty()) {
      return Wrong("a column has targets or a rule, not both");
    }
    if (!column.has_rule) return AddColumn(column, column.targets);
    const ArrayRule& rule = column.rule;
    if (rule.steps.empty()) return Wrong("a rule needs steps: names of relationships");
    std::vector<TwinNumber> twins;
    if (missing_ == Missing::kRefused || !(view_.FindTwin(rule.twin_id) == kNoTwin)) {
      TWIN_ASSIGN_OR_RETURN(const TwinNumber root, Find(rule.twin_id));
      twins = Follow(root, rule.steps);
    }
    const size_t count = rule.count > 0 ? rule.count : twins.size();
    if (count > static_cast<size_t>(limits_.layout_columns_max)) return TooMany();
    if (rule.count > 0 && twins.size() != rule.count) {
      resolved_.notes.push_back(absl::StrCat(place_, "the rule names ", rule.count,
                                             " columns and leads to ", twins.size(), " twins"));
    }
    for (size_t i = 0; i < count; ++i) {
      std::vector<LayoutTarget> targets;
      if (i < twins.size()) {
        targets.push_back({std::string(view_.IdOf(twins[i])), rule.path});
        if (!rule.shared_by.empty()) AddSharing(twins[i], rule, &targets);
      }
      TWIN_RETURN_IF_ERROR(AddColumn(column, targets));
    }
    return absl::OkStatus();
  }

  // Twins at the end of the steps, in the order of the relationships' positions on each step.
  std::vector<TwinNumber> Follow(TwinNumber root, const std::vector<std::string>& steps) {
    std::vector<TwinNumber> twins = {root};
    for (const std::string& step : steps) {
      std::vector<TwinNumber> next;
      for (const TwinNumber twin : twins) {
        resolved_.watched.push_back(twin);
        for (const TwinNumber target : InOrder(twin, step)) next.push_back(target);
      }
      twins = std::move(next);
    }
    return twins;
  }

  std::vector<TwinNumber> InOrder(TwinNumber twin, absl::string_view name) const {
    struct Item {
      double position;
      size_t order;
      TwinNumber target;
    };
    std::vector<Item> items;
    for (RelationshipNumber at = view_.FirstOutgoing(twin); !(at == kNoRelationship);
         at = view_.NextOutgoing(at)) {
      const graph::Link link = view_.LinkOf(at);
      const graph::RelationshipType& type = view_.catalog().relationship_type(link.type);
      if (type.name != name) continue;
      items.push_back({PositionOf(at, type), items.size(), link.target});
    }
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
      return a.position != b.position ? a.position < b.position : a.order < b.order;
    });
    std::vector<TwinNumber> twins;
    twins.reserve(items.size());
    for (const Item& item : items) twins.push_back(item.target);
    return twins;
  }

  double PositionOf(RelationshipNumber number, const graph::RelationshipType& type) const {
    for (size_t i = 0; i < type.columns.size(); ++i) {
      if (type.columns[i].path != "position") continue;
      const Value value = view_.GetValue(number, ColumnId(static_cast<uint32_t>(i)));
      if (value.kind() == Value::Kind::kInt) return static_cast<double>(value.as_int());
      if (value.kind() == Value::Kind::kDouble) return value.as_double();
    }
    return HUGE_VAL;
  }

  // Twins that lead to this one take its value too.
  void AddSharing(TwinNumber twin, const ArrayRule& rule, std::vector<LayoutTarget>* targets) {
    const std::string& path = rule.shared_path.empty() ? rule.path : rule.shared_path;
    resolved_.watched.push_back(twin);
    for (RelationshipNumber at = view_.FirstIncoming(twin); !(at == kNoRelationship);
         at = view_.NextIncoming(at)) {
      const graph::Link link = view_.LinkOf(at);
      if (view_.catalog().relationship_type(link.type).name != rule.shared_by) continue;
      resolved_.watched.push_back(link.source);
      targets->push_back({std::string(view_.IdOf(link.source)), path});
    }
  }

  absl::Status TooMany() const {
    return absl::ResourceExhaustedError(absl::StrCat("layout '", layout_.id,
                                                     "' has more columns than layout_columns_max (",
                                                     limits_.layout_columns_max, ")"));
  }

  absl::Status AddColumn(const LayoutColumn& column, const std::vector<LayoutTarget>& targets) {
    if (resolved_.columns.size() >= static_cast<size_t>(limits_.layout_columns_max)) {
      return TooMany();
    }
    ColumnForm out;
    std::vector<ColumnTarget> targets_there;
    out.encoding = column.encoding;
    out.scale = column.scale == 0 ? 1 : column.scale;
    out.offset = column.offset;
    out.invalid_codes = column.invalid_codes;
    if (!std::isfinite(out.scale) || !std::isfinite(out.offset)) {
      return Wrong("scale and offset are finite numbers");
    }
    bool any_number = false, any_integer = false, any_float = false;
    for (const LayoutTarget& target : targets) {
      if (missing_ == Missing::kUnresolved && IsMissing(target)) continue;
      TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, Find(target.twin_id));
      TWIN_ASSIGN_OR_RETURN(const graph::ColumnSchema* const schema, FindPath(twin, target.path));
      switch (schema->type) {
        case graph::ColumnType::kFloat:
          any_float = true;
          [[fallthrough]];
        case graph::ColumnType::kDouble:
          any_number = true;
          break;
        case graph::ColumnType::kBool:
          out.min = std::max<int64_t>(out.min, 0);
          out.max = std::min<int64_t>(out.max, 1);
          any_integer = true;
          break;
        case graph::ColumnType::kInt32:
          out.min = std::max<int64_t>(out.min, INT32_MIN);
          out.max = std::min<int64_t>(out.max, INT32_MAX);
          any_integer = true;
          break;
        case graph::ColumnType::kInt64:
        case graph::ColumnType::kTime:
          any_integer = true;
          break;
        default:
          return Wrong(absl::StrCat("'", target.path, "' of '", target.twin_id,
                                    "' is no number; send it with Publish or as samples"));
      }
      targets_there.push_back({twin, target.path});
    }
    if (any_number && any_integer) {
      return Wrong("its targets are integers and fractions; give each kind a column of its own");
    }
    TWIN_RETURN_IF_ERROR(ChooseKind(any_integer, &out));
    if (any_float) out.max = ColumnForm::kOfFloats;
    resolved_.columns.Add(out, targets_there);
    return absl::OkStatus();
  }

  absl::Status ChooseKind(bool integer, ColumnForm* column) const {
    int scale_decimals = 0, offset_decimals = 0;
    int64_t scale = 0, offset = 0;
    const bool decimal = AsDecimal(column->scale, &scale_decimals, &scale) &&
                         AsDecimal(column->offset, &offset_decimals, &offset);
    const int decimals = std::max(scale_decimals, offset_decimals);
    if (integer) {
      if (!decimal || decimals > 0) {
        return Wrong("its target is an integer: scale and offset must be integers");
      }
      column->kind = ColumnKind::kInt;
      column->factor = scale;
      column->shift = offset;
    } else if (IsInteger(column->encoding) && decimal && RawMax(column->encoding) > 0) {
      const int64_t scale_power = PowerOfTen(decimals - scale_decimals);
      const int64_t offset_power = PowerOfTen(decimals - offset_decimals);
      constexpr double kMax = 1e15;  // below 2^53: as a double it is exact
      const double greatest =
          std::abs(static_cast<double>(scale)) * static_cast<double>(scale_power) *
              static_cast<double>(RawMax(column->encoding)) +
          std::abs(static_cast<double>(offset)) * static_cast<double>(offset_power);
      if (greatest < kMax) {
        column->kind = ColumnKind::kScaled;
        column->decimals = static_cast<uint8_t>(decimals);
        column->factor = scale * scale_power;
        column->shift = offset * offset_power;
      }
    }
    return absl::OkStatus();
  }

  const Layout& layout_;
  const graph::GraphView& view_;
  const Limits& limits_;
  const Missing missing_;
  std::string place_;
  absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> named_;  // twins and paths
  ResolvedLayout resolved_;
};

}  // namespace

absl::StatusOr<ResolvedLayout> ResolveLayout(const Layout& layout, const graph::GraphView& view,
                                             const Limits& limits, Missing missing) {
  return Resolver(layout, view, limits, missing).Run();
}

}  // namespace twin::ingest
