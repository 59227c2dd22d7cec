// Ordered key-value transactions: one writer, many readers, each on a consistent state. What
// checkpoints are stored in. Keys are bytes, ordered as memcmp orders them.
#ifndef TWIN_SERVER_STORAGE_KV_STORE_H_
#define TWIN_SERVER_STORAGE_KV_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin::storage {

constexpr size_t kKeyBytesMin = 1;
constexpr size_t kKeyBytesMax = 511;
constexpr size_t kValueBytesMax = size_t{1} << 30;

// The store as it was when the transaction began, whatever is committed meanwhile. May live long;
// what is deleted or overwritten meanwhile takes space until it ends. Thread-compatible, and may
// move from thread to thread. Must not outlive its store.
class ReadTransaction {
 public:
  // Sees one entry; false stops the scan. Both views are good during the call only.
  using Visit =
      absl::FunctionRef<absl::StatusOr<bool>(absl::string_view key, absl::string_view value)>;

  virtual ~ReadTransaction() = default;

  // True: `value` is what the key has. False: there is no such key, and `value` stays.
  // INVALID_ARGUMENT: no key can have that length. DATA_LOSS: the checksum is wrong.
  virtual absl::StatusOr<bool> Get(absl::string_view key, std::string* value) = 0;

  // Visits the entries with from <= key < to, ascending; an empty `to` is the end of the store.
  // The bounds may have any length. Ends early, and returns so, with an error of `visit`, or with
  // DATA_LOSS at the first entry whose checksum is wrong; then `visit` has had what precedes it.
  // `visit` must not change the transaction.
  // Cost: one search, then the entries in order, without a copy.
  virtual absl::Status Scan(absl::string_view from, absl::string_view to, Visit visit) = 0;
};

// The newest state, plus what the transaction itself has written: its reads see both. To be used
// and destroyed by the thread that began it. Destroyed without Commit, it leaves no trace.
//
// Writes fail with RESOURCE_EXHAUSTED: the disk, the store or the transaction is full; DATA_LOSS:
// the store is damaged; UNAVAILABLE: the system failed. After any of these only destruction is of
// use: all further calls, Commit too, return the same error. The store itself goes on.
class WriteTransaction : public ReadTransaction {
 public:
  // INVALID_ARGUMENT, and nothing happens: key or value has no allowed length.
  virtual absl::Status Put(absl::string_view key, absl::string_view value) = 0;
  // OK as well where there is no such key. INVALID_ARGUMENT as above.
  virtual absl::Status Delete(absl::string_view key) = 0;
  // Deletes the entries that Scan(from, to) would visit, damaged ones too.
  virtual absl::Status DeleteRange(absl::string_view from, absl::string_view to) = 0;

  // Bytes of the keys and values that were Put so far, for a caller that commits in portions.
  virtual uint64_t bytes() const = 0;

  // OK: every later transaction sees it all, and it survives a loss of power. Else nothing of it is
  // there. Either way nothing but destruction may follow.
  virtual absl::Status Commit() = 0;
};

// Thread-safe. Every value carries a CRC-32C over key and value, which is verified whenever it is
// read: DATA_LOSS names the key and what to do.
class KvStore {
 public:
  virtual ~KvStore() = default;

  virtual absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginRead() = 0;

  // Blocks while another thread, or process, has a write transaction. FAILED_PRECONDITION: this
  // thread has one, or the store was opened to read only.
  virtual absl::StatusOr<std::unique_ptr<WriteTransaction>> BeginWrite() = 0;

  // What the newest state takes where it is kept, with the space that deleted entries left.
  virtual absl::StatusOr<uint64_t> Bytes() = 0;

  // Copies one consistent state, the newest, into an existing and empty folder, while others read
  // and write. OK: the copy survives a loss of power, and the same kind of store opens it. Else
  // the folder holds no copy: NOT_FOUND: no such folder. FAILED_PRECONDITION: it is not empty, or
  // this thread has a write transaction. RESOURCE_EXHAUSTED: the disk is full.
  virtual absl::Status CopyTo(const std::string& folder) = 0;
};

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_KV_STORE_H_
