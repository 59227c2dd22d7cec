// A disk in memory that can fail in every way a disk fails: for tests of what promises durability.
#ifndef TWIN_TESTS_SUPPORT_FAULTY_FILE_H_
#define TWIN_TESTS_SUPPORT_FAULTY_FILE_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/file.h"
#include "server/base/sync.h"

namespace twin::testing {

// Thread-safe. Names (creation, renaming, removal) are durable at once; bytes are when synced.
class FaultyFileSystem final : public FileSystem {
 public:
  // `mirrors_folders`: folders are made, renamed and removed on the system's disk too, and files
  // there exist: for a program that keeps LMDB's files beside its own.
  explicit FaultyFileSystem(bool mirrors_folders = false) : mirrors_folders_(mirrors_folders) {}

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<File>> OpenToWrite(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status CreateFolder(const std::string& folder) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  bool Exists(const std::string& path) override;
  bool IsFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& folder) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

  // The nth write or sync from now on fails (0: the next one), and all after it. A write that fails
  // leaves the first half of its bytes. -1: none.
  void FailWrites(int after);
  void FailSyncs(int after);
  // Writes that make a file longer fail with RESOURCE_EXHAUSTED while it is so.
  void SetFull(bool full);
  // Every file has the bytes of its last sync again.
  void CutPower();
  // What a file holds now; changes it in place.
  std::string Bytes(const std::string& path);
  void SetBytes(const std::string& path, std::string bytes);
  int syncs() const;

 private:
  struct Node {
    std::string bytes;
    std::string synced;
    bool locked = false;
  };
  class FaultyFile;
  class FaultyLock;

  absl::StatusOr<std::shared_ptr<Node>> Find(const std::string& path);
  bool HasFolder(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool mirrors_folders_;
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> nodes_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> folders_ ABSL_GUARDED_BY(mutex_);
  int writes_left_ ABSL_GUARDED_BY(mutex_) = -1;
  int syncs_left_ ABSL_GUARDED_BY(mutex_) = -1;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace twin::testing

#endif  // TWIN_TESTS_SUPPORT_FAULTY_FILE_H_
