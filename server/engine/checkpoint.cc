#include "server/engine/checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"

namespace twin::engine {
namespace {

// Keys: 'c' what + (meta, catalog, requests), 'p' + page key.
constexpr absl::string_view kMetaKey = "cm";
constexpr absl::string_view kCatalogKey = "cc";
constexpr absl::string_view kRequestsKey = "cr";
constexpr char kPageTag = 'p';
constexpr size_t kPrefixBytes = 1 + 1 + 4 + 4 + 4;  // a page's key without the checkpoint's number
constexpr size_t kPageKeyBytes = kPrefixBytes + 8;
constexpr uint64_t kTransactionBytes = 8 << 20;
constexpr uint32_t kMetaVersion = 1;

// Big-endian, so that keys are in the order of their numbers.
template <typename T>
void AppendOrdered(std::string* bytes, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    bytes->push_back(static_cast<char>(value >> shift));
  }
}

uint64_t ReadOrdered(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

std::string PageKeyBytes(const graph::PageKey& key, uint64_t number) {
  std::string bytes;
  bytes.reserve(kPageKeyBytes);
  bytes.push_back(kPageTag);
  bytes.push_back(static_cast<char>(key.kind));
  AppendOrdered(&bytes, key.table);
  AppendOrdered(&bytes, key.column);
  AppendOrdered(&bytes, key.page);
  AppendOrdered(&bytes, number);
  return bytes;
}

graph::PageKey ParsePageKey(absl::string_view bytes) {
  graph::PageKey key;
  key.kind = static_cast<graph::PageKind>(bytes[1]);
  key.table = static_cast<uint32_t>(ReadOrdered(bytes.substr(2, 4)));
  key.column = static_cast<uint32_t>(ReadOrdered(bytes.substr(6, 4)));
  key.page = static_cast<uint32_t>(ReadOrdered(bytes.substr(10, 4)));
  return key;
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the checkpoint is damaged: ", what,
                                          "; start on a backup, or ask `twinctl check DIR`"));
}

std::string EncodeMeta(const CheckpointMeta& meta) {
  std::string bytes;
  AppendFixed(&bytes, kMetaVersion);
  AppendFixed(&bytes, meta.number);
  AppendFixed(&bytes, meta.sequence.value);
  AppendFixed(&bytes, meta.time.ns);
  AppendFixed(&bytes, meta.next_twin.value);
  AppendFixed(&bytes, meta.next_relationship.value);
  return bytes;
}

absl::Status DecodeMeta(absl::string_view bytes, CheckpointMeta* meta) {
  ByteReader reader(bytes);
  const auto version = reader.Fixed<uint32_t>();
  if (reader.ok() && version != kMetaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("checkpoint format ", version, "; this program knows ", kMetaVersion));
  }
  meta->number = reader.Fixed<uint64_t>();
  meta->sequence = Sequence(reader.Fixed<uint64_t>());
  meta->time = Time{reader.Fixed<int64_t>()};
  meta->next_twin = TwinNumber(reader.Fixed<uint32_t>());
  meta->next_relationship = RelationshipNumber(reader.Fixed<uint32_t>());
  return reader.ok() && reader.done() ? absl::OkStatus() : Damaged("its description");
}

std::string EncodeCatalog(const graph::Catalog& catalog) {
  std::string bytes;
  AppendVarint(&bytes, catalog.relationship_types());
  for (uint32_t i = 0; i < catalog.relationship_types(); ++i) {
    const graph::RelationshipType& type = catalog.relationship_type(RelationshipTypeId(i));
    AppendString(&bytes, type.owner);
    AppendString(&bytes, type.name);
  }
  AppendVarint(&bytes, catalog.states().size());
  for (const graph::ModelState& state : catalog.states()) {
    AppendString(&bytes, state.id);
    AppendString(&bytes, state.text);
    AppendFixed(&bytes, state.upload_time.ns);
    AppendFixed(&bytes,
                static_cast<uint8_t>((state.decommissioned ? 1 : 0) | (state.deleted ? 2 : 0)));
    const std::vector<graph::ColumnSchema>& columns = catalog.table(state.table).columns;
    AppendVarint(&bytes, columns.size());
    for (const graph::ColumnSchema& column : columns) {
      AppendString(&bytes, column.path);
      AppendFixed(&bytes, static_cast<uint8_t>(column.type));
    }
  }
  return bytes;
}

