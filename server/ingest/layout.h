// Layouts of frames, resolved against the graph: where each column's values go, and how raw values
// become stored ones.
#ifndef TWIN_SERVER_INGEST_LAYOUT_H_
#define TWIN_SERVER_INGEST_LAYOUT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/coding.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/graph/graph.h"
#include "server/ingest/limits.h"
#include "server/ingest/resolved_columns.h"
#include "server/ingest/telemetry.h"
#include "server/timeseries/samples.h"

namespace twin::ingest {

struct ResolvedLayout {
  ResolvedColumns columns;
  uint32_t unresolved = 0;          // columns that lead to no twin
  std::vector<TwinNumber> watched;  // whose relationships the rules follow
  std::vector<std::string> notes;
};

// What becomes of twins that are not there, or have no such path any more.
enum class Missing {
  kRefused,     // NOT_FOUND
  kUnresolved,  // their values go nowhere
};

// NOT_FOUND: a twin, or a path that its model does not have; INVALID_ARGUMENT: an encoding that
// does not suit the path's schema, or a layout that is no layout; RESOURCE_EXHAUSTED:
// layout_columns_max.
absl::StatusOr<ResolvedLayout> ResolveLayout(const Layout& layout, const graph::GraphView& view,
                                             const Limits& limits,
                                             Missing missing = Missing::kRefused);

// What frames from `valid_from` on mean. Immutable.
struct LayoutVersion {
  uint32_t layout = 0;   // number of the layout
  uint32_t version = 0;  // 1, 2, 3 …
  Time valid_from;
  timeseries::GroupId group;
  ResolvedColumns columns;
  std::vector<TwinNumber> watched;
  uint32_t unresolved = 0;

  size_t frame_bytes() const;  // of one packed frame
};

std::string EncodeLayout(const Layout& layout);
bool DecodeLayout(ByteReader* reader, Layout* layout);
void EncodeVersion(const LayoutVersion& version, std::string* bytes);
bool DecodeVersion(ByteReader* reader, LayoutVersion* version);

// The group that keeps its values; `path_of` numbers paths.
template <typename PathOf>
timeseries::GroupSpec SpecOf(const LayoutVersion& version, PathOf path_of) {
  timeseries::GroupSpec spec;
  spec.columns.resize(version.columns.size());
  size_t c = 0;
  for (const ResolvedColumns::Run& run : version.columns.runs()) {
    for (; c < run.end; ++c) {
      timeseries::ColumnSpec& column = spec.columns[c];
      column.kind = run.form.kind;
      column.decimals = run.form.decimals;
      for (const ColumnTarget target : version.columns.targets(c)) {
        column.series.push_back({target.twin, path_of(target.path)});
      }
    }
  }
  return spec;
}

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_LAYOUT_H_
