// What execution reads from: a graph and its time series at one snapshot. The server implements
// both; tests have a reference in memory.
#ifndef TWIN_QUERY_EXECUTE_READERS_H_
#define TWIN_QUERY_EXECUTE_READERS_H_

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/bind/bound.h"
#include "query/bind/catalog.h"
#include "query/execute/vector.h"
#include "query/plan/statistics.h"
#include "server/base/ids.h"
#include "server/base/time.h"

namespace twin::query {

// Relationships that GraphReader::Expand found: item i goes from sources[i] of the call.
struct Expansion {
  std::vector<uint32_t> sources;        // index into the call's twins, ascending
  std::vector<uint32_t> relationships;  // RelationshipNumber
  std::vector<uint32_t> targets;        // TwinNumber: of the other end
  std::vector<Place> places;  // of the targets, where the reader has them at hand; or none

  void clear() {
    sources.clear();
    relationships.clear();
    targets.clear();
    places.clear();
  }
};

// One relationship after the other, each of `types` (`any_type`: of all).
struct Hop {
  EdgePattern::Direction direction = EdgePattern::Direction::kOutgoing;
  absl::Span<const RelationshipTypeId> types;
  bool any_type = false;
};

// Where the twins stand that hops lead to from each twin of a table: in the order in which Expand,
// hop by hop, finds them, as runs of rows that follow each other.
struct RowRuns {
  struct Run {
    uint32_t table;
    uint32_t row;
    uint32_t count;
  };
  // From the twin in row i: runs [offsets[i], offsets[i + 1]); in rows beyond: none.
  std::vector<uint32_t> offsets;
  std::vector<Run> runs;

  absl::Span<const Run> From(uint32_t row) const {
    if (size_t{row} + 1 >= offsets.size()) return {};
    return {runs.data() + offsets[row], offsets[row + 1] - offsets[row]};
  }
  uint64_t bytes() const { return offsets.size() * sizeof(uint32_t) + runs.size() * sizeof(Run); }
};

// One column of a page of rows, as it is stored. Row i of the page has a value where bit i % 8 of
// has[i / 8] is set. Lives as long as the reader.
struct ColumnPage {
  // kCode: 32 bits that stand for a string, the same ones wherever it is the same string.
  enum class Stored : uint8_t { kBool, kInt32, kInt64, kFloat, kDouble, kCode, kOther };
  Stored stored = Stored::kOther;
  const uint8_t* has = nullptr;  // nullptr: no row of the page has a value
  const char* values = nullptr;
};

// A consistent state. Numbers are those that it gave out. A batch of work per call.
// Thread-safe: any number of threads read at once. Strings that it returns live as long as it does.
class GraphReader : public Statistics {
 public:
  using Direction = EdgePattern::Direction;

  virtual const Catalog& catalog() const = 0;
  virtual Sequence sequence() const = 0;

  // --- Twins ---
  // Rows of a table lie below this; some of them may hold no twin.
  virtual uint32_t Rows(TableId table) const = 0;
  // Appends twin and place of each row in [first, first + count) that holds a twin.
  virtual void Scan(TableId table, uint32_t first, uint32_t count, std::vector<uint32_t>* twins,
                    std::vector<Place>* places) const = 0;
  // Tables that are kept in pages of so many rows, a multiple of 8, can be looked at in place; 0:
  // they cannot. TwinPage: of each row of the page its twin's number + 1, or 0; nullptr: no row.
  // PagesOf: of pages.size() pages from `first` on the values of a column, also beyond the last
  // row.
  virtual uint32_t page_rows() const { return 0; }
  // At AsOf some may have to be read row by row: whether pages have all twins of a table, and the
  // values of a column as they were.
  virtual bool TwinsAreInPages(TableId /*table*/) const { return page_rows() > 0; }
  virtual bool ValuesAreInPages(TableId /*table*/, ColumnId /*column*/) const {
    return page_rows() > 0;
  }
  virtual const uint32_t* TwinPage(TableId /*table*/, uint32_t /*page*/) const { return nullptr; }
  virtual void PagesOf(TableId /*table*/, ColumnId /*column*/, uint32_t /*first*/,
                       absl::Span<ColumnPage> /*pages*/) const {}
  // What stands for that string in pages of kCode; -1: it is in none.
  virtual int64_t CodeOf(absl::string_view /*text*/) const { return -1; }
  virtual TwinNumber Find(absl::string_view id) const = 0;  // kNoTwin: none
  // Twins whose indexed string column has that value, in no order.
  virtual std::vector<TwinNumber> FindEqual(TableId table, ColumnId column,
                                            absl::string_view value) const = 0;
  virtual void Places(absl::Span<const uint32_t> twins, std::vector<Place>* places) const = 0;

