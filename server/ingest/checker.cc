#include "server/ingest/checker.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/dtdl/values.h"
#include "server/base/status_macros.h"
#include "server/base/status_reason.h"
#include "server/graph/model_names.h"
#include "server/ingest/edit_value.h"

namespace twin::ingest {
namespace {

using dtdl::Class;

constexpr size_t kScalarBytesMax = 11;  // of an encoded Value that is no text

// The path, where the message begins with one, is told apart before ids stand around it.
absl::Status Named(const absl::Status& status, absl::string_view kind, absl::string_view id) {
  if (status.ok()) return status;
  absl::Status named = WithMessage(status, absl::StrCat(kind, " ", id, ": ", status.message()));
  const absl::string_view path = status.message().substr(0, status.message().find(": "));
  if (path.size() < status.message().size() && path.find(' ') == absl::string_view::npos) {
    named.SetPayload(kFieldPayload, absl::Cord(path));
  }
  return named;
}

// Of an operation on a relationship.
template <typename Request>
absl::Status Named(const absl::Status& status, const Request& request) {
  if (status.ok()) return status;
  return Named(status, "relationship",
               absl::StrCat(request.relationship_id, " of twin ", request.source_id));
}

// Operations mostly write one twin after the other, so this leaves few to be sorted out.
void AddTwin(TwinNumber twin, std::vector<TwinNumber>* twins) {
  if (twins->empty() || !(twins->back() == twin)) twins->push_back(twin);
}

void SortOut(std::vector<TwinNumber>* twins) {
  if (twins->size() < 2) return;
  std::sort(twins->begin(), twins->end());
  twins->erase(std::unique(twins->begin(), twins->end()), twins->end());
}

// For the first name of `path`, below `above`, that leads nowhere in the table.
std::string SuggestionFor(const graph::TableSchema& table, std::string above,
                          const std::vector<std::string>& path) {
  for (const std::string& name : path) {
    if (!above.empty()) above.push_back('.');
    std::vector<absl::string_view> known;  // names that may stand here, maybe several times
    for (const graph::ColumnSchema& column : table.columns) {
      if (column.telemetry || !absl::StartsWith(column.path, above)) continue;
      const absl::string_view rest = absl::string_view(column.path).substr(above.size());
      if (rest.empty()) continue;  // the Object itself
      known.push_back(rest.substr(0, rest.find('.')));
    }
    if (std::find(known.begin(), known.end(), name) == known.end()) return Suggestion(name, known);
    above.append(name);
  }
  return "";
}

bool IsContainment(const DeleteTree& request, absl::string_view name) {
  if (request.relationship_names.empty()) {
    return name == "contains" || absl::StartsWith(name, "has");
  }
  return std::find(request.relationship_names.begin(), request.relationship_names.end(), name) !=
         request.relationship_names.end();
}

// An Object that is there with its fields stays there.
bool IsAround(const graph::ColumnSchema& object, const graph::TableSchema& table,
              absl::Span<const ColumnValue> values) {
  return object.is_object &&
         std::any_of(values.begin(), values.end(), [&](const ColumnValue& value) {
           return absl::StartsWith(table.columns[value.column.value].path, object.path);
         });
}

bool IsText(const ColumnValue& value) { return IsKeptAsString(value.value); }

}  // namespace

void Checker::BeginUnit(Time time, bool alone) {
  time_ = time;
  is_alone_ = alone;
  counted_.clear();
  written_.clear();
  large_.clear();
  pending_.BeginUnit(time);
}

absl::Status Checker::Check(const Operation& operation, OperationResult* result) {
  *result = OperationResult();
  result->version = pending_.next_sequence();
  const Ahead* ahead = TakeAhead(&operation, 0);
  if (const auto* put = std::get_if<PutTwin>(&operation)) {
    return Named(Put(*put, result), "twin", put->id);
  }
  if (const auto* patch = std::get_if<PatchTwin>(&operation)) {
    if (ahead != nullptr && PatchInPlace(*ahead, *patch, result)) return absl::OkStatus();
    return Named(Patch(*patch, result), "twin", patch->id);
  }
  if (const auto* request = std::get_if<DeleteTwin>(&operation)) {
    return Named(Delete(*request, result), "twin", request->id);
  }
  if (const auto* request = std::get_if<DeleteTree>(&operation)) {
    return Named(DeleteTreeOf(*request, result), "twin", request->id);
  }
  if (const auto* put = std::get_if<PutRelationship>(&operation)) {
    return Named(Put(*put, result), *put);
  }
  if (const auto* patch = std::get_if<PatchRelationship>(&operation)) {
    return Named(Patch(*patch, result), *patch);
  }
  if (const auto* request = std::get_if<DeleteRelationship>(&operation)) {
    return Named(Delete(*request, result), *request);
  }
  return absl::InvalidArgumentError("operations on models stand in a batch of their own");
}

absl::Status Checker::EndUnit() {
  for (const auto& [twin, type] : counted_) {
    const dtdl::Content& content = *pending_.catalog().relationship_type(type).content;
    const uint32_t count = pending_.CountOutgoing(twin, type);
    if (content.max_multiplicity == 0 || count <= static_cast<uint32_t>(content.max_multiplicity)) {
      continue;
    }
    return absl::FailedPreconditionError(
        absl::StrCat("twin ", pending_.IdOf(twin), " would have ", count, " relationships ",
                     content.name, "; ", content.owner->id, " allows ", content.max_multiplicity,
                     "; delete the former in the same batch to replace it"));
  }
  SortOut(&written_);
  for (const TwinNumber twin : written_) {
    if (pending_.Exists(twin)) TWIN_RETURN_IF_ERROR(CheckRequired(twin));
  }
  SortOut(&large_);
  for (const TwinNumber twin : large_) {
    if (pending_.Exists(twin)) TWIN_RETURN_IF_ERROR(CheckSize(twin));
  }
  return absl::OkStatus();
}

// --- What operations share ---

absl::StatusOr<TwinNumber> Checker::TwinOf(const std::string& id) const {
  const TwinNumber twin = pending_.FindTwin(id);
  if (twin == kNoTwin && id.empty()) {
    return absl::InvalidArgumentError("the id of the twin is empty; name one");
  }
  if (twin == kNoTwin) return absl::NotFoundError(absl::StrCat("there is no twin ", id));
  return twin;
}

absl::StatusOr<RelationshipNumber> Checker::RelationshipOf(TwinNumber source,
                                                           const std::string& source_id,
                                                           const std::string& id) const {
  const RelationshipNumber found = pending_.FindRelationship(source, id);
  if (found == kNoRelationship && id.empty()) {
    return absl::InvalidArgumentError("the id of the relationship is empty; name one");
  }
  if (found == kNoRelationship) {
    return absl::NotFoundError(absl::StrCat("twin ", source_id, " has no relationship ", id));
  }
  return found;
}

absl::StatusOr<const graph::TableSchema*> Checker::ModelForTwins(const std::string& model_id,
                                                                 bool is_new) const {
  if (model_id.empty()) {
    return absl::InvalidArgumentError("$metadata.$model is missing: which model is it?");
  }
  const graph::TableSchema* table = pending_.catalog().FindTable(model_id);
  if (table == nullptr) {
    const std::string closest = graph::ClosestModel(pending_.catalog(), model_id);
    return absl::InvalidArgumentError(absl::StrCat(
        "there is no model ", model_id,
        closest.empty() ? "; create it first" : absl::StrCat("; did you mean '", closest, "'?")));
  }
  if (is_new && table->decommissioned) {
    return absl::FailedPreconditionError(
        absl::StrCat("the model ", model_id, " is decommissioned: it takes no new twins"));
  }
  return table;
}

absl::Status Checker::CheckRoomForStrings() const {
  if (pending_.strings_bytes() < static_cast<uint64_t>(limits_.strings_bytes_max)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "strings and ids of relationships have taken strings_bytes_max (", limits_.strings_bytes_max,
      " bytes); delete what is not needed and restart, which packs the rest"));
}

