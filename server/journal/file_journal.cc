#include "server/journal/file_journal.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/base/thread_name.h"
#include "server/base/thread_priority.h"
#include "server/journal/segment.h"

namespace twin::journal {
namespace {

// A sync of the journal waits for at most so many bytes of a segment that is being prepared.
constexpr uint64_t kZerosBytes = 256 << 10;
constexpr std::chrono::milliseconds kPreparerRests{1};  // after each, where nobody waits for it
constexpr size_t kSparesMax = 2;
constexpr absl::string_view kEpochName = "epoch";

uint64_t RandomNonce() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// On a full disk in place of what is there: a few bytes of one sector, and never fewer than before.
absl::Status WriteEpoch(FileSystem* fs, const std::string& path, Epoch epoch) {
  const std::string text = absl::StrCat(epoch);
  const absl::Status status = fs->WriteWhole(path, text);
  if (!absl::IsResourceExhausted(status)) return status;
  const absl::StatusOr<std::unique_ptr<File>> file = fs->OpenToWrite(path);
  if (!file.ok()) return status;  // there is none yet
  TWIN_RETURN_IF_ERROR((*file)->Write(0, text));
  return (*file)->Sync();
}

absl::Status Trimmed(Sequence wanted, Sequence oldest) {
  return absl::OutOfRangeError(absl::StrCat(
      "sequence ", wanted.value, " is no longer in the journal; the oldest is ", oldest.value));
}

}  // namespace

// Walks the segments. Files that it holds are not written anew (Trim looks at the use count).
class FileJournal::FileReader final : public Reader {
 public:
  FileReader(FileJournal* journal, std::shared_ptr<Segment> segment, Sequence from)
      : journal_(journal), from_(from) {
    if (segment != nullptr) Enter(std::move(segment));
  }

  absl::StatusOr<bool> Next(Record* record) override {
    for (;;) {
      while (at_record_ < records_.size()) {
        Record& next = records_[at_record_++];
        if (next.last() < from_) continue;
        *record = std::move(next);
        return true;
      }
      TWIN_ASSIGN_OR_RETURN(const bool more, ReadGroup());
      if (!more) return false;
    }
  }

 private:
  void Enter(std::shared_ptr<Segment> segment) {
    segment_ = std::move(segment);
    offset_ = kSegmentHeaderBytes;
    number_ = segment_->header.first_group;
    next_ = segment_->header.first_sequence;
  }

  absl::StatusOr<bool> ReadGroup() {
    for (;;) {
      uint64_t end_group = 0;
      std::shared_ptr<Segment> following;
      {
        MutexLock lock(&journal_->mutex_);
        if (journal_->segments_.empty()) return false;
        const std::shared_ptr<Segment>& oldest = journal_->segments_.front();
        if (segment_ == nullptr) Enter(oldest);
        const uint64_t first = oldest->header.generation;
        const uint64_t mine = segment_->header.generation;
        end_group = segment_->end_group;
        if (number_ == end_group) {
          if (mine + 1 < first) return Trimmed(from_, oldest->header.first_sequence);
          if (mine + 1 - first >= journal_->segments_.size()) return false;
          following = journal_->segments_[mine + 1 - first];
        }
      }
      if (following == nullptr) break;
      Enter(std::move(following));
    }
    std::string header_bytes;
    TWIN_RETURN_IF_ERROR(segment_->file->Read(offset_, kGroupHeaderBytes, &header_bytes));
    const uint64_t size = GroupBytesAt(header_bytes);
    GroupHeader header;
    absl::string_view payload;
    if (size > 0) TWIN_RETURN_IF_ERROR(segment_->file->Read(offset_, size, &bytes_));
    if (size == 0 || !DecodeGroup(bytes_, segment_->header.nonce, &header, &payload) ||
        header.number != number_ || header.first != next_ ||
        header.generation != segment_->header.generation) {
      return absl::DataLossError(
          absl::StrCat("journal damaged: ", segment_->path, " at byte ", offset_, ": group ",
                       number_, " cannot be read; restore the data directory from a backup"));
    }
    records_.clear();
    at_record_ = 0;
    TWIN_RETURN_IF_ERROR(DecodeRecords(header, payload, &records_));
    offset_ += size;
    number_ += 1;
    next_ = header.next();
    return true;
  }

