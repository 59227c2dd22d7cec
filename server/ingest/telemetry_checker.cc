#include "server/ingest/telemetry_checker.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "models/dtdl/values.h"
#include "server/base/float.h"
#include "server/base/status_macros.h"
#include "server/ingest/check_value.h"

namespace twin::ingest {
namespace {

using timeseries::ColumnKind;

bool LeadsToProperties(const LayoutVersion& version, const PendingState& pending) {
  for (const ColumnTarget target : version.columns.all_targets()) {
    if (!pending.Exists(target.twin)) continue;
    const graph::ColumnSchema* const schema = pending.SchemaOf(target.twin).FindColumn(target.path);
    if (schema != nullptr && !schema->telemetry) return true;
  }
  return false;
}

constexpr absl::string_view kOthersKept =
    "; the other columns are kept. Register the layout again, with twins that there are";

// A column that leads nowhere because twins are gone, and why; or that none leads anywhere. Empty:
// neither.
std::string FindLost(const Layout& layout, const LayoutVersion& version,
                     const PendingState& pending) {
  bool any = false;
  for (size_t c = 0; c < version.columns.size(); ++c) {
    const ResolvedColumns::Targets targets = version.columns.targets(c);
    any = any || !targets.empty();
    const bool is_lost =
        !targets.empty() && std::none_of(targets.begin(), targets.end(), [&](const auto& target) {
          return pending.Exists(target.twin);
        });
    if (is_lost) {
      return absl::StrCat(", column ", c, ": the twin that it leads to was deleted", kOthersKept);
    }
  }
  const auto is_gone = [&](const std::string& id) { return pending.FindTwin(id) == kNoTwin; };
  for (const LayoutColumn& column : layout.columns) {
    if (column.has_rule && is_gone(column.rule.twin_id)) {
      return absl::StrCat(": the twin '", column.rule.twin_id, "' at which a rule begins is gone",
                          kOthersKept);
    }
    const auto leads = [&](const LayoutTarget& each) {
      const TwinNumber twin = pending.FindTwin(each.twin_id);
      return !(twin == kNoTwin) && pending.SchemaOf(twin).FindColumn(each.path) != nullptr;
    };
    if (column.targets.empty() ||
        std::any_of(column.targets.begin(), column.targets.end(), leads)) {
      continue;
    }
    const LayoutTarget& lost = column.targets[0];
    if (is_gone(lost.twin_id)) {
      return absl::StrCat(": the twin '", lost.twin_id, "' that it names is gone", kOthersKept);
    }
    return absl::StrCat(": the model of the twin '", lost.twin_id, "' has no '", lost.path,
                        "' any more", kOthersKept);
  }
  return any ? "" : ": none of its columns leads to a twin, so its values go nowhere";
}

// As PendingState::FindTwin, of many.
void FindTwins(const PendingState& pending, absl::Span<const absl::string_view> ids,
               std::vector<TwinNumber>* twins) {
  const graph::GraphView& head = pending.head();
  twins->resize(ids.size());
  // Nothing that is pending created a twin, or deleted one.
  if (pending.next_twin() == head.next_twin().value && pending.twins() == head.twins()) {
    return head.FindTwins(ids, twins->data());
  }
  for (size_t i = 0; i < ids.size(); ++i) (*twins)[i] = pending.FindTwin(ids[i]);
}

// Whether numbers need no look at the column's schema but that it is telemetry of fractions.
bool IsPlain(const graph::ColumnSchema* schema) {
  return schema != nullptr &&
         (schema->type == graph::ColumnType::kDouble ||
          schema->type == graph::ColumnType::kFloat) &&
         !dtdl::BoundsNumbers(schema->traits);
}

// `types`: of the columns, of the tables before and with this one. False, too, where they differ.
bool IsPlainTelemetry(const SampleBatch& samples, const graph::TableSchema& table,
                      std::vector<graph::ColumnType>* types) {
  const bool is_first = types->empty();
  for (size_t c = 0; c < samples.columns.size(); ++c) {
    const graph::ColumnSchema* const schema = table.FindColumn(samples.columns[c].path);
    if (!IsPlain(schema) || !schema->telemetry) return false;
    if (is_first) types->push_back(schema->type);
    if ((*types)[c] != schema->type) return false;
  }
  return true;
}

// The greatest number that suits a column of fractions.
double GreatestOf(graph::ColumnType type) {
  return type == graph::ColumnType::kFloat ? kGreatestOfFloats : std::numeric_limits<double>::max();
}

// As history keeps it, which is as the column does.
double NumberOf(graph::ColumnType type, double number) {
  return type == graph::ColumnType::kFloat ? AsFloat(number) : number;
}

// Of numbers that all suit columns of the type, or are missing; else false.
bool CopyNumbers(absl::Span<const double> from, graph::ColumnType type, SampleRun::Column* to) {
  to->doubles.assign(from.begin(), from.end());
  to->missing.resize(from.size());
  const double greatest = GreatestOf(type);
  bool suit = true;
  for (size_t i = 0; i < from.size(); ++i) {
    to->missing[i] = static_cast<uint8_t>(from[i] != from[i]);
    suit &= !(std::abs(from[i]) > greatest);
  }
  if (suit && type == graph::ColumnType::kFloat) {
    for (double& number : to->doubles) number = NumberOf(type, number);
  }
  return suit;
}

bool AnyOfFormerTwin(const SampleBatch& samples, size_t rows, const PendingState& pending) {
  const int64_t last_end = pending.last_end_of_twins().ns;
  for (size_t row = 0; row < rows; ++row) {
    const int64_t time = samples.times[samples.times.size() > 1 ? row : 0];
    if (time >= last_end) continue;
    const absl::string_view id = samples.twin_ids[samples.twin_ids.size() > 1 ? row : 0];
    if (time < pending.EndOfFormer(id).ns) return true;
  }
  return false;
}

// A batch in which nothing has to be looked at row by row: all its twins are there, it came in
// time, none is of a former twin, and its numbers are plain telemetry. Else false, and `run` is
// anything.
bool CheckAtOnce(const SampleBatch& samples, absl::Span<const TwinNumber> twins, size_t rows,
                 int64_t latest, const PendingState& pending, SampleRun* run) {
  if (*std::max_element(samples.times.begin(), samples.times.end()) > latest) return false;
  if (AnyOfFormerTwin(samples, rows, pending)) return false;
  TableId table{UINT32_MAX};
  std::vector<graph::ColumnType> types;
  for (const TwinNumber twin : twins) {
    if (twin == kNoTwin) return false;
    const TableId of_twin = pending.TableOf(twin);
    if (of_twin == table) continue;
    table = of_twin;
    if (!IsPlainTelemetry(samples, pending.SchemaOf(twin), &types)) return false;
  }
  for (size_t c = 0; c < samples.columns.size(); ++c) {
    const SampleColumn& from = samples.columns[c];
    if (from.doubles.empty() || !CopyNumbers(from.doubles, types[c], &run->columns[c]))
      return false;
  }
  run->twins.assign(twins.begin(), twins.end());
  run->twins.resize(rows, twins.front());
  run->times.assign(samples.times.begin(), samples.times.end());
  run->times.resize(rows, samples.times.front());
  return true;
}

constexpr double kScaledMax = 999'999'999'999'999;          // as the decoder takes them
constexpr double kExactIntegerMax = 9'007'199'254'740'992;  // 2^53: above it doubles are ambiguous

// The end of a message about a number that does not suit a column of integers or decimals.
std::string WhyNot(const ColumnForm& column, double scaled, double greatest) {
  if (column.kind == ColumnKind::kInt) {
    return std::abs(scaled) <= greatest
               ? " is no integer"
               : " is beyond 2^53, where a double is no exact integer; send the frames packed";
  }
  return absl::StrCat(std::abs(scaled) <= greatest ? " has more than the " : " is too great for ",
                      static_cast<int>(column.decimals),
                      " decimals of its scale; register it with encoding DOUBLE");
}

}  // namespace

void TelemetryChecker::Reject(uint32_t index, absl::Status status) {
  TelemetryResult& result = checked_.result;
  ++result.rejects_total;
  if (result.rejects.size() < kRejectsMax) result.rejects.push_back({index, std::move(status)});
}

absl::Status TelemetryChecker::CheckTime(int64_t time) const {
  if (time <= latest_) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the source time ",
      absl::FormatTime(absl::RFC3339_full, absl::FromUnixNanos(time), absl::UTCTimeZone()),
      " is more than clock_skew_ms_max (", limits_.clock_skew_ms_max,
      " ms) ahead of the server's clock"));
}

