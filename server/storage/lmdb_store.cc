#include "server/storage/lmdb_store.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <set>
#include <type_traits>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/file.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/storage/entry.h"
#include "server/storage/lmdb_pages.h"

namespace twin::storage {
namespace {

static_assert(std::is_same_v<MDB_dbi, unsigned int>);

constexpr char kDataName[] = "data.mdb";
constexpr uint64_t kPageBytesMargin = 1 << 20;  // of pages that change with an entry
constexpr mdb_mode_t kMode = 0644;
constexpr uint64_t kFallbackMapBytes[] = {uint64_t{64} << 30, uint64_t{4} << 30};

MDB_val ToVal(absl::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB only reads it.
}

absl::string_view ToView(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

// An empty store, whole or not at all: by LMDB itself, a crash at the wrong time would leave a file
// that looks cut short.
absl::Status CreateData(const std::string& folder) {
  FileSystem* const fs = PosixFileSystem();
  const std::string path = JoinPath(folder, kDataName);
  const std::string beside = absl::StrCat(path, ".new");
  if (fs->Exists(beside)) TWIN_RETURN_IF_ERROR(fs->Remove(beside));
  MDB_env* env = nullptr;
  int error = mdb_env_create(&env);
  if (error == 0) {
    error = mdb_env_open(env, beside.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, kMode);
    mdb_env_close(env);
  }
  if (error != 0) {
    const std::string message = absl::StrCat("cannot create ", path, ": ", mdb_strerror(error));
    return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                              : absl::UnavailableError(message);
  }
  {
    TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs->OpenToWrite(beside));
    TWIN_RETURN_IF_ERROR(file->Sync());
  }
  TWIN_RETURN_IF_ERROR(fs->Rename(beside, path));
  return fs->SyncFolder(folder);
}

absl::Status CreateFolder(const std::string& folder) {
  FileSystem* const fs = PosixFileSystem();
  if (fs->Exists(folder)) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(fs->CreateFolder(folder));
  return fs->SyncFolder(FolderOf(folder));
}

// Where this process maps the file's first byte. Null: that cannot be told. LMDB does not tell.
void* MappingOf(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return nullptr;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    void* begin = nullptr;
    uint64_t offset = 0;
    uint64_t inode = 0;
    constexpr char kForm[] = "%p-%*x %*s %" SCNx64 " %*x:%*x %" SCNu64;
    if (std::sscanf(line.c_str(), kForm, &begin, &offset, &inode) == 3 && offset == 0 &&
        inode == info.st_ino && absl::EndsWith(line, kDataName)) {
      return begin;
    }
  }
  return nullptr;
}

absl::Status SyncCopy(const std::string& folder) {
  FileSystem* const fs = PosixFileSystem();
  {
    TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          fs->OpenToWrite(JoinPath(folder, kDataName)));
    TWIN_RETURN_IF_ERROR(file->Sync());
  }
  return fs->SyncFolder(folder);
}

}  // namespace

// That this process has the folder open. LMDB locks by fcntl, and when a process closes a file, the
// system drops all of its locks of that file: a second store would take the first one's away.
class LmdbStore::Claim {
 public:
  static absl::StatusOr<std::unique_ptr<Claim>> Take(const std::string& folder) {
    struct stat info {};
    if (stat(folder.c_str(), &info) != 0) {
      return absl::NotFoundError(absl::StrCat("no folder ", folder));
    }
    Open& open = OpenFolders();
    MutexLock lock(&open.mutex);
    const Folder id(info.st_dev, info.st_ino);
    if (open.folders.insert(id).second) return std::make_unique<Claim>(id);
    return absl::FailedPreconditionError(
        absl::StrCat("this process has the store in ", folder, " open already"));
  }

