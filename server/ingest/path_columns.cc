#include "server/ingest/path_columns.h"

#include "absl/strings/str_cat.h"

namespace twin::ingest {

std::string PointerOf(absl::Span<const std::string> path) {
  if (path.empty()) return "/";
  std::string pointer;
  for (const std::string& part : path) absl::StrAppend(&pointer, "/", part);
  return pointer;
}

PathColumns::Found PathColumns::Find(const std::shared_ptr<const graph::Catalog>& catalog,
                                     const graph::TableSchema& table, const std::string& component,
                                     absl::Span<const std::string> path, size_t step) {
  if (catalog_ != catalog) {
    known_.clear();
    catalog_ = catalog;
  }
  size_t bytes = component.size();
  for (const std::string& part : path) bytes += part.size() + 1;
  if (bytes > kPathBytesMax) return {};
  step %= kStepsMax;
  if (step >= known_.size()) known_.resize(step + 1);
  Known& known = known_[step];
  if (known.table != &table || known.component != component ||
      absl::MakeConstSpan(known.path) != path) {
    known.table = &table;
    known.component = component;
    known.path.assign(path.begin(), path.end());
    known.pointer = PointerOf(path);
    std::string joined = component;
    known.column = nullptr;
    for (size_t i = 0; i < path.size(); ++i) {
      absl::StrAppend(&joined, joined.empty() ? "" : ".", path[i]);
      known.column = table.FindColumn(joined);
      if (known.column == nullptr) continue;
      if (i + 1 < path.size()) known.column = nullptr;  // into a document
      break;
    }
  }
  return {known.column, &known.pointer};
}

}  // namespace twin::ingest
