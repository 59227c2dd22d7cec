// Operations against the state that they find: the rules of models, ids, etags and limits. An
// operation that conforms becomes changes of the PendingState; one that does not leaves some, which
// the caller takes back with the unit.
#ifndef TWIN_SERVER_INGEST_CHECKER_H_
#define TWIN_SERVER_INGEST_CHECKER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/ingest/check_value.h"
#include "server/ingest/contents_columns.h"
#include "server/ingest/limits.h"
#include "server/ingest/operation.h"
#include "server/ingest/path_columns.h"
#include "server/ingest/pending.h"
#include "server/ingest/rows_change.h"

namespace twin::ingest {

// The writer thread's.
class Checker {
 public:
  Checker(const Limits& limits, PendingState* pending) : limits_(limits), pending_(*pending) {}

  // In the order of the unit: Begin, Check for each operation, End. After an error: RollBack.
  // `alone`: the unit is of one operation.
  void BeginUnit(Time time, bool alone = false);
  // Codes: INVALID_ARGUMENT (the request is wrong in itself or against the model), NOT_FOUND,
  // ALREADY_EXISTS, ABORTED (etag), FAILED_PRECONDITION (the state forbids it),
  // RESOURCE_EXHAUSTED (a limit, named). Operations on models are CheckModels' matter.
  absl::Status Check(const Operation& operation, OperationResult* result);
  absl::Status Check(const PatchColumns& patches, size_t row, OperationResult* result);
  // A hint: these are checked next, in this order. So what they ask for is on its way from memory
  // meanwhile. What was given before is forgotten: each batch begins with it.
  void LookAhead(absl::Span<const Operation> operations);
  void LookAhead(const PatchColumns& patches, size_t row);  // from that row on
  static constexpr size_t kLookAhead = 32;                  // as many as are worth it
  // All of them as one unit, which nothing else is in, at a fraction of the cost; results of each.
  // False: nothing has changed, and each is for Check to do, or to refuse.
  bool CheckAll(const PatchColumns& patches, std::vector<OperationResult>* results);
  // What can only be said of the state after all operations: multiplicity, Required.
  absl::Status EndUnit();

  // A whole batch of operations on models, while nothing is pending.
  absl::Status CheckModels(const Operation& operation, OperationResult* result);

 private:
  // What LookAhead found out about an operation. A patch with columns gives each of them another
  // value, and does nothing else.
  struct Ahead {
    static constexpr size_t kColumnsMax = PatchColumns::kColumnsMax;
    const void* of = nullptr;   // an Operation, or PatchColumns
    size_t row = 0;             // of those
    TwinNumber twin = kNoTwin;  // a guess
    graph::TwinPlace place;
    size_t columns_count = 0;
    ColumnId columns[kColumnsMax];
  };
  struct Wanted {
    size_t hash;             // of an id
    Ahead* ahead;            // of a patch of a twin
    bool is_source = false;  // of a relationship
  };
  // Fetches what the ids lead to, and then calls `found` for each Ahead whose twin was guessed.
  template <typename Found>
  void FetchTwins(absl::Span<const Wanted> wanted, Found found);
  void FindColumns(const PatchTwin& patch, Ahead* ahead);
  void FindColumns(const PatchColumns& patches, const graph::TableSchema& table, Ahead* ahead);
  const Ahead* TakeAhead(const void* of, size_t row);  // nullptr: nothing is known
  // Does what most patches ask for: columns are as in `ahead`, and value(i) is that of the i-th.
  // False: it is for Patch to do, or to refuse.
  template <typename ValueAt>
  bool SetInPlace(const Ahead& ahead, absl::string_view id, ValueAt value, OperationResult* result);
  bool PatchInPlace(const Ahead& ahead, const PatchTwin& patch, OperationResult* result);
  // CheckAll's steps (check_patches.cc), which fill rows_. False: as CheckAll.
  bool FindRows(const PatchColumns& patches);
  bool FindRowsColumns(const PatchColumns& patches);
  bool CheckRowsValues(const PatchColumns& patches, size_t column);
  void ReadRowsValues(size_t column);

  absl::Status Put(const PutTwin& put, OperationResult* result);
  absl::Status Patch(const PatchTwin& patch, OperationResult* result);
  absl::Status Delete(const DeleteTwin& request, OperationResult* result);
  absl::Status DeleteTreeOf(const DeleteTree& request, OperationResult* result);
  absl::Status Put(const PutRelationship& put, OperationResult* result);
  absl::Status Patch(const PatchRelationship& patch, OperationResult* result);
  absl::Status Delete(const DeleteRelationship& request, OperationResult* result);

