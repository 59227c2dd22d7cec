#include "server/ingest/patch_columns.h"

#include <string>

#include "server/ingest/check_value.h"
#include "server/ingest/operation.h"
#include "server/ingest/rows_change.h"

namespace twin::ingest {
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
  uint64_t bits[kColumnsMax];
  for (size_t i = 0; i < values.size(); ++i) bits[i] = BitsOf(values[i]);
  Add(id, bits);
  return true;
}

void PatchColumns::Add(absl::string_view id, const uint64_t* bits) {
  ids_.append(id.data(), id.size());
  id_ends_.push_back(ids_.size());
  bits_.insert(bits_.end(), bits, bits + columns_.size());
}

Value PatchColumns::Get(size_t row, size_t column) const {
  return ValueOf(columns_[column].kind, Bits(row, column));
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
