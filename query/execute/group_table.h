// Numbers for groups of rows that have the same keys: 0, 1, … in the order of their first rows.
// Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_GROUP_TABLE_H_
#define TWIN_QUERY_EXECUTE_GROUP_TABLE_H_

#include <cstdint>
#include <vector>

#include "query/execute/vector.h"

namespace twin::query {

// Thread-compatible.
class GroupTable {
 public:
  // depends[i]: key i follows from the others and is not compared. `distinct`: every row has other
  // keys, and is a group of its own.
  explicit GroupTable(std::vector<bool> depends, bool distinct = false);

  // Sets groups[i] for each row; new groups are added.
  void Find(const std::vector<Vector>& keys, size_t rows, std::vector<uint32_t>* groups);

  size_t groups() const { return groups_; }
  // Keys of the groups, by group.
  std::vector<Vector>& keys() { return keys_; }
  const std::vector<Vector>& keys() const { return keys_; }
  size_t bytes() const;

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;

  void FindByTwin(const Vector& twins, size_t rows, std::vector<uint32_t>* groups);
  void FindByHash(const std::vector<Vector>& keys, size_t rows, std::vector<uint32_t>* groups);
  bool Same(const std::vector<Vector>& keys, size_t row, uint32_t group) const;
  void Grow();
  void AppendNew(const std::vector<Vector>& keys);

  const std::vector<bool> depends_;
  const bool distinct_;
  std::vector<size_t> compared_;  // indexes of keys
  std::vector<Vector> keys_;
  std::vector<uint64_t> hashes_;   // by group
  std::vector<uint32_t> slots_;    // open addressing: a group, or kEmpty
  std::vector<uint32_t> by_twin_;  // one key that is a twin: its group, or kEmpty
  std::vector<uint32_t> new_rows_;
  std::vector<uint64_t> row_hashes_;
  size_t groups_ = 0;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_GROUP_TABLE_H_