absl::Status TelemetryChecker::CheckLife(absl::string_view twin_id, int64_t time) const {
  if (time >= pending_.last_end_of_twins().ns) return absl::OkStatus();
  const Time end = pending_.EndOfFormer(twin_id);
  if (time >= end.ns) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the source time ", FormatTime(Time{time}), " is before ", FormatTime(end),
                   ", when a former twin '", twin_id, "' was deleted: it is not this one's"));
}

TelemetryChecker::Leads TelemetryChecker::LeadsOf(const TelemetryState::LayoutState& layout,
                                                  const LayoutVersion& version) {
  const auto find = [&] {
    return Leads{.rows_epoch = pending_.rows_epoch(),
                 .properties = LeadsToProperties(version, pending_),
                 .lost = FindLost(layout.Read(), version, pending_)};
  };
  if (pending_.may_have_moves()) return find();
  Leads& known = leads_[&version];
  if (known.rows_epoch != pending_.rows_epoch()) known = find();
  return known;
}

CheckedTelemetry TelemetryChecker::Check(const TelemetryBatch& batch, Time now) {
  checked_ = CheckedTelemetry();
  texts_.clear();
  now_ = now.ns;
  latest_ = now.ns + limits_.clock_skew_ms_max * 1'000'000;
  FramesRecord frames;
  frames.time = now;
  frames.producer = batch.producer;
  frames.number = batch.number;
  for (size_t i = 0; i < batch.frames.size(); ++i) {
    absl::Status status = CheckFrames(batch.frames[i], &frames.runs);
    if (!status.ok()) Reject(static_cast<uint32_t>(i), std::move(status));
  }
  SamplesRecord samples;
  samples.time = now;
  samples.producer = batch.producer;
  samples.number = batch.number;
  for (const SampleBatch& one : batch.samples) {
    SampleRun run;
    absl::Status status = CheckSamples(one, &run);
    if (!status.ok()) Reject(0, std::move(status));
    if (!run.twins.empty()) samples.runs.push_back(std::move(run));
  }
  for (const Publication& one : batch.publications) {
    SampleRun run;
    absl::Status status = CheckPublication(one, &run);
    if (!status.ok()) {
      Reject(0, std::move(status));
    } else if (!run.columns.empty()) {
      samples.runs.push_back(std::move(run));
    }
  }
  TelemetryResult& result = checked_.result;
  if (batch.all_or_nothing && result.rejects_total > 0) {
    result.status = result.rejects.front().status;
    return std::move(checked_);
  }
  for (const FrameRun& run : frames.runs) result.rows += run.times.size();
  for (const SampleRun& run : samples.runs) result.rows += run.twins.size();
  checked_.sequences = result.rows;
  expiry_.Note(frames, samples, now, &result);
  if (!frames.runs.empty()) EncodeRecord(frames, &checked_.record);
  if (!samples.runs.empty()) EncodeRecord(samples, &checked_.record);
  return std::move(checked_);
}

