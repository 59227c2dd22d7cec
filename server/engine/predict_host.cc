#include "server/engine/predict_host.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/base/thread_name.h"
#include "server/base/thread_priority.h"
#include "server/engine/feature_query.h"
#include "server/events/feed.h"
#include "server/events/filter.h"

namespace twin::engine {
namespace {

using predict::Feature;
using EmitRows =
    absl::FunctionRef<absl::Status(predict::FeatureRows rows, predict::Host::MayGoOn may_go_on)>;

// Nobody waits for it to say where it stands.
constexpr int64_t kProgressMs = 3'600'000;

// A subscription of the change feed.
class PathWatch : public predict::Watch, public events::Sink {
 public:
  PathWatch(std::vector<std::string> paths,
            std::function<void(std::vector<predict::Change>)> changed, std::function<void()> lost)
      : paths_(std::move(paths)), changed_(std::move(changed)), lost_(std::move(lost)) {}

  absl::Status Start(events::Feed* feed, events::SubscribeOptions options) {
    TWIN_ASSIGN_OR_RETURN(subscription_, feed->Subscribe(std::move(options), this));
    subscription_->Start();
    return absl::OkStatus();
  }

  ~PathWatch() override {
    if (subscription_ == nullptr) return;
    {
      const MutexLock lock(&mutex_);
      is_cancelled_ = true;
    }
    subscription_->Cancel(absl::CancelledError("nobody watches any more"));
    const MutexLock lock(&mutex_);
    while (!has_ended_) ended_.Wait(&mutex_);
  }

  void Send(events::Message message) override {
    std::vector<predict::Change> changes;
    for (const events::EventPtr& event : message.events) {
      for (const events::PathChange& path : event->changes) {
        // An event has all that one write changed.
        const bool is_watched = std::any_of(
            paths_.begin(), paths_.end(),
            [&](const std::string& watched) { return events::Covers(watched, path.path); });
        if (!is_watched) continue;
        predict::Change change;
        change.twin = std::string(event->twin_id);
        change.path = std::string(path.path);
        if (path.new_value.kind() == Value::Kind::kDouble)
          change.value = path.new_value.as_double();
        if (path.new_value.kind() == Value::Kind::kInt) {
          change.value = static_cast<double>(path.new_value.as_int());
        }
        change.source_time = path.source_time;
        changes.push_back(std::move(change));
      }
    }
    if (!changes.empty()) changed_(std::move(changes));
    subscription_->Sent();
  }

  void End(const absl::Status& /*status*/) override {
    bool is_lost = false;
    {
      const MutexLock lock(&mutex_);
      is_lost = !is_cancelled_;
    }
    if (is_lost) lost_();
    const MutexLock lock(&mutex_);
    has_ended_ = true;
    ended_.SignalAll();
  }

 private:
  const std::vector<std::string> paths_;
  const std::function<void(std::vector<predict::Change>)> changed_;
  const std::function<void()> lost_;
  std::shared_ptr<events::Subscription> subscription_;
  Mutex mutex_;
  CondVar ended_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

class PredictHost : public predict::Host {
 public:
  PredictHost(Engine* engine, query::TaskPool* pool, const Clock* clock)
      : engine_(engine), pool_(pool), clock_(clock != nullptr ? *clock : SystemClock()) {}

  Time Now() const override { return clock_.Now(); }
  storage::Documents& documents() override { return engine_->documents(); }

  absl::Status CheckQuery(const std::string& text, const std::vector<Feature>& features) override {
    const std::shared_ptr<const query::Catalog> catalog = engine_->OpenReader()->shared_catalog();
    TWIN_RETURN_IF_ERROR(BindFeatures(text, features, /*for_twins=*/false, catalog).status());
    return BindFeatures(text, features, /*for_twins=*/true, catalog).status();
  }

