#include "server/engine/event_condition.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "query/ast/error.h"
#include "query/bind/bind.h"
#include "query/execute/evaluate.h"
#include "query/parse/parse.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"

namespace twin::engine {
namespace {

using events::Event;
using events::PathChange;
using query::BoundExpr;
using query::BoundKind;
using query::BoundPtr;
using query::Expr;
using query::ExprKind;
using query::SlotId;

// The condition is the WHERE of this, on the line behind it. Its three twins are one and the same.
constexpr absl::string_view kBefore =
    "SELECT twin.$dtId FROM DIGITALTWINS MATCH (twin), (new), (old) WHERE\n";

// Places as the user's text has them.
absl::Status InText(const absl::Status& status) {
  std::optional<query::Span> span = query::SpanOf(status);
  if (!span.has_value()) return status;
  absl::string_view message = status.message();
  const size_t space = message.find(' ');
  if (space != absl::string_view::npos) message.remove_prefix(space + 1);
  if (span->line > 1) span->line -= 1;
  span->offset -= std::min<uint32_t>(span->offset, kBefore.size());
  return query::ErrorAt(*span, message, status.code());
}

bool IsTwinName(absl::string_view name) { return name == "new" || name == "old" || name == "twin"; }

// Names that no alias stands before are the twin's.
absl::Status AddAliases(std::vector<std::string>* elements, Expr* expr) {
  if (expr->kind == ExprKind::kExists) {
    return query::ErrorAt(expr->span,
                          "EXISTS is no part of a condition over changes; use the filter `under`, "
                          "or a model");
  }
  if (expr->kind == ExprKind::kParameter) {
    return query::ErrorAt(expr->span,
                          "a condition over changes has no parameters; write the value");
  }
  if (expr->kind == ExprKind::kPath && !IsTwinName(expr->path[0].text) &&
      std::find(elements->begin(), elements->end(), expr->path[0].text) == elements->end()) {
    expr->path.insert(expr->path.begin(), query::Name{"twin", expr->path[0].span});
  }
  const bool has_element = expr->kind == ExprKind::kAny || expr->kind == ExprKind::kAll;
  for (size_t i = 0; i < expr->operands.size(); ++i) {
    const bool is_inside = has_element && i == 1;
    if (is_inside) elements->push_back(expr->path[0].text);
    TWIN_RETURN_IF_ERROR(AddAliases(elements, expr->operands[i].get()));
    if (is_inside) elements->pop_back();
  }
  return absl::OkStatus();
}

// What a condition reads of an event and its twin.
struct Input {
  enum class Kind : uint8_t {
    kNew,      // the path after the change
    kOld,      // and before it
    kCurrent,  // a property of the twin, after the change; it is no reason to look
    kId,
    kModel,
    kIsOfModel,  // of one of `tables`
  };
  Kind kind = Kind::kNew;
  std::string path;
  query::Type type;
  std::vector<query::ColumnRef> columns;  // by table
  std::vector<TableId> tables;
  SlotId slot = query::kNoSlot;

  bool is_path() const { return kind <= Kind::kCurrent; }
};

// A stored value in the type and unit that the condition computes in.
Value Converted(Value value, const Input& input, uint32_t table) {
  if (value.is_null()) return value;
  double factor = 1;
  double offset = 0;
  for (const query::ColumnRef& column : input.columns) {
    if (column.table != table) continue;
    factor = column.factor;
    offset = column.offset;
  }
  if (input.type.kind == query::TypeKind::kDouble) {
    const double number = value.kind() == Value::Kind::kInt ? static_cast<double>(value.as_int())
                          : value.kind() == Value::Kind::kDouble ? value.as_double()
                                                                 : 0;
    if (value.kind() != Value::Kind::kInt && value.kind() != Value::Kind::kDouble) return Value();
    return Value::Double(number * factor + offset);
  }
  const auto is_of = [&](Value::Kind kind) { return value.kind() == kind; };
  switch (input.type.kind) {
    case query::TypeKind::kBool:
      return is_of(Value::Kind::kBool) ? value : Value();
    case query::TypeKind::kInt:
      return is_of(Value::Kind::kInt) ? value : Value();
    case query::TypeKind::kString:
      return is_of(Value::Kind::kString) ? value : Value();
    case query::TypeKind::kTime:
      return is_of(Value::Kind::kTime) ? value : Value();
    default:
      return value;
  }
}

// A condition bound to one catalog.
struct Bound {
  std::shared_ptr<const query::BoundStatement> statement;
  std::vector<query::Slot> slots;
  std::vector<BoundPtr> conditions;
  std::vector<Input> inputs;
  SlotId twin = query::kNoSlot;
  bool reads_twin = false;  // beyond what inputs say
};

// Makes inputs of values before and after the change, and of what events say of their twins.
class Rewriter {
 public:
  explicit Rewriter(Bound* bound) : bound_(*bound) {
    for (size_t i = 0; i < bound->slots.size(); ++i) {
      if (bound->slots[i].name == "twin") bound->twin = static_cast<SlotId>(i);
      if (bound->slots[i].name == "new") new_ = static_cast<SlotId>(i);
      if (bound->slots[i].name == "old") old_ = static_cast<SlotId>(i);
    }
  }