absl::Status Checker::CheckCondition(const Condition& condition, Sequence version,
                                     absl::string_view what) const {
  if (condition.create_only) {
    return absl::AlreadyExistsError(absl::StrCat(what, " exists already"));
  }
  if (condition.version.has_value() && !(*condition.version == version)) {
    return absl::AbortedError(absl::StrCat(
        what, " was changed meanwhile: its etag is another; read it again and repeat the change"));
  }
  return absl::OkStatus();
}

absl::Status Checker::CheckSkew(Time source, absl::string_view what) const {
  if (source.ns <= time_.ns + limits_.clock_skew_ms_max * kNsPerMs) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      what, "the source time ", FormatTime(source), " is ahead of the server's ", FormatTime(time_),
      " by more than clock_skew_ms_max (", limits_.clock_skew_ms_max, " ms)"));
}

absl::StatusOr<Time> Checker::SourceTimeOf(const std::optional<Time>& given, Time last) const {
  if (!given.has_value()) return std::max(time_, last);
  TWIN_RETURN_IF_ERROR(CheckSkew(*given, ""));
  if (last <= *given) return *given;
  return absl::FailedPreconditionError(absl::StrCat("the source time ", FormatTime(*given),
                                                    " is before that of its last change, ",
                                                    FormatTime(last)));
}

