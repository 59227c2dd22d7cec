// For tests: a store beside a reference of std::maps, with a journal to replay and a checkpoint in
// memory.
#ifndef TWIN_TESTS_SUPPORT_HISTORY_WORLD_H_
#define TWIN_TESTS_SUPPORT_HISTORY_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/base/value.h"
#include "server/timeseries/store.h"
#include "tests/support/faulty_file.h"

namespace twin::timeseries {

// Rows of one group that own what they hold.
struct OwnedRows {
  GroupId group;
  std::vector<int64_t> times;
  std::vector<uint64_t> sequences;
  struct Column {
    ColumnKind kind = ColumnKind::kDouble;
    uint8_t decimals = 0;
    std::vector<int32_t> scaled;
    std::vector<int64_t> ints;
    std::vector<double> doubles;
    std::vector<std::string> values;
    std::vector<uint8_t> missing;
  };
  std::vector<Column> columns;

  void AppendTo(Store* store) const;
  // What the reference expects of a row.
  Value ValueAt(size_t column, size_t row) const;
};

// Everything that was ever appended, and what was dropped.
class Reference {
 public:
  struct Drop {
    int64_t before = 0;
    uint64_t sequence = 0;
  };
  void Add(const GroupSpec& spec, const OwnedRows& rows);
  void DropBefore(int64_t before, uint64_t sequence) { drops_.push_back({before, sequence}); }
  size_t drops() const { return drops_.size(); }
  // The samples of a series at a sequence, as after the first `drops` of them.
  std::map<int64_t, Value> Samples(SeriesKey key, uint64_t sequence, size_t drops) const;

 private:
  std::map<std::pair<uint32_t, uint32_t>, std::map<int64_t, std::map<uint64_t, Value>>> samples_;
  std::vector<Drop> drops_;
};

class HistoryWorld {
 public:
  // Of few twins most series come in several layouts; of many, layouts have many series, most of
  // them in no other one.
  static constexpr uint32_t kFewTwins = 8;
  HistoryWorld(uint64_t seed, uint32_t block_rows, uint32_t twins = kFewTwins);

  Store& store() { return *store_; }
  testing::FaultyFileSystem& disk() { return disk_; }
  std::mt19937_64& random() { return random_; }
  uint64_t Random(uint64_t below) { return random_() % below; }
  uint64_t sequence() const { return sequence_; }

  // One random step of the writer: rows in order, late, again, of several layouts.
  void Step();
  void AppendSome();
  void AddLayout();
  void Drop();
  // False: it failed; what was durable before is.
  bool Checkpoint(bool everything);
  // The same, with days dropped between its pinning and its end; and one more.
  bool CheckpointWithDrop();
  // Re-packs a day that some random time is behind, or the first one of all, if there is any.
  absl::Status PackDay(bool any = true);
  // Merges the files of the first day of which that is worth it.
  absl::Status MergeDay();
  // A new store from the last checkpoint and the journal.
  absl::Status Reload();
  // A random read of a random snapshot against the reference.
  void CompareSome();
  void PinSome();
  void UnpinAll() { pinned_.clear(); }
  void CompareAll();
  ReadRequest RandomRequest();

 private:
  struct Pinned {
    std::shared_ptr<const Snapshot> snapshot;
    size_t drops = 0;
  };
  using Keys = std::map<std::pair<uint32_t, uint32_t>, std::string>;

  OwnedRows RandomRows(GroupId group);
  int64_t RandomTime();
  void Compare(const Pinned& pinned, const ReadRequest& request, const ReadRows& rows);
  void CompareLast(const Pinned& pinned, const std::vector<ReadRequest>& requests, int64_t time);
  std::unique_ptr<Store> NewStore();

  bool has_many() const { return twins_ > kFewTwins; }
  ColumnSpec RandomColumn();
  void AddColumnsOfMany(GroupSpec* spec);

  const uint32_t block_rows_;
  const uint32_t twins_;
  std::mt19937_64 random_;
  testing::FaultyFileSystem disk_;
  std::unique_ptr<Store> store_;
  Reference reference_;
  std::vector<GroupSpec> groups_;  // as the reference knows them
  std::vector<OwnedRows> journal_;
  std::set<uint32_t> of_layouts_;  // twins, of many
  uint64_t sequence_ = 0;
  int64_t now_ = int64_t{20'000} * 86'400 * 1'000'000'000;
  Keys durable_;
  uint64_t durable_sequence_ = 0;
  size_t durable_groups_ = 0;
  std::vector<Pinned> pinned_;
};

}  // namespace twin::timeseries

#endif  // TWIN_TESTS_SUPPORT_HISTORY_WORLD_H_
