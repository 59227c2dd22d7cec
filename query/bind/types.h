// The types of values in a query.
#ifndef TWIN_QUERY_BIND_TYPES_H_
#define TWIN_QUERY_BIND_TYPES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "models/dtdl/quantities.h"

namespace twin::query {

enum class TypeKind : uint8_t {
  kNull,  // of the literal NULL, and of properties that no model in scope has
  kBool,
  kInt,  // 64 bits
  kDouble,
  kString,
  kTime,      // nanoseconds since 1970 UTC
  kDuration,  // nanoseconds
  kValue,     // anything, known row by row: documents, lists, columns whose models disagree
  kTwin,
  kRelationship,
  kPath,
};
absl::string_view TypeName(TypeKind kind);  // "string", "duration"

// Values of this kind are held as 64-bit integers.
inline bool IsIntLike(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kTime || kind == TypeKind::kDuration;
}

struct Type {
  TypeKind kind = TypeKind::kNull;
  const dtdl::Unit* unit = nullptr;  // of numbers: as the model declares it

  bool numeric() const { return kind == TypeKind::kInt || kind == TypeKind::kDouble; }
  friend bool operator==(const Type& a, const Type& b) {
    return a.kind == b.kind && a.unit == b.unit;
  }
};

}  // namespace twin::query

#endif  // TWIN_QUERY_BIND_TYPES_H_
