// Feature queries: what predictors read, checked against what they want. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_FEATURE_QUERY_H_
#define TWIN_SERVER_ENGINE_FEATURE_QUERY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/bind/bound.h"
#include "query/execute/vector.h"
#include "server/predict/host.h"

namespace twin::engine {

// The parameter with the ids of twins.
inline constexpr char kTwinsParameter[] = "twins";

struct FeatureStatement {
  std::shared_ptr<const query::BoundStatement> statement;
  size_t twin = 0;              // column of the ids
  std::vector<size_t> columns;  // of each feature
  // The statement has `$dtId IN @twins` where the ids come from, so that it reads nothing of
  // others. Not where that would change what stands in a row: beside OVER, LIMIT, OFFSET and TOP.
  bool is_filtered = false;
};

// With `for_twins` filtered if it can be. INVALID_ARGUMENT: its text, a column that is missing or
// of another type or unit.
absl::StatusOr<FeatureStatement> BindFeatures(const std::string& text,
                                              const std::vector<predict::Feature>& features,
                                              bool for_twins,
                                              std::shared_ptr<const query::Catalog> catalog);

// Appends the rows of a result's batch. INVALID_ARGUMENT: a row without twin, a value that is not
// of its feature's type.
absl::Status AppendRows(const FeatureStatement& features,
                        const std::vector<predict::Feature>& wanted, const query::Batch& batch,
                        predict::FeatureRows* rows);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_FEATURE_QUERY_H_
