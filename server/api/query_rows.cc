#include "server/api/query_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/dtdl/model.h"
#include "server/api/json.h"
#include "server/base/time.h"

namespace twin::api {
namespace {

namespace pb = ::twingraph::v1;
using query::Batch;
using query::TypeKind;
using query::Vector;

constexpr size_t kPreparedRows = 64;    // whose documents are written at once
constexpr size_t kPlainRows = 1 << 16;  // without documents

bool IsDocument(TypeKind kind) {
  return kind == TypeKind::kTwin || kind == TypeKind::kRelationship || kind == TypeKind::kPath;
}

pb::QueryColumn::Type TypeOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kNull:
      return pb::QueryColumn::NULL_TYPE;
    case TypeKind::kBool:
      return pb::QueryColumn::BOOL;
    case TypeKind::kInt:
      return pb::QueryColumn::INT;
    case TypeKind::kDouble:
      return pb::QueryColumn::DOUBLE;
    case TypeKind::kString:
      return pb::QueryColumn::STRING;
    case TypeKind::kTime:
      return pb::QueryColumn::TIME;
    case TypeKind::kDuration:
      return pb::QueryColumn::DURATION;
    case TypeKind::kValue:
      return pb::QueryColumn::VALUE;
    case TypeKind::kTwin:
      return pb::QueryColumn::TWIN;
    case TypeKind::kRelationship:
      return pb::QueryColumn::RELATIONSHIP;
    case TypeKind::kPath:
      return pb::QueryColumn::PATH;
  }
  return pb::QueryColumn::NULL_TYPE;
}

}  // namespace

void AppendJson(const Vector& vector, size_t row, std::string* text) {
  switch (vector.kind) {
    case TypeKind::kBool:
      text->append(vector.bools[row] != 0 ? "true" : "false");
      break;
    case TypeKind::kInt:
      absl::StrAppend(text, vector.ints[row]);
      break;
    case TypeKind::kDouble:
      AppendJson(Value::Double(vector.doubles[row]), text);
      break;
    case TypeKind::kString:
      AppendJsonString(vector.strings[row], text);
      break;
    case TypeKind::kTime:
      absl::StrAppend(text, "\"", FormatTime(Time{vector.ints[row]}), "\"");
      break;
    case TypeKind::kDuration:  // in seconds
      AppendJson(Value::Double(static_cast<double>(vector.ints[row]) / 1e9), text);
      break;
    case TypeKind::kValue:
      AppendJson(vector.values[row], text);
      break;
    case TypeKind::kNull:
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
    case TypeKind::kPath:
      text->append("null");
      break;
  }
}

RowWriter::RowWriter(std::vector<query::ResultColumn> columns, const query::GraphReader* graph,
                     const Options& options)
    : columns_(std::move(columns)),
      options_(options),
      writer_(graph, options.documents),
      documents_(columns_.size()) {
  for (const query::ResultColumn& column : columns_) {
    AppendJsonString(column.name, &keys_.emplace_back());
    keys_.back().push_back(':');
    has_documents_ = has_documents_ || IsPrepared(column.type.kind);
  }
}

bool RowWriter::IsPrepared(TypeKind kind) const {
  return IsDocument(kind) || (kind == TypeKind::kValue && !is_json());
}

void RowWriter::Prepare(const Batch& batch, size_t first, size_t end) {
  if (!has_documents_) return;
  const size_t count = end - first;
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Vector& vector = batch.slots[c];
    if (!IsPrepared(vector.kind)) continue;
    if (vector.kind == TypeKind::kValue) {
      documents_[c].assign(count, "");
      for (size_t i = 0; i < count; ++i) {
        if (!vector.IsNull(first + i)) AppendJson(vector, first + i, &documents_[c][i]);
      }
      continue;
    }
    if (vector.kind == TypeKind::kPath) {
      std::vector<const query::PathValue*> paths(count, nullptr);
      for (size_t i = 0; i < count; ++i) {
        if (!vector.IsNull(first + i)) paths[i] = &vector.paths[first + i];
      }
      writer_.Paths(paths, &documents_[c]);
      continue;
    }
    std::vector<uint32_t> numbers;
    std::vector<size_t> rows;
    for (size_t i = 0; i < count; ++i) {
      if (vector.IsNull(first + i)) continue;
      numbers.push_back(vector.numbers[first + i]);
      rows.push_back(i);
    }
    std::vector<std::string> found;
    if (vector.kind == TypeKind::kTwin) {
      writer_.Twins(numbers, &found);
    } else {
      writer_.Relationships(numbers, &found);
    }
    documents_[c].assign(count, "");
    for (size_t i = 0; i < rows.size(); ++i) documents_[c][rows[i]] = std::move(found[i]);
  }
}

