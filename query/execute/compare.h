// Scalars without copies, and their one order: what comparisons, sorting, grouping and joins share.
#ifndef TWIN_QUERY_EXECUTE_COMPARE_H_
#define TWIN_QUERY_EXECUTE_COMPARE_H_

#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "query/execute/vector.h"
#include "server/base/value.h"

namespace twin::query {

// What a row of a vector of any type, or a Value, holds. Points into it.
struct Item {
  Value::Kind kind = Value::Kind::kNull;
  int64_t integer = 0;           // kBool, kInt (durations, twins and relationships too), kTime
  double number = 0;             // kDouble
  absl::string_view text;        // kString
  const Value* value = nullptr;  // kArray, kMap

  bool is_null() const { return kind == Value::Kind::kNull; }
  bool is_number() const { return kind == Value::Kind::kInt || kind == Value::Kind::kDouble; }
  double as_double() const {
    return kind == Value::Kind::kDouble ? number : static_cast<double>(integer);
  }
};
Item ItemOf(const Value& value);
// Paths have no items: NULL.
Item ItemAt(const Vector& vector, size_t row);
Value ToValue(const Item& item);

// NaN equals NaN and is above all numbers; -0.0 equals 0.0. An int and a double are compared by
// what they stand for, not by what the int rounds to.
inline int OrderDoubles(double a, double b) {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a == b) return 0;
  return static_cast<int>(std::isnan(a)) - static_cast<int>(std::isnan(b));
}
int OrderIntDouble(int64_t a, double b);

// The order of all items: by kind (bool, numbers, string, time, array, map, NULL), then by value;
// arrays by their elements, maps by their members in the order of names.
int OrderItems(const Item& a, const Item& b);
// Whether the language compares the two: numbers, two bools, two strings, two times, and, for
// equality alone, two arrays or two maps.
bool Comparable(const Item& a, const Item& b, bool equality);
// Equal items have equal hashes.
uint64_t HashItem(const Item& item);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_COMPARE_H_