  explicit Claim(std::pair<dev_t, ino_t> id) : id_(id) {}
  ~Claim() {
    Open& open = OpenFolders();
    MutexLock lock(&open.mutex);
    open.folders.erase(id_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  using Folder = std::pair<dev_t, ino_t>;
  struct Open {
    Mutex mutex;
    std::set<Folder> folders ABSL_GUARDED_BY(mutex);
  };

  static Open& OpenFolders() {
    static Open& open = *new Open;  // Never destroyed: stores may live till the end.
    return open;
  }

  const Folder id_;
};

// What both kinds of transaction share: an LMDB transaction and how to read in it.
class LmdbStore::LmdbView {
 public:
  LmdbView(LmdbStore* store, MDB_txn* txn) : store_(store), txn_(txn) { ++store_->transactions_; }
  ~LmdbView() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
    if (--store_->transactions_ == 0) store_->LetGoOfPages();
  }
  LmdbView(const LmdbView&) = delete;
  LmdbView& operator=(const LmdbView&) = delete;

  MDB_txn* txn() const {
    TWIN_CHECK(txn_ != nullptr) << "the write transaction has ended";
    return txn_;
  }

  int Commit() {
    MDB_txn* const ended = txn();
    txn_ = nullptr;  // LMDB frees it, whatever comes of it.
    return mdb_txn_commit(ended);
  }

  void Abort() {
    mdb_txn_abort(txn());
    txn_ = nullptr;
  }

  absl::StatusOr<bool> Get(absl::string_view key, std::string* value) {
    TWIN_RETURN_IF_ERROR(CheckKey(key));
    MDB_val k = ToVal(key);
    MDB_val stored{};
    const int error = mdb_get(txn(), store_->database_, &k, &stored);
    if (error == MDB_NOTFOUND) return false;
    if (error != 0) return store_->StatusOf(error, "read");
    TWIN_ASSIGN_OR_RETURN(const absl::string_view kept,
                          ReadStored(key, ToView(stored), store_->options_.folder));
    value->assign(kept.data(), kept.size());
    return true;
  }

  absl::Status Scan(absl::string_view from, absl::string_view to, ReadTransaction::Visit visit) {
    Cursor cursor;
    MDB_val k{};
    MDB_val stored{};
    int error = cursor.Open(txn(), store_->database_);
    if (error == 0) error = cursor.Seek(from, &k, &stored);
    for (; error == 0; error = cursor.Next(&k, &stored)) {
      const absl::string_view key = ToView(k);
      if (!to.empty() && key >= to) return absl::OkStatus();
      TWIN_ASSIGN_OR_RETURN(const absl::string_view value,
                            ReadStored(key, ToView(stored), store_->options_.folder));
      TWIN_ASSIGN_OR_RETURN(const bool more, visit(key, value));
      if (!more) return absl::OkStatus();
    }
    return error == MDB_NOTFOUND ? absl::OkStatus() : store_->StatusOf(error, "read");
  }

  // 0 when all are deleted.
  int DeleteRange(absl::string_view from, absl::string_view to) {
    Cursor cursor;
    MDB_val k{};
    MDB_val stored{};
    int error = cursor.Open(txn(), store_->database_);
    if (error == 0) error = cursor.Seek(from, &k, &stored);
    while (error == 0 && (to.empty() || ToView(k) < to)) {
      error = cursor.Delete();
      if (error == 0) error = cursor.Next(&k, &stored);
    }
    return error == MDB_NOTFOUND ? 0 : error;
  }

 private:
  class Cursor {
   public:
    Cursor() = default;
    ~Cursor() {
      if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    }
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;

    int Open(MDB_txn* txn, MDB_dbi database) { return mdb_cursor_open(txn, database, &cursor_); }
    // To the first key that is not below `from`.
    int Seek(absl::string_view from, MDB_val* key, MDB_val* stored) {
      *key = ToVal(from);
      return mdb_cursor_get(cursor_, key, stored, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
    }
    // After Delete: to the one that followed.
    int Next(MDB_val* key, MDB_val* stored) {
      return mdb_cursor_get(cursor_, key, stored, MDB_NEXT);
    }
    int Delete() { return mdb_cursor_del(cursor_, 0); }

   private:
    MDB_cursor* cursor_ = nullptr;
  };

  LmdbStore* const store_;
  MDB_txn* txn_;  // nullptr when it has ended
};

class LmdbStore::LmdbRead final : public ReadTransaction {
 public:
  LmdbRead(LmdbStore* store, MDB_txn* txn) : view_(store, txn) {}

  absl::StatusOr<bool> Get(absl::string_view key, std::string* value) override {
    return view_.Get(key, value);
  }
  absl::Status Scan(absl::string_view from, absl::string_view to, Visit visit) override {
    return view_.Scan(from, to, visit);
  }

 private:
  LmdbView view_;
};

class LmdbStore::LmdbWrite final : public WriteTransaction {
 public:
  LmdbWrite(LmdbStore* store, MDB_txn* txn) : store_(store), view_(store, txn) {}
  ~LmdbWrite() override {
    if (ended_) return;
    view_.Abort();
    store_->turn_.Release();
  }

  absl::StatusOr<bool> Get(absl::string_view key, std::string* value) override {
    TWIN_RETURN_IF_ERROR(failed_);
    return view_.Get(key, value);
  }
  absl::Status Scan(absl::string_view from, absl::string_view to, Visit visit) override {
    TWIN_RETURN_IF_ERROR(failed_);
    return view_.Scan(from, to, visit);
  }

  absl::Status Put(absl::string_view key, absl::string_view value) override {
    TWIN_RETURN_IF_ERROR(CheckKey(key));
    TWIN_RETURN_IF_ERROR(CheckValue(key, value));
    TWIN_RETURN_IF_ERROR(failed_);
    bytes_ += key.size() + value.size();
    MDB_val k = ToVal(key);
    MDB_val stored{value.size() + kChecksumBytes, nullptr};
    const int error = mdb_put(view_.txn(), store_->database_, &k, &stored, MDB_RESERVE);
    if (error != 0) return Fail(error);
    WriteStored(key, value, static_cast<char*>(stored.mv_data));
    return absl::OkStatus();
  }

  absl::Status Delete(absl::string_view key) override {
    TWIN_RETURN_IF_ERROR(CheckKey(key));
    TWIN_RETURN_IF_ERROR(failed_);
    MDB_val k = ToVal(key);
    const int error = mdb_del(view_.txn(), store_->database_, &k, nullptr);
    return error == 0 || error == MDB_NOTFOUND ? absl::OkStatus() : Fail(error);
  }

  absl::Status DeleteRange(absl::string_view from, absl::string_view to) override {
    TWIN_RETURN_IF_ERROR(failed_);
    const int error = view_.DeleteRange(from, to);
    return error == 0 ? absl::OkStatus() : Fail(error);
  }

  uint64_t bytes() const override { return bytes_; }

  absl::Status Commit() override {
    TWIN_CHECK(!ended_) << "the write transaction has ended";
    ended_ = true;
    int error = 0;
    if (failed_.ok()) {
      error = view_.Commit();
    } else {
      view_.Abort();
    }
    store_->turn_.Release();
    return error == 0 ? failed_ : Fail(error);
  }

 private:
  absl::Status Fail(int error) {
    // Where the disk takes only a part of a write, LMDB says EIO.
    if (error == EIO && store_->DiskIsFull(bytes_ + kPageBytesMargin)) error = ENOSPC;
    return failed_ = store_->StatusOf(error, "write");
  }

  LmdbStore* const store_;
  LmdbView view_;
  uint64_t bytes_ = 0;
  absl::Status failed_;
  bool ended_ = false;
};

LmdbStore::LmdbStore(const LmdbOptions& options, std::unique_ptr<Claim> claim)
    : options_(options), path_(JoinPath(options.folder, kDataName)), claim_(std::move(claim)) {}

LmdbStore::~LmdbStore() {
  TWIN_CHECK(transactions_ == 0) << transactions_ << " transactions of " << path_ << " are open";
  if (env_ != nullptr) mdb_env_close(env_);
}

absl::StatusOr<std::unique_ptr<LmdbStore>> LmdbStore::Open(const LmdbOptions& options) {
  FileSystem* const fs = PosixFileSystem();
  const bool there = fs->Exists(JoinPath(options.folder, kDataName));
  if (options.read_only && !there) {
    return absl::NotFoundError(absl::StrCat("no store in ", options.folder, ": no ", kDataName));
  }
  if (!there) TWIN_RETURN_IF_ERROR(CreateFolder(options.folder));
  TWIN_ASSIGN_OR_RETURN(std::unique_ptr<Claim> claim, Claim::Take(options.folder));
  if (!there) TWIN_RETURN_IF_ERROR(CreateData(options.folder));
  std::unique_ptr<LmdbStore> store(new LmdbStore(options, std::move(claim)));
  TWIN_RETURN_IF_ERROR(store->OpenFile());
  TWIN_RETURN_IF_ERROR(store->CheckFile());
  return store;
}

absl::Status LmdbStore::OpenFile() {
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) return StatusOf(errno, "open");
  // LMDB takes an empty file for a new store.
  if (info.st_size == 0) return DamageError(absl::StrCat(path_, " is empty"), options_.folder);
  TWIN_RETURN_IF_ERROR(CheckMetas());
  int error = OpenMapped(options_.map_bytes);
  for (const uint64_t map_bytes : kFallbackMapBytes) {
    if (error == ENOMEM && map_bytes < options_.map_bytes) error = OpenMapped(map_bytes);
  }
  if (error == 0) return absl::OkStatus();
  // A damaged meta page asks for memory that there is not, or worse: the pages say which it is.
  absl::Status status = StatusOf(error, "open");
  if (const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
    const absl::Status pages = CheckLmdbPages(fd);
    close(fd);
    if (absl::IsDataLoss(pages) && error != MDB_VERSION_MISMATCH) {
      status = DamageError(absl::StrCat(path_, ": ", pages.message()), options_.folder);
    }
  }
  return status;
}

// Another version is LMDB's to tell.
absl::Status LmdbStore::CheckMetas() const {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return StatusOf(errno, "open");
  const absl::Status metas = CheckLmdbMetas(fd);
  close(fd);
  if (!absl::IsDataLoss(metas)) return absl::OkStatus();
  return DamageError(absl::StrCat(path_, ": ", metas.message()), options_.folder);
}

int LmdbStore::OpenMapped(uint64_t map_bytes) {
  MDB_env* env = nullptr;
  int error = mdb_env_create(&env);
  if (error != 0) return error;
  // Both fail only on an open environment.
  TWIN_CHECK(mdb_env_set_mapsize(env, map_bytes) == 0);
  TWIN_CHECK(mdb_env_set_maxreaders(env, kReadersMax) == 0);
  TWIN_CHECK(static_cast<size_t>(mdb_env_get_maxkeysize(env)) >= kKeyBytesMax);
  const unsigned int flags = MDB_NOTLS | (options_.read_only ? MDB_RDONLY : 0);
  error = mdb_env_open(env, options_.folder.c_str(), flags, kMode);
  if (error == 0) {
    env_ = env;
    int fd = -1;
    if (mdb_env_get_fd(env, &fd) == 0) map_ = MappingOf(fd);
  } else {
    mdb_env_close(env);
  }
  return error;
}

// Opens the database, and refuses a file that is shorter than its meta page says, unless LMDB just
// did not write pages that it took and freed in one transaction.
absl::Status LmdbStore::CheckFile() {
  MDB_txn* txn = nullptr;
  int error = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (error != 0) return StatusOf(error, "open");
  const LmdbView view(this, txn);
  error = mdb_dbi_open(txn, nullptr, 0, &database_);
  if (error != 0) return StatusOf(error, "open");

  TWIN_ASSIGN_OR_RETURN(const uint64_t bytes, Bytes());
  int fd = -1;
  struct stat info {};
  if (mdb_env_get_fd(env_, &fd) != 0 || fstat(fd, &info) != 0) return StatusOf(errno, "measure");
  const bool short_file = static_cast<uint64_t>(info.st_size) < bytes;
  if (!short_file && !options_.check_pages) return absl::OkStatus();

  absl::Status status = CheckLmdbPages(fd);
  if (status.ok()) return status;
  std::string message = absl::StrCat(path_, ": ", status.message());
  if (short_file) absl::StrAppend(&message, " (", info.st_size, " of ", bytes, " bytes are there)");
  if (absl::IsDataLoss(status)) return DamageError(message, options_.folder);
  return absl::Status(status.code(), message);
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> LmdbStore::BeginRead() {
  MDB_txn* txn = nullptr;
  const int error = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (error != 0) return StatusOf(error, "read");
  return std::make_unique<LmdbRead>(this, txn);
}

absl::StatusOr<std::unique_ptr<WriteTransaction>> LmdbStore::BeginWrite() {
  if (options_.read_only) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " is opened to read only"));
  }
  TWIN_RETURN_IF_ERROR(turn_.Take());
  // Readers whose process died would keep pages from being used again.
  int dead = 0;
  int error = mdb_reader_check(env_, &dead);
  MDB_txn* txn = nullptr;
  if (error == 0) error = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (error != 0) {
    turn_.Release();
    return StatusOf(error, "write");
  }
  return std::make_unique<LmdbWrite>(this, txn);
}

