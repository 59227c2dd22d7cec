#include "server/journal/recover.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"

namespace twin::journal {
namespace {

absl::Status Damage(const std::string& path, uint64_t offset, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("journal damaged: ", path, " at byte ", offset, ": ",
                                          what, "; restore the data directory from a backup"));
}

// Whether the bytes after a broken place prove that it was durable once: a later group of this
// segment that was written when `missing` was known to be on disk.
bool ProvesLoss(absl::string_view bytes, uint64_t nonce, Sequence missing, uint64_t number) {
  for (uint64_t at = 0; at + kGroupHeaderBytes <= bytes.size(); at += kGroupAlignment) {
    if (GroupBytesAt(bytes.substr(at, kGroupHeaderBytes)) == 0) continue;
    GroupHeader header;
    absl::string_view payload;
    if (DecodeGroup(bytes.substr(at), nonce, &header, &payload) && header.number > number &&
        header.durable_through >= missing) {
      return true;
    }
  }
  return false;
}

// Reads the groups of the last segment and finds its end.
absl::Status ScanLast(Segment* segment, uint64_t* torn_bytes) {
  std::string bytes;
  TWIN_ASSIGN_OR_RETURN(const uint64_t size, segment->file->Size());
  TWIN_RETURN_IF_ERROR(segment->file->Read(0, size, &bytes));
  uint64_t at = kSegmentHeaderBytes;
  uint64_t number = segment->header.first_group;
  Sequence next = segment->header.first_sequence;
  while (at < bytes.size()) {
    GroupHeader header;
    absl::string_view payload;
    if (!DecodeGroup(absl::string_view(bytes).substr(at), segment->header.nonce, &header,
                     &payload) ||
        header.number != number || header.generation != segment->header.generation ||
        header.first != next) {
      break;
    }
    segment->last_offset = at;
    at += GroupBytesAt(absl::string_view(bytes).substr(at));
    number += 1;
    next = header.next();
  }
  segment->end_group = number;
  segment->end = next;
  // The file may end inside the padding of the last group: the next one starts behind it all the
  // same.
  segment->end_offset = at;
  const absl::string_view rest =
      absl::string_view(bytes).substr(std::min<uint64_t>(at, bytes.size()));
  if (ProvesLoss(rest, segment->header.nonce, next, number)) {
    return Damage(segment->path, at,
                  absl::StrCat("group ", number, " with sequence ", next.value,
                               " was durable and its checksum is wrong"));
  }
  *torn_bytes = GroupBytesAt(rest.substr(0, kGroupHeaderBytes));
  return absl::OkStatus();
}

// Whether a group was written into a segment whose header cannot be read. The header is synced
// before the first group is written, so then it is not unfinished but damaged.
absl::StatusOr<bool> HoldsGroups(const File& file, const std::string& name) {
  uint64_t named = 0;
  if (!absl::SimpleHexAtoi(absl::StripPrefix(name, "segment-"), &named)) return false;
  std::string bytes;
  TWIN_RETURN_IF_ERROR(file.Read(kSegmentHeaderBytes, kGroupHeaderBytes, &bytes));
  return GroupBytesAt(bytes) > 0 && GenerationAt(bytes) == named;
}

}  // namespace

std::string SegmentName(uint64_t generation) {
  return absl::StrFormat("segment-%016x", generation);
}

absl::StatusOr<Recovered> Recover(FileSystem* fs, const std::string& folder) {
  Recovered recovered;
  TWIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs->List(folder));
  std::vector<std::string> segment_names;
  for (const std::string& name : names) {
    if (absl::StartsWith(name, "segment-")) segment_names.push_back(name);
    if (absl::StartsWith(name, "spare-")) recovered.spares.push_back(JoinPath(folder, name));
  }
  for (size_t i = 0; i < segment_names.size(); ++i) {
    const bool last = i + 1 == segment_names.size();
    auto segment = std::make_shared<Segment>();
    segment->path = JoinPath(folder, segment_names[i]);
    TWIN_ASSIGN_OR_RETURN(segment->file, fs->OpenToWrite(segment->path));
    std::string bytes;
    TWIN_RETURN_IF_ERROR(segment->file->Read(0, kSegmentHeaderBytes, &bytes));
    const absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(bytes);
    if (absl::IsFailedPrecondition(header.status())) return header.status();
    if (!header.ok() || SegmentName(header->generation) != segment_names[i]) {
      // A file takes its name before its header is written: an unfinished last one holds nothing.
      TWIN_ASSIGN_OR_RETURN(const bool is_begun, HoldsGroups(*segment->file, segment_names[i]));
      TWIN_ASSIGN_OR_RETURN(const uint64_t size, segment->file->Size());
      if (!last || is_begun || size < kSegmentBytesMin) {
        return Damage(segment->path, 0, "its header is wrong");
      }
      recovered.spares.push_back(segment->path);
      break;
    }
    segment->header = *header;
    TWIN_ASSIGN_OR_RETURN(const uint64_t size, segment->file->Size());
    if (size < header->file_bytes) {
      return Damage(segment->path, size,
                    absl::StrCat("the file is cut short: it had ", header->file_bytes, " bytes"));
    }
    if (!recovered.segments.empty()) {
      Segment* const before = recovered.segments.back().get();
      if (header->generation != before->header.generation + 1) {
        return Damage(segment->path, 0,
                      absl::StrCat("the segment before it, ", SegmentName(header->generation - 1),
                                   ", is missing"));
      }
      before->end_group = header->first_group;
      before->end = header->first_sequence;
    }
    recovered.segments.push_back(std::move(segment));
  }
  if (!recovered.segments.empty()) {
    TWIN_RETURN_IF_ERROR(ScanLast(recovered.segments.back().get(), &recovered.torn_bytes));
  }
  return recovered;
}

}  // namespace twin::journal