  FileJournal* const journal_;
  const Sequence from_;
  std::shared_ptr<Segment> segment_;
  uint64_t offset_ = 0;
  uint64_t number_ = 0;
  Sequence next_;
  std::string bytes_;
  std::vector<Record> records_;
  size_t at_record_ = 0;
};

absl::StatusOr<std::unique_ptr<FileJournal>> FileJournal::Open(const FileJournalOptions& options) {
  FileJournalOptions checked = options;
  if (checked.file_system == nullptr) checked.file_system = PosixFileSystem();
  if (checked.clock == nullptr) checked.clock = &SystemClock();
  if (!checked.read_only) {
    TWIN_RETURN_IF_ERROR(checked.file_system->CreateFolder(checked.folder));
  }
  const uint64_t holds = checked.segment_bytes - kSegmentHeaderBytes - kGroupHeaderBytes - 16;
  if (checked.segment_bytes < kSegmentBytesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("segment_bytes ", checked.segment_bytes, " is less than ", kSegmentBytesMin));
  }
  checked.record_bytes_max = std::min(checked.record_bytes_max, holds);
  TWIN_ASSIGN_OR_RETURN(Recovered recovered, Recover(checked.file_system, checked.folder));
  std::unique_ptr<FileJournal> journal(new FileJournal(checked, std::move(recovered)));
  MutexLock lock(&journal->mutex_);
  const std::string epoch_path = JoinPath(checked.folder, kEpochName);
  if (checked.file_system->Exists(epoch_path)) {
    TWIN_ASSIGN_OR_RETURN(const std::string text, checked.file_system->ReadWhole(epoch_path));
    if (!absl::SimpleAtoi(text, &journal->epoch_)) {
      return absl::DataLossError(absl::StrCat(epoch_path, " is not a number; start on a backup"));
    }
  }
  if (!checked.read_only) {
    // A spare that was being made when the power went is not whole.
    std::vector<std::string> whole;
    for (const std::string& spare : journal->spares_) {
      TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, checked.file_system->Open(spare));
      TWIN_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
      if (size == checked.segment_bytes) {
        whole.push_back(spare);
      } else {
        TWIN_RETURN_IF_ERROR(checked.file_system->Remove(spare));
      }
    }
    journal->spares_ = std::move(whole);
    journal->spare_wanted_ = checked.prepare_ahead && journal->spares_.empty();
    TWIN_RETURN_IF_ERROR(journal->RewriteTail());
    journal->writer_ = std::thread(&FileJournal::Run, journal.get());
    journal->preparer_ = std::thread(&FileJournal::RunPreparer, journal.get());
  }
  return journal;
}

FileJournal::FileJournal(const FileJournalOptions& options, Recovered recovered)
    : options_(options),
      fs_(options.file_system),
      clock_(*options.clock),
      torn_bytes_(recovered.torn_bytes) {
  MutexLock lock(&mutex_);
  segments_.assign(recovered.segments.begin(), recovered.segments.end());
  spares_ = std::move(recovered.spares);
  next_to_sync_ = options.first_sequence;
  if (!segments_.empty()) {
    next_group_ = segments_.back()->end_group;
    next_to_sync_ = segments_.back()->end;
  }
  next_to_append_ = next_to_sync_;
}

FileJournal::~FileJournal() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    appended_.SignalAll();
    prepared_.SignalAll();
  }
  if (writer_.joinable()) writer_.join();
  if (preparer_.joinable()) preparer_.join();
}

absl::StatusOr<Epoch> FileJournal::Claim() {
  if (options_.read_only) return absl::FailedPreconditionError("the journal is open to be read");
  Epoch claimed = 0;
  bool is_new = false;
  uint64_t group = 0;
  Sequence sequence;
  {
    MutexLock lock(&mutex_);
    claimed = ++epoch_;
    TWIN_RETURN_IF_ERROR(WriteEpoch(fs_, JoinPath(options_.folder, kEpochName), claimed));
    is_new = segments_.empty();
    group = next_group_;
    sequence = next_to_sync_;
  }
  // Nobody appends before the first claim.
  if (is_new) TWIN_RETURN_IF_ERROR(BeginSegment(group, sequence));
  return claimed;
}

