// IN and LIKE.
#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "query/execute/evaluate_internal.h"
#include "query/execute/kernels.h"
#include "query/execute/like.h"
#include "server/base/status_macros.h"

namespace twin::query {
namespace {

constexpr size_t kHashedMin = 9;  // from so many constants on, a hash table is faster

// What a row of IN is so far.
struct Found {
  std::vector<uint8_t> equal;    // to one of the list
  std::vector<uint8_t> unknown;  // some comparison was NULL
};

struct ItemHash {
  size_t operator()(const Item& item) const { return HashItem(item); }
};
struct ItemEqual {
  bool operator()(const Item& a, const Item& b) const { return OrderItems(a, b) == 0; }
};

void FindOne(const Operand& value, const Operand& candidate, size_t rows, Found* found) {
  Operand result;
  Comparison(BoundKind::kEqual, value, candidate, rows, result.Own());
  const Vector& vector = result.vector();
  if (vector.kind == TypeKind::kNull) {
    found->unknown.assign(rows, 1);
    return;
  }
  if (vector.nulls.empty()) {
    for (size_t i = 0; i < rows; ++i) found->equal[i] |= vector.bools[i];
    return;
  }
  for (size_t i = 0; i < rows; ++i) {
    found->equal[i] |= vector.bools[i] & (vector.nulls[i] ^ 1);
    found->unknown[i] |= vector.nulls[i];
  }
}

// Values of one kind, or of numbers, so that all are comparable with what they find.
template <typename T, typename Get>
void FindHashed(const absl::flat_hash_set<T>& set, const Operand& value, size_t rows, Get get,
                Found* found) {
  for (size_t i = 0; i < rows; ++i) {
    if (value.IsNull(i)) {
      found->unknown[i] = 1;
    } else {
      found->equal[i] |= set.contains(get(value.At(i))) ? 1 : 0;
    }
  }
}

bool AllOf(const std::vector<Item>& items, Value::Kind kind) {
  return std::all_of(items.begin(), items.end(),
                     [kind](const Item& item) { return item.kind == kind; });
}

void FindItems(const std::vector<Item>& items, const Operand& value, size_t rows, Found* found) {
  const Vector& vector = value.vector();
  if (vector.kind == TypeKind::kString && AllOf(items, Value::Kind::kString)) {
    absl::flat_hash_set<absl::string_view> set;
    for (const Item& item : items) set.insert(item.text);
    FindHashed(
        set, value, rows, [&vector](size_t i) { return vector.strings[i]; }, found);
    return;
  }
  const bool ints = vector.kind == TypeKind::kInt || vector.kind == TypeKind::kDuration;
  if ((ints && AllOf(items, Value::Kind::kInt)) ||
      (vector.kind == TypeKind::kTime && AllOf(items, Value::Kind::kTime))) {
    absl::flat_hash_set<int64_t> set;
    for (const Item& item : items) set.insert(item.integer);
    FindHashed(
        set, value, rows, [&vector](size_t i) { return vector.ints[i]; }, found);
    return;
  }
  const absl::flat_hash_set<Item, ItemHash, ItemEqual> set(items.begin(), items.end());
  // Where the list mixes types, no value is comparable with all of it.
  const bool uniform = std::all_of(items.begin(), items.end(), [&items](const Item& item) {
    return Comparable(item, items[0], /*equality=*/true);
  });
  for (size_t i = 0; i < rows; ++i) {
    const Item item = value.ItemOfRow(i);
    if (!item.is_null() && set.contains(item)) {
      found->equal[i] = 1;
    } else if (!uniform || !Comparable(item, items[0], /*equality=*/true)) {
      found->unknown[i] = 1;
    }
  }
}

// In a list of constants: `list` are their vectors of one row.
void FindConstants(const std::vector<Operand>& list, const Operand& value, size_t rows,
                   Found* found) {
  // Paths have no items.
  const bool comparable = value.vector().kind != TypeKind::kPath;
  if (list.size() < kHashedMin || !comparable) {
    for (const Operand& candidate : list) FindOne(value, candidate, rows, found);
    return;
  }
  std::vector<Item> items;
  for (const Operand& candidate : list) {
    const Item item = candidate.ItemOfRow(0);
    if (item.is_null()) {
      found->unknown.assign(rows, 1);
    } else {
      items.push_back(item);
    }
  }
  if (!items.empty()) FindItems(items, value, rows, found);
}

// In the elements of an array, which may be another one in each row.
void FindInArrays(const Operand& array, const Operand& value, size_t rows, Found* found) {
  if (array.constant()) {
    const Item list = array.ItemOfRow(0);
    if (list.kind != Value::Kind::kArray) {
      found->unknown.assign(rows, 1);
      return;
    }
    std::vector<Item> items;
    for (const Value& element : list.value->as_array()) {
      if (element.is_null()) {
        found->unknown.assign(rows, 1);
      } else {
        items.push_back(ItemOf(element));
      }
    }
    if (!items.empty()) FindItems(items, value, rows, found);
    return;
  }
  for (size_t i = 0; i < rows; ++i) {
    const Item list = array.ItemOfRow(i);
    const Item item = value.ItemOfRow(i);
    if (list.kind != Value::Kind::kArray) {
      found->unknown[i] = 1;
      continue;
    }
    for (const Value& element : list.value->as_array()) {
      const Item candidate = ItemOf(element);
      if (!Comparable(item, candidate, /*equality=*/true)) {
        found->unknown[i] = 1;
      } else if (OrderItems(item, candidate) == 0) {
        found->equal[i] = 1;
      }
    }
  }
}

}  // namespace

absl::Status EvalIn(const BoundExpr& expr, const Frame& frame, Operand* out) {
  const size_t rows = frame.rows;
  Operand value;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &value));
  std::vector<Operand> list;
  TWIN_RETURN_IF_ERROR(EvalOperands(expr, frame, 1, &list));
  Found found{std::vector<uint8_t>(rows, 0), std::vector<uint8_t>(rows, 0)};
  const bool array = list.size() == 1 && expr.operands[1]->type.kind == TypeKind::kValue;
  const bool constants = std::all_of(list.begin(), list.end(),
                                     [](const Operand& candidate) { return candidate.constant(); });
  if (array) {
    FindInArrays(list[0], value, rows, &found);
  } else if (constants) {
    FindConstants(list, value, rows, &found);
  } else {
    for (const Operand& candidate : list) FindOne(value, candidate, rows, &found);
  }
  Vector* const to = out->Own();
  to->Reset(TypeKind::kBool, rows);
  uint8_t any_null = 0;
  for (size_t i = 0; i < rows; ++i) {
    to->bools[i] = found.equal[i] ^ (expr.negated ? 1 : 0);
    found.unknown[i] &= found.equal[i] ^ 1;
    any_null |= found.unknown[i];
  }
  if (any_null != 0) to->nulls = std::move(found.unknown);
  return absl::OkStatus();
}

absl::Status EvalLike(const BoundExpr& expr, const Frame& frame, Operand* out) {
  Operand text;
  Operand pattern;
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[0], frame, &text));
  TWIN_RETURN_IF_ERROR(Eval(*expr.operands[1], frame, &pattern));
  Vector* const to = out->Own();
  if (!ResetStrict({&text, &pattern}, TypeKind::kBool, frame.rows, to)) return absl::OkStatus();
  std::optional<LikePattern> compiled;
  absl::string_view compiled_text;
  for (size_t i = 0; i < frame.rows; ++i) {
    if (to->IsNull(i)) continue;
    const Item item = text.ItemOfRow(i);
    const Item like = pattern.ItemOfRow(i);
    if (item.kind != Value::Kind::kString || like.kind != Value::Kind::kString) {
      to->SetNull(i);
      continue;
    }
    if (!compiled.has_value() || (!pattern.constant() && compiled_text != like.text)) {
      compiled.emplace(like.text);
      compiled_text = like.text;
    }
    to->bools[i] = (compiled->Matches(item.text) ? 1 : 0) ^ (expr.negated ? 1 : 0);
  }
  return absl::OkStatus();
}

}  // namespace twin::query
