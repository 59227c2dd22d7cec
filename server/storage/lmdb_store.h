// A store in an LMDB file: a B+ tree in pages that are never changed in place, mapped into memory.
// Readers wait for nobody; the one writer publishes a state by writing one of two meta pages.
#ifndef TWIN_SERVER_STORAGE_LMDB_STORE_H_
#define TWIN_SERVER_STORAGE_LMDB_STORE_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/storage/kv_store.h"
#include "server/storage/write_turn.h"

struct MDB_env;

namespace twin::storage {

struct LmdbOptions {
  // Holds data.mdb and lock.mdb. Created where it is missing, unless read_only.
  std::string folder;
  // How large the store may grow: address space that is reserved at the start, not memory. Where
  // the system refuses so much (ulimit -v), 64 GiB, then 4 GiB. A larger file is mapped whole.
  uint64_t map_bytes = uint64_t{1} << 40;
  // BeginWrite is refused. The folder must be there, and writable for lock.mdb (unless its file
  // system is read-only).
  bool read_only = false;
  // Walks all pages first (CheckLmdbPages): for `twinctl check`, and for a file not to be trusted.
  bool check_pages = false;
};

// Thread-safe. At most kReadersMax read transactions, of all processes, at a time:
// RESOURCE_EXHAUSTED.
class LmdbStore final : public KvStore {
 public:
  static constexpr int kReadersMax = 512;

  // Several processes may have a folder open, but each only once: FAILED_PRECONDITION. So is a file
  // of another version of LMDB. The first start in an empty folder must be one process's alone.
  // NOT_FOUND: read_only, and there is no store. DATA_LOSS: the file is cut short, or no LMDB file.
  //
  // A damaged value is found when it is read. A damaged page of LMDB's own may end the process at
  // any time, unless check_pages found it; it is found for certain only there.
  static absl::StatusOr<std::unique_ptr<LmdbStore>> Open(const LmdbOptions& options);

  // No transaction is open any more.
  ~LmdbStore() override;

  absl::StatusOr<std::unique_ptr<ReadTransaction>> BeginRead() override;
  absl::StatusOr<std::unique_ptr<WriteTransaction>> BeginWrite() override;
  // The size of data.mdb up to its last used page.
  absl::StatusOr<uint64_t> Bytes() override;
  // Without the space that deleted entries left.
  absl::Status CopyTo(const std::string& folder) override;

  // What the system gave of LmdbOptions::map_bytes.
  uint64_t map_bytes() const;

 private:
  class LmdbView;
  class LmdbRead;
  class LmdbWrite;
  class Claim;

  LmdbStore(const LmdbOptions& options, std::unique_ptr<Claim> claim);
  absl::Status OpenFile();
  absl::Status CheckMetas() const;
  int OpenMapped(uint64_t map_bytes);  // LMDB's error
  absl::Status CheckFile();
  absl::Status StatusOf(int error, absl::string_view what) const;
  bool DiskIsFull(uint64_t bytes) const;
  // What was read through the map counts as this process's memory until then.
  void LetGoOfPages();

  const LmdbOptions options_;
  const std::string path_;  // of data.mdb
  const std::unique_ptr<Claim> claim_;
  MDB_env* env_ = nullptr;
  void* map_ = nullptr;  // where the file is mapped, if that is known
  unsigned int database_ = 0;
  std::atomic<int> transactions_ = 0;  // that are open
  WriteTurn turn_;
};

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_LMDB_STORE_H_