absl::Status Checker::CheckRoomForPast() const {
  if (pending_.past_entries() < static_cast<uint64_t>(limits_.past_entries_max)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "what has ended or was changed of relationships takes past_entries_max (",
      limits_.past_entries_max,
      " entries); raise it, or set history_retention_seconds, which drops the oldest"));
}

absl::Status Checker::SetTwinValue(TwinNumber twin, ColumnId column, Value value,
                                   const std::optional<Time>& source_time) {
  graph::Cell before = pending_.Get(twin, column);
  Time source = time_;
  if (source_time.has_value()) {
    source = *source_time;
    const absl::string_view path = pending_.SchemaOf(twin).columns[column.value].name();
    TWIN_RETURN_IF_ERROR(CheckSkew(source, absl::StrCat(path, ": ")));
    if (!before.value.is_null() && source < before.source_time) {
      return absl::FailedPreconditionError(absl::StrCat(path, ": the source time ",
                                                        FormatTime(source),
                                                        " is before that of the value"
                                                        " which it has, ",
                                                        FormatTime(before.source_time)));
    }
  } else if (!before.value.is_null() && source < before.source_time) {
    source = before.source_time;
  }
  if (IsKeptAsString(value)) {
    TWIN_RETURN_IF_ERROR(CheckRoomForStrings());
    AddTwin(twin, &large_);
  }
  pending_.SetValue(twin, column, std::move(before.value), std::move(value), source);
  return absl::OkStatus();
}

absl::Status Checker::SetFirstValues(TwinNumber twin, absl::Span<ColumnValue> values,
                                     Time source_time) {
  if (std::any_of(values.begin(), values.end(), IsText)) {
    TWIN_RETURN_IF_ERROR(CheckRoomForStrings());
    AddTwin(twin, &large_);
  }
  pending_.SetOfNew(twin, values, source_time);
  return absl::OkStatus();
}

absl::Status Checker::ClearTwinValue(TwinNumber twin, ColumnId column,
                                     const std::optional<Time>& source_time) {
  if (!pending_.Has(twin, column)) return absl::OkStatus();
  return SetTwinValue(twin, column, Value(), source_time);
}

bool Checker::IsWholeTwin(const graph::TableSchema& table, absl::Span<const ColumnValue> values) {
  auto bytes = static_cast<int64_t>(table.columns.size() * kScalarBytesMax);
  given_.assign(table.columns.size(), false);
  for (const ColumnValue& value : values) {
    if (IsText(value)) bytes += static_cast<int64_t>(value.value.EncodedSize());
    if (given_[value.column.value]) return false;
    given_[value.column.value] = true;
  }
  return bytes <= limits_.twin_bytes_max &&
         std::all_of(table.required.begin(), table.required.end(),
                     [&](ColumnId column) { return given_[column.value]; });
}

bool Checker::IsWhole(const graph::RelationshipType& type, absl::Span<const ColumnValue> values) {
  given_.assign(type.columns.size(), false);
  for (const ColumnValue& value : values) {
    if (given_[value.column.value]) return false;
    given_[value.column.value] = true;
  }
  for (size_t i = 0; i < type.columns.size(); ++i) {
    if (type.columns[i].traits.required && !given_[i]) return false;
  }
  return true;
}

