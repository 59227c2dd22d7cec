#include "clients/twinsim/frames.h"

#include <bit>
#include <utility>

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;

void AppendBytes(uint64_t bits, int width, std::string* out) {
  for (int i = 0; i < width; ++i) out->push_back(static_cast<char>(bits >> (8 * i) & 0xFF));
}

}  // namespace

int WidthOf(v1::Encoding encoding) {
  switch (encoding) {
    case v1::UINT8:
      return 1;
    case v1::INT16:
    case v1::UINT16:
      return 2;
    case v1::FLOAT:
    case v1::INT32:
      return 4;
    default:
      return 8;
  }
}

bool Holds(v1::Encoding encoding, int64_t raw) {
  const int bits = 8 * WidthOf(encoding);
  if (bits == 64) return true;
  const bool is_unsigned = encoding == v1::UINT8 || encoding == v1::UINT16;
  const int64_t values = int64_t{1} << bits;
  return is_unsigned ? raw >= 0 && raw < values : raw >= -values / 2 && raw < values / 2;
}

void AppendValue(v1::Encoding encoding, int64_t raw, double number, std::string* out) {
  if (encoding == v1::DOUBLE) {
    AppendBytes(std::bit_cast<uint64_t>(number), 8, out);
  } else if (encoding == v1::FLOAT) {
    AppendBytes(std::bit_cast<uint32_t>(static_cast<float>(number)), 4, out);
  } else {
    AppendBytes(static_cast<uint64_t>(raw), WidthOf(encoding), out);
  }
}

FramePacker::FramePacker(std::string layout_id, std::vector<v1::Encoding> encodings)
    : layout_id_(std::move(layout_id)),
      encodings_(std::move(encodings)),
      columns_(encodings_.size()) {}

void FramePacker::Add(int64_t time_unix_nano, absl::Span<const int64_t> raws,
                      absl::Span<const double> doubles) {
  times_.push_back(time_unix_nano);
  for (size_t i = 0; i < encodings_.size(); ++i) {
    AppendValue(encodings_[i], raws[i], doubles[i], &columns_[i]);
  }
}

v1::FrameBatch FramePacker::Take() {
  v1::FrameBatch batch;
  batch.set_layout_id(layout_id_);
  for (const int64_t time : times_) batch.add_times_unix_nano(time);
  for (std::string& column : columns_) {
    batch.mutable_packed()->append(column);
    column.clear();
  }
  times_.clear();
  return batch;
}

}  // namespace twin::twinsim
