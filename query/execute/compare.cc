#include "query/execute/compare.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "absl/hash/hash.h"
#include "query/execute/evaluate.h"

namespace twin::query {
namespace {

template <typename T>
int OrderOf(const T& a, const T& b) {
  return static_cast<int>(b < a) - static_cast<int>(a < b);
}

int KindRank(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kBool:
      return 0;
    case Value::Kind::kInt:
    case Value::Kind::kDouble:
      return 1;
    case Value::Kind::kString:
      return 2;
    case Value::Kind::kTime:
      return 3;
    case Value::Kind::kArray:
      return 4;
    case Value::Kind::kMap:
      return 5;
    case Value::Kind::kNull:
      break;
  }
  return 6;
}

int OrderNumbers(const Item& a, const Item& b) {
  const bool a_int = a.kind == Value::Kind::kInt;
  const bool b_int = b.kind == Value::Kind::kInt;
  if (a_int && b_int) return OrderOf(a.integer, b.integer);
  if (a_int) return OrderIntDouble(a.integer, b.number);
  if (b_int) return -OrderIntDouble(b.integer, a.number);
  return OrderDoubles(a.number, b.number);
}

int OrderArrays(const ValueArray& a, const ValueArray& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const int order = OrderItems(ItemOf(a[i]), ItemOf(b[i]));
    if (order != 0) return order;
  }
  return OrderOf(a.size(), b.size());
}

std::vector<const ValueMember*> ByName(const ValueMap& map) {
  std::vector<const ValueMember*> members;
  members.reserve(map.size());
  for (const ValueMember& member : map) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const ValueMember* a, const ValueMember* b) { return a->first < b->first; });
  return members;
}

int OrderMaps(const ValueMap& a, const ValueMap& b) {
  const std::vector<const ValueMember*> in_a = ByName(a);
  const std::vector<const ValueMember*> in_b = ByName(b);
  for (size_t i = 0; i < in_a.size() && i < in_b.size(); ++i) {
    int order = in_a[i]->first.compare(in_b[i]->first);
    if (order == 0) order = OrderItems(ItemOf(in_a[i]->second), ItemOf(in_b[i]->second));
    if (order != 0) return order < 0 ? -1 : 1;
  }
  return OrderOf(a.size(), b.size());
}

constexpr uint64_t kNullHash = 0x9e3779b97f4a7c15;
constexpr uint64_t kTimeSalt = 0x632be59bd9b4e019;
constexpr uint64_t kBoolSalt = 0xd6e8feb86659fd93;
constexpr uint64_t kArraySalt = 0xa0761d6478bd642f;
constexpr uint64_t kMapSalt = 0xe7037ed1a0b428db;

uint64_t Mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d;
  return x ^ (x >> 28);
}
uint64_t HashInt(int64_t value) { return Mix(static_cast<uint64_t>(value) + kNullHash); }

// As the int where it is one.
uint64_t HashDouble(double value) {
  constexpr double kEnd = 9223372036854775808.0;
  if (value >= -kEnd && value < kEnd) {
    const auto truncated = static_cast<int64_t>(value);
    if (static_cast<double>(truncated) == value) return HashInt(truncated);
  }
  if (std::isnan(value)) return Mix(kNullHash ^ kTimeSalt);
  return Mix(std::bit_cast<uint64_t>(value));
}
uint64_t HashText(absl::string_view text) { return absl::Hash<absl::string_view>{}(text); }

uint64_t HashPath(const PathValue& path) {
  uint64_t hash = path.size();
  for (const uint32_t number : path) hash = Mix(hash + number + kNullHash);
  return hash;
}

// Adds hash_of(row) of every row that is not NULL.
template <typename F>
void AddHashes(const Vector& vector, std::vector<uint64_t>* hashes, F hash_of) {
  uint64_t* out = hashes->data();
  const auto add = [out](size_t i, uint64_t hash) { out[i] = out[i] * 0x9fb21c651e98df25 + hash; };
  if (vector.nulls.empty()) {
    for (size_t i = 0; i < vector.rows; ++i) add(i, hash_of(i));
  } else {
    for (size_t i = 0; i < vector.rows; ++i) add(i, vector.nulls[i] ? kNullHash : hash_of(i));
  }
}

}  // namespace

