#include "server/ingest/telemetry_record.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "server/base/coding.h"
#include "server/base/status_macros.h"
#include "server/ingest/change.h"

namespace twin::ingest {
namespace {

using timeseries::ColumnKind;

// What a run and a column take at least: bounds how many there can be.
constexpr size_t kRunBytesMin = 2;
constexpr size_t kFrameColumnBytesMin = 2;
// What a record, a run and a time take at most, without texts and values.
constexpr size_t kRecordBytes = 40;
constexpr size_t kRunBytes = 30;
constexpr size_t kTimeBytes = 10;

absl::Status DamagedRecord(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a journal record is damaged: ", what));
}

void AppendKind(RecordKind kind, Time time, std::string* bytes) {
  AppendFixed(bytes, static_cast<uint8_t>(kind));
  AppendFixed(bytes, time.ns);
}

bool ReadKind(ByteReader* reader, RecordKind kind, Time* time) {
  const bool same = reader->Byte() == static_cast<uint8_t>(kind);
  *time = Time{reader->Fixed<int64_t>()};
  return same && reader->ok();
}

// As differences from the one before. Modulo 2^64.
void AppendTimes(absl::Span<const int64_t> times, std::string* bytes) {
  uint64_t before = 0;
  for (const int64_t time : times) {
    const auto now = static_cast<uint64_t>(time);
    AppendSigned(bytes, static_cast<int64_t>(now - before));
    before = now;
  }
}

void ReadTimes(ByteReader* reader, uint64_t count, std::vector<int64_t>* times) {
  times->resize(count);
  uint64_t before = 0;
  for (int64_t& time : *times) {
    before += static_cast<uint64_t>(reader->Signed());
    time = static_cast<int64_t>(before);
  }
}

template <typename T>
void AppendArray(const std::vector<T>& items, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T));
}

template <typename T>
void ReadArray(ByteReader* reader, uint64_t count, std::vector<T>* items) {
  const absl::string_view bytes = reader->Bytes(count * sizeof(T));
  if (!reader->ok()) return;
  items->resize(count);
  if (count > 0) std::memcpy(items->data(), bytes.data(), bytes.size());
}