// What the last process wrote and did not sync, or failed to, is read all the same, from the
// system's cache. Before anybody relies on it, it is written again and synced: a sync alone may
// leave out what failed once.
absl::Status FileJournal::RewriteTail() {
  if (segments_.empty()) return absl::OkStatus();
  const Segment& last = *segments_.back();
  const uint64_t size =
      last.last_offset == 0 ? kSegmentHeaderBytes : last.end_offset - last.last_offset;
  std::string bytes;
  TWIN_RETURN_IF_ERROR(last.file->Read(last.last_offset, size, &bytes));
  TWIN_RETURN_IF_ERROR(last.file->Write(last.last_offset, bytes));
  return last.file->Sync();
}

absl::Status FileJournal::Enqueue(Epoch epoch, Record* record, Done* done) {
  if (epoch != epoch_ || options_.read_only) {
    return absl::AbortedError("another writer has claimed the journal");
  }
  if (!writing_.ok()) return writing_;
  if (record->bytes.size() > options_.record_bytes_max) {
    return absl::InvalidArgumentError(absl::StrCat("a record of ", record->bytes.size(),
                                                   " bytes is larger than record_bytes_max (",
                                                   options_.record_bytes_max, ")"));
  }
  if (record->first != next_to_append_ || record->count == 0) {
    if (!refused_.ok()) return refused_;
    return absl::InvalidArgumentError(absl::StrCat(
        "sequence ", record->first.value, " does not follow; expected ", next_to_append_.value));
  }
  refused_ = absl::OkStatus();
  next_to_append_ = Sequence(record->last().value + 1);
  queue_.push_back({std::move(*record), std::move(*done)});
  return absl::OkStatus();
}

void FileJournal::Append(Epoch epoch, Record record, Done done) {
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    status = Enqueue(epoch, &record, &done);
    if (status.ok() && queue_.size() == 1 && !grouping_) appended_.Signal();
  }
  if (!status.ok()) done(status);
}

void FileJournal::AppendAndWait(Epoch epoch, Record record, Done done) {
  absl::Status status;
  std::vector<Waiting> group;
  {
    MutexLock lock(&mutex_);
    status = Enqueue(epoch, &record, &done);
    if (status.ok() && !grouping_) group = TakeGroup();
  }
  if (!status.ok()) return done(status);
  if (!group.empty()) Finish(std::move(group));
}

void FileJournal::Refuse(std::vector<Waiting> waiting, const absl::Status& status) {
  absl::Status told = status;
  {
    MutexLock lock(&mutex_);
    if (absl::IsResourceExhausted(status)) {
      refused_ = no_room_ = status;
      next_to_append_ = next_to_sync_;
    } else {
      writing_ =
          absl::UnavailableError(absl::StrCat("the journal has stopped writing: ", status.message(),
                                              "; restart the server when the cause is mended"));
      told = writing_;
    }
    for (Waiting& one : queue_) waiting.push_back(std::move(one));
    queue_.clear();
  }
  for (Waiting& one : waiting) one.done(told);
}