  absl::Status CheckEstimate(const std::string& model, const std::string& path,
                             const std::string& unit) override {
    TWIN_RETURN_IF_ERROR(CheckNumber(model, absl::StrCat(path, ".value"), unit));
    TWIN_ASSIGN_OR_RETURN(const ModelOf found, FindModel(model));
    for (const char* member :
         {"lo", "hi", "level", "method", "source", "modelVersion", "asOf", "status"}) {
      if (found.model->Find(absl::StrCat(path, ".", member)) != nullptr) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("'", path, "' of ", model, " is no estimate: it has no '", member, "'"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckNumber(const std::string& model, const std::string& path,
                           const std::string& unit) override {
    TWIN_ASSIGN_OR_RETURN(const ModelOf found, FindModel(model));
    const query::Column* const column = found.model->Find(path);
    if (column == nullptr) return NoPath(model, path);
    if (column->type != query::TypeKind::kDouble && column->type != query::TypeKind::kInt) {
      return absl::InvalidArgumentError(absl::StrCat("'", path, "' of ", model, " is no number"));
    }
    const absl::string_view its = column->unit == nullptr ? "" : column->unit->name;
    if (its == unit) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' of ", model, " is in ", its.empty() ? "no unit" : its,
                     ", the predictor's output in ", unit.empty() ? "none" : unit));
  }

  absl::Status CheckPath(const std::string& model, const std::string& path) override {
    TWIN_ASSIGN_OR_RETURN(const ModelOf found, FindModel(model));
    const std::string below = absl::StrCat(path, ".");
    for (const query::Column& column : found.model->columns) {
      if (column.path == path || column.path.compare(0, below.size(), below) == 0) {
        return absl::OkStatus();
      }
    }
    return NoPath(model, path);
  }

  absl::StatusOr<Sequence> ReadFeatures(const predict::FeatureQuery& query,
                                        std::function<absl::Status()> interrupted,
                                        EmitRows emit) override;

  std::vector<predict::CurrentEstimate> ReadEstimates(const std::vector<std::string>& twins,
                                                      const std::string& path) override {
    const std::shared_ptr<const graph::GraphView> view = engine_->Pin();
    std::vector<predict::CurrentEstimate> estimates(twins.size());
    for (size_t i = 0; i < twins.size(); ++i) {
      const TwinNumber twin = view->FindTwin(twins[i]);
      if (twin == kNoTwin) continue;
      estimates[i].twin_exists = true;
      estimates[i].has_value = !ValueOf(*view, twin, path, "value").is_null();
      estimates[i].source = TextOf(*view, twin, path, "source");
      estimates[i].status = TextOf(*view, twin, path, "status");
    }
    return estimates;
  }

  absl::StatusOr<std::vector<std::string>> FindEstimates(const std::string& model,
                                                         const std::string& path,
                                                         const std::string& source) override {
    const std::unique_ptr<SnapshotReader> reader = engine_->OpenReader();
    const graph::GraphView& view = reader->view();
    std::vector<std::string> twins;
    ForEachTwin(*reader, model, [&](TwinNumber twin) {
      if (TextOf(view, twin, path, "source") != source) return;
      const std::string status = TextOf(view, twin, path, "status");
      const bool holds = status == NameOf(predict::EstimateStatus::kOk) ||
                         status == NameOf(predict::EstimateStatus::kOutOfDomain);
      if (holds && !ValueOf(view, twin, path, "value").is_null()) {
        twins.emplace_back(view.IdOf(twin));
      }
    });
    return twins;
  }

  ingest::WriteResult Write(ingest::WriteBatch batch) override {
    return engine_->Write(std::move(batch));
  }
  void Write(ingest::WriteBatch batch, WriteDone done) override {
    engine_->Write(std::move(batch), std::move(done));
  }

  absl::StatusOr<std::unique_ptr<predict::Watch>> WatchPaths(
      const std::string& model, const std::vector<std::string>& paths,
      std::function<void(std::vector<predict::Change>)> changed,
      std::function<void()> lost) override {
    events::SubscribeOptions options;
    options.filter.models = {model};
    options.filter.paths = paths;
    options.progress_interval_ms = kProgressMs;
    auto watch = std::make_unique<PathWatch>(paths, std::move(changed), std::move(lost));
    TWIN_RETURN_IF_ERROR(watch->Start(&engine_->feed(), std::move(options)));
    return std::unique_ptr<predict::Watch>(std::move(watch));
  }

 private:
  struct ModelOf {
    std::shared_ptr<const query::Catalog> catalog;
    const query::Model* model = nullptr;
  };

  absl::StatusOr<ModelOf> FindModel(const std::string& model) const {
    ModelOf found{engine_->OpenReader()->shared_catalog(), nullptr};
    const std::vector<TableId> tables = found.catalog->TablesOfModel(model, /*exact=*/true);
    if (tables.empty()) {
      return absl::NotFoundError(
          absl::StrCat("there is no model '", model, "', which the predictor is for"));
    }
    found.model = &found.catalog->model(tables[0]);
    return found;
  }

  static absl::Status NoPath(const std::string& model, const std::string& path) {
    return absl::InvalidArgumentError(absl::StrCat(model, " has no '", path, "'"));
  }

  static Value ValueOf(const graph::GraphView& view, TwinNumber twin, const std::string& path,
                       absl::string_view member) {
    const graph::TableSchema& table = view.TableOf(twin);
    const graph::ColumnSchema* const column = table.FindColumn(absl::StrCat(path, ".", member));
    return column == nullptr ? Value() : view.GetValue(twin, table.IdOf(*column));
  }
  static std::string TextOf(const graph::GraphView& view, TwinNumber twin, const std::string& path,
                            absl::string_view member) {
    const Value value = ValueOf(view, twin, path, member);
    return value.kind() == Value::Kind::kString ? value.as_string() : "";
  }

  static void ForEachTwin(const SnapshotReader& reader, const std::string& model,
                          absl::FunctionRef<void(TwinNumber)> visit) {
    constexpr size_t kAtOnce = 4096;
    for (const TableId table : reader.catalog().TablesOfModel(model, /*exact=*/false)) {
      for (uint32_t row = 0; row != UINT32_MAX;) {
        const uint32_t from = row;
        for (const TwinNumber twin : reader.view().ListTwins(table, from, kAtOnce, &row)) {
          visit(twin);
        }
      }
    }
  }

  Engine* const engine_;
  query::TaskPool* const pool_;
  const Clock& clock_;
};

// Rows on their way from the thread of a query, which waits until they are taken, to the run's.
class HandOver {
 public:
  // What taking them came to.
  absl::Status Give(predict::FeatureRows rows) {
    const MutexLock lock(&mutex_);
    rows_ = std::move(rows);
    changed_.SignalAll();
    while (rows_.has_value()) changed_.Wait(&mutex_);
    return taken_;
  }
  void End(absl::Status status) {
    const MutexLock lock(&mutex_);
    end_ = std::move(status);
    changed_.SignalAll();
  }

