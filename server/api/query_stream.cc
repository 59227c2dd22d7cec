#include "server/api/query_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/status.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;

// How long gRPC's thread may work for a query.
constexpr std::chrono::milliseconds kBriefMax{2};
// A query that has no rows by then sends its header, so that the client knows its id.
constexpr std::chrono::milliseconds kHeaderAfter{100};
constexpr std::chrono::milliseconds kPollTime{20};

}  // namespace

absl::Status QueryStream::Interrupted() {
  if (run_->cancelled) return absl::CancelledError("the query was cancelled (CancelQuery)");
  if (gone_) return absl::CancelledError("the client is gone");
  TWIN_RETURN_IF_ERROR(Lost());
  const Clock::time_point now = Clock::now();
  if (now >= deadline_) {
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - start_);
    return absl::DeadlineExceededError(
        absl::StrCat("the query took longer than its deadline of ", time.count(),
                     " ms (where the client gives none, deadline_default_ms)"));
  }
  if (is_brief_) {
    if (now - start_ < kBriefMax) return absl::OkStatus();
    is_too_long_ = true;
    return absl::CancelledError("it goes on on another thread");
  }
  if (now - start_ > kHeaderAfter) SendHeader();
  return absl::OkStatus();
}

bool QueryStream::EndBrief() {
  is_brief_ = false;
  if (!is_too_long_) return false;
  message()->Clear();
  return true;
}

void QueryStream::SetHeader(pb::QueryHeader header) {
  const MutexLock lock(&mutex_);
  *header_.mutable_header() = std::move(header);
  has_header_ = true;
}

void QueryStream::SendHeader() {
  const MutexLock lock(&mutex_);
  if (!has_header_ || is_writing_) return;
  has_header_ = false;
  is_writing_ = true;
  StartWrite(&header_);
}

void QueryStream::MoveHeader() {
  if (has_header_) message()->mutable_header()->Swap(header_.mutable_header());
  has_header_ = false;
}

absl::Status QueryStream::Send() {
  if (is_brief_) {
    is_too_long_ = true;  // nothing can be sent before gRPC has the reactor
    return absl::CancelledError("it goes on on another thread");
  }
  TWIN_RETURN_IF_ERROR(WaitForWrite());
  {
    const MutexLock lock(&mutex_);
    MoveHeader();
    is_writing_ = true;
    StartWrite(message());
  }
  filling_ = 1 - filling_;
  message()->Clear();
  return absl::OkStatus();
}

absl::Status QueryStream::WaitForWrite() {
  absl::Status over;
  while (true) {
    {
      const MutexLock lock(&mutex_);
      if (is_writing_) changed_.WaitFor(&mutex_, kPollTime);
      if (!is_writing_) break;
    }
    if (!over.ok()) continue;
    // A client that does not read holds nobody up for longer than the deadline.
    over = Interrupted();
    if (!over.ok()) context_->TryCancel();
  }
  if (!over.ok()) return over;
  return gone_ ? absl::CancelledError("the client is gone") : absl::OkStatus();
}

void QueryStream::OnWriteDone(bool ok) {
  const MutexLock lock(&mutex_);
  if (!ok) gone_ = true;
  is_writing_ = false;
  changed_.Signal();
}

void QueryStream::SendLast(const absl::Status& status) {
  timed_.End(status.ok());
  if (!status.ok()) return Finish(ToGrpc(status));
  {
    const MutexLock lock(&mutex_);
    MoveHeader();
  }
  StartWriteAndFinish(message(), grpc::WriteOptions(), grpc::Status::OK);
}

}  // namespace twin::api