  absl::Status Rewrite(BoundExpr* expr) {
    const bool is_change =
        expr->slot != query::kNoSlot && (expr->slot == new_ || expr->slot == old_);
    const bool is_twin = expr->slot != query::kNoSlot && (is_change || expr->slot == bound_.twin);
    switch (expr->kind) {
      case BoundKind::kProperty:
        MakeInput(!is_change           ? Input::Kind::kCurrent
                  : expr->slot == old_ ? Input::Kind::kOld
                                       : Input::Kind::kNew,
                  expr);
        break;
      case BoundKind::kDocument:
        if (is_change) {
          return query::ErrorAt(
              expr->span, absl::StrCat("'", expr->text, "' is an object; name a value in it"));
        }
        bound_.reads_twin = true;
        break;
      case BoundKind::kUpdateTime:
        if (is_change) {
          return query::ErrorAt(expr->span,
                                "the time of a change is no part of a condition; events carry it");
        }
        bound_.reads_twin = true;
        break;
      case BoundKind::kOfModel:
        MakeInput(Input::Kind::kIsOfModel, expr);
        break;
      case BoundKind::kField:
        if (expr->field == query::Field::kId) {
          MakeInput(Input::Kind::kId, expr);
        } else if (expr->field == query::Field::kModel) {
          MakeInput(Input::Kind::kModel, expr);
        } else {
          expr->slot = bound_.twin;
          bound_.reads_twin = true;
        }
        break;
      case BoundKind::kSlot:
        if (is_twin) {
          expr->slot = bound_.twin;
          bound_.reads_twin = true;
        }
        break;
      default:
        break;
    }
    for (const BoundPtr& operand : expr->operands) {
      if (operand != nullptr) TWIN_RETURN_IF_ERROR(Rewrite(operand.get()));
    }
    return absl::OkStatus();
  }

 private:
  void MakeInput(Input::Kind kind, BoundExpr* expr) {
    auto same = std::find_if(bound_.inputs.begin(), bound_.inputs.end(), [&](const Input& input) {
      return input.kind == kind && input.path == expr->text && input.tables == expr->tables;
    });
    if (same == bound_.inputs.end()) {
      Input input;
      input.kind = kind;
      input.path = expr->text;
      input.type = expr->type;
      input.columns = expr->columns;
      input.tables = expr->tables;
      input.slot = static_cast<SlotId>(bound_.slots.size());
      query::Slot slot;
      slot.kind = query::SlotKind::kValue;
      slot.type = expr->type;
      bound_.slots.push_back(std::move(slot));
      bound_.inputs.push_back(std::move(input));
      same = std::prev(bound_.inputs.end());
    }
    expr->kind = BoundKind::kSlot;
    expr->slot = same->slot;
  }

