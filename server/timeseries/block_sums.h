// What the statistics of a block's columns come to, next to each other: a window of many blocks is
// summed up without decoding their statistics again. Internal to server/timeseries.
#ifndef TWIN_SERVER_TIMESERIES_BLOCK_SUMS_H_
#define TWIN_SERVER_TIMESERIES_BLOCK_SUMS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/base/sync.h"
#include "server/timeseries/block.h"

namespace twin::timeseries {

class RowSource;

// Of all columns of a block that has statistics. Immutable.
struct BlockSums {
  // Of a column whose numbers are exact: integers below 2^50 with a sum that fits. Of others `kind`
  // is kOther: ask for their statistics.
  static constexpr uint8_t kOther = 255;
  static constexpr uint8_t kInt = 254;
  struct Sum {
    int64_t sum = 0;
    uint32_t count = 0;
    uint8_t kind = kOther;  // kInt, or the decimals of kScaled
  };
  struct Ends {
    int64_t min = 0, max = 0, first = 0, last = 0;
  };
  bool ascends = false;   // no time twice
  std::vector<Sum> sums;  // by column
  std::vector<Ends> ends;

  size_t bytes() const {
    return sizeof(*this) + sums.size() * sizeof(Sum) + ends.size() * sizeof(Ends);
  }
};
using BlockSumsPtr = std::shared_ptr<const BlockSums>;

absl::StatusOr<BlockSumsPtr> MakeBlockSums(const RowSource& block, uint32_t columns);

// Those of blocks in files that were asked for last. Thread-safe.
class BlockSumsCache {
 public:
  static constexpr size_t kBytesMax = 64 << 20;
  using Key =
      std::pair<uint64_t, uint64_t>;  // a number of the file that is never given twice, place

  BlockSumsPtr Find(const Key& key);
  void Add(const Key& key, BlockSumsPtr sums);

 private:
  struct Item {
    Key key;
    BlockSumsPtr sums;
  };
  Mutex mutex_;
  std::list<Item> items_ ABSL_GUARDED_BY(mutex_);  // the last ones asked for first
  absl::flat_hash_map<Key, std::list<Item>::iterator> places_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace twin::timeseries

#endif  // TWIN_SERVER_TIMESERIES_BLOCK_SUMS_H_
