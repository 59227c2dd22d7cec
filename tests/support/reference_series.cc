// SeriesReader over ReferenceGraph's data.
#include <map>
#include <utility>

#include "tests/support/reference_graph.h"

namespace twin::testing {
namespace {

using query::SeriesRequest;
using query::SeriesRows;

class Series final : public query::SeriesReader {
 public:
  explicit Series(std::shared_ptr<const ReferenceGraph::Data> data) : data_(std::move(data)) {}

  absl::Status Read(
      absl::Span<const SeriesRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, SeriesRows rows)> visit) const override {
    for (size_t i = 0; i < requests.size(); ++i) {
      const absl::Status status = visit(i, RowsOf(requests[i]));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  static bool IsInWindow(int64_t time, const SeriesRequest& request) {
    const bool from_ok = request.from_excluded ? time > request.from : time >= request.from;
    const bool to_ok = request.to_included ? time <= request.to : time < request.to;
    return from_ok && to_ok;
  }

  // kNull: the twin's model has no such column.
  query::TypeKind TypeOf(const SeriesRequest::Column& column) const {
    const query::Column* found = nullptr;
    for (const query::Model& model : data_->catalog->models()) {
      if (model.id == data_->twins[column.twin.value].model) found = model.Find(column.path);
    }
    return found == nullptr ? query::TypeKind::kNull : found->type;
  }

  SeriesRows RowsOf(const SeriesRequest& request) const {
    // By time, what each column has there.
    std::map<int64_t, std::vector<Value>> rows;
    const size_t columns = request.columns.size();
    for (size_t c = 0; c < columns; ++c) {
      const auto& values = data_->twins[request.columns[c].twin.value].values;
      const auto it = values.find(request.columns[c].path);
      if (it == values.end()) continue;
      const ReferenceGraph::History& history = it->second;
      const std::pair<const int64_t, ReferenceGraph::Change>* before = nullptr;
      for (const auto& sample : history) {
        const int64_t time = sample.first;
        if (IsInWindow(time, request)) {
          rows[time].resize(columns);
          rows[time][c] = sample.second.value;
        }
        if (time <= request.from && !sample.second.value.is_null()) before = &sample;
      }
      if (request.before_max > 0 && before != nullptr &&
          before->first >= request.from - request.before_max) {
        rows[before->first].resize(columns);
        rows[before->first][c] = before->second.value;
      }
    }
    SeriesRows result;
    result.columns.resize(columns);
    for (size_t c = 0; c < columns; ++c) {
      result.columns[c].Reset(TypeOf(request.columns[c]), rows.size());
      size_t row = 0;
      for (const auto& [time, values] : rows) {
        if (values[c].is_null()) {
          result.columns[c].SetNull(row);
        } else {
          result.columns[c].Set(row, values[c]);
        }
        ++row;
      }
    }
    for (const auto& [time, values] : rows) result.times.push_back(time);
    return result;
  }

  const std::shared_ptr<const ReferenceGraph::Data> data_;
};

}  // namespace

std::unique_ptr<query::SeriesReader> NewReferenceSeries(
    std::shared_ptr<const ReferenceGraph::Data> data) {
  return std::make_unique<Series>(std::move(data));
}

std::unique_ptr<query::SeriesReader> ReferenceGraph::NewSeriesReader() const {
  auto data = std::make_shared<Data>(data_);
  data->catalog = catalog_;
  return NewReferenceSeries(std::move(data));
}

}  // namespace twin::testing
