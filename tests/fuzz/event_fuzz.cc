// Any text, as a condition over changes, as a resume token and as what is stored of a named
// subscription: refused, a condition with a place, or taken; what is taken is written as it was.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/error.h"
#include "server/base/check.h"
#include "server/engine/event_condition.h"
#include "server/events/named_record.h"
#include "server/events/slot_cursors.h"
#include "server/events/token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto sequence = twin::events::ParseToken(text);
  if (sequence.ok()) {
    const auto again = twin::events::ParseToken(twin::events::TokenOf(*sequence));
    TWIN_CHECK(again.ok() && *again == *sequence);
  }
  const auto cursors = twin::events::SlotCursors::Decode(text);
  if (cursors.ok()) {
    const auto again = twin::events::SlotCursors::Decode(cursors->Encode());
    TWIN_CHECK(again.ok() && *again == *cursors);
  }
  const auto spec = twin::events::DecodeSpec("name", text);
  if (spec.ok()) {
    const std::string bytes = twin::events::EncodeSpec(*spec);
    const auto again = twin::events::DecodeSpec("name", bytes);
    TWIN_CHECK(again.ok() && twin::events::EncodeSpec(*again) == bytes);
  }
  const auto condition = twin::engine::ParseCondition(text);
  if (condition.ok()) {
    TWIN_CHECK((*condition)->select.where != nullptr);
    return 0;
  }
  const absl::Status& status = condition.status();
  TWIN_CHECK(status.code() == absl::StatusCode::kInvalidArgument ||
             status.code() == absl::StatusCode::kResourceExhausted)
      << status;
  const std::optional<twin::query::Span> span = twin::query::SpanOf(status);
  if (span.has_value()) {
    TWIN_CHECK(span->line >= 1 && span->column >= 1 && span->offset <= text.size()) << status;
  }
  return 0;
}
