// The least and the greatest of numbers that stand one behind the other. Internal to query/execute.
#ifndef TWIN_QUERY_EXECUTE_EXTREMES_H_
#define TWIN_QUERY_EXECUTE_EXTREMES_H_

#include <cstddef>
#include <cstdint>

#include "query/execute/kernels.h"

namespace twin::query {

// Doubles are in the order of OrderDoubles; of several that are equal, zeros of both signs, the
// first one.
template <typename T>
struct Extremes {
  T least;
  T greatest;
  // Those of `later` come behind those that these are of.
  void Take(const Extremes& later) {
    constexpr LessThan kLess;
    if (kLess(later.least, least)) least = later.least;
    if (kLess(greatest, later.greatest)) greatest = later.greatest;
  }
};

// Of one or more. Cost: what reading them costs.
Extremes<double> ExtremesOf(const double* values, size_t count);
Extremes<int64_t> ExtremesOf(const int64_t* values, size_t count);

// The same, as processors find them that have no wide registers.
Extremes<double> NarrowExtremesOf(const double* values, size_t count);
Extremes<int64_t> NarrowExtremesOf(const int64_t* values, size_t count);

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_EXTREMES_H_
