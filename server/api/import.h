// TwinService.Import: NDJSON in sections to batches. Internal to server/api.
#ifndef TWIN_SERVER_API_IMPORT_H_
#define TWIN_SERVER_API_IMPORT_H_

#include "server/api/call.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

grpc::ServerBidiReactor<twingraph::v1::ImportRequest, twingraph::v1::ImportProgress>* NewImport(
    const Services& services, grpc::CallbackServerContext* context);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_IMPORT_H_
