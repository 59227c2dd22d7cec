#include "server/storage/memory_store.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/coding.h"
#include "server/base/file.h"
#include "server/base/status_macros.h"
#include "server/storage/entry.h"

namespace twin::storage {
namespace {

constexpr char kCopyName[] = "entries.bin";
constexpr char kNoFolder[] = "DIR";  // in messages

template <typename Entries>
absl::StatusOr<bool> GetFrom(const Entries& entries, absl::string_view key, std::string* value) {
  TWIN_RETURN_IF_ERROR(CheckKey(key));
  const auto found = entries.find(key);
  if (found == entries.end()) return false;
  TWIN_ASSIGN_OR_RETURN(const absl::string_view kept, ReadStored(key, *found->second, kNoFolder));
  value->assign(kept.data(), kept.size());
  return true;
}

template <typename Entries>
absl::Status ScanFrom(const Entries& entries, absl::string_view from, absl::string_view to,
                      ReadTransaction::Visit visit) {
  for (auto at = entries.lower_bound(from); at != entries.end(); ++at) {
    if (!to.empty() && at->first >= to) break;
    TWIN_ASSIGN_OR_RETURN(const absl::string_view value,
                          ReadStored(at->first, *at->second, kNoFolder));
    TWIN_ASSIGN_OR_RETURN(const bool more, visit(at->first, value));
    if (!more) break;
  }
  return absl::OkStatus();
}

}  // namespace

class MemoryStore::MemoryRead final : public ReadTransaction {
 public:
  explicit MemoryRead(std::shared_ptr<const Entries> entries) : entries_(std::move(entries)) {}

  absl::StatusOr<bool> Get(absl::string_view key, std::string* value) override {
    return GetFrom(*entries_, key, value);
  }
  absl::Status Scan(absl::string_view from, absl::string_view to, Visit visit) override {
    return ScanFrom(*entries_, from, to, visit);
  }

 private:
  const std::shared_ptr<const Entries> entries_;
};

class MemoryStore::MemoryWrite final : public WriteTransaction {
 public:
  explicit MemoryWrite(MemoryStore* store)
      : store_(store), entries_(std::make_shared<Entries>(*store->entries())) {}
  ~MemoryWrite() override {
    if (entries_ != nullptr) store_->turn_.Release();
  }

  absl::StatusOr<bool> Get(absl::string_view key, std::string* value) override {
    return GetFrom(entries(), key, value);
  }
  absl::Status Scan(absl::string_view from, absl::string_view to, Visit visit) override {
    return ScanFrom(entries(), from, to, visit);
  }

  absl::Status Put(absl::string_view key, absl::string_view value) override {
    TWIN_RETURN_IF_ERROR(CheckKey(key));
    TWIN_RETURN_IF_ERROR(CheckValue(key, value));
    auto stored = std::make_shared<std::string>(value.size() + kChecksumBytes, '\0');
    WriteStored(key, value, stored->data());
    entries().insert_or_assign(std::string(key), std::move(stored));
    bytes_ += key.size() + value.size();
    return absl::OkStatus();
  }

  absl::Status Delete(absl::string_view key) override {
    TWIN_RETURN_IF_ERROR(CheckKey(key));
    entries().erase(std::string(key));
    return absl::OkStatus();
  }

  absl::Status DeleteRange(absl::string_view from, absl::string_view to) override {
    if (!to.empty() && from >= to) return absl::OkStatus();
    const auto end = to.empty() ? entries().end() : entries().lower_bound(to);
    entries().erase(entries().lower_bound(from), end);
    return absl::OkStatus();
  }

  uint64_t bytes() const override { return bytes_; }

  absl::Status Commit() override {
    TWIN_CHECK(entries_ != nullptr) << "the write transaction has ended";
    store_->set_entries(std::move(entries_));
    entries_ = nullptr;
    store_->turn_.Release();
    return absl::OkStatus();
  }

 private:
  Entries& entries() {
    TWIN_CHECK(entries_ != nullptr) << "the write transaction has ended";
    return *entries_;
  }

  MemoryStore* const store_;
  std::shared_ptr<Entries> entries_;  // none when it has ended
  uint64_t bytes_ = 0;
};

std::shared_ptr<const MemoryStore::Entries> MemoryStore::entries() {
  MutexLock lock(&mutex_);
  return entries_;
}

void MemoryStore::set_entries(std::shared_ptr<const Entries> entries) {
  MutexLock lock(&mutex_);
  entries_.swap(entries);  // The former ones, if nobody reads them, go without the lock.
}

absl::StatusOr<std::unique_ptr<ReadTransaction>> MemoryStore::BeginRead() {
  return std::make_unique<MemoryRead>(entries());
}

absl::StatusOr<std::unique_ptr<WriteTransaction>> MemoryStore::BeginWrite() {
  TWIN_RETURN_IF_ERROR(turn_.Take());
  return std::make_unique<MemoryWrite>(this);
}

absl::StatusOr<uint64_t> MemoryStore::Bytes() {
  uint64_t bytes = 0;
  const std::shared_ptr<const Entries> now = entries();
  for (const auto& [key, stored] : *now) bytes += key.size() + stored->size();
  return bytes;
}

absl::Status MemoryStore::CopyTo(const std::string& folder) {
  if (turn_.mine()) {
    return absl::FailedPreconditionError("this thread has a write transaction; end it first");
  }
  FileSystem* const fs = PosixFileSystem();
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(folder));
  if (!names.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(folder, " is not empty; name an empty one"));
  }
  std::string bytes;
  const std::shared_ptr<const Entries> now = entries();
  for (const auto& [key, stored] : *now) {
    AppendString(&bytes, key);
    AppendString(&bytes, *stored);
  }
  return fs->WriteWhole(JoinPath(folder, kCopyName), bytes);
}

absl::StatusOr<std::unique_ptr<MemoryStore>> MemoryStore::Load(const std::string& folder) {
  const std::string path = JoinPath(folder, kCopyName);
  TWIN_ASSIGN_OR_RETURN(const std::string bytes, PosixFileSystem()->ReadWhole(path));
  auto entries = std::make_shared<Entries>();
  ByteReader reader(bytes);
  while (!reader.done()) {
    std::string key(reader.String());
    (*entries)[std::move(key)] = std::make_shared<std::string>(reader.String());
  }
  if (!reader.ok()) return DamageError(absl::StrCat(path, " is cut short"), folder);
  auto store = std::make_unique<MemoryStore>();
  store->set_entries(std::move(entries));
  return store;
}

void MemoryStore::Damage(absl::string_view key) {
  auto damaged = std::make_shared<Entries>(*entries());
  const auto found = damaged->find(key);
  TWIN_CHECK(found != damaged->end()) << "nothing to damage";
  std::string stored = *found->second;
  stored[stored.size() / 2] ^= 1;
  found->second = std::make_shared<std::string>(std::move(stored));
  set_entries(std::move(damaged));
}

}  // namespace twin::storage
