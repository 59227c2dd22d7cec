#include "server/api/write_stream.h"

#include <google/protobuf/arena.h>

#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/api/convert.h"
#include "server/base/sync.h"

namespace twin::api {
namespace {

// Of one stream: more of small batches than of large ones, which take much memory each.
constexpr size_t kInFlightMax = 32;
constexpr size_t kOperationsInFlightMax = 32'768;

class WriteStream final
    : public grpc::ServerBidiReactor<pb::BatchWriteRequest, pb::BatchWriteResponse> {
 public:
  explicit WriteStream(const Services& services)
      : services_(services), request_arena_(ArenaOptions()) {
    Read();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      bool finish = false;
      {
        const MutexLock lock(&mutex_);
        reads_done_ = true;
        finish = MayFinish();
      }
      if (finish) Finish(grpc::Status::OK);
      return;
    }
    const auto slot = std::make_shared<Slot>();
    slot->response->set_batch_number(request_->batch_number());
    slot->operations = static_cast<size_t>(request_->operations_size());
    absl::StatusOr<ingest::WriteBatch> batch = ToBatch(*request_);
    {
      const MutexLock lock(&mutex_);
      slots_.push_back(slot);
      operations_ += slot->operations;
    }
    if (!batch.ok()) {
      ingest::WriteResult refused;
      refused.status = batch.status();
      Done(slot, refused, true);
    } else {
      const bool atomic = batch->atomic;
      services_.engine->Write(
          *std::move(batch),
          [this, slot, atomic](const ingest::WriteResult& result) { Done(slot, result, atomic); });
    }
    bool read = false;
    {
      const MutexLock lock(&mutex_);
      read = MayRead();
      reading_ = read;
    }
    if (read) Read();
  }

  void OnWriteDone(bool ok) override {
    bool read = false;
    bool finish = false;
    Slot* next = nullptr;
    {
      const MutexLock lock(&mutex_);
      DropOldest();
      writing_ = false;
      broken_ = broken_ || !ok;
      next = NextToWrite();
      read = !reading_ && !reads_done_ && MayRead();
      if (read) reading_ = true;
      finish = MayFinish();
    }
    if (next != nullptr) StartWrite(next->response);
    if (read) Read();
    if (finish) Finish(grpc::Status::OK);
  }

  void OnCancel() override {}
  void OnDone() override { delete this; }

 private:
  // Messages of thousands of operations live in arenas: made and thrown away as one.
  static google::protobuf::ArenaOptions ArenaOptions() {
    google::protobuf::ArenaOptions options;
    options.start_block_size = 4 << 10;
    options.max_block_size = 1 << 20;
    return options;
  }

  struct Slot {
    google::protobuf::Arena arena{ArenaOptions()};
    pb::BatchWriteResponse* const response =
        google::protobuf::Arena::CreateMessage<pb::BatchWriteResponse>(&arena);
    size_t operations = 0;
    bool ready = false;
  };

  void Read() {
    request_arena_.Reset();
    request_ = google::protobuf::Arena::CreateMessage<pb::BatchWriteRequest>(&request_arena_);
    StartRead(request_);
  }

  void Done(const std::shared_ptr<Slot>& slot, const ingest::WriteResult& result, bool atomic) {
    Slot* next = nullptr;
    bool finish = false;
    bool read = false;
    FillBatchResponse(result, atomic, slot->response);
    slot->response->set_code(static_cast<int>(result.status.code()));
    slot->response->set_message(std::string(result.status.message()));
    {
      const MutexLock lock(&mutex_);
      slot->ready = true;
      next = NextToWrite();
      finish = MayFinish();
      read = !reading_ && !reads_done_ && MayRead();
      if (read) reading_ = true;
    }
    if (next != nullptr) StartWrite(next->response);
    if (read) Read();
    if (finish) Finish(grpc::Status::OK);
  }

  bool MayRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return slots_.size() < kInFlightMax && operations_ < kOperationsInFlightMax;
  }

  void DropOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    operations_ -= slots_.front()->operations;
    slots_.pop_front();
  }

  // The oldest batch's answer, if it is there and none is being written.
  Slot* NextToWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (broken_) {
      // Nobody reads any more: what is answered is dropped.
      while (!slots_.empty() && slots_.front()->ready) DropOldest();
      return nullptr;
    }
    if (writing_ || slots_.empty() || !slots_.front()->ready) return nullptr;
    writing_ = true;
    return slots_.front().get();
  }

  bool MayFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_ || !reads_done_ || writing_ || !slots_.empty()) return false;
    finished_ = true;
    return true;
  }

  const Services& services_;
  google::protobuf::Arena request_arena_;
  pb::BatchWriteRequest* request_ = nullptr;
  Mutex mutex_;
  std::deque<std::shared_ptr<Slot>> slots_ ABSL_GUARDED_BY(mutex_);  // in the order of batches
  size_t operations_ ABSL_GUARDED_BY(mutex_) = 0;                    // of those batches
  bool reading_ ABSL_GUARDED_BY(mutex_) = true;
  bool reads_done_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerBidiReactor<pb::BatchWriteRequest, pb::BatchWriteResponse>* NewWriteStream(
    const Services& services) {
  return new WriteStream(services);
}

void FillBatchResponse(const ingest::WriteResult& result, bool atomic,
                       pb::BatchWriteResponse* response) {
  FillPosition(result.sequence, response->mutable_position());
  uint64_t changed = 0;
  for (const ingest::OperationResult& each : result.results) changed += each.changed;
  response->set_changed(changed);
  if (atomic) {
    if (!result.results.empty()) response->set_etag(EtagOf(result.results[0].version));
    bool any_created = false;
    for (const ingest::OperationResult& each : result.results) {
      any_created = any_created || each.created;
    }
    if (!any_created) return;
  }
  uint32_t failed = 0;
  response->mutable_results()->Reserve(static_cast<int>(result.results.size()));
  for (const ingest::OperationResult& each : result.results) {
    pb::OperationStatus* status = response->add_results();
    status->set_created(each.created);
    if (each.status.ok()) {
      if (!atomic) status->set_etag(EtagOf(each.version));
      continue;
    }
    ++failed;
    status->set_code(static_cast<int>(each.status.code()));
    status->set_message(std::string(each.status.message()));
  }
  response->set_failed(failed);
}

}  // namespace twin::api
