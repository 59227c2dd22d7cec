#include "server/events/later_changes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace twin::events {
namespace {

using ChangeKind = ingest::Change::Kind;

// What is applied is told within a moment.
constexpr std::chrono::milliseconds kTellWait{10};
constexpr int kTellWaits = 500;
constexpr size_t kKeptMin = 1'024;

// The first of `entries`, which are in order, behind `after`.
template <typename Entries>
auto FirstBehind(Entries& entries, Sequence after) {
  return std::upper_bound(entries.begin(), entries.end(), after,
                          [](Sequence place, const auto& entry) { return place < entry.sequence; });
}

// Drops what is not behind `through`; returns how much is left.
template <typename Lists>
size_t KeepBehind(Sequence through, Lists* lists) {
  size_t left = 0;
  absl::erase_if(*lists, [&](auto& each) {
    each.second.erase(each.second.begin(), FirstBehind(each.second, through));
    left += each.second.size();
    return each.second.empty();
  });
  return left;
}

}  // namespace

absl::Status DecodeGraph(const ingest::AppliedRecord& record, std::vector<ingest::Unit>* units) {
  ingest::RecordHeader header;
  header.time = record.time;
  header.units = record.units;
  return ingest::DecodeUnits(absl::string_view(record.bytes).substr(record.body), header, units);
}

void LaterChanges::Clear() {
  read_ = Sequence(0);
  ClearKept();
  kept_max_ = kKeptMin;
}

void LaterChanges::ClearKept() {
  twins_.clear();
  relationships_.clear();
  moves_.clear();
  values_.clear();
  listed_ = 0;
}

void LaterChanges::NotePaths(const std::vector<std::string>& paths) {
  if (paths == paths_) return;
  Clear();
  paths_ = paths;
  path_numbers_.clear();
  for (const std::string& path : paths) {
    path_numbers_.emplace(path, static_cast<uint32_t>(path_numbers_.size()));
  }
}

absl::StatusOr<bool> LaterChanges::Read(Sequence from, Sequence through, SteadyTime until) {
  ChangeLog::Reader reader(sources_.log, read_ < from ? from : Sequence(read_.value + 1));
  if (through < reader.next()) return true;
  std::shared_ptr<const graph::Catalog> catalog;
  {
    const MutexLock lock(&sources_.graph->mutex);
    catalog = sources_.graph->graph.head().shared_catalog();
  }
  int waits = 0;
  while (reader.next() <= through) {
    TWIN_ASSIGN_OR_RETURN(const RecordPtr record, reader.Next());
    if (record == nullptr) {
      if (waits++ < kTellWaits) {
        sources_.log->WaitBeyond(Sequence(reader.next().value - 1), kTellWait);
        continue;
      }
      return absl::InternalError(absl::StrCat("sequence ", reader.next().value,
                                              " was applied, but its record is not there"));
    }
    read_ = record->last();
    std::vector<ingest::Unit> units;
    if (record->is_graph) TWIN_RETURN_IF_ERROR(DecodeGraph(*record, &units));
    // Values are asked for behind places that are in the ring, which only moves on.
    const bool notes_values =
        !path_numbers_.empty() && sources_.log->oldest_recent() <= record->last();
    for (size_t i = 0; i < units.size(); ++i) {
      const Sequence sequence(record->first.value + i);
      for (const ingest::Change& change : units[i].changes) {
        Add(change, sequence, *catalog, notes_values);
      }
    }
    if (until != kNever && std::chrono::steady_clock::now() > until) break;
  }
  return through < reader.next();
}

void LaterChanges::Add(const ingest::Change& change, Sequence sequence,
                       const graph::Catalog& catalog, bool notes_values) {
  const TableId table(change.table);
  switch (change.kind) {
    case ChangeKind::kDeleteTwin:
      twins_[change.number] = {std::string(change.text), table, sequence};
      return;
    case ChangeKind::kMoveTwin:
      moves_[change.number].push_back({sequence, TableId(change.before)});
      ++listed_;
      return;
    case ChangeKind::kDeleteRelationship:
      relationships_[change.number] = {RelationshipTypeId(change.table), TwinNumber(change.source),
                                       TwinNumber(change.target), std::string(change.text),
                                       sequence};
      return;
    case ChangeKind::kSetValue: {
      if (!notes_values || table.value >= catalog.tables().size()) return;
      const std::vector<graph::ColumnSchema>& columns = catalog.table(table).columns;
      if (change.column >= columns.size()) return;
      const auto path = path_numbers_.find(columns[change.column].path);
      if (path == path_numbers_.end()) return;
      values_[{change.number, path->second}].push_back({sequence, change.old_value});
      ++listed_;
      return;
    }
    default:
      return;
  }
}

const LaterChanges::GoneTwin* LaterChanges::Find(TwinNumber twin) const {
  const auto found = twins_.find(twin.value);
  return found == twins_.end() ? nullptr : &found->second;
}

const LaterChanges::GoneRelationship* LaterChanges::Find(RelationshipNumber relationship) const {
  const auto found = relationships_.find(relationship.value);
  return found == relationships_.end() ? nullptr : &found->second;
}

const LaterChanges::Move* LaterChanges::NextMove(TwinNumber twin, Sequence after) const {
  const auto found = moves_.find(twin.value);
  if (found == moves_.end()) return nullptr;
  const auto next = FirstBehind(found->second, after);
  return next == found->second.end() ? nullptr : &*next;
}

LaterChanges::Ends LaterChanges::EndsOf(TwinNumber twin, Sequence after) const {
  Ends ends;
  const auto add = [&](Sequence sequence) {
    if (sequence <= after) return;
    ++ends.count;
    ends.last = std::max(ends.last, sequence);
  };
  const auto moves = moves_.find(twin.value);
  if (moves != moves_.end()) {
    for (const Move& move : moves->second) add(move.sequence);
  }
  if (const GoneTwin* const gone = Find(twin); gone != nullptr) add(gone->sequence);
  return ends;
}

const Value* LaterChanges::ValueBefore(TwinNumber twin, absl::string_view path,
                                       Sequence after) const {
  const auto number = path_numbers_.find(path);
  if (number == path_numbers_.end()) return nullptr;
  const auto found = values_.find(std::pair(twin.value, number->second));
  if (found == values_.end()) return nullptr;
  const auto next = FirstBehind(found->second, after);
  return next == found->second.end() ? nullptr : &next->value;
}

UnderSet::LaterGone LaterChanges::GoneEdges(Sequence after) const {
  UnderSet::LaterGone edges;
  for (const auto& [number, gone] : relationships_) {
    if (gone.sequence <= after) continue;
    edges[gone.source.value].push_back({{RelationshipNumber(number), gone.target}, gone.type});
  }
  return edges;
}

void LaterChanges::Pass(Sequence through) {
  if (kept() == 0) return;
  if (read_ <= through) return ClearKept();
  if (kept() < kept_max_) return;
  absl::erase_if(twins_, [&](const auto& each) { return each.second.sequence <= through; });
  absl::erase_if(relationships_, [&](const auto& each) { return each.second.sequence <= through; });
  listed_ = KeepBehind(through, &moves_) + KeepBehind(through, &values_);
  kept_max_ = std::max(kKeptMin, 2 * kept());
}

}  // namespace twin::events
