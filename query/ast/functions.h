// The functions of TQL: one table that the parser, the binder and completion share.
#ifndef TWIN_QUERY_AST_FUNCTIONS_H_
#define TWIN_QUERY_AST_FUNCTIONS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace twin::query {

enum class Function : uint8_t {
  // Numbers.
  kAbs,
  kRound,
  kFloor,
  kCeil,
  kSqrt,
  kExp,
  kLn,
  kPower,
  kLeast,
  kGreatest,
  kCoalesce,
  // Texts. LENGTH also takes lists and paths.
  kLower,
  kUpper,
  kLength,
  kSubstring,
  kConcat,
  kStartsWith,
  kEndsWith,
  kContains,
  // Time.
  kNow,
  kTimeBucket,
  kDatePart,
  kLastUpdate,
  kArrival,
  // Models and types.
  kModel,
  kIsOfModel,
  kIsDefined,
  kIsNull,
  kIsPrimitive,
  kIsNumber,
  kIsString,
  kIsBool,
  kIsObject,
  kArrayContains,
  // Paths.
  kNodes,
  kRelationships,
  // Aggregates.
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kMedian,
  kPercentile,
  kStddev,
  kVariance,
  kMad,
  kFirst,
  kLast,
  kCollect,
  // Aggregates over the samples of a series in the order of time.
  kTimeAvg,
  kRate,
  kDelta,
  kIntegral,
  kSlope,
  kTimeWhere,
  // Only with OVER.
  kRank,
  kRobustZ,
};

enum class FunctionKind : uint8_t { kScalar, kAggregate, kTimeAggregate, kWindow };

struct FunctionInfo {
  Function function;
  FunctionKind kind;
  absl::string_view name;  // in capitals
  int arguments_min;
  int arguments_max;  // -1: any number
  bool adt;           // part of the dialect adt
};

// nullptr: no such function. `name` in any case.
const FunctionInfo* FindFunction(absl::string_view name);
const FunctionInfo& InfoOf(Function function);
absl::Span<const FunctionInfo> Functions();

}  // namespace twin::query

#endif  // TWIN_QUERY_AST_FUNCTIONS_H_