// --- Frames ---

absl::Status TelemetryChecker::CheckFrames(const FrameBatch& frames, std::vector<FrameRun>* runs) {
  const uint32_t* const number = state_.FindLayout(frames.layout_id);
  if (number == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no layout '", frames.layout_id, "'; register it before its frames"));
  }
  const size_t count = frames.times.size();
  if (count == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames of layout '", frames.layout_id, "' without times"));
  }
  if (count > static_cast<size_t>(limits_.frame_rows_max)) {
    return absl::ResourceExhaustedError(absl::StrCat(count, " frames of layout '", frames.layout_id,
                                                     "'; frame_rows_max is ",
                                                     limits_.frame_rows_max, "; divide them"));
  }
  // Of each frame the version that it means; those too far ahead are left out. Mostly all mean one.
  const TelemetryState::LayoutState& layout = state_.layout(*number);
  absl::Status ahead;
  absl::InlinedVector<const LayoutVersion*, 1> versions;
  std::vector<std::vector<uint32_t>> rows;  // of each version; empty: it has all
  const auto [least, greatest] = std::minmax_element(frames.times.begin(), frames.times.end());
  const LayoutVersion* const last = &TelemetryState::VersionAt(layout, *greatest);
  const bool all = *greatest <= latest_ && last == &TelemetryState::VersionAt(layout, *least);
  if (all) versions.push_back(last);
  for (size_t i = 0; i < count && !all; ++i) {
    if (absl::Status status = CheckTime(frames.times[i]); !status.ok()) {
      ahead = std::move(status);
      continue;
    }
    const LayoutVersion* const version = &TelemetryState::VersionAt(layout, frames.times[i]);
    if (versions.empty() || versions.back() != version) {
      versions.push_back(version);
      rows.emplace_back();
    }
    rows.back().push_back(static_cast<uint32_t>(i));
  }
  for (const LayoutVersion* const version : versions) {
    const size_t packed = version->frame_bytes() * count;
    const size_t doubles = version->columns.size() * count;
    const bool fits = frames.doubles.empty()
                          ? frames.packed.size() == packed
                          : frames.packed.empty() && frames.doubles.size() == doubles;
    if (!fits) {
      return absl::InvalidArgumentError(absl::StrCat(
          "layout '", frames.layout_id, "', version ", version->version, ": ", count,
          " frames of its ", version->columns.size(), " columns are ", packed, " packed bytes or ",
          doubles, " doubles; got ", frames.packed.size(), " and ", frames.doubles.size()));
    }
    if (!frames.doubles.empty()) TWIN_RETURN_IF_ERROR(CheckDoubles(frames, *version));
  }
  absl::Status lost;
  for (size_t i = 0; i < versions.size(); ++i) {
    AddRun(frames, *versions[i], all ? nullptr : &rows[i], runs);
    const Leads leads = LeadsOf(layout, *versions[i]);
    checked_.sets_properties = checked_.sets_properties || leads.properties;
    // Late frames of an earlier version are of twins that were there.
    if (!leads.lost.empty() && versions[i] == layout.versions.back().get()) {
      lost = absl::NotFoundError(absl::StrCat("layout '", frames.layout_id, "'", leads.lost));
    }
  }
  return ahead.ok() ? lost : ahead;
}