absl::Status Checker::CheckSize(TwinNumber twin) const {
  const graph::TableSchema& table = pending_.SchemaOf(twin);
  // Few twins come near the limit, and what is no text is short.
  auto bytes = static_cast<int64_t>(table.columns.size() * kScalarBytesMax);
  for (const ColumnId id : table.texts) {
    bytes += static_cast<int64_t>(pending_.Get(twin, id).value.EncodedSize());
  }
  if (bytes <= limits_.twin_bytes_max) return absl::OkStatus();
  bytes = 0;
  for (const graph::ColumnSchema& column : table.columns) {
    bytes += static_cast<int64_t>(pending_.Get(twin, table.IdOf(column)).value.EncodedSize());
  }
  if (bytes <= limits_.twin_bytes_max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("twin ", pending_.IdOf(twin), " would have ",
                                                 bytes, " bytes; twin_bytes_max is ",
                                                 limits_.twin_bytes_max));
}

// --- Twins ---

absl::Status Checker::Put(const PutTwin& put, OperationResult* result) {
  TWIN_RETURN_IF_ERROR(CheckId(put.id, "twin id", limits_));
  TwinNumber twin = pending_.FindTwin(put.id);
  const bool is_new = twin == kNoTwin;
  if (is_new && put.condition.version.has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no twin ", put.id, " that could match"));
  }
  if (!is_new) {
    TWIN_RETURN_IF_ERROR(CheckCondition(put.condition, pending_.VersionOf(twin), "the twin"));
  }
  const bool moves = !is_new && pending_.SchemaOf(twin).model_id != put.model_id;
  TWIN_ASSIGN_OR_RETURN(const graph::TableSchema* table,
                        ModelForTwins(put.model_id, is_new || moves));
  std::vector<ColumnValue>& values = values_;
  TWIN_RETURN_IF_ERROR(
      contents_.Flatten(pending_.shared_catalog(), *table, put.contents, limits_, &values));
  Time begin;
  if (is_new) {
    if (static_cast<int64_t>(pending_.twins()) >= limits_.twins_max) {
      return absl::ResourceExhaustedError(
          absl::StrCat("twins_max is ", limits_.twins_max, "; delete twins or raise it"));
    }
    if (pending_.next_twin() == kNoTwin.value) {
      return absl::ResourceExhaustedError("all numbers of twins are used; export, and import anew");
    }
    if (pending_.ids_bytes() >= static_cast<uint64_t>(limits_.ids_bytes_max)) {
      return absl::ResourceExhaustedError(
          absl::StrCat("ids of twins have taken ids_bytes_max (", limits_.ids_bytes_max,
                       " bytes); delete twins, Compact and restart, which packs the rest"));
    }
    TWIN_ASSIGN_OR_RETURN(begin, SourceTimeOf(put.source_time, pending_.EndOfFormer(put.id)));
    if (is_alone_ && put.source_times.empty() && IsWholeTwin(*table, values)) {
      if (std::any_of(values.begin(), values.end(), IsText)) {
        TWIN_RETURN_IF_ERROR(CheckRoomForStrings());
      }
      if (pending_.CreateAlone(put.id, table->id, values, begin)) {
        result->created = true;
        result->changed = 1;
        return absl::OkStatus();
      }
    }
    twin = pending_.CreateTwin(put.id, table->id, begin);
  } else if (moves) {
    TWIN_RETURN_IF_ERROR(MoveTwin(twin, *table, put.source_time));
  } else {
    pending_.TouchTwin(twin);
  }
  if (!table->required.empty()) AddTwin(twin, &written_);
  result->created = is_new;
  result->changed = 1;
  if (is_new && put.source_times.empty()) {
    return SetFirstValues(twin, absl::MakeSpan(values), begin);
  }
  std::vector<bool> given(table->columns.size());
  for (ColumnValue& value : values) {
    given[value.column.value] = true;
    const absl::string_view path = table->columns[value.column.value].name();
    std::optional<Time> source = put.source_time;
    size_t nearest = 0;
    for (const auto& [prefix, time] : put.source_times) {
      const bool is_of_this = path == prefix || absl::StartsWith(path, absl::StrCat(prefix, "."));
      if (!is_of_this || prefix.size() < nearest) continue;
      nearest = prefix.size();
      source = time;
    }
    TWIN_RETURN_IF_ERROR(SetTwinValue(twin, value.column, std::move(value.value), source));
  }
  if (!is_new) {
    for (const graph::ColumnSchema& column : table->columns) {
      const ColumnId id = table->IdOf(column);
      if (column.telemetry || given[id.value] || IsAround(column, *table, values)) continue;
      TWIN_RETURN_IF_ERROR(ClearTwinValue(twin, id, put.source_time));
    }
  }
  return absl::OkStatus();
}