  Bound& bound_;
  SlotId new_ = query::kNoSlot;
  SlotId old_ = query::kNoSlot;
};

absl::StatusOr<std::shared_ptr<const Bound>> BindCondition(
    const query::Statement& statement, const std::vector<std::string>& models,
    std::shared_ptr<const query::Catalog> catalog) {
  auto bound = std::make_shared<Bound>();
  TWIN_ASSIGN_OR_RETURN(bound->statement, query::Bind(statement, std::move(catalog)));
  bound->slots = bound->statement->select.slots;
  for (const BoundPtr& condition : bound->statement->select.where) {
    bound->conditions.push_back(query::Clone(*condition));
  }
  Rewriter rewriter(bound.get());
  for (const BoundPtr& condition : bound->conditions) {
    TWIN_RETURN_IF_ERROR(rewriter.Rewrite(condition.get()));
  }
  if (models.empty()) return bound;
  // Each path is one of some model that is asked for.
  for (const Input& input : bound->inputs) {
    if (input.kind != Input::Kind::kNew && input.kind != Input::Kind::kOld) continue;
    bool is_known = false;
    for (const std::string& model : models) {
      for (const TableId table : bound->statement->catalog->TablesOfModel(model, false)) {
        is_known = is_known || bound->statement->catalog->model(table).Find(input.path) != nullptr;
      }
    }
    if (!is_known) {
      return absl::InvalidArgumentError(
          absl::StrCat("condition: no model of the filter has '", input.path, "'"));
    }
  }
  return bound;
}

class ChangeCondition : public events::Condition {
 public:
  ChangeCondition(std::shared_ptr<const query::Statement> statement,
                  std::vector<std::string> models, EventHost::OpenReader open,
                  std::shared_ptr<const Bound> bound)
      : statement_(std::move(statement)),
        models_(std::move(models)),
        open_(std::move(open)),
        bound_(std::move(bound)) {
    const auto add = [](const std::string& path, std::vector<std::string>* paths) {
      if (std::find(paths->begin(), paths->end(), path) == paths->end()) paths->push_back(path);
    };
    for (const Input& input : bound_->inputs) {
      if (!input.is_path()) continue;
      add(input.path, &context_paths_);
      if (input.kind != Input::Kind::kCurrent) add(input.path, &paths_);
    }
    // There is no match without a change of the only one.
    if (paths_.size() == 1 && context_paths_.size() == 1) context_paths_.clear();
  }

  const std::vector<std::string>& paths() const override { return paths_; }
  const std::vector<std::string>& context_paths() const override { return context_paths_; }

  void Match(absl::Span<const Event* const> events, events::EventContext* context,
             std::vector<uint8_t>* matches) override {
    std::unique_ptr<SnapshotReader> reader;
    if (NeedsReader(events)) {
      reader = open_();
      Rebind(reader->shared_catalog());
    }
    query::Batch batch;
    batch.rows = events.size();
    batch.slots.resize(bound_->slots.size());
    query::Vector& twins = batch.slots[static_cast<size_t>(bound_->twin)];
    twins.Reset(query::TypeKind::kTwin, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      twins.numbers[i] = events[i]->twin.value;
      if (reader != nullptr && !reader->view().Exists(events[i]->twin)) twins.SetNull(i);
    }
    std::vector<uint8_t> is_current(batch.rows);  // something was read as it is now
    for (const Input& input : bound_->inputs) {
      query::Vector& values = batch.slots[static_cast<size_t>(input.slot)];
      values.Reset(input.type.kind, batch.rows);
      if (input.type.kind == query::TypeKind::kNull) continue;
      for (size_t i = 0; i < batch.rows; ++i) {
        const events::EventContext::Found found = ValueOf(input, *events[i], context);
        if (!found.is_exact) is_current[i] = 1;
        if (found.value.is_null()) {
          values.SetNull(i);
        } else {
          values.Set(i, found.value);
        }
      }
    }
    query::EvaluateContext evaluate;
    evaluate.graph = reader.get();
    evaluate.slots = &bound_->slots;
    evaluate.now = SystemClock().Now();
    std::vector<uint32_t> rows;
    if (query::Filter(bound_->conditions, evaluate, &batch, &rows).ok()) {
      for (const uint32_t row : rows) (*matches)[row] = 1;
    } else {
      MatchEach(&batch, evaluate, matches);
    }
    for (size_t i = 0; i < batch.rows; ++i) {
      if ((*matches)[i] == 0) continue;
      const bool reads_later =
          bound_->reads_twin && events[i]->sequence < reader->view().sequence();
      if (is_current[i] != 0 || reads_later) (*matches)[i] = events::kMatchesNow;
    }
  }

 private:
  using Found = events::EventContext::Found;

  bool NeedsReader(absl::Span<const Event* const> events) const {
    if (bound_->reads_twin) return true;
    // Twins of a model that came later: the condition has to learn of it.
    const size_t models = bound_->statement->catalog->models().size();
    return std::any_of(events.begin(), events.end(),
                       [&](const Event* event) { return event->table.value >= models; });
  }

