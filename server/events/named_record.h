// Named subscriptions as the documents that keep them. docs/formats/events.md draws the bytes.
// Internal to server/events.
#ifndef TWIN_SERVER_EVENTS_NAMED_RECORD_H_
#define TWIN_SERVER_EVENTS_NAMED_RECORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/events/named_subscriptions.h"

namespace twin::events {

// Collections of documents; the name is the subscription's in both.
inline constexpr char kSpecCollection[] = "subscriptions";
inline constexpr char kCursorCollection[] = "subscription-cursors";

// The name is the document's.
std::string EncodeSpec(const NamedSpec& spec);
// DATA_LOSS: it is damaged.
absl::StatusOr<NamedSpec> DecodeSpec(absl::string_view name, absl::string_view bytes);

// INVALID_ARGUMENT: it is no name; `what` begins the message.
absl::Status CheckName(absl::string_view what, absl::string_view name);

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_NAMED_RECORD_H_
