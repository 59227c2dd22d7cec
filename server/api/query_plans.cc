#include "server/api/query_plans.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "query/parse/parse.h"
#include "server/base/status_macros.h"

namespace twin::api {

query::TypeKind TypeOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return query::TypeKind::kNull;
    case Value::Kind::kBool:
      return query::TypeKind::kBool;
    case Value::Kind::kInt:
      return query::TypeKind::kInt;
    case Value::Kind::kDouble:
      return query::TypeKind::kDouble;
    case Value::Kind::kString:
      return query::TypeKind::kString;
    case Value::Kind::kTime:
      return query::TypeKind::kTime;
    case Value::Kind::kArray:
    case Value::Kind::kMap:
      return query::TypeKind::kValue;
  }
  return query::TypeKind::kNull;
}

std::string QueryPlans::KeyOf(absl::string_view text, const query::BindOptions& options) {
  std::string key;
  key.reserve(text.size() + 32);
  key.push_back(options.dialect == query::Dialect::kAdt ? 'a' : 't');
  for (const auto& [name, type] : options.parameters) {
    absl::StrAppend(&key, name.size(), ":", name, static_cast<int>(type),
                    options.lengths.count(name) != 0 ? "d" : "", ",");
  }
  key.push_back('\0');
  absl::StrAppend(&key, text);
  return key;
}

std::shared_ptr<const PreparedQuery> QueryPlans::Find(const std::string& key,
                                                      const query::Catalog* catalog) {
  const MutexLock lock(&mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  if (found->second->query->statement->catalog.get() != catalog) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->query;
}

absl::StatusOr<std::shared_ptr<const PreparedQuery>> QueryPlans::Prepare(
    const std::string& key, absl::string_view text, const query::BindOptions& options,
    std::shared_ptr<const query::Catalog> catalog) {
  query::ParseOptions parse_options;
  parse_options.dialect = options.dialect;
  TWIN_ASSIGN_OR_RETURN(const std::shared_ptr<const query::Statement> parsed,
                        query::Parse(text, parse_options));
  auto prepared = std::make_shared<PreparedQuery>();
  TWIN_ASSIGN_OR_RETURN(prepared->statement, query::Bind(*parsed, std::move(catalog), options));
  Keep(key, prepared);
  return prepared;
}

void QueryPlans::Keep(const std::string& key, std::shared_ptr<const PreparedQuery> query) {
  if (key.size() > limits_.text_bytes) return;
  const MutexLock lock(&mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    found->second->query = std::move(query);  // against another catalog
    return;
  }
  entries_.push_front({key, std::move(query)});
  by_key_.emplace(entries_.front().key, entries_.begin());
  text_bytes_ += key.size();
  while (entries_.size() > limits_.statements || text_bytes_ > limits_.text_bytes) {
    text_bytes_ -= entries_.back().key.size();
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

size_t QueryPlans::size() const {
  const MutexLock lock(&mutex_);
  return entries_.size();
}

}  // namespace twin::api