// That a column of decimals gets such decimals, and one of integers integers.
absl::Status TelemetryChecker::CheckDoubles(const FrameBatch& frames,
                                            const LayoutVersion& version) const {
  const size_t count = frames.times.size();
  for (size_t c = 0; c < version.columns.size(); ++c) {
    const ColumnForm& column = version.columns.form(c);
    if (column.kind == ColumnKind::kDouble) continue;
    const bool is_integer = column.kind == ColumnKind::kInt;
    const double power = is_integer ? 1 : kPowersOfTen[column.decimals];
    const double greatest = is_integer ? kExactIntegerMax : kScaledMax;
    for (size_t i = 0; i < count; ++i) {
      const double value = frames.doubles[c * count + i];
      if (!std::isfinite(value)) continue;  // missing
      const double scaled = std::round(value * power);
      if (std::abs(scaled) <= greatest && scaled / power == value) continue;
      return absl::InvalidArgumentError(absl::StrCat("layout '", frames.layout_id, "', column ", c,
                                                     ": ", Value::Double(value).DebugString(60),
                                                     WhyNot(column, scaled, greatest)));
    }
  }
  return absl::OkStatus();
}

void TelemetryChecker::AddRun(const FrameBatch& frames, const LayoutVersion& version,
                              const std::vector<uint32_t>* rows, std::vector<FrameRun>* runs) {
  FrameRun& run = runs->emplace_back();
  run.layout = version.layout;
  run.version = version.version;
  run.is_doubles = !frames.doubles.empty();
  const size_t count = frames.times.size();
  const char* const bytes =
      run.is_doubles ? reinterpret_cast<const char*>(frames.doubles.data()) : frames.packed.data();
  if (rows == nullptr || rows->size() == count) {
    run.times.assign(frames.times.begin(), frames.times.end());
    run.bytes = absl::string_view(
        bytes, run.is_doubles ? frames.doubles.size() * sizeof(double) : frames.packed.size());
  } else {
    std::string some;
    size_t at = 0;
    for (size_t c = 0; c < version.columns.size(); ++c) {
      const size_t width =
          run.is_doubles ? sizeof(double) : BytesOf(version.columns.form(c).encoding);
      for (const uint32_t row : *rows) some.append(bytes + at + row * width, width);
      at += width * count;
    }
    for (const uint32_t row : *rows) run.times.push_back(frames.times[row]);
    texts_.push_back(std::move(some));
    run.bytes = texts_.back();
  }
}

