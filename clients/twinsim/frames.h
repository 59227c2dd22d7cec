// Frames of a layout, gathered and packed.
#ifndef TWIN_CLIENTS_TWINSIM_FRAMES_H_
#define TWIN_CLIENTS_TWINSIM_FRAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "twingraph/v1/telemetry_service.pb.h"

namespace twin::twinsim {

// Bytes of a value.
int WidthOf(twingraph::v1::Encoding encoding);
// Whether an encoding of integers has that value.
bool Holds(twingraph::v1::Encoding encoding, int64_t raw);
// Appends a value, little-endian: `raw` where the encoding is of integers, else `number`.
void AppendValue(twingraph::v1::Encoding encoding, int64_t raw, double number, std::string* out);

// Frames come row by row, and are packed column by column. Thread-compatible.
class FramePacker {
 public:
  //   encodings: of each column of the layout, rules written out
  FramePacker(std::string layout_id, std::vector<twingraph::v1::Encoding> encodings);

  // raws, doubles: one for each column, of which the encoding takes one.
  void Add(int64_t time_unix_nano, absl::Span<const int64_t> raws,
           absl::Span<const double> doubles);
  int frames() const { return static_cast<int>(times_.size()); }
  // What was added, once.
  twingraph::v1::FrameBatch Take();

 private:
  const std::string layout_id_;
  const std::vector<twingraph::v1::Encoding> encodings_;
  std::vector<int64_t> times_;
  std::vector<std::string> columns_;  // packed
};

}  // namespace twin::twinsim

#endif  // TWIN_CLIENTS_TWINSIM_FRAMES_H_
