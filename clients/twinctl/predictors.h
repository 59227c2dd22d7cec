// `twinctl predictors`.
#ifndef TWIN_CLIENTS_TWINCTL_PREDICTORS_H_
#define TWIN_CLIENTS_TWINCTL_PREDICTORS_H_

#include "clients/twinctl/command_line.h"
#include "clients/twinctl/connection.h"
#include "clients/twinctl/output.h"
#include "twingraph/v1/predictor_service.pb.h"

namespace twin::twinctl {

void AddPredictors(CommandLine* line, const ServerPointer& server);
// predictors_register.cc
void AddPredictorsRegister(CommandLine* line, CLI::App* group, const ServerPointer& server);
// predictors_runs.cc
void AddPredictorsRun(CommandLine* line, CLI::App* group, const ServerPointer& server);
void AddPredictorsRuns(CommandLine* line, CLI::App* group, const ServerPointer& server);
void AddPredictorsForecasts(CommandLine* line, CLI::App* group, const ServerPointer& server);

Json PredictorJson(const twingraph::v1::PredictorInfo& info);
Json PredictorRunJson(const twingraph::v1::PredictorRun& run);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_PREDICTORS_H_
