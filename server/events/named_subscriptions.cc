#include "server/events/named_subscriptions.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"
#include "server/base/status_reason.h"
#include "server/base/thread_name.h"
#include "server/events/named_record.h"
#include "server/events/named_subscription.h"

namespace twin::events {
namespace {

// Between two commits: each is a sync, which the journal's wait for.
constexpr std::chrono::milliseconds kCommitInterval{100};
constexpr std::chrono::milliseconds kRetryInterval{1'000};  // of a commit that failed
constexpr std::chrono::milliseconds kIdleTick{100};
constexpr std::chrono::milliseconds kOldestInterval{500};

absl::Status IsStopping() {
  return absl::UnavailableError(
      "the server is stopping; come again: what is acknowledged is stored");
}

}  // namespace

NamedSubscriptions::NamedSubscriptions(const Options& options, Feed* feed, ChangeLog* log,
                                       storage::Documents* documents)
    : options_(options), feed_(*feed), log_(*log), documents_(*documents), oldest_(log->oldest()) {
  thread_ = std::thread([this] { RunCommits(); });
}

NamedSubscriptions::~NamedSubscriptions() { Stop(); }

absl::Status NamedSubscriptions::Load() {
  TWIN_ASSIGN_OR_RETURN(const std::vector<storage::Documents::Document> specs,
                        documents_.List(kSpecCollection));
  for (const storage::Documents::Document& document : specs) {
    TWIN_ASSIGN_OR_RETURN(NamedSpec spec, DecodeSpec(document.name, document.bytes));
    const absl::StatusOr<std::string> bytes = documents_.Get(kCursorCollection, document.name);
    if (absl::IsNotFound(bytes.status())) {
      return absl::DataLossError(
          absl::StrCat("the place of the named subscription ", document.name, " is missing"));
    }
    TWIN_RETURN_IF_ERROR(bytes.status());
    TWIN_ASSIGN_OR_RETURN(const SlotCursors cursors, SlotCursors::Decode(*bytes));
    const MutexLock lock(&mutex_);
    all_.emplace(document.name,
                 std::make_shared<NamedSubscription>(this, std::move(spec), cursors));
  }
  return absl::OkStatus();
}

void NamedSubscriptions::EndAll() {
  (void)CommitDirty();  // what it does not store comes again
  for (const Pointer& each : All()) each->EndAll(IsStopping());
}

void NamedSubscriptions::Stop() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  EndAll();
}

// --- Finding ---

size_t NamedSubscriptions::size() const {
  const MutexLock lock(&mutex_);
  return all_.size();
}

std::vector<NamedSubscriptions::Pointer> NamedSubscriptions::All() const {
  std::vector<Pointer> all;
  const MutexLock lock(&mutex_);
  all.reserve(all_.size());
  for (const auto& [name, each] : all_) all.push_back(each);
  return all;
}

absl::StatusOr<NamedSubscriptions::Pointer> NamedSubscriptions::Find(absl::string_view name) const {
  const MutexLock lock(&mutex_);
  const auto found = all_.find(name);
  if (found != all_.end()) return found->second;
  return WithReason(
      absl::NotFoundError(absl::StrCat("there is no subscription ", name, "; create it first")),
      "NO_SUBSCRIPTION");
}

absl::StatusOr<Sequence> NamedSubscriptions::Resolve(const Place& place) const {
  switch (place.kind) {
    case Place::Kind::kNow:
      return log_.applied();
    case Place::Kind::kOldest:
      return feed_.BeforeOldest();
    case Place::Kind::kTime: {
      TWIN_ASSIGN_OR_RETURN(const Sequence first, log_.FindTime(place.time));
      return Sequence(first.value - 1);
    }
    case Place::Kind::kAfter:
      TWIN_RETURN_IF_ERROR(log_.CheckPlace(place.after));
      return place.after;
  }
  return absl::InternalError("a place of no kind");
}

NamedInfo NamedSubscriptions::InfoOf(const NamedSubscription& subscription) const {
  NamedInfo info = subscription.info();
  const Sequence applied = log_.applied();
  if (info.acknowledged < applied) info.lag_sequences = applied.value - info.acknowledged.value;
  FillAge(subscription, &info);
  return info;
}

void NamedSubscriptions::FillAge(const NamedSubscription& subscription, NamedInfo* info) const {
  if (info->lag_sequences == 0) return;
  const Sequence next(info->acknowledged.value + 1);
  info->expired = next < log_.oldest();
  if (info->expired) return;
  std::optional<Time> time = subscription.TimeOf(next);
  if (!time.has_value()) {
    ChangeLog::Reader reader(&log_, next);
    const absl::StatusOr<RecordPtr> first = reader.Next();
    if (!first.ok() || *first == nullptr) return;
    time = (*first)->time;
    subscription.RememberTime(next, *time);
  }
  info->lag_ns = std::max<int64_t>(SystemClock().Now().ns - time->ns, 0);
}

std::vector<NamedInfo> NamedSubscriptions::Lagging(size_t count) const {
  std::vector<std::pair<NamedInfo, Pointer>> found;
  const Sequence applied = log_.applied();
  for (const Pointer& each : All()) {
    NamedInfo info = each->info();
    info.lag_sequences = applied.value - std::min(applied, info.acknowledged).value;
    found.emplace_back(std::move(info), each);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first.lag_sequences > b.first.lag_sequences;
  });
  if (found.size() > count) found.resize(count);
  std::vector<NamedInfo> infos;
  infos.reserve(found.size());
  for (auto& [info, subscription] : found) {
    FillAge(*subscription, &info);
    infos.push_back(std::move(info));
  }
  return infos;
}

