// Resume tokens: opaque to clients, URL-safe text. docs/formats/events.md draws the bytes.
#ifndef TWIN_SERVER_EVENTS_TOKEN_H_
#define TWIN_SERVER_EVENTS_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/ids.h"

namespace twin::events {

// Everything up to and including `sequence` has been seen.
std::string TokenOf(Sequence sequence);
// INVALID_ARGUMENT: not one of ours.
absl::StatusOr<Sequence> ParseToken(absl::string_view token);

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_TOKEN_H_
