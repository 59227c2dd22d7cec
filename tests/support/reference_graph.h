// A graph and its history in plain maps: what GraphReader and SeriesReader have to answer, written
// as simply as possible. Tests build it, read it, and compare.
#ifndef TWIN_TESTS_SUPPORT_REFERENCE_GRAPH_H_
#define TWIN_TESTS_SUPPORT_REFERENCE_GRAPH_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "models/dtdl/model.h"
#include "query/bind/catalog.h"
#include "query/execute/readers.h"
#include "server/base/ids.h"
#include "server/base/time.h"
#include "server/base/value.h"
#include "server/ingest/operation.h"

namespace twin::testing {

// Everything that ever was, by source time. Nothing is checked but what a test is likely to get
// wrong. Readers must not outlive it, and see what it was when they were made.
class ReferenceGraph {
 public:
  // Source time of what is changed without one of its own, and server time of everything.
  void set_now(Time now) { now_ = now; }
  Time now() const { return now_; }
  // AS OF before this is OUT_OF_RANGE.
  void set_history_begin(Time begin) { history_begin_ = begin; }

  // CreateModels, PutTwin, PatchTwin (kSet and kRemove), DeleteTwin, PutRelationship (a new one),
  // PatchRelationship (kSet), DeleteRelationship. One more than the sequence before, as a batch of
  // its own.
  absl::Status Apply(const ingest::Operation& operation);
  // A sample of Telemetry or of a Historized property; null: recorded as missing or invalid.
  absl::Status AddSample(const std::string& twin, const std::string& path, Time time,
                         const Value& value);

  const std::shared_ptr<const query::Catalog>& catalog() const { return catalog_; }
  std::unique_ptr<query::GraphReader> NewReader() const;
  std::unique_ptr<query::SeriesReader> NewSeriesReader() const;
  TwinNumber Find(absl::string_view id) const;  // kNoTwin: none now

  // --- What is kept: for the readers ---
  struct Change {
    Value value;  // null: cleared; of telemetry: missing or invalid
    Time arrival;
  };
  using History = std::map<int64_t, Change>;  // by source time
  struct Life {
    Time begin;
    std::optional<Time> end;
    // Now, where `at` is nothing; else at that time.
    bool At(const std::optional<Time>& at) const {
      if (!at.has_value()) return !end.has_value();
      return begin <= *at && (!end.has_value() || *at < *end);
    }
  };
  struct Twin {
    std::string id;
    std::string model;
    Life life;
    uint64_t version = 0;
    Time update_time;
    std::map<std::string, History> values;  // by path
  };
  struct Relationship {
    std::string id;
    std::string name;
    uint32_t source = 0;
    uint32_t target = 0;
    Life life;
    uint64_t version = 0;
    std::map<std::string, History> values;
  };
  struct Data {
    std::vector<Twin> twins;                  // by TwinNumber
    std::vector<Relationship> relationships;  // by RelationshipNumber
    uint64_t sequence = 0;
    std::shared_ptr<const query::Catalog> catalog;
    Time history_begin{INT64_MIN};
  };

 private:
  absl::Status Do(const ingest::CreateModels& create);
  absl::Status Do(const ingest::PutTwin& put);
  absl::Status Do(const ingest::PatchTwin& patch);
  absl::Status Do(const ingest::DeleteTwin& request);
  absl::Status Do(const ingest::PutRelationship& put);
  absl::Status Do(const ingest::PatchRelationship& patch);
  absl::Status Do(const ingest::DeleteRelationship& request);
  absl::Status Do(const ingest::DeleteTree&) { return absl::UnimplementedError("DeleteTree"); }
  absl::Status Do(const ingest::DecommissionModel&) {
    return absl::UnimplementedError("DecommissionModel");
  }
  absl::Status Do(const ingest::DeleteModel&) { return absl::UnimplementedError("DeleteModel"); }
  const query::Model* ModelOf(absl::string_view id) const;
  Relationship* FindRelationship(const std::string& source, const std::string& id);
  absl::Status SetRelationship(const ValueMap& contents, Time time,
                               Relationship* relationship) const;

  Data data_;
  Time now_;
  Time history_begin_{INT64_MIN};
  std::vector<std::string> texts_;
  std::shared_ptr<const query::Catalog> catalog_ = query::Catalog::OfModels(nullptr);
};

// Readers of a copy of the data. `at`: AS OF.
std::unique_ptr<query::GraphReader> NewReferenceReader(
    std::shared_ptr<const ReferenceGraph::Data> data, std::optional<Time> at);
std::unique_ptr<query::SeriesReader> NewReferenceSeries(
    std::shared_ptr<const ReferenceGraph::Data> data);

}  // namespace twin::testing

#endif  // TWIN_TESTS_SUPPORT_REFERENCE_GRAPH_H_
