// What the change feed needs of the engine: conditions in the query language, states to begin with.
// Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_EVENT_HOST_H_
#define TWIN_SERVER_ENGINE_EVENT_HOST_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/engine/graph_reader.h"
#include "server/engine/snapshot_registry.h"
#include "server/events/condition.h"

namespace twin::engine {

// Thread-safe.
class EventHost : public events::Host {
 public:
  using OpenReader = std::function<std::unique_ptr<SnapshotReader>()>;
  using HoldSnapshot = std::function<std::shared_ptr<HeldSnapshot>()>;
  EventHost(OpenReader open, HoldSnapshot hold) : open_(std::move(open)), hold_(std::move(hold)) {}

  absl::StatusOr<std::unique_ptr<events::Condition>> Compile(
      const std::string& text, const std::vector<std::string>& models) override;
  std::unique_ptr<events::HeldState> Hold() override;

 private:
  const OpenReader open_;
  const HoldSnapshot hold_;
};

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_EVENT_HOST_H_
