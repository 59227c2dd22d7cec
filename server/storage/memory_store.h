// A store in memory: for tests of what stands above, and a second implementation that the
// conformance suite holds to the same contract.
#ifndef TWIN_SERVER_STORAGE_MEMORY_STORE_H_
#define TWIN_SERVER_STORAGE_MEMORY_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/sync.h"
#include "server/storage/kv_store.h"
#include "server/storage/write_turn.h"

namespace twin::storage {

// Thread-safe. Durable as long as the object lives. A write transaction begins with a copy of the
// map (not of the values).
class MemoryStore final : public KvStore {
 public:
  MemoryStore() : entries_(std::make_shared<Entries>()) {}

  // What CopyTo wrote to that folder.
  static absl::StatusOr<std::unique_ptr<MemoryStore>> Load(const std::string& folder);

  absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginRead() override;
  absl::StatusOr<std::unique_ptr<WriteTransaction>> BeginWrite() override;
  absl::StatusOr<uint64_t> Bytes() override;
  absl::Status CopyTo(const std::string& folder) override;

  // Flips a bit in what is kept for the key, as a bad disk would. The key must be there, and no
  // write transaction open.
  void Damage(absl::string_view key);

 private:
  class MemoryRead;
  class MemoryWrite;
  // Key to value with checksum. The values are shared by the states of the store.
  using Entries = std::map<std::string, std::shared_ptr<const std::string>, std::less<>>;

  std::shared_ptr<const Entries> entries() ABSL_LOCKS_EXCLUDED(mutex_);
  void set_entries(std::shared_ptr<const Entries> entries) ABSL_LOCKS_EXCLUDED(mutex_);

  WriteTurn turn_;
  Mutex mutex_;
  std::shared_ptr<const Entries> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_MEMORY_STORE_H_
