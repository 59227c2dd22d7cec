// What the change feed reads.
#ifndef TWIN_SERVER_EVENTS_SOURCES_H_
#define TWIN_SERVER_EVENTS_SOURCES_H_

#include "server/events/change_log.h"
#include "server/ingest/writer.h"
#include "server/timeseries/store.h"

namespace twin::events {

// All of it outlives whoever reads.
struct Sources {
  ingest::GuardedGraph* graph = nullptr;
  const timeseries::Store* history = nullptr;
  ChangeLog* log = nullptr;
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_SOURCES_H_
