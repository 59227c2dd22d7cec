#include "server/ingest/telemetry_state.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"

namespace twin::ingest {

using timeseries::ColumnKind;
using timeseries::ColumnRows;
using timeseries::SeriesKey;

absl::Status TelemetryState::Damaged(absl::string_view what, Sequence sequence) {
  return absl::DataLossError(absl::StrCat("the journal record of sequence ", sequence.value,
                                          " does not fit the state before it: ", what));
}

Layout TelemetryState::LayoutState::Read() const {
  Layout layout;
  ByteReader reader(encoded);
  TWIN_CHECK(DecodeLayout(&reader, &layout)) << id;
  return layout;
}

const uint32_t* TelemetryState::FindLayout(absl::string_view id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &it->second;
}

std::shared_ptr<const LayoutVersion> TelemetryState::FindVersion(uint32_t layout,
                                                                 uint32_t version) const {
  if (layout >= layouts_.size()) return nullptr;
  const auto& versions = layouts_[layout]->versions;
  return version == 0 || version > versions.size() ? nullptr : versions[version - 1];
}

const LayoutVersion& TelemetryState::VersionAt(const LayoutState& layout, int64_t time) {
  for (size_t i = layout.versions.size(); i-- > 1;) {
    if (layout.versions[i]->valid_from.ns <= time) return *layout.versions[i];
  }
  return *layout.versions.front();  // also what came before it
}

uint64_t TelemetryState::LastBatch(absl::string_view producer) const {
  const auto it = producers_.find(producer);
  return it == producers_.end() ? 0 : it->second.number;
}

void TelemetryState::Remember(absl::string_view producer, uint64_t number, Time time) {
  if (producer.empty()) return;
  Producer& known = producers_[producer];
  known.number = std::max(known.number, number);
  known.time = time;
}

absl::Status TelemetryState::Apply(absl::string_view record, Sequence first, uint64_t count,
                                   Sequence applied, graph::Graph* graph) {
  switch (static_cast<RecordKind>(ingest::KindOf(record))) {
    case RecordKind::kLayout:
      if (count != 1) return Damaged("a layout has one sequence", first);
      return first <= applied ? absl::OkStatus() : ApplyLayout(record, first, graph);
    case RecordKind::kFrames:
      return ApplyFrames(record, first, count, applied, graph);
    case RecordKind::kSamples:
      return ApplySamples(record, first, count, applied, graph);
    default:
      return absl::FailedPreconditionError(absl::StrCat("a journal record of kind ",
                                                        static_cast<int>(ingest::KindOf(record)),
                                                        ", which this version does not know"));
  }
}

// --- Layouts ---

void TelemetryState::Watch(const LayoutVersion& version) {
  for (const TwinNumber twin : version.watched) watching_.Add(twin, version.layout);
}

void TelemetryState::AddVersion(const Layout& layout, std::shared_ptr<LayoutVersion> version) {
  const uint32_t number = version->layout;
  auto state = std::make_shared<LayoutState>();
  if (number == layouts_.size()) {
    by_id_[layout.id] = number;
    layouts_.emplace_back();
    state->id = layout.id;
  } else {
    *state = *layouts_[number];
    for (const TwinNumber twin : state->versions.back()->watched) watching_.Remove(twin, number);
  }
  Watch(*version);
  state->encoded = EncodeLayout(layout);
  state->versions.push_back(std::move(version));
  layouts_[number] = std::move(state);
  changed_.insert(number);
}

absl::Status TelemetryState::ApplyLayout(absl::string_view bytes, Sequence sequence,
                                         graph::Graph* graph) {
  LayoutRecord record;
  TWIN_RETURN_IF_ERROR(DecodeRecord(bytes, &record));
  auto version = std::make_shared<LayoutVersion>(std::move(record.version));
  const graph::GraphView& head = graph->head();
  const bool is_new = version->layout == layouts_.size();
  if (version->layout > layouts_.size() ||
      version->version != (is_new ? 1 : layouts_[version->layout]->versions.size() + 1) ||
      is_new != (FindLayout(record.layout.id) == nullptr)) {
    return Damaged("a layout out of order", sequence);
  }
  if (history_ != nullptr) {
    for (const ColumnTarget target : version->columns.all_targets()) {
      KeepBaseline(target.twin, target.path, /*next=*/std::nullopt, sequence, head);
    }
    version->group = history_->AddGroup(
        SpecOf(*version, [&](absl::string_view path) { return history_->AddPath(path); }));
  }
  StaleDone(version->layout);
  AddVersion(record.layout, std::move(version));
  graph->Advance(sequence, record.time);
  return absl::OkStatus();
}

void TelemetryState::TopologyChanged(TwinNumber source, TwinNumber target, Time time) {
  if (watching_.empty()) return;
  for (const TwinNumber twin : {source, target}) {
    for (const uint32_t layout : watching_.Find(twin)) stale_.emplace(layout, time);
  }
}

void TelemetryState::TwinCreated(absl::string_view id, Time time, const graph::GraphView& head) {
  if (layouts_.empty() || head.EndOfFormer(id) == Time{INT64_MIN}) return;
  renewed_[id] = time;
}

void TelemetryState::TwinMoved(TwinNumber twin, Time time, const graph::GraphView& head) {
  if (layouts_.empty()) return;
  renewed_[head.IdOf(twin)] = time;
  if (watching_.empty()) return;
  for (RelationshipNumber at = head.FirstIncoming(twin); !(at == kNoRelationship);
       at = head.NextIncoming(at)) {
    TopologyChanged(head.LinkOf(at).source, twin, time);
  }
}

const std::map<uint32_t, Time>& TelemetryState::FindStale() {
  for (uint32_t number = 0; number < layouts_.size() && !renewed_.empty(); ++number) {
    const auto look = [&](const std::string& id) {
      const auto it = renewed_.find(id);
      if (it != renewed_.end()) stale_.emplace(number, it->second);
    };
    const std::vector<LayoutColumn> columns = layouts_[number]->Read().columns;
    for (const LayoutColumn& column : columns) {
      if (column.has_rule) look(column.rule.twin_id);
      for (const LayoutTarget& target : column.targets) look(target.twin_id);
    }
  }
  renewed_.clear();
  return stale_;
}

void TelemetryState::StaleDone(uint32_t layout) { stale_.erase(layout); }

// --- Frames ---

absl::Status TelemetryState::ApplyFrames(absl::string_view bytes, Sequence first, uint64_t count,
                                         Sequence applied, graph::Graph* graph) {
  FramesRecord& record = frames_;
  TWIN_RETURN_IF_ERROR(DecodeRecord(bytes, &record));
  uint64_t frames = 0;
  for (const FrameRun& run : record.runs) frames += run.times.size();
  if (frames != count || count == 0) return Damaged("the number of its frames", first);
  const Sequence last(first.value + count - 1);
  // A checkpoint stands between records.
  if (last <= applied) return absl::OkStatus();
  uint64_t at = first.value;
  for (const FrameRun& run : record.runs) {
    if (run.layout >= layouts_.size() || run.version == 0 ||
        run.version > layouts_[run.layout]->versions.size()) {
      return Damaged("a layout that there is not", first);
    }
    const LayoutVersion& version = *layouts_[run.layout]->versions[run.version - 1];
    const size_t expected =
        run.times.size() *
        (run.is_doubles ? version.columns.size() * sizeof(double) : version.frame_bytes());
    if (run.bytes.size() != expected) return Damaged("the bytes of its frames", first);
    const absl::Span<const ColumnRows> columns =
        decoder_.Decode(version, run.times.size(), run.is_doubles ? absl::string_view() : run.bytes,
                        run.is_doubles ? run.bytes : absl::string_view());
    if (history_ != nullptr) {
      row_sequences_.resize(run.times.size());
      std::iota(row_sequences_.begin(), row_sequences_.end(), at);
      timeseries::Rows rows;
      rows.group = version.group;
      rows.times = run.times;
      rows.sequences = row_sequences_;
      rows.columns = columns;
      rows.runs = decoder_.runs();
      history_->Append(rows);
    }
    latest_.Set(version, run.times, columns, decoder_.runs(), Sequence(at), record.time, graph);
    at += run.times.size();
  }
  Remember(record.producer, record.number, record.time);
  graph->Advance(last, record.time);
  return absl::OkStatus();
}

// --- Properties ---

// What a property was before history began to be kept of it: one sample, at the time of its last
// change. Twins whose properties never change have no history of them and cost nothing. A sample of
// that very time, `next`, takes its place.
void TelemetryState::KeepBaseline(TwinNumber twin, absl::string_view path, std::optional<Time> next,
                                  Sequence sequence, const graph::GraphView& head) {
  if (history_ == nullptr || !head.Exists(twin)) return;
  const graph::TableSchema& table = head.TableOf(twin);
  const graph::ColumnSchema* const schema = table.FindColumn(path);
  if (schema == nullptr || schema->telemetry || !schema->traits.historized) return;
  const SeriesKey key{twin, history_->AddPath(path)};
  if (history_->Has(key)) return;
  const graph::Cell before = head.Get(twin, table.IdOf(*schema));
  if (before.value.is_null() || before.source_time == next) return;
  AppendSample(history_, key, ColumnKind::kValue, before.value, before.source_time.ns, sequence);
}

void TelemetryState::BeforeSet(absl::Span<const Change> changes, Sequence sequence,
                               const graph::GraphView& head) {
  if (history_ != nullptr) properties_.BeforeSet(changes, sequence, head, history_);
}

void TelemetryState::LookAhead(absl::Span<const Change> changes, const graph::GraphView& head) {
  if (history_ != nullptr) properties_.LookAhead(changes, head, history_);
}

// --- Checkpoints ---

namespace {
constexpr uint32_t kLayoutsKind = 1;
constexpr uint32_t kProducersKind = 2;
constexpr uint32_t kStaleKind = 3;
}  // namespace

TelemetryState::Pinned TelemetryState::PinForCheckpoint(bool everything) {
  Pinned pinned;
  for (uint32_t number = 0; number < layouts_.size(); ++number) {
    if (everything || changed_.contains(number)) {
      pinned.layouts_.emplace_back(number, layouts_[number]);
    }
  }
  changed_.clear();
  AppendVarint(&pinned.producers_, producers_.size());
  for (const auto& [id, producer] : producers_) {
    AppendString(&pinned.producers_, id);
    AppendVarint(&pinned.producers_, producer.number);
    AppendFixed(&pinned.producers_, producer.time.ns);
  }
  FindStale();
  AppendVarint(&pinned.stale_, stale_.size());
  for (const auto& [layout, since] : stale_) {
    AppendVarint(&pinned.stale_, layout);
    AppendFixed(&pinned.stale_, since.ns);
  }
  return pinned;
}

absl::Status TelemetryState::Pinned::Visit(
    absl::FunctionRef<absl::Status(uint32_t kind, uint32_t number, absl::string_view bytes)> visit)
    const {
  for (const auto& [number, state] : layouts_) {
    std::string bytes = state->encoded;
    AppendVarint(&bytes, state->versions.size());
    for (const auto& version : state->versions) {
      EncodeVersion(*version, &bytes);
      AppendVarint(&bytes, version->group.value);
    }
    TWIN_RETURN_IF_ERROR(visit(kLayoutsKind, number, bytes));
  }
  TWIN_RETURN_IF_ERROR(visit(kProducersKind, 0, producers_));
  return visit(kStaleKind, 0, stale_);
}

absl::Status TelemetryState::Load(uint32_t kind, uint32_t number, absl::string_view bytes) {
  ByteReader reader(bytes);
  if (kind == kLayoutsKind) {
    auto state = std::make_shared<LayoutState>();
    Layout layout;
    DecodeLayout(&reader, &layout);
    state->id = layout.id;
    state->encoded = EncodeLayout(layout);
    const uint64_t versions = reader.Varint(bytes.size());
    for (uint64_t i = 0; i < versions && reader.ok(); ++i) {
      auto version = std::make_shared<LayoutVersion>();
      DecodeVersion(&reader, version.get());
      version->group = timeseries::GroupId{reader.Varint32()};
      if (version->layout != number || version->version != i + 1) reader.Fail();
      state->versions.push_back(std::move(version));
    }
    if (state->versions.empty()) reader.Fail();
    if (layouts_.size() <= number) layouts_.resize(number + 1);
    layouts_[number] = std::move(state);
  } else if (kind == kProducersKind) {
    const uint64_t producers = reader.Varint(bytes.size());
    for (uint64_t i = 0; i < producers && reader.ok(); ++i) {
      Producer& producer = producers_[reader.String()];
      producer.number = reader.Varint();
      producer.time = Time{reader.Fixed<int64_t>()};
    }
  } else if (kind == kStaleKind) {
    const uint64_t stale = reader.Varint(bytes.size());
    for (uint64_t i = 0; i < stale && reader.ok(); ++i) {
      const uint32_t layout = reader.Varint32();
      stale_.emplace(layout, Time{reader.Fixed<int64_t>()});
    }
  } else {
    reader.Fail();
  }
  return reader.ok() && reader.done()
             ? absl::OkStatus()
             : absl::DataLossError("the checkpoint is damaged: layouts; start on a backup");
}

absl::Status TelemetryState::FinishLoad() {
  for (size_t i = 0; i < layouts_.size(); ++i) {
    if (layouts_[i] == nullptr) {
      return absl::DataLossError("the checkpoint is damaged: a layout is missing");
    }
    by_id_[layouts_[i]->id] = static_cast<uint32_t>(i);
    Watch(*layouts_[i]->versions.back());
  }
  return absl::OkStatus();
}

}  // namespace twin::ingest
