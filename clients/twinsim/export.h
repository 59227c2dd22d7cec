// The import file of a fleet: NDJSON in the form of Azure Digital Twins' import jobs.
//
//   {"Section":"Header"}
//   {"fileVersion":"1.0.0","author":"twinsim","organization":"Twingraph"}
//   {"Section":"Models"}
//   one interface a line
//   {"Section":"Twins"}
//   one twin a line
//   {"Section":"Relationships"}
//   one relationship a line
#ifndef TWIN_CLIENTS_TWINSIM_EXPORT_H_
#define TWIN_CLIENTS_TWINSIM_EXPORT_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "clients/twinsim/fleet.h"

namespace twin::twinsim {

struct ExportCounts {
  int64_t twins = 0;
  int64_t relationships = 0;
};

// Takes the next bytes of the file; never none. A failure ends the export.
using WriteBytes = absl::FunctionRef<absl::Status(absl::string_view)>;

// Hears, after every vehicle in either section, how much is done, from 0 to 1. Returns whether to
// go on.
using GoOn = absl::FunctionRef<bool(double)>;

// Writes the file in pieces of about a megabyte, which is also what it holds in memory.
//   models: interfaces in one line each, see ReadModels; none: the file has no section of them
//   first: the vehicle that it begins with
// The same fleet and models give the same bytes. CANCELLED: go_on said no. Otherwise only fails
// as `write` does.
// Cost: about a second for a million twins with their relationships, half a gigabyte.
absl::StatusOr<ExportCounts> ExportFleet(const Fleet& fleet, absl::Span<const std::string> models,
                                         WriteBytes write, GoOn go_on, int64_t first = 1);

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_EXPORT_H_
