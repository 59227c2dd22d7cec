// DISTINCT: each value of a group once.
#include <utility>

#include "query/execute/aggregate_internal.h"
#include "query/execute/evaluate.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

class Distinct : public GroupedAggregator {
 public:
  explicit Distinct(std::unique_ptr<Aggregator> inner) : inner_(std::move(inner)) {}

  void Resize(size_t groups) override { inner_->Resize(groups); }

  absl::Status Add(absl::Span<const uint32_t> groups, size_t rows,
                   absl::Span<const Vector> arguments) override {
    if (arguments.empty()) return inner_->Add(groups, rows, arguments);
    const Vector& column = arguments[0];
    std::vector<uint64_t> hashes(groups.begin(), groups.begin() + static_cast<ptrdiff_t>(rows));
    Hash(column, &hashes);
    std::vector<uint32_t> new_rows;
    std::vector<uint32_t> new_groups;
    // Rows that are new stand behind those of seen_ until they are appended to it.
    ForFilled(column, rows, [&](size_t i) {
      if ((hashes_.size() + 1) * 2 > table_.size()) Grow();
      size_t slot = Start(hashes[i]);
      for (; table_[slot] != kEmpty; slot = (slot + 1) & (table_.size() - 1)) {
        const uint32_t entry = table_[slot];
        if (hashes_[entry] != hashes[i] || groups_[entry] != groups[i]) continue;
        const bool equal = entry < seen_.rows
                               ? Equal(seen_, entry, column, i)
                               : Equal(column, new_rows[entry - seen_.rows], column, i);
        if (equal) return;
      }
      table_[slot] = static_cast<uint32_t>(hashes_.size());
      hashes_.push_back(hashes[i]);
      groups_.push_back(groups[i]);
      new_rows.push_back(static_cast<uint32_t>(i));
      new_groups.push_back(groups[i]);
    });
    if (new_rows.empty()) return absl::OkStatus();
    std::vector<Vector> taken;
    for (const Vector& argument : arguments) taken.push_back(argument.Take(new_rows));
    bytes_ += taken[0].bytes();
    seen_.Append(taken[0]);
    return inner_->Add(new_groups, new_rows.size(), taken);
  }

  absl::Status Merge(const Aggregator& other, absl::Span<const uint32_t> groups) override {
    const auto& from = static_cast<const Distinct&>(other);
    std::vector<uint32_t> mapped(from.groups_.size());
    for (size_t i = 0; i < mapped.size(); ++i) mapped[i] = groups[from.groups_[i]];
    return Add(mapped, mapped.size(), {&from.seen_, 1});
  }

  absl::Status Finish(Vector* out) override { return inner_->Finish(out); }

  size_t bytes() const override {
    return inner_->bytes() + bytes_ + hashes_.capacity() * sizeof(uint64_t) +
           (groups_.capacity() + table_.capacity()) * sizeof(uint32_t);
  }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;

  size_t Start(uint64_t hash) const {
    return ((hash * 0x9e3779b97f4a7c15) >> 32) & (table_.size() - 1);
  }

  void Grow() {
    table_.assign(table_.empty() ? 64 : table_.size() * 2, kEmpty);
    for (size_t i = 0; i < hashes_.size(); ++i) {
      size_t slot = Start(hashes_[i]);
      while (table_[slot] != kEmpty) slot = (slot + 1) & (table_.size() - 1);
      table_[slot] = static_cast<uint32_t>(i);
    }
  }

  const std::unique_ptr<Aggregator> inner_;
  Vector seen_;                   // values, each once in its group
  std::vector<uint64_t> hashes_;  // of each, with its group
  std::vector<uint32_t> groups_;  // of each
  std::vector<uint32_t> table_;   // open addressing: index of a value, or kEmpty
  size_t bytes_ = 0;              // of seen_
};

}  // namespace

std::unique_ptr<Aggregator> NewDistinct(std::unique_ptr<Aggregator> inner) {
  return std::make_unique<Distinct>(std::move(inner));
}

}  // namespace twin::query
