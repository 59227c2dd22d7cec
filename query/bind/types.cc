#include "query/bind/types.h"

namespace twin::query {

absl::string_view TypeName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kNull:
      return "null";
    case TypeKind::kBool:
      return "bool";
    case TypeKind::kInt:
      return "int";
    case TypeKind::kDouble:
      return "double";
    case TypeKind::kString:
      return "string";
    case TypeKind::kTime:
      return "time";
    case TypeKind::kDuration:
      return "duration";
    case TypeKind::kValue:
      return "value";
    case TypeKind::kTwin:
      return "twin";
    case TypeKind::kRelationship:
      return "relationship";
    case TypeKind::kPath:
      return "path";
  }
  return "";
}

}  // namespace twin::query
