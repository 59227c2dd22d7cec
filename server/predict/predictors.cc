#include "server/predict/predictors.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/status_reason.h"
#include "server/predict/builtin.h"
#include "server/predict/document_value.h"
#include "server/predict/predictors_impl.h"

namespace twin::predict {
namespace {

constexpr int64_t kDescribeMs = 10'000;

// One is the other, or lies below it.
bool Overlap(absl::string_view a, absl::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return absl::StartsWith(b, a) && (a.size() == b.size() || b[a.size()] == '.');
}

absl::Status NoPredictor(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("there is no predictor '", name, "'"));
}

}  // namespace

Predictors::Impl::Impl(const Options& options, Host* host, Connector* connector)
    : options_(options),
      host_(*host),
      connector_(*connector),
      forecasts_(&host->documents(), options.forecast_rows_max),
      computing_("predict", options.threads, TaskThreads::kGiveWay),
      runs_("predict-run", options.runs_at_once, TaskThreads::kEqual) {}

Predictors::Impl::~Impl() { Stop(); }

absl::Status Predictors::Impl::Open() {
  TWIN_ASSIGN_OR_RETURN(const std::vector<storage::Documents::Document> documents,
                        host_.documents().List(kPredictorCollection));
  std::vector<EntryPtr> entries;
  for (const storage::Documents::Document& document : documents) {
    auto entry = std::make_shared<Entry>(options_);
    TWIN_ASSIGN_OR_RETURN(const Value value, FromBytes(document.bytes));
    TWIN_ASSIGN_OR_RETURN(entry->registration, DecodeRegistration(value));
    absl::StatusOr<std::shared_ptr<Predictor>> predictor = Make(entry->registration.spec);
    if (predictor.ok()) {
      entry->predictor = *std::move(predictor);
    } else {
      entry->health = Health::kBroken;
      entry->trouble = std::string(predictor.status().message());
    }
    const MutexLock lock(&mutex_);
    entries_.emplace(document.name, entry);
    entries.push_back(std::move(entry));
  }
  TWIN_RETURN_IF_ERROR(LoadRuns());
  TWIN_RETURN_IF_ERROR(LoadForecasts());
  for (const EntryPtr& entry : entries) StartWatches(entry);
  const MutexLock lock(&mutex_);
  for (const EntryPtr& entry : entries) Plan(entry, host_.Now());
  return absl::OkStatus();
}

void Predictors::Impl::Start() {
  const MutexLock lock(&mutex_);
  for (const auto& [name, entry] : entries_) BeginNext(entry);
  timer_ = std::thread([this] { RunTimer(); });
}

absl::Status Predictors::Impl::LoadRuns() {
  TWIN_ASSIGN_OR_RETURN(const std::vector<storage::Documents::Document> documents,
                        host_.documents().List(kRunCollection));
  const MutexLock lock(&mutex_);
  for (const storage::Documents::Document& document : documents) {
    TWIN_ASSIGN_OR_RETURN(const Value value, FromBytes(document.bytes));
    RunRecord run = DecodeRun(value);
    const auto found = entries_.find(run.predictor);
    if (found == entries_.end()) continue;
    Entry& entry = *found->second;
    entry.registration.runs = std::max(entry.registration.runs, run.number);
    entry.last_run = run;
    // One of an earlier registration would put its estimates over newer ones.
    const bool is_of_this = !(run.start < entry.registration.registered);
    if (run.state == RunState::kRunning && is_of_this) {
      entry.asks.push_back({std::move(run), nullptr});
    }
  }
  return absl::OkStatus();
}

absl::Status Predictors::Impl::LoadForecasts() {
  return forecasts_.Load(
      [&](const std::string& predictor, const absl::StatusOr<ForecastBlock>& block) {
        const MutexLock lock(&mutex_);
        const auto found = entries_.find(predictor);
        if (found == entries_.end()) return;
        if (!block.ok()) {
          found->second->trouble = "some of its forecasts cannot be read and are left aside";
          return;
        }
        Remember(found->second.get(), *block);
      });
}

