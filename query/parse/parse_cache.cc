#include "query/parse/parse_cache.h"

#include <iterator>
#include <variant>
#include <vector>

namespace twin::query {
namespace {

// What a tree takes, without the allocator's own needs. A class, so that each sees all the others.
class TreeSize {
 public:
  static int64_t BytesOf(const Name& name) {
    constexpr size_t kInline = 15;
    const size_t heap = name.text.size() > kInline ? name.text.size() + 1 : 0;
    return static_cast<int64_t>(sizeof(Name) + heap);
  }

  template <typename T>
  static int64_t BytesOfAll(const std::vector<T>& values) {
    int64_t bytes = 0;
    for (const T& value : values) bytes += BytesOf(value);
    return bytes;
  }

  static int64_t BytesOf(const SortKey& key) {
    return static_cast<int64_t>(sizeof(SortKey)) + BytesOf(key.expr);
  }
  static int64_t BytesOf(const NodePattern& node) {
    return static_cast<int64_t>(sizeof(NodePattern)) + BytesOf(node.model);
  }
  static int64_t BytesOf(const EdgePattern& edge) {
    return static_cast<int64_t>(sizeof(EdgePattern)) + BytesOfAll(edge.names);
  }
  static int64_t BytesOf(const PathPattern& path) {
    return static_cast<int64_t>(sizeof(PathPattern)) + BytesOfAll(path.nodes) +
           BytesOfAll(path.edges);
  }

  static int64_t BytesOf(const ExprPtr& expr) {
    if (expr == nullptr) return sizeof(ExprPtr);
    int64_t bytes = static_cast<int64_t>(sizeof(ExprPtr) + sizeof(Expr) + expr->text.size()) +
                    BytesOfAll(expr->path) + BytesOfAll(expr->operands) +
                    BytesOfAll(expr->patterns);
    if (expr->over != nullptr) {
      bytes += BytesOfAll(expr->over->partition) + BytesOfAll(expr->over->order);
    }
    return bytes;
  }

  static int64_t BytesOf(const JoinClause& /*join*/) { return sizeof(SourceClause); }
  static int64_t BytesOf(const MatchClause& match) {
    return static_cast<int64_t>(sizeof(SourceClause)) + BytesOfAll(match.paths);
  }
  static int64_t BytesOf(const HistoryClause& history) {
    int64_t bytes = sizeof(SourceClause);
    for (const HistoryPaths& of : history.of) {
      bytes += sizeof(HistoryPaths);
      for (const std::vector<Name>& path : of.paths) bytes += BytesOfAll(path);
    }
    for (const ExprPtr* expr : {&history.from, &history.to, &history.every, &history.max_gap}) {
      bytes += BytesOf(*expr);
    }
    return bytes;
  }

  static int64_t BytesOf(const SelectItem& item) {
    return static_cast<int64_t>(sizeof(SelectItem) + item.text.size()) + BytesOf(item.expr);
  }

  static int64_t BytesOf(const Select& select) {
    int64_t bytes = static_cast<int64_t>(sizeof(Select)) + BytesOfAll(select.items) +
                    BytesOfAll(select.group_by) + BytesOfAll(select.order_by);
    for (const SourceClause& clause : select.clauses) {
      bytes += std::visit([](const auto& c) { return BytesOf(c); }, clause);
    }
    for (const ExprPtr* expr :
         {&select.from.as_of, &select.where, &select.having, &select.qualify}) {
      bytes += BytesOf(*expr);
    }
    return bytes;
  }

  static int64_t BytesOf(const Statement& statement) {
    int64_t bytes = sizeof(Statement) + BytesOf(statement.select);
    for (const WithQuery& with : statement.with)
      bytes += BytesOf(with.name) + BytesOf(*with.select);
    return bytes;
  }
};

}  // namespace

ParseCache::ParseCache(const ParseCacheLimits& cache_limits, const ParseLimits& parse_limits)
    : cache_limits_(cache_limits), parse_limits_(parse_limits) {}

absl::StatusOr<std::shared_ptr<const Statement>> ParseCache::Parse(absl::string_view text,
                                                                   Dialect dialect) {
  if (std::shared_ptr<const Statement> statement = Find(text, dialect); statement != nullptr) {
    return statement;
  }
  auto statement = query::Parse(text, {.dialect = dialect, .limits = parse_limits_});
  if (statement.ok()) Keep(text, dialect, *statement);
  return statement;
}

std::shared_ptr<const Statement> ParseCache::Find(absl::string_view text, Dialect dialect) {
  const MutexLock lock(&mutex_);
  const auto found = index_.find({dialect, text});
  if (found == index_.end()) {
    ++stats_.misses;
    return nullptr;
  }
  ++stats_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->statement;
}

void ParseCache::Keep(absl::string_view text, Dialect dialect,
                      std::shared_ptr<const Statement> statement) {
  const int64_t bytes =
      static_cast<int64_t>(sizeof(Entry) + text.size()) + TreeSize::BytesOf(*statement);
  if (bytes > cache_limits_.bytes_max || cache_limits_.entries_max < 1) return;
  Entries dropped;  // Trees are freed after the lock.
  const MutexLock lock(&mutex_);
  if (index_.contains({dialect, text})) return;  // Another thread was faster.
  entries_.push_front({dialect, std::string(text), std::move(statement), bytes});
  index_[{dialect, entries_.front().text}] = entries_.begin();
  stats_.bytes += bytes;
  while (stats_.bytes > cache_limits_.bytes_max ||
         entries_.size() > static_cast<size_t>(cache_limits_.entries_max)) {
    const auto last = std::prev(entries_.end());
    stats_.bytes -= last->bytes;
    index_.erase({last->dialect, last->text});
    dropped.splice(dropped.begin(), entries_, last);
  }
  stats_.entries = static_cast<int64_t>(entries_.size());
}

ParseCache::Stats ParseCache::stats() const {
  const MutexLock lock(&mutex_);
  return stats_;
}

}  // namespace twin::query