absl::StatusOr<std::shared_ptr<const graph::Catalog>> DecodeCatalog(absl::string_view bytes) {
  ByteReader reader(bytes);
  std::vector<std::pair<std::string, std::string>> types(reader.Varint(bytes.size()));
  for (auto& [owner, name] : types) {
    owner = std::string(reader.String());
    name = std::string(reader.String());
  }
  std::vector<graph::ModelState> states(reader.Varint(bytes.size()));
  std::vector<std::vector<std::pair<std::string, uint8_t>>> columns(states.size());
  for (size_t i = 0; i < states.size() && reader.ok(); ++i) {
    graph::ModelState& state = states[i];
    state.id = std::string(reader.String());
    state.text = std::string(reader.String());
    state.upload_time = Time{reader.Fixed<int64_t>()};
    const uint8_t flags = reader.Byte();
    state.decommissioned = (flags & 1) != 0;
    state.deleted = (flags & 2) != 0;
    state.table = TableId(static_cast<uint32_t>(i));
    columns[i].resize(reader.Varint(bytes.size()));
    for (auto& [path, type] : columns[i]) {
      path = std::string(reader.String());
      type = reader.Byte();
    }
  }
  if (!reader.ok() || !reader.done()) return Damaged("the list of models");
  const std::shared_ptr<const graph::Catalog> before = graph::Catalog::WithTypes(types);
  TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const graph::Catalog> catalog,
                        graph::Catalog::Create(std::move(states), before.get()));
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::vector<graph::ColumnSchema>& now =
        catalog->table(TableId(static_cast<uint32_t>(i))).columns;
    const auto [added, stored] = std::mismatch(
        now.begin(), now.end(), columns[i].begin(), columns[i].end(),
        [](const graph::ColumnSchema& column, const auto& other) {
          return column.path == other.first && static_cast<uint8_t>(column.type) == other.second;
        });
    // Versions that kept no Objects without fields had no columns for them.
    const bool same = stored == columns[i].end() &&
                      std::all_of(added, now.end(),
                                  [](const graph::ColumnSchema& each) { return each.is_object; });
    if (!same) {
      return absl::FailedPreconditionError(
          absl::StrCat("the model ", catalog->states()[i].id,
                       " has other columns in this version of twind; start the version that wrote "
                       "the data, export, and import here"));
    }
  }
  return catalog;
}

}  // namespace

absl::Status LoadPart(const PartKey& key, absl::string_view bytes,
                      ingest::TelemetryState* telemetry, timeseries::Store* history) {
  switch (key.part) {
    case PartKey::kTelemetry:
      return telemetry->Load(key.kind, key.number, bytes);
    case PartKey::kHistory:
      return history->Load({key.kind, key.number}, bytes);
  }
  return Damaged("a page of unknown kind");
}

absl::StatusOr<CheckpointMeta> Checkpoints::Load(graph::Graph* graph,
                                                 ingest::RequestIds* request_ids,
                                                 const ingest::Limits& limits, TakePart take_part) {
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadTransaction> read, store_.BeginRead());
  std::string bytes;
  TWIN_ASSIGN_OR_RETURN(const bool exists, read->Get(kMetaKey, &bytes));
  current_ = CheckpointMeta();
  if (exists) {
    TWIN_RETURN_IF_ERROR(DecodeMeta(bytes, &current_));
    TWIN_ASSIGN_OR_RETURN(const bool has_catalog, read->Get(kCatalogKey, &bytes));
    if (!has_catalog) return Damaged("the list of models is missing");
    TWIN_ASSIGN_OR_RETURN(std::shared_ptr<const graph::Catalog> catalog, DecodeCatalog(bytes));
    graph->SetCatalog(std::move(catalog));
    TWIN_ASSIGN_OR_RETURN(const bool has_requests, read->Get(kRequestsKey, &bytes));
    if (!has_requests) return Damaged("the list of requests is missing");
    TWIN_RETURN_IF_ERROR(request_ids->Decode(bytes, limits));
  }
  greatest_number_ = current_.number;
  // Of several images of a page, the last whose checkpoint became current is its state.
  std::string last_key;
  std::string last_value;
  const auto flush = [&]() -> absl::Status {
    if (last_key.empty()) return absl::OkStatus();
    const graph::PageKey key = ParsePageKey(last_key);
    last_key.clear();
    const auto kind = static_cast<uint8_t>(key.kind);
    if (kind < PartKey::kTelemetry) return graph->LoadPage(key, last_value);
    if (last_value.empty()) return absl::OkStatus();
    return take_part({static_cast<PartKey::Part>(kind), key.table, key.page}, last_value);
  };
  const auto visit = [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
    if (key.size() != kPageKeyBytes) return Damaged("a key of unknown form");
    const uint64_t number = ReadOrdered(key.substr(kPrefixBytes));
    greatest_number_ = std::max(greatest_number_, number);
    if (number > current_.number) {
      superseded_.emplace_back(key);
      return true;
    }
    if (last_key.size() == key.size() &&
        last_key.compare(0, kPrefixBytes, key.data(), kPrefixBytes) == 0) {
      superseded_.push_back(last_key);
    } else {
      TWIN_RETURN_IF_ERROR(flush());
    }
    last_key.assign(key.data(), key.size());
    last_value.assign(value.data(), value.size());
    return true;
  };
  const auto load = [&](const std::string& from, const std::string& to) -> absl::Status {
    TWIN_RETURN_IF_ERROR(read->Scan(from, to, visit));
    return flush();
  };
  // Ids first, since their index is built beside the rest.
  const std::string ids = {kPageTag, static_cast<char>(graph::PageKind::kIds)};
  const std::string after_ids = {kPageTag, static_cast<char>(graph::PageKind::kIds) + 1};
  TWIN_RETURN_IF_ERROR(load(ids, after_ids));
  if (exists) graph->EndOfIds(current_.next_twin);
  TWIN_RETURN_IF_ERROR(load({kPageTag}, ids));
  TWIN_RETURN_IF_ERROR(load(after_ids, {kPageTag + 1}));
  if (exists) {
    TWIN_RETURN_IF_ERROR(graph->FinishLoad(current_.sequence, current_.time, current_.next_twin,
                                           current_.next_relationship));
  }
  return current_;
}

