// TwinService.Export: a snapshot as NDJSON. Internal to server/api.
#ifndef TWIN_SERVER_API_EXPORT_H_
#define TWIN_SERVER_API_EXPORT_H_

#include "server/api/call.h"
#include "twingraph/v1/twin_service.grpc.pb.h"

namespace twin::api {

grpc::ServerWriteReactor<twingraph::v1::ExportResponse>* NewExport(
    const Services& services, const twingraph::v1::ExportRequest& request,
    grpc::CallbackServerContext* context);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_EXPORT_H_
