// Values of a graph as vectors of a query. Internal to server/engine.
#ifndef TWIN_SERVER_ENGINE_READER_VALUES_H_
#define TWIN_SERVER_ENGINE_READER_VALUES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "query/execute/readers.h"
#include "query/execute/vector.h"
#include "server/base/ids.h"
#include "server/base/value.h"
#include "server/graph/graph.h"
#include "server/timeseries/store.h"

namespace twin::engine {

// As server/api gives them.
std::string EtagOf(Sequence version);

Value DecodeDocument(absl::string_view bytes);

// How samples are read for a query that takes them as values of that kind.
timeseries::WantedAs WantedFor(query::TypeKind kind);

// Texts that no one keeps: into a block of the vector's own.
class Texts {
 public:
  explicit Texts(query::Vector* out);
  void Set(size_t row, absl::string_view text) { out_.strings[row] = block_->Add(text); }

 private:
  query::Vector& out_;
  const std::shared_ptr<query::StringBlock> block_;
};

// `value` at a row of a vector that has it; NULL where it is null or of another kind, but integers
// become doubles.
void SetValue(const Value& value, size_t row, query::Vector* out);

// As GraphReader::PagesOf has them.
void ReadPages(const graph::GraphView& view, TableId table, ColumnId column, uint32_t first,
               absl::Span<query::ColumnPage> pages);

// Makes `out` a vector of so many rows of a kind, which read(const graph::ColumnBatch&) fills.
template <typename ReadBatch>
void ReadInto(query::TypeKind kind, size_t rows, query::Vector* out, ReadBatch read) {
  out->Reset(kind, rows);
  graph::ColumnBatch batch;
  batch.nulls = &out->nulls;
  batch.bools = out->bools.data();
  batch.ints = out->ints.data();
  batch.doubles = out->doubles.data();
  batch.strings = out->strings.data();
  if (kind != query::TypeKind::kValue) {
    read(batch);
    return;
  }
  std::vector<absl::string_view> documents(rows);
  batch.strings = documents.data();
  read(batch);
  for (size_t i = 0; i < rows; ++i) {
    if (!out->IsNull(i)) out->values[i] = DecodeDocument(documents[i]);
  }
}

}  // namespace twin::engine

#endif  // TWIN_SERVER_ENGINE_READER_VALUES_H_
