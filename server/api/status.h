// absl::Status to what gRPC clients see, with Google's error details.
#ifndef TWIN_SERVER_API_STATUS_H_
#define TWIN_SERVER_API_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace twin::api {

// The code and message, ErrorInfo with a reason (ETAG_MISMATCH, LIMIT_EXCEEDED …; or the one that
// the status carries: HAS_RELATIONSHIPS, NO_SUBSCRIPTION, HAS_CHAMPION), and BadRequest
// naming the field for INVALID_ARGUMENT. ErrorInfo has the place in a query's text as metadata
// "line", "column", "offset", "length". Messages are cut to 6 KiB: gRPC sends them in trailers.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_STATUS_H_
