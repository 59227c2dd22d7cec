#include "server/ingest/request_ids.h"

#include "server/base/coding.h"
#include "server/ingest/change.h"

namespace twin::ingest {

int64_t RequestIds::BytesOf(absl::string_view id, const WriteResult& result) {
  auto bytes = static_cast<int64_t>(200 + 2 * id.size());
  for (const OperationResult& each : result.results) {
    bytes += static_cast<int64_t>(sizeof(each) + each.status.message().size());
  }
  return bytes;
}

void RequestIds::Add(absl::string_view id, const WriteResult& result, const Limits& limits) {
  if (!by_id_.insert_or_assign(std::string(id), result).second) return;
  order_.push_back({std::string(id), result.time});
  bytes_ += BytesOf(id, result);
  const int64_t oldest = result.time.ns - limits.request_id_seconds * kNsPerSecond;
  while (!order_.empty() &&
         (order_.front().time.ns < oldest || bytes_ > limits.request_ids_bytes_max ||
          static_cast<int64_t>(order_.size()) > limits.request_ids_max)) {
    bytes_ -= BytesOf(order_.front().id, by_id_.at(order_.front().id));
    by_id_.erase(order_.front().id);
    order_.pop_front();
  }
}

const WriteResult* RequestIds::Find(absl::string_view id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &it->second;
}

std::string RequestIds::Encode() const {
  std::string bytes;
  AppendVarint(&bytes, order_.size());
  for (const Remembered& each : order_) {
    const WriteResult& result = by_id_.at(each.id);
    AppendString(&bytes, each.id);
    AppendFixed(&bytes, result.time.ns);
    AppendVarint(&bytes, result.sequence.value);
    std::string results;
    EncodeResults(result.results, &results);
    AppendString(&bytes, results);
  }
  return bytes;
}

absl::Status RequestIds::Decode(absl::string_view bytes, const Limits& limits) {
  ByteReader reader(bytes);
  const uint64_t count = reader.Varint(reader.rest().size());
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    const std::string id(reader.String());
    WriteResult result;
    result.time = Time{reader.Fixed<int64_t>()};
    result.sequence = Sequence(reader.Varint());
    if (!DecodeResults(reader.String(), &result.results)) reader.Fail();
    if (reader.ok()) Add(id, result, limits);
  }
  if (reader.ok() && reader.done()) return absl::OkStatus();
  return absl::DataLossError("the request ids of the checkpoint are damaged");
}

}  // namespace twin::ingest