absl::Status Checkpoints::DeleteSuperseded(absl::FunctionRef<void(uint64_t bytes)> pace) {
  constexpr size_t kKeysPerTransaction = 4096;
  while (!superseded_.empty()) {
    TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::WriteTransaction> write,
                          store_.BeginWrite());
    size_t keys = 0;
    size_t left = superseded_.size();
    for (; keys < kKeysPerTransaction && left > 0; ++keys) {
      TWIN_RETURN_IF_ERROR(write->Delete(superseded_[--left]));
    }
    TWIN_RETURN_IF_ERROR(write->Commit());
    superseded_.resize(left);
    pace(keys * 1024);
  }
  return absl::OkStatus();
}

absl::Status Checkpoints::Write(const graph::CheckpointPages& pages, const std::string& request_ids,
                                VisitParts visit_parts,
                                absl::FunctionRef<void(uint64_t bytes)> pace) {
  // What an unfinished one left must be gone before its number could be taken for a newer one.
  TWIN_RETURN_IF_ERROR(DeleteSuperseded(pace));
  const uint64_t number = ++greatest_number_;
  std::vector<std::string> written;
  bool stands = false;
  // What a failed checkpoint left is deleted before the next one is written.
  const auto forget = absl::MakeCleanup([&] {
    if (!stands) superseded_.insert(superseded_.end(), written.begin(), written.end());
  });
  std::unique_ptr<storage::WriteTransaction> write;
  const auto put = [&](const graph::PageKey& key, absl::string_view bytes) -> absl::Status {
    if (write == nullptr) {
      TWIN_ASSIGN_OR_RETURN(write, store_.BeginWrite());
    }
    written.push_back(PageKeyBytes(key, number));
    TWIN_RETURN_IF_ERROR(write->Put(written.back(), bytes));
    if (write->bytes() < kTransactionBytes) return absl::OkStatus();
    const uint64_t done = write->bytes();
    TWIN_RETURN_IF_ERROR(write->Commit());
    write.reset();
    pace(done);
    return absl::OkStatus();
  };
  TWIN_RETURN_IF_ERROR(graph::Graph::VisitPages(pages, put));
  TWIN_RETURN_IF_ERROR(visit_parts([&](const PartKey& key, absl::string_view bytes) {
    return put({static_cast<graph::PageKind>(key.part), key.kind, 0, key.number}, bytes);
  }));
  // Which older images there are is found before the commit that makes them old.
  std::vector<std::string> older;
  {
    if (write != nullptr) {
      TWIN_RETURN_IF_ERROR(write->Commit());
      write.reset();
    }
    TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadTransaction> read, store_.BeginRead());
    for (const std::string& key : written) {
      std::string from = key.substr(0, kPrefixBytes);
      AppendOrdered(&from, uint64_t{0});
      const auto note = [&](absl::string_view found, absl::string_view) -> absl::StatusOr<bool> {
        older.emplace_back(found);
        return true;
      };
      TWIN_RETURN_IF_ERROR(read->Scan(from, key, note));
    }
  }
  CheckpointMeta meta;
  meta.number = number;
  meta.sequence = pages.view->sequence();
  meta.time = pages.view->time();
  meta.next_twin = pages.view->next_twin();
  meta.next_relationship = pages.view->next_relationship();
  TWIN_ASSIGN_OR_RETURN(write, store_.BeginWrite());
  TWIN_RETURN_IF_ERROR(write->Put(kCatalogKey, EncodeCatalog(pages.view->catalog())));
  TWIN_RETURN_IF_ERROR(write->Put(kRequestsKey, request_ids));
  TWIN_RETURN_IF_ERROR(write->Put(kMetaKey, EncodeMeta(meta)));
  TWIN_RETURN_IF_ERROR(write->Commit());
  write.reset();
  current_ = meta;
  stands = true;
  superseded_ = std::move(older);
  // The checkpoint stands; what it supersedes may also go with the next one.
  return DeleteSuperseded(pace);
}

}  // namespace twin::engine