// --- Samples ---

absl::Status TelemetryChecker::CheckForm(const SampleBatch& samples, size_t* rows) const {
  *rows = std::max(samples.twin_ids.size(), samples.times.size());
  absl::flat_hash_set<absl::string_view> paths;
  for (const SampleColumn& column : samples.columns) {
    if (!paths.insert(column.path).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the column '", column.path, "' is there twice; send one of them"));
    }
    const size_t items =
        std::max({column.doubles.size(), column.ints.size(), column.values.size()});
    if (*rows == 1 && samples.twin_ids.size() == 1 && samples.times.size() == 1) *rows = items;
    const int forms = (column.doubles.empty() ? 0 : 1) + (column.ints.empty() ? 0 : 1) +
                      (column.values.empty() ? 0 : 1);
    if (forms != 1 || items != *rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("the column '", column.path, "' has ", items, " values in ", forms,
                       " arrays; it needs one for each of ", *rows, " rows, in one array"));
    }
  }
  const auto suits = [&](size_t items) { return items == 1 || items == *rows; };
  if (*rows == 0 || !suits(samples.twin_ids.size()) || !suits(samples.times.size()) ||
      samples.columns.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "samples of ", samples.twin_ids.size(), " twin ids, ", samples.times.size(), " times and ",
        samples.columns.size(), " columns: ids and times are one of all rows or one of each"));
  }
  if (*rows > static_cast<size_t>(limits_.sample_rows_max)) {
    return absl::ResourceExhaustedError(absl::StrCat(*rows, " rows of samples; sample_rows_max is ",
                                                     limits_.sample_rows_max, "; divide them"));
  }
  return absl::OkStatus();
}

absl::Status TelemetryChecker::CheckSamples(const SampleBatch& samples, SampleRun* run) {
  size_t rows = 0;
  TWIN_RETURN_IF_ERROR(CheckForm(samples, &rows));
  run->columns.resize(samples.columns.size());
  for (size_t c = 0; c < samples.columns.size(); ++c) {
    SampleRun::Column& column = run->columns[c];
    column.path = samples.columns[c].path;
    column.kind = !samples.columns[c].doubles.empty() ? ColumnKind::kDouble
                  : !samples.columns[c].ints.empty()  ? ColumnKind::kInt
                                                      : ColumnKind::kValue;
  }
  std::vector<TwinNumber> twins;
  FindTwins(pending_, samples.twin_ids, &twins);
  if (CheckAtOnce(samples, twins, rows, latest_, pending_, run)) return absl::OkStatus();
  run->twins.clear();
  run->times.clear();
  for (SampleRun::Column& column : run->columns) {
    column.missing.clear();
    column.doubles.clear();
  }
  std::vector<Found> found(samples.columns.size());
  std::vector<Value> values(samples.columns.size());
  std::vector<std::vector<std::string>> encoded(samples.columns.size());
  TwinNumber twin = kNoTwin;
  for (size_t row = 0; row < rows; ++row) {
    if (row == 0 || twins.size() > 1) twin = twins[row];
    const absl::string_view id = samples.twin_ids[samples.twin_ids.size() > 1 ? row : 0];
    const int64_t time = samples.times[samples.times.size() > 1 ? row : 0];
    absl::Status status =
        twin == kNoTwin ? absl::NotFoundError(absl::StrCat("no twin '", id, "'")) : CheckTime(time);
    if (status.ok()) status = CheckLife(id, time);
    if (status.ok()) status = CheckRow(samples, row, twin, &found, &values);
    if (!status.ok()) {
      Reject(static_cast<uint32_t>(row), std::move(status));
      continue;
    }
    run->twins.push_back(twin);
    run->times.push_back(time);
    for (size_t c = 0; c < samples.columns.size(); ++c) {
      const SampleColumn& in = samples.columns[c];
      SampleRun::Column& out = run->columns[c];
      if (out.kind == ColumnKind::kDouble) {
        const graph::ColumnSchema* const schema = found[c].schema;
        out.missing.push_back(std::isnan(in.doubles[row]) ? 1 : 0);
        out.doubles.push_back(schema == nullptr ? in.doubles[row]
                                                : NumberOf(schema->type, in.doubles[row]));
      } else if (out.kind == ColumnKind::kInt) {
        out.missing.push_back(std::binary_search(in.missing.begin(), in.missing.end(), row) ? 1
                                                                                            : 0);
        out.ints.push_back(in.ints[row]);
      } else {
        out.missing.push_back(values[c].is_null() ? 1 : 0);
        values[c].AppendTo(&encoded[c].emplace_back());
      }
    }
  }
  for (size_t c = 0; c < encoded.size(); ++c) {
    SampleRun::Column& out = run->columns[c];
    out.values.reserve(encoded[c].size());
    for (std::string& text : encoded[c]) {
      texts_.push_back(std::move(text));
      out.values.push_back(texts_.back());
    }
  }
  return absl::OkStatus();
}