std::vector<FileJournal::Waiting> FileJournal::TakeGroup() {
  std::vector<Waiting> group;
  uint64_t bytes = kGroupHeaderBytes;
  do {
    bytes += RecordBytes(queue_.front().record);
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (!queue_.empty() &&
           bytes + RecordBytes(queue_.front().record) <=
               std::min(options_.group_bytes_max,
                        options_.segment_bytes - kSegmentHeaderBytes - kGroupAlignment));
  grouping_ = true;
  return group;
}

// Writes and syncs what TakeGroup gave, and calls back.
void FileJournal::Finish(std::vector<Waiting> group) {
  std::vector<Record> records;
  records.reserve(group.size());
  for (Waiting& one : group) records.push_back(std::move(one.record));
  const absl::Status status = WriteGroup(records);
  if (status.ok()) {
    wrote_ = true;
    for (Waiting& one : group) one.done(absl::OkStatus());
  } else {
    Refuse(std::move(group), status);
  }
  MutexLock lock(&mutex_);
  grouping_ = false;
  if (!queue_.empty() || stopping_) appended_.Signal();
}

void FileJournal::Run() {
  NameThread("journal");
  WakeAtOnce();
  for (;;) {
    std::vector<Waiting> group;
    {
      MutexLock lock(&mutex_);
      while (grouping_ || (queue_.empty() && !stopping_)) appended_.Wait(&mutex_);
      if (queue_.empty()) break;
      group = TakeGroup();
    }
    Finish(std::move(group));
  }
  // An empty group at a clean stop proves that the one before it was durable.
  if (wrote_ && status().writing.ok()) WriteGroup({}).IgnoreError();
}

absl::Status FileJournal::WriteGroup(const std::vector<Record>& records) {
  std::shared_ptr<Segment> segment;
  GroupHeader header;
  {
    MutexLock lock(&mutex_);
    header.number = next_group_;
    header.first = next_to_sync_;
    header.durable_through = Sequence(next_to_sync_.value - 1);
    if (!segments_.empty()) segment = segments_.back();
  }
  for (const Record& record : records) header.count += record.count;
  header.time = clock_.Now();
  const uint64_t size = GroupBytes(records);
  if (segment == nullptr || segment->end_offset + size > options_.segment_bytes) {
    if (records.empty()) return absl::OkStatus();
    TWIN_RETURN_IF_ERROR(BeginSegment(header.number, header.first));
    MutexLock lock(&mutex_);
    segment = segments_.back();
  }
  header.generation = segment->header.generation;
  EncodeGroup(header, segment->header.nonce, records, &group_bytes_);
  absl::Status status = segment->file->Write(segment->end_offset, group_bytes_);
  if (status.ok()) status = segment->file->Sync();
  if (!status.ok()) {
    // What is on disk now is not known, also when the disk was full.
    return absl::UnavailableError(status.message());
  }
  MutexLock lock(&mutex_);
  segment->end_offset += size;
  segment->end_group = header.number + 1;
  segment->end = header.next();
  next_group_ = segment->end_group;
  next_to_sync_ = segment->end;
  groups_written_ += 1;
  if (!no_room_.ok()) no_room_ = absl::OkStatus();
  return absl::OkStatus();
}

// The header is synced before the first group is written: where there is a group and no header, the
// header was damaged.
absl::Status FileJournal::BeginSegment(uint64_t first_group, Sequence first) {
  TWIN_ASSIGN_OR_RETURN(const std::string spare, TakeSpare());
  auto segment = std::make_shared<Segment>();
  {
    MutexLock lock(&mutex_);
    segment->header.generation = segments_.empty() ? 1 : segments_.back()->header.generation + 1;
  }
  segment->header.nonce = RandomNonce();
  segment->header.first_group = first_group;
  segment->header.first_sequence = first;
  segment->header.time = clock_.Now();
  segment->header.file_bytes = options_.segment_bytes;
  segment->end_group = first_group;
  segment->end = first;
  segment->end_offset = kSegmentHeaderBytes;
  segment->path = JoinPath(options_.folder, SegmentName(segment->header.generation));
  absl::Status status = fs_->Rename(spare, segment->path);
  if (status.ok()) status = fs_->SyncFolder(options_.folder);
  if (status.ok()) {
    absl::StatusOr<std::unique_ptr<File>> file = fs_->OpenToWrite(segment->path);
    status = file.status();
    if (file.ok()) segment->file = std::move(*file);
  }
  if (status.ok()) status = segment->file->Write(0, EncodeSegmentHeader(segment->header));
  if (status.ok()) status = segment->file->Sync();
  if (!status.ok()) return absl::UnavailableError(status.message());
  MutexLock lock(&mutex_);
  segments_.push_back(std::move(segment));
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileJournal::TakeSpare() {
  {
    MutexLock lock(&mutex_);
    spare_awaited_ = true;
    while (preparing_) prepared_.Wait(&mutex_);
    spare_awaited_ = false;
    spare_wanted_ = options_.prepare_ahead && spares_.size() <= 1;
    if (!spares_.empty()) {
      std::string spare = std::move(spares_.back());
      spares_.pop_back();
      prepared_.SignalAll();
      return spare;
    }
    preparing_ = spare_awaited_ = true;
  }
  absl::StatusOr<std::string> spare = PrepareSpare();
  MutexLock lock(&mutex_);
  preparing_ = spare_awaited_ = false;
  prepared_.SignalAll();
  return spare;
}

absl::StatusOr<std::string> FileJournal::PrepareSpare() {
  std::string path;
  {
    MutexLock lock(&mutex_);
    do {
      path = JoinPath(options_.folder, absl::StrCat("spare-", ++spares_made_));
    } while (fs_->Exists(path));
  }
  const std::string zeros(kZerosBytes, '\0');
  absl::Status status;
  {
    TWIN_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, fs_->Create(path));
    for (uint64_t at = 0; at < options_.segment_bytes && status.ok(); at += kZerosBytes) {
      const uint64_t size = std::min(kZerosBytes, options_.segment_bytes - at);
      status = file->Write(at, absl::string_view(zeros).substr(0, size));
      if (status.ok()) status = file->Sync();
      MutexLock lock(&mutex_);
      if (!spare_awaited_ && !stopping_) prepared_.WaitFor(&mutex_, kPreparerRests);
    }
  }
  if (!status.ok()) {
    fs_->Remove(path).IgnoreError();
    return status;
  }
  return path;
}

void FileJournal::RunPreparer() {
  NameThread("segments");
  for (;;) {
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && (!spare_wanted_ || preparing_)) prepared_.Wait(&mutex_);
      if (stopping_) return;
      spare_wanted_ = false;
      preparing_ = true;
    }
    absl::StatusOr<std::string> spare = PrepareSpare();
    MutexLock lock(&mutex_);
    preparing_ = false;
    // Without room, whoever needs the segment tries again and tells the client.
    if (spare.ok()) spares_.push_back(*std::move(spare));
    prepared_.SignalAll();
  }
}

