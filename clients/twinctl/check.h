// `twinctl check DIR`: a data directory that no server uses, looked at whole.
#ifndef TWIN_CLIENTS_TWINCTL_CHECK_H_
#define TWIN_CLIENTS_TWINCTL_CHECK_H_

#include "clients/twinctl/command_line.h"

namespace twin::twinctl {

void AddCheck(CommandLine* line);

}  // namespace twin::twinctl

#endif  // TWIN_CLIENTS_TWINCTL_CHECK_H_
