// kExpand: one hop for all twins of a batch at once.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "query/ast/error.h"
#include "query/execute/operators.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

using Direction = BoundEdge::Direction;

class Expand : public Operator {
 public:
  Expand(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next),
        from_(step.reversed ? step.edge.to : step.edge.from),
        to_(step.reversed ? step.edge.from : step.edge.to),
        direction_(DirectionOf(step)) {}

  static Direction DirectionOf(const PlanStep& step) {
    if (!step.reversed || step.edge.direction == Direction::kEither) return step.edge.direction;
    return step.edge.direction == Direction::kOutgoing ? Direction::kIncoming
                                                       : Direction::kOutgoing;
  }

 private:
  absl::Status Do(Batch batch) override {
    if (batch.slots[from_].kind != TypeKind::kTwin) return absl::OkStatus();  // NULLs
    if (!batch.slots[from_].nulls.empty()) batch = batch.Take(RowsWithTwin(batch.slots[from_]));
    const std::vector<uint32_t>& twins = batch.slots[from_].numbers;
    if (OnlyCounts()) return EmitCount(twins);
    for (size_t first = 0; first < twins.size() && !done();) {
      first = graph().Expand(twins, first, direction_, step_.edge.types, step_.edge.any_type,
                             batch_rows(), &found_);
      TWIN_RETURN_IF_ERROR(Scanned(found_.targets.size()));
      TWIN_RETURN_IF_ERROR(EmitFound(batch));
    }
    return absl::OkStatus();
  }

  // Nobody looks at the rows: how many there are is all.
  bool OnlyCounts() const {
    return !step_.to_bound && step_.different.empty() && !step_.live.empty() &&
           std::none_of(step_.live.begin(), step_.live.end(), [](bool live) { return live; });
  }

  absl::Status EmitCount(const std::vector<uint32_t>& twins) {
    uint64_t left = graph().CountExpand(twins, direction_, step_.edge.types, step_.edge.any_type);
    TWIN_RETURN_IF_ERROR(Scanned(left));
    while (left > 0 && !done()) {
      Batch rows;
      rows.rows = std::min<uint64_t>(left, batch_rows());
      rows.slots.resize(plan_.slots.size());
      left -= rows.rows;
      TWIN_RETURN_IF_ERROR(Emit(std::move(rows)));
    }
    return absl::OkStatus();
  }

  absl::Status EmitFound(const Batch& batch) {
    if (step_.to_bound || !step_.different.empty()) Select(batch);
    // A twin with many relationships can make more rows than one batch.
    for (size_t begin = 0; begin < found_.sources.size() && !done(); begin += batch_rows()) {
      const size_t count = std::min(batch_rows(), found_.sources.size() - begin);
      Batch out = TakeLive(batch, absl::MakeConstSpan(found_.sources).subspan(begin, count));
      if (IsLive(to_)) {
        SetNumbers(TypeKind::kTwin, found_.targets, begin, count, &out.slots[to_]);
        if (!found_.places.empty()) {
          const auto places = absl::MakeConstSpan(found_.places).subspan(begin, count);
          out.slots[to_].places.assign(places.begin(), places.end());
        }
      }
      if (IsLive(step_.edge.slot)) {
        SetNumbers(TypeKind::kRelationship, found_.relationships, begin, count,
                   &out.slots[step_.edge.slot]);
      }
      TWIN_RETURN_IF_ERROR(Emit(std::move(out)));
    }
    return absl::OkStatus();
  }

  static void SetNumbers(TypeKind kind, const std::vector<uint32_t>& numbers, size_t begin,
                         size_t count, Vector* out) {
    *out = Vector();
    out->kind = kind;
    out->rows = count;
    out->numbers.assign(numbers.begin() + static_cast<int64_t>(begin),
                        numbers.begin() + static_cast<int64_t>(begin + count));
  }