absl::Status Checker::Patch(const PatchTwin& patch, OperationResult* result) {
  TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, TwinOf(patch.id));
  TWIN_RETURN_IF_ERROR(CheckCondition(patch.condition, pending_.VersionOf(twin), "the twin"));
  if (static_cast<int64_t>(patch.edits.size()) > limits_.patch_operations_max) {
    return absl::InvalidArgumentError(absl::StrCat("a patch of ", patch.edits.size(),
                                                   " steps; patch_operations_max is ",
                                                   limits_.patch_operations_max));
  }
  if (!patch.component.empty() && !patch.model_id.empty()) {
    return absl::InvalidArgumentError("a patch of a component cannot change the model");
  }
  if (!patch.component.empty()) {
    const dtdl::Content* content = pending_.SchemaOf(twin).interface->Find(patch.component);
    if (content == nullptr || content->kind != Class::kComponent) {
      return absl::NotFoundError(
          absl::StrCat(pending_.SchemaOf(twin).model_id, " has no component ", patch.component));
    }
  }
  bool changed = false;
  if (!patch.model_id.empty() && pending_.SchemaOf(twin).model_id != patch.model_id) {
    TWIN_RETURN_IF_ERROR(MoveByPatch(patch, twin));
    changed = true;
  }
  for (size_t i = 0; i < patch.edits.size(); ++i) {
    const Edit& edit = patch.edits[i];
    if (edit.kind == Edit::Kind::kRemove && !patch.model_id.empty()) {
      const graph::TableSchema& table = pending_.SchemaOf(twin);
      const std::string path = absl::StrJoin(edit.path, ".");
      const graph::ColumnSchema* column = table.FindColumn(path);
      const bool is_set = column != nullptr ? pending_.Has(twin, table.IdOf(*column))
                                            : AnyBelow(twin, table, absl::StrCat(path, "."));
      if (!is_set) continue;  // it went before the move
    }
    TWIN_RETURN_IF_ERROR(Apply(edit, i, patch.component, twin, patch.source_time));
    changed = changed || edit.kind != Edit::Kind::kTest;
  }
  if (!pending_.SchemaOf(twin).required.empty()) AddTwin(twin, &written_);
  result->changed = changed ? 1 : 0;
  if (changed && !(pending_.VersionOf(twin) == pending_.next_sequence())) pending_.TouchTwin(twin);
  result->version = pending_.VersionOf(twin);
  return absl::OkStatus();
}

absl::Status Checker::Apply(const Edit& edit, size_t step, const std::string& component,
                            TwinNumber twin, const std::optional<Time>& source_time) {
  // What most patches do: give one column another value, whatever it had.
  if (edit.kind == Edit::Kind::kSet) {
    const auto [column, pointer] =
        paths_.Find(pending_.shared_catalog(), pending_.SchemaOf(twin), component, edit.path, step);
    if (column != nullptr && !column->telemetry) {
      TWIN_ASSIGN_OR_RETURN(Value value, CheckValue(*column, edit.value, *pointer, limits_));
      return SetTwinValue(twin, pending_.SchemaOf(twin).IdOf(*column), std::move(value),
                          edit.source_time.has_value() ? edit.source_time : source_time);
    }
  }
  return ApplyAnywhere(edit, component, twin, source_time);
}

