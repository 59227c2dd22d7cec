#include "server/storage/documents.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace twin::storage {
namespace {

// Keys: 'd', collection, 0, name.
constexpr char kDocumentTag = 'd';

absl::Status CheckLength(absl::string_view what, absl::string_view name, size_t bytes_max) {
  if (name.empty() || name.size() > bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("the ", what, " of a document has ", name.size(),
                                                   " bytes; it must have 1 to ", bytes_max));
  }
  if (absl::StrContains(name, '\0')) {
    return absl::InvalidArgumentError(absl::StrCat("the ", what, " of a document has a zero byte"));
  }
  return absl::OkStatus();
}

std::string KeysOf(absl::string_view collection) {
  std::string key(1, kDocumentTag);
  absl::StrAppend(&key, collection);
  key.push_back('\0');
  return key;
}

absl::StatusOr<std::string> KeyOf(absl::string_view collection, absl::string_view name) {
  TWIN_RETURN_IF_ERROR(CheckLength("collection", collection, kDocumentCollectionBytesMax));
  TWIN_RETURN_IF_ERROR(CheckLength("name", name, kDocumentNameBytesMax));
  return absl::StrCat(KeysOf(collection), name);
}

}  // namespace

absl::Status Documents::Commit(absl::Span<const Change> changes) {
  if (changes.empty()) return absl::OkStatus();
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write, store_.BeginWrite());
  for (const Change& change : changes) {
    TWIN_ASSIGN_OR_RETURN(const std::string key, KeyOf(change.collection, change.name));
    if (!change.bytes.has_value()) {
      TWIN_RETURN_IF_ERROR(write->Delete(key));
      continue;
    }
    if (change.bytes->size() > kDocumentBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat("the document ", change.name, " has ",
                                                     change.bytes->size(), " bytes; it may have ",
                                                     kDocumentBytesMax));
    }
    TWIN_RETURN_IF_ERROR(write->Put(key, *change.bytes));
  }
  return write->Commit();
}

absl::Status Documents::Put(absl::string_view collection, absl::string_view name,
                            absl::string_view bytes) {
  const Change change{std::string(collection), std::string(name), std::string(bytes)};
  return Commit(absl::MakeConstSpan(&change, 1));
}

absl::Status Documents::Delete(absl::string_view collection, absl::string_view name) {
  const Change change{std::string(collection), std::string(name), std::nullopt};
  return Commit(absl::MakeConstSpan(&change, 1));
}

absl::StatusOr<std::string> Documents::Get(absl::string_view collection,
                                           absl::string_view name) const {
  TWIN_ASSIGN_OR_RETURN(const std::string key, KeyOf(collection, name));
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadTransaction> read, store_.BeginRead());
  std::string bytes;
  TWIN_ASSIGN_OR_RETURN(const bool exists, read->Get(key, &bytes));
  if (!exists) return absl::NotFoundError(absl::StrCat("no ", name, " in ", collection));
  return bytes;
}

absl::StatusOr<std::vector<Documents::Document>> Documents::List(absl::string_view collection,
                                                                 const ListOptions& options) const {
  TWIN_RETURN_IF_ERROR(CheckLength("collection", collection, kDocumentCollectionBytesMax));
  std::vector<Document> documents;
  if (options.documents_max == 0) return documents;
  const std::string keys = KeysOf(collection);
  const std::string after = absl::StrCat(keys, options.after);
  // Where no name is given the key itself is none.
  const std::string from = std::max(absl::StrCat(keys, options.prefix), after);
  std::string to = keys;
  to.back() = '\1';
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<ReadTransaction> read, store_.BeginRead());
  const auto visit = [&](absl::string_view key, absl::string_view bytes) -> absl::StatusOr<bool> {
    const absl::string_view name = key.substr(keys.size());
    if (!absl::StartsWith(name, options.prefix)) return false;
    if (key != after) documents.push_back({std::string(name), std::string(bytes)});
    return documents.size() < options.documents_max;
  };
  TWIN_RETURN_IF_ERROR(read->Scan(from, to, visit));
  return documents;
}

absl::StatusOr<std::vector<Documents::Document>> Documents::List(
    absl::string_view collection) const {
  return List(collection, ListOptions());
}

}  // namespace twin::storage
