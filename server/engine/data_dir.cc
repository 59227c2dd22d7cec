#include "server/engine/data_dir.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"
#include "server/base/sync.h"
#include "server/engine/engine.h"
#include "server/ingest/change.h"
#include "server/journal/file_journal.h"

namespace twin::engine {
namespace {

constexpr absl::string_view kFormat = "twingraph 2\n";

constexpr absl::string_view kPartialMark = "BACKUP";
constexpr int kFoldersDeepMax = 8;

std::string ReachPath(const std::string& data_dir) { return JoinPath(data_dir, "SEQUENCE"); }
std::string FormatPath(const std::string& data_dir) { return JoinPath(data_dir, "FORMAT"); }

absl::Status RemoveTree(FileSystem* fs, const std::string& path, int deep_max) {
  if (!fs->IsFolder(path)) {
    const absl::Status status = fs->Remove(path);
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }
  if (deep_max == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("folders stand too deep in each other to be of this server: ", path));
  }
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(path));
  for (const std::string& name : names) {
    TWIN_RETURN_IF_ERROR(RemoveTree(fs, JoinPath(path, name), deep_max - 1));
  }
  return fs->Remove(path);
}

absl::Status CheckFormat(FileSystem* fs, const std::string& data_dir) {
  TWIN_ASSIGN_OR_RETURN(const std::string format, fs->ReadWhole(FormatPath(data_dir)));
  if (format == kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(data_dir, " has the format \"", absl::StripSuffix(format, "\n"),
                   "\"; this version knows \"", absl::StripSuffix(kFormat, "\n"),
                   "\": start the version that wrote it, run `twinctl export`, and import here"));
}

// A data directory of this format; `create`: or nothing yet.
absl::Status CheckIsOurs(FileSystem* fs, const std::string& data_dir, bool create) {
  if (!fs->Exists(data_dir)) {
    return create ? absl::OkStatus()
                  : absl::NotFoundError(absl::StrCat("there is no folder ", data_dir));
  }
  if (fs->Exists(FormatPath(data_dir))) return CheckFormat(fs, data_dir);
  if (!create) {
    return absl::NotFoundError(absl::StrCat(data_dir, " is no data directory of twind"));
  }
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(data_dir));
  const bool empty = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return name == "LOCK" || absl::StartsWith(name, "FORMAT");
  });
  if (empty) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      data_dir, " is not empty and no data directory of twind; name another --data-dir"));
}

}  // namespace

std::string JournalFolder(const std::string& data_dir) { return JoinPath(data_dir, "journal"); }
std::string StoreFolder(const std::string& data_dir) { return JoinPath(data_dir, "store"); }
std::string HistoryFolder(const std::string& data_dir) { return JoinPath(data_dir, "history"); }
std::string ReservePath(const std::string& data_dir) { return JoinPath(data_dir, "RESERVE"); }

absl::Status CreateDataDir(FileSystem* fs, const std::string& data_dir) {
  TWIN_RETURN_IF_ERROR(fs->CreateFolder(data_dir));
  TWIN_RETURN_IF_ERROR(fs->WriteWhole(FormatPath(data_dir), kFormat));
  return fs->SyncFolder(data_dir);
}

absl::StatusOr<std::unique_ptr<FileLock>> OpenDataDir(FileSystem* fs, const std::string& data_dir,
                                                      bool create) {
  if (data_dir.empty()) return absl::InvalidArgumentError("--data-dir is missing");
  // Nothing is left in a folder that is not ours.
  TWIN_RETURN_IF_ERROR(CheckIsOurs(fs, data_dir, create));
  if (!fs->Exists(data_dir)) TWIN_RETURN_IF_ERROR(fs->CreateFolder(data_dir));
  auto lock = fs->Lock(JoinPath(data_dir, "LOCK"));
  if (!lock.ok()) {
    if (!absl::IsFailedPrecondition(lock.status())) return lock.status();
    return absl::FailedPreconditionError(
        absl::StrCat("another twind uses ", data_dir, "; stop it, or name another --data-dir"));
  }
  TWIN_RETURN_IF_ERROR(CheckIsOurs(fs, data_dir, create));  // still
  if (!fs->Exists(FormatPath(data_dir))) TWIN_RETURN_IF_ERROR(CreateDataDir(fs, data_dir));
  return std::move(*lock);
}

