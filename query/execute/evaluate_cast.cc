// Values as another type.
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "server/base/json_string.h"
#include "server/base/status_macros.h"
#include "server/base/time.h"

namespace twin::query {
namespace {

void IntsToDoubles(Vector* vector) {
  vector->doubles.resize(vector->rows);
  for (size_t i = 0; i < vector->rows; ++i) {
    vector->doubles[i] = static_cast<double>(vector->ints[i]);
  }
  vector->ints.clear();
  vector->kind = TypeKind::kDouble;
}

// As results show them.
void DurationsToSeconds(Vector* vector) {
  IntsToDoubles(vector);
  for (double& seconds : vector->doubles) seconds /= kNsPerSecond;
}

// Twins become their $dtId, relationships their $relationshipId.
void ReadIds(const Frame& frame, Vector* vector) {
  std::vector<uint32_t> filled;
  std::vector<uint32_t> numbers;
  for (size_t i = 0; i < vector->rows; ++i) {
    if (vector->IsNull(i)) continue;
    filled.push_back(static_cast<uint32_t>(i));
    numbers.push_back(vector->numbers[i]);
  }
  Vector ids;
  if (vector->kind == TypeKind::kTwin) {
    frame.context.graph->ReadField(numbers, Field::kId, &ids);
  } else {
    frame.context.graph->ReadRelationshipField(numbers, Field::kId, &ids);
  }
  Vector out;
  out.Reset(TypeKind::kString, vector->rows);
  if (numbers.size() < vector->rows) out.nulls.assign(vector->rows, 1);
  out.Scatter(ids, filled);
  *vector = std::move(out);
}

void AppendJson(const Value& value, std::string* text) {
  const char* separator = "";
  switch (value.kind()) {
    case Value::Kind::kArray:
      text->push_back('[');
      for (const Value& item : value.as_array()) {
        text->append(separator);
        AppendJson(item, text);
        separator = ",";
      }
      text->push_back(']');
      break;
    case Value::Kind::kMap:
      text->push_back('{');
      for (const ValueMember& member : value.as_map()) {
        text->append(separator);
        AppendJsonString(member.first, text);
        text->push_back(':');
        AppendJson(member.second, text);
        separator = ",";
      }
      text->push_back('}');
      break;
    case Value::Kind::kNull:
      text->append("null");
      break;
    case Value::Kind::kString:
    case Value::Kind::kTime: {
      std::string inner;
      AppendText(ItemOf(value), &inner);
      AppendJsonString(inner, text);
      break;
    }
    case Value::Kind::kDouble:
      if (std::isfinite(value.as_double())) {
        AppendText(ItemOf(value), text);
      } else {
        text->append("null");
      }
      break;
    default:
      AppendText(ItemOf(value), text);
      break;
  }
}

void SetInt(const Item& item, size_t row, Vector* out) {
  int64_t integer = item.integer;
  if (item.kind == Value::Kind::kDouble) {
    if (!RoundToInt(item.number, &integer) || OrderIntDouble(integer, item.number) != 0) {
      out->SetNull(row);
      return;
    }
  } else if (item.kind != Value::Kind::kInt) {
    out->SetNull(row);
    return;
  }
  out->ints[row] = integer;
}

void SetText(const Item& item, size_t row, Vector* out) {
  if (item.kind == Value::Kind::kString) {
    out->Set(row, Value::String(item.text));
    return;
  }
  std::string text;
  AppendText(item, &text);
  out->Set(row, Value::String(text));
}

}  // namespace

void SetItem(const Item& item, size_t row, Vector* out) {
  if (item.is_null()) {
    out->SetNull(row);
    return;
  }
  switch (out->kind) {
    case TypeKind::kNull:
      return;
    case TypeKind::kBool:
      if (item.kind != Value::Kind::kBool) break;
      out->bools[row] = item.integer != 0 ? 1 : 0;
      return;
    case TypeKind::kDuration:
      if (item.kind == Value::Kind::kString) {
        const absl::StatusOr<int64_t> length = ParseDuration(item.text);
        if (!length.ok()) break;
        out->ints[row] = *length;
        return;
      }
      SetInt(item, row, out);
      return;
    case TypeKind::kInt:
      SetInt(item, row, out);
      return;
    case TypeKind::kDouble:
      if (!item.is_number()) break;
      out->doubles[row] = item.as_double();
      return;
    case TypeKind::kString:
      SetText(item, row, out);
      return;
    case TypeKind::kTime:
      if (item.kind == Value::Kind::kTime) {
        out->ints[row] = item.integer;
        return;
      }
      if (item.kind == Value::Kind::kString) {
        const absl::StatusOr<Time> time = ParseTimeOrDate(item.text);
        if (!time.ok()) break;
        out->ints[row] = time->ns;
        return;
      }
      break;
    case TypeKind::kValue:
      out->values[row] = ToValue(item);
      return;
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      if (item.kind != Value::Kind::kInt) break;
      out->numbers[row] = static_cast<uint32_t>(item.integer);
      return;
    case TypeKind::kPath:
      break;
  }
  out->SetNull(row);
}

absl::StatusOr<Time> ParseTimeOrDate(absl::string_view text) {
  constexpr size_t kDateLength = 10;  // 2026-03-01
  if (text.size() == kDateLength) return ParseTime(absl::StrCat(text, "T00:00:00Z"));
  return ParseTime(text);
}

void AppendText(const Item& item, std::string* text) {
  switch (item.kind) {
    case Value::Kind::kNull:
      break;
    case Value::Kind::kBool:
      text->append(item.integer != 0 ? "true" : "false");
      break;
    case Value::Kind::kInt:
      absl::StrAppend(text, item.integer);
      break;
    case Value::Kind::kDouble: {
      char digits[32];
      const auto end = std::to_chars(digits, digits + sizeof(digits), item.number);
      text->append(digits, end.ptr);
      break;
    }
    case Value::Kind::kString:
      text->append(item.text.data(), item.text.size());
      break;
    case Value::Kind::kTime:
      text->append(FormatTime(Time{item.integer}));
      break;
    case Value::Kind::kArray:
    case Value::Kind::kMap:
      AppendJson(*item.value, text);
      break;
  }
}

absl::Status CastTo(TypeKind kind, const Frame& frame, Vector* vector) {
  if (vector->kind == kind || vector->kind == TypeKind::kNull) return absl::OkStatus();
  if (kind == TypeKind::kNull) {
    vector->Reset(kind, vector->rows);
    return absl::OkStatus();
  }
  const bool number = vector->kind == TypeKind::kInt;
  if (kind == TypeKind::kDouble && number) {
    IntsToDoubles(vector);
    return absl::OkStatus();
  }
  if ((vector->kind == TypeKind::kTwin || vector->kind == TypeKind::kRelationship) &&
      (kind == TypeKind::kValue || kind == TypeKind::kString)) {
    ReadIds(frame, vector);
    return CastTo(kind, frame, vector);
  }
  const bool mixes = kind == TypeKind::kValue || kind == TypeKind::kString;
  if (vector->kind == TypeKind::kDuration && mixes) DurationsToSeconds(vector);
  Vector out;
  out.Reset(kind, vector->rows);
  for (size_t i = 0; i < vector->rows; ++i) {
    if (vector->kind == TypeKind::kPath) {
      SetItem(ItemOf(vector->Get(i)), i, &out);
    } else {
      SetItem(ItemAt(*vector, i), i, &out);
    }
  }
  *vector = std::move(out);
  return absl::OkStatus();
}

absl::Status CastTo(TypeKind kind, const Frame& frame, Operand* operand) {
  if (operand->vector().kind == kind || operand->vector().kind == TypeKind::kNull) {
    return absl::OkStatus();
  }
  const bool constant = operand->constant();
  Vector vector;
  operand->MoveTo(operand->vector().rows, &vector);
  TWIN_RETURN_IF_ERROR(CastTo(kind, frame, &vector));
  *operand->Own(constant) = std::move(vector);
  return absl::OkStatus();
}

absl::Status EvalCast(const BoundExpr& expr, const Frame& frame, Operand* out) {
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, out));
  return CastTo(expr.type.kind, frame, out);
}

}  // namespace twin::query
