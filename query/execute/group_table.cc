#include "query/execute/group_table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "query/execute/evaluate.h"

namespace twin::query {

GroupTable::GroupTable(std::vector<bool> depends, bool distinct)
    : depends_(std::move(depends)), distinct_(distinct), keys_(depends_.size()) {
  for (size_t i = 0; i < depends_.size(); ++i) {
    if (!depends_[i]) compared_.push_back(i);
  }
}

void GroupTable::Find(const std::vector<Vector>& keys, size_t rows, std::vector<uint32_t>* groups) {
  groups->resize(rows);
  new_rows_.clear();
  if (distinct_) {
    std::iota(groups->begin(), groups->end(), static_cast<uint32_t>(groups_));
    groups_ += rows;
    for (size_t i = 0; i < keys.size(); ++i) keys_[i].Append(keys[i]);
    return;
  }
  if (compared_.empty()) {
    if (groups_ == 0 && rows > 0) {
      new_rows_.push_back(0);
      groups_ = 1;
    }
    std::fill(groups->begin(), groups->end(), 0);
  } else if (compared_.size() == 1 && keys[compared_[0]].kind == TypeKind::kTwin &&
             keys[compared_[0]].nulls.empty() && slots_.empty()) {
    FindByTwin(keys[compared_[0]], rows, groups);
  } else {
    FindByHash(keys, rows, groups);
  }
  AppendNew(keys);
}

void GroupTable::AppendNew(const std::vector<Vector>& keys) {
  if (new_rows_.empty()) return;
  for (size_t i = 0; i < keys.size(); ++i) keys_[i].Append(keys[i], new_rows_);
}

void GroupTable::FindByTwin(const Vector& twins, size_t rows, std::vector<uint32_t>* groups) {
  uint32_t last_twin = 0, last_group = kEmpty;
  for (size_t row = 0; row < rows; ++row) {
    const uint32_t twin = twins.numbers[row];
    if (twin != last_twin || last_group == kEmpty) {
      if (by_twin_.size() <= twin) {
        by_twin_.resize(std::max<size_t>(twin + 1, by_twin_.size() * 2), kEmpty);
      }
      if (by_twin_[twin] == kEmpty) {
        by_twin_[twin] = static_cast<uint32_t>(groups_++);
        new_rows_.push_back(static_cast<uint32_t>(row));
      }
      last_twin = twin;
      last_group = by_twin_[twin];
    }
    (*groups)[row] = last_group;
  }
}

bool GroupTable::Same(const std::vector<Vector>& keys, size_t row, uint32_t group) const {
  return std::all_of(compared_.begin(), compared_.end(), [&](size_t key) {
    // Groups of this call are not in keys_ yet: their first rows are.
    const size_t known = keys_[key].rows;
    return group < known ? Equal(keys[key], row, keys_[key], group)
                         : Equal(keys[key], row, keys[key], new_rows_[group - known]);
  });
}

void GroupTable::FindByHash(const std::vector<Vector>& keys, size_t rows,
                            std::vector<uint32_t>* groups) {
  if (slots_.empty()) {  // Maybe by twins until now.
    hashes_.assign(groups_, 0);
    for (const size_t key : compared_) Hash(keys_[key], &hashes_);
    by_twin_.clear();
    Grow();
  }
  row_hashes_.assign(rows, 0);
  for (const size_t key : compared_) Hash(keys[key], &row_hashes_);
  for (size_t row = 0; row < rows; ++row) {
    if (hashes_.size() * 2 >= slots_.size()) Grow();
    size_t slot = row_hashes_[row] & (slots_.size() - 1);
    while (slots_[slot] != kEmpty &&
           (hashes_[slots_[slot]] != row_hashes_[row] || !Same(keys, row, slots_[slot]))) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    if (slots_[slot] == kEmpty) {
      slots_[slot] = static_cast<uint32_t>(groups_++);
      hashes_.push_back(row_hashes_[row]);
      new_rows_.push_back(static_cast<uint32_t>(row));
    }
    (*groups)[row] = slots_[slot];
  }
}

void GroupTable::Grow() {
  size_t size = std::max<size_t>(64, slots_.size() * 2);
  while (size < hashes_.size() * 4) size *= 2;
  slots_.assign(size, kEmpty);
  for (uint32_t group = 0; group < hashes_.size(); ++group) {
    size_t slot = hashes_[group] & (size - 1);
    while (slots_[slot] != kEmpty) slot = (slot + 1) & (size - 1);
    slots_[slot] = group;
  }
}

size_t GroupTable::bytes() const {
  size_t bytes = hashes_.capacity() * sizeof(uint64_t) +
                 (slots_.capacity() + by_twin_.capacity()) * sizeof(uint32_t);
  for (const Vector& key : keys_) bytes += key.bytes();
  return bytes;
}

}  // namespace twin::query
