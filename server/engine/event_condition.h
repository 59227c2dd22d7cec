// Conditions over changes: `new.temperature > 45 AND old.temperature <= 45`. Internal to
// server/engine.
#ifndef TWIN_SERVER_ENGINE_EVENT_CONDITION_H_
#define TWIN_SERVER_ENGINE_EVENT_CONDITION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/ast/ast.h"
#include "server/engine/event_host.h"
#include "server/events/condition.h"

namespace twin::engine {

// A condition, parsed: names without `new`, `old` or `twin` in front are the twin's.
// INVALID_ARGUMENT: it is none; the span is one of `text`.
absl::StatusOr<std::shared_ptr<const query::Statement>> ParseCondition(const std::string& text);

// `open` opens a reader of the last applied state. INVALID_ARGUMENT: a name or type is wrong.
// FAILED_PRECONDITION: there is no model at all.
absl::StatusOr<std::unique_ptr<events::Condition>> CompileCondition(
    const std::string& text, const std::vector<std::string>& models, EventHost::OpenReader open);

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_EVENT_CONDITION_H_
