// AdminService: status, queries that run, checkpoints, compaction, backups.
#ifndef TWIN_SERVER_API_ADMIN_SERVICE_H_
#define TWIN_SERVER_API_ADMIN_SERVICE_H_

#include "server/api/call.h"
#include "twingraph/v1/admin_service.grpc.pb.h"

namespace twin::api {

// proto/twingraph/v1/admin_service.proto says what the calls do. Thread-safe.
class AdminService final : public twingraph::v1::AdminService::CallbackService {
 public:
  explicit AdminService(const Services& services) : services_(services) {}

  using Context = grpc::CallbackServerContext;

  void FillStatus(twingraph::v1::StatusResponse* response) const;

  grpc::ServerUnaryReactor* Status(Context* context, const twingraph::v1::StatusRequest* request,
                                   twingraph::v1::StatusResponse* response) override;
  grpc::ServerUnaryReactor* Checkpoint(Context* context,
                                       const twingraph::v1::CheckpointRequest* request,
                                       twingraph::v1::CheckpointResponse* response) override;
  grpc::ServerUnaryReactor* Compact(Context* context, const twingraph::v1::CompactRequest* request,
                                    twingraph::v1::CompactResponse* response) override;
  grpc::ServerUnaryReactor* Backup(Context* context, const twingraph::v1::BackupRequest* request,
                                   twingraph::v1::BackupResponse* response) override;
  grpc::ServerUnaryReactor* VerifyBackup(Context* context,
                                         const twingraph::v1::VerifyBackupRequest* request,
                                         twingraph::v1::VerifyBackupResponse* response) override;
  grpc::ServerUnaryReactor* ListQueries(Context* context,
                                        const twingraph::v1::ListQueriesRequest* request,
                                        twingraph::v1::ListQueriesResponse* response) override;
  grpc::ServerUnaryReactor* CancelQuery(Context* context,
                                        const twingraph::v1::CancelQueryRequest* request,
                                        twingraph::v1::CancelQueryResponse* response) override;
  grpc::ServerUnaryReactor* SlowQueries(Context* context,
                                        const twingraph::v1::SlowQueriesRequest* request,
                                        twingraph::v1::SlowQueriesResponse* response) override;

 private:
  const Services& services_;
};

}  // namespace twin::api

#endif  // TWIN_SERVER_API_ADMIN_SERVICE_H_