// Where a path leads: to a column, into a document, or to an Object or Component above columns.
absl::Status Checker::ApplyAnywhere(const Edit& edit, const std::string& component, TwinNumber twin,
                                    const std::optional<Time>& source_time) {
  const graph::TableSchema& table = pending_.SchemaOf(twin);
  const std::string pointer = PointerOf(edit.path);
  if (edit.path.empty()) {
    return absl::InvalidArgumentError("a path is empty; name a property, as in /soh/value");
  }
  const std::optional<Time> source = edit.source_time.has_value() ? edit.source_time : source_time;
  std::string path = component;
  size_t used = 0;
  const graph::ColumnSchema* column = nullptr;
  while (used < edit.path.size() && column == nullptr) {
    absl::StrAppend(&path, path.empty() ? "" : ".", edit.path[used++]);
    column = table.FindColumn(path);
  }
  if (column != nullptr && column->telemetry) {
    return absl::InvalidArgumentError(absl::StrCat(
        pointer, ": is Telemetry, which arrives as samples and is not set as a property"));
  }
  if (column != nullptr && used < edit.path.size()) {
    return ApplyInDocument(edit, table, table.IdOf(*column),
                           absl::MakeConstSpan(edit.path).subspan(used), twin, source);
  }
  const std::string prefix = column != nullptr ? "" : absl::StrCat(path, ".");  // of a group
  const bool is_group = column == nullptr &&
                        std::any_of(table.columns.begin(), table.columns.end(), [&](const auto& c) {
                          return absl::StartsWith(c.path, prefix) && !c.telemetry;
                        });
  if (column == nullptr && !is_group) {
    return absl::InvalidArgumentError(absl::StrCat(pointer, ": no such property of ",
                                                   table.model_id,
                                                   SuggestionFor(table, component, edit.path)));
  }
  if (column == nullptr && edit.kind == Edit::Kind::kTest) {
    return TestGroup(edit, pointer, table, path, twin);
  }
  const bool there =
      edit.kind != Edit::Kind::kSet &&  // which does not ask
      (column != nullptr ? pending_.Has(twin, table.IdOf(*column)) : AnyBelow(twin, table, prefix));
  if (!there && edit.kind == Edit::Kind::kTest) {
    return absl::FailedPreconditionError(absl::StrCat(pointer, ": the test failed: it is not set"));
  }
  const dtdl::Content* const content = table.interface->Find(path);
  if (edit.kind == Edit::Kind::kRemove && content != nullptr &&
      content->kind == Class::kComponent) {
    return absl::InvalidArgumentError(
        absl::StrCat(pointer, ": a component is always there; remove its properties instead"));
  }
  if (!there && (edit.kind == Edit::Kind::kReplace || edit.kind == Edit::Kind::kRemove)) {
    return absl::InvalidArgumentError(
        absl::StrCat(pointer, ": it is not set, so it cannot be ",
                     edit.kind == Edit::Kind::kReplace ? "replaced; add it" : "removed"));
  }
  if (edit.kind == Edit::Kind::kTest) {
    TWIN_ASSIGN_OR_RETURN(const Value expected, CheckValue(*column, edit.value, pointer, limits_));
    if (pending_.Get(twin, table.IdOf(*column)).value == expected) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(pointer, ": the test failed: it is ",
                     pending_.Get(twin, table.IdOf(*column)).value.DebugString(), ", not ",
                     expected.DebugString()));
  }
  // An Object must be there before one of its fields is added (RFC 6902, section 4.1).
  if (edit.kind == Edit::Kind::kAdd && edit.path.size() > 1 && !there) {
    const std::string parent = path.substr(0, path.rfind('.'));
    const dtdl::Content* owner = table.interface->Find(parent);
    const bool is_component = owner != nullptr && owner->kind == Class::kComponent;
    if (!is_component && !AnyBelow(twin, table, absl::StrCat(parent, "."))) {
      return absl::InvalidArgumentError(
          absl::StrCat(pointer, ": the object it is in is not set; add the whole object first"));
    }
  }
  if (column != nullptr) {
    if (edit.kind == Edit::Kind::kRemove) {
      TWIN_RETURN_IF_ERROR(SetTwinValue(twin, table.IdOf(*column), Value(), source));
      return KeepObjectAround(twin, table, path, source);
    }
    TWIN_ASSIGN_OR_RETURN(Value value, CheckValue(*column, edit.value, pointer, limits_));
    return SetTwinValue(twin, table.IdOf(*column), std::move(value), source);
  }
  std::vector<ColumnValue> values;
  if (edit.kind != Edit::Kind::kRemove) {
    if (edit.value.kind() != Value::Kind::kMap) {
      return absl::InvalidArgumentError(
          absl::StrCat(pointer, ": expected an object, got ", edit.value.DebugString(60)));
    }
    TWIN_RETURN_IF_ERROR(FlattenGroup(table, path, edit.value, limits_, &values));
  }
  for (const graph::ColumnSchema& each : table.columns) {
    if (!absl::StartsWith(each.path, prefix) || each.telemetry) continue;
    const ColumnId id = table.IdOf(each);
    const auto it = std::find_if(values.begin(), values.end(),
                                 [&](const ColumnValue& value) { return value.column == id; });
    if (it != values.end()) {
      TWIN_RETURN_IF_ERROR(SetTwinValue(twin, id, std::move(it->value), source));
    } else if (!IsAround(each, table, values)) {
      TWIN_RETURN_IF_ERROR(ClearTwinValue(twin, id, source));
    }
  }
  return edit.kind == Edit::Kind::kRemove ? KeepObjectAround(twin, table, path, source)
                                          : absl::OkStatus();
}

