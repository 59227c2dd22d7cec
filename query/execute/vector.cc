#include "query/execute/vector.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "server/base/check.h"

namespace twin::query {
namespace {

constexpr size_t kBlockBytesMin = 128;
constexpr size_t kBlockBytesMax = 64 << 10;

// Calls `visit` with the pointer to the member that holds values of `kind`.
template <typename F>
void VisitArray(TypeKind kind, F visit) {
  switch (kind) {
    case TypeKind::kNull:
      break;
    case TypeKind::kBool:
      visit(&Vector::bools);
      break;
    case TypeKind::kInt:
    case TypeKind::kTime:
    case TypeKind::kDuration:
      visit(&Vector::ints);
      break;
    case TypeKind::kDouble:
      visit(&Vector::doubles);
      break;
    case TypeKind::kString:
      visit(&Vector::strings);
      break;
    case TypeKind::kValue:
      visit(&Vector::values);
      break;
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      visit(&Vector::numbers);
      break;
    case TypeKind::kPath:
      visit(&Vector::paths);
      break;
  }
}

template <typename T>
void Gather(const std::vector<T>& from, absl::Span<const uint32_t> rows, std::vector<T>* to) {
  const size_t first = to->size();
  to->resize(first + rows.size());
  const T* in = from.data();
  T* out = to->data() + first;
  for (size_t i = 0; i < rows.size(); ++i) out[i] = in[rows[i]];
}

// The block that computed strings may go to: one that nobody else has.
StringBlock* OwnBlock(std::vector<std::shared_ptr<StringBlock>>* blocks) {
  if (blocks->empty() || blocks->back().use_count() != 1) {
    blocks->push_back(std::make_shared<StringBlock>());
  }
  return blocks->back().get();
}

size_t BlockBytes(const std::vector<std::shared_ptr<StringBlock>>& blocks) {
  size_t bytes = 0;
  for (const auto& block : blocks) bytes += block->bytes();
  return bytes;
}

// Makes the strings of `to` from row `first` on, which are views of those of `from`, live as long
// as `to` does: by sharing its blocks, or, where that would keep much more than they need, by
// copies.
void KeepStrings(const Vector& from, size_t first, Vector* to) {
  if (from.blocks.empty()) return;
  size_t needed = 0;
  for (size_t i = first; i < to->rows; ++i) {
    if (!to->IsNull(i)) needed += to->strings[i].size();
  }
  if (needed == 0) return;
  if (needed * 2 < BlockBytes(from.blocks)) {
    StringBlock* block = OwnBlock(&to->blocks);
    for (size_t i = first; i < to->rows; ++i) {
      if (!to->IsNull(i)) to->strings[i] = block->Add(to->strings[i]);
    }
    return;
  }
  for (const auto& block : from.blocks) {
    if (std::find(to->blocks.begin(), to->blocks.end(), block) == to->blocks.end()) {
      to->blocks.push_back(block);
    }
  }
}

void DropNullsIfNone(std::vector<uint8_t>* nulls) {
  if (!nulls->empty() && std::memchr(nulls->data(), 1, nulls->size()) == nullptr) nulls->clear();
}

size_t DeepBytes(const Value& value) {
  size_t bytes = sizeof(Value);
  switch (value.kind()) {
    case Value::Kind::kString:
      if (value.as_string().capacity() >= sizeof(std::string))
        bytes += value.as_string().capacity();
      break;
    case Value::Kind::kArray:
      for (const Value& item : value.as_array()) bytes += DeepBytes(item);
      break;
    case Value::Kind::kMap:
      for (const ValueMember& member : value.as_map()) {
        bytes += sizeof(std::string) + member.first.size() + DeepBytes(member.second);
      }
      break;
    default:
      break;
  }
  return bytes;
}

}  // namespace

absl::string_view StringBlock::Add(absl::string_view text) {
  if (text.empty()) return absl::string_view();
  char* to = Reserve(text.size());
  std::memcpy(to, text.data(), text.size());
  return absl::string_view(to, text.size());
}

char* StringBlock::Reserve(size_t size) {
  if (size > left_ || next_ == nullptr) {
    // Blocks grow with what there is, so that one short string costs little.
    const size_t bytes = std::max(size, std::clamp(bytes_, kBlockBytesMin, kBlockBytesMax));
    blocks_.push_back(std::unique_ptr<char[]>(new char[bytes]));
    next_ = blocks_.back().get();
    left_ = bytes;
    bytes_ += bytes;
  }
  char* const place = next_;
  next_ += size;
  left_ -= size;
  return place;
}

void Vector::ResetToNull(TypeKind new_kind, size_t size) {
  Reset(new_kind, size);
  if (kind != TypeKind::kNull) nulls.assign(size, 1);
}

void Vector::Reset(TypeKind new_kind, size_t size) {
  if (kind != new_kind) VisitArray(kind, [this](auto array) { (this->*array).clear(); });
  kind = new_kind;
  rows = size;
  decimals = -1;
  nulls.clear();
  places.clear();
  strings.clear();
  values.clear();
  paths.clear();
  blocks.clear();
  VisitArray(kind, [this, size](auto array) { (this->*array).resize(size); });
}

void Vector::SetNull(size_t row) {
  if (kind == TypeKind::kNull) return;
  if (nulls.empty()) nulls.resize(rows);
  nulls[row] = 1;
}

Value Vector::Get(size_t row) const {
  if (IsNull(row)) return Value();
  switch (kind) {
    case TypeKind::kNull:
      break;
    case TypeKind::kBool:
      return Value::Bool(bools[row] != 0);
    case TypeKind::kInt:
    case TypeKind::kDuration:
      return Value::Int(ints[row]);
    case TypeKind::kTime:
      return Value::OfTime(Time{ints[row]});
    case TypeKind::kDouble:
      return Value::Double(doubles[row]);
    case TypeKind::kString:
      return Value::String(strings[row]);
    case TypeKind::kValue:
      return values[row];
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      return Value::Int(numbers[row]);
    case TypeKind::kPath: {
      ValueArray items;
      items.reserve(paths[row].size());
      for (const uint32_t number : paths[row]) items.push_back(Value::Int(number));
      return Value::Array(std::move(items));
    }
  }
  return Value();
}

void Vector::Set(size_t row, const Value& value) {
  if (value.is_null()) {
    SetNull(row);
    return;
  }
  if (!nulls.empty()) nulls[row] = 0;
  switch (kind) {
    case TypeKind::kNull:
      TWIN_CHECK(false) << "a value for a vector without a type";
      break;
    case TypeKind::kBool:
      bools[row] = value.as_bool() ? 1 : 0;
      break;
    case TypeKind::kInt:
    case TypeKind::kDuration:
      ints[row] = value.as_int();
      break;
    case TypeKind::kTime:
      ints[row] = value.as_time().ns;
      break;
    case TypeKind::kDouble:
      doubles[row] = value.as_double();
      decimals = -1;
      break;
    case TypeKind::kString:
      strings[row] = OwnBlock(&blocks)->Add(value.as_string());
      break;
    case TypeKind::kValue:
      values[row] = value;
      break;
    case TypeKind::kTwin:
    case TypeKind::kRelationship:
      numbers[row] = static_cast<uint32_t>(value.as_int());
      break;
    case TypeKind::kPath:
      paths[row].clear();
      for (const Value& item : value.as_array()) {
        paths[row].push_back(static_cast<uint32_t>(item.as_int()));
      }
      break;
  }
}

namespace {

// Vector::decimals of the values of both.
int8_t JointDecimals(const Vector& a, const Vector& b) {
  if (a.rows == 0 || a.decimals == b.decimals) return b.decimals;
  const int8_t decimals = std::max(a.decimals, b.decimals);
  if (a.kind != TypeKind::kDouble || std::min(a.decimals, b.decimals) < 0) return -1;
  const double end = std::ldexp(1.0, 50) / std::pow(10.0, decimals);
  const auto fits = [end](const Vector& vector) {
    for (size_t row = 0; row < vector.rows; ++row) {
      if (!vector.IsNull(row) && !(std::abs(vector.doubles[row]) < end)) return false;
    }
    return true;
  };
  return fits(a) && fits(b) ? decimals : int8_t{-1};
}

}  // namespace

void Vector::Append(const Vector& from, absl::Span<const uint32_t> taken) {
  const size_t first = rows;
  if (kind == TypeKind::kNull && from.kind != TypeKind::kNull) {
    Reset(from.kind, first);
    decimals = from.decimals;
    if (first > 0) nulls.assign(first, 1);
  } else if (from.kind != TypeKind::kNull) {
    decimals = JointDecimals(*this, from);
  }
  rows = first + taken.size();
  if (kind == TypeKind::kNull) return;
  if (from.kind == TypeKind::kNull) {
    nulls.resize(first);
    nulls.resize(rows, 1);
    VisitArray(kind, [this](auto array) { (this->*array).resize(rows); });
    places.clear();
    return;
  }
  TWIN_CHECK(from.kind == kind) << "vectors of " << static_cast<int>(kind) << " and "
                                << static_cast<int>(from.kind);
  VisitArray(kind, [&](auto array) { Gather(from.*array, taken, &(this->*array)); });
  if (!from.nulls.empty()) {
    nulls.resize(first);
    Gather(from.nulls, taken, &nulls);
    DropNullsIfNone(&nulls);
  } else if (!nulls.empty()) {
    nulls.resize(rows);
  }
  if (places.size() == first && from.places.size() == from.rows) {
    Gather(from.places, taken, &places);
  } else {
    places.clear();
  }
  if (kind == TypeKind::kString) KeepStrings(from, first, this);
}

void Vector::Append(const Vector& from) {
  if (rows == 0) {
    *this = from;
    return;
  }
  std::vector<uint32_t> all(from.rows);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
  Append(from, all);
}

Vector Vector::Take(absl::Span<const uint32_t> taken) const {
  Vector out;
  out.kind = kind;
  out.rows = taken.size();
  out.decimals = decimals;
  VisitArray(kind, [&](auto array) { Gather(this->*array, taken, &(out.*array)); });
  if (!nulls.empty()) {
    Gather(nulls, taken, &out.nulls);
    DropNullsIfNone(&out.nulls);
  }
  if (!places.empty()) Gather(places, taken, &out.places);
  if (kind == TypeKind::kString) KeepStrings(*this, 0, &out);
  return out;
}

size_t Vector::bytes() const {
  size_t bytes = sizeof(Vector) + nulls.capacity() + bools.capacity() +
                 ints.capacity() * sizeof(int64_t) + doubles.capacity() * sizeof(double) +
                 strings.capacity() * sizeof(absl::string_view) +
                 numbers.capacity() * sizeof(uint32_t) + places.capacity() * sizeof(Place) +
                 BlockBytes(blocks);
  for (const Value& value : values) bytes += DeepBytes(value);
  for (const PathValue& path : paths) {
    bytes += sizeof(PathValue) + path.capacity() * sizeof(uint32_t);
  }
  return bytes;
}

void Vector::Scatter(const Vector& from, absl::Span<const uint32_t> to) {
  TWIN_CHECK(from.rows == to.size()) << from.rows << " rows to " << to.size();
  if (from.kind == TypeKind::kNull || kind == TypeKind::kNull) {
    for (const uint32_t row : to) SetNull(row);
    return;
  }
  TWIN_CHECK(from.kind == kind) << "vectors of " << static_cast<int>(kind) << " and "
                                << static_cast<int>(from.kind);
  decimals = -1;
  VisitArray(kind, [&](auto array) {
    const auto& in = from.*array;
    auto& out = this->*array;
    for (size_t i = 0; i < to.size(); ++i) out[to[i]] = in[i];
  });
  if (!from.nulls.empty()) {
    nulls.resize(rows);
    for (size_t i = 0; i < to.size(); ++i) nulls[to[i]] = from.nulls[i];
  } else if (!nulls.empty()) {
    for (const uint32_t row : to) nulls[row] = 0;
  }
  places.clear();
  for (const auto& block : from.blocks) {
    if (std::find(blocks.begin(), blocks.end(), block) == blocks.end()) blocks.push_back(block);
  }
}

Batch Batch::Take(absl::Span<const uint32_t> taken) const {
  Batch out;
  out.rows = taken.size();
  out.slots.resize(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].rows == rows) out.slots[i] = slots[i].Take(taken);
  }
  return out;
}

void Batch::Append(const Batch& from) {
  if (from.rows == 0) return;
  if (rows == 0) {
    *this = from;
    return;
  }
  std::vector<uint32_t> all(from.rows);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
  if (slots.size() < from.slots.size()) slots.resize(from.slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    const bool filled = slots[i].rows == rows;
    const bool other_filled = i < from.slots.size() && from.slots[i].rows == from.rows;
    if (!filled && !other_filled) continue;
    if (!filled) slots[i].Reset(TypeKind::kNull, rows);
    if (other_filled) {
      slots[i].Append(from.slots[i], all);
    } else {
      Vector absent;
      absent.Reset(TypeKind::kNull, from.rows);
      slots[i].Append(absent, all);
    }
  }
  rows += from.rows;
}

size_t Batch::bytes() const {
  size_t bytes = sizeof(Batch);
  for (const Vector& slot : slots) bytes += slot.bytes();
  return bytes;
}

}  // namespace twin::query
