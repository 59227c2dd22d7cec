// A circuit breaker: after too many failures in a row a service is left alone for a while, then
// tried with one call. Internal to server/predict.
#ifndef TWIN_SERVER_PREDICT_BREAKER_H_
#define TWIN_SERVER_PREDICT_BREAKER_H_

#include <cstdint>

#include "server/base/time.h"

namespace twin::predict {

// Thread-compatible.
class Breaker {
 public:
  Breaker(int failures_max, int64_t open_ms) : failures_max_(failures_max), open_ms_(open_ms) {}

  // False: it is to be left alone until open_until().
  bool MayCall(Time now) const { return failures_ < failures_max_ || now >= open_until_; }
  bool is_open(Time now) const { return !MayCall(now); }
  Time open_until() const { return open_until_; }
  int failures() const { return failures_; }

  void Succeeded() { failures_ = 0; }
  void Failed(Time now) {
    ++failures_;
    if (failures_ >= failures_max_) open_until_ = Time{now.ns + open_ms_ * kNsPerMs};
  }

 private:
  const int failures_max_;
  const int64_t open_ms_;
  int failures_ = 0;
  Time open_until_;
};

}  // namespace twin::predict

#endif  // TWIN_SERVER_PREDICT_BREAKER_H_
