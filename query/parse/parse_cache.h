// Statements by their text, so that a query asked again is not parsed again.
#ifndef TWIN_QUERY_PARSE_PARSE_CACHE_H_
#define TWIN_QUERY_PARSE_PARSE_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/ast.h"
#include "query/parse/parse.h"
#include "server/base/sync.h"

namespace twin::query {

// The entries used least recently go first when a bound is passed.
struct ParseCacheLimits {
  int entries_max = 1024;
  int64_t bytes_max = 16 << 20;  // of texts and trees, estimated
};

// Thread-safe: parsing itself happens outside the lock.
class ParseCache {
 public:
  struct Stats {
    int64_t hits = 0;
    int64_t misses = 0;
    int64_t entries = 0;
    int64_t bytes = 0;
  };

  explicit ParseCache(const ParseCacheLimits& cache_limits = {},
                      const ParseLimits& parse_limits = {});

  // As Parse(), which it calls for a text that it does not have. Errors are not kept: a text that
  // fails is parsed each time.
  absl::StatusOr<std::shared_ptr<const Statement>> Parse(absl::string_view text, Dialect dialect);

  Stats stats() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    Dialect dialect;
    std::string text;
    std::shared_ptr<const Statement> statement;
    int64_t bytes;
  };
  using Entries = std::list<Entry>;

  std::shared_ptr<const Statement> Find(absl::string_view text, Dialect dialect)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Keep(absl::string_view text, Dialect dialect, std::shared_ptr<const Statement> statement)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const ParseCacheLimits cache_limits_;
  const ParseLimits parse_limits_;

  mutable Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);  // the one used last comes first
  // The texts are those of the entries.
  absl::flat_hash_map<std::pair<Dialect, absl::string_view>, Entries::iterator> index_
      ABSL_GUARDED_BY(mutex_);
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace twin::query

#endif  // TWIN_QUERY_PARSE_PARSE_CACHE_H_
