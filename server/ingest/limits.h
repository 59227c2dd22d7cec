// Everything a client can make grow, with its bound.
#ifndef TWIN_SERVER_INGEST_LIMITS_H_
#define TWIN_SERVER_INGEST_LIMITS_H_

#include <cstdint>

namespace twin::ingest {

// The names are those of twind's options. Beyond one: INVALID_ARGUMENT or RESOURCE_EXHAUSTED, and
// the message says the name.
struct Limits {
  int32_t twin_id_length_max = 128;  // characters, of twins and relationships
  int64_t twin_bytes_max = 1 << 20;  // all contents of one twin, encoded
  int64_t string_bytes_max = 64 << 10;
  int32_t batch_operations_max = 10'000;
  int64_t batch_bytes_max = 32 << 20;              // of one batch's record in the journal
  int64_t relationships_per_twin_max = 1'000'000;  // each direction
  int32_t patch_operations_max = 1'000;
  int32_t models_max = 10'000;
  int64_t model_bytes_max = 1 << 20;
  int32_t models_per_request_max = 1'000;
  int64_t twins_max = 100'000'000;
  // Of the 4 GiB that graph::GraphView::ids_bytes and strings_bytes count; what is in flight needs
  // the rest.
  int64_t ids_bytes_max = int64_t{7} << 29;
  int64_t strings_bytes_max = int64_t{7} << 29;
  int64_t relationships_max = 1'000'000'000;
  // Twins and relationships that have ended, and values of relationships that have changed.
  int64_t past_entries_max = 20'000'000;
  int64_t dry_run_operations_max = 1'000'000;  // of one, in all its batches
  int64_t write_queue_bytes_max = 256 << 20;   // waiting to be checked or synced
  int64_t request_ids_max = 1'000'000;
  int64_t request_ids_bytes_max = 256 << 20;  // with the answers that are remembered
  int64_t request_id_seconds = 24 * 3600;
  int32_t request_id_length_max = 128;
  int32_t layout_columns_max = 4'096;
  int64_t layouts_max = 1'000'000;
  int64_t producers_max = 1'000'000;
  int32_t frame_rows_max = 10'000;            // of one layout in a message
  int32_t sample_rows_max = 100'000;          // of a message
  int64_t clock_skew_ms_max = 5 * 60 * 1000;  // source times ahead of the server
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_LIMITS_H_