  absl::StatusOr<TwinNumber> TwinOf(const std::string& id) const;
  absl::StatusOr<RelationshipNumber> RelationshipOf(TwinNumber source, const std::string& source_id,
                                                    const std::string& id) const;
  absl::StatusOr<const graph::TableSchema*> ModelForTwins(const std::string& model_id,
                                                          bool is_new) const;
  absl::Status CheckRoomForStrings() const;
  // For one more, and for its strings.
  absl::Status CheckRoomForRelationship(TwinNumber source, TwinNumber target) const;
  absl::Status CheckCondition(const Condition& condition, Sequence version,
                              absl::string_view what) const;
  // The source time of a change of what was last changed at `last`: the given one, or now.
  absl::StatusOr<Time> SourceTimeOf(const std::optional<Time>& given, Time last) const;
  absl::Status CheckSkew(Time source, absl::string_view what) const;
  absl::Status CheckRoomForPast() const;
  absl::Status SetTwinValue(TwinNumber twin, ColumnId column, Value value,
                            const std::optional<Time>& source_time);
  // Values of a twin that is made with them. The source time is checked.
  absl::Status SetFirstValues(TwinNumber twin, absl::Span<ColumnValue> values, Time source_time);
  absl::Status ClearTwinValue(TwinNumber twin, ColumnId column,
                              const std::optional<Time>& source_time);
  // With its values and relationships, as far as the model has them too.
  absl::Status MoveTwin(TwinNumber twin, const graph::TableSchema& to,
                        const std::optional<Time>& source_time);
  absl::Status MoveByPatch(const PatchTwin& patch, TwinNumber twin);
  absl::Status MoveRelationship(RelationshipNumber relationship, const graph::TableSchema& to,
                                Time at);
  absl::Status Apply(const Edit& edit, size_t step, const std::string& component, TwinNumber twin,
                     const std::optional<Time>& source_time);
  absl::Status ApplyAnywhere(const Edit& edit, const std::string& component, TwinNumber twin,
                             const std::optional<Time>& source_time);
  absl::Status ApplyInDocument(const Edit& edit, const graph::TableSchema& table, ColumnId column,
                               absl::Span<const std::string> inside, TwinNumber twin,
                               const std::optional<Time>& source_time);
  // Whether EndUnit would find nothing wrong with a twin that has these values.
  bool IsWholeTwin(const graph::TableSchema& table, absl::Span<const ColumnValue> values);
  // Whether a new relationship with these values lacks none, and has none twice.
  bool IsWhole(const graph::RelationshipType& type, absl::Span<const ColumnValue> values);
  absl::Status CheckRequired(TwinNumber twin) const;
  bool IsObjectAbove(TwinNumber twin, const graph::TableSchema& table,
                     absl::string_view object) const;
  absl::Status CheckRequiredObject(TwinNumber twin, const graph::TableSchema& table,
                                   const graph::ColumnSchema& object) const;
  // The Object that what is at `path` was removed from stays, if it was the last of it.
  absl::Status KeepObjectAround(TwinNumber twin, const graph::TableSchema& table,
                                absl::string_view path, const std::optional<Time>& source_time);
  absl::Status TestGroup(const Edit& edit, absl::string_view pointer,
                         const graph::TableSchema& table, const std::string& path,
                         TwinNumber twin) const;
  absl::Status CheckSize(TwinNumber twin) const;
  absl::Status DeleteWithRelationships(TwinNumber twin, const std::optional<Time>& source_time,
                                       OperationResult* result);
  bool AnyBelow(TwinNumber twin, const graph::TableSchema& table, const std::string& prefix) const;

  const Limits& limits_;
  PendingState& pending_;
  PathColumns paths_;
  ContentsColumns contents_;
  Ahead ahead_[kLookAhead];
  size_t ahead_count_ = 0;
  size_t ahead_next_ = 0;
  RowsChange rows_;  // of CheckAll
  std::vector<graph::TwinPlace> places_;
  std::vector<uint32_t> row_numbers_;
  std::vector<ColumnValue> values_;  // of SetInPlace, or of a Put
  std::vector<bool> given_;          // of IsWholeTwin and IsWhole, by column
  Time time_;
  bool is_alone_ = false;
  // Of the unit: what EndUnit looks at.
  std::vector<std::pair<TwinNumber, RelationshipTypeId>> counted_;
  std::vector<TwinNumber> written_;  // whose models require something
  std::vector<TwinNumber> large_;    // that got a string or a document
};

}  // namespace twin::ingest

#endif  // TWIN_SERVER_INGEST_CHECKER_H_
