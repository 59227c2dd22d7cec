// Any text, as a condition over changes and as a resume token: both are refused with a place, or
// taken; a token that is taken is one that is given out.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "query/ast/error.h"
#include "server/base/check.h"
#include "server/engine/event_condition.h"
#include "server/events/token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto sequence = twin::events::ParseToken(text);
  if (sequence.ok()) {
    const auto again = twin::events::ParseToken(twin::events::TokenOf(*sequence));
    TWIN_CHECK(again.ok() && *again == *sequence);
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