  // Values of a column at rows of its table: ints, doubles, strings … in the kind of the catalog's
  // Column, converted neither in type nor unit. `out` is reset to rows.size() rows.
  virtual void Read(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                    Vector* out) const = 0;
  // Source time, or with `arrival` server time, of the last change; NULL where it has no value.
  virtual void ReadUpdateTimes(TableId table, ColumnId column, absl::Span<const uint32_t> rows,
                               bool arrival, Vector* out) const = 0;
  // kId, kEtag, kModel: strings; kLastUpdateTime: times; kMetadata: kValue, as in JSON.
  virtual void ReadField(absl::Span<const uint32_t> twins, Field field, Vector* out) const = 0;

  // --- Relationships ---
  // Those of `types` (`any_type`: all) at each twin, in the order of creation; of a twin's
  // outgoing ones first where the direction is kEither, a self-loop once. Clears `out`, then
  // appends; stops after the twin at which it has `max` or more, and returns the index of the next
  // one to go on with; twins.size(): all are done.
  virtual size_t Expand(absl::Span<const uint32_t> twins, size_t first, Direction direction,
                        absl::Span<const RelationshipTypeId> types, bool any_type, size_t max,
                        Expansion* out) const = 0;
  // How many such relationships there are in all.
  virtual uint64_t CountExpand(absl::Span<const uint32_t> twins, Direction direction,
                               absl::Span<const RelationshipTypeId> types, bool any_type) const = 0;
  // nullptr: it is not at hand, and Expand has to follow them. Only where page_rows() > 0.
  // `interrupted`: an error while they are made for the first time ends that, with nullptr.
  virtual std::shared_ptr<const RowRuns> RunsOf(
      TableId /*from*/, absl::Span<const Hop> /*hops*/,
      absl::FunctionRef<absl::Status()> /*interrupted*/) const {
    return nullptr;
  }
  virtual uint32_t relationship_numbers() const = 0;  // all lie below this
  // Appends the relationships in [first, first + count) that exist and are of `types`.
  // `history_all`: also those that have ended.
  virtual absl::Status ScanRelationships(uint32_t first, uint32_t count,
                                         absl::Span<const RelationshipTypeId> types, bool any_type,
                                         bool history_all,
                                         std::vector<uint32_t>* relationships) const = 0;
  // These take numbers that ScanRelationships or Expand of this reader gave, in any order, also
  // several times; of others the answer means nothing. What is in the output goes; afterwards it
  // has relationships.size() entries, in their order.
  virtual void RelationshipTypes(absl::Span<const uint32_t> relationships,
                                 std::vector<uint32_t>* types) const = 0;
  // `column` of relationships that are all of `type`, in the kind of the catalog's Column; NULL
  // where there is no value.
  virtual void ReadRelationship(RelationshipTypeId type, ColumnId column,
                                absl::Span<const uint32_t> relationships, Vector* out) const = 0;
  // kId, kName, kSourceId, kTargetId, kEtag: strings; NULL for fields that only twins have.
  virtual void ReadRelationshipField(absl::Span<const uint32_t> relationships, Field field,
                                     Vector* out) const = 0;