Item ItemOf(const Value& value) {
  Item item;
  item.kind = value.kind();
  switch (value.kind()) {
    case Value::Kind::kNull:
      break;
    case Value::Kind::kBool:
      item.integer = value.as_bool() ? 1 : 0;
      break;
    case Value::Kind::kInt:
      item.integer = value.as_int();
      break;
    case Value::Kind::kDouble:
      item.number = value.as_double();
      break;
    case Value::Kind::kString:
      item.text = value.as_string();
      break;
    case Value::Kind::kTime:
      item.integer = value.as_time().ns;
      break;
    case Value::Kind::kArray:
    case Value::Kind::kMap:
      item.value = &value;
      break;
  }
  return item;
}

Item ItemAt(const Vector& vector, size_t row) {
  Item item;
  if (vector.IsNull(row)) return item;
  switch (vector.kind) {
    case TypeKind::kNull:
    case TypeKind::kPath:
      break;
    case TypeKind::kBool:
      item.kind = Value::Kind::kBool;
      item.integer = vector.bools[row];
      break;
    case TypeKind::kInt:
    case TypeKind::kDuration:
      item.kind = Value::Kind::kInt;
      item.integer = vector.ints[row];
      break;
    case TypeKind::kTime:
      item.kind = Value::Kind::kTime;
      item.integer = vector.ints[row];
      break;
    case TypeKind::kDouble:
      item.kind = Value::Kind::kDouble;
      item.number = vector.doubles[row];
      break;
    case TypeKind::kString:
      item.kind = Value::Kind::kString;
      item.text = vector.strings[row];
      break;
    case TypeKind::kValue:
      return ItemOf(vector.values[row]);
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      item.kind = Value::Kind::kInt;
      item.integer = vector.numbers[row];
      break;
  }
  return item;
}

Value ToValue(const Item& item) {
  switch (item.kind) {
    case Value::Kind::kNull:
      break;
    case Value::Kind::kBool:
      return Value::Bool(item.integer != 0);
    case Value::Kind::kInt:
      return Value::Int(item.integer);
    case Value::Kind::kDouble:
      return Value::Double(item.number);
    case Value::Kind::kString:
      return Value::String(item.text);
    case Value::Kind::kTime:
      return Value::OfTime(Time{item.integer});
    case Value::Kind::kArray:
    case Value::Kind::kMap:
      return *item.value;
  }
  return Value();
}

int OrderIntDouble(int64_t a, double b) {
  constexpr double kEnd = 9223372036854775808.0;
  if (std::isnan(b) || b >= kEnd) return -1;
  if (b < -kEnd) return 1;
  const auto truncated = static_cast<int64_t>(b);
  if (a != truncated) return a < truncated ? -1 : 1;
  return OrderOf(0.0, b - static_cast<double>(truncated));
}

int OrderItems(const Item& a, const Item& b) {
  const int rank_a = KindRank(a.kind);
  const int rank_b = KindRank(b.kind);
  if (rank_a != rank_b) return rank_a < rank_b ? -1 : 1;
  switch (a.kind) {
    case Value::Kind::kNull:
      return 0;
    case Value::Kind::kBool:
    case Value::Kind::kTime:
      return OrderOf(a.integer, b.integer);
    case Value::Kind::kInt:
    case Value::Kind::kDouble:
      return OrderNumbers(a, b);
    case Value::Kind::kString:
      return OrderOf(a.text, b.text);
    case Value::Kind::kArray:
      return OrderArrays(a.value->as_array(), b.value->as_array());
    case Value::Kind::kMap:
      return OrderMaps(a.value->as_map(), b.value->as_map());
  }
  return 0;
}

bool Comparable(const Item& a, const Item& b, bool equality) {
  if (a.is_null() || b.is_null() || KindRank(a.kind) != KindRank(b.kind)) return false;
  return equality || (a.kind != Value::Kind::kArray && a.kind != Value::Kind::kMap);
}

