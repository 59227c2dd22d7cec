#include "server/api/write_stream.h"

#include <google/protobuf/arena.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/api/batch_bytes.h"
#include "server/api/convert.h"
#include "server/base/check.h"
#include "server/base/sync.h"

namespace twin::api {
namespace {

// Of one stream: more of small batches than of large ones, which take much memory each.
constexpr size_t kInFlightMax = 32;
constexpr size_t kOperationsInFlightMax = 32'768;

class WriteStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit WriteStream(const Services& services)
      : services_(services), request_arena_(ArenaOptions()) {
    Read();
  }

  void OnReadDone(bool ok) override {
    const auto slot = std::make_shared<Slot>();
    absl::StatusOr<ingest::WriteBatch> batch;
    const bool is_batch = ok && Parse(slot.get(), &batch);
    if (!is_batch) {
      if (ok) {
        end_ = grpc::Status(grpc::StatusCode::INTERNAL, "a message is no BatchWriteRequest");
      }
      bool finish = false;
      {
        const MutexLock lock(&mutex_);
        reads_done_ = true;
        finish = MayFinish();
      }
      if (finish) Finish(end_);
      return;
    }
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
    if (next != nullptr) StartWrite(&next->bytes);
    if (read) Read();
    if (finish) Finish(end_);
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
    uint64_t batch_number = 0;
    size_t operations = 0;
    grpc::ByteBuffer bytes;  // of the answer
    bool ready = false;
  };

  void Read() {
    request_.Clear();
    StartRead(&request_);
  }

  // The batch of request_, or why there is none. False: it is no message.
  bool Parse(Slot* slot, absl::StatusOr<ingest::WriteBatch>* batch) {
    grpc::Slice slice;
    if (!request_.TrySingleSlice(&slice).ok() && !request_.DumpToSingleSlice(&slice).ok()) {
      return false;
    }
    const absl::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
    if (std::optional<BatchOfBytes> read = ReadBatch(bytes)) {
      slot->batch_number = read->batch_number;
      slot->operations = read->batch.size();
      *batch = std::move(read->batch);
      return true;
    }
    request_arena_.Reset();
    auto* const request =
        google::protobuf::Arena::CreateMessage<pb::BatchWriteRequest>(&request_arena_);
    if (!request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
    slot->batch_number = request->batch_number();
    slot->operations = static_cast<size_t>(request->operations_size());
    *batch = ToBatch(*request);
    return true;
  }

  void Done(const std::shared_ptr<Slot>& slot, const ingest::WriteResult& result, bool atomic) {
    Slot* next = nullptr;
    bool finish = false;
    bool read = false;
    Fill(result, atomic, slot.get());
    {
      const MutexLock lock(&mutex_);
      slot->ready = true;
      next = NextToWrite();
      finish = MayFinish();
      read = !reading_ && !reads_done_ && MayRead();
      if (read) reading_ = true;
    }
    if (next != nullptr) StartWrite(&next->bytes);
    if (read) Read();
    if (finish) Finish(end_);
  }

  static void Fill(const ingest::WriteResult& result, bool atomic, Slot* slot) {
    google::protobuf::Arena arena(ArenaOptions());
    auto* const response = google::protobuf::Arena::CreateMessage<pb::BatchWriteResponse>(&arena);
    response->set_batch_number(slot->batch_number);
    FillBatchResponse(result, atomic, response);
    response->set_code(static_cast<int>(result.status.code()));
    response->set_message(std::string(result.status.message()));
    bool owned = false;
    const grpc::Status status = grpc::SerializationTraits<pb::BatchWriteResponse>::Serialize(
        *response, &slot->bytes, &owned);
    TWIN_CHECK(status.ok()) << status.error_message();
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
  grpc::ByteBuffer request_;
  grpc::Status end_;  // changes before reads_done_ does
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

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* NewWriteStream(
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
