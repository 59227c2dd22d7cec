// Numbers that name things inside one server. Each is a type of its own, so that two of them cannot
// be mixed up; clients see ids and opaque tokens instead.
#ifndef TWIN_SERVER_BASE_IDS_H_
#define TWIN_SERVER_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <utility>

namespace twin {

// An integer with a meaning. Ordered, hashable, explicit both ways.
template <typename Tag, typename T>
struct Number {
  using Type = T;
  T value = 0;

  constexpr Number() = default;
  constexpr explicit Number(T v) : value(v) {}
  constexpr bool operator==(const Number& other) const { return value == other.value; }
  constexpr bool operator<(const Number& other) const { return value < other.value; }
  constexpr bool operator>(const Number& other) const { return value > other.value; }
  constexpr bool operator<=(const Number& other) const { return value <= other.value; }
  constexpr bool operator>=(const Number& other) const { return value >= other.value; }

  template <typename H>
  friend H AbslHashValue(H hash, const Number& number) {
    return H::combine(std::move(hash), number.value);
  }
};

// The place of one atomic change in the one order of all changes: 1, 2, 3 … without gaps.
// 0: before the first.
using Sequence = Number<struct SequenceTag, uint64_t>;

// A twin, from its creation on; never given to another one. Stable when rows move.
using TwinNumber = Number<struct TwinNumberTag, uint32_t>;

// A relationship, from its creation on.
using RelationshipNumber = Number<struct RelationshipNumberTag, uint32_t>;

// The table of a model's twins, and the table of a relationship type (a name as one interface
// declares it).
using TableId = Number<struct TableIdTag, uint32_t>;
using RelationshipTypeId = Number<struct RelationshipTypeIdTag, uint32_t>;

// A column of such a table: its index there.
using ColumnId = Number<struct ColumnIdTag, uint32_t>;

inline constexpr TwinNumber kNoTwin{UINT32_MAX};
inline constexpr RelationshipNumber kNoRelationship{UINT32_MAX};

}  // namespace twin

#endif  // TWIN_SERVER_BASE_IDS_H_
