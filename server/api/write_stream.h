// TwinService.WriteStream: batches as a stream, answered in order. Internal to server/api.
#ifndef TWIN_SERVER_API_WRITE_STREAM_H_
#define TWIN_SERVER_API_WRITE_STREAM_H_

#include "server/api/call.h"
#include "server/ingest/operation.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

// Up to 32 batches of a stream are in flight; then it is not read until one is answered, which is
// how a client is slowed down.
// Bytes that are no BatchWriteRequest end the stream with INTERNAL, after what came before them is
// answered.
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* NewWriteStream(
    const Services& services);

// The answer to a batch that was done: statuses only where there is something to say.
void FillBatchResponse(const ingest::WriteResult& result, bool atomic,
                       twingraph::v1::BatchWriteResponse* response);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_WRITE_STREAM_H_
