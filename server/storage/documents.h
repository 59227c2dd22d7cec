// Small records of the server's own that are no part of the graph: named subscriptions with their
// cursors, predictors and their runs. A document is bytes under a collection and a name.
#ifndef TWIN_SERVER_STORAGE_DOCUMENTS_H_
#define TWIN_SERVER_STORAGE_DOCUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/storage/kv_store.h"

namespace twin::storage {

constexpr size_t kDocumentCollectionBytesMax = 32;
constexpr size_t kDocumentNameBytesMax = 256;
constexpr size_t kDocumentBytesMax = size_t{1} << 20;

// Thread-safe; the store outlives it. Writers wait for each other and for a portion of a checkpoint
// (8 MiB).
//
// Errors of all calls: INVALID_ARGUMENT: a name is empty, too long or has a zero byte, or the bytes
// are too many; otherwise those of KvStore.
class Documents {
 public:
  struct Document {
    std::string name;
    std::string bytes;
  };
  struct Change {
    std::string collection;
    std::string name;
    std::optional<std::string> bytes;  // none: the document goes, if it is there
  };

  explicit Documents(KvStore* store) : store_(*store) {}

  // All of them or none; OK: they survive a loss of power. Cost: one sync.
  absl::Status Commit(absl::Span<const Change> changes);
  absl::Status Put(absl::string_view collection, absl::string_view name, absl::string_view bytes);
  absl::Status Delete(absl::string_view collection, absl::string_view name);

  // NOT_FOUND: there is none.
  absl::StatusOr<std::string> Get(absl::string_view collection, absl::string_view name) const;

  // In the order of their names, as memcmp orders them: those above `after` whose names begin with
  // `prefix`, at most `documents_max`.
  struct ListOptions {
    std::string after = {};
    std::string prefix = {};
    size_t documents_max = SIZE_MAX;
  };
  absl::StatusOr<std::vector<Document>> List(absl::string_view collection,
                                             const ListOptions& options) const;
  absl::StatusOr<std::vector<Document>> List(absl::string_view collection) const;

 private:
  KvStore& store_;
};

}  // namespace twin::storage

#endif  // TWIN_SERVER_STORAGE_DOCUMENTS_H_