absl::Status CheckStoreIsThere(FileSystem* fs, const std::string& data_dir) {
  const std::string store = JoinPath(StoreFolder(data_dir), "data.mdb");
  if (fs->Exists(store) || !fs->Exists(JournalFolder(data_dir))) return absl::OkStatus();
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(JournalFolder(data_dir)));
  const bool is_used = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return absl::StartsWith(name, "segment-");
  });
  if (!is_used) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      store,
      " is missing, and the journal beside it is in use: put it back, or start on a backup"));
}

absl::StatusOr<Replayed> Replay(journal::Journal* journal, Sequence checkpoint, graph::Graph* graph,
                                ingest::RequestIds* request_ids, ingest::TelemetryState* telemetry,
                                const ingest::Limits& limits) {
  const journal::JournalStatus status = journal->status();
  if (status.segments == 0 && checkpoint > Sequence(0)) {
    return absl::DataLossError(
        absl::StrCat("the journal has no segments, and the checkpoint is at ", checkpoint.value,
                     ": journal files are missing; start on a backup"));
  }
  if (status.oldest.value > checkpoint.value + 1) {
    return absl::DataLossError(absl::StrCat(
        "the journal begins at sequence ", status.oldest.value,
        ", after the checkpoint of the store at ", checkpoint.value,
        ": the store is not the newest, or journal files are missing; start on a backup"));
  }
  if (status.durable < checkpoint) {
    return absl::DataLossError(absl::StrCat("the journal ends at sequence ", status.durable.value,
                                            ", before the checkpoint at ", checkpoint.value,
                                            ": journal files are missing; start on a backup"));
  }
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<journal::Reader> reader,
                        journal->ReadFrom(Sequence(checkpoint.value + 1)));
  journal::Record record;
  Replayed replayed;
  while (true) {
    TWIN_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
    if (!more) return replayed;
    ++replayed.records;
    replayed.bytes += record.bytes.size();
    if (ingest::KindOf(record.bytes) != static_cast<uint8_t>(ingest::RecordKind::kGraph)) {
      TWIN_RETURN_IF_ERROR(
          telemetry->Apply(record.bytes, record.first, record.count, checkpoint, graph));
      continue;
    }
    absl::string_view units = record.bytes;
    ingest::RecordHeader header;
    TWIN_RETURN_IF_ERROR(ingest::DecodeHeader(&units, &header));
    if (header.units != record.count) {
      return absl::DataLossError(absl::StrCat("the journal record of sequence ", record.first.value,
                                              " has not as many changes as it says"));
    }
    TWIN_RETURN_IF_ERROR(
        ingest::ApplyUnits(units, header, record.first, checkpoint, graph, telemetry));
    if (!header.request_id.empty()) {
      ingest::WriteResult result;
      result.results = std::move(header.results);
      result.sequence = record.last();
      result.time = header.time;
      request_ids->Add(header.request_id, result, limits);
    }
  }
}

absl::Status CopyJournal(journal::Journal* journal, Sequence checkpoint, Sequence through,
                         journal::FileJournalOptions options) {
  options.first_sequence = Sequence(checkpoint.value + 1);
  options.prepare_ahead = false;
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<journal::FileJournal> copy,
                        journal::FileJournal::Open(options));
  TWIN_ASSIGN_OR_RETURN(const journal::Epoch epoch, copy->Claim());
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<journal::Reader> reader,
                        journal->ReadFrom(options.first_sequence));
  Mutex mutex;
  CondVar changed;
  int waiting = 0;
  absl::Status failed;
  absl::Status status;
  while (status.ok()) {
    journal::Record record;
    const absl::StatusOr<bool> more = reader->Next(&record);
    status = more.status();
    if (!status.ok() || !*more || record.first > through) break;
    {
      const MutexLock lock(&mutex);
      while (waiting >= 16) changed.Wait(&mutex);
      ++waiting;
    }
    copy->Append(epoch, std::move(record), [&](absl::Status done) {
      const MutexLock lock(&mutex);
      --waiting;
      if (failed.ok()) failed = std::move(done);
      changed.Signal();
    });
  }
  const MutexLock lock(&mutex);
  while (waiting > 0) changed.Wait(&mutex);
  return status.ok() ? failed : status;
}

