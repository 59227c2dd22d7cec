// What the delivery of changes may take, and what it does.
#ifndef TWIN_SERVER_EVENTS_OPTIONS_H_
#define TWIN_SERVER_EVENTS_OPTIONS_H_

#include <cstdint>

#include "server/base/ids.h"

namespace twin::events {

// The names are those of twind's options, after `event_`.
struct Options {
  uint64_t ring_bytes = 64u << 20;     // of recent changes in memory; older: the journal
  int64_t subscriptions_max = 10'000;  // at once
  // Matched and not sent, of one subscription; beside it what others have been sent already is kept
  // encoded, at most as much again, once for all.
  uint64_t pending_bytes_max = 4u << 20;
  uint64_t message_bytes = 1u << 20;     // events of one message, about; a single one may be more
  int64_t series_max = 4'000'000;        // whose last value is remembered, for old values
  int64_t under_twins_max = 10'000'000;  // below the root of a subscription
  int64_t progress_interval_ms = 5'000;  // how often an idle subscriber hears where it stands
  int64_t interval_ms_min = 100;         // of a delivery of latest values, at most an hour
  int64_t latest_keys_max = 100'000;     // values that such a delivery keeps until it is due
  int32_t threads = 2;                   // that deliver
  // Of named subscriptions.
  int64_t named_subscriptions_max = 1'000;
  int64_t consumers_max = 16;            // of one, at most kSlots
  int64_t unacknowledged_max = 100'000;  // events in memory of one: sent, or waiting for a consumer
  uint64_t unacknowledged_bytes_max = 16u << 20;
  int64_t credit_max = 100'000;         // events that a consumer may ask for in advance
  int64_t acknowledge_ms_max = 60'000;  // then a consumer is taken for lost
};

// Each has at least one of the slots into which twins are divided (slot_cursors.h).
inline constexpr int kConsumersMax = 64;

// Of one filter.
inline constexpr int kFilterItemsMax = 1'000;  // types, models, twins, paths: each
inline constexpr int kConditionBytesMax = 16 * 1024;

// What the feed is doing.
struct FeedStatus {
  uint64_t subscriptions = 0;
  uint64_t live = 0;       // the others are behind
  uint64_t delivered = 0;  // events since the start
  uint64_t fell_behind = 0;
  uint64_t ring_bytes = 0;  // of recent changes in memory
  Sequence oldest;          // that can be read
};

}  // namespace twin::events

#endif  // TWIN_SERVER_EVENTS_OPTIONS_H_
