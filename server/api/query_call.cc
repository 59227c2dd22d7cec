#include "server/api/query_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/api/convert.h"
#include "server/api/standing_query.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::api {
namespace {

constexpr size_t kMessageBytes = 1 << 20;  // a message is sent when its rows have that many
constexpr size_t kKeptBytesMax = 16 << 20;
constexpr int32_t kPageSizeMax = 10'000;
// A query that took less runs on gRPC's thread the next time.
constexpr int64_t kBriefNs = 500'000;

int64_t NsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
}

int64_t PageSizeOf(const pb::QueryRequest& request) {
  return std::min(request.page_size(), kPageSizeMax);
}

// Copies strings that a reader lends which does not live as long.
void OwnStrings(query::Batch* batch) {
  for (query::Vector& vector : batch->slots) {
    if (vector.kind != query::TypeKind::kString) continue;
    const auto block = std::make_shared<query::StringBlock>();
    for (size_t i = 0; i < vector.rows; ++i) {
      if (!vector.IsNull(i)) vector.strings[i] = block->Add(vector.strings[i]);
    }
    vector.blocks = {block};
  }
}

bool IsPage(const pb::QueryRequest& request) {
  return request.page_size() > 0 || !request.page_token().empty();
}

}  // namespace

absl::StatusOr<QueryInput> ReadQuery(const pb::QueryRequest& request, const QueryLimits& limits) {
  QueryInput input;
  if (request.dialect() != pb::QueryRequest::TQL && request.dialect() != pb::QueryRequest::ADT) {
    return absl::InvalidArgumentError(absl::StrCat("dialect: no dialect ", request.dialect()));
  }
  if (request.page_size() < 0) {
    return absl::InvalidArgumentError("page_size: it is negative; 0 is all rows");
  }
  if (request.memory_bytes_max() < 0) {
    return absl::InvalidArgumentError(
        "memory_bytes_max: it is negative; 0 is the server's query_memory_bytes_max");
  }
  if (!request.page_token().empty() && request.page_size() == 0) {
    return absl::InvalidArgumentError("page_size: a page_token needs one");
  }
  input.bind.dialect =
      request.dialect() == pb::QueryRequest::ADT ? query::Dialect::kAdt : query::Dialect::kTql;
  input.bind.adt_limits = limits.adt_limits;
  for (const auto& [name, message] : request.parameters()) {
    absl::StatusOr<Value> value = FromProto(message);
    if (!value.ok()) {
      return absl::Status(value.status().code(),
                          absl::StrCat("parameters.", name, ": ", value.status().message()));
    }
    input.bind.parameters.emplace(name, TypeOf(*value));
    if (value->kind() == Value::Kind::kString && ParseDuration(value->as_string()).ok()) {
      input.bind.lengths.insert(name);
    }
    input.parameters.emplace(name, *std::move(value));
  }
  input.key = QueryPlans::KeyOf(request.text(), input.bind);
  return input;
}

query::ExecuteOptions ExecuteOptionsOf(const pb::QueryRequest& request, const QueryInput& input,
                                       Time now, const Queries& queries) {
  query::ExecuteOptions options;
  options.parameters = input.parameters;
  options.now = now;
  options.rows_max = queries.limits.rows_max;
  options.memory_bytes_max = queries.limits.memory_bytes_max;
  if (request.memory_bytes_max() > 0) {
    options.memory_bytes_max = std::min(options.memory_bytes_max, request.memory_bytes_max());
  }
  options.pool = queries.tasks.get();
  options.profile = request.profile();
  return options;
}

QueryCall::QueryCall(const Services& services, grpc::CallbackServerContext* context,
                     const pb::QueryRequest* request)
    : QueryStream(
          context, services.metrics,
          services.queries->runs.Begin(
              request->text(), context->peer(), SystemClock().Now(),
              [this, runners = &services.queries->runners] { return runners->Withdraw(this); },
              [this] { End(Interrupted()); }),
          std::chrono::nanoseconds(DeadlineOf(*context, services).ns - SystemClock().Now().ns)),
      services_(services),
      queries_(*services.queries),
      deadline_(DeadlineOf(*context, services)),
      request_(*request),
      now_(request->has_now_unix_nano() ? Time{request->now_unix_nano()} : run().start) {}

