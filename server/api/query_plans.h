// Statements by their text, parsed, bound and planned once. Internal to server/api.
#ifndef TWIN_SERVER_API_QUERY_PLANS_H_
#define TWIN_SERVER_API_QUERY_PLANS_H_

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/bind/bind.h"
#include "query/execute/execute.h"
#include "server/base/sync.h"
#include "server/base/value.h"

namespace twin::api {

// A statement that can run, any number of times at once.
struct PreparedQuery {
  std::shared_ptr<const query::BoundStatement> statement;
  // How long it took the last time; from that is guessed where it runs the next time.
  mutable std::atomic<int64_t> execute_ns = INT64_MAX;
  mutable query::PlanHolder plans;
};

// Thread-safe.
class QueryPlans {
 public:
  struct Limits {
    size_t statements = 1000;
    size_t text_bytes = 8 << 20;
  };
  QueryPlans() : QueryPlans(Limits()) {}
  explicit QueryPlans(const Limits& limits) : limits_(limits) {}

  // What the cache knows a statement by: text, dialect, names and types of parameters.
  static std::string KeyOf(absl::string_view text, const query::BindOptions& options);

  // nullptr: it is not there, or bound against another catalog. A microsecond.
  std::shared_ptr<const PreparedQuery> Find(const std::string& key, const query::Catalog* catalog)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Parses and binds, and keeps what is right.
  absl::StatusOr<std::shared_ptr<const PreparedQuery>> Prepare(
      const std::string& key, absl::string_view text, const query::BindOptions& options,
      std::shared_ptr<const query::Catalog> catalog) ABSL_LOCKS_EXCLUDED(mutex_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const PreparedQuery> query;
  };
  void Keep(const std::string& key, std::shared_ptr<const PreparedQuery> query)
      ABSL_LOCKS_EXCLUDED(mutex_);

  const Limits limits_;
  mutable Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the last used first
  absl::flat_hash_map<absl::string_view, std::list<Entry>::iterator> by_key_
      ABSL_GUARDED_BY(mutex_);
  size_t text_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The type that a parameter of that value has.
query::TypeKind TypeOf(const Value& value);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_PLANS_H_