void AppendMissing(const std::vector<uint8_t>& missing, std::string* bytes) {
  const size_t at = bytes->size();
  bytes->resize(at + (missing.size() + 7) / 8, '\0');
  for (size_t i = 0; i < missing.size(); i += 8) {
    uint64_t word = 0;  // a byte of each row: the product moves their bits next to each other
    std::memcpy(&word, missing.data() + i, std::min<size_t>(8, missing.size() - i));
    (*bytes)[at + i / 8] = static_cast<char>((word * 0x0102'0408'1020'4080) >> 56);
  }
}

void ReadMissing(ByteReader* reader, uint64_t count, std::vector<uint8_t>* missing) {
  const absl::string_view bits = reader->Bytes((count + 7) / 8);
  if (!reader->ok()) return;
  missing->resize(count);
  for (size_t i = 0; i < count; i += 8) {
    // The bits to the tops of bytes of their own, the first of them to the lowest byte.
    const uint64_t spread = static_cast<uint8_t>(bits[i / 8]) * 0x8040'2010'0804'0201;
    const uint64_t word = (spread & 0x8080'8080'8080'8080) >> 7;
    const uint64_t ordered = __builtin_bswap64(word);
    std::memcpy(missing->data() + i, &ordered, std::min<size_t>(8, count - i));
  }
}

void AppendColumn(const SampleRun::Column& column, std::string* bytes) {
  AppendString(bytes, column.path);
  AppendFixed(bytes, static_cast<uint8_t>(column.kind));
  AppendMissing(column.missing, bytes);
  AppendArray(column.doubles, bytes);
  AppendArray(column.ints, bytes);
  for (const absl::string_view value : column.values) AppendString(bytes, value);
}

void ReadColumn(ByteReader* reader, uint64_t rows, SampleRun::Column* column) {
  column->path = reader->String();
  column->kind = static_cast<ColumnKind>(reader->Byte());
  column->doubles.clear();
  column->ints.clear();
  column->values.clear();
  ReadMissing(reader, rows, &column->missing);
  switch (column->kind) {
    case ColumnKind::kDouble:
      return ReadArray(reader, rows, &column->doubles);
    case ColumnKind::kInt:
      return ReadArray(reader, rows, &column->ints);
    case ColumnKind::kValue:
      column->values.resize(rows);
      for (absl::string_view& value : column->values) value = reader->String();
      return;
    default:
      return reader->Fail();
  }
}

}  // namespace

void EncodeRecord(const LayoutRecord& record, std::string* bytes) {
  AppendKind(RecordKind::kLayout, record.time, bytes);
  bytes->append(EncodeLayout(record.layout));
  EncodeVersion(record.version, bytes);
}

absl::Status DecodeRecord(absl::string_view bytes, LayoutRecord* record) {
  ByteReader reader(bytes);
  if (!ReadKind(&reader, RecordKind::kLayout, &record->time) ||
      !DecodeLayout(&reader, &record->layout) || !DecodeVersion(&reader, &record->version) ||
      !reader.done()) {
    return DamagedRecord("a layout");
  }
  return absl::OkStatus();
}

void EncodeRecord(const FramesRecord& record, std::string* bytes) {
  size_t size = bytes->size() + record.producer.size() + kRecordBytes;
  for (const FrameRun& run : record.runs) {
    size += kRunBytes + run.times.size() * kTimeBytes + run.bytes.size();
  }
  bytes->reserve(size);
  AppendKind(RecordKind::kFrames, record.time, bytes);
  AppendString(bytes, record.producer);
  AppendVarint(bytes, record.number);
  AppendVarint(bytes, record.runs.size());
  for (const FrameRun& run : record.runs) {
    AppendVarint(bytes, run.layout);
    AppendVarint(bytes, run.version);
    AppendVarint(bytes, (run.times.size() << 1) | (run.is_doubles ? 1 : 0));
    AppendTimes(run.times, bytes);
    AppendString(bytes, run.bytes);
  }
}

absl::Status DecodeRecord(absl::string_view bytes, FramesRecord* record) {
  ByteReader reader(bytes);
  if (!ReadKind(&reader, RecordKind::kFrames, &record->time)) return DamagedRecord("frames");
  record->producer = reader.String();
  record->number = reader.Varint();
  record->runs.resize(reader.Varint(reader.rest().size() / kRunBytesMin));
  for (FrameRun& run : record->runs) {
    run.layout = reader.Varint32();
    run.version = reader.Varint32();
    const uint64_t frames = reader.Varint(2 * reader.rest().size() + 1);
    run.is_doubles = (frames & 1) != 0;
    ReadTimes(&reader, frames >> 1, &run.times);
    run.bytes = reader.String();
    if (!reader.ok()) return DamagedRecord("frames");
  }
  return reader.ok() && reader.done() ? absl::OkStatus() : DamagedRecord("frames");
}

void EncodeRecord(const SamplesRecord& record, std::string* bytes) {
  AppendKind(RecordKind::kSamples, record.time, bytes);
  AppendString(bytes, record.producer);
  AppendVarint(bytes, record.number);
  AppendVarint(bytes, record.runs.size());
  for (const SampleRun& run : record.runs) {
    bytes->reserve(bytes->size() + run.twins.size() * (4 + 9 * run.columns.size()) + 64);
    AppendVarint(bytes, run.twins.size());
    int64_t before = 0;
    for (const TwinNumber twin : run.twins) {
      AppendSigned(bytes, static_cast<int64_t>(twin.value) - before);
      before = twin.value;
    }
    AppendTimes(run.times, bytes);
    AppendVarint(bytes, run.columns.size());
    for (const SampleRun::Column& column : run.columns) AppendColumn(column, bytes);
  }
}

absl::Status DecodeRecord(absl::string_view bytes, SamplesRecord* record) {
  ByteReader reader(bytes);
  if (!ReadKind(&reader, RecordKind::kSamples, &record->time)) return DamagedRecord("samples");
  record->producer = reader.String();
  record->number = reader.Varint();
  record->runs.resize(reader.Varint(reader.rest().size() / kRunBytesMin));
  for (SampleRun& run : record->runs) {
    const uint64_t rows = reader.Varint(reader.rest().size());
    run.twins.resize(rows);
    uint64_t before = 0;
    for (TwinNumber& twin : run.twins) {
      before += static_cast<uint64_t>(reader.Signed());
      twin = TwinNumber(static_cast<uint32_t>(before));
    }
    ReadTimes(&reader, rows, &run.times);
    run.columns.resize(reader.Varint(reader.rest().size() / kFrameColumnBytesMin));
    for (SampleRun::Column& column : run.columns) {
      ReadColumn(&reader, rows, &column);
      if (!reader.ok()) return DamagedRecord("samples");
    }
  }
  return reader.ok() && reader.done() ? absl::OkStatus() : DamagedRecord("samples");
}

absl::Status CheckRecord(absl::string_view bytes) {
  switch (static_cast<RecordKind>(KindOf(bytes))) {
    case RecordKind::kGraph: {
      GraphRecord record;
      return DecodeRecord(bytes, &record);
    }
    case RecordKind::kLayout: {
      LayoutRecord record;
      return DecodeRecord(bytes, &record);
    }
    case RecordKind::kFrames: {
      FramesRecord record;
      return DecodeRecord(bytes, &record);
    }
    case RecordKind::kSamples: {
      SamplesRecord record;
      return DecodeRecord(bytes, &record);
    }
  }
  return DamagedRecord(absl::StrCat("no record of kind ", static_cast<int>(KindOf(bytes))));
}

}  // namespace twin::ingest