std::vector<TwinNumber> ContainmentOrder(const graph::GraphView& view) {
  std::vector<bool> contains(view.catalog().relationship_types());
  for (uint32_t i = 0; i < contains.size(); ++i) {
    const std::string& name = view.catalog().relationship_type(RelationshipTypeId(i)).name;
    contains[i] = name == "contains" || absl::StartsWith(name, "has");
  }
  const uint32_t twins = view.next_twin().value;
  // Those that each twin contains, one twin's behind the other's: what lies all over memory is
  // looked at in the order in which it lies there.
  std::vector<bool> contained(twins);
  std::vector<uint32_t> ends(twins + 1);
  std::vector<TwinNumber> targets;
  const auto for_each_containment = [&](auto visit) {
    for (uint32_t number = 0; number < view.next_relationship().value; ++number) {
      if (!view.Exists(RelationshipNumber(number))) continue;
      const graph::Link found = view.LinkOf(RelationshipNumber(number));
      if (contains[found.type.value]) visit(found.source.value, found.target);
    }
  };
  for_each_containment([&](uint32_t source, TwinNumber target) {
    contained[target.value] = true;
    ++ends[source + 1];
  });
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  targets.resize(ends.back());
  // What was the end of the one before it becomes its own.
  for_each_containment(
      [&](uint32_t source, TwinNumber target) { targets[ends[source]++] = target; });
  std::vector<TwinNumber> order;
  order.reserve(view.twins());
  std::vector<bool> seen(twins);
  std::vector<TwinNumber> stack;
  std::vector<TwinNumber> children;
  const auto visit = [&](uint32_t root) {
    stack.push_back(TwinNumber(root));
    while (!stack.empty()) {
      const TwinNumber twin = stack.back();
      stack.pop_back();
      if (seen[twin.value]) continue;
      seen[twin.value] = true;
      order.push_back(twin);
      children.clear();
      const uint32_t begin = twin.value == 0 ? 0 : ends[twin.value - 1];
      for (uint32_t i = begin; i < ends[twin.value]; ++i) {
        if (!seen[targets[i].value]) children.push_back(targets[i]);
      }
      for (const TwinNumber child : children) view.FetchIdPlace(child);
      for (const TwinNumber child : children) view.FetchId(child);
      // By id: the order of creation says nothing after an import in any order.
      std::sort(children.begin(), children.end(),
                [&](TwinNumber a, TwinNumber b) { return view.IdOf(a) > view.IdOf(b); });
      stack.insert(stack.end(), children.begin(), children.end());
    }
  };
  std::vector<uint32_t> roots;
  for (uint32_t number = 0; number < twins; ++number) {
    if (view.Exists(TwinNumber(number)) && !contained[number]) roots.push_back(number);
  }
  std::sort(roots.begin(), roots.end(), [&](uint32_t a, uint32_t b) {
    return view.IdOf(TwinNumber(a)) < view.IdOf(TwinNumber(b));
  });
  for (const uint32_t root : roots) visit(root);
  for (uint32_t number = 0; number < twins; ++number) {  // circles
    if (view.Exists(TwinNumber(number)) && !seen[number]) visit(number);
  }
  return order;
}