absl::StatusOr<uint64_t> LmdbStore::Bytes() {
  MDB_envinfo info{};
  MDB_stat stat{};
  int error = mdb_env_info(env_, &info);
  if (error == 0) error = mdb_env_stat(env_, &stat);
  if (error != 0) return StatusOf(error, "measure");
  return (uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
}

uint64_t LmdbStore::map_bytes() const {
  MDB_envinfo info{};
  TWIN_CHECK(mdb_env_info(env_, &info) == 0);
  return info.me_mapsize;
}

void LmdbStore::LetGoOfPages() {
  const absl::StatusOr<uint64_t> bytes = Bytes();
  // Whoever reads a page again finds it in the system's cache.
  if (map_ != nullptr && bytes.ok()) (void)madvise(map_, *bytes, MADV_DONTNEED);
}

absl::Status LmdbStore::CopyTo(const std::string& folder) {
  if (turn_.mine()) {
    return absl::FailedPreconditionError("this thread has a write transaction; end it first");
  }
  FileSystem* const fs = PosixFileSystem();
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(folder));
  if (!names.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(folder, " is not empty; name an empty one"));
  }
  const std::string copy = JoinPath(folder, kDataName);
  int error = mdb_env_copy2(env_, folder.c_str(), MDB_CP_COMPACT);
  if (error == MDB_INCOMPATIBLE) {  // A page is neither used nor free: no harm, but not compacted.
    (void)fs->Remove(copy);
    error = mdb_env_copy2(env_, folder.c_str(), 0);
  }
  LetGoOfPages();
  absl::Status status =
      error == 0 ? SyncCopy(folder) : StatusOf(error, absl::StrCat("copy to ", copy, " from"));
  if (!status.ok()) (void)fs->Remove(copy);
  return status;
}

bool LmdbStore::DiskIsFull(uint64_t bytes) const {
  struct statvfs info {};
  if (statvfs(options_.folder.c_str(), &info) != 0) return false;
  return uint64_t{info.f_bavail} * info.f_frsize < bytes;
}

absl::Status LmdbStore::StatusOf(int error, absl::string_view what) const {
  const std::string message = absl::StrCat("cannot ", what, " ", path_, ": ", mdb_strerror(error));
  switch (error) {
    case MDB_MAP_FULL:
      return absl::ResourceExhaustedError(
          absl::StrCat(message, "; its limit is ", map_bytes(), " bytes (map_bytes)"));
    case MDB_TXN_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(message, "; commit in smaller portions"));
    case MDB_READERS_FULL:
      return absl::ResourceExhaustedError(
          absl::StrCat(message, "; the limit is ", kReadersMax, " read transactions"));
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_MAP_RESIZED:  // the map is never smaller than a file that is whole
      return DamageError(message, options_.folder);
    case MDB_VERSION_MISMATCH:
      return absl::FailedPreconditionError(
          absl::StrCat(message, "; another version of LMDB wrote it"));
    default:
      return absl::UnavailableError(message);
  }
}

}  // namespace twin::storage
