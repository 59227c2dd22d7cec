#include "server/engine/series_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/engine/reader_values.h"

namespace twin::engine {
namespace {

using query::SeriesRequest;
using query::SeriesRows;
using query::TypeKind;
using query::Vector;
using timeseries::ColumnValues;
using timeseries::ReadRequest;
using timeseries::ReadRows;
using timeseries::WantedAs;

WantedAs WantedFor(TypeKind kind) {
  switch (kind) {
    case TypeKind::kDouble:
      return WantedAs::kDouble;
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kTime:
      return WantedAs::kInt;
    default:
      return WantedAs::kValue;
  }
}

Vector ToVector(ColumnValues from, TypeKind kind) {
  Vector to;
  const size_t rows = std::max({from.ints.size(), from.doubles.size(), from.values.size()});
  if (kind == TypeKind::kDouble || kind == TypeKind::kInt || kind == TypeKind::kTime) {
    to.kind = kind;
    to.rows = rows;
    to.nulls = std::move(from.missing);
    if (kind == TypeKind::kDouble) {
      to.doubles = std::move(from.doubles);
    } else {
      to.ints = std::move(from.ints);
    }
    return to;
  }
  to.Reset(kind, rows);
  for (size_t row = 0; row < rows; ++row) {
    if (!from.missing.empty() && from.missing[row] != 0) {
      to.SetNull(row);
    } else if (kind == TypeKind::kBool) {
      to.bools[row] = from.ints[row] != 0 ? 1 : 0;
    } else {
      absl::string_view bytes = from.values[row];
      Value value;
      TWIN_CHECK(Value::Decode(&bytes, &value).ok());
      SetValue(value, row, &to);
    }
  }
  return to;
}

class HistoryReader final : public query::SeriesReader {
 public:
  HistoryReader(const SnapshotReader* graph, const timeseries::Store* history)
      : graph_(*graph), history_(*history), snapshot_(history->Pin(graph->sequence())) {}

  absl::Status Read(
      absl::Span<const SeriesRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, SeriesRows rows)> visit) const override {
    std::vector<ReadRequest> reads;
    std::vector<std::vector<Target>> targets(requests.size());
    reads.reserve(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      reads.push_back(ToRead(requests[i], &targets[i]));
    }
    return snapshot_->Read(reads, [&](size_t i, ReadRows rows) -> absl::Status {
      return visit(i, ToRows(requests[i], reads[i], targets[i], std::move(rows)));
    });
  }

 private:
  struct Target {
    TypeKind kind = TypeKind::kNull;
    int series = -1;  // in the ReadRequest; none: it has never been recorded
    bool is_property = false;
    ColumnId column;
  };

  ReadRequest ToRead(const SeriesRequest& request, std::vector<Target>* targets) const {
    ReadRequest read;
    read.from = request.from_excluded && request.from < INT64_MAX ? request.from + 1 : request.from;
    read.to = request.to_included && request.to < INT64_MAX ? request.to + 1 : request.to;
    read.missing_rows = true;
    read.before_from = read.from;
    if (request.before_max > 0) {
      read.before_from = request.from < INT64_MIN + request.before_max
                             ? INT64_MIN
                             : request.from - request.before_max;
    }
    for (const SeriesRequest::Column& column : request.columns) {
      Target& target = targets->emplace_back();
      const query::Model& model = graph_.catalog().model(graph_.TableOf(column.twin));
      const query::Column* const found = model.Find(column.path);
      if (found == nullptr) continue;
      target.kind = found->type;
      target.is_property = !found->telemetry;
      target.column = ColumnId(static_cast<uint32_t>(found - model.columns.data()));
      timeseries::PathId path;
      if (!history_.FindPath(column.path, &path)) continue;
      target.series = static_cast<int>(read.series.size());
      read.series.push_back({{column.twin, path}, WantedFor(found->type)});
    }
    return read;
  }

  SeriesRows ToRows(const SeriesRequest& request, const ReadRequest& read,
                    const std::vector<Target>& targets, ReadRows rows) const {
    SeriesRows result;
    result.times = std::move(rows.times);
    result.columns.resize(targets.size());
    for (size_t c = 0; c < targets.size(); ++c) {
      Vector& column = result.columns[c];
      if (targets[c].series >= 0) {
        column = ToVector(std::move(rows.columns[static_cast<size_t>(targets[c].series)]),
                          targets[c].kind);
      } else {
        column.Reset(targets[c].kind, result.times.size());
        for (size_t row = 0; row < result.times.size(); ++row) column.SetNull(row);
      }
    }
    for (size_t c = 0; c < targets.size(); ++c) {
      if (targets[c].is_property) AddCurrent(request.columns[c].twin, read, targets[c], c, &result);
    }
    return result;
  }

  void AddCurrent(TwinNumber twin, const ReadRequest& read, const Target& target, size_t column,
                  SeriesRows* rows) const {
    const graph::Cell cell = graph_.CellOf(twin, target.column);
    if (cell.value.is_null()) return;
    const int64_t time = cell.source_time.ns;
    if (time >= read.to || time < std::min(read.from, read.before_from)) return;
    const auto at = std::lower_bound(rows->times.begin(), rows->times.end(), time);
    const auto row = static_cast<size_t>(at - rows->times.begin());
    if (at == rows->times.end() || *at != time) {
      // One from before the window counts only where there is no later one before it.
      if (time < read.from) {
        for (size_t i = row; i < rows->times.size() && rows->times[i] < read.from; ++i) {
          if (!rows->columns[column].IsNull(i)) return;
        }
      }
      InsertRow(row, time, rows);
    }
    SetValue(cell.value, row, &rows->columns[column]);
  }

  static void InsertRow(size_t row, int64_t time, SeriesRows* rows) {
    const auto count = static_cast<uint32_t>(rows->times.size());
    rows->times.insert(rows->times.begin() + static_cast<std::ptrdiff_t>(row), time);
    std::vector<uint32_t> to;
    to.reserve(count);
    for (uint32_t i = 0; i < count; ++i) to.push_back(i < row ? i : i + 1);
    for (Vector& column : rows->columns) {
      Vector wider;
      wider.Reset(column.kind, count + 1);
      wider.blocks = column.blocks;
      wider.Scatter(column, to);
      wider.SetNull(row);
      column = std::move(wider);
    }
  }

  const SnapshotReader& graph_;
  const timeseries::Store& history_;
  const std::shared_ptr<const timeseries::Snapshot> snapshot_;
};

}  // namespace

std::unique_ptr<query::SeriesReader> NewSeriesReader(const SnapshotReader* graph,
                                                     const timeseries::Store* history) {
  return std::make_unique<HistoryReader>(graph, history);
}

}  // namespace twin::engine