absl::StatusOr<std::unique_ptr<Reader>> FileJournal::ReadFrom(Sequence sequence) {
  MutexLock lock(&mutex_);
  if (segments_.empty()) {
    if (sequence < next_to_sync_) return Trimmed(sequence, next_to_sync_);
    return std::make_unique<FileReader>(this, nullptr, sequence);
  }
  if (sequence < segments_.front()->header.first_sequence) {
    return Trimmed(sequence, segments_.front()->header.first_sequence);
  }
  size_t at = segments_.size() - 1;
  while (at > 0 && sequence < segments_[at]->header.first_sequence) --at;
  return std::make_unique<FileReader>(this, segments_[at], sequence);
}

absl::Status FileJournal::Trim(Sequence below) {
  std::vector<std::shared_ptr<Segment>> trimmed;
  {
    MutexLock lock(&mutex_);
    const Time now = clock_.Now();
    while (segments_.size() > 1 && segments_.front()->end <= below) {
      const bool old =
          now.ns - segments_[1]->header.time.ns > options_.retention_seconds * kNsPerSecond;
      const bool much = segments_.size() * options_.segment_bytes > options_.retention_bytes;
      if (!old && !much) break;
      trimmed.push_back(std::move(segments_.front()));
      segments_.pop_front();
    }
  }
  for (std::shared_ptr<Segment>& segment : trimmed) {
    const std::string path = segment->path;
    MutexLock lock(&mutex_);
    // A file that somebody reads is not written again, only unlinked.
    if (segment.use_count() > 1 || spares_.size() >= kSparesMax) {
      TWIN_RETURN_IF_ERROR(fs_->Remove(path));
      continue;
    }
    std::string spare;
    do {
      spare = JoinPath(options_.folder, absl::StrCat("spare-", ++spares_made_));
    } while (fs_->Exists(spare));
    TWIN_RETURN_IF_ERROR(fs_->Rename(path, spare));
    spares_.push_back(std::move(spare));
  }
  if (trimmed.empty()) return absl::OkStatus();
  return fs_->SyncFolder(options_.folder);
}

JournalStatus FileJournal::status() const {
  MutexLock lock(&mutex_);
  JournalStatus status;
  status.oldest = segments_.empty() ? next_to_sync_ : segments_.front()->header.first_sequence;
  status.durable = Sequence(next_to_sync_.value - 1);
  status.segments = segments_.size();
  status.bytes = (segments_.size() + spares_.size()) * options_.segment_bytes;
  status.groups = groups_written_;
  status.writing = writing_;
  status.refused = no_room_;
  return status;
}

}  // namespace twin::journal
