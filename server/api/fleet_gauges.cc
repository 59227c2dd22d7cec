#include "server/api/fleet_gauges.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace twin::api {
namespace {

namespace v1 = ::twingraph::v1;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Each column of the only row is a metric, with its name as the label `stat`; NULL: left out.
struct Spread {
  const char* name;
  const char* help;
  const char* value;
};
// That a pack has no more than 100 cycles left: the interval's ends and its middle are points of
// the distribution, and it is straight between them, to none at once and with a tail that falls
// off.
constexpr char kFailureProbability[] =
    "CASE WHEN p.rulCycles.value IS NULL OR p.rulCycles.lo IS NULL OR p.rulCycles.hi IS NULL "
    "OR p.rulCycles.level IS NULL THEN NULL "
    "WHEN p.rulCycles.lo > 100.0 "
    "THEN (0.5 - p.rulCycles.level / 2) * 100.0 / p.rulCycles.lo "
    "WHEN p.rulCycles.value > 100.0 "
    "THEN 0.5 - p.rulCycles.level / 2 * (p.rulCycles.value - 100.0) / "
    "(p.rulCycles.value - p.rulCycles.lo) "
    "WHEN p.rulCycles.hi > 100.0 "
    "THEN 0.5 + p.rulCycles.level / 2 * (100.0 - p.rulCycles.value) / "
    "(p.rulCycles.hi - p.rulCycles.value) "
    "ELSE 1.0 - (0.5 - p.rulCycles.level / 2) * p.rulCycles.hi / 100.0 END";
constexpr Spread kSpreads[] = {
    {"battery_soc_percent", "State of charge of packs.", "p.soc"},
    {"battery_soh_percent", "State of health of packs, by the predictor.", "p.soh.value"},
    {"battery_bms_soh_percent", "State of health of packs, as their BMS says.", "p.bmsSoh"},
    {"battery_temperature_celsius", "Hottest probe of packs.", "p.tempMax"},
    {"battery_cell_voltage_spread_volts", "Highest less lowest cell of packs.",
     "p.cellVoltageMax - p.cellVoltageMin"},
    {"battery_rul_cycles", "Remaining useful life of packs, by the predictor.",
     "p.rulCycles.value"},
    {"battery_failure_probability",
     "That packs reach the end of their life within 100 cycles, by the predictor's interval.",
     kFailureProbability}};
constexpr char kSpreadQuery[] =
    "SELECT MIN($x) AS min, PERCENTILE($x, 0.1) AS p10, MEDIAN($x) AS p50, "
    "PERCENTILE($x, 0.9) AS p90, MAX($x) AS max, AVG($x) AS avg, COUNT($x) AS count "
    "FROM DIGITALTWINS MATCH (p:BatteryPack)";

// Each row is a metric: a label and a value.
constexpr char kStatesQuery[] =
    "SELECT v.state AS state, COUNT() AS vehicles FROM DIGITALTWINS MATCH (v:Vehicle) "
    "WHERE v.state IS NOT NULL GROUP BY v.state";

bool IsNull(const v1::ColumnValues& column, int row) {
  const auto byte = static_cast<size_t>(row) >> 3;
  return byte < column.nulls().size() &&
         (static_cast<unsigned char>(column.nulls()[byte]) >> (row & 7) & 1) != 0;
}

// Asks, and calls `take` with the name of each column, and with its values.
template <typename Take>
void Visit(v1::QueryService::Stub* stub, const std::string& text, Take take) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + FleetGauges::kDeadline);
  v1::QueryRequest request;
  request.set_text(text);
  const auto reader = stub->Query(&context, request);
  v1::QueryHeader header;
  for (v1::QueryResponse response; reader->Read(&response);) {
    if (response.has_header()) header = response.header();
    if (response.batch().rows() > 0) take(header, response.batch());
  }
  // A model that is not there, or too little time: there are no figures then.
  reader->Finish();
}

}  // namespace

FleetGauges::FleetGauges(const std::shared_ptr<grpc::Channel>& channel)
    : queries_(v1::QueryService::NewStub(channel)) {}

MetricFamilies FleetGauges::Collect() {
  const MutexLock lock(&mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now >= due_) {
    last_ = Ask();
    due_ = now + kInterval;
  }
  return last_;
}

MetricFamilies FleetGauges::Ask() {
  MetricFamilies families;
  for (const Spread& spread : kSpreads) {
    MetricFamily family{spread.name, spread.help, MetricType::Gauge, {}};
    Visit(queries_.get(), absl::StrReplaceAll(kSpreadQuery, {{"$x", spread.value}}),
          [&](const v1::QueryHeader& header, const v1::ColumnBatch& batch) {
            for (int i = 0; i < batch.columns_size(); ++i) {
              const v1::ColumnValues& column = batch.columns(i);
              if (IsNull(column, 0) || column.doubles_size() + column.ints_size() == 0) continue;
              ClientMetric metric = LabelledMetric("stat", header.columns(i).name());
              metric.gauge.value = column.doubles_size() > 0 ? column.doubles(0)
                                                             : static_cast<double>(column.ints(0));
              family.metric.push_back(std::move(metric));
            }
          });
    // The count alone says that nobody reports it.
    if (family.metric.size() > 1) families.push_back(std::move(family));
  }
  MetricFamily states{"battery_vehicles", "Vehicles by what they do.", MetricType::Gauge, {}};
  Visit(queries_.get(), kStatesQuery, [&](const v1::QueryHeader&, const v1::ColumnBatch& batch) {
    if (batch.columns_size() != 2) return;
    for (int row = 0; row < batch.columns(0).strings_size(); ++row) {
      if (row >= batch.columns(1).ints_size()) break;
      states.metric.push_back(LabelledMetric("state", batch.columns(0).strings(row)));
      states.metric.back().gauge.value = static_cast<double>(batch.columns(1).ints(row));
    }
  });
  if (!states.metric.empty()) families.push_back(std::move(states));
  return families;
}

}  // namespace twin::api
