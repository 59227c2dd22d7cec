#include "tests/support/faulty_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace twin::testing {

class FaultyFileSystem::FaultyFile final : public File {
 public:
  FaultyFile(FaultyFileSystem* fs, std::shared_ptr<Node> node) : fs_(fs), node_(std::move(node)) {}

  absl::Status Write(uint64_t offset, absl::string_view bytes) override {
    MutexLock lock(&fs_->mutex_);
    const size_t end = offset + bytes.size();
    if (fs_->full_ && end > node_->bytes.size()) {
      return absl::ResourceExhaustedError("the faulty disk is full");
    }
    const bool fails = fs_->writes_left_ == 0;
    if (fs_->writes_left_ > 0) fs_->writes_left_ -= 1;
    if (fails) bytes = bytes.substr(0, bytes.size() / 2);
    if (node_->bytes.size() < offset + bytes.size()) node_->bytes.resize(offset + bytes.size());
    node_->bytes.replace(offset, bytes.size(), bytes.data(), bytes.size());
    if (fails) return absl::UnavailableError("the faulty disk does not write");
    return absl::OkStatus();
  }

  absl::Status Read(uint64_t offset, size_t size, std::string* bytes) const override {
    MutexLock lock(&fs_->mutex_);
    bytes->clear();
    if (offset < node_->bytes.size()) *bytes = node_->bytes.substr(offset, size);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    MutexLock lock(&fs_->mutex_);
    if (fs_->syncs_left_ == 0) return absl::UnavailableError("the faulty disk does not sync");
    if (fs_->syncs_left_ > 0) fs_->syncs_left_ -= 1;
    fs_->syncs_ += 1;
    node_->synced = node_->bytes;
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    MutexLock lock(&fs_->mutex_);
    return node_->bytes.size();
  }

 private:
  FaultyFileSystem* const fs_;
  const std::shared_ptr<Node> node_;
};

class FaultyFileSystem::FaultyLock final : public FileLock {
 public:
  FaultyLock(FaultyFileSystem* fs, std::shared_ptr<Node> node) : fs_(fs), node_(std::move(node)) {}
  ~FaultyLock() override {
    MutexLock lock(&fs_->mutex_);
    node_->locked = false;
  }

 private:
  FaultyFileSystem* const fs_;
  const std::shared_ptr<Node> node_;
};

