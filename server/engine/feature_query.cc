#include "server/engine/feature_query.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "query/parse/parse.h"
#include "server/base/status_macros.h"

namespace twin::engine {
namespace {

using predict::Feature;
using predict::FeatureColumn;
using predict::FeatureType;
using query::TypeKind;

constexpr char kTwinColumn[] = "twin";

// --- The filter ---

bool HasOver(const query::Expr& expr) {
  if (expr.over != nullptr) return true;
  return std::any_of(expr.operands.begin(), expr.operands.end(), [](const query::ExprPtr& operand) {
    return operand != nullptr && HasOver(*operand);
  });
}

// Leaving rows out before it changes no row that stays.
bool MayFilter(const query::Select& select) {
  if (select.top != nullptr || select.limit != nullptr || select.offset != nullptr) return false;
  if (select.qualify != nullptr) return false;
  const bool in_items =
      std::any_of(select.items.begin(), select.items.end(),
                  [](const query::SelectItem& item) { return HasOver(*item.expr); });
  const bool in_order = std::any_of(select.order_by.begin(), select.order_by.end(),
                                    [](const query::SortKey& key) { return HasOver(*key.expr); });
  return !in_items && !in_order;
}

query::ExprPtr PathOf(const query::Expr& path) {
  auto expr = std::make_unique<query::Expr>();
  expr->kind = query::ExprKind::kPath;
  expr->span = path.span;
  expr->path = path.path;
  return expr;
}

void AddCondition(const query::Expr& id, query::Select* select) {
  auto parameter = std::make_unique<query::Expr>();
  parameter->kind = query::ExprKind::kParameter;
  parameter->span = id.span;
  parameter->text = kTwinsParameter;
  auto condition = std::make_unique<query::Expr>();
  condition->kind = query::ExprKind::kIn;
  condition->span = id.span;
  condition->operands.push_back(PathOf(id));
  condition->operands.push_back(std::move(parameter));
  if (select->where != nullptr) {
    auto both = std::make_unique<query::Expr>();
    both->kind = query::ExprKind::kAnd;
    both->span = select->where->span;
    both->operands.push_back(std::move(select->where));
    both->operands.push_back(std::move(condition));
    condition = std::move(both);
  }
  select->where = std::move(condition);
}

const query::SelectItem* ItemNamed(const query::Select& select, const std::string& name) {
  for (const query::SelectItem& item : select.items) {
    const bool is_path = item.expr->kind == query::ExprKind::kPath;
    const std::string& its = !item.alias.empty() ? item.alias.text
                             : is_path           ? item.expr->path.back().text
                                                 : item.text;
    if (its == name) return &item;
  }
  return nullptr;
}

// Adds it where the column `name` of the select comes from. False: nowhere.
bool AddFilter(query::Statement* statement, query::Select* select, const std::string& name) {
  if (!MayFilter(*select)) return false;
  const query::SelectItem* const item = ItemNamed(*select, name);
  if (item == nullptr || item->expr->kind != query::ExprKind::kPath) return false;
  const query::Expr& path = *item->expr;
  if (select->from.collection == query::FromClause::Collection::kTwins) {
    if (path.path.back().text != "$dtId") return false;
    AddCondition(path, select);
    return true;
  }
  if (select->from.collection != query::FromClause::Collection::kSubquery) return false;
  for (query::WithQuery& with : statement->with) {
    if (with.name.text != select->from.name.text) continue;
    return AddFilter(statement, with.select.get(), path.path.back().text);
  }
  return false;
}

// --- Columns ---

// Of COLLECT(x) the type of x.
query::Type ItemType(const query::BoundSelect& select, const query::BoundOutput& output) {
  if (output.expr->kind != query::BoundKind::kSlot) return {};
  for (const query::BoundAggregate& aggregate : select.aggregates) {
    const bool is_it = aggregate.slot == output.expr->slot && !aggregate.arguments.empty() &&
                       aggregate.function == query::Function::kCollect;
    if (is_it) return aggregate.arguments[0]->type;
  }
  return {};
}

// What is computed has the unit that whoever wrote it says, whatever it is computed from.
bool IsComputed(const query::BoundSelect& select, const query::BoundExpr& expr) {
  if (expr.kind == query::BoundKind::kCast) return IsComputed(select, *expr.operands[0]);
  if (expr.kind != query::BoundKind::kSlot) return expr.kind != query::BoundKind::kProperty;
  for (const query::BoundAggregate& aggregate : select.aggregates) {
    if (aggregate.slot == expr.slot && !aggregate.arguments.empty()) {
      return IsComputed(select, *aggregate.arguments[0]);
    }
  }
  return false;
}

bool IsNumber(TypeKind kind) {
  return kind == TypeKind::kBool || kind == TypeKind::kInt || kind == TypeKind::kDouble ||
         kind == TypeKind::kTime || kind == TypeKind::kDuration || kind == TypeKind::kNull ||
         kind == TypeKind::kValue;
}

absl::Status CheckColumn(const Feature& feature, const query::Type& type,
                         const query::Type& item_type, bool is_computed) {
  const auto wrong = [&](absl::string_view wanted) {
    return absl::InvalidArgumentError(absl::StrCat("query: the column '", feature.name, "' is a ",
                                                   query::TypeName(type.kind),
                                                   ", and the predictor wants ", wanted));
  };
  const dtdl::Unit* unit = type.unit;
  switch (feature.type) {
    case FeatureType::kDouble:
      if (!IsNumber(type.kind)) return wrong("a number");
      break;
    case FeatureType::kString:
      if (type.kind != TypeKind::kString && type.kind != TypeKind::kValue &&
          type.kind != TypeKind::kNull) {
        return wrong("a string");
      }
      return absl::OkStatus();
    case FeatureType::kSequence:
      if (type.kind != TypeKind::kValue && type.kind != TypeKind::kNull) {
        return wrong("a sequence; COLLECT(…) makes one");
      }
      unit = item_type.unit;
      break;
  }
  if (is_computed || unit == nullptr || unit->name == feature.unit) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "query: the column '", feature.name, "' is in ", unit->name, ", and the predictor wants ",
      feature.unit.empty() ? "no unit" : feature.unit, "; convert it by arithmetic"));
}

