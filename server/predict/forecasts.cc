#include "server/predict/forecasts.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/predict/document_value.h"

namespace twin::predict {
namespace {

// A document takes 1 MiB; ids of twins have up to 128 characters of four bytes.
constexpr size_t kBlockBytes = 768 << 10;
constexpr size_t kBytesPerRow = 40;  // beside the id

std::string NameOfBlock(const std::string& predictor, uint64_t number) {
  return absl::StrFormat("%s/%020d", predictor, number);
}

template <typename T>
std::string Bytes(const std::vector<T>& items, size_t first, size_t end) {
  return std::string(reinterpret_cast<const char*>(items.data() + first),
                     (end - first) * sizeof(T));
}

template <typename T>
bool FromText(const std::string& bytes, size_t rows, std::vector<T>* items) {
  if (bytes.size() != rows * sizeof(T)) return false;
  items->resize(rows);
  std::memcpy(items->data(), bytes.data(), bytes.size());
  return true;
}

std::string EncodeBlock(const ForecastBlock& block, size_t first, size_t end) {
  std::string twins;
  for (size_t i = first; i < end; ++i) absl::StrAppend(&twins, block.twins[i], "\n");
  MapBuilder map;
  map.AddInt("run", static_cast<int64_t>(block.run))
      .AddInt("batch", static_cast<int64_t>(block.batch))
      .Add("path", block.path)
      .AddInt("made", block.made.ns)
      .AddInt("asOf", block.as_of.ns)
      .AddDouble("level", block.level)
      .Add("method", block.method)
      .Add("modelVersion", block.model_version)
      .AddBool("isShadow", block.is_shadow)
      .AddInt("rows", static_cast<int64_t>(end - first))
      .Add("twins", twins)
      .Add("values", Bytes(block.values, first, end))
      .Add("lo", Bytes(block.lo, first, end))
      .Add("hi", Bytes(block.hi, first, end))
      .Add("statuses", Bytes(block.statuses, first, end));
  if (!block.valid_until_ns.empty()) {
    map.Add("validUntil", Bytes(block.valid_until_ns, first, end));
  }
  return ToBytes(map.Build());
}

absl::StatusOr<ForecastBlock> DecodeBlock(absl::string_view bytes) {
  TWIN_ASSIGN_OR_RETURN(const Value value, FromBytes(bytes));
  const MapReader map(value);
  ForecastBlock block;
  block.run = static_cast<uint64_t>(map.Int("run"));
  block.batch = static_cast<uint64_t>(map.Int("batch"));
  block.path = map.Text("path");
  block.made = Time{map.Int("made")};
  block.as_of = Time{map.Int("asOf")};
  block.level = map.Double("level").value_or(0);
  block.method = map.Text("method");
  block.model_version = map.Text("modelVersion");
  block.is_shadow = map.Bool("isShadow");
  const size_t rows = static_cast<size_t>(map.Int("rows"));
  block.twins = absl::StrSplit(map.Text("twins"), '\n', absl::SkipEmpty());
  bool is_whole = block.twins.size() == rows && FromText(map.Text("values"), rows, &block.values) &&
                  FromText(map.Text("lo"), rows, &block.lo) &&
                  FromText(map.Text("hi"), rows, &block.hi) &&
                  FromText(map.Text("statuses"), rows, &block.statuses);
  if (const std::string until = map.Text("validUntil"); is_whole && !until.empty()) {
    is_whole = FromText(until, rows, &block.valid_until_ns);
  }
  if (!is_whole) return absl::DataLossError("a document of forecasts cannot be read");
  return block;
}

Forecast ForecastAt(const std::string& predictor, const ForecastBlock& block, size_t row) {
  return {.predictor = predictor,
          .path = block.path,
          .made = block.made,
          .as_of = block.as_of,
          .value = block.values[row],
          .lo = block.lo[row],
          .hi = block.hi[row],
          .level = block.level,
          .status = block.statuses[row],
          .method = block.method,
          .model_version = block.model_version,
          .is_shadow = block.is_shadow};
}

// The end of the part of a block that begins at `first` and fits into a document.
size_t EndOfPart(const ForecastBlock& block, size_t first) {
  size_t bytes = 0;
  size_t end = first;
  while (end < block.twins.size() && bytes < kBlockBytes) {
    bytes += block.twins[end].size() + kBytesPerRow;
    ++end;
  }
  return end;
}

}  // namespace

absl::Status Forecasts::Load(absl::FunctionRef<void(const std::string& predictor,
                                                    const absl::StatusOr<ForecastBlock>& block)>
                                 visit) {
  constexpr size_t kAtOnce = 64;
  storage::Documents::ListOptions options;
  options.documents_max = kAtOnce;
  while (true) {
    TWIN_ASSIGN_OR_RETURN(const std::vector<storage::Documents::Document> documents,
                          documents_.List(kForecastCollection, options));
    for (const storage::Documents::Document& document : documents) {
      const size_t slash = document.name.rfind('/');
      Kept kept;
      const absl::StatusOr<ForecastBlock> block = DecodeBlock(document.bytes);
      const std::string predictor = document.name.substr(0, slash);
      visit(predictor, block);
      if (slash == std::string::npos || !block.ok() ||
          !absl::SimpleAtoi(document.name.substr(slash + 1), &kept.number)) {
        continue;
      }
      kept.rows = static_cast<int64_t>(block->twins.size());
      kept.as_of = block->as_of;
      const MutexLock lock(&mutex_);
      kept_[predictor].push_back(kept);
    }
    if (documents.size() < kAtOnce) return absl::OkStatus();
    options.after = documents.back().name;
  }
}

absl::Status Forecasts::Add(const std::string& predictor, const std::vector<ForecastBlock>& blocks,
                            std::vector<storage::Documents::Change> changes) {
  uint64_t next = 1;
  int64_t rows = 0;
  std::deque<Kept> kept;
  {
    const MutexLock lock(&mutex_);
    kept = kept_[predictor];
  }
  if (!kept.empty()) next = kept.back().number + 1;
  for (const Kept& block : kept) rows += block.rows;
  for (const ForecastBlock& block : blocks) {
    for (size_t first = 0; first < block.twins.size();) {
      const size_t end = EndOfPart(block, first);
      changes.push_back(
          {kForecastCollection, NameOfBlock(predictor, next), EncodeBlock(block, first, end)});
      kept.push_back({next++, static_cast<int64_t>(end - first), block.as_of});
      rows += kept.back().rows;
      first = end;
    }
  }
  while (kept.size() > 1 && rows > rows_max_) {
    changes.push_back({kForecastCollection, NameOfBlock(predictor, kept.front().number), {}});
    rows -= kept.front().rows;
    kept.pop_front();
  }
  if (changes.empty()) return absl::OkStatus();
  TWIN_RETURN_IF_ERROR(documents_.Commit(changes));
  const MutexLock lock(&mutex_);
  kept_[predictor] = std::move(kept);
  return absl::OkStatus();
}

std::vector<storage::Documents::Change> Forecasts::Forget(const std::string& predictor) const {
  std::vector<storage::Documents::Change> changes;
  for (const Kept& kept : KeptOf(predictor)) {
    changes.push_back({kForecastCollection, NameOfBlock(predictor, kept.number), {}});
  }
  return changes;
}

void Forecasts::Forgotten(const std::string& predictor) {
  const MutexLock lock(&mutex_);
  kept_.erase(predictor);
}

std::vector<Forecasts::Kept> Forecasts::KeptOf(const std::string& predictor) const {
  const MutexLock lock(&mutex_);
  const auto found = kept_.find(predictor);
  if (found == kept_.end()) return {};
  return {found->second.rbegin(), found->second.rend()};
}

absl::StatusOr<std::optional<ForecastBlock>> Forecasts::Read(const std::string& predictor,
                                                             uint64_t number) const {
  const absl::StatusOr<std::string> bytes =
      documents_.Get(kForecastCollection, NameOfBlock(predictor, number));
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  TWIN_RETURN_IF_ERROR(bytes.status());
  TWIN_ASSIGN_OR_RETURN(ForecastBlock block, DecodeBlock(*bytes));
  return block;
}

absl::Status Forecasts::Visit(const std::string& predictor,
                              absl::FunctionRef<bool(const ForecastBlock&)> visit) const {
  for (const Kept& kept : KeptOf(predictor)) {
    TWIN_ASSIGN_OR_RETURN(const std::optional<ForecastBlock> block, Read(predictor, kept.number));
    if (!block.has_value() || !visit(*block)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::optional<Forecast>>> Forecasts::LastUpTo(
    const std::string& predictor, const std::string& path,
    const std::vector<Wanted>& wanted) const {
  std::vector<std::optional<Forecast>> found(wanted.size());
  absl::flat_hash_map<absl::string_view, std::vector<size_t>> left;
  Time latest{std::numeric_limits<int64_t>::min()};
  for (size_t i = 0; i < wanted.size(); ++i) {
    left[wanted[i].twin].push_back(i);
    latest = std::max(latest, wanted[i].as_of_max);
  }
  for (const Kept& kept : KeptOf(predictor)) {
    if (left.empty()) break;
    if (kept.as_of > latest) continue;
    TWIN_ASSIGN_OR_RETURN(const std::optional<ForecastBlock> block, Read(predictor, kept.number));
    if (!block.has_value()) break;
    if (block->path != path) continue;
    for (size_t row = 0; row < block->twins.size(); ++row) {
      const auto asked = left.find(block->twins[row]);
      if (asked == left.end()) continue;
      std::vector<size_t>& open = asked->second;
      const auto answers = [&](size_t i) { return block->as_of <= wanted[i].as_of_max; };
      for (const size_t i : open) {
        if (answers(i)) found[i] = ForecastAt(predictor, *block, row);
      }
      open.erase(std::remove_if(open.begin(), open.end(), answers), open.end());
      if (open.empty()) left.erase(asked);
    }
  }
  return found;
}

absl::StatusOr<std::vector<Forecast>> Forecasts::Of(const std::string& predictor,
                                                    const std::string& twin,
                                                    const std::string& path, size_t limit) const {
  std::vector<Forecast> forecasts;
  std::map<std::string, size_t> by_path;
  TWIN_RETURN_IF_ERROR(Visit(predictor, [&](const ForecastBlock& block) {
    if (!path.empty() && block.path != path) return true;
    const auto found = std::find(block.twins.begin(), block.twins.end(), twin);
    if (found == block.twins.end() || by_path[block.path] >= limit) return true;
    const size_t row = static_cast<size_t>(found - block.twins.begin());
    ++by_path[block.path];
    forecasts.push_back(ForecastAt(predictor, block, row));
    return path.empty() || forecasts.size() < limit;
  }));
  return forecasts;
}

}  // namespace twin::predict
