#include "query/ast/functions.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace twin::query {
namespace {

using enum Function;
using enum FunctionKind;

// In the order of the enumeration.
constexpr FunctionInfo kFunctions[] = {
    {kAbs, kScalar, "ABS", 1, 1, false},
    {kRound, kScalar, "ROUND", 1, 2, false},
    {kFloor, kScalar, "FLOOR", 1, 1, false},
    {kCeil, kScalar, "CEIL", 1, 1, false},
    {kSqrt, kScalar, "SQRT", 1, 1, false},
    {kExp, kScalar, "EXP", 1, 1, false},
    {kLn, kScalar, "LN", 1, 1, false},
    {kPower, kScalar, "POWER", 2, 2, false},
    {kLeast, kScalar, "LEAST", 1, -1, false},
    {kGreatest, kScalar, "GREATEST", 1, -1, false},
    {kCoalesce, kScalar, "COALESCE", 1, -1, false},
    {kLower, kScalar, "LOWER", 1, 1, false},
    {kUpper, kScalar, "UPPER", 1, 1, false},
    {kLength, kScalar, "LENGTH", 1, 1, false},
    {kSubstring, kScalar, "SUBSTRING", 2, 3, false},
    {kConcat, kScalar, "CONCAT", 1, -1, false},
    {kStartsWith, kScalar, "STARTSWITH", 2, 2, true},
    {kEndsWith, kScalar, "ENDSWITH", 2, 2, true},
    {kContains, kScalar, "CONTAINS", 2, 2, true},
    {kNow, kScalar, "NOW", 0, 0, false},
    {kTimeBucket, kScalar, "TIME_BUCKET", 2, 3, false},
    {kDatePart, kScalar, "DATE_PART", 2, 3, false},
    {kLastUpdate, kScalar, "LAST_UPDATE", 1, 1, false},
    {kArrival, kScalar, "ARRIVAL", 1, 1, false},
    {kModel, kScalar, "MODEL", 1, 1, false},
    {kIsOfModel, kScalar, "IS_OF_MODEL", 1, 3, true},
    {kIsDefined, kScalar, "IS_DEFINED", 1, 1, true},
    {kIsNull, kScalar, "IS_NULL", 1, 1, true},
    {kIsPrimitive, kScalar, "IS_PRIMITIVE", 1, 1, true},
    {kIsNumber, kScalar, "IS_NUMBER", 1, 1, true},
    {kIsString, kScalar, "IS_STRING", 1, 1, true},
    {kIsBool, kScalar, "IS_BOOL", 1, 1, true},
    {kIsObject, kScalar, "IS_OBJECT", 1, 1, true},
    {kArrayContains, kScalar, "ARRAY_CONTAINS", 2, 2, true},
    {kNodes, kScalar, "NODES", 1, 1, false},
    {kRelationships, kScalar, "RELATIONSHIPS", 1, 1, false},
    {kCount, kAggregate, "COUNT", 0, 1, true},
    {kSum, kAggregate, "SUM", 1, 1, false},
    {kAvg, kAggregate, "AVG", 1, 1, false},
    {kMin, kAggregate, "MIN", 1, 1, false},
    {kMax, kAggregate, "MAX", 1, 1, false},
    {kMedian, kAggregate, "MEDIAN", 1, 1, false},
    {kPercentile, kAggregate, "PERCENTILE", 2, 2, false},
    {kStddev, kAggregate, "STDDEV", 1, 1, false},
    {kVariance, kAggregate, "VARIANCE", 1, 1, false},
    {kMad, kAggregate, "MAD", 1, 1, false},
    {kFirst, kAggregate, "FIRST", 1, 1, false},
    {kLast, kAggregate, "LAST", 1, 1, false},
    {kCollect, kAggregate, "COLLECT", 1, 1, false},
    {kTimeAvg, kTimeAggregate, "TIME_AVG", 1, 1, false},
    {kRate, kTimeAggregate, "RATE", 1, 1, false},
    {kDelta, kTimeAggregate, "DELTA", 1, 1, false},
    {kIntegral, kTimeAggregate, "INTEGRAL", 1, 1, false},
    {kSlope, kTimeAggregate, "SLOPE", 1, 1, false},
    {kTimeWhere, kTimeAggregate, "TIME_WHERE", 1, 1, false},
    {kRank, kWindow, "RANK", 0, 0, false},
    {kRobustZ, kWindow, "ROBUST_Z", 1, 2, false},
};

}  // namespace

const FunctionInfo* FindFunction(absl::string_view name) {
  const auto* found = std::find_if(
      std::begin(kFunctions), std::end(kFunctions),
      [name](const FunctionInfo& info) { return absl::EqualsIgnoreCase(info.name, name); });
  return found == std::end(kFunctions) ? nullptr : found;
}

const FunctionInfo& InfoOf(Function function) { return kFunctions[static_cast<int>(function)]; }

absl::Span<const FunctionInfo> Functions() { return kFunctions; }

}  // namespace twin::query