absl::StatusOr<std::shared_ptr<Predictor>> Predictors::Impl::Make(const Spec& spec) {
  if (!spec.address.empty()) return connector_.Connect(spec.address, spec.predictor);
  TWIN_ASSIGN_OR_RETURN(std::shared_ptr<LocalPredictor> local,
                        MakeBuiltin(spec.builtin, spec.options));
  return RunOn(std::move(local), &computing_);
}

absl::Status Predictors::Impl::CheckPaths(const Registration& registration) {
  const Description& description = registration.description;
  for (const auto& named : registration.spec.paths) {
    const std::string& output = named.first;
    const bool is_known = std::any_of(description.outputs.begin(), description.outputs.end(),
                                      [&](const Output& known) { return known.name == output; });
    if (!is_known) {
      return absl::InvalidArgumentError(
          absl::StrCat("paths: the predictor has no output '", output, "'"));
    }
  }
  std::map<std::string, std::string> outputs_by_path;
  for (const Output& output : description.outputs) {
    const std::string path = PathOf(registration, output);
    const auto [other, is_first] = outputs_by_path.emplace(path, output.name);
    if (!is_first) {
      return absl::InvalidArgumentError(absl::StrCat("paths: the outputs '", other->second,
                                                     "' and '", output.name, "' both go to '", path,
                                                     "'"));
    }
    TWIN_RETURN_IF_ERROR(host_.CheckEstimate(description.target_model, path, output.unit));
    for (const std::string& changed : registration.spec.change_paths) {
      if (!Overlap(changed, path)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "change_paths: '", changed, "' is what it writes itself; it would run for ever"));
    }
  }
  for (const std::string& path : registration.spec.change_paths) {
    TWIN_RETURN_IF_ERROR(host_.CheckPath(description.target_model, path));
  }
  if (registration.spec.truth_path.empty()) return absl::OkStatus();
  return host_.CheckNumber(description.target_model, registration.spec.truth_path,
                           description.outputs[0].unit);
}