uint64_t HashItem(const Item& item) {
  switch (item.kind) {
    case Value::Kind::kNull:
      break;
    case Value::Kind::kBool:
      return HashInt(item.integer) ^ kBoolSalt;
    case Value::Kind::kInt:
      return HashInt(item.integer);
    case Value::Kind::kDouble:
      return HashDouble(item.number);
    case Value::Kind::kString:
      return HashText(item.text);
    case Value::Kind::kTime:
      return HashInt(item.integer) ^ kTimeSalt;
    case Value::Kind::kArray: {
      uint64_t hash = kArraySalt + item.value->as_array().size();
      for (const Value& element : item.value->as_array()) {
        hash = Mix(hash + HashItem(ItemOf(element)));
      }
      return hash;
    }
    case Value::Kind::kMap: {
      uint64_t hash = kMapSalt + item.value->as_map().size();
      for (const ValueMember& member : item.value->as_map()) {
        hash += Mix(HashText(member.first) + HashItem(ItemOf(member.second)));
      }
      return Mix(hash);
    }
  }
  return kNullHash;
}

int Compare(const Vector& a, size_t row_a, const Vector& b, size_t row_b) {
  const bool a_null = a.IsNull(row_a);
  const bool b_null = b.IsNull(row_b);
  if (a_null || b_null) return static_cast<int>(a_null) - static_cast<int>(b_null);
  if (a.kind != b.kind) return OrderItems(ItemAt(a, row_a), ItemAt(b, row_b));
  switch (a.kind) {
    case TypeKind::kNull:
      return 0;
    case TypeKind::kBool:
      return OrderOf(a.bools[row_a], b.bools[row_b]);
    case TypeKind::kInt:
    case TypeKind::kTime:
    case TypeKind::kDuration:
      return OrderOf(a.ints[row_a], b.ints[row_b]);
    case TypeKind::kDouble:
      return OrderDoubles(a.doubles[row_a], b.doubles[row_b]);
    case TypeKind::kString:
      return OrderOf(a.strings[row_a], b.strings[row_b]);
    case TypeKind::kValue:
      return OrderItems(ItemOf(a.values[row_a]), ItemOf(b.values[row_b]));
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      return OrderOf(a.numbers[row_a], b.numbers[row_b]);
    case TypeKind::kPath:
      return OrderOf(a.paths[row_a], b.paths[row_b]);
  }
  return 0;
}

bool Equal(const Vector& a, size_t row_a, const Vector& b, size_t row_b) {
  return Compare(a, row_a, b, row_b) == 0;
}

void Hash(const Vector& vector, std::vector<uint64_t>* hashes) {
  const Vector& v = vector;
  switch (vector.kind) {
    case TypeKind::kNull:
      for (size_t i = 0; i < v.rows; ++i) {
        (*hashes)[i] = (*hashes)[i] * 0x9fb21c651e98df25 + kNullHash;
      }
      break;
    case TypeKind::kInt:
    case TypeKind::kDuration:
      AddHashes(v, hashes, [&v](size_t i) { return HashInt(v.ints[i]); });
      break;
    case TypeKind::kTime:
      AddHashes(v, hashes, [&v](size_t i) { return HashInt(v.ints[i]) ^ kTimeSalt; });
      break;
    case TypeKind::kDouble:
      AddHashes(v, hashes, [&v](size_t i) { return HashDouble(v.doubles[i]); });
      break;
    case TypeKind::kString:
      AddHashes(v, hashes, [&v](size_t i) { return HashText(v.strings[i]); });
      break;
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      AddHashes(v, hashes, [&v](size_t i) { return HashInt(v.numbers[i]); });
      break;
    case TypeKind::kBool:
    case TypeKind::kValue:
      AddHashes(v, hashes, [&v](size_t i) { return HashItem(ItemAt(v, i)); });
      break;
    case TypeKind::kPath:
      AddHashes(v, hashes, [&v](size_t i) { return HashPath(v.paths[i]); });
      break;
  }
}

}  // namespace twin::query
