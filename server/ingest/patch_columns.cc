#include "server/ingest/patch_columns.h"

#include <bit>
#include <string>

#include "server/ingest/check_value.h"
#include "server/ingest/operation.h"

namespace twin::ingest {
namespace {

uint64_t BitsOf(const Value& value) {
  if (value.kind() == Value::Kind::kDouble) return std::bit_cast<uint64_t>(value.as_double());
  if (value.kind() == Value::Kind::kInt) return static_cast<uint64_t>(value.as_int());
  return value.as_bool() ? 1 : 0;
}

}  // namespace

void PatchColumns::Reserve(size_t rows, size_t id_bytes) {
  ids_.reserve(id_bytes);
  id_ends_.reserve(rows);
  bits_.reserve(rows * columns_.size());
}

bool PatchColumns::Add(absl::string_view id, absl::Span<const Value> values) {
  if (values.size() != columns_.size()) return false;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind() != columns_[i].kind) return false;
  }
  ids_.append(id.data(), id.size());
  id_ends_.push_back(ids_.size());
  for (const Value& value : values) bits_.push_back(BitsOf(value));
  return true;
}

Value PatchColumns::Get(size_t row, size_t column) const {
  const uint64_t bits = bits_[row * columns_.size() + column];
  switch (columns_[column].kind) {
    case Value::Kind::kDouble:
      return Value::Double(std::bit_cast<double>(bits));
    case Value::Kind::kInt:
      return Value::Int(static_cast<int64_t>(bits));
    default:
      return Value::Bool(bits != 0);
  }
}

PatchTwin RowOf(const PatchColumns& patches, size_t row) {
  PatchTwin patch;
  patch.id = std::string(patches.Id(row));
  patch.edits.reserve(patches.columns().size());
  for (size_t i = 0; i < patches.columns().size(); ++i) {
    Edit& edit = patch.edits.emplace_back();
    edit.path = patches.columns()[i].path;
    edit.value = patches.Get(row, i);
    TakeByValue(&edit.value);
  }
  return patch;
}

uint64_t PatchColumns::bytes() const {
  return ids_.capacity() + sizeof(size_t) * id_ends_.capacity() +
         sizeof(uint64_t) * bits_.capacity();
}

}  // namespace twin::ingest