absl::StatusOr<NamedInfo> NamedSubscriptions::Get(absl::string_view name) const {
  TWIN_ASSIGN_OR_RETURN(const Pointer found, Find(name));
  return InfoOf(*found);
}

std::vector<NamedInfo> NamedSubscriptions::List(absl::string_view after, size_t count) const {
  std::vector<Pointer> found;
  {
    const MutexLock lock(&mutex_);
    for (auto it = all_.upper_bound(after); it != all_.end() && found.size() < count; ++it) {
      found.push_back(it->second);
    }
  }
  std::vector<NamedInfo> infos;
  infos.reserve(found.size());
  for (const Pointer& each : found) infos.push_back(InfoOf(*each));
  return infos;
}

// --- Changing ---

absl::StatusOr<NamedInfo> NamedSubscriptions::Create(NamedSpec spec, const Place& start) {
  TWIN_RETURN_IF_ERROR(CheckName("name", spec.name));
  TWIN_RETURN_IF_ERROR(feed_.Check(spec.filter));
  for (const EventType type : spec.filter.types) {
    if (type == EventType::kServerNotice) {
      return absl::InvalidArgumentError(
          "filter.types: notices have no place in the order of changes; Subscribe has them");
    }
    if (type != EventType::kTwinState && type != EventType::kRelationshipState) continue;
    return absl::InvalidArgumentError(
        "filter.types: a named subscription has no starting state; read it with Subscribe, and "
        "create the subscription with the resume token behind it");
  }
  spec.created = SystemClock().Now();
  spec.sought = spec.created;
  const MutexLock change(&change_mutex_);
  TWIN_ASSIGN_OR_RETURN(const Sequence after, Resolve(start));
  {
    const MutexLock lock(&mutex_);
    if (all_.contains(spec.name)) {
      return absl::AlreadyExistsError(absl::StrCat("there is a subscription ", spec.name));
    }
    if (all_.size() >= static_cast<size_t>(options_.named_subscriptions_max)) {
      return absl::ResourceExhaustedError(absl::StrCat("there are event_named_subscriptions_max (",
                                                       options_.named_subscriptions_max,
                                                       ") named subscriptions already"));
    }
  }
  const SlotCursors cursors(after);
  TWIN_RETURN_IF_ERROR(documents_.Commit(
      std::vector<storage::Documents::Change>{{kSpecCollection, spec.name, EncodeSpec(spec)},
                                              {kCursorCollection, spec.name, cursors.Encode()}}));
  const std::string name = spec.name;
  const auto created = std::make_shared<NamedSubscription>(this, std::move(spec), cursors);
  {
    const MutexLock lock(&mutex_);
    all_.emplace(name, created);
  }
  return InfoOf(*created);
}

absl::Status NamedSubscriptions::Delete(absl::string_view name) {
  Pointer found;
  {
    const MutexLock change(&change_mutex_);
    TWIN_ASSIGN_OR_RETURN(found, Find(name));
    TWIN_RETURN_IF_ERROR(documents_.Commit(std::vector<storage::Documents::Change>{
        {kSpecCollection, found->spec().name, std::nullopt},
        {kCursorCollection, found->spec().name, std::nullopt}}));
    const MutexLock lock(&mutex_);
    all_.erase(found->spec().name);
  }
  found->SetDeleted(
      absl::NotFoundError(absl::StrCat("subscription ", found->spec().name, " was deleted")));
  return absl::OkStatus();
}

absl::StatusOr<NamedInfo> NamedSubscriptions::Seek(absl::string_view name, const Place& to) {
  const MutexLock change(&change_mutex_);
  TWIN_ASSIGN_OR_RETURN(const Pointer found, Find(name));
  TWIN_ASSIGN_OR_RETURN(const Sequence after, Resolve(to));
  const SlotCursors cursors(after);
  NamedSpec spec = found->spec();
  spec.sought = std::max(SystemClock().Now(), Time{found->sought().ns + 1});
  TWIN_RETURN_IF_ERROR(documents_.Commit(
      std::vector<storage::Documents::Change>{{kSpecCollection, spec.name, EncodeSpec(spec)},
                                              {kCursorCollection, spec.name, cursors.Encode()}}));
  found->Restart(cursors, spec.sought,
                 absl::AbortedError(
                     absl::StrCat("subscription ", name, " was moved to another place (seek)")));
  return InfoOf(*found);
}