absl::Status Checker::ApplyInDocument(const Edit& edit, const graph::TableSchema& table,
                                      ColumnId column, absl::Span<const std::string> inside,
                                      TwinNumber twin, const std::optional<Time>& source_time) {
  Value document = pending_.Get(twin, column).value;
  const graph::ColumnSchema& schema = table.columns[column.value];
  const std::string pointer = PointerOf(edit.path);
  if (schema.type != graph::ColumnType::kDocument) {
    return absl::InvalidArgumentError(
        absl::StrCat(pointer, ": ", schema.path, " is one value and has no parts"));
  }
  if (document.is_null() && edit.kind == Edit::Kind::kTest) {
    return absl::FailedPreconditionError(
        absl::StrCat(pointer, ": the test failed: ", schema.path, " is not set"));
  }
  if (document.is_null()) {
    return absl::InvalidArgumentError(
        absl::StrCat(pointer, ": ", schema.path, " is not set; add the whole of it first"));
  }
  TWIN_RETURN_IF_ERROR(EditValue(edit, inside, pointer, &document));
  if (edit.kind == Edit::Kind::kTest) return absl::OkStatus();
  TWIN_ASSIGN_OR_RETURN(Value checked, CheckValue(schema, document, schema.path, limits_));
  return SetTwinValue(twin, column, std::move(checked), source_time);
}

absl::Status Checker::DeleteWithRelationships(TwinNumber twin,
                                              const std::optional<Time>& source_time,
                                              OperationResult* result) {
  TWIN_RETURN_IF_ERROR(CheckRoomForPast());
  TWIN_ASSIGN_OR_RETURN(const Time end, SourceTimeOf(source_time, pending_.BeginOf(twin)));
  const auto remove = [&](RelationshipNumber each) {
    pending_.DeleteRelationship(each, std::max(end, pending_.ChangedOf(each)));
    ++result->changed;
  };
  for (const RelationshipNumber each : pending_.Outgoing(twin)) remove(each);
  for (const RelationshipNumber each : pending_.Incoming(twin)) remove(each);
  pending_.DeleteTwin(twin, end);
  ++result->changed;
  return absl::OkStatus();
}

absl::Status Checker::Delete(const DeleteTwin& request, OperationResult* result) {
  TWIN_ASSIGN_OR_RETURN(const TwinNumber twin, TwinOf(request.id));
  TWIN_RETURN_IF_ERROR(CheckCondition(request.condition, pending_.VersionOf(twin), "the twin"));
  const uint32_t out = pending_.OutDegree(twin);
  const uint32_t in = pending_.InDegree(twin);
  if (out + in > 0 && !request.delete_relationships) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "it has ", out, " outgoing and ", in,
            " incoming relationships; delete them first, or ask for it (delete_relationships)")),
        "HAS_RELATIONSHIPS");
  }
  return DeleteWithRelationships(twin, request.source_time, result);
}

absl::Status Checker::DeleteTreeOf(const DeleteTree& request, OperationResult* result) {
  TWIN_ASSIGN_OR_RETURN(const TwinNumber root, TwinOf(request.id));
  std::vector<TwinNumber> tree = {root};
  absl::flat_hash_set<uint32_t> seen = {root.value};
  for (size_t i = 0; i < tree.size(); ++i) {
    for (const RelationshipNumber each : pending_.Outgoing(tree[i])) {
      const PendingRelationship found = pending_.GetRelationship(each);
      if (!IsContainment(request, pending_.catalog().relationship_type(found.type).name)) continue;
      if (seen.insert(found.target.value).second) tree.push_back(found.target);
    }
  }
  for (const TwinNumber twin : tree) {
    TWIN_RETURN_IF_ERROR(DeleteWithRelationships(twin, request.source_time, result));
  }
  return absl::OkStatus();
}

}  // namespace twin::ingest