// NaN: it is no number.
double NumberOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kBool:
      return value.as_bool() ? 1 : 0;
    case Value::Kind::kInt:
      return static_cast<double>(value.as_int());
    case Value::Kind::kDouble:
      return value.as_double();
    case Value::Kind::kTime:
      return static_cast<double>(value.as_time().ns) / 1e9;
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

double NumberAt(const query::Vector& vector, size_t row) {
  switch (vector.kind) {
    case TypeKind::kBool:
      return vector.bools[row];
    case TypeKind::kInt:
      return static_cast<double>(vector.ints[row]);
    case TypeKind::kTime:
    case TypeKind::kDuration:
      return static_cast<double>(vector.ints[row]) / 1e9;
    case TypeKind::kDouble:
      return vector.doubles[row];
    case TypeKind::kValue:
      return NumberOf(vector.values[row]);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

class ColumnBuilder {
 public:
  // Behind `rows` rows that it has.
  ColumnBuilder(size_t rows, FeatureColumn* column) : rows_(rows), column_(*column) {}

  void AddNumbers(const query::Vector& vector) {
    for (size_t row = 0; row < vector.rows; ++row) {
      const double number =
          vector.IsNull(row) ? std::numeric_limits<double>::quiet_NaN() : NumberAt(vector, row);
      column_.doubles.push_back(number);
      End(std::isnan(number));
    }
  }
  void AddStrings(const query::Vector& vector) {
    for (size_t row = 0; row < vector.rows; ++row) {
      const bool is_text =
          !vector.IsNull(row) &&
          (vector.kind == TypeKind::kString || vector.values[row].kind() == Value::Kind::kString);
      column_.strings.emplace_back();
      if (is_text) {
        column_.strings.back() = vector.kind == TypeKind::kString ? std::string(vector.strings[row])
                                                                  : vector.values[row].as_string();
      }
      End(!is_text);
    }
  }
  void AddSequences(const query::Vector& vector) {
    if (column_.offsets.empty()) column_.offsets.push_back(0);
    for (size_t row = 0; row < vector.rows; ++row) {
      const bool is_array = !vector.IsNull(row) && vector.values[row].kind() == Value::Kind::kArray;
      if (is_array) {
        for (const Value& item : vector.values[row].as_array()) {
          column_.doubles.push_back(NumberOf(item));
        }
      }
      column_.offsets.push_back(static_cast<uint32_t>(column_.doubles.size()));
      End(!is_array);
    }
  }

 private:
  void End(bool is_null) {
    if (is_null && column_.nulls.empty()) column_.nulls.assign(rows_, 0);
    if (is_null || !column_.nulls.empty()) column_.nulls.push_back(is_null ? 1 : 0);
    ++rows_;
  }

  size_t rows_;
  FeatureColumn& column_;
};

}  // namespace

absl::StatusOr<FeatureStatement> BindFeatures(const std::string& text,
                                              const std::vector<Feature>& features, bool for_twins,
                                              std::shared_ptr<const query::Catalog> catalog) {
  TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const query::Statement> parsed, query::Parse(text));
  if (parsed->mode != query::Statement::Mode::kRun) {
    return absl::InvalidArgumentError(
        "query: EXPLAIN and PROFILE have no place in a feature query");
  }
  FeatureStatement found;
  query::BindOptions options;
  if (for_twins) {
    // Nobody else has it yet.
    const auto statement = std::const_pointer_cast<query::Statement>(parsed);
    found.is_filtered = AddFilter(statement.get(), &statement->select, kTwinColumn);
    if (found.is_filtered) options.parameters[kTwinsParameter] = TypeKind::kValue;
  }
  TWIN_ASSIGN_OR_RETURN(found.statement, query::Bind(*parsed, std::move(catalog), options));
  const std::vector<query::ResultColumn> columns = query::ResultColumns(*found.statement);
  const auto index_of = [&columns](absl::string_view name) {
    return static_cast<size_t>(
        std::find_if(columns.begin(), columns.end(),
                     [name](const query::ResultColumn& column) { return column.name == name; }) -
        columns.begin());
  };
  found.twin = index_of(kTwinColumn);
  if (found.twin == columns.size() || columns[found.twin].type.kind != TypeKind::kString) {
    return absl::InvalidArgumentError(
        "query: there is no column `twin` with the id of each twin; select $dtId AS twin");
  }
  for (const Feature& feature : features) {
    const size_t column = index_of(feature.name);
    if (column == columns.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("query: there is no column for the feature '", feature.name, "'"));
    }
    const query::BoundSelect& select = found.statement->select;
    const query::BoundOutput& output = select.outputs[column];
    TWIN_RETURN_IF_ERROR(CheckColumn(feature, columns[column].type, ItemType(select, output),
                                     IsComputed(select, *output.expr)));
    found.columns.push_back(column);
  }
  return found;
}

absl::Status AppendRows(const FeatureStatement& features, const std::vector<Feature>& wanted,
                        const query::Batch& batch, predict::FeatureRows* rows) {
  rows->columns.resize(wanted.size());
  const query::Vector& ids = batch.slots[features.twin];
  const size_t before = rows->twins.size();
  for (size_t row = 0; row < batch.rows; ++row) {
    if (ids.IsNull(row)) {
      return absl::InvalidArgumentError("query: a row has no twin");
    }
    rows->twins.emplace_back(ids.strings[row]);
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    query::Vector none;
    const query::Vector* vector = &batch.slots[features.columns[i]];
    if (vector->kind == TypeKind::kNull) {  // all rows are NULL
      none.ResetToNull(TypeKind::kValue, batch.rows);
      vector = &none;
    }
    ColumnBuilder column(before, &rows->columns[i]);
    switch (wanted[i].type) {
      case FeatureType::kDouble:
        column.AddNumbers(*vector);
        break;
      case FeatureType::kString:
        column.AddStrings(*vector);
        break;
      case FeatureType::kSequence:
        column.AddSequences(*vector);
        break;
    }
  }
  return absl::OkStatus();
}

}  // namespace twin::engine
