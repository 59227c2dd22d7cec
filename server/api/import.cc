#include "server/api/import.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/api/blocking_stream.h"
#include "server/api/convert.h"
#include "server/api/import_line.h"
#include "server/api/json.h"
#include "server/base/status_macros.h"

namespace twin::api {
namespace {

constexpr int kBatchDefault = 10'000;
// A batch's record may be that many times as long as the batch's lines, old values included.
constexpr int64_t kRecordOfLines = 8;
constexpr uint64_t kErrorsMax = 10'000;  // that are listed; the rest is counted
constexpr size_t kErrorsPerMessage = 500;
constexpr uint64_t kReorderMin = 10'000;  // an import of fewer twins moves no rows
constexpr int kBatchesInFlight = 3;

enum class Section { kNone, kHeader, kModels, kTwins, kRelationships };

// Null: the line begins none. Twins, relationships and models may have a property of that name.
const Value* SectionOf(const Value& line) {
  for (const absl::string_view id : {"$dtId", "$relationshipId", "@id"}) {
    if (line.Find(id) != nullptr) return nullptr;
  }
  return line.Find("Section");
}

class Import final : public BlockingBidi<pb::ImportRequest, pb::ImportProgress> {
 public:
  Import(const Services& services, grpc::CallbackServerContext* context)
      : BlockingBidi(services, context), services_(services) {
    Start(services);
  }

 protected:
  absl::Status Run() override {
    absl::Status status = ReadFile();
    const bool is_heard = !idle() && !cancelled();
    // What stands before a line that ends the import is imported; it may be wrong earlier.
    if (is_heard && stopped_.ok()) status.Update(status.ok() ? FlushAll() : FlushBatch());
    WaitForBatches(0);
    if (is_heard && !stopped_.ok()) status = stopped_;
    if (status.ok()) status = Decommission();
    if (status.ok() && !options_.dry_run() && progress_.twins() >= kReorderMin) {
      // In whatever order twins came: the cells of a pack become neighbours.
      status = services_.engine->Compact().status();
    }
    if (status.ok()) progress_.set_done(true);
    if (is_heard) Report();
    return status;
  }

 private:
  struct Pending {
    std::vector<uint64_t> lines;
    bool of_twins = false;
  };

  absl::Status ReadFile() {
    pb::ImportRequest request;
    std::string rest;
    while (stopped_.ok() && Read(&request)) {
      if (request.has_options()) {
        options_ = request.options();
        TWIN_ASSIGN_OR_RETURN(
            batch_operations_,
            CountOf("batch_operations", options_.batch_operations(), kBatchDefault, kBatchDefault));
        continue;
      }
      progress_.set_bytes(progress_.bytes() + request.data().size());
      absl::string_view data = request.data();
      if (in_long_line_) {
        const size_t end = data.find('\n');
        if (end == absl::string_view::npos) continue;
        data.remove_prefix(end + 1);
        in_long_line_ = false;
      }
      for (size_t end = data.find('\n'); end != absl::string_view::npos; end = data.find('\n')) {
        const absl::string_view part = data.substr(0, end);
        if (rest.empty()) {
          TWIN_RETURN_IF_ERROR(Line(part));
        } else {
          rest.append(part.data(), part.size());
          TWIN_RETURN_IF_ERROR(Line(rest));
          rest.clear();
        }
        data.remove_prefix(end + 1);
        if (!stopped_.ok()) return stopped_;
      }
      rest.append(data.data(), data.size());
      if (IsTooLong(rest)) {
        rest.clear();
        in_long_line_ = true;  // the rest of which is skipped
        TWIN_RETURN_IF_ERROR(LongLine());
      }
      Report();
    }
    if (idle()) return IdleError(services_);
    if (cancelled()) return absl::CancelledError("the client is gone");
    if (!rest.empty()) TWIN_RETURN_IF_ERROR(Line(rest));
    if (section_ != Section::kNone || !stopped_.ok()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "the file is empty; an import file begins with {\"Section\":\"Header\"}");
  }

  absl::Status ReadHeader(const Value& header) {
    TWIN_RETURN_IF_ERROR(CheckVersion(header));
    const Value* ids = header.Find("decommissionedModels");
    if (ids == nullptr) return absl::OkStatus();
    const auto wrong = [&] {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_, ": decommissionedModels: expected an array of ids, got ",
                       ids->DebugString(60)));
    };
    if (ids->kind() != Value::Kind::kArray) return wrong();
    for (const Value& id : ids->as_array()) {
      if (id.kind() != Value::Kind::kString) return wrong();
      decommissioned_.push_back(id.as_string());
    }
    decommissioned_line_ = line_;
    return absl::OkStatus();
  }

