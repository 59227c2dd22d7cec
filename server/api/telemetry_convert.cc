#include "server/api/telemetry_convert.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/convert.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

// The numbers of the enumeration are those of ingest::Encoding.
static_assert(static_cast<int>(ingest::Encoding::kDouble) == pb::DOUBLE);
static_assert(static_cast<int>(ingest::Encoding::kFloat) == pb::FLOAT);
static_assert(static_cast<int>(ingest::Encoding::kInt16) == pb::INT16);
static_assert(static_cast<int>(ingest::Encoding::kInt32) == pb::INT32);
static_assert(static_cast<int>(ingest::Encoding::kUint16) == pb::UINT16);
static_assert(static_cast<int>(ingest::Encoding::kUint8) == pb::UINT8);
static_assert(static_cast<int>(ingest::Encoding::kInt64) == pb::INT64);

void FillColumn(const ingest::LayoutColumn& column, pb::LayoutColumn* message) {
  for (const ingest::LayoutTarget& target : column.targets) {
    pb::LayoutTarget* const to = message->add_targets();
    to->set_twin_id(target.twin_id);
    to->set_path(target.path);
  }
  if (column.has_rule) {
    pb::ArrayRule* const rule = message->mutable_rule();
    rule->set_twin_id(column.rule.twin_id);
    for (const std::string& step : column.rule.steps) rule->add_steps(step);
    rule->set_path(column.rule.path);
    rule->set_count(column.rule.count);
    rule->set_shared_by(column.rule.shared_by);
    rule->set_shared_path(column.rule.shared_path);
  }
  message->set_encoding(static_cast<pb::Encoding>(column.encoding));
  message->set_scale(column.scale);
  message->set_offset(column.offset);
  message->mutable_invalid_codes()->Add(column.invalid_codes.begin(), column.invalid_codes.end());
}

}  // namespace

absl::StatusOr<ingest::Layout> ToLayout(const pb::Layout& message) {
  ingest::Layout layout;
  layout.id = message.id();
  layout.columns.reserve(static_cast<size_t>(message.columns_size()));
  for (const pb::LayoutColumn& from : message.columns()) {
    ingest::LayoutColumn& column = layout.columns.emplace_back();
    if (from.encoding() < 0 || from.encoding() >= ingest::kEncodings) {
      return absl::InvalidArgumentError(absl::StrCat("layout.columns[", layout.columns.size() - 1,
                                                     "].encoding: no encoding ",
                                                     static_cast<int>(from.encoding())));
    }
    for (const pb::LayoutTarget& target : from.targets()) {
      column.targets.push_back({target.twin_id(), target.path()});
    }
    column.has_rule = from.has_rule();
    if (from.has_rule()) {
      const pb::ArrayRule& rule = from.rule();
      column.rule.twin_id = rule.twin_id();
      column.rule.steps.assign(rule.steps().begin(), rule.steps().end());
      column.rule.path = rule.path();
      column.rule.count = rule.count();
      column.rule.shared_by = rule.shared_by();
      column.rule.shared_path = rule.shared_path();
    }
    column.encoding = static_cast<ingest::Encoding>(from.encoding());
    column.scale = from.scale() == 0 ? 1 : from.scale();
    column.offset = from.offset();
    column.invalid_codes.assign(from.invalid_codes().begin(), from.invalid_codes().end());
  }
  return layout;
}

void FillLayout(const ingest::Layout& layout, pb::Layout* message) {
  message->set_id(layout.id);
  for (const ingest::LayoutColumn& column : layout.columns) {
    FillColumn(column, message->add_columns());
  }
}

void FillResolved(const ingest::LayoutVersion& version, const graph::GraphView& view,
                  pb::LayoutVersion* message) {
  for (size_t c = 0; c < version.columns.size(); ++c) {
    pb::LayoutColumn* const to = message->add_resolved();
    for (const ingest::ColumnTarget target : version.columns.targets(c)) {
      if (!view.Exists(target.twin)) continue;
      pb::LayoutTarget* const one = to->add_targets();
      one->set_twin_id(std::string(view.IdOf(target.twin)));
      one->set_path(std::string(target.path));
    }
    const ingest::ColumnForm& form = version.columns.form(c);
    to->set_encoding(static_cast<pb::Encoding>(form.encoding));
    to->set_scale(form.scale);
    to->set_offset(form.offset);
    to->mutable_invalid_codes()->Add(form.invalid_codes.begin(), form.invalid_codes.end());
  }
}

void FillResponse(const std::string& id, const ingest::LayoutResult& result,
                  pb::RegisterLayoutResponse* response) {
  response->set_id(id);
  response->set_version(result.version);
  response->set_valid_from_unix_nano(result.valid_from.ns);
  response->set_columns(result.columns);
  response->set_unresolved(result.unresolved);
  for (const std::string& note : result.notes) response->add_notes(note);
  FillPosition(result.sequence, response->mutable_position());
}

ingest::FrameBatch ToFrames(const pb::FrameBatch& message) {
  ingest::FrameBatch frames;
  frames.layout_id = message.layout_id();
  frames.times = absl::MakeConstSpan(message.times_unix_nano().data(),
                                     static_cast<size_t>(message.times_unix_nano_size()));
  frames.packed = message.packed();
  frames.doubles =
      absl::MakeConstSpan(message.doubles().data(), static_cast<size_t>(message.doubles_size()));
  return frames;
}

absl::StatusOr<ingest::SampleBatch> ToSamples(const pb::SampleBatch& message) {
  ingest::SampleBatch samples;
  samples.twin_ids.assign(message.twin_ids().begin(), message.twin_ids().end());
  samples.times = absl::MakeConstSpan(message.times_unix_nano().data(),
                                      static_cast<size_t>(message.times_unix_nano_size()));
  samples.columns.reserve(static_cast<size_t>(message.columns_size()));
  for (const pb::SampleColumn& from : message.columns()) {
    ingest::SampleColumn& column = samples.columns.emplace_back();
    column.path = from.path();
    column.doubles =
        absl::MakeConstSpan(from.doubles().data(), static_cast<size_t>(from.doubles_size()));
    column.ints = absl::MakeConstSpan(from.ints().data(), static_cast<size_t>(from.ints_size()));
    column.missing.assign(from.missing().begin(), from.missing().end());
    if (from.strings_size() > 0 && from.values_size() > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the column '", from.path(), "' has strings and values; send one of them"));
    }
    column.values.reserve(static_cast<size_t>(from.strings_size() + from.values_size()));
    for (const std::string& text : from.strings()) column.values.push_back(Value::String(text));
    for (const uint32_t row : from.missing()) {
      if (from.strings_size() > 0 && row < column.values.size()) column.values[row] = Value();
    }
    for (const pb::Value& value : from.values()) {
      TWIN_ASSIGN_OR_RETURN(Value converted, FromProto(value));
      column.values.push_back(std::move(converted));
    }
  }
  return samples;
}

void FillReject(uint64_t batch_number, uint32_t index, const absl::Status& status,
                pb::Reject* message) {
  message->set_batch_number(batch_number);
  message->set_index(index);
  message->set_message(std::string(status.message()));
  message->set_code(static_cast<int>(status.code()));
}

}  // namespace twin::api