void QueryCall::Start() {
  absl::StatusOr<QueryInput> input = ReadQuery(request_, queries_.limits);
  if (!input.ok()) return End(input.status());
  input_ = *std::move(input);
  if (!IsPage(request_)) {
    graph_ = services_.engine->OpenReader();
    if (graph_->sequence() >= Sequence(request_.min_sequence())) {
      prepared_ = queries_.plans.Find(input_.key, graph_->shared_catalog().get());
      prepare_ns_ = NsSince(start());
    } else {
      graph_ = nullptr;
    }
    if (prepared_ != nullptr && prepared_->execute_ns < kBriefNs) {
      BeginBrief();
      run().waiting = false;
      const absl::Status status = RunWhole();
      if (!EndBrief()) return End(status);
      statistics_ = {};
      run().rows = 0;
      writer_ = nullptr;
    }
    // What waits keeps no snapshot.
    past_.clear();
    prepared_ = nullptr;
    graph_ = nullptr;
  }
  // Once it is submitted, this may be gone, unless it can be withdrawn.
  const std::shared_ptr<QueryRun> run = shared_run();
  WorkPool& runners = queries_.runners;
  if (!runners.Submit([this] { End(RunOnThread()); }, this)) {
    return End(absl::ResourceExhaustedError(
        absl::StrCat("too many queries wait (queries_waiting_max is ", queries_.limits.waiting_max,
                     ", behind the queries_running_max of ", queries_.limits.running_max,
                     " that run); try again later")));
  }
  if (run->cancelled && runners.Withdraw(this)) run->end();  // It was cancelled just before.
}

absl::Status QueryCall::RunOnThread() {
  TWIN_RETURN_IF_ERROR(Interrupted());  // it may have waited for long
  if (IsPage(request_)) {
    run().waiting = false;
    return RunPage();
  }
  TWIN_RETURN_IF_ERROR(Prepare());
  run().waiting = false;
  return RunWhole();
}

void QueryCall::HoldAndOpen(std::shared_ptr<const graph::GraphView> view) {
  held_ = services_.engine->Hold(engine::SnapshotUse::kQuery, view);
  graph_ = services_.engine->OpenReader(std::move(view));
}

absl::Status QueryCall::Lost() const {
  if (held_ == nullptr || !held_->is_taken()) return absl::OkStatus();
  return held_->Get().status();
}

absl::Status QueryCall::Prepare() {
  TWIN_RETURN_IF_ERROR(services_.engine->WaitFor(Sequence(request_.min_sequence()), deadline_,
                                                 [this] { return is_over(); }));
  HoldAndOpen(services_.engine->Pin());
  const Clock::time_point start = Clock::now();
  prepared_ = queries_.plans.Find(input_.key, graph_->shared_catalog().get());
  if (prepared_ == nullptr) {
    TWIN_ASSIGN_OR_RETURN(prepared_, queries_.plans.Prepare(input_.key, request_.text(),
                                                            input_.bind, graph_->shared_catalog()));
  }
  prepare_ns_ = NsSince(start);
  return absl::OkStatus();
}

absl::Status QueryCall::RunWhole() {
  if (prepared_->statement->mode == query::Statement::Mode::kExplain) return SendPlan();
  TWIN_RETURN_IF_ERROR(Begin(query::ResultColumns(*prepared_->statement)));
  const Clock::time_point start = Clock::now();
  TWIN_RETURN_IF_ERROR(
      Execute([this](const query::Batch& batch) { return AddRows(batch, 0, batch.rows); }));
  prepared_->execute_ns = NsSince(start);
  return absl::OkStatus();
}