  // Models that take no new twins have taken those of the file by now.
  absl::Status Decommission() {
    if (options_.dry_run()) return absl::OkStatus();
    for (const std::string& id : decommissioned_) {
      const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
      const graph::TableSchema* table = view->catalog().FindTable(id);
      if (table != nullptr && table->decommissioned) continue;
      ingest::WriteBatch batch;
      batch.operations.emplace_back(ingest::DecommissionModel{id, true});
      const ingest::WriteResult result = services_.engine->Write(std::move(batch));
      if (!result.status.ok()) {
        TWIN_RETURN_IF_ERROR(Error(decommissioned_line_, result.status));
      } else {
        FillPosition(result.sequence, progress_.mutable_position());
      }
    }
    return absl::OkStatus();
  }

  // What a later version of the form says cannot be guessed.
  absl::Status CheckVersion(const Value& header) const {
    const Value* version = header.Find("fileVersion");
    if (version == nullptr) return absl::OkStatus();
    const bool is_known =
        version->kind() == Value::Kind::kString && absl::StartsWith(version->as_string(), "1.");
    if (is_known) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": fileVersion: it is ",
                                                   version->DebugString(60),
                                                   "; this version reads \"1.0.0\" and \"1.1.0\""));
  }

  bool IsTooLong(absl::string_view line) const {
    return static_cast<int64_t>(line.size()) > services_.import_line_bytes_max;
  }

  absl::Status LongLine() {
    return Error(++line_, absl::InvalidArgumentError(
                              absl::StrCat("it is longer than import_line_bytes_max (",
                                           services_.import_line_bytes_max, " bytes)")));
  }

  absl::Status Line(absl::string_view text) {
    if (IsTooLong(text)) return LongLine();
    ++line_;
    line_bytes_ = static_cast<int64_t>(text.size());
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.empty()) return absl::OkStatus();
    if (section_ == Section::kTwins && AddPlain<ingest::PutTwin>(text)) return FlushIfFull();
    if (section_ == Section::kRelationships && AddPlain<ingest::PutRelationship>(text)) {
      return FlushIfFull();
    }
    absl::StatusOr<Value> json = ParseJson(text);
    if (!json.ok()) return Error(line_, json.status());
    if (const Value* section = SectionOf(*json)) return BeginSection(*section);
    switch (section_) {
      case Section::kNone:
        return absl::InvalidArgumentError(absl::StrCat(
            "line ", line_, ": no import file: it begins with {\"Section\":\"Header\"}"));
      case Section::kHeader:
        return ReadHeader(*json);
      case Section::kModels:
        models_.emplace_back(line_, text);
        models_bytes_ += static_cast<int64_t>(text.size() + sizeof(std::string));
        if (models_bytes_ > services_.import_models_bytes_max) {
          return absl::ResourceExhaustedError(absl::StrCat(
              "line ", line_, ": the models take more than import_models_bytes_max (",
              services_.import_models_bytes_max, "); create them in several requests before"));
        }
        return absl::OkStatus();
      case Section::kTwins: {
        absl::StatusOr<ingest::PutTwin> put = TwinFromJson(*std::move(json));
        if (!put.ok()) return Error(line_, put.status());
        return Add(*std::move(put));
      }
      case Section::kRelationships: {
        absl::StatusOr<ingest::PutRelationship> put = RelationshipFromJson(*std::move(json));
        if (!put.ok()) return Error(line_, put.status());
        return Add(*std::move(put));
      }
    }
    return absl::OkStatus();
  }

  absl::Status BeginSection(const Value& name) {
    TWIN_RETURN_IF_ERROR(FlushAll());
    const std::string text = name.kind() == Value::Kind::kString ? name.as_string() : "";
    if (text == "Header") {
      section_ = Section::kHeader;
    } else if (text == "Models") {
      section_ = Section::kModels;
    } else if (text == "Twins") {
      section_ = Section::kTwins;
    } else if (text == "Relationships") {
      section_ = Section::kRelationships;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_, ": no section ", name.DebugString(),
                       "; there are Header, Models, Twins, Relationships"));
    }
    return absl::OkStatus();
  }

  // Whether the line is one.
  template <typename Put>
  bool AddPlain(absl::string_view text) {
    if (batch_.operations.empty()) {
      batch_.operations.reserve(static_cast<size_t>(batch_operations_));
    }
    Put& put = std::get<Put>(batch_.operations.emplace_back(std::in_place_type<Put>));
    put.contents.reserve(contents_before_);
    if (!ReadPlainLine(text, &put)) {
      batch_.operations.pop_back();
      return false;
    }
    contents_before_ = put.contents.size();
    Added(&put);
    return true;
  }

  template <typename Put>
  absl::Status Add(Put put) {
    Added(&std::get<Put>(batch_.operations.emplace_back(std::move(put))));
    return FlushIfFull();
  }

  template <typename Put>
  void Added(Put* put) {
    if (options_.has_source_time_unix_nano()) {
      put->source_time = Time{options_.source_time_unix_nano()};
    }
    lines_.push_back(line_);
    lines_bytes_ += line_bytes_;
  }

  absl::Status FlushIfFull() {
    const bool is_full =
        static_cast<int>(lines_.size()) >= batch_operations_ ||
        lines_bytes_ >= services_.engine->limits().batch_bytes_max / kRecordOfLines;
    return is_full ? FlushBatch() : absl::OkStatus();
  }

  absl::Status FlushAll() {
    TWIN_RETURN_IF_ERROR(FlushModels());
    return FlushBatch();
  }

  // Models that are there already, with the same text, are none of the import's matter.
  absl::Status FlushModels() {
    if (models_.empty()) return absl::OkStatus();
    ingest::CreateModels create;
    const std::shared_ptr<const graph::GraphView> view = services_.engine->Pin();
    std::vector<uint64_t> lines;
    for (auto& [line, text] : models_) {
      const absl::StatusOr<Value> json = ParseJson(text);
      const Value* member = json.ok() ? json->Find("@id") : nullptr;
      const bool has_id = member != nullptr && member->kind() == Value::Kind::kString;
      if (has_id) {
        const graph::TableSchema* table = view->catalog().FindTable(member->as_string());
        if (table != nullptr) {
          const absl::StatusOr<Value> before =
              ParseJson(view->catalog().states()[table->id.value].text);
          if (before.ok() && *before == *json) continue;
        }
      }
      lines.push_back(line);
      create.texts.push_back(std::move(text));
    }
    const uint64_t count = models_.size();
    models_.clear();
    models_bytes_ = 0;
    if (!create.texts.empty()) {
      ingest::WriteBatch batch;
      batch.operations.emplace_back(std::move(create));
      const ingest::WriteResult result =
          options_.dry_run() ? Check(batch) : services_.engine->Write(std::move(batch));
      if (!result.status.ok()) return RefusedModels(lines, result.status);
      FillPosition(result.sequence, progress_.mutable_position());
    }
    progress_.set_models(progress_.models() + count);
    return absl::OkStatus();
  }

  // They are created together, and one of them is wrong.
  absl::Status RefusedModels(absl::Span<const uint64_t> lines, const absl::Status& status) {
    if (lines.size() == 1) return Error(lines[0], status);
    return Error(
        lines.front(),
        absl::Status(status.code(), absl::StrCat(status.message(), " (a model of lines ",
                                                 lines.front(), " to ", lines.back(), ")")));
  }

  absl::Status FlushBatch() {
    if (batch_.operations.empty()) return absl::OkStatus();
    WaitForBatches(kBatchesInFlight - 1);
    if (!stopped_.ok()) return stopped_;
    auto pending = std::make_shared<Pending>();
    pending->lines = std::exchange(lines_, {});
    lines_bytes_ = 0;
    pending->of_twins = section_ == Section::kTwins ||
                        std::holds_alternative<ingest::PutTwin>(batch_.operations.front());
    ingest::WriteBatch batch = std::exchange(batch_, {});
    batch.atomic = false;
    if (options_.dry_run()) {
      CountBatch(*pending, Check(batch));
      return stopped_;
    }
    {
      const MutexLock lock(&done_mutex_);
      ++in_flight_;
    }
    services_.engine->Write(std::move(batch), [this, pending](ingest::WriteResult result) {
      const MutexLock lock(&done_mutex_);
      --in_flight_;
      done_.emplace_back(pending, std::move(result));
      done_changed_.Signal();
    });
    return absl::OkStatus();
  }

  // What the engine would answer, had it done all that came before.
  ingest::WriteResult Check(const ingest::WriteBatch& batch) {
    if (snapshot_ == nullptr) snapshot_ = services_.engine->Hold(engine::SnapshotUse::kExport);
    ingest::WriteResult result;
    const absl::StatusOr<std::shared_ptr<const graph::GraphView>> view = snapshot_->Get();
    if (!view.ok()) {
      result.status = view.status();
      return result;
    }
    if (dry_run_ == nullptr) dry_run_ = services_.engine->BeginDryRun(**view);
    result = dry_run_->Check(batch);
    result.sequence = (*view)->sequence();
    return result;
  }

  // Until at most `left` are in flight; what is done is counted.
  void WaitForBatches(int left) {
    while (true) {
      std::vector<std::pair<std::shared_ptr<Pending>, ingest::WriteResult>> done;
      bool enough = false;
      {
        const MutexLock lock(&done_mutex_);
        while (done_.empty() && in_flight_ > left) done_changed_.Wait(&done_mutex_);
        done.swap(done_);
        enough = in_flight_ <= left;
      }
      for (const auto& [pending, result] : done) CountBatch(*pending, result);
      if (enough) return;
    }
  }

  void CountBatch(const Pending& pending, const ingest::WriteResult& result) {
    if (!result.status.ok()) {
      if (stopped_.ok()) stopped_ = result.status;
      return;
    }
    uint64_t written = 0;
    for (size_t i = 0; i < result.results.size(); ++i) {
      if (result.results[i].status.ok()) {
        ++written;
      } else if (const absl::Status status = Error(pending.lines[i], result.results[i].status);
                 !status.ok() && stopped_.ok()) {
        stopped_ = status;
      }
    }
    if (pending.of_twins) {
      progress_.set_twins(progress_.twins() + written);
    } else {
      progress_.set_relationships(progress_.relationships() + written);
    }
    FillPosition(result.sequence, progress_.mutable_position());
  }

  // Notes an error; not OK where it ends the import.
  absl::Status Error(uint64_t line, const absl::Status& status) {
    progress_.set_errors(progress_.errors() + 1);
    if (!options_.continue_on_error()) {
      return absl::Status(status.code(), absl::StrCat("line ", line, ": ", status.message()));
    }
    if (errors_listed_ < kErrorsMax) {
      ++errors_listed_;
      errors_.emplace_back(line, std::string(status.message()));
    }
    return absl::OkStatus();
  }

  void Report() {
    size_t next = 0;
    do {
      progress_.clear_new_errors();
      for (size_t i = 0; i < kErrorsPerMessage && next < errors_.size(); ++i, ++next) {
        pb::ImportProgress::Error* error = progress_.add_new_errors();
        error->set_line(errors_[next].first);
        error->set_message(errors_[next].second);
      }
      (void)Write(progress_);
    } while (next < errors_.size());
    errors_.clear();
  }

  const Services& services_;
  pb::ImportOptions options_;
  int batch_operations_ = kBatchDefault;
  Section section_ = Section::kNone;
  uint64_t line_ = 0;
  int64_t line_bytes_ = 0;
  std::vector<std::string> decommissioned_;
  uint64_t decommissioned_line_ = 0;
  bool in_long_line_ = false;
  std::vector<std::pair<uint64_t, std::string>> models_;  // line and text
  int64_t models_bytes_ = 0;
  ingest::WriteBatch batch_;
  std::vector<uint64_t> lines_;  // of batch_
  int64_t lines_bytes_ = 0;
  size_t contents_before_ = 0;                            // of the line before
  std::vector<std::pair<uint64_t, std::string>> errors_;  // not yet reported
  uint64_t errors_listed_ = 0;
  pb::ImportProgress progress_;
  absl::Status stopped_;
  std::shared_ptr<engine::HeldSnapshot> snapshot_;  // of a dry run
  std::unique_ptr<ingest::DryRun> dry_run_;

  Mutex done_mutex_;
  CondVar done_changed_;
  int in_flight_ ABSL_GUARDED_BY(done_mutex_) = 0;
  std::vector<std::pair<std::shared_ptr<Pending>, ingest::WriteResult>> done_
      ABSL_GUARDED_BY(done_mutex_);
};

}  // namespace

grpc::ServerBidiReactor<pb::ImportRequest, pb::ImportProgress>* NewImport(
    const Services& services, grpc::CallbackServerContext* context) {
  return new Import(services, context);
}

}  // namespace twin::api
