// TWIN_CHECK: an invariant of this program that no input can break. It stays on in every build,
// and a failure ends the process, so that a wrong state is neither acknowledged nor written.
//   TWIN_CHECK(begin <= end) << "segment " << id << ": " << begin << " > " << end;
// What a client or a file can get wrong is an absl::Status, never a check.
#ifndef TWIN_SERVER_BASE_CHECK_H_
#define TWIN_SERVER_BASE_CHECK_H_

#include <sstream>

#include "absl/base/optimization.h"

// Does nothing when `condition` holds; then what is streamed is not evaluated. Otherwise prints
// "file:line: check failed: condition: message" on stderr and aborts.
#define TWIN_CHECK(condition)              \
  while (ABSL_PREDICT_FALSE(!(condition))) \
  ::twin::internal::CheckFailure(__FILE__, __LINE__, #condition).message()

namespace twin::internal {

// One failed TWIN_CHECK: collects the message and aborts when the statement ends.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();

  std::ostream& message() { return message_; }

 private:
  const char* const file_;
  const int line_;
  const char* const condition_;
  std::ostringstream message_;
};

}  // namespace twin::internal

#endif  // TWIN_SERVER_BASE_CHECK_H_