absl::Status QueryCall::SendPlan() {
  TWIN_RETURN_IF_ERROR(
      Begin({{.name = "plan", .type = {.kind = query::TypeKind::kString}, .whole_row = false}}));
  const std::string plan =
      absl::StrCat(query::Explain(*prepared_->statement, *graph_,
                                  ExecuteOptionsOf(request_, input_, now_, queries_)),
                   StandingPlan(*prepared_->statement));
  const std::vector<absl::string_view> lines = absl::StrSplit(plan, '\n', absl::SkipEmpty());
  query::Batch batch;
  batch.rows = lines.size();
  batch.slots.resize(1);
  batch.slots[0].Reset(query::TypeKind::kString, lines.size());
  batch.slots[0].strings = lines;
  return AddRows(batch, 0, batch.rows);
}

absl::Status QueryCall::Execute(absl::FunctionRef<absl::Status(const query::Batch& batch)> emit) {
  query::ExecuteOptions options = ExecuteOptionsOf(request_, input_, now_, queries_);
  options.interrupted = [this] { return Interrupted(); };
  options.plans = &prepared_->plans;
  if (is_brief()) options.pool = nullptr;
  options.past = &past_;
  if (prepared_->statement->mode == query::Statement::Mode::kProfile) options.profile = true;
  const std::unique_ptr<query::SeriesReader> series = services_.engine->OpenSeries(*graph_);
  return query::Execute(*prepared_->statement, *graph_, series.get(), options, emit, &statistics_);
}

absl::Status QueryCall::Begin(const std::vector<query::ResultColumn>& columns) {
  const query::BoundStatement& statement = *prepared_->statement;
  TWIN_ASSIGN_OR_RETURN(past_, query::OpenPast(statement, *graph_,
                                               ExecuteOptionsOf(request_, input_, now_, queries_)));
  // Twins at a time in the past are those of the reader at that time.
  const query::BoundSelect* select = &statement.select;
  while (select->as_of == nullptr && select->source.subquery >= 0) {
    select = statement.with[static_cast<size_t>(select->source.subquery)].select.get();
  }
  const auto past = past_.find(select);
  const query::GraphReader* const documents =
      past == past_.end() ? graph_.get() : past->second.graph.get();
  RowWriter::Options options;
  options.format = request_.format();
  options.leave_out_absent = statement.dialect == query::Dialect::kAdt;
  options.documents = {.include_telemetry = request_.include_telemetry(),
                       .include_times = request_.include_times()};
  writer_ = std::make_unique<RowWriter>(columns, documents, options);

  pb::QueryHeader header;
  RowWriter::FillColumns(columns, header.mutable_columns());
  FillPosition(graph_->sequence(), header.mutable_position());
  for (const std::string& notice : statement.notices) header.add_notices(notice);
  header.set_query_id(absl::StrCat(run().id));
  SetHeader(std::move(header));
  return absl::OkStatus();
}

absl::Status QueryCall::AddRows(const query::Batch& batch, size_t first, size_t end) {
  while (first < end) {
    const size_t next = writer_->Append(batch, first, end, kMessageBytes, message());
    run().rows += next - first;
    first = next;
    if (message()->rows().size() < kMessageBytes && writer_->column_bytes() < kMessageBytes) {
      continue;
    }
    TWIN_RETURN_IF_ERROR(Send());
  }
  return absl::OkStatus();
}

// --- Pages ---

std::string QueryCall::Identity() const {
  std::string identity = input_.key;
  identity.push_back(request_.include_telemetry() ? '+' : '-');
  identity.push_back(request_.include_times() ? '+' : '-');
  for (const auto& [name, value] : input_.parameters) value.AppendTo(&identity);
  return identity;
}

