#include "server/api/history_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/api/blocking_stream.h"
#include "server/api/convert.h"
#include "server/api/telemetry_convert.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

constexpr int64_t kDayNs = int64_t{24} * 3600 * 1'000'000'000;
constexpr int kTwinsMax = 10'000;
constexpr size_t kMessageRows = 10'000;
constexpr uint64_t kSamplesMessageBytes = 1 << 20;

// Appends these rows of a column.
void FillSamples(const std::string& path, const query::Vector& column,
                 const std::vector<size_t>& rows, pb::SampleColumn* message) {
  message->set_path(path);
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t row = rows[i];
    const bool missing = column.IsNull(row);
    switch (column.kind) {
      case query::TypeKind::kDouble:
        message->add_doubles(missing ? std::numeric_limits<double>::quiet_NaN()
                                     : column.doubles[row]);
        break;
      case query::TypeKind::kInt:
        message->add_ints(missing ? 0 : column.ints[row]);
        if (missing) message->add_missing(static_cast<uint32_t>(i));
        break;
      default: {  // also Booleans and times: as numbers they would not be known as such
        pb::Value* const value = message->add_values();
        if (!missing) ToProto(column.Get(row), value);
      }
    }
  }
}

// About how many bytes a message needs for a value.
uint64_t BytesOf(const query::Vector& column, size_t row) {
  if (column.IsNull(row)) return 16;
  switch (column.kind) {
    case query::TypeKind::kString:
      return 16 + column.strings[row].size();
    case query::TypeKind::kValue: {
      std::string bytes;
      column.values[row].AppendTo(&bytes);
      return 16 + 2 * bytes.size();
    }
    default:
      return 16;
  }
}

// Those of rows from `*first` on that have a value, as many as one message takes; `*first` becomes
// the row behind them.
std::vector<size_t> FilledRows(const query::SeriesRows& rows, size_t* first) {
  std::vector<size_t> filled;
  const size_t end = std::min(rows.times.size(), *first + kMessageRows);
  uint64_t bytes = 0;
  for (size_t& row = *first; row < end && bytes < kSamplesMessageBytes; ++row) {
    const bool has =
        std::any_of(rows.columns.begin(), rows.columns.end(),
                    [row](const query::Vector& column) { return !column.IsNull(row); });
    if (!has) continue;
    filled.push_back(row);
    for (const query::Vector& column : rows.columns) bytes += BytesOf(column, row);
  }
  return filled;
}

class HistoryExport final : public BlockingWriter<pb::ExportHistoryResponse> {
 public:
  HistoryExport(const Services& services, const pb::ExportHistoryRequest& request,
                grpc::CallbackServerContext* context)
      : BlockingWriter(services, context, "HistoryService/Export"),
        services_(services),
        request_(request) {
    StartAt(services, request.min_sequence());
  }