  // Until the end, whose status it returns.
  absl::Status TakeAll(absl::FunctionRef<absl::Status(predict::FeatureRows rows)> take) {
    while (true) {
      predict::FeatureRows rows;
      {
        const MutexLock lock(&mutex_);
        while (!rows_.has_value() && !end_.has_value()) changed_.Wait(&mutex_);
        if (!rows_.has_value()) return *end_;
        rows = std::move(*rows_);
      }
      absl::Status taken = take(std::move(rows));
      const MutexLock lock(&mutex_);
      taken_ = std::move(taken);
      rows_.reset();
      changed_.SignalAll();
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<predict::FeatureRows> rows_ ABSL_GUARDED_BY(mutex_);  // until they are taken
  absl::Status taken_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

// One execution of the query after the other, each of a part of the twins, all at one snapshot.
class FeatureReading {
 public:
  FeatureReading(const predict::FeatureQuery& query, FeatureStatement statement,
                 const query::GraphReader& graph, const query::SeriesReader* series)
      : query_(query),
        statement_(std::move(statement)),
        graph_(graph),
        series_(series),
        tables_(graph.catalog().TablesOfModel(query.model, /*exact=*/false)) {
    options_.now = query.now;
    options_.memory_bytes_max = kFeatureQueryBytesMax;
    options_.plans = &plans_;
  }

  query::ExecuteOptions& options() { return options_; }
  const FeatureStatement& statement() const { return statement_; }

  // `twins` nullptr: of all. Rows of other twins are left out, wherever they come from. The query
  // gives way to other threads; `emit`, which may hold locks that those wait for, is called on this
  // one.
  absl::Status Read(const std::vector<std::string>* twins, EmitRows emit) {
    HandOver rows;
    std::thread reader([&] {
      NameThread("features");
      GiveWayToOthers();
      rows.End(Execute(twins, &rows));
    });
    absl::Status status = rows.TakeAll(
        [&](predict::FeatureRows taken) { return emit(std::move(taken), options_.interrupted); });
    reader.join();
    return status;
  }

 private:
  absl::Status Execute(const std::vector<std::string>* twins, HandOver* to) {
    const absl::flat_hash_set<absl::string_view> wanted =
        twins == nullptr ? absl::flat_hash_set<absl::string_view>()
                         : absl::flat_hash_set<absl::string_view>(twins->begin(), twins->end());
    if (statement_.is_filtered) {
      ValueArray ids;
      ids.reserve(twins->size());
      for (const std::string& twin : *twins) ids.push_back(Value::String(twin));
      options_.parameters[kTwinsParameter] = Value::Array(std::move(ids));
    }
    query::ExecuteStatistics statistics;
    return query::Execute(
        *statement_.statement, graph_, series_, options_,
        [&](const query::Batch& batch) -> absl::Status {
          predict::FeatureRows rows;
          if (twins == nullptr || statement_.is_filtered) {
            TWIN_RETURN_IF_ERROR(AppendRows(statement_, *query_.features, batch, &rows));
            TWIN_RETURN_IF_ERROR(CheckModels(rows.twins));
            return to->Give(std::move(rows));
          }
          std::vector<uint32_t> chosen;
          const query::Vector& ids = batch.slots[statement_.twin];
          for (uint32_t row = 0; row < batch.rows; ++row) {
            if (!ids.IsNull(row) && wanted.contains(ids.strings[row])) chosen.push_back(row);
          }
          if (chosen.empty()) return absl::OkStatus();
          TWIN_RETURN_IF_ERROR(AppendRows(statement_, *query_.features, batch.Take(chosen), &rows));
          TWIN_RETURN_IF_ERROR(CheckModels(rows.twins));
          return to->Give(std::move(rows));
        },
        &statistics);
  }

  // A query may read vehicles where the estimates are of packs.
  absl::Status CheckModels(const std::vector<std::string>& twins) const {
    std::vector<uint32_t> numbers;
    numbers.reserve(twins.size());
    for (const std::string& id : twins) {
      const TwinNumber twin = graph_.Find(id);
      if (!(twin == kNoTwin)) numbers.push_back(twin.value);  // else of a query of the past
    }
    std::vector<query::Place> places;
    graph_.Places(numbers, &places);
    for (size_t i = 0; i < places.size(); ++i) {
      const TableId table(places[i].table);
      if (std::find(tables_.begin(), tables_.end(), table) != tables_.end()) continue;
      query::Vector id;
      graph_.ReadField({&numbers[i], 1}, query::Field::kId, &id);
      return absl::InvalidArgumentError(
          absl::StrCat("query: the column `twin` has '", id.strings[0], "', which is of ",
                       graph_.catalog().model(table).id, "; the estimates are of ", query_.model));
    }
    return absl::OkStatus();
  }

  const predict::FeatureQuery& query_;
  const FeatureStatement statement_;
  const query::GraphReader& graph_;
  const query::SeriesReader* const series_;
  const std::vector<TableId> tables_;  // of the model that the estimates are of
  query::PlanHolder plans_;
  query::ExecuteOptions options_;
};

absl::StatusOr<Sequence> PredictHost::ReadFeatures(const predict::FeatureQuery& query,
                                                   std::function<absl::Status()> interrupted,
                                                   EmitRows emit) {
  std::shared_ptr<const graph::GraphView> view = engine_->Pin();
  const std::shared_ptr<HeldSnapshot> held = engine_->Hold(SnapshotUse::kQuery, view);
  const std::unique_ptr<SnapshotReader> graph = engine_->OpenReader(std::move(view));
  const std::unique_ptr<query::SeriesReader> series = engine_->OpenSeries(*graph);
  const bool has_sequences = std::any_of(
      query.features->begin(), query.features->end(),
      [](const Feature& feature) { return feature.type == predict::FeatureType::kSequence; });
  std::vector<TwinNumber> numbers;
  if (query.twins == nullptr) {
    ForEachTwin(*graph, query.model, [&numbers](TwinNumber twin) { numbers.push_back(twin); });
  }
  const bool is_whole =
      query.twins == nullptr && !has_sequences && numbers.size() <= kFeatureTwinsWhole;
  TWIN_ASSIGN_OR_RETURN(
      FeatureStatement statement,
      BindFeatures(query.text, *query.features, !is_whole, graph->shared_catalog()));
  if (!is_whole && !statement.is_filtered && query.twins == nullptr) {
    TWIN_ASSIGN_OR_RETURN(statement, BindFeatures(query.text, *query.features, /*for_twins=*/false,
                                                  graph->shared_catalog()));
  }
  FeatureReading reading(query, std::move(statement), *graph, series.get());
  reading.options().pool = pool_;
  reading.options().interrupted = [&]() -> absl::Status {
    TWIN_RETURN_IF_ERROR(interrupted());
    return held->is_taken() ? held->Get().status() : absl::OkStatus();
  };
  const size_t at_once = has_sequences ? kFeatureTwinsOfSequences : kFeatureTwins;
  if (!reading.statement().is_filtered) {
    TWIN_RETURN_IF_ERROR(reading.Read(query.twins, emit));
    return graph->sequence();
  }
  std::vector<std::string> twins;
  const auto read = [&]() -> absl::Status {
    if (twins.empty()) return absl::OkStatus();
    const absl::Status status = reading.Read(&twins, emit);
    twins.clear();
    return status;
  };
  if (query.twins != nullptr) {
    for (const std::string& twin : *query.twins) {
      twins.push_back(twin);
      if (twins.size() >= at_once) TWIN_RETURN_IF_ERROR(read());
    }
    TWIN_RETURN_IF_ERROR(read());
    return graph->sequence();
  }
  for (const TwinNumber twin : numbers) {
    twins.emplace_back(graph->view().IdOf(twin));
    if (twins.size() >= at_once) TWIN_RETURN_IF_ERROR(read());
  }
  TWIN_RETURN_IF_ERROR(read());
  return graph->sequence();
}

}  // namespace

std::unique_ptr<predict::Host> NewPredictHost(Engine* engine, query::TaskPool* pool,
                                              const Clock* clock) {
  return std::make_unique<PredictHost>(engine, pool, clock);
}

}  // namespace twin::engine
