// Checker::LookAhead. What an operation asks for lies all over memory: a slot of the index of ids,
// the twin's entry, a page of each column. Each of these is asked for of all operations before the
// next is, so that memory works on many of them at once. What was found on the way is kept, and
// most patches need no more than that.
#include <algorithm>
#include <utility>

#include "server/ingest/checker.h"

namespace twin::ingest {

void Checker::LookAhead(absl::Span<const Operation> operations) {
  ahead_count_ = 0;
  ahead_next_ = 0;
  const graph::GraphView& head = pending_.head();
  if (head.shared_catalog() != pending_.shared_catalog()) return;  // a dry run of models
  operations = operations.subspan(0, kLookAhead);
  constexpr size_t kIdsMax = 2 * kLookAhead;  // source and target of a relationship
  size_t hashes[kIdsMax];
  Ahead* wanted[kIdsMax];
  TwinNumber twins[kIdsMax];
  size_t count = 0;
  const auto add = [&](const std::string& id, Ahead* ahead) {
    wanted[count] = ahead;
    hashes[count++] = graph::GraphView::HashOf(id);
  };
  for (const Operation& operation : operations) {
    Ahead& ahead = ahead_[ahead_count_++];
    ahead.operation = &operation;
    ahead.columns_count = 0;
    if (const auto* patch = std::get_if<PatchTwin>(&operation)) {
      add(patch->id, &ahead);
    } else if (const auto* put = std::get_if<PutTwin>(&operation)) {
      add(put->id, nullptr);
    } else if (const auto* related = std::get_if<PutRelationship>(&operation)) {
      add(related->source_id, nullptr);
      add(related->target_id, nullptr);
    } else if (const auto* deleted = std::get_if<DeleteTwin>(&operation)) {
      add(deleted->id, nullptr);
    }
  }
  const absl::Span<const size_t> ids = absl::MakeConstSpan(hashes, count);
  head.FetchIds(ids);
  head.GuessTwins(ids, twins);
  for (size_t i = 0; i < count; ++i) {
    if (twins[i] == kNoTwin) continue;
    head.FetchIdPlace(twins[i]);
    head.FetchTwin(twins[i]);
  }
  for (size_t i = 0; i < count; ++i) {
    if (twins[i] == kNoTwin) continue;
    head.FetchId(twins[i]);
    if (wanted[i] == nullptr || !head.GuessPlace(twins[i], &wanted[i]->place)) continue;
    wanted[i]->twin = twins[i];
    FindColumns(std::get<PatchTwin>(*wanted[i]->operation), wanted[i]);
  }
}

void Checker::FindColumns(const PatchTwin& patch, Ahead* ahead) {
  const graph::GraphView& head = pending_.head();
  const graph::TableSchema& table = head.catalog().table(ahead->place.table);
  bool is_plain = patch.component.empty() && patch.model_id.empty() &&
                  !patch.condition.create_only && !patch.source_time.has_value() &&
                  patch.edits.size() <= Ahead::kColumnsMax;
  for (const Edit& edit : patch.edits) {
    is_plain = is_plain && edit.kind == Edit::Kind::kSet && !edit.source_time.has_value();
  }
  // One with more may be refused for that.
  const size_t steps = std::min(patch.edits.size(), PathColumns::kStepsMax);
  for (size_t i = 0; i < steps; ++i) {
    const graph::ColumnSchema* column =
        paths_.Find(head.shared_catalog(), table, patch.component, patch.edits[i].path, i).column;
    is_plain = is_plain && column != nullptr && !column->telemetry;
    if (column == nullptr) continue;
    const ColumnId id = table.IdOf(*column);
    if (is_plain) {
      ahead->columns[i] = id;
      head.FetchValue(ahead->place, id);
    } else {
      head.FetchCell(ahead->place, id);
    }
  }
  if (is_plain) ahead->columns_count = steps;
}

const Checker::Ahead* Checker::TakeAhead(const Operation& operation) {
  if (ahead_next_ >= ahead_count_ || ahead_[ahead_next_].operation != &operation) return nullptr;
  return &ahead_[ahead_next_++];
}

bool Checker::PatchInPlace(const Ahead& ahead, const PatchTwin& patch, OperationResult* result) {
  if (ahead.columns_count == 0 || !pending_.IsInPlace(ahead.twin, patch.id) ||
      static_cast<int64_t>(ahead.columns_count) > limits_.patch_operations_max) {
    return false;
  }
  if (patch.condition.version.has_value() &&
      !(*patch.condition.version == pending_.VersionOf(ahead.twin))) {
    return false;
  }
  const graph::TableSchema& table = pending_.catalog().table(ahead.place.table);
  values_.clear();
  for (size_t i = 0; i < ahead.columns_count; ++i) {
    const ColumnId id = ahead.columns[i];
    const graph::ColumnSchema& column = table.columns[id.value];
    absl::StatusOr<Value> value = CheckValue(column, patch.edits[i].value, column.path, limits_);
    if (!value.ok() || IsKeptAsString(*value)) return false;
    values_.push_back({id, *std::move(value)});
  }
  pending_.SetInPlace(ahead.twin, ahead.place, absl::MakeSpan(values_));
  if (!table.required.empty()) written_.push_back(ahead.twin);
  result->changed = 1;
  return true;
}

}  // namespace twin::ingest