absl::Status QueryCall::RunPage() {
  std::shared_ptr<const KeptResult> result;
  uint64_t row = 0;
  if (request_.page_token().empty()) {
    TWIN_RETURN_IF_ERROR(Prepare());
    if (prepared_->statement->mode == query::Statement::Mode::kExplain) return SendPlan();
  } else {
    TWIN_ASSIGN_OR_RETURN(const QueryPages::Page page, queries_.pages.Find(request_.page_token()));
    if (page.result->request != Identity()) {
      return absl::InvalidArgumentError(
          "page_token: it belongs to another query; text, dialect, parameters, include_telemetry "
          "and include_times must be the same");
    }
    result = page.result;
    snapshot_ = result->snapshot;
    row = page.row;
    HoldAndOpen(page.view);
    prepared_ = result->query;
    now_ = result->now;
  }
  const uint64_t size = static_cast<uint64_t>(PageSizeOf(request_));
  TWIN_RETURN_IF_ERROR(Begin(query::ResultColumns(*prepared_->statement)));
  if (result == nullptr || (!result->complete && row + size > result->first_row + result->rows)) {
    TWIN_ASSIGN_OR_RETURN(result, RunAndKeep(row));
  }
  const uint64_t after = std::min(row + size, result->first_row + result->rows);
  uint64_t at = result->first_row;
  for (const query::Batch& batch : result->batches) {
    const uint64_t first = std::max(at, row);
    const uint64_t end = std::min(at + batch.rows, after);
    if (first < end) TWIN_RETURN_IF_ERROR(AddRows(batch, first - at, end - at));
    at += batch.rows;
  }
  statistics_.rows = after - std::min(row, after);
  if (after < result->first_row + result->rows || !result->complete) {
    next_page_token_ = queries_.pages.Keep(result, after);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const KeptResult>> QueryCall::RunAndKeep(uint64_t row) {
  auto result = std::make_shared<KeptResult>();
  result->request = Identity();
  result->query = prepared_;
  if (snapshot_ == nullptr) {
    TWIN_ASSIGN_OR_RETURN(auto view, held_->Get());
    snapshot_ = services_.engine->Hold(engine::SnapshotUse::kPage, std::move(view));
  }
  result->snapshot = snapshot_;
  result->now = now_;
  result->first_row = row;
  uint64_t at = 0;
  const uint64_t wanted = static_cast<uint64_t>(PageSizeOf(request_));
  bool is_enough = false;
  const absl::Status status = Execute([&](const query::Batch& batch) -> absl::Status {
    if (result->rows > wanted && result->bytes >= kKeptBytesMax) {
      is_enough = true;
      return absl::CancelledError("enough for now");
    }
    const uint64_t skip = std::min<uint64_t>(row - std::min(at, row), batch.rows);
    at += batch.rows;
    if (skip == batch.rows) return absl::OkStatus();
    if (skip == 0) {
      result->batches.push_back(batch);
    } else {
      std::vector<uint32_t> rest;
      for (size_t i = skip; i < batch.rows; ++i) rest.push_back(static_cast<uint32_t>(i));
      result->batches.push_back(batch.Take(rest));
    }
    if (!past_.empty()) OwnStrings(&result->batches.back());
    result->rows += batch.rows - skip;
    result->bytes += result->batches.back().bytes();
    return absl::OkStatus();
  });
  if (!status.ok() && !is_enough) return status;
  result->complete = !is_enough;
  return std::shared_ptr<const KeptResult>(std::move(result));
}

void QueryCall::End(absl::Status status) {
  const absl::Status sent = WaitForWrite();
  if (status.ok()) status = sent;
  statistics_.plan_ns += prepare_ns_;
  queries_.runs.End(run(), status, statistics_, SystemClock().Now());
  pb::QuerySummary* summary = message()->mutable_summary();
  summary->set_rows(run().rows);
  summary->set_rows_scanned(statistics_.rows_scanned);
  summary->set_plan_nanos(statistics_.plan_ns);
  summary->set_execute_nanos(statistics_.execute_ns);
  summary->set_memory_bytes(statistics_.memory_bytes);
  summary->set_unrecorded(statistics_.unrecorded);
  summary->set_rolled_up(statistics_.summaries.expired_rows);
  summary->set_rolled_up_left_out(statistics_.summaries.cut_rows);
  summary->set_profile(std::move(statistics_.profile));
  summary->set_next_page_token(std::move(next_page_token_));
  SendLast(status);
}

}  // namespace twin::api