  // Keeps what ends at the twin that is known, and goes along no relationship twice.
  void Select(const Batch& batch) {
    size_t kept = 0;
    for (size_t i = 0; i < found_.sources.size(); ++i) {
      const uint32_t row = found_.sources[i];
      if (step_.to_bound &&
          (batch.slots[to_].IsNull(row) || batch.slots[to_].numbers[row] != found_.targets[i])) {
        continue;
      }
      if (UsedBefore(batch, row, found_.relationships[i], step_.different)) continue;
      found_.sources[kept] = row;
      found_.relationships[kept] = found_.relationships[i];
      found_.targets[kept] = found_.targets[i];
      if (!found_.places.empty()) found_.places[kept] = found_.places[i];
      ++kept;
    }
    found_.sources.resize(kept);
    found_.relationships.resize(kept);
    found_.targets.resize(kept);
    if (!found_.places.empty()) found_.places.resize(kept);
  }

 public:
  // The row's relationships and segments in `slots` have it already.
  static bool UsedBefore(const Batch& batch, uint32_t row, uint32_t relationship,
                         const std::vector<SlotId>& slots) {
    return std::any_of(slots.begin(), slots.end(), [&](SlotId slot) {
      const Vector& used = batch.slots[slot];
      if (used.kind == TypeKind::kRelationship) return used.numbers[row] == relationship;
      const PathValue& segment = used.paths[row];
      for (size_t i = 0; i < segment.size(); i += 2) {
        if (segment[i] == relationship) return true;
      }
      return false;
    });
  }

 private:
  const SlotId from_;
  const SlotId to_;
  const Direction direction_;
  Expansion found_;
};

// kExpandVariable: level by level from some rows at a time. Each path that was found is a chain of
// steps back to its row, which also tells which relationships it has used.
class ExpandVariable : public Operator {
 public:
  ExpandVariable(const Plan& plan, const PlanStep& step, RunContext* run, Consumer* next)
      : Operator(plan, step, run, next),
        from_(step.reversed ? step.edge.to : step.edge.from),
        to_(step.reversed ? step.edge.from : step.edge.to),
        direction_(Expand::DirectionOf(step)),
        memory_(&run->statement.memory) {}

 private:
  // So many rows start together: enough for one call to be worth it, few enough that what they
  // find stays small.
  static constexpr size_t kRowsTogether = 64;
  static constexpr uint32_t kStart = UINT32_MAX;
  static constexpr size_t kSeenBytes = sizeof(uint64_t) + sizeof(uint32_t);

  struct Hop {
    uint32_t row;
    uint32_t twin;
    uint32_t relationship;
    uint32_t before;  // index into hops_, or kStart
  };

