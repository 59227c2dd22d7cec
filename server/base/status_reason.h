// A word that says more than a status' code, for clients that give advice in their own words.
#ifndef TWIN_SERVER_BASE_STATUS_REASON_H_
#define TWIN_SERVER_BASE_STATUS_REASON_H_

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace twin {

// The payload that has it; google.rpc.ErrorInfo.reason on the wire.
inline constexpr absl::string_view kReasonPayload = "twingraph/reason";

inline absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonPayload, absl::Cord(reason));
  return status;
}

// The same with another message, payloads and all.
inline absl::Status WithMessage(const absl::Status& status, absl::string_view message) {
  absl::Status said(status.code(), message);
  status.ForEachPayload(
      [&](absl::string_view type, const absl::Cord& payload) { said.SetPayload(type, payload); });
  return said;
}

}  // namespace twin

#endif  // TWIN_SERVER_BASE_STATUS_REASON_H_
