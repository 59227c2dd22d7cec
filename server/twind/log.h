// The server's log: a line an event on stderr, as logfmt or JSON.
#ifndef TWIN_SERVER_TWIND_LOG_H_
#define TWIN_SERVER_TWIND_LOG_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace twin::twind {

// Before the first event, once. What gRPC and protobuf say comes as events `library`.
//   level: debug, info, warn, error; format: logfmt, json
void SetUpLog(const std::string& level, const std::string& format);

// One event with its fields.
class Event {
 public:
  explicit Event(absl::string_view name);
  Event& Add(absl::string_view key, absl::string_view value);
  Event& Add(absl::string_view key, uint64_t value);
  const std::string& text() const { return text_; }

 private:
  const bool json_;
  std::string text_;
};

}  // namespace twin::twind

#endif  // TWIN_SERVER_TWIND_LOG_H_