absl::StatusOr<NamedInfo> NamedSubscriptions::Acknowledge(absl::string_view name,
                                                          Sequence through) {
  TWIN_ASSIGN_OR_RETURN(const Pointer found, Find(name));
  if (log_.applied() < through) {
    return absl::InvalidArgumentError(
        absl::StrCat("the resume token stands for sequence ", through.value,
                     ", which this server has not reached: it is another server's"));
  }
  found->AcknowledgeThrough(through);
  TWIN_RETURN_IF_ERROR(CommitDirty());
  return InfoOf(*found);
}

absl::StatusOr<std::shared_ptr<Consumer>> NamedSubscriptions::Consume(absl::string_view name,
                                                                      const std::string& consumer,
                                                                      ConsumerSink* sink) {
  TWIN_RETURN_IF_ERROR(CheckName("consumer", consumer));
  TWIN_ASSIGN_OR_RETURN(const Pointer found, Find(name));
  {
    const MutexLock lock(&mutex_);
    if (stopping_) return IsStopping();
  }
  return found->Join(consumer, sink);
}

// --- Storing ---

void NamedSubscriptions::SetDirty(const Pointer& subscription) {
  const MutexLock lock(&mutex_);
  dirty_.push_back(subscription);
  changed_.SignalAll();
}

absl::Status NamedSubscriptions::CommitDirty() {
  std::vector<std::pair<Pointer, NamedSubscription::ToStore>> stored;
  absl::Status status;
  {
    const MutexLock change(&change_mutex_);
    std::vector<Pointer> dirty;
    {
      const MutexLock lock(&mutex_);
      dirty.swap(dirty_);
    }
    std::vector<storage::Documents::Change> changes;
    for (const Pointer& each : dirty) {
      {
        // One of that name may have come since this one was deleted.
        const MutexLock lock(&mutex_);
        const auto known = all_.find(each->spec().name);
        if (known == all_.end() || known->second != each) continue;
      }
      std::optional<NamedSubscription::ToStore> store = each->TakeDirty();
      if (!store.has_value()) continue;
      changes.push_back({kCursorCollection, each->spec().name, store->cursors});
      stored.emplace_back(each, *std::move(store));
    }
    if (changes.empty()) return absl::OkStatus();
    status = documents_.Commit(changes);
    // Whoever waits for the lock finds that there is something to be stored.
    if (!status.ok()) {
      for (const auto& [subscription, store] : stored) subscription->SetDirty();
      return status;
    }
  }
  for (const auto& [subscription, store] : stored) subscription->Stored(store);
  return absl::OkStatus();
}

void NamedSubscriptions::TellOfOldest() {
  const Sequence oldest = log_.oldest();
  if (oldest == oldest_) return;
  if (oldest_.value != 0) {
    feed_.Notify({.reason = "OLDEST_CHANGED",
                  .message = absl::StrCat("the oldest change that is kept is sequence ",
                                          oldest.value, " (event_retention)"),
                  .subject = {}});
  }
  oldest_ = oldest;
  std::set<std::string> expired;
  for (const Pointer& each : All()) {
    const Sequence next(each->info().acknowledged.value + 1);
    if (!(next < oldest)) continue;
    const std::string& name = each->spec().name;
    expired.insert(name);
    if (expired_.contains(name)) continue;
    feed_.Notify({.reason = "SUBSCRIPTION_EXPIRED",
                  .message = absl::StrCat("subscription ", name, " stands before sequence ",
                                          next.value, ", but the oldest change that is kept is ",
                                          oldest.value, "; seek to what is kept"),
                  .subject = absl::StrCat("subscriptions/", name)});
  }
  expired_ = std::move(expired);
}

void NamedSubscriptions::RunCommits() {
  NameThread("cursors");
  auto look_at = std::chrono::steady_clock::now();
  while (true) {
    bool is_dirty = false;
    {
      const MutexLock lock(&mutex_);
      if (!stopping_ && dirty_.empty()) changed_.WaitFor(&mutex_, kIdleTick);
      if (stopping_) return;
      is_dirty = !dirty_.empty();
    }
    const absl::Status status = is_dirty ? CommitDirty() : absl::OkStatus();
    for (const Pointer& each : All()) each->Tick();
    if (look_at <= std::chrono::steady_clock::now()) {
      TellOfOldest();
      look_at += kOldestInterval;
    }
    if (!is_dirty) continue;
    const auto until =
        std::chrono::steady_clock::now() + (status.ok() ? kCommitInterval : kRetryInterval);
    const MutexLock lock(&mutex_);
    for (auto now = std::chrono::steady_clock::now(); !stopping_ && now < until;
         now = std::chrono::steady_clock::now()) {
      changed_.WaitFor(&mutex_, until - now);
    }
  }
}

}  // namespace twin::events
