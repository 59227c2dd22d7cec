// Requests that were done, by the id that their client gave them: a repeated one is answered again
// and not done again. Survives restarts through journal and checkpoint.
#ifndef TWIN_SERVER_INGEST_REQUEST_IDS_H_
#define TWIN_SERVER_INGEST_REQUEST_IDS_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/ingest/limits.h"
#include "server/ingest/operation.h"

namespace twin::ingest {

// Tells what a batch asks for from what another one does; never 0. Cost: linear in the batch.
uint64_t DigestOf(const WriteBatch& batch);

// A request id as records and checkpoints have it: with the digest of its request.
std::string StoredRequestId(absl::string_view id, uint64_t digest);
// The id alone; its digest, or 0: a version that knew none wrote it.
absl::string_view PlainRequestId(absl::string_view stored, uint64_t* digest = nullptr);

// Thread-compatible.
class RequestIds {
 public:
  struct Done {
    WriteResult result;
    uint64_t digest = 0;  // of the request; 0: not known
  };

  // Remembers it, and forgets what is older than request_id_seconds or beyond request_ids_max.
  void Add(absl::string_view stored_id, const WriteResult& result, const Limits& limits);
  // By the plain id. nullptr: not known (any more).
  const Done* Find(absl::string_view id) const;
  size_t size() const { return by_id_.size(); }

  // All of them, oldest first.
  std::string Encode() const;
  // DATA_LOSS: these are no such bytes.
  absl::Status Decode(absl::string_view bytes, const Limits& limits);

 private:
  struct Remembered {
    std::string id;
    Time time;
  };
  static int64_t BytesOf(absl::string_view id, const WriteResult& result);

  std::deque<Remembered> order_;
  int64_t bytes_ = 0;
  absl::flat_hash_map<std::string, Done> by_id_;
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_REQUEST_IDS_H_
