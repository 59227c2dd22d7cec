// Layouts as bytes: docs/formats/records.md draws them.
#include <utility>

#include "server/ingest/layout.h"

namespace twin::ingest {
namespace {

// What a column takes at least: bounds how many there can be.
constexpr size_t kColumnBytesMin = 18;

void AppendDouble(std::string* bytes, double value) { AppendFixed(bytes, value); }

void AppendCodes(const std::vector<int64_t>& codes, std::string* bytes) {
  AppendVarint(bytes, codes.size());
  for (const int64_t code : codes) AppendSigned(bytes, code);
}

void ReadCodes(ByteReader* reader, std::vector<int64_t>* codes) {
  codes->resize(reader->Varint(reader->rest().size()));
  for (int64_t& code : *codes) code = reader->Signed();
}

Encoding ReadEncoding(ByteReader* reader) {
  const uint8_t byte = reader->Byte();
  if (byte >= kEncodings) reader->Fail();
  return reader->ok() ? static_cast<Encoding>(byte) : Encoding::kDouble;
}

void AppendForm(const ColumnForm& form, std::string* bytes) {
  AppendFixed(bytes, static_cast<uint8_t>(form.encoding));
  AppendFixed(bytes, static_cast<uint8_t>(form.kind));
  AppendFixed(bytes, form.decimals);
  AppendSigned(bytes, form.factor);
  AppendSigned(bytes, form.shift);
  AppendDouble(bytes, form.scale);
  AppendDouble(bytes, form.offset);
  AppendSigned(bytes, form.min);
  AppendSigned(bytes, form.max);
  AppendCodes(form.invalid_codes, bytes);
}

void ReadForm(ByteReader* reader, ColumnForm* form) {
  form->encoding = ReadEncoding(reader);
  const uint8_t kind = reader->Byte();
  form->decimals = reader->Byte();
  if (kind < static_cast<uint8_t>(timeseries::ColumnKind::kScaled) ||
      kind > static_cast<uint8_t>(timeseries::ColumnKind::kInt) ||
      form->decimals > timeseries::kDecimalsMax ||
      (static_cast<timeseries::ColumnKind>(kind) == timeseries::ColumnKind::kScaled &&
       (form->encoding == Encoding::kDouble || form->encoding == Encoding::kFloat))) {
    reader->Fail();
  }
  if (!reader->ok()) return;
  form->kind = static_cast<timeseries::ColumnKind>(kind);
  form->factor = reader->Signed();
  form->shift = reader->Signed();
  form->scale = reader->Fixed<double>();
  form->offset = reader->Fixed<double>();
  form->min = reader->Signed();
  form->max = reader->Signed();
  ReadCodes(reader, &form->invalid_codes);
}

}  // namespace

std::string EncodeLayout(const Layout& layout) {
  std::string encoded;
  std::string* const bytes = &encoded;
  AppendString(bytes, layout.id);
  AppendVarint(bytes, layout.columns.size());
  for (const LayoutColumn& column : layout.columns) {
    AppendFixed(bytes, static_cast<uint8_t>(column.encoding));
    AppendDouble(bytes, column.scale);
    AppendDouble(bytes, column.offset);
    AppendCodes(column.invalid_codes, bytes);
    AppendVarint(bytes, (column.targets.size() << 1) | (column.has_rule ? 1 : 0));
    for (const LayoutTarget& target : column.targets) {
      AppendString(bytes, target.twin_id);
      AppendString(bytes, target.path);
    }
    if (!column.has_rule) continue;
    AppendString(bytes, column.rule.twin_id);
    AppendVarint(bytes, column.rule.steps.size());
    for (const std::string& step : column.rule.steps) AppendString(bytes, step);
    AppendString(bytes, column.rule.path);
    AppendVarint(bytes, column.rule.count);
    AppendString(bytes, column.rule.shared_by);
    AppendString(bytes, column.rule.shared_path);
  }
  return encoded;
}

bool DecodeLayout(ByteReader* reader, Layout* layout) {
  layout->id = std::string(reader->String());
  layout->columns.clear();
  layout->columns.resize(reader->Varint(reader->rest().size() / kColumnBytesMin));
  for (LayoutColumn& column : layout->columns) {
    column.encoding = ReadEncoding(reader);
    column.scale = reader->Fixed<double>();
    column.offset = reader->Fixed<double>();
    ReadCodes(reader, &column.invalid_codes);
    const uint64_t targets = reader->Varint(2 * reader->rest().size() + 1);
    column.has_rule = (targets & 1) != 0;
    column.targets.resize(targets >> 1);
    for (LayoutTarget& target : column.targets) {
      target.twin_id = std::string(reader->String());
      target.path = std::string(reader->String());
    }
    if (!reader->ok()) return false;
    if (!column.has_rule) continue;
    column.rule.twin_id = std::string(reader->String());
    column.rule.steps.resize(reader->Varint(reader->rest().size()));
    for (std::string& step : column.rule.steps) step = std::string(reader->String());
    column.rule.path = std::string(reader->String());
    column.rule.count = reader->Varint32();
    column.rule.shared_by = std::string(reader->String());
    column.rule.shared_path = std::string(reader->String());
  }
  return reader->ok();
}

void EncodeVersion(const LayoutVersion& version, std::string* bytes) {
  AppendVarint(bytes, version.layout);
  AppendVarint(bytes, version.version);
  AppendFixed(bytes, version.valid_from.ns);
  AppendVarint(bytes, version.unresolved);
  AppendVarint(bytes, version.watched.size());
  for (const TwinNumber twin : version.watched) AppendVarint(bytes, twin.value);
  AppendVarint(bytes, version.columns.size());
  size_t c = 0;
  for (const ResolvedColumns::Run& run : version.columns.runs()) {
    for (; c < run.end; ++c) {
      AppendForm(run.form, bytes);
      const ResolvedColumns::Targets targets = version.columns.targets(c);
      AppendVarint(bytes, targets.size());
      for (const ColumnTarget target : targets) {
        AppendVarint(bytes, target.twin.value);
        AppendString(bytes, target.path);
      }
    }
  }
}

bool DecodeVersion(ByteReader* reader, LayoutVersion* version) {
  version->layout = reader->Varint32();
  version->version = reader->Varint32();
  version->valid_from = Time{reader->Fixed<int64_t>()};
  version->unresolved = reader->Varint32();
  version->watched.resize(reader->Varint(reader->rest().size()));
  for (TwinNumber& twin : version->watched) twin = TwinNumber(reader->Varint32());
  const uint64_t columns = reader->Varint(reader->rest().size() / kColumnBytesMin);
  version->columns = ResolvedColumns();
  ColumnForm form;
  std::vector<ColumnTarget> targets;
  for (uint64_t c = 0; c < columns; ++c) {
    ReadForm(reader, &form);
    targets.resize(reader->Varint(reader->rest().size()));
    for (ColumnTarget& target : targets) {
      target.twin = TwinNumber(reader->Varint32());
      target.path = reader->String();
    }
    if (!reader->ok()) return false;
    version->columns.Add(form, targets);
  }
  version->columns.ShrinkToFit();
  return reader->ok();
}

}  // namespace twin::ingest
