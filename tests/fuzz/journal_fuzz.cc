// Segment files from anywhere: opening and reading a journal ends, what it reads has no gaps, and a
// journal that opened can be written on.
//
// The first byte of an input says what the others are:
//   0   the whole file of a segment
//   1   what follows a sound segment header; checksums of groups are put right
//   2   changes of a sound journal of several segments: file 1, position 2, byte 1
//   3   the same, and checksums are put right
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/check.h"
#include "server/base/crc32c.h"
#include "server/journal/file_journal.h"
#include "server/journal/segment.h"
#include "tests/support/faulty_file.h"
#include "tests/support/manual_clock.h"

namespace twin::journal {
namespace {

using Files = std::map<std::string, std::string>;  // by name

constexpr char kFolder[] = "/j";
constexpr uint64_t kNonce = 0x0123456789abcdef;
constexpr Time kNow{1'700'000'000'000'000'000};

std::unique_ptr<testing::FaultyFileSystem> DiskOf(const Files& files) {
  auto disk = std::make_unique<testing::FaultyFileSystem>();
  for (const auto& [name, bytes] : files) {
    const std::string path = JoinPath(kFolder, name);
    TWIN_CHECK(disk->Create(path).ok());
    disk->SetBytes(path, bytes);
  }
  return disk;
}

Files FilesOf(testing::FaultyFileSystem* disk) {
  Files files;
  const std::vector<std::string> names = *disk->List(kFolder);
  for (const std::string& name : names) files[name] = disk->Bytes(JoinPath(kFolder, name));
  return files;
}

FileJournalOptions OptionsOf(testing::FaultyFileSystem* disk) {
  static const ManualClock clock(kNow);
  FileJournalOptions options;
  options.folder = kFolder;
  options.file_system = disk;
  options.clock = &clock;
  options.segment_bytes = 16384;
  return options;
}

absl::Status Append(FileJournal* journal, Epoch epoch, Record record) {
  std::promise<absl::Status> done;
  journal->Append(epoch, std::move(record),
                  [&done](absl::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

// Makes the checksum of each group fit that could be read with another one.
void PutRight(uint64_t nonce, std::string* file) {
  for (uint64_t at = kSegmentHeaderBytes; at + kGroupHeaderBytes <= file->size();) {
    const absl::string_view rest = absl::string_view(*file).substr(at);
    const uint64_t bytes = GroupBytesAt(rest);
    if (bytes == 0) {
      at += kGroupAlignment;
      continue;
    }
    uint32_t payload = 0;
    std::memcpy(&payload, rest.data() + kGroupHeaderBytes - sizeof(payload), sizeof(payload));
    if (payload > rest.size() - kGroupHeaderBytes) return;
    char seed[sizeof(nonce)];
    std::memcpy(seed, &nonce, sizeof(seed));
    const uint32_t crc = ExtendCrc32c(Crc32c(absl::string_view(seed, sizeof(seed))),
                                      rest.substr(8, kGroupHeaderBytes - 8 + payload));
    std::memcpy(file->data() + at + 4, &crc, sizeof(crc));
    at += bytes;
  }
}

void PutRight(std::string* file) {
  const auto header = DecodeSegmentHeader(absl::string_view(*file).substr(0, kSegmentHeaderBytes));
  if (header.ok()) PutRight(header->nonce, file);
}

// The same file with our nonce, which is random otherwise: an input means the same in every run.
void SetNonce(std::string* file) {
  auto header = DecodeSegmentHeader(absl::string_view(*file).substr(0, kSegmentHeaderBytes));
  TWIN_CHECK(header.ok()) << header.status();
  header->nonce = kNonce;
  file->replace(0, kSegmentHeaderBytes, EncodeSegmentHeader(*header));
  PutRight(kNonce, file);
}

// Groups of several sizes in three segments, ended by a clean stop.
const Files& SoundFiles() {
  static const auto* const files = [] {
    testing::FaultyFileSystem disk;
    {
      auto journal = FileJournal::Open(OptionsOf(&disk));
      TWIN_CHECK(journal.ok()) << journal.status();
      const Epoch epoch = *(*journal)->Claim();
      uint64_t next = 1;
      for (uint32_t i = 0; i < 24; ++i) {
        Record record;
        record.first = Sequence(next);
        record.count = 1 + i % 3;
        record.bytes.assign(i % 2 == 0 ? 20 : 1800, static_cast<char>('a' + i));
        next += record.count;
        TWIN_CHECK(Append(journal->get(), epoch, std::move(record)).ok());
      }
    }
    auto* const made = new Files();
    for (auto& [name, bytes] : FilesOf(&disk)) {
      if (name.rfind("segment-", 0) != 0) continue;
      SetNonce(&bytes);
      made->emplace(name, std::move(bytes));
    }
    return made;
  }();
  return *files;
}

Files FilesOfInput(uint8_t mode, absl::string_view input) {
  if (mode == 0) return {{SegmentName(1), std::string(input)}};
  if (mode == 1) {
    SegmentHeader header;
    header.generation = 1;
    header.nonce = kNonce;
    header.first_group = 1;
    header.first_sequence = Sequence(1);
    header.time = kNow;
    std::string file = EncodeSegmentHeader(header);
    file.append(input.data(), input.size());
    PutRight(kNonce, &file);
    return {{SegmentName(1), std::move(file)}};
  }
  Files files = SoundFiles();
  for (; input.size() >= 4; input.remove_prefix(4)) {
    auto file = files.begin();
    std::advance(file, static_cast<uint8_t>(input[0]) % files.size());
    uint16_t at = 0;
    std::memcpy(&at, input.data() + 1, sizeof(at));
    file->second[at % file->second.size()] = input[3];
  }
  if (mode == 3) {
    for (auto& each : files) PutRight(&each.second);
  }
  return files;
}

// Reads until the end or the first error; checks that nothing is missing between two records.
std::vector<Record> ReadAll(FileJournal* journal, absl::Status* status) {
  std::vector<Record> records;
  const auto reader = journal->ReadFrom(journal->status().oldest);
  *status = reader.status();
  if (!status->ok()) return records;
  while (true) {
    Record record;
    const absl::StatusOr<bool> more = (*reader)->Next(&record);
    *status = more.status();
    if (!more.ok() || !*more) return records;
    TWIN_CHECK(record.count >= 1) << record.first.value;
    TWIN_CHECK(records.empty() || record.first.value == records.back().last().value + 1)
        << record.first.value << " after " << records.back().last().value;
    TWIN_CHECK(record.last() <= journal->status().durable) << record.last().value;
    records.push_back(std::move(record));
  }
}

void CheckSame(const std::vector<Record>& a, const std::vector<Record>& b, size_t more) {
  TWIN_CHECK(a.size() + more == b.size()) << a.size() << " + " << more << " and " << b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    TWIN_CHECK(a[i].first == b[i].first && a[i].bytes == b[i].bytes) << i;
  }
}

// Reads without a right to write; nothing changes on the disk.
absl::Status Look(const Files& files, std::vector<Record>* records) {
  const auto disk = DiskOf(files);
  FileJournalOptions options = OptionsOf(disk.get());
  options.read_only = true;
  absl::Status status;
  {
    const auto journal = FileJournal::Open(options);
    if (!journal.ok()) return journal.status();
    *records = ReadAll(journal->get(), &status);
  }
  TWIN_CHECK(FilesOf(disk.get()) == files);
  return status;
}

// Opens to write, appends one record, and finds it after the others when it opens again.
void GoOn(const Files& files, const std::vector<Record>& expected) {
  const auto disk = DiskOf(files);
  absl::Status status;
  for (const bool again : {false, true}) {
    const auto journal = FileJournal::Open(OptionsOf(disk.get()));
    TWIN_CHECK(journal.ok()) << journal.status();
    const std::vector<Record> found = ReadAll(journal->get(), &status);
    TWIN_CHECK(status.ok()) << status;
    CheckSame(expected, found, again ? 1 : 0);
    if (again) {
      TWIN_CHECK(found.back().bytes == "later" && (*journal)->torn_bytes() == 0);
      return;
    }
    const Sequence next((*journal)->status().durable.value + 1);
    status = Append(journal->get(), *(*journal)->Claim(), {next, 1, "later"});
    TWIN_CHECK(status.ok()) << status;
  }
}

}  // namespace
}  // namespace twin::journal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace twin::journal;  // NOLINT
  if (size == 0) return 0;
  const Files files =
      FilesOfInput(data[0] % 4, {reinterpret_cast<const char*>(data) + 1, size - 1});
  std::vector<Record> records;
  if (Look(files, &records).ok()) GoOn(files, records);
  return 0;
}
