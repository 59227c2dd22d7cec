// Rows of a query as clients get them: JSON lines or typed columns. Internal to server/api.
#ifndef TWIN_SERVER_API_QUERY_ROWS_H_
#define TWIN_SERVER_API_QUERY_ROWS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/execute/execute.h"
#include "query/execute/readers.h"
#include "query/execute/vector.h"
#include "server/base/ids.h"
#include "twingraph/v1/query_service.pb.h"

namespace twin::api {

// Twins, relationships and paths as the JSON documents that query_service.proto describes, many at
// once. Thread-compatible. `graph` must outlive it.
class DocumentWriter {
 public:
  struct Options {
    bool include_telemetry = false;
    bool include_times = false;  // of each property, in $metadata
  };
  DocumentWriter(const query::GraphReader* graph, const Options& options)
      : graph_(*graph), options_(options) {}

  // documents[i] becomes the document of twins[i].
  void Twins(absl::Span<const uint32_t> twins, std::vector<std::string>* documents);
  void Relationships(absl::Span<const uint32_t> relationships, std::vector<std::string>* documents);
  void Paths(absl::Span<const query::PathValue* const> paths, std::vector<std::string>* documents);

 private:
  // A member of a model's documents: a column, or an object of members.
  struct Member {
    std::string key;  // "name": with its quotes and colon
    std::string name;
    int column = -1;
    bool always = false;     // a component: there even where it is empty
    int object_column = -1;  // of an Object: has a value where it is there even if it is empty
    std::vector<Member> members;
  };
  struct Table {
    std::vector<Member> members;
    std::vector<ColumnId> columns;  // that are read, by Member::column
  };
  const Table& TableOf(TableId id);
  static void Put(absl::string_view path, int column, std::vector<Member>* members);
  static bool Append(const std::vector<Member>& members, absl::Span<const query::Vector> columns,
                     size_t row, bool first, std::string* text);

  const query::GraphReader& graph_;
  const Options options_;
  absl::flat_hash_map<uint32_t, Table> tables_;
};

// Fills messages with rows. Thread-compatible. `graph` must outlive it.
class RowWriter {
 public:
  struct Options {
    twingraph::v1::QueryRequest::Format format = twingraph::v1::QueryRequest::COLUMNS;
    bool leave_out_absent = false;  // of JSON rows: the dialect adt
    DocumentWriter::Options documents = {};
  };
  RowWriter(std::vector<query::ResultColumn> columns, const query::GraphReader* graph,
            const Options& options);

  // Appends rows [first, end) of `batch` until the rows of `message` have `bytes_max` bytes or
  // more; returns the row to go on with. Rows come whole: the last one may pass `bytes_max`.
  size_t Append(const query::Batch& batch, size_t first, size_t end, size_t bytes_max,
                twingraph::v1::QueryResponse* message);
  // About how many bytes the columns have that were appended last.
  size_t column_bytes() const { return column_bytes_; }

  static void FillColumns(absl::Span<const query::ResultColumn> columns,
                          google::protobuf::RepeatedPtrField<twingraph::v1::QueryColumn>* messages);

 private:
  void Prepare(const query::Batch& batch, size_t first, size_t end);
  void AppendJsonRow(const query::Batch& batch, size_t row, size_t prepared, std::string* text);
  // Bytes of a row as columns, roughly.
  size_t ColumnBytes(const query::Batch& batch, size_t row, size_t prepared) const;
  // Rows [first, end), of which `first` is the first one that is prepared.
  void AppendColumns(const query::Batch& batch, size_t first, size_t end,
                     twingraph::v1::ColumnBatch* message);
  // Whether values of that kind are made JSON many at once, before their rows are written.
  bool IsPrepared(query::TypeKind kind) const;
  bool is_json() const { return options_.format == twingraph::v1::QueryRequest::JSON_ROWS; }

  const std::vector<query::ResultColumn> columns_;
  const Options options_;
  DocumentWriter writer_;
  std::vector<std::string> keys_;                    // "name": by column
  std::vector<std::vector<std::string>> documents_;  // by column and prepared row
  bool has_documents_ = false;
  size_t column_bytes_ = 0;  // of the batch that is being filled
};

// A value of `vector`, which is no document and not NULL, as JSON.
void AppendJson(const query::Vector& vector, size_t row, std::string* text);

}  // namespace twin::api

#endif  // TWIN_SERVER_API_QUERY_ROWS_H_