  absl::Status Do(Batch batch) override {
    if (batch.slots[from_].kind != TypeKind::kTwin) return absl::OkStatus();
    if (!batch.slots[from_].nulls.empty()) batch = batch.Take(RowsWithTwin(batch.slots[from_]));
    for (size_t begin = 0; begin < batch.rows && !done(); begin += kRowsTogether) {
      const size_t end = std::min(batch.rows, begin + kRowsTogether);
      TWIN_RETURN_IF_ERROR(
          ExpandRows(batch, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)));
    }
    return absl::OkStatus();
  }

  absl::Status ExpandRows(const Batch& batch, uint32_t begin, uint32_t end) {
    hops_.clear();
    seen_.clear();
    first_row_ = begin;
    // Where the start itself is an end, no circle has to lead back to it.
    is_back_.assign(end - begin, step_.edge.hops_min == 0 ? 1 : 0);
    branches_.assign(to_and_fro() ? end - begin : 0, 0);
    for (uint32_t row = begin; row < end; ++row) {
      hops_.push_back({row, batch.slots[from_].numbers[row], 0, kStart});
    }
    if (step_.edge.hops_min == 0) TWIN_RETURN_IF_ERROR(EmitLevel(batch, 0));
    size_t level_begin = 0;
    for (int hop = 1; hop <= step_.edge.hops_max && level_begin < hops_.size() && !done(); ++hop) {
      const size_t level_end = hops_.size();
      TWIN_RETURN_IF_ERROR(ExpandLevel(batch, level_begin, level_end, hop));
      level_begin = level_end;
      if (hop >= step_.edge.hops_min) TWIN_RETURN_IF_ERROR(EmitLevel(batch, level_begin));
    }
    if (!step_.edge.unbounded || done()) return absl::OkStatus();
    const size_t last = hops_.size();
    TWIN_RETURN_IF_ERROR(ExpandLevel(batch, level_begin, last, step_.edge.hops_max + 1));
    if (hops_.size() == last) return absl::OkStatus();
    return ErrorAt(step_.edge.span,
                   absl::StrCat("a path goes on beyond query_hops_max, ", step_.edge.hops_max,
                                " hops; write an upper bound such as *1..5"),
                   absl::StatusCode::kResourceExhausted);
  }

  bool to_and_fro() const { return step_.ends_only && direction_ == Direction::kEither; }

  // Appends the hops that go on from those in [begin, end), which makes `hop` of them.
  absl::Status ExpandLevel(const Batch& batch, size_t begin, size_t end, int hop) {
    twins_.clear();
    for (size_t i = begin; i < end; ++i) twins_.push_back(hops_[i].twin);
    for (size_t first = 0; first < twins_.size();) {
      first = graph().Expand(twins_, first, direction_, step_.edge.types, step_.edge.any_type,
                             kBatchRowsDefault, &found_);
      TWIN_RETURN_IF_ERROR(Scanned(found_.targets.size()));
      for (size_t i = 0; i < found_.targets.size(); ++i) {
        const uint32_t before = static_cast<uint32_t>(begin + found_.sources[i]);
        const uint32_t row = hops_[before].row;
        if (to_and_fro()) {
          AddEnd(before, found_.relationships[i], found_.targets[i], end, hop);
          continue;
        }
        if (step_.ends_only) {
          if (!seen_.emplace(KeyOf(row, found_.targets[i]), 0).second) continue;
        } else if (Used(before, found_.relationships[i]) ||
                   Expand::UsedBefore(batch, row, found_.relationships[i], step_.different)) {
          continue;
        }
        hops_.push_back({row, found_.targets[i], found_.relationships[i], before});
      }
      TWIN_RETURN_IF_ERROR(memory_.Set(
          static_cast<int64_t>(hops_.capacity() * sizeof(Hop) + seen_.capacity() * kSeenBytes +
                               branches_.capacity() * sizeof(uint32_t))));
    }
    return absl::OkStatus();
  }

  // ends_only, either way: a twin that was not seen is an end. The start is one, too, if the
  // shortest circle through it is not too long. Such a circle leaves the start by one relationship
  // and comes back by another: somewhere ways meet that began with different ones.
  //
  //        o---o      branches: the first relationship of the way on which a twin was found;
  //      1/     \1    where 1 meets 2 the circle is as long as both ways and the hop between
  //   start      x
  //      2\     /2
  //        o---o
  void AddEnd(uint32_t before, uint32_t relationship, uint32_t target, size_t level_end, int hop) {
    const uint32_t row = hops_[before].row;
    const uint32_t start = hops_[row - first_row_].twin;
    const uint32_t branch = hops_[before].before == kStart ? relationship : branches_[before];
    if (target == start) {
      if (hops_[before].twin == start && hops_[before].before == kStart) AddStart(before);
      return;  // Its relationships were followed from the start on.
    }
    const auto [seen, is_new] =
        seen_.emplace(KeyOf(row, target), static_cast<uint32_t>(hops_.size()));
    if (is_new) {
      hops_.push_back({row, target, relationship, before});
      branches_.push_back(branch);
      return;
    }
    if (branches_[seen->second] == branch) return;
    const int hops_there = seen->second >= level_end ? hop : hop - 1;
    if (hop + hops_there <= step_.edge.hops_max) AddStart(before);
  }

  // The start is an end.
  void AddStart(uint32_t before) {
    const uint32_t row = hops_[before].row;
    if (is_back_[row - first_row_] != 0) return;
    is_back_[row - first_row_] = 1;
    hops_.push_back({row, hops_[row - first_row_].twin, 0, before});
    branches_.push_back(0);
  }

  static uint64_t KeyOf(uint32_t row, uint32_t twin) { return (uint64_t{row} << 32) | twin; }

  bool Used(uint32_t hop, uint32_t relationship) const {
    for (; hops_[hop].before != kStart; hop = hops_[hop].before) {
      if (hops_[hop].relationship == relationship) return true;
    }
    return false;
  }

  // The hops from `begin` on are ends.
  absl::Status EmitLevel(const Batch& batch, size_t begin) {
    const size_t end = hops_.size();
    for (size_t i = begin; i < end && !done();) {
      rows_.clear();
      ends_.clear();
      for (; i < end && rows_.size() < batch_rows(); ++i) {
        const Hop& hop = hops_[i];
        if (step_.ends_only && begin == 0) seen_.emplace(KeyOf(hop.row, hop.twin), 0);
        if (step_.to_bound &&
            (batch.slots[to_].IsNull(hop.row) || batch.slots[to_].numbers[hop.row] != hop.twin)) {
          continue;
        }
        rows_.push_back(hop.row);
        ends_.push_back(static_cast<uint32_t>(i));
      }
      TWIN_RETURN_IF_ERROR(EmitEnds(batch));
    }
    return absl::OkStatus();
  }

  absl::Status EmitEnds(const Batch& batch) {
    Batch out = TakeLive(batch, rows_);
    if (IsLive(to_)) {
      Vector& to = out.slots[to_];
      to = Vector();
      to.Reset(TypeKind::kTwin, rows_.size());
      for (size_t i = 0; i < ends_.size(); ++i) to.numbers[i] = hops_[ends_[i]].twin;
    }
    if (IsLive(step_.segment)) {
      Vector& segments = out.slots[step_.segment];
      segments.Reset(TypeKind::kPath, rows_.size());
      for (size_t i = 0; i < ends_.size(); ++i) segments.paths[i] = SegmentTo(ends_[i]);
    }
    return Emit(std::move(out));
  }

  // relationship, twin, … from the start to this end.
  PathValue SegmentTo(uint32_t hop) const {
    PathValue segment;
    for (; hops_[hop].before != kStart; hop = hops_[hop].before) {
      segment.push_back(hops_[hop].twin);
      segment.push_back(hops_[hop].relationship);
    }
    std::reverse(segment.begin(), segment.end());
    return segment;
  }

  const SlotId from_;
  const SlotId to_;
  const Direction direction_;
  std::vector<Hop> hops_;
  absl::flat_hash_map<uint64_t, uint32_t> seen_;  // ends_only: row and twin; which of hops_
  uint32_t first_row_ = 0;
  // ends_only, either way: by row, whether the start is an end; by hop, the first relationship.
  std::vector<uint8_t> is_back_;
  std::vector<uint32_t> branches_;
  std::vector<uint32_t> twins_, rows_, ends_;
  Expansion found_;
  MemoryUse memory_;
};

}  // namespace

std::unique_ptr<Operator> NewExpand(const Plan& plan, const PlanStep& step, RunContext* run,
                                    Consumer* next) {
  return std::make_unique<Expand>(plan, step, run, next);
}

std::unique_ptr<Operator> NewExpandVariable(const Plan& plan, const PlanStep& step, RunContext* run,
                                            Consumer* next) {
  return std::make_unique<ExpandVariable>(plan, step, run, next);
}

}  // namespace twin::query
