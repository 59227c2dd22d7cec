// Batches of writes straight from the bytes of their messages. Internal to server/api.
#ifndef TWIN_SERVER_API_BATCH_BYTES_H_
#define TWIN_SERVER_API_BATCH_BYTES_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "server/ingest/operation.h"

namespace twin::api {

struct BatchOfBytes {
  ingest::WriteBatch batch;
  uint64_t batch_number = 0;
};

// What ToBatch makes of the BatchWriteRequest that these bytes are, at a fraction of the cost of
// parsing it, where they are what many send: alike patches of numbers, or creations of twins and
// relationships with plain values, written in the order of fields as all of protobuf's libraries
// do. Nothing: it is another one, or none at all, which is for protobuf and ToBatch to say.
std::optional<BatchOfBytes> ReadBatch(absl::string_view bytes);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_BATCH_BYTES_H_
