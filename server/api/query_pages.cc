#include "server/api/query_pages.h"

#include <algorithm>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace twin::api {
namespace {

constexpr size_t kIdLength = 32;

std::string RandomId() {
  std::random_device random;
  const auto half = [&] { return static_cast<uint64_t>(random()) << 32 | random(); };
  return absl::StrFormat("%016x%016x", half(), half());
}

}  // namespace

std::list<QueryPages::Entry> QueryPages::TakeExpired() {
  const Time now = clock_.Now();
  auto end = entries_.begin();
  size_t left = entries_.size();
  for (; end != entries_.end(); ++end, --left) {
    const bool expired = end->expires <= now;
    // The last one stays, so that there is progress.
    const bool too_many = left > 1 && (left > limits_.results || bytes_ > limits_.bytes);
    if (!expired && !too_many) break;
    bytes_ -= end->result->bytes;
  }
  std::list<Entry> gone;
  gone.splice(gone.begin(), entries_, entries_.begin(), end);
  return gone;
}

absl::StatusOr<QueryPages::Page> QueryPages::Find(const std::string& token) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(token, absl::MaxSplits('.', 1));
  Page page;
  if (parts.first.size() != kIdLength || !absl::SimpleAtoi(parts.second, &page.row)) {
    return absl::InvalidArgumentError("page_token: it is none; give one back as it came");
  }
  std::list<Entry> gone;
  {
    const MutexLock lock(&mutex_);
    gone = TakeExpired();
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.id == parts.first; });
    if (found != entries_.end()) page.result = found->result;
  }
  if (page.result == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("page_token: it has expired, ", limits_.token_ms / 1000,
                     " s after the page before (or the server was restarted, or kept too many "
                     "results: query_kept_bytes_max); ask again from the start"));
  }
  if (page.row < page.result->first_row) {
    return absl::InvalidArgumentError("page_token: it is none; give one back as it came");
  }
  absl::StatusOr<std::shared_ptr<const graph::GraphView>> view = page.result->snapshot->Get();
  if (!view.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("page_token: it has expired; ", view.status().message()));
  }
  page.view = *std::move(view);
  return page;
}

std::string QueryPages::Keep(std::shared_ptr<const KeptResult> result, uint64_t row) {
  const Time expires{clock_.Now().ns + limits_.token_ms * kNsPerMs};
  std::list<Entry> gone;
  const MutexLock lock(&mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.result == result; });
  if (found != entries_.end()) {
    found->expires = expires;
    entries_.splice(entries_.end(), entries_, found);
  } else {
    bytes_ += result->bytes;
    entries_.push_back({RandomId(), std::move(result), expires});
  }
  std::string token = absl::StrCat(entries_.back().id, ".", row);
  gone = TakeExpired();
  return token;
}

size_t QueryPages::bytes() const {
  const MutexLock lock(&mutex_);
  return bytes_;
}

}  // namespace twin::api
