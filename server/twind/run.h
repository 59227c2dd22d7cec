// The life of a server process: open, serve, wait for SIGTERM, stop.
#ifndef TWIN_SERVER_TWIND_RUN_H_
#define TWIN_SERVER_TWIND_RUN_H_

#include "server/twind/options.h"

namespace twin::twind {

// Serves until SIGTERM or SIGINT. Returns the exit code: 0 after a clean stop, 1 when it could not
// start or stop.
int Run(const Options& options);

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_RUN_H_
