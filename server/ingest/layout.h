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
#include "server/ingest/telemetry.h"
#include "server/timeseries/samples.h"

namespace twin::ingest {

// A column, rules written out.
struct ResolvedColumn {
  struct Target {
    TwinNumber twin;
    std::string path;
    friend bool operator==(const Target&, const Target&) = default;
  };
  std::vector<Target> targets;  // none: its values go nowhere
  Encoding encoding = Encoding::kDouble;
  timeseries::ColumnKind kind = timeseries::ColumnKind::kDouble;
  uint8_t decimals = 0;
  // kScaled and kInt of an integer: stored = raw × factor + shift. Else value = raw × scale +
  // offset.
  int64_t factor = 1;
  int64_t shift = 0;
  double scale = 1;
  double offset = 0;
  // kInt: what is stored lies in between; else the value is missing. Of the others `max` is
  // kOfFloats where a target is a 32-bit float.
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
  static constexpr int64_t kOfFloats = 32;
  bool is_of_floats() const { return kind == timeseries::ColumnKind::kDouble && max == kOfFloats; }
  std::vector<int64_t> invalid_codes;  // raw
  friend bool operator==(const ResolvedColumn&, const ResolvedColumn&) = default;
};

struct ResolvedLayout {
  std::vector<ResolvedColumn> columns;
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
  std::vector<ResolvedColumn> columns;
  std::vector<TwinNumber> watched;
  uint32_t unresolved = 0;
  // What follows from the columns: SetDerived.
  size_t frame_bytes = 0;           // of one packed frame
  std::vector<uint32_t> alike_end;  // of each run of columns whose raw values mean the same values

  void SetDerived();
};

void EncodeLayout(const Layout& layout, std::string* bytes);
bool DecodeLayout(ByteReader* reader, Layout* layout);
void EncodeVersion(const LayoutVersion& version, std::string* bytes);
bool DecodeVersion(ByteReader* reader, LayoutVersion* version);

// The group that keeps its values; `path_of` numbers paths.
template <typename PathOf>
timeseries::GroupSpec SpecOf(const LayoutVersion& version, PathOf path_of) {
  timeseries::GroupSpec spec;
  spec.columns.reserve(version.columns.size());
  for (const ResolvedColumn& column : version.columns) {
    timeseries::ColumnSpec& one = spec.columns.emplace_back();
    one.kind = column.kind;
    one.decimals = column.decimals;
    for (const ResolvedColumn::Target& target : column.targets) {
      one.series.push_back({target.twin, path_of(target.path)});
    }
  }
  return spec;
}

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_LAYOUT_H_