absl::Status CopyFile(FileSystem* fs, const std::string& from, const std::string& to) {
  constexpr uint64_t kPieceBytes = 1 << 20;
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> source, fs->Open(from));
  TWIN_ASSIGN_OR_RETURN(const uint64_t size, source->Size());
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> target, fs->Create(to));
  std::string bytes;
  for (uint64_t at = 0; at < size; at += kPieceBytes) {
    TWIN_RETURN_IF_ERROR(source->Read(at, std::min(kPieceBytes, size - at), &bytes));
    TWIN_RETURN_IF_ERROR(target->Write(at, bytes));
  }
  return target->Sync();
}

absl::Status WriteZeros(FileSystem* fs, const std::string& path, uint64_t bytes) {
  TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs->Create(path));
  const std::string zeros(1 << 20, '\0');
  for (uint64_t at = 0; at < bytes; at += zeros.size()) {
    const uint64_t size = std::min<uint64_t>(zeros.size(), bytes - at);
    TWIN_RETURN_IF_ERROR(file->Write(at, absl::string_view(zeros).substr(0, size)));
  }
  return file->Sync();
}

absl::Status RemoveTree(FileSystem* fs, const std::string& folder) {
  return RemoveTree(fs, folder, kFoldersDeepMax);
}

absl::Status CheckFolderName(const std::string& folder) {
  if (folder.empty()) {
    return absl::InvalidArgumentError("folder is missing: name one of the server's, absolute");
  }
  if (std::any_of(folder.begin(), folder.end(), absl::ascii_iscntrl)) {
    return absl::InvalidArgumentError(absl::StrCat("the folder ", absl::CHexEscape(folder),
                                                   " has control characters in its name"));
  }
  if (folder.front() == '/') return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the folder ", folder, " is not absolute; it is one of the server's"));
}

std::string Resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(absolute, error);
  return error ? absolute.lexically_normal().string() : resolved.string();
}

absl::Status BeginPartial(FileSystem* fs, const std::string& partial) {
  const std::string mark = JoinPath(partial, kPartialMark);
  if (fs->IsFolder(partial) && fs->Exists(mark)) {
    TWIN_RETURN_IF_ERROR(RemoveTree(fs, partial));
  } else if (fs->Exists(partial)) {
    TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(partial));
    if (!fs->IsFolder(partial) || !names.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(partial,
                       " is there and not marked as a backup that was interrupted; remove "
                       "it, or name another folder"));
    }
  }
  TWIN_RETURN_IF_ERROR(fs->CreateFolder(partial));
  absl::Status marked = fs->Create(mark).status();
  if (!marked.ok()) (void)fs->Remove(partial);
  return marked;
}

absl::Status WriteReach(FileSystem* fs, const std::string& data_dir, Sequence through) {
  return fs->WriteWhole(ReachPath(data_dir), absl::StrCat(through.value, "\n"));
}

absl::Status CheckReach(FileSystem* fs, const std::string& data_dir, Sequence found) {
  if (!fs->Exists(ReachPath(data_dir))) return absl::OkStatus();
  TWIN_ASSIGN_OR_RETURN(const std::string text, fs->ReadWhole(ReachPath(data_dir)));
  uint64_t through = 0;
  if (!absl::SimpleAtoi(text, &through)) {
    return absl::DataLossError(absl::StrCat(ReachPath(data_dir), " has no sequence but '",
                                            absl::CHexEscape(text.substr(0, 40)),
                                            "': the backup is damaged; take another copy of it"));
  }
  if (found.value >= through) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the backup in ", data_dir, " was made at sequence ", through, ", and what is there ends at ",
      found.value, ": files of it are missing or cut short; take another copy of it, or remove ",
      ReachPath(data_dir), " to start with what is left"));
}

absl::Status EndPartial(FileSystem* fs, const std::string& partial, const std::string& folder) {
  TWIN_RETURN_IF_ERROR(fs->Remove(JoinPath(partial, kPartialMark)));
  TWIN_RETURN_IF_ERROR(fs->Rename(partial, folder));
  return fs->SyncFolder(FolderOf(folder));
}

}  // namespace twin::engine
