#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/thread_name.h"
#include "server/predict/document_value.h"
#include "server/predict/predictors_impl.h"

namespace twin::predict {
namespace {

constexpr size_t kAsksMax = 16;  // runs of one predictor that wait
constexpr int64_t kWatchRetryMs = 1'000;
constexpr int64_t kExpiryRetryMs = 1'000;

Time After(Time time, int64_t ms) { return Time{time.ns + ms * kNsPerMs}; }

std::vector<std::string> WithoutRepetition(std::vector<std::string> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

void Predictors::Impl::Stop() {
  std::vector<EntryPtr> entries;
  {
    const MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
    for (const auto& [name, entry] : entries_) {
      entry->stopping = true;
      entries.push_back(entry);
    }
    changed_.Signal();
  }
  if (timer_.joinable()) timer_.join();
  for (const EntryPtr& entry : entries) {
    StopWatches(entry);
    EndRuns(entry);
  }
  runs_.Stop();
  chores_.Stop();
  computing_.Stop();
}

// --- The timer ---

void Predictors::Impl::RunTimer() {
  NameThread("predict-timer");
  const MutexLock lock(&mutex_);
  while (!stopping_) {
    const Time now = host_.Now();
    const Time next = BeginDue(now);
    if (next.ns == 0) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitFor(&mutex_, std::chrono::nanoseconds(std::max<int64_t>(next.ns - now.ns, 0)));
    }
  }
}

Time Predictors::Impl::BeginDue(Time now) {
  Time next;
  const auto wait_for = [&next](Time due) {
    if (due.ns != 0 && (next.ns == 0 || due < next)) next = due;
  };
  for (const auto& [name, entry] : entries_) {
    if (entry->stopping) continue;
    const Registration& registration = entry->registration;
    if (!entry->expiries.empty()) {
      const Time first = std::max(Time{entry->expiries.begin()->first}, entry->expiry_retry);
      if (first > now) {
        wait_for(first);
      } else if (!entry->is_expiry_chore_due) {  // else its end wakes the timer
        entry->is_expiry_chore_due = true;
        chores_.Submit([this, entry = entry, now] { Expire(entry, now); });
      }
    }
    if (registration.paused) continue;
    if (entry->watch_due.ns != 0 && entry->watch_due <= now) {
      entry->watch_due = Time{};
      chores_.Submit([this, entry = entry] { StartWatches(entry); });
    }
    wait_for(entry->watch_due);
    if (entry->next_interval.ns != 0 && entry->next_interval <= now) {
      Ask ask;
      ask.record.trigger = Trigger::kInterval;
      // One that is still at work is not asked again.
      if (!entry->is_running && entry->asks.empty()) entry->asks.push_back(std::move(ask));
      entry->next_interval = After(now, registration.spec.interval_ms);
    }
    wait_for(entry->next_interval);
    if (entry->change_due.ns != 0 && entry->change_due <= now && !entry->is_running) {
      Ask ask;
      ask.record.trigger = Trigger::kChange;
      if (!entry->changed_all)
        ask.record.twins.assign(entry->changed.begin(), entry->changed.end());
      entry->changed.clear();
      entry->changed_all = false;
      entry->change_due = Time{};
      entry->asks.push_back(std::move(ask));
    }
    if (!entry->is_running) wait_for(entry->change_due);  // else its end wakes the timer
    BeginNext(entry);
  }
  return next;
}

// After a start, or when it goes on after a pause.
void Predictors::Impl::Plan(const EntryPtr& entry, Time now) {
  const int64_t interval = entry->registration.spec.interval_ms;
  entry->next_interval = Time{};
  if (interval == 0) return;
  const Time last = entry->last_run.has_value() ? entry->last_run->start : Time{};
  entry->next_interval = std::max(now, After(last, interval));
}

// --- Runs ---

// NOT_FOUND: one of them does not exist.
absl::Status Predictors::Impl::CheckTwins(const std::string& name,
                                          const std::vector<std::string>& twins) {
  std::string path;
  {
    const MutexLock lock(&mutex_);
    TWIN_ASSIGN_OR_RETURN(const EntryPtr entry, Find(name));
    path = FirstPathOf(entry->registration);
  }
  const std::vector<CurrentEstimate> found = host_.ReadEstimates(twins, path);
  for (size_t i = 0; i < twins.size(); ++i) {
    if (found[i].twin_exists) continue;
    return absl::NotFoundError(absl::StrCat("twin_ids: there is no twin '", twins[i], "'"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RunRecord> Predictors::Impl::Accept(const std::string& name, RunOptions options,
                                                   RunDone* done) {
  if (options.twins.size() > kRunTwinsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("twin_ids: more than ", kRunTwinsMax, "; name none to run for all"));
  }
  if (!options.twins.empty()) TWIN_RETURN_IF_ERROR(CheckTwins(name, options.twins));
  const MutexLock lock(&mutex_);
  TWIN_ASSIGN_OR_RETURN(const EntryPtr entry, Find(name));
  if (stopping_) return absl::UnavailableError("the server is stopping");
  if (entry->stopping) {
    return absl::UnavailableError(
        absl::StrCat("'", name, "' is being deleted or replaced; try again"));
  }
  if (entry->asks.size() >= kAsksMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kAsksMax, " runs of '", name, "' wait already; try again later"));
  }
  Ask ask;
  ask.record.predictor = name;
  ask.record.twins = WithoutRepetition(std::move(options.twins));
  ask.record.as_of = options.now.value_or(Time{});
  ask.record.start = host_.Now();
  RunRecord accepted = ask.record;
  accepted.twins.clear();
  if (!options.no_wait) ask.done = std::exchange(*done, nullptr);
  entry->asks.push_back(std::move(ask));
  BeginNext(entry);
  return accepted;
}

void Predictors::Impl::RunNow(const std::string& name, RunOptions options, RunDone done) {
  absl::StatusOr<RunRecord> accepted = Accept(name, std::move(options), &done);
  if (done != nullptr) done(std::move(accepted));
}

void Predictors::Impl::BeginNext(const EntryPtr& entry) {
  if (entry->is_running || entry->asks.empty() || entry->stopping) return;
  entry->is_running = true;
  auto ask = std::make_shared<Ask>(std::move(entry->asks.front()));
  entry->asks.pop_front();
  runs_.Submit([this, entry, ask] { Execute(entry, std::move(*ask)); });
}

RunParts Predictors::Impl::PartsOf(const EntryPtr& entry) {
  RunParts parts;
  {
    const MutexLock lock(&mutex_);
    parts.registration = entry->registration;
  }
  parts.predictor = entry->predictor;
  parts.host = &host_;
  parts.forecasts = &forecasts_;
  parts.options = &options_;
  parts.stopping = &entry->stopping;
  parts.writing = &entry->writing;
  parts.may_call = [this, entry]() -> absl::Status {
    const MutexLock lock(&mutex_);
    if (entry->predictor == nullptr) return absl::FailedPreconditionError(entry->trouble);
    if (entry->breaker.MayCall(host_.Now())) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(
        "left alone until ", FormatTime(entry->breaker.open_until()), " after ",
        entry->breaker.failures(), " failures in a row; the last one: ", entry->trouble));
  };
  parts.called = [this, entry](const absl::Status& status) {
    const MutexLock lock(&mutex_);
    if (status.ok()) {
      entry->breaker.Succeeded();
      entry->health = Health::kHealthy;
      entry->trouble.clear();
    } else if (!absl::IsCancelled(status)) {
      figures_.failures += 1;
      const Time now = host_.Now();
      if (entry->breaker.is_open(now)) return;  // the one that says so is no failure of its own
      entry->breaker.Failed(now);
      entry->health = Health::kFailing;
      entry->trouble = std::string(status.message());
    }
  };
  parts.made = [this, entry](const ForecastBlock& block) { Made(entry, block); };
  return parts;
}

void Predictors::Impl::Execute(const EntryPtr& entry, Ask ask) {
  RunRecord record = std::move(ask.record);
  const bool is_recovery = record.number != 0;
  {
    const MutexLock lock(&mutex_);
    if (!is_recovery) {
      record.predictor = entry->registration.spec.name;
      record.number = ++entry->registration.runs;
      record.start = host_.Now();
      if (record.as_of.ns == 0) record.as_of = record.start;
    }
    entry->last_run = record;
  }
  Run run(PartsOf(entry), std::move(record));
  record = is_recovery ? run.Recover() : run.Execute();
  const bool is_cut = record.state == RunState::kRunning;
  if (ask.done != nullptr) {
    if (is_cut) {
      ask.done(
          absl::CancelledError("the run was interrupted: the server stops, or the predictor was "
                               "deleted or replaced"));
    } else {
      ask.done(record);
    }
  }
  const MutexLock lock(&mutex_);
  if (!is_cut) {
    figures_.runs += 1;
    figures_.runs_failed += record.state == RunState::kDone ? 0 : 1;
  }
  record.twins.clear();
  entry->last_run = std::move(record);
  entry->is_running = false;
  BeginNext(entry);
  changed_.Signal();
  run_ended_.SignalAll();
}

// Afterwards none of it runs, none is begun, and nobody writes its estimates.
void Predictors::Impl::EndRuns(const EntryPtr& entry) {
  std::deque<Ask> asks;
  {
    const MutexLock lock(&mutex_);
    entry->stopping = true;
    asks.swap(entry->asks);
    while (entry->is_running) run_ended_.Wait(&mutex_);
  }
  for (Ask& ask : asks) {
    if (ask.done != nullptr)
      ask.done(absl::CancelledError("the run was cancelled before it began"));
  }
  // Of what expired: a write that has begun ends, and no other one begins.
  const MutexLock writing(&entry->writing);
}

// --- What was made ---

void Predictors::Impl::Remember(Entry* entry, const ForecastBlock& block) {
  const bool wants_last = !entry->registration.spec.truth_path.empty() &&
                          block.path == FirstPathOf(entry->registration);
  for (size_t i = 0; i < block.twins.size(); ++i) {
    if (wants_last) {
      entry->last_by_twin[block.twins[i]] = {block.values[i], block.lo[i], block.hi[i],
                                             block.as_of};
    }
    if (entry->registration.spec.is_shadow) continue;
    const int64_t until = block.valid_until_ns.empty() ? 0 : block.valid_until_ns[i];
    if (until == 0 && entry->valid_until.empty()) continue;
    const std::pair<std::string, std::string> key(block.path, block.twins[i]);
    if (const auto known = entry->valid_until.find(key); known != entry->valid_until.end()) {
      entry->expiries.erase({known->second, key});
      entry->valid_until.erase(known);
    }
    if (until == 0) continue;
    entry->valid_until.emplace(key, until);
    entry->expiries.insert({until, key});
  }
}

void Predictors::Impl::Made(const EntryPtr& entry, const ForecastBlock& block) {
  const MutexLock lock(&mutex_);
  figures_.predictions += block.twins.size();
  Remember(entry.get(), block);
  if (!entry->expiries.empty()) changed_.Signal();
}

void Predictors::Impl::Expire(const EntryPtr& entry, Time now) {
  std::map<std::string, std::vector<Expiry>> by_path;
  Registration registration;
  // So that what a run renews is either renewed before and not among them, or marked before.
  const MutexLock writing(&entry->writing);
  {
    const MutexLock lock(&mutex_);
    entry->is_expiry_chore_due = false;
    changed_.Signal();
    if (entry->stopping) return;
    registration = entry->registration;
    while (!entry->expiries.empty() && Time{entry->expiries.begin()->first} <= now) {
      const Expiry& first = *entry->expiries.begin();
      entry->valid_until.erase(first.second);
      by_path[first.second.first].push_back(first);
      entry->expiries.erase(entry->expiries.begin());
    }
  }
  for (const auto& [path, expired] : by_path) {
    std::vector<std::string> twins;
    for (const Expiry& each : expired) twins.push_back(each.second.second);
    const absl::Status status =
        MarkEstimates(registration.spec.name, path, registration.description.version,
                      EstimateStatus::kStale, twins, &host_)
            .status();
    if (status.ok()) continue;
    const MutexLock lock(&mutex_);
    entry->trouble = absl::StrCat("estimates that are too old could not be marked: ",
                                  std::string(status.message()));
    entry->expiry_retry = After(host_.Now(), kExpiryRetryMs);
    for (const Expiry& each : expired) {
      if (entry->valid_until.emplace(each.second, each.first).second) entry->expiries.insert(each);
    }
    changed_.Signal();  // the timer knows of none of them
  }
}

// --- Changes ---

void Predictors::Impl::StartWatches(const EntryPtr& entry) {
  Spec spec;
  std::string model;
  {
    const MutexLock lock(&mutex_);
    if (stopping_ || entry->stopping) return;
    spec = entry->registration.spec;
    model = entry->registration.description.target_model;
  }
  const auto lost = [this, entry] {
    const MutexLock lock(&mutex_);
    if (stopping_ || entry->stopping) return;
    entry->watch_due = host_.Now();
    entry->has_missed_changes = true;
    changed_.Signal();
  };
  absl::Status status;
  const auto start = [&](const std::vector<std::string>& paths,
                         std::function<void(std::vector<Change>)> changed) {
    absl::StatusOr<std::unique_ptr<Watch>> watch =
        host_.WatchPaths(model, paths, std::move(changed), lost);
    if (!watch.ok()) {
      status = watch.status();
      return std::shared_ptr<Watch>();
    }
    return std::shared_ptr<Watch>(*std::move(watch));
  };
  std::shared_ptr<Watch> changes;
  std::shared_ptr<Watch> truths;
  if (!spec.change_paths.empty()) {
    changes = start(spec.change_paths, [this, entry](const std::vector<Change>& made) {
      Changed(entry, made, /*lost=*/false);
    });
  }
  if (!spec.truth_path.empty()) {
    truths = start({spec.truth_path},
                   [this, entry](std::vector<Change> made) { AddTruths(entry, std::move(made)); });
  }
  bool has_missed_changes = false;
  {
    const MutexLock lock(&mutex_);
    if (stopping_ || entry->stopping) return;  // they end here: nobody would end them later
    entry->change_watch.swap(changes);         // the former ones end without the lock
    entry->truth_watch.swap(truths);
    if (!status.ok()) {
      entry->trouble = absl::StrCat("changes: ", std::string(status.message()));
      entry->watch_due = After(host_.Now(), kWatchRetryMs);
      entry->has_missed_changes = true;
      changed_.Signal();
      return;
    }
    has_missed_changes = std::exchange(entry->has_missed_changes, false);
  }
  if (has_missed_changes && !spec.change_paths.empty()) Changed(entry, {}, /*lost=*/true);
}

void Predictors::Impl::StopWatches(const EntryPtr& entry) {
  // They end without the lock: a call that runs may wait for it.
  std::shared_ptr<Watch> changes;
  std::shared_ptr<Watch> truths;
  const MutexLock lock(&mutex_);
  entry->stopping = true;
  changes.swap(entry->change_watch);
  truths.swap(entry->truth_watch);
}

void Predictors::Impl::Changed(const EntryPtr& entry, const std::vector<Change>& changes,
                               bool lost) {
  const MutexLock lock(&mutex_);
  if (entry->registration.paused) return;
  if (lost) entry->changed_all = true;
  for (const Change& change : changes) {
    if (entry->changed_all) break;
    entry->changed.insert(change.twin);
    if (static_cast<int64_t>(entry->changed.size()) > options_.changed_twins_max) {
      entry->changed.clear();
      entry->changed_all = true;
    }
  }
  if (entry->change_due.ns != 0) return;
  const int64_t delay = entry->registration.spec.change_delay_ms;
  entry->change_due = After(host_.Now(), delay > 0 ? delay : kChangeDelayMsDefault);
  changed_.Signal();
}

void Predictors::Impl::AddTruths(const EntryPtr& entry, std::vector<Change> changes) {
  const auto is_no_number = [](const Change& change) {
    return !change.value.has_value() || !std::isfinite(*change.value);
  };
  changes.erase(std::remove_if(changes.begin(), changes.end(), is_no_number), changes.end());
  const MutexLock lock(&mutex_);
  if (stopping_ || entry->stopping || changes.empty()) return;
  const size_t room = kTruthsWaitMax - entry->truths.size();
  if (changes.size() > room) {
    entry->trouble = absl::StrCat(changes.size() - room,
                                  " truths or more came too fast and are compared with nothing");
    changes.resize(room);
  }
  std::move(changes.begin(), changes.end(), std::back_inserter(entry->truths));
  if (std::exchange(entry->is_truth_chore_due, true)) return;
  chores_.Submit([this, entry] { TakeTruths(entry); });
}

absl::StatusOr<std::vector<std::optional<Predictors::Impl::Last>>> Predictors::Impl::ForecastsFor(
    const EntryPtr& entry, const std::vector<Change>& truths) {
  std::vector<std::optional<Last>> found(truths.size());
  std::vector<Forecasts::Wanted> late;  // those that are about a time before the last forecast
  std::vector<size_t> late_truths;
  std::string name;
  std::string path;
  {
    const MutexLock lock(&mutex_);
    name = entry->registration.spec.name;
    path = FirstPathOf(entry->registration);
    for (size_t i = 0; i < truths.size(); ++i) {
      const auto known = entry->last_by_twin.find(truths[i].twin);
      if (known == entry->last_by_twin.end()) continue;  // nothing was ever said
      if (known->second.as_of <= truths[i].source_time) {
        found[i] = known->second;
        continue;
      }
      late.push_back({truths[i].twin, truths[i].source_time});
      late_truths.push_back(i);
    }
  }
  if (late.empty()) return found;
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::optional<Forecast>> earlier,
                        forecasts_.LastUpTo(name, path, late));
  for (size_t k = 0; k < late.size(); ++k) {
    if (!earlier[k].has_value()) continue;
    const Forecast& forecast = *earlier[k];
    found[late_truths[k]] = Last{forecast.value, forecast.lo, forecast.hi, forecast.as_of};
  }
  return found;
}

void Predictors::Impl::TakeTruths(const EntryPtr& entry) {
  std::vector<Change> truths;
  {
    const MutexLock lock(&mutex_);
    entry->is_truth_chore_due = false;
    truths.swap(entry->truths);
  }
  const absl::StatusOr<std::vector<std::optional<Last>>> forecasts = ForecastsFor(entry, truths);
  absl::Status status = forecasts.status();
  if (status.ok()) {
    Coverage found;
    for (size_t i = 0; i < truths.size(); ++i) {
      const std::optional<Last>& forecast = (*forecasts)[i];
      if (!forecast.has_value()) continue;
      const double truth = *truths[i].value;
      const double error = forecast->value - truth;
      found.truths += 1;
      found.inside += forecast->lo <= truth && truth <= forecast->hi ? 1 : 0;
      found.error_squares += error * error;
      found.error_sum += error;
    }
    status = KeepCoverage(entry, found);
  }
  if (status.ok()) return;
  const MutexLock lock(&mutex_);
  entry->trouble = absl::StrCat("coverage could not be kept: ", std::string(status.message()));
}

absl::Status Predictors::Impl::KeepCoverage(const EntryPtr& entry, const Coverage& found) {
  if (found.truths == 0) return absl::OkStatus();
  // Not while it is deleted, which would bring its document back.
  const MutexLock registering(&register_mutex_);
  Registration registration;
  {
    const MutexLock lock(&mutex_);
    if (entry->stopping) return absl::OkStatus();
    Coverage& coverage = entry->registration.coverage;
    coverage.truths += found.truths;
    coverage.inside += found.inside;
    coverage.error_squares += found.error_squares;
    coverage.error_sum += found.error_sum;
    registration = entry->registration;
  }
  return Keep(registration);
}

}  // namespace twin::predict
