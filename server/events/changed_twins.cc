#include "server/events/changed_twins.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/ingest/telemetry_record.h"
#include "server/ingest/telemetry_state.h"

namespace twin::events {
namespace {

// What is applied is told within a moment.
constexpr std::chrono::milliseconds kToldWait{10};
constexpr int kToldWaits = 500;
// Of layouts that are remembered: 4 MB or so.
constexpr size_t kLayoutTwinsMax = 1'000'000;

template <typename T>
void SetBit(size_t index, T* bits) {
  if (bits->size() <= index) bits->resize(index + 1);
  (*bits)[index] = true;
}

bool HasPath(const Watched& watched, const graph::TableSchema& table, absl::string_view path) {
  const graph::ColumnSchema* const column = table.FindColumn(path);
  return column != nullptr && watched.HasColumn(table.id, table, table.IdOf(*column));
}

}  // namespace

// --- Watched ---

Watched::Table& Watched::At(TableId table) {
  if (tables_.size() <= table.value) tables_.resize(table.value + 1);
  tables_[table.value].is_watched = true;
  return tables_[table.value];
}

void Watched::AddColumn(TableId table, ColumnId column) {
  SetBit(column.value, &At(table).columns);
}

void Watched::AddType(RelationshipTypeId type) { SetBit(type.value, &types_); }

bool Watched::HasColumn(TableId table, const graph::TableSchema& schema, ColumnId column) const {
  if (!HasTable(table)) return false;
  const Table& watched = tables_[table.value];
  if (column.value < watched.columns.size() && watched.columns[column.value]) return true;
  return watched.properties && column.value < schema.columns.size() &&
         !schema.columns[column.value].telemetry;
}

// --- ChangedTwinsReader ---

ChangedTwinsReader::ChangedTwinsReader(const Sources& sources, Sequence seen, size_t twins_max)
    : sources_(sources), twins_max_(twins_max), next_(seen.value + 1) {}

absl::Status ChangedTwinsReader::Read(const Watched& watched, const graph::GraphView& view,
                                      ChangedTwins* changed) {
  const Sequence from = next_;
  const absl::Status status = ReadTo(watched, view, changed);
  if (absl::IsOutOfRange(status)) {
    changed->too_many = true;
  } else {
    TWIN_RETURN_IF_ERROR(status);
  }
  if (changed->too_many) {
    changed->twins.clear();
    Forget();
    next_ = std::max(from, Sequence(view.sequence().value + 1));
  }
  return absl::OkStatus();
}

absl::Status ChangedTwinsReader::ReadTo(const Watched& watched, const graph::GraphView& view,
                                        ChangedTwins* changed) {
  ChangeLog::Reader reader(sources_.log, next_);
  int waits = 0;
  while (next_ <= view.sequence() && !changed->too_many) {
    TWIN_ASSIGN_OR_RETURN(const RecordPtr record, reader.Next());
    if (record == nullptr) {
      if (waits++ == kToldWaits) {
        return absl::InternalError(
            absl::StrCat("sequence ", next_.value, " was applied, but its record is not there"));
      }
      sources_.log->WaitBeyond(Sequence(next_.value - 1), kToldWait);
      continue;
    }
    TWIN_RETURN_IF_ERROR(Add(watched, view, *record, changed));
    // What the state does not have yet is to be looked at again.
    next_ = std::min(reader.next(), Sequence(view.sequence().value + 1));
    changed->too_many = changed->twins.size() > twins_max_;
  }
  return absl::OkStatus();
}

absl::Status ChangedTwinsReader::Add(const Watched& watched, const graph::GraphView& view,
                                     const ingest::AppliedRecord& record, ChangedTwins* changed) {
  if (record.is_graph) return AddGraph(watched, view, record, changed);
  switch (static_cast<ingest::RecordKind>(ingest::KindOf(record.bytes))) {
    case ingest::RecordKind::kFrames:
      return AddFrames(watched, view, record, changed);
    case ingest::RecordKind::kSamples:
      return AddSamples(watched, view, record, changed);
    default:
      return absl::OkStatus();
  }
}

absl::Status ChangedTwinsReader::AddGraph(const Watched& watched, const graph::GraphView& view,
                                          const ingest::AppliedRecord& record,
                                          ChangedTwins* changed) {
  std::vector<ingest::Unit> units;
  TWIN_RETURN_IF_ERROR(DecodeGraph(record, &units));
  for (const ingest::Unit& unit : units) {
    for (const ingest::Change& change : unit.changes) Add(watched, view, change, changed);
  }
  return absl::OkStatus();
}

void ChangedTwinsReader::Add(const Watched& watched, const graph::GraphView& view,
                             const ingest::Change& change, ChangedTwins* changed) {
  const TableId table(change.table);
  const RelationshipTypeId type(change.table);
  switch (change.kind) {
    case ingest::Change::Kind::kCreateTwin:
    case ingest::Change::Kind::kDeleteTwin:
      if (watched.HasTable(table)) changed->twins.insert(change.number);
      return;
    case ingest::Change::Kind::kMoveTwin:
      Forget();  // its paths are others now
      if (watched.HasTable(table) || watched.HasTable(TableId(change.before))) {
        changed->twins.insert(change.number);
      }
      return;
    case ingest::Change::Kind::kSetValue:
      if (table.value >= view.catalog().tables().size()) return;  // of a later state
      if (watched.HasColumn(table, view.catalog().table(table), ColumnId(change.column))) {
        changed->twins.insert(change.number);
      }
      return;
    case ingest::Change::Kind::kTouchTwin: {
      // It has another etag.
      const TwinNumber twin(change.number);
      if (view.Exists(twin) && watched.HasProperties(view.PlaceOf(twin).table)) {
        changed->twins.insert(change.number);
      }
      return;
    }
    case ingest::Change::Kind::kCreateRelationship:
    case ingest::Change::Kind::kDeleteRelationship:
      if (watched.HasType(type)) changed->twins.insert(change.target);
      return;
    case ingest::Change::Kind::kSetRelationshipValue:
    case ingest::Change::Kind::kTouchRelationship: {
      // One that is gone again has a deletion of its own.
      const RelationshipNumber relationship(change.number);
      if (!view.Exists(relationship)) return;
      const graph::Relationship found = view.Get(relationship);
      if (watched.HasType(found.type)) changed->twins.insert(found.target.value);
      return;
    }
    case ingest::Change::Kind::kCreateModel:
    case ingest::Change::Kind::kSetDecommissioned:
    case ingest::Change::Kind::kDeleteModel:
      Forget();
      changed->models = true;
      return;
  }
}

absl::Status ChangedTwinsReader::AddFrames(const Watched& watched, const graph::GraphView& view,
                                           const ingest::AppliedRecord& record,
                                           ChangedTwins* changed) {
  ingest::FramesRecord decoded;
  TWIN_RETURN_IF_ERROR(ingest::DecodeRecord(record.bytes, &decoded));
  for (const ingest::FrameRun& run : decoded.runs) {
    const uint64_t key = (uint64_t{run.layout} << 32) | run.version;
    auto found = layouts_.find(key);
    if (found == layouts_.end()) {
      std::shared_ptr<const ingest::LayoutVersion> version;
      {
        ingest::GuardedGraph& guarded = *sources_.graph;
        const MutexLock lock(&guarded.mutex);
        version = guarded.telemetry.FindVersion(run.layout, run.version);
      }
      if (version == nullptr) return absl::DataLossError("a frame of a layout that there is not");
      std::vector<uint32_t> twins;
      for (const ingest::ColumnTarget target : version->columns.all_targets()) {
        if (view.Exists(target.twin) && HasPath(watched, view.TableOf(target.twin), target.path)) {
          twins.push_back(target.twin.value);
        }
      }
      std::sort(twins.begin(), twins.end());
      twins.erase(std::unique(twins.begin(), twins.end()), twins.end());
      if (layout_twins_ > kLayoutTwinsMax) Forget();
      layout_twins_ += 1 + twins.size();
      found = layouts_.emplace(key, std::move(twins)).first;
    }
    changed->twins.insert(found->second.begin(), found->second.end());
  }
  return absl::OkStatus();
}

absl::Status ChangedTwinsReader::AddSamples(const Watched& watched, const graph::GraphView& view,
                                            const ingest::AppliedRecord& record,
                                            ChangedTwins* changed) {
  ingest::SamplesRecord decoded;
  TWIN_RETURN_IF_ERROR(ingest::DecodeRecord(record.bytes, &decoded));
  absl::flat_hash_map<uint32_t, bool> is_watched;  // by table, in this run
  for (const ingest::SampleRun& run : decoded.runs) {
    is_watched.clear();
    for (const TwinNumber twin : run.twins) {
      if (!view.Exists(twin)) continue;
      const graph::TableSchema& table = view.TableOf(twin);
      const auto [known, is_new] = is_watched.emplace(table.id.value, false);
      if (is_new) {
        known->second = std::any_of(run.columns.begin(), run.columns.end(),
                                    [&](const ingest::SampleRun::Column& column) {
                                      return HasPath(watched, table, column.path);
                                    });
      }
      if (known->second) changed->twins.insert(twin.value);
    }
  }
  return absl::OkStatus();
}

}  // namespace twin::events
