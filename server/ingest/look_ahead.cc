// Checker::LookAhead. What an operation asks for lies all over memory: a slot of the index of ids,
// the twin's entry, a page of each column. Each of these is asked for of all operations before the
// next is, so that memory works on many of them at once. What was found on the way is kept, and
// most patches need no more than that.
#include <algorithm>
#include <utility>

#include "server/ingest/checker.h"

namespace twin::ingest {
namespace {

constexpr size_t kIdsMax = 2 * Checker::kLookAhead;  // source and target of a relationship

}  // namespace

template <typename Found>
void Checker::FetchTwins(absl::Span<const Wanted> wanted, Found found) {
  const graph::GraphView& head = pending_.head();
  size_t hashes[kIdsMax];
  TwinNumber twins[kIdsMax];
  TwinNumber sources[kIdsMax];
  size_t sources_count = 0;
  for (size_t i = 0; i < wanted.size(); ++i) hashes[i] = wanted[i].hash;
  const absl::Span<const size_t> ids = absl::MakeConstSpan(hashes, wanted.size());
  head.FetchIds(ids);
  head.GuessTwins(ids, twins);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (twins[i] == kNoTwin) continue;
    head.FetchIdPlace(twins[i]);
    head.FetchTwin(twins[i]);
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (twins[i] == kNoTwin) continue;
    head.FetchId(twins[i]);
    if (wanted[i].is_source) sources[sources_count++] = twins[i];
    Ahead* ahead = wanted[i].ahead;
    if (ahead == nullptr || !head.FindPlace(twins[i], &ahead->place)) continue;
    ahead->twin = twins[i];
    found(ahead);
  }
  head.FetchOutgoing(absl::MakeConstSpan(sources, sources_count));
}

void Checker::LookAhead(absl::Span<const Operation> operations) {
  ahead_count_ = 0;
  ahead_next_ = 0;
  if (pending_.head().shared_catalog() != pending_.shared_catalog()) return;  // a dry run of models
  Wanted wanted[kIdsMax];
  size_t count = 0;
  const auto add = [&](const std::string& id, Ahead* ahead, bool is_source = false) {
    const size_t hash = graph::GraphView::HashOf(id);
    pending_.FetchTwin(hash);
    wanted[count++] = {hash, ahead, is_source};
  };
  for (const Operation& operation : operations.subspan(0, kLookAhead)) {
    Ahead& ahead = ahead_[ahead_count_++];
    ahead.of = &operation;
    ahead.row = 0;
    ahead.columns_count = 0;
    if (const auto* patch = std::get_if<PatchTwin>(&operation)) {
      add(patch->id, &ahead);
    } else if (const auto* put = std::get_if<PutTwin>(&operation)) {
      add(put->id, nullptr);
    } else if (const auto* related = std::get_if<PutRelationship>(&operation)) {
      add(related->source_id, nullptr, /*is_source=*/true);
      add(related->target_id, nullptr);
    } else if (const auto* deleted = std::get_if<DeleteTwin>(&operation)) {
      add(deleted->id, nullptr);
    }
  }
  FetchTwins(absl::MakeConstSpan(wanted, count), [&](Ahead* ahead) {
    FindColumns(std::get<PatchTwin>(*static_cast<const Operation*>(ahead->of)), ahead);
  });
}

void Checker::LookAhead(const PatchColumns& patches, size_t row) {
  ahead_count_ = 0;
  ahead_next_ = 0;
  if (pending_.head().shared_catalog() != pending_.shared_catalog()) return;
  Wanted wanted[kLookAhead];
  for (; row < patches.rows() && ahead_count_ < kLookAhead; ++row) {
    Ahead& ahead = ahead_[ahead_count_];
    ahead.of = &patches;
    ahead.row = row;
    ahead.columns_count = 0;
    wanted[ahead_count_++] = {graph::GraphView::HashOf(patches.Id(row)), &ahead};
  }
  // Neighbours are mostly of one model, and have the same columns then.
  const Ahead* last = nullptr;
  FetchTwins(absl::MakeConstSpan(wanted, ahead_count_), [&](Ahead* ahead) {
    const graph::GraphView& head = pending_.head();
    if (last != nullptr && last->place.table == ahead->place.table) {
      ahead->columns_count = last->columns_count;
      std::copy_n(last->columns, last->columns_count, ahead->columns);
    } else {
      FindColumns(patches, head.catalog().table(ahead->place.table), ahead);
    }
    last = ahead;
    for (size_t i = 0; i < ahead->columns_count; ++i) {
      head.FetchValue(ahead->place, ahead->columns[i]);
    }
  });
}

void Checker::FindColumns(const PatchColumns& patches, const graph::TableSchema& table,
                          Ahead* ahead) {
  ahead->columns_count = 0;
  const size_t count = patches.columns().size();
  for (size_t i = 0; i < count; ++i) {
    const graph::ColumnSchema* column =
        paths_.Find(pending_.head().shared_catalog(), table, "", patches.columns()[i].path, i)
            .column;
    if (column == nullptr || column->telemetry) return;
    ahead->columns[i] = table.IdOf(*column);
  }
  ahead->columns_count = count;
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

const Checker::Ahead* Checker::TakeAhead(const void* of, size_t row) {
  if (ahead_next_ >= ahead_count_) return nullptr;
  const Ahead& next = ahead_[ahead_next_];
  if (next.of != of || next.row != row) return nullptr;
  ++ahead_next_;
  return &next;
}

template <typename ValueAt>
bool Checker::SetInPlace(const Ahead& ahead, absl::string_view id, ValueAt value,
                         OperationResult* result) {
  if (ahead.columns_count == 0 || !pending_.IsInPlace(ahead.twin, id) ||
      static_cast<int64_t>(ahead.columns_count) > limits_.patch_operations_max) {
    return false;
  }
  const graph::TableSchema& table = pending_.catalog().table(ahead.place.table);
  values_.clear();
  for (size_t i = 0; i < ahead.columns_count; ++i) {
    const ColumnId column = ahead.columns[i];
    const graph::ColumnSchema& schema = table.columns[column.value];
    absl::StatusOr<Value> checked = CheckValue(schema, value(i), schema.path, limits_);
    if (!checked.ok() || IsKeptAsString(*checked)) return false;
    values_.push_back({column, *std::move(checked)});
  }
  pending_.SetInPlace(ahead.twin, ahead.place, absl::MakeSpan(values_));
  if (!table.required.empty()) written_.push_back(ahead.twin);
  result->changed = 1;
  return true;
}

bool Checker::PatchInPlace(const Ahead& ahead, const PatchTwin& patch, OperationResult* result) {
  if (patch.condition.version.has_value()) {
    if (ahead.columns_count == 0 || !pending_.IsInPlace(ahead.twin, patch.id) ||
        !(*patch.condition.version == pending_.VersionOf(ahead.twin))) {
      return false;
    }
  }
  return SetInPlace(
      ahead, patch.id, [&](size_t i) -> const Value& { return patch.edits[i].value; }, result);
}

absl::Status Checker::Check(const PatchColumns& patches, size_t row, OperationResult* result) {
  *result = OperationResult();
  result->version = pending_.next_sequence();
  const Ahead* ahead = TakeAhead(&patches, row);
  if (ahead != nullptr &&
      SetInPlace(
          *ahead, patches.Id(row), [&](size_t i) { return patches.Get(row, i); }, result)) {
    return absl::OkStatus();
  }
  return Check(Operation(RowOf(patches, row)), result);
}

}  // namespace twin::ingest
