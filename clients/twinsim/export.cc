#include "clients/twinsim/export.h"

#include "absl/strings/str_cat.h"
#include "clients/twinsim/json_line.h"

namespace twin::twinsim {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;

class Exporter {
 public:
  Exporter(const Fleet& fleet, int64_t first, WriteBytes write, GoOn go_on)
      : fleet_(fleet), first_(first), write_(write), go_on_(go_on) {
    buffer_.reserve(kPieceBytes + kPieceBytes / 4);
  }

  absl::StatusOr<ExportCounts> Export(absl::Span<const std::string> models) {
    AppendSection("Header");
    buffer_.append(R"({"fileVersion":"1.0.0","author":"twinsim","organization":"Twingraph"})"
                   "\n");
    if (!models.empty()) AppendSection("Models");
    for (const std::string& model : models) absl::StrAppend(&buffer_, model, "\n");
    AppendSection("Twins");
    if (absl::Status status = AppendTwins(); !status.ok()) return status;
    AppendSection("Relationships");
    if (absl::Status status = AppendRelationships(); !status.ok()) return status;
    if (absl::Status status = Flush(); !status.ok()) return status;
    return counts_;
  }

 private:
  void AppendSection(absl::string_view name) {
    absl::StrAppend(&buffer_, R"({"Section":")", name, "\"}\n");
  }

  absl::Status AppendTwins() {
    for (int64_t number = first_; number <= fleet_.vehicles(); ++number) {
      fleet_.VisitTwins(number, [this](const Twin& twin) {
        AppendTwinLine(twin, &buffer_);
        ++counts_.twins;
      });
      if (absl::Status status = EndVehicle(number - first_ + 1); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status AppendRelationships() {
    for (int64_t number = first_; number <= fleet_.vehicles(); ++number) {
      fleet_.VisitRelationships(number, [this](const Relationship& relationship) {
        AppendRelationshipLine(relationship, &buffer_);
        ++counts_.relationships;
      });
      if (absl::Status status = EndVehicle(vehicles() + number - first_ + 1); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status EndVehicle(int64_t visits) {
    if (buffer_.size() >= kPieceBytes) {
      if (absl::Status status = Flush(); !status.ok()) return status;
    }
    const double share = static_cast<double>(visits) / static_cast<double>(2 * vehicles());
    return go_on_(share) ? absl::OkStatus() : absl::CancelledError("interrupted");
  }

  int64_t vehicles() const { return fleet_.vehicles() - first_ + 1; }

  absl::Status Flush() {
    absl::Status status = write_(buffer_);
    buffer_.clear();
    return status;
  }

  const Fleet& fleet_;
  const int64_t first_;
  const WriteBytes write_;
  const GoOn go_on_;
  ExportCounts counts_;
  std::string buffer_;
};

}  // namespace

absl::StatusOr<ExportCounts> ExportFleet(const Fleet& fleet, absl::Span<const std::string> models,
                                         WriteBytes write, GoOn go_on, int64_t first) {
  return Exporter(fleet, first, write, go_on).Export(models);
}

}  // namespace twin::twinsim
