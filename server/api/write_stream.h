// TwinService.WriteStream: batches as a stream, answered in order. Internal to server/api.
#ifndef TWIN_SERVER_API_WRITE_STREAM_H_
#define TWIN_SERVER_API_WRITE_STREAM_H_

#include "server/api/call.h"
#include "server/ingest/operation.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

// Up to 32 batches of a stream are in flight; then it is not read until one is answered, which is
// how a client is slowed down.
grpc::ServerBidiReactor<twingraph::v1::BatchWriteRequest, twingraph::v1::BatchWriteResponse>*
NewWriteStream(const Services& services);

// The answer to a batch that was done: statuses only where there is something to say.
void FillBatchResponse(const ingest::WriteResult& result, bool atomic,
                       twingraph::v1::BatchWriteResponse* response);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_WRITE_STREAM_H_