void RowWriter::AppendJsonRow(const Batch& batch, size_t row, size_t prepared, std::string* text) {
  const bool whole = columns_.size() == 1 && columns_[0].whole_row;
  bool first = true;
  if (!whole) text->push_back('{');
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Vector& vector = batch.slots[c];
    const bool absent = vector.IsNull(row);
    if (!whole) {
      if (absent && options_.leave_out_absent) continue;
      if (!first) text->push_back(',');
      text->append(keys_[c]);
    }
    first = false;
    if (absent) {
      text->append("null");
    } else if (IsDocument(vector.kind)) {
      text->append(documents_[c][prepared]);
    } else {
      AppendJson(vector, row, text);
    }
  }
  text->append(whole ? "\n" : "}\n");
}

size_t RowWriter::ColumnBytes(const Batch& batch, size_t row, size_t prepared) const {
  size_t bytes = 8 * columns_.size();
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Vector& vector = batch.slots[c];
    if (IsPrepared(vector.kind)) {
      bytes += documents_[c][prepared].size();
    } else if (vector.kind == TypeKind::kString && !vector.IsNull(row)) {
      bytes += vector.strings[row].size();
    }
  }
  return bytes;
}

void RowWriter::AppendColumns(const Batch& batch, size_t first, size_t end,
                              pb::ColumnBatch* message) {
  const size_t at = message->rows();
  while (message->columns_size() < static_cast<int>(columns_.size())) message->add_columns();
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Vector& vector = batch.slots[c];
    const TypeKind kind = columns_[c].type.kind;
    if (kind == TypeKind::kNull) continue;
    pb::ColumnValues& values = *message->mutable_columns(static_cast<int>(c));
    const bool may_be_null = vector.kind == TypeKind::kNull || !vector.nulls.empty();
    for (size_t row = first; may_be_null && row < end; ++row) {
      if (!vector.IsNull(row)) continue;
      const size_t bit = at + row - first;
      std::string* nulls = values.mutable_nulls();
      nulls->resize(bit / 8 + 1);
      (*nulls)[bit / 8] = static_cast<char>((*nulls)[bit / 8] | 1 << (bit % 8));
    }
    const auto is_null = [&](size_t row) { return may_be_null && vector.IsNull(row); };
    switch (kind) {
      case TypeKind::kNull:
        break;
      case TypeKind::kBool:
        for (size_t row = first; row < end; ++row) {
          values.add_bools(!is_null(row) && vector.bools[row] != 0);
        }
        break;
      case TypeKind::kInt:
      case TypeKind::kTime:
      case TypeKind::kDuration:
        for (size_t row = first; row < end; ++row) {
          values.add_ints(is_null(row) ? 0 : vector.ints[row]);
        }
        break;
      case TypeKind::kDouble:
        for (size_t row = first; row < end; ++row) {
          values.add_doubles(is_null(row) ? 0 : vector.doubles[row]);
        }
        break;
      case TypeKind::kString:
        for (size_t row = first; row < end; ++row) {
          std::string* text = values.add_strings();
          if (!is_null(row)) text->assign(vector.strings[row].data(), vector.strings[row].size());
        }
        break;
      case TypeKind::kValue:
      case TypeKind::kTwin:
      case TypeKind::kRelationship:
      case TypeKind::kPath:
        for (size_t row = first; row < end; ++row) {
          std::string* json = values.add_json();
          if (!is_null(row)) *json = std::move(documents_[c][row - first]);
        }
        break;
    }
  }
  message->set_rows(static_cast<uint32_t>(at + end - first));
}

size_t RowWriter::Append(const Batch& batch, size_t first, size_t end, size_t bytes_max,
                         pb::QueryResponse* message) {
  if (!is_json() && message->batch().rows() == 0) column_bytes_ = 0;
  size_t row = first;
  while (row < end) {
    const size_t begin = row;
    const size_t prepared_end = std::min(end, row + (has_documents_ ? kPreparedRows : kPlainRows));
    Prepare(batch, row, prepared_end);
    if (is_json()) {
      for (; row < prepared_end && message->rows().size() < bytes_max; ++row) {
        AppendJsonRow(batch, row, row - begin, message->mutable_rows());
      }
      if (message->rows().size() >= bytes_max) break;
    } else {
      for (; row < prepared_end && column_bytes_ < bytes_max; ++row) {
        column_bytes_ += ColumnBytes(batch, row, row - begin);
      }
      AppendColumns(batch, begin, row, message->mutable_batch());
      if (column_bytes_ >= bytes_max) break;
    }
  }
  return row;
}

void RowWriter::FillColumns(absl::Span<const query::ResultColumn> columns,
                            google::protobuf::RepeatedPtrField<pb::QueryColumn>* messages) {
  for (const query::ResultColumn& column : columns) {
    pb::QueryColumn* message = messages->Add();
    message->set_name(column.name);
    message->set_type(TypeOf(column.type.kind));
    message->set_whole_row(column.whole_row);
    if (column.type.unit != nullptr) message->set_unit(std::string(column.type.unit->name));
  }
}

}  // namespace twin::api