  static Found ValueOf(const Input& input, const Event& event, events::EventContext* context) {
    switch (input.kind) {
      case Input::Kind::kId:
        return {Value::String(std::string(event.twin_id))};
      case Input::Kind::kModel:
        return {Value::String(std::string(event.model_id))};
      case Input::Kind::kIsOfModel:
        return {
            Value::Bool(std::binary_search(input.tables.begin(), input.tables.end(), event.table))};
      default: {
        Found found = PathOf(input, event, context);
        found.value = Converted(std::move(found.value), input, event.table.value);
        return found;
      }
    }
  }

  // A path that did not change is what it is, before and after; of what is new there is no before.
  static Found PathOf(const Input& input, const Event& event, events::EventContext* context) {
    const auto change =
        std::find_if(event.changes.begin(), event.changes.end(),
                     [&](const PathChange& each) { return each.path == input.path; });
    // A late sample is not what the twin has.
    const bool is_said =
        change != event.changes.end() && (input.kind != Input::Kind::kCurrent || !change->late);
    if (is_said) return {input.kind == Input::Kind::kOld ? change->old_value : change->new_value};
    const bool is_new = event.type == events::EventType::kTwinCreated ||
                        event.type == events::EventType::kTwinState;
    if (is_new || context == nullptr) return {};
    return context->ValueAt(event, input.path);
  }

  // One row that overflows takes no other with it.
  void MatchEach(query::Batch* batch, const query::EvaluateContext& context,
                 std::vector<uint8_t>* matches) const {
    for (uint32_t row = 0; row < batch->rows; ++row) {
      query::Batch one = batch->Take(absl::MakeConstSpan(&row, 1));
      std::vector<uint32_t> found;
      const bool is_true =
          query::Filter(bound_->conditions, context, &one, &found).ok() && !found.empty();
      if (is_true) (*matches)[row] = 1;
    }
  }

  // After a change of models: one that is wrong now goes on as it was.
  void Rebind(const std::shared_ptr<const query::Catalog>& catalog) {
    if (bound_->statement->catalog == catalog || tried_ == catalog) return;
    tried_ = catalog;
    absl::StatusOr<std::shared_ptr<const Bound>> bound =
        BindCondition(*statement_, models_, catalog);
    if (bound.ok()) bound_ = *std::move(bound);
  }

  const std::shared_ptr<const query::Statement> statement_;
  const std::vector<std::string> models_;
  const EventHost::OpenReader open_;
  std::vector<std::string> paths_;          // new., old.
  std::vector<std::string> context_paths_;  // these, and properties of the twin
  std::shared_ptr<const Bound> bound_;
  std::shared_ptr<const query::Catalog> tried_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const query::Statement>> ParseCondition(const std::string& text) {
  query::ParseOptions options;
  options.limits.text_bytes_max += static_cast<int>(kBefore.size());
  absl::StatusOr<std::shared_ptr<const query::Statement>> parsed =
      query::Parse(absl::StrCat(kBefore, text), options);
  if (!parsed.ok()) return InText(parsed.status());
  // Nobody else has it yet.
  const auto statement = std::const_pointer_cast<query::Statement>(*parsed);
  query::Select& select = statement->select;
  const bool is_more = !select.group_by.empty() || select.having != nullptr ||
                       select.qualify != nullptr || !select.order_by.empty() ||
                       select.limit != nullptr || select.offset != nullptr ||
                       select.where == nullptr;
  if (is_more) {
    return absl::InvalidArgumentError(
        "a condition is what stands after WHERE, and nothing behind it");
  }
  std::vector<std::string> elements;
  if (absl::Status status = AddAliases(&elements, select.where.get()); !status.ok()) {
    return InText(status);
  }
  return *std::move(parsed);
}

absl::StatusOr<std::unique_ptr<events::Condition>> CompileCondition(
    const std::string& text, const std::vector<std::string>& models, EventHost::OpenReader open) {
  TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const query::Statement> statement, ParseCondition(text));
  const std::shared_ptr<const query::Catalog> catalog = open()->shared_catalog();
  if (catalog->set() == nullptr) {
    return absl::FailedPreconditionError(
        "there are no models yet, so that the names of a condition mean nothing; create them "
        "first");
  }
  absl::StatusOr<std::shared_ptr<const Bound>> bound = BindCondition(*statement, models, catalog);
  if (!bound.ok()) return InText(bound.status());
  return std::unique_ptr<events::Condition>(
      new ChangeCondition(std::move(statement), models, std::move(open), *std::move(bound)));
}

}  // namespace twin::engine
