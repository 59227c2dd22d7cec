#include "server/engine/reader_values.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace twin::engine {

using query::TypeKind;

namespace {

query::ColumnPage::Stored StoredAs(graph::ColumnType type) {
  using Stored = query::ColumnPage::Stored;
  switch (type) {
    case graph::ColumnType::kBool:
      return Stored::kBool;
    case graph::ColumnType::kInt32:
      return Stored::kInt32;
    case graph::ColumnType::kInt64:
    case graph::ColumnType::kTime:
      return Stored::kInt64;
    case graph::ColumnType::kFloat:
      return Stored::kFloat;
    case graph::ColumnType::kDouble:
      return Stored::kDouble;
    case graph::ColumnType::kString:
      return Stored::kCode;
    case graph::ColumnType::kDocument:
      return Stored::kOther;
  }
  return Stored::kOther;
}

}  // namespace

std::string EtagOf(Sequence version) {
  return absl::StrCat("W/\"", absl::Hex(version.value), "\"");
}

Value DecodeDocument(absl::string_view bytes) {
  Value value;
  const absl::Status status = Value::Decode(&bytes, &value);
  TWIN_CHECK(status.ok()) << status;
  return value;
}

timeseries::WantedAs WantedFor(TypeKind kind) {
  switch (kind) {
    case TypeKind::kDouble:
      return timeseries::WantedAs::kDouble;
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kTime:
      return timeseries::WantedAs::kInt;
    default:
      return timeseries::WantedAs::kValue;
  }
}

Texts::Texts(query::Vector* out) : out_(*out), block_(std::make_shared<query::StringBlock>()) {
  out_.blocks.push_back(block_);
}

void SetValue(const Value& value, size_t row, query::Vector* out) {
  const auto fits = [&] {
    switch (out->kind) {
      case TypeKind::kDouble:
        return value.kind() == Value::Kind::kDouble || value.kind() == Value::Kind::kInt;
      case TypeKind::kBool:
        return value.kind() == Value::Kind::kBool;
      case TypeKind::kInt:
        return value.kind() == Value::Kind::kInt;
      case TypeKind::kTime:
        return value.kind() == Value::Kind::kTime;
      case TypeKind::kString:
        return value.kind() == Value::Kind::kString;
      case TypeKind::kValue:
        return !value.is_null();
      default:
        return false;
    }
  };
  if (!fits()) return out->SetNull(row);
  if (!out->nulls.empty()) out->nulls[row] = 0;
  if (out->kind == TypeKind::kDouble && value.kind() == Value::Kind::kInt) {
    return out->Set(row, Value::Double(static_cast<double>(value.as_int())));
  }
  out->Set(row, value);
}

void ReadPages(const graph::GraphView& view, TableId table, ColumnId column, uint32_t first,
               absl::Span<query::ColumnPage> pages) {
  const auto stored = StoredAs(view.catalog().table(table).columns[column.value].type);
  constexpr size_t kPart = 64;
  const char* bytes[kPart];
  for (size_t i = 0; i < pages.size(); ++i) {
    if (i % kPart == 0) {
      view.ColumnPages(table, column, first + static_cast<uint32_t>(i),
                       absl::MakeSpan(bytes, std::min(kPart, pages.size() - i)));
    }
    const char* page = bytes[i % kPart];
    pages[i] = {.stored = stored,
                .has = reinterpret_cast<const uint8_t*>(page),
                .values = page == nullptr ? nullptr : page + graph::GraphView::kPageRows / 8};
  }
}

}  // namespace twin::engine