 protected:
  absl::Status Run() override {
    if (request_.twin_ids_size() > kTwinsMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("twin_ids: ", request_.twin_ids_size(), " of them; at most ", kTwinsMax));
    }
    snapshot_ = services_.engine->Hold(engine::SnapshotUse::kExport);
    TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const graph::GraphView> view, snapshot_->Get());
    reader_ = services_.engine->OpenReader(std::move(view));
    series_ = services_.engine->OpenSeries(*reader_);
    FillPosition(reader_->sequence(), response_.mutable_position());
    const std::vector<int64_t> bounds = Bounds();
    for (const std::string& id : request_.twin_ids()) {
      TWIN_RETURN_IF_ERROR(FindPaths(id));
      for (size_t i = 0; i + 1 < bounds.size(); ++i) {
        TWIN_RETURN_IF_ERROR(Piece(id, bounds[i], bounds[i + 1]));
      }
    }
    // An empty history has its position, too.
    if (!has_written_ && !Write(response_)) return Gone();
    return absl::OkStatus();
  }

 private:
  absl::Status Gone() const {
    return idle() ? IdleError(services_) : absl::CancelledError("the client is gone");
  }

  // The window in pieces of a day, so that none takes much memory.
  std::vector<int64_t> Bounds() const {
    const int64_t from = request_.has_from_unix_nano() ? request_.from_unix_nano() : INT64_MIN;
    const int64_t to = request_.has_to_unix_nano() ? request_.to_unix_nano() : INT64_MAX;
    std::vector<int64_t> bounds = {from};
    const int64_t oldest = services_.engine->status().history.oldest_time;
    const int64_t newest = SystemClock().Now().ns + kDayNs;
    for (int64_t at = std::max(oldest, from); at < std::min(newest, to); at += kDayNs) {
      if (at > bounds.back()) bounds.push_back(at);
    }
    if (to > bounds.back()) bounds.push_back(to);
    return bounds;
  }

  absl::Status FindPaths(const std::string& id) {
    twin_ = reader_->Find(id);
    if (twin_ == kNoTwin) return absl::NotFoundError(absl::StrCat("no twin '", id, "'"));
    std::vector<query::Place> places;
    const uint32_t number = twin_.value;
    reader_->Places(absl::MakeConstSpan(&number, 1), &places);
    const query::Model& model = reader_->catalog().model(TableId(places[0].table));
    paths_.clear();
    if (request_.paths().empty()) {
      for (const query::Column& column : model.columns) {
        const bool is_recorded = column.telemetry || (column.historized && !column.is_object);
        if (is_recorded) paths_.push_back(column.path);
      }
      return absl::OkStatus();
    }
    for (const std::string& path : request_.paths()) {
      if (model.Find(path) == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("paths: '", id, "' of the model ", model.id, " has no '", path, "'"));
      }
      paths_.push_back(path);
    }
    return absl::OkStatus();
  }

  absl::Status Piece(const std::string& id, int64_t from, int64_t to) {
    query::SeriesRequest request;
    request.from = from;
    request.to = to;
    request.to_included = to == INT64_MAX;
    for (const std::string& path : paths_) request.columns.push_back({twin_, path});
    return series_->Read(absl::MakeConstSpan(&request, 1),
                         [&](size_t, const query::SeriesRows& rows) { return Send(id, rows); });
  }

  // Columns without a sample are left out.
  absl::Status Send(const std::string& id, const query::SeriesRows& rows) {
    for (size_t first = 0; first < rows.times.size();) {
      const std::vector<size_t> filled = FilledRows(rows, &first);
      pb::SampleBatch* const samples = response_.mutable_samples();
      samples->Clear();
      samples->add_twin_ids(id);
      for (const size_t row : filled) samples->add_times_unix_nano(rows.times[row]);
      for (size_t c = 0; c < rows.columns.size(); ++c) {
        const bool has = std::any_of(filled.begin(), filled.end(),
                                     [&](size_t row) { return !rows.columns[c].IsNull(row); });
        if (has) FillSamples(paths_[c], rows.columns[c], filled, samples->add_columns());
      }
      if (samples->columns_size() == 0) continue;
      if (!Write(response_)) return Gone();
      has_written_ = true;
      response_.Clear();
    }
    return absl::OkStatus();
  }

  const Services& services_;
  const pb::ExportHistoryRequest request_;
  std::shared_ptr<engine::HeldSnapshot> snapshot_;
  std::unique_ptr<engine::SnapshotReader> reader_;
  std::unique_ptr<query::SeriesReader> series_;
  TwinNumber twin_;
  std::vector<std::string> paths_;
  pb::ExportHistoryResponse response_;
  bool has_written_ = false;
};

// One message after the other: the next is read when the former is durable.
class HistoryImport final : public grpc::ServerReadReactor<pb::ImportHistoryRequest> {
 public:
  HistoryImport(const Services& services, pb::ImportHistoryResponse* response)
      : services_(services),
        response_(*response),
        timed_(services.metrics, "HistoryService/Import") {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());
    absl::StatusOr<ingest::SampleBatch> samples = ToSamples(request_.samples());
    if (!samples.ok()) return End(samples.status());
    const uint64_t first = rows_;
    rows_ += std::max(samples->twin_ids.size(), samples->times.size());
    ingest::TelemetryBatch batch;
    batch.bytes = request_.ByteSizeLong();
    batch.samples.push_back(*std::move(samples));
    services_.engine->Write(std::move(batch), [this, first](const ingest::TelemetryResult& result) {
      Done(first, result);
    });
  }

  void OnDone() override { delete this; }

 private:
  void Done(uint64_t first, const ingest::TelemetryResult& result) {
    if (!result.status.ok()) return End(result.status);
    response_.set_rows(response_.rows() + result.rows);
    response_.set_rejects_total(response_.rejects_total() + result.rejects_total);
    if (result.expired_rows > 0) {
      response_.set_expired_rows(response_.expired_rows() + result.expired_rows);
      response_.set_notice(result.notice);
    }
    for (const ingest::Reject& reject : result.rejects) {
      if (response_.rejects_size() >= static_cast<int>(ingest::kRejectsMax)) break;
      FillReject(0, static_cast<uint32_t>(first + reject.index), reject.status,
                 response_.add_rejects());
    }
    FillPosition(result.sequence, response_.mutable_position());
    StartRead(&request_);
  }

  // Afterwards this may be gone.
  void End(const absl::Status& status) {
    timed_.End(status.ok());
    Finish(ToGrpc(status));
  }

  const Services& services_;
  pb::ImportHistoryRequest request_;
  pb::ImportHistoryResponse& response_;
  const TimedCall timed_;
  uint64_t rows_ = 0;
};

}  // namespace

grpc::ServerWriteReactor<pb::ExportHistoryResponse>* HistoryService::Export(
    Context* context, const pb::ExportHistoryRequest* request) {
  return new HistoryExport(services_, *request, context);
}

grpc::ServerReadReactor<pb::ImportHistoryRequest>* HistoryService::Import(
    Context* /*context*/, pb::ImportHistoryResponse* response) {
  return new HistoryImport(services_, response);
}

}  // namespace twin::api
