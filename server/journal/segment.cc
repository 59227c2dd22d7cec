#include "server/journal/segment.h"

#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/crc32c.h"

namespace twin::journal {
namespace {

constexpr absl::string_view kSegmentMagic = "TWINJRNL";
constexpr uint32_t kGroupMagic = 0x47575450;  // "PTWG"

uint32_t SeededCrc(uint64_t nonce, absl::string_view bytes) {
  char seed[8];
  std::memcpy(seed, &nonce, sizeof(seed));
  return ExtendCrc32c(Crc32c(absl::string_view(seed, sizeof(seed))), bytes);
}

uint64_t Padded(uint64_t bytes) {
  return (bytes + kGroupAlignment - 1) / kGroupAlignment * kGroupAlignment;
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes(kSegmentMagic);
  AppendFixed(&bytes, kSegmentVersion);
  AppendFixed(&bytes, static_cast<uint32_t>(header.file_bytes / kSegmentHeaderBytes));
  AppendFixed(&bytes, header.generation);
  AppendFixed(&bytes, header.nonce);
  AppendFixed(&bytes, header.first_group);
  AppendFixed(&bytes, header.first_sequence.value);
  AppendFixed(&bytes, header.time.ns);
  AppendFixed(&bytes, Crc32c(bytes));
  bytes.resize(kSegmentHeaderBytes);
  return bytes;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(absl::string_view bytes) {
  ByteReader reader(bytes);
  const absl::string_view magic = reader.Bytes(kSegmentMagic.size());
  const auto version = reader.Fixed<uint32_t>();
  SegmentHeader header;
  header.file_bytes = reader.Fixed<uint32_t>() * kSegmentHeaderBytes;
  header.generation = reader.Fixed<uint64_t>();
  header.nonce = reader.Fixed<uint64_t>();
  header.first_group = reader.Fixed<uint64_t>();
  header.first_sequence = Sequence(reader.Fixed<uint64_t>());
  header.time = Time{reader.Fixed<int64_t>()};
  const size_t covered = bytes.size() - reader.rest().size();
  const auto crc = reader.Fixed<uint32_t>();
  if (!reader.ok() || magic != kSegmentMagic || crc != Crc32c(bytes.substr(0, covered))) {
    return absl::DataLossError("no segment header");
  }
  if (version != kSegmentVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("journal format ", version, "; this program knows ", kSegmentVersion));
  }
  return header;
}

// magic 4, crc 4, then what the crc covers: number 8, generation 8, first 8, count 8,
// durable_through 8, time 8, records 4, payload_bytes 4 = 64, payload.
uint64_t GroupBytes(const std::vector<Record>& records) {
  uint64_t bytes = kGroupHeaderBytes;
  for (const Record& record : records) bytes += RecordBytes(record);
  return Padded(bytes);
}

void EncodeGroup(GroupHeader header, uint64_t nonce, const std::vector<Record>& records,
                 std::string* bytes) {
  uint64_t payload = 0;
  for (const Record& record : records) payload += RecordBytes(record);
  bytes->clear();
  bytes->reserve(Padded(kGroupHeaderBytes + payload));
  AppendFixed(bytes, kGroupMagic);
  AppendFixed(bytes, uint32_t{0});
  AppendFixed(bytes, header.number);
  AppendFixed(bytes, header.generation);
  AppendFixed(bytes, header.first.value);
  AppendFixed(bytes, header.count);
  AppendFixed(bytes, header.durable_through.value);
  AppendFixed(bytes, header.time.ns);
  AppendFixed(bytes, static_cast<uint32_t>(records.size()));
  AppendFixed(bytes, static_cast<uint32_t>(payload));
  for (const Record& record : records) {
    AppendFixed(bytes, static_cast<uint32_t>(record.bytes.size()));
    AppendFixed(bytes, record.count);
    bytes->append(record.bytes);
  }
  const uint32_t crc = SeededCrc(nonce, absl::string_view(*bytes).substr(8));
  std::memcpy(bytes->data() + 4, &crc, sizeof(crc));
  bytes->resize(Padded(bytes->size()));
}

uint64_t GroupBytesAt(absl::string_view header_bytes) {
  if (header_bytes.size() < kGroupHeaderBytes) return 0;
  uint32_t magic = 0;
  uint32_t payload = 0;
  std::memcpy(&magic, header_bytes.data(), sizeof(magic));
  std::memcpy(&payload, header_bytes.data() + kGroupHeaderBytes - 4, sizeof(payload));
  return magic == kGroupMagic ? Padded(kGroupHeaderBytes + payload) : 0;
}

uint64_t GenerationAt(absl::string_view header_bytes) {
  uint64_t generation = 0;
  std::memcpy(&generation, header_bytes.data() + 16, sizeof(generation));
  return generation;
}

bool DecodeGroup(absl::string_view bytes, uint64_t nonce, GroupHeader* header,
                 absl::string_view* payload) {
  ByteReader reader(bytes);
  if (reader.Fixed<uint32_t>() != kGroupMagic) return false;
  const auto crc = reader.Fixed<uint32_t>();
  header->number = reader.Fixed<uint64_t>();
  header->generation = reader.Fixed<uint64_t>();
  header->first = Sequence(reader.Fixed<uint64_t>());
  header->count = reader.Fixed<uint64_t>();
  header->durable_through = Sequence(reader.Fixed<uint64_t>());
  header->time = Time{reader.Fixed<int64_t>()};
  header->records = reader.Fixed<uint32_t>();
  header->payload_bytes = reader.Fixed<uint32_t>();
  *payload = reader.Bytes(header->payload_bytes);
  if (!reader.ok()) return false;
  const absl::string_view covered = bytes.substr(8, kGroupHeaderBytes - 8 + header->payload_bytes);
  return crc == SeededCrc(nonce, covered);
}

absl::Status DecodeRecords(const GroupHeader& header, absl::string_view payload,
                           std::vector<Record>* records) {
  ByteReader reader(payload);
  Sequence next = header.first;
  bool is_whole = true;  // each record has a sequence at least
  for (uint32_t i = 0; i < header.records && reader.ok(); ++i) {
    Record record;
    const auto size = reader.Fixed<uint32_t>();
    record.count = reader.Fixed<uint32_t>();
    record.bytes = std::string(reader.Bytes(size));
    record.first = next;
    next = Sequence(next.value + record.count);
    is_whole = is_whole && record.count > 0;
    if (reader.ok()) records->push_back(std::move(record));
  }
  if (!is_whole || !reader.ok() || !reader.done() || next != header.next()) {
    return absl::DataLossError(
        absl::StrCat("group ", header.number, " does not hold the records that it names"));
  }
  return absl::OkStatus();
}

}  // namespace twin::journal