absl::Status TelemetryChecker::CheckRow(const SampleBatch& samples, size_t row, TwinNumber twin,
                                        std::vector<Found>* found, std::vector<Value>* values) {
  const TableId table = pending_.TableOf(twin);
  for (size_t c = 0; c < samples.columns.size(); ++c) {
    const SampleColumn& column = samples.columns[c];
    Found& place = (*found)[c];
    if (!(place.table == table)) {
      place.table = table;
      place.schema = pending_.SchemaOf(twin).FindColumn(column.path);
      place.is_plain = IsPlain(place.schema) && place.schema->telemetry;
    }
    bool is_missing = false;
    Value value;
    if (!column.doubles.empty()) {
      is_missing = std::isnan(column.doubles[row]);
      if (!is_missing && place.is_plain &&
          std::abs(column.doubles[row]) <= GreatestOf(place.schema->type)) {
        continue;
      }
      value = Value::Double(column.doubles[row]);
    } else if (!column.ints.empty()) {
      is_missing = std::binary_search(column.missing.begin(), column.missing.end(), row);
      value = Value::Int(column.ints[row]);
    } else {
      value = column.values[row];
      is_missing = value.is_null();
    }
    (*values)[c] = Value();
    if (is_missing) continue;
    if (place.schema == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", pending_.IdOf(twin), "' of the model ", pending_.SchemaOf(twin).model_id,
          " has no '", column.path, "'", Suggestion(column.path, pending_.SchemaOf(twin).Paths())));
    }
    if (value.kind() == Value::Kind::kInt) {
      if (place.schema->type == graph::ColumnType::kTime) {
        value = Value::OfTime(Time{value.as_int()});
      } else if (place.schema->type == graph::ColumnType::kBool && value.as_int() >= 0 &&
                 value.as_int() <= 1) {
        value = Value::Bool(value.as_int() == 1);
      }
    }
    TakeByValue(&value);
    TWIN_ASSIGN_OR_RETURN((*values)[c], CheckValue(*place.schema, value, column.path, limits_));
    checked_.sets_properties = checked_.sets_properties || !place.schema->telemetry;
  }
  return absl::OkStatus();
}

absl::Status TelemetryChecker::CheckPublication(const Publication& publication, SampleRun* run) {
  const TwinNumber twin = pending_.FindTwin(publication.twin_id);
  if (twin == kNoTwin)
    return absl::NotFoundError(absl::StrCat("no twin '", publication.twin_id, "'"));
  const graph::TableSchema& table = pending_.SchemaOf(twin);
  const int64_t time = publication.time.has_value() ? publication.time->ns : now_;
  TWIN_RETURN_IF_ERROR(CheckTime(time));
  TWIN_RETURN_IF_ERROR(CheckLife(publication.twin_id, time));
  std::vector<ColumnValue> values;
  TWIN_RETURN_IF_ERROR(FlattenPublication(table, publication.contents, limits_, &values));
  for (const ColumnValue& value : values) {
    const graph::ColumnSchema& column = table.columns[value.column.value];
    checked_.sets_properties = checked_.sets_properties || !column.telemetry;
    SampleRun::Column& out = run->columns.emplace_back();
    out.path = column.path;
    out.kind = ColumnKind::kValue;
    out.missing = {static_cast<uint8_t>(value.value.is_null() ? 1 : 0)};
    value.value.AppendTo(&texts_.emplace_back());
    out.values = {texts_.back()};
  }
  if (!values.empty()) {
    run->twins = {twin};
    run->times = {time};
  }
  return absl::OkStatus();
}

}  // namespace twin::ingest
