// Files as an interface, so that tests can break the disk.
#ifndef TWIN_SERVER_BASE_FILE_H_
#define TWIN_SERVER_BASE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace twin {

// Errors everywhere: NOT_FOUND for a file that is not there, RESOURCE_EXHAUSTED for a full disk,
// PERMISSION_DENIED, else UNAVAILABLE. Messages name the path and what the system said.

// An open file. Thread-compatible; reads and writes of different places may run at once.
class File {
 public:
  virtual ~File() = default;

  // All bytes at that place, or an error; then an unknown part may have been written.
  virtual absl::Status Write(uint64_t offset, absl::string_view bytes) = 0;
  // Up to `size` bytes; fewer only at the end of the file.
  virtual absl::Status Read(uint64_t offset, size_t size, std::string* bytes) const = 0;
  // When it returns OK, what was written survives a loss of power (fdatasync).
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<uint64_t> Size() const = 0;
};

// Held as long as the object lives.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) = 0;    // to read
  virtual absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) = 0;  // or empty it
  virtual absl::StatusOr<std::unique_ptr<File>> OpenToWrite(const std::string& path) = 0;
  // Names in the folder, sorted, without "." and "..".
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  virtual absl::Status CreateFolder(const std::string& folder) = 0;  // and its parents; may exist
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;  // a file, or an empty folder
  virtual bool Exists(const std::string& path) = 0;
  virtual bool IsFolder(const std::string& path) = 0;  // a link to one is none
  // Makes creations, renames and removals in the folder durable.
  virtual absl::Status SyncFolder(const std::string& folder) = 0;
  // FAILED_PRECONDITION: another process, or this one, has the lock.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;

  // The whole file, and a whole file: written beside, synced, renamed.
  absl::StatusOr<std::string> ReadWhole(const std::string& path);
  absl::Status WriteWhole(const std::string& path, absl::string_view bytes);
};

// The system's. Lives as long as the process.
FileSystem* PosixFileSystem();

// "a/b" and "c" to "a/b/c".
std::string JoinPath(absl::string_view folder, absl::string_view name);
// "a/b/c" to "a/b"; "." where there is no folder.
std::string FolderOf(absl::string_view path);

}  // namespace twin

#endif  // TWIN_SERVER_BASE_FILE_H_
