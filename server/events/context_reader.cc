#include "server/events/context_reader.h"

#include <algorithm>
#include <limits>

#include "server/base/status_macros.h"
#include "server/events/last_values.h"

namespace twin::events {

const graph::GraphView& ContextReader::View() {
  if (view_ == nullptr) {
    const MutexLock lock(&sources_.graph->mutex);
    view_ = sources_.graph->graph.Pin();
  }
  return *view_;
}

absl::Status ContextReader::EndRecord() {
  view_ = nullptr;
  history_ = nullptr;
  return std::exchange(status_, absl::OkStatus());
}

std::optional<graph::Cell> ContextReader::CellNow(const Event& event,
                                                  const graph::ColumnSchema& column) {
  const graph::GraphView& view = View();
  if (!view.Exists(event.twin)) return std::nullopt;
  const graph::TableSchema& table = view.TableOf(event.twin);
  if (!(table.id == event.table)) return std::nullopt;
  return view.Get(event.twin, table.IdOf(column));
}

EventContext::Found ContextReader::ValueAt(const Event& event, absl::string_view path) {
  if (event.type == EventType::kTwinDeleted) return {};
  const graph::GraphView& view = View();
  if (event.table.value >= view.catalog().tables().size()) return {};
  const graph::ColumnSchema* const column = view.catalog().table(event.table).FindColumn(path);
  if (column == nullptr) return {};
  const std::optional<graph::Cell> now = CellNow(event, *column);
  if (now.has_value()) {
    // Whatever changes a property makes another version of the twin; samples of telemetry do not,
    // but there they stay. Server times never go back.
    const bool is_unchanged = view.sequence() <= event.sequence ||
                              (!now->value.is_null() && now->update_time < event.time) ||
                              ((!column->telemetry || now->value.is_null()) &&
                               view.VersionOf(event.twin) <= event.sequence);
    if (is_unchanged) return {now->value};
  }
  absl::StatusOr<Found> found = PropertyAt(event, *column, now);
  if (found.ok()) return *std::move(found);
  status_.Update(found.status());
  return {now.has_value() ? now->value : Value(), /*is_exact=*/false};
}

absl::StatusOr<std::optional<Value>> ContextReader::SampleAt(const Event& event,
                                                             const graph::ColumnSchema& column) {
  timeseries::PathId path;
  if (!sources_.history->FindPath(column.path, &path)) return std::nullopt;
  if (history_ == nullptr || !(history_->sequence() == event.sequence)) {
    history_ = sources_.history->Pin(event.sequence);
  }
  int64_t time = 0;
  Value value;
  TWIN_ASSIGN_OR_RETURN(const bool found,
                        ReadLast(*history_, {event.twin, path}, column.type,
                                 std::numeric_limits<int64_t>::max(), &time, &value));
  if (!found) return std::nullopt;
  return value;
}

absl::StatusOr<EventContext::Found> ContextReader::PropertyAt(
    const Event& event, const graph::ColumnSchema& column, const std::optional<graph::Cell>& now) {
  if (column.telemetry || column.traits.historized) {
    TWIN_ASSIGN_OR_RETURN(std::optional<Value> sample, SampleAt(event, column));
    if (sample.has_value()) return Found{*std::move(sample)};
    if (column.telemetry) return Found{};
  }
  const Found current{now.has_value() ? now->value : Value(), /*is_exact=*/false};
  if (event.sequence < sources_.log->oldest_recent()) return current;
  TWIN_RETURN_IF_ERROR(later_.Read(event.sequence, View().sequence()).status());
  const Value* const before = later_.ValueBefore(event.twin, column.path, event.sequence);
  if (before != nullptr) return Found{*before};
  std::optional<Value> at_end = ValueAtEnd(event, column);
  if (at_end.has_value()) return Found{*std::move(at_end)};
  // Set by the record that the event is of, or by a sample that is kept nowhere.
  const bool is_of_record = now.has_value() && now->update_time == event.time;
  return Found{current.value, is_of_record};
}

void ContextReader::ListLives() {
  const graph::GraphView& view = View();
  lives_.clear();
  graph::EndedTwin ended;
  for (uint32_t slot = 0; slot < view.ended_twin_slots(); ++slot) {
    if (view.GetEnded(slot, &ended)) lives_[ended.twin.value].push_back({ended.version, slot});
  }
  for (auto& [twin, lives] : lives_) {
    std::sort(lives.begin(), lives.end(),
              [](const Life& a, const Life& b) { return a.version < b.version; });
  }
  lives_at_ = view.sequence();
}

std::optional<Value> ContextReader::ValueAtEnd(const Event& event,
                                               const graph::ColumnSchema& column) {
  const LaterChanges::Ends ends = later_.EndsOf(event.twin, event.sequence);
  if (ends.count == 0) return std::nullopt;
  if (lives_at_ < ends.last) ListLives();
  const auto lives = lives_.find(event.twin.value);
  if (lives == lives_.end() || lives->second.size() < ends.count) return std::nullopt;
  const Life& life = lives->second[lives->second.size() - ends.count];
  const graph::GraphView& view = View();
  graph::EndedTwin ended;
  const bool is_kept = view.GetEnded(life.slot, &ended) && ended.twin == event.twin &&
                       ended.version == life.version && ended.table == event.table;
  if (!is_kept) return std::nullopt;
  const graph::TableSchema& table = view.catalog().table(event.table);
  return view.EndedCell(life.slot, table.IdOf(column)).value;
}

}  // namespace twin::events
