#include "server/ingest/request_ids.h"

#include <utility>

#include "server/base/coding.h"
#include "server/ingest/change.h"

namespace twin::ingest {

std::string StoredRequestId(absl::string_view id, uint64_t digest) {
  std::string stored(id);
  if (digest == 0) return stored;
  stored.push_back('\0');
  AppendFixed(&stored, digest);
  return stored;
}

absl::string_view PlainRequestId(absl::string_view stored, uint64_t* digest) {
  constexpr size_t kEndBytes = 1 + sizeof(uint64_t);
  uint64_t found = 0;
  if (stored.size() > kEndBytes && stored[stored.size() - kEndBytes] == '\0') {
    found = ByteReader(stored.substr(stored.size() - sizeof(found))).Fixed<uint64_t>();
    stored.remove_suffix(kEndBytes);
  }
  if (digest != nullptr) *digest = found;
  return stored;
}

int64_t RequestIds::BytesOf(absl::string_view id, const WriteResult& result) {
  auto bytes = static_cast<int64_t>(200 + 2 * id.size());
  for (const OperationResult& each : result.results) {
    bytes += static_cast<int64_t>(sizeof(each) + each.status.message().size());
  }
  return bytes;
}

void RequestIds::Add(absl::string_view stored_id, const WriteResult& result, const Limits& limits) {
  Done done{result, 0};
  const std::string id(PlainRequestId(stored_id, &done.digest));
  if (!by_id_.insert_or_assign(id, std::move(done)).second) return;
  order_.push_back({id, result.time});
  bytes_ += BytesOf(id, result);
  const int64_t oldest = result.time.ns - limits.request_id_seconds * kNsPerSecond;
  while (!order_.empty() &&
         (order_.front().time.ns < oldest || bytes_ > limits.request_ids_bytes_max ||
          static_cast<int64_t>(order_.size()) > limits.request_ids_max)) {
    bytes_ -= BytesOf(order_.front().id, by_id_.at(order_.front().id).result);
    by_id_.erase(order_.front().id);
    order_.pop_front();
  }
}

const RequestIds::Done* RequestIds::Find(absl::string_view id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &it->second;
}

std::string RequestIds::Encode() const {
  std::string bytes;
  AppendVarint(&bytes, order_.size());
  for (const Remembered& each : order_) {
    const auto& [result, digest] = by_id_.at(each.id);
    AppendString(&bytes, StoredRequestId(each.id, digest));
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