  // The graph as it stood at source time `time`. Lives no longer than this reader.
  // OUT_OF_RANGE: that is before the kept history; the message says how far back one can ask.
  virtual absl::StatusOr<std::unique_ptr<GraphReader>> AsOf(Time time) const = 0;
  // At AsOf: values that are not recorded and were therefore left out, counted so far.
  virtual uint64_t unrecorded() const { return 0; }
  // At AsOf: why values that are recorded could not be read until now, such as DATA_LOSS.
  virtual absl::Status read_error() const { return absl::OkStatus(); }
};

// How samples were come by where not all of them were read.
struct SummaryCounts {
  uint64_t blocks = 0;        // by statistics of blocks, without their samples
  uint64_t rollup_rows = 0;   // by roll-ups
  uint64_t expired_rows = 0;  // of those: of samples that are kept no longer
  uint64_t cut_rows = 0;      // of such, left out: they could not say what was asked for
  uint64_t rows = 0;          // that were read
  // Left out, since their statistics say that no sample is within the bounds.
  uint64_t skipped_blocks = 0;
};

// Samples of one twin, or of several on one time axis, in the order of time.
struct SeriesRows {
  std::vector<int64_t> times;  // nanoseconds, ascending, each once
  // As asked for, each of times.size() rows, in the kind of the catalog's Column; of kNull, and
  // without times of its own, where the twin's model lacks the path.
  std::vector<Vector> columns;
  SummaryCounts counts;  // of ends_of; of others cut_rows alone
};

struct SeriesRequest {
  struct Column {
    TwinNumber twin;
    std::string path;
  };
  std::vector<Column> columns;  // that share a time axis
  int64_t from = 0;             // nanoseconds: from < time or from <= time …
  int64_t to = 0;               // … and time <= to or time < to
  bool from_excluded = false;
  bool to_included = false;
  // Also the last sample of each column at or before `from`, but not older than this, if > 0.
  int64_t before_max = 0;
  // > 0: of each step of so many nanoseconds from 1970 on the first and the last sample of a column
  // are enough; others may be there or not.
  int64_t ends_of = 0;
  // Rows in which this column has no value of min <= value <= max may be left out, with
  // `keeps_ends` but for the first and the last one of what is left out.
  struct Bounds {
    int column = -1;  // none
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    bool keeps_ends = false;  // of requests of one column
  };
  Bounds bounds = {};
};

// Samples summed up: rows of a request, or of a step of them.
struct SeriesSummary {
  // As the column's samples would be aggregated; what is not known of a row without a sample (its
  // count is 0) means nothing.
  struct Column {
    Vector counts;  // kInt
    Vector sums;    // kInt: in units of 10^-decimals; or doubles
    Vector mins, maxs, firsts, lasts;
  };
  // Where the step begins that the row is of, or without steps some time within the window. In the
  // order of time; of a step there may be several rows.
  std::vector<int64_t> times;
  std::vector<int64_t> rows;    // how many rows Read would give of it
  std::vector<Column> columns;  // empty if there are no rows
};

struct SummaryRequest {
  SeriesRequest rows;    // without before_max; columns of numbers
  int64_t step = 0;      // from 1970 on; 0: the window as one
  bool sums = false;     // else they may be left out; so may …
  bool extremes = true;  // … mins and maxs
  bool ends = true;      // … firsts and lasts
};

// One question about many: request i is about item i of each column's twins.
struct SummariesRequest {
  struct Column {
    absl::Span<const uint32_t> twins;
    std::string path;
  };
  std::vector<Column> columns;
  SummaryRequest of_each;  // without columns
};

// Rows of several requests.
struct SeriesSummaries {
  std::vector<uint32_t> requests;  // of each row, ascending
  SeriesSummary summary;
};

// Each row by itself. Sums are there if the rows have numbers.
SeriesSummary SummaryOfRows(SeriesRows rows);

// Thread-safe. Sees what the GraphReader of the same snapshot sees.
class SeriesReader {
 public:
  virtual ~SeriesReader() = default;
  // Calls `visit` once for each request, in order.
  virtual absl::Status Read(
      absl::Span<const SeriesRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, SeriesRows rows)> visit) const = 0;
  // Sets recorded[i] to 1 where twins[i], which exist or have ended, may have a sample of the path
  // within from <= time <= to, and leaves the others, which have none. Cost: some nanoseconds for
  // one without. By default all may.
  virtual void FindRecorded(absl::Span<const uint32_t> twins, absl::string_view path, int64_t from,
                            int64_t to, uint8_t* recorded) const;
  // The same summed up: COUNT, SUM, MIN, MAX, FIRST and LAST of what it gives are exactly those of
  // the rows, and of roll-ups whose samples are kept no longer. By default from the rows.
  virtual absl::Status Summarize(
      absl::Span<const SummaryRequest> requests,
      absl::FunctionRef<absl::Status(size_t request, SeriesSummary summary)> visit,
      SummaryCounts* counts) const;
  // The same of many: `visit` is called with their rows, in the order of requests, perhaps several
  // requests at once, whose sums are of one kind and have the same decimals.
  virtual absl::Status SummarizeEach(
      const SummariesRequest& request,
      absl::FunctionRef<absl::Status(SeriesSummaries summaries)> visit,
      SummaryCounts* counts) const;
};

}  // namespace twin::query

#endif  // TWIN_QUERY_EXECUTE_READERS_H_
