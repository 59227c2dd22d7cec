#include "server/engine/event_host.h"

#include <utility>

#include "server/engine/event_condition.h"

namespace twin::engine {
namespace {

class HeldEventState : public events::HeldState {
 public:
  explicit HeldEventState(std::shared_ptr<HeldSnapshot> snapshot)
      : snapshot_(std::move(snapshot)) {}
  absl::StatusOr<std::shared_ptr<const graph::GraphView>> Get() const override {
    return snapshot_->Get();
  }

 private:
  const std::shared_ptr<HeldSnapshot> snapshot_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<events::Condition>> EventHost::Compile(
    const std::string& text, const std::vector<std::string>& models) {
  return CompileCondition(text, models, open_);
}

std::unique_ptr<events::HeldState> EventHost::Hold() {
  return std::make_unique<HeldEventState>(hold_());
}

}  // namespace twin::engine
