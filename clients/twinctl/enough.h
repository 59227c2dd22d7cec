// A stream that is ended because nobody wants more of it, which is no failure.
#ifndef TWIN_CLIENTS_TWINCTL_ENOUGH_H_
#define TWIN_CLIENTS_TWINCTL_ENOUGH_H_

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace twin::twinctl {

inline constexpr char kEnough[] = "twinctl/enough";

// What a receiver answers to end its call.
inline absl::Status Enough() {
  absl::Status status = absl::CancelledError("enough");
  status.SetPayload(kEnough, absl::Cord());
  return status;
}
inline bool IsEnough(const absl::Status& status) { return status.GetPayload(kEnough).has_value(); }

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_ENOUGH_H_
