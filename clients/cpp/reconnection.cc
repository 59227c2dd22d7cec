#include "clients/cpp/reconnection.h"

namespace twin::client {

using std::chrono::steady_clock;

Reconnection::Reconnection(const Caller& caller, const EventOptions& options)
    : caller_(caller), options_(options) {
  backoff_.emplace(OfStandingStream(caller.options().retry));
}

absl::Status Reconnection::Wait(const absl::Status& ended) {
  // A stream that goes on has no good end.
  absl::Status lost = ended.ok() ? absl::UnavailableError("the server ended the stream") : ended;
  if (stands_) {
    backoff_.emplace(OfStandingStream(caller_.options().retry));
    lost_at_ = steady_clock::now();
    has_stood_ = true;
    stands_ = false;
  }
  if (!has_stood_ && ++tries_ >= caller_.options().retry.tries_max) return lost;
  const std::chrono::milliseconds wait = backoff_->Next();
  if (steady_clock::now() + wait > lost_at_ + options_.reconnect_time_max) return lost;
  if (options_.on_lost) options_.on_lost(lost);
  return caller_.Sleep(wait) ? absl::OkStatus() : absl::CancelledError("interrupted");
}

}  // namespace twin::client
