// Steps of a patch inside of one value: arrays and maps (JSON Patch, RFC 6902; JSON Pointer, 6901).
#ifndef TWIN_SERVER_INGEST_EDIT_VALUE_H_
#define TWIN_SERVER_INGEST_EDIT_VALUE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/base/value.h"
#include "server/ingest/operation.h"

namespace twin::ingest {

// Applies `edit` at the place `path` of `value`, which has at least one part. `pointer` is for
// messages. INVALID_ARGUMENT: there is no such place; FAILED_PRECONDITION: a test failed.
absl::Status EditValue(const Edit& edit, absl::Span<const std::string> path,
                       absl::string_view pointer, Value* value);

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_EDIT_VALUE_H_