absl::Status Predictors::Impl::Check(const Registration& registration, bool replace) {
  TWIN_RETURN_IF_ERROR(CheckDescription(registration.description));
  TWIN_RETURN_IF_ERROR(CheckPaths(registration));
  const std::string query = QueryOf(registration);
  if (query.empty()) {
    return absl::InvalidArgumentError("query: the predictor has no default one; name one");
  }
  TWIN_RETURN_IF_ERROR(host_.CheckQuery(query, registration.description.features));
  const MutexLock lock(&mutex_);
  const std::string& name = registration.spec.name;
  if (!replace && entries_.contains(name)) {
    return absl::AlreadyExistsError(absl::StrCat("there is a predictor '", name,
                                                 "' already; replace it, or take another name"));
  }
  if (!entries_.contains(name) && static_cast<int64_t>(entries_.size()) >= options_.count_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", entries_.size(), " predictors already (predictor_count_max)"));
  }
  if (registration.spec.is_shadow) return absl::OkStatus();
  for (const auto& [other_name, other] : entries_) {
    const Registration& theirs = other->registration;
    if (other_name == name || theirs.spec.is_shadow ||
        theirs.description.target_model != registration.description.target_model) {
      continue;
    }
    for (const Output& output : registration.description.outputs) {
      for (const Output& their_output : theirs.description.outputs) {
        const std::string path = PathOf(registration, output);
        if (PathOf(theirs, their_output) != path) continue;
        return WithReason(absl::AlreadyExistsError(absl::StrCat(
                              "'", path, "' of ", theirs.description.target_model,
                              " has the champion '", other_name, "'; this one can be its shadow")),
                          "HAS_CHAMPION");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Predictors::Impl::Keep(const Registration& registration) {
  return host_.documents().Put(kPredictorCollection, registration.spec.name,
                               ToBytes(Encode(registration)));
}

absl::StatusOr<Info> Predictors::Impl::Register(Spec spec, const RegisterOptions& options) {
  TWIN_RETURN_IF_ERROR(CheckSpec(spec));
  TWIN_ASSIGN_OR_RETURN(std::shared_ptr<Predictor> predictor, Make(spec));
  auto entry = std::make_shared<Entry>(options_);
  Registration& made = entry->registration;
  TWIN_ASSIGN_OR_RETURN(made.description,
                        predictor->Describe(kDescribeMs, [this] { return is_stopping(); }));
  made.spec = std::move(spec);
  made.registered = host_.Now();
  entry->predictor = std::move(predictor);
  entry->health = Health::kHealthy;

  const MutexLock registering(&register_mutex_);
  TWIN_RETURN_IF_ERROR(Check(made, options.replace));
  if (options.validate_only) {
    const MutexLock lock(&mutex_);
    return InfoOf(*entry);
  }
  EntryPtr old;
  {
    const MutexLock lock(&mutex_);
    if (stopping_) return absl::UnavailableError("the server is stopping");
    if (const auto found = entries_.find(made.spec.name); found != entries_.end()) {
      old = found->second;
    }
  }
  if (old != nullptr) {
    StopWatches(old);
    EndRuns(old);
    const MutexLock lock(&mutex_);
    made.runs = old->registration.runs;
    entry->last_run = old->last_run;
    entry->valid_until = old->valid_until;
    entry->expiries = old->expiries;
    if (FirstPathOf(made) == FirstPathOf(old->registration))
      entry->last_by_twin = old->last_by_twin;
  }
  std::vector<storage::Documents::Change> changes = {
      {kPredictorCollection, made.spec.name, ToBytes(Encode(made))}};
  if (entry->last_run.has_value() && entry->last_run->state == RunState::kRunning) {
    RunRecord& run = *entry->last_run;
    run.state = RunState::kFailed;
    run.message = "the predictor was replaced";
    run.end = host_.Now();
    changes.push_back({kRunCollection, NameOfRun(run), ToBytes(Encode(run))});
  }
  if (const absl::Status kept = host_.documents().Commit(changes); !kept.ok()) {
    if (old != nullptr) Reinstate(old);
    return kept;
  }
  {
    const MutexLock lock(&mutex_);
    entries_[made.spec.name] = entry;
  }
  StartWatches(entry);
  // A champion that becomes a shadow renews nothing any more.
  if (old != nullptr && made.spec.is_shadow && !old->registration.spec.is_shadow) {
    TWIN_RETURN_IF_ERROR(MarkStale(old->registration));
  }
  const MutexLock lock(&mutex_);
  if (made.spec.interval_ms > 0) entry->next_interval = host_.Now();
  changed_.Signal();
  return InfoOf(*entry);
}

// What was stopped stays after all.
void Predictors::Impl::Reinstate(const EntryPtr& stopped) {
  auto entry = std::make_shared<Entry>(options_);
  {
    const MutexLock lock(&mutex_);
    entry->registration = stopped->registration;
    entry->predictor = stopped->predictor;
    entry->last_run = stopped->last_run;
    entry->last_by_twin = stopped->last_by_twin;
    entry->valid_until = stopped->valid_until;
    entry->expiries = stopped->expiries;
    entries_[entry->registration.spec.name] = entry;
    Plan(entry, host_.Now());
    changed_.Signal();
  }
  StartWatches(entry);
}

bool Predictors::Impl::is_stopping() const {
  const MutexLock lock(&mutex_);
  return stopping_;
}

absl::StatusOr<Predictors::Impl::EntryPtr> Predictors::Impl::Find(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return NoPredictor(name);
  return found->second;
}

Info Predictors::Impl::InfoOf(const Entry& entry) const {
  Info info;
  info.registration = entry.registration;
  info.last_run = entry.last_run;
  if (!entry.registration.paused) info.next_run = entry.next_interval;
  info.health = entry.breaker.is_open(host_.Now()) ? Health::kBroken : entry.health;
  info.trouble = entry.trouble;
  return info;
}

std::vector<Info> Predictors::Impl::List() const {
  std::vector<Info> infos;
  const MutexLock lock(&mutex_);
  infos.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) infos.push_back(InfoOf(*entry));
  return infos;
}

Figures Predictors::Impl::figures() const {
  const MutexLock lock(&mutex_);
  Figures figures = figures_;
  figures.registered = entries_.size();
  for (const auto& [name, entry] : entries_) figures.running += entry->is_running ? 1 : 0;
  return figures;
}

absl::StatusOr<Info> Predictors::Impl::Get(const std::string& name) const {
  const MutexLock lock(&mutex_);
  TWIN_ASSIGN_OR_RETURN(const EntryPtr entry, Find(name));
  return InfoOf(*entry);
}

absl::StatusOr<Info> Predictors::Impl::SetPaused(const std::string& name, bool paused) {
  const MutexLock registering(&register_mutex_);
  Registration registration;
  std::shared_ptr<Predictor> predictor;
  EntryPtr entry;
  {
    const MutexLock lock(&mutex_);
    TWIN_ASSIGN_OR_RETURN(entry, Find(name));
    registration = entry->registration;
    predictor = entry->predictor;
  }
  if (!paused && predictor != nullptr) {
    TWIN_ASSIGN_OR_RETURN(Description description,
                          predictor->Describe(kDescribeMs, [this] { return is_stopping(); }));
    TWIN_RETURN_IF_ERROR(CheckDescription(description));
    if (FeatureSchemaHash(description.features) !=
        FeatureSchemaHash(registration.description.features)) {
      return absl::FailedPreconditionError(
          "the service has other features now; register it again, replacing this one");
    }
    registration.description = std::move(description);
    TWIN_RETURN_IF_ERROR(CheckPaths(registration));
  }
  registration.paused = paused;
  TWIN_RETURN_IF_ERROR(Keep(registration));
  const MutexLock lock(&mutex_);
  entry->registration.description = registration.description;
  entry->registration.paused = paused;
  Plan(entry, host_.Now());
  changed_.Signal();
  return InfoOf(*entry);
}

absl::Status Predictors::Impl::Delete(const std::string& name, bool mark_stale) {
  const MutexLock registering(&register_mutex_);
  EntryPtr entry;
  Registration registration;
  {
    const MutexLock lock(&mutex_);
    TWIN_ASSIGN_OR_RETURN(entry, Find(name));
    registration = entry->registration;
  }
  StopWatches(entry);
  EndRuns(entry);
  std::vector<storage::Documents::Change> changes = forecasts_.Forget(name);
  storage::Documents::ListOptions of_runs;
  of_runs.prefix = absl::StrCat(name, "/");
  TWIN_ASSIGN_OR_RETURN(const std::vector<storage::Documents::Document> runs,
                        host_.documents().List(kRunCollection, of_runs));
  for (const storage::Documents::Document& run : runs) {
    changes.push_back({kRunCollection, run.name, {}});
  }
  changes.push_back({kPredictorCollection, name, {}});
  if (absl::Status gone = host_.documents().Commit(changes); !gone.ok()) {
    Reinstate(entry);
    return gone;
  }
  forecasts_.Forgotten(name);
  {
    const MutexLock lock(&mutex_);
    entries_.erase(name);
  }
  return mark_stale ? MarkStale(registration) : absl::OkStatus();
}

// What stands under its name; also what a shadow wrote while it was the champion.
absl::Status Predictors::Impl::MarkStale(const Registration& registration) {
  const std::string& name = registration.spec.name;
  for (const Output& output : registration.description.outputs) {
    const std::string path = PathOf(registration, output);
    TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> twins,
                          host_.FindEstimates(registration.description.target_model, path, name));
    TWIN_RETURN_IF_ERROR(MarkEstimates(name, path, registration.description.version,
                                       EstimateStatus::kStale, twins, &host_)
                             .status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RunRecord>> Predictors::Impl::ListRuns(const std::string& name,
                                                                  size_t limit) const {
  std::vector<std::string> names;
  {
    const MutexLock lock(&mutex_);
    if (!name.empty() && !entries_.contains(name)) return NoPredictor(name);
    for (const auto& [known, entry] : entries_) {
      if (name.empty() || known == name) names.push_back(known);
    }
  }
  std::vector<RunRecord> runs;
  for (const std::string& of : names) {
    storage::Documents::ListOptions options;
    options.prefix = absl::StrCat(of, "/");
    TWIN_ASSIGN_OR_RETURN(const std::vector<storage::Documents::Document> documents,
                          host_.documents().List(kRunCollection, options));
    for (const storage::Documents::Document& document : documents) {
      TWIN_ASSIGN_OR_RETURN(const Value value, FromBytes(document.bytes));
      runs.push_back(DecodeRun(value));
    }
    // One that has written nothing yet has no document.
    const MutexLock lock(&mutex_);
    const auto found = entries_.find(of);
    if (found == entries_.end() || !found->second->last_run.has_value()) continue;
    const RunRecord& last = *found->second->last_run;
    if (runs.empty() || runs.back().predictor != of || runs.back().number < last.number) {
      runs.push_back(last);
    }
  }
  std::stable_sort(runs.begin(), runs.end(), [](const RunRecord& a, const RunRecord& b) {
    return std::pair(a.start, a.number) > std::pair(b.start, b.number);
  });
  if (runs.size() > limit) runs.resize(limit);
  return runs;
}

absl::StatusOr<std::vector<Forecast>> Predictors::Impl::ListForecasts(const std::string& twin,
                                                                      const std::string& path,
                                                                      const std::string& name,
                                                                      size_t limit) const {
  std::vector<std::string> names;
  {
    const MutexLock lock(&mutex_);
    if (!name.empty() && !entries_.contains(name)) return NoPredictor(name);
    for (const auto& [known, entry] : entries_) {
      if (name.empty() || known == name) names.push_back(known);
    }
  }
  std::vector<Forecast> forecasts;
  for (const std::string& of : names) {
    TWIN_ASSIGN_OR_RETURN(std::vector<Forecast> found, forecasts_.Of(of, twin, path, limit));
    std::move(found.begin(), found.end(), std::back_inserter(forecasts));
  }
  std::stable_sort(forecasts.begin(), forecasts.end(),
                   [](const Forecast& a, const Forecast& b) { return a.made > b.made; });
  return forecasts;
}

Predictors::Predictors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Predictors::~Predictors() = default;

absl::StatusOr<std::unique_ptr<Predictors>> Predictors::Open(const Options& options, Host* host,
                                                             Connector* connector) {
  auto impl = std::make_unique<Impl>(options, host, connector);
  TWIN_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Predictors>(new Predictors(std::move(impl)));
}

void Predictors::Start() { impl_->Start(); }

absl::StatusOr<Info> Predictors::Register(Spec spec, const RegisterOptions& options) {
  return impl_->Register(std::move(spec), options);
}
std::vector<Info> Predictors::List() const { return impl_->List(); }
absl::StatusOr<Info> Predictors::Get(const std::string& name) const { return impl_->Get(name); }
absl::StatusOr<Info> Predictors::Pause(const std::string& name) {
  return impl_->SetPaused(name, true);
}
absl::StatusOr<Info> Predictors::Resume(const std::string& name) {
  return impl_->SetPaused(name, false);
}
absl::Status Predictors::Delete(const std::string& name, bool mark_stale) {
  return impl_->Delete(name, mark_stale);
}
void Predictors::RunNow(const std::string& name, RunOptions options, RunDone done) {
  impl_->RunNow(name, std::move(options), std::move(done));
}
absl::StatusOr<std::vector<RunRecord>> Predictors::ListRuns(const std::string& name,
                                                            size_t limit) const {
  return impl_->ListRuns(name, limit);
}
absl::StatusOr<std::vector<Forecast>> Predictors::ListForecasts(const std::string& twin,
                                                                const std::string& path,
                                                                const std::string& name,
                                                                size_t limit) const {
  return impl_->ListForecasts(twin, path, name, limit);
}
Figures Predictors::figures() const { return impl_->figures(); }
void Predictors::Stop() { impl_->Stop(); }

}  // namespace twin::predict
