// RANK, ROBUST_Z and aggregates OVER, one partition a call.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/execute/aggregate.h"
#include "query/execute/aggregate_internal.h"
#include "query/execute/evaluate_internal.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

// 1 for the first row; after n rows that are equal, n numbers on.
void Rank(const BoundWindow& window, absl::Span<const uint32_t> order,
          const std::vector<bool>& peers, Vector* out) {
  int64_t rank = 1;
  for (size_t i = 0; i < order.size(); ++i) {
    const bool peer = i > 0 && (peers[i] || window.order.empty());
    if (!peer) rank = static_cast<int64_t>(i) + 1;
    out->ints[order[i]] = rank;
    if (!out->nulls.empty()) out->nulls[order[i]] = 0;
  }
}

// (x - median) / max(MAD, floor).
void RobustZ(absl::Span<const Vector> arguments, absl::Span<const uint32_t> order, Vector* out) {
  const DoubleColumn column(arguments[0], arguments[0].rows);
  std::vector<double> values;
  for (const uint32_t row : order) {
    if (!column.IsNull(row)) values.push_back(column.values()[row]);
  }
  double floor = 0;
  if (arguments.size() > 1) {
    const Item item = ItemAt(arguments[1], order[0]);
    if (item.is_number()) floor = item.as_double();
  }
  const double median = values.empty() ? 0 : Percentile(absl::MakeSpan(values), 0.5);
  const double scale = values.empty() ? 0 : std::max(Mad(absl::MakeSpan(values)), floor);
  for (const uint32_t row : order) {
    if (column.IsNull(row) || !(scale > 0)) {
      out->SetNull(row);
    } else {
      out->doubles[row] = (column.values()[row] - median) / scale;
    }
  }
}

// Of the whole partition; with ORDER BY of all rows up to each row and its peers.
absl::Status Aggregate(const BoundWindow& window, absl::Span<const Vector> arguments,
                       absl::Span<const uint32_t> order, const std::vector<bool>& peers,
                       Vector* out) {
  if (window.type.kind == TypeKind::kNull) return absl::OkStatus();  // Of NULLs alone.
  BoundAggregate aggregate;
  aggregate.function = window.function;
  aggregate.type = window.type;
  aggregate.span = window.span;
  const std::unique_ptr<Aggregator> aggregator = NewAggregator(aggregate);
  aggregator->Resize(1);
  for (size_t first = 0; first < order.size();) {
    size_t end = window.order.empty() ? order.size() : first + 1;
    while (end < order.size() && peers[end]) ++end;
    const absl::Span<const uint32_t> rows = order.subspan(first, end - first);
    std::vector<Vector> taken;
    for (const Vector& argument : arguments) taken.push_back(argument.Take(rows));
    TWIN_RETURN_IF_ERROR(aggregator->AddAll(0, rows.size(), taken));
    Vector result;
    TWIN_RETURN_IF_ERROR(aggregator->Finish(&result));
    if (result.kind != out->kind && result.kind != TypeKind::kNull) {
      return absl::InternalError(
          absl::StrCat(InfoOf(window.function).name, " OVER of another type"));
    }
    // The one row of the result, for each of these.
    out->Scatter(result.Take(std::vector<uint32_t>(rows.size(), 0)), rows);
    first = end;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ComputeWindow(const BoundWindow& window, absl::Span<const Vector> arguments,
                           absl::Span<const uint32_t> order, const std::vector<bool>& peers,
                           Vector* out) {
  if (order.empty()) return absl::OkStatus();
  switch (window.function) {
    case Function::kRank:
      Rank(window, order, peers, out);
      return absl::OkStatus();
    case Function::kRobustZ:
      RobustZ(arguments, order, out);
      return absl::OkStatus();
    default:
      break;
  }
  if (InfoOf(window.function).kind == FunctionKind::kTimeAggregate) {
    return ErrorAt(window.span, absl::StrCat(InfoOf(window.function).name,
                                             " cannot stand with OVER; compute it in a WITH"));
  }
  return Aggregate(window, arguments, order, peers, out);
}

}  // namespace twin::query