absl::StatusOr<std::shared_ptr<FaultyFileSystem::Node>> FaultyFileSystem::Find(
    const std::string& path) {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return absl::NotFoundError(absl::StrCat("no file ", path));
  return found->second;
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::Open(const std::string& path) {
  absl::StatusOr<std::shared_ptr<Node>> node = Find(path);
  if (!node.ok()) return node.status();
  return std::make_unique<FaultyFile>(this, *std::move(node));
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::OpenToWrite(const std::string& path) {
  return Open(path);
}

absl::StatusOr<std::unique_ptr<File>> FaultyFileSystem::Create(const std::string& path) {
  MutexLock lock(&mutex_);
  const auto node = std::make_shared<Node>();
  nodes_[path] = node;
  return std::make_unique<FaultyFile>(this, node);
}

bool FaultyFileSystem::HasFolder(const std::string& path) const {
  const std::string prefix = absl::StrCat(path, "/");
  const auto first = nodes_.lower_bound(prefix);
  return folders_.count(path) > 0 ||
         (first != nodes_.end() && absl::StartsWith(first->first, prefix));
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& folder) {
  MutexLock lock(&mutex_);
  if (nodes_.count(folder) > 0) return absl::NotFoundError(absl::StrCat("no folder ", folder));
  const std::string prefix = absl::StrCat(folder, "/");
  std::set<std::string> names;
  const auto note = [&](const std::string& path) {
    if (!absl::StartsWith(path, prefix)) return;
    names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  };
  for (const auto& entry : nodes_) note(entry.first);
  for (const std::string& path : folders_) note(path);
  return std::vector<std::string>(names.begin(), names.end());
}

absl::Status FaultyFileSystem::CreateFolder(const std::string& folder) {
  MutexLock lock(&mutex_);
  for (size_t at = folder.find('/', 1); at != std::string::npos; at = folder.find('/', at + 1)) {
    folders_.insert(folder.substr(0, at));
  }
  folders_.insert(folder);
  return mirrors_folders_ ? PosixFileSystem()->CreateFolder(folder) : absl::OkStatus();
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(&mutex_);
  if (!HasFolder(from)) {
    const auto found = nodes_.find(from);
    if (found == nodes_.end()) return absl::NotFoundError(absl::StrCat("no file ", from));
    const std::shared_ptr<Node> node = found->second;
    nodes_.erase(found);
    nodes_[to] = node;
    return absl::OkStatus();
  }
  const std::string prefix = absl::StrCat(from, "/");
  const auto moved = [&](const std::string& path) {
    return absl::StrCat(to, path.substr(from.size()));
  };
  std::map<std::string, std::shared_ptr<Node>> nodes;
  for (const auto& [path, node] : nodes_) {
    nodes[absl::StartsWith(path, prefix) ? moved(path) : path] = node;
  }
  nodes_ = std::move(nodes);
  std::set<std::string> folders;
  for (const std::string& path : folders_) {
    folders.insert(path == from || absl::StartsWith(path, prefix) ? moved(path) : path);
  }
  folders_ = std::move(folders);
  return mirrors_folders_ ? PosixFileSystem()->Rename(from, to) : absl::OkStatus();
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  MutexLock lock(&mutex_);
  if (folders_.erase(path) > 0) {
    std::error_code error;
    if (mirrors_folders_) std::filesystem::remove_all(path, error);
    return absl::OkStatus();
  }
  if (nodes_.erase(path) == 0) return absl::NotFoundError(absl::StrCat("no file ", path));
  return absl::OkStatus();
}

bool FaultyFileSystem::Exists(const std::string& path) {
  MutexLock lock(&mutex_);
  if (nodes_.count(path) > 0 || HasFolder(path)) return true;
  return mirrors_folders_ && PosixFileSystem()->Exists(path);
}

bool FaultyFileSystem::IsFolder(const std::string& path) {
  MutexLock lock(&mutex_);
  return HasFolder(path) || (mirrors_folders_ && PosixFileSystem()->IsFolder(path));
}

absl::Status FaultyFileSystem::SyncFolder(const std::string&) { return absl::OkStatus(); }

absl::StatusOr<std::unique_ptr<FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  MutexLock lock(&mutex_);
  std::shared_ptr<Node>& node = nodes_[path];
  if (node == nullptr) node = std::make_shared<Node>();
  if (node->locked) return absl::FailedPreconditionError(absl::StrCat(path, " is locked"));
  node->locked = true;
  return std::make_unique<FaultyLock>(this, node);
}

void FaultyFileSystem::FailWrites(int after) {
  MutexLock lock(&mutex_);
  writes_left_ = after;
}

void FaultyFileSystem::FailSyncs(int after) {
  MutexLock lock(&mutex_);
  syncs_left_ = after;
}

void FaultyFileSystem::SetFull(bool full) {
  MutexLock lock(&mutex_);
  full_ = full;
}

void FaultyFileSystem::CutPower() {
  MutexLock lock(&mutex_);
  for (auto& entry : nodes_) entry.second->bytes = entry.second->synced;
}

std::string FaultyFileSystem::Bytes(const std::string& path) {
  MutexLock lock(&mutex_);
  return nodes_.at(path)->bytes;
}

void FaultyFileSystem::SetBytes(const std::string& path, std::string bytes) {
  MutexLock lock(&mutex_);
  nodes_.at(path)->bytes = bytes;
  nodes_.at(path)->synced = std::move(bytes);
}

int FaultyFileSystem::syncs() const {
  MutexLock lock(&mutex_);
  return syncs_;
}

}  // namespace twin::testing
