// When a call is tried again.
#ifndef TWIN_CLIENTS_CPP_RETRY_H_
#define TWIN_CLIENTS_CPP_RETRY_H_

#include <chrono>

namespace twin::client {

struct RetryOptions {
  int tries_max = 4;  // the first one counts
  std::chrono::milliseconds backoff_min{100};
  std::chrono::milliseconds backoff_max{2000};
};

// Of a stream that stands: what happens while nobody listens comes late.
RetryOptions OfStandingStream(RetryOptions options);

// The waiting times between the tries of one call: each is twice the one before, up to
// backoff_max, less a random part of up to a quarter, so that clients which failed together do not
// come back together.
class Backoff {
 public:
  explicit Backoff(const RetryOptions& options) : options_(options), next_(options.backoff_min) {}

  std::chrono::milliseconds Next();

 private:
  const RetryOptions options_;
  std::chrono::milliseconds next_;
};

}  // namespace twin::client

#endif  // TWIN_CLIENTS_CPP_RETRY_H_
